/**
 * What `npm pack` would publish, unpacked into a folder of its own: every door is imported and required, sends a message through
 * the embedded broker, and its declarations hold in a strict program. `npm run check` builds first and then runs this.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import ts from "typescript";

const DOORS = ["leptonmq", "leptonmq/rxjs", "leptonmq/broker", "leptonmq/testing", "leptonmq/store"];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
let folder = "";
let installed = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "leptonmq-package-"));
  const tarball = execFileSync("npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder], { cwd: root, encoding: "utf8" }).trim();
  execFileSync("tar", ["-xzf", join(folder, tarball.split("\n").at(-1) ?? ""), "-C", folder]);
  mkdirSync(join(folder, "node_modules"));
  writeFileSync(join(folder, "package.json"), '{ "private": true }'); // no folder above has a say
  installed = join(folder, "node_modules", "leptonmq");
  symlinkSync(join(folder, "package"), installed);
  for (const name of new Set([...dependenciesOf(root), "rxjs", "@types/node", "undici-types"])) {
    mkdirSync(dirname(join(folder, "node_modules", name)), { recursive: true });
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the package in a folder depends on, and what that depends on. */
function dependenciesOf(place: string): string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies).flatMap((name) => [name, ...dependenciesOf(join(root, "node_modules", name))]);
}

/** Runs a program in the folder that has the package installed, and gives what it printed. */
function run(name: string, program: string): string {
  const path = join(folder, name);
  writeFileSync(path, program);
  return execFileSync(process.execPath, ["--preserve-symlinks", path], { cwd: folder, encoding: "utf8", timeout: 20_000 });
}

function filesUnder(path: string, ending: RegExp): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" }).filter((name) => ending.test(name)).map((name) => join(path, name));
}

const load = {
  "import.mjs": (doors: string[]) => doors.map((door, i) => `import * as m${i} from "${door}";`).join("\n"),
  "require.cjs": (doors: string[]) => doors.map((door, i) => `const m${i} = require("${door}");`).join("\n"),
};

const talk = `
(async () => {
  const broker = await m1.Broker.start();
  const connection = await m0.connect(broker.url);
  const receiver = await connection.createReceiver("q");
  const sender = await connection.createSender("q");
  await sender.send({ body: { a: [1, "two"] }, id: "first" });
  const delivery = await receiver.receive({ timeout: 5000 });
  await delivery.accept();
  broker.put("other", { body: 1 });
  let error;
  try { connection.createSender("q", { guarantee: "twice" }); } catch (thrown) { error = thrown; }
  console.log(delivery.message.id, JSON.stringify(delivery.message.body), broker.peek("other")[0] instanceof m0.Message, error instanceof m0.ConfigError);
  await connection.close();
  await broker.close();
})().catch((error) => { console.error(error); process.exit(1); });`;

describe("the package", () => {
  test("holds what is needed and nothing else", () => {
    const names = readdirSync(join(folder, "package")).sort();
    expect(names.filter((name) => !["CHANGELOG.md", "README.md"].includes(name))).toEqual(["LICENSE", "dist", "package.json"]);
    expect(filesUnder(join(installed, "dist"), /^(?!.*\.(js|cjs|d\.ts|d\.cts)$).*\./)).toEqual([]);
    expect(existsSync(join(installed, "dist", "demo.js"))).toBe(false);
  });

  test("has every file that its exports name", () => {
    const { exports } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as { exports: unknown };
    const paths = JSON.stringify(exports).match(/"\.\/[^"]+\.[^"]+"/g) ?? [];
    const missing = paths.map((path) => path.slice(1, -1)).filter((path) => !existsSync(join(installed, path)));
    expect(paths.length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });

  test.each(Object.entries(load))("gives the same names by %s", (name, head) => {
    const source = `${head(DOORS)}\nconsole.log(JSON.stringify([${DOORS.map((_, i) => `Object.keys(m${i}).filter((name) => name !== "default").sort()`).join()}]));`;
    const found = JSON.parse(run(name, source)) as string[][];
    expect(found.map((names) => names.length > 0)).toEqual(DOORS.map(() => true));
    expect(found[0]).toEqual(expect.arrayContaining(["AmqpError", "Container", "Message", "connect", "types"]));
    expect(found.slice(1)).toEqual([["accepted", "fromHandler", "messages", "sendTo", "status"], ["Broker"], ["FaultProxy", "ManualClock", "ScriptedPeer", "memoryPair"], ["FileStore", "MemoryStore"]]);
  });

  test.each(Object.entries(load))("sends and receives by %s, with one set of classes behind its doors", (name, head) => {
    expect(run(`talk-${name}`, head(["leptonmq", "leptonmq/broker"]) + talk)).toBe('first {"a":[1,"two"]} true true\n');
  });

  test.each(Object.entries(load))("asks for ws when a WebSocket is, and not before, by %s", (name, head) => {
    const source = `${head(["leptonmq", "leptonmq/broker"])}
      (async () => {
        const tell = (error) => console.log(error.name, error.message);
        delete globalThis.WebSocket; // of Node 22
        try { await m0.connect("ws://127.0.0.1:1"); } catch (error) { tell(error.errors[0]); }
        try { await m1.Broker.start({ webSocket: true }); } catch (error) { tell(error); }
      })();`;
    const without = run(`without-ws-${name}`, source).trim().split("\n");
    expect(without).toEqual([expect.stringMatching(/^ConfigError WebSocket .*: npm install ws$/), expect.stringMatching(/^ConfigError listening for WebSockets .*: npm install ws$/)]);
    const installedWs = join(folder, "node_modules", "ws");
    symlinkSync(join(root, "node_modules", "ws"), installedWs);
    try {
      expect(run(`talk-ws-${name}`, head(["leptonmq", "leptonmq/broker"]) + talk.replace("start()", "start({ webSocket: true })").replace("broker.url", "broker.webSocketUrl")))
        .toBe('first {"a":[1,"two"]} true true\n');
    } finally {
      rmSync(installedWs);
    }
  });

  test("recognises its errors across both formats", () => {
    const source = `import { createRequire } from "node:module";
      import { ConfigError, AmqpError, LinkError } from "leptonmq";
      const other = createRequire(import.meta.url)("leptonmq");
      let error;
      try { await other.connect("http://nowhere"); } catch (e) { error = e; }
      console.log(other.ConfigError === ConfigError, error instanceof ConfigError, error instanceof AmqpError, error instanceof LinkError);`;
    expect(run("both.mjs", source)).toBe("false true true false\n");
  });

  test("knows nothing of its sources", () => {
    const files = filesUnder(join(installed, "dist"), /\.(js|cjs|ts|cts)$/);
    expect(files.filter((path) => /["']#(platform|transport)["']|\.\/src\//.test(readFileSync(path, "utf8")))).toEqual([]);
  });

  test("needs no module of Node in its browser build", () => {
    const files = filesUnder(join(installed, "dist/browser"), /\.(js|cjs)$/);
    const found = files.flatMap((path) => readFileSync(path, "utf8").match(/\b(from|import|require\()\s*["']node:[^"']+["']/g) ?? []);
    expect(files.length).toBeGreaterThan(3);
    expect(found).toEqual([]);
  });

  test("keeps the speed of its CommonJS build: no helpers for what every supported Node knows", () => {
    const files = filesUnder(join(installed, "dist"), /\.cjs$/);
    expect(files.filter((path) => /_optionalChain|_nullishCoalesce|__publicField/.test(readFileSync(path, "utf8")))).toEqual([]);
  });
});

describe("the declarations", () => {
  test("open with the library that `await using` needs", () => {
    for (const name of ["index.d.ts", "index.d.cts"]) {
      const [first] = readFileSync(join(installed, "dist", name), "utf8").split("\n", 1);
      expect(first).toBe('/// <reference lib="esnext.disposable" preserve="true" />');
    }
  });

  test("say `any` nowhere", () => {
    const found: string[] = [];
    for (const path of filesUnder(join(installed, "dist"), /\.d\.ts$/)) {
      const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
      const visit = (node: ts.Node): void => {
        if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(node.parent.getText(source));
        ts.forEachChild(node, visit);
      };
      visit(source);
    }
    expect(found).toEqual([]);
  });

  test.each(["program.mts", "program.cts"])("hold in a strict program that checks libraries, %s", (name) => {
    const path = join(folder, name);
    writeFileSync(path, `
      import { connect, type Connection, type IncomingDelivery } from "leptonmq";
      import { Broker } from "leptonmq/broker";
      import { messages } from "leptonmq/rxjs";
      import { FileStore, type UnsettledStore } from "leptonmq/store";
      import { ScriptedPeer } from "leptonmq/testing";
      export async function run(): Promise<number> {
        await using broker: Broker = await Broker.start();
        const connection: Connection = await connect(broker.url);
        const receiver = await connection.createReceiver<string>("q");
        messages(receiver).subscribe((delivery: IncomingDelivery<string>) => { delivery.message.body.trim(); });
        await ScriptedPeer.start(async () => {});
        await using store: UnsettledStore = new FileStore("unsettled", { fsync: false });
        await store.flush();
        return broker.depth("q");
      }`);
    const program = ts.createProgram([path], {
      strict: true, noEmit: true, skipLibCheck: false, exactOptionalPropertyTypes: true, types: ["node"], typeRoots: [join(root, "node_modules/@types")],
      target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, preserveSymlinks: true,
    });
    const complaints = ts.getPreEmitDiagnostics(program).map((one) => `${one.file?.fileName ?? ""}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`);
    expect(complaints).toEqual([]);
  }, 30_000);
});

/** The browser build in headless Chromium, on a page from loopback, against the embedded broker over WebSocket. */
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { build } from "esbuild";
import type { Metafile } from "esbuild";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import { WebSocketServer } from "ws";
import { Broker } from "../../src/broker.ts";
import { connect, Container } from "../../src/index.ts";
import { ROOT } from "../support/programs.ts";
import { certificates } from "../transport/certificates.ts";
import type { Stories } from "./browser/page.ts";
import { withoutOptions } from "./support/brokers.ts";

const HOST = "127.0.0.1";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

let script = "";
let meta: Metafile;
let server: Server;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
const cleanup: (() => unknown)[] = [];

beforeAll(async () => {
  const path = execFileSync(process.execPath, [join(import.meta.dirname, "browser.mjs")], { encoding: "utf8", env: withoutOptions(), timeout: 500_000 }).trim();
  ({ script, meta } = await bundle(join(import.meta.dirname, "browser/page.ts")));
  server = createServer((request, response) => {
    const [type, text] = request.url === "/page.js" ? ["text/javascript", script] : ["text/html", '<!doctype html><title>leptonmq</title><script type="module" src="/page.js"></script>'];
    response.writeHead(200, { "Content-Type": `${type}; charset=utf-8` }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  browser = await chromium.launch({ executablePath: path, headless: true, args: FLAGS });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`http://${HOST}:${(server.address() as AddressInfo).port}/`);
  await page.waitForFunction(() => "stories" in globalThis);
}, 600_000);

afterAll(async () => {
  await browser?.close();
  server?.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
});

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
  expect(complaints.splice(0)).toEqual([]);
});

/** The sources as a bundler for browsers takes them. */
async function bundle(entry: string): Promise<{ script: string; meta: Metafile }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry], bundle: true, write: false, metafile: true, format: "esm", platform: "browser", target: "es2022", minify: true, logLevel: "silent",
    alias: { leptonmq: join(ROOT, "src/index.ts") },
  });
  return { script: outputFiles[0]?.text ?? "", meta: metafile };
}

/** Runs a story in the page. */
function tell<K extends keyof Stories>(name: K, ...args: Parameters<Stories[K]>): Promise<Awaited<ReturnType<Stories[K]>>> {
  return page.evaluate(([story, given]) => {
    const { stories } = globalThis as unknown as { stories: Record<string, (...args: unknown[]) => unknown> };
    return stories[story as string]?.(...given as unknown[]);
  }, [name, args] as const) as Promise<Awaited<ReturnType<Stories[K]>>>;
}

async function embedded(options: Parameters<typeof Broker.start>[0] = {}): Promise<{ broker: Broker; url: string }> {
  const broker = await Broker.start({ webSocket: true, ...options });
  cleanup.push(() => broker.close());
  return { broker, url: broker.webSocketUrl as string };
}

/** A WebSocket server that speaks no AMQP. */
async function stranger(options: object, onSocket: (socket: import("ws").WebSocket) => void): Promise<string> {
  const strange = new WebSocketServer({ host: HOST, port: 0, ...options });
  await new Promise((resolve) => strange.once("listening", resolve));
  strange.on("connection", onSocket);
  cleanup.push(() => { for (const one of strange.clients) one.terminate(); return new Promise((resolve) => strange.close(resolve)); });
  return `ws://${HOST}:${(strange.address() as AddressInfo).port}`;
}

describe("J01 in a browser", () => {
  test("J01 sends, receives in a loop, settles and closes", async () => {
    const { broker, url } = await embedded();
    const { seen, ...rest } = await tell("roundTrip", url, 1_000);
    expect(seen).toEqual(Array.from({ length: 1_000 }, (_, n) => [n, n, n % 2 === 0]));
    expect(rest).toEqual({ shown: url.slice(0, -1), remoteContainer: "string", closed: null, state: { local: "closed", remote: "closed" } });
    expect(broker.depth("trip")).toBe(0);
  });

  test("J08 values that JavaScript alone cannot say, there and back", async () => {
    const { url } = await embedded();
    expect(await tell("values", url)).toEqual(["00112233-4455-6677-8899-aabbccddeeff", String(2n ** 62n), "1970-01-01T00:00:00.005Z", "\u00fc\u{1f600}", "0.1", [1, null, true]]);
  });

  test("J01 a message of 8 MiB, both ways", async () => {
    const { url } = await embedded();
    expect(await tell("large", url, 8 * 1024 * 1024)).toEqual({ size: 8 * 1024 * 1024, same: true });
  });

  test("J01 64 MiB settled by the sender: nothing is lost on the way", async () => {
    const { broker, url } = await embedded();
    expect(await tell("flood", url, 256, 256 * 1024)).toBe(256);
    expect(broker.depth("flood")).toBe(256);
    expect(broker.peek("flood").map((message) => message.id)).toEqual(Array.from({ length: 256 }, (_, n) => n));
  });

  test("P09 J01 requests over a dynamic node, answered by a program over TCP", async () => {
    const { broker, url } = await embedded();
    const program = await connect(broker.url);
    cleanup.push(() => program.close());
    const responder = await program.createResponder("answers", (request) => ({ body: `answer to ${String(request.body)}` }));
    cleanup.push(() => responder.close());
    expect(await tell("request", url, "answers", 20)).toEqual(Array.from({ length: 20 }, (_, n) => `answer to question ${n}`));
  });

  test("J01 wss with a user and a password; a wrong one is auth-failed and not shown", async () => {
    const { server: pair } = certificates();
    const { url } = await embedded({ tls: pair, users: { ann: "s4711" } });
    expect(url).toMatch(/^wss:/);
    const { seen, shown } = await tell("roundTrip", url.replace("wss://", "wss://ann:s4711@"), 3);
    expect([seen, shown]).toEqual([[[0, 0, true], [1, 1, false], [2, 2, true]], url.slice(0, -1)]);
    const wrong = await tell("attempt", url, { user: "ann", password: "s4712" });
    expect(wrong).toMatchObject({ code: "auth-failed" });
    expect(JSON.stringify(wrong)).not.toContain("4712");
  });

  test("FT02 a broker that is cut off is told, and may be tried again", async () => {
    const { broker, url } = await embedded();
    const program = await connect(broker.url);
    const ready = await program.createReceiver("ready");
    const lost = tell("lost", url, "ready");
    await (await ready.receive({ timeout: 20_000 })).accept();
    await program.close();
    broker.dropConnections();
    expect(await lost).toEqual({ code: "disconnected", retryable: true });
  });
});

describe("J01 what a browser is refused, or cannot do", () => {
  test("B92 a page that is not on the allowlist", async () => {
    const container = new Container({ onError: () => {} });
    cleanup.push(() => container.close());
    const listener = await container.listen({ port: 0, webSocket: { origins: ["https://shop.example"] } });
    expect(await tell("attempt", listener.webSocketUrl)).toMatchObject({ name: "ConnectionError", code: "connect-failed", message: expect.stringMatching(/does it let this origin in\? The reason is in the browser's console only/) });
    const own = await container.listen({ port: 0, webSocket: { origins: [new URL(page.url()).origin] } });
    expect(await tell("attempt", own.webSocketUrl)).toMatchObject({ name: "none" });
  });

  test("B92 a peer that does not choose the subprotocol, and one that is not there", async () => {
    const careless = await stranger({ handleProtocols: () => false }, () => {});
    expect((await tell("attempt", careless)).code).toMatch(/^(connect-failed|not-amqp)$/);
    const { broker, url } = await embedded();
    await broker.close();
    expect(await tell("attempt", url)).toMatchObject({ code: "connect-failed" });
  });

  test("B92 a message of text ends the connection, with a code that a page may use", async () => {
    let code: Promise<number> | undefined;
    const url = await stranger({ handleProtocols: () => "amqp" }, (socket) => {
      code = new Promise((resolve) => socket.once("close", resolve));
      socket.send("hello");
    });
    expect(await tell("attempt", url)).toMatchObject({ code: "protocol-violation" });
    expect(await code).toBe(4003);
  });

  test("amqp urls, TLS options, headers and listening are ConfigErrors that say why", async () => {
    const { thrown, ...rest } = await tell("cannot");
    expect(thrown).toBe("config");
    expect(Object.values(rest).map(({ name, code }) => [name, code])).toEqual(Object.keys(rest).map(() => ["ConfigError", "config"]));
    expect(rest.amqp.message).toMatch(/^connect\(\): amqps:\/\/ needs a TCP socket, which a browser does not have: give a ws:\/\/ or wss:\/\/ url/);
    expect(rest.noUrl.message).toBe('connect(): needs a url, such as "amqp://localhost:5672"');
    expect(rest.tls.message).toMatch(/option "tls": certificates are the browser's business/);
    expect(rest.sni.message).toMatch(/option "sni"/);
    expect(rest.headers.message).toMatch(/option "webSocket.headers"/);
    expect(rest.listen.message).toMatch(/a browser cannot listen/);
  });

  test("with a transport of its own a page can both connect and listen", async () => {
    expect(await tell("ownTransport")).toEqual(["within the page"]);
  });
});

test("the browser build has no module of Node in it, nor what only Node's half needs", () => {
  const inputs = Object.keys(meta.inputs);
  expect(inputs).toEqual(expect.arrayContaining(["src/platform/browser.ts", "src/transport/browser.ts"]));
  expect(inputs.filter((path) => /^src\/platform\/node|^src\/transport\/(node|tcp|tls|front|websocket\.ts|ws-|load-ws|socket-duplex)|node_modules\/ws\//.test(path))).toEqual([]);
  expect(Object.values(meta.inputs).flatMap((one) => one.imports).filter((one) => one.path.startsWith("node:"))).toEqual([]);
});

/**
 * The rooms of src and what each of them may import, walked on every run: the table below, no cycles, one room per
 * dependency, no clocks or platform names in the deterministic part, doors that only name what they export, file sizes.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import ts from "typescript";

/** Room -> the rooms that it names itself; what those may import (up to container/) comes with them. */
const ROOMS: Record<string, readonly string[]> = {
  errors: [],
  util: [],
  platform: ["util"],
  wire: ["util", "platform"],
  frames: ["wire"],
  message: ["wire"],
  sasl: ["frames"],
  engine: ["sasl", "frames", "message"],
  transport: ["util"],
  options: ["platform"],
  client: ["engine", "transport", "options"],
  stores: ["client"],
  container: ["client"],
  handlers: ["container"],
  adapters: ["container"],
  broker: ["container"],
  testing: ["*"],
  cli: ["doors"],
  doors: ["*"],
};

/** Inherited only from these: a room further down does not hand on what it may import. */
const HANDED_ON = ["util", "platform", "wire", "frames", "message", "sasl", "engine", "transport", "options", "client", "container"];

/** Every room may import it. */
const FOR_ALL = "errors";

/**
 * Narrower than the table: under `at`, of the rooms from platform/ to container/ only `only` may be imported. Broker and adapters
 * use what every program may use; the scripted peer shares no codec with what it tests.
 */
const NARROWER = [
  { at: "src/broker/", only: ["src/platform/", "src/container/public.ts"] },
  { at: "src/adapters/", only: ["src/platform/", "src/container/public.ts"] },
  { at: "src/testing/codec/", only: [] },
  { at: "src/testing/script", only: ["src/transport/"] },
];

/** Names of package.json's `imports`, which stand for one file on Node and for another in browsers, by the file that Node gets. */
const HALVES = readHalves();
const ALIASES: ReadonlyMap<string, string> = new Map([...HALVES].map(([name, half]) => [name, half.default.replace("./", "")]));

interface Halves {
  readonly default: string;
  readonly browser: string;
}

/** npm packages, each with the only place that may know it. A package that is not listed may not be imported. */
const PACKAGES: Record<string, string> = {
  zod: "src/options/",
  "p-retry": "src/container/",
  uuid: "src/client/ids.ts",
  rxjs: "src/adapters/rxjs.ts",
  ws: "src/transport/",
};

/** Rooms that may import `node:*`. */
const NODE_ROOMS = ["transport", "stores", "platform", "cli", "testing", "adapters"];

/** Rooms in which time, ids and randomness come in as arguments. */
const DETERMINISTIC = ["util", "wire", "frames", "message", "sasl", "engine"];
const FORBIDDEN_NAMES = [
  "performance", "setTimeout", "setInterval", "setImmediate", "queueMicrotask", "clearTimeout", "clearInterval", "clearImmediate",
  "process", "Buffer", "crypto", "EventEmitter", "EventTarget", "MessageChannel", "require", "globalThis",
];
const FORBIDDEN_CALLS = ["Date.now", "Math.random"];

const MAX_LINES = 600;

type Files = ReadonlyMap<string, string>;
interface Import {
  readonly from: string;
  readonly specifier: string;
  readonly line: number;
}

/** Every breach of the rules in `files` (path from the project's root -> text), one sentence each. */
function breaches(files: Files): string[] {
  const found: string[] = [];
  const graph = new Map<string, string[]>();
  for (const [path, text] of files) {
    const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const room = roomOf(path);
    if (room === undefined) {
      found.push(`${path}: is in no room of the table`);
      continue;
    }
    const targets: string[] = [];
    for (const one of importsOf(source)) {
      const target = resolve(one);
      if (target !== undefined && files.has(target)) targets.push(target);
      const breach = importBreach(room, one, target, files);
      if (breach !== undefined) found.push(`${path}:${one.line}: ${breach}`);
    }
    graph.set(path, targets);
    if (DETERMINISTIC.includes(room)) found.push(...forbiddenNames(source));
    if (room === "doors") found.push(...doorBreaches(source));
    const lines = text.split("\n").length - 1;
    if (lines > MAX_LINES) found.push(`${path}: ${lines} lines, the limit is ${MAX_LINES}`);
  }
  const cycle = findCycle(graph);
  if (cycle !== undefined) found.push(`cycle: ${cycle.join(" -> ")}`);
  return found;
}

/** Why this import is not allowed, or undefined. */
function importBreach(room: string, one: Import, target: string | undefined, files: Files): string | undefined {
  const { specifier } = one;
  if (specifier.startsWith("node:")) {
    return NODE_ROOMS.includes(room) ? undefined : `${room}/ may not import ${specifier}`;
  }
  if (target === undefined) {
    const name = specifier.startsWith("@") ? specifier.split("/").slice(0, 2).join("/") : specifier.split("/", 1)[0] ?? "";
    const place = PACKAGES[name];
    return place !== undefined && one.from.startsWith(place) ? undefined : `${room}/ may not import the package ${name}`;
  }
  if (!files.has(target)) return `${specifier} is no file of src`;
  const other = roomOf(target);
  if (other === undefined) return `${specifier} is in no room of the table`;
  const alias = [...ALIASES].find(([, path]) => path === target)?.[0];
  if (alias !== undefined && room !== other && specifier !== alias && room !== "testing") return `${target} is imported as ${alias}`;
  if (other === room && room !== "doors") return undefined;
  const narrow = NARROWER.find(({ at }) => one.from.startsWith(at));
  if (narrow !== undefined && other !== "util" && HANDED_ON.includes(other) && !narrow.only.some((start) => target.startsWith(start))) {
    return `${narrow.at} may only see ${["util/", ...narrow.only].join(" and ")} (${specifier})`;
  }
  return allowedBy(room).has(other) ? undefined : `${room}/ may not import ${other}/ (${specifier})`;
}

/** The rooms that `room` may import besides itself. */
function allowedBy(room: string): ReadonlySet<string> {
  const direct = ROOMS[room] ?? [];
  if (direct.includes("*")) return new Set(Object.keys(ROOMS).filter((name) => name !== "cli" && name !== "doors"));
  const allowed = new Set([FOR_ALL]);
  for (const name of direct) {
    allowed.add(name);
    if (HANDED_ON.includes(name)) for (const inherited of allowedBy(name)) allowed.add(inherited);
  }
  return allowed;
}

function roomOf(path: string): string | undefined {
  const parts = path.split("/").slice(1);
  if (parts.length > 1) return parts[0] !== undefined && parts[0] in ROOMS ? parts[0] : undefined;
  return parts[0] === "errors.ts" ? "errors" : "doors";
}

/** The file that an import means; undefined for a package. */
function resolve(one: Import): string | undefined {
  const alias = ALIASES.get(one.specifier);
  if (alias !== undefined) return alias;
  if (!one.specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(one.from), one.specifier);
}

/** Imports of every kind: `import`, `export from`, `import type`, `import()` as an expression and as a type. */
function importsOf(source: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push({ from: source.fileName, specifier: specifier.text, line });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node, node.moduleSpecifier);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node, node.argument.literal);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) add(node, node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Clocks, timers, randomness and names of one platform, where everything must come in as an argument. */
function forbiddenNames(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const report = (node: ts.Node, name: string): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    found.push(`${source.fileName}:${line}: ${name} is forbidden here, take it as an argument`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isPropertyAccessExpression(node) && FORBIDDEN_CALLS.includes(node.getText(source))) report(node, node.getText(source));
    else if (ts.isNewExpression(node) && node.expression.getText(source) === "Date" && (node.arguments?.length ?? 0) === 0) report(node, "new Date()");
    else if (ts.isIdentifier(node) && FORBIDDEN_NAMES.includes(node.text) && isReference(node)) report(node, node.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Whether an identifier stands for a value by that name: not a member, a key or a declaration of one. */
function isReference(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node;
  if (ts.isQualifiedName(parent)) return parent.left === node;
  const declares = ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent) || ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent);
  return !declares;
}

/** A door holds `export { names } from "..."` and nothing else. */
function doorBreaches(source: ts.SourceFile): string[] {
  return source.statements
    .filter((statement) => !(ts.isExportDeclaration(statement) && statement.moduleSpecifier && statement.exportClause && ts.isNamedExports(statement.exportClause)))
    .map((statement) => `${source.fileName}: a door only re-exports by name, not \`${statement.getText(source).split("\n", 1)[0]}\``);
}

/** One cycle of files, first file repeated at the end, or undefined. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] | undefined => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return undefined;
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    path.pop();
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

function readHalves(): ReadonlyMap<string, Halves> {
  const { imports } = JSON.parse(readFileSync(join(projectRoot(), "package.json"), "utf8")) as { imports: Record<string, Halves> };
  return new Map(Object.entries(imports));
}

function projectRoot(): string {
  return join(dirname(fileURLToPath(import.meta.url)), "..");
}

const root = projectRoot();

function readSources(): Files {
  const paths = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  return new Map(
    paths.sort().map((name) => {
      const path = join(root, "src", name);
      return [relative(root, path).split(sep).join("/"), readFileSync(path, "utf8")];
    }),
  );
}

describe("src", () => {
  test("keeps the import rule, without cycles, forbidden names or files over 600 lines", () => {
    expect(breaches(readSources())).toEqual([]);
  });

  test.each([...HALVES])("has two halves of %s that export the same names", (_alias, { default: node, browser }) => {
    const names = exportedNames(join(root, node));
    expect(names.length).toBeGreaterThan(1);
    expect(exportedNames(join(root, browser))).toEqual(names);
  });

  test("is the whole table: no room that the design does not know", () => {
    const rooms = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(rooms.map((entry) => entry.name).filter((name) => !(name in ROOMS))).toEqual([]);
  });
});

function exportedNames(path: string): string[] {
  const program = ts.createProgram([path], { allowImportingTsExtensions: true, noEmit: true, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler, types: ["node"], target: ts.ScriptTarget.ES2023 });
  const source = program.getSourceFile(path);
  const symbol = source && program.getTypeChecker().getSymbolAtLocation(source);
  return symbol ? program.getTypeChecker().getExportsOfModule(symbol).map((one) => one.name).sort() : [];
}

describe("the check itself names", () => {
  const of = (files: Record<string, string>): string[] => breaches(new Map(Object.entries(files)));

  test.each([
    ["an import upwards", { "src/util/a.ts": 'import { b } from "../wire/b.ts";', "src/wire/b.ts": "" }, "src/util/a.ts:1: util/ may not import wire/ (../wire/b.ts)"],
    ["a type import upwards", { "src/wire/a.ts": '\nimport type { B } from "../frames/b.ts";', "src/frames/b.ts": "" }, "src/wire/a.ts:2: wire/ may not import frames/ (../frames/b.ts)"],
    ["an import() type", { "src/util/a.ts": 'type B = import("../wire/b.ts").B;', "src/wire/b.ts": "" }, "src/util/a.ts:1: util/ may not import wire/ (../wire/b.ts)"],
    ["an import() call", { "src/client/a.ts": 'await import("../broker/b.ts");', "src/broker/b.ts": "" }, "src/client/a.ts:1: client/ may not import broker/ (../broker/b.ts)"],
    ["a re-export", { "src/sasl/a.ts": 'export { b } from "../engine/b.ts";', "src/engine/b.ts": "" }, "src/sasl/a.ts:1: sasl/ may not import engine/ (../engine/b.ts)"],
    ["a sibling", { "src/frames/a.ts": 'import { b } from "../message/b.ts";', "src/message/b.ts": "" }, "src/frames/a.ts:1: frames/ may not import message/ (../message/b.ts)"],
    ["a half of the platform", { "src/wire/a.ts": 'import { b } from "../platform/node.ts";', "src/platform/node.ts": "" }, "src/wire/a.ts:1: src/platform/node.ts is imported as #platform"],
    ["a broker that knows more than a program", { "src/broker/a.ts": 'import { b } from "../client/b.ts";', "src/client/b.ts": "" }, "src/broker/a.ts:1: src/broker/ may only see util/ and src/platform/ and src/container/public.ts (../client/b.ts)"],
    ["a peer with the codec under test", { "src/testing/codec/a.ts": 'import { b } from "../../wire/b.ts";', "src/wire/b.ts": "" }, "src/testing/codec/a.ts:1: src/testing/codec/ may only see util/ (../../wire/b.ts)"],
    ["a module of Node", { "src/engine/a.ts": 'import { b } from "node:net";' }, "src/engine/a.ts:1: engine/ may not import node:net"],
    ["a package in the wrong room", { "src/client/a.ts": 'import { z } from "zod/mini";' }, "src/client/a.ts:1: client/ may not import the package zod"],
    ["a package nobody chose", { "src/client/a.ts": 'import x from "left-pad";' }, "src/client/a.ts:1: client/ may not import the package left-pad"],
    ["a missing file", { "src/util/a.ts": 'import "./b.ts";' }, "src/util/a.ts:1: ./b.ts is no file of src"],
    ["a clock", { "src/engine/a.ts": "\nconst now = Date.now();" }, "src/engine/a.ts:2: Date.now is forbidden here, take it as an argument"],
    ["a date of now", { "src/engine/a.ts": "new Date(); new Date(5);" }, "src/engine/a.ts:1: new Date() is forbidden here, take it as an argument"],
    ["a timer", { "src/util/a.ts": "setTimeout(f, 1); clock.setTimeout(f, 1);" }, "src/util/a.ts:1: setTimeout is forbidden here, take it as an argument"],
    ["a door with code", { "src/index.ts": "export const a = 1;" }, "src/index.ts: a door only re-exports by name, not `export const a = 1;`"],
    ["a door that exports everything", { "src/index.ts": 'export * from "./errors.ts";', "src/errors.ts": "" }, 'src/index.ts: a door only re-exports by name, not `export * from "./errors.ts";`'],
    ["a long file", { "src/util/a.ts": "\n".repeat(601) }, "src/util/a.ts: 601 lines, the limit is 600"],
    ["a room of its own", { "src/misc/a.ts": "" }, "src/misc/a.ts: is in no room of the table"],
    ["a cycle", { "src/util/a.ts": 'import "./b.ts";', "src/util/b.ts": 'import type { A } from "./a.ts";' }, "cycle: src/util/a.ts -> src/util/b.ts -> src/util/a.ts"],
  ])("%s", (_what, files, breach) => {
    expect(of(files)).toEqual([breach]);
  });

  test("nothing where the rules are kept", () => {
    const files = {
      "src/errors.ts": "",
      "src/index.ts": 'export { A } from "./client/a.ts";\nexport type { B } from "./errors.ts";',
      "src/util/a.ts": 'import { b } from "../errors.ts"; const at = new Date(5); clock.setTimeout(f); type P = { process: 1 };',
      "src/wire/a.ts": 'import { a } from "#platform"; import { b } from "../util/a.ts";',
      "src/platform/node.ts": 'import { randomBytes } from "node:crypto"; import { a } from "../util/a.ts";',
      "src/client/a.ts": 'import type { A } from "../wire/a.ts"; setTimeout(f);',
      "src/container/public.ts": 'export { a } from "../client/a.ts";',
      "src/broker/a.ts": 'import { a } from "../container/public.ts"; import { b } from "../util/a.ts"; import { c } from "../errors.ts";',
      "src/cli/a.ts": 'import { A } from "../index.ts"; import "node:process";',
    };
    expect(of(files)).toEqual([]);
  });
});

/**
 * Runs programs as their users would: bundled against the sources of this project, each in a Node process of its own,
 * which has to end by itself.
 */

import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import ts from "typescript";

/** The project's folder. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** What a program printed and how it ended. */
export interface Ended {
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program ready to run, any number of times. */
export interface Program extends AsyncDisposable {
  /** The bundle. */
  readonly path: string;
  /** @param cwd the folder that it runs in. @default this one's */
  run(args?: readonly string[], env?: Record<string, string>, cwd?: string): Promise<Ended>;
  /** Starts it without waiting for its end. */
  start(args?: readonly string[]): Started;
}

/** A program that runs. */
export interface Started {
  /** The first line that it prints. */
  readonly firstLine: Promise<string>;
  readonly ended: Promise<Ended>;
  readonly pid: number;
  /** What it has printed so far. */
  printed(): string;
  /** Asks it to end, as a service manager would, and tells how it did. */
  stop(): Promise<Ended>;
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<Ended>;
}

/** Bundles a program that is in a file, or a text that stands for one in the project's folder. */
export async function program(source: { file: string } | { text: string }): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), "leptonmq-"));
  const outfile = join(folder, "program.mjs");
  await build({
    ...("file" in source ? { entryPoints: [join(ROOT, source.file)] } : { stdin: { contents: source.text, loader: "ts", resolveDir: ROOT } }),
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    logLevel: "silent",
    // Packages in CommonJS, such as ws, ask for Node's modules by require().
    banner: { js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);' },
    alias: Object.fromEntries(DOORS.map(([name, path]) => [name, join(ROOT, path)])),
  });
  return {
    path: outfile,
    run: (args = [], env = {}, cwd = undefined) =>
      new Promise((resolve) => {
        execFile(process.execPath, [outfile, ...args], { env: { ...process.env, NODE_OPTIONS: "", ...env }, timeout: 150_000, cwd }, (error, stdout, stderr) => {
          resolve({ code: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr });
        });
      }),
    start: (args = []) => start(outfile, args),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

function start(file: string, args: readonly string[]): Started {
  const child = spawn(process.execPath, [file, ...args], { env: { ...process.env, NODE_OPTIONS: "" }, stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  let stdout = "";
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => child.on("close", (code, signal) => resolve({ code: code ?? signal, stdout, stderr })));
  const firstLine = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (stdout.includes("\n")) resolve(stdout.slice(0, stdout.indexOf("\n")));
    });
    void ended.then(() => reject(new Error(`the program ended before it said anything: ${stderr}`)));
  });
  firstLine.catch(() => undefined);
  return {
    firstLine, ended,
    pid: child.pid ?? 0,
    printed: () => stdout,
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
    kill: () => {
      child.kill("SIGKILL");
      return ended;
    },
  };
}

/** Bundles, runs once, and tidies up. */
export async function runProgram(source: { file: string } | { text: string }, args?: readonly string[], env?: Record<string, string>): Promise<Ended> {
  const one = await program(source);
  try {
    return await one.run(args, env);
  } finally {
    await one[Symbol.asyncDispose]();
  }
}

/** The errors of programs under the project's strict settings, one line each. `files` are texts by a name. */
export function typeErrors(files: Readonly<Record<string, string>>): string[] {
  const config = ts.parseConfigFileTextToJson("tsconfig.json", ts.sys.readFile(join(ROOT, "tsconfig.json")) ?? "{}").config as { compilerOptions: object };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
  options.paths = Object.fromEntries(DOORS.map(([name, path]) => [name, [join(ROOT, path)]]));
  const texts = new Map(Object.entries(files).map(([name, text]) => [join(ROOT, "examples", name), text]));
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (path) => texts.get(path) ?? readFile.call(host, path);
  host.fileExists = (path) => texts.has(path) || fileExists.call(host, path);
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = texts.get(path);
    return text === undefined ? getSourceFile.call(host, path, languageVersion, ...rest) : ts.createSourceFile(path, text, languageVersion);
  };
  const compiled = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((path) => {
    const file = compiled.getSourceFile(path);
    const found = file === undefined ? [] : [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)];
    return found.map((one) => `${path.slice(ROOT.length + 1)}:${(file?.getLineAndCharacterOfPosition(one.start ?? 0).line ?? 0) + 1}: ${ts.flattenDiagnosticMessageText(one.messageText, "\n")}`);
  });
}

const DOORS: readonly (readonly [string, string])[] = [
  ["leptonmq/broker", "src/broker.ts"],
  ["leptonmq/rxjs", "src/rxjs.ts"],
  ["leptonmq/store", "src/store.ts"],
  ["leptonmq/testing", "src/testing.ts"],
  ["leptonmq", "src/index.ts"],
];

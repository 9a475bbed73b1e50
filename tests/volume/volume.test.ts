/** J15: a message of 1 GiB between two processes of containers, each of which stays under 100 MB all the time. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { build } from "esbuild";
import { ROOT } from "../support/programs.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
/** Octets of either process at its largest. */
const MOST = 100e6;

/** What a side measured. */
interface Measured {
  readonly octets: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly maxRss: number;
}

let folder: string;
let script: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "leptonmq-"));
  script = join(folder, "side.mjs");
  await build({
    entryPoints: [join(ROOT, "tests/volume/side.ts")], outfile: script, bundle: true, platform: "node", target: "node20", format: "esm", logLevel: "silent",
    alias: { leptonmq: join(ROOT, "src/index.ts") }, external: ["ws"],
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** One side, with the lines that it prints. */
function start(...words: readonly string[]): { child: ChildProcess; lines: AsyncIterator<string>; ended: Promise<number | null> } {
  const child = spawn(process.execPath, [script, ...words], { env: { ...process.env, NODE_OPTIONS: "" }, stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> })[Symbol.asyncIterator]();
  return { child, lines, ended: new Promise((resolve) => child.once("close", (code) => resolve(code))) };
}

async function next<T>(lines: AsyncIterator<string>): Promise<T> {
  const { value } = await lines.next() as { value: string | undefined };
  if (value === undefined) throw new Error("a side has ended without saying what it measured");
  return JSON.parse(value) as T;
}

async function run(octets: number, ...options: readonly string[]): Promise<{ listen: Measured; connect: Measured }> {
  const words = [`octets=${octets}`, ...options];
  const listen = start("listen", ...words);
  let connect: ReturnType<typeof start> | undefined;
  try {
    const { port } = await next<{ port: number }>(listen.lines);
    connect = start("connect", `port=${port}`, ...words);
    const [ours, theirs] = await Promise.all([next<Measured>(listen.lines), next<Measured>(connect.lines)]);
    expect(await Promise.all([listen.ended, connect.ended])).toEqual([0, 0]);
    return { listen: ours, connect: theirs };
  } finally {
    listen.child.kill("SIGKILL");
    connect?.child.kill("SIGKILL");
  }
}

function report(what: string, { listen, connect }: Awaited<ReturnType<typeof run>>): void {
  const side = (name: string, { cpuSeconds, maxRss }: Measured): string => `${name} ${cpuSeconds.toFixed(2)} s CPU, ${(maxRss / 1e6).toFixed(0)} MB at most`;
  process.stdout.write(`${what}: ${(listen.octets / MiB / listen.seconds).toFixed(0)} MiB/s; ${side("listening", listen)}; ${side("connecting", connect)}\n`);
}

test("J15 1 GiB of a known length, sent by the connecting side", async () => {
  const result = await run(GiB);
  report("1 GiB, one data section", result);
  expect(result).toMatchObject({ listen: { octets: GiB }, connect: { octets: GiB } });
  expect([result.listen.maxRss, result.connect.maxRss].filter((rss) => rss >= MOST)).toEqual([]);
}, 120_000);

test("J15 256 MiB of an unknown length in uneven chunks, sent by the listening side", async () => {
  const result = await run(256 * MiB, "sends=0", "known=0", "chunk=100003");
  report("256 MiB, many data sections", result);
  expect(result).toMatchObject({ listen: { octets: 256 * MiB }, connect: { octets: 256 * MiB } });
  expect([result.listen.maxRss, result.connect.maxRss].filter((rss) => rss >= MOST)).toEqual([]);
}, 120_000);

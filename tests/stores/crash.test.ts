/** X02 A file store whose process is killed: what was flushed is there, the next owner takes over, and a disk that is full loses nothing. */

import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { spawn } from "node:child_process";
import { hostname } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { FileStore } from "../../src/store.ts";
import { program } from "../support/programs.ts";
import type { Program, Started } from "../support/programs.ts";
import { seeded } from "../support/seeded.ts";
import { LINK, caught, closed, folder, opened } from "./support.ts";

let writer: Program;
const running: Started[] = [];

beforeAll(async () => {
  writer = await program({ file: "tests/stores/writer.ts" });
}, 60_000);

afterEach(async () => {
  for (const one of running.splice(0)) await one.kill();
});

afterAll(async () => {
  await writer[Symbol.asyncDispose]();
});

function started(...args: string[]): Started {
  const one = writer.start(args);
  running.push(one);
  return one;
}

/** What is there after so many steps of the writer: null and whole, or accepted. */
function afterSteps(last: number): string[] {
  const from = Math.max(1, last - 19);
  return Array.from({ length: last - from + 1 }, (_, i) => from + i).map((step) => `${step} ${step > last - 10 ? `null ${step % 251}` : "accepted"}`);
}

function stepsIn(directory: string, size: number): { readonly last: number; readonly found: string[] } {
  const store = new FileStore(directory);
  const found = [...store.load(LINK)].map(({ tag, state, payload }) => {
    const step = new DataView(tag.buffer, tag.byteOffset).getUint32(4);
    if (payload !== undefined && (payload.length !== size || payload.some((octet) => octet !== payload[0]))) return `${step} damaged`;
    return `${step} ${state === null ? `null ${payload?.[0]}` : state.type}`;
  }).sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  void store[Symbol.asyncDispose]();
  return { last: Number.parseInt(found.at(-1) ?? "0", 10), found };
}

describe("X02 a process that is killed at any moment", () => {
  test.each([["small messages", 100, 12], ["a log that is made small again and again", 40_000, 15]])("has everything that was flushed, with %s", async (_what, size, kills) => {
    const directory = folder();
    const random = seeded(size);
    let acknowledged = 0;
    let unfinished = 0;
    for (let kill = 0; kill < kills || (size > 1000 && unfinished === 0 && kill < 200); kill++) {
      const child = started(directory, String(size));
      await child.firstLine;
      const lines = random(40);
      while (child.printed().split("\n").length < lines) await new Promise((resolve) => setImmediate(resolve));
      const { stdout, code, stderr } = await child.kill();
      expect([code, stderr]).toEqual(["SIGKILL", ""]);
      acknowledged = Number(stdout.slice(0, stdout.lastIndexOf("\n")).split("\n").at(-1));
      if (existsSync(join(directory, "unsettled.log.new"))) unfinished += 1;
      const { last, found } = stepsIn(directory, size);
      expect([kill, last >= acknowledged, found]).toEqual([kill, true, afterSteps(last)]);
    }
    expect(acknowledged).toBeGreaterThan(200);
    if (size > 1000) expect(unfinished).toBeGreaterThan(0);
  }, 120_000);
});

describe("X02 a directory with an owner in another process", () => {
  test("is refused, by the number of that process, and free when it was killed", async () => {
    const directory = folder();
    const child = started(directory, "1", "hold");
    expect(await child.firstLine).toBe("open");
    const other = await caught(() => new FileStore(directory));
    expect(other.message).toBe(`${directory} is in use by process ${child.pid}: two stores must not share a directory, give each process a directory of its own`);
    const refused = started(directory, "1", "hold");
    expect(await refused.firstLine).toBe(`store-failed: ${other.message}`);
    await child.kill();
    await closed(opened(directory));
  }, 60_000);

  test("goes to one of those who want it when its owner is dead", async () => {
    const directory = folder();
    for (let round = 1; round <= 3; round++) {
      writeFileSync(join(directory, `lock-${round * 100}`), JSON.stringify({ pid: 2 ** 22 - 3, started: "", host: hostname() }));
      const children = [1, 2, 3, 4].map(() => started(directory, "1", "hold"));
      const said = await Promise.all(children.map((child) => child.firstLine));
      const winner = said.indexOf("open");
      expect(said.filter((line) => line === "open")).toHaveLength(1);
      expect(said.filter((line) => line.startsWith(`store-failed: ${directory} is in use by process ${children[winner]?.pid}: `))).toHaveLength(3);
      await Promise.all(children.map((child) => child.kill()));
    }
    expect(readdirSync(directory).filter((name) => name.startsWith("lock-"))).toHaveLength(1);
  }, 60_000);
});

describe("X02 a file that may not grow", () => {
  test("makes flush fail, and everything that was flushed before is there", async () => {
    const directory = folder();
    // 2 MiB in blocks of 512 octets; shells that count in 1024 give it twice that.
    const child = spawn("sh", ["-c", 'ulimit -f 4096 && exec "$@"', "sh", process.execPath, writer.path, directory, "1000"], { stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    const code = await new Promise((resolve) => child.on("close", resolve));
    const lines = stdout.trim().split("\n");
    const refusal = lines.pop() as string;
    expect([code, refusal]).toEqual([0, `store-failed: the store in ${directory} could not write (what it was given is kept in memory, and the next flush tries again): EFBIG: file too large, write`]);
    const { last, found } = stepsIn(directory, 1000);
    expect(last).toBe(Number(lines.at(-1)));
    expect(found).toEqual(afterSteps(last));
    expect(last).toBeGreaterThan(1000);
  }, 60_000);
});

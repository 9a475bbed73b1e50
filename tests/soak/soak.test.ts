/** L: half a minute of the soak, its verdict and its picture; and what it judges by. */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { program } from "../support/programs.ts";
import { faultsOf } from "./faults.ts";
import { Seen } from "./seen.ts";
import { draw } from "./svg.ts";
import { growth, heapCheck, slope } from "./verdict.ts";

/** Samples every half minute. */
const samples = (minutes: number, heap: (minute: number) => number): { at: number; heap: number }[] =>
  Array.from({ length: minutes * 2 }, (_, n) => ({ at: n * 30, heap: heap(n / 2) * 1e6 }));

describe("L.soak what it judges by", () => {
  test("growth is the last quarter's median over the second's: warming up and single peaks do not count", () => {
    expect(growth(samples(60, (minute) => (minute < 10 ? 10 + minute : 20 + (minute === 58 ? 100 : 0))))).toBe(0);
    expect(growth(samples(60, (minute) => 10 + minute / 10))).toBeCloseTo(3, 5);
    expect(heapCheck("sender", samples(60, (minute) => 10 + minute / 10)).holds).toBe(false);
    expect(heapCheck("sender", samples(60, (minute) => 10 + minute / 40)).holds).toBe(true);
  });

  test("the slope an hour is told from two hours on", () => {
    expect(slope(samples(60, (minute) => minute))).toBeUndefined();
    expect(slope(samples(180, (minute) => 5 + minute / 60 * 0.25))).toBeCloseTo(0.25, 5);
  });

  test("what came twice and what is missing is counted, in any order", () => {
    const seen = new Seen();
    for (const n of [0, 2, 1, 2, 5, 0, 4]) seen.add(n);
    expect([seen.count, seen.duplicates, seen.missing(6), seen.missing(8)]).toEqual([5, 2, 1, 3]);
  });

  test("the same seed gives the same faults", () => {
    const first = (seed: number): string[] => Array.from({ length: 40 }, (() => {
      const faults = faultsOf(seed, 4_000);
      return () => faults.next().value.kind;
    })());
    expect(first(7)).toEqual(first(7));
    expect(first(7)).not.toEqual(first(8));
    expect(new Set(first(7)).size).toBe(8);
  });

  test("the picture has a line for each series, a mark for each fault, and no text of its own making", () => {
    const text = draw("a < b", "sub", [{ title: "Rate", unit: "msg/s", series: [{ name: "x", colour: "#000000", points: [[0, 1], [10, 1_500]] }] }], [{ at: 5, name: "cut & run" }], 10);
    expect(text).toMatch(/^<svg [^>]*viewBox="0 0 960 /);
    expect(text).toContain("a &lt; b");
    expect(text).toContain("<title>cut &amp; run at 0:05</title>");
    expect(text.match(/<path /g)).toHaveLength(1);
  });
});

describe("L.soak itself", () => {
  test("half a minute of at-least-once over a line that breaks every 4 s: nothing is lost, nothing is left", async () => {
    const folder = await mkdtemp(join(tmpdir(), "leptonmq-"));
    await using soak = await program({ file: "tests/soak/soak.ts" });
    try {
      const svg = join(folder, "soak.svg");
      const { code, stdout, stderr } = await soak.run(["--minutes", "0.4", "--mode", "at-least-once", "--rate", "300", "--faults", "4", "--seed", "5", "--svg", svg]);
      expect([stdout.match(/^FAIL.*$/gm), code]).toEqual([null, 0]);
      expect(stdout).toMatch(/^ok +messages lost +0: (\d+) sent, \1 accepted, \1 received$/m);
      expect(stderr).toMatch(/0:20 of 0:24: .* faults .* reconnects/);
      expect(await readFile(svg, "utf8")).toMatch(/<path d="M[\s\S]*<\/svg>\n$/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }, 90_000);
});

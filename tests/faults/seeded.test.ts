/**
 * 200 faults drawn from seeds: each session goes over a line that is late, slow, sliced, stalls, ends one way, or is cut, several of these at
 * once. `LEPTONMQ_FAULT_SEED=17` runs one alone; `LEPTONMQ_FAULT_SEEDS=5000` runs more of them.
 */

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FaultProxy } from "../../src/testing.ts";
import { seededRandom } from "../../src/testing/random.ts";
import { leavesNothing } from "../support/invariants.ts";
import { Bench, LINES, session } from "./session.ts";
import type { LineKind } from "./session.ts";

const only = process.env["LEPTONMQ_FAULT_SEED"];
const SEEDS = Number(process.env["LEPTONMQ_FAULT_SEEDS"] ?? 200);
const WIDTH = 8;

const benches = new Map<LineKind, Bench>();
beforeAll(async () => { for (const line of LINES) benches.set(line, await Bench.start(line)); });
afterAll(async () => { for (const bench of benches.values()) await bench[Symbol.asyncDispose](); });

describe("FT1 FT2 FT5 FT7 FT10 faults by seed", () => {
  test(`I1 I2 I3 I5 I7 hold for ${only ?? SEEDS} of them`, async () => {
    const seeds = only === undefined ? Array.from({ length: SEEDS }, (_, n) => n + 1) : [Number(only)];
    const wrong: string[] = [];
    let cuts = 0;
    wrong.push(...await leavesNothing(async () => {
      const rest = seeds.values();
      await Promise.all(Array.from({ length: WIDTH }, async () => {
        for (const seed of rest) {
          const broken = await one(seed);
          cuts += broken.cuts;
          wrong.push(...broken.wrong.map((what) => `LEPTONMQ_FAULT_SEED=${seed}: ${what}`));
        }
      }));
    }));
    expect(wrong).toEqual([]);
    expect(cuts).toBeGreaterThan(seeds.length / 2);
  }, 240_000);
});

/** One session over a line with the faults of that seed. */
async function one(seed: number): Promise<{ readonly wrong: string[]; readonly cuts: number }> {
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random() * bound);
  const bench = benches.get(LINES[below(LINES.length)] as LineKind) as Bench;
  await using proxy = await FaultProxy.start(bench.url.replace("127.0.0.1", "localhost"), { seed });
  if (below(3) === 0) proxy.slice(1 + below(40));
  if (below(4) === 0) proxy.delay(1 + below(5));
  if (below(4) === 0) proxy.bandwidth(50_000 + below(500_000));
  const stops = new AbortController();
  const breaking = breakAgain(proxy, 1 + below(4), below, stops.signal);
  const wrong = await session(bench, proxy, { messages: 8, reconnect: below(4) !== 0 });
  stops.abort();
  await breaking;
  return { wrong, cuts: proxy.cuts };
}

/** Breaks the line `times` times, each time some octets after the last, as long as there is something to break. */
async function breakAgain(proxy: FaultProxy, times: number, below: (bound: number) => number, signal: AbortSignal): Promise<void> {
  for (let n = 0; n < times; n++) {
    const at = proxy.passed.up + proxy.passed.down + below(3_000);
    const kind = below(6);
    const direction = below(2) === 0 ? "up" : "down";
    const how = below(2) === 0 ? "rst" : "fin";
    if (kind < 3) proxy.cutAfter(below(1_500), direction, how);
    while (proxy.passed.up + proxy.passed.down < at && !signal.aborted) await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) return;
    if (kind === 3) proxy.cut(how);
    else if (kind === 4) proxy.halfClose(direction);
    else if (kind === 5) {
      proxy.pause(below(2) === 0 ? "both" : direction);
      for (let turn = below(200); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
      proxy.resume();
    }
  }
}

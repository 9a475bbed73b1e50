/** The demo's counts: bits for what was seen, steps for how long it took. */

import { describe, expect, test } from "@jest/globals";
import { Histogram, Seen } from "../../src/cli/tally.ts";

describe("Seen", () => {
  test("counts what is new, what came again and what is missing", () => {
    const seen = new Seen(100);
    for (const n of [0, 31, 32, 63, 99]) expect(seen.add(n)).toBe(true);
    expect(seen.add(31)).toBe(false);
    expect([seen.distinct, seen.repeated, seen.missing]).toEqual([5, 1, 95]);
    expect(seen.firstMissing(3)).toEqual([1, 2, 3]);
    for (let n = 0; n < 100; n++) seen.add(n);
    expect([seen.distinct, seen.missing, seen.firstMissing(3)]).toEqual([100, 0, []]);
  });
});

describe("Histogram", () => {
  test("answers percentiles to 3 %", () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.add(ms);
    for (const [share, ms] of [[0.5, 500], [0.99, 990], [1, 1_000]] as const) {
      expect(Math.abs(histogram.percentile(share) / ms - 1)).toBeLessThan(0.03);
    }
  });

  test("keeps what is too short or too long in its first and last step, and answers 0 of nothing", () => {
    const histogram = new Histogram();
    expect(histogram.percentile(0.5)).toBe(0);
    histogram.add(0);
    expect(histogram.percentile(0.5)).toBe(0.001);
    histogram.add(1e12);
    expect(histogram.percentile(1)).toBeGreaterThan(3_600_000);
  });
});

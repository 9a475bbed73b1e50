import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { serialAdd, serialDiff, serialLess } from "../../src/util/serial.ts";

const MAX = 0xffff_ffff;

describe("serial numbers of RFC 1982, 32 bits", () => {
  test.each([[0, 1, 1], [MAX, 1, 0], [MAX, 2, 1], [0x7fff_ffff, 1, 0x8000_0000], [0, -1, MAX], [5, 0, 5]])("%d + %d = %d", (a, n, sum) => {
    expect(serialAdd(a, n)).toBe(sum);
  });
  test.each([[1, 0, 1], [0, 1, -1], [0, MAX, 1], [MAX, 0, -1], [2, MAX - 1, 4], [0x8000_0000, 1, 0x7fff_ffff], [7, 7, 0]])("%d is ahead of %d by %d", (a, b, diff) => {
    expect(serialDiff(a, b)).toBe(diff);
    expect(serialLess(a, b)).toBe(diff < 0);
    expect(serialLess(b, a)).toBe(diff > 0);
  });
  test("moving on by less than 2^31 is later, and the way back is its distance", () => {
    fc.assert(fc.property(fc.nat({ max: MAX }), fc.integer({ min: 1, max: 0x7fff_ffff }), (a, n) => {
      const b = serialAdd(a, n);
      expect(serialLess(a, b)).toBe(true);
      expect(serialDiff(b, a)).toBe(n);
      expect(serialAdd(b, -n)).toBe(a);
    }));
  });
});

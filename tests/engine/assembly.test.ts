/** Large messages that are put together as they come: the same octets, and never all of them moved in one turn. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Assembly } from "../../src/engine/assembly.ts";

/** Octets that tell where they stand. */
function numbered(from: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, n) => ((from + n) * 7) & 0xff);
}

describe("L.large an assembly", () => {
  test("gives what was pushed, whatever the pieces", () => {
    fc.assert(fc.property(fc.array(fc.nat(400), { maxLength: 6 }), fc.array(fc.nat(900), { maxLength: 40 }), fc.boolean(), (before, after, bounded) => {
      let size = 0;
      const next = (length: number): Uint8Array => numbered((size += length) - length, length);
      const parts = before.map(next);
      const total = [...before, ...after].reduce((sum, length) => sum + length, 0);
      const assembly = new Assembly(parts, size, bounded ? total : Infinity);
      for (const length of after) assembly.push(next(length));
      expect(assembly.size).toBe(total);
      expect(Buffer.compare(assembly.finish(), numbered(0, total))).toBe(0);
    }));
  });

  test("what was there before moves with what follows, and its memory is given up long before the next step", () => {
    const assembly = new Assembly([new Uint8Array(1_000)], 1_000, Infinity);
    expect(assembly.held).toBe(2_000);
    assembly.push(new Uint8Array(100));
    // 300 octets have moved, 700 have not.
    expect(assembly.held).toBe(2_100);
    for (let i = 0; i < 3; i++) assembly.push(new Uint8Array(100));
    expect(assembly.held).toBe(1_400);
    for (let i = 0; i < 6; i++) assembly.push(new Uint8Array(100));
    expect(assembly.held).toBe(2_000);
    // Full: a larger block, and the same again.
    assembly.push(new Uint8Array(1));
    expect(assembly.held).toBe(4_001);
  });

  test("takes no more room than the largest message may have", () => {
    const assembly = new Assembly([numbered(0, 600)], 600, 1_000);
    assembly.push(numbered(600, 400));
    const whole = assembly.finish();
    expect([whole.length, whole.buffer.byteLength]).toEqual([1_000, 1_000]);
  });
});

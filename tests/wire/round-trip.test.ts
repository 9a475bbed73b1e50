import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ByteReader, skipValue } from "../../src/wire/decode.ts";
import { Described, Typed, types, Uuid } from "../../src/wire/values.ts";
import type { ArrayElement } from "../../src/wire/values.ts";
import { decoded, encoded, octets } from "./hex.ts";

const text = fc.string({ unit: "binary", maxLength: 40 });
const ascii = fc.string({ unit: "binary-ascii", maxLength: 40 });
const binary = fc.uint8Array({ maxLength: 300 }).map((bytes) => new Uint8Array(bytes));
const uuid = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Uuid.of(new Uint8Array(bytes)));
const date = fc.date({ noInvalidDate: true });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const scalar = fc.constantFrom(..."aZ\u00e9\u20ac\u{1f600}\u{10ffff}\u0000");
const decimal = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });

/** Every type that has a wrapper, and what those without one become. */
const exact: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  null: fc.constant(null), boolean: fc.boolean(), string: text, binary, uuid,
  ulong: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(types.ulong), long: int64.map(types.long),
  uint: fc.nat({ max: 2 ** 32 - 1 }).map(types.uint), int: fc.integer().map(types.int), ushort: fc.nat({ max: 0xffff }).map(types.ushort),
  short: fc.integer({ min: -0x8000, max: 0x7fff }).map(types.short), ubyte: fc.nat({ max: 255 }).map(types.ubyte), byte: fc.integer({ min: -128, max: 127 }).map(types.byte),
  float: fc.float({ noNaN: true }).map(types.float), double: fc.double({ noNaN: true }).map(types.double), char: scalar.map(types.char), symbol: ascii.map(types.symbol),
  timestamp: fc.oneof(date.map(types.timestamp), int64.map(types.timestamp)),
  decimal32: decimal(4).map(types.decimal32), decimal64: decimal(8).map(types.decimal64), decimal128: decimal(16).map(types.decimal128),
};

const array = fc.constantFrom(...(Object.keys(exact) as ArrayElement[])).chain((element) =>
  fc.array(exact[element] as fc.Arbitrary<unknown>, { maxLength: 6 }).map((values) => types.array(element, values)));
const descriptor = fc.oneof(ascii, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));

const anything = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, ...Object.values(exact), fc.array(tie("value"), { maxLength: 5 }), tie("described"),
    fc.dictionary(text, tie("value"), { maxKeys: 5, noNullPrototype: false }),
    fc.uniqueArray(fc.tuple(fc.oneof(text, fc.nat({ max: 9 }).map(types.int), uuid), tie("value")), { selector: ([key]) => String(key), maxLength: 4 }).map((pairs) => new Map(pairs)),
    fc.array(fc.array(tie("value"), { maxLength: 3 }), { maxLength: 3 }).map((lists) => types.array("list", lists))),
  described: fc.tuple(descriptor, tie("value")).map(([name, value]) => types.described(name, value)),
})).value;

/** Values with the wrappers off where the plain rules choose the same type again. */
const plain = fc.letrec((tie) => ({
  value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, fc.constant(null), fc.boolean(), text, binary, date, uuid, fc.integer(), fc.maxSafeInteger(), fc.double(), int64.filter((n) => n > 2n ** 53n),
    fc.array(tie("value"), { maxLength: 5 }), fc.dictionary(text, tie("value"), { maxKeys: 5 }), fc.int32Array(), fc.float64Array(), fc.bigInt64Array(), fc.uint8ClampedArray()),
})).value;

/** Typed arrays stand for arrays of numbers, and what has no octets is one element: compared by their octets, then. */
function isSame(value: unknown, again: unknown): boolean {
  return encoded(value) === encoded(again);
}

describe("round trips", () => {
  test("exact values come back the same, octet for octet and type for type", () => {
    fc.assert(fc.property(anything, (value) => {
      const bytes = octets(encoded(value));
      const again = decoded(bytes, { typed: true });
      expect(isSame(value, again)).toBe(true);
      if (value instanceof Typed && value.type !== "array") expect(again).toEqual(value);
      if (value instanceof Described) expect(again).toBeInstanceOf(Described);
      const r = new ByteReader(bytes);
      skipValue(r);
      expect(r.position).toBe(bytes.length);
    }), { numRuns: 1000 });
  });

  test("plain values come back equal", () => {
    fc.assert(fc.property(plain, (value) => {
      const again = decoded(octets(encoded(value)));
      expect(again).toEqual(value);
    }), { numRuns: 1000 });
  });

  test("arrays of every type keep it, also when they are decoded without `typed`", () => {
    fc.assert(fc.property(array, (value) => {
      expect(isSame(value, decoded(octets(encoded(value))))).toBe(true);
    }), { numRuns: 1000 });
  });

  test("every way to cut a value short is refused", () => {
    fc.assert(fc.property(anything, (value) => {
      const bytes = octets(encoded(value));
      for (let end = 0; end < Math.min(bytes.length, 60); end++) {
        expect(() => decoded(bytes.subarray(0, end))).toThrow(/at offset/);
        expect(() => skipValue(new ByteReader(bytes, 0, end))).toThrow(/at offset/);
      }
    }), { numRuns: 200 });
  });

  test("a reader stays within its stretch of a larger buffer, and counts offsets from its beginning", () => {
    fc.assert(fc.property(anything, fc.nat({ max: 20 }), (value, before) => {
      const bytes = octets(encoded(value));
      const larger = new Uint8Array(before + bytes.length + 20).fill(0x41);
      larger.set(bytes, before);
      const r = new ByteReader(larger.subarray(1), before - 1 < 0 ? 0 : before - 1, before - 1 + bytes.length);
      if (before === 0) return;
      skipValue(r);
      expect(r.position).toBe(before - 1 + bytes.length);
    }), { numRuns: 200 });
  });
});

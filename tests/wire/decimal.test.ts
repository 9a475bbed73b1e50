import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeDecimal, encodeDecimal } from "../../src/wire/decimal.ts";
import type { DecimalWidth } from "../../src/wire/decimal.ts";
import { hex, octets } from "./hex.ts";

/** Width, text, and octets: decoding gives the text, encoding the octets. The 128-bit ones are those of the BSON decimal128 corpus. */
const EXACT: readonly (readonly [DecimalWidth, string, string])[] = [
  [32, "0", "32800000"], [32, "-0", "b2800000"], [32, "1", "32800001"], [32, "-7.50", "b18002ee"], [32, "9999999", "6cb8967f"], [32, "8388607", "32ffffff"],
  [32, "8388608", "6ca00000"], [32, "9.999999E+96", "77f8967f"], [32, "1E-101", "00000001"], [32, "0E-101", "00000000"], [32, "0E+90", "5f800000"],
  [32, "Infinity", "78000000"], [32, "-Infinity", "f8000000"], [32, "NaN", "7c000000"], [32, "sNaN", "7e000000"], [32, "-NaN", "fc000000"], [32, "NaN123", "7c00007b"],
  [64, "0", "31c0000000000000"], [64, "1.5", "31a000000000000f"], [64, "-7.50", "b1800000000002ee"], [64, "9999999999999999", "6c7386f26fc0ffff"],
  [64, "9007199254740991", "31dfffffffffffff"], [64, "9007199254740992", "6c70000000000000"], [64, "9.999999999999999E+384", "77fb86f26fc0ffff"],
  [64, "1E-398", "0000000000000001"], [64, "Infinity", "7800000000000000"], [64, "NaN", "7c00000000000000"],
  [128, "0", "30400000000000000000000000000000"], [128, "-0.0", "b03e0000000000000000000000000000"], [128, "0.1", "303e0000000000000000000000000001"],
  [128, "0.1234567890123456789012345678901234", "2ffc3cde6fff9732de825cd07e96aff2"], [128, "-1.00E-8", "b02c0000000000000000000000000064"],
  [128, "1.000000000000000000000000000000000E+6144", "5ffe314dc6448d9338c15b0a00000000"], [128, "9.999999999999999999999999999999999E+6144", "5fffed09bead87c0378d8e63ffffffff"],
  [128, "1E-6176", "00000000000000000000000000000001"], [128, "0E+6111", "5ffe0000000000000000000000000000"], [128, "1E+3", "30460000000000000000000000000001"],
  [128, "NaN", "7c000000000000000000000000000000"], [128, "-Infinity", "f8000000000000000000000000000000"], [128, "0.001234", "303400000000000000000000000004d2"],
  [128, "12345689012345789012345", "304000000000029d42da3a76f9e0d979"],
];

describe("decimals, text and octets", () => {
  test.each(EXACT)("decimal%d %s is %s", (width, text, octetText) => {
    expect(decodeDecimal(width, octets(octetText))).toBe(text);
    expect(hex(encodeDecimal(width, text))).toBe(octetText);
  });

  test.each<[DecimalWidth, string, string]>([
    [32, "+1", "1"], [32, ".5", "0.5"], [32, "5.", "5"], [32, "1e3", "1E+3"], [32, "0001.50", "1.50"], [32, "1E96", "1.000000E+96"], [32, "10000000", "1.000000E+7"],
    [32, "1.0000000", "1.000000"], [32, "10E-102", "1E-101"], [32, "0E999", "0E+90"], [32, "0E-999", "0E-101"], [32, "0.000001", "0.000001"], [32, "0.0000001", "1E-7"],
    [64, "infinity", "Infinity"], [64, "-INF", "-Infinity"], [64, "nan", "NaN"], [128, "1E6144", `1.${"0".repeat(33)}E+6144`],
  ])("decimal%d reads %s as %s", (width, text, canonical) => {
    expect(decodeDecimal(width, encodeDecimal(width, text))).toBe(canonical);
  });

  test.each<[DecimalWidth, string]>([
    [32, ""], [32, "."], [32, "-"], [32, "1x"], [32, " 1"], [32, "1e"], [32, "1e1.5"], [32, "0x10"], [32, "12345678"], [32, "1.2345678"], [32, "1E97"], [32, "1E-102"],
    [32, "11E-102"], [64, "12345678901234567"], [64, "1E385"], [128, "1E6145"], [128, "1E-6177"], [32, "NaN1000000"], [32, "1".repeat(20_000)], [32, "1e9999999999"],
  ])("decimal%d refuses %s", (width, text) => {
    expect(() => encodeDecimal(width, text)).toThrow(RangeError);
  });

  test.each<[DecimalWidth, string, string]>([
    [32, "6cb89680", "0"], [128, "60000000000000000000000000000000", "0E-6176"], [64, "6c7386f26fc10000", "0"], [32, "7fffffff", "sNaN"], [32, "7bffffff", "Infinity"],
  ])("decimal%d %s, which is not canonical, is %s", (width, octetText, text) => {
    expect(decodeDecimal(width, octets(octetText))).toBe(text);
  });

  test("every finite number goes round, with its zeros", () => {
    const limits = { 32: [7, -101, 90], 64: [16, -398, 369], 128: [34, -6176, 6111] } as const;
    for (const width of [32, 64, 128] as const) {
      const [digits, least, most] = limits[width];
      fc.assert(fc.property(fc.bigInt({ min: 0n, max: 10n ** BigInt(digits) - 1n }), fc.integer({ min: least, max: most }), fc.boolean(), (coefficient, exponent, minus) => {
        const bytes = encodeDecimal(width, `${minus ? "-" : ""}${coefficient}E${exponent}`);
        const text = decodeDecimal(width, bytes);
        expect(hex(encodeDecimal(width, text))).toBe(hex(bytes));
        if (width === 32) expect(Number(text)).toBe(Number(`${minus ? "-" : ""}${coefficient}E${exponent}`));
      }), { numRuns: 300 });
      fc.assert(fc.property(fc.uint8Array({ minLength: width / 8, maxLength: width / 8 }), (bytes) => {
        const text = decodeDecimal(width, bytes);
        expect(decodeDecimal(width, encodeDecimal(width, text))).toBe(text);
      }), { numRuns: 300 });
    }
  });
});

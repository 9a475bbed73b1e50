import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import * as browser from "../../src/platform/browser.ts";
import * as node from "../../src/platform/node.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 100 }), fc.string({ unit: "binary-ascii", maxLength: 100 }),
  fc.tuple(fc.string({ unit: "binary-ascii", maxLength: 30 }), fc.constantFrom("", "\u00e9", "\u20ac", "\u{1f600}", "\ufffd", "\ufeff")).map((parts) => parts.join("")),
);

const INVALID: readonly (readonly [string, readonly number[]])[] = [
  ["a lone continuation", [0x80]], ["overlong", [0xc0, 0xaf]], ["a surrogate", [0xed, 0xa0, 0x80]], ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]], ["cut short", [0xe2, 0x82]], ["ff", [0xff]],
];

test("both platforms export the same names", () => {
  expect(Object.keys(browser).sort()).toEqual(Object.keys(node).sort());
});

describe.each([["node", node], ["browser", browser]] as const)("%s", (_name, platform) => {
  test("text is written as UTF-8, in place, and read back", () => {
    fc.assert(fc.property(text, fc.nat({ max: 5 }), (value, at) => {
      const expected = new TextEncoder().encode(value);
      expect(platform.utf8Length(value)).toBe(expected.length);
      const bytes = new Uint8Array(at + expected.length + 3).fill(0xee);
      expect(platform.writeUtf8(bytes, at, value)).toBe(expected.length);
      expect([...bytes.subarray(at, at + expected.length)]).toEqual([...expected]);
      expect([...bytes.subarray(at + expected.length)]).toEqual([0xee, 0xee, 0xee]);
      expect(platform.readUtf8(bytes, at, at + expected.length)).toBe(value);
    }), { numRuns: 500 });
  });

  test("a lone surrogate counts as U+FFFD, and is told", () => {
    for (const value of ["\ud800", "a\udc00", "\ud800a", "\udc00\ud800", `${"a".repeat(50)}\ud800`]) {
      expect(platform.isWellFormed(value)).toBe(false);
      expect(platform.utf8Length(value)).toBe(new TextEncoder().encode(value).length);
    }
    expect(platform.isWellFormed("a\u{1f600}\u20ac")).toBe(true);
  });

  test.each(INVALID)("B38 %s is refused, short or long", (_what, wrong) => {
    for (const before of [0, 10, 100]) {
      const bytes = Uint8Array.from([...new Array<number>(before).fill(0x61), ...wrong]);
      expect(() => platform.readUtf8(bytes, 0, bytes.length)).toThrow(RangeError);
    }
  });

  test("the byte order mark is kept", () => {
    expect(platform.readUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 0, 4)).toBe("\ufeffa");
  });

  test("ASCII of every length", () => {
    const bytes = Uint8Array.from({ length: 200 }, (_, i) => 33 + (i % 90));
    for (let length = 0; length < 150; length++) {
      const value = String.fromCharCode(...bytes.subarray(7, 7 + length));
      expect(platform.readAscii(bytes, 7, 7 + length)).toBe(value);
      expect(platform.readUtf8(bytes, 7, 7 + length)).toBe(value);
      const copy = new Uint8Array(160).fill(0xee);
      platform.writeAscii(copy, 3, value);
      expect([...copy.subarray(3, 4 + length)]).toEqual([...bytes.subarray(7, 7 + length), 0xee]);
    }
  });

  test("B39 an octet above 7f is not ASCII, wherever it is", () => {
    for (const length of [1, 8, 20, 21, 60]) {
      for (let at = 0; at < length; at++) {
        const bytes = new Uint8Array(length).fill(0x61);
        bytes[at] = 0x80;
        expect(() => platform.readAscii(bytes, 0, length)).toThrow(RangeError);
      }
    }
  });

  test("random octets: as many as wanted, and not the same ones", () => {
    expect(platform.randomBytes(0)).toHaveLength(0);
    expect([...platform.randomBytes(16)]).not.toEqual([...platform.randomBytes(16)]);
    const many = platform.randomBytes(200_000);
    expect(many).toHaveLength(200_000);
    expect(new Set(many.subarray(-1000)).size).toBeGreaterThan(100);
  });
});

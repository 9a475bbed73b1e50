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

  // RFC 3174, RFC 6234; RFC 2202 and RFC 4231, case 2; RFC 6070, and Python's hashlib.pbkdf2_hmac for the longer hashes
  test.each([
    ["SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", "4b007901b765489abead49d926f721d065a429c1"],
    ["SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"],
    ["SHA-512", "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
      "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5"],
  ] as const)("%s: digest, code and derived key of the standards' vectors", async (hash, digested, code, derived) => {
    const octets = (value: string): Uint8Array => new TextEncoder().encode(value);
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    // a view into a larger buffer, as keys often are
    const view = new Uint8Array([0xee, ...octets("abc"), 0xee]).subarray(1, 4);
    expect(hex(await platform.digest(hash, view))).toBe(digested);
    expect(hex(await platform.hmac(hash, octets("Jefe"), octets("what do ya want for nothing?")))).toBe(code);
    expect(hex(await platform.pbkdf2(hash, "password", octets("salt"), 4096, derived.length / 2))).toBe(derived);
  });

  test("a derivation does not hold up the event loop", async () => {
    let turns = 0;
    const derived = platform.pbkdf2("SHA-512", "password", new Uint8Array(16), 60_000, 64).then(() => true);
    let over = false;
    void derived.then(() => (over = true));
    while (!over) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(turns).toBeGreaterThan(3);
  });

  test("random octets: as many as wanted, and not the same ones", () => {
    expect(platform.randomBytes(0)).toHaveLength(0);
    expect([...platform.randomBytes(16)]).not.toEqual([...platform.randomBytes(16)]);
    const many = platform.randomBytes(200_000);
    expect(many).toHaveLength(200_000);
    expect(new Set(many.subarray(-1000)).size).toBeGreaterThan(100);
  });
});

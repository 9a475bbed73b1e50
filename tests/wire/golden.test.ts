import { describe, expect, test } from "@jest/globals";
import { skipValue, ByteReader } from "../../src/wire/decode.ts";
import { Described, Typed, types, Uuid } from "../../src/wire/values.ts";
import { decoded, encoded, octets } from "./hex.ts";

/** Encodings of types, section 1.6: an id, what is decoded with `typed`, its octets, and those that we write when they are other ones. */
const VECTORS: readonly (readonly [string, unknown, string, string?])[] = [
  ["1.6.1 null", null, "40"],
  ["1.6.2 boolean true", true, "41"],
  ["1.6.2 boolean false", false, "42"],
  ["1.6.2 boolean 0x56 01", true, "56 01", "41"],
  ["1.6.2 boolean 0x56 00", false, "56 00", "42"],
  ["1.6.3 ubyte", types.ubyte(255), "50 ff"],
  ["1.6.4 ushort", types.ushort(0x1234), "60 1234"],
  ["1.6.5 uint", types.uint(0xfedcba98), "70 fedcba98"],
  ["1.6.5 smalluint", types.uint(255), "52 ff"],
  ["1.6.5 uint0", types.uint(0), "43"],
  ["1.6.5 uint of more octets than needed", types.uint(1), "70 00000001", "52 01"],
  ["1.6.6 ulong", types.ulong(0xffff_ffff_ffff_ffffn), "80 ffffffffffffffff"],
  ["1.6.6 ulong 2^53 + 1", types.ulong(9007199254740993n), "80 0020000000000001"],
  ["1.6.6 ulong of 32 bits", types.ulong(0x8000_0000), "80 0000000080000000"],
  ["1.6.6 smallulong", types.ulong(0x10), "53 10"],
  ["1.6.6 ulong0", types.ulong(0), "44"],
  ["1.6.7 byte", types.byte(-128), "51 80"],
  ["1.6.8 short", types.short(-2), "61 fffe"],
  ["1.6.9 int", types.int(-2147483648), "71 80000000"],
  ["1.6.9 int 128", types.int(128), "71 00000080"],
  ["1.6.9 smallint", types.int(-1), "54 ff"],
  ["1.6.10 long", types.long(-(1n << 63n)), "81 8000000000000000"],
  ["1.6.10 long -2^53 + 1", types.long(Number.MIN_SAFE_INTEGER), "81 ffe0000000000001"],
  ["1.6.10 smalllong", types.long(127), "55 7f"],
  ["1.6.11 float", types.float(1.5), "72 3fc00000"],
  ["1.6.12 double", types.double(-0), "82 8000000000000000"],
  ["1.6.12 double 0.1", types.double(0.1), "82 3fb999999999999a"],
  ["1.6.13 decimal32 1", types.decimal32("1"), "74 32800001"],
  ["1.6.14 decimal64 -12.50", types.decimal64("-12.50"), "84 b1800000000004e2"],
  ["1.6.15 decimal128 1", types.decimal128("1"), "94 30400000000000000000000000000001"],
  ["1.6.16 char", types.char("\u{1f600}"), "73 0001f600"],
  ["1.6.17 timestamp 2011-07-26T18:21:03.521Z", types.timestamp(new Date("2011-07-26T18:21:03.521Z")), "83 0000013167adb8a1"],
  ["1.6.17 timestamp before 1970", types.timestamp(-1), "83 ffffffffffffffff"],
  ["1.6.17 timestamp beyond a Date", types.timestamp(1n << 62n), "83 4000000000000000"],
  ["1.6.18 uuid", Uuid.parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "98 f81d4fae7dec11d0a76500a0c91e6bf6"],
  ["1.6.19 binary", octets("000102"), "a0 03 000102"],
  ["1.6.19 binary, vbin32", octets("ff"), "b0 00000001 ff", "a0 01 ff"],
  ["1.6.20 string, the example of 1.2", "Hello Glorious Messaging World",
    "a1 1e 48656c6c6f20476c6f72696f7573204d6573736167696e6720576f726c64"],
  ["1.6.20 string of two, three and four octets a character", "\u00e9\u20ac\u{1f600}", "a1 09 c3a9 e282ac f09f9880"],
  ["1.6.20 string, str32", "ab", "b1 00000002 6162", "a1 02 6162"],
  ["1.6.20 string, empty", "", "a1 00"],
  ["1.6.21 symbol", types.symbol("amqp:accepted:list"), "a3 12 616d71703a61636365707465643a6c697374"],
  ["1.6.21 symbol, sym32", types.symbol("a"), "b3 00000001 61", "a3 01 61"],
  ["1.6.22 list0", [], "45"],
  ["1.6.22 list8", [null, true, "a"], "c0 06 03 40 41 a1 01 61"],
  ["1.6.22 list8, empty", [], "c0 01 00", "45"],
  ["1.6.22 list32", [null], "d0 00000005 00000001 40", "c0 02 01 40"],
  ["1.6.23 map8", { a: true, b: null }, "c1 09 04 a1 01 61 41 a1 01 62 40"],
  ["1.6.23 map8, empty", {}, "c1 01 00"],
  ["1.6.23 map32", { a: true }, "d1 00000008 00000002 a1 01 61 41", "c1 05 02 a1 01 61 41"],
  ["1.6.23 map with other keys", new Map([[types.symbol("a"), true]]), "c1 05 02 a3 01 61 41"],
  ["1.6.24 array8, the authors of 1.4", types.array("string", ["Rob J. Godfrey", "Rafael H. Schloming"]),
    "e0 25 02 a1 0e 526f62204a2e20476f6466726579 13 52616661656c20482e205363686c6f6d696e67"],
  ["1.6.24 array8 of symbol", types.array("symbol", ["PLAIN", "ANONYMOUS"]), "e0 12 02 a3 05 504c41494e 09 414e4f4e594d4f5553"],
  ["1.6.24 array32", types.array("symbol", ["a"]), "f0 00000007 00000001 a3 01 61", "e0 04 01 a3 01 61"],
  ["1.2 described, the URL of the standard", Described.of("URL", "http://example.org/hello-world", octets("a1 03 55524c")),
    "00 a1 03 55524c a1 1e 687474703a2f2f6578616d706c652e6f72672f68656c6c6f2d776f726c64"],
  ["1.2 described by a symbol", types.described("a:b", types.int(1)), "00 a3 03 613a62 54 01"],
  ["1.2 described by a ulong", types.described(0x77, [types.uint(1)]), "00 53 77 c0 03 01 52 01"],
  ["1.2 described twice", types.described(1, types.described(2n, null)), "00 53 01 00 53 02 40"],
];

describe("golden vectors, decoded into exact types and encoded", () => {
  test.each(VECTORS.map(([id, value, text, ours]) => [id, value, text, ours ?? text] as const))("%s", (_id, value, text, ours) => {
    expect(decoded(text, { typed: true })).toEqual(value);
    expect(encoded(value)).toBe(ours.replaceAll(" ", ""));
    const r = new ByteReader(octets(text));
    skipValue(r);
    expect(r.position).toBe(octets(text).length);
  });
});

/** An id, the octets, and the value that JavaScript sees by default. */
const PLAIN: readonly (readonly [string, string, unknown])[] = [
  ["ubyte", "50 ff", 255], ["ushort", "60 ffff", 65535], ["uint", "70 ffffffff", 4294967295],
  ["byte", "51 ff", -1], ["short", "61 8000", -32768], ["int", "71 7fffffff", 2147483647],
  ["ulong, safe", "80 001fffffffffffff", Number.MAX_SAFE_INTEGER],
  ["B41 ulong, not safe", "80 0020000000000000", 9007199254740992n],
  ["long, safe", "81 ffe0000000000001", Number.MIN_SAFE_INTEGER],
  ["B41 long, not safe", "81 ffe0000000000000", -9007199254740992n],
  ["B41 long, not safe and rounded to what is", "81 0020000000000001", 9007199254740993n],
  ["float", "72 3fc00000", 1.5], ["double", "82 3ff8000000000000", 1.5],
  ["B41 NaN", "82 7ff8000000000000", NaN], ["B41 -Infinity", "72 ff800000", -Infinity],
  ["timestamp", "83 0000000000000000", new Date(0)],
  ["B41 the last Date", "83 001eb208c2dc0000", new Date(8.64e15)],
  ["B41 the first timestamp beyond", "83 001eb208c2dc0001", 8640000000000001n],
  ["B41 the first timestamp before", "83 ffe14df73d23ffff", -8640000000000001n],
  ["array of int", "e0 0a 02 71 00000001 ffffffff", Int32Array.of(1, -1)],
  ["array of smallint", "e0 04 02 54 01 ff", Int32Array.of(1, -1)],
  ["array of uint", "e0 06 01 70 fffffffe", Uint32Array.of(0xfffffffe)],
  ["array of smalluint", "e0 03 01 52 ff", Uint32Array.of(255)],
  ["array of byte", "e0 03 01 51 ff", Int8Array.of(-1)],
  ["array of ubyte", "e0 03 01 50 ff", Uint8ClampedArray.of(255)],
  ["array of short", "e0 04 01 61 fffe", Int16Array.of(-2)],
  ["array of ushort", "e0 04 01 60 fffe", Uint16Array.of(0xfffe)],
  ["array of long", "e0 0a 01 81 fffffffffffffffe", BigInt64Array.of(-2n)],
  ["array of smalllong", "e0 03 01 55 fe", BigInt64Array.of(-2n)],
  ["array of ulong", "e0 0a 01 80 fffffffffffffffe", BigUint64Array.of(0xffff_ffff_ffff_fffen)],
  ["array of smallulong", "e0 03 01 53 fe", BigUint64Array.of(254n)],
  ["array of float", "e0 06 01 72 3fc00000", Float32Array.of(1.5)],
  ["array of double", "e0 0a 01 82 bff8000000000000", Float64Array.of(-1.5)],
];

describe("golden vectors, decoded by default", () => {
  test.each(PLAIN)("%s", (_id, text, value) => {
    expect(decoded(text)).toEqual(value);
  });

  test("int64: number and bigint", () => {
    expect(decoded("80 0020000000000001", { int64: "number" })).toBe(9007199254740992);
    expect(decoded("53 05", { int64: "bigint" })).toBe(5n);
    expect(decoded("55 ff", { int64: "bigint" })).toBe(-1n);
    expect(decoded("54 ff", { int64: "bigint" })).toBe(-1);
  });

  test("symbol, char, uuid, decimals and described values keep their type", () => {
    expect(decoded("a3 01 61")).toBeInstanceOf(Typed);
    expect(decoded("73 00000061")).toEqual(types.char("a"));
    expect(String(decoded("98 f81d4fae7dec11d0a76500a0c91e6bf6"))).toBe("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    expect(decoded("74 32800001")).toEqual(types.decimal32("1"));
    expect(decoded("00 53 01 54 02")).toEqual(types.described(1, 2));
  });

  test("a map with string keys alone has no prototype; any other is a Map, in its order", () => {
    expect(Object.getPrototypeOf(decoded("c1 01 00"))).toBe(null);
    const map = decoded("c1 10 08 a1 01 32 54 02 a1 01 31 54 01 54 05 41 40 42") as Map<unknown, unknown>;
    expect(map).toBeInstanceOf(Map);
    expect([...map]).toEqual([["2", 2], ["1", 1], [5, true], [null, false]]);
  });

  test("numbers of two types that are one for JavaScript stay two keys", () => {
    const map = decoded("c1 07 04 54 01 41 55 01 42") as Map<unknown, unknown>;
    expect([...map]).toEqual([[1, true], [types.long(1), false]]);
  });

  test("binary shares the octets it was read from", () => {
    const bytes = octets("a0 02 0102");
    const binary = decoded(bytes) as Uint8Array;
    expect(binary.buffer).toBe(bytes.buffer);
    expect(Object.getPrototypeOf(binary)).toBe(Uint8Array.prototype);
  });
});

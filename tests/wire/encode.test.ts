import { describe, expect, test } from "@jest/globals";
import { EncodeError } from "../../src/errors.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import {
  beginList, beginMap, endList, endMap, writeByte, writeChar, writeDescriptor, writeInt, writeLong, writeMap, writeShort, writeString, writeSymbol,
  writeSymbols, writeTimestamp, writeUbyte, writeUint, writeUlong, writeUshort, writeValue,
} from "../../src/wire/encode.ts";
import { types, Uuid } from "../../src/wire/values.ts";
import { decoded, encoded, hex, octets, written } from "./hex.ts";

function notEncodable(write: () => unknown): void {
  let error: unknown;
  try {
    write();
  } catch (found) {
    error = found;
  }
  expect(error).toBeInstanceOf(EncodeError);
  expect(error).toMatchObject({ code: "not-encodable", scope: "delivery" });
}

/** JavaScript values and what the rules of the types paragraph make of them. */
const RULES: readonly (readonly [string, unknown, string])[] = [
  ["0 -> int", 0, "5400"], ["-0 -> double", -0, "828000000000000000"], ["-128 -> int", -128, "5480"], ["-129 -> int", -129, "71ffffff7f"],
  ["2^31 - 1 -> int", 2 ** 31 - 1, "717fffffff"], ["2^31 -> long", 2 ** 31, "810000000080000000"], ["-2^31 - 1 -> long", -(2 ** 31) - 1, "81ffffffff7fffffff"],
  ["2^53 - 1 -> long", 2 ** 53 - 1, "81001fffffffffffff"], ["2^53 -> double", 2 ** 53, "824340000000000000"], ["0.5 -> double", 0.5, "823fe0000000000000"],
  ["NaN -> double", NaN, "827ff8000000000000"], ["-Infinity -> double", -Infinity, "82fff0000000000000"],
  ["5n -> long", 5n, "5505"], ["-129n -> long", -129n, "81ffffffffffffff7f"], ["2^63 - 1 -> long", 2n ** 63n - 1n, "817fffffffffffffff"],
  ["2^63 -> ulong", 2n ** 63n, "808000000000000000"], ["2^64 - 1 -> ulong", 2n ** 64n - 1n, "80ffffffffffffffff"],
  ["undefined -> null", undefined, "40"], ["null", null, "40"], ["text", "a", "a10161"], ["Uint8Array -> binary", Uint8Array.of(1), "a00101"],
  ["Buffer -> binary", Buffer.from([1]), "a00101"], ["Date -> timestamp", new Date(1), "830000000000000001"],
  ["Uuid", Uuid.parse("00000000-0000-0000-0000-0000000000FF"), "98000000000000000000000000000000ff"],
  ["array -> list", [1, undefined, "a"], "c00703540140a10161"], ["sparse array -> nulls", new Array(2), "c003024040"],
  ["object -> map, undefined left out", { a: 1, b: undefined }, "c10602a101615401"],
  ["object without prototype -> map", Object.assign(Object.create(null) as object, { a: 1 }), "c10602a101615401"],
  ["instance of a class -> map", new (class { a = 1; })(), "c10602a101615401"],
  ["Map", new Map<unknown, unknown>([[1, "a"], [null, undefined]]), "c108045401a101614040"],
  ["Int8Array", Int8Array.of(-1), "e0030151ff"], ["Uint8ClampedArray -> array of ubyte", Uint8ClampedArray.of(255), "e0030150ff"],
  ["Int16Array", Int16Array.of(-2), "e0040161fffe"], ["Uint16Array", Uint16Array.of(2), "e00401600002"],
  ["Int32Array", Int32Array.of(1, -1), "e00a027100000001ffffffff"], ["Uint32Array", Uint32Array.of(1), "e006017000000001"],
  ["BigInt64Array", BigInt64Array.of(-2n), "e00a0181fffffffffffffffe"], ["BigUint64Array", BigUint64Array.of(2n), "e00a01800000000000000002"],
  ["Float32Array", Float32Array.of(1.5), "e00601723fc00000"], ["Float64Array", Float64Array.of(-1.5), "e00a0182bff8000000000000"],
  ["Int32Array, empty", new Int32Array(0), "e0020071"], ["part of a buffer", new Int32Array(Int32Array.of(9, 1, 9).buffer, 4, 1), "e006017100000001"],
];

describe("values by the rules", () => {
  test.each(RULES)("%s", (_what, value, text) => expect(encoded(value)).toBe(text));

  test.each<[string, unknown]>([
    ["2^64", 2n ** 64n], ["-2^63 - 1", -(2n ** 63n) - 1n], ["a symbol of JavaScript", Symbol("x")], ["a function", () => 1], ["an invalid Date", new Date(NaN)],
    ["a Set", new Set()], ["a Promise", Promise.resolve()], ["a RegExp", /x/], ["an Error", new Error("x")], ["a DataView", new DataView(new ArrayBuffer(1))],
    ["an ArrayBuffer", new ArrayBuffer(1)], ["a lone surrogate", "a\ud800"], ["a lone surrogate in longer text", `${"a".repeat(90)}\udc00`],
    ["a lone surrogate in a key", { "\ud800": 1 }], ["a lone surrogate in an array", types.array("string", ["\ud800"])],
  ])("refused: %s", (_what, value) => notEncodable(() => encoded(value)));

  test("64 levels are written, 65 and circles are not", () => {
    const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown => {
      let value: unknown = null;
      for (let i = 0; i < depth; i++) value = wrap(value);
      return value;
    };
    const wraps: ((inner: unknown) => unknown)[] = [
      (inner) => [inner], (inner) => ({ a: inner }), (inner) => new Map([[1, inner]]), (inner) => types.described(1, inner),
      (inner) => types.array("list", [[inner]]),
    ];
    for (const wrap of wraps) {
      const levels = wrap === wraps[4] ? 32 : 64;
      expect(() => decoded(octets(encoded(nested(levels, wrap))))).not.toThrow();
      notEncodable(() => encoded(nested(levels + 1, wrap)));
    }
    const circle: unknown[] = [];
    circle.push(circle, circle);
    notEncodable(() => encoded(circle));
    const map = new Map<unknown, unknown>();
    map.set("self", map);
    notEncodable(() => encoded(map));
  });

  test("a chain of arrays with long elements is written once, not twice per level", () => {
    let array = types.array("string", ["x".repeat(300)]);
    for (let i = 0; i < 60; i++) array = types.array("array", [array]);
    expect(decoded(octets(encoded(array)))).toEqual(array);
  });

  test("keys of a Map that are one on the wire are refused", () => {
    notEncodable(() => encoded(new Map([[types.symbol("a"), 1], [types.symbol("a"), 2]])));
    notEncodable(() => written((w) => writeMap(w, new Map<unknown, unknown>([["a", 1], [types.symbol("a"), 2]]), "symbol")));
    notEncodable(() => encoded(new Map<unknown, unknown>([[1, 1], [types.int(1), 2]])));
  });
});

describe("sizes around 255", () => {
  test.each<[string, number, string]>([["28 characters", 28, "a11c"], ["29", 29, "a11d"], ["85", 85, "a155"], ["86", 86, "a156"], ["255", 255, "a1ff"], ["256", 256, "b100000100"]])(
    "text of %s", (_what, length, head) => {
      expect(encoded("a".repeat(length))).toBe(head + "61".repeat(length));
      expect(encoded(types.symbol("a".repeat(length)))).toBe(head.replace("1", "3") + "61".repeat(length));
      expect(encoded(new Uint8Array(length).fill(0x61))).toBe(head.replace("1", "0") + "61".repeat(length));
    });
  test.each([1, 14, 28, 29, 85, 86, 127, 128, 300])("text of %d characters of two octets", (length) => {
    const size = length * 2;
    const head = size > 255 ? `b1${size.toString(16).padStart(8, "0")}` : `a1${size.toString(16).padStart(2, "0")}`;
    expect(encoded("\u00e9".repeat(length))).toBe(head + "c3a9".repeat(length));
    expect(encoded(`${"a".repeat(length - 1)}\u00e9`)).toBe(encoded("a".repeat(length + 1)).slice(0, -4) + "c3a9");
  });
  test("text of 85 characters of three octets", () => expect(encoded("\u20ac".repeat(85))).toBe(`a1ff${"e282ac".repeat(85)}`));
  test("lists: 254 octets of items have one octet of size, 255 have four", () => {
    expect(encoded(new Array(254).fill(null))).toBe(`c0fffe${"40".repeat(254)}`);
    expect(encoded(new Array(255).fill(null))).toBe(`d000000103000000ff${"40".repeat(255)}`);
  });
  test("lists in lists in lists move as they grow", () => {
    const value = [[["a".repeat(200)], "b".repeat(200)], { k: ["c".repeat(300)] }];
    expect(decoded(octets(encoded(value)))).toEqual(value);
  });
  test("arrays: one octet of size up to 255, else four", () => {
    expect(encoded(new Uint16Array(126))).toBe(`e0fe7e60${"0000".repeat(126)}`);
    expect(encoded(new Uint16Array(127))).toBe(`f0000001030000007f60${"0000".repeat(127)}`);
    expect(encoded(types.array("string", ["a", "b".repeat(256)]))).toBe(`f00000010e00000002b100000001610000010062${"62".repeat(255)}`);
    expect(encoded(types.array("binary", [new Uint8Array(255)]))).toBe(`f00000010500000001a0ff${"00".repeat(255)}`);
  });
});

describe("arrays of everything", () => {
  test.each<[string, unknown, string]>([
    ["null", types.array("null", [null, null]), "e0020240"], ["boolean", types.array("boolean", [true, false]), "e00402560100"],
    ["ubyte", types.array("ubyte", [1]), "e003015001"], ["ulong", types.array("ulong", [1]), "e00a01800000000000000001"],
    ["long", types.array("long", [-1n]), "e00a0181ffffffffffffffff"], ["int, of wrappers", types.array("int", [types.int(1)]), "e006017100000001"],
    ["float", types.array("float", [1.5]), "e00601723fc00000"], ["double", types.array("double", [1.5]), "e00a01823ff8000000000000"],
    ["char", types.array("char", ["a"]), "e006017300000061"], ["timestamp", types.array("timestamp", [new Date(1), -1n]), "e01202830000000000000001ffffffffffffffff"],
    ["decimal32", types.array("decimal32", ["1"]), "e006017432800001"], ["decimal64", types.array("decimal64", ["1"]), "e00a018431c0000000000001"],
    ["decimal128", types.array("decimal128", ["1"]), "e012019430400000000000000000000000000001"],
    ["uuid", types.array("uuid", [Uuid.parse("00000000-0000-0000-0000-000000000001")]), "e012019800000000000000000000000000000001"],
    ["binary", types.array("binary", [Uint8Array.of(1)]), "e00401a00101"], ["string", types.array("string", ["", "a"]), "e00502a1000161"],
    ["symbol", types.array("symbol", [types.symbol("a")]), "e00401a30161"],
    ["list", types.array("list", [[], [null]]), "e01302d00000000400000000000000050000000140"],
    ["map", types.array("map", [{ a: true }, new Map()]), "e01602d10000000800000002a10161410000000400000000"],
    ["array", types.array("array", [Int8Array.of(1), types.array("symbol", ["a"])]), "e01702f0000000060000000151010000000700000001a30161"],
    ["described", types.array("int", [types.described("a", 1), types.described("a", 2)]), "e00e0200a30161710000000100000002"],
    ["described twice", types.array("boolean", [types.described(1, types.described(2, true))]), "e009010053010053025601"],
    ["nothing", types.array("map", []), "e00200d1"],
  ])("of %s", (_what, array, text) => {
    expect(encoded(array)).toBe(text);
    expect(encoded(decoded(text))).toBe(text);
    expect(encoded(decoded(text, { typed: true }))).toBe(text);
  });
});

describe("fields", () => {
  test("numbers outside their type are refused", () => {
    const wrong: (readonly [(w: ByteWriter, value: never) => void, readonly unknown[]])[] = [
      [writeUbyte, [-1, 256, 0.5, NaN]], [writeUshort, [-1, 65_536, 0.5]], [writeUint, [-1, 2 ** 32, 0.5, NaN]], [writeUlong, [-1, 2 ** 53, 0.5, -1n, 2n ** 64n]],
      [writeByte, [-129, 128]], [writeShort, [-32_769, 32_768]], [writeInt, [2 ** 31, -(2 ** 31) - 1, 0.5]], [writeLong, [2 ** 53, 0.5, 2n ** 63n]],
      [writeTimestamp, [0.5, NaN, 2n ** 63n]], [writeChar, ["", "ab", "\ud800"]], [writeSymbol, ["\u00e9"]], [writeString, ["\udc00"]],
    ];
    for (const [write, values] of wrong) for (const value of values) notEncodable(() => written((w) => write(w, value as never)));
  });
  test("smallest encodings", () => {
    expect(written((w) => { for (const n of [0, 1, 255, 256, 2 ** 32 - 1]) writeUint(w, n); })).toBe("43520152ff700000010070ffffffff");
    expect(written((w) => { for (const n of [0, 0n, 255, 255n, 256, 2 ** 40]) writeUlong(w, n); })).toBe("444453ff53ff800000000000000100800000010000000000");
    expect(written((w) => { for (const n of [-128, 127n, 128, -129n]) writeLong(w, n); })).toBe("5580557f81000000000000008081ffffffffffffff7f");
    expect(written((w) => writeDescriptor(w, 0x14))).toBe("005314");
    expect(written((w) => writeTimestamp(w, -1))).toBe("83ffffffffffffffff");
  });
  test("arrays of symbols", () => {
    expect(written((w) => writeSymbols(w, []))).toBe("e00200a3");
    expect(written((w) => writeSymbols(w, ["a", "bc"]))).toBe("e00702a30161026263");
    expect(written((w) => writeSymbols(w, ["a".repeat(256)]))).toBe(`f00000010900000001b300000100${"61".repeat(256)}`);
    expect(written((w) => writeSymbols(w, ["a".repeat(252)]))).toBe(`e0ff01a3fc${"61".repeat(252)}`);
    expect(written((w) => writeSymbols(w, ["a".repeat(253)]))).toBe(`f00000010300000001a3fd${"61".repeat(253)}`);
    notEncodable(() => written((w) => writeSymbols(w, ["\u00e9"])));
  });
  test("maps by the kind of their keys", () => {
    expect(written((w) => writeMap(w, { a: 1 }, "symbol"))).toBe("c10602a301615401");
    expect(written((w) => writeMap(w, { a: 1 }, "string"))).toBe("c10602a101615401");
    expect(written((w) => writeMap(w, new Map([["a", 1]]), "symbol"))).toBe("c10602a301615401");
    expect(written((w) => writeMap(w, new Map([[types.symbol("a"), 1]]), "any"))).toBe("c10602a301615401");
    expect(written((w) => writeMap(w, {}, "symbol"))).toBe("c10100");
    for (const key of [1, null, undefined, types.int(1)]) notEncodable(() => written((w) => writeMap(w, new Map([[key, 1]]), "symbol")));
  });
  test("begin and end", () => {
    expect(written((w) => endList(w, beginList(w), 0))).toBe("45");
    expect(written((w) => endMap(w, beginMap(w), 0))).toBe("c10100");
    const w = new ByteWriter(16);
    w.writeBytes(Uint8Array.of(0xee));
    const mark = beginList(w);
    writeUint(w, 1);
    writeString(w, "a");
    endList(w, mark, 2);
    expect(hex(w.toBytes())).toBe("eec006025201a10161");
  });
  test("room is made for what is written behind other things", () => {
    const w = new ByteWriter(16);
    for (let i = 0; i < 100; i++) writeValue(w, ["abc", i, 2 ** 40, new Date(i), { k: "\u20ac" }]);
    expect(w.toBytes()).toHaveLength(w.position);
  });
});

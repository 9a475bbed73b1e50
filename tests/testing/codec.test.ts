/** The scripted peer's codec against the standard's encodings, written out as hexadecimal. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse, parseAll, simple } from "../../src/testing/codec/decode.ts";
import { encode } from "../../src/testing/codec/encode.ts";
import { decodeMessage, encodeMessage } from "../../src/testing/codec/message.ts";
import { hex, toHex } from "../../src/testing/codec/octets.ts";

// value, its bytes, and what they read as where that is not the value itself
const VECTORS: readonly (readonly [value: unknown, bytes: string, read?: unknown])[] = [
  [null, "40"],
  [true, "41"],
  [false, "42"],
  [{ uint: 0 }, "43", 0],
  [{ ulong: 0 }, "44", 0],
  [[], "45"],
  [{ ubyte: 255 }, "50ff", 255],
  [{ byte: -1 }, "51ff", -1],
  [{ uint: 255 }, "52ff", 255],
  [{ uint: 256 }, "7000000100", 256],
  [{ uint: 4294967295 }, "70ffffffff", 4294967295],
  [{ ulong: 255 }, "53ff", 255],
  [{ ulong: 256 }, "800000000000000100", 256],
  [{ ulong: 0xffff_ffff_ffff_ffffn }, "80ffffffffffffffff", 0xffff_ffff_ffff_ffffn],
  [-128, "5480"],
  [128, "7100000080"],
  [-2147483648, "7180000000"],
  [2147483648, "810000000080000000"],
  [-1n, "55ff", -1],
  [-(2n ** 63n), "818000000000000000"],
  [{ ushort: 1000 }, "6003e8", 1000],
  [{ short: -2 }, "61fffe", -2],
  [{ float: 1.5 }, "723fc00000", 1.5],
  [1.5, "823ff8000000000000"],
  [-0, "828000000000000000"],
  [{ char: "€" }, "73000020ac", "€"],
  [{ char: "😀" }, "730001f600", "😀"],
  [new Date(1311704463521), "830000013167adb8a1"],
  [{ timestamp: -1 }, "83ffffffffffffffff", new Date(-1)],
  [{ timestamp: 9_000_000_000_000_000n }, "83001ff973cafa8000", 9_000_000_000_000_000n],
  [{ uuid: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6" }, "98f81d4fae7dec11d0a76500a0c91e6bf6", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
  [hex("010203"), "a003010203"],
  ["é", "a102c3a9"],
  [{ symbol: "amqp:list" }, "a309616d71703a6c697374", "amqp:list"],
  [{ decimal32: hex("32800001") }, "7432800001", hex("32800001")],
  [[1, "a"], "c006025401a10161"],
  [{ a: true }, "c10502a1016141"],
  [new Map([[1, 2]]), "c1050254015402"],
  [{ array: ["symbol", ["a", "bc"]] }, "e00702a301610262 63", ["a", "bc"]],
  [{ array: ["uint", [1, 256]] }, "e00a027000000001 00000100", [1, 256]],
  [{ array: ["boolean", [true, false]] }, "e004025601 00", [true, false]],
  [{ array: ["int", [-1, 70000]] }, "e00a0271ffffffff00011170", [-1, 70000]],
  [{ described: [0x24, []] }, "00532445", { described: [0x24, []] }],
  [{ described: ["example:book:list", [1]] }, "00a3116578616d706c653a626f6f6b3a6c697374c003015401", { described: ["example:book:list", [1]] }],
  [{ bytes: hex("700000000a") }, "700000000a", 10],
];

describe("values", () => {
  test.each(VECTORS)("%p is %s", (value, bytes, read = value) => {
    expect(toHex(encode(value))).toBe(bytes.replaceAll(" ", ""));
    const node = parse(hex(bytes));
    expect(toHex(node.bytes)).toBe(bytes.replaceAll(" ", ""));
    expect(plain(simple(node))).toEqual(plain(read));
  });

  test("texts, binaries, lists, maps and arrays beyond 255 octets take the wide form", () => {
    expect(toHex(encode("x".repeat(256))).slice(0, 12)).toBe("b10000010078");
    expect(toHex(encode(new Uint8Array(256))).slice(0, 10)).toBe("b000000100");
    expect(toHex(encode({ symbol: "x".repeat(256) })).slice(0, 10)).toBe("b300000100");
    // 256 items of two octets and the count's own four: 0x204
    expect(toHex(encode(Array(256).fill(1))).slice(0, 22)).toBe("d000000204000001005401");
    expect(toHex(encode(new Map(Array.from({ length: 200 }, (_, i) => [{ ubyte: i }, null])))).slice(0, 18)).toBe("d10000025c00000190");
    expect(toHex(encode({ array: ["ubyte", Array(300).fill(7)] })).slice(0, 20)).toBe("f0000001310000012c50");
  });

  test("the standard's example of a described list (types, figure 1.3)", () => {
    const bytes = hex(`00 A3 11 65 78 61 6D 70 6C 65 3A 62 6F 6F 6B 3A 6C 69 73 74
      C0 40 03 A1 15 41 4D 51 50 20 66 6F 72 20 26 20 62 79 20 44 75 6D 6D 69 65 73
      E0 25 02 A1 0E 52 6F 62 20 4A 2E 20 47 6F 64 66 72 65 79 13 52 61 66 61 65 6C 20 48 2E 20 53 63 68 6C 6F 6D 69 6E 67 40`);
    expect(simple(parse(bytes))).toEqual({
      described: ["example:book:list", ["AMQP for & by Dummies", ["Rob J. Godfrey", "Rafael H. Schloming"], null]],
    });
  });

  test.each([
    ["a reserved format code", "57", /format code 0x57/],
    ["a truncated uint", "700000", /4 octets wanted/],
    ["a string longer than what is there", "a10561", /5 octets wanted/],
    ["octets left over in a list", "c00301 40 40", /left over/],
    ["a list that ends before its count", "c00202 40", /1 octets wanted/],
    ["an odd map", "c1020140", /odd number/],
    ["a boolean of 2", "5602", /boolean/],
    ["a symbol beyond ASCII", "a301e9", /beyond ASCII/],
    ["a string that is not UTF-8", "a101ff", /not valid|invalid/i],
  ])("%s is refused", (_, bytes, message) => {
    expect(() => parse(hex(bytes))).toThrow(message);
  });

  test("values one after the other", () => {
    expect(parseAll(hex("41 5401 45")).map(simple)).toEqual([true, 1, []]);
  });

  test("what is written reads back the same", () => {
    const leaf = fc.oneof(
      fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.double({ noNaN: true, min: -1e6, max: 1e6 }), fc.uint8Array(),
      fc.date({ noInvalidDate: true }), fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 63n - 1n }),
    );
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value")), fc.dictionary(fc.string({ minLength: 20 }), tie("value"))),
    }));
    fc.assert(fc.property(value, (input) => expect(plain(simple(parse(encode(input))))).toEqual(plain(input))));
  });
});

describe("messages", () => {
  test("sections come in the standard's order", () => {
    const bytes = encodeMessage({
      value: "hi", header: { durable: true, priority: 4 }, properties: { messageId: "m", to: "q" }, applicationProperties: { n: 1 },
      messageAnnotations: { "x-opt": 1 }, footer: {},
    });
    expect(toHex(bytes)).toBe(
      "005370c00402415004" + "005372c10a02a305782d6f70745401" + "005373c00803a1016d40a10171" + "005374c10602a1016e5401" + "005377a1026869" + "005378c10100",
    );
    expect(decodeMessage(bytes).map(({ name }) => name)).toEqual(["header", "messageAnnotations", "properties", "applicationProperties", "value", "footer"]);
  });

  test("data and sequences", () => {
    expect(toHex(encodeMessage({ data: [hex("01"), hex("02")] }))).toBe("005375a00101005375a00102");
    expect(toHex(encodeMessage({ sequence: [[1], []] }))).toBe("005376c00301540100537645");
    expect(decodeMessage(hex("005376c003015401"))).toEqual([{ name: "sequence", value: [1] }]);
  });
});

/** The same value with bytes as hexadecimal text and maps as entries, so that prototypes and buffers do not count. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: toHex(value) };
  if (value instanceof Date || value === null || typeof value !== "object") return value;
  if (value instanceof Map) return { entries: [...value].map(plain) };
  if (Array.isArray(value)) return value.map(plain);
  return { record: Object.entries(value).map(([key, item]) => [key, plain(item)]) };
}

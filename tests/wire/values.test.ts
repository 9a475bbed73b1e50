import { describe, expect, test } from "@jest/globals";
import { inspect } from "node:util";
import { EncodeError } from "../../src/errors.ts";
import { Described, Typed, types, Uuid } from "../../src/wire/values.ts";
import type { ArrayElement } from "../../src/wire/values.ts";
import { hex } from "./hex.ts";

describe("types", () => {
  test("values take the form that decoding gives", () => {
    expect(types.ulong(5)).toMatchObject({ type: "ulong", value: 5n });
    expect(types.long("9".length)).toMatchObject({ type: "long", value: 1n });
    expect(types.uint(5).value).toBe(5);
    expect(types.float(0.1).value).toBe(Math.fround(0.1));
    expect(types.char(0x1f600).value).toBe("\u{1f600}");
    expect(types.timestamp(0).value).toEqual(new Date(0));
    expect(types.timestamp(8_640_000_000_000_001n).value).toBe(8_640_000_000_000_001n);
    expect(types.decimal32("01.50")).toMatchObject({ type: "decimal32", value: "1.50" });
    expect(types.decimal64(new Uint8Array(8)).value).toBe("0E-398");
    expect(types.described(5, 1)).toMatchObject({ descriptor: 5n, value: 1 });
    expect(types.described("a:b", 1).descriptor).toBe("a:b");
    expect(Object.is(types.int(-0).value, 0)).toBe(true);
  });

  test("a Date is copied, and octets are", () => {
    const date = new Date(1);
    const typed = types.timestamp(date);
    date.setTime(2);
    expect(typed.value).toEqual(new Date(1));
    const bytes = new Uint8Array(4);
    const decimal = types.decimal32(bytes);
    bytes.fill(255);
    expect(hex(decimal.exact as Uint8Array)).toBe("00000000");
  });

  test.each<[string, () => unknown]>([
    ["ulong(-1)", () => types.ulong(-1)], ["ulong(2^64)", () => types.ulong(2n ** 64n)], ["ulong(2^53)", () => types.ulong(2 ** 53)], ["ulong(text)", () => types.ulong("1" as never)],
    ["long(2^63)", () => types.long(2n ** 63n)], ["uint(-1)", () => types.uint(-1)], ["uint(2^32)", () => types.uint(2 ** 32)], ["ushort(65536)", () => types.ushort(65_536)],
    ["ubyte(256)", () => types.ubyte(256)], ["byte(128)", () => types.byte(128)], ["short(32768)", () => types.short(32_768)], ["int(2^31)", () => types.int(2 ** 31)],
    ["int(0.5)", () => types.int(0.5)], ["int(text)", () => types.int("1" as never)], ["float(1e300)", () => types.float(1e300)], ["double(text)", () => types.double("1" as never)],
    ["char(two)", () => types.char("ab")], ["char(empty)", () => types.char("")], ["char(surrogate)", () => types.char(0xd800)], ["char(beyond)", () => types.char(0x110000)],
    ["char(half a pair)", () => types.char("\ud83d")], ["symbol(e acute)", () => types.symbol("\u00e9")], ["symbol(number)", () => types.symbol(1 as never)],
    ["timestamp(invalid)", () => types.timestamp(new Date(NaN))], ["timestamp(0.5)", () => types.timestamp(0.5)], ["timestamp(2^63)", () => types.timestamp(2n ** 63n)],
    ["decimal32(text)", () => types.decimal32("x")], ["decimal32(8 digits)", () => types.decimal32("12345678")], ["decimal64(3 octets)", () => types.decimal64(new Uint8Array(3))],
    ["described(-1)", () => types.described(-1, null)], ["described(e acute)", () => types.described("\u00e9", null)], ["described(null)", () => types.described(null as never, null)],
    ["array(unknown)", () => types.array("texts" as ArrayElement, [])], ["array(of others)", () => types.array("int", [1, "a"])], ["array(null in it)", () => types.array("string", ["a", null])],
    ["array(two descriptors)", () => types.array("int", [types.described("a", 1), types.described("b", 1)])], ["array(some described)", () => types.array("int", [types.described("a", 1), 1])],
    ["array(binary in list)", () => types.array("list", [new Uint8Array(1)])], ["array(Date in map)", () => types.array("map", [new Date(0)])],
    ["array(list in array)", () => types.array("array", [[1]])], ["array(other wrapper)", () => types.array("int", [types.uint(1)])],
  ])("%s is refused", (_what, make) => {
    expect(make).toThrow(EncodeError);
    expect(make).toThrow(expect.objectContaining({ code: "not-encodable" }));
  });

  test("text and inspection", () => {
    expect(String(types.symbol("a"))).toBe("a");
    expect(String(types.timestamp(0))).toBe("1970-01-01T00:00:00.000Z");
    expect(String(types.array("int", [1, 2]))).toBe("1,2");
    expect(inspect(types.symbol("a"))).toBe("symbol('a')");
    expect(inspect(types.described("a", 1))).toBe("described('a', 1)");
    expect(inspect({ id: Uuid.parse("00000000-0000-0000-0000-000000000000") })).toBe("{ id: uuid(00000000-0000-0000-0000-000000000000) }");
    expect(types.int(1)).toBeInstanceOf(Typed);
    expect(types.described(1, 1)).toBeInstanceOf(Described);
  });
});

describe("Uuid", () => {
  test("parses either case and prints lower case", () => {
    const uuid = Uuid.parse("F81D4FAE-7dec-11d0-a765-00a0c91e6bf6");
    expect(String(uuid)).toBe("f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
    expect(JSON.stringify({ uuid })).toBe('{"uuid":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}');
    expect(hex(uuid.bytes)).toBe("f81d4fae7dec11d0a76500a0c91e6bf6");
    expect(uuid.equals(Uuid.parse(String(uuid)))).toBe(true);
    expect(uuid.equals(Uuid.random())).toBe(false);
  });
  test.each(["", "f81d4fae7dec11d0a76500a0c91e6bf6", "{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}", "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "g81d4fae-7dec-11d0-a765-00a0c91e6bf6", null])(
    "refuses %p", (text) => expect(() => Uuid.parse(text as string)).toThrow(EncodeError));
  test("random ones are of version 4 and differ", () => {
    const all = new Set(Array.from({ length: 100 }, () => String(Uuid.random())));
    expect(all.size).toBe(100);
    for (const text of all) expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

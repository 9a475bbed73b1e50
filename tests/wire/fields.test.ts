import { describe, expect, test } from "@jest/globals";
import { DecodeError } from "../../src/errors.ts";
import {
  ByteReader, readBinary, readBoolean, readDescriptor, readListHeader, readMapHeader, readString, readSymbol, readSymbols, readTextMap,
  readTimestamp, readUbyte, readUint, readUlong, readUshort,
} from "../../src/wire/decode.ts";
import { types } from "../../src/wire/values.ts";
import { hex, octets } from "./hex.ts";

function field<T>(read: (r: ByteReader) => T, text: string): T {
  const r = new ByteReader(octets(text));
  const value = read(r);
  expect(r.position).toBe(r.end);
  return value;
}

const READERS: readonly (readonly [string, (r: ByteReader) => unknown, readonly string[]])[] = [
  ["boolean", readBoolean, ["41", "42", "5601", "5600"]], ["ubyte", readUbyte, ["5001"]], ["ushort", readUshort, ["600001"]], ["uint", readUint, ["43", "5201", "7000000001"]],
  ["ulong", readUlong, ["44", "5301", "800000000000000001"]], ["string", readString, ["a10161", "b10000000161"]], ["symbol", readSymbol, ["a30161", "b30000000161"]],
  ["binary", readBinary, ["a00161", "b00000000161"]], ["timestamp", readTimestamp, ["830000000000000001"]],
];

describe("fields of a known type", () => {
  test("null is undefined", () => {
    for (const [, read] of READERS) expect(field(read, "40")).toBe(undefined);
    expect(field(readSymbols, "40")).toBe(undefined);
    expect(field(readTextMap, "40")).toBe(undefined);
    expect(field(readMapHeader, "40")).toBe(-1);
  });

  test("B43 any other type is refused by name", () => {
    for (const [name, read, own] of READERS) {
      for (const [other, , texts] of READERS) {
        if (other === name) continue;
        for (const text of texts) expect(() => field(read, text)).toThrow(new RegExp(`^${name} is expected, not ${other}, at offset 0$`));
      }
      for (const text of own) expect(field(read, text)).not.toBe(undefined);
      expect(() => field(read, "00530140")).toThrow(/not a described value/);
      expect(() => field(read, "3f")).toThrow(/unknown format code 0x3f/);
      for (const text of own) if (text.length > 2) expect(() => field(read, text.slice(0, -2))).toThrow(DecodeError);
      expect(() => field(read, "")).toThrow(DecodeError);
    }
  });

  test("values", () => {
    expect(field(readBoolean, "5600")).toBe(false);
    expect(() => field(readBoolean, "5602")).toThrow(DecodeError);
    expect(field(readUint, "70ffffffff")).toBe(4294967295);
    expect(field(readUlong, "800020000000000001")).toBe(9007199254740993n);
    expect(field(readUlong, "80001fffffffffffff")).toBe(Number.MAX_SAFE_INTEGER);
    expect(field(readTimestamp, "83ffffffffffffffff")).toBe(-1);
    expect(field(readTimestamp, "834000000000000000")).toBe(1n << 62n);
    expect(field(readTimestamp, "83001eb208c2dc0001")).toBe(8_640_000_000_000_001n);
    expect(hex(field(readBinary, "a0020102") as Uint8Array)).toBe("0102");
  });

  test("B38 B39 text is checked in fields too", () => {
    expect(() => field(readString, "a10180")).toThrow(/invalid UTF-8, at offset 2/);
    expect(() => field(readSymbol, "a30180")).toThrow(/not ASCII, at offset 2/);
  });

  test("B45 multiple: null, an empty array, one symbol, an array", () => {
    expect(field(readSymbols, "e00200a3")).toBe(undefined);
    expect(field(readSymbols, "a30161")).toEqual(["a"]);
    expect(field(readSymbols, "e00401a30161")).toEqual(["a"]);
    expect(field(readSymbols, "f00000000e00000002b3000000016100000000")).toEqual(["a", ""]);
    for (const text of ["45", "e00401a10161", "e00401a301", "e00501a3016100", "e00300a3ff", "e0020171", "f00000000500ffffffa3", "a10161", "e00401a30180"]) {
      expect(() => field(readSymbols, text)).toThrow(DecodeError);
    }
  });

  test("descriptors", () => {
    expect(field(readDescriptor, "005314")).toBe(0x14);
    expect(field(readDescriptor, "00800000000000000014")).toBe(0x14);
    expect(field(readDescriptor, "0044")).toBe(0);
    expect(field(readDescriptor, "0080ffffffffffffffff")).toBe(2n ** 64n - 1n);
    expect(field(readDescriptor, "00a30161")).toBe("a");
    for (const text of ["5314", "00", "0040", "00a10161", "00005301", "005401"]) expect(() => field(readDescriptor, text)).toThrow(DecodeError);
  });

  test("heads of lists and maps", () => {
    const head = (read: (r: ByteReader) => number, text: string): unknown => {
      const r = new ByteReader(octets(text));
      const end = read(r);
      return [end, r.count, r.position];
    };
    expect(head(readListHeader, "45")).toEqual([1, 0, 1]);
    expect(head(readListHeader, "c003024041")).toEqual([5, 2, 3]);
    expect(head(readListHeader, "d0000000060000000240414141")).toEqual([11, 2, 9]);
    expect(head(readMapHeader, "c10502a1016141")).toEqual([7, 2, 3]);
    expect(head(readMapHeader, "d100000004000000004141")).toEqual([9, 0, 9]);
    for (const text of ["40", "c1022040", "c00105", "c00302", "d000000003000000", "c000"]) expect(() => head(readListHeader, text)).toThrow(DecodeError);
    for (const text of ["45", "c1020140", "c10102"]) expect(() => head(readMapHeader, text)).toThrow(DecodeError);
  });

  test("maps by text", () => {
    expect(field(readTextMap, "c10c04a301615405a10162a30163")).toEqual({ a: 5, b: types.symbol("c") });
    expect(field((r) => readTextMap(r, { typed: true }), "c10602a301615405")).toEqual({ a: types.int(5) });
    expect(Object.getPrototypeOf(field(readTextMap, "c10100"))).toBe(null);
    for (const text of ["45", "c1020140", "c10402a3016140"]) expect(() => field(readTextMap, text)).toThrow(DecodeError);
  });
});

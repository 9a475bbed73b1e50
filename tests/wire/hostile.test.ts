import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DecodeError } from "../../src/errors.ts";
import { MAX_DEPTH, MAX_NODES } from "../../src/wire/codes.ts";
import { ByteReader, readTextMap, readValue, skipValue } from "../../src/wire/decode.ts";
import { writeValue } from "../../src/wire/encode.ts";
import { Described, Typed, types } from "../../src/wire/values.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { decoded, encoded, hex, octets } from "./hex.ts";

function refused(text: string | Uint8Array, message?: RegExp): void {
  const bytes = typeof text === "string" ? octets(text) : text;
  for (const typed of [false, true]) {
    let error: unknown;
    try {
      decoded(bytes, { typed });
    } catch (found) {
      error = found;
    }
    expect(error).toBeInstanceOf(DecodeError);
    expect(error).toMatchObject({ code: "decode-error", scope: "delivery" });
    expect((error as Error).message).toMatch(message ?? /at offset \d+/);
  }
}

/** Structure alone is enough to find these, so that a message is refused before its values are looked at. */
function malformed(text: string | Uint8Array, message?: RegExp): void {
  refused(text, message);
  const bytes = typeof text === "string" ? octets(text) : text;
  expect(() => {
    const r = new ByteReader(bytes);
    skipValue(r);
    if (r.position < bytes.length) r.fail("octets are left");
  }).toThrow(DecodeError);
}

function filled(head: string, length: number, octet: number, tail = ""): Uint8Array {
  const start = octets(head);
  const end = octets(tail);
  const bytes = new Uint8Array(start.length + length + end.length).fill(octet);
  bytes.set(start);
  bytes.set(end, start.length + length);
  return bytes;
}

/** How long `work` takes; the bounds below are far from what it should, and further from what it would if it were unbounded. */
function milliseconds(work: () => void): number {
  const start = process.hrtime.bigint();
  work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

describe("B21 unknown format codes", () => {
  const known = new Set([
    0x00, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x60, 0x61, 0x70, 0x71, 0x72, 0x73, 0x74,
    0x80, 0x81, 0x82, 0x83, 0x84, 0x94, 0x98, 0xa0, 0xa1, 0xa3, 0xb0, 0xb1, 0xb3, 0xc0, 0xc1, 0xd0, 0xd1, 0xe0, 0xf0,
  ]);
  test("B21 every code that the standard does not have", () => {
    for (let code = 0; code < 256; code++) {
      if (known.has(code)) continue;
      malformed(filled(hex(Uint8Array.of(code)), 20, 0), /unknown format code 0x[0-9a-f]{2}, at offset 0/);
      malformed(filled(`e0 16 01 ${hex(Uint8Array.of(code))}`, 20, 0), /unknown format code/);
    }
  });
  test("B21 nothing at all", () => malformed(""));
});

describe("B22 truncated values", () => {
  test.each([
    "50", "51", "52", "53", "54", "55", "56", "60", "60 00", "61 00", "70 000000", "71 000000", "72 000000", "73 000000", "74 000000",
    "80 00000000000000", "81 00", "82 00000000000000", "83 00", "84 00000000000000", "94 000000000000000000000000000000", "98 00",
    "a0", "a1", "a3", "a0 01", "b0 000000", "b0 00000001", "b1 00000001", "c0", "c0 01", "d0 00000004 000000", "e0", "e0 02 00", "f0 00000005 00000000",
    "00", "00 53", "00 53 01", "00 a3 01 61",
  ])("B22 %s", (text) => malformed(text));
});

describe("B23 lengths beyond what is there", () => {
  test.each(["b0 7fffffff", "b0 ffffffff", "b1 7fffffff", "b1 ffffffff", "b3 7fffffff", "b3 ffffffff", "b0 80000000 00", "a1 05 6162"])(
    "B23 %s", (text) => malformed(text, /a size of \d+ octets where \d+ are left/));
});

describe("B24 sizes of compounds", () => {
  test.each([
    ["more than is left", "c0 05 01 40"], ["more than is left", "d0 7fffffff 00000001 40"], ["more than is left", "d1 ffffffff 00000000"],
    ["no room for the count", "c0 00"], ["no room for the count", "d0 00000003 00000000"], ["no room for the count", "d1 00000000 00000000"],
    ["no room for the count", "e0 00 00"], ["no room for the count", "f0 00000003 00000000 40"],
    ["octets behind the items", "c0 03 01 40 40"], ["octets behind the items", "c0 02 00 40"], ["octets behind the items", "c1 06 02 a1 01 61 40 40"],
    ["octets behind the elements", "e0 04 01 50 00 00"], ["octets behind the elements", "e0 05 01 a1 01 61 00"],
    ["an item beyond its list", "c0 03 01 a1 05 61 62 63 64 65"], ["an item beyond its list", "c0 02 01 50 00"],
  ])("B24 %s: %s", (_what, text) => malformed(text));
});

describe("B25 counts beyond the octets", () => {
  test.each(["c0 01 05", "c0 02 ff 40", "d0 00000005 ffffffff 40", "c1 01 02", "d1 00000004 7ffffffe"])("B25 %s", (text) => malformed(text));
});

describe("B26 arrays of elements without octets", () => {
  test.each(["40", "41", "42", "43", "44", "45"])("B26 f0 00000005 3fffffff %s is refused", (code) => {
    expect(milliseconds(() => malformed(`f0 00000005 3fffffff ${code}`, /without octets/))).toBeLessThan(200);
  });
  test("B26 65,536 are one compact value, 65,537 are refused", () => {
    const array = decoded("f0 00000005 00010000 41") as Typed<"array", readonly boolean[]>;
    expect(array).toBeInstanceOf(Typed);
    expect(encoded(array)).toBe("f0000000050001000041");
    expect(array.value).toHaveLength(65_536);
    expect(array.value.every((value) => value)).toBe(true);
    malformed("f0 00000005 00010001 41");
  });
  test("B26 100,000 such arrays in a list of lists cost their octets alone", () => {
    const one = octets("f0 00000005 00010000 40");
    const bytes = filled("d0 00000000 00000000", one.length * 30_000, 0);
    new DataView(bytes.buffer).setUint32(1, bytes.length - 5);
    new DataView(bytes.buffer).setUint32(5, 30_000);
    for (let i = 0; i < 30_000; i++) bytes.set(one, 9 + i * one.length);
    let list: unknown;
    expect(milliseconds(() => { list = decoded(bytes); })).toBeLessThan(2000);
    expect(list).toHaveLength(30_000);
  });
  test("B26 every kind, by value", () => {
    const values = (text: string): unknown => (decoded(text) as Typed).value;
    expect(values("e0 02 02 40")).toEqual([null, null]);
    expect(values("e0 02 02 42")).toEqual([false, false]);
    expect(values("e0 02 02 43")).toEqual([0, 0]);
    expect(values("e0 02 01 44")).toEqual([0]);
    expect(values("e0 02 02 45")).toEqual([[], []]);
    expect(values("e0 02 00 45")).toEqual([]);
  });
});

describe("B27 arrays of described elements without octets", () => {
  test("B27 a huge count is refused", () => malformed("f0 00000009 3fffffff 00 a3 01 61 40"));
  test("B27 a few are one element and a count", () => {
    const array = decoded("e0 06 03 00 a3 01 61 41") as Typed<"array", readonly Described[]>;
    expect(array.value).toEqual([types.described("a", true), types.described("a", true), types.described("a", true)]);
    expect(encoded(array)).toBe("e0060300a3016141");
  });
});

describe("B28 counts of fixed-width elements", () => {
  test.each(["f0 00000005 0fffffff 82", "f0 00000005 ffffffff 50", "f0 00000005 7fffffff 98", "e0 02 01 71", "f0 00000006 00000002 50 00"])(
    "B28 %s", (text) => expect(milliseconds(() => malformed(text))).toBeLessThan(200));
  test.each(["f0 00000005 3fffffff a1", "f0 00000005 3fffffff b1", "f0 00000005 3fffffff c0", "f0 00000005 3fffffff f0"])(
    "B28 of other elements: %s", (text) => malformed(text));
});

describe("B29 arrays too small for their constructor", () => {
  test.each(["e0 01 00", "e0 01 01", "f0 00000004 00000000", "e0 02 00 00", "e0 03 00 00 53", "e0 04 00 00 53 01"])("B29 %s", (text) => malformed(text));
});

describe("B30 described without an end", () => {
  test("B30 200,000 times 00, then nulls", () => {
    expect(milliseconds(() => malformed(filled("", 400_000, 0x40).fill(0, 0, 200_000), /nested deeper than 64/))).toBeLessThan(200);
  });
  test("B30 in the constructor of an array", () => malformed(filled("f0 00030d40 00000001", 199_996, 0), /nested deeper than 64/));
});

describe("B31 nesting", () => {
  // A null inside `depth` containers of these kinds in turn, the first one innermost.
  function nested(depth: number, kinds: readonly string[]): Uint8Array {
    const parts = [octets("40")];
    let length = 1;
    for (let i = 0; i < depth; i++) {
      const kind = kinds[i % kinds.length];
      const size = (length + (kind === "map" ? 6 : 4)).toString(16).padStart(8, "0");
      // One element of an array is its constructor and itself, just as a value is.
      const head = octets(kind === "list" ? `d0 ${size} 00000001` : kind === "map" ? `d1 ${size} 00000002 a1 00`
        : kind === "array" ? `f0 ${size} 00000001` : "00 44");
      parts.unshift(head);
      length += head.length;
    }
    return Uint8Array.from(parts.flatMap((part) => [...part]));
  }
  test("B31 exactly 64 is accepted, for each kind and for all mixed", () => {
    for (const kinds of [["list"], ["map"], ["described"], ["array"], ["list", "map", "array", "described"], ["array", "described", "list"]]) {
      const bytes = nested(MAX_DEPTH, kinds);
        const value = decoded(bytes);
      skipValue(new ByteReader(bytes));
      expect(decoded(octets(encoded(value)))).toEqual(value);
      malformed(nested(MAX_DEPTH + 1, kinds), /nested deeper than 64/);
    }
  });
  test("B31 5,000 list8, map8 and array8 in 15 KB", () => {
    for (const head of ["c0 ff 01", "c1 ff 02", "e0 ff 01"]) {
      const one = octets(head);
      const bytes = new Uint8Array(15_000);
      for (let i = 0; i < bytes.length; i++) bytes[i] = one[i % 3] as number;
      expect(milliseconds(() => malformed(bytes))).toBeLessThan(200);
    }
    malformed(nested(5_000, ["list", "map", "array", "described"]), /nested deeper than 64/);
  });
});

describe("B32 reserved descriptors", () => {
  test.each([
    ["string", "00 a1 01 61 40", "a"], ["int", "00 54 05 40", 5n], ["described", "00 00 53 01 40 41", "0x00530140"], ["list", "00 c0 02 01 40 41", "0xc0020140"],
  ])("B32 %s: kept, and written again as it came", (_kind, text, descriptor) => {
    const value = decoded(text) as Described;
    expect(value).toBeInstanceOf(Described);
    expect(value.descriptor).toBe(descriptor);
    expect(encoded(value)).toBe(text.replaceAll(" ", ""));
  });
  test("B32 a descriptor that is nested counts toward the depth", () => {
    // Each level is a described value whose descriptor is the next level.
    malformed(filled(hex(new Uint8Array(MAX_DEPTH + 1)), 2 * MAX_DEPTH + 4, 0x40), /nested deeper than 64/);
  });
});

describe("B33 the number of values", () => {
  test("B33 a list of 1 MB of nulls is refused", () => {
    const bytes = filled("d0 00100004 00100000", 0x100000, 0x40);
    expect(milliseconds(() => malformed(bytes, /more than 65536 values/))).toBeLessThan(500);
  });
  test("B33 the list and 65,535 items are accepted, one more is refused", () => {
    const list = (count: number): Uint8Array => {
      const bytes = filled("d0 00000000 00000000", count, 0x40);
      new DataView(bytes.buffer).setUint32(1, count + 4);
      new DataView(bytes.buffer).setUint32(5, count);
      return bytes;
    };
    expect(decoded(list(MAX_NODES - 1))).toHaveLength(MAX_NODES - 1);
    malformed(list(MAX_NODES));
  });
  test("B33 the budget is shared by nested values and by all values of one reset", () => {
    const lists = filled("d0 0002000a 00010003", 0, 0);
    const bytes = new Uint8Array(9 + 0x10003 * 2).fill(0x45);
    bytes.set(lists);
    new DataView(bytes.buffer).setUint32(1, 4 + 0x10003 * 2);
    new DataView(bytes.buffer).setUint32(5, 0x10003 * 2);
    malformed(bytes, /more than 65536 values/);
    const r = new ByteReader(new Uint8Array(70_000).fill(0x40));
    expect(() => { for (let i = 0; i < 70_000; i++) skipValue(r); }).toThrow(/more than 65536 values/);
    r.reset(Uint8Array.of(0x40), 0, 1);
    expect(readValue(r)).toBe(null);
  });
  test("B33 text and characters in arrays count, numbers in a typed array are one", () => {
    const array = (code: string, width: number, count: number): Uint8Array => {
      const bytes = filled(`f0 00000000 00000000 ${code}`, count * width, 0);
      new DataView(bytes.buffer).setUint32(1, 5 + count * width);
      new DataView(bytes.buffer).setUint32(5, count);
      return bytes;
    };
    expect(decoded(array("71", 4, 100_000))).toHaveLength(100_000);
    expect(decoded(array("50", 1, 100_000), { typed: true })).toHaveLength(100_000);
    for (const [code, width] of [["a1", 1], ["73", 4], ["56", 1], ["98", 16]] as const) malformed(array(code, width, 100_000), /more than 65536 values/);
  });
});

describe("B34 maps", () => {
  test.each(["c1 02 01 40", "d1 00000005 00000001 40", "c1 04 03 40 40 40"])("B34 an odd count: %s", (text) => malformed(text, /last key has no value/));
});

describe("B35 keys that occur twice", () => {
  test.each([
    ["strings", "c1 09 04 a1 01 61 40 a1 01 61 40"],
    ["strings of two encodings", "c1 0c 04 a1 01 61 40 b1 00000001 61 40"],
    ["symbols", "c1 09 04 a3 01 61 40 a3 01 61 40"],
    ["ints of two encodings", "c1 0a 04 54 05 40 71 00000005 40"],
    ["nulls", "c1 05 04 40 40 40 40"],
    ["uuids", `c1 25 04 98 ${"00".repeat(16)} 40 98 ${"00".repeat(16)} 40`],
    ["timestamps", `c1 15 04 83 ${"00".repeat(8)} 40 83 ${"00".repeat(8)} 40`],
    ["binary of two encodings", "c1 0c 04 a0 01 61 40 b0 00000001 61 40"],
    ["lists", "c1 0b 04 c0 02 01 41 40 c0 02 01 41 40"],
    ["described values", "c1 0d 04 00 53 01 54 02 40 00 53 01 54 02 40"],
    ["a string after other keys", "c1 0b 06 a1 01 61 40 40 40 a1 01 61 40"],
  ])("B35 %s", (_what, text) => refused(text, /occurs twice/));
  test("B35 in a map of properties, also when one is a symbol", () => {
    expect(() => readTextMap(new ByteReader(octets("c1 09 04 a1 01 61 40 a3 01 61 40")))).toThrow(/"a" occurs twice/);
  });
  test("B35 10,000 keys take linear time", () => {
    const w = new ByteWriter();
    writeValue(w, new Map(Array.from({ length: 10_000 }, (_, i) => [types.symbol(`k${i}`), i])));
    const bytes = w.toBytes();
    expect(milliseconds(() => expect((decoded(bytes) as Map<unknown, unknown>).size).toBe(10_000))).toBeLessThan(500);
  });
});

describe("B36 names of Object.prototype as keys", () => {
  const NAMES = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  test("B36 are data, and go round", () => {
    const map = Object.fromEntries(NAMES.map((name) => [name, 1]));
    Object.defineProperty(map, "__proto__", { value: { x: 1 }, enumerable: true });
    const text = encoded(map);
    const back = decoded(text) as Record<string, unknown>;
    expect(Object.keys(back).sort()).toEqual([...NAMES].sort());
    expect(Object.getPrototypeOf(back)).toBe(null);
    expect(back["__proto__"]).toEqual({ x: 1 });
    expect(({} as Record<string, unknown>)["x"]).toBe(undefined);
    expect(encoded(back)).toBe(text);
    const properties = readTextMap(new ByteReader(octets(text)));
    expect(Object.keys(properties ?? {}).sort()).toEqual([...NAMES].sort());
    expect(({} as Record<string, unknown>)["x"]).toBe(undefined);
  });
});

describe("B37 keys that are not strings", () => {
  test("B37 null, list and NaN stay in a Map, and go round", () => {
    const text = "c1 0f 06 40 41 45 41 82 7ff8000000000000 41";
    const map = decoded(text) as Map<unknown, unknown>;
    expect([...map]).toEqual([[null, true], [[], true], [NaN, true]]);
    expect(encoded(map)).toBe(text.replaceAll(" ", ""));
  });
  test.each(["c1 03 02 40 40", "c1 03 02 45 40", "c1 0b 02 82 7ff8000000000000 40", "c1 04 02 54 01 40"])("B37 refused where keys are text: %s", (text) => {
    expect(() => readTextMap(new ByteReader(octets(text)))).toThrow(DecodeError);
  });
  test("B37 a ulong key, which the standard reserves, is its digits", () => {
    expect(readTextMap(new ByteReader(octets("c1 06 04 44 41 53 05 42")))).toEqual({ 0: true, 5: false });
  });
});

describe("B38 text that is not UTF-8", () => {
  test.each([
    ["a lone continuation", "80"], ["an overlong slash", "c0af"], ["an overlong null", "e08080"], ["a surrogate", "eda080"], ["a pair of surrogates", "eda0bdedb880"],
    ["beyond U+10FFFF", "f4908080"], ["five octets", "f888808080"], ["cut short", "61e282"], ["ff", "ff"],
  ])("B38 %s", (_what, text) => {
    const length = (text.length / 2).toString(16).padStart(2, "0");
    refused(`a1 ${length} ${text}`, /invalid UTF-8/);
    // Behind what is long enough for another way of decoding.
    refused(`a1 ${(text.length / 2 + 40).toString(16).padStart(2, "0")} ${"61".repeat(40)} ${text}`, /invalid UTF-8/);
  });
  test("B38 U+FFFD itself and the byte order mark are text", () => {
    expect(decoded("a1 03 efbfbd")).toBe("\ufffd");
    expect(decoded("a1 04 efbbbf 61")).toBe("\ufeffa");
    expect(encoded("\ufeffa")).toBe("a104efbbbf61");
  });
});

describe("B39 symbols", () => {
  test.each(["a3 01 80", "a3 02 c3a9", `a3 28 ${"61".repeat(39)} ff`, "b3 00000001 ff", "e0 04 01 a3 01 80"])("B39 an octet above 7f: %s", (text) => refused(text, /not ASCII/));
});

describe("B40 values that do not exist", () => {
  test.each(["56 02", "56 ff", "73 0000d800", "73 0000dfff", "73 00110000", "73 ffffffff", "e0 03 01 56 02"])("B40 %s", (text) => refused(text));
});

describe("B41 extremes keep their octets", () => {
  test.each([
    "80 ffffffffffffffff", "81 8000000000000000", "83 7fffffffffffffff", "83 8000000000000000", "72 7fc00001", "72 ffc00000", "72 7f800000", "82 7ff8000000000001",
    "82 fff0000000000000", "74 78000000", "74 fc000001", "74 ffffffff", "84 f800000000000000", "94 7c000000000000000000000000000001", "94 ffffffffffffffffffffffffffffffff",
    "e0 0a 02 72 7fc00001 ffc00002", "e0 0a 01 82 7ff8000000000001", "e0 06 01 74 ffffffff",
  ])("B41 %s", (text) => expect(encoded(decoded(text, { typed: true }))).toBe(text.replaceAll(" ", "")));
});

describe("any octets at all", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Octets that mean something are met more often than the rest.
    fc.array(fc.oneof(fc.constantFrom(0, 0x40, 0x45, 0x53, 0xa1, 0xa3, 0xc0, 0xc1, 0xd0, 0xe0, 0xf0, 0x71, 0x56, 0x83), fc.integer({ min: 0, max: 12 })), { maxLength: 80 })
      .map((list) => Uint8Array.from(list)),
  );
  test("give a value that can be encoded, or a DecodeError; what is a value is well-formed", () => {
    fc.assert(fc.property(bytes, fc.boolean(), (input, typed) => {
      const r = new ByteReader(input);
      let value: unknown;
      try {
        value = readValue(r, { typed });
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      const end = r.position;
      r.reset(input, 0, input.length);
      skipValue(r);
      expect(r.position).toBe(end);
      const again = octets(encoded(value));
      expect(hex(octets(encoded(decoded(again, { typed }))))).toBe(hex(again));
    }), { numRuns: 3000 });
  });
});

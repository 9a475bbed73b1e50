import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { TagTable } from "../../src/util/tag-table.ts";
import type { Tagged } from "../../src/util/tag-table.ts";

/** An entry whose key lies in the middle of other bytes. */
function entry(key: Uint8Array, around = 3): Tagged {
  const tagSource = new Uint8Array(key.length + 2 * around).fill(0xee);
  tagSource.set(key, around);
  return { tagSource, tagStart: around, tagLength: key.length, tagHash: 0 };
}

const bytes = (...octets: readonly number[]): Uint8Array => Uint8Array.from(octets);

/** Keys that all begin their search at the same slot of a table with `slots` slots. */
function crowded(count: number, slots: number): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let i = 0; keys.length < count; i++) {
    const key = bytes(i >>> 16, i >>> 8, i);
    const one = entry(key);
    new TagTable<Tagged>().add(one);
    if ((one.tagHash & (slots - 1)) === slots - 2) keys.push(key);
  }
  return keys;
}

describe("TagTable", () => {
  test("finds by octets, wherever they lie, and takes each key once", () => {
    const table = new TagTable<Tagged>();
    const one = entry(bytes(1, 2), 5);
    expect([table.add(one), table.add(entry(bytes(1, 2), 0)), table.size]).toEqual([true, false, 1]);
    expect(table.get(bytes(1, 2))).toBe(one);
    expect([bytes(), bytes(1), bytes(2, 1), bytes(1, 2, 0), bytes(0, 1, 2)].map((key) => table.get(key))).toEqual(Array(5).fill(undefined));
  });

  test("B83 keys that only look alike as text are different; the empty one is a key", () => {
    const table = new TagTable<Tagged>();
    const keys = [bytes(), bytes(0), bytes(0, 0), bytes(0x30), bytes(0xc3, 0xa9), bytes(0xe9), bytes(0xef, 0xbf, 0xbd), bytes(0xff), bytes(0xfe)];
    const entries = keys.map((key) => entry(key));
    expect(entries.map((each) => table.add(each))).toEqual(keys.map(() => true));
    expect(keys.map((key) => table.get(key))).toEqual(entries);
  });

  test("deletes this very entry, not another one with its key", () => {
    const table = new TagTable<Tagged>();
    const one = entry(bytes(7));
    const twin = entry(bytes(7));
    table.add(one);
    expect(table.add(twin)).toBe(false);
    expect([table.delete(twin), table.size]).toEqual([false, 1]);
    expect([table.delete(one), table.delete(one), table.size, table.get(bytes(7))]).toEqual([true, false, 0, undefined]);
    expect(table.add(twin)).toBe(true);
  });

  test("keys of one slot, pushed on past the end of the table, are all found after any one of them has left", () => {
    const keys = crowded(6, 16);
    for (let gone = 0; gone < keys.length; gone++) {
      const table = new TagTable<Tagged>();
      const entries = keys.map((key) => entry(key));
      for (const each of entries) table.add(each);
      expect(table.delete(entries[gone] as Tagged)).toBe(true);
      expect(keys.map((key) => table.get(key))).toEqual(entries.map((each, i) => (i === gone ? undefined : each)));
    }
  });

  test("a hundred thousand in and out", () => {
    const table = new TagTable<Tagged>();
    const entries = Array.from({ length: 100_000 }, (_, i) => entry(bytes(i >>> 16, i >>> 8, i), 0));
    for (const each of entries) expect(table.add(each)).toBe(true);
    for (let i = 0; i < entries.length; i += 2) table.delete(entries[i] as Tagged);
    expect(table.size).toBe(50_000);
    expect(entries.every((each, i) => table.get(each.tagSource) === (i % 2 === 0 ? undefined : each))).toBe(true);
    table.clear();
    expect([table.size, table.get(bytes(0, 0, 1)), table.delete(entries[1] as Tagged)]).toEqual([0, undefined, false]);
  });

  test("behaves as a Map by text does, whatever is done to it", () => {
    const key = fc.uint8Array({ maxLength: 2, max: 5 });
    const step = fc.tuple(fc.constantFrom("add", "add", "add", "delete", "get", "clear"), key);
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const table = new TagTable<Tagged>();
      const model = new Map<string, Tagged>();
      for (const [kind, octets] of steps) {
        const text = octets.join();
        const there = model.get(text);
        if (kind === "add") {
          const one = entry(octets);
          expect(table.add(one)).toBe(there === undefined);
          if (there === undefined) model.set(text, one);
        } else if (kind === "delete") {
          expect(table.delete(there ?? entry(octets))).toBe(there !== undefined);
          model.delete(text);
        } else if (kind === "clear" && octets.length === 0) {
          table.clear();
          model.clear();
        }
        expect(table.get(octets)).toBe(model.get(text));
        expect(table.size).toBe(model.size);
      }
    }));
  });
});

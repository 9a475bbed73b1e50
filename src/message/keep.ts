/**
 * Writes a value that was received and may have been changed since: what is still as it came, down to the single entry
 * of a map in a list, is copied from its bytes and so keeps its wire type; only the rest is encoded anew.
 */

import type { ByteWriter } from "../util/byte-writer.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import { ByteReader, readValue } from "../wire/decode.ts";
import { beginList, beginMap, endList, endMap, writeValue } from "../wire/encode.ts";
import { firstElement, valueEnd } from "./layout.ts";
import { same } from "./same.ts";

/** An entry of an encoded map: what its key reads as, and where its key and its value begin. */
export interface KeptEntry {
  readonly key: unknown;
  readonly at: number;
  readonly value: number;
}

/** The entries of the map that is encoded at `at`, to be found by their keys. */
export class KeptEntries {
  readonly #entries: KeptEntry[] = [];
  #cursor = 0;

  /** @param byText the keys are known by their text, whatever their type. */
  constructor(bytes: Uint8Array, at: number, options: DecodeOptions | undefined, byText: boolean) {
    const end = valueEnd(bytes, at);
    let next = firstElement(bytes, at);
    while (next < end) {
      const value = valueEnd(bytes, next);
      const key = readValue(new ByteReader(bytes, next, value), byText ? undefined : options);
      this.#entries.push({ key: byText ? String(key) : key, at: next, value });
      next = valueEnd(bytes, value);
    }
  }

  /** Finds the entry of a key; quickest in the order of the encoded map. */
  find(key: unknown): KeptEntry | undefined {
    const entries = this.#entries;
    let index = this.#cursor;
    if (index >= entries.length || !same(entries[index]?.key, key)) index = entries.findIndex((entry) => same(entry.key, key));
    if (index >= 0) this.#cursor = index + 1;
    return entries[index];
  }
}

/** Writes `value`, in the place of which the value at `at` was received. */
export function writeKept(w: ByteWriter, bytes: Uint8Array, at: number, value: unknown, options: DecodeOptions | undefined): void {
  if (copySame(w, bytes, at, value, options)) return;
  const format = bytes[at] as number;
  if ((format === 0xc0 || format === 0xd0 || format === 0x45) && Array.isArray(value)) writeKeptList(w, bytes, at, value, options);
  else if ((format === 0xc1 || format === 0xd1) && isMap(value)) writeKeptMap(w, bytes, at, value, options);
  else writeValue(w, value);
}

/** Copies the value that was received at `at` if `value` is that; answers whether it did. */
export function copySame(w: ByteWriter, bytes: Uint8Array, at: number, value: unknown, options: DecodeOptions | undefined): boolean {
  const end = valueEnd(bytes, at);
  if (!same(readValue(new ByteReader(bytes, at, end), options), value)) return false;
  w.writeBytes(bytes.subarray(at, end));
  return true;
}

function writeKeptList(w: ByteWriter, bytes: Uint8Array, at: number, list: readonly unknown[], options: DecodeOptions | undefined): void {
  const end = valueEnd(bytes, at);
  const mark = beginList(w);
  let next = firstElement(bytes, at);
  for (const item of list) {
    if (next < end) {
      writeKept(w, bytes, next, item, options);
      next = valueEnd(bytes, next);
    } else {
      writeValue(w, item);
    }
  }
  endList(w, mark, list.length);
}

function writeKeptMap(
  w: ByteWriter, bytes: Uint8Array, at: number, map: ReadonlyMap<unknown, unknown> | Readonly<Record<string, unknown>>,
  options: DecodeOptions | undefined,
): void {
  const entries = new KeptEntries(bytes, at, options, false);
  const mark = beginMap(w);
  let count = 0;
  for (const [key, value] of map instanceof Map ? map : Object.entries(map)) {
    if (value === undefined) continue;
    const entry = entries.find(key);
    if (entry === undefined) {
      writeValue(w, key);
      writeValue(w, value);
    } else {
      w.writeBytes(bytes.subarray(entry.at, entry.value));
      writeKept(w, bytes, entry.value, value, options);
    }
    count += 2;
  }
  endMap(w, mark, count);
}

function isMap(value: unknown): value is ReadonlyMap<unknown, unknown> | Record<string, unknown> {
  return value instanceof Map || Object.prototype.toString.call(value) === "[object Object]";
}

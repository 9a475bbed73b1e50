/**
 * Places in a message by section and octet of the section, its constructor counted, as a resumed delivery names them (§3.4.1). The
 * message may be cut off anywhere: its last section then ends where the bytes do.
 */

import { ByteReader } from "../wire/byte-reader.ts";
import { skipValue } from "../wire/skip.ts";
import type { Place } from "./section-map.ts";

/** The place after the last octet of bytes[start, end). */
export function placeAfter(bytes: Uint8Array, start: number, end: number): Place {
  let section = 0;
  let at = start;
  for (let next = sectionEnd(bytes, at, end); next !== undefined; next = sectionEnd(bytes, at, end)) {
    at = next;
    section += 1;
  }
  return { section, offset: end - at };
}

/** How many octets of bytes[start, end) come before a place; undefined if it is not in there. */
export function octetsBefore(bytes: Uint8Array, start: number, end: number, { section, offset }: { readonly section: number; readonly offset: number | bigint }): number | undefined {
  let at = start;
  for (let left = section; left > 0; left--) {
    const next = sectionEnd(bytes, at, end);
    if (next === undefined) return undefined;
    at = next;
  }
  const before = at - start + Number(offset);
  const last = sectionEnd(bytes, at, end) ?? end;
  return before > last - start ? undefined : before;
}

/** Where the section at `at` ends; undefined at the end, and where the section is cut off. */
function sectionEnd(bytes: Uint8Array, at: number, end: number): number | undefined {
  if (at >= end) return undefined;
  const r = new ByteReader(bytes, at, end);
  try {
    skipValue(r);
  } catch {
    return undefined;
  }
  return r.position;
}

/**
 * The one pass over a message on its arrival (§3.2): order and number of its sections, the type of each, and the format
 * codes, sizes and counts of all that is in them. No value is decoded and nothing is allocated for the usual message;
 * what this pass lets through, the rest of the room reads without a second look.
 */

import { DecodeError } from "../errors.ts";
import { ByteReader } from "../wire/byte-reader.ts";
import { Code, LAYOUT, Layout, MAX_NODES } from "../wire/codes.ts";
import { skipValue } from "../wire/skip.ts";
import { MAX_BODY_SECTIONS } from "./body.ts";
import { firstElement, readSize, SECTION, sectionCode, sectionValue, valueEnd } from "./layout.ts";

const HEADER_FIELDS = 5;
const PROPERTIES_FIELDS = 13;

/**
 * Checks that `bytes` from `start` to `end` are a message. One without a body is let through: Proton sends it for a body of None.
 * @throws DecodeError decode-error
 */
export function checkMessage(bytes: Uint8Array, start: number, end: number): void {
  if (start >= end) throw broken("it is empty");
  let last = 0;
  let bodies = 0;
  let at = start;
  while (at < end) {
    let code: number;
    let value: number;
    if (at + 3 < end && bytes[at] === 0x00 && bytes[at + 1] === 0x53) {
      code = bytes[at + 2] as number;
      value = at + 3;
    } else {
      checkDescriptor(bytes, at, end);
      code = sectionCode(bytes, at);
      value = sectionValue(bytes, at);
      if (value >= end) throw broken("its last section has no value");
    }
    if (code <= last || code < SECTION.header) {
      if (code !== last || (code !== SECTION.data && code !== SECTION.sequence)) throw misplaced(code, last);
      bodies += 1;
      if (bodies >= MAX_BODY_SECTIONS) throw broken(`its body has more than ${MAX_BODY_SECTIONS} sections`);
    } else if (last >= SECTION.data && code !== SECTION.footer) {
      throw misplaced(code, last);
    }
    last = code;
    at = checkSection(bytes, value, end, code);
  }
}

function checkSection(bytes: Uint8Array, at: number, end: number, code: number): number {
  switch (code) {
    case SECTION.header: return checkList(bytes, at, end, code, HEADER_FIELDS);
    case SECTION.properties: return checkList(bytes, at, end, code, PROPERTIES_FIELDS);
    case SECTION.deliveryAnnotations:
    case SECTION.messageAnnotations:
    case SECTION.applicationProperties:
    case SECTION.footer: return checkMap(bytes, at, end, code);
    case SECTION.data: {
      const format = bytes[at];
      if (format !== 0xa0 && format !== 0xb0) throw wrongType(code, "binary", format);
      return flatEnd(bytes, at, end, code);
    }
    case SECTION.sequence: {
      const format = bytes[at];
      if (format !== 0x45 && format !== 0xc0 && format !== 0xd0) throw wrongType(code, "a list", format);
      return checkDeep(bytes, at, end);
    }
    case SECTION.value: return anyEnd(bytes, at, end, code);
    default: throw broken(`0x${code.toString(16)} is no section of a message`);
  }
}

/** A list of which the standard knows at most `most` fields. */
function checkList(bytes: Uint8Array, at: number, end: number, code: number, most: number): number {
  const format = bytes[at];
  if (format === 0x45) return at + 1;
  if (format !== 0xc0 && format !== 0xd0) throw wrongType(code, "a list", format);
  const stop = compoundEnd(bytes, at, end, code);
  const count = compoundCount(bytes, at);
  if (count > most) throw broken(`${nameOf(code)} has ${count} fields, the standard knows ${most}`);
  let next = firstElement(bytes, at);
  for (let i = 0; i < count; i++) {
    if (next >= stop) throw broken(`${nameOf(code)} has fewer fields than it says`);
    // A field of these sections is never a list, a map or an array, so the wrong type shows when it is read.
    next = anyEnd(bytes, next, stop, code);
  }
  if (next !== stop) throw broken(`${nameOf(code)} has ${stop - next} octets left over`);
  return stop;
}

function checkMap(bytes: Uint8Array, at: number, end: number, code: number): number {
  const format = bytes[at];
  if (format !== 0xc1 && format !== 0xd1) throw wrongType(code, "a map", format);
  const stop = compoundEnd(bytes, at, end, code);
  const count = compoundCount(bytes, at);
  if ((count & 1) !== 0) throw broken(`the map of ${nameOf(code)} has a key without a value`);
  if (count > MAX_NODES) throw broken(`${nameOf(code)} has ${count} keys and values, at most ${MAX_NODES} are allowed`);
  let next = firstElement(bytes, at);
  for (let i = 0; i < count; i += 2) {
    if (next >= stop) throw broken(`${nameOf(code)} has fewer entries than it says`);
    checkKey(bytes[next] as number, code);
    next = flatEnd(bytes, next, stop, code);
    if (next >= stop) throw broken(`${nameOf(code)} has fewer entries than it says`);
    if (isDeep(bytes[next] as number)) {
      // One bound on depth and number for the whole section, so it is checked as a whole; the keys are left to look at.
      checkDeep(bytes, at, end);
      return checkKeys(bytes, next, stop, code, count - i);
    }
    next = flatEnd(bytes, next, stop, code);
  }
  if (next !== stop) throw broken(`${nameOf(code)} has ${stop - next} octets left over`);
  return stop;
}

/** The keys after the value at `at`; `left` keys and values are left, the last key seen among them. */
function checkKeys(bytes: Uint8Array, at: number, stop: number, code: number, left: number): number {
  let next = valueEnd(bytes, at);
  for (let i = left - 2; i > 0; i -= 2) {
    checkKey(bytes[next] as number, code);
    next = valueEnd(bytes, valueEnd(bytes, next));
  }
  return stop;
}

// The standard asks for symbols or ulongs in annotations and for strings in application-properties; peers mix up the two
// kinds of text, which does no harm.
function checkKey(format: number, code: number): void {
  switch (format) {
    case Code.sym8: case Code.str8: case Code.sym32: case Code.str32: case Code.smallulong: case Code.ulong: case Code.ulong0: return;
    default: throw broken(`a key of ${nameOf(code)} is ${format === Code.null ? "null" : `0x${format.toString(16)}, no symbol or string`}`);
  }
}

/** Where a value ends. */
function anyEnd(bytes: Uint8Array, at: number, end: number, code: number): number {
  return isDeep(bytes[at] as number) ? checkDeep(bytes, at, end) : flatEnd(bytes, at, end, code);
}

/** Whether a value has others inside; an unknown format code is left to wire's check as well. */
function isDeep(format: number): boolean {
  const layout = LAYOUT[format] as number;
  return layout > Layout.variable32 || layout === Layout.unknown;
}

/** Where a value without others inside ends. */
function flatEnd(bytes: Uint8Array, at: number, end: number, code: number): number {
  const layout = LAYOUT[bytes[at] as number] as number;
  let next = end + 1;
  if (layout <= 16) next = at + 1 + layout;
  else if (layout === Layout.variable8 && at + 1 < end) next = at + 2 + (bytes[at + 1] as number);
  else if (layout === Layout.variable32 && at + 4 < end) next = at + 5 + readSize(bytes, at + 1);
  if (next > end) throw broken(`a value of ${nameOf(code)} is cut off`);
  return next;
}

/** Where the list or map at `at` ends by its own size. */
function compoundEnd(bytes: Uint8Array, at: number, end: number, code: number): number {
  const short = (bytes[at] as number) < 0xd0;
  const head = short ? 3 : 9;
  const stop = at + head > end ? end + 1 : short ? at + 2 + (bytes[at + 1] as number) : at + 5 + readSize(bytes, at + 1);
  if (stop > end) throw broken(`${nameOf(code)} is cut off`);
  if (at + head > stop) throw broken(`${nameOf(code)} has no room for its count`);
  return stop;
}

function compoundCount(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) < 0xd0 ? (bytes[at + 2] as number) : readSize(bytes, at + 5);
}

function checkDeep(bytes: Uint8Array, at: number, end: number): number {
  const reader = new ByteReader(bytes, at, end);
  skipValue(reader);
  return reader.position;
}

/** A descriptor in one of its longer forms: a whole ulong, or the section's name. */
function checkDescriptor(bytes: Uint8Array, at: number, end: number): void {
  if (bytes[at] !== 0x00) throw broken(`0x${(bytes[at] as number).toString(16)} begins no section`);
  if (at + 1 >= end) throw broken("its last section is cut off");
  const format = bytes[at + 1] as number;
  if (format !== Code.smallulong && format !== Code.ulong && format !== Code.sym8 && format !== Code.sym32) {
    throw broken(`0x${format.toString(16)} is no descriptor of a section`);
  }
  const next = flatEnd(bytes, at + 1, end, -1);
  if (format === 0x80) {
    for (let i = at + 2; i < next - 1; i++) if (bytes[i] !== 0) throw broken("it has a section of an unknown descriptor");
  } else if (format !== 0x53 && sectionCode(bytes, at) < 0) {
    throw broken("it has a section of an unknown descriptor");
  }
}

function misplaced(code: number, last: number): DecodeError {
  if (code < SECTION.header || code > SECTION.footer) return broken(`0x${code.toString(16)} is no section of a message`);
  return broken(code === last ? `it has ${nameOf(code)} twice` : `${nameOf(code)} comes after ${nameOf(last)}`);
}

function wrongType(code: number, wanted: string, format: number | undefined): DecodeError {
  return broken(`${nameOf(code)} is 0x${(format ?? 0).toString(16)}, not ${wanted}`);
}

function nameOf(code: number): string {
  for (const [name, known] of Object.entries(SECTION)) if (known === code) return `its section ${name}`;
  return "a section";
}

/** The error of bytes that are no message. */
export function broken(what: string): DecodeError {
  return new DecodeError(`message: ${what}`, { code: "decode-error", scope: "delivery" });
}

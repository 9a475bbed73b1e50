/**
 * Octets -> values, of every type. Counts and sizes are checked before anything is made for them, so that what is made
 * is bounded by the octets received and by the reader's budgets.
 */

import type { Bytes } from "../util/bytes.ts";
import { readAscii, readUtf8 } from "#platform";
import type { ByteReader } from "./byte-reader.ts";
import { Code } from "./codes.ts";
import { readNumbers, typeOf } from "./decode-array.ts";
import { decodeDecimal } from "./decimal.ts";
import { checkArray, skipValue, unknownCode } from "./skip.ts";
import { Described, show, Typed, Uuid } from "./values.ts";
import type { AmqpTypeName, ArrayElement, DescriptorForm } from "./values.ts";

/** How values are given to JavaScript. */
export interface DecodeOptions {
  /**
   * What long and ulong become: numbers while they are safe, always numbers (rounded beyond 2^53), or always bigints.
   * @default "auto"
   */
  int64?: "auto" | "number" | "bigint" | undefined;
  /** Whether every value that JavaScript has no exact type for becomes a `Typed`. @default false */
  typed?: boolean | undefined;
}

// The options as bits, which pass through the recursion without an object.
const NUMBERS = 1;
const BIGINTS = 2;
const TYPED = 4;

/**
 * The next value; binary shares the octets of the reader.
 * @throws DecodeError `decode-error` when it is not valid or beyond the bounds.
 */
export function readValue(r: ByteReader, options?: DecodeOptions): unknown {
  return read(r, options === undefined ? 0 : modeOf(options));
}

/**
 * A map whose keys are symbols or strings, keyed by their text, in an object without a prototype; undefined for null. A
 * ulong key, which the standard reserves, is kept as its digits.
 * @throws DecodeError `decode-error`, also for keys of other types and keys that occur twice.
 */
export function readTextMap(r: ByteReader, options?: DecodeOptions): Record<string, unknown> | undefined {
  const mode = options === undefined ? 0 : modeOf(options);
  r.charge(1);
  const code = r.peek();
  if (code !== Code.map8 && code !== Code.map32) {
    if (code !== Code.null) r.fail(`a map is expected, not ${typeOf(code) ?? unknownCode(code)}`);
    r.position++;
    return undefined;
  }
  r.position++;
  const end = mapEnd(r, code === Code.map8 ? 1 : 4);
  const outer = r.end;
  const pairs = r.count >>> 1;
  r.end = end;
  r.enter();
  const map = emptyRecord();
  for (let i = 0; i < pairs; i++) {
    const at = r.position;
    r.charge(1);
    const key = readTextKey(r);
    if (map[key] !== undefined) r.fail(`the key ${show(key)} occurs twice in a map`, at);
    map[key] = read(r, mode);
  }
  leave(r, end, outer);
  return map;
}

/** Takes UTF-8 text up to `end`. */
export function readText(r: ByteReader, end: number): string {
  try {
    const text = readUtf8(r.bytes, r.position, end);
    r.position = end;
    return text;
  } catch {
    return r.fail("invalid UTF-8");
  }
}

/** Takes ASCII text up to `end`. */
export function readSymbolText(r: ByteReader, end: number): string {
  try {
    const text = readAscii(r.bytes, r.position, end);
    r.position = end;
    return text;
  } catch {
    return r.fail("a symbol that is not ASCII");
  }
}

function modeOf(options: DecodeOptions): number {
  if (options.typed === true) return TYPED;
  return options.int64 === "number" ? NUMBERS : options.int64 === "bigint" ? BIGINTS : 0;
}

function read(r: ByteReader, mode: number): unknown {
  r.charge(1);
  const code = r.u8();
  return code === Code.described ? readDescribed(r, mode) : readBody(r, code, mode);
}

function readBody(r: ByteReader, code: number, mode: number): unknown {
  switch (code) {
    case Code.null: return null;
    case Code.true: return true;
    case Code.false: return false;
    case Code.boolean: return readTruth(r);
    case Code.str8: return readText(r, r.sized(1));
    case Code.str32: return readText(r, r.sized(4));
    case Code.sym8: return Typed.of("symbol", readSymbolText(r, r.sized(1)));
    case Code.sym32: return Typed.of("symbol", readSymbolText(r, r.sized(4)));
    case Code.vbin8: return r.shared(r.sized(1) - r.position);
    case Code.vbin32: return r.shared(r.sized(4) - r.position);
    case Code.smallint: return int("int", (r.u8() << 24) >> 24, mode);
    case Code.int: return int("int", r.i32(), mode);
    case Code.uint0: return int("uint", 0, mode);
    case Code.smalluint: return int("uint", r.u8(), mode);
    case Code.uint: return int("uint", r.u32(), mode);
    case Code.ubyte: return int("ubyte", r.u8(), mode);
    case Code.byte: return int("byte", (r.u8() << 24) >> 24, mode);
    case Code.ushort: return int("ushort", r.u16(), mode);
    case Code.short: return int("short", (r.u16() << 16) >> 16, mode);
    case Code.ulong0: return int64("ulong", 0, mode);
    case Code.smallulong: return int64("ulong", r.u8(), mode);
    case Code.ulong: return int64("ulong", r.u64(), mode);
    case Code.smalllong: return int64("long", (r.u8() << 24) >> 24, mode);
    case Code.long: return int64("long", r.i64(), mode);
    case Code.float: return readFloat(r, mode);
    case Code.double: return readDouble(r, mode);
    case Code.char: return readChar(r);
    case Code.timestamp: return readInstant(r, mode);
    case Code.decimal32: return readDecimal(r, "decimal32", 32);
    case Code.decimal64: return readDecimal(r, "decimal64", 64);
    case Code.decimal128: return readDecimal(r, "decimal128", 128);
    case Code.uuid: return Uuid.of(copy(r, 16));
    case Code.list0: return [];
    case Code.list8: return readList(r, 1, mode);
    case Code.list32: return readList(r, 4, mode);
    case Code.map8: return readMap(r, 1, mode);
    case Code.map32: return readMap(r, 4, mode);
    case Code.array8: return readArray(r, 1, mode);
    case Code.array32: return readArray(r, 4, mode);
    default: return r.fail(unknownCode(code), r.position - 1);
  }
}

function readTruth(r: ByteReader): boolean {
  const octet = r.u8();
  if (octet > 1) r.fail(`a boolean of 0x${octet.toString(16)}`, r.position - 1);
  return octet === 1;
}

function int(type: AmqpTypeName, value: number, mode: number): unknown {
  return mode === TYPED ? Typed.of(type, value) : value;
}

function int64(type: AmqpTypeName, value: number | bigint, mode: number): unknown {
  if (mode === 0) return value;
  if (mode === TYPED) return Typed.of(type, BigInt(value));
  return mode === BIGINTS ? BigInt(value) : Number(value);
}

function readFloat(r: ByteReader, mode: number): unknown {
  r.need(4);
  const value = r.view.getFloat32(r.position);
  // What is not a number has a payload, which only its octets keep.
  if (mode === TYPED && Number.isNaN(value)) return Typed.of("float", value, copy(r, 4));
  r.position += 4;
  return mode === TYPED ? Typed.of("float", value) : value;
}

function readDouble(r: ByteReader, mode: number): unknown {
  r.need(8);
  const value = r.view.getFloat64(r.position);
  if (mode === TYPED && Number.isNaN(value)) return Typed.of("double", value, copy(r, 8));
  r.position += 8;
  return mode === TYPED ? Typed.of("double", value) : value;
}

function readChar(r: ByteReader): Typed<"char", string> {
  const point = r.u32();
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) {
    r.fail(`a char of 0x${point.toString(16)}, which is no Unicode character`, r.position - 4);
  }
  return Typed.of("char", String.fromCodePoint(point));
}

function readInstant(r: ByteReader, mode: number): unknown {
  const ms = r.i64();
  const value = typeof ms === "number" && Math.abs(ms) <= 8.64e15 ? new Date(ms) : BigInt(ms);
  return mode === TYPED ? Typed.of("timestamp", value) : value;
}

function readDecimal(r: ByteReader, type: AmqpTypeName, width: 32 | 64 | 128): Typed {
  const octets = copy(r, width / 8);
  return Typed.of(type, decodeDecimal(width, octets), octets);
}

function readList(r: ByteReader, width: 1 | 4, mode: number): unknown[] {
  const at = r.position;
  const end = r.container(width);
  const count = r.count;
  if (count > end - r.position) r.fail(`a count of ${count} in ${end - r.position} octets`, at);
  const outer = r.end;
  r.end = end;
  r.enter();
  const list: unknown[] = [];
  for (let i = 0; i < count; i++) list.push(read(r, mode));
  leave(r, end, outer);
  return list;
}

function readMap(r: ByteReader, width: 1 | 4, mode: number): Record<string, unknown> | Map<unknown, unknown> {
  const end = mapEnd(r, width);
  const pairs = r.count >>> 1;
  const outer = r.end;
  const start = r.position;
  r.end = end;
  r.enter();
  const record = emptyRecord();
  let map: Map<unknown, unknown> | undefined;
  for (let i = 0; i < pairs; i++) {
    const at = r.position;
    const code = r.peek();
    if (code !== Code.str8 && code !== Code.str32) {
      map = readRest(r, i === 0 ? new Map() : toMap(r, start, i, record), pairs - i, mode);
      break;
    }
    r.charge(1);
    r.position++;
    const key = readText(r, r.sized(code === Code.str8 ? 1 : 4));
    if (record[key] !== undefined) r.fail(`the key ${show(key)} occurs twice in a map`, at);
    record[key] = read(r, mode);
  }
  leave(r, end, outer);
  return map ?? record;
}

// The pairs from the first key on that is not a string.
function readRest(r: ByteReader, map: Map<unknown, unknown>, pairs: number, mode: number): Map<unknown, unknown> {
  const seen = new Set<string>();
  for (let i = 0; i < pairs; i++) {
    const at = r.position;
    const code = r.peek();
    let key = read(r, mode);
    if (typeof key === "string") {
      if (map.has(key)) r.fail(`the key ${show(key)} occurs twice in a map`, at);
    } else {
      const identity = keyIdentity(r, code, key, at);
      if (seen.has(identity)) r.fail("a key occurs twice in a map", at);
      seen.add(identity);
      // The int 1 and the long 1 are two keys for AMQP and one for JavaScript.
      if (map.has(key)) key = exactly(typeOf(code) as AmqpTypeName, key);
    }
    map.set(key, read(r, mode));
  }
  return map;
}

function exactly(type: AmqpTypeName, value: unknown): Typed {
  return Typed.of(type, type === "long" || type === "ulong" ? BigInt(value as number | bigint) : value);
}

// Two keys are the same when type and value are; of compound keys and binary, when their octets are.
function keyIdentity(r: ByteReader, code: number, key: unknown, at: number): string {
  const value: unknown = key instanceof Typed ? key.value : key;
  if (value instanceof Date) return `timestamp ${value.getTime()}`;
  if (typeof value !== "object" || value === null) return `${typeOf(code) ?? ""} ${String(value)}`;
  if (value instanceof Uuid) return `uuid ${value.toString()}`;
  if (value instanceof Uint8Array) return `binary ${octetText(value, 0, value.length)}`;
  return octetText(r.bytes, at, r.position);
}

// The order of an object's keys is not always theirs on the wire, so the keys are read once more.
function toMap(r: ByteReader, start: number, pairs: number, record: Record<string, unknown>): Map<unknown, unknown> {
  const { position, nodes } = r;
  const map = new Map<unknown, unknown>();
  r.position = start;
  r.nodes = Infinity;
  for (let i = 0; i < pairs; i++) {
    const width = r.u8() === Code.str8 ? 1 : 4;
    const key = readText(r, r.sized(width));
    map.set(key, record[key]);
    skipValue(r);
  }
  r.position = position;
  r.nodes = nodes;
  return map;
}

function readArray(r: ByteReader, width: 1 | 4, mode: number): unknown {
  const end = r.container(width);
  const count = r.count;
  const outer = r.end;
  const depth = r.depth;
  r.end = end;
  r.enter();
  const descriptors: DescriptorForm[] = [];
  let code = r.u8();
  while (code === Code.described) {
    r.enter();
    descriptors.push(readForm(r));
    code = r.u8();
  }
  const layout = checkArray(r, code, count, end, descriptors.length > 0);
  const element = typeOf(code) as ArrayElement;
  let array: unknown;
  if (layout === 0) {
    const repeated = { code, count };
    const value = code === Code.list0 ? Object.freeze([]) : readBody(r, code, mode);
    array = Typed.repeat({ element, descriptors, repeated }, describe(descriptors, value), count);
  } else {
    if (descriptors.length === 0) array = readNumbers(r, code, count);
    if (array === undefined) {
      const values: unknown[] = [];
      for (let i = 0; i < count; i++) values.push(describe(descriptors, readBody(r, code, mode)));
      array = Typed.of("array", Object.freeze(values), { element, descriptors, repeated: undefined });
    } else {
      r.position = end;
    }
  }
  if (r.position !== end) r.fail(`${end - r.position} octets behind the last element`);
  r.depth = depth;
  r.end = outer;
  return array;
}

function readDescribed(r: ByteReader, mode: number): Described {
  r.enter();
  const form = readForm(r);
  const described = Described.of(form.descriptor, read(r, mode), form.exact);
  r.depth--;
  return described;
}

function describe(descriptors: readonly DescriptorForm[], value: unknown): unknown {
  for (let i = descriptors.length - 1; i >= 0; i--) {
    const form = descriptors[i] as DescriptorForm;
    value = Described.of(form.descriptor, value, form.exact);
  }
  return value;
}

// A descriptor is a ulong or a symbol; other types are reserved, and kept as the octets that they came in.
function readForm(r: ByteReader): DescriptorForm {
  const at = r.position;
  const value = read(r, TYPED);
  if (value instanceof Typed && value.type === "ulong") return { descriptor: value.value as bigint, exact: undefined };
  if (value instanceof Typed && value.type === "symbol") return { descriptor: value.value as string, exact: undefined };
  const exact = new Uint8Array(r.bytes.subarray(at, r.position));
  if (typeof value === "string") return { descriptor: value, exact };
  if (value instanceof Typed && typeof value.value === "number" && Number.isInteger(value.value)) {
    return { descriptor: BigInt(value.value), exact };
  }
  let digits = "0x";
  for (const octet of exact) digits += octet.toString(16).padStart(2, "0");
  return { descriptor: digits, exact };
}

function readTextKey(r: ByteReader): string {
  const code = r.u8();
  switch (code) {
    case Code.sym8: return readSymbolText(r, r.sized(1));
    case Code.sym32: return readSymbolText(r, r.sized(4));
    case Code.str8: return readText(r, r.sized(1));
    case Code.str32: return readText(r, r.sized(4));
    case Code.ulong0: return "0";
    case Code.smallulong: return String(r.u8());
    case Code.ulong: return String(r.u64());
    default: return r.fail(`the key of a map is a symbol here, not ${typeOf(code) ?? unknownCode(code)}`, r.position - 1);
  }
}

/** Takes the head of a map, sets `count` to the number of keys and values together, and returns the offset behind it. */
export function mapEnd(r: ByteReader, width: 1 | 4): number {
  const at = r.position;
  const end = r.container(width);
  if (r.count > end - r.position) r.fail(`a count of ${r.count} in ${end - r.position} octets`, at);
  if ((r.count & 1) === 1) r.fail(`a map of ${r.count} items: the last key has no value`, at);
  return end;
}

function leave(r: ByteReader, end: number, outer: number): void {
  if (r.position !== end) r.fail(`${end - r.position} octets behind the last item`);
  r.depth--;
  r.end = outer;
}

// No value that is read is undefined, so that a lookup tells whether a key was there, in less time than `in`.
function emptyRecord(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function copy(r: ByteReader, n: number): Bytes {
  r.need(n);
  const octets = new Uint8Array(n);
  for (let i = 0; i < n; i++) octets[i] = r.bytes[r.position + i] as number;
  r.position += n;
  return octets;
}

function octetText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

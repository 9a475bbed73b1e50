/**
 * Bytes -> values. `parse` keeps for each value its wire type and its very bytes; `simple` turns that into plain
 * JavaScript. Anything that is not valid AMQP throws an Error that says where.
 */

import type { Bytes } from "../../util/bytes.ts";
import { FORMATS } from "./format-codes.ts";
import type { Format, WireType } from "./format-codes.ts";
import { toHex } from "./octets.ts";

/** A value as it stood on the wire. */
export type Parsed =
  | { readonly type: "list" | "array"; readonly items: readonly Parsed[]; readonly bytes: Bytes }
  | { readonly type: "map"; readonly entries: readonly (readonly [Parsed, Parsed])[]; readonly bytes: Bytes }
  | { readonly type: "described"; readonly descriptor: Parsed; readonly inner: Parsed; readonly bytes: Bytes }
  | { readonly type: Exclude<WireType, "list" | "array" | "map">; readonly value: unknown; readonly bytes: Bytes };

/** Reads the one value that begins at `at`. What follows it is not looked at; its length is `bytes.length` of the result. */
export function parse(bytes: Uint8Array, at = 0): Parsed {
  return readValue(new Cursor(bytes, at, bytes.length));
}

/** Reads values one after the other up to the end of `bytes`. */
export function parseAll(bytes: Uint8Array): Parsed[] {
  const cursor = new Cursor(bytes, 0, bytes.length);
  const values: Parsed[] = [];
  while (cursor.at < cursor.end) values.push(readValue(cursor));
  return values;
}

/**
 * The plain JavaScript form: integers of 64 bits as numbers where exact, else bigints; symbols and chars as strings; uuids as
 * text; decimals and binaries as bytes; timestamps as Date, or bigint beyond its range; lists and arrays as arrays;
 * maps with only text keys as objects without prototype, others as Map; described values as `{ described: [descriptor, value] }`.
 */
export function simple(node: Parsed): unknown {
  switch (node.type) {
    case "list":
    case "array":
      return node.items.map(simple);
    case "map":
      return simpleMap(node.entries);
    case "described":
      return { described: [simple(node.descriptor), simple(node.inner)] };
    default:
      return node.value;
  }
}

function simpleMap(entries: readonly (readonly [Parsed, Parsed])[]): unknown {
  const pairs = entries.map(([key, value]) => [simple(key), simple(value)] as const);
  if (!entries.every(([key]) => key.type === "string" || key.type === "symbol")) return new Map(pairs);
  const record: Record<string, unknown> = Object.create(null);
  for (const [key, value] of pairs) record[String(key)] = value;
  return record;
}

class Cursor {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  take(n: number): Bytes {
    if (this.at + n > this.end) throw new Error(`${n} octets wanted at offset ${this.at}, ${this.end - this.at} left`);
    this.at += n;
    return new Uint8Array(this.bytes.slice(this.at - n, this.at));
  }

  number(width: number): number {
    return Number(unsigned(this.take(width)));
  }

  since(start: number): Bytes {
    return new Uint8Array(this.bytes.slice(start, this.at));
  }
}

function readValue(cursor: Cursor): Parsed {
  const start = cursor.at;
  const code = cursor.number(1);
  if (code !== 0x00) return readBody(cursor, formatOf(code, start), start);
  const descriptor = readValue(cursor);
  const inner = readValue(cursor);
  return { type: "described", descriptor, inner, bytes: cursor.since(start) };
}

function formatOf(code: number, at: number): Format {
  const format = FORMATS.get(code);
  if (format === undefined) throw new Error(`no such format code 0x${code.toString(16).padStart(2, "0")} at offset ${at}`);
  return format;
}

function readBody(cursor: Cursor, format: Format, start: number): Parsed {
  if (format.code === 0x45) return { type: "list", items: [], bytes: cursor.since(start) };
  if (format.kind === "fixed") {
    const value = fixed(format, cursor.take(format.width));
    return { type: plainType(format), value, bytes: cursor.since(start) };
  }
  const size = cursor.number(format.width);
  if (format.kind === "variable") {
    const value = variable(format, cursor.take(size));
    return { type: plainType(format), value, bytes: cursor.since(start) };
  }
  const inside = new Cursor(cursor.bytes, cursor.at, cursor.at + size);
  cursor.take(size);
  const count = inside.number(format.width);
  const items = format.kind === "array" ? readArray(inside, count) : readItems(inside, count);
  if (inside.at !== inside.end) throw new Error(`${inside.end - inside.at} octets left over in the ${format.type} at offset ${start}`);
  const bytes = cursor.since(start);
  if (format.type !== "map") return { type: format.type === "array" ? "array" : "list", items, bytes };
  if (count % 2 !== 0) throw new Error(`odd number of items in the map at offset ${start}`);
  const entries: [Parsed, Parsed][] = [];
  for (let i = 0; i + 1 < items.length; i += 2) entries.push([items[i]!, items[i + 1]!]);
  return { type: "map", entries, bytes };
}

function plainType(format: Format): Exclude<WireType, "list" | "array" | "map"> {
  if (format.type === "list" || format.type === "array" || format.type === "map") throw new Error(`${format.type} is not plain`);
  return format.type;
}

function readItems(cursor: Cursor, count: number): Parsed[] {
  const items: Parsed[] = [];
  for (let i = 0; i < count; i++) items.push(readValue(cursor));
  return items;
}

function readArray(cursor: Cursor, count: number): Parsed[] {
  const descriptors: Parsed[] = [];
  let code = cursor.number(1);
  while (code === 0x00) {
    descriptors.unshift(readValue(cursor));
    code = cursor.number(1);
  }
  const format = formatOf(code, cursor.at - 1);
  // elements without octets of their own are the only ones that do not run out
  if (count > 65_536 && format.width === 0) throw new Error(`an array of ${count} elements without octets`);
  const items: Parsed[] = [];
  for (let i = 0; i < count; i++) {
    let item = readBody(cursor, format, cursor.at);
    for (const descriptor of descriptors) item = { type: "described", descriptor, inner: item, bytes: item.bytes };
    items.push(item);
  }
  return items;
}

function fixed(format: Format, bytes: Bytes): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format.type) {
    case "null":
      return null;
    case "boolean":
      if (format.code !== 0x56) return format.code === 0x41;
      if (bytes[0]! > 1) throw new Error(`a boolean of 0x${toHex(bytes)}`);
      return bytes[0] === 1;
    case "ubyte":
    case "ushort":
    case "uint":
    case "ulong":
      return narrow(unsigned(bytes));
    case "byte":
    case "short":
    case "int":
    case "long":
      return narrow(signed(bytes));
    case "float":
      return view.getFloat32(0);
    case "double":
      return view.getFloat64(0);
    case "char":
      return String.fromCodePoint(view.getUint32(0));
    case "timestamp": {
      const time = signed(bytes);
      return time >= -8_640_000_000_000_000n && time <= 8_640_000_000_000_000n ? new Date(Number(time)) : time;
    }
    case "uuid":
      return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    default:
      return bytes; // decimals
  }
}

function variable(format: Format, bytes: Bytes): unknown {
  if (format.type === "binary") return bytes;
  if (format.type === "string") return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  if (bytes.some((byte) => byte > 0x7f)) throw new Error(`symbol with an octet beyond ASCII: ${toHex(bytes)}`);
  return String.fromCharCode(...bytes);
}

function unsigned(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

function signed(bytes: Uint8Array): bigint {
  return BigInt.asIntN(8 * bytes.length, unsigned(bytes));
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

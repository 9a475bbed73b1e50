/**
 * Writing: JavaScript values of any type -> octets. The writers of single types, for the fields of performatives and
 * sections, are reached through this file too.
 */

import type { ByteWriter } from "../util/byte-writer.ts";
import { Code, MAX_DEPTH } from "./codes.ts";
import type { NumberArray } from "./decode-array.ts";
import { writeArray, writeNumbers } from "./encode-array.ts";
import {
  beginList, endCompound, endList, putOctets, writeBinary, writeBoolean, writeByte, writeChar, writeDescriptorForm, writeDouble,
  writeFloat, writeInt, writeLong, writeNull, writeShort, writeString, writeSymbol, writeTimestamp, writeUbyte, writeUint,
  writeUlong, writeUshort, writeUuid,
} from "./encode-primitive.ts";
import { Described, notEncodable, show, Typed, Uuid } from "./values.ts";

export {
  beginList, beginMap, endList, endMap, writeBinary, writeBoolean, writeByte, writeChar, writeDescriptor, writeDouble, writeFloat,
  writeInt, writeLong, writeNull, writeShort, writeString, writeSymbol, writeSymbols, writeTimestamp, writeUbyte, writeUint,
  writeUlong, writeUshort, writeUuid,
} from "./encode-primitive.ts";

/**
 * A value of any type, as the rules for JavaScript values say: whole number -> int or long, other number -> double, bigint -> long
 * or ulong, Date -> timestamp, Uint8Array -> binary, other typed array -> array, array -> list, object or Map -> map.
 * @throws EncodeError `not-encodable` for what has no encoding, or is nested deeper than 64
 */
export function writeValue(w: ByteWriter, value: unknown): void {
  put(w, value, 0);
}

/**
 * A map from an object or a Map. Text keys become strings or symbols as `keys` says; with `any`, keys of a Map keep their
 * types. Entries of an object that are undefined are left out.
 * @throws EncodeError `not-encodable`
 */
export function writeMap(
  w: ByteWriter, map: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>, keys: "symbol" | "string" | "any",
): void {
  if (map instanceof Map) putMap(w, map as ReadonlyMap<unknown, unknown>, keys, 1);
  else putRecord(w, map as Readonly<Record<string, unknown>>, keys === "symbol", 1);
}

function put(w: ByteWriter, value: unknown, depth: number): void {
  switch (typeof value) {
    case "string": writeString(w, value); return;
    case "number": putNumber(w, value); return;
    case "boolean": writeBoolean(w, value); return;
    case "undefined": writeNull(w); return;
    case "bigint":
      if (value > 0x7fff_ffff_ffff_ffffn) writeUlong(w, value);
      else writeLong(w, value);
      return;
    case "object":
      if (value === null) writeNull(w);
      else putObject(w, value, depth);
      return;
    default: throw notEncodable(`${show(value)} has no AMQP type`);
  }
}

function putNumber(w: ByteWriter, value: number): void {
  if (value === (value | 0) && (value !== 0 || 1 / value > 0)) writeInt(w, value);
  else if (Number.isSafeInteger(value) && value !== 0) writeLong(w, value);
  else writeDouble(w, value);
}

function putObject(w: ByteWriter, value: object, depth: number): void {
  if (value instanceof Uint8Array) writeBinary(w, value);
  else if (Array.isArray(value)) putList(w, value, depth + 1);
  else if (value instanceof Date) writeTimestamp(w, value);
  else if (value instanceof Typed) putTyped(w, value as Typed, depth);
  else if (value instanceof Uuid) writeUuid(w, value);
  else if (value instanceof Described) putDescribed(w, value, depth + 1);
  else if (value instanceof Map) putMap(w, value, "any", depth + 1);
  else if (ArrayBuffer.isView(value) && !(value instanceof DataView)) writeNumbers(w, value as NumberArray);
  else if (isRecord(value)) putRecord(w, value, false, depth + 1);
  else throw notEncodable(`${show(value)} has no AMQP type`);
}

function putList(w: ByteWriter, list: readonly unknown[], depth: number): void {
  checkDepth(depth);
  const mark = beginList(w);
  for (let i = 0; i < list.length; i++) put(w, list[i], depth);
  endList(w, mark, list.length);
}

function putRecord(w: ByteWriter, record: Readonly<Record<string, unknown>>, symbols: boolean, depth: number): void {
  checkDepth(depth);
  const mark = beginList(w);
  let count = 0;
  for (const key of Object.keys(record)) {
    const value = record[key];
    if (value === undefined) continue;
    if (symbols) writeSymbol(w, key);
    else writeString(w, key);
    put(w, value, depth);
    count += 2;
  }
  endCompound(w, mark, count, Code.map8);
}

function putMap(w: ByteWriter, map: ReadonlyMap<unknown, unknown>, keys: "symbol" | "string" | "any", depth: number): void {
  checkDepth(depth);
  const mark = beginList(w);
  const seen = hasObjectKey(map) ? new Set<string>() : undefined;
  for (const [key, value] of map) {
    const at = w.position;
    const text: unknown = key instanceof Typed && key.type === "symbol" ? key.value : key;
    if (keys === "any") put(w, key, depth);
    else if (typeof text !== "string") throw notEncodable(`a key of this map is text, not ${show(key)}`);
    else if (keys === "symbol") writeSymbol(w, text);
    else writeString(w, text);
    // Keys that are text or the like differ in a Map already, but two objects can stand for one key.
    if (seen !== undefined) {
      const octets = octetText(w.bytes, at, w.position);
      if (seen.has(octets)) throw notEncodable(`the key ${show(text)} occurs twice in a map`);
      seen.add(octets);
    }
    put(w, value, depth);
  }
  endCompound(w, mark, map.size * 2, Code.map8);
}

function putTyped(w: ByteWriter, typed: Typed, depth: number): void {
  const value = typed.value as never;
  switch (typed.type) {
    case "ulong": writeUlong(w, value); return;
    case "uint": writeUint(w, value); return;
    case "ushort": writeUshort(w, value); return;
    case "ubyte": writeUbyte(w, value); return;
    case "long": writeLong(w, value); return;
    case "int": writeInt(w, value); return;
    case "short": writeShort(w, value); return;
    case "byte": writeByte(w, value); return;
    case "float":
      if (typed.exact instanceof Uint8Array) putOctets(w, Code.float, typed.exact);
      else writeFloat(w, value);
      return;
    case "double":
      if (typed.exact instanceof Uint8Array) putOctets(w, Code.double, typed.exact);
      else writeDouble(w, value);
      return;
    case "char": writeChar(w, value); return;
    case "symbol": writeSymbol(w, value); return;
    case "timestamp": writeTimestamp(w, value); return;
    case "decimal32": putOctets(w, Code.decimal32, typed.exact as Uint8Array); return;
    case "decimal64": putOctets(w, Code.decimal64, typed.exact as Uint8Array); return;
    case "decimal128": putOctets(w, Code.decimal128, typed.exact as Uint8Array); return;
    case "uuid": writeUuid(w, value); return;
    case "array":
      checkDepth(depth + 1);
      writeArray(w, typed, depth + 1, put);
      return;
  }
}

function putDescribed(w: ByteWriter, described: Described, depth: number): void {
  checkDepth(depth);
  writeDescriptorForm(w, described);
  put(w, described.value, depth);
}

function checkDepth(depth: number): void {
  if (depth > MAX_DEPTH) throw notEncodable(`nested deeper than ${MAX_DEPTH}, or in a circle`);
}

// Instances of other people's classes are maps of their own properties; what holds its contents elsewhere is not.
function isRecord(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.prototype.toString.call(value) === "[object Object]";
}

function hasObjectKey(map: ReadonlyMap<unknown, unknown>): boolean {
  for (const key of map.keys()) if (typeof key === "object" && key !== null) return true;
  return false;
}

function octetText(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i] as number);
  return text;
}

/** Arrays -> octets: typed arrays, and `Typed` arrays of every element type. Numbers keep their full width in arrays. */

import type { ByteWriter } from "../util/byte-writer.ts";
import { isWellFormed, utf8Length, writeUtf8 } from "#platform";
import { Code, LAYOUT, Layout } from "./codes.ts";
import { HIGH_WORD } from "./decode-array.ts";
import type { NumberArray } from "./decode-array.ts";
import { beginList, store4, writeDescriptorForm } from "./encode-primitive.ts";
import { notEncodable, show, Typed } from "./values.ts";
import type { ArrayElement, ArrayShape, Described, Uuid } from "./values.ts";

/** Writes any value with its constructor, `depth` containers deep. */
export type PutValue = (w: ByteWriter, value: unknown, depth: number) => void;

/** An array of numbers. @throws EncodeError `not-encodable` for a typed array that has no AMQP type */
export function writeNumbers(w: ByteWriter, array: NumberArray): void {
  const code = codeOf(array);
  const mark = beginList(w);
  w.reserve(1 + array.byteLength);
  w.bytes[w.position++] = code;
  storeNumbers(w, array);
  end(w, mark, array.length);
}

/** An array of the shape that it was made with, or received with. */
export function writeArray(w: ByteWriter, typed: Typed, depth: number, put: PutValue): void {
  const shape = typed.exact as ArrayShape;
  const mark = beginList(w);
  for (const form of shape.descriptors) writeDescriptorForm(w, form);
  w.reserve(1);
  if (shape.repeated !== undefined) {
    w.bytes[w.position++] = shape.repeated.code;
    end(w, mark, shape.repeated.count);
    return;
  }
  const values = (typed.value as readonly unknown[]).map((value) => inside(value, shape.descriptors.length));
  const code = CODES[shape.element];
  // The encodings with four octets of size are 0x10 above those with one.
  const fitting = LAYOUT[code] === Layout.variable8 && values.some((value) => octetsOf(value) > 0xff) ? code + 0x10 : code;
  w.bytes[w.position++] = fitting;
  for (const value of values) writeElement(w, value, fitting, depth + shape.descriptors.length, put);
  end(w, mark, values.length);
}

// Containers have the four-octet encodings at once: to find out whether a shorter one would do, each would have to be
// written twice, and what they contain four times.
const CODES: Readonly<Record<ArrayElement, number>> = {
  null: Code.null, boolean: Code.boolean, ubyte: Code.ubyte, byte: Code.byte, ushort: Code.ushort, short: Code.short,
  uint: Code.uint, int: Code.int, ulong: Code.ulong, long: Code.long, float: Code.float, double: Code.double, char: Code.char,
  timestamp: Code.timestamp, decimal32: Code.decimal32, decimal64: Code.decimal64, decimal128: Code.decimal128, uuid: Code.uuid,
  binary: Code.vbin8, string: Code.str8, symbol: Code.sym8, list: Code.list32, map: Code.map32, array: Code.array32,
};

function inside(value: unknown, descriptors: number): unknown {
  for (let i = 0; i < descriptors; i++) value = (value as Described).value;
  return value;
}

function octetsOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : utf8Length(String(value));
}

// Without its constructor.
function writeElement(w: ByteWriter, value: unknown, code: number, depth: number, put: PutValue): void {
  switch (code) {
    case Code.null: return;
    case Code.boolean:
      w.reserve(1);
      w.bytes[w.position++] = value === true ? 1 : 0;
      return;
    case Code.str8: case Code.sym8: case Code.str32: case Code.sym32: {
      const text = String(value);
      const octets = utf8Length(text);
      if (octets !== text.length && !isWellFormed(text)) throw notEncodable(`a lone surrogate in ${show(text)}`);
      writeSize(w, octets, code);
      w.reserve(octets);
      w.position += writeUtf8(w.bytes, w.position, text);
      return;
    }
    case Code.vbin8: case Code.vbin32:
      writeSize(w, (value as Uint8Array).length, code);
      w.writeBytes(value as Uint8Array);
      return;
    case Code.uuid: w.writeBytes((value as Uuid).bytes); return;
    case Code.decimal32: case Code.decimal64: case Code.decimal128: w.writeBytes((value as Typed).exact as Uint8Array); return;
    case Code.list32: case Code.map32: case Code.array32: writeContainer(w, value, code, depth, put); return;
    default:
      w.reserve(8);
      w.position = storeNumber(w.view, w.position, code, plain(value, code));
  }
}

// A container is written with the constructor that it chooses, then brought to the encoding of all elements.
function writeContainer(w: ByteWriter, value: unknown, code: number, depth: number, put: PutValue): void {
  const at = w.position;
  put(w, value, depth);
  const found = w.bytes[at] as number;
  if (found === code) {
    w.bytes.copyWithin(at, at + 1, w.position);
    w.position--;
    return;
  }
  // An empty list is its constructor alone; otherwise the items are behind one octet each of size and count.
  const count = found === Code.list0 ? 0 : (w.bytes[at + 2] as number);
  const items = found === Code.list0 ? 0 : w.position - at - 3;
  w.reserve(8);
  w.bytes.copyWithin(at + 8, at + 3, at + 3 + items);
  w.position = at;
  store4(w, items + 4);
  store4(w, count);
  w.position = at + 8 + items;
}

function plain(value: unknown, code: number): number | bigint {
  if (value instanceof Date) return BigInt(value.getTime());
  const inner: unknown = value instanceof Typed ? value.value : value;
  if (code === Code.char) return (inner as string).codePointAt(0) as number;
  return inner instanceof Date ? BigInt(inner.getTime()) : (inner as number | bigint);
}

function storeNumber(view: DataView, at: number, code: number, value: number | bigint): number {
  switch (code) {
    case Code.ubyte: case Code.byte: view.setUint8(at, value as number); return at + 1;
    case Code.ushort: case Code.short: view.setUint16(at, value as number); return at + 2;
    case Code.uint: case Code.int: case Code.char: view.setUint32(at, value as number); return at + 4;
    case Code.float: view.setFloat32(at, value as number); return at + 4;
    case Code.double: view.setFloat64(at, value as number); return at + 8;
    default: view.setBigUint64(at, BigInt.asUintN(64, BigInt(value))); return at + 8;
  }
}

// As unsigned integers of their width, whatever they are, so that every bit stays.
function storeNumbers(w: ByteWriter, array: NumberArray): void {
  const { buffer, byteOffset, length } = array;
  const view = w.view;
  let at = w.position;
  if (array.BYTES_PER_ELEMENT === 1) {
    w.bytes.set(new Uint8Array(buffer, byteOffset, length), at);
  } else if (array.BYTES_PER_ELEMENT === 2) {
    const bits = new Uint16Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++, at += 2) view.setUint16(at, bits[i] as number);
  } else if (array.BYTES_PER_ELEMENT === 4) {
    const bits = new Uint32Array(buffer, byteOffset, length);
    for (let i = 0; i < length; i++, at += 4) view.setUint32(at, bits[i] as number);
  } else {
    const bits = new Uint32Array(buffer, byteOffset, length * 2);
    for (let i = 0; i < length; i++, at += 8) {
      view.setUint32(at, bits[i * 2 + HIGH_WORD] as number);
      view.setUint32(at + 4, bits[i * 2 + 1 - HIGH_WORD] as number);
    }
  }
  w.position += array.byteLength;
}

function codeOf(array: NumberArray): number {
  if (array instanceof Int32Array) return Code.int;
  if (array instanceof Float64Array) return Code.double;
  if (array instanceof Int8Array) return Code.byte;
  if (array instanceof Uint8ClampedArray) return Code.ubyte;
  if (array instanceof Int16Array) return Code.short;
  if (array instanceof Uint16Array) return Code.ushort;
  if (array instanceof Uint32Array) return Code.uint;
  if (array instanceof Float32Array) return Code.float;
  if (array instanceof BigInt64Array) return Code.long;
  if (array instanceof BigUint64Array) return Code.ulong;
  throw notEncodable(`${show(array)} has no AMQP type`);
}

function writeSize(w: ByteWriter, size: number, code: number): void {
  w.reserve(4);
  if (LAYOUT[code] === Layout.variable8) w.bytes[w.position++] = size;
  else store4(w, size);
}

// Behind `mark` are three octets for the head, then the element constructor and the elements.
function end(w: ByteWriter, mark: number, count: number): void {
  const content = w.position - mark - 3;
  const bytes = w.bytes;
  if (content + 1 <= 0xff && count <= 0xff) {
    bytes[mark] = Code.array8;
    bytes[mark + 1] = content + 1;
    bytes[mark + 2] = count;
    return;
  }
  w.reserve(6);
  w.bytes.copyWithin(mark + 9, mark + 3, w.position);
  w.position = mark;
  w.bytes[w.position++] = Code.array32;
  store4(w, content + 4);
  store4(w, count);
  w.position = mark + 9 + content;
}

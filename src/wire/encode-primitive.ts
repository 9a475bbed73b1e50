/**
 * Values of one known type -> octets, each in its smallest encoding, appended at the writer's position. Room is reserved once
 * per value, then stored to without checks. When one of these throws, the caller takes back what it has begun.
 */

import type { ByteWriter } from "../util/byte-writer.ts";
import { isWellFormed, utf8Length, writeAscii, writeUtf8 } from "#platform";
import { Code } from "./codes.ts";
import { notEncodable, show } from "./values.ts";
import type { DescriptorForm, Uuid } from "./values.ts";

/** Text up to this many char codes is stored by a loop here. */
const SHORT = 40;
/** Text up to this many char codes has at most 255 octets, so that it is stored without asking for its length first. */
const SURELY_8 = 85;

/** Null, one octet. */
export function writeNull(w: ByteWriter): void {
  w.reserve(1);
  w.bytes[w.position++] = Code.null;
}

/** A boolean, one octet. */
export function writeBoolean(w: ByteWriter, value: boolean): void {
  w.reserve(1);
  w.bytes[w.position++] = value ? Code.true : Code.false;
}

/** A ubyte, two octets. @throws EncodeError `not-encodable` outside its range */
export function writeUbyte(w: ByteWriter, value: number): void {
  if (value !== (value & 0xff)) outside("ubyte", value);
  put1(w, Code.ubyte, value);
}

/** A ushort, three octets. @throws EncodeError `not-encodable` outside its range */
export function writeUshort(w: ByteWriter, value: number): void {
  if (value !== (value & 0xffff)) outside("ushort", value);
  put2(w, Code.ushort, value);
}

/** A uint: one octet for 0, two up to 255, else five. @throws EncodeError `not-encodable` outside its range */
export function writeUint(w: ByteWriter, value: number): void {
  if (value !== value >>> 0) outside("uint", value);
  w.reserve(5);
  if (value === 0) w.bytes[w.position++] = Code.uint0;
  else if (value <= 0xff) put1(w, Code.smalluint, value);
  else put4(w, Code.uint, value);
}

/** A ulong: a whole number, beyond 2^53 a bigint. @throws EncodeError `not-encodable` outside its range */
export function writeUlong(w: ByteWriter, value: number | bigint): void {
  w.reserve(9);
  if (typeof value === "number" && value === value >>> 0) {
    if (value === 0) w.bytes[w.position++] = Code.ulong0;
    else if (value <= 0xff) put1(w, Code.smallulong, value);
    else put8(w, Code.ulong, 0, value);
  } else if (typeof value === "number") {
    if (!Number.isSafeInteger(value) || value < 0) outside("ulong", value);
    put8(w, Code.ulong, Math.floor(value / 0x1_0000_0000), value >>> 0);
  } else if (value >= 0n && value <= 0xffff_ffffn) {
    writeUlong(w, Number(value));
  } else {
    if (BigInt.asUintN(64, value) !== value) outside("ulong", value);
    w.bytes[w.position] = Code.ulong;
    w.view.setBigUint64(w.position + 1, value);
    w.position += 9;
  }
}

/** A byte, two octets. @throws EncodeError `not-encodable` outside its range */
export function writeByte(w: ByteWriter, value: number): void {
  if (value !== (value << 24) >> 24) outside("byte", value);
  put1(w, Code.byte, value);
}

/** A short, three octets. @throws EncodeError `not-encodable` outside its range */
export function writeShort(w: ByteWriter, value: number): void {
  if (value !== (value << 16) >> 16) outside("short", value);
  put2(w, Code.short, value);
}

/** An int: two octets from -128 to 127, else five. @throws EncodeError `not-encodable` outside its range */
export function writeInt(w: ByteWriter, value: number): void {
  if (value !== (value | 0)) outside("int", value);
  if (value === (value << 24) >> 24) put1(w, Code.smallint, value);
  else put4(w, Code.int, value);
}

/** A long: a whole number, beyond 2^53 a bigint. @throws EncodeError `not-encodable` outside its range */
export function writeLong(w: ByteWriter, value: number | bigint): void {
  if (typeof value === "number") {
    if (value === (value << 24) >> 24) {
      put1(w, Code.smalllong, value);
      return;
    }
    if (!Number.isSafeInteger(value)) outside("long", value);
    put8(w, Code.long, Math.floor(value / 0x1_0000_0000), value >>> 0);
  } else if (value >= -128n && value <= 127n) {
    put1(w, Code.smalllong, Number(value));
  } else {
    if (BigInt.asIntN(64, value) !== value) outside("long", value);
    w.reserve(9);
    w.bytes[w.position] = Code.long;
    w.view.setBigInt64(w.position + 1, value);
    w.position += 9;
  }
}

/** A float, five octets; rounded to single precision. */
export function writeFloat(w: ByteWriter, value: number): void {
  w.reserve(5);
  w.bytes[w.position] = Code.float;
  w.view.setFloat32(w.position + 1, value);
  w.position += 5;
}

/** A double, nine octets. */
export function writeDouble(w: ByteWriter, value: number): void {
  w.reserve(9);
  w.bytes[w.position] = Code.double;
  w.view.setFloat64(w.position + 1, value);
  w.position += 9;
}

/** A char: one Unicode character. @throws EncodeError `not-encodable` otherwise */
export function writeChar(w: ByteWriter, value: string): void {
  const point = value.codePointAt(0) ?? 0xd800;
  if ((point >= 0xd800 && point <= 0xdfff) || value.length !== (point > 0xffff ? 2 : 1)) outside("char", value);
  put4(w, Code.char, point);
}

/** A timestamp: a Date, or milliseconds since the Unix epoch. @throws EncodeError `not-encodable` for an invalid Date or beyond 64 bits */
export function writeTimestamp(w: ByteWriter, value: Date | number | bigint): void {
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms === "number") {
    if (!Number.isSafeInteger(ms)) outside("timestamp", value);
    put8(w, Code.timestamp, Math.floor(ms / 0x1_0000_0000), ms >>> 0);
  } else {
    if (BigInt.asIntN(64, ms) !== ms) outside("timestamp", value);
    w.reserve(9);
    w.bytes[w.position] = Code.timestamp;
    w.view.setBigInt64(w.position + 1, ms);
    w.position += 9;
  }
}

/** A uuid, 17 octets. */
export function writeUuid(w: ByteWriter, value: Uuid): void {
  putOctets(w, Code.uuid, value.bytes);
}

/** Binary; the octets are copied. */
export function writeBinary(w: ByteWriter, value: Uint8Array): void {
  const length = value.length;
  w.reserve(5 + length);
  putHead(w, Code.vbin8, length);
  const bytes = w.bytes;
  const at = w.position;
  if (length < 8) for (let i = 0; i < length; i++) bytes[at + i] = value[i] as number;
  else bytes.set(value, at);
  w.position = at + length;
}

/** A string. @throws EncodeError `not-encodable` for a lone surrogate, which UTF-8 cannot express */
export function writeString(w: ByteWriter, value: string): void {
  const length = value.length;
  if (length > SHORT) {
    writeLongString(w, value);
    return;
  }
  w.reserve(2 + length);
  const bytes = w.bytes;
  const at = w.position + 2;
  // Stored as if it were ASCII, four at a time, which saves a fifth; if it is not, it is stored again.
  let all = 0;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const a = value.charCodeAt(i);
    const b = value.charCodeAt(i + 1);
    const c = value.charCodeAt(i + 2);
    const d = value.charCodeAt(i + 3);
    all |= a | b | c | d;
    bytes[at + i] = a;
    bytes[at + i + 1] = b;
    bytes[at + i + 2] = c;
    bytes[at + i + 3] = d;
  }
  for (; i < length; i++) {
    const unit = value.charCodeAt(i);
    all |= unit;
    bytes[at + i] = unit;
  }
  if (all > 0x7f) {
    writeLongString(w, value);
    return;
  }
  bytes[at - 2] = Code.str8;
  bytes[at - 1] = length;
  w.position = at + length;
}

/** A symbol. @throws EncodeError `not-encodable` unless it is ASCII */
export function writeSymbol(w: ByteWriter, value: string): void {
  const length = value.length;
  w.reserve(5 + length);
  putHead(w, Code.sym8, length);
  const bytes = w.bytes;
  const at = w.position;
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 0x7f) throw notEncodable(`a symbol is ASCII text, not ${show(value)}`);
    bytes[at + i] = unit;
  }
  w.position = at + length;
}

/** An array of symbols, also when there is one or none. @throws EncodeError `not-encodable` unless they are ASCII */
export function writeSymbols(w: ByteWriter, values: readonly string[]): void {
  let octets = 0;
  let longest = 0;
  for (const value of values) {
    octets += value.length;
    if (value.length > longest) longest = value.length;
  }
  const width = longest > 0xff ? 4 : 1;
  const size = octets + width * values.length;
  w.reserve(10 + size);
  if (size + 2 <= 0xff && values.length <= 0xff) {
    w.bytes[w.position++] = Code.array8;
    w.bytes[w.position++] = size + 2;
    w.bytes[w.position++] = values.length;
  } else {
    put4(w, Code.array32, size + 5);
    store4(w, values.length);
  }
  w.bytes[w.position++] = width === 1 ? Code.sym8 : Code.sym32;
  for (const value of values) {
    if (width === 1) w.bytes[w.position++] = value.length;
    else store4(w, value.length);
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) throw notEncodable(`a symbol is ASCII text, not ${show(value)}`);
      w.bytes[w.position++] = unit;
    }
  }
}

/** The constructor of a described value whose descriptor is a ulong; the value follows. */
export function writeDescriptor(w: ByteWriter, code: number): void {
  w.reserve(10);
  w.bytes[w.position++] = Code.described;
  writeUlong(w, code);
}

/** The constructor of a described value, whose descriptor may be of any type; the value follows. */
export function writeDescriptorForm(w: ByteWriter, form: DescriptorForm): void {
  w.reserve(1);
  w.bytes[w.position++] = Code.described;
  if (form.exact !== undefined) w.writeBytes(form.exact);
  else if (typeof form.descriptor === "string") writeSymbol(w, form.descriptor);
  else writeUlong(w, form.descriptor);
}

/**
 * Begins a list; the items are written after it, then `endList`. Returns the mark for that, an offset of the writer.
 */
export function beginList(w: ByteWriter): number {
  w.reserve(3);
  const mark = w.position;
  w.position = mark + 3;
  return mark;
}

/** Ends a list of `count` items: the head is one octet, three, or nine for what is larger than 255. */
export function endList(w: ByteWriter, mark: number, count: number): void {
  if (count === 0) {
    w.bytes[mark] = Code.list0;
    w.position = mark + 1;
    return;
  }
  endCompound(w, mark, count, Code.list8);
}

/** Begins a map, as `beginList` begins a list. */
export function beginMap(w: ByteWriter): number {
  return beginList(w);
}

/** Ends a map of `count` items: keys and values are counted one by one. */
export function endMap(w: ByteWriter, mark: number, count: number): void {
  endCompound(w, mark, count, Code.map8);
}

/** Ends a list or map whose head `beginList` left open; `code8` is its encoding with one octet of size. */
export function endCompound(w: ByteWriter, mark: number, count: number, code8: number): void {
  const size = w.position - mark - 2;
  const bytes = w.bytes;
  if (size <= 0xff && count <= 0xff) {
    bytes[mark] = code8;
    bytes[mark + 1] = size;
    bytes[mark + 2] = count;
    return;
  }
  const items = size - 1;
  w.reserve(6);
  w.bytes.copyWithin(mark + 9, mark + 3, w.position);
  w.position = mark;
  // The encodings with four octets of size are 0x10 above those with one.
  put4(w, code8 + 0x10, items + 4);
  store4(w, count);
  w.position = mark + 9 + items;
}

/** A format code and the octets behind it. */
export function putOctets(w: ByteWriter, code: number, octets: Uint8Array): void {
  const length = octets.length;
  w.reserve(1 + length);
  const bytes = w.bytes;
  const at = w.position;
  bytes[at] = code;
  for (let i = 0; i < length; i++) bytes[at + 1 + i] = octets[i] as number;
  w.position = at + 1 + length;
}

/** Four octets, without a format code. */
export function store4(w: ByteWriter, value: number): void {
  w.reserve(4);
  const bytes = w.bytes;
  const at = w.position;
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  w.position = at + 4;
}

function writeLongString(w: ByteWriter, value: string): void {
  const length = value.length;
  let octets = length;
  if (length <= SURELY_8) {
    w.reserve(2 + length * 3);
    octets = writeUtf8(w.bytes, w.position + 2, value);
    putHead(w, Code.str8, octets);
  } else {
    octets = utf8Length(value);
    w.reserve(5 + octets);
    putHead(w, Code.str8, octets);
    if (octets === length) writeAscii(w.bytes, w.position, value);
    else writeUtf8(w.bytes, w.position, value);
  }
  if (octets !== length && !isWellFormed(value)) throw notEncodable(`a lone surrogate in ${show(value)}`);
  w.position += octets;
}

// Head of a variable-width encoding; room for five octets is there.
function putHead(w: ByteWriter, code8: number, length: number): void {
  const bytes = w.bytes;
  const at = w.position;
  if (length <= 0xff) {
    bytes[at] = code8;
    bytes[at + 1] = length;
    w.position = at + 2;
  } else {
    bytes[at] = code8 + 0x10;
    bytes[at + 1] = length >>> 24;
    bytes[at + 2] = length >>> 16;
    bytes[at + 3] = length >>> 8;
    bytes[at + 4] = length;
    w.position = at + 5;
  }
}

function put1(w: ByteWriter, code: number, value: number): void {
  w.reserve(2);
  const bytes = w.bytes;
  const at = w.position;
  bytes[at] = code;
  bytes[at + 1] = value;
  w.position = at + 2;
}

function put2(w: ByteWriter, code: number, value: number): void {
  w.reserve(3);
  const bytes = w.bytes;
  const at = w.position;
  bytes[at] = code;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value;
  w.position = at + 3;
}

function put4(w: ByteWriter, code: number, value: number): void {
  w.reserve(5);
  const bytes = w.bytes;
  const at = w.position;
  bytes[at] = code;
  bytes[at + 1] = value >>> 24;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 8;
  bytes[at + 4] = value;
  w.position = at + 5;
}

function put8(w: ByteWriter, code: number, high: number, low: number): void {
  put4(w, code, high);
  store4(w, low);
}

function outside(type: string, value: unknown): never {
  throw notEncodable(`${show(value)} is not a value of ${type}`);
}

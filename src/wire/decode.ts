/**
 * Reading: the fields of performatives and sections, each of a known type. Null is undefined here, any other type
 * than the named one is an error. `ByteReader`, `readValue` and `skipValue` are reached through this file too.
 */

import type { Bytes } from "../util/bytes.ts";
import type { ByteReader } from "./byte-reader.ts";
import { Code } from "./codes.ts";
import { typeOf } from "./decode-array.ts";
import { mapEnd, readSymbolText, readText } from "./decode-value.ts";
import { unknownCode } from "./skip.ts";

export { ByteReader } from "./byte-reader.ts";
export { readTextMap, readValue } from "./decode-value.ts";
export type { DecodeOptions } from "./decode-value.ts";
export { skipValue } from "./skip.ts";

/** A boolean. @throws DecodeError `decode-error` */
export function readBoolean(r: ByteReader): boolean | undefined {
  const code = r.u8();
  switch (code) {
    case Code.true: return true;
    case Code.false: return false;
    case Code.null: return undefined;
    case Code.boolean: {
      const octet = r.u8();
      if (octet > 1) r.fail(`a boolean of 0x${octet.toString(16)}`, r.position - 1);
      return octet === 1;
    }
    default: return wrong(r, "boolean", code);
  }
}

/** A ubyte. @throws DecodeError `decode-error` */
export function readUbyte(r: ByteReader): number | undefined {
  const code = r.u8();
  if (code === Code.ubyte) return r.u8();
  return code === Code.null ? undefined : wrong(r, "ubyte", code);
}

/** A ushort. @throws DecodeError `decode-error` */
export function readUshort(r: ByteReader): number | undefined {
  const code = r.u8();
  if (code === Code.ushort) return r.u16();
  return code === Code.null ? undefined : wrong(r, "ushort", code);
}

/** A uint. @throws DecodeError `decode-error` */
export function readUint(r: ByteReader): number | undefined {
  const code = r.u8();
  switch (code) {
    case Code.uint0: return 0;
    case Code.smalluint: return r.u8();
    case Code.uint: return r.u32();
    case Code.null: return undefined;
    default: return wrong(r, "uint", code);
  }
}

/** A ulong: a number when safe, else a bigint. @throws DecodeError `decode-error` */
export function readUlong(r: ByteReader): number | bigint | undefined {
  const code = r.u8();
  switch (code) {
    case Code.ulong0: return 0;
    case Code.smallulong: return r.u8();
    case Code.ulong: return r.u64();
    case Code.null: return undefined;
    default: return wrong(r, "ulong", code);
  }
}

/** A string. @throws DecodeError `decode-error` */
export function readString(r: ByteReader): string | undefined {
  const code = r.u8();
  switch (code) {
    case Code.str8: return readText(r, r.sized(1));
    case Code.str32: return readText(r, r.sized(4));
    case Code.null: return undefined;
    default: return wrong(r, "string", code);
  }
}

/** A symbol, as text. @throws DecodeError `decode-error` */
export function readSymbol(r: ByteReader): string | undefined {
  const code = r.u8();
  switch (code) {
    case Code.sym8: return readSymbolText(r, r.sized(1));
    case Code.sym32: return readSymbolText(r, r.sized(4));
    case Code.null: return undefined;
    default: return wrong(r, "symbol", code);
  }
}

/** Binary, sharing the octets of the reader. @throws DecodeError `decode-error` */
export function readBinary(r: ByteReader): Bytes | undefined {
  const code = r.u8();
  switch (code) {
    case Code.vbin8: return r.shared(r.sized(1) - r.position);
    case Code.vbin32: return r.shared(r.sized(4) - r.position);
    case Code.null: return undefined;
    default: return wrong(r, "binary", code);
  }
}

/** A timestamp in ms since the Unix epoch: a bigint beyond the range of a Date. @throws DecodeError `decode-error` */
export function readTimestamp(r: ByteReader): number | bigint | undefined {
  const code = r.u8();
  if (code !== Code.timestamp) return code === Code.null ? undefined : wrong(r, "timestamp", code);
  const ms = r.i64();
  return typeof ms === "number" && Math.abs(ms) <= 8.64e15 ? ms : BigInt(ms);
}

/**
 * A field with multiple symbols: one symbol or an array of them; undefined for null and for an empty array.
 * @throws DecodeError `decode-error`
 */
export function readSymbols(r: ByteReader): string[] | undefined {
  const code = r.peek();
  if (code !== Code.array8 && code !== Code.array32) {
    const symbol = readSymbol(r);
    return symbol === undefined ? undefined : [symbol];
  }
  const at = r.position++;
  const end = r.container(code === Code.array8 ? 1 : 4);
  const count = r.count;
  const outer = r.end;
  r.end = end;
  const element = r.u8();
  if (element !== Code.sym8 && element !== Code.sym32) wrong(r, "an array of symbol", element);
  const width = element === Code.sym8 ? 1 : 4;
  if (count * width > end - r.position) r.fail(`an array of ${count} elements in ${end - r.position} octets`, at);
  r.charge(count);
  const symbols: string[] = [];
  for (let i = 0; i < count; i++) symbols.push(readSymbolText(r, r.sized(width)));
  if (r.position !== end) r.fail(`${end - r.position} octets behind the last element`);
  r.end = outer;
  return count === 0 ? undefined : symbols;
}

/**
 * The descriptor of a described value, which must come next: a ulong (a bigint when not safe) or a symbol.
 * @throws DecodeError `decode-error`
 */
export function readDescriptor(r: ByteReader): number | bigint | string {
  const code = r.u8();
  if (code !== Code.described) wrong(r, "a described value", code);
  switch (r.peek()) {
    case Code.smallulong: case Code.ulong: case Code.ulong0: return readUlong(r) as number | bigint;
    case Code.sym8: case Code.sym32: return readSymbol(r) as string;
    default: return wrong(r, "ulong or symbol for a descriptor", r.u8());
  }
}

/** The head of a list: sets `r.count` to its items and returns the offset behind it. @throws DecodeError `decode-error` */
export function readListHeader(r: ByteReader): number {
  const code = r.u8();
  if (code === Code.list0) {
    r.count = 0;
    return r.position;
  }
  if (code !== Code.list8 && code !== Code.list32) wrong(r, "list", code);
  const at = r.position;
  const end = r.container(code === Code.list8 ? 1 : 4);
  if (r.count > end - r.position) r.fail(`a count of ${r.count} in ${end - r.position} octets`, at);
  return end;
}

/**
 * The head of a map: sets `r.count` to its keys and values together and returns the offset behind it; -1 for null.
 * @throws DecodeError `decode-error`
 */
export function readMapHeader(r: ByteReader): number {
  const code = r.u8();
  if (code === Code.null) {
    r.count = 0;
    return -1;
  }
  if (code !== Code.map8 && code !== Code.map32) wrong(r, "map", code);
  return mapEnd(r, code === Code.map8 ? 1 : 4);
}

function wrong(r: ByteReader, expected: string, code: number): never {
  const found = code === Code.described ? "a described value" : (typeOf(code) ?? unknownCode(code));
  return r.fail(`${expected} is expected, not ${found}`, r.position - 1);
}

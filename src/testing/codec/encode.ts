/**
 * Values -> bytes. Plain JavaScript values have one obvious wire type each; where another is needed, or a value that no
 * sane peer would send, a wrapper says so: an object whose only key is the name of a wire type, such as `{ ulong: 5 }` or
 * `{ symbol: "x" }`. `{ bytes }` puts octets down as they are.
 */

import type { Bytes } from "../../util/bytes.ts";
import { ascii, bigEndian, concat, hex, octets, utf8 } from "./octets.ts";

/**
 * The wire form of `value`. Unwrapped: null and undefined -> null, boolean, string, integer number -> int, else long; other number
 * -> double, bigint -> long, Date -> timestamp, bytes -> binary, array -> list, Map or object -> map (text keys as strings).
 */
export function encode(value: unknown): Bytes {
  if (value === null || value === undefined) return octets(0x40);
  if (typeof value === "boolean") return octets(value ? 0x41 : 0x42);
  if (typeof value === "string") return sized(0xa1, 0xb1, utf8(value));
  if (typeof value === "bigint") return typed("long", value);
  if (typeof value === "number") {
    if (!Number.isInteger(value) || Object.is(value, -0)) return typed("double", value);
    return typed(value >= -0x80000000 && value <= 0x7fffffff ? "int" : "long", value);
  }
  if (value instanceof Uint8Array) return sized(0xa0, 0xb0, value);
  if (value instanceof Date) return typed("timestamp", value.getTime());
  if (Array.isArray(value)) return list(value.map(encode));
  if (value instanceof Map) return map([...value].map(([key, item]) => [encode(key), encode(item)]));
  const wrapper = wrapperOf(value);
  if (wrapper !== undefined) return typed(wrapper[0], wrapper[1]);
  if (typeof value === "object") return map(Object.entries(value).map(([key, item]) => [encode(key), encode(item)]));
  throw new Error(`no wire type for a ${typeof value}`);
}

/** The name and content of a wrapper such as `{ ulong: 5 }`; undefined for everything else. To send a map with such a key, use a Map. */
export function wrapperOf(value: unknown): readonly [string, unknown] | undefined {
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) === Map.prototype) return undefined;
  const entries = Object.entries(value);
  const only = entries[0];
  return entries.length === 1 && only !== undefined && WRAPPERS.has(only[0]) ? only : undefined;
}

/** A list of items that are encoded already, in its smallest form. */
export function list(items: readonly Uint8Array[]): Bytes {
  return items.length === 0 ? octets(0x45) : compound(0xc0, 0xd0, items.length, concat(...items));
}

/** A map of keys and values that are encoded already, in its smallest form. */
export function map(entries: readonly (readonly [Uint8Array, Uint8Array])[]): Bytes {
  return compound(0xc1, 0xd1, 2 * entries.length, concat(...entries.flat()));
}

/** A described value; a number stands for a ulong descriptor, a text for a symbolic one. */
export function described(descriptor: number | bigint | string, value: Uint8Array): Bytes {
  const head = typeof descriptor === "string" ? typed("symbol", descriptor) : typed("ulong", descriptor);
  return concat(octets(0x00), head, value);
}

/** `value` in the smallest encoding of the wire type `type`. */
export function typed(type: string, value: unknown): Bytes {
  const encoder = WRAPPERS.get(type);
  if (encoder === undefined) throw new Error(`no wire type "${type}"`);
  return encoder(value);
}

const WRAPPERS: ReadonlyMap<string, (value: unknown) => Bytes> = new Map<string, (value: unknown) => Bytes>([
  ["null", () => octets(0x40)],
  ["boolean", (value) => octets(value === true ? 0x41 : 0x42)],
  ["ubyte", (value) => octets(0x50, integer(value, 0n, 0xffn))],
  ["ushort", (value) => concat(octets(0x60), bigEndian(integer(value, 0n, 0xffffn), 2))],
  ["uint", (value) => small(integer(value, 0n, 0xffffffffn), 0x43, 0x52, 0x70)],
  ["ulong", (value) => smallUlong(whole(value))],
  ["byte", (value) => concat(octets(0x51), bigEndian(integer(value, -0x80n, 0x7fn), 1))],
  ["short", (value) => concat(octets(0x61), bigEndian(integer(value, -0x8000n, 0x7fffn), 2))],
  ["int", (value) => signed(whole(value), 0x54, 0x71, 4)],
  ["long", (value) => signed(whole(value), 0x55, 0x81, 8)],
  ["float", (value) => floating(value, 0x72, 4)],
  ["double", (value) => floating(value, 0x82, 8)],
  ["decimal32", (value) => opaque(0x74, value, 4)],
  ["decimal64", (value) => opaque(0x84, value, 8)],
  ["decimal128", (value) => opaque(0x94, value, 16)],
  ["char", (value) => concat(octets(0x73), bigEndian(typeof value === "string" ? value.codePointAt(0)! : integer(value, 0n, 0xffffffffn), 4))],
  ["timestamp", (value) => concat(octets(0x83), bigEndian(value instanceof Date ? value.getTime() : whole(value), 8))],
  ["uuid", (value) => opaque(0x98, typeof value === "string" ? hex(value) : value, 16)],
  ["binary", (value) => sized(0xa0, 0xb0, bytesOf(value))],
  ["string", (value) => sized(0xa1, 0xb1, utf8(String(value)))],
  ["symbol", (value) => sized(0xa3, 0xb3, ascii(String(value)))],
  ["list", (value) => list((value as readonly unknown[]).map(encode))],
  ["map", (value) => encode(value instanceof Map ? value : new Map(value as Iterable<[unknown, unknown]>))],
  ["array", (value) => array(...(value as readonly [string, readonly unknown[]]))],
  ["described", (value) => describedPair(value as readonly [unknown, unknown])],
  ["bytes", (value) => new Uint8Array(bytesOf(value))],
]);

function whole(value: unknown): bigint {
  if (typeof value === "number" || typeof value === "bigint") return BigInt(value);
  throw new Error(`an integer was wanted, not ${String(value)}`);
}

function integer(value: unknown, min: bigint, max: bigint): number {
  const number = whole(value);
  if (number < min || number > max) throw new Error(`${number} is not within ${min}..${max}`);
  return Number(number);
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw new Error("bytes were wanted");
}

function small(value: number, zero: number, short: number, long: number): Bytes {
  if (value === 0) return octets(zero);
  return value <= 0xff ? octets(short, value) : concat(octets(long), bigEndian(value, 4));
}

function smallUlong(value: bigint): Bytes {
  if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new Error(`${value} is no ulong`);
  if (value === 0n) return octets(0x44);
  return value <= 0xffn ? octets(0x53, Number(value)) : concat(octets(0x80), bigEndian(value, 8));
}

function signed(value: bigint, short: number, long: number, width: number): Bytes {
  if (BigInt.asIntN(8 * width, value) !== value) throw new Error(`${value} does not fit ${width} octets`);
  return value >= -128n && value <= 127n ? concat(octets(short), bigEndian(value, 1)) : concat(octets(long), bigEndian(value, width));
}

function floating(value: unknown, code: number, width: 4 | 8): Bytes {
  const bytes = new Uint8Array(1 + width);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, code);
  if (width === 4) view.setFloat32(1, Number(value));
  else view.setFloat64(1, Number(value));
  return bytes;
}

function opaque(code: number, value: unknown, width: number): Bytes {
  const bytes = bytesOf(value);
  if (bytes.length !== width) throw new Error(`${width} octets were wanted, not ${bytes.length}`);
  return concat(octets(code), bytes);
}

function sized(short: number, long: number, bytes: Uint8Array): Bytes {
  return bytes.length <= 0xff ? concat(octets(short, bytes.length), bytes) : concat(octets(long), bigEndian(bytes.length, 4), bytes);
}

function compound(short: number, long: number, count: number, content: Uint8Array): Bytes {
  // the size counts the octets after itself, the count among them
  if (content.length + 1 <= 0xff && count <= 0xff) return concat(octets(short, content.length + 1, count), content);
  return concat(octets(long), bigEndian(content.length + 4, 4), bigEndian(count, 4), content);
}

function describedPair([descriptor, value]: readonly [unknown, unknown]): Bytes {
  if (typeof descriptor === "number" || typeof descriptor === "bigint" || typeof descriptor === "string") return described(descriptor, encode(value));
  return concat(octets(0x00), encode(descriptor), encode(value));
}

// One constructor stands for all elements, so each type uses its widest form, but for texts and bytes that are all short.
const ELEMENT_CODES: ReadonlyMap<string, number> = new Map([
  ["boolean", 0x56], ["ubyte", 0x50], ["ushort", 0x60], ["uint", 0x70], ["ulong", 0x80], ["byte", 0x51], ["short", 0x61],
  ["int", 0x71], ["long", 0x81], ["float", 0x72], ["double", 0x82], ["char", 0x73], ["timestamp", 0x83], ["uuid", 0x98],
  ["decimal32", 0x74], ["decimal64", 0x84], ["decimal128", 0x94], ["binary", 0xb0], ["string", 0xb1], ["symbol", 0xb3],
]);
const SHORT_CODES: ReadonlyMap<number, number> = new Map([[0xb0, 0xa0], [0xb1, 0xa1], [0xb3, 0xa3]]);

function array(type: string, values: readonly unknown[]): Bytes {
  const wide = ELEMENT_CODES.get(type);
  if (wide === undefined) throw new Error(`arrays of ${type} are to be given as { bytes }`);
  const encoded = values.map((value) => typed(type, value));
  const short = SHORT_CODES.get(wide);
  const code = short !== undefined && encoded.every((bytes) => bytes[0] === short) ? short : wide;
  return compound(0xe0, 0xf0, values.length, concat(octets(code), ...encoded.map((bytes) => element(bytes, code))));
}

function element(bytes: Uint8Array, code: number): Uint8Array {
  if (bytes[0] === code) return bytes.subarray(1);
  switch (code) {
    case 0x56:
      return octets(bytes[0] === 0x41 ? 1 : 0);
    case 0x70:
      return bigEndian(bytes[0] === 0x43 ? 0 : bytes[1]!, 4);
    case 0x80:
      return bigEndian(bytes[0] === 0x44 ? 0 : bytes[1]!, 8);
    case 0x71:
    case 0x81:
      return bigEndian((bytes[1]! << 24) >> 24, code === 0x71 ? 4 : 8);
    default:
      return concat(bigEndian(bytes[1]!, 4), bytes.subarray(2)); // a short text among long ones
  }
}

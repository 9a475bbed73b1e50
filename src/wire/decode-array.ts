/** Arrays of numbers, octets -> typed arrays. */

import type { ByteReader } from "./byte-reader.ts";
import { Code } from "./codes.ts";
import type { ArrayElement } from "./values.ts";

/** The typed arrays that stand for AMQP arrays; ubyte has the clamped one, since a Uint8Array is binary. */
export type NumberArray =
  | Int8Array | Uint8ClampedArray | Int16Array | Uint16Array | Int32Array | Uint32Array
  | BigInt64Array | BigUint64Array | Float32Array | Float64Array;

/** Which half of a 64-bit number in this machine's memory is the high one. */
export const HIGH_WORD: 0 | 1 = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Makes an array of `count` numbers of the encoding `code` whose octets begin at `r.position`; undefined when it has no typed array. */
export function readNumbers(r: ByteReader, code: number, count: number): NumberArray | undefined {
  switch (code) {
    case Code.ubyte: return new Uint8ClampedArray(octets(r, count));
    case Code.byte: return new Int8Array(octets(r, count));
    case Code.smalluint: return new Uint32Array(octets(r, count));
    case Code.smallint: return new Int32Array(new Int8Array(octets(r, count)));
    case Code.smallulong: return BigUint64Array.from(octets(r, count), BigInt);
    case Code.smalllong: return BigInt64Array.from(new Int8Array(octets(r, count)), BigInt);
    case Code.ushort: return fill(r, new Uint16Array(count));
    case Code.short: return fill(r, new Int16Array(count));
    case Code.uint: return fill(r, new Uint32Array(count));
    case Code.int: return fill(r, new Int32Array(count));
    case Code.float: return fill(r, new Float32Array(count));
    case Code.ulong: return fill(r, new BigUint64Array(count));
    case Code.long: return fill(r, new BigInt64Array(count));
    case Code.double: return fill(r, new Float64Array(count));
    default: return undefined;
  }
}

function octets(r: ByteReader, count: number): Uint8Array {
  return new Uint8Array(r.bytes.buffer, r.bytes.byteOffset + r.position, count);
}

// As unsigned integers of their width, whatever they are, so that every bit stays.
function fill(r: ByteReader, array: NumberArray): NumberArray {
  const { buffer, length } = array;
  const view = r.view;
  let at = r.position;
  if (array.BYTES_PER_ELEMENT === 2) {
    const bits = new Uint16Array(buffer);
    for (let i = 0; i < length; i++, at += 2) bits[i] = view.getUint16(at);
  } else if (array.BYTES_PER_ELEMENT === 4) {
    const bits = new Uint32Array(buffer);
    for (let i = 0; i < length; i++, at += 4) bits[i] = view.getUint32(at);
  } else {
    const bits = new Uint32Array(buffer);
    for (let i = 0; i < length; i++, at += 8) {
      bits[i * 2 + HIGH_WORD] = view.getUint32(at);
      bits[i * 2 + 1 - HIGH_WORD] = view.getUint32(at + 4);
    }
  }
  return array;
}

/** The name of the type that a format code encodes; undefined for codes that are not in the standard. */
export function typeOf(code: number): ArrayElement | undefined {
  return NAMES[code];
}

const NAMES: readonly (ArrayElement | undefined)[] = names();

function names(): (ArrayElement | undefined)[] {
  const codes: readonly (readonly [ArrayElement, readonly number[]])[] = [
    ["null", [Code.null]], ["boolean", [Code.true, Code.false, Code.boolean]],
    ["ubyte", [Code.ubyte]], ["byte", [Code.byte]], ["ushort", [Code.ushort]], ["short", [Code.short]],
    ["uint", [Code.uint0, Code.smalluint, Code.uint]], ["int", [Code.smallint, Code.int]],
    ["ulong", [Code.ulong0, Code.smallulong, Code.ulong]], ["long", [Code.smalllong, Code.long]],
    ["float", [Code.float]], ["double", [Code.double]], ["char", [Code.char]], ["timestamp", [Code.timestamp]],
    ["decimal32", [Code.decimal32]], ["decimal64", [Code.decimal64]], ["decimal128", [Code.decimal128]], ["uuid", [Code.uuid]],
    ["binary", [Code.vbin8, Code.vbin32]], ["string", [Code.str8, Code.str32]], ["symbol", [Code.sym8, Code.sym32]],
    ["list", [Code.list0, Code.list8, Code.list32]], ["map", [Code.map8, Code.map32]], ["array", [Code.array8, Code.array32]],
  ];
  const table = new Array<ArrayElement | undefined>(256).fill(undefined);
  for (const [name, all] of codes) for (const code of all) table[code] = name;
  return table;
}

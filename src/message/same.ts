/** Whether two values are sent as the same AMQP value: what tells a changed entry of a received message from the others. */

import { equalBytes } from "../util/bytes.ts";
import { Described, Typed, Uuid } from "../wire/values.ts";

/** Deep equality over everything that decoding gives; maps count as equal whatever the order of their entries. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (Array.isArray(a)) return sameLists(a, b as readonly unknown[]);
  if (ArrayBuffer.isView(a)) return sameOctets(a, b as ArrayBufferView);
  if (a instanceof Uuid) return a.equals(b as Uuid);
  if (isTyped(a)) return sameTyped(a, b as Typed);
  if (a instanceof Described) return a.descriptor === (b as Described).descriptor && same(a.value, (b as Described).value);
  if (a instanceof Map) return sameMaps(a, b as ReadonlyMap<unknown, unknown>);
  return sameRecords(a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>);
}

/** As `same`, for maps keyed by text, of which one may have another prototype. */
export function sameRecords(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

function isTyped(value: object): value is Typed {
  return value instanceof Typed;
}

// A decimal or a float that is not a number has exact octets beside its value, and only these tell two of them apart.
function sameTyped(a: Typed, b: Typed): boolean {
  if (a.type !== b.type || !same(a.value, b.value)) return false;
  if (a.exact instanceof Uint8Array || b.exact instanceof Uint8Array) {
    return a.exact instanceof Uint8Array && b.exact instanceof Uint8Array && equalBytes(a.exact, b.exact);
  }
  return a.exact?.element === b.exact?.element;
}

function sameLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, index) => same(value, b[index]));
}

// Keys may be objects, so an entry is looked for: first where the other map has it in the same place.
function sameMaps(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  const others = [...b];
  let index = 0;
  for (const [key, value] of a) {
    const other = others[index++];
    if (other === undefined || !same(key, other[0]) || !same(value, other[1])) return false;
  }
  return true;
}

// Bytes of a received message are views of it, so the usual case is one view made twice.
function sameOctets(a: ArrayBufferView, b: ArrayBufferView): boolean {
  if (a.byteLength !== b.byteLength) return false;
  return (a.buffer === b.buffer && a.byteOffset === b.byteOffset) || equalBytes(octets(a), octets(b));
}

function octets(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

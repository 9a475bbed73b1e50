/**
 * The AMQP types that JavaScript has no value for: `Typed` picks an exact type, `Described` carries a descriptor, `Uuid`
 * is a uuid. All are checked when they are made, so that what exists can be encoded.
 */

import { EncodeError } from "../errors.ts";
import type { Bytes } from "../util/bytes.ts";
import { randomBytes } from "#platform";
import { decodeDecimal, encodeDecimal } from "./decimal.ts";
import type { DecimalWidth } from "./decimal.ts";

/** The names that `Typed.type` can have. */
export type AmqpTypeName =
  | "ulong" | "uint" | "ushort" | "ubyte" | "long" | "int" | "short" | "byte"
  | "float" | "double" | "char" | "symbol" | "timestamp"
  | "decimal32" | "decimal64" | "decimal128" | "uuid" | "array";

/** What the elements of an AMQP array can be. */
export type ArrayElement = AmqpTypeName | "string" | "boolean" | "binary" | "null" | "list" | "map";

/** A descriptor and, where it is of a reserved type, its encoding as it was received. */
export interface DescriptorForm {
  readonly descriptor: bigint | string;
  /** @internal */
  readonly exact: Bytes | undefined;
}

/** What the values of an array do not tell: the type of its elements and the descriptors around each. */
export interface ArrayShape {
  readonly element: ArrayElement;
  /** Outermost first. */
  readonly descriptors: readonly DescriptorForm[];
  /** An array of an encoding without octets is one element and a count; `code` is that encoding. */
  readonly repeated: { readonly code: number; readonly count: number } | undefined;
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
type Inspect = (value: unknown, options: unknown) => string;

/** A value with its exact AMQP type, made by `types` or by decoding. */
export class Typed<N extends AmqpTypeName = AmqpTypeName, V = unknown> {
  readonly type: N;
  readonly value: V;
  /** The octets of a decimal or of a float that is not a number, or the shape of an array. @internal */
  readonly exact: Bytes | ArrayShape | undefined;

  private constructor(type: N, value: V, exact: Bytes | ArrayShape | undefined) {
    this.type = type;
    this.value = value;
    this.exact = exact;
  }

  /** Makes one without a check. @internal */
  static of<N extends AmqpTypeName, V>(type: N, value: V, exact?: Bytes | ArrayShape): Typed<N, V> {
    return new Typed(type, value, exact);
  }

  /** Makes an array whose elements come into being when `value` is first read. @internal */
  static repeat(shape: ArrayShape, element: unknown, count: number): Typed<"array", readonly unknown[]> {
    const typed = new Typed<"array", readonly unknown[]>("array", [], shape);
    let values: readonly unknown[] | undefined;
    Object.defineProperty(typed, "value", {
      enumerable: true,
      get: () => (values ??= Object.freeze(new Array<unknown>(count).fill(element))),
    });
    return typed;
  }

  get [Symbol.toStringTag](): string {
    return "Typed";
  }

  /** The text of the value alone. */
  toString(): string {
    return this.value instanceof Date ? this.value.toISOString() : String(this.value);
  }

  [INSPECT](_depth: number, options: unknown, inspect: Inspect): string {
    return `${this.type}(${inspect(this.value, options)})`;
  }
}

/** A value with a descriptor in front, which says what the value stands for (types, section 1.1.2). */
export class Described<V = unknown> {
  readonly descriptor: bigint | string;
  readonly value: V;
  /** The encoding of a descriptor that is neither ulong nor symbol; such are reserved. @internal */
  readonly exact: Bytes | undefined;

  private constructor(descriptor: bigint | string, value: V, exact: Bytes | undefined) {
    this.descriptor = descriptor;
    this.value = value;
    this.exact = exact;
  }

  /** Makes one without a check. @internal */
  static of<V>(descriptor: bigint | string, value: V, exact?: Bytes): Described<V> {
    return new Described(descriptor, value, exact);
  }

  get [Symbol.toStringTag](): string {
    return "Described";
  }

  [INSPECT](_depth: number, options: unknown, inspect: Inspect): string {
    return `described(${inspect(this.descriptor, options)}, ${inspect(this.value, options)})`;
  }
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A uuid, 16 octets (RFC 4122). */
export class Uuid {
  readonly bytes: Bytes;

  private constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  /** A new random uuid, version 4. */
  static random(): Uuid {
    const bytes = randomBytes(16);
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    return new Uuid(bytes);
  }

  /**
   * The uuid of a text such as `f81d4fae-7dec-11d0-a765-00a0c91e6bf6`, in either case.
   * @throws EncodeError `not-encodable` when it is not one.
   */
  static parse(text: string): Uuid {
    if (typeof text !== "string" || !UUID.test(text)) throw notEncodable(`not a uuid: ${show(text)}`);
    const digits = text.replaceAll("-", "");
    const bytes = new Uint8Array(16);
    for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
    return new Uuid(bytes);
  }

  /** Takes 16 octets as they are, and keeps them. @internal */
  static of(bytes: Bytes): Uuid {
    return new Uuid(bytes);
  }

  get [Symbol.toStringTag](): string {
    return "Uuid";
  }

  /** Whether both are the same 16 octets. */
  equals(other: Uuid): boolean {
    for (let i = 0; i < 16; i++) if (this.bytes[i] !== other.bytes[i]) return false;
    return true;
  }

  /** Lower case, with four hyphens. */
  toString(): string {
    let text = "";
    for (let i = 0; i < 16; i++) {
      if (i === 4 || i === 6 || i === 8 || i === 10) text += "-";
      const octet = this.bytes[i] as number;
      text += (octet < 16 ? "0" : "") + octet.toString(16);
    }
    return text;
  }

  toJSON(): string {
    return this.toString();
  }

  [INSPECT](): string {
    return `uuid(${this.toString()})`;
  }
}

/**
 * Exact AMQP types for values whose type the plain rules would not choose.
 * Each is checked at the call; @throws EncodeError `not-encodable`.
 */
export const types = {
  ulong: (value: number | bigint): Typed<"ulong", bigint> => Typed.of("ulong", wide("ulong", value)),
  uint: (value: number): Typed<"uint", number> => Typed.of("uint", whole("uint", value, 0, 0xffff_ffff)),
  ushort: (value: number): Typed<"ushort", number> => Typed.of("ushort", whole("ushort", value, 0, 0xffff)),
  ubyte: (value: number): Typed<"ubyte", number> => Typed.of("ubyte", whole("ubyte", value, 0, 0xff)),
  byte: (value: number): Typed<"byte", number> => Typed.of("byte", whole("byte", value, -0x80, 0x7f)),
  short: (value: number): Typed<"short", number> => Typed.of("short", whole("short", value, -0x8000, 0x7fff)),
  int: (value: number): Typed<"int", number> => Typed.of("int", whole("int", value, -0x8000_0000, 0x7fff_ffff)),
  long: (value: number | bigint): Typed<"long", bigint> => Typed.of("long", wide("long", value)),
  /** Rounded to single precision. */
  float: (value: number): Typed<"float", number> => Typed.of("float", single(value)),
  double: (value: number): Typed<"double", number> => Typed.of("double", real("double", value)),
  /** One Unicode character, as text or as its code point. */
  char: (value: string | number): Typed<"char", string> => Typed.of("char", character(value)),
  /** ASCII only. */
  symbol: (value: string): Typed<"symbol", string> => Typed.of("symbol", ascii(value)),
  /** Milliseconds since the Unix epoch, in 64 bits; a Date where one can hold it. */
  timestamp: (value: Date | number | bigint): Typed<"timestamp", Date | bigint> => Typed.of("timestamp", instant(value)),
  /** Exact text of up to 7 digits, or 4 octets. */
  decimal32: (value: string | Uint8Array): Typed<"decimal32", string> => decimal("decimal32", 32, value),
  /** Exact text of up to 16 digits, or 8 octets. */
  decimal64: (value: string | Uint8Array): Typed<"decimal64", string> => decimal("decimal64", 64, value),
  /** Exact text of up to 34 digits, or 16 octets. */
  decimal128: (value: string | Uint8Array): Typed<"decimal128", string> => decimal("decimal128", 128, value),
  /** An array, whose elements all have one type; described values must all have one descriptor. */
  array: (element: ArrayElement, values: Iterable<unknown>): Typed<"array", readonly unknown[]> => arrayOf(element, values),
  /** A number is a ulong descriptor, text a symbol. */
  described: <V>(descriptor: number | bigint | string, value: V): Described<V> =>
    Described.of(typeof descriptor === "string" ? ascii(descriptor) : wide("ulong", descriptor), value),
} as const;

/** The error for a value that AMQP cannot express. @internal */
export function notEncodable(message: string): EncodeError {
  return new EncodeError(message, { code: "not-encodable", scope: "delivery" });
}

/** A short text of any value, for messages. @internal */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  if (typeof value === "bigint") return `${value.toString().slice(0, 40)}n`;
  if (typeof value === "object" && value !== null) return Object.prototype.toString.call(value).slice(8, -1);
  return typeof value === "function" ? "a function" : String(value);
}

const LARGEST_ULONG = (1n << 64n) - 1n;
const LARGEST_LONG = (1n << 63n) - 1n;

function whole(type: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw notEncodable(`${type} is a whole number from ${least} to ${most}, not ${show(value)}`);
  }
  return value + 0;
}

function wide(type: "ulong" | "long", value: number | bigint): bigint {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) {
    const exact = BigInt(value);
    if (type === "ulong" ? exact >= 0n && exact <= LARGEST_ULONG : exact >= -LARGEST_LONG - 1n && exact <= LARGEST_LONG) return exact;
  }
  const range = type === "ulong" ? "0 to 2^64 - 1" : "-2^63 to 2^63 - 1";
  throw notEncodable(`${type} is a whole number from ${range}, beyond 2^53 a bigint; not ${show(value)}`);
}

function real(type: string, value: number): number {
  if (typeof value !== "number") throw notEncodable(`${type} is a number, not ${show(value)}`);
  return value;
}

function single(value: number): number {
  const rounded = Math.fround(real("float", value));
  if (Number.isFinite(value) && !Number.isFinite(rounded)) throw notEncodable(`${value} is beyond the range of float`);
  return rounded;
}

function character(value: string | number): string {
  if (typeof value === "number" && Number.isInteger(value) && isScalar(value)) return String.fromCodePoint(value);
  if (typeof value === "string") {
    const point = value.codePointAt(0);
    if (point !== undefined && isScalar(point) && value.length === (point > 0xffff ? 2 : 1)) return value;
  }
  throw notEncodable(`char is one Unicode character, not ${show(value)}`);
}

function isScalar(point: number): boolean {
  return point >= 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
}

function ascii(value: string): string {
  if (typeof value !== "string") throw notEncodable(`symbol is text, not ${show(value)}`);
  for (let i = 0; i < value.length; i++) {
    if (value.charCodeAt(i) > 0x7f) throw notEncodable(`symbol is ASCII text, not ${show(value)}`);
  }
  return value;
}

function instant(value: Date | number | bigint): Date | bigint {
  if (value instanceof Date && !Number.isNaN(value.getTime())) return new Date(value.getTime());
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) {
    const exact = BigInt(value);
    if (BigInt.asIntN(64, exact) === exact) return dateOrBigint(exact);
  }
  throw notEncodable(`timestamp is a valid Date or whole milliseconds in 64 bits, not ${show(value)}`);
}

/** A Date where milliseconds are within its range, else the bigint. @internal */
export function dateOrBigint(ms: bigint): Date | bigint {
  return ms >= -8_640_000_000_000_000n && ms <= 8_640_000_000_000_000n ? new Date(Number(ms)) : ms;
}

function decimal<N extends "decimal32" | "decimal64" | "decimal128">(
  type: N, width: DecimalWidth, value: string | Uint8Array,
): Typed<N, string> {
  if (value instanceof Uint8Array && value.length === width / 8) {
    return Typed.of(type, decodeDecimal(width, value), new Uint8Array(value));
  }
  if (typeof value !== "string") throw notEncodable(`${type} is text or ${width / 8} octets, not ${show(value)}`);
  try {
    const exact = encodeDecimal(width, value);
    return Typed.of(type, decodeDecimal(width, exact), exact);
  } catch (cause) {
    throw cause instanceof RangeError ? notEncodable(cause.message) : cause;
  }
}

function arrayOf(element: ArrayElement, values: Iterable<unknown>): Typed<"array", readonly unknown[]> {
  if (!ELEMENTS.has(element)) throw notEncodable(`not a type for the elements of an array: ${show(element)}`);
  const list: unknown[] = [];
  let descriptors: DescriptorForm[] | undefined;
  for (const value of values) {
    const around: DescriptorForm[] = [];
    let inner = value;
    while (inner instanceof Described) {
      around.push({ descriptor: inner.descriptor, exact: inner.exact });
      inner = inner.value;
    }
    if (!sameDescriptors((descriptors ??= around), around)) {
      throw notEncodable("the elements of an array have one descriptor, or none");
    }
    let checked = checkElement(element, inner);
    for (let i = around.length - 1; i >= 0; i--) {
      const form = around[i] as DescriptorForm;
      checked = Described.of(form.descriptor, checked, form.exact);
    }
    list.push(checked);
  }
  return Typed.of("array", Object.freeze(list), { element, descriptors: descriptors ?? [], repeated: undefined });
}

function sameDescriptors(a: readonly DescriptorForm[], b: readonly DescriptorForm[]): boolean {
  return a.length === b.length && a.every((form, i) => form.descriptor === b[i]?.descriptor);
}

const ELEMENTS: ReadonlySet<string> = new Set<ArrayElement>([
  "ulong", "uint", "ushort", "ubyte", "long", "int", "short", "byte", "float", "double", "char", "symbol", "timestamp", "decimal32",
  "decimal64", "decimal128", "uuid", "array", "string", "boolean", "binary", "null", "list", "map",
]);

// The forms are those in which decoding gives the elements of such an array.
function checkElement(element: ArrayElement, value: unknown): unknown {
  const plain = value instanceof Typed && value.type === element && element !== "array" ? (value.value as unknown) : value;
  switch (element) {
    case "ulong": case "long":
      return wide(element, plain as bigint);
    case "uint": case "ushort": case "ubyte": case "int": case "short": case "byte":
      return types[element](plain as number).value;
    case "float": return single(plain as number);
    case "double": return real("double", plain as number);
    case "timestamp": return instant(plain as Date);
    case "char": return types.char(plain as string);
    case "symbol": return types.symbol(plain as string);
    case "decimal32": case "decimal64": case "decimal128":
      return value instanceof Typed && value.type === element ? value : types[element](plain as string);
    default:
      if (!fits(element, value)) throw notEncodable(`an element of an array of ${element} cannot be ${show(value)}`);
      return value;
  }
}

function fits(element: ArrayElement, value: unknown): boolean {
  switch (element) {
    case "uuid": return value instanceof Uuid;
    case "string": return typeof value === "string";
    case "boolean": return typeof value === "boolean";
    case "null": return value === null;
    case "binary": return value instanceof Uint8Array;
    case "list": return Array.isArray(value);
    case "array":
      return (value instanceof Typed && value.type === "array")
        || (ArrayBuffer.isView(value) && !(value instanceof DataView || value instanceof Uint8Array));
    default:
      return typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
        && !(value instanceof Date || value instanceof Typed || value instanceof Uuid);
  }
}

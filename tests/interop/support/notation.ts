/**
 * A value in JSON with its exact AMQP type named: what the peers of the suite exchange with the tests, so that "the same value" means
 * the same type too. 64-bit integers are decimal text, floating-point and decimal numbers are their octets in hex.
 */
import { Described, Typed, types, Uuid } from "../../../src/index.ts";

export type Notation =
  | readonly ["null"]
  | readonly ["boolean", boolean]
  | readonly ["ubyte" | "ushort" | "uint" | "byte" | "short" | "int" | "char", number]
  | readonly ["ulong" | "long" | "timestamp", string]
  | readonly ["float" | "double" | "decimal32" | "decimal64" | "decimal128" | "binary", string]
  | readonly ["uuid" | "string" | "symbol", string]
  | readonly ["list", readonly Notation[]]
  | readonly ["map", readonly (readonly [Notation, Notation])[]]
  | readonly ["array", ElementName, readonly Notation[]]
  | readonly ["described", Notation, Notation];

export type ElementName = Parameters<typeof types.array>[0];

/** The value that a program gives to `send()` for this notation. */
export function fromNotation(notation: Notation): unknown {
  switch (notation[0]) {
    case "null": return null;
    case "boolean": case "string": return notation[1];
    case "ubyte": case "ushort": case "uint": case "byte": case "short": case "int": case "char": return types[notation[0]](notation[1]);
    case "symbol": return types.symbol(notation[1]);
    case "ulong": case "long": case "timestamp": return types[notation[0]](BigInt(notation[1]));
    case "float": return types.float(Buffer.from(notation[1], "hex").readFloatBE());
    case "double": return types.double(Buffer.from(notation[1], "hex").readDoubleBE());
    case "decimal32": case "decimal64": case "decimal128": return types[notation[0]](bytesOf(notation[1]));
    case "uuid": return Uuid.parse(notation[1]);
    case "binary": return bytesOf(notation[1]);
    case "list": return notation[1].map(fromNotation);
    case "map": return mapFrom(notation[1]);
    case "array": return types.array(notation[1], notation[2].map(fromNotation));
    case "described": return types.described(descriptorFrom(notation[1]), fromNotation(notation[2]));
  }
}

// Maps with text keys are given as objects, all others as Map: both ways in are used.
function mapFrom(entries: readonly (readonly [Notation, Notation])[]): unknown {
  if (entries.every(([key]) => key[0] === "string")) {
    return Object.fromEntries(entries.map(([key, value]) => [key[1] as string, fromNotation(value)]));
  }
  return new Map(entries.map(([key, value]) => [fromNotation(key), fromNotation(value)]));
}

function descriptorFrom(notation: Notation): bigint | string {
  return notation[0] === "ulong" ? BigInt(notation[1]) : (notation[1] as string);
}

/** The notation of a value decoded with `typed: true`. */
export function toNotation(value: unknown): Notation {
  if (value === null) return ["null"];
  if (typeof value === "boolean") return ["boolean", value];
  if (typeof value === "string") return ["string", value];
  if (value instanceof Typed) return typedNotation(value);
  if (value instanceof Described) return ["described", descriptorNotation(value.descriptor), toNotation(value.value)];
  if (value instanceof Uuid) return ["uuid", value.toString()];
  if (value instanceof Uint8Array) return ["binary", hexOf(value)];
  if (ArrayBuffer.isView(value)) return numbersNotation(value);
  if (Array.isArray(value)) return ["list", value.map(toNotation)];
  if (value instanceof Map) return ["map", [...value].map(([key, one]) => [toNotation(key), toNotation(one)] as const)];
  if (typeof value === "object" && Object.getPrototypeOf(value) === null) {
    return ["map", Object.entries(value).map(([key, one]) => [["string", key], toNotation(one)] as const)];
  }
  throw new Error(`not a value that typed decoding gives: ${Object.prototype.toString.call(value)}`);
}

function typedNotation({ type, value, exact }: Typed): Notation {
  if (type === "array") {
    const element = (exact as { element: ElementName }).element;
    return ["array", element, (value as readonly unknown[]).map((one) => elementNotation(element, one))];
  }
  if (type.startsWith("decimal")) return [type as "decimal32", hexOf(exact as Uint8Array)];
  return bareNotation(type, value);
}

/** Elements of an array are bare: the array tells their type. */
function elementNotation(element: ElementName, value: unknown): Notation {
  if (value instanceof Described) return ["described", descriptorNotation(value.descriptor), elementNotation(element, value.value)];
  if (value instanceof Typed || typeof value === "object" || typeof value === "boolean") {
    return value instanceof Date ? bareNotation(element, value) : toNotation(value);
  }
  return bareNotation(element, value);
}

function bareNotation(type: string, value: unknown): Notation {
  switch (type) {
    case "ulong": case "long": return [type, String(value as number | bigint)];
    case "timestamp": return [type, String(value instanceof Date ? value.getTime() : value)];
    case "float": return [type, hexOf(octets(4, (view) => view.setFloat32(0, value as number)))];
    case "double": return [type, hexOf(octets(8, (view) => view.setFloat64(0, value as number)))];
    case "char": return [type, (value as string).codePointAt(0) as number];
    case "uuid": return [type, String(value)];
    case "ubyte": case "ushort": case "uint": case "byte": case "short": case "int": return [type, value as number];
    case "symbol": case "string": return [type, value as string];
    default: throw new Error(`no notation for ${type}`);
  }
}

// JavaScript's typed arrays tell the type of their elements.
const NUMBERS = new Map<string, ElementName>([
  ["Int8Array", "byte"], ["Uint8ClampedArray", "ubyte"], ["Int16Array", "short"], ["Uint16Array", "ushort"], ["Int32Array", "int"],
  ["Uint32Array", "uint"], ["BigInt64Array", "long"], ["BigUint64Array", "ulong"], ["Float32Array", "float"], ["Float64Array", "double"],
]);

function numbersNotation(view: ArrayBufferView): Notation {
  const element = NUMBERS.get(Object.prototype.toString.call(view).slice(8, -1));
  if (element === undefined) throw new Error("not an array that decoding gives");
  return ["array", element, Array.from(view as Int32Array, (one) => bareNotation(element, one))];
}

function descriptorNotation(descriptor: bigint | string): Notation {
  return typeof descriptor === "string" ? ["symbol", descriptor] : ["ulong", String(descriptor)];
}

function octets(length: number, write: (view: DataView) => void): Uint8Array {
  const view = new DataView(new ArrayBuffer(length));
  write(view);
  return new Uint8Array(view.buffer);
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

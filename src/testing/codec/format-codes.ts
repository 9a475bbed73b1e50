/**
 * The format codes of the standard's part 1, as one table. This codec shares nothing with the library's own,
 * so that a mistake in one is not repeated by the other.
 */

/** Names of the AMQP primitive types. */
export type WireType =
  | "null" | "boolean" | "ubyte" | "ushort" | "uint" | "ulong" | "byte" | "short" | "int" | "long"
  | "float" | "double" | "decimal32" | "decimal64" | "decimal128" | "char" | "timestamp" | "uuid"
  | "binary" | "string" | "symbol" | "list" | "map" | "array";

/** What follows a format code: `width` octets of value, or of size. */
export interface Format {
  readonly code: number;
  readonly type: WireType;
  readonly kind: "fixed" | "variable" | "compound" | "array";
  readonly width: number;
}

/** Every format code of §1.6. */
export const FORMATS: ReadonlyMap<number, Format> = new Map(
  (
    [
      [0x40, "null", "fixed", 0],
      [0x41, "boolean", "fixed", 0],
      [0x42, "boolean", "fixed", 0],
      [0x43, "uint", "fixed", 0],
      [0x44, "ulong", "fixed", 0],
      [0x45, "list", "fixed", 0],
      [0x50, "ubyte", "fixed", 1],
      [0x51, "byte", "fixed", 1],
      [0x52, "uint", "fixed", 1],
      [0x53, "ulong", "fixed", 1],
      [0x54, "int", "fixed", 1],
      [0x55, "long", "fixed", 1],
      [0x56, "boolean", "fixed", 1],
      [0x60, "ushort", "fixed", 2],
      [0x61, "short", "fixed", 2],
      [0x70, "uint", "fixed", 4],
      [0x71, "int", "fixed", 4],
      [0x72, "float", "fixed", 4],
      [0x73, "char", "fixed", 4],
      [0x74, "decimal32", "fixed", 4],
      [0x80, "ulong", "fixed", 8],
      [0x81, "long", "fixed", 8],
      [0x82, "double", "fixed", 8],
      [0x83, "timestamp", "fixed", 8],
      [0x84, "decimal64", "fixed", 8],
      [0x94, "decimal128", "fixed", 16],
      [0x98, "uuid", "fixed", 16],
      [0xa0, "binary", "variable", 1],
      [0xa1, "string", "variable", 1],
      [0xa3, "symbol", "variable", 1],
      [0xb0, "binary", "variable", 4],
      [0xb1, "string", "variable", 4],
      [0xb3, "symbol", "variable", 4],
      [0xc0, "list", "compound", 1],
      [0xc1, "map", "compound", 1],
      [0xd0, "list", "compound", 4],
      [0xd1, "map", "compound", 4],
      [0xe0, "array", "array", 1],
      [0xf0, "array", "array", 4],
    ] as const
  ).map(([code, type, kind, width]) => [code, { code, type, kind, width }]),
);

/** Literal octets for the tests of the wire room, and one-line encoding and decoding. */

import { ByteReader, readValue } from "../../src/wire/decode.ts";
import type { DecodeOptions } from "../../src/wire/decode.ts";
import { writeValue } from "../../src/wire/encode.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";

/** The octets of hexadecimal text; blanks are for the reader. */
export function octets(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s+/g, "");
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join("");
}

/** What a writer leaves, as hexadecimal text. */
export function written(write: (w: ByteWriter) => void): string {
  const w = new ByteWriter(16);
  write(w);
  return hex(w.toBytes());
}

export function encoded(value: unknown): string {
  return written((w) => writeValue(w, value));
}

/** The one value of `text`; what is left behind it is an error. */
export function decoded(text: string | Uint8Array, options?: DecodeOptions): unknown {
  const bytes = typeof text === "string" ? octets(text) : text;
  const r = new ByteReader(bytes);
  const value = readValue(r, options);
  if (r.position !== bytes.length) throw new Error(`${bytes.length - r.position} octets are left`);
  return value;
}

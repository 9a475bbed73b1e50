/** Literal bytes for the tests of the frames. */

import { ByteWriter } from "../../src/util/byte-writer.ts";
import type { Bytes } from "../../src/util/bytes.ts";
import { ByteReader } from "../../src/wire/decode.ts";
import { readPerformative, writePerformative } from "../../src/frames/codec.ts";
import type { Performative, SaslPerformative } from "../../src/frames/performatives.ts";

/** Octets from hexadecimal digits; blanks do not matter. */
export function hex(text: string): Bytes {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})*$/.test(digits)) throw new Error(`not octets: ${text}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Hexadecimal digits, in pairs. */
export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((octet) => octet.toString(16).padStart(2, "0")).join(" ");
}

/** What `write` appends to an empty writer that starts small, so that it has to grow on the way. */
export function written(write: (w: ByteWriter) => void): string {
  const w = new ByteWriter(16);
  write(w);
  return toHex(w.toBytes());
}

/** Reads all of `bytes`, which lie in the middle of a larger buffer. */
export function reading<T>(bytes: Uint8Array, read: (r: ByteReader) => T): T {
  const around = new Uint8Array(bytes.length + 7).fill(0xee);
  around.set(bytes, 3);
  return read(new ByteReader(around, 3, 3 + bytes.length));
}

export const encode = (performative: Performative | SaslPerformative): string => written((w) => writePerformative(w, performative));
export const decode = (text: string): Performative | SaslPerformative => reading(hex(text), readPerformative);

/** The error that `run` throws. */
export function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** A list of encoded items, as list32: another form than the one that is written for so few. */
export function list32(...items: readonly string[]): string {
  const body = items.join(" ");
  return `d0 ${u32(hex(body).length + 4)} ${u32(items.length)} ${body}`;
}

function u32(n: number): string {
  return n.toString(16).padStart(8, "0");
}

/** A symbol of up to 255 characters. */
export function symbol(text: string): string {
  return `a3 ${text.length.toString(16).padStart(2, "0")} ${toHex(Uint8Array.from(text, (c) => c.charCodeAt(0)))}`;
}

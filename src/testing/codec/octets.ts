/** Small helpers for byte strings, used by scripts and by this codec. */

import type { Bytes } from "../../util/bytes.ts";

/** Bytes from hexadecimal text; anything that is not a hexadecimal digit is ignored between pairs. */
export function hex(text: string): Bytes {
  const digits = text.replace(/[^0-9a-fA-F]/g, "");
  if (digits.length % 2 !== 0) throw new Error(`odd number of hexadecimal digits in "${text}"`);
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Lower-case hexadecimal text of bytes, without spaces. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** All parts in one new byte string. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The octets given as numbers. */
export function octets(...values: readonly number[]): Bytes {
  return Uint8Array.from(values);
}

/** An unsigned or two's-complement integer in `width` octets, most significant first. */
export function bigEndian(value: number | bigint, width: number): Bytes {
  const bytes = new Uint8Array(width);
  let rest = BigInt.asUintN(8 * width, BigInt(value));
  for (let i = width - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

/** The octets of an ASCII text. */
export function ascii(text: string): Bytes {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The octets of a text in UTF-8. */
export function utf8(text: string): Bytes {
  return new Uint8Array(new TextEncoder().encode(text));
}

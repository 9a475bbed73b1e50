/** Base64 (RFC 4648, section 4), exact in both directions: no line breaks, padding always there, no stray bits at the end. */

import type { Bytes } from "./bytes.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: ReadonlyMap<string, number> = new Map([...ALPHABET].map((letter, value) => [letter, value]));

/** Octets as text. */
export function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const group = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += letter(group >> 18) + letter(group >> 12) + (left > 1 ? letter(group >> 6) : "=") + (left > 2 ? letter(group) : "=");
  }
  return text;
}

/** The octets of a text; undefined where it is not exactly what `toBase64` makes. */
export function fromBase64(text: string): Bytes | undefined {
  if (text.length % 4 !== 0) return undefined;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes: Bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let i = 0, at = 0; i < text.length; i += 4, at += 3) {
    let group = 0;
    for (let j = i; j < i + 4; j++) {
      const value = j < text.length - padding ? VALUES.get(text.charAt(j)) : 0;
      if (value === undefined) return undefined;
      group = (group << 6) | value;
    }
    for (let j = 0; j < 3; j++) {
      const octet = (group >> (16 - 8 * j)) & 0xff;
      if (at + j < bytes.length) bytes[at + j] = octet;
      else if (octet !== 0) return undefined;
    }
  }
  return bytes;
}

function letter(bits: number): string {
  return ALPHABET.charAt(bits & 0x3f);
}

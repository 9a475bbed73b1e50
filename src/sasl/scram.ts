/** What both sides of SCRAM (RFC 5802, RFC 7677) share: names, bounds, messages and the keys that are made of a password. */

import { fromBase64 } from "../util/base64.ts";
import type { Bytes } from "../util/bytes.ts";
import type { Hash } from "./mechanism.ts";
import type { Part } from "./script.ts";
import { hash, hmac, pbkdf2, utf8 } from "./script.ts";

/** The mechanisms, strongest first. Channel binding (-PLUS) is not among them. */
export const SCRAM_HASHES: ReadonlyMap<string, Hash> = new Map([
  ["SCRAM-SHA-512", "SHA-512"], ["SCRAM-SHA-256", "SHA-256"], ["SCRAM-SHA-1", "SHA-1"],
]);

/** Below it a stolen exchange is too easily tried against a list of passwords (RFC 7677, section 4). */
export const MIN_ITERATIONS = 4_096;
/** Above it a server makes its clients work for nothing. */
export const MAX_ITERATIONS = 600_000;
/** Random octets of a nonce, each side. */
export const NONCE_OCTETS = 18;

/** `gs2-header` of a client that knows no channel binding and is nobody else. */
export const GS2_HEADER = "n,,";

/** The key from which both proofs are made. */
export function saltedPassword(name: Hash, password: string, salt: Bytes, iterations: number): Part<Bytes> {
  return pbkdf2(name, password, salt, iterations);
}

/** ClientKey. */
export function clientKey(name: Hash, salted: Bytes): Part<Bytes> {
  return hmac(name, salted, utf8("Client Key"));
}

/** ServerKey. */
export function serverKey(name: Hash, salted: Bytes): Part<Bytes> {
  return hmac(name, salted, utf8("Server Key"));
}

/** StoredKey. */
export function storedKey(name: Hash, ofClient: Bytes): Part<Bytes> {
  return hash(name, ofClient);
}

/** Octet by octet, of two that are equally long. */
export function xor(one: Bytes, other: Bytes): Bytes {
  return one.map((octet, i) => octet ^ (other[i] as number)) as Bytes;
}

/**
 * The values of `attributes`, in this order, each as `letter=value`; undefined where the text has others, none, or them in another
 * order. More attributes may follow (extensions), but not before: that is where mandatory ones would stand.
 */
export function readAttributes(text: string, ...attributes: string[]): string[] | undefined {
  const parts = text.split(",");
  const values: string[] = [];
  for (const [i, letter] of attributes.entries()) {
    const part = parts[i];
    if (part === undefined || !part.startsWith(`${letter}=`)) return undefined;
    values.push(part.slice(2));
  }
  return parts.slice(attributes.length).every((part) => /^[A-Za-z]=[^\0]*$/.test(part) && !part.startsWith("m=")) ? values : undefined;
}

/** A nonce: printable ASCII without the comma. */
export function isNonce(text: string): boolean {
  return /^[\x21-\x2b\x2d-\x7e]+$/.test(text);
}

/** A whole number above 0, as digits without a leading zero; undefined for anything else. */
export function readCount(text: string): number | undefined {
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}

/** Octets in base64 that are not none. */
export function readOctets(text: string): Bytes | undefined {
  const octets = fromBase64(text);
  return octets === undefined || octets.length === 0 ? undefined : octets;
}

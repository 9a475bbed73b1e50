/** What differs by platform, for browsers: text to octets and back, random octets, hashes, and what the world around the program is asked for. */

import type { Bytes } from "../util/bytes.ts";
import { SHORT_ASCII, shortAscii } from "./ascii.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Below this a loop over the char codes is faster than a call. */
const SHORT_WRITE = 28;
/** The most octets that `crypto.getRandomValues` fills in one call. */
const RANDOM_CHUNK = 65_536;

/** How many octets `text` has as UTF-8; a lone surrogate counts as U+FFFD, three octets. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit <= 0x7f) continue;
    length += unit <= 0x7ff ? 1 : 2;
    // A pair is four octets for two units: nothing is added for the second one.
    if (unit >= 0xd800 && unit <= 0xdbff && isLow(text, i + 1)) i++;
  }
  return length;
}

/** Whether `text` has no lone surrogate, which UTF-8 cannot express. */
export function isWellFormed(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit > 0xdbff || !isLow(text, i + 1)) return false;
    i++;
  }
  return true;
}

/** Stores `text` as UTF-8 at `at`, where there must be room for it, and returns the number of octets. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length > SHORT_WRITE) return encoder.encodeInto(text, bytes.subarray(at)).written;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return encoder.encodeInto(text, bytes.subarray(at)).written;
    bytes[at + i] = unit;
  }
  return length;
}

/** Stores text that is known to be ASCII at `at`, where there must be room for it. */
export function writeAscii(bytes: Uint8Array, at: number, text: string): void {
  encoder.encodeInto(text, bytes.subarray(at));
}

/**
 * The text of the UTF-8 octets from `start` to `end`; a byte order mark is kept.
 * @throws RangeError when they are not valid UTF-8.
 */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_ASCII) {
    const text = shortAscii(bytes, start, end - start);
    if (text !== undefined) return text;
  }
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch {
    throw new RangeError("invalid UTF-8");
  }
}

/**
 * The text of the ASCII octets from `start` to `end`.
 * @throws RangeError when one of them is above 0x7f.
 */
export function readAscii(bytes: Uint8Array, start: number, end: number): string {
  for (let i = start; i < end; i++) if ((bytes[i] as number) > 0x7f) throw new RangeError("not ASCII");
  return readUtf8(bytes, start, end);
}

/** `n` unpredictable octets. */
export function randomBytes(n: number): Bytes {
  const bytes = new Uint8Array(n);
  for (let at = 0; at < n; at += RANDOM_CHUNK) {
    globalThis.crypto.getRandomValues(bytes.subarray(at, Math.min(n, at + RANDOM_CHUNK)));
  }
  return bytes;
}

/** The digest of `data` by a hash function with its WebCrypto name. */
export async function digest(hash: "SHA-1" | "SHA-256" | "SHA-512", data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(await globalThis.crypto.subtle.digest(hash, own(data)));
}

/** The authentication code of `data` (RFC 2104). */
export async function hmac(hash: "SHA-1" | "SHA-256" | "SHA-512", key: Uint8Array, data: Uint8Array): Promise<Bytes> {
  const { subtle } = globalThis.crypto;
  const imported = await subtle.importKey("raw", own(key), { name: "HMAC", hash }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, own(data)));
}

/** A key from a password (RFC 8018), derived off the main thread: nothing else waits for it. */
export async function pbkdf2(hash: "SHA-1" | "SHA-256" | "SHA-512", password: string, salt: Uint8Array, iterations: number, octets: number): Promise<Bytes> {
  const { subtle } = globalThis.crypto;
  const imported = await subtle.importKey("raw", encoder.encode(password), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(await subtle.deriveBits({ name: "PBKDF2", hash, salt: own(salt), iterations }, imported, octets * 8));
}

/** WebCrypto takes no view of memory that others could share. */
function own(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

function isLow(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** Bytes for those who write before they read. */
export function allocate(size: number): Bytes {
  return new Uint8Array(size);
}

/** Whether there are TCP and TLS. */
export const HAS_SOCKETS = false;

/** An environment variable: there are none. */
export function environment(_name: string): string | undefined {
  return undefined;
}

/** A file in the user's home folder, which is out of reach. */
export function inHome(..._path: readonly string[]): string | undefined {
  return undefined;
}

/** A file of text: there are none. */
export function readText(_path: string, _limit: number): string | undefined {
  return undefined;
}

/** Where the lines of a trace go: a page has no environment that could ask for one. */
export function traceOf(_topic: string): ((line: string) => void) | undefined {
  return undefined;
}

/** Tells whoever runs the program of something that no code of his takes. */
export function warn(message: string, code: string): void {
  globalThis.reportError(new Error(`${code}: ${message}`));
}

/** Browsers look after their memory by themselves. */
export function hastenCollection(): number {
  return 0;
}

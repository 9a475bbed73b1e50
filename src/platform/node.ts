/**
 * What differs by platform, for Node: text to octets and back, random octets, hashes, and what the world around the program is asked for. Short ASCII text, which is most of
 * what AMQP carries, is faster in JavaScript than in a call out of it; longer text is not.
 */

import { Buffer, isUtf8 } from "node:buffer";
import { createHash, createHmac, pbkdf2 as derive, randomFillSync } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Bytes } from "../util/bytes.ts";
import { SHORT_ASCII, shortAscii } from "./ascii.ts";

// The methods behind Buffer#write and #toString, which take any Uint8Array as `this`: no Buffer is made per call.
interface BufferMethods {
  utf8Write(this: Uint8Array, text: string, at: number, length: number): number;
  latin1Write(this: Uint8Array, text: string, at: number, length: number): number;
  utf8Slice(this: Uint8Array, start: number, end: number): string;
  latin1Slice(this: Uint8Array, start: number, end: number): string;
}
const { utf8Write, latin1Write, utf8Slice, latin1Slice } = Buffer.prototype as unknown as BufferMethods;

/** Below this a loop over the char codes is faster than a call. */
const SHORT_WRITE = 28;

/** How many octets `text` has as UTF-8; a lone surrogate counts as U+FFFD, three octets. */
export function utf8Length(text: string): number {
  return Buffer.byteLength(text, "utf8");
}

/** Whether `text` has no lone surrogate, which UTF-8 cannot express. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** Stores `text` as UTF-8 at `at`, where there must be room for it, and returns the number of octets. */
export function writeUtf8(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length > SHORT_WRITE) return utf8Write.call(bytes, text, at, bytes.length - at);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return utf8Write.call(bytes, text, at, bytes.length - at);
    bytes[at + i] = unit;
  }
  return length;
}

/** Stores text that is known to be ASCII at `at`, where there must be room for it. */
export function writeAscii(bytes: Uint8Array, at: number, text: string): void {
  latin1Write.call(bytes, text, at, text.length);
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
  const text = utf8Slice.call(bytes, start, end);
  // What is invalid decodes to U+FFFD, so only text with that character in it needs the exact check.
  if (text.includes("\ufffd") && !isUtf8(bytes.subarray(start, end))) throw new RangeError("invalid UTF-8");
  return text;
}

/**
 * The text of the ASCII octets from `start` to `end`.
 * @throws RangeError when one of them is above 0x7f.
 */
export function readAscii(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= SHORT_ASCII) {
    const text = shortAscii(bytes, start, end - start);
    if (text !== undefined) return text;
  }
  for (let i = start; i < end; i++) if ((bytes[i] as number) > 0x7f) throw new RangeError("not ASCII");
  return latin1Slice.call(bytes, start, end);
}

/** `n` unpredictable octets. */
export function randomBytes(n: number): Bytes {
  return randomFillSync(new Uint8Array(n));
}

const deriveOutside = promisify(derive);

/** The digest of `data` by a hash function with its WebCrypto name. */
export async function digest(hash: "SHA-1" | "SHA-256" | "SHA-512", data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHash(nodeName(hash)).update(data).digest());
}

/** The authentication code of `data` (RFC 2104). */
export async function hmac(hash: "SHA-1" | "SHA-256" | "SHA-512", key: Uint8Array, data: Uint8Array): Promise<Bytes> {
  return new Uint8Array(createHmac(nodeName(hash), key).update(data).digest());
}

/** A key from a password (RFC 8018), derived on a thread of its own: nothing else waits for it. */
export async function pbkdf2(hash: "SHA-1" | "SHA-256" | "SHA-512", password: string, salt: Uint8Array, iterations: number, octets: number): Promise<Bytes> {
  return new Uint8Array(await deriveOutside(password, salt, iterations, octets, nodeName(hash)));
}

function nodeName(hash: string): string {
  return hash.replace("-", "").toLowerCase();
}

/** Bytes of any content, for those who write before they read. */
export function allocate(size: number): Bytes {
  const buffer = Buffer.allocUnsafeSlow(size);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, size);
}

/** Whether there are TCP and TLS. */
export const HAS_SOCKETS = true;

/** An environment variable; undefined where it is not set or empty. */
export function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}

/** A file in the user's home folder; undefined where there is no such folder. */
export function inHome(...path: readonly string[]): string | undefined {
  const home = environment("HOME") ?? homedir();
  return home === "" ? undefined : join(home, ...path);
}

/**
 * A small file of text; undefined where there is none.
 * @throws Error with Node's `code` of a file that cannot be read, RangeError of one that is larger than `limit` octets.
 */
export function readText(path: string, limit: number): string | undefined {
  try {
    const { size } = statSync(path);
    if (size > limit) throw new RangeError(`has more than ${limit} octets`);
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Where the lines of a trace go, when LEPTONMQ_TRACE asks for this one among others; undefined where nobody does. */
export function traceOf(topic: string): ((line: string) => void) | undefined {
  const topics = environment("LEPTONMQ_TRACE")?.split(/[\s,]+/);
  return topics?.includes(topic) === true ? (line) => void process.stderr.write(`${line}\n`) : undefined;
}

/** Tells whoever runs the program of something that no code of his takes. */
export function warn(message: string, code: string): void {
  process.emitWarning(message, { type: "LeptonmqWarning", code });
}

/**
 * Has V8 collect its young objects sooner. It looks at the memory of young buffers only when there are 32 MiB of them, unless its own young space
 * is full before that; a program that reads a long stream, and leaves hardly anything but buffers, would hold all those for nothing. Two
 * megabytes of small objects cost 0.1 ms. Answers how many octets that was.
 */
export function hastenCollection(): number {
  let octets = 0;
  for (let i = 0; i < 256; i++) octets += new Array<number>(1024).fill(i).length * 8;
  return octets;
}

/** Octets written as hex, for the tests of messages. */

import { Message } from "../../src/message/message.ts";
import type { MessageInit } from "../../src/message/fields.ts";
import { encodeMessage } from "../../src/message/sections.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";

/** The octets of hex digits; white space is ignored. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/\s+/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16));
}

/** Octets as hex digits, in pairs. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, "0")).join(" ");
}

/** Hex in the form that `toHex` gives. */
export function tidy(text: string): string {
  return toHex(hex(text));
}

/** What a message is sent as. */
export function encoded(message: MessageInit | Message): string {
  const w = new ByteWriter();
  encodeMessage(w, message);
  return toHex(w.toBytes());
}

/** The message that hex stands for, checked. */
export function received(text: string): Message {
  return Message.decode(hex(text));
}

/** `n` octets as hex, big-endian in four. */
export function size32(n: number): string {
  return n.toString(16).padStart(8, "0");
}

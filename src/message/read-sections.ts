/** Sections of a checked message to values (§3.2.1-8), each when one of its fields is first touched. */

import { DecodeError } from "../errors.ts";
import type { Bytes } from "../util/bytes.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import {
  ByteReader, readBinary, readBoolean, readListHeader, readString, readSymbol, readTextMap, readTimestamp, readUbyte, readUint, readUlong, readValue,
} from "../wire/decode.ts";
import { Uuid } from "../wire/values.ts";
import { joinBytes } from "./body.ts";
import type { MessageId } from "./fields.ts";
import { findSection, SECTION, sectionCode, sectionValue, valueEnd } from "./layout.ts";

/** The header section (§3.2.1) with the defaults of the standard. */
export class Header {
  durable = false;
  priority = 4;
  ttl: number | undefined = undefined;
  firstAcquirer = false;
  deliveryCount = 0;
}

/** The properties section (§3.2.4). */
export class Properties {
  id: MessageId | undefined = undefined;
  userId: Bytes | undefined = undefined;
  to: string | undefined = undefined;
  subject: string | undefined = undefined;
  replyTo: string | undefined = undefined;
  correlationId: MessageId | undefined = undefined;
  contentType: string | undefined = undefined;
  contentEncoding: string | undefined = undefined;
  expiryTime: Date | bigint | undefined = undefined;
  creationTime: Date | bigint | undefined = undefined;
  groupId: string | undefined = undefined;
  groupSequence: number | undefined = undefined;
  replyToGroupId: string | undefined = undefined;
}

/** The header of a message; all defaults where it has none. @throws DecodeError decode-error */
export function readHeader(bytes: Uint8Array, start: number, end: number): Header {
  const header = new Header();
  const at = findSection(bytes, start, end, SECTION.header);
  if (at < 0) return header;
  const r = new ByteReader(bytes, sectionValue(bytes, at), end);
  readListHeader(r);
  const count = r.count;
  if (count > 0) header.durable = readBoolean(r) ?? false;
  if (count > 1) header.priority = readUbyte(r) ?? 4;
  if (count > 2) header.ttl = readUint(r);
  if (count > 3) header.firstAcquirer = readBoolean(r) ?? false;
  if (count > 4) header.deliveryCount = readUint(r) ?? 0;
  return header;
}

/** The properties of a message; all undefined where it has none. @throws DecodeError decode-error */
export function readProperties(bytes: Uint8Array, start: number, end: number, options: DecodeOptions | undefined): Properties {
  const properties = new Properties();
  const at = findSection(bytes, start, end, SECTION.properties);
  if (at < 0) return properties;
  const r = new ByteReader(bytes, sectionValue(bytes, at), end);
  readListHeader(r);
  const count = r.count;
  if (count > 0) properties.id = readMessageId(r, options);
  if (count > 1) properties.userId = readBinary(r);
  if (count > 2) properties.to = readString(r);
  if (count > 3) properties.subject = readString(r);
  if (count > 4) properties.replyTo = readString(r);
  if (count > 5) properties.correlationId = readMessageId(r, options);
  if (count > 6) properties.contentType = readSymbol(r);
  if (count > 7) properties.contentEncoding = readSymbol(r);
  if (count > 8) properties.expiryTime = readTime(r);
  if (count > 9) properties.creationTime = readTime(r);
  if (count > 10) properties.groupId = readString(r);
  if (count > 11) properties.groupSequence = readUint(r);
  if (count > 12) properties.replyToGroupId = readString(r);
  return properties;
}

/** One of the four maps of a message, keyed by text; empty where it has none. @throws DecodeError decode-error */
export function readMapSection(
  bytes: Uint8Array, start: number, end: number, code: number, options: DecodeOptions | undefined,
): Record<string, unknown> {
  const at = findSection(bytes, start, end, code);
  const map = at < 0 ? undefined : readTextMap(new ByteReader(bytes, sectionValue(bytes, at), end), options);
  return map ?? (Object.create(null) as Record<string, unknown>);
}

/**
 * The body that begins at `at`: the bytes of all data sections, the list of an amqp-sequence section or an array of such
 * lists, the value of an amqp-value section; null where there is none.
 * @throws DecodeError decode-error
 */
export function readBody(bytes: Uint8Array, at: number, end: number, options: DecodeOptions | undefined): unknown {
  const code = at < end ? sectionCode(bytes, at) : SECTION.footer;
  if (code === SECTION.footer) return null;
  const r = new ByteReader(bytes, sectionValue(bytes, at), end);
  const first = readValue(r, options);
  if (code === SECTION.value || r.position >= end || sectionCode(bytes, r.position) !== code) return first;
  const parts = [first];
  let next = r.position;
  while (next < end && sectionCode(bytes, next) === code) {
    const value = sectionValue(bytes, next);
    next = valueEnd(bytes, value);
    r.reset(bytes, value, next);
    parts.push(readValue(r, options));
  }
  return code === SECTION.data ? joinBytes(parts as Uint8Array[]) : parts;
}

// The standard knows ulong, uuid, binary and string; other whole numbers come from peers that do not, and do no harm.
function readMessageId(r: ByteReader, options: DecodeOptions | undefined): MessageId | undefined {
  const format = r.peek();
  if (format === 0xa1 || format === 0xb1 || format === 0x40) return readString(r);
  const id = format === 0x80 || format === 0x53 || format === 0x44 ? readUlong(r) : readValue(r);
  if (typeof id === "number" && Number.isInteger(id)) return options?.int64 === "bigint" ? BigInt(id) : id;
  if (typeof id === "bigint") return options?.int64 === "number" ? Number(id) : id;
  if (id instanceof Uuid || (id instanceof Uint8Array && format < 0xe0)) return id;
  throw new DecodeError(`message: 0x${format.toString(16)} is no type for a message-id`, { code: "decode-error", scope: "delivery" });
}

function readTime(r: ByteReader): Date | bigint | undefined {
  const ms = readTimestamp(r);
  return typeof ms === "number" ? new Date(ms) : ms;
}

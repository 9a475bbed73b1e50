/**
 * Sections of a message to bytes (§3.2.1-8), one function each, from values that a program gave. Types and ranges are
 * checked here, so that an error names the field. The usual message is written without a closure or an array.
 */

import { EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import {
  beginList, beginMap, endList, endMap, writeBinary, writeBoolean, writeDescriptor, writeNull, writeString, writeSymbol, writeTimestamp,
  writeUbyte, writeUint, writeUlong, writeUuid, writeValue,
} from "../wire/encode.ts";
import { notEncodable, show, Typed, Uuid } from "../wire/values.ts";
import { EMPTY } from "../util/bytes.ts";
import { BodySection } from "./body.ts";
import type { MessageId } from "./fields.ts";
import { SECTION } from "./layout.ts";
import { StreamedBody } from "./streamed-body.ts";

/** Bytes of the caller's that belong into the message at an offset from its first octet, and were not copied. */
export interface BodyReference {
  readonly at: number;
  readonly bytes: Uint8Array;
  /** Where the body comes from that belongs there, data sections and all; `bytes` is empty then. */
  readonly stream?: StreamedBody | undefined;
}

/** Data of more octets than this goes by reference, where the caller can take references. */
export const BY_REFERENCE = 64 * 1024;

const MAX_UINT = 0xffff_ffff;
const MAX_ULONG = (1n << 64n) - 1n;

/** The header; none at all where every field has its default. */
export function writeHeader(
  w: ByteWriter, durable: boolean | undefined, priority: number | undefined, ttl: number | undefined,
  firstAcquirer: boolean | undefined, deliveryCount: number | undefined,
): void {
  const start = w.position;
  writeDescriptor(w, SECTION.header);
  const mark = beginList(w);
  let count = 0;
  if (durable !== undefined && wantBoolean("durable", durable)) {
    writeBoolean(w, true);
    count = 1;
  }
  if (priority !== undefined && priority !== 4) {
    count = skipTo(w, count, 1);
    writeUbyte(w, wantWhole("priority", priority, 255));
  }
  if (ttl !== undefined) {
    count = skipTo(w, count, 2);
    writeUint(w, wantWhole("ttl", ttl, MAX_UINT));
  }
  if (firstAcquirer !== undefined && wantBoolean("firstAcquirer", firstAcquirer)) {
    count = skipTo(w, count, 3);
    writeBoolean(w, true);
  }
  if (deliveryCount !== undefined && deliveryCount !== 0) {
    count = skipTo(w, count, 4);
    writeUint(w, wantWhole("deliveryCount", deliveryCount, MAX_UINT));
  }
  if (count === 0) w.position = start;
  else endList(w, mark, count);
}

/** The properties in the order of the standard; none at all where every one is undefined. */
export function writeProperties(
  w: ByteWriter, id: MessageId | undefined, userId: Uint8Array | string | undefined, to: string | undefined,
  subject: string | undefined, replyTo: string | undefined, correlationId: MessageId | undefined, contentType: string | undefined,
  contentEncoding: string | undefined, expiryTime: Date | bigint | undefined, creationTime: Date | bigint | undefined,
  groupId: string | undefined, groupSequence: number | undefined, replyToGroupId: string | undefined,
): void {
  const start = w.position;
  writeDescriptor(w, SECTION.properties);
  const mark = beginList(w);
  let count = 0;
  if (id !== undefined) {
    writeMessageId(w, "id", id);
    count = 1;
  }
  if (userId !== undefined) {
    count = skipTo(w, count, 1);
    writeUserId(w, userId);
  }
  if (to !== undefined) {
    count = skipTo(w, count, 2);
    writeText(w, "to", to);
  }
  if (subject !== undefined) {
    count = skipTo(w, count, 3);
    writeText(w, "subject", subject);
  }
  if (replyTo !== undefined) {
    count = skipTo(w, count, 4);
    writeText(w, "replyTo", replyTo);
  }
  if (correlationId !== undefined) {
    count = skipTo(w, count, 5);
    writeMessageId(w, "correlationId", correlationId);
  }
  if (contentType !== undefined) {
    count = skipTo(w, count, 6);
    writeAscii(w, "contentType", contentType);
  }
  if (contentEncoding !== undefined) {
    count = skipTo(w, count, 7);
    writeAscii(w, "contentEncoding", contentEncoding);
  }
  if (expiryTime !== undefined) {
    count = skipTo(w, count, 8);
    writeTime(w, "expiryTime", expiryTime);
  }
  if (creationTime !== undefined) {
    count = skipTo(w, count, 9);
    writeTime(w, "creationTime", creationTime);
  }
  if (groupId !== undefined) {
    count = skipTo(w, count, 10);
    writeText(w, "groupId", groupId);
  }
  if (groupSequence !== undefined) {
    count = skipTo(w, count, 11);
    writeUint(w, wantWhole("groupSequence", groupSequence, MAX_UINT));
  }
  if (replyToGroupId !== undefined) {
    count = skipTo(w, count, 12);
    writeText(w, "replyToGroupId", replyToGroupId);
  }
  if (count === 0) w.position = start;
  else endList(w, mark, count);
}

/** A map section; none at all where the map is empty. An entry whose value is undefined is left out. */
export function writeMapSection(w: ByteWriter, code: number, name: string, map: Readonly<Record<string, unknown>>): void {
  wantMap(name, map);
  const start = w.position;
  writeDescriptor(w, code);
  const mark = beginMap(w);
  let count = 0;
  for (const key of Object.keys(map)) {
    const value = map[key];
    if (value === undefined) continue;
    writeEntry(w, code, name, key, value);
    count += 2;
  }
  if (count === 0) w.position = start;
  else endMap(w, mark, count);
}

/** One entry of a map section: its key as symbol, or as string in application-properties. */
export function writeEntry(w: ByteWriter, code: number, name: string, key: string, value: unknown): void {
  try {
    if (code === SECTION.applicationProperties) {
      writeString(w, key);
      writePropertyValue(w, value);
    } else {
      writeSymbol(w, key);
      writeValue(w, value);
    }
  } catch (cause) {
    throw unfitEntry(name, key, cause);
  }
}

/** A value of application-properties, which are of simple types only. */
export function writePropertyValue(w: ByteWriter, value: unknown): void {
  if (typeof value === "object" && value !== null && !isSimple(value)) {
    throw notEncodable(`application-properties hold simple values only, not ${show(value)}; put it into the body or the annotations`);
  }
  writeValue(w, value);
}

/** The error for an entry of a map section, made of that for its key or value. */
export function unfitEntry(name: string, key: string, cause: unknown): unknown {
  return cause instanceof EncodeError ? unfit(`${name}[${JSON.stringify(key.slice(0, 80))}]`, cause.message, cause) : cause;
}

/** The body: bytes as data, an array as sequence where `inferred` is set, a `BodySection` as it says, anything else as amqp-value. */
export function writeBody(
  w: ByteWriter, body: unknown, inferred: boolean, start: number, references: BodyReference[] | undefined,
): void {
  if (typeof body === "string") {
    writeDescriptor(w, SECTION.value);
    writeText(w, "body", body);
  } else if (body instanceof Uint8Array) {
    writeData(w, body, start, references);
  } else if (isSection(body)) {
    writeChosen(w, body, start, references);
  } else if (inferred && Array.isArray(body)) {
    writeBodyValue(w, SECTION.sequence, body);
  } else {
    writeBodyValue(w, SECTION.value, body === undefined ? null : body);
  }
}

function isSection(body: unknown): body is BodySection {
  return body instanceof BodySection;
}

function writeChosen(w: ByteWriter, body: BodySection, start: number, references: BodyReference[] | undefined): void {
  for (const part of body.parts) {
    if (part instanceof StreamedBody) writeStreamed(w, part, start, references);
    else if (body.section === "data") writeData(w, part as Uint8Array, start, references);
    else writeBodyValue(w, body.section === "sequence" ? SECTION.sequence : SECTION.value, part === undefined ? null : part);
  }
}

function writeBodyValue(w: ByteWriter, code: number, value: unknown): void {
  writeDescriptor(w, code);
  try {
    writeValue(w, value);
  } catch (cause) {
    throw cause instanceof EncodeError ? unfit("body", cause.message, cause) : cause;
  }
}

/** A data section; a large one by reference, if the caller takes references. */
export function writeData(w: ByteWriter, chunk: Uint8Array, start: number, references: BodyReference[] | undefined): void {
  writeDescriptor(w, SECTION.data);
  if (references === undefined || chunk.length <= BY_REFERENCE) {
    writeBinary(w, chunk);
    return;
  }
  w.reserve(5);
  w.bytes[w.position] = 0xb0;
  w.view.setUint32(w.position + 1, chunk.length);
  w.position += 5;
  references.push({ at: w.position - start, bytes: chunk });
}

/** The place of a body that is not here. */
function writeStreamed(w: ByteWriter, stream: StreamedBody, start: number, references: BodyReference[] | undefined): void {
  if (references === undefined) throw unfit("body", "it is streamed: only a sender can send it, there are no bytes of the whole");
  references.push({ at: w.position - start, bytes: EMPTY, stream });
}

/** Nulls for the fields from `count` to `field`; answers the number of fields when `field` itself has been written. */
function skipTo(w: ByteWriter, count: number, field: number): number {
  for (let i = count; i < field; i++) writeNull(w);
  return field + 1;
}

function writeMessageId(w: ByteWriter, name: string, id: MessageId): void {
  if (typeof id === "string") {
    writeText(w, name, id);
  } else if (typeof id === "number") {
    writeUlong(w, wantWhole(name, id, Number.MAX_SAFE_INTEGER));
  } else if (typeof id === "bigint") {
    if (id < 0n || id > MAX_ULONG) throw unfit(name, `a bigint is sent as ulong, 0 to 2^64 - 1, not ${show(id)}`);
    writeUlong(w, id);
  } else if (id instanceof Uuid) {
    writeUuid(w, id);
  } else if (id instanceof Uint8Array) {
    writeBinary(w, id);
  } else {
    throw unfit(name, `it is a string, a whole number, a bigint, a Uuid or a Uint8Array, not ${show(id)}`);
  }
}

function writeUserId(w: ByteWriter, userId: Uint8Array | string): void {
  if (typeof userId === "string") writeBinary(w, new TextEncoder().encode(userId));
  else if (userId instanceof Uint8Array) writeBinary(w, userId);
  else throw unfit("userId", `it is a string or a Uint8Array, not ${show(userId)}`);
}

function writeText(w: ByteWriter, name: string, text: string): void {
  if (typeof text !== "string") throw unfit(name, `it is a string, not ${show(text)}`);
  try {
    writeString(w, text);
  } catch (cause) {
    throw cause instanceof EncodeError ? unfit(name, cause.message, cause) : cause;
  }
}

function writeAscii(w: ByteWriter, name: string, text: string): void {
  if (typeof text !== "string") throw unfit(name, `it is a string, not ${show(text)}`);
  try {
    writeSymbol(w, text);
  } catch (cause) {
    throw cause instanceof EncodeError ? unfit(name, cause.message, cause) : cause;
  }
}

function writeTime(w: ByteWriter, name: string, time: Date | bigint): void {
  const fits = time instanceof Date ? !Number.isNaN(time.getTime()) : typeof time === "bigint" && BigInt.asIntN(64, time) === time;
  if (!fits) throw unfit(name, `it is a valid Date, or milliseconds as a bigint of 64 bits, not ${show(time)}`);
  writeTimestamp(w, time);
}

function isSimple(value: object): boolean {
  if (value instanceof Typed) return value.type !== "array";
  return value instanceof Date || value instanceof Uuid || value instanceof Uint8Array;
}

function wantBoolean(name: string, value: boolean): boolean {
  if (typeof value !== "boolean") throw unfit(name, `it is true or false, not ${show(value)}`);
  return value;
}

/** @throws EncodeError not-encodable for what is no whole number from 0 to `most` */
export function wantWhole(name: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 0 || value > most) throw unfit(name, `it is a whole number from 0 to ${most}, not ${show(value)}`);
  return value;
}

/** @throws EncodeError not-encodable for what cannot be the map of a section */
export function wantMap(name: string, map: unknown): void {
  if (typeof map !== "object" || map === null || Symbol.iterator in map) throw unfit(name, `it is a plain object, not ${show(map)}`);
}

/** The error for a field that cannot be sent. */
export function unfit(field: string, why: string, cause?: EncodeError): EncodeError {
  return new EncodeError(`message ${field}: ${why}`, { code: "not-encodable", scope: "delivery", cause });
}

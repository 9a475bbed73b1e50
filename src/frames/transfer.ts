/**
 * The transfer performative (§2.7.5) on its hot path: written in place around a message, and read into a record that
 * is used again for every frame, so that a transfer costs no object. Rare fields go through the general codec.
 */

import { DecodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import { ByteReader, readBoolean, readUbyte } from "../wire/decode.ts";
import { readDeliveryState, writeDeliveryState } from "./delivery-state-codec.ts";
import type { DeliveryState } from "./delivery-state.ts";
import type { ReceiverSettleMode } from "./performatives.ts";

/** Octets of a frame's head. */
const FRAME_HEAD = 8;

/** A transfer as read; numbers are -1 where the field is absent. */
export class TransferHead {
  handle = 0;
  deliveryId = -1;
  /** Where the delivery-tag lies in the frame's bytes; length -1 if there is none. */
  tagStart = 0;
  tagLength = -1;
  messageFormat = -1;
  settled: boolean | undefined = undefined;
  more = false;
  rcvSettleMode: ReceiverSettleMode | undefined = undefined;
  state: DeliveryState | undefined = undefined;
  resume = false;
  aborted = false;
  batchable = false;
  /** Where the payload begins. */
  payload = 0;
  /** Read position. */
  at = 0;
}

/** Whether a frame body begins as every usual encoder writes a transfer. */
export function looksLikeTransfer(bytes: Uint8Array, at: number, end: number): boolean {
  return at + 5 <= end && bytes[at] === 0x00 && bytes[at + 1] === 0x53 && bytes[at + 2] === 0x14;
}

/** Whether the performative of a transfer whose descriptor ends at `fields` is there whole. */
export function hasTransfer(bytes: Uint8Array, fields: number, end: number): boolean {
  const format = bytes[fields];
  if (format === 0xc0) return fields + 2 <= end && fields + 2 + (bytes[fields + 1] as number) <= end;
  return format === 0xd0 && fields + 5 <= end && fields + 5 + readU32(bytes, fields + 1) <= end;
}

/**
 * Reads a transfer whose descriptor ends at `fields`.
 * @throws DecodeError decode-error
 */
export function readTransfer(bytes: Uint8Array, fields: number, end: number, head: TransferHead): void {
  let at = fields;
  let listEnd: number;
  let count: number;
  const format = bytes[at];
  if (at >= end || format === undefined) throw truncated("list");
  if (format === 0xc0) {
    if (at + 3 > end) throw truncated("list");
    listEnd = at + 2 + (bytes[at + 1] as number);
    count = bytes[at + 2] as number;
    at += 3;
  } else if (format === 0xd0) {
    if (at + 9 > end) throw truncated("list");
    listEnd = at + 5 + readU32(bytes, at + 1);
    count = readU32(bytes, at + 5);
    at += 9;
  } else if (format === 0x45) {
    throw missing("handle");
  } else {
    throw wrong("fields", format);
  }
  if (listEnd > end || at > listEnd) throw truncated("list");
  if (count > 11) throw new DecodeError(`transfer: ${count} fields, the standard has 11`, { code: "decode-error", scope: "connection" });

  head.at = at;
  head.deliveryId = -1;
  head.tagLength = -1;
  head.messageFormat = -1;
  head.settled = undefined;
  head.more = false;
  head.rcvSettleMode = undefined;
  head.state = undefined;
  head.resume = false;
  head.aborted = false;
  head.batchable = false;
  const handle = count > 0 ? readUint(bytes, head, listEnd) : -1;
  if (handle < 0) throw missing("handle");
  head.handle = handle;
  if (count > 1) head.deliveryId = readUint(bytes, head, listEnd);
  if (count > 2) readTag(bytes, head, listEnd);
  if (count > 3) head.messageFormat = readUint(bytes, head, listEnd);
  if (count > 4) head.settled = readFlag(bytes, head, listEnd);
  if (count > 5) head.more = readFlag(bytes, head, listEnd) === true;
  if (count > 6) readRare(bytes, head, listEnd, count);
  if (head.at !== listEnd) {
    throw new DecodeError(`transfer: ${listEnd - head.at} octets left over in its list`, { code: "decode-error", scope: "connection" });
  }
  head.payload = listEnd;
}

/** Writes a transfer frame's head for a message that follows; answers where the frame begins, for `endTransferFrame`. */
export function beginTransferFrame(
  w: ByteWriter, channel: number, handle: number, deliveryId: number, tag: Uint8Array | undefined, tagNumber: number,
  messageFormat: number, settled: boolean,
): number {
  const tagLength = tag === undefined ? 4 : tag.length;
  w.reserve(44 + tagLength);
  const bytes = w.bytes;
  const start = w.position;
  let at = start + 4;
  bytes[at] = 2;
  bytes[at + 1] = 0;
  bytes[at + 2] = channel >>> 8;
  bytes[at + 3] = channel & 0xff;
  bytes[at + 4] = 0x00;
  bytes[at + 5] = 0x53;
  bytes[at + 6] = 0x14;
  bytes[at + 7] = 0xc0;
  bytes[at + 9] = settled ? 5 : 4;
  at += 10;
  at = putUint(bytes, at, handle);
  at = putUint(bytes, at, deliveryId);
  bytes[at] = 0xa0;
  bytes[at + 1] = tagLength;
  at += 2;
  if (tag === undefined) {
    bytes[at] = tagNumber >>> 24;
    bytes[at + 1] = (tagNumber >>> 16) & 0xff;
    bytes[at + 2] = (tagNumber >>> 8) & 0xff;
    bytes[at + 3] = tagNumber & 0xff;
  } else {
    bytes.set(tag, at);
  }
  at += tagLength;
  at = putUint(bytes, at, messageFormat);
  if (settled) bytes[at++] = 0x41;
  bytes[start + 12] = at - (start + 13);
  w.position = at;
  return start;
}

/** Patches the size of the frame that began at `start` and ends at the writer's position. */
export function endTransferFrame(w: ByteWriter, start: number): void {
  w.view.setUint32(start, w.position - start);
}

/** The fields of a transfer that is one of several frames, or has a field that the fast path does not write. */
export interface TransferFields {
  readonly handle: number;
  /** undefined on every frame but the first. */
  readonly deliveryId: number | undefined;
  readonly tag: Uint8Array | undefined;
  readonly messageFormat: number | undefined;
  readonly settled: boolean;
  readonly more: boolean;
  readonly state?: DeliveryState | undefined;
  readonly resume?: boolean | undefined;
  readonly aborted?: boolean | undefined;
  readonly batchable?: boolean | undefined;
}

/** Writes a transfer frame of which `payload` octets will follow; the size counts them already. */
export function writeTransferFrame(w: ByteWriter, channel: number, fields: TransferFields, payload: number): void {
  w.reserve(80 + (fields.tag?.length ?? 0));
  const start = w.position;
  const bytes = w.bytes;
  bytes[start + 4] = 2;
  bytes[start + 5] = 0;
  bytes[start + 6] = channel >>> 8;
  bytes[start + 7] = channel & 0xff;
  bytes[start + 8] = 0x00;
  bytes[start + 9] = 0x53;
  bytes[start + 10] = 0x14;
  bytes[start + 11] = 0xd0;
  let at = start + 20;
  at = putUint(bytes, at, fields.handle);
  at = fields.deliveryId === undefined ? putNull(bytes, at) : putUint(bytes, at, fields.deliveryId);
  if (fields.tag === undefined) {
    at = putNull(bytes, at);
  } else {
    bytes[at] = 0xa0;
    bytes[at + 1] = fields.tag.length;
    bytes.set(fields.tag, at + 2);
    at += 2 + fields.tag.length;
  }
  at = fields.messageFormat === undefined ? putNull(bytes, at) : putUint(bytes, at, fields.messageFormat);
  bytes[at++] = fields.settled ? 0x41 : 0x42;
  bytes[at++] = fields.more ? 0x41 : 0x42;
  let count = 6;
  w.position = at;
  const { state, resume, aborted, batchable } = fields;
  if (state !== undefined || resume === true || aborted === true || batchable === true) {
    count = 11;
    w.bytes[w.position++] = 0x40;
    if (state === undefined) w.bytes[w.position++] = 0x40;
    else writeDeliveryState(w, state);
    w.reserve(3);
    w.bytes[w.position++] = resume === true ? 0x41 : 0x42;
    w.bytes[w.position++] = aborted === true ? 0x41 : 0x42;
    w.bytes[w.position++] = batchable === true ? 0x41 : 0x42;
  }
  w.view.setUint32(start + 12, w.position - (start + 16));
  w.view.setUint32(start + 16, count);
  w.view.setUint32(start, w.position - start + payload);
}

/** The most octets that `writeTransferFrame` writes for fields without a state. */
export function transferFrameOverhead(tagLength: number): number {
  return FRAME_HEAD + 12 + 5 + 5 + 2 + tagLength + 5 + 2;
}

function putUint(bytes: Uint8Array, at: number, value: number): number {
  if (value < 256) {
    if (value === 0) {
      bytes[at] = 0x43;
      return at + 1;
    }
    bytes[at] = 0x52;
    bytes[at + 1] = value;
    return at + 2;
  }
  bytes[at] = 0x70;
  bytes[at + 1] = value >>> 24;
  bytes[at + 2] = (value >>> 16) & 0xff;
  bytes[at + 3] = (value >>> 8) & 0xff;
  bytes[at + 4] = value & 0xff;
  return at + 5;
}

function putNull(bytes: Uint8Array, at: number): number {
  bytes[at] = 0x40;
  return at + 1;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

function readUint(bytes: Uint8Array, head: TransferHead, end: number): number {
  const at = head.at;
  if (at >= end) throw truncated("uint");
  const format = bytes[at];
  if (format === 0x52) {
    if (at + 2 > end) throw truncated("uint");
    head.at = at + 2;
    return bytes[at + 1] as number;
  }
  if (format === 0x70) {
    if (at + 5 > end) throw truncated("uint");
    head.at = at + 5;
    return readU32(bytes, at + 1);
  }
  head.at = at + 1;
  if (format === 0x43) return 0;
  if (format === 0x40) return -1;
  throw wrong("uint", format);
}

function readFlag(bytes: Uint8Array, head: TransferHead, end: number): boolean | undefined {
  const at = head.at;
  if (at >= end) throw truncated("boolean");
  const format = bytes[at];
  head.at = at + 1;
  if (format === 0x42) return false;
  if (format === 0x41) return true;
  if (format === 0x40) return undefined;
  if (format === 0x56 && at + 2 <= end && (bytes[at + 1] as number) < 2) {
    head.at = at + 2;
    return bytes[at + 1] === 1;
  }
  throw wrong("boolean", format);
}

function readTag(bytes: Uint8Array, head: TransferHead, end: number): void {
  const at = head.at;
  if (at >= end) throw truncated("delivery-tag");
  const format = bytes[at];
  if (format === 0x40) {
    head.at = at + 1;
    return;
  }
  let start: number;
  let length: number;
  if (format === 0xa0 && at + 2 <= end) {
    start = at + 2;
    length = bytes[at + 1] as number;
  } else if (format === 0xb0 && at + 5 <= end) {
    start = at + 5;
    length = readU32(bytes, at + 1);
  } else {
    throw wrong("delivery-tag", format);
  }
  if (length > end - start) throw truncated("delivery-tag");
  head.tagStart = start;
  head.tagLength = length;
  head.at = start + length;
}

function readRare(bytes: Uint8Array, head: TransferHead, end: number, count: number): void {
  const r = new ByteReader(bytes, head.at, end);
  const mode = readUbyte(r);
  if (mode !== undefined && mode > 1) throw wrong("rcv-settle-mode", mode);
  head.rcvSettleMode = mode === undefined ? undefined : mode === 0 ? "first" : "second";
  if (count > 7) head.state = readDeliveryState(r);
  if (count > 8) head.resume = readBoolean(r) === true;
  if (count > 9) head.aborted = readBoolean(r) === true;
  if (count > 10) head.batchable = readBoolean(r) === true;
  head.at = r.position;
}

function truncated(what: string): DecodeError {
  return new DecodeError(`transfer: ${what} is cut off`, { code: "decode-error", scope: "connection" });
}

function missing(field: string): DecodeError {
  return new DecodeError(`transfer: the mandatory field ${field} is missing`, { code: "decode-error", scope: "connection" });
}

function wrong(what: string, format: number | undefined): DecodeError {
  return new DecodeError(`transfer: 0x${(format ?? 0).toString(16)} is no valid ${what}`, { code: "decode-error", scope: "connection" });
}

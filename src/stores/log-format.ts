/**
 * The bytes of a file store's log. All numbers are big-endian.
 *
 *     file    header batch*
 *     header  "leptonmq", version u32 = 1, salt u32, crc u32 of the 16 octets before
 *     batch   salt u32, length u32, crc u32 of salt, length and entries, then entries of `length` octets
 *     entry   01  link u32, role u8 (0 sender, 1 receiver), container, remoteContainer, name: each length u32 and UTF-8
 *             02  link u32, tag, state                                   put
 *             03  link u32, tag, state, payload length u32 and octets    put with a payload
 *             04  link u32, tag                                          delete
 *     tag     length u8 and octets
 *     state   length u32 and an AMQP delivery state (§3.4); no octets are null
 *
 * crc is CRC-32 as in gzip. A batch is what one flush writes: it is on the disk before the next one is begun, so only the last batch of
 * a file can be torn, and that one is cut off when the file is opened. One that is damaged before others means that the disk has lost
 * what it had confirmed. The salt is drawn for each file, so that nothing within a message can pass for a batch.
 */

import { crc32 } from "node:zlib";
import type { LinkIdentity } from "../client/unsettled-store.ts";
import { readDeliveryState, writeDeliveryState } from "../frames/delivery-state-codec.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import { ACCEPTED } from "../frames/delivery-state.ts";
import { ByteWriter } from "../util/byte-writer.ts";
import type { Bytes } from "../util/bytes.ts";
import { ByteReader } from "../wire/byte-reader.ts";

/** Octets of the head of a file. */
export const FILE_HEAD = 20;
/** Octets of a batch before its entries. */
export const BATCH_HEAD = 12;

const MAGIC = new TextEncoder().encode("leptonmq");
const VERSION = 1;
const LINK = 1;
const PUT = 2;
const PUT_PAYLOAD = 3;
const DELETE = 4;
/** What most outcomes are, encoded once. */
const ACCEPTED_BYTES = encodedState(ACCEPTED);
const NOTHING: Bytes = new Uint8Array(0);

/** The head of a file with this salt. */
export function fileHead(salt: number): Bytes {
  const head = new Uint8Array(FILE_HEAD);
  const view = new DataView(head.buffer);
  head.set(MAGIC);
  view.setUint32(8, VERSION);
  view.setUint32(12, salt);
  view.setUint32(16, crc32(head.subarray(0, 16)));
  return head;
}

/** The salt of a file by its head, or why it is none that can be read here. */
export function saltIn(head: Bytes): number | string {
  if (head.length < FILE_HEAD || !MAGIC.every((octet, i) => head[i] === octet)) return "it is not the log of a store";
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const version = view.getUint32(8);
  if (version !== VERSION) return `its format is of version ${version}, and this release knows version ${VERSION}`;
  return view.getUint32(16) === crc32(head.subarray(0, 16)) ? view.getUint32(12) : "its head does not match its checksum";
}

/** Where a batch is: in memory, in the file, or both. Entries point here, so that they are found wherever it goes. */
export interface Place {
  /** Its offset in the file; -1 until it is there. */
  base: number;
  /** Its octets, until they are in the file. */
  batch: Batch | undefined;
  /** The batch that has taken its entries in, and how much further they begin there. */
  merged: { readonly into: Place; readonly shift: number } | undefined;
}

/** Entries that are written together. */
export class Batch extends ByteWriter {
  readonly place: Place = { base: -1, batch: this, merged: undefined };

  constructor(spare?: Bytes) {
    super(1024);
    if (spare !== undefined) this.use(spare);
    this.position = BATCH_HEAD;
  }

  get isEmpty(): boolean {
    return this.position === BATCH_HEAD;
  }

  /** Octets of its entries. */
  get length(): number {
    return this.position - BATCH_HEAD;
  }

  putLink(number: number, { role, container, remoteContainer, name }: LinkIdentity): void {
    this.#head(LINK, number, 1);
    this.bytes[this.position++] = role === "sender" ? 0 : 1;
    for (const text of [container, remoteContainer, name]) this.#long(new TextEncoder().encode(text));
  }

  /** Adds an entry; answers where its payload begins, or what would be that place. */
  put(link: number, tag: Uint8Array, state: DeliveryState | null, payload: Uint8Array | undefined): number {
    this.#head(payload === undefined ? PUT : PUT_PAYLOAD, link, 1 + tag.length);
    this.#tag(tag);
    this.#long(state === null ? NOTHING : state === ACCEPTED ? ACCEPTED_BYTES : encodedState(state));
    if (payload !== undefined) this.#long(payload);
    return this.position - (payload?.length ?? 0);
  }

  delete(link: number, tag: Uint8Array): void {
    this.#head(DELETE, link, 1 + tag.length);
    this.#tag(tag);
  }

  /** Takes in the entries of another one behind its own. */
  absorb(other: Batch): void {
    other.place.merged = { into: this.place, shift: this.position - BATCH_HEAD };
    other.place.batch = undefined;
    this.writeBytes(other.bytes.subarray(BATCH_HEAD, other.position));
  }

  /** Its octets, ready for a file with this salt. */
  sealed(salt: number): Bytes {
    const whole = this.bytes.subarray(0, this.position);
    seal(whole, salt);
    return whole;
  }

  #head(op: number, link: number, more: number): void {
    this.reserve(5 + more);
    this.bytes[this.position] = op;
    this.view.setUint32(this.position + 1, link);
    this.position += 5;
  }

  #tag(tag: Uint8Array): void {
    this.bytes[this.position++] = tag.length;
    this.bytes.set(tag, this.position);
    this.position += tag.length;
  }

  #long(octets: Uint8Array): void {
    this.reserve(4 + octets.length);
    this.view.setUint32(this.position, octets.length);
    this.bytes.set(octets, this.position + 4);
    this.position += 4 + octets.length;
  }
}

/** Writes the head of a whole batch. */
export function seal(batch: Bytes, salt: number): void {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  view.setUint32(0, salt);
  view.setUint32(4, batch.length - BATCH_HEAD);
  view.setUint32(8, checksum(batch));
}

/** Octets of a batch with its head, by that head; 0 where none begins there. */
export function batchSize(head: Bytes, salt: number): number {
  if (head.length < BATCH_HEAD) return 0;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  return view.getUint32(0) === salt ? BATCH_HEAD + view.getUint32(4) : 0;
}

/** Whether a whole batch matches its checksum. */
export function isSound(batch: Bytes): boolean {
  return new DataView(batch.buffer, batch.byteOffset, batch.byteLength).getUint32(8) === checksum(batch);
}

/** What a batch says, to whom it is read. */
export interface BatchReader {
  link(number: number, identity: LinkIdentity): void;
  /** `at` is the offset of the payload in the batch, and `length` its octets; -1 where it has none. */
  put(link: number, tag: Bytes, state: DeliveryState | null, at: number, length: number): void;
  delete(link: number, tag: Bytes): void;
}

/** Reads a batch that is sound. @throws DecodeError decode-error */
export function readBatch(batch: Bytes, reader: BatchReader): void {
  const r = new ByteReader(batch, BATCH_HEAD);
  while (r.position < r.end) {
    const op = r.u8();
    const link = r.u32();
    switch (op) {
      case LINK:
        reader.link(link, readLink(r));
        break;
      case PUT:
        reader.put(link, readRun(r, r.u8()), readState(r), -1, -1);
        break;
      case PUT_PAYLOAD: {
        const tag = readRun(r, r.u8());
        const state = readState(r);
        const length = r.u32();
        r.need(length);
        reader.put(link, tag, state, r.position, length);
        r.position += length;
        break;
      }
      case DELETE:
        reader.delete(link, readRun(r, r.u8()));
        break;
      default:
        r.fail(`an entry of the unknown kind ${op}`);
    }
  }
}

function checksum(batch: Bytes): number {
  return crc32(batch.subarray(BATCH_HEAD), crc32(batch.subarray(0, 8)));
}

function encodedState(state: DeliveryState): Bytes {
  const w = new ByteWriter(64);
  writeDeliveryState(w, state);
  return w.toBytes();
}

function readLink(r: ByteReader): LinkIdentity {
  const role = r.u8() === 0 ? "sender" : "receiver";
  const text = (): string => new TextDecoder().decode(readRun(r, r.u32()));
  const container = text();
  const remoteContainer = text();
  return { container, remoteContainer, name: text(), role };
}

function readState(r: ByteReader): DeliveryState | null {
  const length = r.u32();
  if (length === 0) return null;
  r.need(length);
  const state = readDeliveryState(new ByteReader(r.bytes.slice(r.position, r.position + length))) ?? null;
  r.position += length;
  return state;
}

function readRun(r: ByteReader, length: number): Bytes {
  r.need(length);
  const run = r.bytes.slice(r.position, r.position + length);
  r.position += length;
  return run;
}

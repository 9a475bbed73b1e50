/** Protocol headers and frames <-> bytes, found at any split of the stream. */

import type { Bytes } from "../../util/bytes.ts";
import { decodeComposite } from "./composite.ts";
import { parse, simple } from "./decode.ts";
import type { Parsed } from "./decode.ts";
import { bigEndian, concat, hex, octets } from "./octets.ts";
import { PERFORMATIVES, SASL_BODIES, compositeDescribed } from "./schema.ts";

/** What a script can meet on the wire. `empty` is a frame without a body, `unreadable` one that breaks the standard. */
export type FrameName =
  | "header" | "open" | "begin" | "attach" | "flow" | "transfer" | "disposition" | "detach" | "end" | "close"
  | "sasl-mechanisms" | "sasl-init" | "sasl-challenge" | "sasl-response" | "sasl-outcome" | "empty" | "unreadable";

/** A frame or a protocol header, as it was read. */
export interface Frame {
  readonly name: FrameName;
  readonly channel: number;
  /** By their standard names in camelCase, without the absent ones; of a header `protocol major minor revision`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** What follows the performative. */
  readonly payload: Bytes;
  /** The whole frame. */
  readonly bytes: Bytes;
  /** The field values in order, with their wire types and bytes. */
  readonly list: readonly Parsed[];
}

/** Protocol ids of the header: plain AMQP, TLS, SASL (§2.2, §5.2.1, §5.3.1). */
export const PROTOCOLS: ReadonlyMap<string, number> = new Map([["amqp", 0], ["tls", 2], ["sasl", 3]]);

/** The eight octets of a protocol header of version 1.0.0. */
export function headerBytes(protocol: "amqp" | "tls" | "sasl"): Bytes {
  return concat(hex("414d5150"), octets(PROTOCOLS.get(protocol)!, 1, 0, 0));
}

/** Parts of a frame's head that a script may set against the rules. */
export interface FrameHead {
  channel?: number | undefined;
  /** 0 is AMQP, 1 SASL. */
  type?: number | undefined;
  /** Octets after the eighth, in words of 4. @default none */
  extended?: Uint8Array | undefined;
  /** In words of 4 octets. @default what the extended header needs */
  doff?: number | undefined;
  /** @default the true size */
  size?: number | undefined;
}

/** A frame around `body`. */
export function frameBytes(body: Uint8Array, head: FrameHead = {}): Bytes {
  const extended = head.extended ?? new Uint8Array(0);
  const size = head.size ?? 8 + extended.length + body.length;
  const doff = head.doff ?? 2 + extended.length / 4;
  return concat(bigEndian(size, 4), octets(doff, head.type ?? 0), bigEndian(head.channel ?? 0, 2), extended, body);
}

/** Cuts a stream of bytes into headers and frames. */
export class FrameReader {
  #rest: Bytes = new Uint8Array(0);

  /** Everything that is complete once `chunk` has come. */
  push(chunk: Uint8Array): Frame[] {
    this.#rest = concat(this.#rest, chunk);
    const frames: Frame[] = [];
    for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    return frames;
  }

  /** Octets of a frame that is not complete. */
  get rest(): Bytes {
    return this.#rest;
  }

  #next(): Frame | undefined {
    if (this.#rest.length < 8) return undefined;
    // as a size, "AMQP" would be more than a gigabyte, so the two cannot be taken for each other
    if (String.fromCharCode(...this.#rest.subarray(0, 4)) === "AMQP") return readHeader(this.#cut(8));
    const size = new DataView(this.#rest.buffer, this.#rest.byteOffset).getUint32(0);
    if (size < 8 || size > 0x40000000) return unreadable(this.#cut(this.#rest.length), `a frame of ${size} octets`);
    return this.#rest.length < size ? undefined : readFrame(this.#cut(size));
  }

  #cut(n: number): Bytes {
    const part = this.#rest.slice(0, n);
    this.#rest = this.#rest.slice(n);
    return part;
  }
}

function readHeader(bytes: Bytes): Frame {
  const [protocol, major, minor, revision] = bytes.subarray(4);
  return { name: "header", channel: 0, fields: { protocol, major, minor, revision }, payload: new Uint8Array(0), bytes, list: [] };
}

function readFrame(bytes: Bytes): Frame {
  const start = 4 * bytes[4]!;
  const channel = bytes[6]! * 256 + bytes[7]!;
  if (start < 8 || start > bytes.length) return unreadable(bytes, `a data offset of ${start / 4}`);
  if (start === bytes.length) return { name: "empty", channel, fields: {}, payload: new Uint8Array(0), bytes, list: [] };
  try {
    return { channel, bytes, ...readBody(bytes, start, bytes[5]!) };
  } catch (error) {
    return unreadable(bytes, error instanceof Error ? error.message : String(error));
  }
}

function readBody(bytes: Bytes, start: number, frameType: number): Pick<Frame, "name" | "fields" | "payload" | "list"> {
  const node = parse(bytes, start);
  if (node.type !== "described") throw new Error(`a body that is a ${node.type}`);
  const type = compositeDescribed(simple(node.descriptor));
  const allowed = frameType === 0 ? PERFORMATIVES : frameType === 1 ? SASL_BODIES : [];
  if (type === undefined || !allowed.includes(type)) throw new Error(`a frame of type ${frameType} with ${type?.name ?? String(simple(node.descriptor))}`);
  const payload = bytes.slice(start + node.bytes.length);
  if (type.name !== "transfer" && payload.length > 0) throw new Error(`${payload.length} octets after ${type.name}`);
  const fields = decodeComposite(type, node.inner);
  return { name: type.name as FrameName, fields, payload, list: node.inner.type === "list" ? node.inner.items : [] };
}

function unreadable(bytes: Bytes, reason: string): Frame {
  return { name: "unreadable", channel: 0, fields: { reason }, payload: new Uint8Array(0), bytes, list: [] };
}

/**
 * Finds protocol headers and frames in a byte stream cut at any place (§2.2, §2.3). A frame that lies whole in a
 * chunk is handed on where it lies; only one that is cut is put together in a buffer of its own, never larger than
 * the frame limit, and never before its size is known to be within it.
 */

import { allocate } from "#platform";

import type { Bytes } from "../util/bytes.ts";

export const FrameType = { amqp: 0, sasl: 1 } as const;

/** Protocol ids of the header (§2.2, §5.2, §5.3). */
export const ProtocolId = { amqp: 0, tls: 2, sasl: 3 } as const;

/** A protocol header as sent or seen. */
export interface ProtocolHeader {
  readonly id: number;
  readonly major: number;
  readonly minor: number;
  readonly revision: number;
}

/** What a splitter tells; each call is about bytes that the callee must not keep beyond it unless `owned` says so. */
export interface FrameSink {
  onHeader(header: ProtocolHeader): void;
  /** The first octets are no AMQP header: HTTP, TLS, or something else. */
  onGarbage(bytes: Uint8Array): void;
  /** A frame whose body is bytes[start, end); an empty body is a heartbeat. `begin` is where its head lies. */
  onFrame(type: number, channel: number, bytes: Uint8Array, begin: number, start: number, end: number): void;
  /**
   * A large frame of which bytes[start, end) have come and `rest` octets have not. Answers whether they are to be handed on as they
   * come, by `onPayload`; otherwise the frame is put together first.
   */
  onFrameBegun?(type: number, channel: number, bytes: Uint8Array, begin: number, start: number, end: number, rest: number): boolean;
  /** More of a frame that was begun: bytes[from, to); `rest` octets are still missing. */
  onPayload?(bytes: Uint8Array, from: number, to: number, rest: number): void;
  /** A frame that breaks the rules of framing. */
  onBadFrame(reason: string): void;
}

const HEADER_SIZE = 8;
/** Octets from which on a frame that is cut need not be put together before it is handed on, and those of it that must be there. */
const LARGE = 16 * 1024;
const ENOUGH = 256;

export class FrameSplitter {
  /** Octets of the largest frame that the peer may send now. */
  maxFrameSize: number;
  /** Whether a protocol header comes next. */
  #header = true;
  #stopped = false;
  #partial: Bytes = new Uint8Array(HEADER_SIZE);
  #filled = 0;
  /** Octets that #partial will have in the end; 8 until a frame's size is known. */
  #wanted = HEADER_SIZE;
  /** Octets missing of a frame that is handed on as it comes. */
  #rest = 0;
  readonly #sink: FrameSink;

  constructor(sink: FrameSink, maxFrameSize: number) {
    this.#sink = sink;
    this.maxFrameSize = maxFrameSize;
  }

  /** Octets of an unfinished header or frame. */
  get pending(): number {
    return this.#filled;
  }

  /** After the SASL outcome a new protocol header comes. */
  expectHeader(): void {
    this.#header = true;
  }

  /** Everything that still comes is ignored. */
  stop(): void {
    this.#stopped = true;
  }

  push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    let at = 0;
    const end = chunk.length;
    if (this.#rest !== 0) {
      at = Math.min(this.#rest, end);
      this.#rest -= at;
      this.#sink.onPayload?.(chunk, 0, at, this.#rest);
    }
    if (this.#filled !== 0) {
      at = this.#complete(chunk);
      if (at < 0) return;
    }
    while (at < end && !this.#stopped) {
      const left = end - at;
      if (this.#header) {
        if (left < HEADER_SIZE) break;
        this.#protocolHeader(chunk, at);
        at += HEADER_SIZE;
        continue;
      }
      if (left < 4) break;
      const size = readSize(chunk, at);
      if (!this.#acceptable(size)) return;
      if (left < size) {
        if (size >= LARGE && left >= ENOUGH && this.#begun(chunk, at, size)) return;
        break;
      }
      this.#frame(chunk, at, size);
      at += size;
    }
    if (at < end && !this.#stopped) this.#keep(chunk, at);
  }

  /** Fills the unfinished piece from the chunk; answers where the rest begins, -1 if all was used or is of no use. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    for (;;) {
      const take = Math.min(this.#wanted - this.#filled, chunk.length - at);
      this.#partial.set(take === chunk.length ? chunk : chunk.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (!this.#header && this.#wanted === HEADER_SIZE && this.#filled >= 4) {
        const size = readSize(this.#partial, 0);
        if (!this.#acceptable(size)) return -1;
        if (size !== HEADER_SIZE) this.#widen(size);
      }
      if (this.#header && this.#filled >= 4 && !isAmqp(this.#partial, 0)) {
        this.#garbage(this.#partial.subarray(0, this.#filled));
        return -1;
      }
      if (this.#filled === this.#wanted) break;
      if (at === chunk.length) return -1;
    }
    const piece = this.#partial;
    const size = this.#filled;
    this.#filled = 0;
    this.#wanted = HEADER_SIZE;
    if (this.#header) {
      this.#protocolHeader(piece, 0);
    } else {
      // The sink may keep views of the frame, so the next one gets a buffer of its own.
      this.#partial = new Uint8Array(HEADER_SIZE);
      this.#frame(piece, 0, size);
    }
    return at;
  }

  #keep(chunk: Uint8Array, at: number): void {
    const left = chunk.length - at;
    if (this.#header && left >= 4 && !isAmqp(chunk, at)) {
      this.#garbage(chunk.subarray(at));
      return;
    }
    this.#wanted = HEADER_SIZE;
    if (!this.#header && left >= 4) {
      const size = readSize(chunk, at);
      if (size > HEADER_SIZE) this.#widen(size);
    }
    this.#partial.set(chunk.subarray(at), 0);
    this.#filled = left;
  }

  #widen(size: number): void {
    const larger = allocate(size);
    larger.set(this.#partial.subarray(0, this.#filled));
    this.#partial = larger;
    this.#wanted = size;
  }

  #acceptable(size: number): boolean {
    if (size >= HEADER_SIZE && size <= this.maxFrameSize) return true;
    this.#stopped = true;
    this.#sink.onBadFrame(size < HEADER_SIZE
      ? `a frame of ${size} octets is shorter than its own head`
      : `a frame of ${size} octets is larger than max-frame-size ${this.maxFrameSize}`);
    return false;
  }

  #protocolHeader(bytes: Uint8Array, at: number): void {
    if (!isAmqp(bytes, at)) {
      this.#garbage(bytes.subarray(at));
      return;
    }
    this.#header = false;
    this.#sink.onHeader({
      id: bytes[at + 4] as number, major: bytes[at + 5] as number, minor: bytes[at + 6] as number, revision: bytes[at + 7] as number,
    });
  }

  /** Hands on the part of a large frame that is there, if the sink takes it. */
  #begun(chunk: Uint8Array, at: number, size: number): boolean {
    const offset = (chunk[at + 4] as number) << 2;
    if (offset < HEADER_SIZE || at + offset >= chunk.length) return false;
    const channel = ((chunk[at + 6] as number) << 8) | (chunk[at + 7] as number);
    const rest = at + size - chunk.length;
    if (this.#sink.onFrameBegun?.(chunk[at + 5] as number, channel, chunk, at, at + offset, chunk.length, rest) !== true) return false;
    this.#rest = rest;
    return true;
  }

  #frame(bytes: Uint8Array, at: number, size: number): void {
    const offset = (bytes[at + 4] as number) << 2;
    if (offset < HEADER_SIZE || offset > size) {
      this.#stopped = true;
      this.#sink.onBadFrame(`a data offset of ${offset >> 2} words in a frame of ${size} octets`);
      return;
    }
    const channel = ((bytes[at + 6] as number) << 8) | (bytes[at + 7] as number);
    this.#sink.onFrame(bytes[at + 5] as number, channel, bytes, at, at + offset, at + size);
  }

  #garbage(bytes: Uint8Array): void {
    this.#stopped = true;
    this.#sink.onGarbage(bytes);
  }
}

function readSize(bytes: Uint8Array, at: number): number {
  return (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
}

function isAmqp(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x41 && bytes[at + 1] === 0x4d && bytes[at + 2] === 0x51 && bytes[at + 3] === 0x50;
}

/**
 * The octets of one delivery on their way into frames: all there from the beginning, or handed in as they come, until the end is
 * said. Frames are cut from it wherever the pieces begin and end.
 */

import type { Slab, SlabPool, SlabWriter } from "../util/slab.ts";

/** Octets of a piece of payload below which copying it is cheaper than a segment of its own. */
const COPY_BELOW = 4096;

/** Who hands a payload in. */
export interface PayloadSource {
  /** A frame has taken octets out of it, or the last frame is written. */
  onTaken(): void;
}

interface Piece {
  readonly bytes: Uint8Array;
  readonly slab: Slab | undefined;
}

export class Payload {
  /** Octets that are in no frame yet. */
  waiting = 0;
  /** Octets that frames have taken. */
  taken = 0;
  /** Nothing more is handed in. */
  ended = false;
  /** Whether a frame that is not full may go. */
  flushing = false;
  readonly source: PayloadSource | undefined;
  #pieces: Piece[] = [];
  /** The first piece that has something left, and how much of it is taken. */
  #at = 0;
  #offset = 0;

  /** @param source hears when there is room again; without one, all of it is handed in at once. */
  constructor(source?: PayloadSource) {
    this.source = source;
  }

  /** Hands in bytes, which go by reference: they must not change until their frames have left. @param slab where they lie; one of its users is this piece */
  push(bytes: Uint8Array, slab?: Slab): void {
    this.#pieces.push({ bytes, slab });
    this.waiting += bytes.length;
  }

  /** Whether there is enough for a frame with `room` octets of payload, or what there is may go as it is. */
  fills(room: number): boolean {
    return this.waiting >= room || this.ended || (this.flushing && this.waiting > 0);
  }

  /** Puts the next `size` octets into the output. */
  write(w: SlabWriter, size: number): void {
    let left = size;
    while (left > 0) {
      const { bytes, slab } = this.#pieces[this.#at] as Piece;
      const take = Math.min(left, bytes.length - this.#offset);
      const piece = bytes.subarray(this.#offset, this.#offset + take);
      if (take < COPY_BELOW) {
        w.begin();
        w.writeBytes(piece);
        w.finish();
      } else {
        w.reference(piece, slab);
      }
      left -= take;
      this.#offset += take;
      if (this.#offset === bytes.length) this.#next(w.pool, slab);
    }
    this.taken += size;
    this.waiting -= size;
    if (this.waiting === 0) this.flushing = false;
  }

  /** Drops what no frame has taken. */
  clear(pool: SlabPool): void {
    for (const { slab } of this.#pieces.splice(0).slice(this.#at)) if (slab !== undefined) pool.release(slab);
    this.#at = 0;
    this.#offset = 0;
    this.waiting = 0;
  }

  #next(pool: SlabPool, slab: Slab | undefined): void {
    if (slab !== undefined) pool.release(slab);
    this.#offset = 0;
    this.#at += 1;
    if (this.#at < 64 && this.#at !== this.#pieces.length) return;
    this.#pieces = this.#pieces.slice(this.#at);
    this.#at = 0;
  }
}

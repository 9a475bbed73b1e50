/**
 * Keeps what has to outlive an input call. Small messages are copied out of their chunk in pieces of a few of them at
 * a time, so that one kept message pins one piece and not the whole chunk; large ones stay where they are.
 */

import { EMPTY, copyBytes } from "../util/bytes.ts";

/** Octets of a piece: the most that a small message which is kept for long holds in memory. */
const PIECE = 8 * 1024;

export class Pieces {
  /** Where the bytes last asked for are now, and by how much their offsets have shifted. */
  bytes: Uint8Array = EMPTY;
  shift = 0;
  #source: Uint8Array = EMPTY;
  #from = 0;
  #to = 0;

  /**
   * Makes chunk[begin, end) last. Answers the octets that this costs: those of the range if it was copied, those of
   * the whole chunk if it stays.
   */
  keep(chunk: Uint8Array, begin: number, end: number): number {
    const size = end - begin;
    if (chunk.length <= PIECE || size * 4 >= chunk.length) {
      this.bytes = chunk;
      this.shift = 0;
      this.#source = EMPTY;
      return chunk.length <= PIECE ? size : chunk.length;
    }
    if (chunk === this.#source && begin >= this.#from && end <= this.#to) return size;
    this.#source = chunk;
    this.#from = begin;
    this.#to = Math.min(chunk.length, Math.max(end, begin + PIECE));
    this.bytes = copyBytes(chunk.subarray(begin, this.#to));
    this.shift = begin;
    return size;
  }

  /** Forgets the chunk, whose input call is over. */
  done(): void {
    this.bytes = EMPTY;
    this.#source = EMPTY;
  }
}

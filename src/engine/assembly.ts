/**
 * Puts a large message together while it comes, so that no turn of the event loop has to copy all of it: each piece goes to its
 * place at once, and when the block is full, what it has moves to one of twice the size little by little, with the pieces that
 * follow.
 */

import { allocate } from "#platform";

import type { Bytes } from "../util/bytes.ts";

/** Octets that move with each octet that comes: all have moved long before the next block is full. */
const PACE = 3;

export class Assembly {
  /** Octets so far. */
  size: number;
  /** Octets of the largest message that can be; Infinity is no limit. */
  readonly #limit: number;
  #block: Bytes;
  /** What is still to move, from `#moved` on, and how much there was of it. */
  #old: readonly Uint8Array[];
  #oldSize: number;
  #moved = 0;
  /** The old piece that is moving, and how much of it has. */
  #at = 0;
  #offset = 0;

  /** @param parts what has come so far, of `size` octets together. */
  constructor(parts: readonly Uint8Array[], size: number, limit: number) {
    this.size = size;
    this.#limit = limit;
    this.#old = parts;
    this.#oldSize = size;
    this.#block = allocate(this.#roomFor(size));
  }

  /** Octets that it keeps in memory. */
  get held(): number {
    return this.size + (this.#moved === this.#oldSize ? 0 : this.#oldSize);
  }

  push(bytes: Uint8Array): void {
    const size = this.size + bytes.length;
    if (size > this.#block.length) this.#grow(size);
    this.#block.set(bytes, this.size);
    this.size = size;
    if (this.#moved !== this.#oldSize) this.#move(bytes.length * PACE);
  }

  /** The whole message. */
  finish(): Bytes {
    this.#move(Infinity);
    return this.#block.subarray(0, this.size);
  }

  #roomFor(size: number): number {
    return Math.max(size, Math.min(size * 2, this.#limit));
  }

  #grow(size: number): void {
    this.#move(Infinity);
    this.#old = [this.#block.subarray(0, this.size)];
    this.#oldSize = this.size;
    this.#moved = 0;
    this.#at = 0;
    this.#offset = 0;
    this.#block = allocate(this.#roomFor(size));
  }

  #move(most: number): void {
    let left = Math.min(most, this.#oldSize - this.#moved);
    while (left > 0) {
      const part = this.#old[this.#at] as Uint8Array;
      const take = Math.min(left, part.length - this.#offset);
      this.#block.set(part.subarray(this.#offset, this.#offset + take), this.#moved);
      this.#moved += take;
      this.#offset += take;
      left -= take;
      if (this.#offset !== part.length) continue;
      this.#at += 1;
      this.#offset = 0;
    }
    if (this.#moved === this.#oldSize) this.#old = [];
  }
}

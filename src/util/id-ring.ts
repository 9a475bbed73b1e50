/**
 * Entries by 32-bit serial number, made for numbers that come in order and leave nearly in order: a ring of the span
 * between the oldest and the newest one. When a few stragglers stretch that span, they move to a Map, so
 * that the ring stays as small as what it holds.
 */

import { serialDiff } from "./serial.ts";

const SMALLEST = 64;
/** The ring may span this many times its live entries before the old ones move out. */
const STRETCH = 4;

export class IdRing<T> {
  #slots: (T | undefined)[] = new Array<T | undefined>(SMALLEST).fill(undefined);
  #mask = SMALLEST - 1;
  /** Id of the first slot of the span; meaningless while the span is 0. */
  #base = 0;
  /** How many ids, from base on, the ring spans. */
  #span = 0;
  #live = 0;
  readonly #stragglers = new Map<number, T>();
  readonly #onStraggler: ((entry: T) => void) | undefined;

  /** @param onStraggler called when an entry has fallen so far behind that it moves out of the ring. */
  constructor(onStraggler?: (entry: T) => void) {
    this.#onStraggler = onStraggler;
  }

  /** Entries held. */
  get size(): number {
    return this.#live + this.#stragglers.size;
  }

  /** Adds an entry with an id that is newer than every other (in the serial order of RFC 1982). */
  push(id: number, entry: T): void {
    if (this.#span === 0) this.#base = id;
    const offset = (id - this.#base) >>> 0;
    if (offset >= this.#slots.length) {
      this.#makeRoom(offset);
      if (this.#span === 0) this.#base = id;
    }
    this.#slots[id & this.#mask] = entry;
    this.#span = ((id - this.#base) >>> 0) + 1;
    this.#live += 1;
  }

  get(id: number): T | undefined {
    if (((id - this.#base) >>> 0) < this.#span) return this.#slots[id & this.#mask];
    return this.#stragglers.size === 0 ? undefined : this.#stragglers.get(id);
  }

  /** Removes and answers the entry of an id. */
  delete(id: number): T | undefined {
    const offset = (id - this.#base) >>> 0;
    if (offset >= this.#span) {
      if (this.#stragglers.size === 0) return undefined;
      const straggler = this.#stragglers.get(id);
      this.#stragglers.delete(id);
      return straggler;
    }
    const index = id & this.#mask;
    const entry = this.#slots[index];
    if (entry === undefined) return undefined;
    this.#slots[index] = undefined;
    this.#live -= 1;
    if (offset === 0) this.#advance();
    return entry;
  }

  /**
   * Calls `visit` for the entries with ids from first to last (inclusive, serial), oldest first; it may delete them, and
   * push. The cost is that of the ids held or that of the range, whichever is less, whatever range a peer names.
   */
  visit(first: number, last: number, visit: (entry: T) => void): void {
    if (this.#span > SMALLEST && (this.#live + 1) * STRETCH < this.#span) this.#moveOut();
    const stragglers = this.#stragglers;
    const base = this.#base;
    const span = this.#span;
    if (stragglers.size !== 0) this.#visitStragglers(first, last, visit);
    const from = Math.max(0, serialDiff(first, base));
    const to = Math.min(span - 1, serialDiff(last, base));
    for (let offset = from; offset <= to; offset++) {
      const id = (base + offset) >>> 0;
      // What was pushed meanwhile may have moved the rest of the range out.
      const entry = this.#slots[id & this.#mask] === undefined && stragglers.size === 0 ? undefined : this.get(id);
      if (entry !== undefined) visit(entry);
    }
  }

  /** All entries, oldest first. */
  *[Symbol.iterator](): IterableIterator<T> {
    yield* [...this.#stragglers.values()];
    const base = this.#base;
    const span = this.#span;
    for (let offset = 0; offset < span; offset++) {
      const entry = this.#slots[(base + offset) & this.#mask];
      if (entry !== undefined) yield entry;
    }
  }

  clear(): void {
    this.#slots = new Array<T | undefined>(SMALLEST).fill(undefined);
    this.#mask = SMALLEST - 1;
    this.#span = 0;
    this.#live = 0;
    this.#stragglers.clear();
  }

  #visitStragglers(first: number, last: number, visit: (entry: T) => void): void {
    const stragglers = this.#stragglers;
    const base = this.#base;
    const span = this.#span;
    const count = serialDiff(last, first) + 1;
    if (count <= stragglers.size) {
      for (let i = 0; i < count; i++) {
        const id = (first + i) >>> 0;
        // The ids of the ring come after these, even those that move out meanwhile.
        const entry = ((id - base) >>> 0) < span ? undefined : stragglers.get(id);
        if (entry !== undefined) visit(entry);
      }
      return;
    }
    for (const [id, entry] of [...stragglers]) {
      if (serialDiff(id, first) >= 0 && serialDiff(last, id) >= 0 && stragglers.get(id) === entry) visit(entry);
    }
  }

  #advance(): void {
    if (this.#live === 0) {
      this.#span = 0;
      return;
    }
    do {
      this.#base = (this.#base + 1) >>> 0;
      this.#span -= 1;
    } while (this.#slots[this.#base & this.#mask] === undefined);
  }

  /** Makes the slot at `offset` exist: by moving stragglers out if they are what stretches the span, else by growing. */
  #makeRoom(offset: number): void {
    if (offset > SMALLEST && (this.#live + 1) * STRETCH < offset) {
      this.#moveOut();
      return;
    }
    let capacity = this.#slots.length;
    while (capacity <= offset) capacity *= 2;
    const slots = new Array<T | undefined>(capacity).fill(undefined);
    for (let i = 0; i < this.#span; i++) {
      const id = (this.#base + i) >>> 0;
      slots[id & (capacity - 1)] = this.#slots[id & this.#mask];
    }
    this.#slots = slots;
    this.#mask = capacity - 1;
  }

  #moveOut(): void {
    for (let i = 0; i < this.#span; i++) {
      const id = (this.#base + i) >>> 0;
      const entry = this.#slots[id & this.#mask];
      if (entry === undefined) continue;
      this.#slots[id & this.#mask] = undefined;
      this.#stragglers.set(id, entry);
      this.#onStraggler?.(entry);
    }
    this.#base = (this.#base + this.#span) >>> 0;
    this.#span = 0;
    this.#live = 0;
  }
}

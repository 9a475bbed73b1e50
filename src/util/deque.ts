/**
 * A double-ended queue in a ring whose size is a power of two: every operation at an end is O(1), and the
 * ring halves when it is mostly empty, so that a burst does not keep its memory for ever.
 */

const SMALLEST = 16;

/** A queue with two ends; `length` grows without a bound of its own. */
export class Deque<T> implements Iterable<T> {
  /** Without a slot before the first value: most queues of thousands of links are never used. */
  #ring: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  /** How many values are in the queue. */
  get length(): number {
    return this.#length;
  }

  /** Adds a value at the end. */
  push(value: T): void {
    if (this.#length === this.#ring.length) this.#resize(Math.max(SMALLEST, this.#length * 2));
    this.#ring[(this.#head + this.#length) & (this.#ring.length - 1)] = value;
    this.#length++;
  }

  /** Adds a value before the first. */
  unshift(value: T): void {
    if (this.#length === this.#ring.length) this.#resize(Math.max(SMALLEST, this.#length * 2));
    this.#head = (this.#head - 1) & (this.#ring.length - 1);
    this.#ring[this.#head] = value;
    this.#length++;
  }

  /** Takes the first value; undefined when the queue is empty. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const value = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#ring.length - 1);
    this.#length--;
    const size = this.#ring.length;
    // A quarter, not a half: a queue that swings around one length must not be copied at every swing.
    if (size > SMALLEST && this.#length < size >>> 2) this.#resize(size >>> 1);
    return value;
  }

  /** The first value, which stays in the queue; undefined when it is empty. */
  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#ring[this.#head];
  }

  /** The value `index` places behind the first; undefined outside the queue. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#ring[(this.#head + index) & (this.#ring.length - 1)];
  }

  /** Takes out the first value that is `value` itself, in O(n); false when there is none. */
  remove(value: T): boolean {
    const mask = this.#ring.length - 1;
    for (let i = 0; i < this.#length; i++) {
      if (this.#ring[(this.#head + i) & mask] !== value) continue;
      for (let j = i; j < this.#length - 1; j++) {
        this.#ring[(this.#head + j) & mask] = this.#ring[(this.#head + j + 1) & mask];
      }
      this.#length--;
      this.#ring[(this.#head + this.#length) & mask] = undefined;
      return true;
    }
    return false;
  }

  /** Empties the queue and gives up its memory. */
  clear(): void {
    this.#ring = [];
    this.#head = 0;
    this.#length = 0;
  }

  /** The values from first to last, as they are at each step. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let i = 0; i < this.#length; i++) yield this.#ring[(this.#head + i) & (this.#ring.length - 1)] as T;
  }

  #resize(size: number): void {
    const ring = new Array<T | undefined>(size).fill(undefined);
    const mask = this.#ring.length - 1;
    for (let i = 0; i < this.#length; i++) ring[i] = this.#ring[(this.#head + i) & mask];
    this.#ring = ring;
    this.#head = 0;
  }
}

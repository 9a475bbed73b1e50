/** Counts that stay small however many messages there are: a bit per message, and latencies in steps of 3 %. */

/** Which of the numbers 0 to `size` - 1 were seen, and how often too much. */
export class Seen {
  readonly size: number;
  /** Different numbers seen. */
  distinct = 0;
  /** Numbers that had been seen before. */
  repeated = 0;
  readonly #bits: Uint32Array;

  constructor(size: number) {
    this.size = size;
    this.#bits = new Uint32Array(Math.ceil(size / 32));
  }

  /** Whether the number is new. */
  add(n: number): boolean {
    const at = n >>> 5;
    const word = this.#bits[at] ?? 0;
    const bit = 1 << (n & 31);
    if ((word & bit) !== 0) {
      this.repeated++;
      return false;
    }
    this.#bits[at] = word | bit;
    this.distinct++;
    return true;
  }

  /** Numbers not seen so far. */
  get missing(): number {
    return this.size - this.distinct;
  }

  /** The first few of them. */
  firstMissing(max: number): number[] {
    const found: number[] = [];
    for (let n = 0; n < this.size && found.length < max; n++) {
      if (((this.#bits[n >>> 5] ?? 0) & (1 << (n & 31))) === 0) found.push(n);
    }
    return found;
  }
}

/** Durations in milliseconds, for percentiles that are right to 3 %. */
export class Histogram {
  // 24 steps for each doubling, from a microsecond to a bit over an hour.
  readonly #counts = new Uint32Array(STEPS * 32);
  #total = 0;

  add(ms: number): void {
    const step = Math.round(Math.log2(Math.max(1, ms * 1000)) * STEPS);
    const at = Math.min(step, this.#counts.length - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#total++;
  }

  /** The duration that a share `p` (0 to 1) of all stay within; 0 when there are none. */
  percentile(p: number): number {
    const wanted = Math.max(1, Math.ceil(this.#total * p));
    let passed = 0;
    for (const [at, count] of this.#counts.entries()) {
      passed += count;
      if (passed >= wanted) return 2 ** (at / STEPS) / 1000;
    }
    return 0;
  }
}

const STEPS = 24;

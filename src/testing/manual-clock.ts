/** A clock that stands still until a test moves it. */

/** Turns of the event loop that `advance` gives to promises and I/O before it looks for the next timer. */
const TURNS = 8;

interface Timer {
  readonly due: number;
  readonly task: () => void;
}

/** Time for `new Container({ clock })`: it passes only by `advance`. */
export class ManualClock {
  #now: number;
  // in the order of setting, which is also the order among timers due at the same time
  readonly #timers = new Set<Timer>();

  /** @param start what `now()` answers at first, in milliseconds. @default 0 */
  constructor(start = 0) {
    this.#now = start;
  }

  /** The present time in milliseconds. */
  now(): number {
    return this.#now;
  }

  /** Runs `task` once `delay` milliseconds have been advanced; never at once, even when `delay` is 0. */
  setTimer(delay: number, task: () => void): { cancel(): void } {
    const timer = { due: this.#now + Math.max(0, delay), task };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** How many timers are set: after an orderly close, none. */
  get pending(): number {
    return this.#timers.size;
  }

  /**
   * Lets `ms` milliseconds pass. Timers that fall due run in the order of their times, those that they set included;
   * between them promises and I/O callbacks settle.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0 && ms < Infinity)) throw new RangeError(`the clock cannot advance by ${ms} ms`);
    const target = this.#now + ms;
    await settle();
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#timers.delete(timer);
      this.#now = Math.max(this.#now, timer.due);
      timer.task();
      await settle();
    }
    this.#now = Math.max(this.#now, target);
  }

  #next(target: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.due <= target && (first === undefined || timer.due < first.due)) first = timer;
    return first;
  }
}

// each turn lets pending promises settle, polls the sockets once, and runs what they called
async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/**
 * The deadlines of a sender's deliveries with one coarse timer. Those with the usual timeout run out in the order in which
 * they were sent, so that only the oldest need be looked at; the few with a timeout of their own are kept apart.
 */

import type { Clock } from "../options/environment.ts";
import { timerDelay } from "../options/timeouts.ts";

/** What is kept of a deadline in the delivery. */
export interface Timed {
  deadline: number;
  readonly told: boolean;
}

/** Milliseconds by which a deadline may be missed, so that one timer serves many. */
const COARSE = 50;

export class Deadlines<T extends Timed> {
  readonly #clock: Clock;
  readonly #usual: number;
  /** Those with the usual timeout, oldest first; it may give others as well. */
  readonly #oldest: () => Iterable<T>;
  readonly #expire: (item: T, timeout: number) => void;
  /** Those with a timeout of their own; undefined before the first. */
  #own: Map<T, number> | undefined = undefined;
  #timer: { cancel(): void } | undefined = undefined;
  #timerAt = Infinity;

  constructor(clock: Clock, usual: number, oldest: () => Iterable<T>, expire: (item: T, timeout: number) => void) {
    this.#clock = clock;
    this.#usual = usual;
    this.#oldest = oldest;
    this.#expire = expire;
  }

  /** @param timeout milliseconds; undefined is the usual one. @param now the clock's time, of this turn at least */
  watch(item: T, timeout: number | undefined, now: number): void {
    if (timeout !== undefined && timeout !== this.#usual) {
      const delay = timerDelay(timeout);
      if (delay === undefined) return;
      (this.#own ??= new Map()).set(item, timeout);
      item.deadline = now + delay;
      this.#arm(item.deadline);
      return;
    }
    if (this.#usual === Infinity) return;
    item.deadline = now + this.#usual;
    if (this.#timer === undefined) this.#arm(item.deadline);
  }

  /** As `watch`, for one whose time runs anew whenever something of it has happened. */
  watchProgress(item: T, timeout: number | undefined, now: number): void {
    const delay = timerDelay(timeout ?? this.#usual);
    if (delay === undefined) return;
    (this.#own ??= new Map()).set(item, timeout ?? this.#usual);
    item.deadline = now + delay;
    this.#arm(item.deadline);
  }

  /** Something of it has happened; its time runs anew, or not at all if `waits` is false. */
  progressed(item: T, waits: boolean, now: () => number): void {
    const timeout = this.#own?.get(item);
    if (timeout === undefined) return;
    item.deadline = waits ? now() + timeout : Infinity;
    if (waits) this.#arm(item.deadline);
  }

  forget(item: T): void {
    if (this.#own !== undefined) this.#own.delete(item);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
    this.#own = undefined;
  }

  #arm(at: number): void {
    if (at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    this.#timer = this.#clock.setTimer(timerDelay(at - this.#clock.now()) ?? 0, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    const now = this.#clock.now();
    const due: [T, number][] = [];
    let next = Infinity;
    for (const item of this.#oldest()) {
      if (item.told || item.deadline === Infinity || this.#own?.has(item) === true) continue;
      if (item.deadline > now) {
        next = item.deadline + COARSE;
        break;
      }
      due.push([item, this.#usual]);
    }
    for (const [item, timeout] of this.#own ?? []) {
      if (item.deadline <= now) due.push([item, timeout]);
      else next = Math.min(next, item.deadline);
    }
    for (const [item, timeout] of due) {
      this.#own?.delete(item);
      if (!item.told) this.#expire(item, timeout);
    }
    if (next !== Infinity) this.#arm(next);
  }
}

/**
 * When messages expire: a header's ttl counts from their arrival, absolute-expiry-time is a time of day, and the sooner one
 * holds. A ttl of 0 is none, as many clients mean it. One timer wakes a queue; what is expired is never sent, timer or not.
 */

import type { Clock, Message } from "../container/public.ts";
import { Heap } from "../util/heap.ts";
import type { Entry } from "./entry.ts";

/** Milliseconds between two looks at the least: a message more or less late is only memory. */
const LEAST = 10;

/** The time that a timer can be set for. */
const LONGEST = 2 ** 31 - 1;

/** The time on the clock from which on a message is not delivered any more; undefined if it never expires. */
export function dueOf(message: Message, clock: Clock): number | undefined {
  const ttl = message.hasHeader() ? message.ttl : undefined;
  const absolute = message.readExpiry();
  if ((ttl === undefined || ttl === 0) && absolute === undefined) return undefined;
  const now = clock.now();
  const byAge = ttl === undefined || ttl === 0 ? Number.POSITIVE_INFINITY : now + ttl;
  return absolute === undefined ? byAge : Math.min(byAge, now + absolute - Date.now());
}

/** Watches the entries of one queue that expire some time. */
export class Expiry {
  readonly #clock: Clock;
  readonly #onDue: (entry: Entry) => void;
  readonly #heap = new Heap<Entry>((a, b) => (a.due as number) < (b.due as number));
  #gone = 0;
  #timer: { readonly due: number; cancel(): void } | undefined = undefined;

  /** @param onDue told of each entry that is due and waits */
  constructor(clock: Clock, onDue: (entry: Entry) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  /** Of one that is out it hears again when that comes back. */
  watch(entry: Entry): void {
    this.#heap.push(entry);
    this.#setTimer();
  }

  /** A watched entry is in the queue no more. */
  forget(): void {
    this.#gone++;
    // What is gone must not be kept until its time.
    if (this.#gone < 64 || this.#gone * 2 < this.#heap.size) return;
    this.#heap.filter((entry) => entry.state !== "gone");
    this.#gone = 0;
    if (this.#heap.size === 0) this.stop();
  }

  /** There is nothing in the queue any more. */
  clear(): void {
    this.#heap.filter(() => false);
    this.#gone = 0;
    this.stop();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #setTimer(): void {
    const due = this.#heap.peek()?.due;
    if (due === undefined || (this.#timer !== undefined && this.#timer.due <= due)) return;
    this.#timer?.cancel();
    const delay = Math.min(LONGEST, Math.max(LEAST, due - this.#clock.now()));
    const timer = this.#clock.setTimer(delay, () => {
      this.#timer = undefined;
      this.#look();
    });
    this.#timer = { due, cancel: () => timer.cancel() };
  }

  #look(): void {
    const now = this.#clock.now();
    for (let entry = this.#heap.peek(); entry !== undefined && ((entry.due as number) <= now || entry.state === "gone"); entry = this.#heap.peek()) {
      this.#heap.pop();
      entry.watched = false;
      if (entry.state === "gone") this.#gone = Math.max(0, this.#gone - 1);
      else if (entry.state === "waiting") this.#onDue(entry);
    }
    this.#setTimer();
  }
}

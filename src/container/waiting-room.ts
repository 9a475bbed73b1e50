/**
 * Sockets that have come while as many handshakes as there may be were under way. They are not read meanwhile, and dropped when it
 * takes too long: many clients that come back in one moment all get in, and those who keep the places for themselves keep out others
 * at the cost of a socket each.
 */

import type { Clock } from "../options/environment.ts";
import type { ByteDuplex } from "../transport/byte-duplex.ts";
import { Deque } from "../util/deque.ts";

/** Milliseconds that a socket waits at the most. */
const PATIENCE = 2_000;

interface Waiting {
  readonly duplex: ByteDuplex;
  readonly until: number;
}

export class WaitingRoom {
  readonly #clock: Clock;
  readonly #places: number;
  readonly #drop: (duplex: ByteDuplex) => void;
  readonly #waiting = new Deque<Waiting>();
  #timer: { cancel(): void } | undefined = undefined;

  /** @param places sockets that may wait. @param drop what becomes of one that has waited too long */
  constructor(clock: Clock, places: number, drop: (duplex: ByteDuplex) => void) {
    this.#clock = clock;
    this.#places = places;
    this.#drop = drop;
  }

  /** Lets a socket wait; false where there is no place. */
  enter(duplex: ByteDuplex): boolean {
    if (this.#waiting.length >= this.#places) return false;
    this.#waiting.push({ duplex, until: this.#clock.now() + PATIENCE });
    this.#arm();
    return true;
  }

  /** Whose turn it is: the one who has waited longest. */
  next(): ByteDuplex | undefined {
    const next = this.#waiting.shift()?.duplex;
    if (this.#waiting.length === 0) this.#disarm();
    return next;
  }

  /** Drops all who wait. */
  close(): void {
    this.#disarm();
    for (let one = this.#waiting.shift(); one !== undefined; one = this.#waiting.shift()) this.#drop(one.duplex);
  }

  #arm(): void {
    const oldest = this.#waiting.peek();
    if (oldest === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimer(Math.max(1, oldest.until - this.#clock.now()), () => {
      this.#timer = undefined;
      const now = this.#clock.now();
      for (let one = this.#waiting.peek(); one !== undefined && one.until <= now; one = this.#waiting.peek()) {
        this.#waiting.shift();
        this.#drop(one.duplex);
      }
      this.#arm();
    });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

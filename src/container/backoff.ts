/**
 * How long to wait before the next round of urls (protocol.md R.2). The first wait is short, later ones grow up to a bound, and each is
 * drawn from 0 to what it could be, the bound included, so that clients which were cut together do not come back together.
 * A connection that opens and is lost again soon goes on where the waiting was: a flapping peer gets no hot loop.
 */

import type { ResolvedReconnect } from "../options/reconnect.ts";

/** Milliseconds that a connection has to be open before the waiting begins anew. */
export const STEADY = 10_000;

export class Delays {
  readonly #options: ResolvedReconnect;
  readonly #random: () => number;
  #round = 0;
  #openSince: number | undefined = undefined;

  /** @param random from 0 up to 1 */
  constructor(options: ResolvedReconnect, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** The connection is open. */
  opened(now: number): void {
    this.#openSince = now;
  }

  /** The connection is lost. */
  lost(now: number): void {
    if (this.#openSince !== undefined && now - this.#openSince >= STEADY) this.#round = 0;
    this.#openSince = undefined;
  }

  /** Milliseconds to wait before the next round. */
  next(): number {
    const { initialDelay, maxDelay, factor, jitter } = this.#options;
    const first = this.#round === 0;
    const grown = first ? initialDelay * 2 : initialDelay * factor ** this.#round;
    this.#round += 1;
    const capped = Math.min(grown, maxDelay);
    return jitter ? capped * this.#random() : first ? Math.min(initialDelay, maxDelay) : capped;
  }
}

/** Those who wait for the same thing to become true. */

import { Deferred } from "./deferred.ts";

export class Waiters {
  #all: Deferred<void>[] = [];

  get length(): number {
    return this.#all.length;
  }

  /** One more waits. */
  add(): Deferred<void> {
    const waiting = new Deferred<void>();
    this.#all.push(waiting);
    return waiting;
  }

  /** One does so no longer. */
  remove(waiting: Deferred<void>): void {
    this.#all = this.#all.filter((each) => each !== waiting);
  }

  /** It is true. */
  resolve(): void {
    for (const waiting of this.#all.splice(0)) waiting.resolve();
  }

  /** It never will be. */
  reject(error: unknown): void {
    for (const waiting of this.#all.splice(0)) waiting.reject(error);
  }
}

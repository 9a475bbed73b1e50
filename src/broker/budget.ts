/** Counts something that must stay under a bound, and tells who waits when there is room again. */

import { Deferred } from "../util/deferred.ts";

/** A bound that is asked before adding. What is already inside may exceed it: redelivered messages are never refused. */
export class Budget {
  readonly limit: number;
  used = 0;
  #room: Deferred | undefined = undefined;

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Whether one more may be added, however large it is. */
  get open(): boolean {
    return this.used < this.limit;
  }

  add(amount: number): void {
    this.used += amount;
  }

  /** Gives back what was added, and wakes those who wait once there is room. */
  remove(amount: number): void {
    this.used -= amount;
    if (this.#room !== undefined && this.used < this.limit) this.wake();
  }

  /** Resolves at the next change that may have made room; ask `open` again then. */
  room(): Promise<void> {
    this.#room ??= new Deferred();
    return this.#room.promise;
  }

  /** Lets everybody who waits look again. */
  wake(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.resolve();
  }
}

/**
 * The status of a connection for any number of watchers. A watcher that is slow finds the latest status only, so
 * nothing piles up for it.
 */

import { Deferred } from "../util/deferred.ts";
import type { ConnectionStatus } from "./shapes.ts";

export class StatusFeed {
  #present: ConnectionStatus | undefined = undefined;
  readonly #watchers = new Set<Watcher>();

  tell(status: ConnectionStatus): void {
    if (this.#present?.type === "closed") return;
    this.#present = status;
    for (const watcher of this.#watchers) watcher.tell(status);
    if (status.type === "closed") this.#watchers.clear();
  }

  watch(): AsyncIterable<ConnectionStatus> {
    return { [Symbol.asyncIterator]: () => this.#watcher() };
  }

  #watcher(): Watcher {
    const watcher = new Watcher(() => this.#watchers.delete(watcher));
    if (this.#present?.type !== "closed") this.#watchers.add(watcher);
    if (this.#present !== undefined) watcher.tell(this.#present);
    return watcher;
  }
}

class Watcher implements AsyncIterator<ConnectionStatus> {
  readonly #leave: () => void;
  #unread: ConnectionStatus | undefined = undefined;
  #waiting: Deferred<IteratorResult<ConnectionStatus>> | undefined = undefined;
  #over = false;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  tell(status: ConnectionStatus): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#unread = status;
    else this.#give(status, waiting);
  }

  next(): Promise<IteratorResult<ConnectionStatus>> {
    const unread = this.#unread;
    this.#unread = undefined;
    if (this.#over) return Promise.resolve({ value: undefined, done: true });
    this.#waiting ??= new Deferred();
    const { promise } = this.#waiting;
    if (unread !== undefined) this.tell(unread);
    return promise;
  }

  return(): Promise<IteratorResult<ConnectionStatus>> {
    this.#over = true;
    this.#leave();
    this.#waiting?.resolve({ value: undefined, done: true });
    this.#waiting = undefined;
    return Promise.resolve({ value: undefined, done: true });
  }

  #give(status: ConnectionStatus, to: Deferred<IteratorResult<ConnectionStatus>>): void {
    if (status.type === "closed") this.#over = true;
    to.resolve({ value: status, done: false });
  }
}

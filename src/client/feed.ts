/** A queue that is read by `for await`, by one loop or several that share it. */

import { Deferred } from "../util/deferred.ts";
import { Deque } from "../util/deque.ts";

export class Feed<T> implements AsyncIterable<T> {
  readonly #items = new Deque<T>();
  readonly #waiting = new Deque<Deferred<IteratorResult<T>>>();
  #ended = false;
  #readers = 0;

  /** Whether a loop is reading, now or between two items. */
  get hasReader(): boolean {
    return this.#readers > 0;
  }

  push(item: T): void {
    if (this.#ended) return;
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#items.push(item);
    else waiting.resolve({ value: item, done: false });
  }

  /** Takes an item back that nobody has read. */
  withdraw(item: T): boolean {
    return this.#items.remove(item);
  }

  /** Takes everything that nobody has read. */
  takeAll(): T[] {
    const items = [...this.#items];
    this.#items.clear();
    return items;
  }

  /** Loops end after what is in the queue. */
  end(): void {
    this.#ended = true;
    for (let waiting = this.#waiting.shift(); waiting !== undefined; waiting = this.#waiting.shift()) {
      waiting.resolve({ value: undefined, done: true });
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    this.#readers += 1;
    let left = false;
    const leave = (): Promise<IteratorResult<T>> => {
      if (!left) this.#readers -= 1;
      left = true;
      return Promise.resolve({ value: undefined, done: true });
    };
    return {
      next: () => {
        if (left) return leave();
        if (this.#items.length > 0) return Promise.resolve({ value: this.#items.shift() as T, done: false });
        if (this.#ended) return leave();
        const waiting = new Deferred<IteratorResult<T>>();
        this.#waiting.push(waiting);
        return waiting.promise;
      },
      return: leave,
    };
  }
}

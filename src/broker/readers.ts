/**
 * Who reads where in a queue: consumers that want the same share a cursor, since what one of them takes no other may have.
 * One that has refused a message (undeliverable-here) wants something else from then on, and gets a cursor of its own.
 */

import type { Consumer } from "./consumer.ts";
import type { Cursor } from "./cursor.ts";
import type { Entry } from "./entry.ts";
import { Examiner, keyOf } from "./interest.ts";
import type { Interest } from "./interest.ts";
import type { Line } from "./line.ts";

/** A cursor and how many use it. */
interface Shared {
  readonly key: string;
  readonly cursor: Cursor;
  users: number;
}

/** The cursors of the consumers of one queue. */
export class Readers {
  readonly examiner = new Examiner();
  readonly #line: Line;
  readonly #shared = new Map<string, Shared>();
  readonly #byConsumer = new Map<Consumer, Shared | Cursor>();
  // The entries that a consumer has refused.
  readonly #spared = new Map<Consumer, Set<Entry>>();

  constructor(line: Line) {
    this.#line = line;
  }

  join(consumer: Consumer): void {
    const { interest } = consumer;
    const key = consumer.copies ? undefined : keyOf(interest);
    if (key === undefined) {
      this.#joinAlone(consumer);
      return;
    }
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { key, cursor: this.#line.open((entry) => this.#wants(interest, entry)), users: 0 };
      this.#shared.set(key, shared);
    }
    shared.users++;
    this.#byConsumer.set(consumer, shared);
    consumer.cursor = shared.cursor;
  }

  leave(consumer: Consumer): void {
    const place = this.#byConsumer.get(consumer);
    if (place === undefined) return;
    for (const entry of this.#spared.get(consumer) ?? []) entry.excluded?.delete(consumer);
    this.#spared.delete(consumer);
    this.#part(consumer, place);
  }

  /** A consumer is spared an entry from now on. */
  exclude(entry: Entry, consumer: Consumer): void {
    const place = this.#byConsumer.get(consumer);
    if (place === undefined) return;
    entry.excluded ??= new Set();
    entry.excluded.add(consumer);
    let spared = this.#spared.get(consumer);
    if (spared === undefined) this.#spared.set(consumer, (spared = new Set()));
    spared.add(entry);
    if ("key" in place) {
      this.#part(consumer, place);
      this.#joinAlone(consumer);
    } else {
      place.left(entry, entry.lane.index);
    }
  }

  /** An entry is in the queue no more. */
  gone(entry: Entry): void {
    if (entry.excluded === undefined) return;
    for (const consumer of entry.excluded) this.#spared.get(consumer as Consumer)?.delete(entry);
  }

  #joinAlone(consumer: Consumer): void {
    const cursor = this.#line.open((entry) => entry.excluded?.has(consumer) !== true && this.#wants(consumer.interest, entry), consumer.copies);
    this.#byConsumer.set(consumer, cursor);
    consumer.cursor = cursor;
  }

  #part(consumer: Consumer, place: Shared | Cursor): void {
    this.#byConsumer.delete(consumer);
    if (!("key" in place)) {
      this.#line.close(place);
    } else if (--place.users === 0) {
      this.#shared.delete(place.key);
      this.#line.close(place.cursor);
    }
  }

  #wants(interest: Interest, entry: Entry): boolean {
    return this.examiner.isWanted(interest, entry.message, entry.failures, entry.origin);
  }
}

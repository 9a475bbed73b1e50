/** The messages of one priority in one queue, in line: a chain through the entries, so that any of them can leave at no cost. */

import type { Entry, Standing } from "./entry.ts";

/** One line of messages. */
export class Lane implements Standing, Iterable<Entry> {
  readonly priority: number;
  index = 0;
  first: Entry | undefined = undefined;
  last: Entry | undefined = undefined;

  constructor(priority: number) {
    this.priority = priority;
  }

  push(entry: Entry): void {
    const { last } = this;
    entry.previous = last;
    if (last === undefined) this.first = entry;
    else last.next = entry;
    this.last = entry;
  }

  remove(entry: Entry): void {
    const { previous, next } = entry;
    if (previous === undefined) this.first = next;
    else previous.next = next;
    if (next === undefined) this.last = previous;
    else next.previous = previous;
    entry.previous = undefined;
    entry.next = undefined;
  }

  *[Symbol.iterator](): Generator<Entry, void, undefined> {
    for (let entry = this.first; entry !== undefined; entry = entry.next) yield entry;
  }
}

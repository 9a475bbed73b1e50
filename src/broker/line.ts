/** Everything that is in a queue, in the order in which it is to be delivered: by priority, then by age. */

import type { Message } from "../container/public.ts";
import { Cursor } from "./cursor.ts";
import { Entry } from "./entry.ts";
import { Lane } from "./lane.ts";

/** Of a message that names none (3.2.1). */
const DEFAULT_PRIORITY = 4;

/** The entries of a queue, those under way included, and the cursors that go along them. */
export class Line implements Iterable<Entry> {
  // The highest priority first. There are as many as priorities have been seen, 256 at the most.
  readonly #lanes: Lane[] = [];
  readonly #cursors: Cursor[] = [];
  #waiting = 0;
  #places = 0;

  /** How many of them wait, and are not under way. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Adds a message at the end of its priority; `own` if nobody else has the same object. */
  add(message: Message, size: number, origin: object | undefined, own: boolean): Entry {
    const lane = this.#lane(message.hasHeader() ? message.priority : DEFAULT_PRIORITY);
    const entry = new Entry(message, this.#places++, size, lane, origin, own);
    lane.push(entry);
    this.#waiting++;
    for (const cursor of this.#cursors) cursor.joined(entry, lane.index);
    return entry;
  }

  /** An entry is under way. */
  take(entry: Entry): void {
    entry.state = "out";
    this.#waiting--;
  }

  /** An entry could not go, and stays where it is. */
  untake(entry: Entry): void {
    entry.state = "waiting";
    this.#waiting++;
  }

  /** An entry that was out waits again, at its place. */
  giveBack(entry: Entry): void {
    this.untake(entry);
    for (const cursor of this.#cursors) cursor.cameBack(entry, entry.lane.index);
  }

  /** Takes an entry out for good. */
  remove(entry: Entry): void {
    if (entry.state === "waiting") this.#waiting--;
    entry.state = "gone";
    if (entry.noted > 0) for (const cursor of this.#cursors) cursor.left(entry, entry.lane.index);
    entry.lane.remove(entry);
  }

  /** A new reader, which begins at the front. With `looks` it sees each entry once, and those under way too. */
  open(wants: (entry: Entry) => boolean, looks = false): Cursor {
    const cursor = new Cursor(this.#lanes, wants, looks);
    this.#cursors.push(cursor);
    return cursor;
  }

  close(cursor: Cursor): void {
    this.#cursors.splice(this.#cursors.indexOf(cursor), 1);
    cursor.close();
  }

  *[Symbol.iterator](): Generator<Entry, void, undefined> {
    for (const lane of this.#lanes) yield* lane;
  }

  #lane(priority: number): Lane {
    const lanes = this.#lanes;
    let index = 0;
    while (index < lanes.length && (lanes[index] as Lane).priority > priority) index++;
    const found = lanes[index];
    if (found?.priority === priority) return found;
    const lane = new Lane(priority);
    lanes.splice(index, 0, lane);
    for (const [place, one] of lanes.entries()) one.index = place;
    for (const cursor of this.#cursors) cursor.addLane(lane, index);
    return lane;
  }
}

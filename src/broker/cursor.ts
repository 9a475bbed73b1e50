/**
 * How far somebody has come in a queue: in each lane the next entry to look at, and those behind it that have come back
 * since. Every entry is looked at once, however many of them are not for this reader, and nobody waits for anybody else's place.
 */

import { Heap } from "../util/heap.ts";
import type { Entry } from "./entry.ts";
import type { Lane } from "./lane.ts";

/** Entries that are looked at in vain before others get their turn. */
const STEPS = 1_000;

/** One reader's place. */
export class Cursor {
  /** `find` has stopped before it had seen all, so that others get their turn. */
  paused = false;
  readonly #wants: (entry: Entry) => boolean;
  // Sees each entry once, those under way included, and takes none.
  readonly #looks: boolean;
  readonly #spots: Spot[] = [];

  /** @param wants whether an entry is for this reader; asked once for each time that it might be */
  constructor(lanes: readonly Lane[], wants: (entry: Entry) => boolean, looks: boolean) {
    this.#wants = wants;
    this.#looks = looks;
    for (const [index, lane] of lanes.entries()) this.addLane(lane, index);
  }

  /** The first entry that is wanted, of those that wait (or, if it only looks, were not passed); it stays where it is. With `all`, however long the search takes. */
  find(all: boolean): Entry | undefined {
    this.paused = false;
    let steps = all ? Number.POSITIVE_INFINITY : STEPS;
    for (const spot of this.#spots) {
      const returned = spot.returned?.first();
      if (returned !== undefined) return returned;
      let { at } = spot;
      while (at !== undefined && ((at.state !== "waiting" && !this.#looks) || !this.#wants(at))) {
        at = at.next;
        if (--steps <= 0) break;
      }
      if (at !== spot.at) spot.moveTo(at);
      if (steps <= 0) {
        this.paused = true;
        return undefined;
      }
      if (at !== undefined) return at;
    }
    return undefined;
  }

  /** One who only looks has seen an entry. */
  pass(entry: Entry, index: number): void {
    (this.#spots[index] as Spot).moveTo(entry.next);
  }

  /** The queue has one more lane. */
  addLane(lane: Lane, index: number): void {
    const spot = new Spot();
    this.#spots.splice(index, 0, spot);
    spot.moveTo(lane.first);
  }

  /** An entry has joined the end of a lane. */
  joined(entry: Entry, index: number): void {
    const spot = this.#spots[index] as Spot;
    if (spot.at === undefined) spot.moveTo(entry);
  }

  /** An entry waits again. */
  cameBack(entry: Entry, index: number): void {
    if (this.#looks) return;
    const spot = this.#spots[index] as Spot;
    const ahead = spot.at !== undefined && spot.at.place <= entry.place;
    if (!ahead && this.#wants(entry)) (spot.returned ??= new Returned()).add(entry);
  }

  /** An entry that may be noted here leaves the queue, or is no longer for this reader. */
  left(entry: Entry, index: number): void {
    const spot = this.#spots[index] as Spot;
    if (spot.at === entry) spot.moveTo(entry.next);
    else spot.returned?.delete(entry);
  }

  /** Nobody reads here any more. */
  close(): void {
    for (const spot of this.#spots) {
      spot.moveTo(undefined);
      spot.returned?.clear();
    }
    this.#spots.length = 0;
  }
}

/** The place in one lane. */
class Spot {
  at: Entry | undefined = undefined;
  returned: Returned | undefined = undefined;

  moveTo(entry: Entry | undefined): void {
    if (this.at !== undefined) this.at.noted--;
    if (entry !== undefined) entry.noted++;
    this.at = entry;
  }
}

/** Entries that have come back behind the place, the oldest one first. */
class Returned {
  readonly #heap = new Heap<Entry>((a, b) => a.place < b.place);
  // Those that are still meant; the heap may hold more.
  readonly #entries = new Set<Entry>();

  add(entry: Entry): void {
    if (this.#entries.has(entry)) return;
    this.#entries.add(entry);
    entry.noted++;
    this.#heap.push(entry);
  }

  first(): Entry | undefined {
    for (let entry = this.#heap.peek(); entry !== undefined; entry = this.#heap.peek()) {
      const meant = this.#entries.has(entry);
      if (meant && entry.state === "waiting") return entry;
      this.#heap.pop();
      // Somebody else has it: should it come back once more, it will be added again.
      if (meant) this.delete(entry);
    }
    return undefined;
  }

  delete(entry: Entry): void {
    if (!this.#entries.delete(entry)) return;
    entry.noted--;
    // What is no longer meant must not be kept for ever.
    if (this.#heap.size > 2 * this.#entries.size + 64) this.#heap.filter((one) => this.#entries.has(one));
  }

  clear(): void {
    for (const entry of this.#entries) entry.noted--;
    this.#entries.clear();
    this.#heap.filter(() => false);
  }
}

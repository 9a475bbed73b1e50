/**
 * The deliveries of a sender that are sent and not settled, in the order of sending. It belongs to the link and not to
 * its attachment, so that it is still there when the attachment is lost. A chain through the deliveries
 * themselves: a message costs no entry of its own.
 */

import type { Uuid } from "../wire/values.ts";
import type { Unsettled } from "./shapes.ts";
import { tagBytesOf, tagKey } from "./tags.ts";

/** What the table keeps in a delivery. */
export interface InFlight {
  previous: this | undefined;
  next: this | undefined;
  readonly tag: Uint8Array;
}

export class InFlightTable<D extends InFlight> implements Unsettled<D> {
  #first: D | undefined = undefined;
  #last: D | undefined = undefined;
  #size = 0;
  /** By tag, from the first look-up on. */
  #index: Map<string, D> | undefined = undefined;

  get size(): number {
    return this.#size;
  }

  /** The one sent longest ago. */
  get first(): D | undefined {
    return this.#first;
  }

  add(delivery: D): void {
    const last = this.#last;
    delivery.previous = last;
    delivery.next = undefined;
    if (last === undefined) this.#first = delivery;
    else last.next = delivery;
    this.#last = delivery;
    this.#size += 1;
    this.#index?.set(tagKey(delivery.tag), delivery);
  }

  remove(delivery: D): void {
    const { previous, next } = delivery;
    if (previous === undefined && this.#first !== delivery) return;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    delivery.previous = undefined;
    delivery.next = undefined;
    this.#size -= 1;
    this.#index?.delete(tagKey(delivery.tag));
  }

  get(tag: string | Uint8Array | Uuid): D | undefined {
    if (this.#index === undefined) {
      this.#index = new Map();
      for (const delivery of this) this.#index.set(tagKey(delivery.tag), delivery);
    }
    return this.#index.get(tagKey(tagBytesOf(tag)));
  }

  has(tag: string | Uint8Array | Uuid): boolean {
    return this.get(tag) !== undefined;
  }

  *[Symbol.iterator](): IterableIterator<D> {
    let delivery = this.#first;
    while (delivery !== undefined) {
      // The one that is given may be settled before the next is asked for.
      const next: D | undefined = delivery.next;
      yield delivery;
      delivery = next;
    }
  }
}

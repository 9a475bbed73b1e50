/** A message in a queue, and what the broker has to know of it besides its bytes. */

import { Message } from "../container/public.ts";
import type { OutgoingDelivery } from "../container/public.ts";

/** What an entry costs in memory beside the octets of its message. */
const OVERHEAD = 512;

/** The line that an entry stands in. */
export interface Standing {
  /** How many lines of the queue go before it. */
  readonly index: number;
  remove(entry: Entry): void;
}

/** One message of one queue. */
export class Entry {
  message: Message;
  /** Its place in the queue, which it keeps however often it goes out and comes back. */
  readonly place: number;
  /** Octets that it counts for. */
  readonly size: number;
  /** Where it stands in line until it is gone. */
  readonly lane: Standing;
  /** Stands for the connection that it came over; undefined if it came over none. */
  readonly origin: object | undefined;
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  /** In how many cursors it is noted, as the one to look at next or as come back. */
  noted = 0;
  /** "out" is under way to a consumer. */
  state: "waiting" | "out" | "gone" = "waiting";
  /** Failed deliveries so far (delivery-count, 3.2.1). */
  failures = 0;
  /** Who said undeliverable-here (3.4.5). */
  excluded: Set<object> | undefined = undefined;
  delivery: OutgoingDelivery | undefined = undefined;
  #own = false;

  constructor(message: Message, place: number, size: number, lane: Standing, origin: object | undefined) {
    this.message = message;
    this.place = place;
    this.size = size;
    this.lane = lane;
    this.origin = origin;
  }

  /** Counts a delivery that failed, so that the next one carries it. */
  fail(): void {
    this.failures++;
    this.#ownMessage().deliveryCount = this.failures;
  }

  /** Merges the annotations of a modified outcome into the message's own. */
  annotate(annotations: Readonly<Record<string, unknown>>): void {
    const message = this.#ownMessage();
    message.annotations = { ...message.annotations, ...annotations };
  }

  /** A message for somebody to keep and to change. */
  copy(): Message {
    const copy = Message.decode(this.message.encode());
    copy.deliveryCount = this.failures;
    return copy;
  }

  // The subscribers of a topic share one message until somebody has to change it.
  #ownMessage(): Message {
    if (!this.#own) {
      this.message = Message.decode(this.message.encode());
      this.#own = true;
    }
    return this.message;
  }
}

/** Octets that a message in bytes counts for in a queue. */
export function sizeOf(message: Message): number {
  return OVERHEAD + message.wireEnd - message.wireStart;
}

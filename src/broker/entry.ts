/** A message in a queue, and what the broker has to know of it besides its bytes. */

import { Message } from "../container/public.ts";
import type { Clock, OutgoingDelivery } from "../container/public.ts";

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
  /** Whether it has been out. */
  acquired = false;
  /** On the clock, when it expires; undefined if it never does. */
  due: number | undefined = undefined;
  /** Whether it is among those that are watched for their time. */
  watched = false;
  // Whether nobody else has the same message object.
  #own: boolean;

  constructor(message: Message, place: number, size: number, lane: Standing, origin: object | undefined, own: boolean) {
    this.message = message;
    this.place = place;
    this.size = size;
    this.lane = lane;
    this.origin = origin;
    this.#own = own;
  }

  /** What to send to somebody who takes it: the header tells whether nobody had it before (3.2.1, first-acquirer) and how much of its time is left. */
  outgoing(clock: Clock): Message {
    if (!this.acquired) this.message.setFirstAcquirer();
    else if (this.#own || this.message.firstAcquirer) this.#ownMessage().firstAcquirer = false;
    if (this.due !== undefined && this.message.ttl !== undefined) {
      this.#ownMessage().ttl = Math.max(1, Math.ceil(this.due - clock.now()));
    }
    return this.message;
  }

  /** Counts a delivery that failed, so that the next one tells. */
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
      const { wire, wireStart, wireEnd, messageFormat } = this.message;
      this.message = Message.fromWire(wire, wireStart, wireEnd, undefined, messageFormat);
      this.#own = true;
    }
    return this.message;
  }
}

/** Octets that a message in bytes counts for in a queue. */
export function sizeOf(message: Message): number {
  return OVERHEAD + message.wireEnd - message.wireStart;
}

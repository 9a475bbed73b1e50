/** One link that takes from a queue: it sends, keeps what is under way, and finds the entry that an outcome belongs to. */

import { AmqpError } from "../errors.ts";
import { Deque } from "../util/deque.ts";
import type { Clock, Message, OutgoingDelivery, Sender } from "../container/public.ts";
import type { Cursor } from "./cursor.ts";
import type { Entry } from "./entry.ts";
import type { Interest } from "./interest.ts";

/** Where the consumer hands an entry back when its delivery is over. */
export interface Source {
  settled(entry: Entry, delivery: OutgoingDelivery | undefined, consumer: Consumer): void;
}

/** What became of an attempt to send. */
export type Sent = "sent" | "busy" | "refused" | "gone";

/** The sending link of one consumer. */
export class Consumer {
  readonly sender: Sender;
  readonly interest: Interest;
  /** Whether it only looks at the messages (distribution-mode copy, 3.5.7). */
  readonly copies: boolean;
  /** Its place in the queue, while it is attached there. */
  cursor: Cursor | undefined = undefined;
  readonly #source: Source;
  readonly #clock: Clock;
  // In the order of sending, which is the order in which nearly all outcomes come.
  readonly #underWay = new Deque<Entry>();
  // Those that a later one has overtaken.
  #overtaken: Map<OutgoingDelivery, Entry> | undefined = undefined;
  readonly #onSettled = (delivery: OutgoingDelivery): void => this.#settled(delivery);

  constructor(sender: Sender, source: Source, interest: Interest, copies: boolean, clock: Clock) {
    this.sender = sender;
    this.interest = interest;
    this.copies = copies;
    this.#clock = clock;
    this.#source = source;
  }

  /** Sends if the peer has given credit for it: "busy" when not, "refused" when this link can never carry the message, "gone" when it is closed. */
  offer(entry: Entry): Sent {
    const delivery = this.#send(entry.outgoing(this.#clock));
    if (typeof delivery === "string") return delivery;
    entry.acquired = true;
    if (delivery.settled) {
      this.#source.settled(entry, undefined, this);
      return "sent";
    }
    entry.delivery = delivery;
    this.#underWay.push(entry);
    void delivery.settlement.then(this.#onSettled);
    return "sent";
  }

  /** Takes back what is under way: its receiver has lost it. */
  takeBack(): void {
    for (const { delivery } of [...this.#underWay]) delivery?.abort();
    for (const delivery of [...this.#overtaken?.keys() ?? []]) delivery.abort();
  }

  /** Sends a copy, whatever becomes of it, and goes on to the next one. */
  show(entry: Entry): Sent {
    const sent = this.#send(entry.message);
    if (sent === "busy" || sent === "gone") return sent;
    this.cursor?.pass(entry, entry.lane.index);
    return "sent";
  }

  #send(message: Message): OutgoingDelivery | Exclude<Sent, "sent"> {
    try {
      return this.sender.trySend(message) ?? "busy";
    } catch (error) {
      return this.sender.state.local === "active" && error instanceof AmqpError && error.scope === "delivery" ? "refused" : "gone";
    }
  }

  #settled(delivery: OutgoingDelivery): void {
    const entry = this.#find(delivery);
    if (entry === undefined) return;
    entry.delivery = undefined;
    this.#source.settled(entry, delivery, this);
  }

  // Each entry is moved aside at most once, so that outcomes in any order cost the same as those in order.
  #find(delivery: OutgoingDelivery): Entry | undefined {
    const overtaken = this.#overtaken?.get(delivery);
    if (overtaken !== undefined) {
      this.#overtaken?.delete(delivery);
      if (this.#overtaken?.size === 0) this.#overtaken = undefined;
      return overtaken;
    }
    for (;;) {
      const entry = this.#underWay.shift();
      if (entry === undefined || entry.delivery === delivery) return entry;
      this.#overtaken ??= new Map();
      if (entry.delivery !== undefined) this.#overtaken.set(entry.delivery, entry);
    }
  }
}

/**
 * A queue: messages go out in order to competing consumers in turn, each as its credit allows. A message counts until
 * it is settled for good.
 *
 * | outcome | then |
 * |---|---|
 * | accepted | gone |
 * | rejected, or failed too often | to the dead-letter queue, else gone |
 * | its time is over while it waits | the same, if the queue says so |
 * | released, or settled without an outcome | back to its place |
 * | modified | back to its place; delivery-failed counts, undeliverable-here spares this consumer, annotations are merged |
 * | link closed before one | back to its place (the source's default-outcome is released) |
 * | connection lost before one | back to its place, counted as failed |
 * | the same, where the source outlives that | stays out; when its receiver has come back without it, back to its place, counted as failed |
 * | its receiver has not come back in time | the source's default-outcome |
 * | never sent | back to its place |
 */

import { AmqpError } from "../errors.ts";
import { Deque } from "../util/deque.ts";
import type { Clock, ErrorInit, Message, OutgoingDelivery } from "../container/public.ts";
import { Budget } from "./budget.ts";
import { Consumer } from "./consumer.ts";
import type { Sent } from "./consumer.ts";
import type { Cause, Death } from "./dead-letter.ts";
import { sizeOf } from "./entry.ts";
import type { Entry } from "./entry.ts";
import { dueOf, Expiry } from "./expiry.ts";
import type { Interest } from "./interest.ts";
import { Line } from "./line.ts";
import type { Attachment, Node, Place } from "./node.ts";
import { Readers } from "./readers.ts";

/** How a queue differs from others. */
export interface QueueSettings {
  readonly clock: Clock;
  /** @default Infinity */
  readonly maxLength?: number | undefined;
  /** Octets. @default Infinity */
  readonly maxBytes?: number | undefined;
  /** @default Infinity */
  readonly maxDeliveries?: number | undefined;
  /** Whether messages are refused when it is full, and publishers do not wait. @default false */
  readonly rejects?: boolean | undefined;
  /** Octets of all queues. */
  readonly bytes?: Budget | undefined;
  /** Takes what could not be delivered. @default it is dropped */
  readonly deadLetter?: ((message: Message, cause: Cause) => void) | undefined;
  /** Called when it may have become idle. */
  readonly onIdle?: ((queue: Queue) => void) | undefined;
}

/** A message that comes into a queue. */
export interface Arrival {
  readonly message: Message;
  readonly size: number;
  readonly origin: object | undefined;
  /** Whether no other queue has the same object. */
  readonly own: boolean;
  /** On the clock, when it expires; undefined if it never does. */
  readonly due: number | undefined;
}

/** A queue of messages and those who take from it. */
export class Queue implements Node {
  readonly address: string;
  readonly rejects: boolean;
  publishers = 0;
  deleted = false;
  readonly #settings: QueueSettings;
  readonly #maxDeliveries: number;
  readonly #length: Budget;
  readonly #bytes: Budget;
  readonly #line = new Line();
  readonly #readers = new Readers(this.#line);
  readonly #consumers = new Set<Consumer>();
  // The consumers that may have credit, next one first; the others are awaited.
  readonly #ready = new Deque<Consumer>();
  // How many of the consumers only look.
  #browsers = 0;
  // Made when a message comes that expires some time.
  #expiry: Expiry | undefined = undefined;
  #dispatching = false;
  #resumes = false;

  constructor(address: string, settings: QueueSettings) {
    this.address = address;
    this.rejects = settings.rejects ?? false;
    this.#settings = settings;
    this.#length = new Budget(settings.maxLength ?? Number.POSITIVE_INFINITY);
    this.#bytes = new Budget(settings.maxBytes ?? Number.POSITIVE_INFINITY);
    this.#maxDeliveries = settings.maxDeliveries ?? Number.POSITIVE_INFINITY;
  }

  get length(): number {
    return this.#length.used;
  }

  /** Octets of the messages in it. */
  get bytes(): number {
    return this.#bytes.used;
  }

  get links(): number {
    return this.publishers + this.#consumers.size;
  }

  get idle(): boolean {
    return this.#length.used === 0 && this.links === 0;
  }

  full(): Promise<void> | undefined {
    if (!this.#length.open) return this.#length.room();
    if (!this.#bytes.open) return this.#bytes.room();
    const { bytes } = this.#settings;
    return bytes === undefined || bytes.open ? undefined : bytes.room();
  }

  put(message: Message, origin?: object): void {
    this.add({ message, size: sizeOf(message), origin, own: true, due: dueOf(message, this.#settings.clock) });
  }

  putDead(letter: Message): void {
    this.add({ message: letter, size: sizeOf(letter), origin: undefined, own: true, due: undefined });
  }

  /** Takes a message of which more is known already. */
  add({ message, size, origin, own, due }: Arrival): void {
    this.#length.add(1);
    this.#bytes.add(size);
    this.#settings.bytes?.add(size);
    const entry = this.#line.add(message, size, origin, own);
    if (due !== undefined) {
      entry.due = due;
      this.#watch(entry);
    }
    this.#dispatch();
  }

  open(interest: Interest, copy: boolean): Place {
    return { collects: false, onLost: undefined, attach: (sender) => this.#attach(new Consumer(sender, this, interest, copy, this.#settings.clock)), close: () => undefined };
  }

  peek(): Message[] {
    return Array.from(this.#line, (entry) => entry.copy());
  }

  /** Drops what is in it and takes nothing any more. */
  delete(): void {
    this.deleted = true;
    for (const entry of [...this.#line]) if (entry.state === "waiting") this.#remove(entry);
    this.#expiry?.stop();
    this.#length.wake();
    this.#bytes.wake();
  }

  /** For its consumers: a delivery is over, without a `delivery` when it went out settled. */
  settled(entry: Entry, delivery: OutgoingDelivery | undefined, consumer: Consumer): void {
    const outcome = delivery?.outcome;
    if (delivery === undefined || outcome?.type === "accepted") return this.#remove(entry);
    if (outcome?.type === "rejected") return this.#bury(entry, "rejected", outcome.error);
    if (outcome?.type === "modified") {
      if (Object.keys(outcome.annotations).length > 0) entry.annotate(outcome.annotations);
      if (outcome.undeliverableHere) this.#readers.exclude(entry, consumer);
      if (outcome.deliveryFailed) entry.fail();
    } else if (outcome?.type === "in-doubt" && (delivery.attempts > 0 || lostConnection(outcome.cause))) {
      entry.fail();
    }
    if (entry.failures >= this.#maxDeliveries) return this.#bury(entry, "max-deliveries");
    this.#giveBack(entry);
  }

  #attach(consumer: Consumer): Attachment {
    this.#consumers.add(consumer);
    if (consumer.copies) this.#browsers++;
    this.#readers.join(consumer);
    this.#ready.push(consumer);
    this.#dispatch();
    return { again: () => consumer.takeBack(), leave: () => this.#detach(consumer) };
  }

  #giveBack(entry: Entry): void {
    if (this.deleted) return this.#remove(entry);
    this.#line.giveBack(entry);
    if (entry.due !== undefined && !entry.watched) this.#watch(entry);
    this.#dispatch();
  }

  #watch(entry: Entry): void {
    this.#expiry ??= new Expiry(this.#settings.clock, (due) => this.#bury(due, "expired"));
    entry.watched = true;
    this.#expiry.watch(entry);
  }

  #bury(entry: Entry, reason: Death, error?: ErrorInit): void {
    this.#remove(entry);
    this.#settings.deadLetter?.(entry.message, { reason, address: this.address, failures: entry.failures, error });
  }

  #remove(entry: Entry): void {
    this.#line.remove(entry);
    this.#readers.gone(entry);
    if (entry.watched) this.#expiry?.forget();
    this.#bytes.remove(entry.size);
    this.#length.remove(1);
    this.#settings.bytes?.remove(entry.size);
    if (this.#length.used > 0) return;
    this.#expiry?.clear();
    this.#readers.examiner.forget();
    this.#settings.onIdle?.(this);
  }

  #detach(consumer: Consumer): void {
    this.#consumers.delete(consumer);
    if (consumer.copies) this.#browsers--;
    this.#ready.remove(consumer);
    this.#readers.leave(consumer);
    this.#dispatch();
    this.#settings.onIdle?.(this);
  }

  // Gives messages to consumers in turn, until the messages or those who may take them run out.
  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      let passed = 0;
      while (passed < this.#ready.length && (this.#line.waiting > 0 || this.#browsers > 0)) {
        const consumer = this.#ready.shift() as Consumer;
        passed = this.#serve(consumer) ? 0 : passed + 1;
      }
    } finally {
      this.#dispatching = false;
    }
  }

  // Offers one message. True when something changed; a consumer for which there is none stays in turn.
  #serve(consumer: Consumer): boolean {
    // A drain is answered after this turn, so then nothing may be left to be looked at.
    const entry = consumer.cursor?.find(consumer.sender.draining);
    if (entry === undefined) {
      this.#ready.push(consumer);
      if (consumer.cursor?.paused === true) this.#resumeLater();
      return false;
    }
    if (entry.state === "waiting" && entry.due !== undefined && entry.due <= this.#settings.clock.now()) {
      this.#bury(entry, "expired");
      this.#ready.unshift(consumer);
      return true;
    }
    const sent = consumer.copies ? consumer.show(entry) : this.#offer(entry, consumer);
    if (sent === "busy") void this.#awaitCredit(consumer);
    else if (sent !== "gone") this.#ready.push(consumer);
    return true;
  }

  #offer(entry: Entry, consumer: Consumer): Sent {
    // It is out before it is offered: one that goes out settled is over at once.
    this.#line.take(entry);
    const sent = consumer.offer(entry);
    if (sent === "sent") return sent;
    this.#line.untake(entry);
    if (sent === "refused") this.#readers.exclude(entry, consumer);
    return sent;
  }

  // A long search for a selector lets everything else have its turn in between.
  #resumeLater(): void {
    if (this.#resumes) return;
    this.#resumes = true;
    setImmediate(() => {
      this.#resumes = false;
      this.#dispatch();
    });
  }

  async #awaitCredit(consumer: Consumer): Promise<void> {
    try {
      await consumer.sender.ready({ timeout: Number.POSITIVE_INFINITY });
    } catch {
      return; // The link is over; whoever attached it takes it away.
    }
    if (!this.#consumers.has(consumer)) return;
    // The others have been looked after: what waits is not for them. So this one is next.
    this.#ready.unshift(consumer);
    this.#dispatch();
  }
}

// A link that is closed in an orderly way gives its messages back unharmed; what a lost connection held may have been worked on.
function lostConnection(cause: unknown): boolean {
  for (let at = cause; at instanceof AmqpError; at = at.cause) if (at.scope === "connection") return true;
  return false;
}

/**
 * A queue: messages go out in order to competing consumers in turn, each as its credit allows. A message counts until
 * it is settled for good.
 *
 * | outcome | then |
 * |---|---|
 * | accepted | gone |
 * | rejected | to the dead-letter queue, else gone |
 * | released, or settled without an outcome | back to its place |
 * | modified | back to its place; delivery-failed counts, undeliverable-here spares this consumer, annotations are merged |
 * | link closed before one | back to its place (the source's default-outcome is released) |
 * | connection lost before one | back to its place, counted as failed |
 * | never sent | back to its place |
 */

import { AmqpError } from "../errors.ts";
import { Deque } from "../util/deque.ts";
import type { Message, OutgoingDelivery, Sender } from "../container/public.ts";
import { Budget } from "./budget.ts";
import { Consumer } from "./consumer.ts";
import { Entry, sizeOf } from "./entry.ts";
import type { Node } from "./node.ts";

/** How a queue differs from others. */
export interface QueueSettings {
  /** @default Infinity */
  readonly maxLength?: number | undefined;
  /** @default Infinity */
  readonly maxDeliveries?: number | undefined;
  /** Octets of all queues; a queue without it is not counted. */
  readonly bytes?: Budget | undefined;
  /** Takes what was rejected or failed too often. @default it is dropped */
  readonly deadLetter?: ((message: Message) => void) | undefined;
  /** Called when it may have become idle. */
  readonly onIdle?: ((queue: Queue) => void) | undefined;
}

/** A queue of messages and those who take from it. */
export class Queue implements Node {
  readonly address: string;
  publishers = 0;
  deleted = false;
  readonly #settings: QueueSettings;
  readonly #maxDeliveries: number;
  readonly #length: Budget;
  #bytes = 0;
  #places = 0;
  // Never sent so far, in order.
  readonly #waiting = new Deque<Entry>();
  // Given back; each of them is older than all of `#waiting`. Sorted from newest to oldest when `#sorted`.
  #returned: Entry[] = [];
  #sorted = true;
  readonly #consumers = new Set<Consumer>();
  // The consumers that may have credit, next one first; the others are awaited.
  readonly #ready = new Deque<Consumer>();
  #dispatching = false;

  constructor(address: string, settings: QueueSettings = {}) {
    this.address = address;
    this.#settings = settings;
    this.#length = new Budget(settings.maxLength ?? Number.POSITIVE_INFINITY);
    this.#maxDeliveries = settings.maxDeliveries ?? Number.POSITIVE_INFINITY;
  }

  get length(): number {
    return this.#length.used;
  }

  /** Octets of the messages in it. */
  get bytes(): number {
    return this.#bytes;
  }

  get idle(): boolean {
    return this.#length.used === 0 && this.publishers === 0 && this.#consumers.size === 0;
  }

  full(): Promise<void> | undefined {
    if (!this.#length.open) return this.#length.room();
    const { bytes } = this.#settings;
    return bytes === undefined || bytes.open ? undefined : bytes.room();
  }

  put(message: Message): void {
    this.putSized(message, sizeOf(message));
  }

  /** `put` for a message whose size is known already. */
  putSized(message: Message, size: number): void {
    const entry = new Entry(message, this.#places++, size);
    this.#length.add(1);
    this.#bytes += size;
    this.#settings.bytes?.add(size);
    this.#waiting.push(entry);
    this.#dispatch();
  }

  attach(sender: Sender): () => void {
    const consumer = new Consumer(sender, this);
    this.#consumers.add(consumer);
    this.#ready.push(consumer);
    this.#dispatch();
    return () => this.#detach(consumer);
  }

  peek(): Message[] {
    const entries = [...this.#returned, ...this.#waiting];
    for (const consumer of this.#consumers) entries.push(...consumer.entries());
    return entries.sort((a, b) => a.place - b.place).map((entry) => entry.copy());
  }

  /** Drops what is in it and takes nothing any more. */
  delete(): void {
    this.deleted = true;
    for (const entry of this.#returned) this.#remove(entry);
    for (const entry of this.#waiting) this.#remove(entry);
    this.#returned = [];
    this.#waiting.clear();
    this.#length.wake();
  }

  /** For its consumers: a delivery is over, without a `delivery` when it went out settled. */
  settled(entry: Entry, delivery: OutgoingDelivery | undefined, consumer: Consumer): void {
    const outcome = delivery?.outcome;
    if (delivery === undefined || outcome?.type === "accepted") return this.#remove(entry);
    if (outcome?.type === "rejected") return this.#bury(entry);
    if (outcome?.type === "modified") {
      if (Object.keys(outcome.annotations).length > 0) entry.annotate(outcome.annotations);
      if (outcome.undeliverableHere) this.#exclude(entry, consumer);
      if (outcome.deliveryFailed) entry.fail();
    } else if (outcome?.type === "in-doubt" && lostConnection(outcome.cause)) {
      entry.fail();
    }
    if (entry.failures >= this.#maxDeliveries) return this.#bury(entry);
    this.#giveBack(entry);
  }

  #giveBack(entry: Entry): void {
    if (this.deleted) return this.#remove(entry);
    this.#keep(entry);
    this.#dispatch();
  }

  #keep(entry: Entry): void {
    this.#returned.push(entry);
    this.#sorted = this.#returned.length === 1;
  }

  #bury(entry: Entry): void {
    this.#remove(entry);
    this.#settings.deadLetter?.(entry.message);
  }

  #remove(entry: Entry): void {
    this.#bytes -= entry.size;
    this.#length.remove(1);
    this.#settings.bytes?.remove(entry.size);
    if (this.#length.used === 0) this.#settings.onIdle?.(this);
  }

  #detach(consumer: Consumer): void {
    this.#consumers.delete(consumer);
    this.#ready.remove(consumer);
    for (const entry of this.#returned) entry.excluded?.delete(consumer);
    this.#dispatch();
    this.#settings.onIdle?.(this);
  }

  #exclude(entry: Entry, consumer: Consumer): void {
    if (!this.#consumers.has(consumer)) return;
    entry.excluded ??= new Set();
    entry.excluded.add(consumer);
  }

  // Gives messages to consumers in turn, until the messages or those who may take them run out.
  #dispatch(): void {
    if (this.#dispatching) return;
    this.#dispatching = true;
    try {
      let passed = 0;
      while (this.#waiting.length + this.#returned.length > 0 && passed < this.#ready.length) {
        const consumer = this.#ready.shift();
        if (consumer === undefined) break;
        passed = this.#serve(consumer) ? 0 : passed + 1;
      }
    } finally {
      this.#dispatching = false;
    }
  }

  // Offers one message. True when something changed; a consumer that can take none of these messages stays in turn.
  #serve(consumer: Consumer): boolean {
    const index = this.#returned.length > 0 ? this.#oldestReturned(consumer) : -1;
    const entry = index >= 0 ? this.#returned[index] : this.#waiting.peek();
    if (entry === undefined) {
      this.#ready.push(consumer);
      return false;
    }
    // It leaves the queue before it is offered: one that goes out settled is over at once.
    if (index < 0) this.#waiting.shift();
    else if (index === this.#returned.length - 1) this.#returned.pop();
    else this.#returned.splice(index, 1);
    const sent = consumer.offer(entry);
    if (sent === "sent") {
      this.#ready.push(consumer);
      return true;
    }
    if (index < 0 && sent !== "refused") this.#waiting.unshift(entry);
    else this.#keep(entry);
    if (sent === "refused") {
      this.#exclude(entry, consumer);
      this.#ready.push(consumer);
    } else if (sent === "busy") {
      void this.#awaitCredit(consumer);
    }
    return true;
  }

  // The oldest one that this consumer may have, -1 if there is none.
  #oldestReturned(consumer: Consumer): number {
    if (!this.#sorted) {
      this.#returned.sort((a, b) => b.place - a.place);
      this.#sorted = true;
    }
    for (let i = this.#returned.length - 1; i >= 0; i--) {
      if (this.#returned[i]?.excluded?.has(consumer) !== true) return i;
    }
    return -1;
  }

  async #awaitCredit(consumer: Consumer): Promise<void> {
    try {
      await consumer.sender.ready({ timeout: Number.POSITIVE_INFINITY });
    } catch {
      return; // The link is over; whoever attached it takes it away.
    }
    if (!this.#consumers.has(consumer)) return;
    this.#ready.push(consumer);
    this.#dispatch();
  }
}

// A link that is closed in an orderly way gives its messages back unharmed; what a lost connection held may have been worked on.
function lostConnection(cause: unknown): boolean {
  for (let at = cause; at instanceof AmqpError; at = at.cause) if (at.scope === "connection") return true;
  return false;
}

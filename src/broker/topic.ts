/**
 * A topic: every subscription gets every message that comes while it lives, out of a queue of its own. Nobody waits for a slow
 * one: it is ended with resource-limit-exceeded when it is too far behind, so that it knows of the gap.
 */

import type { Message, Sender } from "../container/public.ts";
import { sizeOf } from "./entry.ts";
import { dueOf } from "./expiry.ts";
import { Examiner, EVERYTHING } from "./interest.ts";
import type { Interest } from "./interest.ts";
import type { Attachment, Node, Place } from "./node.ts";
import { DEFAULT_TOPIC_LENGTH, TOPIC_BYTES } from "./options.ts";
import { Queue } from "./queue.ts";
import type { QueueSettings } from "./queue.ts";

/** How a topic differs from others: what its subscriptions have. */
export interface TopicSettings extends Omit<QueueSettings, "onIdle" | "rejects"> {
  readonly onIdle: (topic: Topic) => void;
}

/** A topic and its subscriptions. */
export class Topic implements Node {
  readonly address: string;
  readonly rejects = false;
  publishers = 0;
  readonly deleted = false;
  readonly #settings: TopicSettings;
  readonly #maxLength: number;
  readonly #maxBytes: number;
  readonly #subscriptions = new Set<Subscription>();
  readonly #examiner = new Examiner();

  constructor(address: string, settings: TopicSettings) {
    this.address = address;
    this.#settings = settings;
    this.#maxLength = settings.maxLength ?? DEFAULT_TOPIC_LENGTH;
    this.#maxBytes = settings.maxBytes ?? TOPIC_BYTES;
  }

  get idle(): boolean {
    return this.links === 0;
  }

  get links(): number {
    return this.publishers + this.#subscriptions.size;
  }

  /** What the subscription that is furthest behind has not settled yet. */
  get length(): number {
    let most = 0;
    for (const { queue } of this.#subscriptions) most = Math.max(most, queue.length);
    return most;
  }

  full(): undefined {
    return undefined;
  }

  put(message: Message, origin?: object): void {
    this.#spread(message, origin, dueOf(message, this.#settings.clock));
  }

  putDead(letter: Message): void {
    this.#spread(letter, undefined, undefined);
  }

  /** A subscription, from now until it is closed; copies are all that a topic has. */
  open(interest: Interest): Place {
    const { clock, bytes, maxDeliveries, deadLetter } = this.#settings;
    const subscription = new Subscription(new Queue(this.address, { clock, bytes, maxDeliveries, deadLetter }), interest, () => {
      this.#subscriptions.delete(subscription);
      this.#settings.onIdle(this);
    });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  /** Nothing: what a topic holds belongs to its subscriptions. */
  peek(): Message[] {
    return [];
  }

  delete(): void {
    for (const { queue } of this.#subscriptions) queue.delete();
    this.#subscriptions.clear();
  }

  // To every subscription that wants it; one that has no room for it ends.
  #spread(message: Message, origin: object | undefined, due: number | undefined): void {
    if (this.#subscriptions.size === 0) return;
    const { bytes } = this.#settings;
    if (bytes?.open === false) this.#cutOffLargest();
    const size = sizeOf(message);
    for (const subscription of this.#subscriptions) {
      const { queue, interest } = subscription;
      if (!this.#examiner.isWanted(interest, message, 0, origin)) continue;
      if (queue.length >= this.#maxLength || (queue.length > 0 && queue.bytes + size > this.#maxBytes)) this.#cutOff(subscription, "maxLength or maxBytes of the topic");
      else queue.add({ message, size, origin, own: false, due });
    }
    this.#examiner.forget();
  }

  // All queues together are full. Publishers of a topic wait for nobody, so the one that holds most of it gives way.
  #cutOffLargest(): void {
    let largest: Subscription | undefined;
    for (const subscription of this.#subscriptions) if (subscription.queue.bytes > (largest?.queue.bytes ?? 0)) largest = subscription;
    if (largest !== undefined) this.#cutOff(largest, "maxBytes of the broker");
  }

  #cutOff(subscription: Subscription, bound: string): void {
    const behind = subscription.queue.length;
    subscription.lose(`subscriber is ${behind} messages behind ${this.address}; take them faster, or raise ${bound}`);
  }
}

/** What comes for one subscriber, whether a link is attached or not. */
class Subscription implements Place {
  readonly collects = true;
  onLost: (() => void) | undefined = undefined;
  readonly queue: Queue;
  readonly interest: Interest;
  readonly #onClosed: () => void;
  #sender: Sender | undefined = undefined;

  constructor(queue: Queue, interest: Interest, onClosed: () => void) {
    this.queue = queue;
    this.interest = interest;
    this.#onClosed = onClosed;
  }

  attach(sender: Sender): Attachment {
    this.#sender = sender;
    // What comes into its queue is what it wants.
    const { again, leave } = this.queue.open(EVERYTHING, false).attach(sender);
    return {
      again,
      leave: () => {
        if (this.#sender === sender) this.#sender = undefined;
        leave();
      },
    };
  }

  close(): void {
    this.queue.delete();
    this.#onClosed();
  }

  /** It is too far behind: it ends with what has come for it. */
  lose(description: string): void {
    const sender = this.#sender;
    this.close();
    this.onLost?.();
    // A peer that never answers the detach is the connection's to deal with.
    sender?.close({ error: { condition: "amqp:resource-limit-exceeded", description } }).catch(() => undefined);
  }
}

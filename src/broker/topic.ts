/**
 * A topic: every subscription gets every message that comes while it lives, out of a queue of its own. Nobody waits for a slow
 * one: it is ended with resource-limit-exceeded when it is too far behind, so that it knows of the gap.
 */

import type { Message, Sender } from "../container/public.ts";
import { sizeOf } from "./entry.ts";
import { Examiner, EVERYTHING } from "./interest.ts";
import type { Interest } from "./interest.ts";
import type { Node, Place } from "./node.ts";
import { DEFAULT_TOPIC_LENGTH, TOPIC_BYTES } from "./options.ts";
import { Queue } from "./queue.ts";

/** A topic and its subscriptions. */
export class Topic implements Node {
  readonly address: string;
  publishers = 0;
  readonly deleted = false;
  readonly #maxLength: number;
  readonly #onIdle: (topic: Topic) => void;
  readonly #subscriptions = new Set<Subscription>();
  readonly #examiner = new Examiner();

  constructor(address: string, maxLength: number | undefined, onIdle: (topic: Topic) => void) {
    this.address = address;
    this.#maxLength = maxLength ?? DEFAULT_TOPIC_LENGTH;
    this.#onIdle = onIdle;
  }

  get idle(): boolean {
    return this.publishers === 0 && this.#subscriptions.size === 0;
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
    if (this.#subscriptions.size === 0) return;
    const size = sizeOf(message);
    for (const subscription of this.#subscriptions) {
      const { queue, interest } = subscription;
      if (!this.#examiner.isWanted(interest, message, 0, origin)) continue;
      if (queue.length >= this.#maxLength || (queue.length > 0 && queue.bytes + size > TOPIC_BYTES)) this.#cutOff(subscription);
      else queue.putSized(message, size, origin);
    }
    this.#examiner.forget();
  }

  /** A subscription, from now until it is closed; copies are all that a topic has. */
  open(interest: Interest): Place {
    const subscription = new Subscription(new Queue(this.address), interest, () => {
      this.#subscriptions.delete(subscription);
      this.#onIdle(this);
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

  #cutOff(subscription: Subscription): void {
    const behind = subscription.queue.length;
    const description = `subscriber is ${behind} messages behind ${this.address}; take them faster, or raise queues["${this.address}"].maxLength`;
    subscription.lose(description);
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

  attach(sender: Sender): () => void {
    this.#sender = sender;
    // What comes into its queue is what it wants.
    const detach = this.queue.open(EVERYTHING, false).attach(sender);
    return () => {
      if (this.#sender === sender) this.#sender = undefined;
      detach();
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

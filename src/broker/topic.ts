/**
 * A topic: every subscriber gets every message that comes while it is attached, out of a queue of its own. Nobody waits
 * for a slow one: it is detached with resource-limit-exceeded when it is too far behind, so that it knows of the gap.
 */

import type { Message, Sender } from "../container/public.ts";
import { sizeOf } from "./entry.ts";
import { Examiner, EVERYTHING } from "./interest.ts";
import type { Interest } from "./interest.ts";
import type { Node } from "./node.ts";
import { DEFAULT_TOPIC_LENGTH, TOPIC_BYTES } from "./options.ts";
import { Queue } from "./queue.ts";

/** What has come for a subscriber, and what it wants. */
interface Subscriber {
  readonly queue: Queue;
  readonly interest: Interest;
}

/** A topic and its subscribers. */
export class Topic implements Node {
  readonly address: string;
  publishers = 0;
  readonly deleted = false;
  readonly #maxLength: number;
  readonly #onIdle: (topic: Topic) => void;
  readonly #subscribers = new Map<Sender, Subscriber>();
  readonly #examiner = new Examiner();

  constructor(address: string, maxLength: number | undefined, onIdle: (topic: Topic) => void) {
    this.address = address;
    this.#maxLength = maxLength ?? DEFAULT_TOPIC_LENGTH;
    this.#onIdle = onIdle;
  }

  get idle(): boolean {
    return this.publishers === 0 && this.#subscribers.size === 0;
  }

  /** What the subscriber that is furthest behind has not settled yet. */
  get length(): number {
    let most = 0;
    for (const { queue } of this.#subscribers.values()) most = Math.max(most, queue.length);
    return most;
  }

  full(): undefined {
    return undefined;
  }

  put(message: Message, origin?: object): void {
    if (this.#subscribers.size === 0) return;
    const size = sizeOf(message);
    for (const [sender, { queue, interest }] of this.#subscribers) {
      if (!this.#examiner.isWanted(interest, message, 0, origin)) continue;
      if (queue.length >= this.#maxLength || (queue.length > 0 && queue.bytes + size > TOPIC_BYTES)) this.#cutOff(sender, queue);
      else queue.putSized(message, size, origin);
    }
    this.#examiner.forget();
  }

  attach(sender: Sender, interest: Interest): () => void {
    const queue = new Queue(this.address);
    this.#subscribers.set(sender, { queue, interest });
    // What comes into its queue is what it wants.
    const detach = queue.attach(sender, EVERYTHING);
    return () => {
      this.#subscribers.delete(sender);
      queue.delete();
      detach();
      this.#onIdle(this);
    };
  }

  /** Nothing: what a topic holds belongs to its subscribers. */
  peek(): Message[] {
    return [];
  }

  delete(): void {
    for (const { queue } of this.#subscribers.values()) queue.delete();
    this.#subscribers.clear();
  }

  #cutOff(sender: Sender, queue: Queue): void {
    this.#subscribers.delete(sender);
    const behind = queue.length;
    queue.delete();
    const description = `subscriber is ${behind} messages behind ${this.address}; take them faster, or raise queues["${this.address}"].maxLength`;
    // A peer that never answers the detach is the connection's to deal with.
    sender.close({ error: { condition: "amqp:resource-limit-exceeded", description } }).catch(() => undefined);
  }
}

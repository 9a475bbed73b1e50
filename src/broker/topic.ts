/**
 * A topic: every subscriber gets every message that comes while it is attached, out of a queue of its own. Nobody waits
 * for a slow one: it is detached with resource-limit-exceeded when it is too far behind, so that it knows of the gap.
 */

import type { Message, Sender } from "../container/public.ts";
import { sizeOf } from "./entry.ts";
import type { Node } from "./node.ts";
import { DEFAULT_TOPIC_LENGTH, TOPIC_BYTES } from "./options.ts";
import { Queue } from "./queue.ts";

/** A topic and its subscribers. */
export class Topic implements Node {
  readonly address: string;
  publishers = 0;
  readonly deleted = false;
  readonly #maxLength: number;
  readonly #onIdle: (topic: Topic) => void;
  readonly #subscribers = new Map<Sender, Queue>();

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
    for (const queue of this.#subscribers.values()) most = Math.max(most, queue.length);
    return most;
  }

  full(): undefined {
    return undefined;
  }

  put(message: Message): void {
    if (this.#subscribers.size === 0) return;
    const size = sizeOf(message);
    for (const [sender, queue] of this.#subscribers) {
      if (queue.length >= this.#maxLength || (queue.length > 0 && queue.bytes + size > TOPIC_BYTES)) this.#cutOff(sender, queue);
      else queue.putSized(message, size);
    }
  }

  attach(sender: Sender): () => void {
    const queue = new Queue(this.address);
    this.#subscribers.set(sender, queue);
    const detach = queue.attach(sender);
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
    for (const queue of this.#subscribers.values()) queue.delete();
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

/**
 * The address book of a broker: `topic://name` is a topic, every other text a queue of that name, made on first use and
 * forgotten when it is empty and nobody is attached. Dynamic nodes are queues with a name of 128 random bits, which
 * live as long as the link that asked for them.
 */

import { randomBytes } from "#platform";
import type { Connection, Message } from "../container/public.ts";
import { Budget } from "./budget.ts";
import type { Node } from "./node.ts";
import { DEFAULT_MAX_BYTES } from "./options.ts";
import type { BrokerOptions, QueueOptions } from "./options.ts";
import { Queue } from "./queue.ts";
import { Topic } from "./topic.ts";

const TOPIC_PREFIX = "topic://";
const DYNAMIC_PREFIX = "dynamic/";

/** All queues and topics of a broker. */
export class Nodes {
  /** Octets of the messages in all queues. */
  readonly bytes: Budget;
  readonly #options: ReadonlyMap<string, QueueOptions>;
  readonly #nodes = new Map<string, Node>();
  readonly #origins = new WeakMap<Connection, object>();

  constructor(options: BrokerOptions) {
    this.bytes = new Budget(options.maxBytes ?? DEFAULT_MAX_BYTES);
    this.#options = new Map(Object.entries(options.queues ?? {}));
  }

  /** The node of an address, made if it is not there yet; undefined for a dynamic one that is gone. */
  get(address: string): Node | undefined {
    const node = this.#nodes.get(address);
    if (node !== undefined || address.startsWith(DYNAMIC_PREFIX)) return node;
    const made = address.startsWith(TOPIC_PREFIX) ? this.#makeTopic(address) : this.#makeQueue(address);
    this.#nodes.set(address, made);
    return made;
  }

  /** The node of an address if it is there. */
  find(address: string): Node | undefined {
    return this.#nodes.get(address);
  }

  /** What stands for a connection in the messages that came over it; they do not keep the connection itself. */
  originOf(connection: Connection): object {
    let origin = this.#origins.get(connection);
    if (origin === undefined) this.#origins.set(connection, (origin = {}));
    return origin;
  }

  /** A fresh queue, which stays until it is released. */
  makeDynamic(): Node {
    const random = [...randomBytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const node = new Queue(DYNAMIC_PREFIX + random, { bytes: this.bytes });
    this.#nodes.set(node.address, node);
    return node;
  }

  /** The link that asked for a dynamic node is gone. */
  release(node: Node): void {
    this.delete(node);
  }

  /** Forgets a node and what is in it. */
  delete(node: Node): void {
    this.#nodes.delete(node.address);
    node.delete();
  }

  /** Forgets a node that nobody needs any more; otherwise nothing happens. */
  tidy(node: Node): void {
    if (node.idle && !node.address.startsWith(DYNAMIC_PREFIX) && this.#nodes.get(node.address) === node) this.#nodes.delete(node.address);
  }

  #makeTopic(address: string): Topic {
    return new Topic(address, this.#options.get(address)?.maxLength, (topic) => this.tidy(topic));
  }

  #makeQueue(address: string): Queue {
    const { maxLength, maxDeliveries, deadLetter } = this.#options.get(address) ?? {};
    return new Queue(address, {
      bytes: this.bytes,
      maxLength,
      maxDeliveries,
      deadLetter: deadLetter === undefined ? undefined : (message: Message) => this.get(deadLetter)?.put(message),
      onIdle: (queue) => this.tidy(queue),
    });
  }
}

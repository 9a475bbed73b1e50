/**
 * The address book of a broker: `topic://name` is a topic, every other text a queue of that name, made on first use and
 * forgotten when it is empty and nobody is attached. Dynamic nodes are queues with a name of 128 random bits, which
 * live as long as the link that asked for them, or as they were asked to.
 */

import { randomBytes } from "#platform";
import { systemClock } from "../container/public.ts";
import type { Clock, Connection, Message } from "../container/public.ts";
import { Budget } from "./budget.ts";
import { deadLetterOf } from "./dead-letter.ts";
import type { Cause } from "./dead-letter.ts";
import { isOver } from "./lifetime.ts";
import type { Lifetime } from "./lifetime.ts";
import type { Node } from "./node.ts";
import { DEFAULT_MAX_BYTES } from "./options.ts";
import type { BrokerOptions, QueueOptions } from "./options.ts";
import { Queue } from "./queue.ts";
import type { QueueSettings } from "./queue.ts";
import { Topic } from "./topic.ts";

const TOPIC_PREFIX = "topic://";
const DYNAMIC_PREFIX = "dynamic/";

/** All queues and topics of a broker. */
export class Nodes {
  /** Octets of the messages in all queues. */
  readonly bytes: Budget;
  readonly #clock: Clock;
  readonly #options: ReadonlyMap<string, QueueOptions>;
  readonly #nodes = new Map<string, Node>();
  // Those that were made for a link, and whether that is gone.
  readonly #dynamic = new WeakMap<Node, { readonly lifetime: Lifetime; released: boolean }>();
  readonly #origins = new WeakMap<Connection, object>();

  constructor(options: BrokerOptions) {
    this.#clock = options.clock ?? systemClock;
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

  /** A fresh queue, which stays until it is released, and as long as its lifetime says from then on. */
  makeDynamic(lifetime: Lifetime): Node {
    const random = [...randomBytes(16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const node: Queue = new Queue(DYNAMIC_PREFIX + random, { clock: this.#clock, bytes: this.bytes, onIdle: () => this.tidy(node) });
    this.#nodes.set(node.address, node);
    this.#dynamic.set(node, { lifetime, released: false });
    return node;
  }

  /** The link that asked for a dynamic node is gone. */
  release(node: Node): void {
    const dynamic = this.#dynamic.get(node);
    if (dynamic === undefined) return;
    dynamic.released = true;
    this.tidy(node);
  }

  /** Forgets a node that nobody needs any more; otherwise nothing happens. */
  tidy(node: Node): void {
    if (this.#nodes.get(node.address) !== node) return;
    const dynamic = this.#dynamic.get(node);
    if (dynamic === undefined ? !node.idle : !dynamic.released || !isOver(node, dynamic.lifetime)) return;
    this.#nodes.delete(node.address);
    if (dynamic !== undefined) node.delete();
  }

  /** Forgets everything, and stops every timer. */
  close(): void {
    const nodes = [...this.#nodes.values()];
    this.#nodes.clear();
    for (const node of nodes) node.delete();
  }

  #makeTopic(address: string): Topic {
    return new Topic(address, { ...this.#settings(address), onIdle: (topic) => this.tidy(topic) });
  }

  #makeQueue(address: string): Queue {
    const rejects = this.#options.get(address)?.overflow === "reject";
    return new Queue(address, { ...this.#settings(address), rejects, onIdle: (queue) => this.tidy(queue) });
  }

  #settings(address: string): Omit<QueueSettings, "onIdle" | "rejects"> {
    const { maxLength, maxBytes, maxDeliveries, deadLetter, deadLetterExpired } = this.#options.get(address) ?? {};
    return {
      clock: this.#clock, bytes: this.bytes, maxLength, maxBytes, maxDeliveries,
      deadLetter: deadLetter === undefined ? undefined : (message: Message, cause: Cause) => {
        if (cause.reason !== "expired" || deadLetterExpired === true) this.get(deadLetter)?.putDead(deadLetterOf(message, cause));
      },
    };
  }
}

/**
 * The embedded broker, for development and tests: queues, topics and their subscriptions, dynamic nodes and an anonymous relay,
 * made with nothing but the public listening side. It keeps everything in memory: durable messages are taken like the others, so
 * that accepted does not mean that they survive the process.
 */

import { AmqpError, ConfigError, LimitError } from "../errors.ts";
import { Container, Message, systemClock } from "../container/public.ts";
import type { Connection, LinkRequest, Listener, MessageInit } from "../container/public.ts";
import { checkOptions } from "./check-options.ts";
import { Consuming } from "./consuming.ts";
import { Nodes } from "./nodes.ts";
import { DEFAULT_SUBSCRIPTIONS } from "./options.ts";
import type { BrokerOptions } from "./options.ts";
import { Publishing } from "./publishing.ts";
import { Termini } from "./termini.ts";
import { Transactions } from "./transactions.ts";

/** A broker in this process. */
export class Broker implements AsyncDisposable {
  /** Where to connect to. */
  readonly url: string;
  /** Where to connect to by WebSocket; undefined without option `webSocket`. */
  readonly webSocketUrl: string | undefined;
  readonly #container: Container;
  readonly #listener: Listener;
  readonly #nodes: Nodes;
  readonly #publishing: Publishing;
  readonly #termini: Termini;
  readonly #consuming: Consuming;
  readonly #served: Promise<void>;

  private constructor(container: Container, listener: Listener, nodes: Nodes, options: BrokerOptions) {
    this.#container = container;
    this.#listener = listener;
    this.#nodes = nodes;
    this.#termini = new Termini(options.clock ?? systemClock, options.maxSubscriptions ?? DEFAULT_SUBSCRIPTIONS);
    this.#consuming = new Consuming(nodes, this.#termini);
    const transactions = new Transactions(nodes, options.transactions);
    this.#publishing = new Publishing({ nodes, transactions, strictDurable: options.strictDurable ?? false }, options.maxMessageSize);
    this.url = listener.url;
    this.webSocketUrl = listener.webSocketUrl;
    this.#served = listener.serve((request) => this.#serve(request));
  }

  /**
   * Listens, by default on a free port of this machine only, and accepts every link. Queues are made when they are first used.
   *
   * @throws ConfigError `config` for an option that cannot work, and for a host that others can reach without `users` and `tls`.
   * @throws ConnectionError `listen-failed` when the port is taken.
   */
  static async start(options: BrokerOptions = {}): Promise<Broker> {
    checkOptions(options);
    const nodes = new Nodes(options);
    // A consumer may work on a message for as long as it likes.
    // What a peer does wrong is told to that peer, and not to the program that brought the broker along.
    const container = new Container({ timeouts: { send: Number.POSITIVE_INFINITY }, onError: () => undefined, clock: options.clock });
    try {
      const listener = await container.listen({
        host: options.host ?? "127.0.0.1",
        port: options.port ?? 0,
        offeredCapabilities: ["ANONYMOUS-RELAY"],
        properties: { product: "leptonmq-broker" },
        webSocket: options.webSocket,
        limits: { maxTerminusTimeout: Number.POSITIVE_INFINITY, maxSuspendedTermini: 2 * (options.maxSubscriptions ?? DEFAULT_SUBSCRIPTIONS) },
        ...(options.tls === undefined ? {} : { tls: options.tls }),
        ...(options.users === undefined ? { allowedMechs: ["ANONYMOUS"] } : { passwords: lookup(options.users) }),
      });
      return new Broker(container, listener, nodes, options);
    } catch (error) {
      await container.close();
      throw error;
    }
  }

  /** How many messages are at an address, those out for delivery and not settled yet included; of a topic, how far its slowest subscriber is behind. */
  depth(address: string): number {
    return this.#nodes.find(address)?.length ?? 0;
  }

  /** Copies of the messages in a queue in its order, those out for delivery included. A topic keeps none. */
  peek(address: string): Message[] {
    return this.#nodes.find(address)?.peek() ?? [];
  }

  /**
   * Puts a message into a queue or topic from inside the process.
   *
   * @throws LimitError `queue-full` at the bound that holds publishers back.
   * @throws EncodeError `not-encodable` for a message that AMQP cannot express.
   */
  put(address: string, message: MessageInit): void {
    const node = this.#nodes.get(address);
    if (node === undefined) throw new ConfigError(`put: there is no dynamic node ${address} (any more)`, { code: "invalid-argument", scope: "container" });
    if (node.full() !== undefined) {
      throw new LimitError(`put: ${address} is full with ${node.length} messages; consume some, or raise queues["${address}"].maxLength or maxBytes`, { code: "queue-full", scope: "container" });
    }
    // Encoded now: what the caller does to it later is not in the queue.
    node.put(Message.decode(new Message(message).encode()));
    this.#nodes.tidy(node);
  }

  /** Cuts every connection as a network failure would: no AMQP close is sent, unsettled messages go back to their queues. */
  dropConnections(): void {
    for (const connection of this.#container.connections) (connection as Connection & WithSocket).driver?.destroy();
  }

  /** Closes every connection in an orderly way and stops to listen; what the queues hold is gone. */
  async close(): Promise<void> {
    await this.#listener.close();
    await this.#container.close();
    await this.#served.catch(() => undefined);
    this.#termini.close();
    this.#nodes.close();
  }

  /** The same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #serve(request: LinkRequest): Promise<void> {
    try {
      await (request.role === "sender" ? this.#consuming.serve(request) : this.#publishing.serve(request));
    } catch (error) {
      // A link or connection that is over is the peer's business; anything else is ours, and ends this link with internal-error.
      if (!(error instanceof AmqpError)) throw error;
    }
  }
}

/** Behind its public face a connection has a socket, which no program may take away from it but this one, on purpose. */
interface WithSocket {
  readonly driver?: { destroy(): void } | undefined;
}

function lookup(users: Record<string, string>): (user: string) => string | undefined {
  const passwords = new Map(Object.entries(users));
  return (user) => passwords.get(user);
}

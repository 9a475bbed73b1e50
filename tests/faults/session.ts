/** A whole session of a client with a broker, through a proxy that breaks it somewhere, and the books of what becomes of it. */

import { Broker } from "../../src/broker.ts";
import { connect } from "../../src/index.ts";
import type { Connection, ConnectOptions } from "../../src/index.ts";
import type { FaultProxy } from "../../src/testing.ts";
import { Invariants } from "../support/invariants.ts";
import { certificates } from "../transport/certificates.ts";

export const LINES = ["tcp", "tls", "ws"] as const;
/** What carries the octets. */
export type LineKind = (typeof LINES)[number];

/** A broker that every case of a file uses, with a queue for each. */
export class Bench implements AsyncDisposable {
  readonly broker: Broker;
  readonly url: string;
  readonly options: ConnectOptions;
  #queues = 0;

  private constructor(broker: Broker, url: string, options: ConnectOptions) {
    this.broker = broker;
    this.url = url;
    this.options = options;
  }

  static async start(line: LineKind): Promise<Bench> {
    if (line === "tls") {
      const { ca, server } = certificates();
      const broker = await Broker.start({ tls: server });
      return new Bench(broker, broker.url, { tls: { ca } });
    }
    const broker = await Broker.start({ webSocket: line === "ws" });
    return new Bench(broker, line === "ws" ? broker.url.replace("amqp:", "ws:") : broker.url, {});
  }

  queue(): string {
    return `q${this.#queues++}`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.broker.close();
  }
}

/** How a session is led. */
export interface Manner {
  readonly messages: number;
  /** Whether a lost connection comes back. */
  readonly reconnect: boolean;
}

/**
 * Connects, opens both links, sends, takes, closes each; the second message has two frames. With reconnecting everything has to end well, without it
 * each thing in its own way. @returns what did not hold
 */
export async function session(bench: Bench, proxy: FaultProxy, manner: Manner): Promise<string[]> {
  const books = new Invariants();
  const queue = bench.queue();
  const wrong: string[] = [];
  const connection = await open(bench, proxy, manner, books);
  if (connection !== undefined) {
    const sending = send(connection, queue, manner.messages, books);
    const taking = take(connection, queue, manner, books);
    await Promise.all([sending, taking]);
    await books.settles(connection.close({ timeout: 5_000 }), "close");
    await books.settles(connection.closed, "closed");
  }
  if (manner.reconnect && books.count("accepted") !== manner.messages) wrong.push(`I5 only ${books.count("accepted")} of ${manner.messages} sends were accepted`);
  const there = bench.broker.peek(queue).map(({ body }) => idOf(body as Uint8Array));
  return [...wrong, ...books.breaches(there)];
}

async function open(bench: Bench, proxy: FaultProxy, { reconnect }: Manner, books: Invariants): Promise<Connection | undefined> {
  const options: ConnectOptions = { ...bench.options, timeout: 10_000, maxFrameSize: 512, reconnect: reconnect ? { initialDelay: 1, maxDelay: 4 } : false };
  // a first connect that is cut off is told to its caller, who tries again
  const tries = reconnect ? 8 : 1;
  for (let n = 0; n < tries; n++) {
    const connection = await books.settles(connect(proxy.url, options), `connect ${n}`);
    if (connection !== undefined) return connection;
  }
  return undefined;
}

async function send(connection: Connection, queue: string, messages: number, books: Invariants): Promise<void> {
  const sender = await books.settles(Promise.resolve().then(() => connection.createSender(queue)), "createSender");
  if (sender === undefined) return;
  const sends = Array.from({ length: messages }, (_, id) => {
    const body = new Uint8Array(id === 1 ? 600 : 8);
    body[0] = id;
    try {
      return books.sends(id, sender.send({ body }));
    } catch (error) {
      return books.settles(Promise.reject(error as Error), `send ${id}`);
    }
  });
  await Promise.all(sends);
  await books.settles(sender.close(), "close of the sender");
}

async function take(connection: Connection, queue: string, { messages }: Manner, books: Invariants): Promise<void> {
  const receiver = await books.settles(Promise.resolve().then(() => connection.createReceiver<Uint8Array>(queue)), "createReceiver");
  if (receiver === undefined) return;
  const got = new Set<number>();
  await books.settles((async () => {
    for await (const { message } of receiver) {
      const id = idOf(message.body);
      got.add(id);
      books.received(id);
      if (got.size === messages) return;
    }
  })(), "the loop");
  await books.settles(receiver.close(), "close of the receiver");
}

function idOf(body: Uint8Array): number {
  return body[0] ?? -1;
}

/** A broker and connections to it for one test, closed at its end whatever happened. */

import { connect } from "../../src/index.ts";
import type { Connection, ConnectOptions, Receiver } from "../../src/index.ts";
import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/options.ts";

/** What a test gets. */
export interface Bench {
  readonly broker: Broker;
  connect(options?: ConnectOptions): Promise<Connection>;
}

/** Runs a test against a broker of its own. */
export async function withBroker(options: BrokerOptions, test: (bench: Bench) => Promise<void>): Promise<void> {
  const broker = await Broker.start(options);
  const connections: Connection[] = [];
  try {
    await test({
      broker,
      connect: async (more = {}) => {
        const connection = await connect(broker.url, { reconnect: false, ...more });
        connections.push(connection);
        return connection;
      },
    });
  } finally {
    await Promise.allSettled(connections.map((connection) => connection.close()));
    await broker.close();
  }
}

/** Waits, turn by turn, until something is so, for 4 seconds at the most. */
export async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 4_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so within 4 s: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Lets what is under way arrive: a number of turns of the event loop, in which loopback sockets deliver. */
export async function turns(count = 50): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** The next bodies, each accepted. */
export async function bodies(receiver: Receiver, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { message } of receiver.take({ max: count })) found.push(message.body);
  return found;
}

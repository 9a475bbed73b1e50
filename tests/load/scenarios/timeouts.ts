/** Every call against a peer that never answers: is it over when its time is? */

import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Container, connect } from "../../../src/index.ts";
import type { Connection, Receiver, Sender } from "../../../src/index.ts";
import type { Scenario } from "../scenario.ts";
import { atMost, exactly } from "../scenario.ts";
import { serverOf } from "../support.ts";

/** A call with its time. */
type Call = (timeout: number) => Promise<unknown>;

export const timeouts: Scenario = {
  name: "timeouts",
  title: "every call that waits, against a peer that never answers",
  limit: 90,
  run: async (trial) => {
    const { server, url } = await serverOf(trial, { idleTimeout: 60_000 });
    const container = new Container({ onError: () => undefined });
    const late: { name: string; by: number }[] = [];
    const early: string[] = [];
    const answered: string[] = [];
    const measure = async (name: string, timeout: number, call: Call): Promise<void> => {
      const began = performance.now();
      const outcome = await call(timeout).then(() => "answered", () => "over");
      const by = performance.now() - began - timeout;
      if (outcome === "answered" && !MAY_ANSWER.has(name)) answered.push(name);
      if (by < -20 && !MAY_ANSWER.has(name)) early.push(`${name} of ${timeout} ms by ${(-by).toFixed(0)} ms`);
      late.push({ name, by });
    };
    const connection = await connect(url, { reconnect: false, idleTimeout: 60_000 });
    const many = async (): Promise<Line> => {
      const [sender, receiver, session] = [await connection.createSender("q"), await connection.createReceiver("q", { prefetch: 0 }), await connection.session()];
      return { sender, receiver, session };
    };
    const lines = await Promise.all(Array.from({ length: 12 }, many));
    // The credit that they were given is used up, so that a send waits for more.
    const starved = await connection.createSender("starved");
    const mute = await silent();
    server.freeze();
    await new Promise((resolve) => setTimeout(resolve, 50));
    while (starved.trySend({ body: 1 }) !== undefined) { /* each takes one credit */ }
    const requester = connection.createRequester("requests", { timeout: 300 });
    await measure("createRequester", 300, () => requester);
    for (const timeout of [0, 50, 250, 1_000]) {
      trial.progress(`timeout ${timeout} ms`);
      const line = lines.shift() as Line;
      await Promise.all(Object.entries(calls(connection, starved, line, mute.url, container)).map(([name, call]) => measure(name, timeout, call)));
    }
    await measure("connection.close", 300, (timeout) => connection.close({ timeout }));
    const worst = late.reduce((a, b) => (b.by > a.by ? b : a));
    trial.row(`${late.length} calls: the latest is late by`, worst.by, "ms", atMost(100), worst.name);
    trial.row("calls that ended before their time", early.length, "", exactly(0), early.join(", ") || undefined);
    trial.row("calls that were answered by nobody", answered.length, "", exactly(0), answered.join(", ") || undefined);
    await mute.close();
    await container.close({ timeout: 100 });
    await server.stop();
  },
};

/** These have nothing to wait for where they are at the end of their time anyway. */
const MAY_ANSWER: ReadonlySet<string> = new Set(["sender.detach", "receiver.detach", "session.close", "connection.close", "receiveBatch", "drain"]);

/** A link of each kind and a session. */
interface Line {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly session: Awaited<ReturnType<Connection["session"]>>;
}

function calls(connection: Connection, starved: Sender, { sender, receiver, session }: Line, muteUrl: string, container: Container): Record<string, Call> {
  return {
    connect: (timeout) => container.connect(muteUrl, { timeout, reconnect: false }),
    session: (timeout) => connection.session({ timeout }),
    createSender: (timeout) => connection.createSender("q", { timeout }),
    createReceiver: (timeout) => connection.createReceiver("q", { timeout }),
    transaction: (timeout) => connection.transaction({ timeout }),
    send: (timeout) => sender.send({ body: 1 }, { timeout }),
    "send without credit": (timeout) => starved.send({ body: 1 }, { timeout }),
    ready: (timeout) => starved.ready({ timeout }),
    receive: (timeout) => receiver.receive({ timeout }),
    drain: (timeout) => receiver.drain(10, { timeout }),
    "sender.close": (timeout) => sender.close({ timeout }),
    "receiver.close": (timeout) => receiver.close({ timeout }),
    "session.close": (timeout) => session.close({ timeout }),
    receiveBatch: (timeout) => receiver.receiveBatch(5, { within: timeout }),
  };
}

/** A server that takes connections and says nothing. */
async function silent(): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    }),
  };
}

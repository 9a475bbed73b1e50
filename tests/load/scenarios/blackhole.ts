/** A peer that stands still with its sockets open: when is it found out? */

import { Container, connect } from "../../../src/index.ts";
import type { Connection } from "../../../src/index.ts";
import type { Scenario, Trial } from "../scenario.ts";
import { atMost } from "../scenario.ts";
import { serverOf } from "../support.ts";

export const blackhole: Scenario = {
  name: "blackhole",
  title: "a peer that is frozen, on either side",
  limit: 90,
  run: async (trial) => {
    const idle = trial.size(2_000, 1_000);
    const goal = 2 * idle + 1_000;
    const found = (what: string, time: number): void => trial.row(`${what}, idle ${idle} ms`, time, "ms", atMost(goal));
    found("a silent client finds a frozen listener", await frozenListener(trial, idle, false));
    found("a sending client finds a frozen listener", await frozenListener(trial, idle, true));
    found("a listener finds a frozen client", await frozenClient(trial, idle));
  },
};

async function frozenListener(trial: Trial, idle: number, sending: boolean): Promise<number> {
  const { server, url } = await serverOf(trial, { idleTimeout: idle, prefetch: 1_000_000 });
  const connection = await connect(url, { reconnect: false, idleTimeout: idle });
  const sender = await connection.createSender("q");
  await sender.send({ body: "there" });
  let sends: Promise<unknown>[] = [];
  server.freeze();
  const began = performance.now();
  // More than the sockets hold, so that writing waits too.
  if (sending) sends = Array.from({ length: 5_000 }, () => sender.send({ body: new Uint8Array(4_096) }).catch(() => undefined));
  await connection.closed;
  const time = performance.now() - began;
  await Promise.all(sends);
  await server.stop();
  return time;
}

async function frozenClient(trial: Trial, idle: number): Promise<number> {
  const container = new Container({ onError: () => undefined, connection: { idleTimeout: idle } });
  const listener = await container.listen({ host: "127.0.0.1", port: 0 });
  void listener.serve((request) => void request.accept());
  const starting = trial.peer("client", { url: listener.url, idleTimeout: idle });
  let connection: Connection | undefined;
  for await (const one of listener) {
    connection = one;
    break;
  }
  const client = await starting;
  client.freeze();
  const began = performance.now();
  await connection?.closed;
  const time = performance.now() - began;
  await client.stop();
  await container.close();
  return time;
}

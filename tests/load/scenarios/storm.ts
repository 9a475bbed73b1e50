/** Many connections that are cut in one moment: how soon are they back, and how hard did they knock? */

import { Container } from "../../../src/index.ts";
import type { Connection, Sender } from "../../../src/index.ts";
import type { Scenario } from "../scenario.ts";
import { atMost, exactly } from "../scenario.ts";
import { connections, percentile, serverOf } from "../support.ts";

/** How a connection came back. */
interface Return {
  readonly after: number;
  readonly attempts: number;
}

export const storm: Scenario = {
  name: "storm",
  title: "1,000 connections cut together",
  limit: 120,
  run: async (trial) => {
    const { server, url } = await serverOf(trial);
    const container = new Container({ onError: () => undefined });
    const count = trial.size(1_000, 100);
    const open = await connections(count, (n) => {
      if ((n + 1) % 250 === 0) trial.progress(`${n + 1} connections`);
      return container.connect(url);
    });
    const senders: Sender[] = await Promise.all(open.map((connection) => connection.createSender("q")));
    await Promise.all(senders.map((sender) => sender.send({ body: "before" })));
    let cut = 0;
    const returns = open.map((connection) => back(connection, () => cut));
    cut = performance.now();
    const sends = senders.map((sender) => sender.send({ body: "meanwhile" }));
    await server.ask("cut");
    const back30 = await Promise.all(returns);
    trial.progress(`all are back after ${Math.max(...back30.map(({ after }) => after)).toFixed(0)} ms`);
    const settled = await Promise.allSettled(sends);
    const after = back30.map((one) => one.after);
    const attempts = back30.map((one) => one.attempts);
    trial.row(`${count} connections: the last one is back`, Math.max(...after) / 1000, "s", atMost(30));
    trial.row("half of them are back", percentile(after, 0.5) / 1000, "s");
    trial.row("attempts of one connection, the most", Math.max(...attempts), "", atMost(3));
    trial.row("attempts of a connection, on average", attempts.reduce((sum, n) => sum + n, 0) / count, "");
    trial.row("sends under way meanwhile that were not accepted", settled.filter(({ status }) => status === "rejected").length, "", exactly(0));
    await container.close();
  },
};

/** Watches a connection until it has come back. */
async function back(connection: Connection, cut: () => number): Promise<Return> {
  let attempts = 0;
  for await (const status of connection.status()) {
    if (status.type === "reconnecting") attempts = Math.max(attempts, status.attempt);
    if (status.type === "closed") throw status.error ?? new Error("a connection was closed");
    if (status.type === "recovered") return { after: performance.now() - cut(), attempts };
  }
  throw new Error("a connection ended");
}

/** Connections that do nothing: what do they cost? */

import { Container } from "../../../src/index.ts";
import { memory, octets } from "../process-state.ts";
import type { Scenario } from "../scenario.ts";
import { MB, atMost, exactly } from "../scenario.ts";
import { connections, many, serverOf } from "../support.ts";

export const idle: Scenario = {
  name: "idle",
  title: "1,000 idle connections on a listener",
  limit: 90,
  run: async (trial) => {
    const { server, url } = await serverOf(trial);
    const container = new Container();
    // A first few, so that code and pools are there.
    const warm = await connections(50, () => container.connect(url));
    await Promise.all(warm.map((connection) => connection.close()));
    await server.leftover();
    const [before, ours] = [await server.state(), await memory()];
    const count = trial.size(1_000, 200);
    const open = await connections(count, () => container.connect(url));
    const [after, mine] = [await server.state(), await memory()];
    const share = count / 1_000;
    trial.row(`${count} idle connections: the listener's heap and buffers`, (octets(after) - octets(before)) / MB, "MB", atMost(100 * share));
    trial.row("the listener's process (RSS)", (after.rss - before.rss) / MB, "MB", atMost(100 * share));
    trial.row("the clients' heap and buffers", (octets(mine) - octets(ours)) / MB, "MB", atMost(100 * share));
    trial.progress("each sends and receives something, and is idle again");
    await many(count, 50, async (n) => {
      const connection = open[n];
      if (connection === undefined) return;
      const sender = await connection.createSender("q");
      for (let i = 0; i < 20; i++) await sender.send({ body: "x".repeat(1_000) });
      await sender.close();
    });
    const used = await server.state();
    trial.row("the listener's heap and buffers when all have sent", (octets(used) - octets(before)) / MB, "MB", atMost(100 * share));
    trial.row("the listener's process (RSS) when all have sent", (used.rss - before.rss) / MB, "MB");
    await container.close();
    trial.row("handles left at the listener", (await server.leftover()).length, "", exactly(0));
  },
};

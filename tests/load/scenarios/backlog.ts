/** A million sends that wait for credit: what does each cost, and is the last one as quick as the first? */

import { connect } from "../../../src/index.ts";
import { memory, octets } from "../process-state.ts";
import type { Scenario } from "../scenario.ts";
import { atMost, exactly } from "../scenario.ts";
import { serverOf } from "../support.ts";

/** Octets of a body. */
const SIZE = 100;

export const backlog: Scenario = {
  name: "backlog",
  title: "1 M sends that wait for credit",
  limit: 120,
  run: async (trial) => {
    const { server, url } = await serverOf(trial, { wait: true });
    const connection = await connect(url, { reconnect: false, timeouts: { send: Infinity } });
    const sender = await connection.createSender("q");
    const count = trial.size(1_000_000, 50_000);
    const body = "x".repeat(SIZE);
    const sends = new Array<Promise<unknown>>(count).fill(Promise.resolve());
    const before = await memory();
    const quarter = count / 4;
    const times: number[] = [];
    for (let part = 0; part < 4; part++) {
      const began = performance.now();
      for (let n = part * quarter; n < (part + 1) * quarter; n++) sends[n] = sender.send({ id: n, body });
      times.push(performance.now() - began);
      await new Promise((resolve) => setImmediate(resolve));
      trial.progress(`${(part + 1) * quarter} sends wait`);
    }
    const after = await memory();
    trial.row(`${count} waiting sends: octets of each over its body of ${SIZE}`, (octets(after) - octets(before)) / count - SIZE, "octets", atMost(600));
    trial.row("waiting", sender.queued, "", exactly(count));
    trial.row("time for the last quarter, to that for the second", (times[3] ?? 0) / (times[1] ?? 1), "x", trial.scale === "full" ? atMost(2) : undefined);
    await server.ask("read");
    await Promise.all(sends);
    const { received, outOfOrder } = await server.ask<{ received: number; outOfOrder: number }>("counts");
    trial.row("received, once there was credit", received, "", exactly(count));
    trial.row("out of order", outOfOrder, "", exactly(0));
    sends.length = 0;
    const end = await memory();
    trial.row("heap and buffers left when all are settled", (octets(end) - octets(before)) / 1e6, "MB", atMost(30), "slabs of the pool and the queue's ring stay for the next burst");
    await connection.close();
  },
};

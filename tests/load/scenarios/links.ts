/** Many links on one connection: what does each cost, and does traffic over all of them go as fast as over one? */

import { connect } from "../../../src/index.ts";
import type { Sender } from "../../../src/index.ts";
import { memory, octets } from "../process-state.ts";
import type { Scenario } from "../scenario.ts";
import { atLeast, atMost, exactly } from "../scenario.ts";
import { many, percentile, serverOf } from "../support.ts";

export const links: Scenario = {
  name: "links",
  title: "10,000 links on one connection",
  limit: 120,
  run: async (trial) => {
    const { server, url } = await serverOf(trial);
    const connection = await connect(url, { reconnect: false });
    const one = await connection.createSender("q");
    const total = trial.size(200_000, 20_000);
    await send([one], total);
    const [before, theirs] = [await memory(), await server.state()];
    const count = trial.size(10_000, 1_000);
    const senders: Sender[] = [];
    await many(count, 200, async (n) => {
      senders.push(await connection.createSender("q"));
      if ((n + 1) % 2_500 === 0) trial.progress(`${n + 1} links`);
    });
    const [after, them] = [await memory(), await server.state()];
    trial.row(`${count} links: heap and buffers of each, client`, (octets(after) - octets(before)) / count, "octets", atMost(3_000));
    trial.row("heap and buffers of each, listener", (octets(them) - octets(theirs)) / count, "octets", atMost(3_000));
    const ratios: number[] = [];
    for (let round = 0; round < trial.size(5, 1); round++) {
      const alone = await send([one], total);
      const spread = await send(senders, total);
      ratios.push(spread / alone * 100);
      trial.progress(`${Math.round(alone)} msg/s over one link, ${Math.round(spread)} msg/s over ${count}`);
    }
    trial.row("messages a second over all of them, to those over one", percentile(ratios, 0.5), "%", trial.scale === "full" ? atLeast(80) : undefined);
    const { outOfOrder } = await server.ask<{ outOfOrder: number }>("counts");
    trial.row("messages out of order", outOfOrder, "", exactly(0));
    await connection.close();
  },
};

/** Messages a second. */
async function send(senders: readonly Sender[], total: number): Promise<number> {
  const window = 1_000;
  const waiting = new Array<Promise<unknown>>(window).fill(Promise.resolve());
  const began = performance.now();
  for (let n = 0; n < total; n++) {
    await waiting[n % window];
    waiting[n % window] = (senders[n % senders.length] as Sender).send({ body: "x" });
  }
  await Promise.all(waiting);
  return total / (performance.now() - began) * 1000;
}

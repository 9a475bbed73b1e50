/** One delivery that nobody settles, and a hundred thousand after it (J02). */

import { connect } from "../../../src/index.ts";
import type { Scenario } from "../scenario.ts";
import { exactly } from "../scenario.ts";
import { serverOf } from "../support.ts";

export const straggler: Scenario = {
  name: "straggler",
  title: "one unsettled delivery before 100,000 others, both ways",
  limit: 90,
  run: async (trial) => {
    const count = trial.size(100_000, 10_000);
    const { server, url } = await serverOf(trial, { holdFirst: true, prefetch: 500 });
    const connection = await connect(url, { reconnect: false });
    const sender = await connection.createSender("q");
    const first = sender.trySend({ body: "first" }) ?? await sender.ready().then(() => sender.trySend({ body: "first" }));
    const sends: Promise<unknown>[] = [];
    for (let n = 0; n < count; n++) sends.push(sender.send({ body: n }));
    await Promise.all(sends);
    trial.row("sends accepted after one that was not settled", count, "", exactly(count));
    trial.row("still unsettled at the sender", sender.unsettled.size, "", exactly(1));
    trial.row("held at the receiver", await server.ask<number>("held"), "", exactly(1));
    trial.row("the first one is not told", first?.outcome === undefined ? 1 : 0, "", exactly(1));

    const receiver = await connection.createReceiver("q", { prefetch: 500 });
    const giving = server.ask("send", { count: count + 1, size: 10 });
    giving.catch(() => undefined);
    const held = await receiver.receive();
    let taken = 0;
    for await (const delivery of receiver.take({ max: count })) {
      if (delivery.message.body instanceof Uint8Array) taken += 1;
    }
    trial.row("deliveries taken after one that was not settled", taken, "", exactly(count));
    trial.row("still unsettled at the receiver", receiver.unsettled.size, "", exactly(1));
    await held.accept();
    await giving;
    await connection.close();
  },
};

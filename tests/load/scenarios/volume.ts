/** Ten million messages, over the end of the delivery-ids. */

import { connect } from "../../../src/index.ts";
import type { Scenario } from "../scenario.ts";
import { atMost, exactly } from "../scenario.ts";
import { memory, octets } from "../process-state.ts";
import { serverOf } from "../support.ts";
import { beginAt } from "../ids.ts";

/** Where delivery-ids, transfer-ids and delivery-counts begin: they wrap soon. */
const FIRST = 2 ** 32 - 1_000;
const WINDOW = 1_000;

export const volume: Scenario = {
  name: "volume",
  title: "10 M messages, with ids that begin at 2^32 - 1000 and wrap",
  limit: 240,
  run: async (trial) => {
    const { server, url } = await serverOf(trial);
    const opening = connect(url, { reconnect: false });
    beginAt(opening.endpoint, FIRST);
    const connection = await opening;
    const sender = await connection.createSender("q");
    const count = trial.size(10_000_000, 50_000);
    const waiting = new Array<Promise<unknown>>(WINDOW).fill(Promise.resolve());
    const began = performance.now();
    let before = 0;
    for (let id = 0; id < count; id++) {
      const slot = id % WINDOW;
      await waiting[slot];
      waiting[slot] = sender.send({ id, body: "volume" });
      if (id === count / 10) before = octets(await memory());
      if (id > 0 && id % 1_000_000 === 0) trial.progress(`${id / 1_000_000} M messages`);
    }
    await Promise.all(waiting);
    const seconds = (performance.now() - began) / 1000;
    const { received, outOfOrder } = await server.ask<{ received: number; outOfOrder: number }>("counts");
    trial.row("messages accepted", count, "", exactly(count));
    trial.row("messages received", received, "", exactly(count));
    trial.row("messages out of order, twice or missing", outOfOrder, "", exactly(0));
    trial.row("unsettled at the end", sender.unsettled.size, "", exactly(0));
    trial.row("heap and buffers at the end over those after a tenth", (octets(await memory()) - before) / 1e6, "MB", atMost(5));
    trial.row("messages a second", count / seconds, "");
    await connection.close();
  },
};

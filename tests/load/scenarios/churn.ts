/** Connections and links that come and go: what do they leave behind? */

import { connect } from "../../../src/index.ts";
import { resources } from "../process-state.ts";
import type { Scenario } from "../scenario.ts";
import { many, serverOf, snapshot, stayed } from "../support.ts";

export const churn: Scenario = {
  name: "churn",
  title: "10,000 connects and closes, 100,000 attaches and detaches",
  limit: 240,
  run: async (trial) => {
    const { server, url } = await serverOf(trial);
    const connects = async (count: number): Promise<void> => many(count, 20, async (n) => {
      const connection = await connect(url, { reconnect: false });
      await connection.close();
      if ((n + 1) % 1000 === 0) trial.progress(`${n + 1} of ${count} connects`);
    });
    // Code that is compiled and pools that are filled once are no leak.
    await connects(trial.size(500, 100));
    const handles = resources();
    let before = await snapshot(server);
    const count = trial.size(10_000, 300);
    await connects(count);
    await stayed(trial, `${count} connects`, server, before, handles);

    const connection = await connect(url, { reconnect: false });
    const attaches = async (times: number): Promise<void> => many(times, 50, async (n) => {
      const link = n % 2 === 0 ? await connection.createSender("q") : await connection.createReceiver("q");
      await link.close();
      if ((n + 1) % 10_000 === 0) trial.progress(`${n + 1} of ${times} attaches`);
    });
    await attaches(trial.size(2_000, 300));
    const open = resources();
    before = await snapshot(server);
    const links = trial.size(100_000, 3_000);
    await attaches(links);
    await stayed(trial, `${links} attaches`, server, before, open);
    await connection.close();
  },
};

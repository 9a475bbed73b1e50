/** A good client beside bad ones: how much of its throughput does it keep? */

import { connect } from "../../../src/index.ts";
import type { Sender } from "../../../src/index.ts";
import { octets } from "../process-state.ts";
import type { Scenario } from "../scenario.ts";
import { MB, atLeast, atMost, exactly } from "../scenario.ts";
import { percentile, serverOf } from "../support.ts";

/** Unsettled sends of the good client. */
const WINDOW = 500;

export const neighbours: Scenario = {
  name: "neighbours",
  title: "500 slow-loris and 10 floods of garbage beside a good client",
  limit: 120,
  run: async (trial) => {
    const { server, url, port } = await serverOf(trial);
    const connection = await connect(url, { reconnect: false });
    const sender = await connection.createSender("q");
    const attackers = await trial.peer("attackers", { port, slow: 500, floods: 10, seed: 1 });
    const time = trial.size(4_000, 1_500);
    await throughput(sender, 1_000);
    const before = await server.state();
    const alone = await best(sender, time, trial.size(3, 1));
    trial.progress(`alone: ${Math.round(alone)} msg/s`);
    await attackers.ask("begin");
    await throughput(sender, 1_500);
    const beside = await best(sender, time, trial.size(3, 1));
    const counts = await attackers.ask<Record<string, number>>("counts");
    trial.progress(`beside them: ${Math.round(beside)} msg/s; ${JSON.stringify(counts)}`);
    const during = await server.state();
    trial.row("throughput kept", beside / alone * 100, "%", atLeast(70));
    trial.row("messages a second, alone", alone, "");
    trial.row("messages a second, beside them", beside, "");
    trial.row("connections of the floods", counts["floodConnects"] ?? 0, "");
    trial.row("connections of the slow ones", counts["slowConnects"] ?? 0, "");
    trial.row("heap and buffers that they cost the listener", (octets(during) - octets(before)) / MB, "MB", atMost(30));
    await attackers.ask("end");
    await connection.close();
    const left = await server.leftover();
    trial.row("handles left at the listener", left.length, "", exactly(0), left.join(", ") || undefined);
  },
};

/** The median of some rounds. */
async function best(sender: Sender, time: number, rounds: number): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) rates.push(await throughput(sender, time));
  return percentile(rates, 0.5);
}

/** Messages a second, each accepted. */
async function throughput(sender: Sender, time: number): Promise<number> {
  const body = "x".repeat(100);
  const waiting = new Array<Promise<unknown>>(WINDOW).fill(Promise.resolve());
  const began = performance.now();
  let sent = 0;
  while ((sent & 255) !== 0 || performance.now() - began < time) {
    const slot = sent % WINDOW;
    await waiting[slot];
    waiting[slot] = sender.send({ body });
    sent += 1;
  }
  await Promise.all(waiting);
  return sent / (performance.now() - began) * 1000;
}

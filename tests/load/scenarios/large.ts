/** A message of 64 MB comes in: for how long does everything else wait? */

import { monitorEventLoopDelay } from "node:perf_hooks";
import { connect } from "../../../src/index.ts";
import type { Connection } from "../../../src/index.ts";
import type { Scenario, Trial } from "../scenario.ts";
import { atMost, exactly } from "../scenario.ts";
import { serverOf } from "../support.ts";
import type { Peer } from "../peer-process.ts";

const SIZE = 64_000_000;
const ROOM = 128 * 1024 * 1024;

export const large: Scenario = {
  name: "large",
  title: "event-loop delay while 64 MB messages come in",
  limit: 90,
  run: async (trial) => {
    const { server, url } = await serverOf(trial);
    const connection = await connect(url, { reconnect: false, limits: { maxBufferedBytes: ROOM } });
    const messages = trial.size(5, 2);
    await whole(trial, connection, server, messages);
    await pieces(trial, connection, server, messages);
    await connection.close();
  },
};

async function whole(trial: Trial, connection: Connection, server: Peer, messages: number): Promise<void> {
  const receiver = await connection.createReceiver("q", { maxMessageSize: ROOM, prefetch: 1 });
  let octets = 0;
  await delays(trial, "taken whole", server, messages, async () => {
    for await (const { message } of receiver.take({ max: messages })) octets += (message.body as Uint8Array).length;
  });
  trial.row("octets received, taken whole", octets, "", exactly(messages * SIZE));
  await receiver.close();
}

async function pieces(trial: Trial, connection: Connection, server: Peer, messages: number): Promise<void> {
  const receiver = await connection.createReceiver("q", { maxMessageSize: ROOM, prefetch: 1, partial: true });
  let octets = 0;
  await delays(trial, "as a stream", server, messages, async () => {
    for await (const delivery of receiver.take({ max: messages })) {
      for await (const bytes of delivery.stream()) octets += bytes.length;
    }
  });
  trial.row("octets received, as a stream", octets, "", exactly(messages * SIZE));
  await receiver.close();
}

async function delays(trial: Trial, how: string, server: Peer, count: number, take: () => Promise<void>): Promise<void> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  const began = performance.now();
  await Promise.all([take(), server.ask("send", { count, size: SIZE })]);
  histogram.disable();
  const seconds = (performance.now() - began) / 1000;
  trial.row(`event-loop delay p99, ${how}`, histogram.percentile(99) / 1e6, "ms", atMost(20));
  trial.row(`the longest, ${how}`, histogram.max / 1e6, "ms");
  trial.row(`rate, ${how}`, count * SIZE / seconds / 1e6, "MB/s");
}

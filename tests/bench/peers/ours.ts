/**
 * One side of a run on leptonmq, as a program would write it: `send()` with a bounded number of promises that wait for their
 * settlement, `for await` with automatic accept.
 */

import { Container, connect } from "../../../src/index.ts";
import type { Sender } from "../../../src/index.ts";
import { Meter } from "../meter.ts";
import { tell } from "../side.ts";
import type { Side } from "../side.ts";

/** One side of a pair of ours. */
export async function runOurs(side: Side): Promise<void> {
  if (side.role === "receiver") await receive(side);
  else await send(side);
}

async function receive(side: Side): Promise<void> {
  const container = new Container();
  const listener = await container.listen("amqp://127.0.0.1:0");
  await tell({ port: listener.port });
  for await (const request of listener.links()) {
    if (request.role !== "receiver") throw new Error("the peer is to send");
    const receiver = await request.accept({ prefetch: side.credit });
    const meter = new Meter(side);
    let count = 0;
    let octets = 0;
    for await (const delivery of receiver) {
      meter.begin();
      count += 1;
      if (side.read === 1) octets += (delivery.message.body as string | Uint8Array).length;
      meter.tick(count);
    }
    await receiver.connection.closed;
    await tell({ result: meter.result(count, octets) });
    break;
  }
  await container.close();
}

async function send(side: Side): Promise<void> {
  const connection = await connect(`amqp://127.0.0.1:${side.port}`);
  const sender = await connection.createSender("bench", { guarantee: side.mode === "settled" ? "at-most-once" : "at-least-once" });
  const body = side.body === "bytes" ? new Uint8Array(side.size).fill(120) : "x".repeat(side.size);
  const meter = new Meter(side);
  await sender.ready();
  const sent = side.mode === "latency" ? await oneByOne(sender, body, meter) : await windowed(sender, body, meter, side.window);
  await connection.close();
  await tell({ result: meter.result(sent, sent * side.size) });
}

/** Sends without waiting while fewer than `window` are unsettled, then waits for the oldest; each promise is awaited once. */
async function windowed(sender: Sender, body: string | Uint8Array, meter: Meter, window: number): Promise<number> {
  const waiting = new Array<Promise<unknown> | undefined>(window).fill(undefined);
  let sent = 0;
  let slot = 0;
  meter.begin();
  while (!meter.over) {
    const oldest = waiting[slot];
    if (oldest !== undefined) {
      await oldest;
      meter.tick(sent);
    }
    waiting[slot] = sender.send({ id: sent, body });
    sent += 1;
    slot = slot + 1 === window ? 0 : slot + 1;
  }
  await Promise.all(waiting.filter((one) => one !== undefined));
  return sent;
}

async function oneByOne(sender: Sender, body: string | Uint8Array, meter: Meter): Promise<number> {
  let sent = 0;
  meter.begin();
  while (!meter.over) {
    const start = performance.now();
    await sender.send({ id: sent, body });
    meter.latency(performance.now() - start);
    sent += 1;
    meter.tick(sent);
  }
  return sent;
}

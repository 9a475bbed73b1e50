/** B.1 at the embedded broker: what a consumer had acquired, and what a producer had under way, over a lost connection. */

import { describe, expect, test } from "@jest/globals";
import type { Connection, Receiver } from "../../src/container/public.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";
import type { Bench } from "../support/broker.ts";

const NAMED = { name: "link", prefetch: 10 } as const;
const LASTING = { ...NAMED, terminusTimeout: 60_000 } as const;
const EXACTLY = { ...LASTING, guarantee: "exactly-once" } as const;

async function lost(connection: Connection, broker: Bench["broker"]): Promise<void> {
  broker.dropConnections();
  await connection.closed;
  await turns(5);
}

/** Whether nothing comes although there is credit. */
async function isEmpty(receiver: Receiver): Promise<boolean> {
  return (await receiver.drain(1)) === 0;
}

/** Bodies with their delivery-counts, each accepted. */
async function counted(receiver: Receiver, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { message } of receiver.take({ max: count })) found.push([message.body, message.deliveryCount]);
  return found;
}

/** A broker on a clock that stands still. */
async function onClock(body: (bench: Bench & { readonly clock: ManualClock }) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  await withBroker({ clock }, (bench) => body({ ...bench, clock }));
  expect(clock.pending).toBe(0);
}

describe("X13 B.1 consumers that are lost", () => {
  test("what it had acquired stays acquired until its terminus expires, and is then released, uncounted", () =>
    onClock(async ({ broker, connect, clock }) => {
      broker.put("q", { body: 1 });
      const one = await connect({ containerId: "c" });
      await (await one.createReceiver("q", LASTING)).receive();
      await lost(one, broker);
      // Connections of before do not outlive the advances of the clock: nothing is heard of them meanwhile.
      const other = async (): Promise<Receiver> => (await connect()).createReceiver("q", { prefetch: 0 });
      expect(await isEmpty(await other())).toBe(true);
      expect(broker.depth("q")).toBe(1);
      await clock.advance(59_000);
      expect(await isEmpty(await other())).toBe(true);
      await clock.advance(2_000);
      expect(await counted(await (await connect()).createReceiver("q"), 1)).toEqual([[1, 0]]);
      await until(() => broker.depth("q") === 0);
    }));

  test("modified as failed is its default-outcome: then it is counted", () =>
    onClock(async ({ broker, connect, clock }) => {
      broker.put("q", { body: 1 });
      const one = await connect({ containerId: "c" });
      await (await one.createReceiver({ address: "q", defaultOutcome: { type: "modified", deliveryFailed: true } }, LASTING)).receive();
      await lost(one, broker);
      await clock.advance(61_000);
      expect(await counted(await (await connect()).createReceiver("q"), 1)).toEqual([[1, 1]]);
    }));

  test("come back at least once, it gets them again, counted, in order and before what came since", () =>
    onClock(async ({ broker, connect }) => {
      for (const body of [1, 2]) broker.put("q", { body });
      const one = await connect({ containerId: "c" });
      const first = await one.createReceiver("q", LASTING);
      for (let n = 0; n < 2; n++) await first.receive();
      await lost(one, broker);
      broker.put("q", { body: 3 });
      const again = await (await connect({ containerId: "c" })).createReceiver("q", LASTING);
      expect(await counted(again, 3)).toEqual([[1, 1], [2, 1], [3, 0]]);
      await until(() => broker.depth("q") === 0);
    }));

  test("without a time of its own nothing is kept: another consumer has them at once", () =>
    onClock(async ({ broker, connect }) => {
      broker.put("q", { body: 1 });
      const one = await connect({ containerId: "c" });
      await (await one.createReceiver("q", NAMED)).receive();
      await lost(one, broker);
      expect(await counted(await (await connect()).createReceiver("q"), 1)).toEqual([[1, 1]]);
    }));

  test("X.10 come back exactly once without a map: nothing is lost, and the delivery counts", () =>
    onClock(async ({ broker, connect }) => {
      broker.put("q", { body: 1 });
      const one = await connect({ containerId: "c" });
      const first = await one.createReceiver("q", EXACTLY);
      expect(first.guarantee).toBe("exactly-once");
      await first.receive();
      await lost(one, broker);
      const again = await (await connect({ containerId: "c" })).createReceiver("q", EXACTLY);
      expect(await counted(again, 1)).toEqual([[1, 1]]);
      await until(() => broker.depth("q") === 0);
    }));

  test("X.5 come back exactly once by itself: what is in hand is its own still, and accepted once", () =>
    withBroker({}, async ({ broker, connect }) => {
      broker.put("q", { body: 1 });
      const connection = await connect({ containerId: "c", reconnect: { initialDelay: 1, maxDelay: 5 } });
      const receiver = await connection.createReceiver("q", EXACTLY);
      const delivery = await receiver.receive();
      broker.dropConnections();
      const accepted = delivery.accept();
      await accepted;
      expect(receiver.recovery).toBe("resumed");
      await until(() => broker.depth("q") === 0);
      broker.put("q", { body: 2 });
      expect(await bodies(receiver, 1)).toEqual([2]);
    }));

  test("closed by its peer it is over at once", () =>
    onClock(async ({ broker, connect, clock }) => {
      const one = await connect({ containerId: "c" });
      const receiver = await one.createReceiver("q", LASTING);
      await receiver.close();
      await lost(one, broker);
      expect(clock.pending).toBe(0);
      expect(broker.depth("q")).toBe(0);
    }));
});

describe("X13 B.1 producers that are lost", () => {
  test("S16 X.5 exactly once: while the queue is full too, each message is queued once", () =>
    withBroker({ queues: { q: { maxLength: 2 } } }, async ({ broker, connect }) => {
      const connection = await connect({ containerId: "c", reconnect: { initialDelay: 1, maxDelay: 5 } });
      const sender = await connection.createSender("q", { name: "link", guarantee: "exactly-once" });
      const sends = [1, 2, 3, 4, 5].map((body) => sender.send({ body }));
      await until(() => broker.depth("q") === 2);
      broker.dropConnections();
      await until(() => sender.recovery === "resumed");
      const receiver = await (await connect()).createReceiver("q");
      expect(await bodies(receiver, 5)).toEqual([1, 2, 3, 4, 5]);
      for (const { outcome } of await Promise.all(sends)) expect(outcome).toMatchObject({ type: "accepted" });
      expect(await isEmpty(receiver)).toBe(true);
      expect(broker.depth("q")).toBe(0);
    }));

  test("a node that was made for a lasting target stays with it, and goes with its end", () =>
    onClock(async ({ broker, connect, clock }) => {
      const one = await connect({ containerId: "c" });
      const target = { dynamic: true, expiryPolicy: "connection-close", timeout: 10_000 } as const;
      const sender = await one.createSender(target, { name: "link" });
      const address = sender.remoteTarget.address as string;
      await sender.send({ body: 1 });
      await lost(one, broker);
      const again = await (await connect({ containerId: "c" })).createSender(target, { name: "link" });
      expect(again.remoteTarget.address).toBe(address);
      await again.send({ body: 2 });
      expect(broker.depth(address)).toBe(2);
      await lost(again.connection, broker);
      await clock.advance(11_000);
      expect(broker.depth(address)).toBe(0);
    }));
});

/** What the broker does to a message and its header: time to live, priority, first-acquirer, delivery-count, and letters to the dead. */

import { describe, expect, test } from "@jest/globals";
import { Message } from "../../src/container/public.ts";
import type { IncomingDelivery } from "../../src/container/public.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";
import type { Bench } from "../support/broker.ts";
import type { BrokerOptions } from "../../src/broker/options.ts";

async function onClock(options: BrokerOptions, run: (bench: Bench & { readonly clock: ManualClock }) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  await withBroker({ ...options, clock }, (bench) => run({ ...bench, clock }));
}

const header = ({ message }: IncomingDelivery): unknown[] => [message.body, message.firstAcquirer, message.deliveryCount];

describe("X13 time to live", () => {
  test("a message whose ttl is over vanishes, in the queue and before anybody gets it", () =>
    onClock({}, async ({ broker, connect, clock }) => {
      const connection = await connect();
      broker.put("q", { body: "short", ttl: 1_000 });
      broker.put("q", { body: "long", ttl: 10_000 });
      broker.put("q", { body: "ever" });
      await clock.advance(999);
      expect(broker.depth("q")).toBe(3);
      await clock.advance(1);
      expect(broker.depth("q")).toBe(2);
      await clock.advance(9_000);
      expect(broker.peek("q").map(({ body }) => body)).toEqual(["ever"]);
      expect(await bodies(await connection.createReceiver("q"), 1)).toEqual(["ever"]);
    }));

  test("what is left of the ttl is sent on, less the time in the queue; a ttl of 0 is none", () =>
    onClock({}, async ({ broker, connect, clock }) => {
      broker.put("q", { body: 1, ttl: 10_000 });
      broker.put("q", { body: 2, ttl: 0 });
      broker.put("q", { body: 3 });
      await clock.advance(4_000);
      const receiver = await (await connect()).createReceiver("q");
      const seen: unknown[] = [];
      for await (const { message } of receiver.take({ max: 3 })) seen.push([message.body, message.ttl]);
      expect(seen).toEqual([[1, 6_000], [2, 0], [3, undefined]]);
    }));

  test("absolute-expiry-time is a time of day, stays in the message, and the sooner of both holds", () =>
    onClock({}, async ({ broker, connect, clock }) => {
      const later = new Date(Date.now() + 600_000);
      broker.put("q", { body: "past", expiryTime: new Date(Date.now() - 1) });
      broker.put("q", { body: "later", expiryTime: later });
      broker.put("q", { body: "ttl first", expiryTime: later, ttl: 1_000 });
      broker.put("q", { body: "time first", expiryTime: new Date(Date.now() + 5_000), ttl: 60_000 });
      broker.put("q", { body: "far", expiryTime: 2n ** 62n });
      await clock.advance(20);
      expect(broker.peek("q").map(({ body }) => body)).toEqual(["later", "ttl first", "time first", "far"]);
      await clock.advance(1_000);
      expect(broker.depth("q")).toBe(3);
      await clock.advance(5_000);
      const { message } = await (await (await connect()).createReceiver("q")).receive();
      expect([message.body, message.expiryTime, message.ttl]).toEqual(["later", later, undefined]);
    }));

  test("one that is out for delivery expires when it comes back, not before", () =>
    onClock({}, async ({ broker, connect, clock }) => {
      const receiver = await (await connect()).createReceiver("q");
      broker.put("q", { body: 1, ttl: 1_000 });
      broker.put("q", { body: 2, ttl: 1_000 });
      const [first, second] = [await receiver.receive(), await receiver.receive()];
      await clock.advance(2_000);
      expect(broker.depth("q")).toBe(2);
      await first.release();
      await until(() => broker.depth("q") === 1);
      await second.accept();
      await until(() => broker.depth("q") === 0);
    }));

  test("expired messages go to the dead letters where the queue says so, and live there", () =>
    onClock({ queues: { q: { deadLetter: "dead", deadLetterExpired: true }, r: { deadLetter: "dead" } } }, async ({ broker, clock }) => {
      broker.put("q", { body: "kept", ttl: 1_000, expiryTime: new Date(Date.now() + 600_000) });
      broker.put("r", { body: "dropped", ttl: 1_000 });
      await clock.advance(1_000);
      expect([broker.depth("q"), broker.depth("r"), broker.depth("dead")]).toEqual([0, 0, 1]);
      await clock.advance(1_000_000);
      const [letter] = broker.peek("dead");
      expect([letter?.body, letter?.ttl, letter?.annotations["x-opt-death-reason"], letter?.annotations["x-opt-death-queue"]]).toEqual(["kept", undefined, "expired", "q"]);
    }));

  test("a subscription forgets what is expired, and makes room by it", () =>
    onClock({ queues: { "topic://t": { maxLength: 2 } } }, async ({ broker, connect, clock }) => {
      const connection = await connect({ containerId: "c" });
      await (await connection.createReceiver("topic://t", { name: "s", durable: true })).detach();
      const sender = await connection.createSender("topic://t");
      for (const body of [1, 2]) await sender.send({ body, ttl: 1_000 });
      await clock.advance(1_000);
      for (const body of [3, 4]) await sender.send({ body, ttl: 60_000 });
      expect(broker.depth("topic://t")).toBe(2);
      await clock.advance(1_000);
      const seen: unknown[] = [];
      const receiver = await connection.createReceiver("topic://t", { name: "s", durable: true });
      for await (const { message } of receiver.take({ max: 2 })) seen.push([message.body, message.ttl]);
      expect(seen).toEqual([[3, 59_000], [4, 59_000]]);
    }));

  test("100,000 that are taken before their time leave no trace", () =>
    onClock({}, async ({ broker, connect, clock }) => {
      const connection = await connect();
      const [sender, receiver] = [await connection.createSender("q", { guarantee: "at-most-once" }), await connection.createReceiver("q", { guarantee: "at-most-once", prefetch: 1_000 })];
      const total = 100_000;
      const before = clock.pending;
      const reading = (async () => {
        let count = 0;
        for await (const _ of receiver.take({ max: total })) count++;
        return count;
      })();
      for (let n = 0; n < total; n++) await sender.send({ body: null, ttl: 3_600_000 });
      expect(await reading).toBe(total);
      await until(() => broker.depth("q") === 0);
      await until(() => clock.pending === before);
    }), 60_000);
});

describe("X13 header", () => {
  test("higher priorities first, in order within each; what is released goes back to its own", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const priorities = [4, 9, 0, 4, 9, 255, undefined, 0];
      for (const [n, priority] of priorities.entries()) broker.put("q", { body: n, ...(priority === undefined ? {} : { priority }) });
      expect(broker.peek("q").map(({ body }) => body)).toEqual([5, 1, 4, 0, 3, 6, 2, 7]);
      const first = await connection.createReceiver("q", { prefetch: 3 });
      const held = [await first.receive(), await first.receive(), await first.receive()];
      expect(held.map(({ message }) => message.body)).toEqual([5, 1, 4]);
      await first.stop();
      for (const delivery of held) await delivery.release();
      await turns();
      broker.put("q", { body: "last high", priority: 9 });
      expect(await bodies(await connection.createReceiver("q"), 9)).toEqual([5, 1, 4, "last high", 0, 3, 6, 2, 7]);
    }));

  test("first-acquirer is true for whom nobody had it before, and for nobody else", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      broker.put("q", { body: "m" });
      const browser = await connection.createReceiver("q", { distributionMode: "copy" });
      expect(header(await browser.receive())).toEqual(["m", false, 0]);
      const one = await connection.createReceiver("q", { prefetch: 1 });
      const first = await one.receive();
      expect(header(first)).toEqual(["m", true, 0]);
      await first.release();
      const second = await one.receive();
      expect(header(second)).toEqual(["m", false, 0]);
      await second.modify({ deliveryFailed: true });
      expect(header(await one.receive())).toEqual(["m", false, 1]);
    }));

  test("what the former hop said of first-acquirer and delivery-count is not sent on", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      await (await connection.createSender("q")).send({ body: "m", firstAcquirer: true, deliveryCount: 7, durable: true, priority: 6 });
      const { message } = await (await connection.createReceiver("q")).receive();
      expect([message.firstAcquirer, message.deliveryCount, message.durable, message.priority]).toEqual([true, 0, true, 6]);
    }));

  test("subscribers share a message and nobody's count", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const [one, two] = [await connection.createReceiver("topic://t", { prefetch: 1 }), await connection.createReceiver("topic://t", { prefetch: 0 })];
      await (await connection.createSender("topic://t")).send({ body: "m", ttl: 60_000 });
      await (await one.receive()).modify({ deliveryFailed: true, annotations: { "x-opt-mine": 1 } });
      const again = await one.receive();
      expect([...header(again), again.message.annotations["x-opt-mine"]]).toEqual(["m", false, 1, 1]);
      const fresh = await two.receive();
      expect([...header(fresh), fresh.message.annotations["x-opt-mine"]]).toEqual(["m", true, 0, undefined]);
    }));

  test("a header that cannot be decoded is rejected, and the link goes on", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      // a priority that is text
      const bytes = new Uint8Array([0x00, 0x53, 0x70, 0xc0, 0x05, 0x02, 0x41, 0xa1, 0x01, 0x78, 0x00, 0x53, 0x77, 0x40]);
      await expect(sender.send(Message.decode(bytes))).rejects.toMatchObject({ code: "rejected", condition: "amqp:decode-error" });
      await sender.send({ body: "next" });
      expect(broker.depth("q")).toBe(1);
    }));
});

describe("FT32 dead letters", () => {
  const QUEUES = { work: { deadLetter: "dead", maxDeliveries: 2 } };
  const deathOf = ({ annotations }: { annotations: Record<string, unknown> }): unknown[] =>
    ["reason", "queue", "deliveries", "condition", "description"].map((name) => annotations[`x-opt-death-${name}`]);

  test("say of what they died, and where and when, beside what they had", () =>
    withBroker({ queues: QUEUES }, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver("work");
      const before = Date.now();
      broker.put("work", { body: "a", id: "1", annotations: { "x-opt-own": 1 }, properties: { n: 1 }, ttl: 60_000, priority: 9 });
      await (await receiver.receive()).reject({ condition: "app:unpaid", description: "not paid" });
      await until(() => broker.depth("dead") === 1);
      const [letter] = broker.peek("dead");
      expect(letter && deathOf(letter)).toEqual(["rejected", "work", 0, "app:unpaid", "not paid"]);
      expect([letter?.body, letter?.id, letter?.annotations["x-opt-own"], letter?.properties["n"], letter?.ttl, letter?.priority]).toEqual(["a", "1", 1, 1, undefined, 9]);
      const time = letter?.annotations["x-opt-death-time"] as Date;
      expect(time.getTime() >= before && time.getTime() <= Date.now()).toBe(true);
      expect(broker.depth("work")).toBe(0);
    }));

  test("of failures tell how many", () =>
    withBroker({ queues: QUEUES }, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver("work");
      broker.put("work", { body: "poison" });
      for (let n = 0; n < 2; n++) await (await receiver.receive()).modify({ deliveryFailed: true });
      await until(() => broker.depth("dead") === 1);
      expect(broker.peek("dead").map(deathOf)).toEqual([["max-deliveries", "work", 2, undefined, undefined]]);
      const { message } = await (await (await connect()).createReceiver("dead")).receive();
      expect([message.body, message.deliveryCount, message.firstAcquirer]).toEqual(["poison", 0, true]);
    }));

  test("of a topic's subscribers go to its dead letters as well, one from each", () =>
    withBroker({ queues: { "topic://t": { deadLetter: "dead" } } }, async ({ broker, connect }) => {
      const connection = await connect();
      const subscribers = [await connection.createReceiver("topic://t"), await connection.createReceiver("topic://t")];
      await (await connection.createSender("topic://t")).send({ body: "m" });
      for (const subscriber of subscribers) await (await subscriber.receive()).reject("no");
      await until(() => broker.depth("dead") === 2);
      expect(broker.peek("dead").map((letter) => deathOf(letter)[1])).toEqual(["topic://t", "topic://t"]);
    }));
});

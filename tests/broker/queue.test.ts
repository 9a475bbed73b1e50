/** Queues: order, competing consumers, credit, and what each outcome does to a message. */

import { describe, expect, test } from "@jest/globals";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

describe("X13 queue", () => {
  test("gives messages out in the order in which they came", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const numbers = Array.from({ length: 500 }, (_, n) => n);
      await Promise.all(numbers.map((body) => sender.send({ body })));
      expect(broker.depth("q")).toBe(500);
      expect(await bodies(await connection.createReceiver("q"), 500)).toEqual(numbers);
      await until(() => broker.depth("q") === 0);
    }));

  test("serves competing consumers in turn, each in order", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const [one, two] = [await connection.createReceiver("q", { prefetch: 0 }), await connection.createReceiver("q", { prefetch: 0 })];
      one.flow(10);
      two.flow(10);
      await turns();
      for (let body = 0; body < 10; body++) broker.put("q", { body });
      await until(() => one.queued + two.queued === 10);
      const first = Array.from({ length: one.queued }, () => one.tryReceive()?.message.body);
      const second = Array.from({ length: two.queued }, () => two.tryReceive()?.message.body);
      expect([first, second].sort((a, b) => Number(a[0]) - Number(b[0]))).toEqual([[0, 2, 4, 6, 8], [1, 3, 5, 7, 9]]);
    }));

  test("L.2 sends no more than the credit of each link", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const receiver = await connection.createReceiver("q", { prefetch: 0 });
      for (let body = 0; body < 20; body++) broker.put("q", { body });
      receiver.flow(3);
      await until(() => receiver.queued === 3);
      await turns();
      expect(receiver.queued).toBe(3);
      receiver.flow(4);
      await until(() => receiver.queued === 7);
      await turns();
      expect(receiver.queued).toBe(7);
      expect(broker.depth("q")).toBe(20);
    }));

  test("L.3 answers a drain at the end of the queue", () =>
    withBroker({}, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver("q", { prefetch: 0 });
      for (let body = 0; body < 3; body++) broker.put("q", { body });
      expect(await receiver.drain(10)).toBe(3);
      expect(receiver.credit).toBe(0);
      const seen: unknown[] = [];
      for (let delivery = receiver.tryReceive(); delivery !== undefined; delivery = receiver.tryReceive()) {
        seen.push(delivery.message.body);
        await delivery.accept();
      }
      expect(seen).toEqual([0, 1, 2]);
      expect(await receiver.drain(10)).toBe(0);
    }));

  test("sends settled where the consumer asks for it, and forgets such messages at once", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const receiver = await connection.createReceiver("q", { guarantee: "at-most-once" });
      expect(receiver.guarantee).toBe("at-most-once");
      broker.put("q", { body: "once" });
      const delivery = await receiver.receive();
      expect(delivery.settled).toBe(true);
      expect(broker.depth("q")).toBe(0);
    }));

  test("takes settled messages", () =>
    withBroker({}, async ({ broker, connect }) => {
      const sender = await (await connect()).createSender("q", { guarantee: "at-most-once" });
      await sender.send({ body: 1 });
      await until(() => broker.depth("q") === 1);
    }));

  test("F.32 released messages go back to their places, uncounted, whatever the order in which they were released", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let body = 0; body < 6; body++) broker.put("q", { body });
      const receiver = await connection.createReceiver("q", { prefetch: 4 });
      const held = [await receiver.receive(), await receiver.receive(), await receiver.receive(), await receiver.receive()];
      await receiver.stop();
      for (const index of [2, 0, 3, 1]) await held[index]?.release();
      await turns();
      const again = await connection.createReceiver("q");
      const seen: unknown[] = [];
      for await (const { message } of again.take({ max: 6 })) seen.push([message.body, message.deliveryCount]);
      expect(seen).toEqual([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [5, 0]]);
    }));

  test("FT32 modified with delivery-failed counts, without it does not, and annotations are merged", () =>
    withBroker({}, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver("q", { prefetch: 1 });
      broker.put("q", { body: "m", annotations: { "x-opt-kept": 1 } });
      const take = async () => receiver.receive();
      await (await take()).modify({ deliveryFailed: true, annotations: { "x-opt-why": "first" } });
      await (await take()).modify({});
      await (await take()).modify({ deliveryFailed: true, annotations: { "x-opt-why": "second" } });
      const { message, ...delivery } = await take();
      expect([message.body, message.deliveryCount, message.annotations["x-opt-kept"], message.annotations["x-opt-why"]]).toEqual(["m", 2, 1, "second"]);
      expect(delivery).toBeDefined();
    }));

  test("FT32 undeliverable-here spares that link only", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const one = await connection.createReceiver("q", { prefetch: 10 });
      broker.put("q", { body: "not here" });
      await (await one.receive()).modify({ undeliverableHere: true });
      broker.put("q", { body: "next" });
      const next = await one.receive();
      expect(next.message.body).toBe("next");
      await next.accept();
      const two = await connection.createReceiver("q");
      expect((await two.receive()).message.body).toBe("not here");
    }));

  test("FT32 rejected messages are dropped, or go to the dead-letter queue", () =>
    withBroker({ queues: { kept: { deadLetter: "dead" } } }, async ({ broker, connect }) => {
      const connection = await connect();
      for (const address of ["dropped", "kept"]) {
        broker.put(address, { body: address, properties: { n: 1 } });
        await (await (await connection.createReceiver(address)).receive()).reject("no");
        await until(() => broker.depth(address) === 0);
      }
      expect(broker.peek("dead").map((message) => [message.body, message.properties["n"]])).toEqual([["kept", 1]]);
    }));

  test("maxDeliveries failures bring a message to the dead-letter queue", () =>
    withBroker({ queues: { q: { deadLetter: "dead", maxDeliveries: 3 } } }, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver("q");
      broker.put("q", { body: "poison" });
      const counts: number[] = [];
      for (let attempt = 0; attempt < 3; attempt++) {
        const delivery = await receiver.receive();
        counts.push(delivery.message.deliveryCount);
        await delivery.modify({ deliveryFailed: true });
      }
      expect(counts).toEqual([0, 1, 2]);
      await until(() => broker.depth("dead") === 1);
      expect(broker.depth("q")).toBe(0);
    }));

  test("FT32 a loop that is left counts the message in hand and gives the others back uncounted", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let body = 0; body < 10; body++) broker.put("q", { body });
      const receiver = await connection.createReceiver("q");
      for await (const { message } of receiver) if (message.body === 2) break;
      await until(() => broker.depth("q") === 8);
      const seen: unknown[] = [];
      for await (const { message } of receiver.take({ max: 8 })) seen.push([message.body, message.deliveryCount]);
      expect(seen).toEqual([[2, 1], [3, 0], [4, 0], [5, 0], [6, 0], [7, 0], [8, 0], [9, 0]]);
    }));

  test("X.11 a link that is closed gives its messages back unharmed", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      broker.put("q", { body: 1 });
      const one = await connection.createReceiver("q");
      await one.receive();
      await one.close();
      const { message } = await (await connection.createReceiver("q")).receive();
      expect([message.body, message.deliveryCount]).toEqual([1, 0]);
    }));

  test("FT1 a connection that is dropped gives its messages back in order, counted", () =>
    withBroker({}, async ({ broker, connect }) => {
      const lost = await connect();
      for (let body = 0; body < 5; body++) broker.put("q", { body });
      const receiver = await lost.createReceiver("q", { prefetch: 3 });
      for (let n = 0; n < 3; n++) await receiver.receive();
      broker.dropConnections();
      expect(await lost.closed).toBeDefined();
      const seen: unknown[] = [];
      const again = await (await connect()).createReceiver("q");
      for await (const { message } of again.take({ max: 5 })) seen.push([message.body, message.deliveryCount]);
      expect(seen).toEqual([[0, 1], [1, 1], [2, 1], [3, 0], [4, 0]]);
    }));

  test("J08 forwards the sections of a message as they came", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const sent = {
        body: [1, "two", new Uint8Array([3])],
        id: "id-1",
        subject: "s",
        durable: true,
        priority: 7,
        contentType: "text/plain",
        properties: { a: 1, b: "two" },
        annotations: { "x-opt-a": 5 },
        footer: { "x-opt-f": true },
      };
      await sender.send(sent);
      const { message } = await (await connection.createReceiver("q")).receive();
      for (const [name, value] of Object.entries(sent)) expect([name, (message as unknown as Record<string, unknown>)[name]]).toEqual([name, value]);
      expect(broker.depth("q")).toBe(1);
    }));
});

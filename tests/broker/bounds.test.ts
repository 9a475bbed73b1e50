/** Bounds: who is held back when a queue or the broker is full, and who is not. */

import { describe, expect, test } from "@jest/globals";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

describe("X13 bounds", () => {
  test("a full queue holds its publishers back by credit, and loses nothing", () =>
    withBroker({ queues: { q: { maxLength: 100 } } }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const sends = Promise.all(Array.from({ length: 3_000 }, (_, body) => sender.send({ body })));
      await until(() => broker.depth("q") === 100);
      await turns();
      expect(broker.depth("q")).toBe(100);
      expect(sender.sendable()).toBe(false);
      expect(await bodies(await (await connect()).createReceiver("q"), 3_000)).toEqual(Array.from({ length: 3_000 }, (_, body) => body));
      await sends;
    }));

  test("a full queue does not touch the others", () =>
    withBroker({ queues: { full: { maxLength: 1 } } }, async ({ broker, connect }) => {
      const connection = await connect();
      const [full, free] = [await connection.createSender("full"), await connection.createSender("free")];
      await full.send({ body: 1 });
      const held = full.send({ body: 2 });
      for (let body = 0; body < 200; body++) await free.send({ body });
      expect(broker.depth("full")).toBe(1);
      await bodies(await connection.createReceiver("full"), 2);
      await held;
    }));

  test("maxBytes is a bound for all queues together", () =>
    withBroker({ maxBytes: 50_000 }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const sends = Promise.all(Array.from({ length: 20 }, () => sender.send({ body: new Uint8Array(10_000) })));
      await until(() => broker.depth("q") === 5);
      await turns();
      expect(broker.depth("q")).toBe(5);
      expect(() => broker.put("other", { body: 1 })).toThrow(expect.objectContaining({ code: "queue-full" }));
      await bodies(await connection.createReceiver("q"), 20);
      await sends;
    }));

  test("a publisher that leaves while it is held back takes its message along", () =>
    withBroker({ queues: { q: { maxLength: 1 } } }, async ({ broker, connect }) => {
      const leaving = await connect();
      const sender = await leaving.createSender("q");
      await sender.send({ body: "in" });
      sender.send({ body: "held" }).catch(() => undefined);
      await turns();
      await leaving.close({ drain: 0 });
      expect(await bodies(await (await connect()).createReceiver("q"), 1)).toEqual(["in"]);
      await turns();
      expect(broker.depth("q")).toBe(0);
    }));

  test("FT43 a consumer that takes nothing delays no other one of the same queue", () =>
    withBroker({}, async ({ broker, connect }) => {
      const stuck = await (await connect()).createReceiver("q", { prefetch: 5 });
      broker.put("q", { body: "stuck" });
      await stuck.receive();
      const publisher = await (await connect()).createSender("q");
      const numbers = Array.from({ length: 1_000 }, (_, body) => body);
      await Promise.all(numbers.map((body) => publisher.send({ body })));
      const quick = await (await connect()).createReceiver("q");
      expect(await bodies(quick, 996)).toEqual(numbers.slice(4));
      await until(() => broker.depth("q") === 5);
    }), 20_000);

  test("FT43 a slow subscriber of a topic is cut off at its bound with a reason, and delays nobody", () =>
    withBroker({ queues: { "topic://news": { maxLength: 50 } } }, async ({ connect }) => {
      const connection = await connect();
      const slow = await connection.createReceiver("topic://news", { prefetch: 1 });
      const quick = await connection.createReceiver("topic://news");
      const publisher = await connection.createSender("topic://news");
      const reading = bodies(quick, 200);
      for (let body = 0; body < 200; body++) await publisher.send({ body });
      expect(await reading).toEqual(Array.from({ length: 200 }, (_, body) => body));
      expect(await slow.closed).toMatchObject({ condition: "amqp:resource-limit-exceeded" });
    }));

  test("maxBytes of a queue is a bound of its own", () =>
    withBroker({ queues: { q: { maxBytes: 50_000 } } }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const sends = Promise.all(Array.from({ length: 20 }, () => sender.send({ body: new Uint8Array(10_000) })));
      await until(() => broker.depth("q") === 5);
      await turns();
      expect(broker.depth("q")).toBe(5);
      await (await connection.createSender("other")).send({ body: new Uint8Array(100_000) });
      await bodies(await connection.createReceiver("q"), 20);
      await sends;
    }));

  test("overflow: reject tells publishers at once, and takes again when there is room", () =>
    withBroker({ queues: { q: { maxLength: 2, overflow: "reject" } } }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const outcomes = await Promise.all([1, 2, 3, 4].map((body) => sender.send({ body }).then(() => "accepted", (error: { condition: string }) => error.condition)));
      expect(outcomes).toEqual(["accepted", "accepted", "amqp:resource-limit-exceeded", "amqp:resource-limit-exceeded"]);
      expect(await bodies(await connection.createReceiver("q"), 2)).toEqual([1, 2]);
      await until(() => broker.depth("q") === 0);
      await sender.send({ body: 5 });
    }));

  test("F.1 maxMessageSize is told in the attach and kept", () =>
    withBroker({ maxMessageSize: 1_000 }, async ({ broker, connect }) => {
      const sender = await (await connect()).createSender("q");
      expect(() => sender.send({ body: new Uint8Array(2_000) })).toThrow(expect.objectContaining({ code: "message-too-large" }));
      await sender.send({ body: new Uint8Array(900) });
      expect(broker.depth("q")).toBe(1);
    }));

  test("a topic ends the subscription that holds most when all queues together are full", () =>
    withBroker({ maxBytes: 100_000 }, async ({ broker, connect }) => {
      const connection = await connect();
      const stuck = await connection.createReceiver("topic://t", { prefetch: 1 });
      const quick = await connection.createReceiver("topic://t");
      const reading = bodies(quick, 20);
      const publisher = await connection.createSender("topic://t");
      for (let n = 0; n < 20; n++) await publisher.send({ body: n, properties: { padding: "x".repeat(10_000) } });
      expect(await reading).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(await stuck.closed).toMatchObject({ condition: "amqp:resource-limit-exceeded", description: expect.stringContaining("maxBytes of the broker") });
      await until(() => broker.depth("topic://t") === 0);
      await (await connection.createSender("q")).send({ body: "there is room" });
    }));
});

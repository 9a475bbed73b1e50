/** Consumers with filters: who gets what, what the attach echoes, and that nobody is held up by what is not for him. */

import { describe, expect, test } from "@jest/globals";
import { types } from "../../src/container/public.ts";
import type { Connection } from "../../src/container/public.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

describe("X13 filters", () => {
  test("a consumer gets what its selector is true for, in order, and leaves the rest to others", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 30; n++) broker.put("q", { body: n, properties: { third: n % 3 } });
      const some = await connection.createReceiver("q", { selector: "third = 1" });
      expect(await bodies(some, 10)).toEqual([1, 4, 7, 10, 13, 16, 19, 22, 25, 28]);
      await until(() => broker.depth("q") === 20);
      const late = bodies(some, 1);
      broker.put("q", { body: "not", properties: { third: 2 } });
      broker.put("q", { body: "late", properties: { third: 1 } });
      expect(await late).toEqual(["late"]);
      await some.close();
      expect(await bodies(await connection.createReceiver("q"), 21)).toEqual([0, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 23, 24, 26, 27, 29, "not"]);
    }));

  test("what the first in line does not want holds up neither it nor those behind", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const [red, blue] = [await connection.createReceiver("q", { selector: "colour = 'red'" }), await connection.createReceiver("q", { selector: "colour = 'blue'" })];
      const reds = bodies(red, 50);
      const blues = bodies(blue, 50);
      for (let n = 0; n < 100; n++) broker.put("q", { body: n, properties: { colour: n % 2 === 0 ? "red" : "blue" } });
      broker.put("q", { body: "green", properties: { colour: "green" } });
      expect(await reds).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n));
      expect(await blues).toEqual(Array.from({ length: 50 }, (_, n) => 2 * n + 1));
      await until(() => broker.depth("q") === 1);
      expect(broker.peek("q").map((message) => message.body)).toEqual(["green"]);
    }));

  test("released messages go back to those who want them, at their places", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 6; n++) broker.put("q", { body: n, properties: { even: n % 2 === 0 } });
      const first = await connection.createReceiver("q", { selector: "even", prefetch: 3 });
      const held = [await first.receive(), await first.receive(), await first.receive()];
      const second = await connection.createReceiver("q", { selector: "even" });
      const odd = await connection.createReceiver("q", { selector: "NOT even" });
      await first.stop();
      for (const index of [1, 2, 0]) await held[index]?.release();
      await turns();
      expect(await bodies(second, 3)).toEqual([0, 2, 4]);
      expect(await bodies(odd, 3)).toEqual([1, 3, 5]);
    }));

  test("undeliverable-here spares a consumer one message and neither the others nor the next", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const one = await connection.createReceiver("q", { selector: "n > 0", prefetch: 1 });
      for (let n = 0; n < 4; n++) broker.put("q", { body: n, properties: { n } });
      await (await one.receive()).modify({ undeliverableHere: true });
      await (await one.receive()).modify({ undeliverableHere: true });
      const third = await one.receive();
      expect(third.message.body).toBe(3);
      await third.accept();
      await turns();
      expect(one.tryReceive()).toBeUndefined();
      expect(await bodies(await connection.createReceiver("q", { selector: "n > 0" }), 2)).toEqual([1, 2]);
      await until(() => broker.depth("q") === 1);
    }));

  test("a count of failures is seen by a selector", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const troubled = await connection.createReceiver("q", { selector: "JMSRedelivered" });
      broker.put("q", { body: "m" });
      const plain = await connection.createReceiver("q", { selector: "NOT JMSRedelivered" });
      await (await plain.receive()).modify({ deliveryFailed: true });
      expect((await troubled.receive()).message.deliveryCount).toBe(1);
    }));

  test("E a bad selector refuses the link with its place, and nothing else", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const refused = connection.createReceiver("q", { selector: "colour = 'red' AND" });
      await expect(refused).rejects.toMatchObject({ code: "link-refused", condition: "amqp:invalid-field", description: "selector, character 19 (the end): a value is missing" });
      await expect(connection.createReceiver("q", { filter: { f: types.described("apache.org:selector-filter:string", 5) } })).rejects.toMatchObject({ condition: "amqp:invalid-field", description: "a selector is a text" });
      expect(connection.state.remote).toBe("active");
    }));

  test("the selector is known by name and by code, several must all be true, and an empty one is none", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 8; n++) broker.put("q", { body: n, properties: { n } });
      const filter = { low: types.described("apache.org:selector-filter:string", "n > 1"), high: types.described(0x0000468c00000004n, "n < 4"), none: types.described("apache.org:selector-filter:string", " ") };
      const receiver = await connection.createReceiver("q", { filter });
      expect(Object.keys(receiver.remoteSource.filter)).toEqual(["low", "high", "none"]);
      expect(receiver.remoteSource.filter).toEqual(filter);
      expect(await bodies(receiver, 2)).toEqual([2, 3]);
      await turns();
      expect(receiver.queued).toBe(0);
    }));

  test("other filters are not echoed, so that the client can tell", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const filter = { "com.example:mine": "x", selector: types.described("apache.org:selector-filter:string", "n = 1") };
      await expect(connection.createReceiver("q", { filter })).rejects.toMatchObject({ code: "filter-not-supported", message: expect.stringContaining("com.example:mine") });
      for (let n = 0; n < 2; n++) broker.put("q", { body: n, properties: { n } });
      const receiver = await connection.createReceiver("q", { filter, filterRequired: false });
      expect(Object.keys(receiver.remoteSource.filter)).toEqual(["selector"]);
      expect(await bodies(receiver, 1)).toEqual([1]);
    }));

  test("no-local leaves the messages of the own connection to others", () =>
    withBroker({}, async ({ broker, connect }) => {
      const [here, there] = [await connect(), await connect()];
      const noLocal = { "no-local": types.described("apache.org:no-local-filter:list", []) };
      const [queue, topic] = [await here.createReceiver("q", { filter: noLocal }), await here.createReceiver("topic://t", { filter: noLocal })];
      expect(Object.keys(queue.remoteSource.filter)).toEqual(["no-local"]);
      for (const [connection, body] of [[here, "own"], [there, "other"]] as const) {
        for (const address of ["q", "topic://t"]) await (await connection.createSender(address)).send({ body });
      }
      expect([await bodies(queue, 1), await bodies(topic, 1)]).toEqual([["other"], ["other"]]);
      await until(() => broker.depth("q") === 1);
    }));

  test("a topic's subscriber gets what its selector is true for, and falls behind by nothing else", () =>
    withBroker({ queues: { "topic://t": { maxLength: 10 } } }, async ({ connect }) => {
      const connection = await connect();
      const some = await connection.createReceiver("topic://t", { selector: "n = 99", prefetch: 1 });
      const publisher = await connection.createSender("topic://t");
      for (let n = 0; n < 100; n++) await publisher.send({ body: n, properties: { n } });
      expect(await bodies(some, 1)).toEqual([99]);
    }));

  test("hundreds of selectors on one queue: each gets its own", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connections = await Promise.all(Array.from({ length: 4 }, () => connect()));
      const count = 200;
      const receivers = await Promise.all(Array.from({ length: count }, (_, n) => (connections[n % 4] as Connection).createReceiver("replies", { selector: `amqp.correlation_id = ${n}` })));
      const answers = receivers.map((receiver) => receiver.receive({ timeout: 20_000 }));
      await turns();
      for (let n = count - 1; n >= 0; n--) broker.put("replies", { body: `for ${n}`, correlationId: n });
      const got = await Promise.all(answers);
      expect(got.map((delivery) => delivery.message.body)).toEqual(Array.from({ length: count }, (_, n) => `for ${n}`));
    }), 30_000);

  test("a long search for a selector ends at the right message, lets others go on, and a drain waits for its end", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const total = 30_000;
      for (let n = 0; n < total; n++) broker.put("q", { body: n, properties: { n } });
      broker.put("other", { body: "other" });
      const other = await connection.createReceiver("other");
      const searching = await connection.createReceiver("q", { selector: `n >= ${total - 2}`, prefetch: 0 });
      const drained = searching.drain(10, { timeout: 30_000 });
      expect(await bodies(other, 1)).toEqual(["other"]);
      expect(await drained).toBe(2);
      expect([searching.tryReceive()?.message.body, searching.tryReceive()?.message.body]).toEqual([total - 2, total - 1]);
      const none = await connection.createReceiver("q", { selector: "n < 0", prefetch: 5 });
      const waiting = none.receive({ timeout: 30_000 });
      broker.put("q", { body: "negative", properties: { n: -1 } });
      expect((await waiting).message.body).toBe("negative");
      // a reader from the front is not affected by where the others are
      expect(await bodies(await connection.createReceiver("q"), 3)).toEqual([0, 1, 2]);
    }), 60_000);

  test("what others release again and again costs a searching consumer no new search", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 5_000; n++) broker.put("q", { body: n, properties: { n } });
      const searching = await connection.createReceiver("q", { selector: "n < 0", prefetch: 1 });
      const wanted = searching.receive({ timeout: 30_000 });
      const restless = await connection.createReceiver("q", { prefetch: 1 });
      for (let round = 0; round < 300; round++) {
        const delivery = await restless.receive();
        expect(delivery.message.body).toBe(0);
        await delivery.release();
      }
      broker.put("q", { body: "found", properties: { n: -1 } });
      expect((await wanted).message.body).toBe("found");
      expect(broker.depth("q")).toBe(5_001);
    }), 60_000);
});

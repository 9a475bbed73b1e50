/** What must hold between a program, its links and the broker, whatever the amounts. */

import { describe, expect, test } from "@jest/globals";
import { connect as connectTo, Container } from "../../src/index.ts";
import type { IncomingDelivery } from "../../src/container/public.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

describe("links", () => {
  test("FT37 one message at a time out of 10,000: never more than prefetch held, and none stuck when the loop is left", () =>
    withBroker({}, async ({ broker, connect }) => {
      const total = 10_000;
      for (let body = 0; body < total; body++) broker.put("q", { body });
      const receiver = await (await connect()).createReceiver<number>("q", { prefetch: 20 });
      const taken: number[] = [];
      let most = 0;
      for await (const { message } of receiver) {
        await turns(20); // slow: everything that may come has come
        most = Math.max(most, receiver.queued + 1);
        taken.push(message.body);
        if (taken.length === 30) break;
      }
      expect(most).toBeLessThanOrEqual(20);
      expect(taken).toEqual(Array.from({ length: 30 }, (_, n) => n));
      await until(() => broker.depth("q") === total - 29);
      const rest = await bodies(await (await connect()).createReceiver("q"), total - 29);
      expect(rest).toEqual(Array.from({ length: total - 29 }, (_, n) => n + 29));
      await until(() => broker.depth("q") === 0);
    }), 60_000);

  test("J02 10,000 sends under way, settled by the peer in random order: each promise settles once", async () => {
    const total = 10_000;
    const container = new Container();
    const listener = await container.listen({ host: "127.0.0.1", port: 0 });
    const held: IncomingDelivery[] = [];
    const serving = listener.serve(async (request) => {
      if (request.role !== "receiver") return request.refuse({ condition: "amqp:not-allowed" });
      const receiver = await request.accept({ prefetch: total, autoAccept: false });
      while (held.length < total) held.push(await receiver.receive());
    });
    const connection = await connectTo(listener.url);
    try {
      const sender = await connection.createSender("x");
      const settlements = new Uint8Array(total);
      const outcomes = new Map<string, number>();
      const count = (n: number, what: string): void => {
        settlements[n] = (settlements[n] ?? 0) + 1;
        outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
      };
      const sends = Array.from({ length: total }, (_, n) =>
        sender.send({ id: `m${n}`, body: n }).then(
          () => count(n, "accepted"),
          (error: { code: string }) => count(n, error.code),
        ),
      );
      await until(() => held.length === total);
      expect(sender.unsettled.size).toBe(total);
      for (const [place, delivery] of shuffled(held).entries()) void (place % 3 === 0 ? delivery.accept() : place % 3 === 1 ? delivery.reject("no") : delivery.release());
      await Promise.all(sends);
      expect(settlements.every((times) => times === 1)).toBe(true);
      expect(Object.fromEntries(outcomes)).toEqual({ accepted: 3_334, rejected: 3_333, released: 3_333 });
      expect(sender.unsettled.size).toBe(0);
    } finally {
      await connection.close();
      await listener.close();
      await serving;
      await container.close();
    }
  }, 60_000);

  test("J03 a link without credit never delays another one of its connection", () =>
    withBroker({ queues: { full: { maxLength: 1 } } }, async ({ connect }) => {
      const connection = await connect();
      const stuck = await connection.createSender("full");
      const sends = Array.from({ length: 5_000 }, () => stuck.send({ body: new Uint8Array(1_000) }).catch((error: { code: string }) => error.code));
      const free = await connection.createSender("free");
      const receiver = await connection.createReceiver("free");
      for (let body = 0; body < 100; body++) {
        await free.send({ body });
        expect(await bodies(receiver, 1)).toEqual([body]);
      }
      await stuck.close({ drain: 0 });
      expect(new Set((await Promise.all(sends)).slice(1))).toEqual(new Set(["not-sent", "in-doubt"]));
    }), 30_000);

  test("FT28 a refused link rejects its own promise and disturbs nothing else", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const refused = connection.createReceiver("dynamic/nobody");
      const sends = Promise.all(Array.from({ length: 200 }, (_, body) => sender.send({ body })));
      await expect(refused).rejects.toMatchObject({ scope: "link", condition: "amqp:not-found" });
      await sends;
      expect(connection.state).toEqual({ local: "active", remote: "active" });
      expect((await bodies(await connection.createReceiver("q"), 200)).length).toBe(200);
    }));
});

// Fisher-Yates with a fixed seed: the same order on every run.
function shuffled<T>(values: readonly T[]): T[] {
  const result = [...values];
  let seed = 12_345;
  for (let i = result.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const j = seed % (i + 1);
    const value = result[i] as T;
    result[i] = result[j] as T;
    result[j] = value;
  }
  return result;
}

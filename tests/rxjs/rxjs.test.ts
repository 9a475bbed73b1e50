/** The RxJS door: credit that follows the pipeline, unsubscribing, sending, statuses. */

import { describe, expect, test } from "@jest/globals";
import { bufferCount, firstValueFrom, from, lastValueFrom, map, mergeMap, of, Subject, take, toArray, zip } from "rxjs";
import { accepted, messages, sendTo, status } from "../../src/adapters/rxjs.ts";
import type { IncomingDelivery } from "../../src/container/public.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

describe("rxjs messages", () => {
  test("holds no more than prefetch unsettled, and goes on as the pipeline settles", () =>
    withBroker({}, async ({ broker, connect }) => {
      for (let body = 0; body < 200; body++) broker.put("q", { body });
      const receiver = await (await connect()).createReceiver("q", { prefetch: 10 });
      const seen: IncomingDelivery[] = [];
      const subscription = messages(receiver).subscribe((delivery) => seen.push(delivery));
      await until(() => seen.length === 10);
      await turns();
      expect(seen.length).toBe(10);
      for (const delivery of seen.slice(0, 5)) await delivery.accept();
      await until(() => seen.length === 15);
      await turns();
      expect(seen.length).toBe(15);
      subscription.unsubscribe();
    }));

  test("unsubscribing closes the flow and releases what is unsettled, uncounted and in order", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let body = 0; body < 50; body++) broker.put("q", { body });
      const receiver = await connection.createReceiver("q", { prefetch: 10 });
      const seen: IncomingDelivery[] = [];
      const subscription = messages(receiver).subscribe((delivery) => seen.push(delivery));
      await until(() => seen.length === 10);
      await seen[0]?.accept();
      subscription.unsubscribe();
      const other = await connection.createReceiver("q");
      const got: unknown[] = [];
      for await (const { message } of other.take({ max: 49 })) got.push([message.body, message.deliveryCount]);
      expect(got).toEqual(Array.from({ length: 49 }, (_, n) => [n + 1, 0]));
      expect(receiver.credit).toBe(0);
    }));

  test("can be subscribed to again", () =>
    withBroker({}, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver<number>("q", { prefetch: 5 });
      for (let body = 0; body < 6; body++) broker.put("q", { body });
      const next = () => lastValueFrom(messages(receiver).pipe(accepted(), take(3), map(({ message }) => message.body), toArray()));
      expect(await next()).toEqual([0, 1, 2]);
      expect(await next()).toEqual([3, 4, 5]);
    }));

  test('settle "auto" accepts when next returns, unless it was settled', () =>
    withBroker({ queues: { q: { deadLetter: "dead" } } }, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver<number>("q", { prefetch: 5 });
      for (let body = 0; body < 20; body++) broker.put("q", { body });
      const subscription = messages(receiver, { settle: "auto" }).subscribe((delivery) => {
        if (delivery.message.body % 2 === 1) void delivery.reject("odd");
      });
      await until(() => broker.depth("q") === 0);
      expect(broker.depth("dead")).toBe(10);
      subscription.unsubscribe();
    }));

  test("completes with the link and errors with its error", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const ended = await connection.createReceiver("q");
      const complete = lastValueFrom(messages(ended), { defaultValue: "none" });
      await turns(5);
      await ended.close();
      expect(await complete).toBe("none");
      const lost = lastValueFrom(messages(await connection.createReceiver("q")));
      await turns(5);
      broker.dropConnections();
      await expect(lost).rejects.toMatchObject({ code: "disconnected" });
    }));

  test("accepted takes arrays too", () =>
    withBroker({}, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver<number>("q", { prefetch: 8 });
      for (let body = 0; body < 8; body++) broker.put("q", { body });
      const batches = await lastValueFrom(messages(receiver).pipe(bufferCount(4), accepted(), map((batch) => batch.length), take(2), toArray()));
      expect(batches).toEqual([4, 4]);
      await until(() => broker.depth("q") === 0);
    }));
});

describe("rxjs sendTo", () => {
  test("sends everything with no more than `concurrency` under way, and emits each delivery", () =>
    withBroker({}, async ({ broker, connect }) => {
      const sender = await (await connect()).createSender("q");
      let most = 0;
      const source = from(Array.from({ length: 300 }, (_, body) => ({ body })));
      const outcomes = await lastValueFrom(
        source.pipe(sendTo(sender, { concurrency: 7 }), map((delivery) => { most = Math.max(most, sender.unsettled.size); return delivery.outcome?.type; }), toArray()),
      );
      expect(outcomes).toEqual(Array.from({ length: 300 }, () => "accepted"));
      expect(most).toBeLessThanOrEqual(7);
      expect(broker.depth("q")).toBe(300);
    }));

  test('an outcome other than accepted errors the stream, or is passed on with onError "pass"', () =>
    withBroker({}, async ({ connect }) => {
      const relay = await (await connect()).createSender(null);
      const source = [{ to: "a", body: 1 }, { to: "dynamic/gone", body: 2 }, { to: "a", body: 3 }];
      await expect(lastValueFrom(from(source).pipe(sendTo(relay)))).rejects.toMatchObject({ code: "rejected" });
      const outcomes = await lastValueFrom(from(source).pipe(sendTo(relay, { onError: "pass", concurrency: 1 }), map((delivery) => delivery.outcome?.type), toArray()));
      expect(outcomes).toEqual(["accepted", "rejected", "accepted"]);
    }));

  test("a pipeline from queue to queue accepts only what was passed on", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let body = 0; body < 100; body++) broker.put("in", { body });
      const receiver = await connection.createReceiver<number>("in", { prefetch: 10 });
      const sender = await connection.createSender("out");
      const forwarded = messages(receiver).pipe(
        mergeMap((delivery) => zip(of(delivery), of({ body: delivery.message.body * 2 }).pipe(sendTo(sender))), 10),
        map(([delivery]) => delivery),
        accepted(),
        take(100),
        toArray(),
      );
      expect((await lastValueFrom(forwarded)).length).toBe(100);
      await until(() => broker.depth("in") === 0);
      expect((await bodies(await connection.createReceiver("out"), 100)).map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
    }));
});

describe("rxjs status", () => {
  test("begins with the present status and completes after closed", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      expect((await firstValueFrom(status(connection))).type).toBe("connected");
      const all = lastValueFrom(status(connection).pipe(map(({ type }) => type), toArray()));
      await connection.close();
      expect(await all).toEqual(["connected", "closed"]);
    }));

  test("unsubscribing ends it without an error", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const stop = new Subject<void>();
      const subscription = status(connection).subscribe({ error: () => stop.error(new Error("must not")) });
      subscription.unsubscribe();
      await connection.close();
    }));
});

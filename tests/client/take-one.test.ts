/** Taking without a loop: receive, tryReceive, receiveBatch, batches; credit by hand. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../src/index.ts";
import type { IncomingDelivery } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { deliver, failure, nextCredit, outcomes, receiverOn, settled, stage, turns, until } from "./support.ts";

const body = (delivery: IncomingDelivery): unknown => delivery.message.body;

describe("receive", () => {
  test("alone uses credit 1, and settling is the program's", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    for (let i = 0; i < 3; i++) {
      const receiving = receiver.receive();
      expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 1, deliveryCount: i });
      deliver(scene.peer, i);
      expect(body(await within(receiving, "receive"))).toBe(i);
      expect(receiver.credit).toBe(0);
    }
    expect(await outcomes(scene.peer)).toEqual({});
    expect(receiver.unsettled.size).toBe(3);
  });

  test("several at once use so much credit, and are served in their order", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const receiving = [receiver.receive(), receiver.receive(), receiver.receive()];
    let credit = 0;
    while (credit < 3) credit = Number((await nextCredit(scene.peer)).fields["linkCredit"]);
    expect(credit).toBe(3);
    deliver(scene.peer, "a", "b", "c");
    expect((await within(Promise.all(receiving), "three")).map(body)).toEqual(["a", "b", "c"]);
  });

  test("with prefetch given, that much", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 5 });
    const receiving = receiver.receive();
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 5 });
    deliver(scene.peer, 1, 2, 3);
    await within(receiving, "receive");
    await until(() => receiver.queued === 2);
    expect([body(await receiver.receive()), body(receiver.tryReceive() as IncomingDelivery), receiver.tryReceive()]).toEqual([2, 3, undefined]);
  });

  test("by timeout: TimeoutError; what comes later is for the next", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const receiving = failure(receiver.receive({ timeout: 500 }));
    await nextCredit(scene.peer);
    await scene.clock.advance(500);
    expect(await receiving).toMatchObject({ name: "TimeoutError", code: "timeout", retryable: true });
    deliver(scene.peer, "late");
    await until(() => receiver.queued === 1);
    expect(body(await receiver.receive({ timeout: 0 }))).toBe("late");
    const quiet = receiver.receive();
    await scene.clock.advance(10_000_000);
    expect(await settled(quiet)).toBe(false);
    quiet.catch(() => {});
  });

  test("the container's timeout for receive", async () => {
    const scene = await stage({ container: { timeouts: { receive: 100 } } });
    const receiving = failure((await receiverOn(scene)).receive());
    await scene.clock.advance(100);
    expect(await receiving).toMatchObject({ code: "timeout" });
  });

  test("by signal: its reason", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const giveUp = new AbortController();
    const receiving = failure(receiver.receive({ signal: giveUp.signal }));
    giveUp.abort("enough");
    expect(await receiving).toBe("enough");
    expect(await failure(receiver.receive({ signal: AbortSignal.abort("never") }))).toBe("never");
  });

  test("L.4 with prefetch 0 and a timeout: credit 1, drained at the timeout", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 0 });
    const receiving = failure(receiver.receive({ timeout: 500 }));
    const { fields } = await nextCredit(scene.peer);
    expect([fields["linkCredit"], fields["drain"]]).toEqual([1, undefined]);
    await scene.clock.advance(500);
    expect(await receiving).toMatchObject({ code: "timeout" });
    await scene.peer.until("flow", { linkCredit: 1, drain: true });
    expect(receiver.draining).toBe(true);
    scene.peer.send("flow", { handle: 0, deliveryCount: 1, linkCredit: 0, drain: true });
    await until(() => receiver.credit === 0 && !receiver.draining);
    expect(receiver.drained).toBe(0);
    const again = receiver.receive();
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 1, deliveryCount: 1 });
    deliver(scene.peer, "x");
    expect(body(await within(again, "the next"))).toBe("x");
  });

  test("rejects when the link ends, whichever way, and on a link that is over", async () => {
    const scene = await stage();
    const one = await receiverOn(scene);
    const receiving = failure(one.receive());
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await receiving).toMatchObject({ condition: "amqp:not-found" });
    expect(await failure(one.receive())).toMatchObject({ condition: "amqp:not-found" });
    const two = await receiverOn(scene);
    const waiting = failure(two.receive());
    const closing = two.close();
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "close");
    expect(await waiting).toMatchObject({ code: "link-detached" });
    const three = await receiverOn(scene);
    const stopped = failure(three.receive());
    await three.stop();
    expect(await stopped).toMatchObject({ code: "invalid-state" });
  });
});

describe("tryReceive", () => {
  test("what is here, and credit for what is not", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 3 });
    expect(receiver.tryReceive()).toBeUndefined();
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 3 });
    deliver(scene.peer, 1, 2);
    await until(() => receiver.queued === 2);
    expect([receiver.tryReceive(), receiver.tryReceive(), receiver.tryReceive()].map((each) => each?.message.body)).toEqual([1, 2, undefined]);
  });
});

describe("receiveBatch", () => {
  test("up to max, at once when they are there", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const batch = receiver.receiveBatch(3);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2, 3);
    expect((await within(batch, "the batch")).map(body)).toEqual([1, 2, 3]);
    expect(await outcomes(scene.peer)).toEqual({});
    expect(receiver.unsettled.size).toBe(3);
  });

  test("what came within 1000 ms; none is no error", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const some = receiver.receiveBatch(10);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2);
    await scene.clock.advance(999);
    expect(await settled(some)).toBe(false);
    await scene.clock.advance(1);
    expect((await within(some, "the batch")).map(body)).toEqual([1, 2]);
    const none = receiver.receiveBatch(10, { within: 50 });
    await scene.clock.advance(50);
    expect(await within(none, "an empty one")).toEqual([]);
  });

  test("a signal ends the collecting; what has come is given", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const giveUp = new AbortController();
    const batch = receiver.receiveBatch(10, { within: Infinity, signal: giveUp.signal });
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    await until(() => receiver.unsettled.size === 1);
    giveUp.abort();
    expect((await within(batch, "the batch")).map(body)).toEqual([1]);
  });

  test("max must be a whole number from 1", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    for (const max of [0, -1, 1.5, NaN, Infinity]) expect(await failure(receiver.receiveBatch(max))).toBeInstanceOf(ConfigError);
  });

  test("on a link that has failed: its error, not an endless row of empty batches", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const batch = failure(receiver.receiveBatch(10, { within: Infinity }));
    await nextCredit(scene.peer);
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await batch).toMatchObject({ condition: "amqp:not-found" });
    expect(await failure(receiver.receiveBatch(10))).toMatchObject({ condition: "amqp:not-found" });
  });
});

describe("batches", () => {
  test("each is accepted when the next is asked for; the one in hand goes back as modified when the loop is left", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const loop = receiver.batches(2)[Symbol.asyncIterator]();
    const first = loop.next();
    await nextCredit(scene.peer);
    deliver(scene.peer, 0, 1, 2, 3, 4);
    expect((await within(first, "the first")).value.map(body)).toEqual([0, 1]);
    expect(await outcomes(scene.peer)).toEqual({});
    const second = (await within(loop.next(), "the second")).value as IncomingDelivery[];
    expect(second.map(body)).toEqual([2, 3]);
    void second[0]?.reject("no");
    await within(Promise.resolve(loop.return?.()), "leaving");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "rejected amqp:internal-error", 3: "modified+failed", 4: "released" });
  });

  test("a batch that is not full is given after `within`, empty ones never", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const loop = receiver.batches(10, { within: 100 })[Symbol.asyncIterator]();
    const first = loop.next();
    await nextCredit(scene.peer);
    await scene.clock.advance(1_000);
    expect(await settled(first)).toBe(false);
    deliver(scene.peer, 1);
    await until(() => receiver.unsettled.size === 1);
    await scene.clock.advance(100);
    expect((await within(first, "the batch")).value.map(body)).toEqual([1]);
    await loop.return?.();
  });

  test("end by signal, stop, close, and throw the link's error", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const giveUp = new AbortController();
    const collect = async (signal?: AbortSignal): Promise<unknown[]> => {
      const seen: unknown[] = [];
      for await (const batch of receiver.batches(10, { within: Infinity, signal })) seen.push(...batch.map(body));
      return seen;
    };
    const first = collect(giveUp.signal);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    await until(() => receiver.unsettled.size === 1);
    giveUp.abort();
    expect(await within(first, "by signal")).toEqual([1]);
    const second = collect();
    await nextCredit(scene.peer);
    await receiver.stop();
    expect(await within(second, "by stop")).toEqual([]);
    const third = failure(collect());
    await nextCredit(scene.peer);
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await third).toMatchObject({ condition: "amqp:not-found" });
  });
});

describe("flow and drain", () => {
  test("prefetch 0: no credit but by flow, which adds up", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 0 });
    const loop = receiver[Symbol.asyncIterator]();
    const next = loop.next();
    await turns();
    expect(receiver.credit).toBe(0);
    receiver.flow(2);
    receiver.flow(3);
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 5 });
    deliver(scene.peer, 1);
    await within(next, "a delivery");
    expect(receiver.credit).toBe(4);
    await turns();
    expect(receiver.credit).toBe(4);
    await loop.return?.();
  });

  test("flow before the peer has attached is kept", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver("q", { prefetch: 0 });
    opening.endpoint.flow(3);
    scene.peer.reply(await scene.peer.until("begin"));
    scene.peer.reply(await scene.peer.until("attach"));
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 3 });
  });

  test("drain answers how many came, and waits 2 s at most for a peer that never answers", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 0 });
    const draining = receiver.drain(10);
    await scene.peer.until("flow", { drain: true, linkCredit: 10 });
    expect(receiver.draining).toBe(true);
    deliver(scene.peer, 1, 2);
    await until(() => receiver.queued === 2);
    await scene.clock.advance(1_999);
    expect(await settled(draining)).toBe(false);
    await scene.clock.advance(1);
    expect(await within(draining, "drain")).toBe(2);
    expect([receiver.draining, receiver.drained, receiver.queued]).toEqual([false, 2, 2]);
    await scene.peer.until("flow", { linkCredit: 0 });
    expect(await receiver.drain()).toBe(0);
  });

  test("drain before the peer has attached waits for it", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver("q", { prefetch: 0 });
    const draining = opening.endpoint.drain(4);
    scene.peer.reply(await scene.peer.until("begin"));
    scene.peer.reply(await scene.peer.until("attach"));
    await scene.peer.until("flow", { drain: true, linkCredit: 4 });
    deliver(scene.peer, 1, 2, 3, 4);
    expect(await within(draining, "drain")).toBe(4);
  });

  test("FT33 a drain when the connection is lost, or by its signal", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 0 });
    const giveUp = new AbortController();
    const aborted = failure(receiver.drain(5, { signal: giveUp.signal }));
    await scene.peer.until("flow", { drain: true });
    giveUp.abort("enough");
    expect(await aborted).toBe("enough");
    const lost = receiver.drain(5);
    await scene.peer.until("flow", { drain: true });
    deliver(scene.peer, 1);
    await until(() => receiver.queued === 1);
    scene.peer.drop("rst");
    expect(await within(lost.then((count) => count, () => "rejected"), "drain")).toBe(1);
  });
});

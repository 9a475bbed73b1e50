/** The other ways to send: trySend, ready, sendAll; tags and formats; what the peer learns of what waits. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Message, Uuid } from "../../src/index.ts";
import type { OutgoingDelivery, Sender } from "../../src/index.ts";
import { decodeMessage } from "../../src/testing/codec/message.ts";
import { within } from "../protocol/harness.ts";
import { failure, giveCredit, ids, pair, senderOn, sent, settled, stage, turns, until } from "./support.ts";

describe("trySend, sendable, ready", () => {
  test("trySend answers undefined without credit, and a delivery with it", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    expect([sender.sendable(), sender.trySend({ body: 1 })]).toEqual([false, undefined]);
    const ready = sender.ready();
    expect(await settled(ready)).toBe(false);
    await giveCredit(scene.peer, sender, 1);
    await within(ready, "ready");
    expect(sender.sendable()).toBe(true);
    const delivery = sender.trySend({ body: 1 }) as OutgoingDelivery;
    expect(delivery).toMatchObject({ settled: false, writable: false, outcome: undefined });
    expect([sender.sendable(), sender.credit, sender.trySend({ body: 2 })]).toEqual([false, 0, undefined]);
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "released" });
    expect((await within(delivery.settlement, "settlement")).outcome).toEqual({ type: "released" });
  });

  test("trySend does not overtake sends that wait", async () => {
    const scene = await stage({ container: { limits: { maxUnsettled: 1 } } });
    const sender = await senderOn(scene, 5);
    const sends = [sender.send({ body: 1 }), sender.send({ body: 2 })];
    expect(sender.trySend({ body: 3 })).toBeUndefined();
    const [first] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first, settled: true, state: "accepted" });
    const [second] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: second, settled: true, state: "accepted" });
    await within(Promise.all(sends), "both");
    expect(sender.trySend({ body: 3 })).toBeDefined();
  });

  test("FT8 a peer that does not read: trySend answers undefined, ready waits, and both go on when it reads", async () => {
    const { sending } = await pair({ server: { limits: { maxBufferedBytes: 1_000_000 } } });
    const [sender, receiver] = await sending({ receiver: { prefetch: 100_000 } });
    const body = new Uint8Array(50_000);
    // nobody takes, so nothing is read beyond windows and budget; somebody has to ask for credit first
    const first = receiver.receive();
    await within(sender.ready(), "ready");
    let count = 0;
    while (sender.trySend({ body }) !== undefined) count += 1;
    expect(count).toBeGreaterThan(0);
    expect(sender.sendable()).toBe(false);
    const ready = sender.ready();
    await first;
    let taken = 1;
    const loop = (async () => {
      for await (const delivery of receiver) {
        void delivery;
        taken += 1;
      }
    })();
    await within(ready, "ready again");
    while (sender.trySend({ body }) !== undefined) count += 1;
    await until(() => taken === count);
    await receiver.stop();
    await loop;
  }, 15_000);

  test("ready: by timeout, signal, and a link that ends", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const reason = new Error("enough");
    const giveUp = new AbortController();
    const waits = [failure(sender.ready({ timeout: 100 })), failure(sender.ready({ signal: giveUp.signal })), failure(sender.ready())];
    await scene.clock.advance(100);
    expect(await waits[0]).toMatchObject({ name: "TimeoutError", code: "timeout" });
    giveUp.abort(reason);
    expect(await waits[1]).toBe(reason);
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await waits[2]).toMatchObject({ name: "LinkError", condition: "amqp:not-found" });
  });

  test("ready has the default timeout of a send", async () => {
    const scene = await stage();
    const waiting = failure((await senderOn(scene)).ready());
    await scene.clock.advance(60_000);
    expect(await waiting).toMatchObject({ code: "timeout" });
  });
});

describe("sendAll", () => {
  test("gives the deliveries as they settle, with so many under way at once", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 100);
    const results = sender.sendAll(Array.from({ length: 10 }, (_, body) => ({ body })), { concurrency: 4 })[Symbol.asyncIterator]();
    const first = results.next();
    const under = await ids(scene.peer, 4);
    await turns();
    expect(sent(scene.peer)).toBe(4);
    scene.peer.send("disposition", { role: "receiver", first: under[2], settled: true, state: "accepted" });
    expect((await within(first, "the first")).value).toMatchObject({ outcome: { type: "accepted" }, tag: new Uint8Array([0, 0, 0, 3]) });
    const second = results.next();
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, last: 4, settled: true, state: "accepted" });
    await within(second, "the second");
    await turns();
    expect(sent(scene.peer)).toBeLessThanOrEqual(9);
    await results.return?.();
  });

  test("of an asynchronous source that is slow: each is given when it settles, not when the source ends", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 100);
    let left = false;
    const never = async function* (): AsyncGenerator<{ body: number }> {
      try {
        yield { body: 1 };
        yield { body: 2 };
        await new Promise<void>(() => {});
      } finally {
        left = true;
      }
    };
    const results = sender.sendAll(never())[Symbol.asyncIterator]();
    const first = results.next();
    await ids(scene.peer, 2);
    scene.peer.send("disposition", { role: "receiver", first: 0, last: 1, settled: true, state: "accepted" });
    expect((await within(first, "the first")).done).toBe(false);
    expect((await within(results.next(), "the second")).done).toBe(false);
    await within(Promise.resolve(results.return?.()), "leaving");
    expect(left).toBe(false);
  });

  test("leaving the loop ends the source; what was sent goes on", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 100);
    let ended = false;
    const source = function* (): Generator<{ body: number }> {
      try {
        for (let body = 0; ; body++) yield { body };
      } finally {
        ended = true;
      }
    };
    const loop = (async () => {
      for await (const delivery of sender.sendAll(source(), { concurrency: 3 })) return delivery;
      return undefined;
    })();
    await ids(scene.peer, 3);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    expect(await within(loop, "the loop")).toMatchObject({ outcome: { type: "accepted" } });
    expect(ended).toBe(true);
    expect(sender.unsettled.size).toBe(2);
  });

  test("throws the first failure, of a send or of the source, and of what cannot be encoded", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 100);
    const collect = async (messages: Iterable<{ body: unknown }> | AsyncIterable<{ body: unknown }>): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const delivery of sender.sendAll(messages)) found.push(delivery);
      return found;
    };
    const rejected = failure(collect([{ body: 1 }, { body: 2 }]));
    await ids(scene.peer, 2);
    scene.peer.send("disposition", { role: "receiver", first: 0, last: 1, settled: true, state: "rejected" });
    expect(await rejected).toMatchObject({ code: "rejected" });
    const broken = new Error("the source broke");
    expect(await failure(collect((async function* () {
      yield await Promise.reject(broken) as { body: unknown };
    })()))).toBe(broken);
    expect(await failure(collect([{ body: Symbol("x") }]))).toMatchObject({ code: "not-encodable" });
    expect(await collect([])).toEqual([]);
    const bad = sender.sendAll([{ body: 1 }], { concurrency: 0 });
    expect(await failure(bad[Symbol.asyncIterator]().next())).toBeInstanceOf(ConfigError);
  });

  test("10,000 through a pair", async () => {
    const { sending } = await pair();
    const [sender, receiver] = await sending<number>();
    let sum = 0;
    const taking = (async () => {
      for await (const { message } of receiver.take({ max: 10_000 })) sum += message.body;
    })();
    let count = 0;
    for await (const delivery of sender.sendAll(Array.from({ length: 10_000 }, (_, body) => ({ body })))) {
      if (delivery.outcome?.type === "accepted") count += 1;
    }
    await taking;
    expect([count, sum]).toEqual([10_000, 49_995_000]);
  }, 20_000);
});

describe("tags and formats", () => {
  test("text, bytes, a Uuid; found by any of them in unsettled", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 10);
    const uuid = Uuid.parse("00112233-4455-6677-8899-aabbccddeeff");
    for (const tag of ["text", "ümläut", new Uint8Array([1, 2, 3]), uuid, "x".repeat(32)]) sender.trySend({ body: 1 }, { tag });
    await ids(scene.peer, 5);
    const tags = scene.peer.frames().filter(({ name }) => name === "transfer").map(({ fields }) => Buffer.from(fields["deliveryTag"] as Uint8Array).toString("hex"));
    expect(tags).toEqual([
      "74657874", "c3bc6d6cc3a47574", "010203", "00112233445566778899aabbccddeeff", "78".repeat(32),
    ]);
    expect(sender.unsettled.has("text")).toBe(true);
    expect(sender.unsettled.get(new Uint8Array([1, 2, 3]))?.tag).toEqual(new Uint8Array([1, 2, 3]));
    expect(sender.unsettled.get(uuid)).toBeDefined();
    expect(sender.unsettled.get("nothing")).toBeUndefined();
    expect([...sender.unsettled].map(({ tag }) => tag.length)).toEqual([4, 8, 3, 16, 32]);
  });

  test("the default is a counter of four octets; a generator of the program's takes its place", async () => {
    const scene = await stage();
    const counting = await senderOn(scene, 2);
    counting.trySend({ body: 1 });
    counting.trySend({ body: 2 });
    await ids(scene.peer, 2);
    let n = 0;
    const own = await senderOn(scene, 0, { tags: () => `order-${n++}` });
    void own.send({ body: 1 }, { tag: "by hand" }).catch(() => {});
    for (let i = 0; i < 2; i++) void own.send({ body: i }).catch(() => {});
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5 });
    const tags: string[] = [];
    for (let i = 0; i < 3; i++) tags.push(Buffer.from((await scene.peer.until("transfer")).fields["deliveryTag"] as Uint8Array).toString());
    expect(tags).toEqual(["by hand", "order-0", "order-1"]);
    expect([...counting.unsettled].map(({ tag }) => [...tag])).toEqual([[0, 0, 0, 1], [0, 0, 0, 2]]);
  });

  test("a generator that makes bad tags: ConfigError at the call", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2, { tags: () => "much too long for a delivery-tag!" });
    expect(() => sender.send({ body: 1 })).toThrow(ConfigError);
  });

  test("messageFormat and settled of one send", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 5, { sndSettleMode: "mixed" });
    await within(sender.send({ body: 1 }, { settled: true, messageFormat: 0x80013700 }), "a send that leaves settled");
    const { fields } = await scene.peer.until("transfer");
    expect(fields).toMatchObject({ settled: true, messageFormat: 0x80013700 });
    const waiting = sender.send({ body: 2 }, { messageFormat: 7 });
    expect((await scene.peer.until("transfer")).fields).toMatchObject({ messageFormat: 7 });
    scene.peer.send("disposition", { role: "receiver", first: 1, settled: true, state: "accepted" });
    await within(waiting, "the unsettled one");
  });

  test("a Message, an init, and something that sends itself", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 5);
    const message = new Message({ body: "m", subject: "s" });
    void sender.send(message).catch(() => {});
    void sender.send({ send: (to: Sender, tag?: string | Uint8Array) => to.trySend({ body: "self" }, { tag }) as OutgoingDelivery }, { tag: "t" }).catch(() => {});
    expect(decodeMessage((await scene.peer.until("transfer")).payload)).toMatchObject([{ name: "properties", value: { subject: "s" } }, { name: "value", value: "m" }]);
    const own = await scene.peer.until("transfer", { deliveryTag: new Uint8Array([0x74]) });
    expect(decodeMessage(own.payload)).toEqual([{ name: "value", value: "self" }]);
  });
});

describe("offered, draining, drained", () => {
  test("offered tells the peer how many wait", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    sender.offered(17);
    await scene.peer.until("flow", { available: 17 });
  });

  test("L.3 a drain uses the credit for what waits and gives the rest back by itself", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const sends = [1, 2].map((body) => sender.send({ body }));
    for (const each of sends) each.catch(() => {});
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10, drain: true });
    await ids(scene.peer, 2);
    expect((await scene.peer.until("flow", { drain: true })).fields).toMatchObject({ deliveryCount: 10 });
    expect(sender.credit).toBe(0);
  });

  test("who waits for ready sees the drain, and drained answers what was left", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const seen = (async () => {
      await sender.ready();
      const before = sender.draining;
      sender.trySend({ body: 1 });
      return [before, sender.drained(), sender.credit];
    })();
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 4, drain: true });
    expect(await within(seen, "ready")).toEqual([true, 3, 0]);
    await scene.peer.until("flow", { drain: true, deliveryCount: 4 });
    expect(sender.drained()).toBe(0);
  });
});

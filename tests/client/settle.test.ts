/** Settling what was received, and messages that cannot be decoded. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, DecodeError, EncodeError } from "../../src/index.ts";
import type { IncomingDelivery, Receiver } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { concat, hex } from "../../src/testing/codec/octets.ts";
import { within } from "../protocol/harness.ts";
import { deliver, failure, nextCredit, outcomes, receiverOn, settled, stage, until } from "./support.ts";
import type { Stage } from "./support.ts";

/** As many deliveries as values. */
async function take(scene: Stage, receiver: Receiver, ...values: unknown[]): Promise<IncomingDelivery[]> {
  const taken: IncomingDelivery[] = [];
  for (const value of values) {
    const receiving = receiver.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, value);
    taken.push(await within(receiving, "a delivery"));
  }
  return taken;
}

describe("settling", () => {
  test("each outcome, as it goes over the wire", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const all = await take(scene, receiver, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    const at = (n: number): IncomingDelivery => all[n] as IncomingDelivery;
    await at(0).accept();
    await at(1).reject();
    await at(2).reject("why");
    await at(3).reject(new Error("because"));
    await at(4).reject({ condition: "my:condition", description: "d", info: { n: 1 } });
    await at(5).release();
    await at(6).release({ delivered: true });
    await at(7).modify({ deliveryFailed: true, undeliverableHere: true, annotations: { "x-a": 1 } });
    await at(8).settle("accepted");
    await at(9).settle("rejected");
    await at(10).settle();
    await outcomes(scene.peer);
    const states: Record<number, unknown> = {};
    for (const { name, fields } of scene.peer.frames()) {
      if (name === "disposition") for (let id = Number(fields["first"]); id <= Number(fields["last"] ?? fields["first"]); id++) states[id] = [fields["settled"], fields["state"]];
    }
    expect(states).toMatchObject({
      0: [true, { type: "accepted" }],
      1: [true, { type: "rejected" }],
      2: [true, { type: "rejected", error: { condition: "amqp:internal-error", description: "why" } }],
      3: [true, { type: "rejected", error: { condition: "amqp:internal-error", description: "because" } }],
      4: [true, { type: "rejected", error: { condition: "my:condition", description: "d", info: expect.anything() } }],
      5: [true, { type: "released" }],
      6: [true, { type: "modified", deliveryFailed: true }],
      7: [true, { type: "modified", deliveryFailed: true, undeliverableHere: true }],
      8: [true, { type: "accepted" }],
      9: [true, { type: "rejected" }],
      10: [true, undefined],
    });
    expect(all.every((each) => each.settled)).toBe(true);
    expect(receiver.unsettled.size).toBe(0);
  });

  test("the first counts: what follows does nothing", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const [delivery] = await take(scene, receiver, 1);
    await Promise.all([delivery?.accept(), delivery?.reject("no"), delivery?.release(), delivery?.settle("released")]);
    expect(delivery?.localState).toEqual({ type: "accepted" });
    await outcomes(scene.peer);
    expect(scene.peer.frames().filter(({ name }) => name === "disposition")).toHaveLength(1);
  });

  test("update tells a state and settles nothing", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const [delivery] = await take(scene, receiver, 1);
    delivery?.update({ type: "received", section: 0, offset: 3 });
    expect(delivery?.settled).toBe(false);
    await scene.peer.until("disposition", { state: { type: "received" } });
    await delivery?.accept();
    await scene.peer.until("disposition", { settled: true, state: "accepted" });
  });

  test("a state that is none: ConfigError", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const [delivery] = await take(scene, receiver, 1);
    expect(() => delivery?.settle("acepted" as never)).toThrow(ConfigError);
    expect(delivery?.settled).toBe(false);
  });

  test("an outcome that cannot be encoded: EncodeError at the call, and it can be settled still", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const [delivery] = await take(scene, receiver, 1);
    const bad = Symbol("x");
    expect(() => delivery?.reject({ condition: "my:condition", info: { bad } })).toThrow(EncodeError);
    expect(() => delivery?.reject({ condition: "not ascii: ü" })).toThrow(EncodeError);
    expect(() => delivery?.modify({ annotations: { bad } })).toThrow(EncodeError);
    expect(() => delivery?.update({ type: "received" } as never)).toThrow(EncodeError);
    expect(() => delivery?.settle({ type: "modified", annotations: { bad } } as never)).toThrow(EncodeError);
    await delivery?.accept();
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });

  test("disposal releases unless it was settled", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const all = await take(scene, receiver, 0, 1);
    {
      using first = all[0] as IncomingDelivery;
      using second = all[1] as IncomingDelivery;
      await second.accept();
      expect(first.settled).toBe(false);
    }
    expect(await outcomes(scene.peer)).toEqual({ 0: "released", 1: "accepted" });
  });

  test("rcv-settle-mode second: accept resolves when the sender has settled", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { rcvSettleMode: "second" });
    const [delivery] = await take(scene, receiver, 1);
    const accepting = delivery?.accept() as Promise<void>;
    const { fields } = await scene.peer.until("disposition", { state: "accepted" });
    expect(fields["settled"] ?? false).toBe(false);
    expect(await settled(accepting)).toBe(false);
    const again = delivery?.release() as Promise<void>;
    scene.peer.send("disposition", { role: "sender", first: 0, settled: true, state: "accepted" });
    await within(Promise.all([accepting, again]), "accept");
    expect(delivery).toMatchObject({ settled: true, localState: { type: "accepted" } });
    expect(receiver.unsettled.size).toBe(0);
  });

  test("rcv-settle-mode second: the connection lost in between rejects stale-delivery for who awaits", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { rcvSettleMode: "second" });
    const [delivery] = await take(scene, receiver, 1);
    const accepting = failure(delivery?.accept() as Promise<void>);
    await scene.peer.until("disposition");
    scene.peer.drop("rst");
    expect(await accepting).toMatchObject({ name: "LinkError", code: "stale-delivery", scope: "delivery" });
  });

  test("FT15 after a drop: stale-delivery for who awaits, and nothing is said to a new connection", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const all = await take(scene, receiver, 0, 1, 2);
    scene.peer.drop("rst");
    await within(receiver.closed, "closed");
    for (const settle of [() => all[0]?.accept(), () => all[1]?.settle("accepted"), () => all[2]?.modify()]) {
      expect(await failure(settle() as Promise<void>)).toMatchObject({ code: "stale-delivery" });
    }
    all[0]?.update("accepted");
    expect(all[0]?.message.body).toBe(0);
  });

  test("what came settled needs no outcome, and is the program's whatever becomes of the link", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 5 }, { sndSettleMode: "mixed" });
    const first = receiver.receive();
    await nextCredit(scene.peer);
    for (const value of [1, 2]) scene.peer.send("transfer", { settled: true }, encodeMessage({ value }));
    const delivery = await within(first, "the first");
    expect(delivery.settled).toBe(true);
    await delivery.accept();
    await until(() => receiver.queued === 1);
    scene.peer.drop("rst");
    await within(receiver.closed, "closed");
    const second = await receiver.receive();
    expect(second.message.body).toBe(2);
    await second.accept();
    expect(scene.peer.frames().some(({ name }) => name === "disposition")).toBe(false);
  });

  test("a delivery knows where it belongs", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const [delivery] = await take(scene, receiver, 1);
    expect(delivery).toMatchObject({ partial: false, readable: true, settled: false, localState: undefined, tag: new Uint8Array([0, 0, 0, 0]) });
    expect(delivery?.link).toBe(receiver);
    expect(delivery?.connection).toBe(scene.connection);
    expect(delivery?.session).toBe(receiver.session);
  });
});

/** An amqp-value whose list claims more elements than it has: its structure breaks. */
const BROKEN = hex("005377c00305" + "4040");
/** An amqp-value of the string 0xff, which is no UTF-8: the structure is fine, the value is not. */
const BAD_TEXT = hex("005377a101ff");

describe("B85 undecodable", () => {
  test("its structure: rejected by the library, the loop does not see it, and its credit comes back", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 1 });
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { message } of receiver.take({ max: 2 })) seen.push(message.body);
    })();
    for (const payload of [BROKEN, encodeMessage({ value: 1 }), new Uint8Array(0), concat(encodeMessage({ value: 1 }), encodeMessage({ header: {} })), encodeMessage({ value: 2 })]) {
      await nextCredit(scene.peer);
      scene.peer.send("transfer", {}, payload);
    }
    await within(loop, "the loop");
    expect(seen).toEqual([1, 2]);
    const rejected = "rejected amqp:decode-error";
    expect(await outcomes(scene.peer)).toEqual({ 0: rejected, 1: "accepted", 2: rejected, 3: rejected, 4: "accepted" });
    expect(scene.errors).toHaveLength(3);
    for (const error of scene.errors) expect(error).toBeInstanceOf(DecodeError);
  });

  test("its values: touching them throws, and leaving the loop with it rejects instead of giving it back", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const loop = failure((async () => {
      for await (const { message } of receiver) void message.body;
    })());
    await nextCredit(scene.peer);
    scene.peer.send("transfer", {}, BAD_TEXT);
    expect(await loop).toBeInstanceOf(DecodeError);
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected amqp:decode-error" });
  });

  test("its values, in consume and in batches: rejected, so that it makes no round", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const consuming = receiver.consume(({ message }) => {
      void receiver.stop();
      return message.body;
    });
    await nextCredit(scene.peer);
    scene.peer.send("transfer", {}, BAD_TEXT);
    await within(consuming, "consume");
    const batch = failure((async () => {
      for await (const deliveries of receiver.batches(2)) for (const { message } of deliveries) void message.body;
    })());
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    scene.peer.send("transfer", {}, BAD_TEXT);
    expect(await batch).toBeInstanceOf(DecodeError);
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected amqp:decode-error", 1: "modified+failed", 2: "rejected amqp:decode-error" });
    expect(scene.errors).toMatchObject([{ name: "DecodeError" }]);
  });

  test("values that nobody touches do no harm", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const loop = (async () => {
      for await (const delivery of receiver.take({ max: 1 })) expect(delivery.tag.length).toBe(4);
    })();
    await nextCredit(scene.peer);
    scene.peer.send("transfer", {}, BAD_TEXT);
    await within(loop, "the loop");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });
});

/** X: an exactly-once receiver over lost connections, with a sending peer that the script plays. */

import { describe, expect, test } from "@jest/globals";
import type { IncomingDelivery, MessageInit, Receiver, ReceiverOptions } from "../../src/index.ts";
import { Message } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { dial, mapOf, peer, play, received, stateText, theirs } from "./support.ts";

const encodeMessage = (init: MessageInit): Uint8Array => new Message(init).encode();
// One section of six octets: 00 53 77 a1 01 78.
const WHOLE = encodeMessage({ body: "x" });

/** Brings deliveries a, b, c..., loses the connection at the test's word, and goes on with `script` on the second one, whose map of ours is answered. */
async function resume(tags: readonly string[], second: (script: Script, attach: Frame, map: Record<string, string> | undefined) => Promise<void>, {
  options = {}, partial, cut = new Deferred<void>(),
}: { options?: ReceiverOptions; partial?: Uint8Array; cut?: Deferred<void> } = {}): Promise<{ receiver: Receiver; cut: () => void; done: Promise<void> }> {
  const server = await peer(async (script, connection) => {
    await script.handshake({ containerId: "them" });
    script.reply(await script.until("begin"));
    const attach = await script.until("attach");
    if (connection === 0) {
      expect(attach.fields["unsettled"]).toBeUndefined();
      script.reply(attach, { initialDeliveryCount: 0 });
      await script.until("flow");
      for (const [n, tag] of tags.entries()) script.send("transfer", { handle: 0, deliveryId: n, deliveryTag: Buffer.from(tag), messageFormat: 0 }, WHOLE);
      if (partial !== undefined) script.send("transfer", { handle: 0, deliveryId: tags.length, deliveryTag: Buffer.from("part"), messageFormat: 0, more: true }, partial);
      await cut.promise;
      script.drop("rst");
      return;
    }
    await second(script, attach, mapOf(attach));
  });
  const connection = await dial(server.url);
  const receiver = await connection.createReceiver("q", { name: "link", guarantee: "exactly-once", ...options });
  return { receiver, cut: () => cut.resolve(), done: server.done };
}

/** The next disposition in a line, and its frame. */
async function disposition(script: Script): Promise<string> {
  const { fields } = await script.until("disposition");
  return `${String(fields["first"])}${fields["settled"] === true ? " settled" : ""} ${stateText(fields["state"])}`;
}

const transfer = (script: Script, deliveryId: number, tag: string, fields: Record<string, unknown>, payload: Uint8Array = new Uint8Array()): void =>
  script.send("transfer", { handle: 0, deliveryId, deliveryTag: Buffer.from(tag), messageFormat: 0, ...fields }, payload);

describe("an exactly-once receiver that is resumed", () => {
  test("X.4 X.9.2 what is in the queue and in hand stays: the map says whole, an empty resumed transfer binds it, and the outcome follows", async () => {
    const maps: unknown[] = [];
    const { receiver, cut, done } = await resume(["a", "b"], async (script, attach, map) => {
      maps.push(map);
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ a: null, b: null }) });
      await script.until("flow");
      transfer(script, 0, "a", { resume: true, state: received(1, 0) });
      transfer(script, 1, "b", { resume: true, state: received(1, 0) });
      expect(await disposition(script)).toBe("0 accepted");
      script.send("disposition", { role: "sender", first: 0, settled: true });
      expect(await disposition(script)).toBe("1 accepted");
      script.send("disposition", { role: "sender", first: 1, settled: true });
      await play(script);
    }, { options: { prefetch: 10 } });
    const a = await receiver.receive();
    cut();
    const b = await receiver.receive();
    // Back on the new connection once the empty transfers have come.
    expect([a.message.body, b.message.body]).toEqual(["x", "x"]);
    while (receiver.recovery !== "resumed" || receiver.credit === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(receiver.unsettled.size).toBe(2);
    await a.accept();
    await b.accept();
    expect(receiver.unsettled.size).toBe(0);
    expect(maps).toEqual([{ a: "received(1,0)", b: "received(1,0)" }]);
    await receiver.connection.close();
    await done;
  });

  test("X.9.3 an outcome told while the connection was lost waits, goes into the map, and its promise resolves when the sender has settled", async () => {
    const gone = new Deferred<void>();
    const back = new Deferred<void>();
    const maps: unknown[] = [];
    const { receiver, cut } = await resume(["a"], async (script, attach, map) => {
      maps.push(map);
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ a: null }) });
      const flow = await script.until("flow");
      expect(flow.fields["linkCredit"]).toBeGreaterThanOrEqual(1);
      back.resolve();
      transfer(script, 0, "a", { resume: true, settled: true, state: "accepted" });
      await play(script);
    });
    const a = await receiver.receive();
    void (async () => {
      for await (const { type } of receiver.connection.status()) if (type === "disconnected" || type === "reconnecting") return gone.resolve();
    })();
    cut();
    await gone.promise;
    await a.accept();
    await back.promise;
    expect(maps).toEqual([{ a: "accepted" }]);
    expect(receiver.unsettled.size).toBe(0);
  });

  test("X.9.13 the sender restates another outcome: the receiver agrees and settles, and whoever awaits hears of it", async () => {
    const agreed = new Deferred<string>();
    const { receiver, cut } = await resume(["a"], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ a: "released" }) });
      await script.until("flow");
      transfer(script, 0, "a", { resume: true, state: "released" });
      agreed.resolve(await disposition(script));
      await play(script);
    });
    const a = await receiver.receive();
    const accepted = a.accept();
    cut();
    await expect(accepted).rejects.toMatchObject({ code: "stale-delivery" });
    expect(await agreed.promise).toBe("0 settled released");
    expect(receiver.unsettled.size).toBe(0);
  });

  test("X.9.11 X.9.14 what the sender aborts counts for nothing", async () => {
    const { receiver, cut, done } = await resume(["a", "b"], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ a: "accepted", b: "accepted" }) });
      await script.until("flow");
      transfer(script, 0, "a", { resume: true, aborted: true });
      transfer(script, 1, "b", { resume: true, aborted: true });
      transfer(script, 2, "c", {}, encodeMessage({ body: "y" }));
      await play(script);
    }, { options: { prefetch: 10 } });
    const a = await receiver.receive();
    while (receiver.queued === 0) await new Promise((resolve) => setImmediate(resolve));
    cut();
    while (!receiver.unsettled.has("c")) await new Promise((resolve) => setImmediate(resolve));
    const next = await receiver.receive();
    expect(next.message.body).toBe("y");
    await expect(Promise.resolve(a.accept())).resolves.toBeUndefined();
    await receiver.connection.close();
    await done;
  });

  test("X.6 what only the receiver has is settled: its outcome is confirmed, and nothing is sent", async () => {
    const { receiver, cut, done } = await resume(["a"], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0, unsettled: new Map() });
      await play(script, (frame) => expect(frame.name).toBe("flow"));
    });
    const a = await receiver.receive();
    const accepted = a.accept();
    cut();
    await accepted;
    expect(receiver.recovery).toBe("resumed");
    expect(receiver.unsettled.size).toBe(0);
    await receiver.connection.close();
    await done;
  });

  test("X.4 X.9.2 part of a message is kept: the map says how much, and only the rest has to come", async () => {
    const long = encodeMessage({ body: Buffer.alloc(1000, 7) });
    const { receiver, cut, done } = await resume([], async (script, attach, map) => {
      expect(map).toEqual({ part: "received(0,400)" });
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ part: null }) });
      await script.until("flow");
      // From before the place that it has reached: what is here already is passed over.
      transfer(script, 0, "part", { resume: true, state: received(0, 390), more: true }, long.subarray(390, 600));
      script.send("transfer", { handle: 0 }, long.subarray(600));
      expect(await disposition(script)).toBe("0 accepted");
      script.send("disposition", { role: "sender", first: 0, settled: true });
      await play(script);
    }, { partial: long.subarray(0, 400) });
    const next = receiver.receive();
    while (receiver.connection.links()[Symbol.iterator]().next().done === true) await new Promise((resolve) => setImmediate(resolve));
    setImmediate(cut);
    const delivery = await next;
    expect(delivery.message.body).toEqual(new Uint8Array(1000).fill(7));
    await delivery.accept();
    await receiver.connection.close();
    await done;
  });

  test("X.9.4 resumed without a place comes from its start, and what is here is passed over", async () => {
    const long = encodeMessage({ body: Buffer.alloc(1000, 7) });
    const { receiver, cut } = await resume([], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ part: null }) });
      await script.until("flow");
      transfer(script, 0, "part", { resume: true }, long);
      await play(script);
    }, { partial: long.subarray(0, 400) });
    const next = receiver.receive();
    setImmediate(cut);
    expect((await next).message.body).toEqual(new Uint8Array(1000).fill(7));
  });

  test("resumed beyond what was received: the link ends with invalid-field", async () => {
    const long = encodeMessage({ body: Buffer.alloc(1000, 7) });
    const ended = new Deferred<unknown>();
    const { receiver, cut } = await resume([], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ part: null }) });
      await script.until("flow");
      transfer(script, 0, "part", { resume: true, state: received(0, 401) }, long.subarray(401));
      const detach = await script.until("detach");
      ended.resolve((detach.fields["error"] as Record<string, unknown>)["condition"]);
      script.reply(detach);
      await play(script);
    }, { partial: long.subarray(0, 400) });
    const next = receiver.receive();
    next.catch(() => undefined);
    setImmediate(cut);
    expect(await ended.promise).toBe("amqp:invalid-field");
    await expect(next).rejects.toMatchObject({ code: "protocol-violation" });
  });

  test("B87 a resumed delivery of which nothing is known is ignored, and counts for credit", async () => {
    const { receiver, cut, done } = await resume(["a"], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0, unsettled: theirs({ z: null }) });
      await script.until("flow");
      transfer(script, 0, "z", { resume: true }, WHOLE);
      transfer(script, 1, "n", {}, encodeMessage({ body: "new" }));
      await play(script);
    }, { options: { prefetch: 5 } });
    const a = await receiver.receive();
    void a.accept();
    cut();
    expect((await receiver.receive()).message.body).toBe("new");
    await receiver.connection.close();
    await done;
  });

  test("X.10 a sender without a map knows nothing: what is here is forgotten, who awaits hears stale-delivery, and the link says downgraded", async () => {
    const { receiver, cut, done } = await resume(["a", "b"], async (script, attach) => {
      script.reply(attach, { initialDeliveryCount: 0 });
      await script.until("flow");
      transfer(script, 0, "b2", {}, encodeMessage({ body: "again" }));
      await play(script);
    }, { options: { prefetch: 10 } });
    const a: IncomingDelivery = await receiver.receive();
    while (receiver.queued === 0) await new Promise((resolve) => setImmediate(resolve));
    const accepted = a.accept();
    cut();
    await expect(accepted).rejects.toMatchObject({ code: "stale-delivery" });
    expect(receiver.recovery).toBe("downgraded");
    expect((await receiver.receive()).message.body).toBe("again");
    await receiver.connection.close();
    await done;
  });

  test("X.8 a new delivery after our incomplete map ends the link", async () => {
    const ended = new Deferred<unknown>();
    const tags = Array.from({ length: 60 }, (_, n) => `a tag of many octets ${n}`);
    const server = await peer(async (script, connection) => {
      await script.handshake({ containerId: "them", maxFrameSize: 512 });
      script.reply(await script.until("begin"));
      const attach = await script.until("attach");
      if (connection === 0) {
        script.reply(attach, { initialDeliveryCount: 0 });
        await script.until("flow");
        for (const [n, tag] of tags.entries()) transfer(script, n, tag, {}, WHOLE);
        await script.until("flow");
        script.drop("rst");
        return;
      }
      expect(attach.fields["incompleteUnsettled"]).toBe(true);
      script.reply(attach, { initialDeliveryCount: 0, unsettled: attach.fields["unsettled"] as Map<unknown, unknown> });
      await script.until("flow");
      transfer(script, 0, "new", {}, WHOLE);
      const detach = await script.until("detach");
      ended.resolve((detach.fields["error"] as Record<string, unknown>)["condition"]);
      script.reply(detach);
      await play(script);
    });
    const connection = await dial(server.url);
    const receiver = await connection.createReceiver("q", { name: "link", guarantee: "exactly-once", prefetch: 100 });
    receiver.closed.catch(() => undefined);
    while (receiver.queued < 60) {
      receiver.tryReceive();
      await new Promise((resolve) => setImmediate(resolve));
      if (receiver.unsettled.size === 60) break;
    }
    receiver.flow(1, { echo: true });
    expect(await ended.promise).toBe("amqp:not-allowed");
  });
});

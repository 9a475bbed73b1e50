/** L: link credit, drain, and dispositions in any order. */

import { describe, expect, test } from "@jest/globals";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { answerClosing, answerLink, dial, serve, within } from "./harness.ts";

const someCredit = (credit: unknown): boolean => Number(credit) > 0;

/** The deliveries that the library has begun, by the time it answers a session's echo. */
async function sentSoFar(peer: Script): Promise<number> {
  peer.send("flow", { echo: true });
  await peer.until("flow");
  return peer.frames().filter(({ name, fields }) => name === "transfer" && fields["deliveryId"] !== undefined).length;
}

async function settleOnCredit(peer: Script, count: number): Promise<number[]> {
  const ids: number[] = [];
  while (ids.length < count) {
    const { fields } = await peer.until("transfer", { more: false });
    ids.push(Number(fields["deliveryId"]));
  }
  return ids;
}

describe("credit", () => {
  test("L.1 a sender's attach carries initial-delivery-count, and credit counts from it", async () => {
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script);
      expect(attach.fields).toMatchObject({ role: "sender", initialDeliveryCount: expect.any(Number) });
      const initial = Number(attach.fields["initialDeliveryCount"]);
      script.send("flow", { handle: 0, deliveryCount: initial, linkCredit: 2 });
      await settleOnCredit(script, 2);
      expect(await sentSoFar(script)).toBe(2);
      // the peer has not counted them yet: 0 + 3 is one more than was sent
      script.send("flow", { handle: 0, deliveryCount: initial, linkCredit: 3 });
      const [third = 0] = await settleOnCredit(script, 1);
      expect(await sentSoFar(script)).toBe(3);
      // absent: initial-delivery-count
      script.send("flow", { handle: 0, linkCredit: 4 });
      await settleOnCredit(script, 1);
      expect(await sentSoFar(script)).toBe(4);
      script.send("disposition", { role: "receiver", first: (third - 2) >>> 0, last: (third + 1) >>> 0, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    const sends = ["a", "b", "c", "d"].map((body) => sender.send({ body }));
    await within(Promise.all(sends), "four sends");
    await connection.close();
    await peer.done;
  });

  test("L.1 a delivery-count that wraps", async () => {
    const initial = 2 ** 32 - 10;
    const peer = await serve(async (script) => {
      await answerLink(script, { attach: { initialDeliveryCount: initial } });
      let allowed = 0;
      for (let sent = 0; sent < 30; sent++) {
        while (allowed <= sent) {
          const { fields } = await script.until("flow", { linkCredit: someCredit });
          allowed = ((Number(fields["deliveryCount"]) + Number(fields["linkCredit"]) - initial) >>> 0);
        }
        script.send("transfer", {}, encodeMessage({ value: sent }));
      }
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 5 });
    let next = 0;
    for await (const delivery of receiver.take({ max: 30 })) expect(delivery.message.body).toBe(next++);
    expect(next).toBe(30);
    await connection.close();
    await peer.done;
  });

  test("L.2 credit counts messages, not frames", async () => {
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script, { open: { maxFrameSize: 512 } });
      script.send("flow", { handle: 0, deliveryCount: attach.fields["initialDeliveryCount"], linkCredit: 2 });
      for (let i = 0; i < 2; i++) await script.until("transfer", { more: false });
      expect(await sentSoFar(script)).toBe(2);
      script.send("flow", { handle: 0, deliveryCount: (Number(attach.fields["initialDeliveryCount"]) + 2) >>> 0, linkCredit: 1 });
      await script.until("transfer", { more: false });
      const first = Number(script.frames().find(({ name }) => name === "transfer")?.fields["deliveryId"]);
      script.send("disposition", { role: "receiver", first, last: (first + 2) >>> 0, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(Promise.all([1, 2, 3].map(() => sender.send({ body: new Uint8Array(2000) }))), "three sends");
    await connection.close();
    await peer.done;
  });

  test("L.3 a sender that is drained sends what it has, uses up the credit and says so", async () => {
    const drained = new Deferred();
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script);
      const initial = Number(attach.fields["initialDeliveryCount"]);
      script.send("flow", { handle: 0, deliveryCount: initial, linkCredit: 10, drain: true });
      const flow = await script.until("flow", { handle: (handle: unknown) => handle !== undefined, linkCredit: 0 });
      expect(flow.fields["deliveryCount"]).toBe((initial + 10) >>> 0);
      expect(flow.fields["drain"]).toBe(true);
      expect(script.frames().filter(({ name }) => name === "transfer")).toHaveLength(0);
      drained.resolve();
      // the credit is gone: what is sent now waits for new credit
      script.send("flow", { handle: 0, deliveryCount: (initial + 10) >>> 0, linkCredit: 1, drain: false });
      script.reply(await script.until("transfer"));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await drained.promise;
    await within(sender.send({ body: "later" }), "the send");
    await connection.close();
    await peer.done;
  });

  test("L.3 sends that wait go before the answer to drain", async () => {
    const waiting = new Deferred();
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script);
      const initial = Number(attach.fields["initialDeliveryCount"]);
      await waiting.promise;
      script.send("flow", { handle: 0, deliveryCount: initial, linkCredit: 10, drain: true });
      const flow = await script.until("flow", { handle: (handle: unknown) => handle !== undefined, linkCredit: 0 });
      expect(flow.fields["deliveryCount"]).toBe((initial + 10) >>> 0);
      const sent = script.frames().filter(({ name }) => name === "transfer");
      expect(sent).toHaveLength(3);
      const first = Number(sent[0]?.fields["deliveryId"]);
      script.send("disposition", { role: "receiver", first, last: (first + 2) >>> 0, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    const sends = ["a", "b", "c"].map((body) => sender.send({ body }));
    waiting.resolve();
    await within(Promise.all(sends), "three sends");
    await connection.close();
    await peer.done;
  });

  test("L.3 a receiver that drains counts what came", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      const { fields } = await script.until("flow", { drain: true, linkCredit: 10 });
      script.send("transfer", {}, encodeMessage({ value: 1 }));
      script.send("transfer", {}, encodeMessage({ value: 2 }));
      script.send("flow", { handle: 0, deliveryCount: (Number(fields["deliveryCount"] ?? 0) + 10) >>> 0, linkCredit: 0, drain: true });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 0 });
    expect(await within(receiver.drain(10), "drain")).toBe(2);
    expect([receiver.queued, receiver.credit, receiver.draining]).toEqual([2, 0, false]);
    await connection.close();
    await peer.done;
  });

  test("L.4 no credit before somebody takes; none after the loop is left, with an echo", async () => {
    const quiet = new Deferred();
    const peer = await serve(async (script) => {
      await answerLink(script);
      expect(await sentSoFar(script)).toBe(0);
      expect(script.frames().filter(({ name, fields }) => name === "flow" && Number(fields["linkCredit"] ?? 0) > 0)).toEqual([]);
      quiet.resolve();
      const { fields } = await script.until("flow", { linkCredit: 3 });
      for (let i = 0; i < 3; i++) script.send("transfer", {}, encodeMessage({ value: i }));
      await script.until("flow", { handle: fields["handle"], linkCredit: 0, echo: true });
      script.send("flow", { handle: 0, deliveryCount: 3, linkCredit: 0 });
      await answerClosing(script);
      const outcomes = new Map<number, unknown>();
      for (const { name, fields: { first, last, state } } of script.frames()) {
        if (name === "disposition") for (let id = Number(first); id <= Number(last ?? first); id++) outcomes.set(id, (state as { type: string }).type);
      }
      // the one in hand when the loop was left counts as a failed delivery, the others never left the queue
      expect([...outcomes].sort()).toEqual([[0, "accepted"], [1, expect.stringMatching(/modified|released/)], [2, "released"]]);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 3 });
    await quiet.promise;
    let taken = 0;
    for await (const delivery of receiver) {
      void delivery;
      if (++taken === 2) break;
    }
    await connection.close();
    await peer.done;
  });
});

describe("dispositions", () => {
  test("S.1 ranges and single outcomes settle sends in any order", async () => {
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script);
      script.send("flow", { handle: 0, deliveryCount: attach.fields["initialDeliveryCount"], linkCredit: 100 });
      const ids = await settleOnCredit(script, 8);
      const settle = (first: number, last: number, state: unknown): void =>
        script.send("disposition", { role: "receiver", first: ids[first], last: ids[last], settled: true, state });
      settle(7, 7, "accepted");
      settle(2, 4, "released");
      settle(0, 1, { type: "rejected", error: { condition: "amqp:precondition-failed", description: "no" } });
      settle(5, 6, { type: "modified", deliveryFailed: true });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    const sends = Array.from({ length: 8 }, (_, index) => sender.send({ body: index }).then(() => "accepted", (error: { code: string }) => error.code));
    expect(await within(Promise.all(sends), "eight sends")).toEqual([
      "rejected", "rejected", "released", "released", "released", "modified", "modified", "accepted",
    ]);
    expect(sender.unsettled.size).toBe(0);
    await connection.close();
    await peer.done;
  });

  test("S.1 an outcome that comes before the settlement counts", async () => {
    const peer = await serve(async (script) => {
      const { attach } = await answerLink(script);
      script.send("flow", { handle: 0, deliveryCount: attach.fields["initialDeliveryCount"], linkCredit: 1 });
      const [id] = await settleOnCredit(script, 1);
      script.send("disposition", { role: "receiver", first: id, state: "accepted" });
      // our side settles in answer to an outcome that is not settled
      await script.until("disposition", { role: "sender", first: id, settled: true });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(sender.send({ body: "x" }), "the send");
    await connection.close();
    await peer.done;
  });
});

/** What a send resolves or rejects with, by the peer's outcome. */

import { describe, expect, test } from "@jest/globals";
import {
  AmqpError, InDoubtError, ModifiedError, NotSentError, RejectedError, ReleasedError, SendError,
} from "../../src/index.ts";
import type { IncomingDelivery, OutgoingDelivery } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { failure, ids, pair, senderOn, settled, stage, until } from "./support.ts";

const KINDS = [RejectedError, ReleasedError, ModifiedError, InDoubtError, NotSentError] as const;

describe("the outcome of a send", () => {
  test("accepted: resolves with the delivery", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const sending = sender.send({ body: "x" });
    const [id] = await ids(scene.peer, 1);
    expect(await settled(sending)).toBe(false);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    const delivery = await within(sending, "the send");
    expect(delivery).toMatchObject({ settled: true, partial: false, writable: false, recovered: false, outcome: { type: "accepted" }, remoteState: { type: "accepted" } });
    expect(delivery.link).toBe(sender);
    expect(delivery.connection).toBe(scene.connection);
    expect(delivery.session).toBe(sender.session);
    expect(await delivery.settlement).toBe(delivery);
    expect(sender.unsettled.size).toBe(0);
  });

  const error = { condition: "amqp:precondition-failed", description: "not today", info: { code: 5 } };
  const outcomes = [
    { title: "rejected with a reason", state: { type: "rejected", error }, kind: RejectedError, code: "rejected", retryable: false, outcome: { type: "rejected", error }, condition: "amqp:precondition-failed", description: "not today" },
    { title: "rejected without one", state: "rejected", kind: RejectedError, code: "rejected", retryable: false, outcome: { type: "rejected" }, condition: undefined, description: undefined },
    { title: "released", state: "released", kind: ReleasedError, code: "released", retryable: true, outcome: { type: "released" }, condition: undefined, description: undefined },
    {
      title: "modified, delivery-failed", state: { type: "modified", deliveryFailed: true }, kind: ModifiedError, code: "modified", retryable: true,
      outcome: { type: "modified", deliveryFailed: true, undeliverableHere: false }, condition: undefined, description: undefined,
    },
    {
      title: "modified, undeliverable-here", state: { type: "modified", undeliverableHere: true }, kind: ModifiedError, code: "modified", retryable: false,
      outcome: { type: "modified", deliveryFailed: false, undeliverableHere: true }, condition: undefined, description: undefined,
    },
  ];
  test.each(outcomes)("FT32 $title: an error of its own class", async ({ state, kind, code, retryable, outcome, condition, description }) => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const sending = failure(sender.send({ body: "x" }));
    const [id] = await ids(scene.peer, 1);
    const [inFlight] = [...sender.unsettled];
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state });
    const thrown = await sending as SendError;
    expect(thrown).toMatchObject({ name: kind.name, code, scope: "delivery", origin: "remote", retryable, outcome, condition, description });
    expect(thrown).toBeInstanceOf(SendError);
    expect(thrown).toBeInstanceOf(AmqpError);
    expect(KINDS.filter((each) => thrown instanceof each)).toEqual([kind]);
    expect(thrown.delivery).toBe(inFlight);
    expect(thrown.delivery?.outcome).toBe(thrown.outcome);
    expect(await thrown.delivery?.settlement).toBe(inFlight);
    expect(thrown.message).toContain("\"q\"");
  });

  test("settled by the peer without an outcome: resolves, and no outcome is told", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const sending = sender.send({ body: "x" });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true });
    expect(await within(sending, "the send")).toMatchObject({ settled: true, outcome: undefined, remoteState: undefined });
  });

  test("received is no outcome: the send waits on for one", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const sending = sender.send({ body: "x" });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, state: { type: "received", sectionNumber: 0, sectionOffset: 5 } });
    expect(await settled(sending)).toBe(false);
    const [delivery] = [...sender.unsettled];
    expect(delivery?.remoteState).toMatchObject({ type: "received" });
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await within(sending, "the send");
  });

  test("B90 the first outcome counts", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1, { autoSettle: false });
    const sending = sender.send({ body: "x" });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, state: "accepted" });
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "rejected" });
    const delivery = await within(sending, "the send");
    await until(() => delivery.settled);
    expect(delivery).toMatchObject({ outcome: { type: "accepted" }, remoteState: { type: "accepted" } });
  });

  test("autoSettle false: the outcome is told, and settling is the program's", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1, { autoSettle: false });
    const sending = sender.send({ body: "x" });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, state: "accepted" });
    const delivery = await within(sending, "the send");
    expect(delivery.settled).toBe(false);
    await delivery.settle();
    await scene.peer.until("disposition", { role: "sender", first: id, settled: true });
    expect(delivery.settled).toBe(true);
  });

  test("settlement resolves whatever the outcome, and outcome says which", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 4);
    const deliveries = ["a", "b", "c", "d"].map((body) => sender.trySend({ body }) as OutgoingDelivery);
    const settlements = deliveries.map((delivery) => delivery.settlement);
    const all = await ids(scene.peer, 4);
    for (const [at, state] of ["accepted", "rejected", "released", "modified"].entries()) {
      scene.peer.send("disposition", { role: "receiver", first: all[at], settled: true, state });
    }
    expect(await within(Promise.all(settlements), "settlements")).toEqual(deliveries);
    expect(deliveries.map(({ outcome }) => outcome?.type)).toEqual(["accepted", "rejected", "released", "modified"]);
  });

  test("a delivery knows its message until it is settled", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const small = sender.trySend({ body: "what was sent", subject: "s" }) as OutgoingDelivery;
    const large = sender.trySend({ body: new Uint8Array(400_000).fill(7) }) as OutgoingDelivery;
    expect(small.message).toMatchObject({ body: "what was sent", subject: "s" });
    expect(Buffer.compare(large.message?.body as Uint8Array, Buffer.alloc(400_000, 7))).toBe(0);
    const [first, ] = await ids(scene.peer, 2);
    scene.peer.send("disposition", { role: "receiver", first, last: Number(first) + 1, settled: true, state: "accepted" });
    await Promise.all([small.settlement, large.settlement]);
    expect([small.message, large.message]).toEqual([undefined, undefined]);
  });

  test("J04 10,000 sends under way, settled in random order one by one: each promise settles once", async () => {
    const total = 10_000;
    const { sending } = await pair();
    const [sender, receiver] = await sending({ receiver: { prefetch: total, autoAccept: false } });
    const told = new Uint8Array(total);
    const found = new Map<string, number>();
    const sends = Array.from({ length: total }, (_, n) => {
      const tell = (what: string): void => {
        told[n] = (told[n] ?? 0) + 1;
        found.set(what, (found.get(what) ?? 0) + 1);
      };
      return sender.send({ body: n }).then(() => tell("accepted"), (thrown: { code: string }) => tell(thrown.code));
    });
    const held: IncomingDelivery[] = [];
    while (held.length < total) held.push(await receiver.receive());
    expect(sender.unsettled.size).toBe(total);
    shuffle(held);
    for (const [place, delivery] of held.entries()) {
      if (place % 4 === 0) delivery.accept();
      else if (place % 4 === 1) delivery.reject("no");
      else if (place % 4 === 2) delivery.release();
      else delivery.modify({ deliveryFailed: true });
      if (place % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await within(Promise.all(sends), "all sends", 20_000);
    expect(told.every((times) => times === 1)).toBe(true);
    expect(Object.fromEntries(found)).toEqual({ accepted: 2500, rejected: 2500, released: 2500, modified: 2500 });
    expect([sender.unsettled.size, receiver.unsettled.size]).toEqual([0, 0]);
  }, 30_000);
});

/** Fisher-Yates with a fixed seed: the same order in every run. */
function shuffle<T>(values: T[]): void {
  let seed = 987_654_321;
  for (let i = values.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const j = seed % (i + 1);
    [values[i], values[j]] = [values[j] as T, values[i] as T];
  }
}

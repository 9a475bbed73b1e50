/** Outcomes: merged into ranges on their way out, applied by range on their way in, in both settle modes. */

import { describe, expect, test } from "@jest/globals";
import { ACCEPTED, RELEASED } from "../../src/frames/delivery-state.ts";
import type { DeliveryState } from "../../src/frames/delivery-state.ts";
import { Pair, Solo, fieldsOf, hex } from "./support.ts";
import type { Received, ReceiverOwner, SenderOwner, SessionOwner } from "./support.ts";

const LAST = 2 ** 32 - 1;
const BODY = hex("005377a10161");

/** A client with a receiver that holds `count` unsettled deliveries; the test is the sending peer. */
function received(count: number, first = 0): { readonly solo: Solo; readonly session: SessionOwner; readonly receiver: ReceiverOwner; readonly deliveries: readonly Received[] } {
  const solo = new Solo("client");
  const session = solo.session();
  const receiver = session.receiver("l", { rcvSettleMode: "second" });
  solo.send("attach");
  receiver.endpoint.giveCredit(LAST);
  for (let i = 0; i < count; i++) solo.send("transfer", { deliveryId: (first + i) >>> 0, deliveryTag: new Uint8Array([i >>> 8, i]) }, BODY);
  solo.take();
  return { solo, session, receiver, deliveries: receiver.received };
}

/** Dispositions in short: first, last, settled, state. */
function told(solo: Solo): unknown[] {
  return (fieldsOf(solo.take(), "disposition", "role", "first", "last", "settled", "state") as Readonly<Record<string, unknown>>[])
    .map(({ role, first, last, settled, state }) => [role, first, last, settled === true, (state as { type?: string } | undefined)?.type]);
}

describe("outcomes on their way out", () => {
  test("one flush, one disposition for a run of the same outcome", () => {
    const { solo, receiver, deliveries, session } = received(200);
    for (const delivery of deliveries) receiver.endpoint.dispose(delivery, ACCEPTED, true);
    expect(told(solo)).toEqual([["receiver", 0, 199, true, "accepted"]]);
    expect([session.endpoint.ledger.incoming.size, receiver.endpoint.tags.size]).toEqual([0, 0]);
  });

  test("a single one names no last", () => {
    const { solo, receiver, deliveries } = received(1);
    receiver.endpoint.dispose(deliveries[0] as Received, RELEASED, true);
    expect(told(solo)).toEqual([["receiver", 0, undefined, true, "released"]]);
  });

  test("another outcome, a gap, another order or another settlement splits the run, and the order is kept", () => {
    const { solo, receiver, deliveries } = received(12);
    const dispose = (i: number, state: DeliveryState, settled = true): void => receiver.endpoint.dispose(deliveries[i] as Received, state, settled);
    const rejected: DeliveryState = { type: "rejected", error: { condition: "app:bad" } };
    [0, 1].forEach((i) => dispose(i, ACCEPTED));
    [2, 3].forEach((i) => dispose(i, RELEASED));
    dispose(5, RELEASED);
    dispose(4, RELEASED);
    dispose(6, ACCEPTED);
    dispose(7, ACCEPTED, false);
    dispose(8, ACCEPTED, false);
    dispose(9, rejected);
    dispose(10, rejected);
    dispose(11, { type: "rejected", error: { condition: "app:bad" } });
    expect(told(solo)).toEqual([
      ["receiver", 0, 1, true, "accepted"], ["receiver", 2, 3, true, "released"], ["receiver", 5, undefined, true, "released"],
      ["receiver", 4, undefined, true, "released"], ["receiver", 6, undefined, true, "accepted"], ["receiver", 7, 8, false, "accepted"],
      ["receiver", 9, 10, true, "rejected"], ["receiver", 11, undefined, true, "rejected"],
    ]);
  });

  test.each([LAST, LAST - 2, 2 ** 31 - 2])("B89 a run across the wrap of ids that begin at %d", (first) => {
    const { solo, receiver, deliveries } = received(5, first);
    for (const delivery of deliveries) receiver.endpoint.dispose(delivery, ACCEPTED, true);
    expect(told(solo)).toEqual([["receiver", first, (first + 4) >>> 0, true, "accepted"]]);
  });

  test("a run never spans two flushes, and goes out before the detach, the end and the close that follow it", () => {
    for (const [end, name] of [
      [({ receiver }: ReturnType<typeof received>) => receiver.endpoint.detach(true), "detach"],
      [({ session }: ReturnType<typeof received>) => session.endpoint.end(), "end"],
      [({ solo }: ReturnType<typeof received>) => solo.endpoint.close(), "close"],
    ] as const) {
      const all = received(2);
      const { solo, receiver, deliveries } = all;
      receiver.endpoint.dispose(deliveries[0] as Received, ACCEPTED, true);
      expect(solo.said()).toEqual(["disposition"]);
      receiver.endpoint.dispose(deliveries[1] as Received, ACCEPTED, true);
      end(all);
      expect(solo.said()).toEqual(["disposition", name]);
    }
  });
});

describe("outcomes on their way in", () => {
  function sent(count: number): { readonly solo: Solo; readonly session: SessionOwner; readonly sender: SenderOwner } {
    const solo = new Solo("client");
    const session = solo.session();
    const sender = session.sender("l");
    solo.send("attach", { role: "receiver" }).send("flow", { handle: 0, linkCredit: LAST, incomingWindow: LAST });
    for (let i = 0; i < count; i++) sender.send(BODY);
    solo.take();
    solo.log.length = 0;
    return { solo, session, sender };
  }

  test("a range settles those it names, in order, and each once", () => {
    const { solo, session } = sent(6);
    solo.send("disposition", { first: 1, last: 3, settled: true, state: { type: "accepted" } });
    expect(solo.log).toEqual([1, 2, 3].map((id) => `outcome of ${id}: accepted settled`));
    solo.send("disposition", { first: 0, last: 5, settled: true, state: { type: "released" } });
    expect(solo.log.slice(3)).toEqual([0, 4, 5].map((id) => `outcome of ${id}: released settled`));
    expect(session.endpoint.ledger.outgoing.size).toBe(0);
  });

  test("B90 ids that are unknown or settled are ignored", () => {
    const { solo } = sent(2);
    for (const first of [2, 77, 2 ** 31, LAST]) solo.send("disposition", { first, settled: true, state: { type: "accepted" } });
    expect([solo.log, solo.said()]).toEqual([[], []]);
  });

  test("B89 first after last ends the session; a range that wraps, and a last of 0, do not", () => {
    const { solo } = sent(2);
    solo.send("disposition", { first: LAST - 1, last: 0, settled: true, state: { type: "accepted" } });
    expect(solo.log).toEqual(["outcome of 0: accepted settled"]);
    solo.send("disposition", { first: LAST - 1, last: 1, settled: true, state: { type: "accepted" } });
    expect(solo.log).toHaveLength(2);
    solo.send("disposition", { first: 1, last: 0 });
    expect(solo.said()).toEqual(["end amqp:invalid-field"]);
  });

  test("B88 ranges of 2^31 cost no more than what is unsettled", () => {
    const { solo, session } = sent(3);
    // were each id of the range looked at, ten thousand of them would take hours
    for (let i = 0; i < 10_000; i++) solo.send("disposition", { first: 2 ** 31 + 5, last: 1 });
    solo.send("disposition", { first: 0, last: 2 ** 31 - 1, settled: true });
    expect(session.endpoint.ledger.outgoing.size).toBe(0);
    expect(solo.log.at(-1)).toBe("outcome of 2: - settled");
  });

  test("a state without settlement leaves the delivery, which this side then settles", () => {
    const { solo, session, sender } = sent(2);
    solo.send("disposition", { first: 0, last: 1, state: { type: "accepted" } });
    expect(solo.log).toEqual(["outcome of 0: accepted", "outcome of 1: accepted"]);
    expect(session.endpoint.ledger.outgoing.size).toBe(2);
    for (const delivery of [...session.endpoint.ledger.outgoing]) sender.endpoint.settle(delivery, undefined);
    expect(told(solo)).toEqual([["sender", 0, 1, true, undefined]]);
    expect(session.endpoint.ledger.outgoing.size).toBe(0);
  });

  test("of the sender's: its settlement reaches what was received, and frees the tag", () => {
    const { solo, receiver, session } = received(3);
    solo.send("disposition", { role: "sender", first: 0, last: 1, settled: true });
    expect(solo.log.slice(-2)).toEqual(["sender says of 0: - settled", "sender says of 1: - settled"]);
    expect([session.endpoint.ledger.incoming.size, receiver.endpoint.tags.size]).toEqual([1, 1]);
    solo.send("transfer", { deliveryId: 3, deliveryTag: new Uint8Array([0, 0]) }, BODY);
    expect(receiver.received).toHaveLength(4);
  });
});

describe("settle modes between two engines", () => {
  test("first: the receiver settles with its outcome", () => {
    const pair = new Pair();
    const { sender, receiver, here, there } = pair.link();
    const one = sender.send(BODY);
    pair.pump();
    receiver.endpoint.dispose(receiver.received[0] as Received, ACCEPTED, true);
    pair.pump();
    expect(one.told).toEqual(["written", "accepted settled"]);
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size]).toEqual([0, 0]);
  });

  test("second: outcome, settlement by the sender, and only then is it gone on both sides", () => {
    const pair = new Pair();
    const { sender, receiver, here, there } = pair.link({ settings: { sndSettleMode: "unsettled", rcvSettleMode: "second" } });
    const all = Array.from({ length: 10 }, () => sender.send(BODY));
    pair.pump();
    for (const delivery of receiver.received) receiver.endpoint.dispose(delivery, ACCEPTED, false);
    pair.pump();
    expect(all.map((one) => one.told.at(-1))).toEqual(Array(10).fill("accepted"));
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size]).toEqual([10, 10]);
    for (const one of all) sender.endpoint.settle(one, undefined);
    pair.pump();
    expect(receiver.received.map((one) => one.told)).toEqual(Array(10).fill(["- settled"]));
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size, receiver.endpoint.tags.size]).toEqual([0, 0, 0]);
    expect(pair.frames("client").filter(({ name }) => name === "disposition")).toHaveLength(1);
    expect(pair.frames("server").filter(({ name }) => name === "disposition")).toHaveLength(1);
  });

  test("settled from the start: nothing is kept and nothing answers", () => {
    const pair = new Pair();
    const { sender, receiver, here, there } = pair.link();
    sender.send(BODY, { presettled: true });
    pair.pump();
    receiver.endpoint.dispose(receiver.received[0] as Received, ACCEPTED, true);
    pair.pump();
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size]).toEqual([0, 0]);
    expect(pair.frames("server").some(({ name }) => name === "disposition")).toBe(false);
  });

  test("both settle at the same time", () => {
    const pair = new Pair();
    const { sender, receiver, here, there } = pair.link();
    const one = sender.send(BODY);
    pair.pump();
    receiver.endpoint.dispose(receiver.received[0] as Received, RELEASED, true);
    sender.endpoint.settle(one, ACCEPTED);
    pair.pump();
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size]).toEqual([0, 0]);
    expect(pair.client.endpoint.opened && pair.server.endpoint.opened).toBe(true);
  });
});

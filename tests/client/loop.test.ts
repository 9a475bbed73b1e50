/** `for await` over a receiver: every sentence of the contract about loops. */

import { describe, expect, test } from "@jest/globals";
import type { IncomingDelivery, Receiver } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { deliver, failure, nextCredit, outcomes, receiverOn, settled, stage, turns, until } from "./support.ts";

describe("a loop accepts", () => {
  test("when it asks for the next, not before", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const loop = receiver[Symbol.asyncIterator]();
    const first = loop.next();
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2);
    expect((await within(first, "the first")).value.message.body).toBe(1);
    expect(await outcomes(scene.peer)).toEqual({});
    await within(loop.next(), "the second");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
    await loop.return?.();
  });

  test("not what was settled by hand", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    deliverOnCredit(scene, 0, 1, 2, 3, 4);
    for await (const delivery of receiver.take({ max: 5 })) {
      if (delivery.message.body === 0) delivery.reject("no");
      if (delivery.message.body === 1) delivery.release();
      if (delivery.message.body === 2) delivery.modify({ deliveryFailed: true });
      if (delivery.message.body === 3) delivery.accept();
    }
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected amqp:internal-error", 1: "released", 2: "modified+failed", 3: "accepted", 4: "accepted" });
    expect(scene.peer.frames().filter(({ name, fields }) => name === "disposition" && fields["first"] === 3).length).toBeLessThanOrEqual(1);
  });

  test("nothing with autoAccept: false, and what was passed can be settled later", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, { autoAccept: false });
    deliverOnCredit(scene, 0, 1, 2);
    const kept: IncomingDelivery<number>[] = [];
    for await (const delivery of receiver.take({ max: 3 })) kept.push(delivery);
    expect(await outcomes(scene.peer)).toEqual({});
    expect(receiver.unsettled.size).toBe(3);
    void kept[1]?.accept();
    expect(await outcomes(scene.peer)).toEqual({ 1: "accepted" });
    expect([...receiver.unsettled]).toEqual([kept[0], kept[2]]);
    expect(receiver.unsettled.get(kept[2]?.tag ?? "")).toBe(kept[2]);
  });
});

describe("a loop that is left early gives the delivery in hand back", () => {
  const WAYS: { title: string; leave: (receiver: Receiver) => Promise<void> }[] = [
    {
      title: "break",
      leave: async (receiver) => {
        for await (const delivery of receiver) if (delivery.message.body === 1) break;
      },
    },
    {
      title: "return",
      leave: async (receiver) => {
        for await (const delivery of receiver) if (delivery.message.body === 1) return;
      },
    },
    {
      title: "throw",
      leave: async (receiver) => {
        await expect((async () => {
          for await (const delivery of receiver) if (delivery.message.body === 1) throw new Error("handler");
        })()).rejects.toThrow("handler");
      },
    },
  ];
  describe.each(WAYS)("FT37 $title", ({ leave }) => {
    test("as modified with delivery-failed; the rest is released, not delivered", async () => {
      const scene = await stage();
      const receiver = await receiverOn(scene);
      deliverOnCredit(scene, 0, 1, 2, 3);
      await within(leave(receiver), "the loop");
      expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "modified+failed", 2: "released", 3: "released" });
      expect([receiver.credit, receiver.queued, receiver.unsettled.size]).toEqual([0, 0, 0]);
    });

    test("as released where the source does not offer modified", async () => {
      const scene = await stage();
      const receiver = await receiverOn(scene, {}, { source: { address: "q", outcomes: ["amqp:accepted:list", "amqp:rejected:list", "amqp:released:list"] } });
      deliverOnCredit(scene, 0, 1);
      await within(leave(receiver), "the loop");
      expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "released" });
    });
  });

  test("unless it was settled: accept before break", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    deliverOnCredit(scene, 0);
    for await (const delivery of receiver) {
      delivery.accept();
      break;
    }
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });
});

describe("L.4 credit", () => {
  test("begins with the loop, at prefetch, and ends with it: 0 with an echo that nobody waits for", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 7 });
    await turns();
    expect(receiver.credit).toBe(0);
    const loop = receiver[Symbol.asyncIterator]();
    void loop.next();
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 7 });
    await within(Promise.resolve(loop.return?.()), "leaving");
    await scene.peer.until("flow", { linkCredit: 0, echo: true });
  });

  test("the default is 100", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    void receiver[Symbol.asyncIterator]().next();
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 100 });
  });

  test("prefetch counts what is neither settled nor passed: follows consumption, not arrival", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, { prefetch: 4 });
    const loop = receiver[Symbol.asyncIterator]();
    const first = loop.next();
    await nextCredit(scene.peer);
    deliver(scene.peer, 0, 1, 2, 3);
    await first;
    await turns();
    expect([receiver.queued, receiver.credit]).toEqual([3, 0]);
    await loop.next();
    await loop.next();
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 2, deliveryCount: 4 });
    await loop.return?.();
  });

  test("with autoAccept: false a passed delivery counts no longer", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, { prefetch: 2, autoAccept: false });
    let allowed = Number((await after(nextCredit(scene.peer), () => void takeAll(receiver, 10))).fields["linkCredit"]);
    for (let sent = 0; sent < 10; sent++) {
      while (allowed <= sent) {
        const { fields } = await nextCredit(scene.peer);
        allowed = Number(fields["deliveryCount"]) + Number(fields["linkCredit"]);
      }
      deliver(scene.peer, sent);
    }
    await until(() => receiver.unsettled.size === 10);
  });

  test("what still comes after the loop is left is released", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const loop = receiver[Symbol.asyncIterator]();
    void loop.next();
    await nextCredit(scene.peer);
    await loop.return?.();
    deliver(scene.peer, 1, 2);
    await until(() => receiver.unsettled.size === 0);
    expect(await outcomes(scene.peer)).toEqual({ 0: "released", 1: "released" });
    expect(receiver.queued).toBe(0);
  });

  test("a second loop over the same receiver begins anew", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    for (let round = 0; round < 3; round++) {
      const loop = receiver[Symbol.asyncIterator]();
      const next = loop.next();
      await nextCredit(scene.peer);
      deliver(scene.peer, round);
      expect((await within(next, "a delivery")).value.message.body).toBe(round);
      await loop.return?.();
    }
  });
});

describe("a loop ends", () => {
  test("by stop(): after what is in hand, which is accepted; the link stays", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    deliverOnCredit(scene, 0, 1, 2);
    const seen: number[] = [];
    for await (const delivery of receiver) {
      seen.push(delivery.message.body);
      if (delivery.message.body === 0) await receiver.stop();
    }
    expect(seen).toEqual([0]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "released", 2: "released" });
    expect(receiver.state).toEqual({ local: "active", remote: "active" });
    const again = receiver.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, 3);
    expect((await within(again, "receive")).message.body).toBe(3);
  });

  test("by stop() while it waits", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    const loops = [takeAll(receiver), takeAll(receiver)];
    await nextCredit(scene.peer);
    await receiver.stop();
    expect(await within(Promise.all(loops), "both loops")).toEqual([[], []]);
  });

  test.each(["close", "detach"] as const)("by our %s", async (how) => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    deliverOnCredit(scene, 0, 1);
    const seen: unknown[] = [];
    const loop = takeAll(receiver, Infinity, seen);
    await until(() => seen.length === 2);
    const closing = receiver[how]();
    scene.peer.reply(await scene.peer.until("detach", { closed: how === "close" }));
    await within(closing, how);
    expect(await within(loop, "the loop")).toEqual([0, 1]);
    expect(await receiver.closed).toBeUndefined();
    expect((await receiver[Symbol.asyncIterator]().next()).done).toBe(true);
  });

  test("FT25 by the peer's detach without an error", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    deliverOnCredit(scene, 0);
    const seen: unknown[] = [];
    const loop = takeAll(receiver, Infinity, seen);
    await until(() => seen.length === 1);
    scene.peer.send("detach", { closed: true });
    expect(await within(loop, "the loop")).toEqual([0]);
  });

  test("FT26 it throws the peer's error, once for each loop", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const loops = [failure(takeAll(receiver)), failure(takeAll(receiver))];
    await nextCredit(scene.peer);
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:resource-deleted", description: "gone" } });
    for (const loop of loops) expect(await loop).toMatchObject({ name: "LinkError", code: "link-detached", condition: "amqp:resource-deleted", description: "gone", origin: "remote" });
    await expect(takeAll(receiver)).rejects.toMatchObject({ condition: "amqp:resource-deleted" });
  });

  test("it throws the connection's error", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const loop = failure(takeAll(receiver));
    await nextCredit(scene.peer);
    scene.peer.drop("rst");
    expect(await loop).toMatchObject({ name: "LinkError", code: "disconnected", cause: { name: "ConnectionError" } });
  });

  test("a loop over a link that fails in its body sees the error at the next step", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    deliverOnCredit(scene, 0);
    const seen: number[] = [];
    const loop = failure((async () => {
      for await (const delivery of receiver) {
        seen.push(delivery.message.body);
        scene.peer.drop("rst");
        await receiver.closed;
      }
    })());
    expect(await loop).toMatchObject({ code: "disconnected" });
    expect(seen).toEqual([0]);
  });

  test("a loop before the peer has attached waits for it, and throws its refusal", async () => {
    const scene = await stage();
    const good = scene.connection.createReceiver<number>("q");
    const loop = good.endpoint[Symbol.asyncIterator]();
    const next = loop.next();
    scene.peer.reply(await scene.peer.until("begin"));
    scene.peer.reply(await scene.peer.until("attach"));
    await nextCredit(scene.peer);
    deliver(scene.peer, 5);
    expect((await within(next, "a delivery")).value.message.body).toBe(5);
    const bad = scene.connection.createReceiver<number>("missing");
    const refused = failure(bad);
    const lost = failure(takeAll(bad.endpoint));
    scene.peer.reply(await scene.peer.until("begin"));
    scene.peer.reply(await scene.peer.until("attach"), { source: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await refused).toMatchObject({ code: "link-refused", condition: "amqp:not-found" });
    expect(await lost).toMatchObject({ code: "link-refused", condition: "amqp:not-found" });
  });
});

describe("several takers", () => {
  test("share: each delivery goes to one, first come first served", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const loops = [receiver[Symbol.asyncIterator](), receiver[Symbol.asyncIterator]()];
    const steps = loops.map((loop) => loop.next());
    const single = receiver.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, 0, 1, 2);
    const taken = await within(Promise.all([...steps.map(async (step) => (await step).value as IncomingDelivery<number>), single]), "three");
    expect(taken.map(({ message }) => message.body)).toEqual([0, 1, 2]);
    // one loop leaves: credit goes on for the other
    await loops[0]?.return?.();
    await turns();
    expect(receiver.credit).toBeGreaterThan(0);
    await loops[1]?.return?.();
    await scene.peer.until("flow", { linkCredit: 0 });
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "modified+failed" });
    void taken[2]?.accept();
    expect(await outcomes(scene.peer)).toMatchObject({ 2: "accepted" });
  });
});

describe("take", () => {
  test("max: the last one is accepted like the others, and no more credit than that is given", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const loop = takeAll(receiver, 3);
    expect((await nextCredit(scene.peer)).fields).toMatchObject({ linkCredit: 3 });
    deliver(scene.peer, 0, 1, 2);
    expect(await within(loop, "the loop")).toEqual([0, 1, 2]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted" });
    expect(receiver.credit).toBe(0);
  });

  test("idle: ends so long after the last one", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const { pending } = scene.clock;
    const seen: number[] = [];
    const loop = (async () => {
      for await (const { message } of receiver.take({ idle: 1_000 })) seen.push(message.body);
    })();
    await nextCredit(scene.peer);
    await scene.clock.advance(900);
    deliver(scene.peer, 0);
    await until(() => seen.length === 1);
    await scene.clock.advance(900);
    deliver(scene.peer, 1);
    await until(() => seen.length === 2);
    await scene.clock.advance(999);
    expect(await settled(loop)).toBe(false);
    await scene.clock.advance(1);
    await within(loop, "the loop");
    expect(scene.clock.pending).toBe(pending);
  });

  test("signal: ends after what is in hand, without an error", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const giveUp = new AbortController();
    deliverOnCredit(scene, 0, 1, 2);
    const seen: number[] = [];
    for await (const { message } of receiver.take({ signal: giveUp.signal })) {
      seen.push(message.body);
      if (message.body === 1) giveUp.abort();
    }
    expect(seen).toEqual([0, 1]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "released" });
    const waiting = new AbortController();
    const loop = (async () => {
      for await (const delivery of receiver.take({ signal: waiting.signal })) throw new Error(String(delivery));
    })();
    await nextCredit(scene.peer);
    waiting.abort();
    await within(loop, "the loop that waits");
    for await (const delivery of receiver.take({ signal: AbortSignal.abort() })) throw new Error(String(delivery));
  });

  test("drain: ends at the end of the queue, however often more comes", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, { prefetch: 2 });
    const loop = (async () => {
      const seen: number[] = [];
      for await (const { message } of receiver.take({ drain: true })) seen.push(message.body);
      return seen;
    })();
    let count = 0;
    for (let empty = false; !empty;) {
      const { fields } = await scene.peer.until("flow", { drain: true, linkCredit: (credit: unknown) => Number(credit) > 0 });
      const end = Number(fields["deliveryCount"]) + Number(fields["linkCredit"]);
      const batch = Math.min(5 - count, end - count);
      empty = batch === 0;
      for (let i = 0; i < batch; i++) deliver(scene.peer, count++);
      if (count < end) scene.peer.send("flow", { handle: 0, deliveryCount: end, linkCredit: 0, drain: true });
      // what the peer gave back it has to count
      if (count < end && !empty) break;
    }
    const { fields: last } = await scene.peer.until("flow", { drain: true, linkCredit: (credit: unknown) => Number(credit) > 0 });
    scene.peer.send("flow", { handle: 0, deliveryCount: Number(last["deliveryCount"]) + Number(last["linkCredit"]), linkCredit: 0, drain: true });
    expect(await within(loop, "the loop")).toEqual([0, 1, 2, 3, 4]);
  });

  test("drain before the peer has attached waits for it", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver<number>("q");
    const loop = (async () => {
      const seen: number[] = [];
      for await (const { message } of opening.endpoint.take({ drain: true })) seen.push(message.body);
      return seen;
    })();
    await turns();
    scene.peer.reply(await scene.peer.until("begin"));
    scene.peer.reply(await scene.peer.until("attach"));
    const { fields } = await scene.peer.until("flow", { drain: true });
    deliver(scene.peer, 0);
    scene.peer.send("flow", { handle: 0, deliveryCount: Number(fields["linkCredit"]), linkCredit: 0, drain: true });
    const second = await scene.peer.until("flow", { drain: true, linkCredit: (credit: unknown) => Number(credit) > 0 });
    scene.peer.send("flow", { handle: 0, deliveryCount: Number(second.fields["deliveryCount"]) + Number(second.fields["linkCredit"]), linkCredit: 0, drain: true });
    expect(await within(loop, "the loop")).toEqual([0]);
  });

  test("drain on RabbitMQ 3, whose session it would end: credit 0 after 250 ms of silence stands in", async () => {
    const scene = await stage({ open: { properties: { product: "RabbitMQ", version: "3.10.8" } } });
    const receiver = await receiverOn<number>(scene, { prefetch: 2 });
    const seen: unknown[] = [];
    const loop = (async () => {
      for await (const { message } of receiver.take({ drain: true })) seen.push(message.body);
    })();
    await nextCredit(scene.peer);
    deliver(scene.peer, 0, 1);
    await nextCredit(scene.peer);
    await scene.clock.advance(200);
    deliver(scene.peer, 2);
    await until(() => seen.length === 3);
    await scene.clock.advance(200);
    expect(await settled(loop)).toBe(false);
    await scene.clock.advance(50);
    await within(loop, "the loop");
    await scene.peer.until("flow", { linkCredit: 0 });
    expect(seen).toEqual([0, 1, 2]);
    expect(scene.peer.frames().some(({ name, fields }) => name === "flow" && fields["drain"] === true)).toBe(false);
  });
});

/** The bodies of a loop; ends after `max`, or with the link. */
async function takeAll(receiver: Receiver, max = Infinity, seen: unknown[] = []): Promise<unknown[]> {
  const loop = max === Infinity ? receiver : receiver.take({ max });
  for await (const { message } of loop) seen.push(message.body);
  return seen;
}

/** Delivers when the first credit has come. */
function deliverOnCredit({ peer }: { peer: Parameters<typeof deliver>[0] }, ...values: unknown[]): void {
  void nextCredit(peer).then(() => deliver(peer, ...values), () => {});
}

/** Calls `then` in the same turn, and waits for the promise. */
function after<T>(promise: Promise<T>, then: () => void): Promise<T> {
  then();
  return promise;
}

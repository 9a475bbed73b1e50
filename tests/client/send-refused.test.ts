/** Sends that time out, are aborted, find no room, or can never go. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, EncodeError, InDoubtError, LimitError, NotSentError, SendError, TimeoutError } from "../../src/index.ts";
import type { MessageInit } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { failure, giveCredit, ids, senderOn, sent, settled, stage } from "./support.ts";

describe("R.7 timeouts and signals", () => {
  test("FT9 without credit: NotSentError after the default of 60 s, and it is never sent", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const sending = sender.send({ body: "late" });
    sending.catch(() => {});
    await scene.clock.advance(59_000);
    expect(await settled(sending)).toBe(false);
    await scene.clock.advance(1_100);
    const thrown = await failure(sending) as NotSentError;
    expect(thrown).toBeInstanceOf(NotSentError);
    expect(thrown).toMatchObject({ code: "not-sent", scope: "delivery", origin: "local", retryable: true, cause: { code: "timeout" }, outcome: { type: "not-sent" } });
    expect(thrown.cause).toBeInstanceOf(TimeoutError);
    expect(thrown.outcome.cause).toBe(thrown.cause);
    expect([sender.queued, sender.unsettled.size]).toEqual([0, 0]);
    await giveCredit(scene.peer, sender, 5);
    expect(sent(scene.peer)).toBe(0);
  });

  test("after its transfer: InDoubtError, it stays in unsettled and is settled by a late outcome", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const sending = sender.send({ body: "x" }, { tag: "mine", timeout: 500 });
    const [id] = await ids(scene.peer, 1);
    const failing = failure(sending);
    await scene.clock.advance(600);
    const thrown = await failing as InDoubtError;
    expect(thrown).toBeInstanceOf(InDoubtError);
    expect(thrown).toMatchObject({ code: "in-doubt", cause: { name: "TimeoutError", code: "timeout" }, outcome: { type: "in-doubt" } });
    const { delivery } = thrown;
    expect(sender.unsettled.get("mine")).toBe(delivery);
    expect(delivery).toMatchObject({ settled: false, outcome: { type: "in-doubt" } });
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await giveCredit(scene.peer, sender, 1);
    expect(delivery).toMatchObject({ settled: true, remoteState: { type: "accepted" } });
    expect(sender.unsettled.size).toBe(0);
    expect(sent(scene.peer)).toBe(1);
  });

  test("one timeout of many: each by its own", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const order: string[] = [];
    const sends = [["long", 3_000], ["short", 100], ["default", undefined], ["middle", 1_000], ["never", Infinity]].map(([name, timeout]) =>
      sender.send({ body: name }, { timeout: timeout as number | undefined }).catch(() => order.push(String(name))));
    await scene.clock.advance(50);
    expect(order).toEqual([]);
    await scene.clock.advance(100);
    expect(order).toEqual(["short"]);
    await scene.clock.advance(60_000);
    expect(order).toEqual(["short", "middle", "long", "default"]);
    expect(sender.queued).toBe(1);
    void scene.connection.close({ timeout: 0 });
    await Promise.all(sends);
    expect(order.at(-1)).toBe("never");
  });

  test("a timeout of 0 is at once", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const failing = failure(sender.send({ body: "x" }, { timeout: 0 }));
    await scene.clock.advance(0);
    expect(await failing).toMatchObject({ code: "not-sent", cause: { code: "timeout" } });
  });

  test("a large message that is under way at its timeout is aborted: NotSentError", async () => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const { peer, connection } = scene;
    const opening = connection.createSender("q");
    peer.reply(await peer.until("begin"), { incomingWindow: 3 });
    peer.reply(await peer.until("attach"));
    peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, incomingWindow: 3 });
    const sender = await within(opening, "the sender");
    const failing = failure(sender.send({ body: new Uint8Array(100_000) }, { timeout: 1_000 }));
    for (let i = 0; i < 3; i++) await peer.until("transfer", { more: true });
    const [delivery] = [...connection.links()].map((link) => link.isSender ? link.explain() : undefined);
    expect(delivery?.waitingFor).toBe("session-window");
    await scene.clock.advance(1_100);
    expect(await failing).toMatchObject({ code: "not-sent", cause: { code: "timeout" } });
    peer.send("flow", { nextIncomingId: 3, incomingWindow: 100 });
    await peer.until("transfer", { aborted: true });
    const next = sender.send({ body: "next" });
    const { fields } = await peer.until("transfer", { more: false, deliveryId: (id: unknown) => id !== undefined });
    peer.send("disposition", { role: "receiver", first: fields["deliveryId"], settled: true, state: "accepted" });
    await within(next, "the next send");
  });

  test("a large message under way counts for the default timeout as well", async () => {
    const scene = await stage({ container: { timeouts: { send: 5_000 } } });
    const { peer, connection } = scene;
    const opening = connection.createSender("q");
    peer.reply(await peer.until("begin"), { incomingWindow: 1 });
    peer.reply(await peer.until("attach"));
    peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, incomingWindow: 1 });
    const sender = await within(opening, "the sender");
    const sends = [new Uint8Array(300_000), "behind it"].map((body) => failure(sender.send({ body })));
    await peer.until("transfer", { more: true });
    await scene.clock.advance(5_100);
    expect(await Promise.all(sends)).toMatchObject([{ code: "not-sent", cause: { code: "timeout" } }, { code: "not-sent", cause: { code: "timeout" } }]);
  });

  test("a signal that has fired already: its reason itself, and nothing is encoded or sent", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const reason = new Error("changed my mind");
    await expect(sender.send({ body: "x" }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    await giveCredit(scene.peer, sender, 1);
    expect(sent(scene.peer)).toBe(0);
  });

  test("a signal before the transfer: its reason itself, withdrawn", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const giveUp = new AbortController();
    const first = failure(sender.send({ body: 1 }, { signal: giveUp.signal }));
    const second = sender.send({ body: 2 });
    const reason = { not: "even an error" };
    giveUp.abort(reason);
    expect(await first).toBe(reason);
    expect(sender.queued).toBe(1);
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5 });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await within(second, "the second send");
    expect(sent(scene.peer)).toBe(1);
  });

  test("a signal after the transfer: InDoubtError with the reason as its cause", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const giveUp = new AbortController();
    const failing = [1, 2].map((body) => failure(sender.send({ body }, { signal: giveUp.signal })));
    await ids(scene.peer, 2);
    giveUp.abort();
    for (const each of failing) {
      const thrown = await each as InDoubtError;
      expect(thrown).toBeInstanceOf(InDoubtError);
      expect(thrown.cause).toBe(giveUp.signal.reason);
      expect(sender.unsettled.has(thrown.delivery?.tag ?? "")).toBe(true);
    }
    expect(sender.unsettled.size).toBe(2);
  });

  test("a signal that fires after the outcome changes nothing, and keeps no listener", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1);
    const giveUp = new AbortController();
    const sending = sender.send({ body: 1 }, { signal: giveUp.signal });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    const delivery = await within(sending, "the send");
    giveUp.abort();
    expect(delivery.outcome).toEqual({ type: "accepted" });
  });
});

describe("R.8 bounds", () => {
  test("queue-full: by number", async () => {
    const scene = await stage({ container: { limits: { maxPendingSends: 3 } } });
    const sender = await senderOn(scene);
    const giveUp = new AbortController();
    const waiting = [1, 2, 3].map((body) => sender.send({ body }, { signal: giveUp.signal }).catch(() => "gone"));
    const thrown = await failure(sender.send({ body: 4 })) as NotSentError;
    expect(thrown).toBeInstanceOf(NotSentError);
    expect(thrown).toMatchObject({ code: "queue-full", retryable: true, outcome: { type: "not-sent" } });
    expect(thrown.cause).toBeInstanceOf(LimitError);
    expect((thrown.cause as Error).message).toMatch(/maxPendingSends/);
    giveUp.abort();
    await Promise.all(waiting);
    // there is room again
    const again = sender.send({ body: 5 });
    expect(await settled(again)).toBe(false);
    await giveCredit(scene.peer, sender, 1);
    expect(sent(scene.peer)).toBe(1);
    again.catch(() => {});
  });

  test("queue-full: by octets, over all senders of the connection, and room once they have left", async () => {
    const scene = await stage({ container: { limits: { maxPendingBytes: 1_000 } } });
    const one = await senderOn(scene);
    const other = await senderOn(scene);
    const waiting = one.send({ body: new Uint8Array(1_000) });
    waiting.catch(() => {});
    await expect(other.send({ body: "x" })).rejects.toMatchObject({ code: "queue-full" });
    scene.peer.send("flow", { channel: 0, handle: 0, deliveryCount: 0, linkCredit: 1 });
    await ids(scene.peer, 1);
    const late = other.send({ body: "x" });
    expect(await settled(late)).toBe(false);
    late.catch(() => {});
  });

  test("maxUnsettled: sends wait for outcomes, not only for credit", async () => {
    const scene = await stage({ container: { limits: { maxUnsettled: 2 } } });
    const sender = await senderOn(scene, 10);
    const sends = [1, 2, 3].map((body) => sender.send({ body }));
    const [first] = await ids(scene.peer, 2);
    await giveCredit(scene.peer, sender, 10);
    expect([sent(scene.peer), sender.queued]).toEqual([2, 1]);
    scene.peer.send("disposition", { role: "receiver", first, settled: true, state: "accepted" });
    const [third] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: Number(first) + 1, last: third, settled: true, state: "accepted" });
    await within(Promise.all(sends), "three sends");
  });
});

describe("what can never go", () => {
  test("not encodable: thrown at the call, with nothing left behind", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const bad: MessageInit[] = [{ body: Symbol("x") as never }, { body: { deep: [() => {}] } as never }, { properties: { list: [1] as never }, body: 1 }];
    for (const message of bad) {
      expect(() => sender.send(message)).toThrow(EncodeError);
      expect(() => sender.trySend(message)).toThrow(expect.objectContaining({ code: "not-encodable" }));
    }
    const good = sender.send({ body: "good" });
    const [id] = await ids(scene.peer, 1);
    expect(id).toBe(0);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await within(good, "the good one");
    expect([sender.queued, sender.unsettled.size, sender.credit]).toEqual([0, 0, 1]);
  });

  test("not encodable without credit: thrown at the call as well", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    expect(() => sender.send({ body: Symbol("x") as never })).toThrow(EncodeError);
    expect(sender.queued).toBe(0);
  });

  test("larger than the peer's max-message-size: thrown at the call, small or by reference", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 5, {}, { maxMessageSize: 1_000 });
    expect(() => sender.send({ body: new Uint8Array(1_000) })).toThrow(expect.objectContaining({ name: "EncodeError", code: "message-too-large" }));
    expect(() => sender.send({ body: new Uint8Array(200_000) })).toThrow(/200\d{3} octets.*1000/);
    const fits = sender.send({ body: new Uint8Array(900) });
    const [id] = await ids(scene.peer, 1);
    expect(id).toBe(0);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await within(fits, "what fits");
  });

  test("found too large when the peer has attached: NotSentError, and the link lives on", async () => {
    const scene = await stage();
    const { peer, connection } = scene;
    const opening = connection.createSender("q");
    const large = failure(opening.endpoint.send({ body: new Uint8Array(2_000) }));
    const small = opening.endpoint.send({ body: "small" });
    await answer1000(scene);
    peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5 });
    expect(await large).toMatchObject({ name: "NotSentError", cause: { name: "EncodeError", code: "message-too-large" } });
    const [id] = await ids(peer, 1);
    peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await within(small, "the small one");
    expect(sent(peer)).toBe(1);
  });

  test("an anonymous relay needs `to`", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2, {}, {}, null);
    expect(() => sender.send({ body: "x" })).toThrow(ConfigError);
    expect(() => sender.send({ body: "x" })).toThrow(/"to"/);
    const sending = sender.send({ to: "somewhere", body: "x" });
    const [id] = await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: id, settled: true, state: "accepted" });
    await within(sending, "the send");
  });

  test("a bad tag, format or settled: ConfigError at the call", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const bad = [
      { tag: "" }, { tag: "x".repeat(33) }, { tag: new Uint8Array(33) }, { tag: new Uint8Array(0) }, { tag: 5 as never }, { tag: "ü".repeat(17) },
      { messageFormat: -1 }, { messageFormat: 1.5 }, { messageFormat: 2 ** 32 }, { settled: true },
    ];
    for (const options of bad) expect(() => sender.send({ body: "x" }, options)).toThrow(ConfigError);
    expect([sender.queued, sender.unsettled.size, sender.credit]).toEqual([0, 0, 2]);
  });

  test("a link that is closed: NotSentError, from send; trySend answers undefined", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const closing = sender.close();
    const early = failure(sender.send({ body: "x" }));
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "close");
    for (const each of [early, failure(sender.send({ body: "x" }))]) {
      const thrown = await each;
      expect(thrown).toBeInstanceOf(SendError);
      expect(thrown).toMatchObject({ code: "not-sent", cause: { name: "LinkError", code: "link-detached" } });
    }
    expect(sender.trySend({ body: "x" })).toBeUndefined();
    expect(sender.sendable()).toBe(false);
    await expect(sender.ready()).rejects.toMatchObject({ code: "link-detached" });
  });
});

async function answer1000({ peer }: Awaited<ReturnType<typeof stage>>): Promise<void> {
  peer.reply(await peer.until("begin"));
  peer.reply(await peer.until("attach"), { maxMessageSize: 1_000 });
}

/** What becomes of sends when their link, session or connection goes away. */

import { describe, expect, test } from "@jest/globals";
import type { OutgoingDelivery, Sender } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { failure, ids, senderOn, stage, turns } from "./support.ts";
import type { Stage } from "./support.ts";

const WAYS: { title: string; cut: (scene: Stage) => void; code: string; condition?: string }[] = [
  { title: "FT1 a reset", cut: ({ peer }) => peer.drop("rst"), code: "disconnected" },
  { title: "FT2 the end of the stream", cut: ({ peer }) => peer.drop("fin"), code: "disconnected" },
  {
    title: "FT21 a close with an error", cut: ({ peer }) => peer.send("close", { error: { condition: "amqp:connection:forced" } }), code: "connection-closed",
    condition: "amqp:connection:forced",
  },
  { title: "FT29 an end with an error", cut: ({ peer }) => peer.send("end", { error: { condition: "amqp:internal-error" } }), code: "session-ended", condition: "amqp:internal-error" },
  { title: "FT26 a detach with an error", cut: ({ peer }) => peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } }), code: "link-detached", condition: "amqp:not-found" },
];

describe("sends that were under way", () => {
  test.each(WAYS)("$title: in doubt what had left, not sent what waited, each once", async ({ cut, code, condition }) => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const sends = [1, 2, 3, 4].map((body) => failure(sender.send({ body })));
    await ids(scene.peer, 2);
    cut(scene);
    const thrown = await within(Promise.all(sends), "four rejections");
    expect(thrown.map((error) => (error as { code?: string }).code)).toEqual(["in-doubt", "in-doubt", "not-sent", "not-sent"]);
    for (const error of thrown) expect(error).toMatchObject({ cause: condition === undefined ? { code } : { code, condition }, retryable: true });
    expect([sender.queued, sender.unsettled.size, sender.credit]).toEqual([0, 0, 0]);
    expect(await within(sender.closed, "closed")).toMatchObject({ code });
  });

  test("written in the turn of the loss, and not handed to the socket: not sent", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 10);
    const first = failure(sender.send({ body: 1 }));
    await ids(scene.peer, 1);
    const second = failure(sender.send({ body: 2 }));
    void scene.connection.close({ timeout: 0 });
    expect(await first).toMatchObject({ code: "in-doubt" });
    expect(await second).toMatchObject({ code: "not-sent" });
  });

  test("a large message of which a part has left: settles once, in doubt or not sent, and its link tells why", async () => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const { sender, sending } = await halfSent(scene);
    scene.peer.drop("rst");
    const thrown = await failure(sending);
    // the last frame was never written, so the peer cannot have the message
    expect(thrown).toMatchObject({ code: "not-sent", cause: { code: "disconnected" } });
    expect(sender.unsettled.size).toBe(0);
  });

  test("a large message of which a part has left, when its link is detached", async () => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const { sending } = await halfSent(scene);
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:link:message-size-exceeded" } });
    expect(await failure(sending)).toMatchObject({ code: "not-sent", cause: { condition: "amqp:link:message-size-exceeded" } });
  });

  test("a large message that the peer decides on before it has the whole: its outcome, the rest is aborted, and the link goes on", async () => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const { sender, sending } = await halfSent(scene);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: { type: "rejected", error: { condition: "amqp:resource-limit-exceeded" } } });
    expect(await failure(sending)).toMatchObject({ code: "rejected", condition: "amqp:resource-limit-exceeded" });
    scene.peer.send("flow", { nextIncomingId: 3, incomingWindow: 1_000 });
    await scene.peer.until("transfer", { aborted: true });
    const next = sender.send({ body: "next" });
    await scene.peer.until("transfer", { deliveryId: 1, more: false });
    scene.peer.send("disposition", { role: "receiver", first: 1, settled: true, state: "accepted" });
    await within(next, "the next send");
    expect(sender.unsettled.size).toBe(0);
  });

  test.each(["at-least-once", "at-most-once"] as const)("F.2 abort() takes back what has not left whole, %s; what has left whole cannot be taken back", async (guarantee) => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const { peer, connection } = scene;
    const opening = connection.createSender("q", { guarantee });
    peer.reply(await peer.until("begin"), { incomingWindow: 3 });
    peer.reply(await peer.until("attach"));
    peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, incomingWindow: 3 });
    const sender = await within(opening, "the sender");
    await within(sender.ready(), "credit");
    const large = sender.trySend({ body: new Uint8Array(100_000) }) as OutgoingDelivery;
    expect(large).toMatchObject({ partial: true, writable: true });
    large.abort();
    expect((await large.settlement).outcome).toMatchObject({ type: "not-sent" });
    expect(large).toMatchObject({ partial: false, writable: false });
    await peer.until("transfer", { more: true });
    // a delivery that was settled stays so (B82)
    const { fields } = await peer.until("transfer", { aborted: true });
    if (guarantee === "at-most-once") expect(fields["settled"] ?? true).toBe(true);
    await within(sender.ready(), "room");
    const small = sender.trySend({ body: "x" }) as OutgoingDelivery;
    await peer.until("transfer", { more: false, deliveryId: 1 });
    if (guarantee === "at-least-once") expect(() => small.abort()).toThrow(expect.objectContaining({ code: "invalid-state" }));
    large.abort();
  });

  test("close waits for a large message that is half sent", async () => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const { sender, sending } = await halfSent(scene);
    const closing = sender.close();
    await turns();
    expect(scene.peer.frames().some(({ name }) => name === "detach")).toBe(false);
    scene.peer.send("flow", { nextIncomingId: 3, incomingWindow: 1_000 });
    const { fields } = await scene.peer.until("transfer", { more: false });
    expect(fields["aborted"]).toBeUndefined();
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    await within(sending, "the large one");
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "close");
  });

  test("close settles what it can in the time it has; the rest is in doubt or not sent", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    const sends = [1, 2, 3].map((body) => sender.send({ body }).then(() => "accepted", (error: { code: string }) => error.code));
    await ids(scene.peer, 2);
    const closing = sender.close({ drain: 1_000 });
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    await turns();
    expect(scene.peer.frames().some(({ name }) => name === "detach")).toBe(false);
    await scene.clock.advance(1_000);
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "close");
    expect(await Promise.all(sends)).toEqual(["accepted", "in-doubt", "not-sent"]);
  });

  test("FT39 close twice, and after the loss", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    scene.peer.drop("rst");
    await within(sender.closed, "closed");
    await within(Promise.all([sender.close(), sender.close(), sender.detach(), scene.connection.close(), scene.connection.close()]), "closing");
  });
});

describe("at-most-once", () => {
  test("resolves when the transfer was handed over, without an outcome", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 3, { guarantee: "at-most-once" });
    const delivery = await within(sender.send({ body: "x" }), "the send");
    expect((await scene.peer.until("transfer", { settled: true })).fields["settled"]).toBe(true);
    expect(delivery).toMatchObject({ settled: true, outcome: undefined });
    expect(sender.guarantee).toBe("at-most-once");
    expect([...sender.unsettled]).toEqual([]);
  });

  test("waits for credit, and for the socket to be below its high-water mark", async () => {
    const scene = await stage();
    // the peer's script does not pause reading, so it takes more than the kernel's buffers in one turn
    const sender = await senderOn(scene, 1_000, { guarantee: "at-most-once" });
    const order: string[] = [];
    const sends = Array.from({ length: 20 }, (_, n) => sender.send({ body: new Uint8Array(1_000_000) }).then(() => order.push(`sent ${n}`)));
    await Promise.resolve();
    expect(order).toEqual([]);
    await within(Promise.all(sends), "all sends");
    expect(order).toHaveLength(20);
  });

  test("a send of several frames and its settlement resolve too", async () => {
    const scene = await stage({ open: { maxFrameSize: 1024 } });
    const sender = await senderOn(scene, 3, { guarantee: "at-most-once" });
    const sending = sender.send({ body: new Uint8Array(10_000) });
    const tried = sender.trySend({ body: "x" });
    expect(tried).toBeUndefined();
    await within(sending, "the send");
    const large = sender.trySend({ body: new Uint8Array(100_000) });
    expect(large?.settled).toBe(true);
    expect(await within(large?.settlement ?? Promise.reject(new Error("no delivery")), "the settlement")).toBe(large);
  });

  test("lost before the hand-over, written or not: not sent", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 1, { guarantee: "at-most-once" });
    const sends = [1, 2].map((body) => failure(sender.send({ body })));
    await within(scene.connection.close({ timeout: 0 }), "close");
    for (const thrown of await Promise.all(sends)) expect(thrown).toMatchObject({ code: "not-sent", outcome: { type: "not-sent" } });
  });
});

/** A message of 100,000 octets of which the peer's window of 3 frames has let a part through. */
async function halfSent({ peer, connection }: Stage): Promise<{ sender: Sender; sending: Promise<unknown> }> {
  const opening = connection.createSender("q");
  peer.reply(await peer.until("begin"), { incomingWindow: 3 });
  peer.reply(await peer.until("attach"));
  peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, incomingWindow: 3 });
  const sender = await within(opening, "the sender");
  const sending = sender.send({ body: new Uint8Array(100_000) });
  sending.catch(() => {});
  for (let i = 0; i < 3; i++) await peer.until("transfer", { more: true });
  return { sender, sending };
}

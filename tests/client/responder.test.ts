/** Responders and reply(): which way an answer goes, what it is correlated by, and what becomes of the request (P09, J11). */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, LinkError, RejectedError } from "../../src/index.ts";
import type { IncomingDelivery, Message, ReceiverOptions, Responder, ResponderOptions } from "../../src/index.ts";
import { MAX_REPLY_SENDERS, REPLY_SENDER_IDLE } from "../../src/client/replies.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { within } from "../protocol/harness.ts";
import { read } from "./asking.ts";
import { answer, failure, outcomesAmong, stage, turns, until } from "./support.ts";
import type { Stage } from "./support.ts";

type Fields = Readonly<Record<string, unknown>>;

const RELAY = { offeredCapabilities: ["ANONYMOUS-RELAY"] };

describe("P09 createResponder", () => {
  test("J11 answers over one anonymous relay where the peer offers it: to the reply address, with the correlation-id or else the message-id", async () => {
    const scene = await stage({ open: RELAY });
    await responder(scene, ({ body }) => ({ body: `re: ${String(body)}` }), { concurrency: 10 });
    ask(scene, { messageId: "id-1", correlationId: "c-1", replyTo: "here" }, "one");
    ask(scene, { messageId: "id-2", replyTo: "there" }, "two");
    ask(scene, { messageId: { ulong: 3 }, replyTo: "there" }, "three");
    ask(scene, { replyTo: "there" }, "four");
    const relay = await answer(scene.peer);
    expect((relay.fields["target"] as { address?: string }).address).toBeUndefined();
    scene.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    const answers: Fields[] = [];
    for (let n = 0; n < 4; n++) {
      const { properties, value, accept } = await reply(scene);
      answers.push({ ...properties, value });
      accept();
    }
    expect(answers).toEqual([
      { to: "here", correlationId: "c-1", value: "re: one" },
      { to: "there", correlationId: "id-2", value: "re: two" },
      { to: "there", correlationId: 3, value: "re: three" },
      { to: "there", value: "re: four" },
    ]);
    expect(await requestOutcomes(scene, 4)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted", 3: "accepted" });
    expect(attaches(scene)).toHaveLength(2);
  });

  test("J11 one sender for each reply address where there is no relay, kept for the next answer", async () => {
    const scene = await stage();
    await responder(scene, ({ body }) => ({ body }));
    for (const replyTo of ["a", "b", "a", "a", "b"]) ask(scene, { messageId: replyTo, replyTo }, replyTo);
    const seen: unknown[] = [];
    for (let n = 0; n < 5; n++) {
      const frame = await serveAnswer(scene);
      seen.push([frame.channel, read(frame).properties["to"]]);
    }
    expect(await requestOutcomes(scene, 5)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted", 3: "accepted", 4: "accepted" });
    expect(attaches(scene).map(({ fields }) => (fields["target"] as { address?: string }).address)).toEqual([undefined, "a", "b"]);
    expect(seen).toEqual([[1, "a"], [2, "b"], [1, "a"], [1, "a"], [2, "b"]]);
  });

  test("J11 a sender to a reply address is closed when nobody used it for a minute, and the oldest beyond a hundred", async () => {
    const scene = await stage({ connect: { channelMax: 500 } });
    await responder(scene, ({ body }) => ({ body }));
    ask(scene, { replyTo: "first" });
    await serveAnswer(scene);
    await requestOutcomes(scene, 1);
    await scene.clock.advance(REPLY_SENDER_IDLE / 2);
    ask(scene, { replyTo: "second" });
    await serveAnswer(scene);
    await requestOutcomes(scene, 2);
    await scene.clock.advance(REPLY_SENDER_IDLE / 2);
    scene.peer.reply(await scene.peer.until("detach", { channel: 1, closed: true }));
    await scene.clock.advance(REPLY_SENDER_IDLE);
    scene.peer.reply(await scene.peer.until("detach", { channel: 2, closed: true }));
    await turns();
    for (let n = 0; n <= MAX_REPLY_SENDERS; n++) {
      ask(scene, { replyTo: `r-${n}` });
      await serveAnswer(scene);
    }
    const detaches = (): Frame[] => scene.peer.frames().filter(({ name }) => name === "detach");
    await until(() => detaches().length === 3);
    // The channels of the first two senders were free again by then.
    const last = detaches()[2] as Frame;
    const attach = attaches(scene).findLast(({ channel }) => channel === last.channel) as Frame;
    expect((attach.fields["target"] as { address?: string }).address).toBe("r-0");
  });

  test("J11 senders in use stay beyond the hundred, and go when their answers are accepted", async () => {
    const scene = await stage({ connect: { channelMax: 500 } });
    await responder(scene, ({ body }) => ({ body }), { concurrency: 200, prefetch: 200 });
    const count = MAX_REPLY_SENDERS + 2;
    for (let n = 0; n < count; n++) ask(scene, { replyTo: `r-${n}` });
    const answers: Frame[] = [];
    while (answers.length < count) {
      const frame = await scene.peer.next();
      if (frame.name === "begin") scene.peer.reply(frame);
      if (frame.name === "attach") {
        scene.peer.reply(frame);
        scene.peer.send("flow", { channel: frame.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
      }
      if (frame.name === "transfer") answers.push(frame);
    }
    const detaches = (): number => scene.peer.frames().filter(({ name }) => name === "detach").length;
    expect([detaches(), attaches(scene).length]).toEqual([0, count + 1]);
    for (const frame of answers) scene.peer.reply(frame);
    await until(() => detaches() === 2);
    await requestOutcomes(scene, count);
    expect(detaches()).toBe(2);
  });

  test("the request is accepted only after its answer was", async () => {
    const scene = await stage({ open: RELAY });
    await responder(scene, () => ({ body: "done" }));
    ask(scene, { messageId: 1, replyTo: "here" });
    const relay = await answer(scene.peer);
    scene.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    const { accept } = await reply(scene);
    await turns();
    expect(outcomesOf(scene)).toEqual({});
    accept();
    expect(await requestOutcomes(scene, 1)).toEqual({ 0: "accepted" });
  });

  test("a request without a reply address is handled, accepted and not answered", async () => {
    const scene = await stage({ open: RELAY });
    const seen: unknown[] = [];
    await responder(scene, ({ body }) => {
      seen.push(body);
      return seen.length === 1 ? { body: "nobody wants it" } : undefined;
    });
    ask(scene, { messageId: 1 }, "a");
    ask(scene, { messageId: 2 }, "b");
    expect(await requestOutcomes(scene, 2)).toEqual({ 0: "accepted", 1: "accepted" });
    expect(seen).toEqual(["a", "b"]);
    expect(attaches(scene)).toHaveLength(1);
  });

  test("a handler that throws, or answers nothing: released as delivered and told to onError; onError decides otherwise", async () => {
    const scene = await stage();
    const broken = new Error("broken");
    const one = await responder(scene, ({ body }) => {
      if (body === "throws") throw broken;
      return undefined;
    });
    ask(scene, { replyTo: "here" }, "throws");
    ask(scene, { replyTo: "here" }, "nothing");
    expect(await requestOutcomes(scene, 2)).toEqual({ 0: "modified+failed", 1: "modified+failed" });
    expect(scene.errors).toMatchObject([{ code: "handler-failed", cause: broken }, { name: "ConfigError", message: expect.stringContaining("gave no answer") }]);
    const closing = one.close();
    scene.peer.reply(await scene.peer.until("detach"));
    await within(closing, "the close");

    const other = await stage();
    const seen: unknown[] = [];
    await responder(other, () => {
      throw broken;
    }, { onError: (error, delivery) => { seen.push(error); return delivery.reject("no"); } });
    ask(other, { replyTo: "here" });
    expect(await requestOutcomes(other, 1)).toEqual({ 0: "rejected amqp:internal-error" });
    expect(seen).toEqual([broken]);
  });

  test("a handler may reject the request by itself: nothing is answered", async () => {
    const scene = await stage({ open: RELAY });
    await responder(scene, (_request, delivery) => {
      delivery.reject({ condition: "test:bad-request" });
      return undefined;
    });
    ask(scene, { replyTo: "here" });
    expect(await requestOutcomes(scene, 1)).toEqual({ 0: "rejected test:bad-request" });
    expect(attaches(scene)).toHaveLength(1);
  });

  test.each([
    ["rejected", { type: "rejected", error: { condition: "amqp:not-found", description: "no such queue" } }, "amqp:not-found"],
    ["released", "released", "amqp:not-found"],
  ])("an answer that is %s reaches nobody: the request is rejected, not worked on again", async (_how, state, condition) => {
    const scene = await stage({ open: RELAY });
    await responder(scene, () => ({ body: 1 }));
    ask(scene, { replyTo: "gone" });
    const relay = await answer(scene.peer);
    scene.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    const { frame } = await reply(scene);
    scene.peer.reply(frame, { state });
    expect(await requestOutcomes(scene, 1)).toEqual({ 0: `rejected ${condition}` });
    expect(scene.errors).toMatchObject([{ scope: "delivery" }]);
  });

  test("a reply address whose link is refused: the same; with onError it is the handler's failure", async () => {
    for (const onError of [undefined, "release"] as const) {
      const scene = await stage();
      await responder(scene, () => ({ body: 1 }), onError === undefined ? {} : { onError });
      ask(scene, { replyTo: "gone" });
      scene.peer.reply(await scene.peer.until("begin"));
      const attach = await scene.peer.until("attach");
      scene.peer.reply(attach, { target: null });
      scene.peer.send("detach", { channel: attach.channel, handle: 0, closed: true, error: { condition: "amqp:not-found" } });
      expect(await requestOutcomes(scene, 1)).toEqual({ 0: onError === undefined ? "rejected amqp:not-found" : "modified+failed" });
      expect(scene.errors).toMatchObject([{ condition: "amqp:not-found" }]);
    }
  });

  test("as many handlers at once as asked for; close() waits for those that run", async () => {
    const scene = await stage({ open: RELAY });
    const gate = new Deferred<void>();
    let running = 0;
    const one = await responder(scene, async () => {
      running += 1;
      await gate.promise;
      return undefined;
    }, { concurrency: 2 });
    for (let n = 0; n < 3; n++) ask(scene, { messageId: n });
    await until(() => running === 2);
    await turns();
    expect(running).toBe(2);
    const closing = one.close();
    await turns();
    expect(scene.peer.frames().some(({ name }) => name === "detach")).toBe(false);
    gate.resolve();
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "the close");
    expect(outcomesOf(scene)).toEqual({ 0: "accepted", 1: "accepted", 2: "released" });
    expect(one.close()).toBe(closing);
  });

  test("a responder ends with its block", async () => {
    const scene = await stage();
    const one = await responder(scene, () => undefined);
    const closed = (async () => {
      await using inside = one;
      expect(inside.receiver.state.local).toBe("active");
    })();
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closed, "the close");
  });

  test("a lost link is told to onError; its receiver says so too", async () => {
    const scene = await stage();
    const one = await responder(scene, () => ({ body: 1 }));
    scene.peer.send("detach", { channel: 0, handle: 0, closed: true, error: { condition: "amqp:resource-deleted" } });
    expect(await within(one.receiver.closed, "the end")).toMatchObject({ condition: "amqp:resource-deleted" });
    await until(() => scene.errors.length === 1);
    expect(scene.errors).toMatchObject([{ condition: "amqp:resource-deleted" }]);
  });

  test("what cannot work is refused at the call", async () => {
    const { connection } = await stage();
    expect(await failure(connection.createResponder("q", undefined as never))).toBeInstanceOf(ConfigError);
    expect((await failure(connection.createResponder("q", () => undefined, { concurency: 1 } as never))).message).toContain('did you mean "concurrency"');
    expect((await failure(connection.createResponder("q", () => undefined, { concurrency: 0 }))).message).toContain("concurrency");
  });
});

describe("P09 delivery.reply", () => {
  test("answers by hand; settling stays the program's", async () => {
    const scene = await stage({ open: RELAY });
    const { delivery } = await taken(scene, { messageId: "m", replyTo: "here" });
    const sending = delivery.reply({ subject: "yes", correlationId: "my own", body: 1 });
    const relay = await answer(scene.peer);
    scene.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    const { properties, accept } = await reply(scene);
    expect(properties).toEqual({ to: "here", subject: "yes", correlationId: "my own" });
    accept();
    expect((await within(sending, "the answer")).outcome).toEqual({ type: "accepted" });
    expect(outcomesOf(scene)).toEqual({});
    await delivery.accept();
  });

  test("the request itself can be sent back: its own address does not lead it astray", async () => {
    const scene = await stage({ open: RELAY });
    const { delivery } = await taken(scene, { messageId: "m", to: "q", replyTo: "here", userId: new Uint8Array([1]) }, "echo");
    const sending = delivery.reply(delivery.message);
    const relay = await answer(scene.peer);
    scene.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    const { properties, value, accept } = await reply(scene);
    expect(properties).toMatchObject({ to: "here", correlationId: "m", messageId: "m" });
    expect(value).toBe("echo");
    expect(delivery.message.to).toBe("q");
    accept();
    await within(sending, "the answer");
    delivery.reply({ address: "elsewhere", body: 2 }).catch(() => undefined);
    expect((await reply(scene)).properties["to"]).toBe("here");
  });

  test("without a reply address it is a ConfigError; a refused answer rejects", async () => {
    const scene = await stage({ open: RELAY });
    const receiver = await taken(scene, { messageId: "m" });
    const nowhere = await failure(receiver.delivery.reply({ body: 1 }));
    expect(nowhere).toBeInstanceOf(ConfigError);
    expect(nowhere.message).toContain("reply-to is not set");
    const paired = await receiver.again({ messageId: "m", replyTo: "here" });
    const refused = failure(paired.reply({ body: 1 }));
    const relay = await answer(scene.peer);
    scene.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    const { frame } = await reply(scene);
    scene.peer.reply(frame, { state: { type: "rejected", error: { condition: "test:no" } } });
    expect(await refused).toBeInstanceOf(RejectedError);
  });

  test("\"$me\" without a paired link, and a relay that is gone and made again", async () => {
    const scene = await stage();
    const { delivery } = await taken(scene, { replyTo: "$me" });
    expect(await failure(delivery.reply({ body: 1 }))).toBeInstanceOf(LinkError);

    const other = await stage({ open: RELAY });
    const asked = await taken(other, { replyTo: "here" });
    for (let n = 0; n < 2; n++) {
      const sending = asked.delivery.reply({ body: n });
      const relay = await answer(other.peer);
      other.peer.send("flow", { channel: relay.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
      const { accept } = await reply(other);
      accept();
      await within(sending, "the answer");
      other.peer.send("detach", { channel: relay.channel, handle: 0, closed: true });
      await other.peer.until("detach", { channel: relay.channel });
      await turns();
    }
  });
});

/** A responder at the scripted peer, which sees it on channel 0. */
async function responder(
  scene: Stage, handler: (request: Message, delivery: IncomingDelivery) => Awaited<ReturnType<Parameters<Stage["connection"]["createResponder"]>[1]>> | Promise<undefined>,
  options: ResponderOptions = {},
): Promise<Responder> {
  const opening = scene.connection.createResponder("q", handler, options);
  await answer(scene.peer);
  return within(opening, "the responder");
}

/** A delivery that came on a receiver of its own, and the next ones there. */
async function taken(
  scene: Stage, properties: Fields, value: unknown = "x", options: ReceiverOptions = {},
): Promise<{ delivery: IncomingDelivery; again(properties: Fields): Promise<IncomingDelivery> }> {
  const opening = scene.connection.createReceiver("q", options);
  await answer(scene.peer);
  const receiver = await within(opening, "the receiver");
  const again = async (next: Fields, body: unknown = "x"): Promise<IncomingDelivery> => {
    const waiting = receiver.receive();
    await turns();
    ask(scene, next, body);
    return within(waiting, "the delivery");
  };
  return { delivery: await again(properties, value), again: (next) => again(next) };
}

/** Sends a request on the first link. */
function ask(scene: Stage, properties: Fields, value: unknown = "x"): void {
  scene.peer.send("transfer", { channel: 0, handle: 0 }, encodeMessage({ properties, value }));
}

/** The next answer. */
async function reply(scene: Stage): Promise<ReturnType<typeof read>> {
  return read(await scene.peer.until("transfer", { more: false }), (frame) => scene.peer.reply(frame));
}

/** Answers what a sender to a reply address begins with, if it is a new one, and accepts the next answer. */
async function serveAnswer(scene: Stage): Promise<Frame> {
  for (;;) {
    const frame = await scene.peer.next();
    if (frame.name === "begin" || frame.name === "end" || frame.name === "detach") scene.peer.reply(frame);
    if (frame.name === "attach") {
      scene.peer.reply(frame);
      scene.peer.send("flow", { channel: frame.channel, handle: 0, deliveryCount: 0, linkCredit: 100 });
    }
    if (frame.name !== "transfer") continue;
    scene.peer.reply(frame);
    return frame;
  }
}

function attaches(scene: Stage): Frame[] {
  return scene.peer.frames().filter(({ name }) => name === "attach");
}

/** Outcomes of the requests so far. */
function outcomesOf(scene: Stage): Record<number, string> {
  return outcomesAmong(scene.peer.frames().filter(({ channel }) => channel === 0));
}

/** The same, once so many are there. */
async function requestOutcomes(scene: Stage, count: number): Promise<Record<number, string>> {
  await until(() => Object.keys(outcomesOf(scene)).length >= count);
  return outcomesOf(scene);
}

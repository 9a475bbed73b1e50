/** Links that are detached and attached again, by us and by the peer; what is found by its name; handles. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, LinkError } from "../../src/index.ts";
import type { Sender, Session } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { within } from "../protocol/harness.ts";
import { answer, failure, nextCredit, receiverOn, settled, stage, turns } from "./support.ts";
import type { Stage } from "./support.ts";

/** A session of the user's, begun. */
async function sessionOn({ peer, connection }: Stage, begin: Readonly<Record<string, unknown>> = {}): Promise<Session> {
  const opening = connection.session();
  peer.reply(await peer.until("begin"), begin);
  return within(opening, "the session");
}

describe("detach and reattach", () => {
  test("P11 the name is free after detach(): the same handle, a new attachment, and messages again", async () => {
    const scene = await stage();
    const session = await sessionOn(scene);
    for (const [n, ending] of (["detach", "detach", "close"] as const).entries()) {
      const opening = session.createReceiver("q", { name: "mine", prefetch: 5 });
      const attach = await scene.peer.until("attach", { name: "mine", role: "receiver", handle: 0 });
      expect(attach.fields["unsettled"]).toBeUndefined();
      scene.peer.reply(attach, { initialDeliveryCount: n });
      const receiver = await within(opening, "the receiver");
      const receiving = receiver.receive();
      await nextCredit(scene.peer);
      scene.peer.send("transfer", { deliveryId: n, deliveryTag: new Uint8Array([n]) }, encodeMessage({ value: n }));
      const delivery = await within(receiving, "receive");
      expect(delivery.message.body).toBe(n);
      await delivery.accept();
      const leaving = receiver[ending]();
      expect(() => session.createReceiver("q", { name: "mine" })).toThrow(/a receiver named "mine" is on this connection already/);
      const detach = await scene.peer.until("detach", { handle: 0 });
      expect(detach.fields["closed"] ?? false).toBe(ending === "close");
      scene.peer.reply(detach);
      await within(leaving, ending);
    }
    const sender = session.createSender("q", { name: "mine" });
    scene.peer.reply(await scene.peer.until("attach", { name: "mine", role: "sender", handle: 0 }));
    await within(sender, "a sender of that name");
  });

  test("P11 a sender too; what it had under way is in doubt, and the new one begins afresh", async () => {
    const scene = await stage();
    const session = await sessionOn(scene);
    const attach = async (): Promise<Sender> => {
      const opening = session.createSender("q", { name: "mine" });
      scene.peer.reply(await scene.peer.until("attach", { name: "mine", initialDeliveryCount: 0 }), { handle: 0 });
      const sender = await within(opening, "the sender");
      scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5 });
      return sender;
    };
    const first = await attach();
    const sent = failure(first.send({ body: 1 }));
    await scene.peer.until("transfer");
    const detaching = first.detach();
    expect(await settled(detaching)).toBe(false);
    await scene.clock.advance(7_500);
    scene.peer.reply(await scene.peer.until("detach", { closed: false }));
    await within(detaching, "detach");
    expect(await sent).toMatchObject({ code: "in-doubt" });
    const second = await attach();
    const again = second.send({ body: 2 });
    expect((await scene.peer.until("transfer")).fields["deliveryId"]).toBe(1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    expect(await settled(again)).toBe(false);
    scene.peer.send("disposition", { role: "receiver", first: 1, settled: true, state: "accepted" });
    await within(again, "the send");
  });

  test("P11 a peer that detaches without closing: the link is over without an error, its name is free", async () => {
    const scene = await stage();
    const session = await sessionOn(scene);
    const opening = session.createSender("q", { name: "mine" });
    scene.peer.reply(await scene.peer.until("attach"));
    const sender = await within(opening, "the sender");
    const waiting = failure(sender.send({ body: 1 }));
    scene.peer.send("detach", { handle: 0, closed: false });
    const reply = await scene.peer.until("detach");
    expect(reply.fields["closed"] ?? false).toBe(false);
    expect(await within(sender.closed, "closed")).toBeUndefined();
    expect(sender.state).toEqual({ local: "closed", remote: "closed" });
    expect(await waiting).toMatchObject({ code: "not-sent", cause: { code: "link-detached" } });
    const again = session.createSender("q", { name: "mine" });
    scene.peer.reply(await scene.peer.until("attach", { name: "mine" }));
    expect((await within(again, "the sender again")).state).toEqual({ local: "active", remote: "active" });
  });

  test("P11 a peer that detaches with an error and without closing: the error is the link's", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { name: "mine" });
    scene.peer.send("detach", { closed: false, error: { condition: "amqp:link:stolen", description: "taken elsewhere" } });
    expect(await within(receiver.closed, "closed")).toMatchObject({ name: "LinkError", code: "link-detached", condition: "amqp:link:stolen", origin: "remote" });
  });

  test("E a close of the peer's that crosses our detach: attached anew and closed, before the session that was the link's alone ends", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { name: "mine" });
    const detaching = receiver.detach();
    await scene.peer.until("detach", { closed: false });
    const before = scene.peer.frames().length;
    scene.peer.send("detach", { closed: true });
    await scene.peer.until("end");
    await within(detaching, "detach");
    expect(scene.peer.frames().slice(before).map(({ name, fields }) => [name, fields["name"] ?? fields["closed"]])).toEqual([["attach", "mine"], ["detach", true], ["end", undefined]]);
  });

  test("E a detach of the peer's that crosses our close: it attaches anew, closes, and is answered", async () => {
    const scene = await stage();
    const session = await sessionOn(scene);
    const opening = session.createReceiver("q", { name: "mine" });
    scene.peer.reply(await scene.peer.until("attach"));
    const receiver = await within(opening, "the receiver");
    const closing = receiver.close();
    await scene.peer.until("detach", { closed: true });
    scene.peer.send("detach", { closed: false });
    await within(closing, "close");
    scene.peer.send("attach", { name: "mine", role: "sender", handle: 0, source: { address: "q" }, target: {} });
    await scene.peer.until("attach", { name: "mine", role: "receiver" });
    scene.peer.send("detach", { handle: 0, closed: true });
    await scene.peer.until("detach", { closed: true });
    expect(scene.connection.state).toEqual({ local: "active", remote: "active" });
  });
});

describe("what is found by its name", () => {
  test("P02 a null source goes out as null; what the peer has is shown; disposal keeps it", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver(null, { name: "mine" });
    scene.peer.reply(await scene.peer.until("begin"));
    const attach = await scene.peer.until("attach", { name: "mine", role: "receiver" });
    expect(attach.fields["source"]).toBeUndefined();
    scene.peer.reply(attach, { source: { address: "topic", durable: 2, expiryPolicy: "never" } });
    const receiver = await within(opening, "the receiver");
    expect(receiver.remoteSource).toMatchObject({ address: "topic", durability: "unsettled-state", expiryPolicy: "never" });
    const leaving = receiver[Symbol.asyncDispose]();
    const detach = await scene.peer.until("detach");
    expect(detach.fields["closed"] ?? false).toBe(false);
    scene.peer.reply(detach);
    await within(leaving, "disposal");
  });

  test("P02 there is none: the peer's reason, or our own where it gives none", async () => {
    const scene = await stage();
    const refused = failure(scene.connection.createReceiver(null, { name: "none" }));
    await answer(scene.peer, { source: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await refused).toMatchObject({ name: "LinkError", code: "link-refused", condition: "amqp:not-found" });
    const silent = failure(scene.connection.createReceiver(null, { name: "none" }));
    await answer(scene.peer, { source: null });
    await turns();
    await scene.clock.advance(500);
    expect(await silent).toMatchObject({ code: "link-refused", message: expect.stringContaining("no subscription named \"none\"") });
    await scene.peer.until("detach", { closed: true });
  });

  test("P02 it is found as it was left: nothing can be said about it but its name", async () => {
    const { connection } = await stage();
    expect(() => connection.createReceiver(null)).toThrow(/give its option "name"/);
    for (const options of [{ selector: "x = 1" }, { filter: { a: 1 } }, { dynamic: true }, { distributionMode: "copy" }] as const) {
      expect(() => connection.createReceiver(null, { name: "mine", ...options })).toThrow(new RegExp(`option "${Object.keys(options)[0] ?? ""}" cannot be given with a null source`));
    }
  });
});

describe("handles", () => {
  test("P11 no more links in a session than the peer's handle-max allows: an error of that link alone", async () => {
    const scene = await stage();
    const session = await sessionOn(scene, { handleMax: 1 });
    const opening = [session.createSender("a"), session.createReceiver("b")];
    for (let i = 0; i < 2; i++) scene.peer.reply(await scene.peer.until("attach"));
    const [first] = await within(Promise.all(opening), "two links");
    const refused = await failure(session.createSender("c"));
    expect(refused).toBeInstanceOf(LinkError);
    expect(refused).toMatchObject({ code: "limit-exceeded", message: expect.stringContaining("its peer allows 2 (handle-max)") });
    // a handle that is free again can be used
    const closing = first?.close();
    scene.peer.reply(await scene.peer.until("detach"));
    await within(closing as Promise<void>, "close");
    const again = session.createSender("d");
    scene.peer.reply(await scene.peer.until("attach", { handle: 0 }));
    await within(again, "another");
  });

  test("P11 before the peer's begin has told its handle-max one attach goes out, and the others wait for it", async () => {
    const scene = await stage();
    const { endpoint: session } = scene.connection.session();
    const opening = [session.createSender("a"), session.createSender("b"), session.createSender("c")];
    const over = failure(opening[2] as Promise<unknown>);
    const begin = await scene.peer.until("begin");
    const attach = await scene.peer.until("attach", { target: { address: "a" } });
    await turns();
    expect(scene.peer.frames().filter(({ name }) => name === "attach")).toHaveLength(1);
    scene.peer.reply(begin, { handleMax: 1 });
    scene.peer.reply(attach);
    scene.peer.reply(await scene.peer.until("attach", { target: { address: "b" }, handle: 1 }));
    await within(Promise.all(opening.slice(0, 2)), "two senders");
    expect(await over).toMatchObject({ code: "limit-exceeded" });
  });

  test("a session that is closed, or its connection: ConfigError or the reason, at the call", async () => {
    const scene = await stage();
    const session = await sessionOn(scene);
    const closing = session.close();
    expect(() => session.createSender("q")).toThrow(ConfigError);
    scene.peer.reply(await scene.peer.until("end"));
    await within(closing, "close");
    expect(() => session.createReceiver("q")).toThrow(ConfigError);
    const ending = scene.connection.close();
    for (const call of [() => scene.connection.session(), () => scene.connection.createSender("q"), () => scene.connection.createReceiver("q")]) {
      expect(call).toThrow(expect.objectContaining({ name: "ConnectionError", code: "connection-closed" }));
    }
    scene.peer.reply(await scene.peer.until("close"));
    await within(ending, "close of the connection");
  });
});

/** What a user gives to connections, sessions and links, field by field on the wire, and what the peer gives, as it is shown. */

import { describe, expect, test } from "@jest/globals";
import { connect, types } from "../../src/index.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { answerClosing, dial, serve, within } from "../protocol/harness.ts";
import { answer, giveCredit, nextCredit, pair, receiverOn, senderOn, stage, until } from "./support.ts";

describe("places", () => {
  test("S03 S04 a link on a connection, in a session, and at a url whose path is its node where none is named", async () => {
    const { client, listener, connection, request } = await pair();
    const session = await connection.session();
    const asked = async (): Promise<unknown> => {
      const link = await request();
      await link.refuse({ condition: "amqp:not-found" });
      return [link.role, link.name, (link.role === "receiver" ? link.target : link.source)?.address, (link.role === "receiver" ? link.source : link.target)?.address];
    };
    const url = `${listener.url}/a%20node`;
    const links = [
      client.createReceiver(connection, "from", { name: "r1", target: "mine" }), client.createReceiver(session, { address: "from" }, { name: "r2" }),
      client.createReceiver(url, undefined, { name: "r3" }), client.createReceiver(url, "named", { name: "r4" }),
      client.createSender(connection, "to", { name: "s1", source: "mine" }), client.createSender(session, { address: "to" }, { name: "s2" }),
      client.createSender(url, undefined, { name: "s3" }), client.createSender(url, "named", { name: "s4" }),
    ];
    const over = links.map((link) => link.then(() => undefined, (error: unknown) => error));
    const seen: unknown[] = [];
    for (let i = 0; i < links.length; i++) seen.push(await within(asked(), `request ${i}`));
    expect(seen.toSorted((a, b) => String((a as string[])[1]).localeCompare(String((b as string[])[1])))).toEqual([
      ["sender", "r1", "from", "mine"], ["sender", "r2", "from", undefined], ["sender", "r3", "a node", undefined], ["sender", "r4", "named", undefined],
      ["receiver", "s1", "to", "mine"], ["receiver", "s2", "to", undefined], ["receiver", "s3", "a node", undefined], ["receiver", "s4", "named", undefined],
    ]);
    expect(links[0]!.endpoint.session).not.toBe(session);
    expect(links[1]!.endpoint.session).toBe(session);
    expect(links[2]!.endpoint.connection).not.toBe(connection);
    for (const error of await Promise.all(over)) expect(error).toMatchObject({ code: "link-refused" });
    // a connection that was made for a link goes with it
    await until(() => client.connections.size === 1);
  });
});

describe("deliveries", () => {
  test("S10 what a delivery shows of itself on either side, until both have settled", async () => {
    const { receiving } = await pair();
    const [receiver, sender] = await receiving({ receiver: { prefetch: 5, guarantee: "exactly-once" } });
    const taking = receiver.receive();
    await until(() => sender.credit > 0);
    const settling = sender.send({ body: 1 }, { tag: "t" });
    const out = sender.unsettled.get("t")!;
    expect([out.link, out.session, out.connection]).toEqual([sender, sender.session, sender.connection]);
    expect([[...out.tag], out.settled, out.partial, out.writable, out.localState, out.remoteState]).toEqual([[116], false, false, false, undefined, undefined]);
    const incoming = await within(taking, "receive");
    expect([incoming.link, incoming.session, incoming.connection]).toEqual([receiver, receiver.session, receiver.connection]);
    expect([[...incoming.tag], incoming.settled, incoming.partial, incoming.readable, incoming.localState, incoming.remoteState]).toEqual([[116], false, false, true, undefined, undefined]);
    incoming.update({ type: "received", section: 3, offset: 0 });
    await until(() => out.remoteState?.type === "received");
    expect(incoming.localState).toEqual({ type: "received", section: 3, offset: 0 });
    const accepting = incoming.accept();
    await within(settling, "the send");
    await within(accepting, "accept");
    expect([out.settled, out.remoteState, incoming.settled, incoming.localState]).toEqual([true, { type: "accepted" }, true, { type: "accepted" }]);
  });
});

describe("connections", () => {
  test("S06 J12 capabilities and properties of both sides; keys are symbols on the wire and text when read", async () => {
    const peer = await serve(async (script) => {
      const open = await script.handshake({
        containerId: "theirs", hostname: "their.host", offeredCapabilities: ["ANONYMOUS-RELAY", "X"], desiredCapabilities: ["Y"],
        properties: { product: "scripted", "x:number": 5 },
      });
      expect(open.fields).toMatchObject({
        containerId: "mine", hostname: "virtual", offeredCapabilities: ["a", "b"], desiredCapabilities: ["c"], properties: { product: "test", nested: { k: "v" } },
      });
      // properties: map8 with two entries, the keys as sym8 (§2.8.13)
      expect(Buffer.from(open.bytes).toString("latin1")).toMatch(/\xa3\x07product\xa1\x04test/u);
      await answerClosing(script);
    });
    const connection = await connect(peer.url, {
      containerId: "mine", virtualHost: "virtual", offeredCapabilities: ["a", "b"], desiredCapabilities: "c", properties: { product: "test", nested: { k: "v" } },
    });
    expect(connection).toMatchObject({
      remoteContainer: "theirs", remoteHostname: "their.host", remoteOfferedCapabilities: ["ANONYMOUS-RELAY", "X"], remoteDesiredCapabilities: ["Y"],
      remoteProperties: { product: "scripted", "x:number": 5 }, hostname: "virtual", state: { local: "active", remote: "active" },
    });
    await connection.close();
    expect(connection.state).toEqual({ local: "closed", remote: "closed" });
    await peer.done;
  });

  test("S06 a peer that says nothing of these: undefined and empty lists", async () => {
    const peer = await serve(async (script) => {
      await script.handshake({ containerId: "bare" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    expect([connection.remoteHostname, connection.remoteProperties, connection.remoteOfferedCapabilities, connection.remoteDesiredCapabilities]).toEqual([undefined, undefined, [], []]);
  });
});

describe("sessions", () => {
  test("P11 J12 windows, handle-max, capabilities and properties of a session of the user's", async () => {
    const scene = await stage();
    const opening = scene.connection.session({
      incomingWindow: 7, outgoingWindow: 9, handleMax: 3, offeredCapabilities: "offered", desiredCapabilities: ["x", "y"], properties: { p: types.symbol("s") },
    });
    const begin = await scene.peer.until("begin");
    expect(begin.fields).toEqual({
      nextOutgoingId: 0, incomingWindow: 7, outgoingWindow: 9, handleMax: 3, offeredCapabilities: ["offered"], desiredCapabilities: ["x", "y"], properties: { p: "s" },
    });
    scene.peer.reply(begin);
    const session = await within(opening, "the session");
    expect([session.connection, session.state]).toEqual([scene.connection, { local: "active", remote: "active" }]);
  });

  test("P11 the container's defaults, for sessions of its own and for those that the peer begins", async () => {
    const defaults = { session: { incomingWindow: 5, properties: { from: "defaults" } } };
    const scene = await stage({ container: defaults });
    scene.connection.createSender("q").catch(() => {});
    expect((await scene.peer.until("begin")).fields).toMatchObject({ incomingWindow: 5, properties: { from: "defaults" } });
    const { listener } = await pair({ server: defaults });
    await using peer = await ScriptedPeer.connect(listener.url, async (script) => {
      await script.handshake();
      script.send("begin");
      expect((await script.until("begin")).fields).toMatchObject({ incomingWindow: 5, properties: { from: "defaults" } });
    });
    await within(peer.done, "the script");
  });

  test("P11 an incoming window of 1 is kept: a peer sends one frame at a time, and a message of five frames arrives whole", async () => {
    const scene = await stage();
    const opening = scene.connection.session({ incomingWindow: 1 });
    scene.peer.reply(await scene.peer.until("begin", { incomingWindow: 1 }));
    const session = await within(opening, "the session");
    const creating = session.createReceiver("q", { prefetch: 5 });
    scene.peer.reply(await scene.peer.until("attach"));
    const receiver = await within(creating, "the receiver");
    const receiving = receiver.receive();
    await nextCredit(scene.peer);
    const message = encodeMessage({ value: "x".repeat(40) });
    for (let n = 0; n < 5; n++) {
      scene.peer.send("transfer", n === 0 ? { more: true } : { deliveryId: null, deliveryTag: null, more: n < 4 }, message.subarray(n * 9, n === 4 ? undefined : n * 9 + 9));
      await scene.peer.until("flow", { incomingWindow: 1, nextIncomingId: n + 1 });
    }
    expect((await within(receiving, "receive")).message.body).toBe("x".repeat(40));
  });
});

const OUTCOMES = ["amqp:accepted:list", "amqp:rejected:list", "amqp:released:list", "amqp:modified:list"];

describe("termini", () => {
  test("S15 P11 every field of source and target, of a receiver", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver({
      address: "from", capabilities: ["topic", "shared"], durability: "configuration", expiryPolicy: "link-detach", timeout: 2_500, distributionMode: "copy",
      filter: { f: 5 }, outcomes: ["accepted", "rejected", "released", "amqp:modified:list"], defaultOutcome: { type: "modified", deliveryFailed: true, annotations: { why: 1 } },
    }, { target: { address: "to", capabilities: "queue", durability: "unsettled-state", expiryPolicy: "never", timeout: 1 } });
    const { fields } = await answer(scene.peer, {
      source: {
        address: "theirs", durable: 1, expiryPolicy: "connection-close", timeout: 7, dynamic: false, distributionMode: "move", filter: { f: { described: ["f", 5] } },
        defaultOutcome: { type: "released" }, outcomes: OUTCOMES, capabilities: ["topic"],
      },
      target: { address: "here", durable: 2, timeout: 3, capabilities: ["a", "b"] },
    });
    expect(fields["source"]).toMatchObject({
      address: "from", durable: 1, expiryPolicy: "link-detach", timeout: 3, distributionMode: "copy", filter: { f: { described: ["f", 5] } },
      defaultOutcome: { type: "modified", deliveryFailed: true, messageAnnotations: { why: 1 } }, outcomes: OUTCOMES, capabilities: ["topic", "shared"],
    });
    expect(fields["target"]).toMatchObject({ address: "to", durable: 2, expiryPolicy: "never", timeout: 1, capabilities: ["queue"] });
    const receiver = await within(opening, "the receiver");
    expect(receiver.source).toMatchObject({
      address: "from", capabilities: ["topic", "shared"], dynamic: false, properties: {}, durability: "configuration", expiryPolicy: "link-detach", timeout: 3_000,
      distributionMode: "copy", outcomes: OUTCOMES, defaultOutcome: { type: "modified", deliveryFailed: true, undeliverableHere: false, annotations: { why: 1 } },
    });
    expect(receiver.target).toMatchObject({ address: "to", capabilities: ["queue"], durability: "unsettled-state", expiryPolicy: "never", timeout: 1_000, type: "target" });
    expect(receiver.remoteSource).toMatchObject({
      address: "theirs", capabilities: ["topic"], durability: "configuration", expiryPolicy: "connection-close", timeout: 7_000, distributionMode: "move",
      outcomes: OUTCOMES, defaultOutcome: { type: "released" },
    });
    expect(receiver.remoteTarget).toMatchObject({ address: "here", durability: "unsettled-state", timeout: 3_000, capabilities: ["a", "b"] });
  });

  test("S15 S04 of a sender: both termini, and a dynamic target whose address the peer makes", async () => {
    const scene = await stage();
    const opening = scene.connection.createSender(
      { dynamic: true, properties: { "lifetime-policy": types.described(0x2b, []) }, capabilities: "temporary-queue" },
      { source: { address: "me", timeout: 1_000, outcomes: ["accepted"] } },
    );
    const { fields } = await answer(scene.peer, { target: { address: "made", dynamic: true, dynamicNodeProperties: { "supported-dist-modes": "move" } } });
    expect(fields["target"]).toMatchObject({ dynamic: true, dynamicNodeProperties: { "lifetime-policy": { described: [0x2b, []] } }, capabilities: ["temporary-queue"] });
    expect((fields["target"] as { address?: string }).address).toBeUndefined();
    expect(fields["source"]).toMatchObject({ address: "me", timeout: 1, outcomes: ["amqp:accepted:list"] });
    const sender = await within(opening, "the sender");
    expect(sender.remoteTarget).toMatchObject({ address: "made", dynamic: true, properties: { "supported-dist-modes": "move" } });
  });
});

describe("links", () => {
  test("S09 P11 J12 settle modes, max-message-size, capabilities and properties, both ways", async () => {
    const scene = await stage();
    const options = { properties: { p: 1 }, offeredCapabilities: "mine", desiredCapabilities: ["delayed", "shared"], maxMessageSize: 4096, sndSettleMode: "mixed", rcvSettleMode: "second" } as const;
    const theirs = { properties: { q: "r" }, offeredCapabilities: ["shared"], desiredCapabilities: ["other"], maxMessageSize: 100n, sndSettleMode: "mixed", rcvSettleMode: "second" };
    for (const link of [await receiverOn(scene, options, theirs), await senderOn(scene, 0, options, theirs)]) {
      const attach = scene.peer.frames().findLast(({ name }) => name === "attach");
      expect(attach?.fields).toMatchObject({
        properties: { p: 1 }, offeredCapabilities: ["mine"], desiredCapabilities: ["delayed", "shared"], maxMessageSize: 4096, sndSettleMode: "mixed", rcvSettleMode: "second",
      });
      expect(link).toMatchObject({ remoteProperties: { q: "r" }, remoteOfferedCapabilities: ["shared"], remoteDesiredCapabilities: ["other"] });
    }
  });

  test("J12 a request has what the peer attached with, and the answer tells ours", async () => {
    const { connection, request } = await pair();
    const opening = connection.createReceiver("q", { properties: { p: 1 }, desiredCapabilities: "shared", offeredCapabilities: "x", filterRequired: false });
    const asked = await request();
    expect(asked).toMatchObject({ properties: { p: 1 }, desiredCapabilities: ["shared"] });
    if (asked.role !== "sender") throw new Error("a sender was asked for");
    const sender = await asked.accept({ properties: { s: 2 }, offeredCapabilities: ["shared"] });
    const receiver = await within(opening, "the receiver");
    expect(receiver).toMatchObject({ remoteProperties: { s: 2 }, remoteOfferedCapabilities: ["shared"], remoteDesiredCapabilities: [] });
    expect(sender).toMatchObject({ remoteProperties: { p: 1 }, remoteOfferedCapabilities: ["x"], remoteDesiredCapabilities: ["shared"] });
  });

  test("P02 an accepting side's guarantee counts when it comes as a link option", async () => {
    const { AtMostOnce } = await import("../../src/index.ts");
    const { connection, request } = await pair();
    const opening = connection.createReceiver("q", { guaranteeFallback: "at-most-once" });
    const asked = await request();
    if (asked.role !== "sender") throw new Error("a sender was asked for");
    expect((await asked.accept({ options: [AtMostOnce()] })).guarantee).toBe("at-most-once");
    expect((await within(opening, "the receiver")).guarantee).toBe("at-most-once");
  });
});

describe("max-message-size", () => {
  test("P11 the peer's: EncodeError at the call; of a send that waited for the link, on that send alone", async () => {
    const scene = await stage();
    const opening = scene.connection.createSender("q");
    const early = [opening.endpoint.send({ body: new Uint8Array(200) }), opening.endpoint.send({ body: "fits" })];
    const failed = early[0]!.then(() => undefined, (error: unknown) => error);
    await answer(scene.peer, { maxMessageSize: 100 });
    const sender = await within(opening, "the sender");
    await giveCredit(scene.peer, sender, 5);
    expect(await within(failed, "the large one")).toMatchObject({ code: "not-sent", cause: { name: "EncodeError", code: "message-too-large" } });
    expect(() => sender.send({ body: new Uint8Array(200) })).toThrow(expect.objectContaining({ name: "EncodeError", code: "message-too-large" }));
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    await within(early[1]!, "the small one");
  });

  test("P11 our own, of a sender: told in the attach, and kept before the peer has answered", async () => {
    const scene = await stage();
    const { endpoint } = scene.connection.createSender("q", { maxMessageSize: 50 });
    expect(() => endpoint.send({ body: new Uint8Array(200) })).toThrow(expect.objectContaining({ code: "message-too-large" }));
    const attach = await answer(scene.peer, { maxMessageSize: 1000 });
    expect(attach.fields["maxMessageSize"]).toBe(50);
    await until(() => endpoint.state.remote === "active");
    expect(() => endpoint.send({ body: new Uint8Array(200) })).toThrow(expect.objectContaining({ code: "message-too-large" }));
  });

  test("P11 our own, of a receiver: a larger message ends the link with message-size-exceeded", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { maxMessageSize: 64, prefetch: 5 });
    const receiving = receiver.receive().catch((error: unknown) => error);
    await nextCredit(scene.peer);
    scene.peer.send("transfer", {}, encodeMessage({ value: "x".repeat(200) }));
    scene.peer.reply(await scene.peer.until("detach", { closed: true, error: { condition: "amqp:link:message-size-exceeded" } }));
    expect(await within(receiving, "receive")).toMatchObject({ name: "LinkError", condition: "amqp:link:message-size-exceeded" });
  });
});

describe("flow", () => {
  test("S07 S08 J12 available, echo and link-state properties, both ways", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 0 });
    receiver.flow(3, { properties: { mood: "calm" }, echo: true });
    expect((await scene.peer.until("flow")).fields).toMatchObject({ linkCredit: 3, echo: true, properties: { mood: "calm" } });
    receiver.flow(2);
    const plain = await scene.peer.until("flow", { linkCredit: 5 });
    expect([plain.fields["echo"] ?? false, plain.fields["properties"]]).toEqual([false, undefined]);
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, available: 12, properties: { left: 12 } });
    await until(() => receiver.available === 12);
    expect(receiver.remoteFlowProperties).toEqual({ left: 12 });

    const sender = await senderOn(scene, 1);
    sender.offered(4, { properties: { left: 4 }, echo: true });
    expect((await scene.peer.until("flow", { available: 4 })).fields).toMatchObject({ echo: true, properties: { left: 4 }, linkCredit: 1 });
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 2, properties: { hurry: true } });
    await until(() => sender.credit === 2);
    expect(sender.remoteFlowProperties).toEqual({ hurry: true });
    sender.offered(0);
    await scene.peer.until("flow", { available: 0 });
  });

  test("S07 S08 what is asked for before the link is open goes out with it", async () => {
    const scene = await stage();
    const receiving = scene.connection.createReceiver("q", { prefetch: 0 });
    receiving.endpoint.flow(4, { properties: { early: true } });
    await answer(scene.peer);
    expect((await scene.peer.until("flow")).fields).toMatchObject({ linkCredit: 4, properties: { early: true } });
    const sending = scene.connection.createSender("q");
    sending.endpoint.offered(9, { properties: { early: 1 } });
    await answer(scene.peer);
    expect((await scene.peer.until("flow")).fields).toMatchObject({ available: 9, properties: { early: 1 } });
  });

  test("S07 S08 L.3 drain asks, the sender gives the rest back; draining and drained() tell of it", async () => {
    const { receiving } = await pair();
    const [receiver, sender] = await receiving({ receiver: { prefetch: 0 } });
    receiver.flow(10);
    await until(() => sender.credit === 10);
    for (const body of [1, 2, 3]) void sender.send({ body }).catch(() => {});
    await until(() => receiver.queued === 3);
    const draining = receiver.drain();
    expect(receiver.draining).toBe(true);
    expect(await within(draining, "drain")).toBe(0);
    expect([receiver.credit, sender.credit, receiver.draining, receiver.drained]).toEqual([0, 0, false, 0]);
    for (let n = 1; n <= 3; n++) {
      const delivery = receiver.tryReceive();
      expect(delivery?.message.body).toBe(n);
      await delivery?.accept();
    }
    // with an amount: that much more credit first
    const more = receiver.drain(2);
    await until(() => sender.credit === 2 || !receiver.draining);
    expect(await within(more, "drain of 2")).toBe(0);
  });
});

describe("transfers", () => {
  test("J12 a message-format of the user's, of the message or of the send, and batchable", async () => {
    const { sending } = await pair();
    const [sender, receiver] = await sending({ receiver: { prefetch: 5 } });
    const taking = receiver.receiveBatch(3, { within: 4000 });
    for (const [message, options] of [[{ body: 1, messageFormat: 0x1234 }, undefined], [{ body: 2 }, { messageFormat: 7, batchable: true }], [{ body: 3 }, undefined]] as const) {
      void sender.send(message, options).catch(() => {});
    }
    const deliveries = await within(taking, "three");
    expect(deliveries.map(({ message }) => [message.body, message.messageFormat])).toEqual([[1, 0x1234], [2, 7], [3, 0]]);
    await Promise.all(deliveries.map((delivery) => delivery.accept()));
  });

  test("J12 batchable and message-format on the wire", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2);
    void sender.send({ body: 1 }, { batchable: true, messageFormat: 5 }).catch(() => {});
    void sender.send({ body: 2 }).catch(() => {});
    expect((await scene.peer.until("transfer")).fields).toMatchObject({ batchable: true, messageFormat: 5, more: false });
    expect((await scene.peer.until("transfer")).fields["batchable"] ?? false).toBe(false);
  });

  test("J12 a peer's batchable is a hint that may be passed over: the outcome is told with the next flush", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { prefetch: 5 });
    const receiving = receiver.receive();
    await nextCredit(scene.peer);
    scene.peer.send("transfer", { batchable: true, messageFormat: 9 }, encodeMessage({ value: 1 }));
    const delivery = await within(receiving, "receive");
    expect(delivery.message.messageFormat).toBe(9);
    await delivery.accept();
    await scene.peer.until("disposition", { first: 0, settled: true, state: "accepted" });
  });
});

describe("the anonymous relay", () => {
  test("J11 a target without an address; each message says where it goes, or never goes", async () => {
    const scene = await stage({ open: { offeredCapabilities: ["ANONYMOUS-RELAY"] } });
    const opening = scene.connection.createSender(null);
    const { fields } = await answer(scene.peer);
    expect(fields["target"]).toBeDefined();
    expect((fields["target"] as { address?: string }).address).toBeUndefined();
    const relay = await within(opening, "the relay");
    await giveCredit(scene.peer, relay, 3);
    expect(() => relay.send({ body: 1 })).toThrow(/needs "to" on a sender without a target/);
    void relay.send({ to: "somewhere", body: 1 }).catch(() => {});
    const { payload } = await scene.peer.until("transfer");
    expect(Buffer.from(payload).toString("latin1")).toContain("somewhere");
  });

  test.each([
    { offered: [], text: / \(the peer does not offer ANONYMOUS-RELAY: create a sender for each address instead\): amqp:not-found/ },
    { offered: ["ANONYMOUS-RELAY"], text: /^sender to the anonymous relay was refused: amqp:not-found/ },
  ])("J11 refused by a peer that offers $offered: the error says what to do", async ({ offered, text }) => {
    const scene = await stage({ open: { offeredCapabilities: offered } });
    const refused = scene.connection.createSender(null).catch((error: unknown) => error);
    await answer(scene.peer, { target: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
    expect(await within(refused, "the refusal")).toMatchObject({ name: "LinkError", code: "link-refused", message: expect.stringMatching(text) });
  });

  test("J11 replies go to a dynamic node by way of it", async () => {
    const { connection, request } = await pair();
    const receiving = connection.createReceiver<string>(undefined, { dynamic: true });
    const asked = await request();
    if (asked.role !== "sender") throw new Error("a sender was asked for");
    expect(asked.source).toMatchObject({ dynamic: true, address: undefined });
    const answering = await asked.accept({ address: "replies/1" });
    const receiver = await within(receiving, "the receiver");
    expect(receiver.remoteSource).toMatchObject({ address: "replies/1", dynamic: true });
    const relaying = connection.createSender(null);
    const asked2 = await request();
    if (asked2.role !== "receiver") throw new Error("a receiver was asked for");
    expect(asked2.target).toMatchObject({ address: undefined });
    const relay = await asked2.accept();
    const serving = (async () => {
      for await (const { message } of relay.take({ max: 1 })) if (message.to === receiver.remoteSource.address) await answering.send(message);
    })();
    const receivingOne = receiver.receive({ timeout: 4000 });
    const sent = (await relaying).send({ to: receiver.remoteSource.address as string, body: "answer" });
    const delivery = await receivingOne;
    expect(delivery.message.body).toBe("answer");
    await delivery.accept();
    await Promise.all([sent, serving]);
  });
});

/** What cannot be meant gets a typed error at the call, and disturbs nothing: names of options, kinds of arguments, ends of links, tags in use. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Container, EncodeError, LinkError, Message } from "../../src/index.ts";
import type { IncomingDelivery, Receiver, Sender } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { within } from "../protocol/harness.ts";
import { failure, giveCredit, ids, nextCredit, pair, receiverOn, senderOn, settled, stage, until } from "./support.ts";
import type { Stage } from "./support.ts";

interface Things extends Stage {
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly delivery: IncomingDelivery;
}

/** A sender, a receiver, and a delivery of it. */
async function things(): Promise<Things> {
  const scene = await stage();
  const receiver = await receiverOn(scene, { prefetch: 1 });
  const receiving = receiver.receive();
  await nextCredit(scene.peer);
  scene.peer.send("transfer", {}, encodeMessage({ value: 1 }));
  const delivery = await within(receiving, "receive");
  return { ...scene, receiver, delivery, sender: await senderOn(scene) };
}

/** What a call throws, or what its promise rejects with. */
async function wrong(call: () => unknown): Promise<Error> {
  let given: unknown;
  try {
    given = call();
  } catch (error) {
    return error as Error;
  }
  return failure(Promise.resolve(given), "the call");
}

type Call = (things: Things) => unknown;
const any = (value: unknown): never => value as never;

describe("names of options that there are not: ConfigError with the nearest one", () => {
  const calls: readonly (readonly [string, Call, string])[] = [
    ["connection.session", ({ connection }) => connection.session(any({ incomingWindw: 5 })), 'session(): there is no option "incomingWindw"; did you mean "incomingWindow"?'],
    ["connection.createSender", ({ connection }) => connection.createSender("q", any({ garantee: "at-most-once" })), 'createSender(): there is no option "garantee"; did you mean "guarantee"?'],
    ["connection.createReceiver", ({ connection }) => connection.createReceiver("q", any({ selectr: "x" })), 'createReceiver(): there is no option "selectr"; did you mean "selector"?'],
    ["connection.close", ({ connection }) => connection.close(any({ timeot: 1 })), 'close(): there is no option "timeot"; did you mean "timeout"?'],
    ["container.close", ({ container }) => container.close(any({ drian: 1 })), 'close(): there is no option "drian"; did you mean "drain"?'],
    ["container.listen", ({ container }) => container.listen("amqp://127.0.0.1:0", any({ authenticat: () => true })), 'listen(): there is no option "authenticat"; did you mean "authenticate"?'],
    ["session.close", ({ sender }) => sender.session.close(any({ err: {} })), 'close(): there is no option "err"; there are signal, timeout, error, drain'],
    ["link.close", ({ sender }) => sender.close(any({ error: { condition: "a:b", descripton: "x" } })), 'close(): there is no option "error.descripton"; did you mean "description"?'],
    ["link.detach", ({ receiver }) => receiver.detach(any({ close: true })), 'detach(): there is no option "close"; there are signal, timeout'],
    ["sender.send", ({ sender }) => sender.send({}, any({ tagg: "x" })), 'send(): there is no option "tagg"; did you mean "tag"?'],
    ["sender.trySend", ({ sender }) => sender.trySend({}, any({ setled: true })), 'trySend(): there is no option "setled"; did you mean "settled"?'],
    ["sender.ready", ({ sender }) => sender.ready(any({ timeoout: 1 })), 'ready(): there is no option "timeoout"; did you mean "timeout"?'],
    ["sender.offered", ({ sender }) => sender.offered(1, any({ property: {} })), 'offered(): there is no option "property"; did you mean "properties"?'],
    ["receiver.receive", ({ receiver }) => receiver.receive(any({ timout: 1 })), 'receive(): there is no option "timout"; did you mean "timeout"?'],
    ["receiver.receiveBatch", ({ receiver }) => receiver.receiveBatch(1, any({ withn: 1 })), 'receiveBatch(): there is no option "withn"; did you mean "within"?'],
    ["receiver.batches", ({ receiver }) => receiver.batches(1, any({ withn: 1 })), 'batches(): there is no option "withn"; did you mean "within"?'],
    ["receiver.take", ({ receiver }) => receiver.take(any({ mx: 1 })), 'take(): there is no option "mx"; did you mean "max"?'],
    ["receiver.consume", ({ receiver }) => receiver.consume(() => {}, any({ concurency: 1 })), 'consume(): there is no option "concurency"; did you mean "concurrency"?'],
    ["receiver.stop", ({ receiver }) => receiver.stop(any({ now: true })), 'stop(): there is no option "now"; there are signal, timeout'],
    ["receiver.drain", ({ receiver }) => receiver.drain(undefined, any({ timeot: 1 })), 'drain(): there is no option "timeot"; did you mean "timeout"?'],
    ["receiver.flow", ({ receiver }) => receiver.flow(1, any({ ecko: true })), 'flow(): there is no option "ecko"; did you mean "echo"?'],
    ["delivery.accept", ({ delivery }) => delivery.accept(any({ timeot: 1 })), 'accept(): there is no option "timeot"; did you mean "timeout"?'],
    ["delivery.release", ({ delivery }) => delivery.release(any({ deliverd: true })), 'release(): there is no option "deliverd"; did you mean "delivered"?'],
    ["delivery.modify", ({ delivery }) => delivery.modify(any({ delivryFailed: true })), 'modify(): there is no option "delivryFailed"; did you mean "deliveryFailed"?'],
  ];

  test.each(calls)("%s", async (_, call, text) => {
    const scene = await things();
    const error = await wrong(() => call(scene));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code: "config", message: text });
    // nothing has come of it
    expect([scene.connection.state, scene.sender.state, scene.receiver.state, scene.delivery.settled])
      .toEqual([...Array.from({ length: 3 }, () => ({ local: "active", remote: "active" })), false]);
  });

  test("accept() and refuse() of a link that the peer attaches, and serve()", async () => {
    const { connection, request, listener } = await pair();
    const opening = connection.createSender("q");
    const asked = await request();
    expect(await wrong(() => asked.accept(any({ prefech: 1 })))).toMatchObject({ name: "ConfigError", message: 'accept(): there is no option "prefech"; did you mean "prefetch"?' });
    expect(await wrong(() => asked.refuse(any("no")))).toMatchObject({ name: "ConfigError", message: "refuse(): options must be an object of options; got a text" });
    expect(await wrong(() => asked.refuse(any({ conditon: "a:b" })))).toBeInstanceOf(ConfigError);
    expect(await wrong(() => listener.serve(() => {}, any({ sigal: 1 })))).toMatchObject({ message: 'serve(): there is no option "sigal"; did you mean "signal"?' });
    expect(await wrong(() => listener.close(any({ timeot: 1 })))).toMatchObject({ message: 'close(): there is no option "timeot"; did you mean "timeout"?' });
    // it can still be answered
    if (asked.role === "receiver") await asked.accept();
    expect((await opening).state).toEqual({ local: "active", remote: "active" });
  });
});

describe("arguments of the wrong kind", () => {
  const calls: readonly (readonly [string, Call, string | RegExp])[] = [
    ["a target", ({ connection }) => connection.createSender(any(5)), "createSender(): target: it must be an address or an object of its options; got 5"],
    ["a target that is a list", ({ connection }) => connection.createSender(any(["q"])), "createSender(): target: it must be an address or an object of its options; got a list"],
    ["a source", ({ connection }) => connection.createReceiver(any(() => "q")), "createReceiver(): source: it must be an address or an object of its options; got a function"],
    ["the options of a link", ({ connection }) => connection.createReceiver("q", any("selector")), "createReceiver(): options must be an object of options; got a text"],
    ["null as options", ({ connection }) => connection.createSender("q", any(null)), "createSender(): options must be an object of options; got null"],
    ["the options of a session", ({ connection }) => connection.session(any(5)), "session(): options must be an object of options; got 5"],
    ["a session of nobody's", ({ connection }) => connection.createSender("q", { session: any({}) }), /"session" must be a session of this connection/],
    ["a context", ({ container }) => container.createSender(any({}), "q"), "createSender(): the context must be a connection, a session or a url"],
    ["no context", ({ container }) => container.createReceiver(any(undefined), "q"), "createReceiver(): the context must be a connection, a session or a url"],
    ["a text as message", ({ sender }) => sender.send(any("hello")), "send(): a message is an object such as { body: ... }; got string"],
    ["no message", ({ sender }) => sender.send(any(undefined)), "send(): a message is an object such as { body: ... }; got undefined"],
    ["null as message", ({ sender }) => sender.trySend(any(null)), "trySend(): a message is an object such as { body: ... }; got null"],
    ["options of a send", ({ sender }) => sender.send({}, any("tag")), "send(): options must be an object of options; got a text"],
    ["a tag", ({ sender }) => sender.send({}, { tag: any(5) }), 'send(): option "tag" must be a Uint8Array, a text or a Uuid'],
    ["an empty tag", ({ sender }) => sender.send({}, { tag: "" }), 'send(): option "tag" must have 1 to 32 octets; got 0'],
    ["a tag of 33 octets", ({ sender }) => sender.send({}, { tag: new Uint8Array(33) }), 'send(): option "tag" must have 1 to 32 octets; got 33'],
    ["a message format", ({ sender }) => sender.send({}, { messageFormat: -1 }), 'send(): option "messageFormat" must be a whole number from 0 to 4294967295; got -1'],
    ["settled", ({ sender }) => sender.send({}, { settled: any("yes") }), 'send(): option "settled" must be true or false'],
    ["batchable", ({ sender }) => sender.send({}, { batchable: any(1) }), 'send(): option "batchable" must be true or false'],
    ["the timeout of a send", ({ sender }) => sender.send({}, { timeout: any("1s") }), /^send\(\): option "timeout" must be milliseconds/],
    ["the signal of a send", ({ sender }) => sender.send({}, { signal: any({}) }), 'send(): option "signal" must be an AbortSignal; got an object'],
    ["a time that is none", ({ receiver }) => receiver.receive({ timeout: Number.NaN }), /^receive\(\): option "timeout" must be milliseconds/],
    ["a negative time", ({ receiver }) => receiver.receive({ timeout: -1 }), /^receive\(\): option "timeout" must be milliseconds/],
    ["an amount of credit", ({ receiver }) => receiver.flow(any("5")), "flow(): the number of messages must be a whole number from 0 to 4294967295; got a text"],
    ["half a message", ({ receiver }) => receiver.flow(1.5), /got 1\.5$/],
    ["a negative drain", ({ receiver }) => receiver.drain(-1), /^drain\(\): the number of messages must be/],
    ["an offer", ({ sender }) => sender.offered(2 ** 32), /^offered\(\): the number of messages must be/],
    ["the reason of a rejection", ({ delivery }) => delivery.reject(any({ description: "why" })), 'reject(): option "condition" must be a text that is not empty; got undefined'],
    ["a number as reason", ({ delivery }) => delivery.reject(any(5)), "reject(): options must be an object of options; got 5"],
    ["the bound of an accept", ({ delivery }) => delivery.accept({ timeout: any("1s") }), /^accept\(\): option "timeout" must be milliseconds/],
    ["a state that there is not", ({ delivery }) => delivery.settle(any("acepted")), /acepted is no delivery state|undefined is no delivery state/],
    ["link-state properties", ({ receiver }) => receiver.flow(1, { properties: any("x") }), 'flow(): option "properties" must be an object; got a text'],
  ];

  test.each(calls)("%s: ConfigError", async (_, call, text) => {
    const scene = await things();
    const error = await wrong(() => call(scene));
    expect(error).toBeInstanceOf(ConfigError);
    if (typeof text === "string") expect(error.message).toBe(text);
    else expect(error.message).toMatch(text);
    expect(scene.sender.queued).toBe(0);
  });

  test("a message with a field that no message has, link-state properties that cannot be encoded: EncodeError", async () => {
    const { sender, receiver } = await things();
    expect(await wrong(() => sender.send(any({ bdy: 1 })))).toBeInstanceOf(EncodeError);
    expect(await wrong(() => sender.send(any(new Uint8Array([1, 2]))))).toBeInstanceOf(EncodeError);
    expect(await wrong(() => receiver.flow(1, { properties: { bad: Symbol("x") } }))).toBeInstanceOf(EncodeError);
    expect(sender.queued).toBe(0);
  });
});

describe("the other end's business", () => {
  test("a receiver that is to send, a sender that is to receive: LinkError invalid-state", async () => {
    const { sender, receiver } = await things();
    const told = (error: Error): unknown => expect(error).toMatchObject({ name: "LinkError", code: "invalid-state" });
    for (const call of [() => (receiver as unknown as Sender).send({ body: 1 }), () => (receiver as unknown as Sender).trySend({ body: 1 })]) {
      const error = await wrong(call);
      told(error);
      expect(error.message).toMatch(/this is a receiver from "q", which can only receive$/);
    }
    const loop = async (): Promise<void> => {
      for await (const _ of sender as unknown as Receiver) throw new Error("something came");
    };
    for (const call of [() => (sender as unknown as Receiver).receive(), () => (sender as unknown as Receiver).flow(1), loop]) {
      const error = await wrong(call);
      told(error);
      expect(error.message).toMatch(/this is a sender to "q", which can only send$/);
    }
    expect(await wrong(() => new Message({ body: 1 }).send(receiver as unknown as Sender))).toBeInstanceOf(LinkError);
  });
});

describe("what is closed", () => {
  test("calls on a link that is closed: rejected or thrown with link-detached; closing again is no error", async () => {
    const scene = await things();
    const { peer, sender, receiver } = scene;
    for (const link of [sender, receiver]) {
      const closing = link.close();
      peer.reply(await peer.until("detach"));
      await within(closing, "close");
    }
    for (const call of [
      () => sender.ready(), () => sender.offered(1), () => receiver.receive(), () => receiver.flow(1), () => receiver.drain(1), () => receiver.drain(),
    ]) expect(await wrong(call)).toMatchObject({ name: "LinkError", code: "link-detached" });
    expect(await wrong(() => sender.send({ body: 1 }))).toMatchObject({ code: "not-sent", cause: { code: "link-detached" } });
    expect([sender.trySend({ body: 1 }), sender.sendable(), sender.drained(), receiver.tryReceive()]).toEqual([undefined, false, 0, undefined]);
    await Promise.all([sender.close(), sender.detach(), receiver.close(), receiver.detach()]);
  });

  test("a container that is closed", async () => {
    const container = new Container();
    await container.close();
    expect(await wrong(() => container.connect("amqp://127.0.0.1:1"))).toMatchObject({ name: "ConfigError", code: "invalid-state" });
    expect(await wrong(() => container.createSender("amqp://127.0.0.1:1/q"))).toMatchObject({ code: "invalid-state" });
    expect(await wrong(() => container.listen("amqp://127.0.0.1:0"))).toMatchObject({ code: "invalid-state" });
  });
});

describe("tags", () => {
  test("a tag whose delivery is not settled, sent or still waiting: ConfigError invalid-state; settled, it is free", async () => {
    const scene = await stage();
    const { peer } = scene;
    const sender = await senderOn(scene, 1);
    const first = sender.send({ body: 1 }, { tag: "order-1" });
    const waiting = failure(sender.send({ body: 2 }, { tag: new Uint8Array([1, 2, 3, 4, 5]) }), "the waiting one");
    for (const tag of ["order-1", new Uint8Array([1, 2, 3, 4, 5])]) {
      expect(() => sender.send({ body: 3 }, { tag })).toThrow(expect.objectContaining({ name: "ConfigError", code: "invalid-state" }));
    }
    expect(() => sender.send({ body: 3 }, { tag: "order-1" })).toThrow("send(): the tag 6f726465722d31 is in use: its delivery is not settled");
    expect(sender.queued).toBe(1);
    peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    await within(first, "the first");
    void sender.send({ body: 4 }, { tag: "order-1" }).catch(() => {});
    expect(sender.queued).toBe(2);
    await scene.connection.close({ timeout: 0 }).catch(() => {});
    expect(await waiting).toMatchObject({ code: "not-sent" });
  });

  test("what could not be encoded, was aborted or timed out leaves its tag free", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    expect(() => sender.send(any({ bdy: 1 }), { tag: "t" })).toThrow(EncodeError);
    const giveUp = new AbortController();
    const aborted = failure(sender.send({ body: 1 }, { tag: "t", signal: giveUp.signal }));
    giveUp.abort("enough");
    expect(await aborted).toBe("enough");
    const late = failure(sender.send({ body: 1 }, { tag: "t", timeout: 100 }));
    await scene.clock.advance(100);
    expect(await late).toMatchObject({ code: "not-sent" });
    void sender.send({ body: 1 }, { tag: "t" }).catch(() => {});
    expect(sender.queued).toBe(1);
  });

  test("a tag of four octets and the counter never meet", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 4);
    void sender.send({ body: 1 }).catch(() => {});
    expect(() => sender.send({ body: 2 }, { tag: new Uint8Array([0, 0, 0, 1]) })).toThrow(/the tag 00000001 is in use/);
    void sender.send({ body: 2 }, { tag: new Uint8Array([0, 0, 0, 2]) }).catch(() => {});
    void sender.send({ body: 3 }).catch(() => {});
    const tags: unknown[] = [];
    for (let i = 0; i < 3; i++) tags.push([...((await scene.peer.until("transfer")).fields["deliveryTag"] as Uint8Array)]);
    expect(tags).toEqual([[0, 0, 0, 1], [0, 0, 0, 2], [0, 0, 0, 3]]);
  });

  test("S04 a generator that gives a tag which is in use: the same error", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 4, { tags: () => "always" });
    void sender.send({ body: 1 }).catch(() => {});
    expect(() => sender.send({ body: 2 })).toThrow(expect.objectContaining({ name: "ConfigError", code: "invalid-state" }));
  });

  test("bytes of a tag that change after the call change nothing", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const tag = new Uint8Array([9, 9]);
    void sender.send({ body: 1 }, { tag }).catch(() => {});
    tag.fill(0);
    await giveCredit(scene.peer, sender, 1);
    expect([...((scene.peer.frames().find(({ name }) => name === "transfer")?.fields["deliveryTag"]) as Uint8Array)]).toEqual([9, 9]);
  });
});

describe("trySend with bounds", () => {
  test("its settlement is in doubt after the timeout or the signal, and settled later all the same", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 3);
    const giveUp = new AbortController();
    const [timed, aborted, free] = [sender.trySend({ body: 1 }, { timeout: 100 }), sender.trySend({ body: 2 }, { signal: giveUp.signal }), sender.trySend({ body: 3 })];
    await ids(scene.peer, 3);
    giveUp.abort("enough");
    expect((await within(aborted!.settlement, "the aborted one")).outcome).toEqual({ type: "in-doubt", cause: "enough" });
    await scene.clock.advance(100);
    expect((await within(timed!.settlement, "the timed one")).outcome).toMatchObject({ type: "in-doubt", cause: { code: "timeout" } });
    expect([await settled(free!.settlement), sender.unsettled.size]).toEqual([false, 3]);
    scene.peer.send("disposition", { role: "receiver", first: 0, last: 2, settled: true, state: "accepted" });
    await within(free!.settlement, "the free one");
    await until(() => sender.unsettled.size === 0);
    expect(() => sender.trySend({ body: 4 }, { signal: AbortSignal.abort("before") })).toThrow("before");
  });
});

describe("autoSettle: false", () => {
  test("S10 what the peer has decided stays unsettled until its caller settles, and holds up no close", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 2, { autoSettle: false });
    const sends = [sender.send({ body: 1 }), sender.send({ body: 2 })];
    await ids(scene.peer, 2);
    scene.peer.send("disposition", { role: "receiver", first: 0, last: 1, settled: false, state: "accepted" });
    const [one] = await within(Promise.all(sends), "both");
    expect([one!.settled, one!.remoteState, sender.unsettled.size, sender.unsettled.has(one!.tag)]).toEqual([false, { type: "accepted" }, 2, true]);
    one!.settle();
    await scene.peer.until("disposition", { role: "sender", first: 0, settled: true });
    expect([one!.settled, sender.unsettled.size]).toEqual([true, 1]);
    const closing = sender.close();
    scene.peer.reply(await scene.peer.until("detach"));
    await within(closing, "close");
  });
});


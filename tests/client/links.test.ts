/** How links and sessions come to be, what they show, and how they end. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, EncodeError, LinkError } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { answer, failure, giveCredit, ids, nextCredit, pair, receiverOn, senderOn, settled, stage, turns, until } from "./support.ts";

describe("opening", () => {
  test("the endpoint is there before the peer has answered, and what is asked of it waits", async () => {
    const scene = await stage();
    const opening = scene.connection.createSender("q");
    const { endpoint } = opening;
    expect(endpoint.state).toEqual({ local: "active", remote: "uninit" });
    const sending = endpoint.send({ body: 1 });
    expect([endpoint.queued, endpoint.trySend({ body: 2 })]).toEqual([1, undefined]);
    await answer(scene.peer);
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 1 });
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    await within(sending, "the send");
    expect(await opening).toBe(endpoint);
    expect(endpoint.state).toEqual({ local: "active", remote: "active" });
  });

  test("FT28 refused: the attach without a terminus and the detach with the reason reject once", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver("missing");
    const sent = failure(opening);
    await answer(scene.peer, { source: null });
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found", description: "no node 'missing'" } });
    const error = await sent;
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ code: "link-refused", origin: "remote", condition: "amqp:not-found", description: "no node 'missing'" });
    expect(error.message).toContain("\"missing\"");
    expect(await opening.endpoint.closed).toBe(error);
  });

  test("a detach without a reason in answer to the attach", async () => {
    const scene = await stage();
    const refused = failure(scene.connection.createSender("q"));
    await answer(scene.peer, { target: null });
    scene.peer.send("detach", { closed: true });
    expect(await refused).toMatchObject({ code: "link-refused", condition: undefined });
  });

  test("a peer that leaves its terminus out and means no refusal (rhea): open after half a second", async () => {
    const scene = await stage();
    const opening = scene.connection.createSender("q");
    await answer(scene.peer, { target: null });
    expect(await settled(opening)).toBe(false);
    await scene.clock.advance(500);
    await within(opening, "the sender");
  });

  test("no answer to the attach: TimeoutError after 15 s, or after the call's own timeout", async () => {
    const scene = await stage();
    const [slow, quick] = [failure(scene.connection.createSender("q")), failure(scene.connection.createSender("q", { timeout: 100 }))];
    for (let i = 0; i < 2; i++) scene.peer.reply(await scene.peer.until("begin"));
    await scene.clock.advance(100);
    expect(await quick).toMatchObject({ name: "TimeoutError", code: "timeout", scope: "link" });
    expect(await settled(slow)).toBe(false);
    await scene.clock.advance(14_900);
    expect(await slow).toMatchObject({ code: "timeout" });
    await scene.peer.until("detach", { closed: true });
  });

  test("no answer to the begin: TimeoutError", async () => {
    const scene = await stage();
    const opening = failure(scene.connection.session());
    await scene.clock.advance(15_000);
    expect(await opening).toMatchObject({ name: "TimeoutError", code: "timeout", scope: "session" });
  });

  test("a signal, before or while it opens: its reason; the link is detached", async () => {
    const scene = await stage();
    expect(await failure(scene.connection.createSender("q", { signal: AbortSignal.abort("no") }))).toBe("no");
    const giveUp = new AbortController();
    const opening = failure(scene.connection.createReceiver("other", { signal: giveUp.signal }));
    await scene.peer.until("attach", { source: { address: "other" } });
    giveUp.abort("enough");
    expect(await opening).toBe("enough");
    await scene.peer.until("detach", { closed: true });
    const late = new AbortController();
    const session = failure(scene.connection.session({ signal: late.signal }));
    late.abort("no session");
    expect(await session).toBe("no session");
  });

  test("what the user gives and cannot be encoded: EncodeError at the call, and nothing on the wire", async () => {
    const scene = await stage();
    const bad = Symbol("x");
    const { connection } = scene;
    expect(() => connection.createSender("q", { properties: { bad } })).toThrow(EncodeError);
    expect(() => connection.createReceiver("q", { filter: { bad } })).toThrow(EncodeError);
    expect(() => connection.createReceiver({ address: "q", properties: { bad } })).toThrow(EncodeError);
    expect(() => connection.session({ properties: { bad } })).toThrow(EncodeError);
    expect(() => scene.container.connect("amqp://localhost", { properties: { bad } })).toThrow(EncodeError);
    const sender = await senderOn(scene, 1);
    const error = { condition: "my:condition", info: { bad } };
    expect(await failure(sender.close({ error }))).toBeInstanceOf(EncodeError);
    expect(await failure(sender.session.close({ error }))).toBeInstanceOf(EncodeError);
    expect(await failure(connection.close({ error }))).toBeInstanceOf(EncodeError);
    expect([sender.sendable(), connection.state.local]).toEqual([true, "active"]);
  });

  test("wrong arguments: ConfigError at the call", async () => {
    const { connection } = await stage();
    expect(() => connection.createSender()).toThrow(ConfigError);
    expect(() => connection.createReceiver("")).toThrow(ConfigError);
    expect(() => connection.createReceiver("q", { prefech: 5 } as never)).toThrow(/prefetch/);
    expect(() => connection.createReceiver("q", { prefetch: -1 })).toThrow(ConfigError);
    expect(() => connection.createSender("q", { session: {} as never })).toThrow(ConfigError);
  });

  test("what both ends attached with", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { name: "mine", properties: { p: 1 }, durable: true, target: "here" }, {
      source: { address: "real", capabilities: ["queue"], distributionMode: "copy", outcomes: ["amqp:accepted:list"] }, properties: { theirs: "yes" },
    });
    expect(receiver).toMatchObject({
      name: "mine", isSender: false, isReceiver: true, guarantee: "at-least-once", recovery: "new", credit: 0, queued: 0,
      source: { address: "q", durability: "unsettled-state", expiryPolicy: "never" }, target: { address: "here" },
      remoteSource: { address: "real", capabilities: ["queue"], distributionMode: "copy", outcomes: ["amqp:accepted:list"] }, remoteProperties: { theirs: "yes" },
    });
    expect([...scene.connection.links()]).toEqual([receiver]);
  });

  test("a dynamic source has the address that the peer made", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver({ dynamic: true });
    const attach = await answer(scene.peer, { source: { address: "made-by-peer", dynamic: true } });
    expect(attach.fields["source"]).toMatchObject({ dynamic: true });
    expect((await within(opening, "the receiver")).remoteSource).toMatchObject({ address: "made-by-peer", dynamic: true });
  });
});

describe("guarantees", () => {
  test("exactly-once is kept where the peer attaches with unsettled and second", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 0, { guarantee: "exactly-once" }, { sndSettleMode: "unsettled", rcvSettleMode: "second" });
    expect(sender.guarantee).toBe("exactly-once");
    const { fields } = scene.peer.frames().find(({ name }) => name === "attach")!;
    expect(fields).toMatchObject({ sndSettleMode: "unsettled", rcvSettleMode: "second" });
  });

  test.each([{ rcvSettleMode: "first" }, { sndSettleMode: "mixed" }, { sndSettleMode: "settled" }])("X.1 never silently weaker: %j", async (modes) => {
    const scene = await stage();
    const refused = failure(scene.connection.createSender("q", { guarantee: "exactly-once" }));
    await answer(scene.peer, { sndSettleMode: "unsettled", rcvSettleMode: "second", ...modes });
    expect(await refused).toMatchObject({ name: "LinkError", code: "guarantee-not-supported" });
    await scene.peer.until("detach", { closed: true });
    // what comes settled is not even at least once
    const weaker = modes.sndSettleMode === "settled" ? "at-most-once" : "at-least-once";
    expect((await refused).message).toContain(`guaranteeFallback: "${weaker}"`);
    const fallback = scene.connection.createReceiver("q", { guarantee: "exactly-once", guaranteeFallback: weaker });
    await answer(scene.peer, { sndSettleMode: "unsettled", rcvSettleMode: "second", ...modes });
    expect((await within(fallback, "the fallback")).guarantee).toBe(weaker);
  });

  test.each(["unsettled", "mixed"] as const)("at-least-once takes %s from the peer", async (sndSettleMode) => {
    const scene = await stage();
    expect((await senderOn(scene, 0, {}, { sndSettleMode })).guarantee).toBe("at-least-once");
    expect((await receiverOn(scene, {}, { sndSettleMode, rcvSettleMode: "second" })).guarantee).toBe("at-least-once");
  });

  test("at-least-once does not take settled, unless at-most-once is good enough", async () => {
    const scene = await stage();
    const refused = failure(scene.connection.createReceiver("q"));
    await answer(scene.peer, { sndSettleMode: "settled" });
    expect(await refused).toMatchObject({ name: "LinkError", code: "guarantee-not-supported", message: expect.stringMatching(/at-least-once needs unsettled or mixed/) });
    const receiver = await receiverOn(scene, { guaranteeFallback: "at-most-once" }, { sndSettleMode: "settled" });
    expect(receiver.guarantee).toBe("at-most-once");
  });

  test.each(["unsettled", "settled", "mixed"] as const)("at-most-once takes %s from the peer: each transfer leaves settled", async (sndSettleMode) => {
    const scene = await stage();
    const sender = await senderOn(scene, 1, { guarantee: "at-most-once" }, { sndSettleMode });
    expect(sender.guarantee).toBe("at-most-once");
    void sender.send({ body: 1 });
    expect((await scene.peer.until("transfer")).fields["settled"]).toBe(true);
  });

  test("settled for one send: what our mode allows, and where ours is mixed what the peer wishes", async () => {
    const scene = await stage();
    const open = await senderOn(scene, 2, { sndSettleMode: "mixed" }, { sndSettleMode: "mixed" });
    void open.send({ body: 1 }, { settled: true });
    void open.send({ body: 2 }, { settled: false }).catch(() => {});
    expect([(await scene.peer.until("transfer")).fields["settled"], (await scene.peer.until("transfer")).fields["settled"] ?? false]).toEqual([true, false]);
    const wishes = await senderOn(scene, 0, { sndSettleMode: "mixed" }, { sndSettleMode: "unsettled" });
    scene.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 2 });
    expect(() => wishes.send({ body: 1 }, { settled: true })).toThrow('send(): settled: true does not fit the link\'s sndSettleMode "unsettled"');
    expect(() => wishes.trySend({ body: 1 }, { settled: true })).toThrow(ConfigError);
    void wishes.send({ body: 1 }).catch(() => {});
    expect((await scene.peer.until("transfer")).fields["settled"] ?? false).toBe(false);
  });

  test("at-most-once settles on arrival, whatever the sender does", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { guarantee: "at-most-once" }, { sndSettleMode: "mixed" });
    const receiving = receiver.receive();
    await nextCredit(scene.peer);
    scene.peer.send("transfer", {}, new Uint8Array([0, 0x53, 0x77, 0x40]));
    expect((await within(receiving, "receive")).settled).toBe(true);
    await scene.peer.until("disposition", { settled: true, state: "accepted" });
    expect(receiver.unsettled.size).toBe(0);
  });

  test("modes that contradict the guarantee: ConfigError", async () => {
    const { connection } = await stage();
    expect(() => connection.createSender("q", { guarantee: "exactly-once", sndSettleMode: "settled" })).toThrow(ConfigError);
    expect(() => connection.createReceiver("q", { guarantee: "exactly-once", rcvSettleMode: "first" })).toThrow(ConfigError);
  });
});

describe("filters", () => {
  test("a filter that the peer does not echo: LinkError filter-not-supported, unless filterRequired is false", async () => {
    const scene = await stage();
    const refused = failure(scene.connection.createReceiver("q", { selector: "color = 'red'", filter: { "my:filter": 5 } }));
    await answer(scene.peer, { source: { address: "q" } });
    const error = await refused;
    expect(error).toMatchObject({ name: "LinkError", code: "filter-not-supported" });
    expect(error.message).toMatch(/my:filter, selector/);
    await scene.peer.until("detach", { closed: true });
    const taken = scene.connection.createReceiver("q", { selector: "color = 'red'", filterRequired: false });
    await answer(scene.peer, { source: { address: "q" } });
    await within(taken, "the receiver");
  });

  test("echoed, it is there", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { selector: "color = 'red'" });
    expect(Object.keys(receiver.remoteSource.filter)).toEqual(["selector"]);
  });
});

describe("ending", () => {
  test("states on the way to closed", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const closing = sender.close();
    await turns();
    expect(sender.state).toEqual({ local: "closed", remote: "active" });
    scene.peer.reply(await scene.peer.until("detach", { closed: true }));
    await within(closing, "close");
    expect(sender.state).toEqual({ local: "closed", remote: "closed" });
    expect(await sender.closed).toBeUndefined();
    expect([...scene.connection.links()]).toEqual([]);
    // it was the only link of its session
    await scene.peer.until("end");
  });

  test("detach leaves closed out, close has it; an error of the program's goes out", async () => {
    const scene = await stage();
    const one = await receiverOn(scene);
    const detaching = one.detach();
    const detach = await scene.peer.until("detach");
    expect(detach.fields["closed"] ?? false).toBe(false);
    scene.peer.reply(detach);
    await within(detaching, "detach");
    const other = await receiverOn(scene);
    const closing = other.close({ error: { condition: "my:reason", description: "d", info: { n: 1 } } });
    scene.peer.reply(await scene.peer.until("detach", { closed: true, error: { condition: "my:reason", description: "d", info: { n: 1 } } }));
    await within(closing, "close");
  });

  test("a peer that never answers a detach: TimeoutError after 15 s, and the link is over", async () => {
    const scene = await stage();
    const sender = await senderOn(scene);
    const closing = failure(sender.close());
    await scene.clock.advance(15_000);
    expect(await closing).toMatchObject({ name: "TimeoutError", code: "timeout" });
    expect(await within(sender.closed, "closed")).toBeUndefined();
  });

  test("await using closes a link, and detaches it where it is durable", async () => {
    const scene = await stage();
    for (const durable of [false, true]) {
      const opening = scene.connection.createReceiver("q", { durable });
      await answer(scene.peer);
      const leaving = (async () => {
        await using receiver = await opening;
        expect(receiver.state.local).toBe("active");
      })();
      const detach = await scene.peer.until("detach");
      expect(detach.fields["closed"] ?? false).toBe(!durable);
      scene.peer.reply(detach);
      await within(leaving, "leaving the block");
    }
  });

  test("a session of the user's: closes its links with it, and tells what ended it", async () => {
    const scene = await stage();
    const opening = scene.connection.session();
    scene.peer.reply(await scene.peer.until("begin"));
    const session = await within(opening, "the session");
    const creating = session.createSender("q");
    scene.peer.reply(await scene.peer.until("attach"));
    const sender = await within(creating, "the sender");
    expect(sender.session).toBe(session);
    const closing = session.close();
    scene.peer.reply(await scene.peer.until("detach"));
    scene.peer.reply(await scene.peer.until("end"));
    await within(closing, "close");
    expect([await session.closed, await sender.closed, session.state]).toEqual([undefined, undefined, { local: "closed", remote: "closed" }]);
    expect(() => scene.connection.createSender("q", { session })).toThrow(ConfigError);
    expect(() => session.createSender("q")).toThrow(ConfigError);
  });

  test("the session of the user's that ends with an error takes its links, and no other", async () => {
    const scene = await stage();
    const opening = scene.connection.session();
    scene.peer.reply(await scene.peer.until("begin"));
    const session = await within(opening, "the session");
    const creating = session.createSender("q");
    scene.peer.reply(await scene.peer.until("attach"));
    const sender = await within(creating, "the sender");
    scene.peer.send("end", { error: { condition: "amqp:session:window-violation" } });
    expect(await within(sender.closed, "the link")).toMatchObject({ name: "LinkError", code: "session-ended", condition: "amqp:session:window-violation" });
    expect(await session.closed).toMatchObject({ name: "SessionError", code: "session-ended" });
    const other = await senderOn(scene, 1);
    expect(other.sendable()).toBe(true);
  });
});

describe("names", () => {
  test("a name that is attached already in that direction: ConfigError; in the other it is free", async () => {
    const scene = await stage();
    await senderOn(scene, 0, { name: "same" });
    expect(() => scene.connection.createSender("q", { name: "same" })).toThrow(/same/);
    const receiver = await receiverOn(scene, { name: "same" });
    expect(receiver.name).toBe("same");
  });
});

describe("sessions", () => {
  test("a link has one of its own while there are channels; then links share", async () => {
    const scene = await stage({ open: { channelMax: 1 } });
    const senders = [await senderOn(scene), await senderOn(scene)];
    const third = scene.connection.createSender("q");
    const fourth = scene.connection.createReceiver("q");
    for (let i = 0; i < 2; i++) scene.peer.reply(await scene.peer.until("attach"));
    await within(Promise.all([third, fourth]), "both");
    expect(scene.peer.frames().filter(({ name }) => name === "begin")).toHaveLength(2);
    expect(new Set([...senders, await third, await fourth].map(({ session }) => session)).size).toBe(2);
    expect([(await third).session, (await fourth).session].every((session) => senders.some((sender) => sender.session === session))).toBe(true);
  });

  test("links made before the open find themselves in as many sessions as the peer allows", async () => {
    const { client, listener, request } = await pair({ connect: { channelMax: 63 } });
    const connecting = client.connect(listener.url, { channelMax: 2 });
    const made = Array.from({ length: 8 }, (_, n) => connecting.endpoint.createSender(`q${n}`));
    for (let i = 0; i < 8; i++) {
      const asked = await request();
      if (asked.role === "receiver") await asked.accept();
    }
    const senders = await within(Promise.all(made), "eight senders");
    expect(new Set(senders.map(({ session }) => session)).size).toBe(3);
    await connecting.endpoint.close();
  });

  test("the peer allows one session: every link is in it, and a second one cannot begin", async () => {
    const scene = await stage({ open: { channelMax: 0 } });
    const opening = [scene.connection.createSender("a"), scene.connection.createSender("b"), scene.connection.createReceiver("c")];
    scene.peer.reply(await scene.peer.until("begin"));
    for (let i = 0; i < 3; i++) scene.peer.reply(await scene.peer.until("attach"));
    await within(Promise.all(opening), "three links in one session");
    expect(() => scene.connection.session()).toThrow(expect.objectContaining({ code: "limit-exceeded" }));
  });
});

describe("explain", () => {
  test("says why a sender waits", async () => {
    const scene = await stage();
    const opening = scene.connection.createSender("q");
    expect(opening.endpoint.explain().waitingFor).toBe("open");
    await answer(scene.peer);
    const sender = await within(opening, "the sender");
    void sender.send({ body: 1 }).catch(() => {});
    expect(sender.explain()).toMatchObject({ waitingFor: "credit", text: expect.stringContaining("1 waiting") });
    await giveCredit(scene.peer, sender, 5);
    expect(sender.explain()).toMatchObject({ waitingFor: "nothing", text: expect.stringMatching(/credit 4.*1 unsettled/) });
    scene.peer.send("flow", { incomingWindow: 0, echo: true });
    await scene.peer.until("flow");
    expect(sender.explain().waitingFor).toBe("session-window");
    scene.peer.drop("rst");
    await within(sender.closed, "closed");
    expect(sender.explain().waitingFor).toBe("closed");
  });

  test("says why a receiver gets nothing", async () => {
    const scene = await stage();
    const opening = scene.connection.createReceiver("q", { prefetch: 1 });
    expect(opening.endpoint.explain().waitingFor).toBe("open");
    await answer(scene.peer);
    const receiver = await within(opening, "the receiver");
    expect(receiver.explain().waitingFor).toBe("credit");
    const receiving = receiver.receive();
    expect(receiver.explain()).toMatchObject({ waitingFor: "nothing", text: expect.stringContaining("credit 1") });
    await nextCredit(scene.peer);
    scene.peer.send("transfer", {}, new Uint8Array([0, 0x53, 0x77, 0x40]));
    await within(receiving, "receive");
    await until(() => receiver.credit === 0);
    expect(receiver.explain()).toMatchObject({ waitingFor: "credit", text: expect.stringContaining("1 unsettled") });
  });
});

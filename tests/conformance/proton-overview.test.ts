/**
 * The Proton API overview from top to bottom, a test for each member: what it says of the member, under the name that the member
 * has here. The peer is scripted and has a codec of its own.
 */

import { afterEach, describe, expect, test } from "@jest/globals";
import { Backoff, Container, Message, MessagingHandler, Uuid, connect, types } from "../../src/index.ts";
import type {
  Connection, ConnectOptions, Event, Handlers, IncomingDelivery, IncomingEvent, OutgoingEvent, Receiver, Sender, SenderEvent,
} from "../../src/index.ts";
import { decodeMessage } from "../../src/testing/codec/message.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { afterwards, within } from "../protocol/harness.ts";
import { certificates } from "../transport/certificates.ts";
import type { Behaviour, Served } from "./peer.ts";
import { obedientPeer } from "./peer.ts";

const ONCE: ConnectOptions = { timeout: 4500, reconnect: false };

async function linked(behaviour: Behaviour = {}, options: ConnectOptions = {}): Promise<{ served: Served; connection: Connection }> {
  const served = await obedientPeer(behaviour);
  const connection = await connect(served.url, { ...ONCE, ...options });
  afterwards(() => connection.close({ timeout: 500 }).catch(() => undefined));
  return { served, connection };
}

async function sending(behaviour: Behaviour = {}): Promise<{ served: Served; connection: Connection; sender: Sender }> {
  const { served, connection } = await linked(behaviour);
  return { served, connection, sender: await connection.createSender("to") };
}

async function receiving(behaviour: Behaviour = {}): Promise<{ served: Served; connection: Connection; receiver: Receiver }> {
  const { served, connection } = await linked({ messages: [{ value: "hello" }], ...behaviour });
  return { served, connection, receiver: await connection.createReceiver("from", { prefetch: 0 }) };
}

/** Runs a handler against a scripted peer until `done` resolves. */
async function running(handlers: Handlers, behaviour: Behaviour, done: Promise<unknown>): Promise<{ container: Container; served: Served }> {
  const served = await obedientPeer(behaviour);
  const container = new Container({ handlers: [{ on_start: (event: Event) => void event.container.connect(served.url, ONCE) }, ...(Array.isArray(handlers) ? handlers : [handlers])] });
  afterwards(() => container.close({ timeout: 500 }).catch(() => undefined));
  const run = container.run();
  run.catch(() => undefined);
  await within(done, "what the handler waits for");
  return { container, served };
}

afterEach(() => expect.hasAssertions());

describe("proton.reactor.Container", () => {
  test("S01 container_id: given, or a UUID; it is what the peer sees", async () => {
    expect(new Container({ id: "mine" }).id).toBe("mine");
    expect(new Container().id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const served = await obedientPeer();
    const container = new Container({ id: "mine" });
    await container.connect(served.url, ONCE);
    expect((await served.seen("open")).fields["containerId"]).toBe("mine");
    await container.close();
  });

  test("S01 connect(url): a Connection, and its hostname from the url", async () => {
    const { connection, served } = await linked();
    expect(connection.state).toEqual({ local: "active", remote: "active" });
    expect((await served.seen("open")).fields["hostname"]).toBe("127.0.0.1");
  });

  test("S01 connect(urls): the first that answers", async () => {
    const served = await obedientPeer();
    const connection = await connect({ urls: ["amqp://127.0.0.1:1", served.url], ...ONCE });
    expect(connection.url).toBe(served.url);
    await connection.close();
  });

  test("S01 connect(address): the node of links that name none", async () => {
    const { connection, served } = await linked({}, { address: "node" });
    await connection.createSender();
    expect((await served.seen("attach")).fields["target"]).toMatchObject({ address: "node" });
  });

  test("S01 connect(handler): events of this connection and its links", async () => {
    const opened = new Deferred<string>();
    const { connection } = await linked({}, { handler: { on_link_opened: (event) => opened.resolve(event.link?.name ?? "") } });
    await connection.createSender("to", { name: "a-link" });
    expect(await within(opened.promise, "on_link_opened")).toBe("a-link");
  });

  test("S01 P06 connect(reconnect): by default, or by a Backoff; False: a lost connection stays lost", async () => {
    const lost = await linked({}, { reconnect: false });
    await lost.served.drop();
    expect((await within(lost.connection.closed, "the end"))?.code).toBe("disconnected");
    for (const reconnect of [true, new Backoff({ initialDelay: 1, maxDelay: 2 })]) {
      const { served, connection } = await linked({}, { reconnect });
      await served.drop();
      const told: string[] = [];
      for await (const status of connection.status()) {
        told.push(status.type);
        if (status.type === "reconnecting") break;
      }
      expect(told.at(-1)).toBe("reconnecting");
      await connection.close();
    }
  });

  test("S01 P08 connect(ssl_domain): whom to trust, and by which certificate; the peer is verified against it", async () => {
    const { ca, server, client } = certificates();
    const container = new Container({ onError: () => undefined });
    afterwards(() => container.close({ timeout: 500 }));
    const listener = await container.listen({ url: "amqps://127.0.0.1:0", tls: { ...server, ca, requestCert: true }, allowedMechs: "EXTERNAL" });
    const connections = listener[Symbol.asyncIterator]();
    const connection = await connect(listener.url, { ...ONCE, tls: { ...client, ca } });
    const { value: theirs } = await connections.next() as { value: Connection };
    expect(theirs.identity?.mechanism).toBe("EXTERNAL");
    expect(theirs.identity?.certificate?.subject).toContain("CN=");
    await connection.close();
    await expect(connect(listener.url, { ...ONCE, tls: client })).rejects.toMatchObject({ code: "tls-failed" });
  });

  test("S01 connect(heartbeat): half the idle time-out, so the peer is asked for it", async () => {
    const { served } = await linked({}, { heartbeat: 4000 });
    expect((await served.seen("open")).fields["idleTimeOut"]).toBe(4000);
  });

  test("S02 connect(sasl_enabled, allowed_mechs, allow_insecure_mechs, virtual_host, user, password)", async () => {
    const { served } = await linked({}, { user: "u", password: "p", allowedMechs: "PLAIN ANONYMOUS", allowInsecureMechs: true, virtualHost: "vhost" });
    expect((await served.seen("open")).fields["hostname"]).toBe("vhost");
    const script = await served.script;
    expect(script.frames().find(({ name }) => name === "sasl-init")?.fields).toMatchObject({ mechanism: "PLAIN" });
    const bare = await linked({}, { saslEnabled: false });
    expect((await bare.served.script).frames()[0]).toMatchObject({ name: "header", fields: { protocol: 0 } });
  });

  test("S03 create_receiver(connection, source, target, name, options)", async () => {
    const { connection, served } = await linked();
    const receiver = await connection.container.createReceiver(connection, "from", { target: "here", name: "r" });
    expect(receiver.isReceiver).toBe(true);
    expect((await served.seen("attach")).fields).toMatchObject({ name: "r", role: "receiver", source: { address: "from" }, target: { address: "here" } });
  });

  test("S03 create_receiver(url): a connection of its own, and the url's path is the address", async () => {
    const served = await obedientPeer();
    const container = new Container({ connection: ONCE });
    await container.createReceiver(`${served.url}/path`);
    expect((await served.seen("attach")).fields["source"]).toMatchObject({ address: "path" });
    await container.close();
  });

  test("S03 create_receiver(dynamic): the peer names the node", async () => {
    const { connection, served } = await linked({ attach: () => ({ source: { address: "made-for-you", dynamic: true } }) });
    const receiver = await connection.createReceiver(undefined, { dynamic: true });
    expect((await served.seen("attach")).fields["source"]).toMatchObject({ dynamic: true });
    expect(receiver.remoteSource.address).toBe("made-for-you");
  });

  test("S03 create_receiver(handler): events of this link", async () => {
    const { connection } = await linked({ messages: [{ value: "for the handler" }] });
    const got = new Deferred<unknown>();
    await connection.createReceiver("from", { handler: { on_message: (event) => got.resolve(event.message.body) } });
    expect(await within(got.promise, "on_message")).toBe("for the handler");
  });

  test("S04 create_sender(connection, target, source, name, tags, options)", async () => {
    const { connection, served } = await linked();
    const sender = await connection.container.createSender(connection, "to", { source: "origin", name: "s", tags: () => "tag-1" });
    expect((await served.seen("attach")).fields).toMatchObject({ name: "s", role: "sender", source: { address: "origin" }, target: { address: "to" } });
    await sender.send({ body: "x" });
    expect(Buffer.from((await served.seen("transfer")).fields["deliveryTag"] as Uint8Array).toString()).toBe("tag-1");
  });

  test("S04 create_sender(url): a connection of its own, and the url's path is the address", async () => {
    const served = await obedientPeer();
    const container = new Container({ connection: ONCE });
    await container.createSender(`${served.url}/path`);
    expect((await served.seen("attach")).fields["target"]).toMatchObject({ address: "path" });
    await container.close();
  });

  test("S05 run(): from on_start until everything is closed", async () => {
    const served = await obedientPeer();
    const told: string[] = [];
    const container = new Container({
      handlers: {
        on_start: (event) => { told.push("start"); void event.container.connect(served.url, ONCE); },
        on_connection_opened: (event) => { told.push("opened"); void event.connection.close(); },
        on_connection_closed: () => { told.push("closed"); },
      },
    });
    await within(container.run(), "run()");
    expect(told).toEqual(["start", "opened", "closed"]);
  });

  test("S05 schedule(delay, task): on_timer_task or a call, unless cancelled", async () => {
    const told: string[] = [];
    const container = new Container({
      handlers: {
        on_start: (event) => {
          event.container.schedule(2, { on_timer_task: () => { told.push("task"); } });
          event.container.schedule(1, () => { told.push("call"); });
          event.container.schedule(1, () => { told.push("never"); }).cancel();
        },
      },
    });
    await within(container.run(), "run()");
    expect(told).toEqual(["call", "task"]);
  });
});

describe("proton.Connection", () => {
  test("S06 close(): a close frame, and closed when both have closed", async () => {
    const { connection, served } = await linked();
    await connection.close();
    await served.seen("close");
    expect(connection.state).toEqual({ local: "closed", remote: "closed" });
    expect(await connection.closed).toBeUndefined();
  });

  test("S06 container, hostname", async () => {
    const { connection } = await linked({}, { virtualHost: "back-end" });
    expect(connection.container).toBeInstanceOf(Container);
    expect(connection.hostname).toBe("back-end");
  });

  test("S06 open(): moves the local state to active and sends the open", async () => {
    const opening = new Deferred<Connection>();
    const container = new Container();
    afterwards(() => container.close({ timeout: 500 }));
    await container.listen({ host: "127.0.0.1", port: 0, allowedMechs: "ANONYMOUS", handler: { on_connection_opening: (event) => opening.resolve(event.connection) } }).then(async (listener) => {
      const ours = await connect(listener.url, ONCE);
      const theirs = await within(opening.promise, "on_connection_opening");
      await theirs.open();
      expect(theirs.state).toEqual({ local: "active", remote: "active" });
      await ours.close();
    });
  });

  test("S06 remote_container, remote_hostname, remote_properties and both lists of capabilities", async () => {
    const { connection } = await linked({
      open: { containerId: "them", hostname: "their-host", properties: new Map([["product", "scripted"]]), offeredCapabilities: ["one"], desiredCapabilities: ["two", "three"] },
    });
    expect(connection.remoteContainer).toBe("them");
    expect(connection.remoteHostname).toBe("their-host");
    expect(connection.remoteProperties).toEqual({ product: "scripted" });
    expect(connection.remoteOfferedCapabilities).toEqual(["one"]);
    expect(connection.remoteDesiredCapabilities).toEqual(["two", "three"]);
  });

  test("S06 session(): a new session", async () => {
    const { connection, served } = await linked();
    const session = await connection.session({ incomingWindow: 7 });
    expect(session.connection).toBe(connection);
    expect((await served.seen("begin")).fields["incomingWindow"]).toBe(7);
  });

  test("S06 state: local and remote, each uninit, active or closed", async () => {
    const served = await obedientPeer();
    const connecting = connect(served.url, ONCE);
    const connection = connecting.endpoint;
    expect(connection.state).toEqual({ local: "uninit", remote: "uninit" });
    await connecting;
    expect(connection.state).toEqual({ local: "active", remote: "active" });
    await connection.close();
    expect(connection.state).toEqual({ local: "closed", remote: "closed" });
  });
});

describe("proton.Receiver", () => {
  test("S07 flow(n): increases the credit by n", async () => {
    const { receiver, served } = await receiving({ messages: [] });
    receiver.flow(3);
    receiver.flow(2);
    await served.seen("flow", ({ fields }) => fields["linkCredit"] === 5);
    expect(receiver.credit).toBe(5);
  });

  test("S07 drain(n), draining(): the sender uses the credit or gives it back", async () => {
    const asked = new Deferred<void>();
    const { receiver } = await receiving({
      messages: [],
      on: (frame, peer) => {
        if (frame.name !== "flow" || frame.fields["drain"] !== true) return false;
        asked.resolve();
        peer.send("flow", { channel: frame.channel, handle: 0, deliveryCount: Number(frame.fields["deliveryCount"]) + Number(frame.fields["linkCredit"]), linkCredit: 0, drain: true });
        return true;
      },
    });
    const drained = receiver.drain(4);
    expect(receiver.draining).toBe(true);
    await within(asked.promise, "a flow with drain");
    expect(await within(drained, "the drain")).toBe(0);
    expect(receiver.draining).toBe(false);
    expect(receiver.credit).toBe(0);
  });

  test("S07 recv(limit): what has come", async () => {
    const { receiver } = await receiving();
    expect(receiver.tryReceive()).toBeUndefined();
    receiver.flow(1);
    const delivery = await within(receiver.receive(), "the message");
    expect(delivery.message.body).toBe("hello");
    await delivery.accept();
  });
});

describe("proton.Sender", () => {
  test("S08 offered(n): the peer is told how many wait", async () => {
    const { sender, served } = await sending({ credit: 0 });
    sender.offered(12);
    await served.seen("flow", ({ fields }) => fields["available"] === 12);
    expect(sender.queued).toBe(0);
  });

  test("S08 send(obj, tag): a Message makes a delivery of its own", async () => {
    const { sender, served } = await sending();
    const delivery = await sender.send(new Message({ body: "hi" }), { tag: "mine" });
    const transfer = await served.seen("transfer");
    expect(Buffer.from(transfer.fields["deliveryTag"] as Uint8Array).toString()).toBe("mine");
    expect(decodeMessage(transfer.payload)).toContainEqual({ name: "value", value: "hi" });
    expect(delivery.outcome).toEqual({ type: "accepted" });
  });

  test("S08 send(obj, tag): an object with a send() of its own is given the sender and the tag", async () => {
    const { sender, served } = await sending();
    await sender.send({ send: (to: Sender, tag?: string | Uint8Array) => to.send({ body: "by itself" }, { tag: `${String(tag)}!` }) }, { tag: "t" });
    expect(Buffer.from((await served.seen("transfer")).fields["deliveryTag"] as Uint8Array).toString()).toBe("t!");
  });
});

describe("proton.Link", () => {
  test("S09 connection, session, name, is_sender, is_receiver, queued", async () => {
    const { connection } = await linked();
    const session = await connection.session();
    const sender = await session.createSender("to", { name: "link" });
    const receiver = await session.createReceiver("from");
    expect(sender.connection).toBe(connection);
    expect(sender.session).toBe(session);
    expect(sender.name).toBe("link");
    expect([sender.isSender, sender.isReceiver, receiver.isSender, receiver.isReceiver]).toEqual([true, false, false, true]);
    expect(receiver.name).not.toBe("");
    expect([sender.queued, receiver.queued]).toEqual([0, 0]);
  });

  test("S09 credit: what is left of it", async () => {
    const { sender, served } = await sending({ credit: 5 });
    await within(sender.ready(), "credit");
    expect(sender.credit).toBe(5);
    await sender.send({ body: "one" });
    await served.seen("transfer");
    expect(sender.credit).toBe(4);
  });

  test("S09 source, target, remote_source, remote_target: each side's view", async () => {
    const { connection } = await linked({ attach: () => ({ target: { address: "really-here" }, source: { address: "from", capabilities: ["queue"] } }) });
    const sender = await connection.createSender({ address: "to", capabilities: "topic" }, { source: "from" });
    expect([sender.source.address, sender.target.address, sender.target.capabilities]).toEqual(["from", "to", ["topic"]]);
    expect([sender.remoteSource.address, sender.remoteSource.capabilities, sender.remoteTarget.address]).toEqual(["from", ["queue"], "really-here"]);
  });

  test("S09 state: local and remote", async () => {
    const { connection } = await linked();
    const opening = connection.createSender("to");
    expect(opening.endpoint.state.remote).toBe("uninit");
    const sender = await opening;
    expect(sender.state).toEqual({ local: "active", remote: "active" });
    await sender.close();
    expect(sender.state).toEqual({ local: "closed", remote: "closed" });
  });
});

describe("proton.Delivery", () => {
  test("S10 connection, session, link, of both directions", async () => {
    const { sender, connection } = await sending();
    const sent = await sender.send({ body: 1 });
    expect([sent.connection, sent.session, sent.link]).toEqual([connection, sender.session, sender]);
    const { receiver } = await receiving();
    receiver.flow(1);
    const got = await within(receiver.receive(), "the message");
    expect([got.connection, got.session, got.link]).toEqual([receiver.connection, receiver.session, receiver]);
  });

  test("S10 local_state, remote_state, update(state): told without settling", async () => {
    const { receiver, served } = await receiving();
    receiver.flow(1);
    const delivery = await within(receiver.receive(), "the message");
    expect(delivery.localState).toBeUndefined();
    delivery.update("accepted");
    const told = await served.seen("disposition");
    expect(told.fields["settled"] ?? false).toBe(false);
    expect(delivery.localState).toEqual({ type: "accepted" });
    expect(delivery.settled).toBe(false);
    const { sender } = await sending({ outcome: () => ({ state: { type: "rejected" }, settled: true }) });
    const sent = sender.trySend({ body: 1 }) ?? await sender.ready().then(() => sender.trySend({ body: 1 }));
    await sent?.settlement;
    expect(sent?.remoteState).toMatchObject({ type: "rejected" });
  });

  test("S10 settle(): complete on this side; settled: by the peer", async () => {
    const { receiver, served } = await receiving();
    receiver.flow(1);
    const delivery = await within(receiver.receive(), "the message");
    await delivery.settle("accepted");
    expect((await served.seen("disposition")).fields).toMatchObject({ role: "receiver", settled: true, state: { type: "accepted" } });
    expect(receiver.unsettled.size).toBe(0);
    const { sender } = await sending();
    expect((await sender.send({ body: 1 })).settled).toBe(true);
  });

  test("S10 partial, readable: an incoming delivery that is all there", async () => {
    const { receiver } = await receiving();
    receiver.flow(1);
    const delivery: IncomingDelivery = await within(receiver.receive(), "the message");
    expect([delivery.partial, delivery.readable]).toEqual([false, true]);
  });

  test("S10 writable: an outgoing delivery that has not left whole", async () => {
    const { sender } = await sending();
    expect((await sender.send({ body: 1 })).writable).toBe(false);
  });
});

describe("proton.handlers.MessagingHandler", () => {
  const message = { value: "hello" };

  test("S11 prefetch: 10 unless told otherwise; auto_accept", async () => {
    const got = new Deferred<unknown>();
    const handler = new MessagingHandler();
    handler.on_connection_opened = (event) => void event.container.createReceiver(event.connection, "from");
    handler.on_message = (event) => got.resolve(event.message.body);
    const { served } = await running(handler, { messages: [message] }, got.promise);
    expect((await served.seen("flow")).fields["linkCredit"]).toBe(10);
    expect((await served.seen("disposition")).fields).toMatchObject({ state: { type: "accepted" }, settled: true });
    const second = new Deferred<void>();
    const own = new MessagingHandler({ prefetch: 3, autoAccept: false });
    own.on_connection_opened = (event) => void event.container.createReceiver(event.connection, "from");
    own.on_message = () => second.resolve();
    const again = await running(own, { messages: [message] }, second.promise);
    expect((await again.served.seen("flow")).fields["linkCredit"]).toBe(3);
    expect((await again.served.script).frames().filter(({ name }) => name === "disposition")).toEqual([]);
  });

  /** A handler that does `act` with the message that it gets. */
  const settling = (act: (handler: MessagingHandler, event: IncomingEvent) => void): [MessagingHandler, Promise<void>] => {
    const done = new Deferred<void>();
    const handler = new MessagingHandler({ autoAccept: false });
    handler.on_connection_opened = (event) => void event.container.createReceiver(event.connection, "from");
    handler.on_message = (event) => { act(handler, event); done.resolve(); };
    return [handler, done.promise];
  };

  test.each([
    ["accept(delivery)", (handler, { delivery }) => handler.accept(delivery), { type: "accepted" }],
    ["reject(delivery)", (handler, { delivery }) => handler.reject(delivery), { type: "rejected" }],
    ["release(delivery): counted as an attempt", (handler, { delivery }) => handler.release(delivery), { type: "modified", deliveryFailed: true }],
    ["release(delivery, false): not counted", (handler, { delivery }) => handler.release(delivery, false), { type: "released" }],
    ["settle(delivery, state)", (handler, { delivery }) => handler.settle(delivery, "rejected"), { type: "rejected" }],
  ] as readonly [string, (handler: MessagingHandler, event: IncomingEvent) => void, Record<string, unknown>][])("S11 %s", async (_name, act, expected) => {
    const [handler, done] = settling(act);
    const { served } = await running(handler, { messages: [message] }, done);
    const { fields } = await served.seen("disposition");
    expect(fields).toMatchObject({ settled: true, state: expected });
  });

  /** Sends one message as soon as it can, and tells which callbacks came. */
  const sends = (name: keyof MessagingHandler, outcome: Behaviour["outcome"]): Promise<string> => {
    const told = new Deferred<string>();
    const handler = new MessagingHandler();
    handler.on_connection_opened = (event) => void event.container.createSender(event.connection, "to");
    handler.on_sendable = (event: SenderEvent) => {
      if (event.sender.unsettled.size === 0 && !told.settled) event.sender.send({ body: "x" }).catch(() => undefined);
    };
    (handler as unknown as Record<string, unknown>)[name] = (event: OutgoingEvent) => told.resolve(`${event.type} ${String(event.delivery.remoteState?.type)}`);
    return running(handler, { credit: 1, outcome }, told.promise).then(() => told.promise);
  };

  test("S12 on_sendable, on_accepted", async () => {
    expect(await sends("on_accepted", undefined)).toBe("accepted accepted");
  });

  test("S12 on_rejected", async () => {
    expect(await sends("on_rejected", () => ({ state: "rejected", settled: true }))).toBe("rejected rejected");
  });

  test("S12 on_released", async () => {
    expect(await sends("on_released", () => ({ state: "released", settled: true }))).toBe("released released");
  });

  test("S12 on_settled: never to be retransmitted from here on", async () => {
    expect(await sends("on_settled", undefined)).toBe("settled accepted");
  });

  test("S12 on_message: the message as a property of the event", async () => {
    const got = new Deferred<string>();
    const [handler, done] = settling((_handler, event) => got.resolve(`${String(event.message.body)} on ${event.receiver.name === event.link.name}`));
    await running(handler, { messages: [message] }, done);
    expect(await got.promise).toBe("hello on true");
  });

  /** Connects with a receiver, has the peer do something, and answers the event of that name. */
  const provoked = async (name: string, provoke: (peer: Script, served: Served) => unknown): Promise<Event> => {
    const told = new Deferred<Event>();
    const opened = new Deferred<void>();
    const handler = new MessagingHandler();
    handler.on_connection_opened = (event) => void event.container.createReceiver(event.connection, "from").catch(() => undefined);
    handler.on_link_opened = () => opened.resolve();
    (handler as unknown as Record<string, unknown>)[name] = (event: Event) => told.resolve(event);
    const { served } = await running(handler, {}, opened.promise);
    await provoke(await served.script, served);
    return within(told.promise, name);
  };
  const gone = { condition: "amqp:resource-deleted", description: "it is gone" };

  test("S12 on_connection_error: the peer closes the connection with a condition", async () => {
    const event = await provoked("on_connection_error", (peer) => peer.send("close", { error: gone }));
    expect([event.error?.condition, event.connection?.remoteContainer]).toEqual(["amqp:resource-deleted", "scripted-peer"]);
  });

  test("S12 on_session_error: the peer ends the session with a condition", async () => {
    const event = await provoked("on_session_error", (peer) => peer.send("end", { error: gone }));
    expect([event.error?.condition, event.session?.connection === event.connection]).toEqual(["amqp:resource-deleted", true]);
  });

  test("S12 on_link_error: the peer closes the link with a condition", async () => {
    const event = await provoked("on_link_error", (peer) => peer.send("detach", { closed: true, error: gone }));
    expect([event.error?.condition, event.link?.source.address]).toEqual(["amqp:resource-deleted", "from"]);
  });

  test("S12 on_disconnected: the socket is gone", async () => {
    const event = await provoked("on_disconnected", (_peer, served) => served.drop());
    expect(event.type).toBe("disconnected");
  });

  test("S12 on_reactor_init, on_start: the event loop starts", async () => {
    const told: string[] = [];
    const container = new Container({ handlers: { on_reactor_init: (event) => { told.push(event.type); }, on_start: (event) => { told.push(event.type); } } });
    await within(container.run(), "run()");
    expect(told.sort()).toEqual(["reactor_init", "start"]);
  });

  test("S11 peer_close_is_error: a close without a condition counts as one", async () => {
    for (const peerCloseIsError of [true, false]) {
      const told = new Deferred<string>();
      const handler = new MessagingHandler({ peerCloseIsError });
      handler.on_connection_opened = (event) => void event.container.createReceiver(event.connection, "from").catch(() => undefined);
      handler.on_link_error = () => told.resolve("error");
      if (!peerCloseIsError) handler.on_link_closing = () => told.resolve("closing");
      const opened = new Deferred<void>();
      handler.on_link_opened = () => opened.resolve();
      const { served } = await running(handler, {}, opened.promise);
      (await served.script).send("detach", { closed: true });
      expect(await within(told.promise, "the end of the link")).toBe(peerCloseIsError ? "error" : "closing");
    }
  });

  test("S11 auto_settle: false leaves it to the program to settle what it sent", async () => {
    const told = new Deferred<OutgoingEvent>();
    const handler = new MessagingHandler({ autoSettle: false });
    handler.on_connection_opened = (event) => void event.container.createSender(event.connection, "to");
    handler.on_sendable = (event) => {
      if (event.sender.unsettled.size === 0) event.sender.send({ body: "x" }).catch(() => undefined);
    };
    handler.on_accepted = (event) => told.resolve(event);
    const { served } = await running(handler, { credit: 1, outcome: () => ({ state: "accepted", settled: false }) }, told.promise);
    const dispositions = async (): Promise<number> => (await served.script).frames().filter(({ name }) => name === "disposition").length;
    expect(await dispositions()).toBe(0);
    handler.settle((await told.promise).delivery);
    expect((await served.seen("disposition")).fields).toMatchObject({ role: "sender", settled: true });
  });
});

describe("proton.Event", () => {
  test("S13 connection, container, reactor, session, link, receiver, sender, delivery, message, context: as far as its kind has them", async () => {
    const got = new Deferred<IncomingEvent>();
    const started = new Deferred<Event>();
    const handler = new MessagingHandler();
    handler.on_start = (event) => started.resolve(event);
    handler.on_connection_opened = (event) => void event.container.createReceiver(event.connection, "from");
    handler.on_message = (event) => got.resolve(event);
    const { container } = await running(handler, { messages: [{ value: 1 }] }, got.promise);
    const event = await got.promise;
    expect([event.container, event.reactor]).toEqual([container, container]);
    expect(event.receiver).toBe(event.link);
    expect(event.sender).toBeUndefined();
    expect(event.session).toBe(event.link.session);
    expect(event.connection).toBe(event.session.connection);
    expect(event.delivery.link).toBe(event.receiver);
    expect(event.message).toBe(event.delivery.message);
    expect(event.context).toBe(event.delivery);
    expect(event.type).toBe("message");
    const start = await started.promise;
    expect([start.connection, start.session, start.link, start.sender, start.receiver, start.delivery, start.message]).toEqual(Array(7).fill(undefined));
  });

  test("S13 handlers at container, connection and link scope: the closest one that handles the event gets it", async () => {
    const told: string[] = [];
    const done = new Deferred<void>();
    const served = await obedientPeer({ messages: [{ value: 1 }] });
    const container = new Container({
      handlers: {
        on_connection_opened: () => { told.push("container: opened"); },
        on_message: () => { told.push("container: message"); },
        on_link_opened: () => { told.push("container: link"); },
      },
    });
    afterwards(() => container.close({ timeout: 500 }));
    const connection = await container.connect(served.url, { ...ONCE, handler: { on_link_opened: () => { told.push("connection: link"); }, on_message: () => { told.push("connection: message"); } } });
    await connection.createReceiver("from", { handler: { on_message: () => { told.push("link: message"); done.resolve(); } } });
    await within(done.promise, "the message");
    expect(told).toEqual(["container: opened", "connection: link", "link: message"]);
  });
});

describe("proton.Message", () => {
  const at = new Date(1_700_000_000_000);
  /** Members of the overview: the name here, a value, and where it stands on the wire. */
  const MEMBERS: readonly (readonly [member: string, field: string, value: unknown, section: string, wire: string, onWire?: unknown])[] = [
    ["address", "address", "somewhere", "properties", "to"],
    ["content_encoding", "contentEncoding", "gzip", "properties", "contentEncoding"],
    ["content_type", "contentType", "text/plain", "properties", "contentType"],
    ["correlation_id", "correlationId", "c-1", "properties", "correlationId"],
    ["creation_time", "creationTime", at, "properties", "creationTime"],
    ["delivery_count", "deliveryCount", 3, "header", "deliveryCount"],
    ["durable", "durable", true, "header", "durable"],
    ["expiry_time", "expiryTime", at, "properties", "absoluteExpiryTime"],
    ["first_acquirer", "firstAcquirer", true, "header", "firstAcquirer"],
    ["group_id", "groupId", "g", "properties", "groupId"],
    ["group_sequence", "groupSequence", 7, "properties", "groupSequence"],
    ["id", "id", "m-1", "properties", "messageId"],
    ["priority", "priority", 9, "header", "priority"],
    ["reply_to", "replyTo", "back", "properties", "replyTo"],
    ["reply_to_group_id", "replyToGroupId", "rg", "properties", "replyToGroupId"],
    ["subject", "subject", "about", "properties", "subject"],
    ["ttl (milliseconds)", "ttl", 1500, "header", "ttl"],
    ["user_id", "userId", new Uint8Array([1, 2]), "properties", "userId"],
    ["properties", "properties", { key: "value" }, "applicationProperties", "key", "value"],
    ["annotations", "annotations", { "x-opt-a": 1 }, "messageAnnotations", "x-opt-a", 1],
    ["instructions", "instructions", { "x-opt-i": true }, "deliveryAnnotations", "x-opt-i", true],
  ];

  test.each(MEMBERS)("S14 %s", (_member, field, value, section, wire, onWire = value) => {
    const message = new Message({ body: null });
    (message as unknown as Record<string, unknown>)[field] = value;
    const sections = decodeMessage(message.encode());
    expect(plain(valueOf(sections.find(({ name }) => name === section)?.value, wire))).toEqual(plain(onWire));
    expect(plain((Message.decode(message.encode()) as unknown as Record<string, unknown>)[field])).toEqual(plain(value));
  });

  test.each([
    ["bytes", new Uint8Array([1, 2, 3])],
    ["unicode", "gr\u00fc\u00dfe"],
    ["dict", { a: 1, b: "two" }],
    ["list", [1, "two", null]],
    ["int", 42],
    ["long", 2n ** 60n],
    ["float", 1.5],
    ["None", null],
  ])("S14 body: %s", (_type, body) => {
    expect(Message.decode(new Message({ body }).encode()).body).toEqual(body);
  });

  test("S14 body: UUID", () => {
    const body = types.described(1, "x");
    expect(Message.decode(new Message({ body }).encode()).body).toEqual(body);
    const uuid = Uuid.random();
    expect((Message.decode(new Message({ body: uuid }).encode()).body as Uuid).equals(uuid)).toBe(true);
  });

  test("S14 encode(), decode(data): the bytes of its sections, and back into a message that was there", () => {
    const bytes = new Message({ body: "hi" }).encode();
    expect(Buffer.from(bytes).toString("hex")).toBe("005377a1026869");
    const message = new Message({ body: "old", subject: "old" });
    message.decode(bytes);
    expect([message.body, message.subject]).toEqual(["hi", undefined]);
  });

  test("S14 send(sender, tag)", async () => {
    const { sender, served } = await sending();
    const delivery = await new Message({ body: "hi" }).send(sender, "by-tag");
    expect(delivery.outcome).toEqual({ type: "accepted" });
    expect(Buffer.from((await served.seen("transfer")).fields["deliveryTag"] as Uint8Array).toString()).toBe("by-tag");
  });

  test("S14 recv(link): the message of the current delivery, or nothing", async () => {
    const { receiver } = await receiving();
    const message = new Message();
    expect(message.recv(receiver)).toBeUndefined();
    receiver.flow(1);
    const got = await within(new Promise<IncomingDelivery | undefined>((resolve) => {
      const look = (): void => {
        const delivery = message.recv(receiver);
        if (delivery === undefined) setImmediate(look);
        else resolve(delivery);
      };
      look();
    }), "the message");
    expect(message.body).toBe("hello");
    await got?.accept();
  });
});

describe("proton.Terminus", () => {
  test("S15 address, capabilities, dynamic, filter, properties: ours go out, the peer's are read", async () => {
    const described = types.described("apache.org:selector-filter:string", "a = 1");
    const { connection, served } = await linked({
      attach: () => ({ source: { address: "theirs", dynamic: true, capabilities: ["queue"], dynamicNodeProperties: new Map([["p", 1]]), filter: new Map([["f", "kept"]]) } }),
    });
    const receiver = await connection.createReceiver({
      dynamic: true, capabilities: ["queue", "shared"], properties: { "x-opt-p": 1 }, filter: { selector: described },
    }, { filterRequired: false });
    const { source } = (await served.seen("attach")).fields as { source: Record<string, unknown> };
    expect(source["dynamic"]).toBe(true);
    expect(source["capabilities"]).toEqual(["queue", "shared"]);
    expect(valueOf(source["dynamicNodeProperties"], "x-opt-p")).toBe(1);
    expect(JSON.stringify(source["filter"], replacer)).toContain("a = 1");
    expect([receiver.source.dynamic, receiver.source.capabilities]).toEqual([true, ["queue", "shared"]]);
    expect([receiver.remoteSource.address, receiver.remoteSource.dynamic, receiver.remoteSource.capabilities]).toEqual(["theirs", true, ["queue"]]);
    expect(receiver.remoteSource.properties).toEqual({ p: 1 });
    expect(receiver.remoteSource.filter).toEqual({ f: "kept" });
  });
});

describe("delivery guarantees", () => {
  test("S11 at-most-once: settled as it is sent", async () => {
    const { connection, served } = await linked();
    const sender = await connection.createSender("to", { guarantee: "at-most-once" });
    await sender.send({ body: 1 });
    expect((await served.seen("attach")).fields["sndSettleMode"]).toBe("settled");
    expect((await served.seen("transfer")).fields["settled"]).toBe(true);
  });

  test("S11 at-least-once: the receiver accepts and settles on receipt", async () => {
    const { connection, served } = await linked({ messages: [{ value: 1 }] });
    const receiver = await connection.createReceiver("from");
    for await (const { message } of receiver.take({ max: 1 })) expect(message.body).toBe(1);
    expect((await served.seen("disposition")).fields).toMatchObject({ role: "receiver", state: { type: "accepted" }, settled: true });
  });

  test("S11 exactly-once: the receiver accepts, the sender settles, then the receiver forgets", async () => {
    const { connection, served } = await linked({ messages: [{ value: 1 }] });
    const receiver = await connection.createReceiver("from", { guarantee: "exactly-once", prefetch: 1 });
    const delivery = await within(receiver.receive(), "the message");
    const accepted = delivery.accept();
    const told = await served.seen("disposition");
    expect([told.fields["state"], told.fields["settled"] ?? false]).toEqual([{ type: "accepted" }, false]);
    expect(receiver.unsettled.size).toBe(1);
    (await served.script).send("disposition", { role: "sender", first: told.fields["first"], settled: true, state: "accepted" });
    await within(accepted, "the sender's settlement");
    expect(receiver.unsettled.size).toBe(0);
  });
});

function valueOf(value: unknown, key: string): unknown {
  if (value instanceof Map) return value.get(key) ?? [...value].find(([name]) => String(name) === key)?.[1];
  return (value as Record<string, unknown> | undefined)?.[key];
}

/** Dates, bytes and maps as they can be compared, whatever stands for them. */
function plain(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  if (typeof value === "bigint") return Number(value);
  return value;
}

function replacer(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value];
  return typeof value === "bigint" ? String(value) : value;
}

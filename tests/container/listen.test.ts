/** The listening side: connections, links that peers attach, who answers them and when nobody does. */

import { describe, expect, test } from "@jest/globals";
import { connect, Container, EncodeError } from "../../src/index.ts";
import type { Connection, LinkRequest, Listener, ListenOptions, Receiver, Sender } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { failure, pair, settled, turns, until } from "../client/support.ts";
import { afterwards, within } from "../protocol/harness.ts";

/** A listener whose time stands still, and what its onError got. */
async function listening(options: ListenOptions = {}): Promise<{ listener: Listener; clock: ManualClock; errors: { code: string; cause?: unknown }[]; dial: (id?: string) => Promise<Connection> }> {
  const clock = new ManualClock();
  const errors: { code: string; cause?: unknown }[] = [];
  const server = new Container({ clock, onError: (error) => errors.push(error) });
  const listener = await server.listen("amqp://127.0.0.1:0", options);
  afterwards(() => server.close({ timeout: 0 }));
  return {
    listener, clock, errors,
    dial: async (id) => {
      const client = new Container({ id, onError: () => {} });
      afterwards(() => client.close({ timeout: 0 }));
      return client.connect(listener.url, { reconnect: false });
    },
  };
}

describe("a listener", () => {
  test("gives its connections, already open", async () => {
    const { listener, dial } = await listening();
    const connections = listener[Symbol.asyncIterator]();
    await dial("first");
    const { value } = await within(connections.next(), "the first");
    expect(value).toMatchObject({ remoteContainer: "first", state: { local: "active", remote: "active" }, identity: { mechanism: "ANONYMOUS", user: undefined } });
    await dial("second");
    expect((await within(connections.next(), "the second")).value.remoteContainer).toBe("second");
    const next = connections.next();
    await listener.close();
    expect((await within(next, "the end")).done).toBe(true);
  });

  test("has its url and port, and close tells its connections why", async () => {
    const { listener, dial } = await listening();
    expect(listener.url).toBe(`amqp://127.0.0.1:${listener.port}`);
    const connection = await dial();
    await within(Promise.all([listener.close(), listener.close()]), "close");
    expect(await within(connection.closed, "closed")).toMatchObject({ code: "connection-closed", condition: "amqp:connection:forced" });
    expect(await failure(connect(listener.url))).toMatchObject({ code: "connect-failed" });
  });

  test("FT42 a port that is taken: listen-failed", async () => {
    const { listener } = await listening();
    const container = new Container();
    expect(await failure(container.listen({ port: listener.port }))).toMatchObject({ name: "ConnectionError", code: "listen-failed" });
    await container.close();
  });
});

describe("incoming, links, serve", () => {
  test("incoming() of a connection gives its links; accept makes them, refuse refuses them", async () => {
    const { listener, dial } = await listening();
    const connections = listener[Symbol.asyncIterator]();
    const connection = await dial();
    const { value: there } = await within(connections.next(), "the connection");
    const requests = (there as Connection).incoming()[Symbol.asyncIterator]();
    const opening = connection.createSender({ address: "orders", capabilities: ["queue"] }, { name: "mine", properties: { p: 1 }, desiredCapabilities: ["d"] });
    const { value: request } = await within(requests.next(), "a request");
    expect(request).toMatchObject({ role: "receiver", name: "mine", target: { type: "target", address: "orders", capabilities: ["queue"] }, properties: { p: 1 }, desiredCapabilities: ["d"] });
    expect(request.connection).toBe(there);
    const receiver = await request.accept() as Receiver;
    const sender = await within(opening, "the sender");
    expect(receiver).toMatchObject({ name: "mine", isReceiver: true, state: { local: "active", remote: "active" } });
    const receiving = receiver.receive();
    const sending = sender.send({ body: "x" });
    await (await within(receiving, "receive")).accept();
    await within(sending, "the send");
    expect(await failure(request.accept())).toMatchObject({ code: "invalid-state" });
    expect(await failure(request.refuse({ condition: "amqp:not-found" }))).toMatchObject({ code: "invalid-state" });
    const refused = failure(connection.createReceiver("secret"));
    const second = (await within(requests.next(), "the second")).value;
    expect(second).toMatchObject({ role: "sender", source: { address: "secret" } });
    expect(await failure(second.refuse({ condition: "my:condition", info: { bad: Symbol("x") } }))).toBeInstanceOf(EncodeError);
    await second.refuse({ condition: "amqp:not-found", description: "none", info: { n: 1 } });
    expect(await refused).toMatchObject({ code: "link-refused", condition: "amqp:not-found", description: "none", info: { n: 1 } });
  });

  test("links() joins all connections, and has what came before it was asked", async () => {
    const { listener, dial } = await listening();
    const [one, two] = [await dial("one"), await dial("two")];
    const early = one.createSender("early");
    await turns();
    const requests = listener.links()[Symbol.asyncIterator]();
    const first = (await within(requests.next(), "the early one")).value as LinkRequest;
    expect(first.target?.address).toBe("early");
    if (first.role === "receiver") await first.accept();
    await within(early, "the early sender");
    const late = two.createReceiver("late");
    const second = (await within(requests.next(), "the late one")).value as LinkRequest;
    expect([second.role, second.connection.remoteContainer]).toEqual(["sender", "two"]);
    if (second.role === "sender") await second.accept();
    await within(late, "the late receiver");
    const next = requests.next();
    await listener.close();
    expect((await within(next, "the end")).done).toBe(true);
  });

  test("serve calls the handler for each link at once, and ends by its signal or with the listener", async () => {
    const { listener, dial } = await listening();
    const gate = new Deferred();
    const running: string[] = [];
    const stop = new AbortController();
    const serving = listener.serve(async (request) => {
      running.push(request.name);
      if (request.role === "receiver") await request.accept();
      await gate.promise;
    }, { signal: stop.signal });
    const connection = await dial();
    await within(Promise.all(["a", "b", "c"].map((name) => connection.createSender("q", { name }))), "three senders");
    expect(running).toEqual(["a", "b", "c"]);
    stop.abort();
    await within(serving, "serve");
    gate.resolve();
    const again = listener.serve(() => {});
    await listener.close();
    await within(again, "serve with a listener that closes");
    await within(listener.serve(() => {}), "serve on one that is closed");
  });

  test("a handler that throws: that link is closed with amqp:internal-error, accepted or not, and no other", async () => {
    const { listener, dial, errors } = await listening();
    const broken = new Error("broken handler");
    void listener.serve(async (request) => {
      if (request.name === "good" && request.role === "receiver") await request.accept();
      if (request.name === "late" && request.role === "receiver") await request.accept();
      if (request.name !== "good") throw broken;
    });
    const connection = await dial();
    const good = await connection.createSender("q", { name: "good" });
    expect(await failure(connection.createSender("q", { name: "early" }))).toMatchObject({ code: "link-refused", condition: "amqp:internal-error" });
    const late = await connection.createSender("q", { name: "late" });
    expect(await within(late.closed, "the late one")).toMatchObject({ code: "link-detached", condition: "amqp:internal-error" });
    expect(good.state).toEqual({ local: "active", remote: "active" });
    expect(errors).toMatchObject([{ code: "handler-failed", cause: broken }, { code: "handler-failed", cause: broken }]);
  });

  test("B.3 a request that nobody takes within 10 s is refused not-allowed", async () => {
    const { listener, dial, clock } = await listening();
    const requests = listener.links()[Symbol.asyncIterator]();
    const connection = await dial();
    const refused = connection.createSender("q");
    const rejection = failure(refused);
    const { value: request } = await within(requests.next(), "the request");
    await clock.advance(9_999);
    expect(await settled(refused)).toBe(false);
    await clock.advance(1);
    expect(await rejection).toMatchObject({ code: "link-refused", condition: "amqp:not-allowed" });
    expect(await failure((request as LinkRequest).accept())).toMatchObject({ code: "invalid-state" });
  });

  test("B.3 without incoming, links or serve: refused too", async () => {
    const { dial, clock } = await listening();
    const connection = await dial();
    const refused = failure(connection.createReceiver("q"));
    await turns();
    await clock.advance(10_000);
    expect(await refused).toMatchObject({ code: "link-refused", condition: "amqp:not-allowed" });
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });

  test("a request whose peer is gone cannot be answered", async () => {
    const { listener, dial, clock } = await listening();
    const requests = listener.links()[Symbol.asyncIterator]();
    const connection = await dial();
    void connection.createSender("q").catch(() => {});
    const { value: request } = await within(requests.next(), "the request");
    const { pending } = clock;
    await connection.close({ timeout: 0 });
    await within((request as LinkRequest).connection.closed, "its connection");
    expect(await failure((request as LinkRequest).accept())).toMatchObject({ code: "invalid-state" });
    expect(clock.pending).toBeLessThan(pending);
  });

  test("a dynamic node gets the address that accept gives it", async () => {
    const { connection, request } = await pair();
    const opening = connection.createReceiver({ dynamic: true });
    const asked = await request();
    expect(asked.source).toMatchObject({ dynamic: true, address: undefined });
    if (asked.role === "sender") await asked.accept({ address: "temp-1" });
    expect((await within(opening, "the receiver")).remoteSource.address).toBe("temp-1");
    const sending = connection.createSender({ dynamic: true });
    const other = await request();
    if (other.role === "receiver") await other.accept({ address: "temp-2" });
    expect((await within(sending, "the sender")).remoteTarget.address).toBe("temp-2");
  });

  test("an anonymous relay has a target without an address", async () => {
    const { connection, request } = await pair();
    const opening = connection.createSender(null);
    const asked = await request();
    expect([asked.target?.type, asked.target?.address]).toEqual(["target", undefined]);
    if (asked.role !== "receiver") throw new Error("a sender was asked for");
    const receiver = await asked.accept();
    const sender = await within(opening, "the relay");
    const receiving = receiver.receive();
    const sent = sender.send({ to: "there", body: 1 });
    const delivery = await within(receiving, "receive");
    expect(delivery.message.to).toBe("there");
    await delivery.accept();
    await within(sent, "the send");
  });

  test("exactly-once between two of ours: second, and accept resolves when the sender has settled", async () => {
    const { sending } = await pair();
    const [sender, receiver] = await sending({ sender: { guarantee: "exactly-once" } });
    expect([sender.guarantee, receiver.guarantee]).toEqual(["exactly-once", "exactly-once"]);
    const receiving = receiver.receive();
    const sent = sender.send({ body: 1 });
    const delivery = await within(receiving, "receive");
    await within(delivery.accept(), "accept");
    expect(delivery).toMatchObject({ settled: true });
    expect((await within(sent, "the send")).outcome).toEqual({ type: "accepted" });
    expect([sender.unsettled.size, receiver.unsettled.size]).toEqual([0, 0]);
  });
});

describe("Q.authorisation authorize", () => {
  test("true lets a link through, false and a reason refuse it, a throw is amqp:internal-error", async () => {
    const broken = new Error("broken check");
    const { listener, dial, errors } = await listening({
      authorize: async ({ name }) => {
        await turns(1);
        if (name === "throws") throw broken;
        return name === "yes" || (name === "why" ? { condition: "my:reason", description: "because" } : false);
      },
    });
    void listener.serve(async (request) => {
      if (request.role === "receiver") await request.accept();
    });
    const connection = await dial();
    await within(connection.createSender("q", { name: "yes" }), "the one that may");
    expect(await failure(connection.createSender("q", { name: "no" }))).toMatchObject({ condition: "amqp:unauthorized-access" });
    expect(await failure(connection.createSender("q", { name: "why" }))).toMatchObject({ condition: "my:reason", description: "because" });
    expect(await failure(connection.createSender("q", { name: "throws" }))).toMatchObject({ condition: "amqp:internal-error" });
    expect(errors).toMatchObject([{ code: "handler-failed", cause: broken }]);
  });

  test("works with incoming() as well", async () => {
    const { listener, dial } = await listening({ authorize: () => true });
    const connections = listener[Symbol.asyncIterator]();
    const connection = await dial();
    const { value: there } = await within(connections.next(), "the connection");
    const requests = (there as Connection).incoming()[Symbol.asyncIterator]();
    const opening = connection.createSender("q");
    const { value: request } = await within(requests.next(), "the request");
    await request.accept();
    await within(opening, "the sender");
  });
});

describe("B75 stolen links", () => {
  test("the same container, name and role on another connection: the old link is closed with amqp:link:stolen", async () => {
    const { listener, dial } = await listening();
    void listener.serve(async (request) => {
      if (request.role === "receiver") await request.accept();
      else await request.accept();
    });
    const [one, two, other] = [await dial("same"), await dial("same"), await dial("another")];
    const old = await one.createSender("q", { name: "link" });
    const bystanders = [await one.createReceiver("q", { name: "link" }), await other.createSender("q", { name: "link" })];
    const thief = await within(two.createSender("q", { name: "link" }), "the thief");
    expect(await within(old.closed, "the old one")).toMatchObject({ name: "LinkError", code: "link-detached", condition: "amqp:link:stolen" });
    expect([thief, ...bystanders].map(({ state }) => state)).toEqual(Array.from({ length: 3 }, () => ({ local: "active", remote: "active" })));
    expect(one.state).toEqual({ local: "active", remote: "active" });
  });

  test("a link that was closed can be attached again elsewhere", async () => {
    const { listener, dial } = await listening();
    void listener.serve(async (request) => {
      if (request.role === "receiver") await request.accept();
    });
    const [one, two] = [await dial("same"), await dial("same")];
    const first = await one.createSender("q", { name: "link" });
    await within(first.close(), "close");
    const second = await within(two.createSender("q", { name: "link" }), "the second");
    await turns();
    expect([await first.closed, second.state]).toEqual([undefined, { local: "active", remote: "active" }]);
  });
});

describe("what a server does to its clients", () => {
  test("sends on its own accord, with the client's credit", async () => {
    const { receiving } = await pair();
    const [receiver, sender] = await receiving<number>({ receiver: { prefetch: 5 } });
    const sends = Array.from({ length: 20 }, (_, body) => sender.send({ body }));
    await turns();
    expect(sender.queued).toBe(20);
    const seen: number[] = [];
    for await (const { message } of receiver.take({ max: 20 })) seen.push(message.body);
    await within(Promise.all(sends), "all sends");
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });

  test("FT31 closes a link with an error: the client's sends settle, its session lives", async () => {
    const { sending } = await pair();
    const [sender, receiver] = await sending();
    const receiving = receiver.receive();
    const sends = [1, 2].map((body) => failure(sender.send({ body })));
    await within(receiving, "one");
    await within(receiver.close({ error: { condition: "amqp:resource-deleted", description: "gone" } }), "close");
    expect(await Promise.all(sends)).toMatchObject([{ code: "in-doubt" }, { code: "not-sent" }]);
    expect(await sender.closed).toMatchObject({ condition: "amqp:resource-deleted", description: "gone" });
  });

  test("Q.listener B58 a peer that never finishes its handshake is dropped after 10 s, and told to onError", async () => {
    const { listener, clock, errors } = await listening();
    const peer = await ScriptedPeer.connect(listener.url, async (script) => {
      script.sendHeader("sasl");
      await script.expectHeader("sasl");
      await script.untilEof();
    });
    afterwards(() => peer.close());
    await turns();
    await clock.advance(10_000);
    await until(() => errors.length > 0);
    await clock.advance(1_000);
    await within(peer.done, "the drop");
    expect(errors).toMatchObject([{ code: expect.stringMatching(/handshake-failed|timeout/) }]);
  });

  test("many links of many clients, each in its own order", async () => {
    const { listener, dial } = await listening();
    const seen = new Map<string, number[]>();
    void listener.serve(async (request) => {
      if (request.role !== "receiver") return;
      const list: number[] = [];
      seen.set(request.name, list);
      for await (const { message } of await request.accept<number>()) list.push(message.body);
    });
    const connections = await Promise.all([dial("a"), dial("b"), dial("c")]);
    const senders: Sender<number>[] = [];
    for (const [c, connection] of connections.entries()) for (let l = 0; l < 5; l++) senders.push(await connection.createSender<number>("q", { name: `${c}-${l}` }));
    await within(Promise.all(senders.flatMap((sender) => Array.from({ length: 100 }, (_, body) => sender.send({ body })))), "1,500 sends");
    expect(seen.size).toBe(15);
    for (const list of seen.values()) expect(list).toEqual(Array.from({ length: 100 }, (_, n) => n));
  });
});

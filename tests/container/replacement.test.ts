/** J09, FT20: credentials that expire, at a peer that takes no new ones on a living connection: another connection takes its place in time, and nothing is lost. */

import { describe, expect, test } from "@jest/globals";
import { Container } from "../../src/index.ts";
import type { AmqpError, Connection, ConnectionStatus, ConnectOptions, Credentials, Receiver, Sender } from "../../src/index.ts";
import { Broker } from "../../src/broker.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { failure, settled, turns, until } from "../client/support.ts";
import { afterwards, answerClosing, serve, within } from "../protocol/harness.ts";

/** Credentials that last a minute each. */
function everyMinute(): { credentials: () => Credentials; asked: () => number } {
  let times = 0;
  return { credentials: () => ({ user: "u", password: `p${(times += 1)}`, expiresAt: Date.now() + 60_000 * times }), asked: () => times };
}

interface Client {
  readonly connection: Connection;
  readonly clock: ManualClock;
  readonly errors: AmqpError[];
  /** Callbacks that would tell of trouble. */
  readonly trouble: string[];
  readonly statuses: ConnectionStatus["type"][];
}

async function client(url: string, options: ConnectOptions): Promise<Client> {
  const clock = new ManualClock();
  const errors: AmqpError[] = [];
  const trouble: string[] = [];
  const names = ["on_transport_error", "on_disconnected", "on_connection_error", "on_session_error", "on_link_error", "on_connection_closed", "on_link_closed"];
  const container = new Container({ clock, onError: (error) => errors.push(error), handlers: Object.fromEntries(names.map((name) => [name, () => void trouble.push(name)])) });
  const connection = await container.connect(url, { idleTimeout: 0, ...options });
  afterwards(() => container.close({ timeout: 0 }));
  const statuses: ConnectionStatus["type"][] = [];
  void (async () => { for await (const { type } of connection.status()) statuses.push(type); })();
  return { connection, clock, errors, trouble, statuses };
}

/** Lets time pass in small steps, so that what follows from a step happens before the next one. */
async function pass(clock: ManualClock, ms: number, until_: () => boolean = () => false): Promise<void> {
  for (let gone = 0; gone < ms && !until_(); gone += 20) {
    await clock.advance(20);
    await turns(3);
  }
}


describe("J09 FT20 another connection in time", () => {
  test("the one before is drained and closed, the next one signs in with the new credentials, and links, loops and sends go on without an error", async () => {
    const users: string[] = [];
    const server = new Container({ onError: () => undefined });
    afterwards(() => server.close({ timeout: 0 }));
    const listener = await server.listen({ port: 0, authenticate: (user, password) => users.push(`${user} ${password}`) > 0 });
    const ends: (AmqpError | undefined)[] = [];
    void (async () => { for await (const each of listener) void each.closed.then((error) => ends.push(error)); })();
    const received: unknown[] = [];
    void listener.serve(async (request) => {
      if (request.role === "sender") {
        const sender = await request.accept();
        for (let n = 0; n < 3; n++) await sender.send({ body: `from ${users.length}, ${n}` }).catch(() => undefined);
        return;
      }
      for await (const { message } of await request.accept()) received.push(message.body);
    });
    const { credentials, asked } = everyMinute();
    const { connection, clock, errors, trouble, statuses } = await client(listener.url, { credentials });
    const sender = await connection.createSender("q");
    const receiver = await connection.createReceiver<string>("q");
    const got: string[] = [];
    void (async () => { for await (const { message } of receiver) got.push(message.body); })();
    await sender.send({ body: 1 });
    await until(() => got.length === 3);
    await pass(clock, 40_000);
    expect(users).toEqual(["u p1"]);
    await pass(clock, 12_000, () => statuses.includes("recovered"));
    await until(() => statuses.includes("recovered"));
    await within(sender.send({ body: 2 }), "a send after it");
    await until(() => got.length === 6);
    expect(users).toEqual(["u p1", "u p2"]);
    expect([asked(), errors, trouble, ends]).toEqual([2, [], [], [undefined]]);
    expect(received).toEqual([1, 2]);
    expect(got).toEqual(["from 1, 0", "from 1, 1", "from 1, 2", "from 2, 0", "from 2, 1", "from 2, 2"]);
    expect([sender.recovery, receiver.recovery]).toEqual(["reattached", "reattached"]);
  });

  test("what has left gets its outcome first, and what is sent meanwhile waits for the next connection", async () => {
    const first = new Deferred<Script>();
    const bodies: number[] = [];
    const peer = await serve(async (script, index) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
      if (index === 0) {
        first.resolve(script);
        await over.promise;
        return;
      }
      for (;;) {
        const frame = await script.next();
        if (["transfer", "detach", "end", "close"].includes(frame.name)) script.reply(frame);
        if (frame.name === "transfer") bodies.push(index);
        if (frame.name === "close") return;
      }
    }, { connections: 2, timeout: 20_000 });
    const over = new Deferred<void>();
    afterwards(async () => over.resolve());
    const { connection, clock, trouble } = await client(peer.url, { credentials: everyMinute().credentials });
    const sender = await connection.createSender("q");
    const script = await first.promise;
    const before = sender.send({ body: 1 }, { timeout: Infinity });
    const transfer = await script.until("transfer");
    await pass(clock, 49_000, () => sender.explain().waitingFor === "reconnect");
    const meanwhile = sender.send({ body: 2 }, { timeout: Infinity });
    expect(sender.explain()).toMatchObject({ waitingFor: "reconnect", text: expect.stringContaining("what is new waits for another connection") });
    expect(sender.trySend({ body: 3 })).toBeUndefined();
    expect([await settled(before), await settled(meanwhile)]).toEqual([false, false]);
    script.reply(transfer);
    await within(before, "the send before");
    await pass(clock, 1_000, () => bodies.length > 0);
    expect(script.frames().map(({ name }) => name).filter((name) => ["transfer", "detach", "close"].includes(name))).toEqual(["transfer", "close"]);
    await within(meanwhile, "the send meanwhile");
    expect([bodies, trouble]).toEqual([[1], []]);
    over.resolve();
  });

  test("a message in hand is settled before, and one that is not taken comes again; credit given by hand is not lost", async () => {
    const first = new Deferred<Script>();
    const over = new Deferred<void>();
    afterwards(async () => over.resolve());
    const credits: unknown[] = [];
    const peer = await serve(async (script, index) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      credits.push((await script.until("flow")).fields["linkCredit"]);
      script.send("transfer", {}, encodeMessage({ value: `a${index}` }));
      if (index === 0) script.send("transfer", {}, encodeMessage({ value: "b0" }));
      if (index === 0) first.resolve(script);
      await over.promise;
    }, { connections: 2, timeout: 20_000 });
    const { connection, clock, errors, statuses } = await client(peer.url, { credentials: everyMinute().credentials });
    const receiver: Receiver<string> = await connection.createReceiver<string>("q", { prefetch: 0 });
    receiver.flow(5);
    const script = await first.promise;
    await until(() => receiver.queued === 2);
    const taken = await receiver.receive();
    await pass(clock, 49_000, () => script.frames().some(({ name, fields }) => name === "flow" && fields["linkCredit"] === 0));
    expect(statuses).not.toContain("disconnected");
    await within(taken.accept(), "the accept");
    await pass(clock, 1_000, () => credits.length === 2);
    const names = script.frames().filter(({ name }) => name === "disposition" || name === "close").map(({ name }) => name);
    expect(names).toEqual(["disposition", "close"]);
    // three that were not used, and one for what was not taken
    expect(credits).toEqual([5, 4]);
    expect((await within(receiver.receive(), "the next")).message.body).toBe("a1");
    expect(errors).toEqual([]);
    over.resolve();
  });

  test("a transaction and a request are done first", async () => {
    const broker = await Broker.start({ users: { u: "p1" } });
    afterwards(() => broker.close());
    let asked = 0;
    const { connection, clock, trouble, statuses } = await client(broker.url, { credentials: () => ({ user: "u", password: "p1", expiresAt: Date.now() + 60_000 * (asked += 1) }) });
    const held = new Deferred<void>();
    const service = await client(broker.url, { user: "u", password: "p1" });
    await service.connection.createResponder<string>("upper", async ({ body }) => { await held.promise; return { body: body.toUpperCase() }; });
    const requester = await connection.createRequester("upper");
    const sender: Sender = await connection.createSender("q");
    const reply = requester.request<string>({ body: "a" }, { timeout: Infinity });
    const transaction = await connection.transaction();
    await transaction.send(sender, { body: 1 });
    await pass(clock, 49_000);
    expect(statuses).not.toContain("disconnected");
    await transaction.send(sender, { body: 2 });
    await within(transaction.commit(), "the commit");
    await pass(clock, 100);
    expect(statuses).not.toContain("disconnected");
    held.resolve();
    expect((await within(reply, "the reply")).body).toBe("A");
    await pass(clock, 2_000, () => statuses.includes("recovered"));
    await until(() => statuses.includes("recovered"));
    expect([broker.depth("q"), trouble, asked]).toEqual([2, [], 2]);
  });

  test("a peer that never settles does not keep it for ever: what left is sent again, before the credentials expire", async () => {
    const counts: number[] = [];
    const over = new Deferred<void>();
    afterwards(async () => over.resolve());
    const peer = await serve(async (script, index) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
      const transfer = await script.until("transfer");
      counts.push(index);
      if (index === 1) script.reply(transfer);
      await over.promise;
    }, { connections: 2, timeout: 20_000 });
    const { connection, clock } = await client(peer.url, { credentials: everyMinute().credentials });
    const sender = await connection.createSender("q");
    const began = clock.now();
    const send = sender.send({ body: 1 }, { timeout: Infinity });
    await until(() => counts.length === 1);
    await pass(clock, 59_000, () => counts.length === 2);
    expect(clock.now() - began).toBeLessThan(59_000);
    await within(send, "the send");
    expect(counts).toEqual([0, 1]);
    over.resolve();
  });

  test("new credentials that cannot be had leave the connection as it is; the next try has them", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      await answerClosing(script);
    }, { connections: 2, timeout: 20_000 });
    let asked = 0;
    const { connection, clock, errors, statuses } = await client(peer.url, {
      credentials: () => {
        asked += 1;
        if (asked === 2) throw new Error("the vault is sealed");
        return { user: "u", password: "p", expiresAt: Date.now() + 60_000 * asked };
      },
    });
    await pass(clock, 49_000, () => errors.length > 0);
    expect(errors[0]?.message).toMatch(/^the credentials could not be renewed, .* the vault is sealed$/);
    expect([connection.state.local, statuses]).toEqual(["active", ["connected"]]);
    await pass(clock, 2_000, () => statuses.includes("recovered"));
    await until(() => statuses.includes("recovered"));
    expect([asked, errors.length]).toEqual([3, 1]);
  });

  test("close() while it is drained ends it", async () => {
    const over = new Deferred<void>();
    afterwards(async () => over.resolve());
    const peer = await serve(async (script) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
      await over.promise;
    }, { timeout: 20_000 });
    const { connection, clock, statuses } = await client(peer.url, { credentials: everyMinute().credentials });
    const sender = await connection.createSender("q");
    const lost = failure(sender.send({ body: 1 }, { timeout: Infinity }));
    await pass(clock, 49_000, () => sender.explain().waitingFor === "reconnect");
    await within(connection.close({ timeout: 0 }), "close()");
    expect(await lost).toMatchObject({ code: "in-doubt" });
    await pass(clock, 100);
    expect(statuses.at(-1)).toBe("closed");
    over.resolve();
  });
});

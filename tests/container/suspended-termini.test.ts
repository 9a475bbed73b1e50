/** B.1: links of the listening side that outlive their attachments: who gets them again, for how long they wait, and what becomes of what they had. */

import { describe, expect, test } from "@jest/globals";
import { Container, MessagingHandler } from "../../src/index.ts";
import type { Connection, ConnectOptions, LinkRequest, Listener, ListenOptions, Receiver, Sender } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { turns, until } from "../client/support.ts";
import { afterwards, within } from "../protocol/harness.ts";

interface Scene {
  readonly clock: ManualClock;
  readonly server: Container;
  readonly listener: Listener;
  dial(id?: string, options?: ConnectOptions): Promise<Connection>;
  /** The next link that a peer attaches. */
  request(): Promise<LinkRequest>;
}

/** A listener on a clock that stands still, and any number of containers that connect once. */
async function scene(listen: ListenOptions = {}): Promise<Scene> {
  const clock = new ManualClock();
  const server = new Container({ clock, connection: { idleTimeout: 0 }, onError: () => undefined });
  const listener = await server.listen("amqp://127.0.0.1:0", listen);
  const requests = listener.links()[Symbol.asyncIterator]();
  const clients: Container[] = [];
  afterwards(async () => {
    for (const client of clients) await client.close({ timeout: 500 }).catch(() => undefined);
    await server.close({ timeout: 500 });
    expect(clock.pending).toBe(0);
  });
  return {
    clock, server, listener,
    dial: (id = "peer", options = {}) => {
      const client = new Container({ id, onError: () => undefined });
      clients.push(client);
      return client.connect(listener.url, { reconnect: false, idleTimeout: 0, ...options });
    },
    request: async () => (await within(requests.next(), "a link of the peer's")).value as LinkRequest,
  };
}

/** Cuts a connection as a failure of the network would. */
function cut(connection: Connection): void {
  (connection as unknown as { driver: { destroy(): void } }).driver.destroy();
}

/** Cuts it and waits until the other side knows. */
async function lose(connection: Connection, there: Connection): Promise<void> {
  cut(connection);
  await within(there.closed, "the other side's end");
  await turns(2);
}

/** Whatever becomes of it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

const NAMED = { name: "link" } as const;
const LASTING = { ...NAMED, terminusTimeout: 60_000 } as const;

async function acceptReceiver(stage: Scene): Promise<[Receiver, LinkRequest]> {
  const request = await stage.request();
  if (request.role !== "receiver") throw new Error("a sender was to be attached");
  return [await request.accept(), request];
}

async function acceptSender(stage: Scene): Promise<[Sender, LinkRequest]> {
  const request = await stage.request();
  if (request.role !== "sender") throw new Error("a receiver was to be attached");
  return [await request.accept(), request];
}

describe("B.1 links that wait for their peers", () => {
  test("a receiver: the same object, on the new connection; its loop goes on", async () => {
    const stage = await scene();
    const one = await stage.dial();
    const opening = one.createSender("q", LASTING);
    const [receiver, first] = await acceptReceiver(stage);
    expect(first.resumes).toBeUndefined();
    expect(receiver.recovery).toBe("new");
    const bodies: unknown[] = [];
    const loop = (async () => {
      for await (const { message } of receiver) bodies.push(message.body);
    })();
    const sender = await opening;
    expect(sender.remoteTarget).toMatchObject({ expiryPolicy: "session-end", timeout: 60_000 });
    await sender.send({ body: 1 });
    const there = receiver.connection;
    await lose(one, there);
    expect(receiver.state).toEqual({ local: "uninit", remote: "uninit" });
    expect(receiver.explain()).toMatchObject({ waitingFor: "reconnect", text: expect.stringContaining("the peer has not come back yet") as unknown });
    const two = await stage.dial();
    const again = two.createSender("q", LASTING);
    const [same, second] = await acceptReceiver(stage);
    expect(second.resumes).toBe(receiver);
    expect(same).toBe(receiver);
    expect(receiver.connection).toBe(second.connection);
    expect(receiver.session).toBe(second.session);
    expect(receiver.recovery).toBe("reattached");
    expect(receiver.state).toEqual({ local: "active", remote: "active" });
    await (await again).send({ body: 2 });
    expect(bodies).toEqual([1, 2]);
    await two.close();
    await stage.server.close();
    await within(loop, "the loop");
  });

  test("request.resumes tells before the answer which link it will be", async () => {
    const stage = await scene();
    const one = await stage.dial();
    void quiet(one.createSender("q", LASTING));
    const [receiver] = await acceptReceiver(stage);
    await lose(one, receiver.connection);
    void quiet((await stage.dial()).createSender("q", LASTING));
    const request = await stage.request();
    expect(request.resumes).toBe(receiver);
  });

  test("a sender: what was unsettled goes again, first; what was sent meanwhile waits", async () => {
    const stage = await scene();
    const one = await stage.dial();
    const opening = one.createReceiver<number>("q", LASTING);
    const [sender] = await acceptSender(stage);
    const first = sender.send({ body: 1 });
    const taken = await (await opening).receive();
    expect(taken.message.body).toBe(1);
    await lose(one, sender.connection);
    const second = sender.send({ body: 2 });
    expect(sender.queued).toBe(2);
    await expect(taken.accept()).rejects.toMatchObject({ code: "stale-delivery" });
    const receiver = (await stage.dial()).createReceiver<number>("q", LASTING);
    const [same] = await acceptSender(stage);
    expect(same).toBe(sender);
    const bodies: number[] = [];
    for await (const { message } of (await receiver).take({ max: 2 })) bodies.push(message.body);
    expect(bodies).toEqual([1, 2]);
    expect((await first).attempts).toBe(1);
    expect((await second).attempts).toBe(0);
  });

  test("the standard's defaults forget everything at the drop", async () => {
    const stage = await scene();
    const one = await stage.dial();
    const opening = one.createSender("q", NAMED);
    const [receiver] = await acceptReceiver(stage);
    expect((await opening).remoteTarget).toMatchObject({ expiryPolicy: "session-end", timeout: 0 });
    cut(one);
    expect(await within(receiver.closed, "the end")).toMatchObject({ code: "disconnected" });
    void quiet((await stage.dial()).createSender("q", NAMED));
    const [other, request] = await acceptReceiver(stage);
    expect(request.resumes).toBeUndefined();
    expect(other).not.toBe(receiver);
  });

  test("detach with closed=false keeps it, closed=true ends it", async () => {
    const stage = await scene();
    const one = await stage.dial();
    const opening = one.createSender("q", LASTING);
    const [receiver] = await acceptReceiver(stage);
    await (await opening).detach();
    const again = one.createSender("q", LASTING);
    const [same] = await acceptReceiver(stage);
    expect(same).toBe(receiver);
    await (await again).close();
    expect(await within(receiver.closed, "the end")).toBeUndefined();
    void quiet(one.createSender("q", LASTING));
    const [other] = await acceptReceiver(stage);
    expect(other).not.toBe(receiver);
  });

  test("refuse() ends it", async () => {
    const stage = await scene();
    const one = await stage.dial();
    void quiet(one.createSender("q", LASTING));
    const [receiver] = await acceptReceiver(stage);
    await lose(one, receiver.connection);
    const opening = quiet((await stage.dial()).createSender("q", LASTING));
    const request = await stage.request();
    await request.refuse({ condition: "amqp:not-allowed", description: "no more" });
    await expect(opening).rejects.toMatchObject({ condition: "amqp:not-allowed" });
    expect(await within(receiver.closed, "the end")).toMatchObject({ code: "link-detached", message: expect.stringContaining("refused") as unknown });
  });

  test("a peer that is lost again before its attach was answered: it waits on, and then expires", async () => {
    const stage = await scene();
    const one = await stage.dial();
    void quiet(one.createSender("q", LASTING));
    const [receiver] = await acceptReceiver(stage);
    await lose(one, receiver.connection);
    const two = await stage.dial();
    const opening = two.createSender("q", LASTING);
    opening.catch(() => undefined);
    const request = await stage.request();
    await lose(two, request.connection);
    await stage.clock.advance(59_000);
    expect(receiver.state.local).toBe("uninit");
    await stage.clock.advance(2_000);
    expect(await within(receiver.closed, "the end")).toMatchObject({ code: "link-detached", message: expect.stringContaining("did not come back within 60000 ms") as unknown });
  });

  test("it is its user's and its container's own, by name, role and address", async () => {
    const stage = await scene({ passwords: (user) => user, allowedMechs: ["PLAIN"] });
    const ann = { user: "ann", password: "ann" };
    const one = await stage.dial("c", ann);
    void quiet(one.createSender("q", LASTING));
    const [receiver] = await acceptReceiver(stage);
    await lose(one, receiver.connection);
    const attach: [string, (connection: Connection) => Promise<unknown>, ConnectOptions?][] = [
      ["d", (connection) => connection.createSender("q", LASTING)],
      ["c", (connection) => connection.createSender("q", LASTING), { user: "bob", password: "bob" }],
      ["c", (connection) => connection.createSender("q", { ...LASTING, name: "other" })],
      ["c", (connection) => connection.createReceiver("q", LASTING)],
    ];
    for (const [id, make, who] of attach) {
      void quiet(make(await stage.dial(id, who ?? ann)));
      expect((await stage.request()).resumes).toBeUndefined();
    }
    expect(receiver.state.local).toBe("uninit");
    void quiet((await stage.dial("c", ann)).createSender("elsewhere", LASTING));
    expect((await stage.request()).resumes).toBeUndefined();
    expect(await within(receiver.closed, "the end")).toMatchObject({ message: expect.stringContaining("another one under its name") as unknown });
  });

  test("B75 attached elsewhere while the old connection is there still: that one is stolen, and the link goes over", async () => {
    const stage = await scene();
    const one = await stage.dial();
    const opening = one.createSender("q", LASTING);
    const [receiver] = await acceptReceiver(stage);
    const old = await opening;
    const bodies: unknown[] = [];
    void (async () => {
      for await (const { message } of receiver) bodies.push(message.body);
    })().catch(() => undefined);
    const again = (await stage.dial()).createSender("q", LASTING);
    const [same] = await acceptReceiver(stage);
    expect(same).toBe(receiver);
    expect(await within(old.closed, "the old one")).toMatchObject({ condition: "amqp:link:stolen" });
    await (await again).send({ body: "on the new one" });
    expect(bodies).toEqual(["on the new one"]);
    expect(one.state).toEqual({ local: "active", remote: "active" });
    await one.close();
    await turns();
    expect(receiver.state).toEqual({ local: "active", remote: "active" });
  });
});

describe("B.1 how long they wait", () => {
  const source = (expiryPolicy: "link-detach" | "session-end" | "connection-close" | "never") => ({ address: "q", expiryPolicy, timeout: 10_000 });

  test.each([
    ["link-detach", "detach"], ["session-end", "end"], ["connection-close", "close"],
  ] as const)("%s: its time begins with the %s", async (policy, event) => {
    const stage = await scene();
    const one = await stage.dial();
    const session = await one.session();
    const opening = session.createReceiver(source(policy), NAMED);
    const [sender] = await acceptSender(stage);
    const receiver = await opening;
    await receiver.detach();
    if (event !== "detach") {
      await stage.clock.advance(20_000);
      expect(sender.state.local).toBe("uninit");
      await session.close();
    }
    if (event === "close") {
      await turns();
      await stage.clock.advance(20_000);
      expect(sender.state.local).toBe("uninit");
      await one.close();
    }
    await turns();
    await stage.clock.advance(9_000);
    expect(sender.state.local).toBe("uninit");
    await stage.clock.advance(1_500);
    expect(await within(sender.closed, "the end")).toMatchObject({ code: "link-detached" });
  });

  test.each([
    ["released", undefined], ["modified", { type: "modified", deliveryFailed: true }],
  ] as const)("what an expired one had under way gets the default-outcome of its source, here %s", async (type, defaultOutcome) => {
    const stage = await scene();
    const one = await stage.dial();
    const opening = one.createReceiver({ address: "q", defaultOutcome, timeout: 30_000 }, NAMED);
    const [sender] = await acceptSender(stage);
    const [known, waiting] = [sender.trySend({ body: 0 }), sender.send({ body: 1 })];
    waiting.catch(() => undefined);
    expect(known).toBeUndefined();
    const delivery = await (await opening).receive();
    await lose(one, sender.connection);
    const never = sender.send({ body: 2 });
    never.catch(() => undefined);
    await stage.clock.advance(30_000);
    expect(delivery.message.body).toBe(1);
    await expect(waiting).rejects.toMatchObject({ code: type });
    await expect(never).rejects.toMatchObject({ code: "not-sent" });
  });

  test("our attach tells what is granted: no more than limits.maxTerminusTimeout, and never only without one", async () => {
    const stage = await scene({ limits: { maxTerminusTimeout: 5_000 } });
    const one = await stage.dial();
    const asked = [[source("link-detach"), "link-detach", 5_000], [source("never"), "connection-close", 5_000], [{ address: "q", timeout: 3_000 }, "session-end", 3_000]] as const;
    for (const [n, [wish, expiryPolicy, timeout]] of asked.entries()) {
      const opening = one.createReceiver(wish, { name: String(n) });
      await acceptSender(stage);
      expect((await opening).remoteSource).toMatchObject({ expiryPolicy, timeout });
    }
    const free = await scene({ limits: { maxTerminusTimeout: Infinity } });
    const opening = (await free.dial()).createReceiver(source("never"), NAMED);
    await acceptSender(free);
    expect((await opening).remoteSource).toMatchObject({ expiryPolicy: "never", timeout: 10_000 });
  });

  test("limits.maxSuspendedTermini: beyond it nothing outlives its attachment, until one is over", async () => {
    const stage = await scene({ limits: { maxSuspendedTermini: 1 } });
    const one = await stage.dial();
    const grant = async (name: string): Promise<[Sender, number]> => {
      const opening = one.createSender("q", { ...LASTING, name });
      await acceptReceiver(stage);
      const sender = await opening;
      return [sender, sender.remoteTarget.timeout];
    };
    const [first, granted] = await grant("1");
    const [second, refused] = await grant("2");
    expect([granted, refused]).toEqual([60_000, 0]);
    expect(second.remoteTarget.expiryPolicy).toBe("session-end");
    await first.close();
    expect((await grant("3"))[1]).toBe(60_000);
  });

  test("the end of the listener ends those that wait, in order and at once", async () => {
    const stage = await scene();
    const one = await stage.dial();
    void quiet(one.createSender("q", LASTING));
    const [receiver] = await acceptReceiver(stage);
    const [loop] = [(async () => {
      for await (const delivery of receiver) void delivery;
    })()];
    await lose(one, receiver.connection);
    expect(stage.clock.pending).toBe(1);
    await stage.listener.close();
    await within(loop, "the loop");
    expect(await within(receiver.closed, "the end")).toBeUndefined();
    expect(stage.clock.pending).toBe(0);
  });

  test("a hundred cuts of one link leave nothing behind", async () => {
    const stage = await scene();
    let receiver: Receiver | undefined;
    for (let n = 0; n < 100; n++) {
      const connection = await stage.dial();
      void quiet(connection.createSender("q", LASTING));
      const [same] = await acceptReceiver(stage);
      receiver ??= same;
      expect(same).toBe(receiver);
      await lose(connection, receiver.connection);
    }
    expect(stage.clock.pending).toBe(1);
    expect(stage.server.connections.size).toBe(0);
  });
});

describe("B.1 handlers", () => {
  test("a MessagingHandler goes on with what comes back; on_link_opening sees which one it is", async () => {
    const opened: unknown[] = [];
    const bodies: unknown[] = [];
    const resumed: unknown[] = [];
    class Taking extends MessagingHandler {
      override on_link_opening({ request }: { request: LinkRequest }): void {
        resumed.push(request.resumes);
      }
      override on_link_opened({ link }: { link: unknown }): void {
        opened.push(link);
      }
      override on_message({ message }: { message: { body: unknown } }): void {
        bodies.push(message.body);
      }
    }
    const server = new Container({ handlers: [new Taking()], onError: () => undefined });
    afterwards(() => server.close({ timeout: 500 }));
    const listener = await server.listen("amqp://127.0.0.1:0");
    const client = new Container({ id: "peer", onError: () => undefined });
    afterwards(() => client.close({ timeout: 500 }));
    const connection = await client.connect(listener.url, { reconnect: { initialDelay: 1, maxDelay: 5 } });
    const sender = await connection.createSender("q", LASTING);
    await sender.send({ body: 1 });
    cut(connection);
    await sender.send({ body: 2 });
    await until(() => bodies.length === 2);
    expect(bodies).toEqual([1, 2]);
    expect(opened).toHaveLength(1);
    expect(resumed).toEqual([undefined, opened[0]]);
  });
});

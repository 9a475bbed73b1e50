/** Sources that outlive their links: durable subscriptions on topics, expiry policies, and who finds them again. */

import { describe, expect, test } from "@jest/globals";
import { types } from "../../src/container/public.ts";
import type { Connection, Receiver } from "../../src/container/public.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";
import type { Bench } from "../support/broker.ts";

const TOPIC = "topic://news";
const DURABLE = { name: "sub", durable: true } as const;

async function publish(connect: Bench["connect"], ...all: readonly unknown[]): Promise<void> {
  const connection = await connect();
  const sender = await connection.createSender(TOPIC);
  for (const body of all) await sender.send({ body, properties: { n: Number(body) } });
  await connection.close();
}

async function lost(connection: Connection, broker: Bench["broker"]): Promise<void> {
  broker.dropConnections();
  await connection.closed;
}

/** Whether nothing comes although there is credit. */
async function isEmpty(receiver: Receiver): Promise<boolean> {
  return (await receiver.drain(1)) === 0;
}

describe("X13 durable subscriptions", () => {
  test("FT25 detach keeps one and what comes for it; its name brings it back, also on another connection", () =>
    withBroker({}, async ({ broker, connect }) => {
      const first = await connect({ containerId: "c" });
      const receiver = await first.createReceiver(TOPIC, DURABLE);
      expect(receiver.remoteSource).toMatchObject({ address: TOPIC, durability: "unsettled-state", expiryPolicy: "never" });
      await publish(connect, 1);
      expect(await bodies(receiver, 1)).toEqual([1]);
      await receiver.detach();
      await publish(connect, 2, 3);
      const again = await first.createReceiver(TOPIC, DURABLE);
      expect(await bodies(again, 2)).toEqual([2, 3]);
      await again.detach();
      await first.close();
      await publish(connect, 4);
      expect(broker.depth(TOPIC)).toBe(1);
      const second = await connect({ containerId: "c" });
      expect(await bodies(await second.createReceiver(TOPIC, DURABLE), 1)).toEqual([4]);
    }));

  test("FT26 close ends it: what comes afterwards is for nobody", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect({ containerId: "c" });
      const receiver = await connection.createReceiver(TOPIC, DURABLE);
      await publish(connect, 1);
      await receiver.close();
      await until(() => broker.depth(TOPIC) === 0);
      await publish(connect, 2);
      const again = await connection.createReceiver(TOPIC, { ...DURABLE, prefetch: 0 });
      expect(await isEmpty(again)).toBe(true);
    }));

  test("FT1 a lost connection ends none, and gives back what was not settled, counted", () =>
    withBroker({}, async ({ broker, connect }) => {
      const first = await connect({ containerId: "c" });
      const receiver = await first.createReceiver(TOPIC, DURABLE);
      await publish(connect, 1, 2);
      await receiver.receive();
      await receiver.receive();
      await lost(first, broker);
      await publish(connect, 3);
      const again = await (await connect({ containerId: "c" })).createReceiver(TOPIC, DURABLE);
      const seen: unknown[] = [];
      for await (const { message } of again.take({ max: 3 })) seen.push([message.body, message.deliveryCount]);
      expect(seen).toEqual([[1, 1], [2, 1], [3, 0]]);
    }));

  test("B.1 it is the container's and the user's own: other containers, users and names have others", () =>
    withBroker({ users: { ann: "a", bob: "b" } }, async ({ broker, connect }) => {
      const ann = { user: "ann", password: "a", containerId: "c" };
      const connection = await connect(ann);
      await (await connection.createReceiver(TOPIC, DURABLE)).detach();
      await publish(() => connect({ user: "ann", password: "a" }), 1);
      const others = [{ ...ann, containerId: "d" }, { user: "bob", password: "b", containerId: "c" }];
      for (const options of others) expect(await isEmpty(await (await connect(options)).createReceiver(TOPIC, { ...DURABLE, prefetch: 0 }))).toBe(true);
      expect(await isEmpty(await connection.createReceiver(TOPIC, { ...DURABLE, name: "other", prefetch: 0 }))).toBe(true);
      expect(await bodies(await connection.createReceiver(TOPIC, DURABLE), 1)).toEqual([1]);
      await until(() => broker.depth(TOPIC) === 0);
    }));

  test("FT75 an attach under a name that is in use takes the subscription over", () =>
    withBroker({}, async ({ broker, connect }) => {
      const [one, two] = [await connect({ containerId: "c" }), await connect({ containerId: "c" })];
      const old = await one.createReceiver(TOPIC, DURABLE);
      await publish(connect, 1);
      await old.receive();
      const fresh = await two.createReceiver(TOPIC, DURABLE);
      expect(await old.closed).toMatchObject({ condition: "amqp:link:stolen" });
      await publish(connect, 2);
      expect(await bodies(fresh, 2)).toEqual([1, 2]);
      // also from another session of the same connection
      const third = await (await two.session()).createReceiver(TOPIC, DURABLE);
      expect(await fresh.closed).toMatchObject({ condition: "amqp:link:stolen" });
      await publish(connect, 3);
      expect(await bodies(third, 1)).toEqual([3]);
      await until(() => broker.depth(TOPIC) === 0);
    }));

  test("another selector or address under its name is another subscription; the same one goes on", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect({ containerId: "c" });
      const some = { ...DURABLE, selector: "n > 1" };
      await (await connection.createReceiver(TOPIC, some)).detach();
      await publish(connect, 1, 2);
      const again = await connection.createReceiver(TOPIC, some);
      expect(await bodies(again, 1)).toEqual([2]);
      await publish(connect, 1, 3);
      await again.detach();
      const changed = await connection.createReceiver(TOPIC, { ...DURABLE, selector: "n = 1", prefetch: 0 });
      expect(await isEmpty(changed)).toBe(true);
      await changed.detach();
      const other = await connection.createReceiver("topic://other", { ...DURABLE, prefetch: 0 });
      expect(await isEmpty(other)).toBe(true);
      await other.detach();
      expect(await isEmpty(await connection.createReceiver(TOPIC, { ...some, prefetch: 0 }))).toBe(true);
    }));

  test("a null source looks one up: to go on with it, or to close it", () =>
    withBroker({}, async ({ broker, connect }) => {
      const first = await connect({ containerId: "c" });
      await (await first.createReceiver({ address: TOPIC, capabilities: "topic" }, { ...DURABLE, selector: "n <> 2" })).detach();
      await publish(connect, 1, 2, 3);
      await first.close();
      const connection = await connect({ containerId: "c" });
      const found = await connection.createReceiver(null, { name: "sub" });
      expect(found.remoteSource).toMatchObject({ address: TOPIC, durability: "unsettled-state", expiryPolicy: "never", capabilities: ["topic"] });
      expect(found.remoteSource.filter).toEqual({ selector: types.described("apache.org:selector-filter:string", "n <> 2") });
      expect(await bodies(found, 2)).toEqual([1, 3]);
      await found.close();
      await until(() => broker.depth(TOPIC) === 0);
      await expect(connection.createReceiver(null, { name: "sub" })).rejects.toMatchObject({ condition: "amqp:not-found", description: expect.stringContaining('"sub"') });
    }));

  test("a queue's messages are its own, so that a durable consumer just finds them again", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect({ containerId: "c" });
      const receiver = await connection.createReceiver("q", DURABLE);
      await receiver.detach();
      broker.put("q", { body: 1 });
      expect(await bodies(await connection.createReceiver("q", DURABLE), 1)).toEqual([1]);
    }));

  test("one that falls too far behind while nobody is attached ends, and the next one begins anew", () =>
    withBroker({ queues: { [TOPIC]: { maxLength: 3 } } }, async ({ broker, connect }) => {
      const connection = await connect({ containerId: "c" });
      await (await connection.createReceiver(TOPIC, DURABLE)).detach();
      await publish(connect, 1, 2, 3);
      expect(broker.depth(TOPIC)).toBe(3);
      await publish(connect, 4);
      expect(broker.depth(TOPIC)).toBe(0);
      const again = await connection.createReceiver(TOPIC, { ...DURABLE, prefetch: 0 });
      expect(await isEmpty(again)).toBe(true);
    }));

  test("maxSubscriptions is a bound for those that are kept, and for no others", () =>
    withBroker({ maxSubscriptions: 2 }, async ({ connect }) => {
      const connection = await connect({ containerId: "c" });
      const one = await connection.createReceiver(TOPIC, { name: "1", durable: true });
      await (await connection.createReceiver(TOPIC, { name: "2", durable: true })).detach();
      await expect(connection.createReceiver(TOPIC, { name: "3", durable: true })).rejects.toMatchObject({ condition: "amqp:resource-limit-exceeded", description: expect.stringContaining("maxSubscriptions") });
      await connection.createReceiver(TOPIC, { name: "4" });
      await connection.createReceiver(TOPIC, { name: "2", durable: true });
      await one.close();
      await connection.createReceiver(TOPIC, { name: "3", durable: true });
    }));
});

describe("X13 expiry of sources", () => {
  /** Attaches, detaches, publishes one message, and answers what is there later. */
  const kept = async (connection: Connection, receiver: Receiver, source: object): Promise<boolean> => {
    const again = await connection.createReceiver({ address: TOPIC, ...source }, { name: receiver.name, prefetch: 0 });
    return !(await isEmpty(again));
  };

  test("never: no time ends it", () =>
    onClock(async ({ connect, clock }) => {
      const source = { expiryPolicy: "never", timeout: 10_000 } as const;
      const first = await connect({ containerId: "c" });
      const receiver = await first.createReceiver({ address: TOPIC, ...source });
      await receiver.detach();
      await first.close();
      await publish(connect, 1);
      await clock.advance(1_000_000);
      expect(await kept(await connect({ containerId: "c" }), receiver, source)).toBe(true);
    }));

  test("link-detach: the time runs from the detach on", () =>
    onClock(async ({ connect, clock }) => {
      const source = { expiryPolicy: "link-detach", timeout: 10_000 } as const;
      const first = await connect({ containerId: "c" });
      const session = await first.session();
      const receivers = [await session.createReceiver({ address: TOPIC, ...source }), await session.createReceiver({ address: TOPIC, ...source })] as const;
      for (const receiver of receivers) await receiver.detach();
      await publish(connect, 1);
      await clock.advance(9_000);
      expect(await kept(first, receivers[0], source)).toBe(true);
      await clock.advance(1_500);
      expect(await kept(first, receivers[1], source)).toBe(false);
      // the one that was taken up again is not ended by its former time
      await clock.advance(9_000);
      const last = await (await connect({ containerId: "c" })).createReceiver({ address: TOPIC, ...source }, { name: receivers[0].name });
      expect(await bodies(last, 1)).toEqual([1]);
    }));

  test("session-end, the default: a detached one lives in its session and no longer", () =>
    onClock(async ({ connect }) => {
      const connection = await connect({ containerId: "c" });
      const session = await connection.session();
      const receiver = await session.createReceiver(TOPIC, { name: "sub" });
      await receiver.detach();
      await publish(connect, 1);
      const again = await session.createReceiver(TOPIC, { name: "sub" });
      expect(await bodies(again, 1)).toEqual([1]);
      await again.detach();
      await publish(connect, 2);
      await session.close();
      await turns();
      expect(await kept(connection, receiver, {})).toBe(false);
    }));

  test("connection-close: it outlives sessions, and its connection for its time", () =>
    onClock(async ({ connect, clock }) => {
      const source = { expiryPolicy: "connection-close", timeout: 5_000 } as const;
      const first = await connect({ containerId: "c" });
      const receiver = await first.createReceiver({ address: TOPIC, ...source });
      await receiver.detach();
      await publish(connect, 1);
      await clock.advance(20_000);
      expect(await kept(first, receiver, source)).toBe(true);
      await first.close();
      await turns();
      await clock.advance(4_000);
      const second = await connect({ containerId: "c" });
      expect(await kept(second, receiver, source)).toBe(true);
      await second.close();
      await turns();
      await clock.advance(6_000);
      expect(await kept(await connect({ containerId: "c" }), receiver, source)).toBe(false);
    }));

  test("a broker that is closed leaves no timer", async () => {
    const clock = new ManualClock();
    await withBroker({ clock }, async ({ connect }) => {
      const connection = await connect({ containerId: "c" });
      await (await connection.createReceiver({ address: TOPIC, expiryPolicy: "link-detach", timeout: 60_000 })).detach();
      await connection.close();
      await turns();
      expect(clock.pending).toBeGreaterThan(0);
    });
    expect(clock.pending).toBe(0);
  });
});

describe("X13 browsing", () => {
  const COPY = { distributionMode: "copy" } as const;

  test("shows each message once, in order, and takes none", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 5; n++) broker.put("q", { body: n });
      const browser = await connection.createReceiver("q", COPY);
      expect(browser.remoteSource.distributionMode).toBe("copy");
      expect(await bodies(browser, 5)).toEqual([0, 1, 2, 3, 4]);
      const later = bodies(browser, 1);
      broker.put("q", { body: 5 });
      expect(await later).toEqual([5]);
      await turns();
      expect([browser.queued, broker.depth("q")]).toEqual([0, 6]);
      expect(await bodies(await connection.createReceiver("q"), 6)).toEqual([0, 1, 2, 3, 4, 5]);
      await until(() => broker.depth("q") === 0);
    }));

  test("whatever the browser answers, the message stays as it was", () =>
    withBroker({ queues: { q: { deadLetter: "dead", maxDeliveries: 1 } } }, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 4; n++) broker.put("q", { body: n });
      const browser = await connection.createReceiver("q", COPY);
      await (await browser.receive()).reject("no");
      await (await browser.receive()).modify({ deliveryFailed: true, undeliverableHere: true, annotations: { "x-opt-a": 1 } });
      await (await browser.receive()).release();
      await browser.close();
      await turns();
      expect([broker.depth("q"), broker.depth("dead")]).toEqual([4, 0]);
      const seen: unknown[] = [];
      const receiver = await connection.createReceiver("q");
      for await (const { message } of receiver.take({ max: 4 })) seen.push([message.body, message.deliveryCount, Object.keys(message.annotations)]);
      expect(seen).toEqual([[0, 0, []], [1, 0, []], [2, 0, []], [3, 0, []]]);
    }));

  test("sees those that are out for delivery, meets its selector, and ends at a drain", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (let n = 0; n < 6; n++) broker.put("q", { body: n, properties: { n } });
      const taker = await connection.createReceiver("q", { prefetch: 3 });
      await taker.receive();
      await until(() => taker.queued === 2);
      const browser = await connection.createReceiver("q", { ...COPY, filter: { s: types.described("apache.org:selector-filter:string", "n <> 4") } });
      const seen: unknown[] = [];
      for await (const { message } of browser.take({ drain: true })) seen.push(message.body);
      expect(seen).toEqual([0, 1, 2, 3, 5]);
    }));

  test("holds nobody up and is held up by nobody", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const stuck = await connection.createReceiver("q", { ...COPY, prefetch: 0 });
      for (let n = 0; n < 200; n++) broker.put("q", { body: n });
      expect(await bodies(await connection.createReceiver("q"), 150)).toEqual(Array.from({ length: 150 }, (_, n) => n));
      await until(() => broker.depth("q") === 50);
      stuck.flow(100);
      await until(() => stuck.queued === 50);
      expect(stuck.tryReceive()?.message.body).toBe(150);
    }));
});

async function onClock(run: (bench: Bench & { readonly clock: ManualClock }) => Promise<void>): Promise<void> {
  const clock = new ManualClock();
  await withBroker({ clock }, (bench) => run({ ...bench, clock }));
}

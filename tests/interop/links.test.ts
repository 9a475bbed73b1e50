/** Links at real brokers: subscriptions that survive their link, browsing, filters by name, nodes made by the broker, names used again. */
import { describe, expect, test } from "@jest/globals";
import {
  connect, Copy, DurableSubscription, DynamicNodeProperties, Filter, LinkError, Selector, types,
} from "../../src/index.ts";
import type { Connection, Receiver, Sender } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { empty } from "./support/ours.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

const TOPICS = { activemq: (name: string) => `topic://${name}`, artemis: (name: string) => name } as const;

describe.each(["activemq"] as const)("durable subscriptions at %s", (name) => {
  test("P02 P11 what comes while it is detached is there for a receiver of the same container id and name; close() ends it", async () => {
    const container = fresh("subscriber");
    const topic = TOPICS[name](fresh("news"));
    await using publishing = await connect(broker(name).url, { containerId: fresh("publisher") });
    const publisher = await publishing.createSender(topic);
    const subscribe = (connection: Connection): Promise<Receiver<string>> => connection.createReceiver<string>(topic, { name: "mine", options: [DurableSubscription()] });

    const first = await connect(broker(name).url, { containerId: container });
    const before = await subscribe(first);
    await publisher.send({ body: "one", durable: true });
    expect(await bodies(before, 1)).toEqual(["one"]);
    await before.detach();
    await publisher.send({ body: "two", durable: true });
    // on the same connection
    const same = await subscribe(first);
    expect(await bodies(same, 1)).toEqual(["two"]);
    await same[Symbol.asyncDispose]();
    await publisher.send({ body: "three", durable: true });
    await first.close();
    await publisher.send({ body: "four", durable: true });

    // on another one
    await using second = await connect(broker(name).url, { containerId: container });
    const after = await subscribe(second);
    expect(await bodies(after, 2)).toEqual(["three", "four"]);
    await after.close();
    await publisher.send({ body: "five", durable: true });
    const anew = await subscribe(second);
    await publisher.send({ body: "six", durable: true });
    expect(await bodies(anew, 1)).toEqual(["six"]);
    await anew.close();
  });

  test("P02 a null source finds the subscription by its name, to go on with it or to end it", async () => {
    const topic = TOPICS[name](fresh("news"));
    await using connection = await connect(broker(name).url, { containerId: fresh("subscriber") });
    const subscription = await connection.createReceiver<string>(topic, { name: "found", durable: true });
    await subscription.detach();
    await (await connection.createSender(topic)).send({ body: "kept", durable: true });
    const found = await connection.createReceiver<string>(null, { name: "found" });
    expect(found.remoteSource).toMatchObject({ durability: expect.stringMatching(/configuration|unsettled-state/), expiryPolicy: "never" });
    expect(found.remoteSource.address).toContain(topic.replace("topic://", ""));
    expect(await bodies(found, 1)).toEqual(["kept"]);
    await found.close();
    const gone = await connection.createReceiver(null, { name: "found" }).catch((error: unknown) => error);
    expect(gone).toBeInstanceOf(LinkError);
    expect(gone).toMatchObject({ code: "link-refused", origin: "remote" });
  });
});

describe.each(["activemq", "artemis"] as const)("browsing at %s", (name) => {
  test("P02 Copy leaves the messages where they are", async () => {
    const { connection, address } = await open(name, 0);
    await using _ = connection;
    const ids = Array.from({ length: 5 }, (__, i) => `m-${i}`);
    await sendIds(await connection.createSender(address), ids);
    const browser = await connection.createReceiver(address, { options: [Copy()] });
    expect(browser.remoteSource.distributionMode).toBe("copy");
    expect(await receiveIds(browser, 5)).toEqual(ids);
    await browser.close();
    expect(await receiveIds(await connection.createReceiver(address), 5)).toEqual(ids);
  });

  test("P02 Selector under a name of its own", async () => {
    const { connection, address } = await open(name, 0);
    await using _ = connection;
    // ActiveMQ looks for the selector by its descriptor, whatever the filter is called
    const receiver = await connection.createReceiver(address, { options: [Selector("colour = 'red'", "only-red")], filterRequired: name !== "activemq" });
    const sender = await connection.createSender(address);
    await Promise.all(["blue", "red", "green", "red"].map((colour, i) => sender.send({ id: `m-${i}`, body: colour, properties: { colour } })));
    expect(await receiveIds(receiver, 2)).toEqual(["m-1", "m-3"]);
  });
});

describe("nodes that ActiveMQ makes", () => {
  test("J11 S15 a dynamic target has an address, to which others send and receive as well", async () => {
    const { connection } = await open("activemq", 0);
    await using _ = connection;
    const sender = await connection.createSender({ dynamic: true }, { options: [DynamicNodeProperties({ "lifetime-policy": types.described("amqp:delete-on-close:list", []) })] });
    expect(sender.remoteTarget.dynamic).toBe(true);
    const address = sender.remoteTarget.address as string;
    expect(address).toMatch(/./);
    const receiver = await connection.createReceiver(address);
    await sender.send({ id: "one", body: "x" });
    expect(await receiveIds(receiver, 1)).toEqual(["one"]);
  });
});

describe("the anonymous relay", () => {
  test("J11 RabbitMQ 3, which has none, refuses it, and the error says what to do", async () => {
    const { connection } = await open("rabbitmq3", 30);
    await using _ = connection;
    const refused = await connection.createSender(null).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LinkError);
    expect(refused).toMatchObject({ message: expect.stringContaining("the peer does not offer ANONYMOUS-RELAY: create a sender for each address instead") });
  });

  test("J11 RabbitMQ 4 and ActiveMQ offer it", async () => {
    for (const name of ["rabbitmq4", "activemq"] as const) {
      const { connection } = await open(name, 30);
      await using _ = connection;
      expect(connection.remoteOfferedCapabilities).toContain("ANONYMOUS-RELAY");
      expect((await connection.createSender(null)).state).toEqual({ local: "active", remote: "active" });
    }
  });
});

describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis"] as const)("names at %s", (name) => {
  test("P11 a receiver that was detached is attached again under its name, in its session and in one of its own", async () => {
    const { connection, address } = await open(name, 31);
    await using _ = connection;
    const session = await connection.session();
    const sender = await connection.createSender(address);
    for (const place of [session, connection]) {
      for (const id of ["first", "second"]) {
        const receiver = await place.createReceiver(address, { name: "again" });
        await sendIds(sender, [id]);
        expect(await receiveIds(receiver, 1)).toEqual([id]);
        await receiver.detach();
        expect(receiver.state).toEqual({ local: "closed", remote: "closed" });
      }
    }
  });

  test("P11 several sessions, links of both roles in each, at work at once", async () => {
    const { connection, address } = await open(name, 32);
    await using _ = connection;
    const sessions = await Promise.all([1, 2, 3].map(() => connection.session({ incomingWindow: 5 })));
    const ids = Array.from({ length: 90 }, (__, i) => `m-${i}`);
    const receivers = await Promise.all(sessions.map((session) => session.createReceiver(address, { prefetch: 10 })));
    const senders = await Promise.all(sessions.map((session) => session.createSender(address)));
    await Promise.all(senders.map((sender, n) => sendIds(sender, ids.filter((__, i) => i % 3 === n))));
    const seen: unknown[] = [];
    await Promise.all(receivers.map(async (receiver) => {
      for await (const { message } of receiver.take({ idle: 500 })) seen.push(message.id);
    }));
    expect(seen.toSorted()).toEqual(ids.toSorted());
    for (const session of sessions) await session.close();
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });
});

describe("max-message-size at RabbitMQ 4", () => {
  test("P11 what is larger than the broker takes is told at the call, and the link goes on", async () => {
    const { connection, address } = await open("rabbitmq4", 33);
    await using _ = connection;
    const sender = await connection.createSender(address);
    expect(() => sender.send({ body: new Uint8Array(17 * 1024 * 1024) })).toThrow(expect.objectContaining({ code: "message-too-large" }));
    await sendIds(sender, ["fits"]);
    expect(await receiveIds(await connection.createReceiver(address), 1)).toEqual(["fits"]);
  });
});

describe("streams of RabbitMQ 4", () => {
  test("P02 Filter: a stream is read from where its offset says", async () => {
    const { connection } = await open("rabbitmq4", 34);
    await using _ = connection;
    const stream = fresh("stream");
    await manage(connection, "PUT", `/queues/${stream}`, { durable: true, arguments: { "x-queue-type": "stream" } });
    const address = `/queues/${stream}`;
    const ids = Array.from({ length: 10 }, (__, i) => `m-${i}`);
    const sender = await connection.createSender(address);
    for (const id of ids) await sendIds(sender, [id]);
    const from = (offset: unknown): Promise<Receiver> => connection.createReceiver(address, { options: [Filter({ "rabbitmq:stream-offset-spec": offset })] });
    const first = await from("first");
    expect(Object.keys(first.remoteSource.filter)).toEqual(["rabbitmq:stream-offset-spec"]);
    expect(await receiveIds(first, 10)).toEqual(ids);
    expect(await receiveIds(await from(types.ulong(6)), 4)).toEqual(ids.slice(6));
    await manage(connection, "DELETE", `/queues/${stream}`, null);
  });
});

/** RabbitMQ 4's management over AMQP. */
async function manage(connection: Connection, method: string, to: string, body: unknown): Promise<void> {
  const requester = await connection.createRequester("/management", { paired: true });
  const reply = await requester.request({ to, subject: method, body }, { timeout: 10_000 });
  if (!String(reply.subject).startsWith("2")) throw new Error(`${method} ${to}: ${String(reply.subject)} ${reply.text()}`);
  await requester.close();
}

async function open(name: BrokerName, queue: number): Promise<{ connection: Connection; address: string }> {
  const connection = await connect(broker(name).url, { containerId: fresh("links"), reconnect: false });
  const address = queueOn(name, queue);
  if (name === "rabbitmq4") await empty(connection, address);
  return { connection, address };
}

async function sendIds(sender: Sender, ids: readonly string[]): Promise<void> {
  await Promise.all(ids.map((id) => sender.send({ id, body: "x", durable: true })));
}

async function receiveIds(receiver: Receiver, count: number): Promise<unknown[]> {
  const ids: unknown[] = [];
  for await (const { message } of receiver.take({ max: count, idle: 30_000 })) ids.push(message.id);
  return ids;
}

async function bodies(receiver: Receiver<string>, count: number): Promise<string[]> {
  const found: string[] = [];
  for await (const { message } of receiver.take({ max: count, idle: 30_000 })) found.push(message.body);
  return found;
}

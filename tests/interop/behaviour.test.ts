/** What real brokers do beside carrying messages: refusals, redelivery, credit, wrapping ids, drain, dynamic nodes, selectors. */
import { describe, expect, test } from "@jest/globals";
import { connect, LinkError, SaslError } from "../../src/index.ts";
import type { ConnectionError, Connection, IncomingDelivery, Receiver, Sender } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { empty } from "./support/ours.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis"] as const)("credentials at %s", (name) => {
  test("a wrong password: SaslError auth-failed, without the password in it", async () => {
    const refused = await connect(broker(name).url.replace(":guest@", ":not-this@"), { reconnect: false }).catch((error: unknown) => error);
    expect((refused as ConnectionError).errors).toEqual([expect.any(SaslError)]);
    expect(refused).toMatchObject({ code: "auth-failed", origin: "remote", retryable: false });
    expect(String((refused as Error).stack)).not.toContain("not-this");
  });

  test("no credentials: ANONYMOUS", async () => {
    const url = new URL(broker(name).url);
    await using connection = await connect(`amqp://${url.host}`, { reconnect: false });
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });
});

// RabbitMQ ends the whole session for one link that it refuses.
describe.each([
  { name: "rabbitmq4", missing: "/queues/no-such-queue" },
  { name: "rabbitmq3", missing: "/exchange/no-such-exchange" },
] as const)("an unknown node at $name", ({ name, missing }) => {
  test("rejects its own promise and disturbs nothing else", async () => {
    const { connection, address } = await open(name, 20);
    await using _ = connection;
    const [sender, receiver] = await Promise.all([connection.createSender(address), connection.createReceiver(address)]);
    const ids = Array.from({ length: 200 }, (__, i) => `m-${i}`);
    const work = Promise.all([sendIds(sender, ids), receiveIds(receiver, ids.length)]);
    const refusals = await Promise.all([connection.createSender(missing), connection.createReceiver(missing)].map((one) => one.catch((error: unknown) => error)));
    for (const refused of refusals) {
      expect(refused).toBeInstanceOf(LinkError);
      expect(refused).toMatchObject({ origin: "remote", condition: "amqp:not-found" });
    }
    expect((await work)[1]).toEqual(ids);
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });
});

describe.each(["activemq", "artemis"] as const)("selectors at %s", (name) => {
  test("a receiver gets what its selector matches", async () => {
    const { connection, address } = await open(name, 0);
    await using _ = connection;
    const receiver = await connection.createReceiver(address, { selector: "colour = 'red'" });
    const sender = await connection.createSender(address);
    await Promise.all(["blue", "red", "green", "red"].map((colour, i) => sender.send({ id: `m-${i}`, body: colour, properties: { colour } })));
    expect(await receiveIds(receiver, 2)).toEqual(["m-1", "m-3"]);
  });

  test("a selector that is no expression is refused with amqp:invalid-field", async () => {
    const { connection, address } = await open(name, 0);
    await using _ = connection;
    const refused = await connection.createReceiver(address, { selector: "this is (" }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(LinkError);
    expect(refused).toMatchObject({ origin: "remote", condition: "amqp:invalid-field" });
  });
});

interface Fate {
  readonly name: BrokerName;
  /** Whether the message comes again, and with which delivery-count. */
  readonly released: number | "dropped";
  readonly releasedDelivered: number | "dropped";
  readonly modified: number | "dropped";
  readonly rejected: number | "dropped";
}

// RabbitMQ 3 does not offer modified, so released is sent in its place. RabbitMQ 4 counts on quorum queues only.
const fates: readonly Fate[] = [
  { name: "rabbitmq3", released: 0, releasedDelivered: 0, modified: 0, rejected: "dropped" },
  { name: "rabbitmq4", released: 0, releasedDelivered: 0, modified: 0, rejected: "dropped" },
  { name: "activemq", released: 0, releasedDelivered: 1, modified: 1, rejected: "dropped" },
  { name: "artemis", released: 0, releasedDelivered: 1, modified: 1, rejected: "dropped" },
  { name: "proton", released: "dropped", releasedDelivered: "dropped", modified: "dropped", rejected: "dropped" },
];

describe.each(fates)("what becomes of an unaccepted message at $name", (fate) => {
  const outcomes: readonly (readonly [keyof Omit<Fate, "name">, (delivery: IncomingDelivery) => Promise<void>])[] = [
    ["released", (delivery) => delivery.release()],
    ["releasedDelivered", (delivery) => delivery.release({ delivered: true })],
    ["modified", (delivery) => delivery.modify({ deliveryFailed: true })],
    ["rejected", (delivery) => delivery.reject({ condition: "test:unwanted", description: "not this one" })],
  ];

  test.each(outcomes)("%s", async (outcome, settle) => {
    const { connection, address } = await open(fate.name, 21);
    await using _ = connection;
    const sender = await connection.createSender(address);
    const receiver = await connection.createReceiver(address, { prefetch: 5 });
    await sender.send({ id: "target", body: "x", durable: true });
    const delivery = await receiver.receive({ timeout: 10_000 });
    await settle(delivery);
    expect(delivery.settled).toBe(true);
    await sender.send({ id: "sentinel", body: "y", durable: true });
    const counts = new Map<unknown, number>();
    const expected = fate[outcome];
    for await (const { message } of receiver.take(expected === "dropped" ? { idle: 700 } : { max: 2, idle: 10_000 })) counts.set(message.id, message.deliveryCount);
    expect([...counts.keys()].toSorted()).toEqual(expected === "dropped" ? ["sentinel"] : ["sentinel", "target"]);
    if (expected !== "dropped") expect(counts.get("target")).toBe(expected);
  });
});

describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis"] as const)("leaving a loop at %s", (name) => {
  test("gives back what is in hand and what was prefetched: a second receiver gets the rest", async () => {
    const { connection, address } = await open(name, 22);
    await using _ = connection;
    const ids = Array.from({ length: 300 }, (__, i) => `m-${i}`);
    await sendIds(await connection.createSender(address), ids);
    const first = await connection.createReceiver(address, { prefetch: 50 });
    const taken: unknown[] = [];
    for await (const delivery of first) {
      taken.push(delivery.message.id);
      expect(first.unsettled.size).toBeLessThanOrEqual(50);
      if (taken.length === 11) break;
    }
    await first.close();
    expect(taken).toEqual(ids.slice(0, 11));
    const second = await connection.createReceiver(address);
    const rest = await receiveIds(second, 290);
    expect(rest.toSorted()).toEqual(ids.slice(10).toSorted());
  });
});

describe("RabbitMQ 4's ids, which begin just before the wrap", () => {
  test("transfers, credit and dispositions pass it, both ways, message by message", async () => {
    const { connection, address } = await open("rabbitmq4", 23);
    await using _ = connection;
    const sender = await connection.createSender(address);
    const receiver = await connection.createReceiver(address, { prefetch: 1 });
    for (let i = 0; i < 30; i++) {
      await sender.send({ id: `m-${i}`, body: "x" });
      const delivery = await receiver.receive({ timeout: 10_000 });
      expect(delivery.message.id).toBe(`m-${i}`);
      await delivery.accept();
    }
  });

  test("a prefetch that spans it", async () => {
    const { connection, address } = await open("rabbitmq4", 24);
    await using _ = connection;
    const ids = Array.from({ length: 100 }, (__, i) => `m-${i}`);
    await sendIds(await connection.createSender(address), ids);
    expect(await receiveIds(await connection.createReceiver(address, { prefetch: 3 }), ids.length)).toEqual(ids);
  });

  test("one message of many frames over it", async () => {
    const { connection, address } = await open("rabbitmq4", 25);
    await using _ = connection;
    const body = new Uint8Array(3_000_000).fill(7);
    await (await connection.createSender(address)).send({ id: "large", body });
    const receiver = await connection.createReceiver(address);
    const delivery = await receiver.receive({ timeout: 10_000 });
    expect(Buffer.compare(delivery.message.bytes(), body)).toBe(0);
    await delivery.accept();
  });
});

// RabbitMQ 3 answers a drain before it has looked into its queue.
describe.each(["rabbitmq4", "activemq", "artemis"] as const)("drain at %s", (name) => {
  test("take({ drain: true }) ends at the queue's end", async () => {
    const { connection, address } = await open(name, 26);
    await using _ = connection;
    const ids = Array.from({ length: 25 }, (__, i) => `m-${i}`);
    await sendIds(await connection.createSender(address), ids);
    const receiver = await connection.createReceiver(address);
    const taken: unknown[] = [];
    for await (const { message } of receiver.take({ drain: true })) taken.push(message.id);
    expect(taken).toEqual(ids);
  });
});

describe.each(["activemq", "artemis", "proton"] as const)("nodes at %s", (name) => {
  test("a dynamic node has an address of the broker's, and carries messages", async () => {
    const { connection } = await open(name, 0);
    await using _ = connection;
    const receiver = await connection.createReceiver(undefined, { dynamic: true });
    const address = receiver.remoteSource.address as string;
    expect(address).toMatch(/./);
    await sendIds(await connection.createSender(address), ["one", "two"]);
    expect(await receiveIds(receiver, 2)).toEqual(["one", "two"]);
  });
});

describe.each(["rabbitmq4", "activemq", "artemis", "proton"] as const)("the anonymous relay of %s", (name) => {
  test("each message goes to its own address", async () => {
    const { connection, address } = await open(name, 27);
    await using _ = connection;
    const relay = await connection.createSender(null);
    const receiver = await connection.createReceiver(address);
    await relay.send({ to: address, id: "one", body: "x" });
    expect(await receiveIds(receiver, 1)).toEqual(["one"]);
  });
});

describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton"] as const)("settle modes at %s", (name) => {
  test("at-most-once both ways", async () => {
    const { connection, address } = await open(name, 28);
    await using _ = connection;
    const ids = Array.from({ length: 50 }, (__, i) => `m-${i}`);
    const sender = await connection.createSender(address, { guarantee: "at-most-once" });
    const receiver = await connection.createReceiver(address, { guarantee: "at-most-once" });
    expect(receiver.guarantee).toBe("at-most-once");
    await sendIds(sender, ids);
    expect(sender.unsettled.size).toBe(0);
    expect(await receiveIds(receiver, ids.length)).toEqual(ids);
  });

  test("10,000 unsettled sends: each is accepted once", async () => {
    const { connection, address } = await open(name, 29);
    await using _ = connection;
    const ids = Array.from({ length: 10_000 }, (__, i) => `m-${i}`);
    const receiver = await connection.createReceiver(address);
    const taking = receiveIds(receiver, ids.length);
    const sender = await connection.createSender(address);
    const deliveries = await Promise.all(ids.map((id) => sender.send({ id, body: "x" })));
    expect(deliveries.filter((one) => one.outcome?.type === "accepted" && one.settled)).toHaveLength(ids.length);
    expect(await taking).toEqual(ids);
  });
});

async function open(name: BrokerName, queue: number): Promise<{ connection: Connection; address: string }> {
  const connection = await connect(broker(name).url, { containerId: fresh("behaviour"), reconnect: false });
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

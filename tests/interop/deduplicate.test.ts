/** X05: at real brokers, a message whose outcome is lost with the connection: sent again, or delivered again, its effect happens once. */
import { describe, expect, test } from "@jest/globals";
import { connect } from "../../src/index.ts";
import { FaultProxy } from "../../src/testing.ts";
import type { Connection, Receiver } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { empty } from "./support/ours.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

/** How often each message of a run is in the queue, and how often it is shown by a receiver that knows copies. */
interface Outcome {
  /** After a send that lost its outcome, and was sent again. */
  readonly resent: number;
  /** The same with `duplicateDetection`. */
  readonly detected: number;
}

// Artemis alone has duplicate detection for AMQP 1.0.
const brokers: readonly (Outcome & { readonly name: BrokerName })[] = [
  { name: "rabbitmq3", resent: 2, detected: 2 },
  { name: "rabbitmq4", resent: 2, detected: 2 },
  { name: "activemq", resent: 2, detected: 2 },
  { name: "artemis", resent: 2, detected: 1 },
  { name: "proton", resent: 2, detected: 2 },
];

describe.each(brokers)("a send that loses its outcome at $name", ({ name, resent, detected }) => {
  test.each([
    { duplicateDetection: false, copies: resent },
    { duplicateDetection: true, copies: detected },
  ])("duplicateDetection: $duplicateDetection: is in the queue $copies times, and accepted", async ({ duplicateDetection, copies }) => {
    const { url } = broker(name);
    await using way = await FaultProxy.start(url);
    const address = await emptied(name, 30);
    await using direct = await connect(url, { reconnect: false });
    const receiver = await direct.createReceiver<string>(address);
    const bodies = arrivals(receiver);
    await using connection = await connect(way.url, { timeout: 20_000, reconnect: { initialDelay: 10, maxDelay: 100 } });
    const sender = await connection.createSender<string>(address, { duplicateDetection });
    const id = fresh("once");
    way.pause("down");
    const sending = sender.send({ id, body: "once", durable: true });
    // The broker has it when the other connection gets it.
    expect((await bodies.next()).value).toBe("once");
    way.cut();
    way.resume();
    const delivery = await sending;
    expect([delivery.outcome?.type, delivery.attempts]).toEqual(["accepted", 1]);
    await sender.send({ id: fresh("end"), body: "end", durable: true });
    const rest: string[] = [];
    for await (const body of bodies) {
      rest.push(body);
      if (body === "end") break;
    }
    expect(rest).toEqual([...Array.from({ length: copies - 1 }, () => "once"), "end"]);
  });

  test("deduplicate on the receiver shows it once", async () => {
    const { url } = broker(name);
    await using way = await FaultProxy.start(url);
    const address = await emptied(name, 31);
    await using direct = await connect(url, { reconnect: false });
    const receiver = await direct.createReceiver<string>(address, { deduplicate: { window: 100 } });
    const bodies = arrivals(receiver);
    await using connection = await connect(way.url, { timeout: 20_000, reconnect: { initialDelay: 10, maxDelay: 100 } });
    const sender = await connection.createSender<string>(address);
    way.pause("down");
    const sending = sender.send({ id: fresh("once"), body: "once", durable: true });
    expect((await bodies.next()).value).toBe("once");
    way.cut();
    way.resume();
    await sending;
    await sender.send({ id: fresh("end"), body: "end", durable: true });
    expect((await bodies.next()).value).toBe("end");
    await bodies.return(undefined);
  });
});

// Proton's example broker forgets what a lost connection had in hand.
describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis"] as const)("S16 an accept that is lost with the connection at %s", (name) => {
  test("the message comes again, and deduplicate accepts it unseen", async () => {
    const { url } = broker(name);
    await using way = await FaultProxy.start(url);
    const address = await emptied(name, 32);
    await using direct = await connect(url, { reconnect: false });
    const sender = await direct.createSender<string>(address);
    await sender.send({ id: fresh("once"), body: "once", durable: true });
    await using connection = await connect(way.url, { timeout: 20_000, reconnect: { initialDelay: 10, maxDelay: 100 } });
    const receiver = await connection.createReceiver<string>(address, { deduplicate: { window: 100 }, prefetch: 10 });
    const delivery = await receiver.receive({ timeout: 20_000 });
    expect(delivery.message.body).toBe("once");
    const recovered = (async () => {
      for await (const { type } of connection.status()) if (type === "recovered") return;
    })();
    way.cut();
    way.resume();
    await recovered;
    // Its connection is gone, so this tells the broker nothing: the copy that comes does.
    await delivery.accept();
    await sender.send({ id: fresh("end"), body: "end", durable: true });
    const next = await receiver.receive({ timeout: 20_000 });
    expect(next.message.body).toBe("end");
    await next.accept();
    await receiver.close();
    // Nothing is left: both were accepted.
    const left = await direct.createReceiver(address);
    expect(await left.receiveBatch(10, { within: 300 })).toEqual([]);
  });
});

test("a RabbitMQ 4 stream has no way to tell copies that an AMQP 1.0 sender could use: both are in it", async () => {
  await using connection = await connect(broker("rabbitmq4").url, { reconnect: false });
  await using management = await connection.createRequester("/management", { paired: true });
  const address = `/queues/${fresh("dedup")}`;
  const declared = await management.request({ subject: "PUT", to: address, body: { durable: true, arguments: { "x-queue-type": "stream" } } });
  expect(declared.subject).toBe("201");
  const sender = await connection.createSender<string>(address, { duplicateDetection: true });
  const id = fresh("same");
  for (const body of ["one", "two"]) await sender.send({ id, body, annotations: { "x-publishing-id": 1 } });
  await sender.send({ id: fresh("end"), body: "end" });
  const receiver = await connection.createReceiver<string>({ address, filter: { "rabbitmq:stream-offset-spec": "first" } }, { filterRequired: false });
  const bodies = arrivals(receiver);
  const seen = [];
  for (let n = 0; n < 3; n++) seen.push((await bodies.next()).value);
  expect(seen).toEqual(["one", "two", "end"]);
  await management.request({ subject: "DELETE", to: address, body: null });
});

/** The bodies of what comes, each accepted. */
async function* arrivals(receiver: Receiver<string>): AsyncGenerator<string> {
  for (;;) {
    const delivery = await receiver.receive({ timeout: 20_000 });
    await delivery.accept();
    yield delivery.message.body;
  }
}

async function emptied(name: BrokerName, number: number): Promise<string> {
  const address = queueOn(name, number);
  await using connection: Connection = await connect(broker(name).url, { reconnect: false });
  await empty(connection, address);
  return address;
}

/** Us to a broker and back to us: every type, every size, each message once and in order. */
import { describe, expect, test } from "@jest/globals";
import { connect } from "../../src/index.ts";
import type { Connection } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { Broker, BrokerName } from "./support/brokers.ts";
import { expectArrived } from "./support/compare.ts";
import type { Party } from "./support/exclusions.ts";
import { sizedMessages, typedMessages } from "./support/messages.ts";
import type { Description } from "./support/messages.ts";
import { empty, receiveEach, sendEach } from "./support/ours.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

interface Way {
  readonly party: Party;
  readonly broker: BrokerName;
  readonly url: (broker: Broker) => string;
}

const ways: readonly Way[] = [
  { party: "rabbitmq3", broker: "rabbitmq3", url: (one) => one.url },
  { party: "rabbitmq4", broker: "rabbitmq4", url: (one) => one.url },
  { party: "activemq", broker: "activemq", url: (one) => one.url },
  { party: "activemq-jms", broker: "activemq", url: (one) => one.jmsUrl as string },
  { party: "artemis", broker: "artemis", url: (one) => one.url },
  { party: "proton-broker", broker: "proton", url: (one) => one.url },
];

describe.each(ways)("$party: ours to ours", (way) => {
  test("1,000 messages of every type in bodies, properties and annotations", async () => {
    await there(way, 1, (run) => typedMessages(run, 1_000, [way.party]));
  });

  test("messages of 0 B to 4 MiB", async () => {
    await there(way, 2, sizedMessages);
  });

  test("received while they are sent, over a second connection", async () => {
    const { connection, address } = await open(way, 3);
    await using _ = connection;
    await using other = await connect(way.url(broker(way.broker)), { typed: true });
    const sent = typedMessages(fresh("both"), 1_000, [way.party]);
    const receiver = await other.createReceiver(address);
    const [seen] = await Promise.all([receiveEach(receiver, sent.length), sendEach(await connection.createSender(address), sent)]);
    expectArrived(sent, seen, [way.party]);
  });
});

/** Sends over one link and receives over another. */
async function there(way: Way, queue: number, make: (run: string) => readonly Description[]): Promise<void> {
  const { connection, address } = await open(way, queue);
  await using _ = connection;
  const sent = make(fresh("ours"));
  const sender = await connection.createSender(address);
  await sendEach(sender, sent);
  expect(sender.unsettled.size).toBe(0);
  const receiver = await connection.createReceiver(address);
  expectArrived(sent, await receiveEach(receiver, sent.length), [way.party]);
}

async function open(way: Way, queue: number): Promise<{ connection: Connection; address: string }> {
  const connection = await connect(way.url(broker(way.broker)), { typed: true });
  const address = queueOn(way.broker, queue);
  if (way.broker === "rabbitmq4") await empty(connection, address);
  return { connection, address };
}

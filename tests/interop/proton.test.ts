/** Proton Python as the other end, through every broker and both ways. */
import { describe, expect, test } from "@jest/globals";
import { connect } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { expectArrived } from "./support/compare.ts";
import type { Party } from "./support/exclusions.ts";
import { typedAndSized } from "./support/messages.ts";
import { empty, receiveEach, sendEach } from "./support/ours.ts";
import { startReceiver, startSender } from "./support/programs.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

const brokers: readonly { readonly name: BrokerName; readonly party: Party }[] = [
  { name: "proton", party: "proton-broker" },
  { name: "rabbitmq3", party: "rabbitmq3" },
  { name: "rabbitmq4", party: "rabbitmq4" },
  { name: "activemq", party: "activemq" },
  { name: "artemis", party: "artemis" },
];

describe.each(brokers)("Proton Python through $name", ({ name, party }) => {
  const parties: readonly Party[] = ["proton-python", party];

  test("ours to Proton Python: 1,000 messages of every type, and every size (S14, P07)", async () => {
    const { url } = broker(name);
    await using connection = await connect(url);
    const address = queueOn(name, 11);
    if (name === "rabbitmq4") await empty(connection, address);
    const sent = typedAndSized(fresh("ours"), parties);
    await sendEach(await connection.createSender(address), sent);
    expectArrived(sent, await startReceiver("proton", address, { url }, sent.length).result, parties);
  });

  test("Proton Python to ours: 1,000 messages of every type, and every size (S14, P07)", async () => {
    const { url } = broker(name);
    await using connection = await connect(url, { typed: true });
    const address = queueOn(name, 12);
    if (name === "rabbitmq4") await empty(connection, address);
    const sent = typedAndSized(fresh("proton"), parties);
    const outcomes = await startSender("proton", address, { url }, sent).result;
    expect(outcomes.filter((one) => one.outcome === "accepted")).toHaveLength(sent.length);
    expectArrived(sent, await receiveEach(await connection.createReceiver(address), sent.length), parties);
  });
});

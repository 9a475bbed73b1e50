/** Proton Python and rhea as the other end without a broker between: both directions, and either side listening. */
import { describe, expect, test } from "@jest/globals";
import { connect, Container } from "../../src/index.ts";
import { fresh, useBrokers } from "./support/brokers.ts";
import { expectArrived } from "./support/compare.ts";
import type { Party } from "./support/exclusions.ts";
import { typedAndSized } from "./support/messages.ts";
import { receiveEach, receiveFromPeer, sendEach, sendToPeer } from "./support/ours.ts";
import { startReceiver, startSender } from "./support/programs.ts";

useBrokers("proton"); // no test here talks to it: it brings Proton Python with it

describe.each(["proton", "rhea"] as const)("directly with %s", (kind) => {
  const sending: readonly Party[] = [kind === "proton" ? "proton-python" : "rhea-sends"];
  const receiving: readonly Party[] = [kind === "proton" ? "proton-python" : "rhea-receives"];

  test("it listens, we send 1,000 messages of every type, and every size (S14, P07)", async () => {
    const sent = typedAndSized(fresh("ours"), receiving);
    const peer = startReceiver(kind, "direct", undefined, sent.length);
    await using connection = await connect(await peer.url, { reconnect: false });
    await sendEach(await connection.createSender("direct"), sent);
    expectArrived(sent, await peer.result, receiving);
  });

  test("it listens, we receive 1,000 messages of every type, and every size (S14, P07)", async () => {
    const sent = typedAndSized(fresh(kind), sending);
    const peer = startSender(kind, "direct", undefined, sent);
    await using connection = await connect(await peer.url, { typed: true, reconnect: false });
    const seen = await receiveEach(await connection.createReceiver("direct"), sent.length);
    expectArrived(sent, seen, sending);
    expect((await peer.result).map((one) => one.outcome)).toEqual(sent.map(() => "accepted"));
  });

  test("we listen, it sends 1,000 messages of every type, and every size (S14, P07)", async () => {
    await using container = new Container();
    const listener = await container.listen("amqp://127.0.0.1:0");
    const sent = typedAndSized(fresh(kind), sending);
    const peer = startSender(kind, "direct", listener, sent);
    expectArrived(sent, await receiveFromPeer(listener, sent.length), sending);
    expect((await peer.result).map((one) => one.outcome)).toEqual(sent.map(() => "accepted"));
  });

  test("we listen, it receives 1,000 messages of every type, and every size (S14, P07)", async () => {
    await using container = new Container();
    const listener = await container.listen("amqp://127.0.0.1:0");
    const sent = typedAndSized(fresh("ours"), receiving);
    const peer = startReceiver(kind, "direct", listener, sent.length);
    await sendToPeer(listener, sent);
    expectArrived(sent, await peer.result, receiving);
  });
});

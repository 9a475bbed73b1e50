/** Transactions between two containers: one controls, the other is the coordinator through `accept({ coordinator })`. */

import { describe, expect, test } from "@jest/globals";
import type { Coordinator, ReceiverRequest, Transaction } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { failure, pair, settled } from "./support.ts";
import type { Pair } from "./support.ts";

/** A coordinator that writes down what it is asked. */
interface Log extends Coordinator {
  readonly ended: string[];
}

function coordinator(init: Partial<Coordinator> = {}): Log {
  let next = 0;
  const ended: string[] = [];
  return {
    ended,
    declare: () => new Uint8Array([0xa0, next++]),
    discharge: (txnId, failed) => void ended.push(`${Buffer.from(txnId).toString("hex")} ${failed ? "failed" : "committed"}`),
    ...init,
  };
}

/** Takes the client's control link. */
async function accept(place: Pair, init: Coordinator): Promise<void> {
  const request = await place.request();
  expect(request).toMatchObject({ role: "receiver", target: { type: "coordinator", capabilities: ["amqp:local-transactions", "amqp:multi-txns-per-ssn", "amqp:multi-ssns-per-txn"] } });
  await (request as ReceiverRequest).accept({ coordinator: init });
}

async function declared(place: Pair, init: Coordinator): Promise<Transaction> {
  const declaring = place.connection.transaction();
  await accept(place, init);
  return within(declaring, "the transaction");
}

describe("P04 a coordinator on the listening side", () => {
  test("P04 declares, sees what is posted as transactional, and hears of the commit", async () => {
    const place = await pair();
    const log = coordinator();
    const tx = await declared(place, log);
    expect([...tx.id]).toEqual([0xa0, 0]);
    const [sender, receiver] = await place.sending();
    const sending = tx.send(sender, { body: "one" });
    const posted = await within(receiver.receive(), "the message");
    expect(posted.remoteState).toEqual({ type: "transactional", txnId: new Uint8Array([0xa0, 0]), outcome: undefined });
    await posted.accept();
    const sent = await within(sending, "the outcome");
    expect(sent.remoteState).toEqual({ type: "transactional", txnId: new Uint8Array([0xa0, 0]), outcome: { type: "accepted" } });
    expect(sent.outcome).toEqual({ type: "accepted" });
    expect(log.ended).toEqual([]);
    await within(tx.commit(), "the commit");
    expect(tx.state).toBe("committed");
    expect(log.ended).toEqual(["a000 committed"]);
  });

  test("P04 a retired delivery is settled on both sides at the commit, and not before", async () => {
    const place = await pair();
    const log = coordinator();
    const tx = await declared(place, log);
    const [receiver, sender] = await place.receiving();
    const given = sender.send({ body: "one" });
    const delivery = await within(receiver.receive(), "the message");
    await tx.accept(delivery);
    expect(await settled(given)).toBe(false);
    expect(delivery.settled).toBe(false);
    expect(sender.unsettled.size).toBe(1);
    await within(tx.commit(), "the commit");
    expect((await within(given, "the outcome")).outcome).toEqual({ type: "accepted" });
    expect(delivery.settled).toBe(true);
    expect(sender.unsettled.size).toBe(0);
  });

  test.each(["rejected", "released", "modified"] as const)("P04 a delivery can be retired as %s", async (outcome) => {
    const place = await pair();
    const tx = await declared(place, coordinator());
    const [receiver, sender] = await place.receiving();
    const given = failure(sender.send({ body: "one" }), "the send");
    const delivery = await within(receiver.receive(), "the message");
    await tx.update(delivery, outcome);
    expect(await settled(given)).toBe(false);
    await tx.commit();
    expect(await given).toMatchObject({ code: outcome });
    expect(delivery.settled).toBe(true);
  });

  test("P04 after an abort the delivery is ours again, unsettled, and can be settled anew (4.4.2)", async () => {
    const place = await pair();
    const log = coordinator();
    const tx = await declared(place, log);
    const [receiver, sender] = await place.receiving();
    const given = sender.send({ body: "one" });
    const delivery = await within(receiver.receive(), "the message");
    await tx.accept(delivery);
    await within(tx.abort(), "the abort");
    expect(log.ended).toEqual(["a000 failed"]);
    expect(delivery.settled).toBe(false);
    expect(await settled(given)).toBe(false);
    const again = await within(place.connection.transaction(), "another transaction on the same control link");
    await again.update(delivery, { type: "rejected", error: { condition: "test:unwanted" } });
    await again.commit();
    expect(await failure(given)).toMatchObject({ condition: "test:unwanted" });
  });
});

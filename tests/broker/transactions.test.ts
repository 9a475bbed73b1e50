/** The embedded broker's transactions: commit makes visible; abort, a lost connection, session or control link make nothing visible. */

import { describe, expect, test } from "@jest/globals";
import { RejectedError, TransactionError } from "../../src/container/public.ts";
import type { Connection, IncomingDelivery, Receiver, Sender, Session } from "../../src/container/public.ts";
import { Broker } from "../../src/broker/broker.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

/** One session with a sender and a receiver of a queue. */
async function links(connection: Connection, address = "q"): Promise<{ session: Session; sender: Sender; receiver: Receiver<unknown> }> {
  const session = await connection.session();
  return { session, sender: await session.createSender(address), receiver: await session.createReceiver(address) };
}

describe("X13 P04 transactions of the broker", () => {
  test("P04 what is sent becomes visible at the commit, all of it, in order", () =>
    withBroker({}, async ({ broker, connect }) => {
      const { session, sender, receiver } = await links(await connect());
      const tx = await session.connection.transaction({ session });
      for (let body = 0; body < 5; body++) await tx.send(sender, { body });
      await turns();
      expect(broker.depth("q")).toBe(0);
      await tx.commit();
      expect(broker.depth("q")).toBe(5);
      expect(await bodies(receiver, 5)).toEqual([0, 1, 2, 3, 4]);
    }));

  test("P04 after an abort nothing of it is there", () =>
    withBroker({}, async ({ broker, connect }) => {
      const { session, sender, receiver } = await links(await connect());
      broker.put("q", { body: "kept" });
      const tx = await session.connection.transaction({ session });
      await tx.send(sender, { body: "dropped" });
      const delivery = await receiver.receive();
      await tx.accept(delivery);
      await tx.abort();
      expect(broker.depth("q")).toBe(1);
      expect(broker.peek("q").map(({ body }) => body)).toEqual(["kept"]);
      // (4.4.2) The delivery is still ours: nobody else gets it until we say so.
      const other = await (await connect()).createReceiver("q");
      expect(await other.receiveBatch(1, { within: 100 })).toEqual([]);
      await delivery.release();
      expect(await bodies(other, 1)).toEqual(["kept"]);
    }));

  test("P04 a transaction that takes from one queue and puts into another does both or none", () =>
    withBroker({ queues: { in: {}, out: {} } }, async ({ broker, connect }) => {
      const connection = await connect();
      const session = await connection.session();
      const receiver = await session.createReceiver<number>("in");
      const sender = await session.createSender("out");
      for (let body = 1; body <= 3; body++) broker.put("in", { body });
      let turn = 0;
      for await (const delivery of receiver.take({ max: 4 })) {
        await connection.transaction(async (tx) => {
          await tx.accept(delivery);
          await tx.send(sender, { body: delivery.message.body * 10 });
          if (turn++ === 1) throw new Error("not this time");
        }, { session }).catch((error: Error) => expect(error.message).toBe("not this time"));
      }
      await until(() => broker.depth("in") === 0);
      expect(broker.peek("out").map(({ body }) => body)).toEqual([10, 30, 20]);
      // The second one was given back as delivered, and came again with its count.
      expect(turn).toBe(4);
    }));

  test.each(["connection", "session", "control link"] as const)("P04 a lost %s makes nothing visible and gives back what was taken", (what) =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const { session, sender, receiver } = await links(connection);
      broker.put("q", { body: "taken" });
      const tx = await connection.transaction({ session });
      await tx.send(sender, { body: "dropped" });
      const delivery = await receiver.receive();
      await tx.accept(delivery);
      if (what === "connection") broker.dropConnections();
      else if (what === "session") await session.close();
      else await (controlLinkOf(session)).close();
      await until(() => tx.state === "aborted");
      await expect(tx.commit()).rejects.toThrow(TransactionError);
      await expect(tx.commit()).rejects.toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
      await tx.abort();
      if (what === "control link") {
        // Its link lives, so it is still ours.
        expect(delivery.settled).toBe(false);
        await delivery.accept();
        await until(() => broker.depth("q") === 0);
        return;
      }
      await until(() => broker.peek("q").length === 1);
      expect(await bodies(await (await connect()).createReceiver("q"), 1)).toEqual(["taken"]);
    }));

  test("P04 rejected, released and modified in a transaction take effect at the commit", () =>
    withBroker({ queues: { q: { deadLetter: "dead" } } }, async ({ broker, connect }) => {
      const connection = await connect();
      const { session, receiver } = await links(connection);
      for (const body of ["rejected", "released", "modified"]) broker.put("q", { body });
      const tx = await connection.transaction({ session });
      const taken: IncomingDelivery[] = [await receiver.receive(), await receiver.receive(), await receiver.receive()];
      await tx.update(taken[0] as IncomingDelivery, "rejected");
      await tx.update(taken[1] as IncomingDelivery, "released");
      await tx.update(taken[2] as IncomingDelivery, { type: "modified", deliveryFailed: true, undeliverableHere: false, annotations: {} });
      await turns();
      expect([broker.depth("q"), broker.depth("dead")]).toEqual([3, 0]);
      await tx.commit();
      await until(() => broker.depth("dead") === 1);
      expect(broker.peek("q").map(({ body, deliveryCount }) => [body, deliveryCount])).toEqual([["released", 0], ["modified", 1]]);
    }));

  test("P04 a consumer that leaves before the commit takes nothing back with it", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const { session, receiver } = await links(connection);
      broker.put("q", { body: "one" });
      const tx = await connection.transaction({ session });
      await tx.accept(await receiver.receive());
      await receiver.close();
      await turns();
      expect(broker.depth("q")).toBe(1);
      await tx.commit();
      await until(() => broker.depth("q") === 0);
    }));

  test("P04 settled before the discharge, an aborted delivery gets the default outcome: it is released", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const { session, receiver } = await links(connection);
      broker.put("q", { body: "one" });
      const tx = await connection.transaction({ session, settleBeforeDischarge: true });
      const delivery = await receiver.receive();
      await tx.accept(delivery);
      expect(delivery.settled).toBe(true);
      await turns();
      expect(broker.depth("q")).toBe(1);
      await tx.abort();
      expect((await receiver.receive()).message.body).toBe("one");
    }));

  test("P04 settled before the discharge, a committed delivery is gone", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const { session, receiver } = await links(connection);
      broker.put("q", { body: "one" });
      await connection.transaction(async (tx) => tx.accept(await receiver.receive()), { session, settleBeforeDischarge: true });
      await until(() => broker.depth("q") === 0);
    }));

  test("P04 transactions stand side by side in one session, and go over several sessions of a connection", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const [a, b] = await Promise.all([connection.transaction(), connection.transaction()]);
      const [one, two] = await Promise.all([connection.createSender("one"), connection.createSender("two")]);
      await Promise.all([a.send(one, { body: "a1" }), b.send(one, { body: "b1" }), a.send(two, { body: "a2" }), b.send(two, { body: "b2" })]);
      await a.abort();
      await b.commit();
      expect([...broker.peek("one"), ...broker.peek("two")].map(({ body }) => body)).toEqual(["b1", "b2"]);
    }));

  test("P04 messages of many frames, and through the anonymous relay", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect({ maxFrameSize: 512 });
      const relay = await connection.createSender(null);
      const body = new Uint8Array(100_000).fill(7);
      await connection.transaction(async (tx) => {
        await Promise.all([tx.send(relay, { to: "q1", body }), tx.send(relay, { to: "q2", body: "small" })]);
        expect([broker.depth("q1"), broker.depth("q2")]).toEqual([0, 0]);
      });
      expect(broker.peek("q1")[0]?.body).toEqual(body);
      expect(broker.depth("q2")).toBe(1);
    }));

  test("P04 pre-settled messages wait for the commit too", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q", { guarantee: "at-most-once" });
      const tx = await connection.transaction();
      for (let body = 0; body < 20; body++) void tx.send(sender, { body });
      await turns();
      expect(broker.depth("q")).toBe(0);
      await tx.commit();
      expect(broker.depth("q")).toBe(20);
    }));

  test("P04 a pre-settled message that cannot be taken makes the commit fail (4.4.2)", () =>
    withBroker({ transactions: { maxBytes: 3_000 } }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q", { guarantee: "at-most-once" });
      const tx = await connection.transaction();
      await tx.send(sender, { body: "small" });
      await tx.send(sender, { body: new Uint8Array(4_000) });
      await expect(tx.commit()).rejects.toMatchObject({ code: "transaction-failed", outcome: "rolled-back", condition: "amqp:transaction:rollback" });
      expect(tx.state).toBe("aborted");
      expect(broker.depth("q")).toBe(0);
    }));

  test("P04 bounds: octets that wait for a commit, and transactions that are open", () =>
    withBroker({ transactions: { maxBytes: 3_000, max: 2 } }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const tx = await connection.transaction();
      await tx.send(sender, { body: "small" });
      const refused = await tx.send(sender, { body: new Uint8Array(4_000) }).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(RejectedError);
      expect(refused).toMatchObject({ condition: "amqp:resource-limit-exceeded" });
      const second = await connection.transaction();
      const third = await connection.transaction().catch((error: unknown) => error);
      expect(third).toBeInstanceOf(TransactionError);
      expect(third).toMatchObject({ condition: "amqp:resource-limit-exceeded", outcome: "rolled-back" });
      // What was told as rejected is not part of it; the rest commits.
      await tx.commit();
      expect(broker.depth("q")).toBe(1);
      await second.abort();
      await (await connection.transaction()).abort();
    }));

  test("P04 one that takes too long is rolled back, and its commit says so", () =>
    withBroker({ transactions: { timeout: 50 } }, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const tx = await connection.transaction();
      await tx.send(sender, { body: "late" });
      // The time is over when the broker does not know the id any more.
      let refused: unknown;
      while (refused === undefined) refused = await tx.send(sender, { body: "more" }).then(() => undefined, (error: unknown) => error);
      expect(refused).toMatchObject({ code: "rejected", condition: "amqp:transaction:unknown-id" });
      await expect(tx.commit()).rejects.toMatchObject({ outcome: "rolled-back", condition: "amqp:transaction:timeout" });
      expect(broker.depth("q")).toBe(0);
    }));

  test("P04 a dynamic node that is gone at the commit rolls all of it back", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const receiver = await connection.createReceiver(undefined, { dynamic: true });
      const [gone, q] = await Promise.all([connection.createSender(receiver.remoteSource.address), connection.createSender("q")]);
      const tx = await connection.transaction();
      await Promise.all([tx.send(q, { body: "one" }), tx.send(gone, { body: "two" })]);
      await receiver.close();
      await expect(tx.commit()).rejects.toMatchObject({ outcome: "rolled-back", condition: "amqp:transaction:rollback" });
      expect(broker.depth("q")).toBe(0);
    }));

  test("P04 a queue that was forgotten meanwhile is made anew by the commit", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const sender = await connection.createSender("q");
      const tx = await connection.transaction();
      await tx.send(sender, { body: "one" });
      await sender.close();
      await turns();
      await tx.commit();
      expect(broker.depth("q")).toBe(1);
    }));
});

test("P04 options of the broker's transactions that cannot work are refused", async () => {
  await expect(Broker.start({ transactions: { maxByte: 1 } as never })).rejects.toThrow(/no option "transactions\.maxByte"; did you mean "maxBytes"\?/);
  await expect(Broker.start({ transactions: { timeout: 0 } })).rejects.toThrow(/"transactions\.timeout" must be a number above 0/);
});

/** The control link of a session, which programs do not see. */
function controlLinkOf(session: Session): { close(): Promise<void> } {
  const { links: all } = session as unknown as { links: Set<{ title: string; close(): Promise<void> }> };
  return [...all].find(({ title }) => title.includes("coordinator")) as { close(): Promise<void> };
}

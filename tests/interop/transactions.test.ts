/** P04: transactions at ActiveMQ and Artemis, the refusal of those that have none, and Proton Python's transactions at the embedded broker. */
import { describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker.ts";
import { connect, TransactionError } from "../../src/index.ts";
import type { Connection, IncomingDelivery, Receiver, Sender, Session } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { startTransactions } from "./support/programs.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");

interface Place extends AsyncDisposable {
  readonly connection: Connection;
  readonly session: Session;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly address: string;
}

/** A fresh queue with a sender and a receiver in one session. */
async function open(name: BrokerName): Promise<Place> {
  const connection = await connect(broker(name).url, { containerId: fresh("transactions"), reconnect: false });
  const session = await connection.session();
  const address = queueOn(name, 0);
  return {
    connection, session, address, sender: await session.createSender(address), receiver: await session.createReceiver(address, { prefetch: 0 }),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** The next message, which has to be there within 10 s. */
function next({ receiver }: Place): Promise<IncomingDelivery> {
  return receiver.receive({ timeout: 10_000 });
}

/** Whether the queue has nothing to give: a marker that is sent after it comes first. */
async function expectNothingBefore(place: Place): Promise<void> {
  const marker = fresh("marker");
  await place.sender.send({ id: marker, body: "x" });
  const delivery = await next(place);
  expect(delivery.message.id).toBe(marker);
  await delivery.accept();
}

describe.each(["activemq", "artemis"] as const)("P04 transactions at %s", (name) => {
  test("P04 post and commit: nothing is visible before, all of it after", async () => {
    await using place = await open(name);
    const { connection, session, sender } = place;
    const tx = await connection.transaction({ session });
    for (const id of ["a", "b", "c"]) expect((await tx.send(sender, { id, body: "x" })).outcome).toEqual({ type: "accepted" });
    await expectNothingBefore(place);
    await tx.commit();
    for (const id of ["a", "b", "c"]) {
      const delivery = await next(place);
      expect(delivery.message.id).toBe(id);
      await delivery.accept();
    }
  });

  test("P04 post and abort: nothing is ever visible", async () => {
    await using place = await open(name);
    const { connection, session, sender } = place;
    await expect(connection.transaction(async (tx) => {
      await tx.send(sender, { id: "gone", body: "x" });
      throw new Error("changed my mind");
    }, { session })).rejects.toThrow("changed my mind");
    await expectNothingBefore(place);
  });

  test("P04 retire and commit: it does not come again", async () => {
    await using place = await open(name);
    const { connection, session, sender } = place;
    await sender.send({ id: "one", body: "x" });
    const delivery = await next(place);
    await connection.transaction((tx) => tx.accept(delivery), { session });
    expect(delivery.settled).toBe(true);
    await expectNothingBefore(place);
    await place.receiver.close();
    const other = { ...place, receiver: await session.createReceiver(place.address, { prefetch: 0 }) };
    await expectNothingBefore(other);
  });

  test("P04 retire and abort: it is ours again or comes again, and is there once", async () => {
    await using place = await open(name);
    const { connection, session, sender } = place;
    await sender.send({ id: "one", body: "x" });
    const delivery = await next(place);
    const tx = await connection.transaction({ session });
    await tx.accept(delivery);
    await tx.abort();
    if (!delivery.settled) await delivery.release({ delivered: true });
    const again = await next(place);
    expect(again.message.id).toBe("one");
    await again.accept();
    await expectNothingBefore(place);
  });

  test("P04 retire, post and commit in one: the queue holds the new one only", async () => {
    await using place = await open(name);
    const { connection, session, sender, receiver } = place;
    await sender.send({ id: "in", body: 1 });
    await connection.transaction(async (tx) => {
      const delivery = await receiver.receive({ timeout: 10_000 });
      await tx.send(sender, { id: "out", body: 2 });
      await tx.accept(delivery);
    }, { session });
    const out = await next(place);
    expect(out.message.id).toBe("out");
    await out.accept();
    await expectNothingBefore(place);
  });

  test("P04 messages of many frames", async () => {
    await using place = await open(name);
    const { connection, session, sender } = place;
    const body = new Uint8Array(1_000_000).map((_, i) => i & 0xff);
    await connection.transaction(async (tx) => { await tx.send(sender, { id: "large", body }); }, { session });
    const delivery = await next(place);
    expect(Buffer.compare(delivery.message.bytes(), body)).toBe(0);
    await delivery.accept();
  });

  test("P04 a connection that drops rolls back: what was posted is not there, what was taken is", async () => {
    await using place = await open(name);
    const { sender, address } = place;
    await sender.send({ id: "taken", body: "x" });
    const lost = await connect(broker(name).url, { containerId: fresh("lost"), reconnect: false });
    const session = await lost.session();
    const tx = await lost.transaction({ session });
    await tx.send(await session.createSender(address), { id: "posted", body: "x" });
    await tx.accept(await (await session.createReceiver(address, { prefetch: 0 })).receive({ timeout: 10_000 }));
    await lost.close({ timeout: 0 });
    await expect(tx.commit()).rejects.toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
    const delivery = await next(place);
    expect(delivery.message.id).toBe("taken");
    await delivery.accept();
    await expectNothingBefore(place);
  });

  test("P04 fifty transactions of one session, one after the other over one control link", async () => {
    await using place = await open(name);
    const { connection, session, sender } = place;
    for (let i = 0; i < 50; i++) {
      await connection.transaction(async (tx) => { await tx.send(sender, { id: `m-${i}`, body: "x" }); if (i % 2 === 1) throw new Error("odd"); }, { session }).catch((error: Error) => expect(error.message).toBe("odd"));
    }
    for (let i = 0; i < 50; i += 2) {
      const delivery = await next(place);
      expect(delivery.message.id).toBe(`m-${i}`);
      await delivery.accept();
    }
    await expectNothingBefore(place);
  });
});

describe.each([
  { name: "rabbitmq3", condition: "amqp:not-implemented" }, { name: "rabbitmq4", condition: "amqp:not-implemented" }, { name: "proton", condition: undefined },
] as const)("P04 no transactions at $name", ({ name, condition }) => {
  test("P04 a TransactionError that says so, and nothing else is disturbed", async () => {
    await using connection = await connect(broker(name).url, { reconnect: false });
    const sender = await connection.createSender(queueOn(name, 30));
    const error = await connection.transaction({ timeout: 10_000 }).catch((failed: unknown) => failed);
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back", condition });
    if (condition !== undefined) expect(String(error)).toMatch(/has no transactions.*send without one/);
    await sender.send({ id: "fine", body: "x" });
    expect(connection.state).toEqual({ local: "active", remote: "active" });
  });
});

describe("X13 P04 Proton Python's transactions at the embedded broker", () => {
  test("P04 it sends, commits and aborts by turns, without waiting for outcomes", async () => {
    await using place = await Broker.start();
    const peer = startTransactions("q", { url: place.url }, { role: "send", ends: ["commit", "abort", "commit", "abort"], size: 20 });
    expect((await peer.result).ends).toEqual(["committed", "aborted", "committed", "aborted"]);
    const expected = [0, 2].flatMap((batch) => Array.from({ length: 20 }, (_, i) => `${batch}-${i}`));
    expect(place.peek("q").map(({ id }) => id)).toEqual(expected);
  });

  test.each([false, true])("P04 it receives, commits and aborts by turns (settling before the discharge: %s)", async (settleFirst) => {
    await using place = await Broker.start();
    for (let i = 0; i < 10; i++) place.put("q", { id: `m-${i}`, body: "x" });
    const peer = startTransactions("q", { url: place.url }, { role: "recv", ends: ["commit", "abort", "commit"], size: 3, settleFirst });
    const { ends, ids } = await peer.result;
    expect(ends).toEqual(["committed", "aborted", "committed"]);
    expect(ids).toEqual(["m-0", "m-1", "m-2", "m-3", "m-4", "m-5", "m-3", "m-4", "m-5"]);
    expect(place.peek("q").map(({ id }) => id)).toEqual(["m-6", "m-7", "m-8", "m-9"]);
  });

  test.each(["send", "recv"] as const)("P04 one that dies in the middle of a transaction leaves nothing of it (%s)", async (role) => {
    await using place = await Broker.start();
    const before = ["m-0", "m-1"];
    for (const id of before) place.put("q", { id, body: "x" });
    const peer = startTransactions("q", { url: place.url }, { role, ends: ["drop"], size: 2 });
    expect((await peer.result).ends).toEqual(["dropped"]);
    const receiver = await (await connect(place.url, { reconnect: false })).createReceiver("q");
    const ids: unknown[] = [];
    for await (const { message } of receiver.take({ max: 2 })) ids.push(message.id);
    expect(ids).toEqual(before);
    await receiver.connection.close();
    expect(place.depth("q")).toBe(0);
  });
});

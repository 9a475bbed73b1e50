/** P04: transactions as a program sees them: the two forms, what is retired, timeouts, signals, and misuse. */

import { describe, expect, test } from "@jest/globals";
import { AmqpError, ConfigError, LinkError, NotSentError, RejectedError, TimeoutError, TransactionError } from "../../src/index.ts";
import type { Receiver, Sender, Session, Transaction } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { hex } from "../../src/testing/codec/octets.ts";
import { within } from "../protocol/harness.ts";
import { deliver, failure, outcomes, settled, stage, turns, until } from "./support.ts";
import type { Stage } from "./support.ts";
import { answerWith, attachControl, COMMIT, declareNext, ID, nextRequest, provisional, ROLLBACK, sessionOn, text, transactionIn } from "./transaction-support.ts";

/** A stage with a session, a receiver at handle 0 in it, and a control link at handle 1. */
interface Receiving extends Stage {
  readonly session: Session;
  readonly receiver: Receiver;
}

async function receiving(options: { prefetch?: number; autoAccept?: boolean } = {}): Promise<Receiving> {
  const place = await stage();
  const session = await sessionOn(place);
  const opening = session.createReceiver("q", options);
  place.peer.reply(await place.peer.until("attach"));
  return { ...place, session, receiver: await within(opening, "the receiver") };
}

/** A stage with a session, a sender with credit at handle 0 in it, and a control link at handle 1. */
async function sendingIn(credit = 10): Promise<Stage & { session: Session; sender: Sender }> {
  const place = await stage();
  const session = await sessionOn(place);
  const opening = session.createSender("q");
  place.peer.reply(await place.peer.until("attach"));
  if (credit > 0) place.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: credit });
  return { ...place, session, sender: await within(opening, "the sender") };
}

/** Answers the next discharge; answers whether it was a commit. */
async function discharged({ peer }: Stage, state: unknown = "accepted"): Promise<"commit" | "abort"> {
  const request = await nextRequest(peer);
  answerWith(peer, request, state);
  expect([COMMIT, ROLLBACK]).toContain(text(request.payload));
  return text(request.payload) === COMMIT ? "commit" : "abort";
}

/** Has the peer send these on the receiver at handle 0. */
function deliverAt0({ peer }: Stage, ...values: unknown[]): void {
  for (const value of values) peer.send("transfer", { handle: 0 }, encodeMessage({ value }));
}

describe("transaction(work)", () => {
  test("P04 commits when the work resolves, and answers what it resolved to", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    let seen: Transaction | undefined;
    const done = place.connection.transaction(async (tx) => {
      seen = tx;
      return "result";
    }, { session });
    await attachControl(place.peer);
    await declareNext(place.peer);
    expect(await discharged(place)).toBe("commit");
    expect(await within(done, "the transaction")).toBe("result");
    expect(seen?.state).toBe("committed");
  });

  test.each([
    ["rejects", () => Promise.reject(new Error("no"))],
    ["throws", () => { throw new Error("no"); }],
  ] as const)("P04 aborts when the work %s, and rejects with its error", async (_how, work) => {
    const place = await stage();
    const session = await sessionOn(place);
    const done = failure(place.connection.transaction(work as () => Promise<void>, { session }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    expect(await discharged(place)).toBe("abort");
    expect((await done).message).toBe("no");
  });

  test("P04 rejects with the commit's TransactionError", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const done = failure(place.connection.transaction(async () => {}, { session }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    await discharged(place, { type: "rejected", error: { condition: "amqp:transaction:rollback" } });
    expect(await done).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
  });

  test.each(["commit", "abort"] as const)("P04 work that has called %s() itself is left at that", async (how) => {
    const place = await stage();
    const session = await sessionOn(place);
    const done = place.connection.transaction(async (tx) => { await tx[how](); return how; }, { session });
    await attachControl(place.peer);
    await declareNext(place.peer);
    expect(await discharged(place)).toBe(how);
    expect(await within(done, "the transaction")).toBe(how);
    expect(place.peer.frames().filter(({ name }) => name === "transfer")).toHaveLength(2);
  });

  test("P04 work that does not see the transaction rolled back under it rejects all the same", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    let go = (): void => {};
    const done = failure(place.connection.transaction(() => new Promise<void>((resolve) => { go = resolve; }), { session }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    await turns();
    place.peer.send("detach", { handle: 0, closed: true, error: { condition: "amqp:transaction:timeout" } });
    await place.peer.until("detach");
    go();
    expect(await done).toMatchObject({ code: "transaction-failed", outcome: "rolled-back", condition: "amqp:transaction:timeout" });
  });

  test("P04 its timeout bounds the work: it is aborted, and rejects with a TimeoutError", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const done = failure(place.connection.transaction(() => new Promise<void>(() => {}), { session, timeout: 1000 }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    await turns();
    await place.clock.advance(1000);
    expect(await discharged(place)).toBe("abort");
    const error = await done;
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toContain("within 1000 ms");
  });

  test("P04 its timeout bounds the commit too, with what is left: in doubt", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    let go = (): void => {};
    const done = failure(place.connection.transaction(() => new Promise<void>((resolve) => { go = resolve; }), { session, timeout: 1000 }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    await turns();
    await place.clock.advance(900);
    go();
    await nextRequest(place.peer);
    await place.clock.advance(101);
    const error = await done;
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "in-doubt" });
    expect(error.cause).toBeInstanceOf(TimeoutError);
  });

  test("P04 its signal aborts it and is what it rejects with", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const stop = new AbortController();
    const done = failure(place.connection.transaction(() => new Promise<void>(() => {}), { session, signal: stop.signal }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    await turns();
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await discharged(place)).toBe("abort");
    expect(await done).toBe(reason);
  });

  test("P04 an abort that fails is told to onError, and the work's own error to the caller", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const done = failure(place.connection.transaction(() => Promise.reject(new Error("mine")), { session }));
    await attachControl(place.peer);
    await declareNext(place.peer);
    await nextRequest(place.peer);
    await place.clock.advance(60_001);
    expect((await done).message).toBe("mine");
    expect(place.errors).toEqual([expect.any(TimeoutError)]);
  });
});

describe("a transaction by hand", () => {
  test("P04 await using aborts what is not discharged, and nothing else", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const done = (async () => {
      await using tx = await place.connection.transaction({ session });
      return tx;
    })();
    await attachControl(place.peer);
    await declareNext(place.peer);
    expect(await discharged(place)).toBe("abort");
    const tx = await within(done, "the block");
    expect(tx.state).toBe("aborted");
    await tx[Symbol.asyncDispose]();
    expect(place.peer.frames().filter(({ name }) => name === "transfer")).toHaveLength(2);
  });

  test("P04 send(message, { transaction }) and trySend take part as transaction.send does", async () => {
    const place = await sendingIn();
    const tx = await transactionIn(place, place.session);
    const state = { type: "transactional-state", txnId: ID };
    const one = place.sender.send({ body: 1 }, { transaction: tx });
    answerWith(place.peer, await place.peer.until("transfer", { state }), provisional("accepted"));
    await within(one, "send");
    const two = place.sender.trySend({ body: 2 }, { transaction: tx });
    const committing = tx.commit();
    const second = await place.peer.until("transfer", { state });
    expect(await settled(committing)).toBe(false);
    answerWith(place.peer, second, provisional("accepted"));
    expect(await discharged(place)).toBe("commit");
    await within(committing, "the commit");
    expect(two?.outcome).toEqual({ type: "accepted" });
  });

  test("P04 a provisional rejection rejects the send, and the transaction can still be committed", async () => {
    const place = await sendingIn();
    const tx = await transactionIn(place, place.session);
    const sending = failure(tx.send(place.sender, { body: "x" }));
    const transfer = await place.peer.until("transfer");
    answerWith(place.peer, transfer, provisional({ type: "rejected", error: { condition: "test:bad" } }));
    const error = await sending;
    expect(error).toBeInstanceOf(RejectedError);
    expect(error).toMatchObject({ condition: "test:bad" });
    const committing = tx.commit();
    expect(await discharged(place)).toBe("commit");
    await within(committing, "the commit");
  });

  test("P04 a send that fails while the commit waits for it rolls all of it back", async () => {
    const place = await sendingIn();
    const tx = await transactionIn(place, place.session);
    const sending = failure(tx.send(place.sender, { body: "x" }));
    const committing = failure(tx.commit());
    const transfer = await place.peer.until("transfer");
    answerWith(place.peer, transfer, provisional({ type: "rejected", error: { condition: "test:bad" } }));
    expect(await discharged(place)).toBe("abort");
    const error = await committing;
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
    expect(error.cause).toBeInstanceOf(RejectedError);
    expect(await sending).toMatchObject({ condition: "test:bad" });
  });

  test("P04 an abort withdraws what waits for credit: NotSentError", async () => {
    const place = await sendingIn(0);
    const tx = await transactionIn(place, place.session);
    const sending = failure(tx.send(place.sender, { body: "x" }));
    const aborting = tx.abort();
    expect(await discharged(place)).toBe("abort");
    await within(aborting, "the abort");
    const error = await sending;
    expect(error).toBeInstanceOf(NotSentError);
    expect(error.cause).toBeInstanceOf(TransactionError);
    place.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10, echo: true });
    await place.peer.until("flow", { handle: 0 });
    expect(place.peer.frames().filter(({ name, fields }) => name === "transfer" && fields["state"] !== undefined)).toEqual([]);
  });

  test("P04 a send in a transaction that was rolled back is not sent", async () => {
    const place = await sendingIn();
    const tx = await transactionIn(place, place.session);
    place.peer.send("detach", { handle: 1, closed: true, error: { condition: "amqp:link:detach-forced" } });
    await until(() => tx.state === "aborted");
    const error = await failure(tx.send(place.sender, { body: "x" }));
    expect(error).toBeInstanceOf(NotSentError);
    expect(error.cause).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
    expect(() => place.sender.trySend({ body: "x" }, { transaction: tx })).toThrow(NotSentError);
  });

  test("P04 an answer that comes after the commit's timeout still settles the state", async () => {
    const place = await receiving();
    const tx = await transactionIn(place, place.session);
    place.receiver.flow(1);
    deliverAt0(place, "a");
    const delivery = await within(place.receiver.receive(), "the message");
    await tx.accept(delivery);
    const committing = failure(tx.commit({ timeout: 100 }));
    const request = await nextRequest(place.peer);
    await place.clock.advance(101);
    expect(await committing).toMatchObject({ outcome: "in-doubt" });
    expect(tx.state).toBe("in-doubt");
    expect(delivery.settled).toBe(false);
    answerWith(place.peer, request, "accepted");
    await until(() => tx.state === "committed");
    expect(delivery.settled).toBe(true);
    await tx.commit().then(() => {}, () => {});
  });

  test("P04 a signal that fires before the commit has left aborts the transaction", async () => {
    const place = await sendingIn(0);
    const tx = await transactionIn(place, place.session);
    const sending = failure(tx.send(place.sender, { body: "x" }));
    const stop = new AbortController();
    const committing = failure(tx.commit({ signal: stop.signal }));
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await discharged(place)).toBe("abort");
    expect(await committing).toBe(reason);
    expect(await sending).toBeInstanceOf(NotSentError);
    expect(tx.state).toBe("aborted");
  });

  test("P04 an abort that the peer does not answer: TimeoutError, aborted, and the control link ends so that the peer rolls back", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const tx = await transactionIn(place, session);
    const aborting = failure(tx.abort({ timeout: 100 }));
    await nextRequest(place.peer);
    await place.clock.advance(101);
    expect(await aborting).toBeInstanceOf(TimeoutError);
    expect(tx.state).toBe("aborted");
    place.peer.reply(await place.peer.until("detach", { handle: 0, closed: true }));
    // The next transaction gets a control link of its own.
    const next = place.connection.transaction({ session });
    await attachControl(place.peer);
    await declareNext(place.peer);
    expect((await within(next, "the next transaction")).state).toBe("active");
  });

  test("P04 a declaration that is given up is rolled back when its id comes after all", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const declaring = failure(place.connection.transaction({ session, timeout: 100 }));
    await attachControl(place.peer);
    const request = await nextRequest(place.peer);
    await place.clock.advance(101);
    expect(await declaring).toBeInstanceOf(TimeoutError);
    answerWith(place.peer, request, { type: "declared", txnId: ID });
    expect(await discharged(place)).toBe("abort");
  });

  test("P04 a signal ends the waiting for a declaration", async () => {
    const place = await stage();
    const stop = new AbortController();
    const declaring = failure(place.connection.transaction({ signal: stop.signal }));
    const reason = new Error("enough");
    stop.abort(reason);
    expect(await declaring).toBe(reason);
  });
});

describe("what is retired", () => {
  test("P04 settleBeforeDischarge settles with the provisional outcome", async () => {
    const place = await receiving();
    const tx = await transactionIn(place, place.session, { settleBeforeDischarge: true });
    place.receiver.flow(1);
    deliverAt0(place, "a");
    const delivery = await within(place.receiver.receive(), "the message");
    await delivery.accept({ transaction: tx });
    await place.peer.until("disposition", { first: 0, settled: true, state: { type: "transactional-state", txnId: ID, outcome: { type: "accepted" } } });
    expect(delivery.settled).toBe(true);
    const aborting = tx.abort();
    await discharged(place);
    await within(aborting, "the abort");
    await delivery.release();
    expect(await outcomes(place.peer)).toEqual({ 0: "transactional-state" });
  });

  test("P04 with rcv-settle-mode second the sender settles, whatever settleBeforeDischarge says", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const opening = session.createReceiver("q", { guarantee: "exactly-once" });
    place.peer.reply(await place.peer.until("attach"));
    const receiver = await within(opening, "the receiver");
    const tx = await transactionIn(place, session, { settleBeforeDischarge: true });
    receiver.flow(1);
    deliverAt0(place, "a");
    const delivery = await within(receiver.receive(), "the message");
    await tx.accept(delivery);
    await place.peer.until("disposition", { first: 0, settled: false });
    const committing = tx.commit();
    await discharged(place);
    await within(committing, "the commit");
    expect(delivery.settled).toBe(false);
    place.peer.send("disposition", { role: "sender", first: 0, settled: true, state: "accepted" });
    await until(() => delivery.settled);
  });

  test("P04 what the peer settles at the discharge is not settled again", async () => {
    const place = await receiving();
    const tx = await transactionIn(place, place.session);
    place.receiver.flow(1);
    deliverAt0(place, "a");
    const delivery = await within(place.receiver.receive(), "the message");
    await tx.accept(delivery);
    const committing = tx.commit();
    const request = await nextRequest(place.peer);
    place.peer.send("disposition", { role: "sender", first: 0, settled: true, state: "accepted" });
    answerWith(place.peer, request, "accepted");
    await within(committing, "the commit");
    expect(delivery.settled).toBe(true);
    await outcomes(place.peer);
    expect(place.peer.frames().filter(({ name, fields }) => name === "disposition" && fields["role"] === "receiver")).toHaveLength(1);
  });

  test("P04 the loop's rule: retired in an aborted transaction, it is released as delivered when the loop goes on", async () => {
    const place = await receiving({ prefetch: 3 });
    const tx = await transactionIn(place, place.session);
    const loop = place.receiver[Symbol.asyncIterator]();
    const first = loop.next();
    deliverAt0(place, "a", "b", "c");
    const a = (await within(first, "a")).value;
    await tx.accept(a);
    const aborting = tx.abort();
    await discharged(place);
    await within(aborting, "the abort");
    expect((await outcomes(place.peer))[0]).toBe("transactional-state");
    await within(loop.next(), "b");
    expect((await outcomes(place.peer))[0]).toBe("modified+failed");
    await within(loop.next(), "c");
    expect(await outcomes(place.peer)).toEqual({ 0: "modified+failed", 1: "accepted" });
  });

  test("P04 the loop's rule: going on while the transaction is open leaves it to that, and an abort gives it back", async () => {
    const place = await receiving({ prefetch: 3 });
    const tx = await transactionIn(place, place.session);
    const loop = place.receiver[Symbol.asyncIterator]();
    const first = loop.next();
    deliverAt0(place, "a", "b");
    await tx.accept((await within(first, "a")).value);
    await within(loop.next(), "b");
    expect(await outcomes(place.peer)).toEqual({ 0: "transactional-state" });
    const aborting = tx.abort();
    await discharged(place);
    await within(aborting, "the abort");
    expect(await outcomes(place.peer)).toEqual({ 0: "modified+failed" });
  });

  test("P04 the loop's rule: leaving the loop does not take a retired delivery back", async () => {
    const place = await receiving({ prefetch: 3 });
    const tx = await transactionIn(place, place.session);
    deliverAt0(place); // nothing yet: the loop gives the credit
    const taking = (async () => {
      for await (const delivery of place.receiver) {
        await tx.accept(delivery);
        break;
      }
    })();
    await place.peer.until("flow", { handle: 0 });
    deliverAt0(place, "a");
    await within(taking, "the loop");
    expect(await outcomes(place.peer)).toEqual({ 0: "transactional-state" });
    const committing = tx.commit();
    await discharged(place);
    await within(committing, "the commit");
    expect(await outcomes(place.peer)).toEqual({ 0: "accepted" });
  });

  test("P04 autoAccept: false leaves a delivery of an aborted transaction to its taker", async () => {
    const place = await receiving({ prefetch: 3, autoAccept: false });
    const tx = await transactionIn(place, place.session);
    const loop = place.receiver[Symbol.asyncIterator]();
    const first = loop.next();
    deliverAt0(place, "a", "b");
    const a = (await within(first, "a")).value;
    await tx.accept(a);
    await within(loop.next(), "b");
    const aborting = tx.abort();
    await discharged(place);
    await within(aborting, "the abort");
    expect(await outcomes(place.peer)).toEqual({ 0: "transactional-state" });
    await a.accept();
    expect(await outcomes(place.peer)).toEqual({ 0: "accepted" });
  });

  test("P04 consume: a handler whose transaction was aborted gives its delivery back; one that was committed accepts it once", async () => {
    const place = await receiving({ prefetch: 2 });
    const { connection, session, receiver, peer } = place;
    let handled = 0;
    const stop = new AbortController();
    const consuming = receiver.consume(async (delivery) => {
      await connection.transaction(async (tx) => {
        await tx.accept(delivery);
        if (handled++ === 0) throw new Error("the first fails");
      }, { session });
    }, { onError: () => {}, signal: stop.signal });
    await peer.until("flow", { handle: 0 });
    deliverAt0(place, "a", "b");
    await attachControl(peer);
    await declareNext(peer);
    expect(await discharged(place)).toBe("abort");
    await declareNext(peer, hex("0a0b"));
    expect(await discharged(place)).toBe("commit");
    stop.abort();
    await within(consuming, "consume");
    expect(await outcomes(peer)).toEqual({ 0: "modified+failed", 1: "accepted" });
  });

  test("P04 batches: the rules of the loop for each delivery of a batch", async () => {
    const place = await receiving({ prefetch: 4 });
    const tx = await transactionIn(place, place.session);
    const batches = place.receiver.batches(2)[Symbol.asyncIterator]();
    const first = batches.next();
    await place.peer.until("flow", { handle: 0 });
    deliverAt0(place, "a", "b");
    const [a] = (await within(first, "a batch")).value as [Parameters<Transaction["accept"]>[0]];
    await tx.accept(a);
    const aborting = tx.abort();
    await discharged(place);
    await within(aborting, "the abort");
    const second = batches.next();
    expect(await outcomes(place.peer)).toEqual({ 0: "modified+failed", 1: "accepted" });
    deliverAt0(place, "c", "d");
    await within(second, "another batch");
    await batches.return?.(undefined);
  });

  test("P04 using: a retired delivery is left to its transaction, and given back if that is aborted", async () => {
    const place = await receiving();
    const tx = await transactionIn(place, place.session);
    place.receiver.flow(1);
    deliverAt0(place, "a");
    {
      using delivery = await within(place.receiver.receive(), "the message");
      await tx.accept(delivery);
    }
    expect(await outcomes(place.peer)).toEqual({ 0: "transactional-state" });
    const aborting = tx.abort();
    await discharged(place);
    await within(aborting, "the abort");
    expect(await outcomes(place.peer)).toEqual({ 0: "modified+failed" });
  });
});

describe("misuse", () => {
  test("P04 options that do not exist, and values that make no sense", async () => {
    const { connection } = await stage();
    expect((await failure(connection.transaction({ settleBeforeDischarg: true } as never))).message).toContain('did you mean "settleBeforeDischarge"?');
    expect(await failure(connection.transaction({ timeout: "soon" } as never))).toBeInstanceOf(ConfigError);
    expect(await failure(connection.transaction({ session: {} } as never))).toMatchObject({ code: "config", message: expect.stringContaining("a session of this connection") });
    expect(await failure(connection.transaction(async () => {}, { signl: undefined } as never))).toBeInstanceOf(ConfigError);
  });

  test("P04 what is no transaction, no sender, no delivery, no outcome", async () => {
    const place = await sendingIn();
    const tx = await transactionIn(place, place.session);
    expect(() => void place.sender.send({ body: 1 }, { transaction: {} as never })).toThrow(/must be a transaction/);
    expect(await failure(tx.send({} as never, { body: 1 }))).toBeInstanceOf(ConfigError);
    expect(await failure(tx.accept({} as never))).toBeInstanceOf(ConfigError);
    expect(await failure(tx.commit({ timeot: 1 } as never))).toMatchObject({ code: "config", message: expect.stringContaining('"timeout"') });
    expect(tx.state).toBe("active");
  });

  test("P04 a delivery is retired once, with an outcome, and not after it was settled", async () => {
    const place = await receiving();
    const [tx, other] = [await transactionIn(place, place.session), place.connection.transaction({ session: place.session })];
    await declareNext(place.peer, hex("0c"));
    const second = await within(other, "the second");
    place.receiver.flow(2);
    deliverAt0(place, "a", "b");
    const a = await within(place.receiver.receive(), "a");
    const b = await within(place.receiver.receive(), "b");
    expect(await failure(tx.update(a, { type: "received", section: 0, offset: 0 }))).toBeInstanceOf(ConfigError);
    await tx.accept(a);
    expect(await failure(second.accept(a))).toMatchObject({ code: "invalid-state", message: expect.stringContaining("retired in another") });
    await b.accept();
    expect(await failure(tx.accept(b))).toMatchObject({ code: "invalid-state" });
    expect(await failure(a.accept({ transaction: {} as never }))).toBeInstanceOf(ConfigError);
  });

  test("P04 accept({ transaction }) that fails is told to onError where nobody awaits it, and is no unhandled rejection", async () => {
    const place = await receiving();
    const tx = await transactionIn(place, place.session);
    place.receiver.flow(1);
    deliverAt0(place, "a");
    const delivery = await within(place.receiver.receive(), "the message");
    place.peer.send("detach", { handle: 1, closed: true });
    await until(() => tx.state === "aborted");
    void delivery.accept({ transaction: tx });
    await until(() => place.errors.length === 1);
    expect(place.errors[0]).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
    expect(await failure(delivery.accept({ transaction: tx }))).toBe(place.errors[0]);
    expect(place.errors).toHaveLength(1);
    await delivery.release();
  });

  test("P04 a delivery of a link that is gone is stale", async () => {
    const place = await receiving();
    const tx = await transactionIn(place, place.session);
    place.receiver.flow(1);
    deliverAt0(place, "a");
    const delivery = await within(place.receiver.receive(), "the message");
    place.peer.send("detach", { handle: 0, closed: true });
    await place.peer.until("detach");
    await turns();
    const error = await failure(tx.accept(delivery));
    expect(error).toBeInstanceOf(LinkError);
    expect(error).toMatchObject({ code: "stale-delivery" });
  });

  test("P04 nothing can be done in a transaction after its end", async () => {
    const place = await sendingIn();
    const tx = await transactionIn(place, place.session);
    const committing = tx.commit();
    expect(tx.commit()).toBe(committing);
    expect(() => void place.sender.send({ body: 1 }, { transaction: tx })).toThrow(/commit\(\) was called/);
    await discharged(place);
    await within(committing, "the commit");
    await tx.commit();
    expect(await failure(tx.abort())).toMatchObject({ code: "invalid-state" });
    const next = place.connection.transaction({ session: place.session });
    await declareNext(place.peer);
    const aborted = await within(next, "another");
    const aborting = aborted.abort();
    await discharged(place);
    await within(aborting, "the abort");
    await aborted.abort();
    expect(await failure(aborted.commit())).toMatchObject({ code: "invalid-state", message: expect.stringContaining("aborted") });
    expect(() => void place.sender.send({ body: 1 }, { transaction: aborted })).toThrow(/was aborted/);
  });

  test("P04 a transaction of another connection", async () => {
    const [here, there] = [await sendingIn(), await stage()];
    const tx = await transactionIn(there, await sessionOn(there));
    expect(() => void here.sender.send({ body: 1 }, { transaction: tx })).toThrow(/another connection/);
  });

  test("P04 a connection that is closed declares nothing", async () => {
    const { connection } = await stage();
    await connection.close({ timeout: 0 });
    expect(await failure(connection.transaction())).toBeInstanceOf(AmqpError);
  });
});

test("P04 deliveries outside of transactions are not touched by any of it", async () => {
  const place = await receiving();
  place.receiver.flow(2);
  deliver(place.peer, "a", "b");
  const a = await within(place.receiver.receive(), "a");
  await a.accept();
  await (await within(place.receiver.receive(), "b")).release();
  expect(await outcomes(place.peer)).toEqual({ 0: "accepted", 1: "released" });
});

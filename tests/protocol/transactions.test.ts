/** T: transactions that we control, against a scripted coordinator (part 4 of the standard). */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, TransactionError } from "../../src/index.ts";
import type { Receiver, Sender, Session, Transaction } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { hex } from "../../src/testing/codec/octets.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import type { Script } from "../../src/testing/script.ts";
import { failure, settled, stage, turns, until } from "../client/support.ts";
import type { Stage } from "../client/support.ts";
import { ALL, answerWith, attachControl, COMMIT, DECLARE, declareNext, ID, nextRequest, provisional, ROLLBACK, sessionOn, text, transactionIn } from "../client/transaction-support.ts";
import { within } from "./harness.ts";

/** A sender in a session, with credit. */
async function senderIn({ peer }: Stage, session: Session, credit = 10): Promise<Sender> {
  const opening = session.createSender("q");
  const attach = await peer.until("attach");
  peer.reply(attach);
  peer.send("flow", { handle: attach.fields["handle"], deliveryCount: 0, linkCredit: credit });
  return within(opening, "the sender");
}

/** A receiver in a session, to which one message has been sent. */
async function receiverIn({ peer }: Stage, session: Session): Promise<Receiver> {
  const opening = session.createReceiver("q");
  const attach = await peer.until("attach");
  peer.reply(attach);
  return within(opening, "the receiver");
}

describe("the controller", () => {
  test("T.1 the control link, declare and discharge as the standard writes them", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const declaring = place.connection.transaction({ session });
    const attach = await attachControl(peer);
    expect(attach.fields).toMatchObject({ role: "sender", sndSettleMode: "unsettled", target: { type: "coordinator", capabilities: ALL } });
    expect((attach.fields["source"] as { outcomes: unknown[] }).outcomes).toContain("amqp:rejected:list");
    const declare = await declareNext(peer);
    expect(text(declare.payload)).toBe(DECLARE);
    expect(declare.fields["settled"] ?? false).toBe(false);
    const tx = await within(declaring, "the transaction");
    expect(text(tx.id)).toBe("0a0b");
    expect(tx.state).toBe("active");
    const committing = tx.commit();
    const discharge = await nextRequest(peer);
    expect(text(discharge.payload)).toBe(COMMIT);
    expect(discharge.fields["settled"] ?? false).toBe(false);
    expect(await settled(committing)).toBe(false);
    answerWith(peer, discharge, "accepted");
    await within(committing, "the commit");
    expect(tx.state).toBe("committed");
  });

  test("T.1 an abort is a discharge with fail", async () => {
    const place = await stage();
    const tx = await transactionIn(place, await sessionOn(place));
    const aborting = tx.abort();
    const discharge = await nextRequest(place.peer);
    expect(text(discharge.payload)).toBe(ROLLBACK);
    answerWith(place.peer, discharge, "accepted");
    await within(aborting, "the abort");
    expect(tx.state).toBe("aborted");
  });

  test("T.1 declared and outcomes that come unsettled are settled from our side", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const sender = await senderIn(place, session);
    const declaring = place.connection.transaction({ session });
    await attachControl(peer);
    const declare = await nextRequest(peer);
    answerWith(peer, declare, { type: "declared", txnId: ID }, false);
    await peer.until("disposition", { role: "sender", first: declare.fields["deliveryId"], settled: true });
    const tx = await within(declaring, "the transaction");
    const sending = tx.send(sender, { body: "one" });
    const transfer = await peer.until("transfer");
    answerWith(peer, transfer, provisional("accepted"), false);
    const delivery = await within(sending, "the provisional outcome");
    expect(delivery).toMatchObject({ settled: false, outcome: { type: "accepted" } });
    // (4.4.2) It is settled after the discharge, and not before.
    const committing = tx.commit();
    const discharge = await nextRequest(peer);
    expect(peer.frames().filter(({ name, fields }) => name === "disposition" && fields["first"] === transfer.fields["deliveryId"])).toEqual([]);
    answerWith(peer, discharge, "accepted");
    await within(committing, "the commit");
    await peer.until("disposition", { role: "sender", first: transfer.fields["deliveryId"], settled: true });
    expect(delivery.settled).toBe(true);
  });

  test("T.2 a transfer carries the transactional state, octet by octet", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const sender = await senderIn(place, session);
    const tx = await transactionIn(place, session);
    const sending = tx.send(sender, { body: "one" });
    const transfer = await place.peer.until("transfer");
    expect(text(transfer.bytes)).toBe([
      "00000036", "02000000", "005314", "d0", "0000001e", "0000000b",
      "43", "5201", "a00400000001", "43", "42", "42", "40", // handle, delivery-id, tag, message-format, settled, more, rcv-settle-mode
      "005334", "c0", "05", "01", "a0020a0b", // state: transactional-state(txn-id)
      "42", "42", "42", // resume, aborted, batchable
      "005377", "a103", text(Buffer.from("one")),
    ].join(""));
    answerWith(place.peer, transfer, provisional("accepted"));
    expect((await within(sending, "the outcome")).remoteState).toEqual({ type: "transactional", txnId: ID, outcome: { type: "accepted" } });
  });

  test("T.2 every frame of a delivery carries it, in frames of 512 octets", async () => {
    const place = await stage({ open: { maxFrameSize: 512 } });
    const session = await sessionOn(place);
    const sender = await senderIn(place, session);
    const tx = await transactionIn(place, session);
    const sending = tx.send(sender, { body: new Uint8Array(2_000).fill(7) });
    const frames: Frame[] = [];
    do frames.push(await place.peer.until("transfer")); while (frames.at(-1)?.fields["more"] === true);
    expect(frames.length).toBeGreaterThan(3);
    for (const frame of frames) {
      expect(frame.bytes.length).toBeLessThanOrEqual(512);
      expect(frame.fields["state"]).toEqual({ type: "transactional-state", txnId: ID });
    }
    // All but the last are as large as may be, give or take the fields that later frames leave out.
    expect(frames[0]?.bytes.length).toBeGreaterThan(480);
    answerWith(place.peer, frames[0] as Frame, provisional("accepted"));
    await within(sending, "the outcome");
  });

  test("T.2 an outcome carries it, unsettled, and is merged with its neighbours' into one disposition", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const receiver = await receiverIn(place, session);
    const tx = await transactionIn(place, session);
    receiver.flow(3);
    for (const value of ["a", "b", "c"]) peer.send("transfer", { handle: 0 }, encodeMessage({ value }));
    const taken = await receiver.receiveBatch(3);
    await Promise.all(taken.map((delivery) => tx.accept(delivery)));
    const disposition = await peer.until("disposition");
    expect(disposition.fields).toMatchObject({ role: "receiver", first: 0, last: 2, state: { type: "transactional-state", txnId: ID, outcome: { type: "accepted" } } });
    expect(disposition.fields["settled"] ?? false).toBe(false);
    expect(text(disposition.bytes)).toContain("005334"); // transactional-state
    const committing = tx.commit();
    answerWith(peer, await nextRequest(peer), "accepted");
    await within(committing, "the commit");
    // Applied, and settled from here where the peer did not.
    await peer.until("disposition", { role: "receiver", first: 0, last: 2, settled: true, state: "accepted" });
    expect(taken.map((delivery) => delivery.settled)).toEqual([true, true, true]);
  });

  test("T.3 no discharge overtakes an outcome, even when both are told in one turn", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const receiver = await receiverIn(place, session);
    const tx = await transactionIn(place, session);
    receiver.flow(1);
    peer.send("transfer", { handle: 0 }, encodeMessage({ value: "a" }));
    const delivery = await within(receiver.receive(), "the message");
    void tx.accept(delivery);
    const committing = tx.commit();
    const discharge = await nextRequest(peer);
    const order = peer.frames().filter(({ name, fields }) => name === "disposition" || (name === "transfer" && text(discharge.payload) === COMMIT && fields["deliveryId"] === discharge.fields["deliveryId"]));
    expect(order.map(({ name }) => name)).toEqual(["disposition", "transfer"]);
    answerWith(peer, discharge, "accepted");
    await within(committing, "the commit");
  });

  test.each(["commit", "abort"] as const)("T.3 no discharge in the middle of a message: the %s waits for its last frame", async (how) => {
    const place = await stage({ open: { maxFrameSize: 512 } });
    const { peer } = place;
    const session = await sessionOn(place);
    const sender = await senderIn(place, session);
    const tx = await transactionIn(place, session);
    // Room for two frames of it, and for none of the discharge.
    peer.send("flow", { incomingWindow: 2 });
    await turns();
    const sending = tx.send(sender, { body: new Uint8Array(2_000) }).catch((error: unknown) => error);
    await peer.until("transfer", { more: true });
    const first = await peer.until("transfer", { more: true });
    const ending = tx[how]();
    await turns();
    expect(peer.frames().filter(({ name }) => name === "transfer")).toHaveLength(3);
    peer.send("flow", { incomingWindow: 2048 });
    const last = await peer.until("transfer", { more: false, state: { type: "transactional-state" } });
    expect(last.fields["aborted"] ?? false).toBe(false);
    if (how === "commit") answerWith(peer, { ...first, fields: { deliveryId: 1 } }, provisional("accepted"));
    const discharge = await nextRequest(peer);
    expect(text(discharge.payload)).toBe(how === "commit" ? COMMIT : ROLLBACK);
    answerWith(peer, discharge, "accepted");
    await within(ending, "the end of the transaction");
    if (how === "abort") answerWith(peer, { ...first, fields: { deliveryId: 1 } }, "released");
    await within(sending, "the send");
  });

  test("T.3 a commit waits for the outcome of every send, also of those that wait for credit", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const sender = await senderIn(place, session, 1);
    const tx = await transactionIn(place, session);
    void tx.send(sender, { body: "one" });
    void tx.send(sender, { body: "two" });
    const committing = tx.commit();
    const one = await peer.until("transfer", { state: { type: "transactional-state" } });
    answerWith(peer, one, provisional("accepted"));
    expect(await settled(committing)).toBe(false);
    peer.send("flow", { handle: 0, deliveryCount: 1, linkCredit: 1 });
    const two = await peer.until("transfer", { state: { type: "transactional-state" } });
    expect(peer.frames().filter(({ payload }) => text(payload) === COMMIT)).toEqual([]);
    answerWith(peer, two, provisional("accepted"));
    answerWith(peer, await nextRequest(peer), "accepted");
    await within(committing, "the commit");
  });

  test("T.4 a rejected discharge is a rollback, and says why", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const receiver = await receiverIn(place, session);
    const tx = await transactionIn(place, session);
    receiver.flow(1);
    peer.send("transfer", { handle: 0 }, encodeMessage({ value: "a" }));
    const delivery = await within(receiver.receive(), "the message");
    await tx.accept(delivery);
    const committing = failure(tx.commit());
    answerWith(peer, await nextRequest(peer), { type: "rejected", error: { condition: "amqp:transaction:rollback", description: "disk full" } });
    const error = await committing;
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back", origin: "remote", condition: "amqp:transaction:rollback", description: "disk full" });
    expect(error.message).toContain("amqp:transaction:rollback (disk full)");
    expect(tx.state).toBe("aborted");
    // (4.4.2) The delivery is live: its outcome can be told anew.
    expect(delivery.settled).toBe(false);
    await delivery.reject("no");
    await peer.until("disposition", { first: 0, settled: true, state: { type: "rejected" } });
  });

  test("T.4 a detach with a transaction's condition is a rollback too (for sources without rejected)", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const tx = await transactionIn(place, session);
    const committing = failure(tx.commit());
    await nextRequest(peer);
    peer.send("detach", { handle: 0, closed: true, error: { condition: "amqp:transaction:rollback", description: "no room" } });
    expect(await committing).toMatchObject({ outcome: "rolled-back", condition: "amqp:transaction:rollback" });
    expect(tx.state).toBe("aborted");
  });

  test.each([
    ["control link", (peer: Script) => peer.send("detach", { handle: 0, closed: true, error: { condition: "amqp:link:detach-forced" } })],
    ["session", (peer: Script) => peer.send("end", { error: { condition: "amqp:internal-error" } })],
    ["connection", (peer: Script) => peer.drop("rst")],
  ] as const)("T.5 a lost %s is a rollback, and says so", async (_what, lose) => {
    const place = await stage();
    const session = await sessionOn(place);
    const tx = await transactionIn(place, session);
    lose(place.peer);
    place.leave();
    await until(() => tx.state === "aborted");
    const error = await failure(tx.commit());
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
    expect(error.message).toContain("rolled back, since the link to the peer's transaction coordinator is gone");
    await within(tx.abort(), "the abort of what is rolled back already");
  });

  test.each([
    ["control link", (peer: Script) => peer.send("detach", { handle: 0, closed: true, error: { condition: "amqp:link:detach-forced" } })],
    ["session", (peer: Script) => peer.send("end", { error: { condition: "amqp:internal-error" } })],
    ["connection", (peer: Script) => peer.drop("rst")],
  ] as const)("T.5 a %s lost while a commit is under way leaves it in doubt, and says so", async (_what, lose) => {
    const place = await stage();
    const session = await sessionOn(place);
    const tx = await transactionIn(place, session);
    const committing = failure(tx.commit());
    await nextRequest(place.peer);
    lose(place.peer);
    place.leave();
    const error = await committing;
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "in-doubt" });
    expect(error.message).toContain("whether it took effect is unknown");
    expect(tx.state).toBe("in-doubt");
    expect(await failure(tx.abort())).toBe(error);
  });

  test("T.5 a connection lost while an abort is under way: it is rolled back all the same", async () => {
    const place = await stage();
    const tx = await transactionIn(place, await sessionOn(place));
    const aborting = tx.abort();
    await nextRequest(place.peer);
    place.peer.drop("rst");
    place.leave();
    await within(aborting, "the abort");
    expect(tx.state).toBe("aborted");
  });

  test.each([
    ["session", (peer: Script) => peer.send("end", { error: { condition: "amqp:internal-error" } })],
    ["connection", (peer: Script) => peer.drop("rst")],
  ] as const)("T.5 FT33 a %s lost while a declare is under way: a TransactionError, rolled back", async (_what, lose) => {
    const place = await stage();
    const session = await sessionOn(place);
    const declaring = failure(place.connection.transaction({ session }));
    await attachControl(place.peer);
    await nextRequest(place.peer);
    lose(place.peer);
    place.leave();
    const error = await declaring;
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
    expect(error.message).not.toMatch(/has no transactions/);
  });

  test("T.6 one control link a session, used for the next transaction too", async () => {
    const place = await stage();
    const { peer } = place;
    const session = await sessionOn(place);
    const first = await transactionIn(place, session);
    const committing = first.commit();
    answerWith(peer, await nextRequest(peer), "accepted");
    await within(committing, "the commit");
    const declaring = place.connection.transaction({ session });
    await declareNext(peer, hex("0c"));
    expect(text((await within(declaring, "the second transaction")).id)).toBe("0c");
    expect(peer.frames().filter(({ name }) => name === "attach")).toHaveLength(1);
    expect([...place.connection.links()]).toEqual([]);
  });

  test("T.6 a second transaction at once needs amqp:multi-txns-per-ssn in a session of the user's", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const tx = await transactionIn(place, session, { capabilities: ["amqp:local-transactions"] });
    const error = await failure(place.connection.transaction({ session }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error.message).toContain("amqp:multi-txns-per-ssn");
    expect(tx.state).toBe("active");
  });

  test("T.6 without it, each transaction in no session of the user's gets one of its own", async () => {
    const place = await stage();
    const { peer, connection } = place;
    const begin = async (id: string): Promise<Transaction> => {
      const declaring = connection.transaction();
      peer.reply(await peer.until("begin"));
      const attach = await peer.until("attach");
      peer.reply(attach, { target: { type: "coordinator" } });
      peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      await declareNext(peer, hex(id));
      return within(declaring, "the transaction");
    };
    const all = [await begin("01"), await begin("02")];
    expect(peer.frames().filter(({ name }) => name === "begin")).toHaveLength(2);
    // One control link is kept for the next transaction, the other one goes with its session.
    for (const tx of all) {
      const committing = tx.commit();
      answerWith(peer, await nextRequest(peer), "accepted");
      await within(committing, "the commit");
    }
    peer.reply(await peer.until("detach", { closed: true }));
    await peer.until("end");
    const next = connection.transaction();
    await declareNext(peer, hex("03"));
    expect(text((await within(next, "the third")).id)).toBe("03");
    expect(peer.frames().filter(({ name }) => name === "begin")).toHaveLength(2);
  });

  test("T.7 a link of another session is a ConfigError at the call, unless the peer has amqp:multi-ssns-per-txn", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const other = await sessionOn(place);
    const sender = await senderIn(place, other);
    const opening = other.createReceiver("q");
    place.peer.reply(await place.peer.until("attach"));
    const receiver = await within(opening, "the receiver");
    receiver.flow(1);
    await place.peer.until("flow", { linkCredit: 1 });
    place.peer.send("transfer", {}, encodeMessage({ value: "a" }));
    const delivery = await within(receiver.receive(), "the message");
    const tx = await transactionIn(place, session, { capabilities: ["amqp:local-transactions"] });
    expect(() => void sender.send({ body: "x" }, { transaction: tx })).toThrow(/amqp:multi-ssns-per-txn.*option "session"/);
    expect(await failure(delivery.accept({ transaction: tx }))).toBeInstanceOf(ConfigError);
    expect(await failure(tx.accept(delivery))).toMatchObject({ code: "config" });
  });

  test("T.7 with it, links of every session take part", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const other = await sessionOn(place);
    const sender = await senderIn(place, other);
    const tx = await transactionIn(place, session);
    void tx.send(sender, { body: "x" }).catch(() => {});
    const transfer = await place.peer.until("transfer", { state: { type: "transactional-state", txnId: ID } });
    expect(transfer.channel).toBe(1);
  });

  test("T.8 a peer that ends the session for it (RabbitMQ): a TransactionError that says what to do, and only that session suffers", async () => {
    const place = await stage();
    const { peer, connection } = place;
    const session = await sessionOn(place);
    const sender = await senderIn(place, session);
    const declaring = failure(connection.transaction());
    peer.reply(await peer.until("begin"));
    await peer.until("attach");
    peer.send("end", { error: { condition: "amqp:not-implemented", description: "Transactions not supported" } });
    const error = await declaring;
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back", origin: "remote", condition: "amqp:not-implemented" });
    expect(error.message).toMatch(/has no transactions.*send without one/);
    const sending = sender.send({ body: "x" });
    peer.send("disposition", { channel: 0, role: "receiver", first: 0, settled: true, state: "accepted" });
    await within(sending, "a send on another session");
  });

  test.each([
    ["a rejection", (peer: Script, transfer: Frame) => answerWith(peer, transfer, { type: "rejected", error: { condition: "amqp:resource-limit-exceeded" } }), "amqp:resource-limit-exceeded"],
    ["accepted, without an id", (peer: Script, transfer: Frame) => answerWith(peer, transfer, "accepted"), undefined],
    ["an empty id", (peer: Script, transfer: Frame) => answerWith(peer, transfer, { type: "declared", txnId: new Uint8Array(0) }), undefined],
    ["a detach", (peer: Script) => peer.send("detach", { handle: 0, closed: true, error: { condition: "amqp:not-allowed" } }), "amqp:not-allowed"],
  ] as const)("T.8 a declare that is answered with %s is a TransactionError", async (_what, reply, condition) => {
    const place = await stage();
    const { peer, connection } = place;
    const session = await sessionOn(place);
    const declaring = failure(connection.transaction({ session }));
    await attachControl(peer);
    reply(peer, await nextRequest(peer));
    const error = await declaring;
    expect(error).toBeInstanceOf(TransactionError);
    expect(error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back", condition });
    expect(connection.state.remote).toBe("active");
  });

  test("T.8 declared is no outcome of an ordinary message", async () => {
    const place = await stage();
    const session = await sessionOn(place);
    const sender = await senderIn(place, session);
    const sending = sender.send({ body: "x" });
    const transfer = await place.peer.until("transfer");
    answerWith(place.peer, transfer, { type: "declared", txnId: ID }, false);
    expect(await settled(sending)).toBe(false);
    answerWith(place.peer, transfer, "accepted");
    expect((await within(sending, "the outcome")).outcome).toEqual({ type: "accepted" });
  });

  test("T.8 a peer that attaches an ordinary target instead of a coordinator gets no declare", async () => {
    const place = await stage();
    const { peer, connection } = place;
    const session = await sessionOn(place);
    const declaring = failure(connection.transaction({ session }));
    const attach = await peer.until("attach");
    peer.reply(attach, { target: { type: "target", address: "q" } });
    peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
    expect(await declaring).toBeInstanceOf(TransactionError);
    peer.reply(await peer.until("detach"));
    expect(peer.frames().some(({ name }) => name === "transfer")).toBe(false);
  });
});

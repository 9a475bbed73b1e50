/** Transactions: both forms, what they take, and the coordinator of the listening side. */

import { connect, Container, TransactionError } from "leptonmq";
import type { Bytes, Coordinator, IncomingDelivery, OutgoingDelivery, ReceiverRequest, Sender, Transaction, TransactionOptions } from "leptonmq";

const connection = await connect("amqp://localhost");
const session = await connection.session();
const sender = await session.createSender<{ n: number }>("q");
const receiver = await session.createReceiver<string>("q");

const options: TransactionOptions = { session, settleBeforeDischarge: true, timeout: 1_000, signal: AbortSignal.timeout(5) };
const tx: Transaction = await connection.transaction(options);
const id: Bytes = tx.id;
const state: "active" | "committed" | "aborted" | "in-doubt" = tx.state;
const sent: OutgoingDelivery = await tx.send(sender, { body: { n: 1 } }, { timeout: 5, tag: "t" });
// @ts-expect-error a body of another type
await tx.send(sender, { body: "text" });
const delivery: IncomingDelivery<string> = await receiver.receive();
await tx.accept(delivery, { timeout: 5 });
await tx.update(delivery, "released");
await tx.update(delivery, { type: "rejected", error: { condition: "a:b" } });
await delivery.accept({ transaction: tx, timeout: 5 });
await sender.send({ body: { n: 2 } }, { transaction: tx });
await tx.commit({ timeout: 5 });
await tx.abort();

const result: number = await connection.transaction(async (inner) => {
  const same: Transaction = inner;
  return same.id.length;
}, { session });
// @ts-expect-error work answers a promise
await connection.transaction(() => 5);

{
  await using scoped = await connection.transaction();
  void scoped.state;
}

try {
  await tx.commit();
} catch (error) {
  if (error instanceof TransactionError) {
    const outcome: "rolled-back" | "in-doubt" = error.outcome;
    void outcome;
  }
}

const coordinator: Coordinator = {
  declare: () => new Uint8Array(8),
  discharge: (txnId: Bytes, failed: boolean) => Promise.resolve([txnId, failed]),
  timeout: 60_000,
};
const container = new Container();
const listener = await container.listen("amqp://127.0.0.1:0");
await listener.serve(async (request) => {
  if (request.role !== "receiver") return;
  const asked: ReceiverRequest = request;
  if (asked.target?.type === "coordinator") await asked.accept({ coordinator });
  const posted = await (await asked.accept()).receive();
  const { remoteState } = posted;
  if (remoteState?.type === "transactional") void (remoteState.txnId satisfies Uint8Array);
});

void [id, state, sent, result, sender satisfies Sender<{ n: number }>];

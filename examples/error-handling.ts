/** What can go wrong with a send, a message in hand and a connection, and how each shows. */

import { ConnectionError, connect, RejectedError } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start({ queues: { work: { deadLetter: "work.rejected" } } });
const connection = await connect(broker.url);

// A send rejects with the outcome: here the relay cannot know where the message should go.
const relay = await connection.createSender(null);
try {
  await relay.send({ to: "dynamic/gone", body: "hello" });
} catch (error) {
  if (!(error instanceof RejectedError)) throw error;
  console.log(`not accepted: ${error.outcome.type}, ${error.condition}`);
}

// A message that cannot be worked on: reject it, and the queue's dead-letter address gets it.
const sender = await connection.createSender("work");
await sender.send({ body: { amount: -1 } });
const receiver = await connection.createReceiver<{ amount: number }>("work");
for await (const delivery of receiver.take({ max: 1 })) {
  if (delivery.message.body.amount < 0) await delivery.reject("amount is negative");
}
const rejected = await connection.createReceiver<{ amount: number }>("work.rejected");
for await (const { message } of rejected.take({ max: 1 })) console.log(`set aside: amount ${message.body.amount}`);

// Leaving a loop by an error gives the message in hand back, counted as a failed delivery.
await sender.send({ body: { amount: 7 } });
try {
  for await (const delivery of receiver) throw new Error(`no idea what to do with ${delivery.message.body.amount}`);
} catch (error) {
  console.log((error as Error).message);
}
const again = await receiver.receive();
console.log(`back again: failed ${again.message.deliveryCount} time`);
await again.accept();

// A connection that cannot be made says where; with several urls, `errors` has the cause of each.
await connection.close();
await broker.close();
try {
  await connect(broker.url);
} catch (error) {
  if (!(error instanceof ConnectionError)) throw error;
  console.log(`${error.code}, worth another try: ${error.retryable}`);
}

/** A subscription that outlives its link and its connection: what is published meanwhile is there when the subscriber comes back. */

import { connect, DurableSubscription } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start();
const newsroom = await connect(broker.url);
const publisher = await newsroom.createSender("topic://news");

// A subscription is known by the container id and the name of the link: both are yours to choose.
const subscribe = async (connection: Awaited<ReturnType<typeof connect>>) =>
  connection.createReceiver<string>("topic://news", { name: "daily", options: [DurableSubscription()] });

const atHome = await connect(broker.url, { containerId: "reader-7" });
const receiver = await subscribe(atHome);
await publisher.send({ body: "monday" });
for await (const { message } of receiver.take({ max: 1 })) console.log(`read: ${message.body}`);
await receiver.detach(); // keeps the subscription; close() would end it
await atHome.close();

await publisher.send({ body: "tuesday" });
await publisher.send({ body: "wednesday" });

const onTheTrain = await connect(broker.url, { containerId: "reader-7" });
const again = await subscribe(onTheTrain);
for await (const { message } of again.take({ max: 2 })) console.log(`read later: ${message.body}`);
await again.close(); // unsubscribes

// A null source finds a subscription by its name alone, or says that there is none.
const gone = await onTheTrain.createReceiver(null, { name: "daily" }).catch((error: unknown) => error);
console.log(`still there: ${!(gone instanceof Error)}`);

await onTheTrain.close();
await newsroom.close();
await broker.close();

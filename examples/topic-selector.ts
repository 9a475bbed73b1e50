/** Topics: a subscription that is kept and takes only what its selector is true for, beside one that takes all; then a queue that is looked at. */

import { connect, Copy, DurableSubscription, Selector } from "leptonmq";
import type { Receiver } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start({ queues: { repairs: { deadLetter: "repairs.failed" } } });
const plant = await connect(broker.url);
const alarms = await plant.createSender("topic://alarms");

// Known by container id and name, so that it is there when nobody is; the selector is a condition on the message's properties and headers.
const severe = { name: "night-shift", options: [DurableSubscription(), Selector("level >= 3 AND place NOT LIKE 'test%'")] };
const evening = await connect(broker.url, { containerId: "desk-2" });
await (await evening.createReceiver("topic://alarms", severe)).detach();
await evening.close();

const screen = await plant.createReceiver<string>("topic://alarms");
const seen = bodies(screen, { max: 4 });
await alarms.send({ body: "door open", properties: { level: 1, place: "gate" } });
await alarms.send({ body: "too hot", properties: { level: 3, place: "kiln" } });
await alarms.send({ body: "too hot", properties: { level: 3, place: "test bench" } });
await alarms.send({ body: "fire", properties: { level: 5, place: "kiln" }, ttl: 3_600_000 });
console.log(`screen: ${(await seen).join(", ")}`);

const night = await connect(broker.url, { containerId: "desk-2" });
const repairs = await plant.createSender("repairs");
const missed = await night.createReceiver<string>("topic://alarms", severe);
for await (const { message } of missed.take({ max: 2 })) {
  console.log(`night shift: ${message.body}, level ${String(message.properties["level"])}`);
  await repairs.send({ body: message.body, priority: message.properties["level"] === 5 ? 9 : 4 });
}
await missed.close(); // ends the subscription

// Copy looks and takes nothing; the higher priority comes first.
const look = await night.createReceiver<string>("repairs", { options: [Copy()] });
console.log(`waiting: ${(await bodies(look, { drain: true })).join(", ")}`);

const worker = await night.createReceiver<string>("repairs");
for await (const delivery of worker.take({ max: 1 })) await delivery.reject({ condition: "plant:no-parts", description: "no spare kiln" });
await night.close();
await plant.close();
const letter = broker.peek("repairs.failed")[0];
console.log(`failed: ${String(letter?.body)}, ${String(letter?.annotations["x-opt-death-description"])}`);
await broker.close();

async function bodies(receiver: Receiver<string>, until: { max?: number; drain?: boolean }): Promise<string[]> {
  const found: string[] = [];
  for await (const { message } of receiver.take(until)) found.push(message.body);
  return found;
}

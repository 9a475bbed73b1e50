/** Sends three messages and takes them back. Prints each one and how it was settled. */

import { connect } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start(); // or any AMQP 1.0 broker: give its url to connect()
const connection = await connect(broker.url);

const sender = await connection.createSender("orders");
for (const item of ["tea", "milk", "sugar"]) {
  const delivery = await sender.send({ body: { item, quantity: 1 }, durable: true });
  console.log(`sent ${item}: ${delivery.outcome?.type}`);
}

const receiver = await connection.createReceiver<{ item: string }>("orders");
for await (const { message } of receiver.take({ max: 3 })) {
  console.log(`received ${message.body.item}`); // accepted when the loop asks for the next one
}

await connection.close();
await broker.close();

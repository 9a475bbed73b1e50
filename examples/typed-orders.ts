/** Orders with a schema: the compiler knows them, and what is no order never reaches the program. */

import { Container } from "leptonmq";
import { Broker } from "leptonmq/broker";
import * as z from "zod"; // or any other library with Standard Schema, or a schema of your own

const Order = z.object({
  id: z.string(),
  quantity: z.number().int().positive(),
  placed: z.date(),
});

const broker = await Broker.start({ queues: { orders: { deadLetter: "orders.invalid" } } });
// Without onError, Node prints a warning for the messages that are rejected.
const container = new Container({ onError: (error) => console.log(`told: ${error.code}`) });
const connection = await container.connect(broker.url);

// A sender with the schema sends nothing else.
const sender = await connection.createSender("orders", { schema: Order });
await sender.send({ body: { id: "a-1", quantity: 2, placed: new Date() } });
try {
  await sender.send({ body: { id: "a-2", quantity: 0, placed: new Date() } });
} catch (error) {
  console.log(`not sent: ${(error as Error).message.includes("quantity")}`);
}

// Somebody else is less careful.
const careless = await connection.createSender("orders");
await careless.send({ body: { id: 3 } });
await careless.send({ body: { id: "a-4", quantity: 1, placed: new Date(), note: "no such field in the schema" } });

// The receiver gets orders; the other message is rejected, here to the dead letters, and the loop goes on.
const receiver = await connection.createReceiver("orders", { schema: Order });
for await (const { message } of receiver.take({ max: 2 })) {
  const { id, quantity, placed, ...rest } = message.body;
  console.log(`${id}: ${quantity}, ${placed instanceof Date}, ${Object.keys(rest).length} more`);
}
console.log(`set aside: ${broker.depth("orders.invalid")}`);

await container.close();
await broker.close();

/** Moves work from one queue to another: what is taken and what is sent belong together, so that both happen or neither does. */

import { connect, TransactionError } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start();
const connection = await connect(broker.url);
for (const body of ["tea", "something odd", "milk"]) broker.put("orders", { body });

// Links and transactions in one session: what every broker with transactions can do.
const session = await connection.session();
const orders = await session.createReceiver<string>("orders");
const invoices = await session.createSender("invoices");

for await (const delivery of orders.take({ max: 4 })) {
  const order = delivery.message.body;
  try {
    await connection.transaction(async (tx) => {
      await tx.accept(delivery);
      await tx.send(invoices, { body: `an invoice for ${order}` });
      if (order === "something odd" && delivery.message.deliveryCount === 0) throw new Error("not on the list");
    }, { session });
    console.log(`${order}: both done`);
  } catch (error) {
    // Nothing has happened: the order comes again, and its invoice was never there.
    if (error instanceof TransactionError) console.log(`${order}: ${error.outcome}`);
    else console.log(`${order}: ${(error as Error).message}`);
  }
}

console.log(broker.peek("invoices").map(({ body }) => body).join(", "));
await connection.close();
await broker.close();

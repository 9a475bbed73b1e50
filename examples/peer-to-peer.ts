/** Two programs talk without a broker: one listens and takes links as they come, the other connects and sends. */

import { connect, Container } from "leptonmq";

// The listening side. In real life this is another process, with tls and authenticate.
const container = new Container({ id: "thermometer-hub" });
const listener = await container.listen({ host: "127.0.0.1", port: 0 });
const serving = listener.serve(async (request) => {
  if (request.role !== "receiver" || request.target?.address !== "temperatures") {
    return request.refuse({ condition: "amqp:not-found", description: "send to temperatures" });
  }
  const receiver = await request.accept();
  for await (const { message } of receiver) console.log(`${message.subject}: ${message.body} degrees`);
  console.log("the sender has left");
});

// The connecting side.
const connection = await connect(listener.url);
const sender = await connection.createSender<number>("temperatures");
await sender.send({ subject: "kitchen", body: 21.5 });
await sender.send({ subject: "cellar", body: 12.25 });
await sender.close();

try {
  await connection.createSender("pressures");
} catch (error) {
  console.log(`refused: ${(error as Error).message.includes("send to temperatures")}`);
}

await connection.close();
await listener.close();
await serving;
await container.close();

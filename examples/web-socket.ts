/**
 * AMQP over WebSocket: the embedded broker serves it on the same port as AMQP itself, so that a program and a web page, which can
 * open nothing but a WebSocket, talk over one broker. In Node this needs the package ws: npm install ws
 */

import { connect } from "leptonmq";
import { Broker } from "leptonmq/broker";

const broker = await Broker.start({ webSocket: true });
console.log(broker.webSocketUrl?.replace(/\d+/g, "n")); // the same host and port as broker.url

// The page's side: the path of a ws url is that of the HTTP request, and so the node is named by itself.
const page = await connect(broker.webSocketUrl);
const orders = await page.createSender("orders");
await orders.send({ subject: "tea", body: { cups: 2 } });
await orders.send({ subject: "milk", body: { cups: 1 } });

// The program's side, over TCP.
const program = await connect(broker.url);
const receiver = await program.createReceiver<{ cups: number }>("orders");
for await (const { message } of receiver.take({ max: 2 })) console.log(`${message.subject}: ${message.body.cups}`);

await page.close();
await program.close();
await broker.close();

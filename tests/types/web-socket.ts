/** WebSocket by the public types: connecting, listening and the embedded broker. */

import { connect } from "leptonmq";
import type { Container, Listener, WebSocketListenOptions, WebSocketOptions } from "leptonmq";
import { Broker } from "leptonmq/broker";

const how: WebSocketOptions = { protocols: ["amqp"], headers: { Authorization: "Bearer x" } };
const who: WebSocketListenOptions = { path: "/mq", origins: ["https://shop.example"] };

export async function program(container: Container): Promise<string | undefined> {
  await using connection = await connect("wss://mq.example/", { webSocket: how, tls: { ca: "..." }, address: "orders" });
  const listeners: Listener[] = [
    await container.listen({ port: 0, webSocket: true }),
    await container.listen("ws://127.0.0.1:0/mq", { webSocket: { origins: "*" } }),
    await container.listen({ webSocket: who }),
  ];
  await using broker = await Broker.start({ webSocket: true });
  // @ts-expect-error headers are texts
  await connect("ws://h", { webSocket: { headers: { a: 1 } } });
  // @ts-expect-error origins are a list or "*"
  await container.listen({ webSocket: { origins: "https://shop.example" } });
  return [connection.url, ...listeners.map((one) => one.webSocketUrl), broker.webSocketUrl].find((url) => url !== undefined);
}

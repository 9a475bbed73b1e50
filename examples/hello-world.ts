/** One message to a queue and back, with a handler as in Proton: callbacks say what is to be done when something has happened. */

import { Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent, SenderEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class HelloWorld extends MessagingHandler {
  readonly #url: string;

  constructor(url: string) {
    super();
    this.#url = url;
  }

  override on_start({ container }: Event): void {
    const connection = container.connect(this.#url).endpoint;
    void container.createReceiver(connection, "greetings");
    void container.createSender(connection, "greetings");
  }

  override on_sendable({ sender }: SenderEvent): void {
    void sender.send({ body: "Hello World!" });
    void sender.close();
  }

  override on_message({ message, connection }: IncomingEvent): void {
    console.log(message.body);
    void connection.close();
  }
}

const broker = await Broker.start();
await new Container({ handlers: new HelloWorld(broker.url) }).run(); // ends when everything is closed
await broker.close();

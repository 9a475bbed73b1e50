/** The smallest programs of handlers, through the public door. */

import { expect, test } from "@jest/globals";
import { Container, MessagingHandler } from "../../src/index.ts";
import type { Event, IncomingEvent, OutgoingEvent, SenderEvent } from "../../src/index.ts";
import { withBroker } from "../support/broker.ts";

test("S05 S11 S12 hello world: a class, one connection, and run() ends by itself", () =>
  withBroker({}, async ({ broker }) => {
    const log: string[] = [];
    class HelloWorld extends MessagingHandler {
      override on_start({ container }: Event): void {
        const { endpoint: connection } = container.connect(broker.url);
        void container.createReceiver(connection, "greetings");
        void container.createSender(connection, "greetings");
      }

      override on_sendable({ sender }: SenderEvent): void {
        void sender.send({ body: "hello" });
        void sender.close();
      }

      override on_accepted({ type, delivery }: OutgoingEvent): void {
        log.push(`${type} ${delivery.outcome?.type}`);
      }

      override on_message({ message, connection }: IncomingEvent): void {
        log.push(`message ${String(message.body)}`);
        void connection.close();
      }
    }
    await new Container({ handlers: new HelloWorld() }).run();
    expect(log.sort()).toEqual(["accepted accepted", "message hello"]);
    expect(broker.depth("greetings")).toBe(0);
  }));

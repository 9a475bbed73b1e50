/** Receives so many messages, each accepted when its callback is done: simple-receive.ts [url with the address] [how many] */

import { Container, MessagingHandler, Release } from "leptonmq";
import type { Event, IncomingEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class Receive extends MessagingHandler {
  readonly #url: string;
  readonly #expected: number;
  #received = 0;

  constructor(url: string, expected: number) {
    super();
    this.#url = url;
    this.#expected = expected;
  }

  override on_start({ container }: Event): void {
    void container.createReceiver(this.#url);
  }

  override on_message({ message, connection }: IncomingEvent): void {
    if (this.#received === this.#expected) throw new Release({ delivered: false }); // one that was on its way already
    this.#received += 1;
    console.log(JSON.stringify(message.body));
    if (this.#received === this.#expected) void connection.close();
  }
}

const [url, expected = "3"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
for (let sequence = 1; sequence <= 5; sequence++) broker?.put("examples", { body: { sequence } });
await new Container({ handlers: new Receive(url ?? `${broker?.url}/examples`, Number(expected)) }).run();
if (broker !== undefined) console.log(`${broker.depth("examples")} left`);
await broker?.close();

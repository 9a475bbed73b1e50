/** Receives only what a selector lets through: selected-receive.ts [url with the address] [selector] */

import { Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class Receive extends MessagingHandler {
  readonly #url: string;
  readonly #selector: string;
  readonly #expected: number;
  #received = 0;

  constructor(url: string, selector: string, expected: number) {
    super();
    this.#url = url;
    this.#selector = selector;
    this.#expected = expected;
  }

  override on_start({ container }: Event): void {
    void container.createReceiver(this.#url, undefined, { selector: this.#selector });
  }

  override on_message({ message, connection }: IncomingEvent): void {
    this.#received += 1;
    console.log(`${message.body} ${message.properties["colour"]}`);
    if (this.#received === this.#expected) void connection.close();
  }
}

const [url, selector = "colour = 'green'", expected = "2"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
for (const [body, colour] of [["grass", "green"], ["sky", "blue"], ["frog", "green"], ["rust", "red"]]) broker?.put("examples", { body, properties: { colour: colour ?? "" } });
await new Container({ handlers: new Receive(url ?? `${broker?.url}/examples`, selector, Number(expected)) }).run();
if (broker !== undefined) console.log(`${broker.depth("examples")} left for others`);
await broker?.close();

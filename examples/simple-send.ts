/** Sends as fast as there is credit and ends when all is confirmed: simple-send.ts [url with the address] [how many] */

import { Container, MessagingHandler } from "leptonmq";
import type { Event, OutgoingEvent, SenderEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class Send extends MessagingHandler {
  readonly #url: string;
  readonly #total: number;
  #sent = 0;
  #confirmed = 0;

  constructor(url: string, total: number) {
    super();
    this.#url = url;
    this.#total = total;
  }

  override on_start({ container }: Event): void {
    void container.createSender(this.#url); // the url's path is the address
  }

  override on_sendable({ sender }: SenderEvent): void {
    while (sender.credit > 0 && this.#sent < this.#total) {
      this.#sent += 1;
      void sender.send({ id: this.#sent, body: { sequence: this.#sent } });
    }
  }

  override on_accepted({ connection }: OutgoingEvent): void {
    this.#confirmed += 1;
    if (this.#confirmed < this.#total) return;
    console.log(`all ${this.#total} messages confirmed`);
    void connection.close();
  }
}

const [url, total = "100"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
const handlers = new Send(url ?? `${broker?.url}/examples`, Number(total));
// Under run() a first connect is tried again and again; this program rather ends with the error.
await new Container({ handlers, connection: { reconnect: { initial: false } } }).run();
await broker?.close();

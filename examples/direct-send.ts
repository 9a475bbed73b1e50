/** Listens, and sends to whoever comes to receive, without a broker: direct-send.ts [port] [how many] */

import { connect, Container, MessagingHandler } from "leptonmq";
import type { Event, Listener, OutgoingEvent, SenderEvent } from "leptonmq";

class Send extends MessagingHandler {
  readonly #port: number;
  readonly #total: number;
  readonly #onListening: (listener: Listener) => void;
  #listener!: Listener;
  #sent = 0;
  #confirmed = 0;

  constructor(port: number, total: number, onListening: (listener: Listener) => void) {
    super();
    this.#port = port;
    this.#total = total;
    this.#onListening = onListening;
  }

  override async on_start({ container }: Event): Promise<void> {
    this.#listener = await container.listen({ host: "127.0.0.1", port: this.#port });
    this.#onListening(this.#listener);
  }

  // Links that come in are accepted, unless on_link_opening says otherwise.
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
    void this.#listener.close();
  }
}

const [port, total = "3"] = process.argv.slice(2);
const handler = new Send(Number(port ?? 0), Number(total), async ({ url }) => {
  if (port !== undefined) {
    console.log(`listening on ${url}`);
    return;
  }
  // Nobody else is there to receive.
  const receiver = await (await connect(url)).createReceiver("examples");
  for await (const { message } of receiver) console.log(`received ${JSON.stringify(message.body)}`);
});
await new Container({ handlers: handler }).run();

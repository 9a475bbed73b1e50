/** Listens, and receives from whoever comes to send, without a broker: direct-receive.ts [port] [how many] */

import { connect, Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent, LinkOpeningEvent, Listener } from "leptonmq";

class Receive extends MessagingHandler {
  readonly #port: number;
  readonly #expected: number;
  readonly #onListening: (listener: Listener) => void;
  #listener!: Listener;
  #received = 0;

  constructor(port: number, expected: number, onListening: (listener: Listener) => void) {
    super();
    this.#port = port;
    this.#expected = expected;
    this.#onListening = onListening;
  }

  override async on_start({ container }: Event): Promise<void> {
    this.#listener = await container.listen({ host: "127.0.0.1", port: this.#port });
    this.#onListening(this.#listener);
  }

  // Who wants to receive has come to the wrong place; a request that is not refused is accepted.
  override async on_link_opening({ request }: LinkOpeningEvent): Promise<void> {
    if (request.role === "sender") await request.refuse({ condition: "amqp:not-allowed", description: "send only" });
  }

  override on_message({ message, connection }: IncomingEvent): void {
    this.#received += 1;
    console.log(JSON.stringify(message.body));
    if (this.#received < this.#expected) return;
    void connection.close();
    void this.#listener.close();
  }
}

const [port, expected = "3"] = process.argv.slice(2);
const handler = new Receive(Number(port ?? 0), Number(expected), async ({ url }) => {
  if (port !== undefined) {
    console.log(`listening on ${url}`);
    return;
  }
  // Nobody else is there to send.
  const sender = await (await connect(url)).createSender("examples");
  for (let sequence = 1; sequence <= 3; sequence++) await sender.send({ body: { sequence } });
});
await new Container({ handlers: handler }).run();

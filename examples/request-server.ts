/** Answers requests at their reply-to address, in capitals, until it is stopped: request-server.ts [url] [address] */

import { connect, Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent, Sender } from "leptonmq";
import { Broker } from "leptonmq/broker";

class Server extends MessagingHandler {
  readonly #url: string;
  readonly #address: string;
  #replies!: Sender;

  constructor(url: string, address: string) {
    super();
    this.#url = url;
    this.#address = address;
  }

  override on_start({ container }: Event): void {
    const connection = container.connect(this.#url).endpoint;
    void container.createReceiver(connection, this.#address);
    this.#replies = container.createSender(connection, null).endpoint; // no address: each reply says where it goes
  }

  // The request is accepted when its answer is.
  override async on_message({ message }: IncomingEvent): Promise<void> {
    console.log(`request: ${message.body}`);
    if (message.replyTo === undefined) return;
    await this.#replies.send({ to: message.replyTo, correlationId: message.correlationId ?? message.id, body: String(message.body).toUpperCase() });
  }
}

const [url, address = "examples"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
const container = new Container({ handlers: new Server(url ?? `${broker?.url}`, address) });
process.once("SIGTERM", () => container.stop());
process.once("SIGINT", () => container.stop());
const running = container.run();

if (broker !== undefined) {
  // Nobody else is there to ask.
  const connection = await connect(broker.url);
  const requester = await connection.createRequester(address);
  for (const body of ["Twas brillig,", "and the slithy toves"]) console.log(`reply: ${(await requester.request({ body })).body}`);
  await connection.close();
  container.stop();
}
await running;
await broker?.close();

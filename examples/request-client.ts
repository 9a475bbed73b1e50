/** Asks one question after the other; the answers come to a node that the peer makes for it: request-client.ts [url] [address] */

import { connect, Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent, LinkEvent, Receiver, Sender } from "leptonmq";
import { Broker } from "leptonmq/broker";

class Client extends MessagingHandler {
  readonly #url: string;
  readonly #address: string;
  readonly #requests: string[];
  #sender!: Sender;
  #replies!: Receiver;

  constructor(url: string, address: string, requests: readonly string[]) {
    super();
    this.#url = url;
    this.#address = address;
    this.#requests = [...requests];
  }

  override on_start({ container }: Event): void {
    const connection = container.connect(this.#url).endpoint;
    this.#sender = container.createSender(connection, this.#address).endpoint;
    this.#replies = container.createReceiver(connection, undefined, { dynamic: true }).endpoint;
  }

  override on_link_opened({ receiver }: LinkEvent): void {
    if (receiver === this.#replies) this.#next(); // from now on its address is known
  }

  override on_message({ message, connection }: IncomingEvent): void {
    console.log(`${this.#requests.shift()} => ${message.body}`);
    if (this.#requests.length === 0) void connection.close();
    else this.#next();
  }

  #next(): void {
    void this.#sender.send({ replyTo: this.#replies.remoteSource.address, body: this.#requests[0] });
  }
}

const [url, address = "examples"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
const peer = broker && await connect(broker.url);
await peer?.createResponder<string>(address, ({ body }) => ({ body: body.toUpperCase() })); // nobody else is there to answer

const requests = ["Twas brillig, and the slithy toves", "Did gire and gymble in the wabe.", "All mimsy were the borogroves,", "And the mome raths outgrabe."];
await new Container({ handlers: new Client(url ?? `${broker?.url}`, address, requests) }).run();
await peer?.close();
await broker?.close();

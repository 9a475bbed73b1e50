/** A broker in a hundred lines, on nothing but handlers: queues that are made on first use, and nodes for replies. small-broker.ts [port] */

import { connect, Container, MessagingHandler, Reject, Uuid } from "leptonmq";
import type { Event, IncomingEvent, LinkEvent, LinkOpeningEvent, Message, OutgoingDelivery, OutgoingEvent, Sender, SenderEvent } from "leptonmq";

interface Entry {
  readonly at: number;
  readonly message: Message;
}

/** Messages in their order, and those who wait for them in turn. */
class Queue {
  readonly #entries: Entry[] = [];
  readonly #consumers: Sender[] = [];
  readonly #sent = new Map<OutgoingDelivery, Entry>();
  #count = 0;

  put(message: Message): void {
    this.#entries.push({ at: this.#count++, message });
    this.dispatch();
  }

  subscribe(consumer: Sender): void {
    this.#consumers.push(consumer);
  }

  /** Answers whether nothing is left of the queue. */
  unsubscribe(consumer: Sender): boolean {
    const at = this.#consumers.indexOf(consumer);
    if (at >= 0) this.#consumers.splice(at, 1);
    return this.#consumers.length + this.#entries.length + this.#sent.size === 0;
  }

  /** Sends what it has to those who have credit. */
  dispatch(): void {
    for (let entry = this.#entries[0]; entry !== undefined; entry = this.#entries[0]) {
      const consumer = this.#consumers.find((each) => each.sendable());
      const delivery = consumer?.trySend(entry.message);
      if (consumer === undefined || delivery === undefined) return;
      this.#entries.shift();
      this.#sent.set(delivery, entry);
      this.#consumers.push(...this.#consumers.splice(this.#consumers.indexOf(consumer), 1)); // the next one is for somebody else
    }
  }

  /** The consumer has decided: gone, or back to its place. */
  settle(delivery: OutgoingDelivery, back: boolean): void {
    const entry = this.#sent.get(delivery);
    this.#sent.delete(delivery);
    if (entry === undefined || !back) return;
    const place = this.#entries.findIndex(({ at }) => at > entry.at);
    this.#entries.splice(place < 0 ? this.#entries.length : place, 0, entry);
    this.dispatch();
  }
}

class SmallBroker extends MessagingHandler {
  readonly #queues = new Map<string, Queue>();
  readonly #port: number;
  readonly #onListening: (url: string) => void;

  constructor(port: number, onListening: (url: string) => void) {
    super();
    this.#port = port;
    this.#onListening = onListening;
  }

  override async on_start({ container }: Event): Promise<void> {
    this.#onListening((await container.listen({ host: "127.0.0.1", port: this.#port })).url);
  }

  // A link has the node that it names, or gets one made for it. It is accepted as it is where this does nothing.
  override async on_link_opening({ request }: LinkOpeningEvent): Promise<void> {
    const dynamic = request.role === "sender" ? request.source?.dynamic : request.target?.dynamic;
    if (dynamic === true) await request.accept({ address: Uuid.random().toString() });
  }

  override on_link_opened({ sender }: LinkEvent): void {
    if (sender !== undefined) this.#queueOf(sender.source.address).subscribe(sender);
  }

  override on_sendable({ sender }: SenderEvent): void {
    this.#queueOf(sender.source.address).dispatch();
  }

  override on_message({ message, receiver }: IncomingEvent): void {
    const address = receiver.target.address ?? message.to; // a link without an address is a relay
    if (address === undefined) throw new Reject({ condition: "amqp:not-found", description: "where to?" });
    this.#queueOf(address).put(message);
  }

  override on_accepted(event: OutgoingEvent): void {
    this.#settle(event, false);
  }

  override on_rejected(event: OutgoingEvent): void {
    this.#settle(event, false);
  }

  override on_released(event: OutgoingEvent): void {
    this.#settle(event, true);
  }

  override on_delivery_updated(event: OutgoingEvent): void {
    if (event.error !== undefined) this.#settle(event, true); // the consumer is gone
  }

  // However a link ends: by its own close, with its connection, or with the socket.
  override on_link_final({ sender }: LinkEvent): void {
    if (sender !== undefined && this.#queueOf(sender.source.address).unsubscribe(sender)) this.#queues.delete(sender.source.address ?? "");
  }

  #settle({ delivery, sender }: OutgoingEvent, back: boolean): void {
    this.#queueOf(sender.source.address).settle(delivery, back);
  }

  #queueOf(address: string = ""): Queue {
    const queue = this.#queues.get(address) ?? new Queue();
    this.#queues.set(address, queue);
    return queue;
  }
}

const port = process.argv[2];
const container = new Container({
  handlers: new SmallBroker(Number(port ?? 0), async (url) => {
    console.log(`listening on ${url.replace(/:\d+$/, port === undefined ? "" : "$&")}`);
    if (port !== undefined) return;
    // Nobody else is there to use it.
    const connection = await connect(url);
    const sender = await connection.createSender("fruit");
    for (const body of ["apple", "pear", "plum"]) await sender.send({ body });
    const receiver = await connection.createReceiver("fruit");
    for await (const { message } of receiver.take({ max: 2 })) console.log(`received ${message.body}`);
    await receiver.close();
    await connection.createResponder<string>("questions", ({ body }) => ({ body: `${body}? yes` }));
    const requester = await connection.createRequester("questions");
    console.log((await requester.request({ body: "anybody there" })).body);
    await connection.close();
    container.stop();
  }),
});
process.once("SIGTERM", () => container.stop());
process.once("SIGINT", () => container.stop());
await container.run();

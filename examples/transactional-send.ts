/**
 * Sends in batches, each in a transaction, with handlers as in Proton's tx_send: a batch is in the queue whole or not at all.
 *
 * transactional-send.ts [url with the address] [how many] [batch size]
 */

import { Container, MessagingHandler } from "leptonmq";
import type { Event, Sender, SenderEvent, Transaction, TransactionEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class TxSend extends MessagingHandler {
  readonly #url: string;
  readonly #total: number;
  readonly #batchSize: number;
  #sender!: Sender;
  #transaction: Transaction | undefined;
  #committed = 0;
  #inBatch = 0;

  constructor(url: string, total: number, batchSize: number) {
    super();
    this.#url = url;
    this.#total = total;
    this.#batchSize = batchSize;
  }

  override on_start({ container }: Event): void {
    this.#sender = container.createSender(this.#url).endpoint; // the url's path is the address
    void container.declareTransaction(this.#sender.connection, this);
  }

  override on_transaction_declared({ transaction }: TransactionEvent): void {
    this.#transaction = transaction;
    this.#send();
  }

  override on_sendable(_event: SenderEvent): void {
    this.#send();
  }

  #send(): void {
    while (this.#transaction !== undefined && this.#sender.sendable()) {
      void this.#transaction.send(this.#sender, { id: this.#committed + this.#inBatch, body: { sequence: this.#committed + this.#inBatch } });
      this.#inBatch += 1;
      if (this.#inBatch < this.#batchSize) continue;
      // It waits for the outcome of each of its messages by itself.
      void this.#transaction.commit();
      this.#transaction = undefined;
    }
  }

  override on_transaction_committed({ container, connection }: TransactionEvent): void {
    this.#committed += this.#inBatch;
    this.#inBatch = 0;
    console.log(`${this.#committed} messages committed${broker === undefined ? "" : `, ${broker.depth("examples")} in the queue`}`);
    if (this.#committed < this.#total) void container.declareTransaction(connection, this);
    else void connection.close();
  }
}

const [url, total = "9", batchSize = "3"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
await new Container({ handlers: new TxSend(url ?? `${broker?.url}/examples`, Number(total), Number(batchSize)) }).run();
await broker?.close();

/**
 * Receives in batches, each in a transaction, with handlers as in Proton's tx_recv: an aborted batch comes again.
 *
 * transactional-receive.ts [url with the address] [how many] [batch size]
 */

import { Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent, Receiver, Transaction, TransactionEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class TxReceive extends MessagingHandler {
  readonly #url: string;
  readonly #total: number;
  readonly #batchSize: number;
  #receiver!: Receiver;
  #transaction!: Transaction;
  #inBatch = 0;
  #batches = 0;
  #committed = 0;

  constructor(url: string, total: number, batchSize: number) {
    // Credit for one batch at a time; the transaction settles.
    super({ prefetch: 0, autoAccept: false });
    this.#url = url;
    this.#total = total;
    this.#batchSize = batchSize;
  }

  override on_start({ container }: Event): void {
    this.#receiver = container.createReceiver(this.#url).endpoint; // the url's path is the address
    void container.declareTransaction(this.#receiver.connection, this, { settleBeforeDischarge: true });
  }

  override on_transaction_declared({ transaction }: TransactionEvent): void {
    this.#transaction = transaction;
    this.#inBatch = 0;
    this.#receiver.flow(this.#batchSize);
  }

  override on_message({ message, delivery }: IncomingEvent): void {
    console.log(typeof message.body === "string" ? message.body : JSON.stringify(message.body));
    void this.#transaction.accept(delivery);
    this.#inBatch += 1;
    if (this.#inBatch < this.#batchSize) return;
    this.#batches += 1;
    // The first batch is thought better of.
    void (this.#batches === 1 ? this.#transaction.abort() : this.#transaction.commit());
  }

  override on_transaction_aborted({ container, connection }: TransactionEvent): void {
    console.log("aborted");
    void container.declareTransaction(connection, this, { settleBeforeDischarge: true });
  }

  override on_transaction_committed({ container, connection }: TransactionEvent): void {
    console.log("committed");
    this.#committed += this.#inBatch;
    if (this.#committed < this.#total) void container.declareTransaction(connection, this, { settleBeforeDischarge: true });
    else void connection.close();
  }
}

const [url, total = "4", batchSize = "2"] = process.argv.slice(2);
const broker = url === undefined ? await Broker.start() : undefined;
for (const body of ["one", "two", "three", "four"]) broker?.put("examples", { body });
await new Container({ handlers: new TxReceive(url ?? `${broker?.url}/examples`, Number(total), Number(batchSize)) }).run();
await broker?.close();

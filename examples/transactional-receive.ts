/** Receives in batches, each in a transaction, with handlers as in Proton's tx_recv: an aborted batch comes again. */

import { Container, MessagingHandler } from "leptonmq";
import type { Event, IncomingEvent, Receiver, Transaction, TransactionEvent } from "leptonmq";
import { Broker } from "leptonmq/broker";

class TxReceive extends MessagingHandler {
  readonly #url: string;
  readonly #batchSize: number;
  #receiver!: Receiver;
  #transaction!: Transaction;
  #inBatch = 0;
  #batches = 0;

  constructor(url: string, batchSize: number) {
    // Credit for one batch at a time; the transaction settles.
    super({ prefetch: 0, autoAccept: false });
    this.#url = url;
    this.#batchSize = batchSize;
  }

  override on_start({ container }: Event): void {
    const { endpoint: connection } = container.connect(this.#url);
    this.#receiver = container.createReceiver(connection, "examples").endpoint;
    void container.declareTransaction(connection, this, { settleBeforeDischarge: true });
  }

  override on_transaction_declared({ transaction }: TransactionEvent): void {
    this.#transaction = transaction;
    this.#inBatch = 0;
    this.#receiver.flow(this.#batchSize);
  }

  override on_message({ message, delivery }: IncomingEvent): void {
    console.log(String(message.body));
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
    if (broker.depth("examples") > 0) void container.declareTransaction(connection, this, { settleBeforeDischarge: true });
    else void connection.close();
  }
}

const broker = await Broker.start();
for (const body of ["one", "two", "three", "four"]) broker.put("examples", { body });
await new Container({ handlers: new TxReceive(broker.url, 2) }).run();
await broker.close();

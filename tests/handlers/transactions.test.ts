/** P04: TransactionHandler, in the style of Proton's transactional programs, and what it is told when things go wrong. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Container, MessagingHandler, TransactionError } from "../../src/index.ts";
import type { Connection, Event, Handler, IncomingEvent, Receiver, Sender, SenderEvent, Transaction, TransactionEvent } from "../../src/index.ts";
import { bodies, until, withBroker } from "../support/broker.ts";

/** Sends numbers in batches, each in a transaction. */
class TxSend extends MessagingHandler {
  readonly log: string[] = [];
  readonly #url: string;
  readonly #total: number;
  readonly #batch: number;
  #connection!: Connection;
  #sender!: Sender;
  #transaction: Transaction | undefined = undefined;
  #committed = 0;
  #inBatch = 0;

  constructor(url: string, total: number, batch: number) {
    super();
    this.#url = url;
    this.#total = total;
    this.#batch = batch;
  }

  override on_start({ container }: Event): void {
    this.#connection = container.connect(this.#url).endpoint;
    this.#sender = container.createSender(this.#connection, "q").endpoint;
    void container.declareTransaction(this.#connection, this);
  }

  override on_transaction_declared({ transaction }: TransactionEvent): void {
    this.#transaction = transaction;
    this.#send();
  }

  override on_sendable(_event: SenderEvent): void {
    this.#send();
  }

  #send(): void {
    while (this.#transaction !== undefined && this.#sender.sendable() && this.#inBatch < this.#batch) {
      void this.#transaction.send(this.#sender, { id: this.#committed + this.#inBatch, body: "x" });
      this.#inBatch += 1;
      if (this.#inBatch < this.#batch) continue;
      void this.#transaction.commit();
      this.#transaction = undefined;
    }
  }

  override on_transaction_committed({ connection, container, transaction }: TransactionEvent): void {
    this.log.push(`committed ${transaction.state}`);
    this.#committed += this.#inBatch;
    this.#inBatch = 0;
    if (this.#committed >= this.#total) void connection.close();
    else void container.declareTransaction(connection, this);
  }
}

/** Receives in batches, and aborts the first one. */
class TxRecv extends MessagingHandler {
  readonly log: string[] = [];
  readonly #url: string;
  readonly #batch: number;
  #receiver!: Receiver;
  #transaction: Transaction | undefined = undefined;
  #inBatch = 0;
  #ended = 0;

  constructor(url: string, batch: number) {
    super({ prefetch: 0, autoAccept: false });
    this.#url = url;
    this.#batch = batch;
  }

  override on_start({ container }: Event): void {
    const connection = container.connect(this.#url).endpoint;
    this.#receiver = container.createReceiver(connection, "q").endpoint;
    void container.declareTransaction(connection, this, { settleBeforeDischarge: true });
  }

  override on_transaction_declared({ transaction }: TransactionEvent): void {
    this.#transaction = transaction;
    this.#inBatch = 0;
    this.#receiver.flow(this.#batch);
  }

  override on_message({ message, delivery }: IncomingEvent): void {
    const transaction = this.#transaction as Transaction;
    this.log.push(`message ${String(message.id)}`);
    void transaction.accept(delivery);
    this.#inBatch += 1;
    if (this.#inBatch === this.#batch) void (this.#ended === 0 ? transaction.abort() : transaction.commit());
  }

  override on_transaction_aborted(event: TransactionEvent): void {
    this.#end("aborted", event);
  }

  override on_transaction_committed(event: TransactionEvent): void {
    this.#end("committed", event);
  }

  #end(how: string, { connection, container }: TransactionEvent): void {
    this.log.push(how);
    this.#ended += 1;
    if (this.#ended === 3) void connection.close();
    else void container.declareTransaction(connection, this, { settleBeforeDischarge: true });
  }
}

describe("P04 TransactionHandler", () => {
  test("P04 S11 a program that sends in transactions, batch after batch", () =>
    withBroker({}, async ({ broker }) => {
      const handler = new TxSend(broker.url, 30, 10);
      await new Container({ handlers: handler }).run();
      expect(handler.log).toEqual(["committed committed", "committed committed", "committed committed"]);
      expect(broker.peek("q").map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, id) => id));
    }));

  test("P04 S11 a program that receives in transactions; what an abort gave back comes again", () =>
    withBroker({}, async ({ broker }) => {
      for (let id = 0; id < 4; id++) broker.put("q", { id, body: "x" });
      const handler = new TxRecv(broker.url, 2);
      await new Container({ handlers: handler }).run();
      expect(handler.log).toEqual([
        "message 0", "message 1", "aborted", "message 0", "message 1", "committed", "message 2", "message 3", "committed",
      ]);
      expect(broker.depth("q")).toBe(0);
    }));

  test("P04 what is asked of the endpoint waits for the id", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const receiver = await connection.createReceiver("q");
      const sender = await connection.createSender("out");
      broker.put("q", { body: "in" });
      const delivery = await receiver.receive();
      const opening = connection.container.declareTransaction(connection);
      const { endpoint: tx } = opening;
      expect([tx.id.length, tx.state]).toEqual([0, "active"]);
      expect(() => void sender.send({ body: "x" }, { transaction: tx })).toThrow(/not declared yet/);
      const message = { body: "out" };
      const sending = tx.send(sender, message);
      message.body = "changed later";
      await Promise.all([tx.accept(delivery), sending]);
      await tx.commit();
      expect(await opening).toBe(tx);
      expect(tx.id.length).toBeGreaterThan(0);
      expect(broker.peek("out").map(({ body }) => body)).toEqual(["out"]);
      await until(() => broker.depth("q") === 0);
    }));

  test("P04 a commit and an abort that are called before the id is there wait for it too", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const [one, two] = [connection.container.declareTransaction(connection).endpoint, connection.container.declareTransaction(connection).endpoint];
      await Promise.all([one.commit(), two.abort()]);
      expect([one.state, two.state]).toEqual(["committed", "aborted"]);
    }));

  test("P04 on_transaction_aborted tells of a rollback that nobody asked for, with the error", () =>
    withBroker({}, async ({ broker }) => {
      const told: TransactionEvent[] = [];
      const container = new Container({ handlers: { on_transaction_aborted: (event: TransactionEvent) => told.push(event) } satisfies Handler });
      const connection = await container.connect(broker.url);
      const session = await connection.session();
      const tx = await connection.transaction({ session });
      await session.close();
      await until(() => told.length === 1);
      expect(told[0]).toMatchObject({ type: "transaction_aborted", transaction: tx, connection, session });
      expect(told[0]?.error).toBeInstanceOf(TransactionError);
      await container.close();
    }));

  test("P04 on_transaction_commit_failed, and a commit that nobody awaits is no unhandled rejection", () =>
    withBroker({ transactions: { maxBytes: 1_000 } }, async ({ broker }) => {
      const unhandled: unknown[] = [];
      const note = (error: unknown): void => void unhandled.push(error);
      process.on("unhandledRejection", note);
      try {
        const told: TransactionEvent[] = [];
        const container = new Container();
        const connection = await container.connect(broker.url);
        const sender = await connection.createSender("q", { guarantee: "at-most-once" });
        const tx = await container.declareTransaction(connection, {
          on_transaction_commit_failed: (event) => told.push(event),
          on_transaction_committed: () => { throw new Error("it was not"); },
        });
        await tx.send(sender, { body: "small" });
        await tx.send(sender, { body: new Uint8Array(4_000) });
        void tx.commit();
        await until(() => told.length === 1);
        expect(told[0]?.error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back" });
        expect(told[0]?.transaction.state).toBe("aborted");
        await container.close();
        await new Promise((resolve) => setImmediate(resolve));
        expect(unhandled).toEqual([]);
      } finally {
        process.off("unhandledRejection", note);
      }
    }));

  test("P04 on_transaction_declare_failed where the peer has no transactions; the opening need not be awaited then", async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", note);
    const server = new Container();
    // A MessagingHandler takes every link, but has no coordinator.
    const listener = await server.listen("amqp://127.0.0.1:0", { handler: new MessagingHandler() });
    const container = new Container();
    try {
      const told: TransactionEvent[] = [];
      const connection = await container.connect(listener.url);
      void container.declareTransaction(connection, { on_transaction_declare_failed: (event) => told.push(event) });
      await until(() => told.length === 1);
      expect(told[0]?.error).toMatchObject({ code: "transaction-failed", outcome: "rolled-back", condition: "amqp:not-implemented" });
      expect(told[0]?.connection).toBe(connection);
      // An ordinary link is still taken.
      await (await connection.createSender("q")).close();
      await new Promise((resolve) => setImmediate(resolve));
      expect(unhandled).toEqual([]);
    } finally {
      process.off("unhandledRejection", note);
      await container.close();
      await server.close();
    }
  });

  test("P04 the closest scope hears: the transaction's own handler, else the session's, else the connection's, else the container's", () =>
    withBroker({}, async ({ broker }) => {
      const log: string[] = [];
      const handler = (name: string): Handler => ({ on_transaction_declared: () => void log.push(`${name} declared`), on_transaction_committed: () => void log.push(`${name} committed`) });
      const container = new Container({ handlers: handler("container") });
      const connection = await container.connect(broker.url);
      const session = await connection.session({ handler: { on_transaction_committed: () => void log.push("session committed") } });
      const own = await container.declareTransaction(session, { on_transaction_declared: () => void log.push("own declared") });
      await own.commit();
      await (await connection.transaction()).commit();
      await until(() => log.length === 4);
      expect(log).toEqual(["own declared", "session committed", "container declared", "container committed"]);
      await container.close();
    }));

  test("P04 on_accepted is told of what is sent in a transaction, with its provisional outcome", () =>
    withBroker({}, async ({ broker, connect }) => {
      const log: unknown[] = [];
      const container = new Container();
      const connection = await container.connect(broker.url);
      const sender = await connection.createSender("q", { handler: { on_accepted: ({ delivery }) => log.push(delivery.remoteState?.type, delivery.outcome?.type) } satisfies Handler });
      await connection.transaction(async (tx) => { await tx.send(sender, { body: "x" }); });
      expect(log).toEqual(["transactional", "accepted"]);
      await container.close();
      expect(await bodies(await (await connect()).createReceiver("q"), 1)).toEqual(["x"]);
    }));

  test("P04 misuse of declareTransaction is told at the call", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const { container } = connection;
      const [one, two] = [await connection.session(), await connection.session()];
      expect(() => container.declareTransaction("amqp://x" as never)).toThrow(ConfigError);
      expect(() => container.declareTransaction(connection, "handler" as never)).toThrow(/must be an object/);
      expect(() => container.declareTransaction(one, undefined, { session: two })).toThrow(/another one/);
      expect(() => container.declareTransaction(connection, undefined, { settle: true } as never)).toThrow(/no option "settle"/);
    }));
});

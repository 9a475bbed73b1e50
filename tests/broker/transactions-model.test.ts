/** Random transactions against the broker, beside a model of what must be in the queues in the end. */

import { expect, test } from "@jest/globals";
import fc from "fast-check";
import type { Connection, IncomingDelivery, Receiver, Sender, Session, Transaction } from "../../src/container/public.ts";
import { until, withBroker } from "../support/broker.ts";

type Step =
  | { readonly do: "send"; readonly in: "transaction" | "nothing"; readonly queue: number; readonly size: number }
  | { readonly do: "take"; readonly in: "transaction" | "nothing"; readonly queue: number; readonly outcome: "accepted" | "rejected" | "released" }
  | { readonly do: "commit" | "abort" | "drop" };

const QUEUES = ["q0", "q1"];

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("send" as const), in: fc.constantFrom("transaction" as const, "nothing" as const), queue: fc.nat(1), size: fc.constantFrom(1, 1, 1, 3_000) }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("take" as const), in: fc.constantFrom("transaction" as const, "nothing" as const), queue: fc.nat(1), outcome: fc.constantFrom("accepted" as const, "accepted" as const, "rejected" as const, "released" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("commit" as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("abort" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const) }) },
);

/** One client with a transaction that is always open, and what the queues must hold when nothing is under way. */
class Walk {
  readonly #connect: () => Promise<Connection>;
  readonly present = QUEUES.map(() => new Set<string>());
  #next = 0;
  #session!: Session;
  #senders: Sender[] = [];
  #receivers: Receiver<unknown>[] = [];
  #transaction!: Transaction;
  /** What the open transaction will do at its commit. */
  #effects: (() => void)[] = [];
  /** What it has retired: ours again after an abort. */
  #retired: IncomingDelivery[] = [];

  constructor(connect: () => Promise<Connection>) {
    this.#connect = connect;
  }

  async begin(): Promise<void> {
    const connection = await this.#connect();
    this.#session = await connection.session();
    this.#senders = await Promise.all(QUEUES.map((queue) => this.#session.createSender(queue)));
    this.#receivers = await Promise.all(QUEUES.map((queue) => this.#session.createReceiver(queue, { prefetch: 0 })));
    await this.#declare();
  }

  async run(one: Step): Promise<void> {
    switch (one.do) {
      case "send": return this.#send(one.queue, one.size, one.in === "transaction");
      case "take": return this.#take(one.queue, one.outcome, one.in === "transaction");
      case "commit":
        await this.#transaction.commit();
        for (const effect of this.#effects) effect();
        return this.#declare();
      case "abort":
        await this.#transaction.abort();
        for (const delivery of this.#retired) await delivery.release();
        return this.#declare();
      case "drop":
        // Outcomes told outside of the transaction have left when this has been answered.
        await (await this.#session.connection.transaction({ session: this.#session })).abort();
        await this.#session.connection.close({ timeout: 0 });
        return this.begin();
    }
  }

  async end(): Promise<void> {
    await this.#session.connection.close();
  }

  async #declare(): Promise<void> {
    this.#effects = [];
    this.#retired = [];
    this.#transaction = await this.#session.connection.transaction({ session: this.#session });
  }

  async #send(queue: number, size: number, inTransaction: boolean): Promise<void> {
    const id = `m-${this.#next++}`;
    const message = { id, body: new Uint8Array(size) };
    const sender = this.#senders[queue] as Sender;
    if (inTransaction) {
      await this.#transaction.send(sender, message);
      this.#effects.push(() => this.present[queue]?.add(id));
    } else {
      await sender.send(message);
      this.present[queue]?.add(id);
    }
  }

  async #take(queue: number, outcome: "accepted" | "rejected" | "released", inTransaction: boolean): Promise<void> {
    const receiver = this.#receivers[queue] as Receiver<unknown>;
    await receiver.drain(1);
    const delivery = receiver.tryReceive();
    if (delivery === undefined) return;
    const id = delivery.message.id as string;
    const gone = (): void => {
      if (outcome !== "released") this.present[queue]?.delete(id);
    };
    if (inTransaction) {
      await this.#transaction.update(delivery, outcome);
      this.#retired.push(delivery);
      this.#effects.push(gone);
    } else {
      await delivery.settle(outcome);
      gone();
    }
  }
}

test("X13 P04 whatever is done in transactions and beside them, the queues hold what was committed, each message once", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) =>
      withBroker({}, async ({ broker, connect }) => {
        const walk = new Walk(() => connect({ maxFrameSize: 1024 }));
        await walk.begin();
        for (const one of steps) await walk.run(one);
        await walk.end();
        const held = (): string[][] => QUEUES.map((queue) => broker.peek(queue).map(({ id }) => id as string).sort());
        const expected = walk.present.map((ids) => [...ids].sort());
        await until(() => JSON.stringify(held()) === JSON.stringify(expected)).catch(() => {});
        expect(held()).toEqual(expected);
      })),
    { numRuns: 40 },
  );
}, 60_000);

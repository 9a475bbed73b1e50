/** Handlers for each delivery at real brokers: some at a time, credit by settlement, and what becomes of a delivery whose handler fails. */
import { describe, expect, test } from "@jest/globals";
import { connect } from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import type { BrokerName } from "./support/brokers.ts";
import { queueOn, useBrokers } from "./support/brokers.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis");

/** RabbitMQ 3 sends past its credit by as much as it was last given, where it got more before it had used up the former. */
describe.each([["rabbitmq3", 40], ["rabbitmq4", 20], ["activemq", 20], ["artemis", 20]] as const)("consume at %s", (name: BrokerName, bound: number) => {
  test("J06 J07 five at a time; a handler that fails gives back its delivery alone, which comes again", async () => {
    const one = broker(name);
    const queue = queueOn(name, 14);
    await using connection = await connect(one.url, { reconnect: false });
    const sender = await connection.createSender(queue);
    await Promise.all(Array.from({ length: 60 }, (_, n) => sender.send({ id: `m-${n}`, body: n, durable: true })));
    const receiver = await connection.createReceiver(queue, { prefetch: 20 });
    const done = new Set<string>();
    const five = new Deferred();
    let [running, most, held, failures, calls] = [0, 0, 0, 0, 0];
    await receiver.consume(async ({ message }) => {
      calls += 1;
      most = Math.max(most, ++running);
      held = Math.max(held, receiver.unsettled.size);
      try {
        // The first five wait for each other.
        if (running === 5) five.resolve();
        await five.promise;
        const id = message.id as string;
        // Every tenth fails once.
        if (id.endsWith("0") && failures < 6 && !done.has(`failed ${id}`)) {
          done.add(`failed ${id}`);
          failures += 1;
          throw new Error("a handler that fails");
        }
        done.add(id);
      } finally {
        running -= 1;
        if ([...done].filter((id) => id.startsWith("m-")).length === 60) void receiver.stop();
      }
    }, { concurrency: 5, onError: () => undefined });
    expect([most, held <= bound, failures, calls]).toEqual([5, true, 6, 66]);
    expect([connection.state.remote, receiver.state.remote, sender.state.remote]).toEqual(["active", "active", "active"]);
    expect(Array.from({ length: 60 }, (_, n) => `m-${n}`).filter((id) => !done.has(id))).toEqual([]);
  });
});

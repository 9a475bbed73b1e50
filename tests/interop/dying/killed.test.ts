/**
 * Real brokers killed with SIGKILL under load, with a thousand deliveries unsettled in each direction, and started again (FT11, FT13): what
 * was reported accepted is received, nothing is reported accepted without a disposition, and what was in doubt ends accepted.
 *
 * LEPTONMQ_DYING_MESSAGES (default 5,000) and LEPTONMQ_DYING_KILLS (default 1) make it longer: further kills come while messages flow.
 */
import { describe, expect, test } from "@jest/globals";
import { connect } from "../../../src/index.ts";
import type { Connection, ConnectionStatus, IncomingDelivery, Sender } from "../../../src/index.ts";
import { fresh } from "../support/brokers.ts";
import type { BrokerName } from "../support/brokers.ts";
import { Ledger } from "../support/ledger.ts";
import { useMortals } from "../support/mortals.ts";
import type { Mortal } from "../support/mortals.ts";

const MESSAGES = Number(process.env["LEPTONMQ_DYING_MESSAGES"] ?? 5_000);
const KILLS = Number(process.env["LEPTONMQ_DYING_KILLS"] ?? 1);
const UNSETTLED = 1_000;
const SENDERS = 16; // RabbitMQ 4 grants a link 170
const TIMEOUT = 90_000 + MESSAGES * 3 + KILLS * 30_000;

const mortal = useMortals("rabbitmq3", "rabbitmq4", "activemq", "artemis");

interface Way {
  readonly name: string;
  readonly broker: BrokerName;
  readonly address: string;
}

const ways: readonly Way[] = [
  { name: "rabbitmq3", broker: "rabbitmq3", address: "/amq/queue/test-1" },
  { name: "rabbitmq4", broker: "rabbitmq4", address: "/queues/test-1" },
  { name: "activemq", broker: "activemq", address: fresh("killed") },
  { name: "artemis", broker: "artemis", address: fresh("killed") },
];

describe.each(ways)("FT11 FT13 $name killed under load", (way) => {
  test("what was reported accepted is received after the restart, and what was in doubt ends accepted", async () => {
    const broker = mortal(way.broker);
    await using producer = await connect(broker.url, { reconnect: { maxDelay: 1_000 } });
    await using consumer = await connect(broker.url, { reconnect: { maxDelay: 1_000 } });
    const { address } = way;
    const senders = await Promise.all(Array.from({ length: SENDERS }, () => producer.createSender(address)));
    const receiver = await consumer.createReceiver(address, { autoAccept: false, prefetch: 2 * UNSETTLED });
    const ledger = new Ledger();
    const early = UNSETTLED + 200;
    const first = early + 2_500;

    const held: IncomingDelivery[] = [];
    let holding = true;
    const taking = ledger.take(receiver, MESSAGES, (delivery) => holding && held.push(delivery) > 0);

    const sends = start(ledger, senders, 0, early);
    await Promise.all(sends);
    await until("the consumer holds them", () => held.length >= UNSETTLED);
    broker.signal("SIGSTOP");
    const later = start(ledger, senders, sends.length, first);
    await until("a thousand sends are unsettled", () => unsettled(senders) >= UNSETTLED);
    const lost = next(producer, "disconnected");
    const lostByConsumer = next(consumer, "disconnected");
    const atKill = { sends: unsettled(senders), held: held.length };
    await Promise.all([broker.kill(), lost, lostByConsumer]);
    const acceptedAtLoss = ledger.accepted.size;
    holding = false;
    const stale = await Promise.allSettled(held.map((delivery) => delivery.accept()));
    expect(ledger.accepted.size).toBe(acceptedAtLoss); // I7: nobody was there to accept anything
    const recovered = next(producer, "recovered");
    await broker.revive();
    const { resent, inDoubt } = await recovered;
    await Promise.all(later);

    await killAgain(broker, ledger, senders, first);
    await taking;

    expect([atKill.sends >= UNSETTLED, atKill.held >= UNSETTLED]).toEqual([true, true]);
    expect(new Set(stale.map((one) => one.status === "rejected" && (one.reason as { code: string }).code))).toEqual(new Set(["stale-delivery"]));
    expect({ failures: ledger.failures, withoutOutcome: ledger.withoutOutcome, accepted: ledger.accepted.size, lost: ledger.lost(), inDoubt })
      .toEqual({ failures: [], withoutOutcome: [], accepted: MESSAGES, lost: [], inDoubt: 0 });
    expect(resent).toBeGreaterThan(0);
    expect(ledger.resent).toBeGreaterThanOrEqual(resent);
    if (KILLS > 1) process.stderr.write(`${way.name}: ${MESSAGES} sent, ${KILLS} kills, ${atKill.sends} sends and ${atKill.held} deliveries unsettled at the first, ${ledger.resent} sent again, ${ledger.duplicates} came twice, 0 lost\n`);
  }, TIMEOUT);
});

/** Sends the rest while the consumer takes, and kills the broker each time that a share of it is accepted. */
async function killAgain(broker: Mortal, ledger: Ledger, senders: readonly Sender[], from: number): Promise<void> {
  const share = (MESSAGES - from) / KILLS;
  for (let n = 0; n < KILLS; n++) {
    const [begin, end] = [from + Math.round(n * share), from + Math.round((n + 1) * share)];
    const sends = start(ledger, senders, begin, end);
    if (n > 0) {
      await ledger.untilAccepted(begin + Math.round((end - begin) / 3));
      await broker.kill();
      await broker.revive();
    }
    await Promise.all(sends);
  }
}

/** Starts the sends of the numbers from `begin` up to `end`, by turns on each sender. */
function start(ledger: Ledger, senders: readonly Sender[], begin: number, end: number): Promise<void>[] {
  return Array.from({ length: end - begin }, (_, n) => ledger.send(senders[n % senders.length] as Sender, begin + n));
}

const unsettled = (senders: readonly Sender[]): number => senders.reduce((sum, { unsettled: { size } }) => sum + size, 0);

/** Resolves with the next status of that type. */
async function next<T extends ConnectionStatus["type"]>(connection: Connection, type: T): Promise<Extract<ConnectionStatus, { type: T }>> {
  for await (const status of connection.status()) if (status.type === type) return status as Extract<ConnectionStatus, { type: T }>;
  throw new Error(`the connection ended before it was ${type}`);
}

/** Resolves when the condition holds. @throws Error after 60 s */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (const limit = Date.now() + 60_000; !holds(); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > limit) throw new Error(`it did not come to this within 60 s: ${what}`);
  }
}

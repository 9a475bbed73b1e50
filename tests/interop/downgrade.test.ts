/**
 * X.10 at real brokers, none of which recovers links: an exactly-once link is refused as guarantee-not-supported, or keeps its fallback; after a
 * lost connection each send has the explicit result of its policy, and the link says that it is downgraded.
 */
import { describe, expect, test } from "@jest/globals";
import { connect, InDoubtError, LinkError } from "../../src/index.ts";
import { FaultProxy } from "../../src/testing.ts";
import type { Connection } from "../../src/index.ts";
import { fresh, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { empty } from "./support/ours.ts";

const NAMES = ["rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton"] as const;
const broker = useBrokers(...NAMES);

/** How each says that it does not have rcv-settle-mode second: RabbitMQ ends the session, the others attach with first. */
const refusals: Readonly<Record<BrokerName, string | undefined>> = {
  rabbitmq3: "amqp:not-implemented", rabbitmq4: "amqp:not-implemented", activemq: undefined, artemis: undefined, proton: undefined,
};

const FALLBACK = { guarantee: "exactly-once", guaranteeFallback: "at-least-once" } as const;
const QUICK = { timeout: 20_000, reconnect: { initialDelay: 10, maxDelay: 100 } } as const;

describe.each(NAMES)("X.10 exactly-once at %s", (name) => {
  test("S16 without a fallback: guarantee-not-supported, of senders and receivers, and other links live on", async () => {
    await using connection = await connect(broker(name).url, { reconnect: false });
    const address = queueOn(name, 33);
    const other = await connection.createSender(address);
    for (const opening of [connection.createSender(address, { guarantee: "exactly-once" }), connection.createReceiver(address, { guarantee: "exactly-once" })]) {
      const refused = await opening.catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(LinkError);
      expect(refused).toMatchObject({ code: "guarantee-not-supported", condition: refusals[name] });
    }
    await other.send({ body: "still here" });
    expect(connection.state).toEqual({ local: "active", remote: "active" });
    await empty(connection, address);
  });

  test("S16 with a fallback it says what it keeps, and carries messages", async () => {
    await using connection = await connect(broker(name).url, { reconnect: false });
    const address = queueOn(name, 33);
    await empty(connection, address);
    const [sender, receiver] = await Promise.all([connection.createSender(address, FALLBACK), connection.createReceiver<string>(address, FALLBACK)]);
    expect([sender.guarantee, receiver.guarantee, sender.recovery, receiver.recovery]).toEqual(["at-least-once", "at-least-once", "new", "new"]);
    await sender.send({ body: "over the fallback" });
    const delivery = await receiver.receive({ timeout: 20_000 });
    expect(delivery.message.body).toBe("over the fallback");
    await delivery.accept();
  });

  test.each(["resend", "fail"] as const)("S16 a send that loses its outcome, onInDoubt: %s", async (onInDoubt) => {
    const { url } = broker(name);
    await using way = await FaultProxy.start(url);
    await using direct = await connect(url, { reconnect: false });
    const address = queueOn(name, 34);
    await empty(direct, address);
    const arrivals = await direct.createReceiver<string>(address);
    await using connection = await connect(way.url, QUICK);
    const sender = await connection.createSender<string>(address, { ...FALLBACK, onInDoubt });
    const recovered = recovery(connection);
    way.pause("down");
    const sending = sender.send({ id: fresh("m"), body: "once", durable: true });
    const told = sending.catch((error: unknown) => error);
    await (await arrivals.receive({ timeout: 20_000 })).accept();
    way.cut();
    way.resume();
    const { resent, inDoubt } = await recovered;
    if (onInDoubt === "resend") {
      expect((await sending).outcome).toEqual({ type: "accepted" });
      await (await arrivals.receive({ timeout: 20_000 })).accept();
      expect([resent, inDoubt]).toEqual([1, 0]);
    } else {
      expect(await told).toBeInstanceOf(InDoubtError);
      expect([resent, inDoubt]).toEqual([0, 1]);
    }
    await sender.send({ id: fresh("m"), body: "afterwards", durable: true });
    expect([sender.recovery, sender.guarantee, sender.unsettled.size]).toEqual(["downgraded", "at-least-once", 0]);
    expect((await arrivals.receive({ timeout: 20_000 })).message.body).toBe("afterwards");
  });
});

// Proton's example broker forgets what a lost connection had in hand.
test.each(NAMES.filter((name) => name !== "proton"))("S16 X.10 a delivery in hand at the drop, at %s: stale-delivery, and it comes again", async (name) => {
  const { url } = broker(name);
  await using way = await FaultProxy.start(url);
  await using direct = await connect(url, { reconnect: false });
  const address = queueOn(name, 35);
  await empty(direct, address);
  await (await direct.createSender(address)).send({ id: fresh("m"), body: "again", durable: true });
  await using connection = await connect(way.url, QUICK);
  const receiver = await connection.createReceiver<string>(address, FALLBACK);
  const first = await receiver.receive({ timeout: 20_000 });
  const recovered = recovery(connection);
  way.cut();
  way.resume();
  await recovered;
  expect(await first.accept().catch((error: unknown) => error)).toMatchObject({ code: "stale-delivery" });
  const second = await receiver.receive({ timeout: 20_000 });
  expect([second.message.body, second.message.id]).toEqual(["again", first.message.id]);
  await second.accept();
  expect(receiver.recovery).toBe("downgraded");
});

/** What the connection says when it is back. */
async function recovery(connection: Connection): Promise<{ readonly resent: number; readonly inDoubt: number }> {
  for await (const status of connection.status()) if (status.type === "recovered") return status;
  throw new Error("the connection did not come back");
}

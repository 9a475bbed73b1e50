/** Programs about senders and what becomes of a message: compiled, never run. */

import { expectTypeOf } from "expect-type";
import {
  AmqpError, ConfigError, connect, EncodeError, InDoubtError, LinkError, ModifiedError, NotSentError, RejectedError, ReleasedError, SendError,
  streamed, TimeoutError, Uuid,
} from "leptonmq";
import type {
  Bytes, Connection, DeliveryState, ErrorInit, Guarantee, Link, OutgoingDelivery, Sender, SenderOptions, SendOptions, SendOutcome, Source, Target,
  TargetInit, Unsettled,
} from "leptonmq";

interface Order {
  id: number;
  lines: string[];
}

export async function send(connection: Connection, signal: AbortSignal): Promise<void> {
  await using sender = await connection.createSender<Order>("orders");
  expectTypeOf(sender).toEqualTypeOf<Sender<Order>>();
  const options: SendOptions = { timeout: 1_000, signal, tag: "a", settled: false, messageFormat: 0 };
  const delivery = await sender.send({ body: { id: 1, lines: [] }, id: 1n, durable: true, ttl: 1_000, properties: { retry: 1 } }, options);
  expectTypeOf(delivery).toEqualTypeOf<OutgoingDelivery>();
  await sender.send({ body: { id: 1, lines: [] } }, { tag: Uuid.random() });
  await sender.send({ body: { id: 1, lines: [] } }, { tag: new Uint8Array(4) });
  // @ts-expect-error the body is not an order
  await sender.send({ body: { id: "one" } });
}

export function outgoing(delivery: OutgoingDelivery): void {
  expectTypeOf(delivery.link).toEqualTypeOf<Sender>();
  expectTypeOf(delivery.tag).toEqualTypeOf<Bytes>();
  expectTypeOf(delivery.settled).toBeBoolean();
  expectTypeOf(delivery.localState).toEqualTypeOf<DeliveryState | undefined>();
  expectTypeOf(delivery.remoteState).toEqualTypeOf<DeliveryState | undefined>();
  expectTypeOf(delivery.settlement).toEqualTypeOf<Promise<OutgoingDelivery>>();
  expectTypeOf(delivery.outcome).toEqualTypeOf<SendOutcome | undefined>();
  expectTypeOf(delivery.writable).toBeBoolean();
  delivery.abort();
}

/** Fills the link as fast as its credit lets it, and reads what became of each. */
export async function asFastAsItGoes(sender: Sender, bodies: string[]): Promise<string[]> {
  const deliveries: OutgoingDelivery[] = [];
  for (const body of bodies) {
    while (!sender.sendable()) await sender.ready({ timeout: 5_000 });
    const delivery = sender.trySend({ body });
    expectTypeOf(delivery).toEqualTypeOf<OutgoingDelivery | undefined>();
    if (delivery !== undefined) deliveries.push(delivery);
  }
  const settled = await Promise.all(deliveries.map((delivery) => delivery.settlement));
  return settled.map((delivery) => {
    const { outcome } = delivery;
    if (outcome === undefined) return "none";
    switch (outcome.type) {
      case "accepted":
      case "released": return outcome.type;
      case "rejected": return outcome.error?.condition ?? "rejected";
      case "modified": return `${outcome.deliveryFailed} ${outcome.undeliverableHere} ${Object.keys(outcome.annotations).join()}`;
      case "in-doubt":
      case "not-sent": return String(outcome.cause);
    }
  });
}

export async function sendMany(sender: Sender<number>): Promise<number> {
  async function* numbers(): AsyncGenerator<{ body: number }> {
    yield { body: await Promise.resolve(1) };
  }
  let count = 0;
  for await (const delivery of sender.sendAll(numbers(), { concurrency: 100 })) {
    expectTypeOf(delivery).toEqualTypeOf<OutgoingDelivery>();
    count++;
  }
  for await (const delivery of sender.sendAll([{ body: 1 }, { body: 2 }])) if (delivery.settled) count++;
  return count;
}

export async function failures(sender: Sender): Promise<ErrorInit | string | undefined> {
  try {
    await sender.send({ body: 1 });
  } catch (error) {
    if (error instanceof RejectedError) return error.outcome.error;
    if (error instanceof ModifiedError) return String(error.outcome.undeliverableHere);
    if (error instanceof ReleasedError) return error.outcome.type;
    if (error instanceof InDoubtError || error instanceof NotSentError) return String(error.outcome.cause);
    if (error instanceof SendError) {
      expectTypeOf(error.delivery).toEqualTypeOf<OutgoingDelivery | undefined>();
      expectTypeOf(error.outcome).toEqualTypeOf<Exclude<SendOutcome, { type: "accepted" }>>();
    }
    if (error instanceof EncodeError || error instanceof ConfigError || error instanceof TimeoutError || error instanceof LinkError) return error.code;
    if (error instanceof AmqpError) return `${error.scope} ${error.origin} ${error.retryable} ${error.condition ?? ""}`;
  }
  return undefined;
}

export function theLink(sender: Sender): void {
  expectTypeOf(sender).toExtend<Link>();
  expectTypeOf(sender.isSender).toEqualTypeOf<true>();
  expectTypeOf(sender.isReceiver).toEqualTypeOf<false>();
  expectTypeOf(sender.credit).toBeNumber();
  expectTypeOf(sender.queued).toBeNumber();
  expectTypeOf(sender.name).toBeString();
  expectTypeOf(sender.guarantee).toEqualTypeOf<Guarantee>();
  expectTypeOf(sender.source).toEqualTypeOf<Source>();
  expectTypeOf(sender.remoteTarget).toEqualTypeOf<Target>();
  expectTypeOf(sender.remoteTarget.address).toEqualTypeOf<string | undefined>();
  expectTypeOf(sender.unsettled).toEqualTypeOf<Unsettled<OutgoingDelivery>>();
  expectTypeOf(sender.unsettled.get("tag")).toEqualTypeOf<OutgoingDelivery | undefined>();
  for (const delivery of sender.unsettled) delivery.abort();
  expectTypeOf(sender.drained()).toBeNumber();
  expectTypeOf(sender.draining).toBeBoolean();
  sender.offered(5);
}

export async function linkOptions(connection: Connection): Promise<void> {
  const options: SenderOptions = {
    name: "mine", guarantee: "exactly-once", guaranteeFallback: "at-least-once", properties: { a: 1 }, offeredCapabilities: "x",
    desiredCapabilities: ["DELAYED_DELIVERY"], maxMessageSize: 1_000, source: "here", tags: () => new Uint8Array(2), autoSettle: false,
    sndSettleMode: "mixed", rcvSettleMode: "first", timeout: 10,
  };
  const target: TargetInit = { address: "a", capabilities: ["queue"], durability: "unsettled-state", expiryPolicy: "never", timeout: 60_000, dynamic: false };
  const sender = await connection.createSender(target, options);
  const relay = await connection.createSender(null);
  await relay.send({ to: "elsewhere", body: "x" });
  await sender.detach({ timeout: 100 });
  await sender.close({ error: { condition: "amqp:internal-error" } });
  // @ts-expect-error there is no such guarantee
  await connection.createSender("a", { guarantee: "twice" });
}

/** A send that is not awaited is a floating promise on purpose here: its failure must reach somebody. */
export function fireAndWatch(sender: Sender): Promise<unknown> {
  return sender.send({ body: null }).catch((error: unknown) => error);
}

export const connectAndSend = async (): Promise<OutgoingDelivery> => {
  const connection = connect("amqp://localhost");
  const sender = connection.endpoint.createSender("q");
  return await sender.endpoint.send({ body: new Uint8Array(3) });
};

/** Bodies that are asked for, and bodies that are written. */
export async function streams(sender: Sender, input: ReadableStream<Uint8Array>): Promise<OutgoingDelivery> {
  await sender.send({ id: 1, body: streamed(async function* (offset) { yield new Uint8Array(offset); }, { length: 10 }) });
  const stream = sender.stream({ subject: "x" }, { timeout: 1_000 });
  expectTypeOf(stream).toExtend<WritableStream<Uint8Array>>();
  expectTypeOf(stream.delivery).toEqualTypeOf<Promise<OutgoingDelivery>>();
  await input.pipeTo(stream);
  return stream.delivery;
}

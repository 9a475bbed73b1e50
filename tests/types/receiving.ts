/** Programs about receivers and deliveries: compiled, never run. */

import { expectTypeOf } from "expect-type";
import type {
  Bytes, Connection, ConsumeOptions, DeliveryStateInit, IncomingDelivery, Message, Receiver, ReceiverOptions, Settling, SourceInit,
} from "leptonmq";

interface Order {
  id: number;
}

/** Accepted when the loop asks for the next one. */
export async function loop(connection: Connection): Promise<number> {
  await using receiver = await connection.createReceiver<Order>("orders");
  expectTypeOf(receiver).toEqualTypeOf<Receiver<Order>>();
  let sum = 0;
  for await (const delivery of receiver) {
    expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery<Order>>();
    expectTypeOf(delivery.message).toEqualTypeOf<Message<Order>>();
    sum += delivery.message.body.id;
    if (sum > 10) {
      delivery.accept();
      break;
    }
  }
  return sum;
}

export async function takes(receiver: Receiver<string>, signal: AbortSignal): Promise<string[]> {
  const texts: string[] = [];
  for await (const { message } of receiver.take({ max: 10, idle: 1_000, drain: true, signal })) texts.push(message.body);
  for await (const batch of receiver.batches(100, { within: 50, signal })) {
    expectTypeOf(batch).toEqualTypeOf<IncomingDelivery<string>[]>();
    texts.push(...batch.map((delivery) => delivery.message.text()));
  }
  return texts;
}

export async function oneByOne(receiver: Receiver): Promise<void> {
  const delivery = await receiver.receive({ timeout: 1_000 });
  expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery>();
  expectTypeOf(delivery.message.body).toBeUnknown();
  delivery.accept();
  expectTypeOf(receiver.tryReceive()).toEqualTypeOf<IncomingDelivery | undefined>();
  expectTypeOf(await receiver.receiveBatch(10, { within: 100 })).toEqualTypeOf<IncomingDelivery[]>();
  using inHand = await receiver.receive();
  await inHand.accept();
}

export async function workers(receiver: Receiver<Order>, stop: AbortSignal): Promise<void> {
  const options: ConsumeOptions<Order> = {
    concurrency: 8, key: (delivery) => delivery.message.body.id, drain: 1_000, signal: stop,
    onError: (error, delivery) => delivery.reject(error instanceof Error ? error : undefined),
  };
  await receiver.consume(async (delivery, { signal }) => {
    expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery<Order>>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    await Promise.resolve(delivery.message.body.id);
  }, options);
  await receiver.consume(() => undefined, { onError: "release" });
  await receiver.stop({ timeout: 10 });
}

export async function settling(delivery: IncomingDelivery): Promise<void> {
  const settled: Settling = delivery.accept();
  await settled;
  await delivery.reject({ condition: "amqp:invalid-field", description: "no", info: { at: 1 } });
  await delivery.reject("no");
  await delivery.reject(new Error("no"));
  await delivery.release();
  await delivery.release({ delivered: true });
  await delivery.modify({ deliveryFailed: true, undeliverableHere: false, annotations: { "x-opt-why": "no" } });
  await delivery.settle();
  const states: DeliveryStateInit[] = ["accepted", "released", "rejected", "modified", { type: "accepted" }];
  for (const state of states) await delivery.settle(state);
  delivery.update({ type: "received", section: 5, offset: 1_024 });
  // @ts-expect-error there is no such outcome
  delivery.settle("lost");
  expectTypeOf(delivery.tag).toEqualTypeOf<Bytes>();
  expectTypeOf(delivery.partial).toBeBoolean();
  expectTypeOf(delivery.readable).toBeBoolean();
  expectTypeOf(delivery.link).toEqualTypeOf<Receiver>();
}

/** Not awaiting a settlement is safe, and the linter knows it. */
export function unawaited(delivery: IncomingDelivery): void {
  delivery.accept();
  delivery.release();
}

export async function byHand(connection: Connection): Promise<number> {
  const source: SourceInit = {
    address: "orders", capabilities: "queue", durability: "none", expiryPolicy: "session-end", timeout: 0, filter: { x: 1 }, distributionMode: "copy",
    outcomes: ["amqp:accepted:list"], defaultOutcome: "released", properties: {},
  };
  const options: ReceiverOptions = {
    prefetch: 0, autoAccept: false, target: "here", selector: "colour = 'red'", filterRequired: false, guarantee: "at-most-once", dynamic: false,
    distributionMode: "move", durable: false,
  };
  const receiver = await connection.createReceiver(source, options);
  receiver.flow(10);
  expectTypeOf(receiver.isReceiver).toEqualTypeOf<true>();
  expectTypeOf(receiver.draining).toBeBoolean();
  expectTypeOf(receiver.drained).toBeNumber();
  expectTypeOf(receiver.remoteSource.filter).toEqualTypeOf<Readonly<Record<string, unknown>>>();
  for (const delivery of receiver.unsettled) delivery.release();
  return await receiver.drain(5, { timeout: 100 });
}

export async function aDynamicNode(connection: Connection): Promise<string> {
  const receiver = await connection.createReceiver({ dynamic: true });
  return receiver.remoteSource.address ?? "";
}

/** Bodies as streams. */
export async function streams(receiver: Receiver): Promise<number> {
  const delivery = await receiver.receive();
  const stream = delivery.stream();
  expectTypeOf(stream).toExtend<ReadableStream<Bytes> & AsyncIterable<Bytes> & { readonly offset: number }>();
  let octets = 0;
  for await (const bytes of stream) {
    expectTypeOf(bytes).toEqualTypeOf<Bytes>();
    octets += bytes.length;
    delivery.update({ type: "received", offset: octets });
  }
  await delivery.stream().pipeTo(new WritableStream<Uint8Array>());
  return octets + stream.offset;
}

export const partial: ReceiverOptions = { partial: true };

/** Programs whose bodies have schemas, of zod and written by hand: compiled, never run. */

import { expectTypeOf } from "expect-type";
import * as z from "zod";
import * as mini from "zod/mini";
import type { Connection, IncomingDelivery, Message, Receiver, ReceiverOptions, Requester, Responder, Sender, SenderOptions, StandardSchema } from "leptonmq";

const Order = z.object({ id: z.number(), placed: z.string().transform((text) => new Date(text)) });
type In = { id: number; placed: string };
type Out = { id: number; placed: Date };

const Even: StandardSchema<unknown, number> = {
  "~standard": {
    version: 1,
    vendor: "by hand",
    validate: (value) => (typeof value === "number" && value % 2 === 0 ? { value } : { issues: [{ message: "not even", path: ["here"] }] }),
  },
};

export async function receive(connection: Connection): Promise<void> {
  const receiver = await connection.createReceiver("orders", { schema: Order, prefetch: 10 });
  expectTypeOf(receiver).toEqualTypeOf<Receiver<Out>>();
  for await (const delivery of receiver) {
    expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery<Out>>();
    expectTypeOf(delivery.message.body).toEqualTypeOf<Out>();
  }
  await receiver.consume(({ message }) => void message.body.placed.getTime(), { key: ({ message }) => message.body.id });
  expectTypeOf(await connection.createReceiver("numbers", { schema: Even })).toEqualTypeOf<Receiver<number>>();
  expectTypeOf(await connection.createReceiver("texts", { schema: mini.string() })).toEqualTypeOf<Receiver<string>>();
  expectTypeOf(await connection.createReceiver<string>("texts")).toEqualTypeOf<Receiver<string>>();
  expectTypeOf(await connection.createReceiver("anything", { prefetch: 1 })).toEqualTypeOf<Receiver>();
  // @ts-expect-error the schema gives orders
  await connection.createReceiver<string>("orders", { schema: Order });
}

export async function send(connection: Connection): Promise<void> {
  const sender = await connection.createSender("orders", { schema: Order });
  expectTypeOf(sender).toEqualTypeOf<Sender<In>>();
  await sender.send({ body: { id: 1, placed: "2026-01-01" } });
  // @ts-expect-error the schema takes texts
  await sender.send({ body: { id: 1, placed: new Date() } });
  // @ts-expect-error an id is missing
  sender.trySend({ body: { placed: "2026-01-01" } });
}

export async function ask(connection: Connection): Promise<void> {
  const requester = await connection.createRequester("prices", { schema: z.object({ item: z.string() }) });
  expectTypeOf(requester).toEqualTypeOf<Requester<{ item: string }>>();
  expectTypeOf(await requester.request<number>({ body: { item: "tea" } })).toEqualTypeOf<Message<number>>();
  const responder = await connection.createResponder("prices", ({ body }) => ({ body: body.item.length }), { schema: z.object({ item: z.string() }) });
  expectTypeOf(responder).toEqualTypeOf<Responder<{ item: string }>>();
}

export const bags: [SenderOptions<In>, ReceiverOptions<Out>, SenderOptions, ReceiverOptions] = [{ schema: Order }, { schema: Order }, { schema: z.unknown() }, { schema: Order }];

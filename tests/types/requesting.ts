/** Programs that ask and answer: compiled, never run. */

import { expectTypeOf } from "expect-type";
import type {
  Connection, IncomingDelivery, Message, OutgoingDelivery, Receiver, Requester, RequesterOptions, Responder, ResponderOptions,
} from "leptonmq";

interface Quote {
  price: number;
}

export async function ask(connection: Connection, signal: AbortSignal): Promise<number> {
  await using requester = await connection.createRequester("prices");
  expectTypeOf(requester).toEqualTypeOf<Requester>();
  const reply = await requester.request<Quote>({ subject: "price", body: "tea" }, { timeout: 1_000, signal });
  expectTypeOf(reply).toEqualTypeOf<Message<Quote>>();
  expectTypeOf((await requester.request({ body: 1 })).body).toBeUnknown();
  await requester.close({ drain: 100, timeout: 1_000 });
  return reply.body.price;
}

export async function options(connection: Connection): Promise<void> {
  const queue: RequesterOptions = { replyTo: "answers", correlate: "message-id", timeout: 1_000, name: "asker", properties: { a: 1 } };
  const paired: RequesterOptions = { paired: true };
  await connection.createRequester("prices", queue);
  await connection.createRequester("/management", paired);
  await connection.createRequester(null);
  const typed = await connection.createRequester<Quote>("prices");
  await typed.request({ body: { price: 1 } });
  // @ts-expect-error the body is no quote
  await typed.request({ body: { price: "one" } });
  // @ts-expect-error there is no such correlation
  await connection.createRequester("prices", { correlate: "id" });
}

export async function respond(connection: Connection): Promise<void> {
  const options: ResponderOptions = { concurrency: 10, prefetch: 20, onError: "reject" };
  await using responder = await connection.createResponder("prices", async (request, delivery) => {
    expectTypeOf(request).toEqualTypeOf<Message>();
    expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery>();
    return { body: { price: await Promise.resolve(2.5) } };
  }, options);
  expectTypeOf(responder).toEqualTypeOf<Responder>();
  expectTypeOf(responder.receiver).toEqualTypeOf<Receiver>();
  const typed = await connection.createResponder<string>("upper", ({ body }) => ({ body: body.toUpperCase() }));
  expectTypeOf(typed.receiver).toEqualTypeOf<Receiver<string>>();
  await typed.close({ timeout: 1_000 });
}

export async function byHand(delivery: IncomingDelivery): Promise<void> {
  expectTypeOf(await delivery.reply({ body: "answer" }, { timeout: 1_000 })).toEqualTypeOf<OutgoingDelivery>();
  await delivery.reply(delivery.message);
}

/** Programs about the listening side: compiled, never run. */

import { expectTypeOf } from "expect-type";
import { Container } from "leptonmq";
import type { Connection, Listener, ListenOptions, LinkRequest, Receiver, ReceiverRequest, Sender, SenderRequest, Session, Source, Target } from "leptonmq";

export async function listen(): Promise<void> {
  await using container = new Container();
  const options: ListenOptions = {
    host: "127.0.0.1", port: 0, allowedMechs: ["PLAIN"], allowInsecureMechs: true,
    authenticate: (user, password, { remoteAddress }) => user === password && remoteAddress !== "",
    authorize: async (request) => (await Promise.resolve(request.name)) === "mine" || { condition: "amqp:unauthorized-access" },
    offeredCapabilities: ["ANONYMOUS-RELAY"], properties: { product: "mine" }, tls: { cert: "pem", key: "pem", requestCert: true },
    limits: { maxMessageSize: 1_000_000 },
  };
  await using listener = await container.listen("amqp://127.0.0.1:0", options);
  expectTypeOf(listener).toEqualTypeOf<Listener>();
  expectTypeOf(listener.url).toBeString();
  expectTypeOf(listener.port).toBeNumber();
  for await (const connection of listener) {
    expectTypeOf(connection).toEqualTypeOf<Connection>();
    expectTypeOf(connection.identity?.user).toEqualTypeOf<string | undefined>();
    for await (const request of connection.incoming()) await answer(request);
  }
  await listener.serve(async (request) => await answer(request), { signal: new AbortController().signal });
  for await (const request of listener.links()) expectTypeOf(request).toEqualTypeOf<LinkRequest>();
  await listener.close({ timeout: 100 });
}

async function answer(request: LinkRequest): Promise<void> {
  expectTypeOf(request.source).toEqualTypeOf<Source | null>();
  expectTypeOf(request.target).toEqualTypeOf<Target | null>();
  expectTypeOf(request.session).toEqualTypeOf<Session>();
  expectTypeOf(request.desiredCapabilities).toEqualTypeOf<readonly string[]>();
  if (request.role === "sender") {
    expectTypeOf(request).toEqualTypeOf<SenderRequest>();
    const sender: Sender<number> = await request.accept<number>({ address: "generated", autoSettle: true });
    await sender.send({ body: 5 });
  } else if (request.target?.address === "in") {
    expectTypeOf(request).toEqualTypeOf<ReceiverRequest>();
    const receiver: Receiver<string> = await request.accept<string>({ prefetch: 10 });
    for await (const delivery of receiver) expectTypeOf(delivery.message.body).toBeString();
  } else {
    await request.refuse({ condition: "amqp:not-found", description: "no such node" });
  }
}

export async function listenWithOptionsOnly(container: Container): Promise<number> {
  return (await container.listen({ port: 0 })).port;
}

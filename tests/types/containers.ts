/** Programs about containers, connections and sessions: compiled, never run. */

import { expectTypeOf } from "expect-type";
import { connect, ConnectionError, Container } from "leptonmq";
import type {
  AmqpError, CloseOptions, Connection, ConnectionStatus, ConnectOptions, ContainerOptions, EndpointState, Limits, Opening, Receiver, Sender,
  Session, Timeouts,
} from "leptonmq";

/** The shortest program there is. */
export async function shortest(): Promise<void> {
  await using connection = await connect("amqp://localhost:5672/orders");
  const sender = await connection.createSender();
  await sender.send({ body: "hello" });
}

export async function everyWayToConnect(url: string, signal: AbortSignal): Promise<void> {
  expectTypeOf(connect()).toEqualTypeOf<Opening<Connection>>();
  const options: ConnectOptions = {
    url, user: "guest", password: "guest", saslEnabled: true, allowedMechs: "PLAIN ANONYMOUS", allowInsecureMechs: false, virtualHost: "v", sni: "name",
    maxFrameSize: 65_536, channelMax: 100, idleTimeout: 10_000, containerId: "me", properties: { product: "mine", nested: { n: 1 } },
    offeredCapabilities: ["a"], desiredCapabilities: "b", signal, timeout: 1_000,
    tls: { ca: ["pem"], cert: new Uint8Array(), key: "pem", passphrase: "p", minVersion: "TLSv1.3", rejectUnauthorized: true },
    timeouts: { connect: 5_000, open: undefined }, limits: { maxMessageSize: 1_000_000 }, int64: "bigint", typed: true,
  };
  await connect(options);
  await connect([url, "amqps://other"], { allowedMechs: ["EXTERNAL"], tls: true });
  const urls: readonly string[] = [url];
  await connect({ urls, timeout: Number.POSITIVE_INFINITY });

  const maybe = process.env["LEPTON_USER"];
  await connect(url, { user: maybe, timeout: undefined, tls: undefined, limits: undefined });

  // @ts-expect-error there is no such option
  await connect(url, { pasword: "guest" });
  // @ts-expect-error a number is needed
  await connect(url, { idleTimeout: "10s" });
}

export async function opening(connection: Connection): Promise<void> {
  const opening = connection.createSender("orders");
  expectTypeOf(opening).toEqualTypeOf<Opening<Sender>>();
  expectTypeOf(opening.endpoint).toEqualTypeOf<Sender>();
  expectTypeOf(await opening).toEqualTypeOf<Sender>();
  const delivery = opening.endpoint.send({ body: 1 });
  await Promise.all([opening, delivery]);
}

export async function aContainer(url: string): Promise<void> {
  const options: ContainerOptions = {
    id: "orders-1", connection: { user: "u" }, sender: { guarantee: "at-most-once" }, receiver: { prefetch: 10 }, session: { incomingWindow: 100 },
    timeouts: { send: 5_000 }, onError: (error) => expectTypeOf(error).toEqualTypeOf<AmqpError>(),
  };
  await using container = new Container(options);
  expectTypeOf(container.id).toBeString();
  const connection = await container.connect(url);
  expectTypeOf(container.createSender(connection, "a")).toEqualTypeOf<Opening<Sender>>();
  expectTypeOf(container.createReceiver(url, { address: "a" })).toEqualTypeOf<Opening<Receiver>>();
  await container.createSender(await connection.session(), null);
  for (const one of container.connections) expectTypeOf(one).toEqualTypeOf<Connection>();
  const close: CloseOptions = { error: { condition: "amqp:connection:forced", description: "bye", info: { n: 1 } }, drain: 100, timeout: 1_000 };
  await container.close(close);
}

export async function aConnection(connection: Connection): Promise<void> {
  expectTypeOf(connection.container).toEqualTypeOf<Container>();
  expectTypeOf(connection.hostname).toEqualTypeOf<string | undefined>();
  expectTypeOf(connection.url).toEqualTypeOf<string | undefined>();
  expectTypeOf(connection.state).toEqualTypeOf<EndpointState>();
  expectTypeOf(connection.state.local).toEqualTypeOf<"uninit" | "active" | "closed">();
  expectTypeOf(connection.remoteContainer).toEqualTypeOf<string | undefined>();
  expectTypeOf(connection.remoteProperties).toEqualTypeOf<Readonly<Record<string, unknown>> | undefined>();
  expectTypeOf(connection.remoteOfferedCapabilities).toEqualTypeOf<readonly string[]>();
  expectTypeOf(connection.closed).toEqualTypeOf<Promise<AmqpError | undefined>>();
  expectTypeOf(connection.identity?.certificate?.fingerprint256).toEqualTypeOf<string | undefined>();
  for (const link of connection.links()) {
    if (link.isSender) expectTypeOf(link).toEqualTypeOf<Sender>();
    else expectTypeOf(link).toEqualTypeOf<Receiver>();
  }
  await connection.close({ error: { condition: "amqp:internal-error" } });
}

export async function aSession(connection: Connection): Promise<void> {
  await using session = await connection.session({ incomingWindow: 2048, outgoingWindow: 2048, timeout: 10 });
  expectTypeOf(session).toEqualTypeOf<Session>();
  expectTypeOf(session.connection).toEqualTypeOf<Connection>();
  expectTypeOf(session.closed).toEqualTypeOf<Promise<AmqpError | undefined>>();
  await session.createReceiver("a");
  await connection.createSender("b", { session });
}

/** What `status()` yields, told apart by `type`. */
export async function watch(connection: Connection): Promise<string> {
  for await (const status of connection.status()) {
    expectTypeOf(status).toEqualTypeOf<ConnectionStatus>();
    switch (status.type) {
      case "connecting": return `${status.url} ${status.attempt.toFixed()}`;
      case "connected": return status.remoteContainer;
      case "disconnected": return status.error.code;
      case "reconnecting": return `${status.url} ${status.attempt.toFixed()} ${status.delay.toFixed()} ${status.error.code}`;
      case "recovered": return `${status.outage.toFixed()} ${status.resent.toFixed()} ${status.inDoubt.toFixed()}`;
      case "closed": return status.error?.code ?? "in order";
    }
  }
  return "";
}

export async function whyNot(urls: string[]): Promise<readonly AmqpError[]> {
  try {
    await connect(urls, { timeout: 1_000 });
  } catch (error) {
    if (error instanceof ConnectionError) return error.errors;
    throw error;
  }
  return [];
}

export const bags: [Limits, Timeouts] = [
  { maxMessageSize: 1, maxBufferedBytes: undefined, maxUnsettled: 3 },
  { connect: 1, open: 2, attach: 3, close: 4, send: 5, receive: Number.POSITIVE_INFINITY },
];

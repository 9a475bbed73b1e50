/** Signing in to real brokers and to rhea, and letting rhea in: SCRAM, PLAIN, ANONYMOUS, EXTERNAL, XOAUTH2. */
import { afterEach, describe, expect, test } from "@jest/globals";
import rhea from "rhea";
import type { ConnectionOptions as RheaOptions, Container as RheaContainer, EventContext } from "rhea";
import { connect, Container, scramCredentials } from "../../src/index.ts";
import type { AmqpError, Connection, ConnectOptions, ConnectionError, Credentials, ListenOptions, PeerIdentity } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { certificates } from "../transport/certificates.ts";
import { fresh, pem, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { sizedMessages } from "./support/messages.ts";
import { receiveFromPeer } from "./support/ours.ts";
import { startSender } from "./support/programs.ts";

const broker = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton"); // the last one brings Proton Python with it
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const withoutUser = (url: string): string => url.replace(/\/\/[^@]*@/, "//");

/** Artemis' listener that offers SCRAM alone. */
function scramUrl(): string {
  const { scramUrl: url } = broker("artemis");
  if (url === undefined) throw new Error("the running Artemis was started before it had a listener for SCRAM: node tests/interop/brokers.mjs stop artemis");
  return url;
}

/** A message there and back. */
async function works(connection: Connection, name: BrokerName, queue: number): Promise<void> {
  const address = queueOn(name, queue);
  const body = fresh("signed-in");
  await (await connection.createSender(address)).send({ body });
  for await (const { message } of (await connection.createReceiver(address)).take({ idle: 10_000 })) if (message.body === body) return;
  throw new Error("the message did not come back");
}

/** Why a connection cannot be made. */
async function refusal(url: string, options: ConnectOptions): Promise<AmqpError> {
  const error: unknown = await connect(url, { reconnect: false, ...options }).then((connection) => connection.close(), (reason: unknown) => reason);
  if (!(error instanceof Error)) throw new Error("it was let in");
  return (error as ConnectionError).errors[0] as AmqpError;
}

describe("J09 SCRAM to artemis", () => {
  test.each([undefined, "SCRAM-SHA-256", "SCRAM-SHA-512"])("with allowedMechs %s", async (allowedMechs) => {
    await using connection = await connect(scramUrl(), { allowedMechs, allowInsecureMechs: false, reconnect: false });
    await works(connection, "artemis", 0);
  });

  test.each([{ user: "guest", password: "guess" }, { user: "nobody", password: "guest" }])("refused: %j", async (wrong) => {
    expect(await refusal(withoutUser(scramUrl()), wrong)).toMatchObject({ name: "SaslError", code: "auth-failed", origin: "remote" });
  });

  test("nothing weaker is there: no downgrade", async () => {
    const error = await refusal(scramUrl(), { allowedMechs: "PLAIN ANONYMOUS" });
    expect(error).toMatchObject({ name: "SaslError", code: "mechanism-refused" });
    expect(error.message).toMatch(/the peer offers SCRAM-SHA-512, SCRAM-SHA-256;/);
  });
});

describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis"] as const)("P03 J09 PLAIN and ANONYMOUS to %s", (name) => {
  test("the user and password of the url, by PLAIN", async () => {
    await using connection = await connect(broker(name).url, { allowedMechs: "PLAIN", reconnect: false });
    await works(connection, name, 15);
  });

  test("nobody, by ANONYMOUS", async () => {
    await using connection = await connect(withoutUser(broker(name).url), { reconnect: false });
    await works(connection, name, 15);
  });

  test("PLAIN where nothing unencrypted may be sent: refused by us, before anything is", async () => {
    expect(await refusal(broker(name).url, { allowInsecureMechs: false })).toMatchObject({ code: "mechanism-refused", message: expect.stringContaining("PLAIN refused on unencrypted connection") });
  });

  test("a token, which it has no mechanism for, never becomes ANONYMOUS", async () => {
    expect(await refusal(withoutUser(broker(name).url), { token: "t" })).toMatchObject({ code: "mechanism-refused", message: expect.stringContaining("with a token") });
  });
});

// Artemis and ActiveMQ let a wrong user in as guest, whom their configuration names for everybody.
test.each(["rabbitmq3", "rabbitmq4"] as const)("J09 a wrong password at %s", async (name) => {
  const error = await refusal(withoutUser(broker(name).url), { user: "guest", password: "canary-pw" });
  expect(error).toMatchObject({ name: "SaslError", code: "auth-failed", retryable: false });
  expect(`${error.message} ${error.stack}`).not.toContain("canary-pw");
});

describe.each(["rabbitmq3", "rabbitmq4"] as const)("P03 EXTERNAL to %s", (name) => {
  const tls = (): ConnectOptions["tls"] => {
    const { ca, clientCert, clientKey } = broker(name);
    return { ca: pem(ca), cert: pem(clientCert), key: pem(clientKey) };
  };

  test("a client certificate and nothing else: EXTERNAL by itself, as the certificate's user", async () => {
    await using connection = await connect(broker(name).externalUrl as string, { tls: tls(), reconnect: false });
    expect(connection.peerCertificate).toMatchObject({ commonName: "localhost" });
    await works(connection, name, 16);
  });

  test("with user and password as well, those sign in", async () => {
    expect(await refusal(broker(name).externalUrl as string, { tls: tls(), user: "client", password: "none" })).toMatchObject({ code: "auth-failed", message: expect.stringContaining("PLAIN") });
    await using connection = await connect(broker(name).tlsUrl as string, { tls: tls(), reconnect: false });
    await works(connection, name, 16);
  });

  test("without a certificate EXTERNAL is offered all the same, and not taken", async () => {
    await using connection = await connect(broker(name).tlsUrl as string, { tls: { ca: pem(broker(name).ca) }, reconnect: false });
    await works(connection, name, 16);
  });
});

test("J09 RabbitMQ 4.0 takes no new tokens: credentials that expire leave its connection alone", async () => {
  const clock = new ManualClock();
  await using container = new Container({ clock });
  let asked = 0;
  const credentials = (): Credentials => ({ user: "guest", password: "guest", expiresAt: Date.now() + 60_000 * ++asked });
  const connection = await container.connect(withoutUser(broker("rabbitmq4").url), { credentials, idleTimeout: 0, reconnect: false });
  expect(String(connection.remoteProperties?.["version"])).toMatch(/^4\.0\./);
  await clock.advance(70_000); // past their end, which nothing tells of
  await works(connection, "rabbitmq4", 15);
  expect(asked).toBe(1);
});

// ---------------------------------------------------------------- Proton Python and rhea

test("P03 Proton Python at a listener of ours: PLAIN, against what is kept of the password, and ANONYMOUS", async () => {
  const kept = await scramCredentials("right", { mechanism: "SCRAM-SHA-512" });
  for (const listen of [{ passwords: (user: string) => (user === "ann" ? kept : undefined) }, {}]) {
    const container = new Container({ onError: () => {} });
    cleanups.push(() => container.close({ timeout: 500 }).catch(() => {}));
    const listener = await container.listen({ port: 0, ...listen });
    const identity = listener[Symbol.asyncIterator]().next().then(({ value }) => (value as Connection | undefined)?.identity);
    const sent = sizedMessages(fresh("proton")).slice(0, 3);
    const url = "passwords" in listen ? listener.url.replace("//", "//ann:right@") : listener.url;
    const peer = startSender("proton", "direct", { url }, sent);
    expect(await receiveFromPeer(listener, sent.length)).toHaveLength(3);
    expect((await peer.result).map((one) => one.outcome)).toEqual(["accepted", "accepted", "accepted"]);
    expect(await identity).toMatchObject("passwords" in listen ? { mechanism: "PLAIN", user: "ann" } : { mechanism: "ANONYMOUS" });
  }
});

/** A listener of ours for rhea, and who it took the peer for. */
async function letIn(listen: ListenOptions): Promise<{ port: number; peer: Promise<PeerIdentity | undefined>; refused: Promise<AmqpError> }> {
  let tell: (error: AmqpError) => void = () => {};
  const refused = new Promise<AmqpError>((resolve) => { tell = resolve; });
  const container = new Container({ onError: (error) => tell(error) });
  cleanups.push(() => container.close({ timeout: 500 }).catch(() => {}));
  const listener = await container.listen({ port: 0, ...listen });
  const peer = listener[Symbol.asyncIterator]().next().then(({ value }) => (value as Connection | undefined)?.identity);
  return { port: listener.port, peer, refused };
}

/** rhea as a client; resolves with what became of it. */
function rheaConnects(options: RheaOptions): Promise<"open" | "refused"> {
  const container: RheaContainer = rhea.create_container();
  return new Promise((resolve) => {
    container.on("connection_open", ({ connection }: EventContext) => { resolve("open"); connection.close(); });
    container.on("connection_error", () => resolve("refused"));
    container.on("disconnected", () => resolve("refused"));
    const connection = container.connect({ host: "127.0.0.1", reconnect: false, ...options } as RheaOptions);
    cleanups.push(() => connection.close());
  });
}

describe("P03 J09 rhea at a listener of ours", () => {
  test("PLAIN, against a password and against what is kept of it; a wrong one is refused", async () => {
    for (const found of ["right", await scramCredentials("right")]) {
      const { port, peer } = await letIn({ passwords: (user) => (user === "ann" ? found : undefined) });
      expect(await rheaConnects({ port, username: "ann", password: "right" })).toBe("open");
      expect(await peer).toMatchObject({ mechanism: "PLAIN", user: "ann" });
      const other = await letIn({ passwords: () => found });
      expect(await rheaConnects({ port: other.port, username: "ann", password: "wrong" })).toBe("refused");
      expect(await other.refused).toMatchObject({ name: "SaslError", code: "auth-failed" });
    }
  });

  test("XOAUTH2, and a token that is refused", async () => {
    const listen: ListenOptions = { authenticateToken: (token, user) => token === "good" && (user ?? false) };
    const { port, peer } = await letIn(listen);
    expect(await rheaConnects({ port, username: "ann", token: "good" } as RheaOptions)).toBe("open");
    expect(await peer).toMatchObject({ mechanism: "XOAUTH2", user: "ann" });
    const other = await letIn(listen);
    expect(await rheaConnects({ port: other.port, username: "ann", token: "bad" } as RheaOptions)).toBe("refused");
    expect(await other.refused).toMatchObject({ code: "auth-failed" });
  });

  test("ANONYMOUS, and not where a password is wanted", async () => {
    const { port, peer } = await letIn({});
    expect(await rheaConnects({ port, username: "anonymous" })).toBe("open");
    expect(await peer).toMatchObject({ mechanism: "ANONYMOUS", user: undefined });
    const other = await letIn({ passwords: () => "p" });
    expect(await rheaConnects({ port: other.port, username: "anonymous" })).toBe("refused");
  });

  test("EXTERNAL by its client certificate", async () => {
    const { server, client, ca } = certificates();
    const { port, peer } = await letIn({ tls: { ...server, ca, requestCert: true }, authenticateCertificate: ({ commonName }) => commonName ?? false });
    expect(await rheaConnects({ port, host: "localhost", transport: "tls", ca: [ca], cert: client.cert, key: client.key, enable_sasl_external: true } as unknown as RheaOptions)).toBe("open");
    expect(await peer).toMatchObject({ mechanism: "EXTERNAL", user: "client", certificate: { issuer: "CN=Test authority" } });
  });
});

describe("J09 a listener of rhea's", () => {
  interface Mechanisms { enable_plain(check: (user: string, password: string) => boolean): void; enable_anonymous(): void }
  async function rheaListens(enable: (mechanisms: Mechanisms) => void): Promise<string> {
    const container: RheaContainer = rhea.create_container();
    enable((container as unknown as { sasl_server_mechanisms: Mechanisms }).sasl_server_mechanisms);
    for (const event of ["disconnected", "connection_error", "protocol_error"]) container.on(event, () => {});
    const server = container.listen({ port: 0, host: "127.0.0.1", require_sasl: true } as Parameters<RheaContainer["listen"]>[0]);
    await new Promise((resolve) => server.once("listening", resolve));
    cleanups.push(() => new Promise((resolve) => server.close(resolve)));
    return `amqp://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  test("PLAIN", async () => {
    const url = await rheaListens((mechanisms) => mechanisms.enable_plain((user, password) => user === "ann" && password === "right"));
    await (await connect(url, { user: "ann", password: "right", reconnect: false })).close();
    expect(await refusal(url, { user: "ann", password: "wrong" })).toMatchObject({ name: "SaslError", code: "auth-failed" });
    expect(await refusal(url, {})).toMatchObject({ code: "mechanism-refused" });
  });

  test("ANONYMOUS, and both offered: what the credentials fit, not what stands first", async () => {
    await (await connect(await rheaListens((mechanisms) => mechanisms.enable_anonymous()), { reconnect: false })).close();
    const seen: string[] = [];
    const url = await rheaListens((mechanisms) => {
      mechanisms.enable_anonymous();
      mechanisms.enable_plain((user) => seen.push(user) > 0);
    });
    await (await connect(url, { user: "ann", password: "p", reconnect: false })).close();
    expect(seen).toEqual(["ann"]);
  });
});


/** TLS to real brokers: the certificate is verified, and who we are may be our own certificate. */
import { describe, expect, test } from "@jest/globals";
import { connect, TlsError } from "../../src/index.ts";
import type { Connection, ConnectionError } from "../../src/index.ts";
import { fresh, pem, queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { expectArrived } from "./support/compare.ts";
import type { Party } from "./support/exclusions.ts";
import { sizedMessages } from "./support/messages.ts";
import { empty, receiveEach, sendEach } from "./support/ours.ts";
import { startReceiver, startSender } from "./support/programs.ts";

const broker = useBrokers("proton", "rabbitmq3", "rabbitmq4", "activemq", "artemis");

describe.each(["rabbitmq3", "rabbitmq4", "activemq", "artemis"] as const)("TLS to %s", (name) => {
  const secure = (ca: string): Promise<Connection> => connect(broker(name).tlsUrl, { tls: { ca: pem(ca) }, typed: true, reconnect: false });

  test("messages of 0 B to 4 MiB, the broker's certificate verified against its CA", async () => {
    await using connection = await secure(broker(name).ca);
    await there(connection, name, 13);
  });

  test("a CA that did not sign the broker's certificate: TlsError, and the password is not in it", async () => {
    const refused: unknown = await secure(broker(name).otherCa).catch((error: unknown) => error);
    expect((refused as ConnectionError).errors).toEqual([expect.any(TlsError)]);
    expect(refused).toMatchObject({ code: "tls-failed", origin: "transport" });
    expect(String((refused as Error).stack)).not.toContain("guest:guest");
  });

  test("no CA given: the platform's do not know the broker either", async () => {
    await expect(connect(broker(name).tlsUrl, { reconnect: false })).rejects.toMatchObject({ errors: [expect.any(TlsError)] });
  });
});

// Artemis is not among them: its plain listener waits for more of what it does not understand.
describe.each(["rabbitmq3", "rabbitmq4", "activemq"] as const)("TLS to a plain listener of %s", (name) => {
  test("is refused with TlsError", async () => {
    const plain = broker(name).url.replace("amqp:", "amqps:");
    await expect(connect(plain, { tls: { ca: pem(broker(name).ca) }, reconnect: false })).rejects.toMatchObject({ errors: [expect.any(TlsError)] });
  });
});

describe.each(["rabbitmq3", "rabbitmq4"] as const)("EXTERNAL to %s", (name) => {
  test("the client certificate is who we are", async () => {
    const { externalUrl, ca, clientCert, clientKey } = broker(name);
    const tls = { ca: pem(ca), cert: pem(clientCert), key: pem(clientKey) };
    await using connection = await connect(externalUrl, { tls, typed: true, allowedMechs: "EXTERNAL", reconnect: false });
    await there(connection, name, 14);
  });
});

test("TLS with Proton Python at the other end of the queue", async () => {
  const { tlsUrl, ca } = broker("artemis");
  const destination = { url: tlsUrl as string, ca };
  const [to, from] = [queueOn("artemis", 0), queueOn("artemis", 0)];
  await using connection = await connect(tlsUrl, { tls: { ca: pem(ca) }, typed: true, reconnect: false });
  const parties: readonly Party[] = ["proton-python", "artemis"];
  const sent = sizedMessages(fresh("tls"));
  await sendEach(await connection.createSender(to), sent);
  expectArrived(sent, await startReceiver("proton", to, destination, sent.length).result, parties);
  await startSender("proton", from, destination, sent).result;
  expectArrived(sent, await receiveEach(await connection.createReceiver(from), sent.length), parties);
});

async function there(connection: Connection, name: BrokerName, queue: number): Promise<void> {
  const address = queueOn(name, queue);
  if (name === "rabbitmq4") await empty(connection, address);
  const sent = sizedMessages(fresh("tls"));
  await sendEach(await connection.createSender(address), sent);
  expectArrived(sent, await receiveEach(await connection.createReceiver(address), sent.length), [name as Party]);
}

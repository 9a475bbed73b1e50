/** J15: large messages with real brokers, Proton Python and rhea: streamed out, read as they come, aborted in the middle. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "@jest/globals";
import { connect, streamed } from "../../src/index.ts";
import type { Connection, IncomingDelivery } from "../../src/index.ts";
import { queueOn, useBrokers } from "./support/brokers.ts";
import type { BrokerName } from "./support/brokers.ts";
import { startStream } from "./support/programs.ts";

const brokers = useBrokers("rabbitmq3", "rabbitmq4", "activemq", "artemis", "proton");
const MiB = 1024 * 1024;

/** Octets of the same pattern as that of the other programs. */
function octets(from: number, to: number): Uint8Array {
  const bytes = new Uint8Array(to - from);
  for (let i = 0; i < bytes.length; i++) bytes[i] = (((from + i) % 251) * 7) % 251;
  return bytes;
}

async function* source(size: number, chunk = 100_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += chunk) yield octets(at, Math.min(size, at + chunk));
}

function sumOf(size: number): string {
  const sum = createHash("sha256");
  for (let at = 0; at < size; at += MiB) sum.update(octets(at, Math.min(size, at + MiB)));
  return sum.digest("hex");
}

async function sumOfStream(delivery: IncomingDelivery): Promise<{ octets: number; sum: string; pieces: number }> {
  const sum = createHash("sha256");
  let count = 0;
  let pieces = 0;
  for await (const bytes of delivery.stream()) {
    sum.update(bytes);
    count += bytes.length;
    pieces += 1;
  }
  return { octets: count, sum: sum.digest("hex"), pieces };
}

/** Receives one message in part and accepts it. */
async function receiveOne(connection: Connection, address: string): Promise<{ octets: number; sum: string; partial: boolean; subject: string | undefined }> {
  const receiver = await connection.createReceiver(address, { partial: true });
  const delivery = await receiver.receive({ timeout: 60_000 });
  const { partial, message } = delivery;
  const read = await sumOfStream(delivery);
  await delivery.accept();
  await receiver.close();
  return { ...read, partial, subject: message.subject };
}

// RabbitMQ 4 takes 16 MiB at most; Proton's broker keeps one body section; RabbitMQ 3 turns several of them round.
const BROKERS: readonly { readonly name: BrokerName; readonly sections: boolean }[] = [
  { name: "rabbitmq3", sections: false }, { name: "rabbitmq4", sections: true }, { name: "activemq", sections: true },
  { name: "artemis", sections: true }, { name: "proton", sections: false },
];

describe.each(BROKERS)("J15 $name", ({ name, sections }) => {
  test("takes a streamed body of 12 MiB, and gives it to a receiver that reads it as it comes", async () => {
    const size = 12 * MiB;
    const address = queueOn(name, 38);
    await using connection = await connect(brokers(name).url, { reconnect: false });
    const sender = await connection.createSender(address);
    await sender.send({ subject: "large", body: streamed(() => source(size), { length: size }) });
    const got = await receiveOne(connection, address);
    expect(got).toMatchObject({ octets: size, sum: sumOf(size), subject: "large", partial: true });
  }, 120_000);

  test("takes what is written to a stream", async () => {
    const size = 3 * MiB;
    const address = queueOn(name, 39);
    await using connection = await connect(brokers(name).url, { reconnect: false });
    const sender = await connection.createSender(address);
    if (sections) {
      const stream = sender.stream({ subject: "written" });
      const writer = stream.getWriter();
      for await (const chunk of source(size)) await writer.write(chunk);
      await writer.close();
      expect((await stream.delivery).outcome).toEqual({ type: "accepted" });
    } else {
      await sender.send({ subject: "written", body: streamed(() => source(size), { length: size }) });
    }
    expect(await receiveOne(connection, address)).toMatchObject({ octets: size, sum: sumOf(size), subject: "written" });
  }, 120_000);

  test("a stream that is not read holds up no other link of the connection", async () => {
    const size = 12 * MiB;
    const [slowly, quickly] = [queueOn(name, 37), queueOn(name, 36)];
    await using connection = await connect(brokers(name).url, { reconnect: false });
    const large = await connection.createSender(slowly);
    await large.send({ body: streamed(() => source(size), { length: size }) });
    const receiver = await connection.createReceiver(slowly, { partial: true });
    const delivery = await receiver.receive({ timeout: 60_000 });
    expect(delivery.partial).toBe(true);
    const small = await connection.createSender(quickly);
    const other = await connection.createReceiver<string>(quickly);
    for (let n = 0; n < 50; n++) {
      const sending = small.send({ body: `n ${n}` });
      const next = await other.receive({ timeout: 30_000 });
      expect(next.message.body).toBe(`n ${n}`);
      await Promise.all([next.accept(), sending]);
    }
    expect(delivery.partial).toBe(true);
    expect(await sumOfStream(delivery)).toMatchObject({ octets: size, sum: sumOf(size) });
    await delivery.accept();
  }, 120_000);
});

describe("J15 Proton Python", () => {
  test("reads what we stream as it comes", async () => {
    const size = 20 * MiB;
    const peer = startStream("proton", "recv");
    const connection = await connect(await peer.url, { reconnect: false });
    const sender = await connection.createSender("large");
    await sender.send({ body: streamed(() => source(size), { length: size }) });
    expect((await peer.result).messages).toEqual([{ octets: size, sum: sumOf(size), head: "005375b001400000", partial: true }]);
    await connection.closed;
  }, 120_000);

  test("streams to us, and we read it as it comes", async () => {
    const size = 20 * MiB;
    const peer = startStream("proton", "send", size);
    const connection = await connect(await peer.url, { reconnect: false });
    const receiver = await connection.createReceiver("large", { partial: true });
    const delivery = await receiver.receive({ timeout: 60_000 });
    expect(delivery.partial).toBe(true);
    expect(await sumOfStream(delivery)).toMatchObject({ octets: size, sum: sumOf(size) });
    await delivery.accept();
    expect((await peer.result).outcomes).toEqual(["ACCEPTED"]);
  }, 120_000);

  test("F.2 sees that we abort, and takes the next one", async () => {
    const peer = startStream("proton", "recv");
    const connection = await connect(await peer.url, { reconnect: false });
    const sender = await connection.createSender("large");
    const stream = sender.stream();
    const writer = stream.getWriter();
    for await (const chunk of source(2 * MiB)) await writer.write(chunk);
    await writer.abort("enough");
    await expect(stream.delivery).rejects.toMatchObject({ code: "not-sent" });
    await sender.send({ body: streamed(() => source(1000), { length: 1000 }) });
    const { messages } = await peer.result;
    expect(messages).toEqual([{ aborted: true, octets: expect.any(Number) }, expect.objectContaining({ octets: 1000, sum: sumOf(1000) })]);
  }, 120_000);

  test("F.2 aborts, and we see that: our stream throws, and the next one comes", async () => {
    const peer = startStream("proton", "send", 8 * MiB, true);
    const connection = await connect(await peer.url, { reconnect: false });
    const receiver = await connection.createReceiver("large", { partial: true });
    const seen: unknown[] = [];
    for await (const delivery of receiver.take({ max: 2 })) {
      try {
        seen.push((await sumOfStream(delivery)).octets);
      } catch (error) {
        seen.push((error as { code?: string }).code);
      }
    }
    expect(seen).toEqual(["delivery-aborted", 5]);
    await peer.result;
  }, 120_000);
});

describe("J15 rhea", () => {
  test("takes what we stream", async () => {
    const size = 5 * MiB;
    const peer = startStream("rhea", "recv");
    const connection = await connect(await peer.url, { reconnect: false });
    const sender = await connection.createSender("large");
    await sender.send({ body: streamed(() => source(size), { length: size }) });
    expect((await peer.result).messages).toMatchObject([{ octets: size, sum: sumOf(size), head: "005375b000500000" }]);
    await connection.closed;
  }, 120_000);

  test("sends what we read as it comes", async () => {
    const size = 5 * MiB;
    const peer = startStream("rhea", "send", size);
    const connection = await connect(await peer.url, { reconnect: false });
    const receiver = await connection.createReceiver("large", { partial: true });
    const delivery = await receiver.receive({ timeout: 60_000 });
    expect(await sumOfStream(delivery)).toMatchObject({ octets: size, sum: sumOf(size) });
    await delivery.accept();
    expect((await peer.result).outcomes).toHaveLength(1);
  }, 120_000);
});

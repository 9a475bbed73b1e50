/**
 * One side of a large message between two processes: `listen` takes it and checks every octet, `connect <port>` sends it. Each prints JSON,
 * one object a line: the port, then what it measured.
 *
 *   side listen | connect  port=0  octets=268435456  known=1  chunk=65536  sends=1
 *
 * `sends` is 0 where the listening side sends and the connecting one receives.
 */

import { existsSync, readFileSync } from "node:fs";
import { Container, connect, streamed } from "leptonmq";
import type { Connection, IncomingDelivery, Receiver, Sender } from "leptonmq";

/** Octets of the pattern: prime, so that it never lines up with chunks, frames or slabs. */
const PERIOD = 65_521;

const options = new Map(process.argv.slice(2).map((word) => [word.split("=")[0] as string, word.split("=")[1] ?? ""]));
const number = (name: string, fallback: number): number => Number(options.get(name) ?? fallback);
const octets = number("octets", 256 * 1024 * 1024);
const chunk = number("chunk", 64 * 1024);
const known = number("known", 1) === 1;
const sends = (number("sends", 1) === 1) === options.has("connect");

const pattern = new Uint8Array(PERIOD * 2 + chunk);
for (let i = 0; i < PERIOD; i++) pattern[i] = (Math.imul(i, 2_654_435_761) >>> 16) & 0xff;
for (let i = PERIOD; i < pattern.length; i += PERIOD) pattern.copyWithin(i, 0, Math.min(PERIOD, pattern.length - i));

let peak = 0;
const watch = setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, 10);

async function* source(offset: number): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < octets; at += chunk) {
    const from = at % PERIOD;
    yield pattern.subarray(from, from + Math.min(chunk, octets - at));
  }
}

async function send(sender: Sender): Promise<void> {
  await sender.send({ id: "large", body: streamed(source, known ? { length: octets } : {}), footer: { octets } });
}

async function receive(receiver: Receiver): Promise<number> {
  let count = 0;
  for await (const delivery of receiver.take({ max: 1 })) count = await check(delivery);
  return count;
}

async function check(delivery: IncomingDelivery): Promise<number> {
  if (delivery.message.id !== "large") throw new Error("another message came");
  let at = 0;
  for await (const bytes of delivery.stream()) {
    for (let i = 0; i < bytes.length; i += PERIOD) {
      const size = Math.min(PERIOD, bytes.length - i);
      const from = (at + i) % PERIOD;
      if (Buffer.compare(bytes.subarray(i, i + size), pattern.subarray(from, from + size)) !== 0) throw new Error(`other octets after ${at + i}`);
    }
    at += bytes.length;
  }
  if (delivery.message.footer["octets"] !== octets) throw new Error("the footer is missing");
  return at;
}

/** The most that this process had, in octets; what `resourceUsage()` tells begins with what its parent had. */
function mostMemory(): number {
  const status = "/proc/self/status";
  const [, kilobytes] = existsSync(status) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, "utf8")) ?? [] : [];
  return kilobytes === undefined ? peak : Number(kilobytes) * 1024;
}

async function work(link: Sender | Receiver): Promise<void> {
  const began = performance.now();
  const cpu = process.cpuUsage();
  const count = link.isSender ? (await send(link), octets) : await receive(link);
  const { user, system } = process.cpuUsage(cpu);
  peak = Math.max(peak, process.memoryUsage.rss());
  console.log(JSON.stringify({
    octets: count, seconds: (performance.now() - began) / 1000, cpuSeconds: (user + system) / 1e6, peakRss: peak, maxRss: mostMemory(),
  }));
}

if (options.has("connect")) {
  const connection: Connection = await connect(`amqp://127.0.0.1:${number("port", 0)}`);
  await work(sends ? await connection.createSender("large") : await connection.createReceiver("large", { partial: true }));
  await connection.close();
} else {
  const container = new Container();
  const listener = await container.listen({ host: "127.0.0.1", port: 0 });
  console.log(JSON.stringify({ port: listener.port }));
  for await (const request of listener.links()) {
    const link = request.role === "sender" ? await request.accept() : await request.accept({ partial: true });
    await work(link);
    await link.closed;
    break;
  }
  await container.close();
}
clearInterval(watch);

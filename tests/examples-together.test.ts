/** The examples with handlers against each other, each a process of its own: through a broker that is one of them, and directly. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { Broker } from "../src/broker.ts";
import { connect } from "../src/index.ts";
import { program } from "./support/programs.ts";
import type { Program, Started } from "./support/programs.ts";

const NAMES = ["small-broker", "simple-send", "simple-receive", "request-server", "request-client", "direct-send", "direct-receive", "transactional-send", "transactional-receive"] as const;
type Name = (typeof NAMES)[number];

const programs = new Map<Name, Program>();
const running: Started[] = [];

beforeAll(async () => {
  for (const name of NAMES) programs.set(name, await program({ file: join("examples", `${name}.ts`) }));
}, 60_000);

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

afterAll(async () => {
  for (const one of programs.values()) await one[Symbol.asyncDispose]();
});

function named(name: Name): Program {
  return programs.get(name) as Program;
}

function start(name: Name, ...args: readonly string[]): Started {
  const started = named(name).start(args);
  running.push(started);
  return started;
}

/** Starts a program that listens. */
async function listening(name: Name, ...more: readonly string[]): Promise<Started & { readonly url: string }> {
  const started = start(name, String(await freePort()), ...more);
  const line = await started.firstLine;
  if (!line.startsWith("listening on amqp://127.0.0.1:")) throw new Error(`${name} said ${line}`);
  return { ...started, url: line.slice("listening on ".length) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const numbers = (from: number, to: number): string => Array.from({ length: to - from + 1 }, (_, n) => `{"sequence":${from + n}}\n`).join("");

describe("S12 P03 examples with handlers, against each other", () => {
  test("simple-send and simple-receive through small-broker, which ends in order", async () => {
    const broker = await listening("small-broker");
    const queue = `${broker.url}/queue`;
    expect(await named("simple-send").run([queue, "500"])).toEqual({ code: 0, stdout: "all 500 messages confirmed\n", stderr: "" });
    expect(await named("simple-receive").run([queue, "200"])).toEqual({ code: 0, stdout: numbers(1, 200), stderr: "" });
    expect(await named("simple-receive").run([queue, "300"])).toEqual({ code: 0, stdout: numbers(201, 500), stderr: "" });
    expect(await broker.stop()).toEqual({ code: 0, stdout: `listening on ${broker.url}\n`, stderr: "" });
  }, 60_000);

  test("request-client and request-server through small-broker", async () => {
    const broker = await listening("small-broker");
    const server = start("request-server", broker.url, "capitals");
    const { code, stdout, stderr } = await named("request-client").run([broker.url, "capitals"]);
    expect([code, stderr, stdout.split("\n").length, stdout.split("\n")[3]]).toEqual([0, "", 5, "And the mome raths outgrabe. => AND THE MOME RATHS OUTGRABE."]);
    expect(await server.firstLine).toBe("request: Twas brillig, and the slithy toves");
    expect(await server.stop()).toMatchObject({ code: 0, stderr: "" });
  }, 60_000);

  test("P04 transactional-send, and transactional-receive of what it has committed", async () => {
    await using broker = await Broker.start();
    const queue = `${broker.url}/queue`;
    expect(await named("transactional-send").run([queue, "6", "3"])).toEqual({ code: 0, stdout: "3 messages committed\n6 messages committed\n", stderr: "" });
    const [first, second] = [numbers(0, 2), numbers(3, 5)];
    expect(await named("transactional-receive").run([queue, "6", "3"])).toEqual({ code: 0, stdout: `${first}aborted\n${first}committed\n${second}committed\n`, stderr: "" });
    expect(broker.depth("queue")).toBe(0);
  }, 60_000);

  test("simple-receive from direct-send, and simple-send to direct-receive", async () => {
    const from = await listening("direct-send", "20");
    expect(await named("simple-receive").run([`${from.url}/examples`, "20"])).toEqual({ code: 0, stdout: numbers(1, 20), stderr: "" });
    expect(await from.ended).toEqual({ code: 0, stdout: `listening on ${from.url}\nall 20 messages confirmed\n`, stderr: "" });
    const to = await listening("direct-receive", "20");
    expect(await named("simple-send").run([`${to.url}/examples`, "20"])).toEqual({ code: 0, stdout: "all 20 messages confirmed\n", stderr: "" });
    expect(await to.ended).toEqual({ code: 0, stdout: `listening on ${to.url}\n${numbers(1, 20)}`, stderr: "" });
  }, 60_000);

  test("a consumer that vanishes gives back what it had: small-broker loses nothing", async () => {
    const broker = await listening("small-broker");
    const connection = await connect(broker.url);
    const sender = await connection.createSender("q");
    for (let body = 0; body < 20; body++) await sender.send({ body });
    const vanishing = await connect(broker.url);
    const receiver = await vanishing.createReceiver("q", { prefetch: 10 });
    await receiver.receive();
    await vanishing.close({ timeout: 0 });
    // The first one may still be with the one that vanished when the next comes for it.
    const bodies: unknown[] = [];
    for await (const { message } of (await connection.createReceiver("q")).take({ max: 20 })) bodies.push(message.body);
    expect(bodies.map(Number).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await connection.close();
  }, 60_000);

  test("programs that cannot connect say so and end with an error", async () => {
    const ended = await named("simple-send").run([`amqp://127.0.0.1:${await freePort()}/q`]);
    expect([ended.code, ended.stdout]).toEqual([1, ""]);
    expect(ended.stderr).toContain("connect-failed");
  }, 60_000);
});

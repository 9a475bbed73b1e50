/** The examples with handlers, each a process of its own, with Proton Python at the other end: directly, either side listening, and as its broker. */
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker.ts";
import { connect } from "../../src/index.ts";
import { program } from "../support/programs.ts";
import type { Program, Started } from "../support/programs.ts";
import { fresh, useBrokers } from "./support/brokers.ts";
import type { Description, Seen } from "./support/messages.ts";
import { startReceiver, startRequester, startResponder, startSender } from "./support/programs.ts";

const broker = useBrokers("proton", "activemq");

const COUNT = 100;
const NAMES = ["simple-send", "simple-receive", "selected-receive", "request-server", "request-client", "direct-send", "direct-receive", "small-broker", "transactional-send", "transactional-receive"] as const;
type Name = (typeof NAMES)[number];

const programs = new Map<Name, Program>();
const running: Started[] = [];

beforeAll(async () => {
  for (const name of NAMES) programs.set(name, await program({ file: join("examples", `${name}.ts`) }));
}, 120_000);

afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});

afterAll(async () => {
  for (const one of programs.values()) await one[Symbol.asyncDispose]();
});

function start(name: Name, ...args: readonly string[]): Started {
  const started = (programs.get(name) as Program).start(args);
  running.push(started);
  return started;
}

/** Starts a program that listens. */
async function listening(name: Name, ...more: readonly string[]): Promise<Started & { readonly url: string }> {
  const started = start(name, String(await freePort()), ...more);
  return { ...started, url: (await started.firstLine).slice("listening on ".length) };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What Proton Python is asked to send. */
const descriptions: readonly Description[] = Array.from({ length: COUNT }, (_, n) => ({ id: ["ulong", String(n + 1)], body: ["value", ["string", `message ${n}`]] }));
const bodies = descriptions.map((_, n) => JSON.stringify(`message ${n}`));

/** The bodies of what Proton Python has received. */
function bodiesOf(seen: readonly Seen[]): string[] {
  return seen.map(({ body }) => JSON.stringify(body));
}

const sent = Array.from({ length: COUNT }, (_, n) => JSON.stringify(["value", ["map", [[["string", "sequence"], ["int", n + 1]]]]]));

describe("S05 S11 S12 P03 examples with handlers and Proton Python, without a broker", () => {
  test("simple-send to a Proton receiver that listens", async () => {
    const peer = startReceiver("proton", "examples", undefined, COUNT);
    const ours = start("simple-send", `${await peer.url}/examples`, String(COUNT));
    expect(bodiesOf(await peer.result)).toEqual(sent);
    expect(await ours.ended).toMatchObject({ code: 0, stdout: `all ${COUNT} messages confirmed\n` });
  });

  test("simple-receive from a Proton sender that listens", async () => {
    const peer = startSender("proton", "examples", undefined, descriptions);
    const ours = start("simple-receive", `${await peer.url}/examples`, String(COUNT));
    expect((await peer.result).map(({ outcome }) => outcome)).toEqual(descriptions.map(() => "accepted"));
    expect((await ours.ended).stdout.trim().split("\n")).toEqual(bodies);
  });

  test("direct-send to a Proton receiver that connects", async () => {
    const ours = await listening("direct-send", String(COUNT));
    expect(bodiesOf(await startReceiver("proton", "examples", ours, COUNT).result)).toEqual(sent);
    expect((await ours.ended).code).toBe(0);
  });

  test("direct-receive from a Proton sender that connects", async () => {
    const ours = await listening("direct-receive", String(COUNT));
    const outcomes = await startSender("proton", "examples", ours, descriptions).result;
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(descriptions.map(() => "accepted"));
    expect((await ours.ended).stdout.trim().split("\n").slice(1)).toEqual(bodies);
  });
});

describe("S12 P03 small-broker serves Proton Python", () => {
  test("send and receive", async () => {
    const { url } = await listening("small-broker");
    expect((await startSender("proton", "queue", { url }, descriptions).result).length).toBe(COUNT);
    expect(bodiesOf(await startReceiver("proton", "queue", { url }, COUNT).result)).toEqual(descriptions.map(({ body }) => JSON.stringify(body)));
  });

  test("requests: Proton asks our server, our client asks Proton's, and Proton asks Proton", async () => {
    const { url } = await listening("small-broker");
    start("request-server", url, "ours");
    const replies = await startRequester("proton", "ours", { url }, 10).result;
    expect(replies.map(({ body }) => body)).toEqual(Array.from({ length: 10 }, (_, n) => `QUESTION ${n}`));
    const theirs = startResponder("proton", "theirs", { url }, 4);
    await theirs.ready;
    expect((await start("request-client", url, "theirs").ended).stdout.split("\n")[1]).toBe("Did gire and gymble in the wabe. => DID GIRE AND GYMBLE IN THE WABE.");
    expect(await theirs.result).toBe(4);
    const both = startResponder("proton", "both", { url }, 3);
    await both.ready;
    expect((await startRequester("proton", "both", { url }, 3).result).map(({ body }) => body)).toEqual(["QUESTION 0", "QUESTION 1", "QUESTION 2"]);
  });
});

describe("S05 S11 S12 through brokers", () => {
  test("simple-send and simple-receive through Proton's broker, and requests at it", async () => {
    const { url } = broker("proton");
    const address = fresh("handlers");
    expect(await start("simple-send", `${url}/${address}`, "100").ended).toMatchObject({ code: 0, stderr: "" });
    expect((await start("simple-receive", `${url}/${address}`, "100").ended).stdout.trim().split("\n").length).toBe(100);
    start("request-server", url, `${address}-questions`);
    expect((await start("request-client", url, `${address}-questions`).ended).stdout.split("\n")[0]).toBe("Twas brillig, and the slithy toves => TWAS BRILLIG, AND THE SLITHY TOVES");
  });

  test("P04 transactional-send for a Proton receiver, and transactional-receive from a Proton sender", async () => {
    await using embedded = await Broker.start();
    const { url } = embedded;
    expect(await start("transactional-send", `${url}/to-proton`, "30", "10").ended).toMatchObject({ code: 0, stderr: "" });
    expect((await startReceiver("proton", "to-proton", { url }, 30).result).length).toBe(30);
    expect((await startSender("proton", "from-proton", { url }, descriptions).result).length).toBe(COUNT);
    const { code, stdout } = await start("transactional-receive", `${url}/from-proton`, String(COUNT), "50").ended;
    const texts = descriptions.map((_, n) => `message ${n}`);
    const half = texts.slice(0, 50);
    expect([code, stdout.trim().split("\n")]).toEqual([0, [...half, "aborted", ...half, "committed", ...texts.slice(50), "committed"]]);
    expect([embedded.depth("to-proton"), embedded.depth("from-proton")]).toEqual([0, 0]);
  });

  test("selected-receive at ActiveMQ", async () => {
    const { url } = broker("activemq");
    const address = fresh("handlers");
    await using connection = await connect(url);
    const sender = await connection.createSender(address);
    for (const [body, colour] of [["grass", "green"], ["sky", "blue"], ["frog", "green"]] as const) await sender.send({ body, properties: { colour } });
    expect((await start("selected-receive", `${url}/${address}`, "colour = 'green'", "2").ended).stdout).toBe("grass green\nfrog green\n");
    const left = await (await connection.createReceiver(address)).receive({ timeout: 5_000 });
    expect(left.message.body).toBe("sky");
    await left.accept();
  });
});

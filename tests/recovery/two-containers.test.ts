/** X: two containers of ours recover each other, whichever of them listens: cut at every octet of a session, each message has its effect once. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker.ts";
import { Container } from "../../src/index.ts";
import type { Connection, Listener, Receiver, Sender } from "../../src/index.ts";
import { FaultProxy } from "../../src/testing.ts";
import { within } from "../protocol/harness.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const MESSAGES = 4;
/** Octets from one cut to the next. */
const STEP = Number(process.env["LEPTONMQ_CUT_STEP"] ?? 1);
const EXACTLY = { guarantee: "exactly-once", name: "link" } as const;

function container(id?: string): Container {
  const made = new Container({ id, onError: () => undefined });
  cleanups.push(() => made.close({ timeout: 500 }).catch(() => undefined));
  return made;
}

/** Which octets are counted, as the line has it. */
const WAYS = { there: "up", back: "down" } as const;

async function lineTo(url: string): Promise<FaultProxy> {
  const made = await FaultProxy.start(url);
  cleanups.push(() => made.close());
  return made;
}

/** A listener that takes links: the first time each is handed over, afterwards it goes on. */
async function serving(take: (link: Sender | Receiver) => Promise<void>): Promise<{ listener: Listener; resumed: () => number }> {
  const listener = await container().listen("amqp://127.0.0.1:0");
  let resumed = 0;
  void listener.serve(async (request) => {
    const known = request.resumes;
    const link = await request.accept({ guarantee: "exactly-once" });
    if (known === undefined) return take(link);
    expect(link).toBe(known);
    expect(link.connection).toBe(request.connection);
    if (link.recovery === "resumed") resumed += 1;
    return undefined;
  });
  return { listener, resumed: () => resumed };
}

function dial(url: string, id: string): Promise<Connection> {
  return container(id).connect(url, { timeout: 10_000, reconnect: { initial: true, initialDelay: 1, maxDelay: 2 } });
}

/** Takes messages and counts how often each had its effect. */
async function ledgerOf(receiver: Receiver, ledger: Map<unknown, number>, enough?: () => void): Promise<void> {
  for await (const delivery of receiver) {
    const { body } = delivery.message;
    ledger.set(body, (ledger.get(body) ?? 0) + 1);
    void delivery.accept().then(() => {
      if (ledger.size === MESSAGES) enough?.();
    }, () => undefined);
  }
}

const ONCE = new Map(Array.from({ length: MESSAGES }, (_, n) => [n, 1]));
const bodies = Array.from({ length: MESSAGES }, (_, n) => n);

/** One session of a sender that connects; answers how often each message had its effect. */
async function sendingThere(through: FaultProxy, ledgers: Map<string, Map<unknown, number>>, id: string): Promise<Map<unknown, number>> {
  const connection = await dial(through.url, id);
  const sender = await connection.createSender("q", { ...EXACTLY, properties: { id } });
  const sent = await within(Promise.all(bodies.map((body) => sender.send({ body }))), `the sends of ${id}`, 15_000);
  expect(sent.map(({ outcome }) => outcome?.type)).toEqual(bodies.map(() => "accepted"));
  await connection.close();
  return ledgers.get(id) as Map<unknown, number>;
}

/** One session of a receiver that connects. */
async function sendingBack(through: FaultProxy, id: string): Promise<Map<unknown, number>> {
  const connection = await dial(through.url, id);
  const receiver = await connection.createReceiver("q", { ...EXACTLY, properties: { id } });
  const ledger = new Map<unknown, number>();
  await within(new Promise<void>((resolve, reject) => void ledgerOf(receiver, ledger, resolve).catch(reject)), `the messages of ${id}`, 15_000);
  await connection.close();
  return ledger;
}

describe("X.1 X.5 S16 cut at every octet", () => {
  test.each(["there", "back"] as const)("the sender connects; octets that go %s are counted", async (way) => {
    const ledgers = new Map<string, Map<unknown, number>>();
    const { listener, resumed } = await serving(async (link) => {
      const ledger = new Map<unknown, number>();
      ledgers.set(String(link.connection.remoteContainer), ledger);
      await ledgerOf(link as Receiver, ledger);
    });
    const through = await lineTo(listener.url);
    expect(await sendingThere(through, ledgers, "whole")).toEqual(ONCE);
    const octets = through.passed[WAYS[way]];
    for (let at = 1; at < octets; at += STEP) {
      through.cutAfter(at, WAYS[way]);
      expect([at, await sendingThere(through, ledgers, `cut-${at}`)]).toEqual([at, ONCE]);
    }
    // Frames are not put together in the same way each time: the very last octets may not come.
    expect(through.cuts).toBeGreaterThan(0.8 * octets / STEP);
    expect(resumed()).toBeGreaterThan(octets / STEP / 20);
  }, 120_000);

  test.each(["there", "back"] as const)("the sender listens; octets that go %s are counted", async (way) => {
    const fates = new Map<string, string[]>();
    const { listener, resumed } = await serving(async (link) => {
      const outcomes: string[] = [];
      fates.set(String(link.connection.remoteContainer), outcomes);
      await Promise.all(bodies.map(async (body) => {
        const { outcome } = await (link as Sender).send({ body });
        outcomes.push(String(outcome?.type));
      }));
    });
    const through = await lineTo(listener.url);
    expect(await sendingBack(through, "whole")).toEqual(ONCE);
    const octets = through.passed[WAYS[way]];
    for (let at = 1; at < octets; at += STEP) {
      through.cutAfter(at, WAYS[way]);
      expect([at, await sendingBack(through, `cut-${at}`)]).toEqual([at, ONCE]);
      expect([at, fates.get(`cut-${at}`)]).toEqual([at, bodies.map(() => "accepted")]);
    }
    expect(resumed()).toBeGreaterThan(octets / STEP / 20);
  }, 120_000);

  test.each(["there", "back"] as const)("X13 a producer and a consumer at the embedded broker; octets that go %s are counted", async (way) => {
    const broker = await Broker.start();
    cleanups.push(() => broker.close());
    const through = await lineTo(broker.url);
    const run = async (id: string): Promise<Map<unknown, number>> => {
      const connection = await dial(through.url, id);
      const sender = await connection.createSender(id, EXACTLY);
      const receiver = await connection.createReceiver(id, EXACTLY);
      const ledger = new Map<unknown, number>();
      const taken = new Promise<void>((resolve, reject) => void ledgerOf(receiver, ledger, resolve).catch(reject));
      const sent = await within(Promise.all(bodies.map((body) => sender.send({ body }))), `the sends of ${id}`, 15_000);
      expect(sent.map(({ outcome }) => outcome?.type)).toEqual(bodies.map(() => "accepted"));
      await within(taken, `the messages of ${id}`, 15_000);
      await connection.close();
      expect([id, broker.depth(id)]).toEqual([id, 0]);
      return ledger;
    };
    expect(await run("whole")).toEqual(ONCE);
    const octets = through.passed[WAYS[way]];
    for (let at = 1; at < octets; at += STEP) {
      through.cutAfter(at, WAYS[way]);
      expect([at, await run(`cut-${at}`)]).toEqual([at, ONCE]);
    }
  }, 120_000);
});

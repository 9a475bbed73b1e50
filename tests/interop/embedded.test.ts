/**
 * The embedded broker as the peer of Proton Python and rhea alone: they send, receive, ask and answer, select, subscribe and browse, and no program
 * of leptonmq's is at the other end. Transactions of Proton Python at this broker are in transactions.test.ts.
 */
import { describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker.ts";
import type { BrokerOptions } from "../../src/broker.ts";
import { useBrokers } from "./support/brokers.ts";
import type { Description, Seen } from "./support/messages.ts";
import { startReceiver, startRequester, startResponder, startSender, startSubscriber } from "./support/programs.ts";

useBrokers("proton"); // no test here talks to it: it brings Proton Python with it

const KINDS = ["proton", "rhea"] as const;
const PAIRS = KINDS.flatMap((one) => KINDS.map((other) => [one, other] as const));

/** Messages with numbers from 1 on, of which every third is red. */
function numbered(count: number): Description[] {
  return Array.from({ length: count }, (_, i) => ({
    id: ["string", `m${i + 1}`], body: ["value", ["int", i + 1]], properties: { n: ["int", i + 1], colour: ["string", i % 3 === 0 ? "red" : "blue"] },
    header: { priority: i === count - 1 ? 9 : 4 },
  }));
}

const idsOf = (seen: readonly Seen[]): unknown[] => seen.map(({ id }) => id[1]);
const ids = (...numbers: readonly number[]): string[] => numbers.map((n) => `m${n}`);

async function withBroker(options: BrokerOptions, run: (broker: Broker) => Promise<void>): Promise<void> {
  await using broker = await Broker.start(options);
  await run(broker);
}

const until = async (condition: () => boolean): Promise<void> => {
  const end = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not so within 20 s: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe.each(PAIRS)("X13 %s sends, %s receives", (from, to) => {
  test("each message once, the higher priority first, every one accepted", () =>
    withBroker({}, async (broker) => {
      const outcomes = await startSender(from, "q", broker, numbered(100)).result;
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 100 }, () => "accepted"));
      const seen = await startReceiver(to, "q", broker, 100).result;
      expect(idsOf(seen)).toEqual(ids(100, ...Array.from({ length: 99 }, (_, i) => i + 1)));
      await until(() => broker.depth("q") === 0);
    }));

  test("X13 requests of one, replies of the other to its dynamic node", () =>
    withBroker({}, async (broker) => {
      const service = startResponder(to, "service", broker, 20);
      await service.ready;
      const replies = await startRequester(from, "service", broker, 20).result;
      expect(replies.map(({ body }) => body).sort()).toEqual(Array.from({ length: 20 }, (_, n) => `QUESTION ${n}`).sort());
      expect(await service.result).toBe(20);
    }));
});

describe.each(KINDS)("X13 %s at the embedded broker", (kind) => {
  test("with a password", () =>
    withBroker({ users: { ann: "secret" } }, async (broker) => {
      const url = broker.url.replace("amqp://", "amqp://ann:secret@");
      await startSender(kind, "q", { url }, numbered(3)).result;
      expect(idsOf(await startReceiver(kind, "q", { url }, 3).result)).toEqual(ids(3, 1, 2));
    }));

  test("P02 Selector takes what is for it, and leaves the rest", () =>
    withBroker({}, async (broker) => {
      await startSender(kind, "q", broker, numbered(9)).result;
      const seen = await startSubscriber(kind, "q", broker, { count: 2, selector: "colour = 'red' AND n BETWEEN 2 AND 7" }).result;
      expect(idsOf(seen)).toEqual(ids(4, 7));
      await until(() => broker.depth("q") === 7);
      expect(broker.peek("q").map(({ id }) => id)).toEqual(ids(9, 1, 2, 3, 5, 6, 8));
    }));

  test("P02 a bad Selector is refused with its place", () =>
    withBroker({}, async (broker) => {
      const refused = startSubscriber(kind, "q", broker, { count: 1, selector: "colour = 'red' AND" }).result;
      await expect(refused).rejects.toThrow(/amqp:invalid-field.*character 19/s);
    }));

  test("P02 DurableSubscription outlives the program that made it, until it is closed", () =>
    withBroker({}, async (broker) => {
      const durable = { container: "interop", name: "news" };
      await startSubscriber(kind, "topic://news", broker, { count: 0, durable, end: "detach" }).result;
      await startSender(kind, "topic://news", broker, numbered(4)).result;
      expect(broker.depth("topic://news")).toBe(4);
      expect(idsOf(await startSubscriber(kind, "topic://news", broker, { count: 3, durable, end: "detach" }).result)).toEqual(ids(4, 1, 2));
      await startSender(kind, "topic://news", broker, numbered(1)).result;
      expect(idsOf(await startSubscriber(kind, "topic://news", broker, { count: 2, durable, end: "close" }).result).sort()).toEqual(ids(1, 3));
      await until(() => broker.depth("topic://news") === 0);
      await startSender(kind, "topic://news", broker, numbered(2)).result;
      expect(broker.depth("topic://news")).toBe(0);
    }));

  test("P02 Copy sees all and takes none", () =>
    withBroker({}, async (broker) => {
      await startSender(kind, "q", broker, numbered(5)).result;
      expect(idsOf(await startSubscriber(kind, "q", broker, { count: 5, browse: true }).result)).toEqual(ids(5, 1, 2, 3, 4));
      expect(broker.depth("q")).toBe(5);
      expect(idsOf(await startReceiver(kind, "q", broker, 5).result)).toEqual(ids(5, 1, 2, 3, 4));
    }));

  test("a topic gives each subscriber each message", () =>
    withBroker({}, async (broker) => {
      const subscribers = KINDS.map((each) => startSubscriber(each, "topic://all", broker, { count: 3 }));
      await Promise.all(subscribers.map(({ ready }) => ready));
      await startSender(kind, "topic://all", broker, numbered(3)).result;
      for (const { result } of subscribers) expect(idsOf(await result).sort()).toEqual(ids(1, 2, 3));
    }));
});

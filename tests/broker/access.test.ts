/** Who gets in: users, hosts, user-id, and options that cannot work. */

import { describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker/broker.ts";
import type { BrokerOptions } from "../../src/broker/options.ts";
import { withBroker } from "../support/broker.ts";
import { certificates } from "../transport/certificates.ts";

describe("B.4 access", () => {
  test("users authenticate with SCRAM or PLAIN, and nobody else gets in", () =>
    withBroker({ users: { ann: "secret", bob: "" } }, async ({ connect }) => {
      for (const allowedMechs of [undefined, "SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]) {
        const connection = await connect({ user: "ann", password: "secret", allowedMechs });
        await (await connection.createSender("q")).send({ body: 1 });
      }
      await expect(connect({ allowedMechs: "ANONYMOUS" })).rejects.toThrow("the peer offers SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1, PLAIN;");
      for (const wrong of [{ user: "ann", password: "Secret" }, { user: "ann", password: "secrets" }, { user: "eve", password: "" }, { user: "constructor", password: "x" }]) {
        await expect(connect(wrong)).rejects.toMatchObject({ code: "auth-failed" });
      }
      await expect(connect()).rejects.toThrow();
    }), 20_000);

  test("without users everybody on this machine gets in", () =>
    withBroker({}, async ({ connect }) => {
      await (await (await connect()).createSender("q")).send({ body: 1 });
    }));

  test("Q.tls with tls it speaks amqps, to those who trust its certificate", async () => {
    const { ca, server } = certificates();
    await withBroker({ tls: server, users: { ann: "secret" } }, async ({ broker, connect }) => {
      expect(broker.url).toMatch(/^amqps:/);
      const connection = await connect({ user: "ann", password: "secret", tls: { ca } });
      await (await connection.createSender("q")).send({ body: 1 });
      await expect(connect({ user: "ann", password: "secret" })).rejects.toMatchObject({ code: "tls-failed" });
    });
  });

  test("Q.authorisation user-id must be the authenticated user", () =>
    withBroker({ users: { ann: "secret" } }, async ({ broker, connect }) => {
      const sender = await (await connect({ user: "ann", password: "secret" })).createSender("q");
      await sender.send({ userId: "ann", body: 1 });
      await sender.send({ body: 2 });
      await expect(sender.send({ userId: "bob", body: 3 })).rejects.toMatchObject({ condition: "amqp:unauthorized-access" });
      expect(broker.depth("q")).toBe(2);
    }));

  test.each<[string, BrokerOptions, string]>([
    ["a host that others reach, without users", { host: "0.0.0.0" }, 'give "users" and "tls"'],
    ["a host that others reach, without TLS", { host: "0.0.0.0", users: { a: "b" } }, 'give "tls"'],
    ["no users at all", { users: {} }, "names nobody"],
    ["a bound that is no count", { queues: { q: { maxLength: 0 } } }, "queues.q.maxLength"],
    ["an option that is none", { ports: 1 } as BrokerOptions, 'no option "ports"'],
    ["a queue's option that is none", { queues: { q: { max: 1 } } } as BrokerOptions, 'no option "queues.q.max"'],
    ["its own dead letters", { queues: { q: { deadLetter: "q" } } }, "is the queue itself"],
    ["no room", { maxBytes: 0 }, "maxBytes"],
    ["a misspelt name", { strictDurables: true } as BrokerOptions, 'did you mean "strictDurable"?'],
    ["a queue's misspelt name", { queues: { q: { deadLeter: "x" } } } as BrokerOptions, 'did you mean "deadLetter"?'],
    ["a name of every object", { constructor: 1 } as unknown as BrokerOptions, 'no option "constructor"'],
    ["a flag that is none", { strictDurable: "yes" as never }, 'option "strictDurable" must be true or false'],
    ["a port that is none", { port: 70_000 }, "0 to 65535"],
    ["a password that is none", { users: { ann: 5 as never } }, "passwords by user"],
    ["a queue that is no object", { queues: { q: 5 as never } }, "an object for each address"],
    ["an overflow that is none", { queues: { q: { overflow: "drop" as never } } }, '"wait" or "reject"'],
    ["an overflow of a topic", { queues: { "topic://t": { overflow: "reject" } } }, "is for queues"],
    ["the expired without a place", { queues: { q: { deadLetterExpired: true } } }, 'needs "deadLetter"'],
    ["a clock that is none", { clock: {} as never }, "now() and setTimer()"],
    ["no subscriptions at all by half", { maxSubscriptions: 0.5 }, "whole number from 0"],
    ["options that are none", 5 as never, "are an object"],
  ])("refuses %s before it listens", async (_what, options, text) => {
    await expect(Broker.start(options)).rejects.toMatchObject({ code: "config", message: expect.stringContaining(text) });
  });

  test("B.2 strictDurable rejects durable messages, since accepted would not mean kept; without it they are taken", () =>
    withBroker({ strictDurable: true }, async ({ broker, connect }) => {
      const sender = await (await connect()).createSender("q");
      await expect(sender.send({ body: 1, durable: true })).rejects.toMatchObject({ code: "rejected", condition: "amqp:precondition-failed", description: expect.stringContaining("strictDurable") });
      await sender.send({ body: 2 });
      expect(broker.peek("q").map(({ body }) => body)).toEqual([2]);
    }));

  test("B.2 without strictDurable durable messages are taken", () =>
    withBroker({}, async ({ broker, connect }) => {
      await (await (await connect()).createSender("q")).send({ body: 1, durable: true });
      expect(broker.peek("q").map(({ durable }) => durable)).toEqual([true]);
    }));

  test("B.3 refuses what it cannot do link by link, and keeps the connection", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      await expect(connection.createReceiver("dynamic/nobody")).rejects.toMatchObject({ condition: "amqp:not-found" });
      await (await connection.createSender("q", { desiredCapabilities: ["x-nobody-knows"] })).send({ body: 1 });
    }));
});

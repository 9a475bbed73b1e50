/** Topics, dynamic nodes, the anonymous relay, and the functions for tests. */

import { describe, expect, test } from "@jest/globals";
import { types } from "../../src/container/public.ts";
import type { Connection } from "../../src/container/public.ts";
import { lifetimeOf } from "../../src/broker/lifetime.ts";
import type { Node } from "../../src/broker/node.ts";
import { Nodes } from "../../src/broker/nodes.ts";
import { bodies, turns, until, withBroker } from "../support/broker.ts";

describe("X13 topics", () => {
  test("every subscriber gets what comes while it is attached", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const publisher = await connection.createSender("topic://news");
      await publisher.send({ body: "before" });
      const subscribers = [await connection.createReceiver("topic://news"), await (await connect()).createReceiver("topic://news")];
      await Promise.all([publisher.send({ body: 1 }), publisher.send({ body: 2 })]);
      expect(await Promise.all(subscribers.map((subscriber) => bodies(subscriber, 2)))).toEqual([[1, 2], [1, 2]]);
    }));

  test("a subscriber's failure counts for itself alone", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const [one, two] = [await connection.createReceiver("topic://t"), await connection.createReceiver("topic://t")];
      await (await connection.createSender("topic://t")).send({ body: "m" });
      await (await one.receive()).modify({ deliveryFailed: true });
      expect((await one.receive()).message.deliveryCount).toBe(1);
      expect((await two.receive()).message.deliveryCount).toBe(0);
    }));
});

describe("X13 dynamic nodes", () => {
  test("Q.authorisation have names of 128 random bits and live as long as their link", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      const one = await connection.createReceiver(undefined, { dynamic: true });
      const two = await connection.createReceiver(undefined, { dynamic: true });
      const [address, other] = [one.remoteSource.address ?? "", two.remoteSource.address ?? ""];
      expect(address).toMatch(/^dynamic\/[0-9a-f]{32}$/);
      expect(other).not.toBe(address);
      await (await connection.createSender(address)).send({ body: "for one" });
      expect(await bodies(one, 1)).toEqual(["for one"]);
      await one.close();
      await expect(connection.createSender(address)).rejects.toMatchObject({ condition: "amqp:not-found" });
      expect(() => broker.put(address, { body: 1 })).toThrow(/no dynamic node/);
    }));

  test("reject what still comes when their link is gone", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const owner = await connection.createReceiver(undefined, { dynamic: true });
      const sender = await connection.createSender(owner.remoteSource.address);
      await owner.close();
      await expect(sender.send({ body: 1 })).rejects.toMatchObject({ code: "rejected", condition: "amqp:resource-deleted" });
    }));

  test("can be asked for by a sender", () =>
    withBroker({}, async ({ broker, connect }) => {
      const sender = await (await connect()).createSender({ dynamic: true });
      await sender.send({ body: 1 });
      expect(broker.depth(sender.remoteTarget.address ?? "")).toBe(1);
    }));
});

describe("X13 lifetimes of dynamic nodes", () => {
  const policy = (name: string): Record<string, unknown> => ({ "lifetime-policy": types.described(`amqp:${name}:list`, []) });
  const isThere = async (connection: Connection, address: string): Promise<boolean> => {
    try {
      await (await connection.createSender(address)).close();
      return true;
    } catch {
      return false;
    }
  };

  test.each<[string, boolean, boolean]>([
    // who keeps the node once its own link is closed: another link, a message
    ["delete-on-close", false, false], ["delete-on-no-links", true, false], ["delete-on-no-messages", false, true], ["delete-on-no-links-or-messages", true, true],
  ])("%s", (name, links, messages) =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      for (const [withLink, withMessage] of [[false, false], [true, false], [false, true]] as const) {
        const owner = await connection.createReceiver({ dynamic: true, properties: policy(name) }, { prefetch: 0 });
        const address = owner.remoteSource.address as string;
        expect(owner.remoteSource.properties).toEqual(policy(name));
        const sender = await connection.createSender(address);
        if (withMessage) await sender.send({ body: "left" });
        if (!withLink) await sender.close();
        await owner.close();
        await turns();
        const kept = (withLink && links) || (withMessage && messages);
        expect([name, withLink, withMessage, await isThere(connection, address)]).toEqual([name, withLink, withMessage, kept]);
        if (!kept) continue;
        if (withMessage) expect(await bodies(await connection.createReceiver(address), 1)).toEqual(["left"]);
        else await sender.close();
        for (const link of connection.links()) await link.close();
        await turns();
        expect(await isThere(connection, address)).toBe(false);
      }
      expect(broker.depth("q")).toBe(0);
    }));

  test("other properties are not what the node has, and a sender may ask for a lifetime as well", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const receiver = await connection.createReceiver({ dynamic: true, properties: { colour: "red" } });
      expect(receiver.remoteSource.properties).toEqual({});
      const sender = await connection.createSender({ dynamic: true, properties: { ...policy("delete-on-no-messages"), colour: "red" } });
      expect(sender.remoteTarget.properties).toEqual(policy("delete-on-no-messages"));
      const address = sender.remoteTarget.address as string;
      await sender.send({ body: 1 });
      await sender.close();
      expect(await bodies(await connection.createReceiver(address), 1)).toEqual([1]);
      await turns();
      await expect(connection.createSender(address)).rejects.toMatchObject({ condition: "amqp:not-found" });
    }));

  test("a reply comes from another connection to a node that its owner asked for", () =>
    withBroker({}, async ({ connect }) => {
      const [here, there] = [await connect(), await connect()];
      const replies = await here.createReceiver(undefined, { dynamic: true });
      const answer = await there.createSender(replies.remoteSource.address);
      await answer.send({ body: "reply" });
      expect(await bodies(replies, 1)).toEqual(["reply"]);
      await here.close();
      expect((await answer.send({ body: "late" }).catch((error: { condition: string }) => error.condition))).toBe("amqp:resource-deleted");
    }));
});

describe("X13 what nobody needs", () => {
  test("is forgotten: an empty node without links, and a dynamic one that is released", () => {
    const nodes = new Nodes({});
    for (const address of ["q", "topic://t"]) {
      const node = nodes.get(address) as Node;
      node.publishers++;
      nodes.tidy(node);
      expect(nodes.find(address)).toBe(node);
      node.publishers--;
      nodes.tidy(node);
      expect(nodes.find(address)).toBeUndefined();
    }
    const dynamic = nodes.makeDynamic(lifetimeOf(undefined));
    nodes.tidy(dynamic);
    expect(nodes.get(dynamic.address)).toBe(dynamic);
    nodes.release(dynamic);
    expect([nodes.get(dynamic.address), dynamic.deleted]).toEqual([undefined, true]);
  });
});

describe("J11 anonymous relay", () => {
  test("brings each message to its `to`", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      expect(connection.remoteOfferedCapabilities).toContain("ANONYMOUS-RELAY");
      const relay = await connection.createSender(null);
      const subscriber = await connection.createReceiver("topic://t");
      await Promise.all([relay.send({ to: "a", body: 1 }), relay.send({ to: "b", body: 2 }), relay.send({ to: "topic://t", body: 3 })]);
      expect([broker.depth("a"), broker.depth("b")]).toEqual([1, 1]);
      expect(await bodies(subscriber, 1)).toEqual([3]);
    }));

  test("rejects what has no place to go", () =>
    withBroker({}, async ({ connect }) => {
      const relay = await (await connect()).createSender(null);
      await expect(relay.send({ to: "dynamic/0000", body: 1 })).rejects.toMatchObject({ condition: "amqp:not-found" });
      await relay.send({ to: "q", body: 2 });
    }));
});

describe("X13 functions for tests", () => {
  test("put, depth and peek agree, and peek gives copies", () =>
    withBroker({}, async ({ broker, connect }) => {
      for (let body = 0; body < 3; body++) broker.put("q", { body, id: `m${body}` });
      const [first] = broker.peek("q");
      expect(first?.id).toBe("m0");
      if (first !== undefined) first.subject = "changed";
      const receiver = await (await connect()).createReceiver("q", { prefetch: 1 });
      const delivery = await receiver.receive();
      expect(delivery.message.subject).toBeUndefined();
      expect(broker.depth("q")).toBe(3);
      expect(broker.peek("q").map((message) => message.body)).toEqual([0, 1, 2]);
      expect([broker.depth("elsewhere"), broker.peek("elsewhere")]).toEqual([0, []]);
    }));

  test("put takes the message as it is at the call", () =>
    withBroker({}, async ({ broker }) => {
      const body = new Uint8Array([1]);
      broker.put("q", { body });
      body[0] = 9;
      expect(broker.peek("q").map((message) => message.body)).toEqual([new Uint8Array([1])]);
    }));

  test("dropConnections is no orderly close", () =>
    withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      broker.dropConnections();
      expect(await connection.closed).toMatchObject({ scope: "connection", origin: "transport" });
      const again = await connect();
      await (await again.createSender("q")).send({ body: 1 });
      await turns(5);
      await until(() => broker.depth("q") === 1);
    }));

  test("close lets clients know, and twice is once", async () => {
    let closed: unknown = "not yet";
    await withBroker({}, async ({ broker, connect }) => {
      const connection = await connect();
      void connection.closed.then((error) => (closed = error));
      await Promise.all([broker.close(), broker.close()]);
      await connection.closed;
    });
    expect(closed).not.toBe("not yet");
  });
});

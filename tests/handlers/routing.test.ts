/** Which handler an event goes to, what is in it, and what becomes of what callbacks throw. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Container, MessagingHandler } from "../../src/index.ts";
import type { Event, Handler, IncomingEvent } from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { memoryPair } from "../../src/testing.ts";
import { answer, deliver, nextCredit, outcomes, receiverOn, senderOn, stage, turns, until } from "../client/support.ts";
import { within } from "../protocol/harness.ts";
import { withBroker } from "../support/broker.ts";
import { recorder } from "./support.ts";

const MEMBERS = [
  "type", "container", "reactor", "context", "connection", "session", "link", "sender", "receiver", "delivery", "message", "transport", "transaction", "error",
  "payload", "request",
] as const;

/** Every member is the very same as in `expected`; those that are not there are undefined. */
function same(event: Event, expected: Readonly<Partial<Record<(typeof MEMBERS)[number], unknown>>>): void {
  expect(MEMBERS.filter((name) => event[name] !== expected[name])).toEqual([]);
}

describe("S13 scopes", () => {
  test("the closest that handles an event gets it: link, session, connection, container", async () => {
    const log: string[] = [];
    const at = (place: string, ...names: (keyof Handler)[]): Handler => Object.fromEntries(names.map((name) => [name, () => log.push(`${place} ${name}`)]));
    const scene = await stage({
      container: { handlers: at("container", "on_message", "on_link_opened", "on_link_closed", "on_session_opened", "on_connection_opened") },
      connect: { handler: at("connection", "on_message", "on_link_opened", "on_link_closed") },
    });
    const session = scene.connection.session({ handler: at("session", "on_message", "on_link_opened") });
    scene.peer.reply(await scene.peer.until("begin"));
    const opening = (await session).createReceiver("q", { handler: at("link", "on_message") });
    scene.peer.reply(await scene.peer.until("attach"));
    const receiver = await within(opening, "the receiver");
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    await until(() => log.length === 4);
    void receiver.close();
    scene.peer.reply(await scene.peer.until("detach"));
    await receiver.closed;
    await turns(2);
    expect(log).toEqual(["container on_connection_opened", "container on_session_opened", "session on_link_opened", "link on_message", "connection on_link_closed"]);
  });

  test("several handlers of a scope are all called, in order; a promise is waited for before the next", async () => {
    const log: string[] = [];
    const gate = new Deferred<void>();
    const scene = await stage({
      connect: {
        handler: [
          { on_message: () => log.push("first") }, { on_something_else: () => log.push("never") },
          { async on_message(): Promise<void> { log.push("second begins"); await gate.promise; log.push("second ends"); } },
          { on_message: () => log.push("third") },
        ],
      },
    });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    await until(() => log.length === 2);
    expect(await outcomes(scene.peer)).toEqual({});
    gate.resolve();
    await until(() => log.length === 4);
    expect(log).toEqual(["first", "second begins", "second ends", "third"]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
  });

  test("callbacks are found on the prototypes of a handler, with itself as this, and also those added later", async () => {
    class Base {
      readonly seen: unknown[] = [];
      on_link_opened(): void {
        this.seen.push("opened");
      }
    }
    class Derived extends Base {}
    const handler = new Derived();
    const scene = await stage({ container: { handlers: handler } });
    (handler as Handler).on_message = ({ message }) => void handler.seen.push(message.body);
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 7);
    await until(() => handler.seen.length === 2);
    expect(handler.seen).toEqual(["opened", 7]);
  });

  test("names that come over the wire are never looked up on a handler", async () => {
    const calls: string[] = [];
    const scene = await stage({ container: { handlers: { on_evil: () => calls.push("evil"), constructor: () => calls.push("constructor") } } });
    const opening = scene.connection.createReceiver("evil");
    opening.catch(() => undefined);
    await answer(scene.peer, { source: null, properties: { on_evil: "on_evil" } });
    scene.peer.send("detach", { closed: true, error: { condition: "evil", description: "constructor" } });
    await turns();
    expect(calls).toEqual([]);
  });

  test("on_unhandled hears what no handler in scope has a callback for, with the callback's name", async () => {
    const unhandled: [string, string][] = [];
    const scene = await stage({ container: { handlers: { on_link_opened: () => undefined, on_unhandled: (name: string, event: Event) => unhandled.push([name, event.type]) } } });
    await receiverOn(scene);
    await turns(2);
    expect(unhandled.map(([name]) => name)).toEqual([
      "on_connection_init", "on_connection_bound", "on_connection_local_open", "on_connection_remote_open", "on_connection_opened",
      "on_session_init", "on_session_local_open", "on_link_init", "on_link_local_open", "on_session_remote_open", "on_session_opened", "on_link_remote_open",
    ]);
    expect(unhandled.filter(([name, type]) => name !== `on_${type}`)).toEqual([]);
  });

  test.each<[string, object]>([
    ["a text", { handler: "on_message" }], ["a list with a text in it", { handler: [{}, "x"] }], ["a list of lists", { handler: [[{}]] }],
  ])("%s is no handler", async (_what, options) => {
    const container = new Container();
    expect(() => container.connect("amqp://127.0.0.1:1", options)).toThrow(ConfigError);
    expect(() => new Container({ handlers: 5 as unknown as object })).toThrow(/"handlers" must be a handler/);
    const scene = await stage();
    expect(() => scene.connection.createReceiver("q", options)).toThrow(ConfigError);
    expect(() => scene.connection.session(options)).toThrow(ConfigError);
  });
});

describe("S13 the event", () => {
  test("has what its kind has, and its context is the most specific of it", async () => {
    const heard = recorder("on_connection_opened", "on_session_opened", "on_link_opened", "on_sendable", "on_message", "on_accepted");
    const scene = await stage({ container: { handlers: heard.handler } });
    const { connection, container, peer } = scene;
    const receiver = await receiverOn(scene);
    await nextCredit(peer);
    deliver(peer, "text");
    await until(() => heard.names().includes("on_message"));
    const { session } = receiver;
    same(heard.last("on_connection_opened"), { type: "connection_opened", container, reactor: container, connection, context: connection });
    same(heard.last("on_session_opened"), { type: "session_opened", container, reactor: container, connection, session, context: session });
    same(heard.last("on_link_opened"), { type: "link_opened", container, reactor: container, connection, session, link: receiver, receiver, context: receiver });
    const incoming = heard.last("on_message") as IncomingEvent;
    const { delivery: taken } = incoming;
    same(incoming, { type: "message", container, reactor: container, connection, session, link: receiver, receiver, delivery: taken, message: taken.message, context: taken });
    expect(incoming.message.body).toBe("text");

    const sender = await senderOn(scene, 1);
    await until(() => heard.names().includes("on_sendable"));
    const place = { container, reactor: container, connection, session: sender.session, link: sender, sender };
    same(heard.last("on_sendable"), { type: "sendable", ...place, context: sender });
    const sending = sender.send({ body: 1 });
    await peer.until("transfer");
    peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "accepted" });
    const delivery = await within(sending, "the outcome");
    await turns(1);
    same(heard.last("on_accepted"), { type: "accepted", ...place, delivery, context: delivery });
  });
});

describe("S13 event.transport", () => {
  test("is what the program gave instead of a socket, by a function or as it is", async () => {
    for (const asFunction of [false, true]) {
      const [ours, theirs] = memoryPair();
      const server = new Container({ handlers: new MessagingHandler() });
      await server.listen({ transport: theirs });
      const heard = recorder("on_connection_opened");
      const container = new Container({ handlers: heard.handler });
      const connection = await container.connect("amqp://somewhere", { transport: asFunction ? () => Promise.resolve(ours) : ours });
      await until(() => heard.told.length === 1);
      expect(heard.last("on_connection_opened").transport === ours).toBe(true);
      await connection.close();
      await Promise.all([container.close(), server.close()]);
    }
  });
});

describe("S11 what callbacks throw", () => {
  test("goes to onError, in one place, and ends nothing", async () => {
    const errors: unknown[] = [];
    const scene = await stage({
      container: {
        onError: (error) => errors.push(error),
        handlers: {
          on_link_opened: () => { throw new Error("sync"); },
          on_connection_opened: () => Promise.reject(new Error("async")),
          on_message: () => { throw new Error("message"); },
        },
      },
    });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2);
    await until(() => errors.length === 4);
    expect(errors).toMatchObject([
      { code: "handler-failed", message: "on_connection_opened failed: async", cause: { message: "async" } },
      { code: "handler-failed", message: "on_link_opened failed: sync" },
      { code: "handler-failed", message: "on_message failed: message" }, { code: "handler-failed", message: "on_message failed: message" },
    ]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "modified+failed" });
    expect(scene.connection.state).toEqual({ local: "active", remote: "active" });
  });

  test("a callback may do anything with any endpoint, even close the connection at once in the middle of what came", async () => {
    const bodies: unknown[] = [];
    const scene = await stage({
      container: {
        handlers: {
          on_message({ message, connection }: IncomingEvent): void {
            bodies.push(message.body);
            if (bodies.length === 2) void connection.close({ timeout: 0 });
          },
        },
      },
    });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2, 3, 4);
    await within(scene.connection.closed, "the close");
    await turns(5);
    expect(bodies).toEqual([1, 2]);
    expect(scene.errors).toEqual([]);
  });

  test("a container with a MessagingHandler only is not disturbed by what it has no callback for", async () => {
    const scene = await stage({ container: { handlers: new MessagingHandler() } });
    const receiver = await receiverOn(scene);
    const receiving = receiver.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, 5);
    expect((await within(receiving, "a message")).message.body).toBe(5);
  });
});

describe("S13 links that the library needs for itself", () => {
  test("are not heard of: a container's on_message takes no replies, its on_sendable no credit of requests, its on_link_opened hears of none", () =>
    withBroker({}, async ({ broker }) => {
      const heard = recorder("on_message", "on_sendable", "on_link_opened", "on_accepted", "on_settled", "on_link_init", "on_link_flow");
      const container = new Container({ handlers: heard.handler });
      const connection = await container.connect(broker.url);
      const responder = await connection.createResponder<string>("questions", ({ body }) => ({ body: body.toUpperCase() }));
      const requester = await connection.createRequester("questions");
      expect((await within(requester.request({ body: "and now" }), "the reply")).body).toBe("AND NOW");
      const sender = await connection.createSender("q");
      await within(connection.transaction((tx) => tx.send(sender, { body: 1 })), "the transaction");
      await requester.close();
      await responder.close();
      await container.close();
      expect(heard.told.filter(({ event }) => event.link !== sender).map(({ name }) => name)).toEqual([]);
      expect(heard.names()).toContain("on_accepted");
    }));

  test("unless a handler is given for them", () =>
    withBroker({}, async ({ broker }) => {
      const heard = recorder("on_link_opened");
      const container = new Container();
      const connection = await container.connect(broker.url);
      await connection.createRequester("questions", { handler: heard.handler });
      await until(() => heard.told.length === 1);
      expect(heard.last("on_link_opened").sender?.target.address).toBe("questions");
      await container.close();
    }));
});

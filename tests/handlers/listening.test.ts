/** The listening side: connections, sessions and links that the peer opens, handled by the same handlers. */

import { describe, expect, test } from "@jest/globals";
import { connect, Container, MessagingHandler } from "../../src/index.ts";
import type { Connection, ConnectionEvent, Listener, LinkOpeningEvent, ListenOptions, Receiver } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { settled, turns, until } from "../client/support.ts";
import { afterwards, within } from "../protocol/harness.ts";
import { recorder } from "./support.ts";

interface Server {
  readonly container: Container;
  readonly listener: Listener;
  readonly errors: unknown[];
  dial(): Promise<Connection>;
}

/** A container that listens with these handlers. */
async function listen(handlers: object | undefined, options: ListenOptions = {}): Promise<Server> {
  const errors: unknown[] = [];
  const container = new Container({ handlers, onError: (error) => errors.push(error) });
  const listener = await container.listen({ port: 0, ...options });
  afterwards(() => container.close({ timeout: 500 }));
  return {
    container, listener, errors,
    dial: async () => {
      const connection = await connect(listener.url, { timeout: 4_000 });
      afterwards(() => connection.close({ timeout: 500 }).catch(() => undefined));
      return connection;
    },
  };
}

/** A script that connects to a container with these handlers; its open is on its way. */
async function scripted(handlers: object, clock: ManualClock = new ManualClock()): Promise<{ peer: Script; opened: Promise<unknown>; errors: unknown[] }> {
  const errors: unknown[] = [];
  const container = new Container({ handlers, clock, connection: { idleTimeout: 0 }, onError: (error) => errors.push(error) });
  const listener = await container.listen({ port: 0 });
  afterwards(() => container.close({ timeout: 0 }));
  // A socket whose peer does not answer our last word is dropped in the end.
  afterwards(() => clock.advance(1_000));
  const given = new Deferred<[Script, Promise<unknown>]>();
  const over = new Deferred<void>();
  const client = await ScriptedPeer.connect(listener.url, async (script) => {
    const opened = script.handshake({ containerId: "eager" });
    opened.catch(() => undefined);
    given.resolve([script, opened]);
    await over.promise;
  });
  afterwards(async () => {
    over.resolve();
    await client.close();
  });
  const [peer, opened] = await given.promise;
  return { peer, opened, errors };
}

describe("P03 P01 the listening side", () => {
  test("a MessagingHandler accepts sessions and links, and hears of all of it as a client does", async () => {
    const heard = recorder("on_connection_opened", "on_session_opening", "on_session_opened", "on_link_opened", "on_sendable", "on_message", "on_link_closing", "on_link_closed", "on_connection_closing", "on_connection_closed");
    const server = await listen(Object.assign(new MessagingHandler(), heard.handler));
    const connection = await server.dial();
    const sender = await connection.createSender("anywhere");
    await within(sender.send({ body: "to the server" }), "the send");
    const receiver = await connection.createReceiver("some-node");
    const receiving = receiver.receive();
    await until(() => heard.names().includes("on_sendable"));
    void heard.last("on_sendable").sender?.send({ body: "from the server" });
    await (await within(receiving, "a message")).accept();
    await receiver.close();
    await connection.close();
    await until(() => heard.names().includes("on_connection_closed"));
    expect(heard.names()).toEqual([
      "on_connection_opened", "on_session_opening", "on_session_opened", "on_link_opened", "on_message", "on_session_opening", "on_session_opened", "on_link_opened",
      "on_sendable", "on_link_closing", "on_link_closed", "on_connection_closing", "on_connection_closed",
    ]);
    const message = heard.last("on_message");
    expect([message.message?.body, message.receiver?.remoteTarget.address]).toEqual(["to the server", "anywhere"]);
    expect(server.errors).toEqual([]);
  });

  test("on_link_opening: accepted when the callback is done and has not answered; its link shows what the peer asks for", async () => {
    const shown: unknown[] = [];
    const server = await listen({
      async on_link_opening({ request, link, session, connection, context }: LinkOpeningEvent): Promise<void> {
        await new Promise((resolve) => setImmediate(resolve));
        const { name, isSender, isReceiver, remoteSource, remoteTarget, state, credit } = link;
        shown.push([request.role, name === request.name, isSender, isReceiver, remoteSource.address, remoteTarget.address, state, credit,
          link.session === session, link.connection === connection, context !== undefined]);
      },
    });
    const connection = await server.dial();
    await within(connection.createReceiver("a"), "the receiver");
    await within(connection.createSender("b"), "the sender");
    const state = { local: "uninit", remote: "active" };
    expect(shown).toEqual([
      ["sender", true, true, false, "a", undefined, state, 0, true, true, true], ["receiver", true, false, true, undefined, "b", state, 0, true, true, true],
    ]);
  });

  test("on_link_opening: refuses, accepts with options, or closes the link; event.link is then the real one", async () => {
    const links: unknown[] = [];
    const server = await listen({
      async on_link_opening(event: LinkOpeningEvent): Promise<void> {
        const { request, link } = event;
        if (request.target?.address === "refuse") await request.refuse({ condition: "app:no" });
        else if (request.target?.address === "close") await link.close({ error: { condition: "app:closed" } });
        else if (request.role === "receiver") links.push(await request.accept({ prefetch: 5 }) as Receiver, event.link);
      },
      on_message: () => undefined,
    });
    const connection = await server.dial();
    await expect(connection.createSender("refuse")).rejects.toMatchObject({ condition: "app:no" });
    await expect(connection.createSender("close")).rejects.toMatchObject({ condition: "app:closed" });
    const sender = await within(connection.createSender("fine"), "the sender");
    await within(sender.ready(), "credit");
    expect([sender.credit, links[0] === links[1]]).toEqual([5, true]);
  });

  test("on_link_opening: the link that is not accepted yet tells what the peer says of itself, and can be detached", async () => {
    const shown: unknown[] = [];
    const server = await listen({
      async on_link_opening({ link }: LinkOpeningEvent): Promise<void> {
        void link.closed.then((error) => shown.push(error));
        shown.push(link.remoteProperties["colour"], link.remoteDesiredCapabilities, link.isReceiver);
        await link.detach();
      },
    });
    const connection = await server.dial();
    await expect(connection.createSender("x", { properties: { colour: "green" }, desiredCapabilities: ["queue"] })).rejects.toMatchObject({ condition: "amqp:not-allowed" });
    await connection.close();
    await until(() => shown.length === 4);
    expect(shown).toEqual(["green", ["queue"], true, undefined]);
  });

  test("on_link_opening that throws refuses with amqp:internal-error, and tells onError", async () => {
    const server = await listen({ on_link_opening: () => { throw new Error("secret"); } });
    const connection = await server.dial();
    await expect(connection.createSender("x")).rejects.toMatchObject({ condition: "amqp:internal-error", description: "on_link_opening failed" });
    expect(server.errors).toMatchObject([{ code: "handler-failed", message: "on_link_opening failed: secret" }]);
  });

  test("a dynamic node that nobody names gets a name that nobody can guess", async () => {
    const server = await listen(new MessagingHandler());
    const connection = await server.dial();
    const receiver = await within(connection.createReceiver(undefined, { dynamic: true }), "the receiver");
    expect(receiver.remoteSource.address).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test("the handler of the listener stands before the container's; plain objects without on_link_opening take no links", async () => {
    const own = recorder("on_connection_opened", "on_link_opened");
    const all = recorder("on_connection_opened", "on_session_opened", "on_link_opened");
    const server = await listen(all.handler, { handler: own.handler });
    const connection = await server.dial();
    const opening = connection.createSender("x", { timeout: 200 });
    await expect(opening).rejects.toMatchObject({ code: "timeout" });
    expect([own.names(), all.names()]).toEqual([["on_connection_opened"], ["on_session_opened"]]);
  });

  test("authorize is asked first; serve() and links() stand before the handlers", async () => {
    const heard = recorder("on_link_opened");
    const handler = Object.assign(new MessagingHandler(), heard.handler);
    const server = await listen(handler, { authorize: (request) => request.target?.address !== "secret" });
    const connection = await server.dial();
    await expect(connection.createSender("secret")).rejects.toMatchObject({ condition: "amqp:unauthorized-access" });
    await within(connection.createSender("open"), "the sender");
    const served: string[] = [];
    void server.listener.serve(async (request) => {
      served.push(request.name);
      await request.accept();
    });
    await within(connection.createSender("open", { name: "served" }), "the second sender");
    expect([served, heard.told.length]).toEqual([["served"], 2]);
  });

  test("a client that goes without a word is told, and ends nothing of run()", async () => {
    const heard = recorder("on_disconnected");
    const server = await listen(heard.handler);
    const running = server.container.run();
    const connection = await server.dial();
    await connection.close({ timeout: 0 });
    await until(() => heard.told.length === 1);
    expect(await settled(running)).toBe(false);
    server.container.stop();
    await within(running, "run()");
    const silent = await listen(new MessagingHandler());
    const going = silent.container.run();
    await (await silent.dial()).close({ timeout: 0 });
    await turns();
    expect(await settled(going)).toBe(false);
    silent.container.stop();
    await within(going, "run()");
    expect(silent.errors).toEqual([]);
  });

  test("what a peer complains of goes to onError where nobody handles it", async () => {
    const server = await listen(new MessagingHandler());
    const connection = await server.dial();
    const sender = await connection.createSender("x");
    await sender.close({ error: { condition: "app:bad" } });
    await until(() => server.errors.length === 1);
    expect(server.errors).toMatchObject([{ scope: "link", condition: "app:bad" }]);
    expect(connection.state.remote).toBe("active");
  });
});

describe("P01 on_connection_opening", () => {
  test("puts our open off until its promise resolves; what the peer sends behind its open waits", async () => {
    const gate = new Deferred<void>();
    const log: string[] = [];
    const { peer, opened } = await scripted({
      async on_connection_opening({ connection }: ConnectionEvent): Promise<void> {
        log.push(`opening ${connection.remoteContainer} ${connection.state.local} ${connection.state.remote}`);
        await gate.promise;
      },
      on_connection_opened: ({ connection }: ConnectionEvent) => log.push(`opened ${connection.state.local} ${connection.state.remote}`),
      on_session_opening: () => log.push("session"),
      on_link_opening: ({ request }: LinkOpeningEvent) => log.push(`link ${request.name}`),
    });
    await until(() => log.length === 1);
    peer.send("begin");
    peer.send("attach", { name: "early", role: "sender", source: { address: "a" }, target: { address: "b" }, initialDeliveryCount: 0 });
    await turns();
    expect(log).toEqual(["opening eager uninit active"]);
    expect(peer.frames().map(({ name }) => name)).toEqual(["header", "sasl-mechanisms", "sasl-outcome", "header"]);
    gate.resolve();
    await within(opened, "the open");
    await peer.until("attach", { name: "early", role: "receiver" });
    expect(peer.frames().map(({ name }) => name).slice(4)).toEqual(["open", "begin", "attach"]);
    expect(log.slice(1)).toEqual(["opened active active", "session", "link early"]);
  });

  test("connection.open() sends it at once, and resolves when both sides are open", async () => {
    const log: string[] = [];
    const { opened } = await scripted({
      async on_connection_opening({ connection }: ConnectionEvent): Promise<void> {
        await connection.open();
        log.push(`${connection.state.local} ${connection.state.remote}`);
        await connection.open();
        await new Promise(() => undefined);
      },
    });
    await within(opened, "the open");
    await until(() => log.length === 1);
    expect(log).toEqual(["active active"]);
  });

  test("may close the connection with a reason: the peer gets our open and our close", async () => {
    const { peer, opened, errors } = await scripted({
      on_connection_opening: ({ connection }: ConnectionEvent) => connection.close({ error: { condition: "app:no" } }),
    });
    await within(opened, "the open");
    await peer.expect("close", { error: { condition: "app:no" } });
    peer.send("close", {});
    await peer.untilEof();
    expect(errors).toEqual([]);
  });

  test("that throws closes it with amqp:internal-error", async () => {
    const { peer, opened, errors } = await scripted({ on_connection_opening: () => Promise.reject(new Error("secret")) });
    await within(opened, "the open");
    await peer.expect("close", { error: { condition: "amqp:internal-error", description: "on_connection_opening failed" } });
    expect(errors).toMatchObject([{ message: "on_connection_opening failed: secret" }]);
  });

  test("has the time that an open has, and not more", async () => {
    const clock = new ManualClock();
    const heard = recorder("on_connection_opened");
    let called = false;
    const { peer, opened, errors } = await scripted({
      ...heard.handler,
      on_connection_opening(): Promise<void> {
        called = true;
        return new Promise(() => undefined);
      },
    }, clock);
    await until(() => called);
    await clock.advance(15_000);
    await within(opened, "the open");
    await peer.expect("close", { error: { condition: "amqp:internal-error" } });
    await until(() => errors.length === 1);
    expect(errors).toMatchObject([{ code: "timeout", message: "on_connection_opening was not over within 15000 ms" }]);
    expect(heard.told).toEqual([]);
  });

  test("a peer that goes meanwhile is a lost attempt, and the callback's end changes nothing", async () => {
    const gate = new Deferred<void>();
    let connection: Connection | undefined;
    const { peer, errors } = await scripted({
      async on_connection_opening(event: ConnectionEvent): Promise<void> {
        connection = event.connection;
        await gate.promise;
      },
    });
    await until(() => connection !== undefined);
    peer.drop("rst");
    await within((connection as Connection).closed, "the end");
    gate.resolve();
    await turns();
    expect((connection as Connection).state.local).toBe("closed");
    expect(errors).toMatchObject([{ code: "disconnected" }]);
  });

  test("more than 1 MiB behind the peer's open is refused", async () => {
    let called = false;
    const { peer, opened } = await scripted({
      on_connection_opening(): Promise<void> {
        called = true;
        return new Promise(() => undefined);
      },
    });
    await until(() => called);
    peer.send("begin");
    for (let n = 0; n < 5; n++) peer.send("transfer", { handle: 0, deliveryId: n, deliveryTag: new Uint8Array([n]) }, new Uint8Array(256_000));
    await within(opened, "the open");
    await peer.expect("close", { error: { condition: "amqp:resource-limit-exceeded" } });
  });

  test("connection.open() of a connection that is open already, of one that is about to be, and of one that is over", async () => {
    const server = await listen(new MessagingHandler());
    const dialing = new Container();
    afterwards(() => dialing.close());
    const { endpoint } = dialing.connect(server.listener.url);
    await within(endpoint.open(), "the open");
    expect(endpoint.state).toEqual({ local: "active", remote: "active" });
    const unreachable = dialing.connect("amqp://127.0.0.1:1");
    await expect(Promise.allSettled([unreachable.endpoint.open(), unreachable])).resolves.toMatchObject([{ reason: { code: "connect-failed" } }, { status: "rejected" }]);
    const connection = await server.dial();
    await within(connection.open(), "the open");
    await connection.close();
    await expect(connection.open()).rejects.toMatchObject({ code: "connection-closed" });
  });
});

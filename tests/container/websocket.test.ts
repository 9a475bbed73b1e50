/** AMQP over WebSocket by the public door: both sides, one port for all, and the bounds of a listener. */

import { connect as rawConnect } from "node:net";
import type { Socket } from "node:net";

import { describe, expect, test } from "@jest/globals";
import { WebSocket } from "ws";

import { Broker } from "../../src/broker.ts";
import { connect, ConfigError, Container } from "../../src/index.ts";
import type { Connection, Listener, ListenOptions } from "../../src/index.ts";
import { failure, until } from "../client/support.ts";
import { afterwards, within } from "../protocol/harness.ts";
import { bodies } from "../support/broker.ts";
import { certificates } from "../transport/certificates.ts";

const BIG = 3_000_000;

async function withTraffic(url: string | undefined, options: Parameters<typeof connect>[1] = {}): Promise<Connection> {
  const connection = await connect(url, { timeout: 4_000, ...options });
  afterwards(() => connection.close({ timeout: 500 }).catch(() => {}));
  const sender = await connection.createSender("q");
  const big = new Uint8Array(BIG).map((_, i) => i % 251);
  await Promise.all([...Array.from({ length: 500 }, (_, n) => sender.send({ body: n })), sender.send({ body: big })]);
  const receiver = await connection.createReceiver("q");
  const seen = await within(bodies(receiver, 501), "the messages");
  expect(seen.slice(0, 500)).toEqual(Array.from({ length: 500 }, (_, n) => n));
  expect(Buffer.compare(seen[500] as Uint8Array, big)).toBe(0);
  return connection;
}

async function broker(options: Parameters<typeof Broker.start>[0]): Promise<Broker> {
  const started = await Broker.start(options);
  afterwards(() => started.close());
  return started;
}

async function listening(options: ListenOptions, settings: ConstructorParameters<typeof Container>[0] = {}): Promise<{ listener: Listener; errors: unknown[] }> {
  const errors: unknown[] = [];
  const container = new Container({ onError: (error) => errors.push(error), ...settings });
  afterwards(() => container.close({ timeout: 0 }));
  return { listener: await container.listen(options), errors };
}

describe("J01 WebSocket", () => {
  test("the embedded broker serves it on the port of AMQP itself", async () => {
    const { url, webSocketUrl } = await broker({ webSocket: true });
    expect(webSocketUrl).toBe(`${url.replace("amqp:", "ws:")}/`);
    const connection = await withTraffic(webSocketUrl);
    expect(connection.url).toBe(url.replace("amqp:", "ws:"));
    await within(connection.close(), "close");
    expect(await connection.closed).toBeUndefined();
    await (await withTraffic(url)).close();
    expect((await broker({})).webSocketUrl).toBeUndefined();
  });

  test("wss, with a user and password, verified against tls.ca", async () => {
    const { ca, server } = certificates();
    const { webSocketUrl = "" } = await broker({ webSocket: true, tls: server, users: { ann: "s4711" } });
    expect(webSocketUrl).toMatch(/^wss:\/\/127\.0\.0\.1:\d+\/$/);
    const connection = await withTraffic(webSocketUrl.replace("wss://", "wss://ann:s4711@"), { tls: { ca } });
    await connection.close();
    const wrong = await failure(connect(webSocketUrl, { user: "ann", password: "4712", tls: { ca } }));
    expect(wrong).toMatchObject({ code: "auth-failed" });
    expect(String((wrong as Error).stack)).not.toContain("4712");
    expect(await failure(connect(webSocketUrl))).toMatchObject({ code: "tls-failed" });
  });

  test("a ws url listens for WebSockets only, on its path", async () => {
    const { listener } = await listening({ url: "ws://127.0.0.1:0/mq" });
    expect([listener.url, listener.webSocketUrl]).toEqual([`ws://127.0.0.1:${listener.port}/mq`, listener.url]);
    const serving = listener.serve(async (request) => { await request.refuse({ condition: "amqp:not-found" }); });
    const connection = await connect(listener.url);
    expect(await failure(connection.createSender("x"))).toMatchObject({ condition: "amqp:not-found" });
    await connection.close();
    expect(await failure(connect(`ws://127.0.0.1:${listener.port}/other`))).toMatchObject({ code: "connect-failed", message: expect.stringMatching(/HTTP 404 \(Not Found\)/) });
    expect(await failure(connect(`amqp://127.0.0.1:${listener.port}`))).toMatchObject({ code: "not-amqp" });
    await listener.close();
    await serving;
  });

  test("a url's path is the request's: the address of links is given by itself", async () => {
    const { webSocketUrl } = await broker({ webSocket: true });
    const connection = await connect(webSocketUrl);
    afterwards(() => connection.close());
    expect(() => connection.createSender()).toThrow(ConfigError);
    const addressed = await connect(webSocketUrl, { address: "orders" });
    afterwards(() => addressed.close());
    expect((await addressed.createSender()).target).toMatchObject({ address: "orders" });
  });

  test("failover goes from a url without an answer to a WebSocket", async () => {
    const { webSocketUrl = "", url } = await broker({ webSocket: true });
    const { listener } = await listening({ url: "ws://127.0.0.1:0/mq" });
    const connection = await connect([`ws://127.0.0.1:${listener.port}/nowhere`, webSocketUrl, url]);
    expect(connection.url).toBe(webSocketUrl.slice(0, -1));
    await connection.close();
  });

  test("FT02 a cut connection is an error that says so", async () => {
    const embedded = await broker({ webSocket: true });
    const connection = await connect(embedded.webSocketUrl, { reconnect: false });
    embedded.dropConnections();
    expect(await within(connection.closed, "closed")).toMatchObject({ code: "disconnected", origin: "transport", retryable: true });
  });

  test("B92 a message of text ends the connection on both sides", async () => {
    const { listener, errors } = await listening({ webSocket: true, port: 0 });
    const socket = new WebSocket(listener.webSocketUrl ?? "", ["amqp"]);
    const code = new Promise((resolve) => socket.on("close", resolve).on("open", () => socket.send("hello")));
    expect(await within(code, "the close")).toBe(1003);
    await within(until(() => errors.length === 1), "the error");
    expect(errors).toEqual([expect.objectContaining({ code: "protocol-violation" })]);
  });
});

describe("J01 the bounds of a listener with WebSockets", () => {
  const silent = (port: number, text: string): Promise<{ closed: Promise<void>; socket: Socket }> => new Promise((resolve) => {
    const socket = rawConnect({ host: "127.0.0.1", port }, () => {
      socket.write(text);
      resolve({ socket, closed });
    });
    const closed = new Promise<void>((gone) => socket.on("error", () => {}).on("close", () => gone()).resume());
    afterwards(async () => { socket.destroy(); });
  });

  test.each([
    ["says nothing", ""],
    ["does not end its request", "GET / HTTP/1.1\r\nHost: x\r\n"],
  ])("B58 a peer that %s has as long as any other", async (_what, text) => {
    const { listener, errors } = await listening({ webSocket: true, port: 0 }, { timeouts: { handshake: 100 } });
    const { closed } = await silent(listener.port, text);
    await within(closed, "the drop");
    expect(errors).toEqual([expect.objectContaining({ code: "handshake-failed", message: expect.stringMatching(/within 100 ms/) })]);
  });

  test("B58 a WebSocket that says nothing as well", async () => {
    const { listener, errors } = await listening({ webSocket: true, port: 0 }, { timeouts: { handshake: 200 } });
    const socket = new WebSocket(listener.webSocketUrl ?? "", ["amqp"]);
    await within(new Promise((resolve) => socket.on("close", resolve).on("error", () => {})), "the drop");
    expect(errors).toEqual([expect.objectContaining({ code: "handshake-failed" })]);
  });

  test("a handshake under way counts as one, of HTTP too; the slot is free again afterwards", async () => {
    const { listener } = await listening({ webSocket: true, port: 0, limits: { maxHandshakes: 1 } });
    const first = await silent(listener.port, "GET / HTTP/1.1\r\nHost: x\r\n");
    const connections = listener[Symbol.asyncIterator]();
    const second = await silent(listener.port, "GET / HTTP/1.1\r\nHost: x\r\n");
    await within(second.closed, "the second is dropped");
    first.socket.destroy();
    await first.closed;
    // The listener sees the end a little later than we do.
    let connection: Connection | undefined;
    const end = performance.now() + 4_000;
    while (connection === undefined && performance.now() < end) connection = await connect(listener.webSocketUrl).catch(() => undefined);
    expect((await within(connections.next(), "a connection")).done).toBe(false);
    await connection?.close();
  });

  test("Q.listener other machines need TLS and authentication by WebSocket as well", async () => {
    const container = new Container();
    expect(await failure(container.listen("ws://0.0.0.0:0"))).toMatchObject({ code: "config" });
    expect(await failure(container.listen({ host: "0.0.0.0", port: 0, webSocket: true }))).toMatchObject({ code: "config" });
    await container.close();
  });

  test("limits.maxWebSocketMessageSize, or maxFrameSize where that is larger", async () => {
    const settings = { connection: { maxFrameSize: 2_000 } };
    for (const [maxWebSocketMessageSize, size, passes] of [[512, 2_000, true], [512, 2_001, false], [4_000, 2_001, true]] as const) {
      const { listener, errors } = await listening({ webSocket: true, port: 0, limits: { maxWebSocketMessageSize } }, settings);
      const socket = new WebSocket(listener.webSocketUrl ?? "", ["amqp"]);
      const code = new Promise((resolve) => socket.on("close", resolve).on("open", () => socket.send(new Uint8Array(size))));
      // What passes is no AMQP, and is answered as such.
      expect(await within(code, "the close") === 1009).toBe(!passes);
      await within(until(() => errors.length === 1), "the error");
      expect((errors[0] as { code: string }).code).toBe(passes ? "not-amqp" : "limit-exceeded");
    }
  });
});

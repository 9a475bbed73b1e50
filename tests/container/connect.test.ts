/** Connecting: several urls, time, credentials, what a connection tells of itself, and how it is closed. */

import { createServer } from "node:net";
import type { Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { ConfigError, connect, ConnectionError, Container } from "../../src/index.ts";
import type { ConnectionStatus, CredentialsContext } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { memoryPair } from "../../src/transport/streams.ts";
import { failure, pair, stage, turns, until } from "../client/support.ts";
import { afterwards, answerClosing, serve, within } from "../protocol/harness.ts";

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that takes connections and says nothing. */
async function silentServer(): Promise<{ port: number; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // who does not read hears of no end
    socket.on("error", () => {}).on("close", () => sockets.delete(socket)).resume();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}

describe("several urls", () => {
  test("FT17 each is tried once, in order; the first that answers is taken", async () => {
    const port = await closedPort();
    const { listener } = await pair();
    const connecting = connect([`amqp://127.0.0.1:${port}`, listener.url, "amqp://127.0.0.1:1"]);
    const seen: ConnectionStatus[] = [];
    const watching = (async () => {
      for await (const status of connecting.endpoint.status()) seen.push(status);
    })();
    const connection = await within(connecting, "the connection");
    expect(connection.url).toBe(listener.url);
    await connection.close();
    await within(watching, "status");
    expect(seen.at(-1)).toEqual({ type: "closed", error: undefined });
    expect(seen.some((status) => status.type === "connecting" && status.url === listener.url && status.attempt === 2)).toBe(true);
  });

  test("FT17 none answers: ConnectionError with every cause, and no secret in any of them", async () => {
    const [one, two] = [await closedPort(), await closedPort()];
    const error = await failure(connect([`amqp://me:s3cret@127.0.0.1:${one}`, `amqp://me:s3cret@127.0.0.1:${two}`])) as ConnectionError;
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: "all-urls-failed", origin: "transport", retryable: true });
    expect(error.errors.map(({ code }) => code)).toEqual(["connect-failed", "connect-failed"]);
    for (const text of [error.message, ...error.errors.map(({ message }) => message), JSON.stringify(error)]) expect(text).not.toMatch(/s3cret/);
    expect(error.message).toMatch(new RegExp(`${one}.*${two}`));
  });

  test("of an only url the error says what went wrong, and has it in errors", async () => {
    const port = await closedPort();
    const error = await failure(connect(`amqp://127.0.0.1:${port}`)) as ConnectionError;
    expect(error).toMatchObject({ name: "ConnectionError", code: "connect-failed", origin: "transport", retryable: true });
    expect(error.errors).toHaveLength(1);
    expect(error.cause).toBe(error.errors[0]);
    expect(error.message).toContain(String(port));
  });

  test("a peer that closes in answer to the open: its condition; the next url is tried", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      script.send("close", { error: { condition: "amqp:connection:forced", description: "full" } });
      await script.until("close");
    }, { connections: 2 });
    // the open was answered, so this peer counts as reached; before that it would not
    const refusing = await serve(async (script) => {
      script.reply(await script.expectHeader("sasl"));
      script.send("sasl-mechanisms", { saslServerMechanisms: ["ANONYMOUS"] });
      await script.expect("sasl-init");
      script.send("sasl-outcome", { code: 1 });
    });
    const { listener } = await pair();
    const connection = await within(connect([refusing.url, listener.url]), "the second url");
    expect(connection.url).toBe(listener.url);
    await connection.close();
    const closed = await connect(peer.url, { reconnect: false });
    expect(await within(closed.closed, "closed")).toMatchObject({ code: "connection-closed", condition: "amqp:connection:forced", description: "full" });
    expect(await failure(connect(refusing.url))).toMatchObject({ code: expect.stringMatching(/auth-failed|handshake-failed|disconnected/) });
  });

  test("wrong urls and options: ConfigError at the call", () => {
    for (const url of ["http://localhost", "amqp://", "amqp://h:99999", "", []]) expect(() => connect(url as string)).toThrow(ConfigError);
    expect(() => connect("amqp://localhost", { heartbeet: 5 } as never)).toThrow(ConfigError);
    expect(() => connect({ url: "amqp://a", urls: ["amqp://b"] })).toThrow(ConfigError);
  });
});

describe("time", () => {
  test("FT4 B58 a peer that says nothing: TimeoutError after 30 s over all urls, sockets dropped", async () => {
    const { port, sockets } = await silentServer();
    const clock = new ManualClock();
    const container = new Container({ clock });
    const connecting = failure(container.connect([`amqp://127.0.0.1:${port}`, `amqp://127.0.0.1:${port}`], { timeouts: { handshake: 1e9 } as never }));
    await until(() => sockets.size === 1);
    await clock.advance(31_001);
    const error = await connecting;
    expect(error).toMatchObject({ code: expect.stringMatching(/timeout|handshake-failed|all-urls-failed/) });
    await until(() => sockets.size === 0);
    await container.close();
  });

  test("a timeout of the call", async () => {
    const { port, sockets } = await silentServer();
    const clock = new ManualClock();
    const container = new Container({ clock });
    const connecting = failure(container.connect(`amqp://127.0.0.1:${port}`, { timeout: 500 }));
    await until(() => sockets.size === 1);
    await clock.advance(500);
    expect(await connecting).toMatchObject({ name: "TimeoutError", code: "timeout", scope: "connection" });
    await clock.advance(1_000);
    await until(() => sockets.size === 0);
    await container.close();
  });

  test("a signal, before and meanwhile: its reason", async () => {
    const { port, sockets } = await silentServer();
    expect(await failure(connect(`amqp://127.0.0.1:${port}`, { signal: AbortSignal.abort("no") }))).toBe("no");
    const giveUp = new AbortController();
    const clock = new ManualClock();
    const container = new Container({ clock });
    const opening = container.connect(`amqp://127.0.0.1:${port}`, { signal: giveUp.signal });
    const connecting = failure(opening);
    await until(() => sockets.size > 0);
    giveUp.abort("enough");
    expect(await connecting).toBe("enough");
    expect(await opening.endpoint.closed).toMatchObject({ name: "ConnectionError", cause: "enough" });
    await clock.advance(1_000);
    await until(() => sockets.size === 0);
    await container.close();
  });

  test("closing while it connects: the promise rejects, the socket goes", async () => {
    const { port, sockets } = await silentServer();
    const opening = connect(`amqp://127.0.0.1:${port}`);
    const connecting = failure(opening);
    const waiting = failure(opening.endpoint.createSender("q"));
    await until(() => sockets.size === 1);
    await within(opening.endpoint.close(), "close");
    expect(await connecting).toMatchObject({ code: "connection-closed" });
    expect(await waiting).toMatchObject({ code: "connection-closed" });
    await until(() => sockets.size === 0);
  });

  test("a peer that never answers the close: TimeoutError after 15 s, and it is over", async () => {
    const scene = await stage();
    const closing = failure(scene.connection.close());
    await scene.peer.until("close");
    await scene.clock.advance(15_000);
    expect(await closing).toMatchObject({ name: "TimeoutError", code: "timeout" });
    expect(await scene.connection.closed).toBeUndefined();
  });
});

describe("credentials", () => {
  test("FT20 the function is asked before every attempt, with url, attempt and signal; it stands before user and url", async () => {
    const seen: [string, number, boolean][] = [];
    const checked: [string, string][] = [];
    const { listener } = await pair({ listen: { allowedMechs: "PLAIN ANONYMOUS", authenticate: (user, password) => checked.push([user, password]) > 0 } });
    const port = await closedPort();
    const credentials = async ({ url, attempt, signal }: CredentialsContext): Promise<{ user: string; password: string }> => {
      seen.push([url, attempt, signal.aborted]);
      await turns(2);
      return { user: "from", password: "function" };
    };
    const connection = await connect([`amqp://127.0.0.1:${port}`, listener.url.replace("//", "//url:pw@")], { user: "option", password: "x", credentials });
    expect(seen).toEqual([[`amqp://127.0.0.1:${port}`, 1, false], [listener.url, 2, false]]);
    expect(checked).toEqual([["from", "function"]]);
    await connection.close();
  });

  test("its throw is a failed attempt", async () => {
    const { listener } = await pair();
    const broken = Object.assign(new Error("the vault is sealed"), { retryable: false });
    const error = await failure(connect(listener.url, {
      credentials: () => {
        throw broken;
      },
    })) as ConnectionError;
    expect(error).toMatchObject({ name: "ConnectionError", code: "auth-failed", retryable: false, errors: [{ name: "SaslError", cause: broken }] });
    expect(error.message).toContain("the vault is sealed");
  });

  test("a wrong password: auth-failed, and the right one is told as identity on the listening side", async () => {
    const server = new Container({ onError: () => {} });
    afterwards(() => server.close());
    const listener = await server.listen("amqp://127.0.0.1:0", { authenticate: async (user, password) => user === "me" && password === "right" });
    const connections = listener[Symbol.asyncIterator]();
    const error = await failure(connect(listener.url, { user: "me", password: "wrong" }));
    expect(error).toMatchObject({ name: "ConnectionError", code: "auth-failed" });
    expect(error.message).not.toMatch(/wrong/);
    const connection = await connect(listener.url.replace("//", "//me:right@"));
    const { value } = await within(connections.next(), "the connection on the other side");
    expect(value.identity).toEqual({ mechanism: "PLAIN", user: "me", certificate: undefined });
    expect(connection.identity).toBeUndefined();
    expect(connection.url).toBe(listener.url);
    await connection.close();
  });
});

describe("a connection", () => {
  test("shows both opens", async () => {
    const scene = await stage({
      open: { containerId: "them", hostname: "they", properties: { product: "p" }, offeredCapabilities: ["a", "b"], desiredCapabilities: "c" },
      connect: { containerId: "us", virtualHost: "vhost", properties: { mine: 1 }, offeredCapabilities: "x", desiredCapabilities: ["z"] },
    });
    expect(scene.connection).toMatchObject({
      remoteContainer: "them", remoteHostname: "they", remoteProperties: { product: "p" }, remoteOfferedCapabilities: ["a", "b"], remoteDesiredCapabilities: ["c"],
      hostname: "vhost", state: { local: "active", remote: "active" },
    });
    expect(scene.connection.container).toBe(scene.container);
    expect(scene.peer.frames().find(({ name }) => name === "open")?.fields).toMatchObject({ containerId: "us", hostname: "vhost", offeredCapabilities: ["x"], desiredCapabilities: ["z"] });
    expect([...scene.container.connections]).toEqual([scene.connection]);
  });

  test("status begins with the present one, merges what is not read, and ends after closed", async () => {
    const scene = await stage();
    const eager = scene.connection.status()[Symbol.asyncIterator]();
    expect((await eager.next()).value).toMatchObject({ type: "connected", remoteContainer: "scripted-peer" });
    const next = eager.next();
    const lazy = scene.connection.status()[Symbol.asyncIterator]();
    const left = scene.connection.status()[Symbol.asyncIterator]();
    await left.return?.();
    scene.peer.drop("rst");
    expect((await within(next, "the next")).value).toMatchObject({ type: "disconnected", error: { code: "disconnected" } });
    expect((await within(eager.next(), "the last")).value).toMatchObject({ type: "closed", error: { code: "disconnected" } });
    expect((await eager.next()).done).toBe(true);
    expect((await lazy.next()).value).toMatchObject({ type: "closed" });
    expect((await lazy.next()).done).toBe(true);
    expect((await left.next()).done).toBe(true);
    const late = scene.connection.status()[Symbol.asyncIterator]();
    expect([(await late.next()).value, (await late.next()).done]).toEqual([expect.objectContaining({ type: "closed" }), true]);
  });

  test("FT23 states on the way to closed; nothing can be made on it then", async () => {
    const scene = await stage();
    const closing = scene.connection.close();
    scene.peer.reply(await scene.peer.until("close"));
    await within(closing, "close");
    expect(scene.connection.state).toEqual({ local: "closed", remote: "closed" });
    expect(await scene.connection.closed).toBeUndefined();
    expect(() => scene.connection.createSender("q")).toThrow(ConnectionError);
    expect(() => scene.connection.session()).toThrow(expect.objectContaining({ code: "connection-closed" }));
    expect([...scene.container.connections]).toEqual([]);
    await scene.connection.close();
  });

  test("over a transport of the user's", async () => {
    const [near, far] = memoryPair();
    const server = new Container();
    const client = new Container();
    afterwards(async () => {
      await client.close();
      await server.close();
    });
    const listener = await server.listen({ transport: far, allowedMechs: "ANONYMOUS", allowInsecureMechs: true });
    void listener.serve(async (request) => {
      if (request.role === "receiver") for await (const delivery of await request.accept()) void delivery;
    });
    const connection = await client.connect("amqp://anywhere", { transport: near });
    const sender = await connection.createSender("q");
    expect((await within(sender.send({ body: "x" }), "the send")).outcome).toEqual({ type: "accepted" });
    await connection.close();
  });
});

describe("links on a connection of their own", () => {
  test("createSender(url) and createReceiver(url) use the url's path, and close their connection with the link", async () => {
    const { client, listener, request } = await pair();
    const before = client.connections.size;
    const opening = client.createSender(`${listener.url}/orders`);
    const asked = await request();
    expect(asked.target?.address).toBe("orders");
    if (asked.role === "receiver") void asked.accept().then(async (receiver) => (await receiver.receive()).accept());
    const sender = await within(opening, "the sender");
    expect(client.connections.size).toBe(before + 1);
    await within(sender.send({ body: 1 }), "the send");
    await sender.close();
    expect(await within(sender.connection.closed, "its connection")).toBeUndefined();
    expect(client.connections.size).toBe(before);
    const receiving = client.createReceiver(`${listener.url}/orders`);
    const other = await request();
    if (other.role === "sender") await other.accept();
    const receiver = await within(receiving, "the receiver");
    await receiver.close();
    await within(receiver.connection.closed, "its connection");
  });

  test("the connection that cannot be made is why the link is not there", async () => {
    const port = await closedPort();
    const container = new Container();
    const error = await failure(container.createReceiver(`amqp://127.0.0.1:${port}/q`));
    expect(error).toMatchObject({ name: "ConnectionError", code: "connect-failed" });
    expect(() => container.createSender(`amqp://127.0.0.1:${port}`)).toThrow(ConfigError);
    await turns();
    expect(container.connections.size).toBe(0);
    await container.close();
  });
});

describe("container.close", () => {
  test("closes connections and listeners, once, and nothing can be made after it", async () => {
    const { server, client, listener, connection } = await pair();
    await within(Promise.all([client.close(), client.close()]), "the client");
    expect(connection.state.local).toBe("closed");
    expect(() => client.connect(listener.url)).toThrow(ConfigError);
    await expect(client.listen("amqp://127.0.0.1:0")).rejects.toBeInstanceOf(ConfigError);
    await within(server.close(), "the server");
    expect(await failure(connect(listener.url))).toMatchObject({ code: "connect-failed" });
  });

  test("FT36 flushes what was sent", async () => {
    const { client, sending } = await pair();
    const [sender, receiver] = await sending<number>();
    const sends = Array.from({ length: 100 }, (_, body) => sender.send({ body }));
    const loop = (async () => {
      let count = 0;
      for await (const delivery of receiver) count += delivery.message.body >= 0 ? 1 : 0;
      return count;
    })();
    await within(client.close(), "close");
    expect((await Promise.all(sends)).every(({ outcome }) => outcome?.type === "accepted")).toBe(true);
    expect(await within(loop, "the loop")).toBe(100);
  });

  test("I3 an orderly close leaves no timer", async () => {
    const clock = new ManualClock();
    const peer = await serve(async (script) => {
      await script.handshake();
      script.reply(await script.until("begin"));
      script.reply(await script.until("attach"));
      await answerClosing(script);
      await script.untilEof();
    });
    await using container = new Container({ clock });
    const connection = await container.connect(peer.url);
    await connection.createSender("q");
    await within(container.close(), "close");
    await peer.done;
    await until(() => clock.pending === 0);
  });
});

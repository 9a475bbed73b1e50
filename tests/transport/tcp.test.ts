/** TCP: what connecting and listening say when they fail, how they are given up, and how a listener closes. */

import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import { afterEach, describe, expect, test } from "@jest/globals";

import { ConnectionError, TimeoutError } from "../../src/errors.ts";
import { isLoopback } from "../../src/transport/byte-duplex.ts";
import type { ByteDuplex, DuplexListener } from "../../src/transport/byte-duplex.ts";
import { connectError, listenError, streamError } from "../../src/transport/socket-errors.ts";
import { connectTcp, listenTcp } from "../../src/transport/tcp.ts";
import { Recorder, bytesOf, failure, written } from "./recorder.ts";

const HOST = "127.0.0.1";
const cleanup: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

async function listen(onConnection: (duplex: ByteDuplex) => void, options: object = {}): Promise<DuplexListener> {
  const listener = await listenTcp({ host: HOST, port: 0, onConnection, ...options });
  cleanup.push(() => listener.close());
  return listener;
}

async function rawServer(onSocket: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onSocket);
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  cleanup.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

describe("a socket that nobody has started yet", () => {
  test("FT02 whose peer has left meanwhile says so when it is started", async () => {
    const came: ByteDuplex[] = [];
    const listener = await listen((duplex) => came.push(duplex));
    const sockets = await Promise.all(["", "a few octets"].map((text) => new Promise<Socket>((resolve) => {
      const socket: Socket = connect({ host: HOST, port: listener.port }, () => socket.end(text, () => resolve(socket)));
    })));
    while (came.length < 2) await new Promise((resolve) => setImmediate(resolve));
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    for (const duplex of came) {
      const ended = new Promise<void>((resolve) => duplex.start({ onData: () => {}, onEnd: resolve, onClose: () => {} }));
      await ended;
      duplex.destroy();
    }
    for (const socket of sockets) socket.destroy();
  });
});

describe("connecting", () => {
  test("FT03 nobody listens: one line that says where and what to do", async () => {
    const listener = await listenTcp({ host: HOST, port: 0, onConnection: () => {} });
    await listener.close();
    const error = await failure(connectTcp({ host: HOST, port: listener.port }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toBe(`nobody listens on 127.0.0.1:${listener.port} (ECONNREFUSED): is the broker running?`);
    expect(error).toMatchObject({ code: "connect-failed", scope: "connection", origin: "transport", retryable: true });
    expect(error.cause).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("nobody listens on any address of localhost", async () => {
    const listener = await listenTcp({ host: HOST, port: 0, onConnection: () => {} });
    await listener.close();
    const error = await failure(connectTcp({ host: "localhost", port: listener.port }));
    expect(error.message).toBe(`nobody listens on localhost:${listener.port} (ECONNREFUSED): is the broker running?`);
  });

  test("FT18 a name that does not exist", async () => {
    const error = await failure(connectTcp({ host: "no-such-host.invalid", port: 5672 }));
    expect(error).toMatchObject({ code: "connect-failed", retryable: true });
    expect(error.message).toMatch(/no-such-host\.invalid.*\((ENOTFOUND|EAI_AGAIN)\)/);
  }, 30_000);

  test("FT04 the timeout is kept", async () => {
    // 192.0.2.0/24 is for documentation: nobody answers there, or the network refuses at once.
    const error = await failure(connectTcp({ host: "192.0.2.1", port: 5672, timeout: 0 }));
    expect(["timeout", "connect-failed"]).toContain(error.code);
    if (error.code === "timeout") {
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error.message).toBe("192.0.2.1:5672 did not answer within 0 ms: is the broker up and no firewall in between?");
    }
  });

  test("an abort rejects with the signal's own reason, before and during the attempt", async () => {
    const reason = new Error("enough");
    await expect(connectTcp({ host: HOST, port: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const port = await rawServer((socket) => socket.destroy());
    const attempt = connectTcp({ host: HOST, port, signal: controller.signal });
    controller.abort(reason);
    await expect(attempt).rejects.toBe(reason);
  });

  test("an abort after the connection is there changes nothing", async () => {
    const controller = new AbortController();
    const listener = await listen((duplex) => { new Recorder(duplex); cleanup.push(() => duplex.destroy()); });
    const duplex = await connectTcp({ host: HOST, port: listener.port, signal: controller.signal, timeout: 30_000 });
    const sink = new Recorder(duplex);
    controller.abort();
    await written(duplex, bytesOf("still here"));
    expect(sink.closed).toBe(false);
    duplex.destroy();
    await sink.until(() => sink.closed);
  });

  test.each([
    ["ENOTFOUND", "there is no host mq.example (ENOTFOUND): is the name in the url right?"],
    ["EAI_AGAIN", "the name mq.example cannot be looked up now (EAI_AGAIN): is the network up, and its name server?"],
    ["ETIMEDOUT", "mq.example:5672 did not answer (ETIMEDOUT): is the host up and no firewall in between?"],
    ["EHOSTUNREACH", "there is no way to mq.example:5672 (EHOSTUNREACH): is the host up, and in a network that this machine reaches?"],
    ["EMFILE", "could not connect to mq.example:5672: this process has too many open files (EMFILE); raise its limit (ulimit -n)"],
    ["ESTRANGE", "could not connect to mq.example:5672 (ESTRANGE)"],
  ])("the text for %s", (code, text) => {
    expect(connectError(Object.assign(new Error("x"), { code }), { host: "mq.example", port: 5672 }).message).toBe(text);
  });
});

describe("an established connection", () => {
  test("FT01 a reset is a typed error of onClose", async () => {
    const port = await rawServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const duplex = await connectTcp({ host: HOST, port });
    const sink = new Recorder(duplex);
    duplex.write(bytesOf("hello"), () => {});
    await sink.until(() => sink.closed);
    expect(sink.error).toBeInstanceOf(ConnectionError);
    expect(sink.error).toMatchObject({ code: "disconnected", origin: "transport", retryable: true, message: "127.0.0.1 broke the connection off (ECONNRESET)" });
  });

  test("FT02 a FIN is onEnd once, then onClose without an error when we end too", async () => {
    const port = await rawServer((socket) => { socket.end("bye"); socket.resume(); });
    const duplex = await connectTcp({ host: HOST, port });
    const sink = new Recorder(duplex);
    await sink.until(() => sink.ended);
    expect(sink.closed).toBe(false);
    duplex.end();
    await sink.until(() => sink.closed);
    expect(sink.events).toEqual(["data", "end", "close"]);
    expect(sink.error).toBeUndefined();
  });

  test("an unknown failure keeps its code", () => {
    expect(streamError(Object.assign(new Error("x"), { code: "ESTRANGE" }), "10.0.0.1").message).toBe("the connection to 10.0.0.1 failed (ESTRANGE)");
  });
});

describe("listening", () => {
  test("port 0 becomes a real one, and the peer's address is known", async () => {
    const addresses: string[] = [];
    const listener = await listen((duplex) => { addresses.push(duplex.remoteAddress); new Recorder(duplex); });
    expect(listener.host).toBe(HOST);
    expect(listener.port).toBeGreaterThan(0);
    const duplex = await connectTcp({ host: HOST, port: listener.port });
    const sink = new Recorder(duplex);
    await listener.close();
    await sink.until(() => sink.ended || sink.closed);
    duplex.destroy();
    await sink.until(() => sink.closed);
    expect(addresses).toEqual([HOST]);
  });

  test("FT42 a port that is taken", async () => {
    const listener = await listen(() => {});
    const error = await failure(listenTcp({ host: HOST, port: listener.port, onConnection: () => {} }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: "listen-failed", scope: "container" });
    expect(error.message).toBe(`127.0.0.1:${listener.port} is taken (EADDRINUSE): stop the program that listens there, or choose another port`);
  });

  test("FT42 an address of another machine", async () => {
    const error = await failure(listenTcp({ host: "192.0.2.1", port: 0, onConnection: () => {} }));
    expect(error.message).toBe("cannot listen on 192.0.2.1:0: 192.0.2.1 is no address of this machine (EADDRNOTAVAIL)");
  });

  test.each([
    ["EACCES", "listening on [::1]:80 is not allowed (EACCES): choose a port above 1023"],
    ["EMFILE", "cannot take more connections on [::1]:80: this process has too many open files (EMFILE); raise its limit (ulimit -n)"],
  ])("FT42 the text for %s", (code, text) => {
    expect(listenError(Object.assign(new Error("x"), { code }), { host: "::1", port: 80 }).message).toBe(text);
  });

  test("close stops accepting and drops what was not ended; it can be called twice", async () => {
    const accepted: Recorder[] = [];
    const listener = await listen((duplex) => accepted.push(new Recorder(duplex)));
    const duplex = await connectTcp({ host: HOST, port: listener.port });
    const sink = new Recorder(duplex);
    await Promise.all([listener.close(), listener.close()]);
    expect(accepted.every((each) => each.closed)).toBe(true);
    duplex.destroy();
    await sink.until(() => sink.closed);
    expect((await failure(connectTcp({ host: HOST, port: listener.port }))).code).toBe("connect-failed");
  });

  test("close lets an ended connection finish what it has to send", async () => {
    const size = 8 * 1024 * 1024;
    let server: ByteDuplex | undefined;
    const listener = await listen((duplex) => { server = duplex; new Recorder(duplex); });
    const client = await connectTcp({ host: HOST, port: listener.port });
    const sink = new Recorder();
    client.start(sink);
    client.pause();
    await written(client, bytesOf("x"));
    server?.write(new Uint8Array(size), () => {});
    server?.end();
    client.end();
    const closed = listener.close();
    client.resume();
    await sink.until(() => sink.closed);
    await closed;
    expect(sink.length).toBe(size);
  });

  test("maxConnections drops more as they come", async () => {
    const accepted: ByteDuplex[] = [];
    const listener = await listen((duplex) => { accepted.push(duplex); new Recorder(duplex); }, { maxConnections: 1 });
    const one = new Recorder(await connectTcp({ host: HOST, port: listener.port }));
    const second = await connectTcp({ host: HOST, port: listener.port });
    const two = new Recorder(second);
    await two.until(() => two.ended || two.closed);
    second.destroy();
    await two.until(() => two.closed);
    expect(accepted).toHaveLength(1);
    expect(one.closed).toBe(false);
    accepted[0]?.destroy();
    await one.until(() => one.ended || one.closed);
  });

  test("IPv6", async () => {
    const listener = await listenTcp({ host: "::1", port: 0, onConnection: (duplex) => { addresses.push(duplex); new Recorder(duplex); } });
    const addresses: ByteDuplex[] = [];
    const duplex = await connectTcp({ host: "::1", port: listener.port });
    const sink = new Recorder(duplex);
    expect([duplex.remoteAddress, duplex.loopback]).toEqual(["::1", true]);
    duplex.end();
    await listener.close();
    await sink.until(() => sink.ended || sink.closed);
    duplex.destroy();
    await sink.until(() => sink.closed);
  });
});

test("Q.plain which addresses are this machine's own", () => {
  const own = ["127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "::FFFF:127.9.9.9"];
  const others = ["128.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1", "fe80::1", "127.0.0.1.example", "unknown", ""];
  expect(own.filter(isLoopback)).toEqual(own);
  expect(others.filter(isLoopback)).toEqual([]);
});

test("a client that is gone before it is accepted does no harm", async () => {
  const seen: Recorder[] = [];
  const listener = await listen((duplex) => seen.push(new Recorder(duplex)));
  const socket = connect({ host: HOST, port: listener.port });
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.resetAndDestroy();
  const duplex = await connectTcp({ host: HOST, port: listener.port });
  const sink = new Recorder(duplex);
  duplex.end();
  await listener.close();
  await sink.until(() => sink.ended || sink.closed);
  duplex.destroy();
  await sink.until(() => sink.closed);
  expect(seen.every((each) => each.closed)).toBe(true);
});

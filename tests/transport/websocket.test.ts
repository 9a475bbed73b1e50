/** WebSockets: what is refused and how it is told, on both sides, by peers that are none of ours: `ws` itself and bare sockets. */

import { createServer as createHttpServer } from "node:http";
import type { Server as HttpServer } from "node:http";
import { connect as rawConnect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

import { afterEach, describe, expect, jest, test } from "@jest/globals";
import { WebSocket, WebSocketServer } from "ws";

import { ConfigError, ConnectionError, LimitError, TimeoutError, TlsError } from "../../src/errors.ts";
import { connectBuiltin } from "../../src/transport/builtin-duplex.ts";
import type { ByteDuplex, DuplexListener } from "../../src/transport/byte-duplex.ts";
import type { ConnectDuplexOptions, WebSocketDoor, WebSocketSettings } from "../../src/transport/duplex-options.ts";
import { connectDuplex, listenDuplex } from "../../src/transport/node.ts";
import { certificates } from "./certificates.ts";
import { Recorder, bytesOf, failure, written } from "./recorder.ts";

const HOST = "127.0.0.1";
const MAX = 1_000;
const SETTINGS: WebSocketSettings = { path: "/", protocols: ["amqp"], headers: {}, maxMessageSize: MAX };
const cleanup: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

function dial(port: number, settings: Partial<WebSocketSettings> = {}, options: Partial<ConnectDuplexOptions> = {}): Promise<ByteDuplex> {
  return connectDuplex({ host: HOST, port, secure: false, tls: {}, sni: undefined, ...options, webSocket: { ...SETTINGS, ...settings } });
}

interface Listening extends DuplexListener {
  /** What came in, each read from the beginning. */
  readonly accepted: { readonly duplex: ByteDuplex; readonly sink: Recorder }[];
  next(): Promise<{ readonly duplex: ByteDuplex; readonly sink: Recorder }>;
}

/** A port of ours. */
async function listen(door: Partial<WebSocketDoor> = {}, host = HOST): Promise<Listening> {
  const accepted: { duplex: ByteDuplex; sink: Recorder }[] = [];
  const waiting: (() => void)[] = [];
  const listener = await listenDuplex({
    host, port: 0, tls: undefined, handshakeTimeout: 5_000,
    webSocket: { only: false, path: undefined, origins: undefined, maxMessageSize: MAX, ...door },
    onConnection: (duplex) => {
      accepted.push({ duplex, sink: new Recorder(duplex) });
      waiting.splice(0).forEach((tell) => tell());
    },
  });
  cleanup.push(() => listener.close());
  let seen = 0;
  const next = async (): Promise<{ duplex: ByteDuplex; sink: Recorder }> => {
    while (accepted.length === seen) await new Promise<void>((resolve) => waiting.push(resolve));
    return accepted[seen++] as { duplex: ByteDuplex; sink: Recorder };
  };
  return { host: listener.host, port: listener.port, close: () => listener.close(), accepted, next };
}

/** A WebSocket server of the package's. */
async function wsServer(onSocket: (socket: WebSocket) => void, options: object = {}): Promise<number> {
  const server = new WebSocketServer({ host: HOST, port: 0, handleProtocols: () => "amqp", ...options });
  await new Promise((resolve) => server.once("listening", resolve));
  cleanup.push(() => {
    for (const client of server.clients) client.terminate();
    return new Promise((resolve) => server.close(resolve));
  });
  server.on("connection", (socket) => { socket.on("error", () => {}); onSocket(socket); });
  return (server.address() as AddressInfo).port;
}

async function raw(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => { sockets.add(socket); socket.on("error", () => {}); onSocket(socket); });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  cleanup.push(() => { for (const socket of sockets) socket.destroy(); return new Promise((resolve) => server.close(resolve)); });
  return (server.address() as AddressInfo).port;
}

/** A client of the package's, and how its WebSocket ended or opened. */
async function knock(port: number, protocols: string[] = ["amqp"], options: object = {}, path = "/"): Promise<{ socket: WebSocket; status: number | "open"; body: string }> {
  const socket = new WebSocket(`ws://${HOST}:${port}${path}`, protocols, options);
  socket.on("error", () => {});
  cleanup.push(() => socket.terminate());
  return new Promise((resolve) => {
    socket.on("open", () => resolve({ socket, status: "open", body: "" }));
    socket.on("unexpected-response", (_request, response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => { body += text; }).on("end", () => resolve({ socket, status: response.statusCode ?? 0, body }));
    });
  });
}

function closeOf(socket: WebSocket): Promise<{ code: number; reason: string }> {
  return new Promise((resolve) => socket.once("close", (code: number, reason: Buffer) => resolve({ code, reason: reason.toString() })));
}

describe("B92 messages that come in", () => {
  test("a text message: closed with 1003, and told; what came before it is there", async () => {
    const { port, next } = await listen();
    const { socket } = await knock(port);
    const { sink } = await next();
    socket.send(bytesOf("AMQP"));
    socket.send("hello");
    socket.send(bytesOf("never"));
    expect(await closeOf(socket)).toEqual({ code: 1003, reason: "AMQP is binary" });
    await sink.until(() => sink.closed);
    expect(sink.error).toBeInstanceOf(ConnectionError);
    expect(sink.error).toMatchObject({ code: "protocol-violation", origin: "remote", message: "127.0.0.1 sent a WebSocket message of text, and AMQP is binary" });
    expect(sink.bytes.toString()).toBe("AMQP");
  });

  test("the same for who connects", async () => {
    let closed: Promise<{ code: number; reason: string }> | undefined;
    const port = await wsServer((socket) => { closed = closeOf(socket); socket.send("hello"); });
    const sink = new Recorder(await dial(port));
    await sink.until(() => sink.closed);
    expect(sink.error).toMatchObject({ code: "protocol-violation" });
    expect((await closed)?.code).toBe(1003);
  });

  test("a peer that does not answer our close is dropped all the same", async () => {
    const { port, next } = await listen();
    const { socket } = await knock(port);
    const { sink } = await next();
    socket.pause();
    socket.send("hello");
    await sink.until(() => sink.closed);
    expect(sink.error).toMatchObject({ code: "protocol-violation" });
  });

  test("frames in pieces, several in one message, and fragmented messages are one stream", async () => {
    const { port, next } = await listen();
    const { socket } = await knock(port);
    const { sink } = await next();
    for (const piece of ["A", "MQ", "P\0\x01\0\0AMQP", "\0\x01\0\0"]) socket.send(bytesOf(piece));
    socket.send(bytesOf("AM"), { fin: false });
    socket.send(bytesOf("QP"), { fin: true });
    await sink.until(() => sink.length === 20);
    expect(sink.bytes.toString()).toBe("AMQP\0\x01\0\0AMQP\0\x01\0\0AMQP");
  });

  test("one octet too many: closed with 1009 before the message is there, and the limit is named", async () => {
    const { port, next } = await listen();
    const { socket } = await knock(port);
    const { sink } = await next();
    socket.send(new Uint8Array(MAX));
    await sink.until(() => sink.length === MAX);
    // The head of a message of which not one octet follows: whoever waited for it would wait for ever.
    const under = (socket as unknown as { _socket: Socket })._socket;
    under.write(new Uint8Array([0x82, 0xfe, (MAX + 1) >> 8, (MAX + 1) & 0xff, 1, 2, 3, 4]));
    expect(await closeOf(socket)).toMatchObject({ code: 1009 });
    await sink.until(() => sink.closed);
    expect(sink.error).toBeInstanceOf(LimitError);
    expect(sink.error).toMatchObject({ code: "limit-exceeded", message: `127.0.0.1 sent a WebSocket message of more than ${MAX} octets (limits.maxWebSocketMessageSize)` });
    expect(sink.length).toBe(MAX);
  });

  test("the same for who connects, also for the sum of a message's fragments", async () => {
    const port = await wsServer((socket) => {
      socket.send(new Uint8Array(MAX / 2), { fin: false });
      socket.send(new Uint8Array(MAX), { fin: true });
    });
    const sink = new Recorder(await dial(port));
    await sink.until(() => sink.closed);
    expect(sink.error).toBeInstanceOf(LimitError);
    expect(sink.length).toBe(0);
  });

  test("pings are answered, and empty messages are nothing", async () => {
    const { port, next } = await listen();
    const { socket } = await knock(port);
    const { sink } = await next();
    const pong = new Promise((resolve) => socket.once("pong", resolve));
    socket.send(new Uint8Array(0));
    socket.ping("x");
    await pong;
    expect(sink.events).toEqual([]);
  });
});

describe("B92 the handshake, as who connects", () => {
  test("subprotocol, path and headers are sent; a user or password is not", async () => {
    const seen = new Promise<import("node:http").IncomingMessage>((resolve) => {
      void wsServer(() => {}, { verifyClient: ({ req }: { req: import("node:http").IncomingMessage }) => { resolve(req); return true; } }).then((port) => {
        return dial(port, { path: "/mq/a%20b?x=1", protocols: ["AMQPWSB10", "amqp"], headers: { Authorization: "Bearer 4711" } });
      }).then((duplex) => { new Recorder(duplex); cleanup.push(() => duplex.destroy()); });
    });
    const { url, headers } = await seen;
    expect(url).toBe("/mq/a%20b?x=1");
    expect(headers).toMatchObject({ "sec-websocket-protocol": "AMQPWSB10,amqp", "authorization": "Bearer 4711", "sec-websocket-version": "13" });
    expect(headers["sec-websocket-extensions"]).toBeUndefined();
    expect(headers.origin).toBeUndefined();
  });

  test.each([["none", false], ["another one", "mqtt"]])("%s of the subprotocols is chosen: not-amqp", async (_what, chosen) => {
    const port = await wsServer(() => {}, { handleProtocols: () => chosen });
    const error = await failure(dial(port));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({ code: "not-amqp", origin: "remote", retryable: false });
    expect(error.message).toBe(`127.0.0.1:${port} speaks WebSocket and not its subprotocol amqp: is AMQP served there, and on this path of the url?`);
  });

  test.each([
    [403, false, /HTTP 403 \(Forbidden\): it does not let us in from here/],
    [404, false, /HTTP 404 \(Not Found\): is the path of the url right\?/],
    [401, false, /HTTP 401 \(Unauthorized\): it may want an Authorization header \(webSocket\.headers\)/],
    [302, false, /HTTP 302 \(Found\): redirects are not followed/],
    [503, true, /HTTP 503 \(Service Unavailable\)$/],
  ])("HTTP %d instead of a WebSocket", async (status, retryable, text) => {
    const http: HttpServer = createHttpServer((_request, response) => response.writeHead(status, { Location: "http://elsewhere/" }).end("body")).listen(0, HOST);
    await new Promise((resolve) => http.once("listening", resolve));
    cleanup.push(() => { http.closeAllConnections(); return new Promise((resolve) => http.close(resolve)); });
    const error = await failure(dial((http.address() as AddressInfo).port));
    expect(error).toMatchObject({ code: "connect-failed", retryable });
    expect(error.message).toMatch(text);
  });

  test("a peer that speaks no HTTP, and one that hangs up", async () => {
    const plain = await raw((socket) => socket.once("data", () => socket.end("AMQP\0\x01\0\0")));
    const error = await failure(dial(plain));
    expect(error).toMatchObject({ code: "connect-failed", retryable: false });
    expect(error.message).toMatch(/does not speak HTTP \(HPE_\w+\), and so no WebSocket: is it the plain port\?/);
    const rude = await raw((socket) => socket.once("data", () => socket.destroy()));
    expect(await failure(dial(rude))).toMatchObject({ code: "connect-failed", retryable: true, message: expect.stringMatching(/broke off the WebSocket handshake \(ECONNRESET\)/) });
  });

  test("FT01 a reset during the handshake, and nobody there", async () => {
    const port = await raw((socket) => socket.once("data", () => socket.resetAndDestroy()));
    expect(await failure(dial(port))).toMatchObject({ code: "connect-failed", retryable: true });
    const gone = await listen();
    await gone.close();
    expect(await failure(dial(gone.port))).toMatchObject({ code: "connect-failed", message: expect.stringMatching(/^nobody listens on/) });
  });

  test("FT04 a silent peer: the timeout covers the handshake; an abort rejects with its reason", async () => {
    const port = await raw((socket) => socket.resume());
    const error = await failure(dial(port, {}, { timeout: 100 }));
    expect(error).toBeInstanceOf(TimeoutError);
    const controller = new AbortController();
    const reason = new Error("enough");
    const asked = await raw((socket) => { socket.resume(); socket.once("data", () => controller.abort(reason)); });
    await expect(dial(asked, {}, { signal: controller.signal })).rejects.toBe(reason);
  });

  test("Q.tls wss verifies the certificate, sends the server name, and takes the tls options", async () => {
    const { ca, server, elsewhere } = certificates();
    const tlsListener = async (tls: object): Promise<DuplexListener> => {
      const listener = await listenDuplex({
        host: HOST, port: 0, tls, handshakeTimeout: 5_000, webSocket: { only: true, path: undefined, origins: undefined, maxMessageSize: MAX },
        onConnection: (duplex) => new Recorder(duplex), onError: () => {},
      });
      cleanup.push(() => listener.close());
      return listener;
    };
    const { port } = await tlsListener(server);
    const refused = await failure(dial(port, {}, { secure: true, host: "localhost" }));
    expect(refused).toBeInstanceOf(TlsError);
    expect(refused.message).toMatch(/signed by an authority that is not trusted here/);
    const duplex = await dial(port, {}, { secure: true, host: "localhost", tls: { ca } });
    new Recorder(duplex);
    expect(duplex).toMatchObject({ secure: true, loopback: true, peerCertificate: { subject: "CN=localhost" } });
    duplex.destroy();
    const other = await tlsListener(elsewhere);
    const named = await dial(other.port, {}, { secure: true, host: "localhost", tls: { ca }, sni: "broker.example" });
    new Recorder(named);
    expect(named.peerCertificate?.subject).toBe("CN=broker.example");
    named.destroy();
  });
});

describe("B92 the handshake, as who listens", () => {
  const origin = (value: string): object => ({ headers: { Origin: value } });

  test.each<[string, string, number | "open"]>([
    ["a page of this machine", "http://localhost:3000", "open"],
    ["a page of this machine by address", "http://127.0.0.1", "open"],
    ["a page of this machine by IPv6 address", "http://[::1]:8080", "open"],
    ["a page from elsewhere", "https://shop.example", 403],
    ["a page whose name only begins like this machine's", "http://localhost.shop.example", 403],
    ["a page without an origin of its own", "null", 403],
    ["something that is no origin", "::::", 403],
  ])("by default, on loopback: %s", async (_what, value, status) => {
    const { port } = await listen();
    const answer = await knock(port, ["amqp"], origin(value));
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.body).toBe(`pages of the origin ${value} may not connect here (webSocket.origins)\n`);
  });

  test("a name that leads to this machine does not make a page one of this machine", async () => {
    const { port } = await listen();
    expect((await knock(port, ["amqp"], { headers: { Origin: "http://rebound.example", Host: "rebound.example" } })).status).toBe(403);
  });

  test("an allowlist lets in what is on it, in whatever case, and nothing else; programs without an origin come in", async () => {
    const { port, accepted } = await listen({ origins: ["https://shop.example"] });
    expect((await knock(port, ["amqp"], origin("https://Shop.example"))).status).toBe("open");
    expect((await knock(port, ["amqp"], origin("http://shop.example"))).status).toBe(403);
    expect((await knock(port, ["amqp"], origin("http://localhost"))).status).toBe(403);
    expect((await knock(port)).status).toBe("open");
    expect((await knock((await listen({ origins: "any" })).port, ["amqp"], origin("null"))).status).toBe("open");
    const { sink } = accepted[1] as { sink: Recorder };
    await sink.until(() => sink.closed);
    expect(sink.error).toMatchObject({ code: "handshake-failed", message: "refused a WebSocket from 127.0.0.1: pages of the origin http://shop.example may not connect here (webSocket.origins)" });
  });

  test("the subprotocol has to be offered; the path has to be the one that is served", async () => {
    const { port } = await listen({ path: "/mq" });
    expect(await knock(port, [], {}, "/mq")).toMatchObject({ status: 400, body: 'the subprotocol "amqp" was not offered\n' });
    expect(await knock(port, ["mqtt"], {}, "/mq")).toMatchObject({ status: 400 });
    expect(await knock(port, ["amqp"], {}, "/")).toMatchObject({ status: 404, body: "AMQP is not served on this path\n" });
    const { socket, status } = await knock(port, ["mqtt", "amqp"], {}, "/mq?x=1");
    expect([status, socket.protocol]).toEqual(["open", "amqp"]);
  });

  test.each<[string, string, RegExp]>([
    ["a page that is looked at", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", /^HTTP\/1\.1 426 Upgrade Required\r\n[^]*this port serves AMQP, here over WebSocket only\n/],
    ["a request that is none", "GET nonsense\r\n\r\n", /^HTTP\/1\.1 400 Bad Request\r\n/],
    ["a head without end", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, /^HTTP\/1\.1 400 Bad Request\r\n/],
    ["a WebSocket of another version", "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: amqp\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 99\r\n\r\n", /^HTTP\/1\.1 4\d\d /],
  ])("%s is answered and let go", async (_what, request, answer) => {
    const { port, next } = await listen();
    const socket = rawConnect({ host: HOST, port });
    let text = "";
    const closed = new Promise((resolve) => socket.on("data", (chunk: Buffer) => { text += chunk.toString(); }).on("error", () => {}).on("close", resolve));
    socket.write(request);
    const { sink } = await next();
    await Promise.all([closed, sink.until(() => sink.closed)]);
    expect(text).toMatch(answer);
    expect(sink.length).toBe(0);
  });

  test("AMQP itself is served on the same port, however its first octets are cut; anything else is for the engine to judge", async () => {
    const { port, next } = await listen();
    for (const pieces of [["A", "MQP\0\x01\0\0"], ["AMQP"], ["GE", "NTLE"], ["\x16\x03\x01"]]) {
      const socket = rawConnect({ host: HOST, port, noDelay: true });
      socket.on("error", () => {}).resume();
      const { duplex, sink } = await next();
      let sent = 0;
      for (const piece of pieces) {
        socket.write(piece);
        sent += piece.length;
        const expected = sent;
        if (!"GET ".startsWith(pieces[0] as string)) await sink.until(() => sink.length === expected);
      }
      await sink.until(() => sink.length === sent);
      expect(sink.bytes.toString()).toBe(pieces.join(""));
      await written(duplex, bytesOf("answer"));
      const gone = new Promise((resolve) => socket.once("close", resolve));
      duplex.destroy();
      await gone;
    }
  });

  test("B03 the beginning of a word and then the end: both are told", async () => {
    const { port, next } = await listen();
    const socket = rawConnect({ host: HOST, port });
    socket.on("error", () => {});
    const { duplex, sink } = await next();
    socket.end("GE");
    await sink.until(() => sink.ended);
    expect(sink.bytes.toString()).toBe("GE");
    duplex.end();
    await sink.until(() => sink.closed);
    expect(sink.events).toEqual(["data", "end", "close"]);
  });

  test("a port for WebSockets only takes no AMQP", async () => {
    const { port, next } = await listen({ only: true });
    const socket = rawConnect({ host: HOST, port });
    let text = "";
    const closed = new Promise((resolve) => socket.on("data", (chunk: Buffer) => { text += chunk.toString(); }).on("error", () => {}).on("close", resolve));
    socket.write("AMQP\0\x01\0\0");
    const { sink } = await next();
    await Promise.all([closed, sink.until(() => sink.closed)]);
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(sink.error).toMatchObject({ code: "handshake-failed" });
  });

  test("nothing is said to who has said nothing, and destroying it needs no handshake", async () => {
    const { port, next } = await listen();
    const socket = rawConnect({ host: HOST, port });
    let came = 0;
    const closed = new Promise((resolve) => socket.on("data", () => { came++; }).on("error", () => {}).on("close", resolve));
    const { duplex, sink } = await next();
    await written(duplex, bytesOf("AMQP\0\x01\0\0"));
    duplex.destroy();
    await Promise.all([closed, sink.until(() => sink.closed)]);
    expect([came, sink.error]).toEqual([0, undefined]);
  });
});

describe("the end of a WebSocket", () => {
  test.each<[number, string, object | undefined]>([
    [1000, "bye", undefined],
    [1001, "", undefined],
    [1009, "too\r\nmuch", { code: "disconnected", origin: "remote", retryable: false, message: "127.0.0.1 closed the WebSocket with 1009 (a message was too big for it): too??much" }],
    [1013, "", { code: "disconnected", retryable: true, message: "127.0.0.1 closed the WebSocket with 1013 (try again later)" }],
    [4000, "x".repeat(100), { code: "disconnected", retryable: false }],
  ])("closed by the peer with %d", async (code, reason, expected) => {
    const port = await wsServer((socket) => socket.close(code, reason));
    const sink = new Recorder(await dial(port));
    await sink.until(() => sink.closed);
    expect(sink.events).toEqual(expected === undefined ? ["end", "close"] : ["close"]);
    if (expected === undefined) expect(sink.error).toBeUndefined();
    else expect(sink.error).toMatchObject(expected);
  });

  test("FT01 FT02 a peer that resets, and one that only hangs up, have not closed it", async () => {
    for (const cut of [(socket: Socket) => void socket.resetAndDestroy(), (socket: Socket) => void socket.end()]) {
      const port = await wsServer((socket) => cut((socket as unknown as { _socket: Socket })._socket));
      const sink = new Recorder(await dial(port));
      await sink.until(() => sink.closed);
      expect(sink.error).toMatchObject({ code: "disconnected", origin: "transport", retryable: true });
    }
  });

  test("FT02 a peer that hangs up on our close has ended", async () => {
    const port = await wsServer((socket) => {
      const under = (socket as unknown as { _socket: Socket })._socket;
      socket.pause();
      under.once("readable", () => under.destroy());
    });
    const duplex = await dial(port);
    const sink = new Recorder(duplex);
    duplex.end();
    await sink.until(() => sink.closed);
    expect(sink.error).toBeUndefined();
  });

  test("the listener closes with WebSockets open", async () => {
    const listening = await listen();
    const { socket } = await knock(listening.port);
    const { sink } = await listening.next();
    const closed = closeOf(socket);
    await listening.close();
    await sink.until(() => sink.closed);
    expect((await closed).code).toBe(1006);
  });
});

describe("without the package ws", () => {
  test("the platform's own class stands in, where it can; else a ConfigError says what to install", async () => {
    const { port } = await listen();
    jest.resetModules();
    jest.unstable_mockModule("ws", () => { throw Object.assign(new Error("Cannot find package 'ws'"), { code: "ERR_MODULE_NOT_FOUND" }); });
    cleanup.push(() => { jest.unstable_unmockModule("ws"); jest.resetModules(); });
    const { connectDuplex: connectWithout, listenDuplex: listenWithout } = await import("../../src/transport/node.ts");
    const options = { host: HOST, port: 1, secure: false, tls: {}, sni: undefined };
    const before = globalThis.WebSocket;
    cleanup.push(() => { globalThis.WebSocket = before; });

    globalThis.WebSocket = undefined as never;
    const missing = await failure(connectWithout({ ...options, webSocket: SETTINGS }));
    expect(missing).toMatchObject({ name: "ConfigError", code: "config", message: 'WebSocket on this version of Node needs the package "ws", which is not installed here: npm install ws' });
    globalThis.WebSocket = WebSocket as never;
    const duplex = await connectWithout({ ...options, port, webSocket: SETTINGS });
    const sink = new Recorder(duplex);
    duplex.destroy();
    await sink.until(() => sink.closed);
    expect((await failure(connectWithout({ ...options, tls: { ca: "x" }, webSocket: SETTINGS }))).message).toMatch(/^option "tls" or "sni" over WebSocket needs the package "ws"/);
    expect((await failure(connectWithout({ ...options, webSocket: { ...SETTINGS, headers: { a: "b" } } }))).message).toMatch(/^option "webSocket\.headers" needs the package "ws"/);
    const door = { only: false, path: undefined, origins: undefined, maxMessageSize: MAX };
    expect((await failure(listenWithout({ host: HOST, port: 0, tls: undefined, handshakeTimeout: 1, webSocket: door, onConnection: () => {} }))).message).toMatch(/^listening for WebSockets needs the package "ws"/);
  });
});

describe("the platform's own class", () => {
  const builtin = (port: number, options: object = {}): Promise<ByteDuplex> => connectBuiltin({ host: HOST, port, secure: false, tls: {}, sni: undefined, webSocket: SETTINGS, ...options }, SETTINGS);
  const before = globalThis.WebSocket;

  afterEach(() => { globalThis.WebSocket = before; });

  test("text: closed with a code that a program may use; no subprotocol, a refusal and silence are told", async () => {
    globalThis.WebSocket = WebSocket as never;
    let closed: Promise<{ code: number; reason: string }> | undefined;
    const texts = await wsServer((socket) => { closed = closeOf(socket); socket.send("hello"); });
    const sink = new Recorder(await builtin(texts));
    await sink.until(() => sink.closed);
    expect(sink.error).toMatchObject({ code: "protocol-violation" });
    expect((await closed)?.code).toBe(4003);
    const refusing = await wsServer(() => {}, { verifyClient: () => false });
    expect(await failure(builtin(refusing))).toMatchObject({ code: "connect-failed", retryable: true, message: expect.stringMatching(/^could not open a WebSocket to 127\.0\.0\.1:\d+: is the broker up/) });
    const silent = await raw((socket) => socket.resume());
    expect(await failure(builtin(silent, { timeout: 50 }))).toBeInstanceOf(TimeoutError);
  });

  test("a class that connects without a subprotocol is not taken for one with it", async () => {
    class Careless extends WebSocket {
      override readonly protocol = "";
    }
    globalThis.WebSocket = Careless as never;
    const port = await wsServer(() => {});
    expect(await failure(builtin(port))).toMatchObject({ code: "not-amqp" });
  });
});

test("a ConfigError of a browser's half names what to do", async () => {
  const { connectDuplex: connectInBrowser, listenDuplex: listenInBrowser } = await import("../../src/transport/browser.ts");
  const options = { host: HOST, port: 1, secure: false, tls: {}, sni: undefined, webSocket: undefined };
  const refused = await failure(connectInBrowser(options));
  expect(refused).toBeInstanceOf(ConfigError);
  expect(refused.message).toMatch(/give a ws:\/\/ or wss:\/\/ url/);
  expect(await failure(listenInBrowser({ host: HOST, port: 0, tls: undefined, handshakeTimeout: 1, webSocket: undefined, onConnection: () => {} }))).toMatchObject({ code: "config" });
});

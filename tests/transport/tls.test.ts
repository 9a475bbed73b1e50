/** TLS: who is trusted, what a refusal says, and that nothing falls back to less. */

import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect as rawConnect } from "node:net";
import { createServer as createTlsServer } from "node:tls";

import { afterEach, describe, expect, jest, test } from "@jest/globals";

import { ConfigError, ConnectionError, TimeoutError, TlsError } from "../../src/errors.ts";
import type { AmqpError } from "../../src/errors.ts";
import type { ByteDuplex, DuplexListener } from "../../src/transport/byte-duplex.ts";
import { listenTcp } from "../../src/transport/tcp.ts";
import { connectTls, listenTls } from "../../src/transport/tls.ts";
import type { TlsSettings } from "../../src/transport/tls.ts";
import { certificates } from "./certificates.ts";
import type { Pair } from "./certificates.ts";
import { Recorder, bytesOf, failure, written } from "./recorder.ts";

const HOST = "127.0.0.1";
const cleanup: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

interface Served extends DuplexListener {
  readonly accepted: ByteDuplex[];
  readonly errors: AmqpError[];
  readonly next: Promise<ByteDuplex>;
}

async function serve(tls: TlsSettings, options: { handshakeTimeout?: number } = {}): Promise<Served> {
  const accepted: ByteDuplex[] = [];
  const errors: AmqpError[] = [];
  let come: (duplex: ByteDuplex) => void = () => {};
  const next = new Promise<ByteDuplex>((resolve) => { come = resolve; });
  const listener = await listenTls({
    host: HOST, port: 0, tls, ...options,
    onConnection: (duplex) => { accepted.push(duplex); new Recorder(duplex); come(duplex); },
    onError: (error) => errors.push(error),
  });
  cleanup.push(() => listener.close());
  return { host: listener.host, port: listener.port, close: () => listener.close(), accepted, errors, next };
}

async function open(options: Parameters<typeof connectTls>[0]): Promise<ByteDuplex> {
  const duplex = await connectTls(options);
  const sink = new Recorder(duplex);
  cleanup.push(() => { duplex.destroy(); return sink.until(() => sink.closed); });
  return duplex;
}

const { ca, server, expired, elsewhere, selfSigned, client, lockedKey, pfx } = certificates();

describe("Q.tls verified by default", () => {
  test.each([["localhost"], ["127.0.0.1"]])("a certificate for %s of a known authority is taken", async (host) => {
    const { port, next } = await serve(server);
    const duplex = await open({ host, port, tls: { ca } });
    expect(duplex.secure).toBe(true);
    expect(duplex.peerCertificate?.subject).toBe("CN=localhost");
    expect(duplex.peerCertificate?.fingerprint256).toMatch(/^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
    const accepted = await next;
    expect([accepted.secure, accepted.peerCertificate]).toEqual([true, undefined]);
  });

  test("authorities as bytes and as a list", async () => {
    const { port } = await serve(server);
    await open({ host: "localhost", port, tls: { ca: new TextEncoder().encode(ca) } });
    await open({ host: "localhost", port, tls: { ca: [selfSigned.cert, ca] } });
  });

  const refusals: [string, Pair, TlsSettings, string, RegExp][] = [
    ["unknown authority", server, {}, "localhost", /signed by an authority that is not trusted here: give that authority as tls\.ca \((UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)\)/],
    ["self-signed", selfSigned, {}, "localhost", /is self-signed: give it, or the authority that signed it, as tls\.ca \(DEPTH_ZERO_SELF_SIGNED_CERT\)/],
    ["expired", expired, { ca }, "localhost", /has expired: renew it on the broker, and check this machine's clock \(CERT_HAS_EXPIRED\)/],
    ["another host", elsewhere, { ca }, "localhost", /is not for localhost: connect by a name that it has, or give that name as option "sni" \(ERR_TLS_CERT_ALTNAME_INVALID\)/],
    ["an address that it does not have", elsewhere, { ca }, "127.0.0.1", /is not for 127\.0\.0\.1: .*ERR_TLS_CERT_ALTNAME_INVALID/],
  ];
  test.each(refusals)("refused: %s", async (_, pair, tls, host, text) => {
    const { port } = await serve(pair);
    const error = await failure(connectTls({ host, port, tls }));
    expect(error).toBeInstanceOf(TlsError);
    expect(error).toMatchObject({ code: "tls-failed", scope: "connection", origin: "transport", retryable: false });
    expect(error.message).toMatch(text);
    expect(error.message).toContain(`${host}:${port}`);
    expect(error.message).not.toContain("\n");
  });

  test("sni chooses the name that is asked for and verified", async () => {
    const { port } = await serve(elsewhere);
    const duplex = await open({ host: "localhost", port, tls: { ca }, sni: "broker.example" });
    expect(duplex.peerCertificate?.subject).toBe("CN=broker.example");
  });

  test("sni is the url's host, and none for an address", async () => {
    const names: unknown[] = [];
    const listening = createTlsServer({ ...server }, (socket) => { names.push(socket.servername); socket.end(); });
    await new Promise<void>((resolve) => listening.listen(0, HOST, resolve));
    cleanup.push(() => new Promise((resolve) => listening.close(resolve)));
    const { port } = listening.address() as AddressInfo;
    for (const host of ["localhost", HOST]) {
      const duplex = await connectTls({ host, port, tls: { ca } });
      const sink = new Recorder(duplex);
      await sink.until(() => sink.ended);
      duplex.end();
      await sink.until(() => sink.closed);
    }
    expect(names).toEqual(["localhost", false]);
  });
});

test("close lets an ended connection finish, and drops one that is still in its handshake", async () => {
  const size = 4 * 1024 * 1024;
  const { port, next, close } = await serve(server);
  const shy = rawConnect({ host: HOST, port });
  const shyClosed = new Promise((resolve) => shy.on("error", () => {}).on("close", resolve).resume());
  const duplex = await connectTls({ host: "localhost", port, tls: { ca } });
  const sink = new Recorder(duplex);
  duplex.pause();
  const accepted = await next;
  accepted.write(new Uint8Array(size), () => {});
  accepted.end();
  duplex.end();
  const closed = close();
  duplex.resume();
  await Promise.all([closed, shyClosed, sink.until(() => sink.closed)]);
  expect(sink.length).toBe(size);
});

test("Q.insecure-tls rejectUnauthorized: false takes anybody, shows no certificate as verified, and warns once", async () => {
  const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => {});
  cleanup.push(() => warn.mockRestore());
  const { port } = await serve(selfSigned);
  const one = await open({ host: "localhost", port, tls: { rejectUnauthorized: false } });
  await open({ host: "localhost", port, tls: { rejectUnauthorized: false } });
  expect(one.peerCertificate).toBeUndefined();
  expect(warn).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls[0]?.[0]).toMatch(/rejectUnauthorized/);
});

describe("client certificates", () => {
  test("Q.tls a good one tells the listener who it is", async () => {
    const { port, next } = await serve({ ...server, ca, requestCert: true });
    await open({ host: "localhost", port, tls: { ca, ...client } });
    const { peerCertificate } = await next;
    expect(peerCertificate?.subject).toBe("CN=client,O=Example\\, Inc");
  });

  test("with a passphrase, and as PKCS#12", async () => {
    const { port } = await serve({ ...server, ca, requestCert: true });
    await open({ host: "localhost", port, tls: { ca, cert: client.cert, key: lockedKey, passphrase: "open sesame" } });
    await open({ host: "localhost", port, tls: { ca, pfx, passphrase: "open sesame" } });
  });

  test("without one the listener ends it, and the client says what it wants", async () => {
    const { port, accepted } = await serve({ ...server, ca, requestCert: true });
    // TLS 1.3 tells the client only after its handshake is done.
    const duplex = await connectTls({ host: "localhost", port, tls: { ca } });
    const sink = new Recorder(duplex);
    await sink.until(() => sink.closed || sink.ended);
    duplex.destroy();
    await sink.until(() => sink.closed);
    expect(accepted).toEqual([]);
    if (sink.error !== undefined) expect(["tls-failed", "disconnected"]).toContain((sink.error as AmqpError).code);
  });

  test("one that is not good is not shown as verified where the listener lets everybody in", async () => {
    const { port, next } = await serve({ ...server, ca, requestCert: true, rejectUnauthorized: false });
    await open({ host: "localhost", port, tls: { ca, ...selfSigned } });
    expect((await next).peerCertificate).toBeUndefined();
  });
});

describe("options that make no context", () => {
  test.each<[string, TlsSettings]>([
    ["no PEM", { cert: "nonsense", key: "nonsense" }],
    ["a key of another certificate", { cert: client.cert, key: server.key }],
    ["a wrong passphrase", { cert: client.cert, key: lockedKey, passphrase: "guess-4711" }],
    ["a wrong passphrase of a pfx", { pfx, passphrase: "guess-4711" }],
  ])("%s is a ConfigError before anything is sent, and shows no secret", async (_, tls) => {
    const error = await failure(connectTls({ host: "localhost", port: 1, tls }));
    expect(error).toBeInstanceOf(ConfigError);
    expect(error).toMatchObject({ code: "config", retryable: false });
    expect(error.message).toMatch(/^tls: the certificates, key or passphrase cannot be used together/);
    expect(`${error.message} ${error.stack}`).not.toMatch(/guess-4711|nonsense|BEGIN/);
    expect(await failure(listenTls({ host: HOST, port: 0, tls, onConnection: () => {} }))).toBeInstanceOf(ConfigError);
  });
});

describe("peers that do not play along", () => {
  test("Q.downgrade a plain AMQP port is told as such", async () => {
    const listening = await listenTcp({
      host: HOST, port: 0,
      onConnection: (duplex) => { new Recorder(duplex); duplex.write(bytesOf("AMQP\0\x01\0\0"), () => duplex.end()); },
    });
    cleanup.push(() => listening.close());
    const error = await failure(connectTls({ host: "localhost", port: listening.port, tls: { ca } }));
    expect(error).toBeInstanceOf(TlsError);
    expect(error.message).toMatch(/does not speak TLS: is it the plain port\? amqp:\/\/ is without TLS \(ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)\)/);
  });

  test("FT01 FT02 a peer that breaks the handshake off may be tried again", async () => {
    const port = await raw((socket) => socket.once("data", () => socket.destroy()));
    const error = await failure(connectTls({ host: "localhost", port, tls: { ca } }));
    expect(error).toBeInstanceOf(TlsError);
    expect(error).toMatchObject({ code: "tls-failed", retryable: true });
    expect(error.message).toMatch(/broke off the TLS handshake: does it speak TLS on this port/);
  });

  test("nobody listens", async () => {
    const listening = await listenTcp({ host: HOST, port: 0, onConnection: () => {} });
    await listening.close();
    const error = await failure(connectTls({ host: HOST, port: listening.port }));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error.message).toMatch(/^nobody listens on 127\.0\.0\.1:\d+ \(ECONNREFUSED\)/);
  });

  test("FT04 a silent peer: the timeout covers the handshake", async () => {
    const port = await raw((socket) => socket.resume());
    const error = await failure(connectTls({ host: "localhost", port, tls: { ca }, timeout: 400 }));
    expect(error).toBeInstanceOf(TimeoutError);
    expect(error.message).toMatch(/^the TLS handshake with localhost:\d+ was not done within 400 ms/);
  });

  test("an abort during the handshake rejects with the signal's own reason", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const port = await raw((socket) => { socket.resume(); socket.once("data", () => controller.abort(reason)); });
    await expect(connectTls({ host: "localhost", port, tls: { ca }, signal: controller.signal })).rejects.toBe(reason);
  });

  test("Q.listener B58 the listener drops who does not finish the handshake, and who speaks no TLS, and goes on", async () => {
    const { port, errors, next } = await serve(server, { handshakeTimeout: 500 });
    const silent = rawConnect({ host: HOST, port });
    const babbler = rawConnect({ host: HOST, port });
    babbler.write("GET / HTTP/1.1\r\n\r\n");
    await Promise.all([silent, babbler].map((socket) => new Promise((resolve) => {
      socket.on("error", () => {});
      socket.on("close", resolve);
      socket.resume();
    })));
    expect(errors.map((error) => error.code)).toEqual(["tls-failed", "tls-failed"]);
    await open({ host: "localhost", port, tls: { ca } });
    await next;
  });

  test("minVersion is kept, and nothing below 1.2 is spoken", async () => {
    const { port } = await serve({ ...server, minVersion: "TLSv1.3" });
    await open({ host: "localhost", port, tls: { ca, minVersion: "TLSv1.3" } });
    const old = createTlsServer({ ...server, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL@SECLEVEL=0" }, (socket) => socket.destroy());
    old.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => old.listen(0, HOST, resolve));
    cleanup.push(() => new Promise((resolve) => old.close(resolve)));
    const error = await failure(connectTls({ host: "localhost", port: (old.address() as AddressInfo).port, tls: { ca } }));
    expect(error).toBeInstanceOf(TlsError);
  });

  test("FT01 a reset in the middle is a typed error", async () => {
    const { port, next } = await serve(server);
    const relay = await raw((socket) => {
      const onward = rawConnect({ host: HOST, port });
      onward.on("error", () => {});
      socket.pipe(onward);
      onward.pipe(socket);
      cut = () => { onward.destroy(); socket.resetAndDestroy(); };
    });
    let cut = (): void => {};
    const duplex = await connectTls({ host: "localhost", port: relay, tls: { ca } });
    const sink = new Recorder(duplex);
    await next;
    await written(duplex, bytesOf("hello"));
    cut();
    await sink.until(() => sink.closed);
    expect(sink.error).toBeInstanceOf(ConnectionError);
    expect(sink.error).toMatchObject({ code: "disconnected", retryable: true });
  });
});

async function raw(onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => listening.listen(0, HOST, resolve));
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => listening.close(resolve));
  });
  return (listening.address() as AddressInfo).port;
}

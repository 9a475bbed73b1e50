/** P08 and Q.tls: sessions that are resumed, what a certificate tells, ciphers without one, and TLS through the public door. */

import { randomBytes } from "node:crypto";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import { TLSSocket, createServer as createTlsServer } from "node:tls";
import type { TlsOptions as NodeTlsOptions } from "node:tls";

import { afterEach, describe, expect, jest, test } from "@jest/globals";

import { connect, ConnectionError, Container, TlsError } from "../../src/index.ts";
import type { Connection, ConnectOptions, ListenOptions } from "../../src/index.ts";
import type { ByteDuplex } from "../../src/transport/byte-duplex.ts";
import { connectTls, listenTls } from "../../src/transport/tls.ts";
import { TlsSessions } from "../../src/transport/tls-sessions.ts";
import type { KeptSession } from "../../src/transport/tls-sessions.ts";
import { certificates } from "./certificates.ts";
import type { Pair } from "./certificates.ts";
import { Recorder, bytesOf, failure } from "./recorder.ts";

const HOST = "127.0.0.1";
const cleanup: (() => unknown)[] = [];

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo();
});

const { ca, server, elsewhere, expired, client, pfx, lockedKey, selfSigned } = certificates();

/** A TLS server of Node's own that says hello and ends when the other side does; what it took for resumed. */
async function nodeServer(options: NodeTlsOptions = {}): Promise<{ port: number; reused: boolean[]; change: (pair: Pair) => void }> {
  const reused: boolean[] = [];
  const listening = createTlsServer({ ...server, ...options }, (socket: TLSSocket) => {
    reused.push(socket.isSessionReused());
    socket.on("error", () => {});
    socket.write("hello");
    socket.on("end", () => socket.end()).resume();
  });
  listening.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => listening.listen(0, HOST, resolve));
  cleanup.push(() => new Promise((resolve) => listening.close(resolve)));
  return {
    port: (listening.address() as AddressInfo).port, reused,
    // as a broker does that starts anew: it knows nothing of the sessions of before
    change: (pair) => {
      listening.setSecureContext(pair);
      listening.setTicketKeys(randomBytes(48));
    },
  };
}

/** Connects, waits for the hello, by which the session has come, and leaves. */
async function visit(options: Parameters<typeof connectTls>[0]): Promise<ByteDuplex> {
  const duplex = await connectTls(options);
  const sink = new Recorder(duplex);
  await sink.until(() => sink.length > 0);
  duplex.end();
  await sink.until(() => sink.closed);
  return duplex;
}

/** A session that is none, with a certificate that ends then. */
const ticket = (validTo: number, octet = 1): KeptSession => ({
  session: new Uint8Array([octet]),
  certificate: { subject: "", commonName: undefined, issuer: "", alternativeNames: [], serialNumber: "", validFrom: new Date(0), validTo: new Date(validTo), fingerprint256: "" },
});

describe("P08 sessions are resumed", () => {
  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s: with the sessions of before, and the certificate is still there", async (version) => {
    const { port, reused } = await nodeServer({ minVersion: version, maxVersion: version });
    const sessions = new TlsSessions();
    const first = await visit({ host: "localhost", port, tls: { ca }, sessions });
    const second = await visit({ host: "localhost", port, tls: { ca }, sessions });
    await visit({ host: "localhost", port, tls: { ca } });
    expect(reused).toEqual([false, true, false]);
    expect(second.peerCertificate).toEqual(first.peerCertificate);
    expect(second.peerCertificate?.commonName).toBe("localhost");
  });

  test("never under another name, which was not verified", async () => {
    const { port, reused } = await nodeServer();
    const sessions = new TlsSessions();
    await visit({ host: "localhost", port, tls: { ca }, sessions });
    await visit({ host: HOST, port, tls: { ca }, sessions });
    expect(await failure(connectTls({ host: "localhost", port, tls: { ca }, sni: "broker.example", sessions }))).toMatchObject({ code: "tls-failed" });
    expect(reused).toEqual([false, false]);
  });

  test("FT19 not past the end of the certificate that was verified", () => {
    const sessions = new TlsSessions();
    const kept = ticket(1_000);
    sessions.keep("a", kept);
    expect(sessions.take("a", 999)).toBe(kept);
    expect(sessions.take("a", 1_000)).toBeUndefined();
    expect(sessions.take("a", 0)).toBeUndefined();
  });

  test("FT19 a peer that has changed its certificate is verified anew, and refused where it is not good", async () => {
    const sessions = new TlsSessions();
    const { port, change } = await nodeServer();
    await visit({ host: "localhost", port, tls: { ca }, sessions });
    const place = `localhost ${port} localhost`;
    expect(sessions.take(place, Date.now())).toBeDefined();
    change(expired);
    expect(await failure(connectTls({ host: "localhost", port, tls: { ca }, sessions }))).toMatchObject({ name: "TlsError", message: expect.stringContaining("CERT_HAS_EXPIRED") });
    expect(sessions.take(place, Date.now())).toBeUndefined();
  });

  test("no more than 16 are kept, the oldest goes first", () => {
    const sessions = new TlsSessions();
    for (let n = 0; n < 20; n++) sessions.keep(`place ${n}`, ticket(1_000, n));
    expect(Array.from({ length: 20 }, (_, n) => sessions.take(`place ${n}`, 0)?.session[0])).toEqual([...new Array(4).fill(undefined), ...Array.from({ length: 16 }, (_, n) => n + 4)]);
  });

  test("a listener of ours resumes too, and still knows who the client is", async () => {
    const accepted: ByteDuplex[] = [];
    const listener = await listenTls({
      host: HOST, port: 0, tls: { ...server, ca, requestCert: true },
      onConnection: (duplex) => {
        accepted.push(duplex);
        const sink = new Recorder(duplex);
        duplex.write(bytesOf("hello"), () => {});
        void sink.until(() => sink.ended).then(() => duplex.end());
      },
    });
    cleanup.push(() => listener.close());
    const sessions = new TlsSessions();
    const place = `localhost ${listener.port} localhost`;
    await visit({ host: "localhost", port: listener.port, tls: { ca, ...client }, sessions });
    expect(sessions.take(place, Date.now())).toBeDefined();
    const reused = jest.spyOn(TLSSocket.prototype, "isSessionReused");
    cleanup.push(() => reused.mockRestore());
    await visit({ host: "localhost", port: listener.port, tls: { ca, ...client }, sessions });
    expect(reused.mock.results.at(-1)?.value).toBe(true);
    expect(accepted.map((duplex) => duplex.peerCertificate?.subject)).toEqual(["CN=client,O=Example\\, Inc", "CN=client,O=Example\\, Inc"]);
  });
});

describe("Q.tls", () => {
  test("a server that would go on without any certificate is refused (CVE-2018-17187, CVE-2019-0223)", async () => {
    const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => {});
    cleanup.push(() => warn.mockRestore());
    const anonymous = createTlsServer({ ciphers: "aNULL:@SECLEVEL=0", maxVersion: "TLSv1.2", minVersion: "TLSv1.2" }, (socket) => socket.destroy());
    anonymous.on("tlsClientError", () => {});
    await new Promise<void>((resolve) => anonymous.listen(0, HOST, resolve));
    cleanup.push(() => new Promise((resolve) => anonymous.close(resolve)));
    const { port } = anonymous.address() as AddressInfo;
    expect(await failure(connectTls({ host: "localhost", port, tls: { ca } }))).toBeInstanceOf(TlsError);
    expect(await failure(connectTls({ host: "localhost", port, tls: { rejectUnauthorized: false } }))).toBeInstanceOf(TlsError);
  });
});

describe("P08 through the public door", () => {
  const open = async (listen: ListenOptions, options: ConnectOptions, change = (url: string): string => url): Promise<{ there: Connection; here: Connection }> => {
    const container = new Container({ onError: () => {} });
    cleanup.push(() => container.close({ timeout: 0 }));
    const listener = await container.listen({ port: 0, ...listen });
    const connections = listener[Symbol.asyncIterator]();
    const here = await connect(change(listener.url).replace("127.0.0.1", "localhost"), { timeout: 4_500, ...options });
    cleanup.push(() => here.close({ timeout: 500 }).catch(() => {}));
    return { here, there: (await connections.next()).value as Connection };
  };
  const refused = async (listen: ListenOptions, options: ConnectOptions): Promise<ConnectionError> => {
    const error = await open(listen, options).then(() => undefined, (reason: unknown) => reason);
    if (!(error instanceof ConnectionError)) throw new Error(`not refused: ${String(error)}`);
    return error;
  };

  test("tls: true makes an amqp url one of TLS", async () => {
    const { here } = await open({ tls: server }, { tls: { ca } }, (url) => url.replace("amqps:", "amqp:"));
    expect(here.url).toMatch(/^amqps:\/\/localhost:/);
    // with true there are the platform's authorities, which do not know this one
    const error = await refused({ tls: server }, { tls: true });
    expect(error.errors[0]).toMatchObject({ name: "TlsError", code: "tls-failed", message: expect.stringMatching(/localhost:\d+ .*\((UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY)\)/) });
  });

  test("virtualHost is the open's hostname alone: it neither helps nor hurts a certificate", async () => {
    const { here, there } = await open({ tls: server }, { tls: { ca }, virtualHost: "broker.example" });
    expect([here.hostname, there.remoteHostname]).toEqual(["broker.example", "broker.example"]);
    const error = await refused({ tls: elsewhere }, { tls: { ca }, virtualHost: "broker.example" });
    expect(error.errors[0]).toMatchObject({ name: "TlsError", message: expect.stringContaining("ERR_TLS_CERT_ALTNAME_INVALID") });
  });

  test("sni names the certificate's host", async () => {
    const { here } = await open({ tls: elsewhere }, { tls: { ca }, sni: "broker.example" });
    expect(here.peerCertificate?.alternativeNames).toEqual(["DNS:broker.example"]);
  });

  test("both sides see the other's certificate", async () => {
    const { here, there } = await open({ tls: { ...server, ca, requestCert: true } }, { tls: { ca, pfx, passphrase: "open sesame" } });
    expect(here.peerCertificate).toMatchObject({
      subject: "CN=localhost", commonName: "localhost", issuer: "CN=Test authority", alternativeNames: ["DNS:localhost", "IP Address:127.0.0.1", "IP Address:0:0:0:0:0:0:0:1"],
    });
    expect(here.peerCertificate!.validFrom.getTime()).toBeLessThan(Date.now());
    expect(here.peerCertificate!.validTo.getTime()).toBeGreaterThan(Date.now());
    expect(here.identity).toBeUndefined();
    expect(there.peerCertificate).toMatchObject({ commonName: "client" });
    expect(there.identity).toMatchObject({ mechanism: "EXTERNAL", certificate: there.peerCertificate });
  });

  test("a later attempt of the same connection resumes", async () => {
    const reused = jest.spyOn(TLSSocket.prototype, "isSessionReused");
    cleanup.push(() => reused.mockRestore());
    const container = new Container({ onError: () => {} });
    cleanup.push(() => container.close({ timeout: 0 }));
    const listener = await container.listen({ port: 0, tls: server, authenticateToken: (token) => token === "2" });
    const connection = await connect([listener.url, listener.url], { tls: { ca }, token: ({ attempt }) => `${attempt}` });
    cleanup.push(() => connection.close({ timeout: 500 }).catch(() => {}));
    expect(reused.mock.results.at(-1)?.value).toBe(true);
    expect(connection.peerCertificate?.commonName).toBe("localhost");
  });

  test("without TLS there is none", async () => {
    const { here, there } = await open({}, {});
    expect([here.peerCertificate, there.peerCertificate]).toEqual([undefined, undefined]);
  });

  test("a listener takes PKCS#12, and keeps to minVersion", async () => {
    const { here } = await open({ tls: { pfx, passphrase: "open sesame", minVersion: "TLSv1.3" } }, { tls: { ca }, sni: "client" });
    expect(here.peerCertificate?.commonName).toBe("client");
  });

  test("rejectUnauthorized: false connects to anybody, and shows no certificate as verified", async () => {
    const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => {});
    cleanup.push(() => warn.mockRestore());
    const { here } = await open({ tls: selfSigned }, { tls: { rejectUnauthorized: false } });
    expect(here.peerCertificate).toBeUndefined();
  });

  test("Q.secrets neither connection nor listener shows key, passphrase or PKCS#12, however deep one looks", async () => {
    const { here, there } = await open({ tls: { ...server, ca, requestCert: true } }, { tls: { ca, cert: client.cert, key: lockedKey, passphrase: "open sesame" } });
    const key = (pem: string): string => pem.split("\n")[2] ?? "";
    for (const value of [here, there, here.container, there.container]) {
      const text = inspect(value, { depth: 12, getters: true, showHidden: true, maxArrayLength: 50, maxStringLength: 10_000 });
      for (const secret of ["open sesame", key(server.key), key(lockedKey), key(client.key)]) expect(text.includes(secret)).toBe(false);
    }
  });
});

/** TLS over TCP: 1.2 or later, and the peer's certificate is verified unless that is turned off. */

import { isIP } from "node:net";
import { connect, createSecureContext, createServer } from "node:tls";
import type { PeerCertificate as NodeCertificate, SecureContext, TLSSocket } from "node:tls";

import { attempt } from "./attempt.ts";
import type { ByteDuplex, DuplexListener, PeerCertificate } from "./byte-duplex.ts";
import { SocketDuplex } from "./socket-duplex.ts";
import { connectTimeout, tlsConfigError, tlsError } from "./socket-errors.ts";
import type { Place } from "./socket-errors.ts";
import { dial, serve, wrapSocket } from "./tcp.ts";
import type { TcpConnectOptions, TcpListenOptions } from "./tcp.ts";
import type { TlsSessions } from "./tls-sessions.ts";

/** Certificates in PEM, or `pfx` in PKCS#12, and how strict to be. */
export interface TlsSettings {
  readonly ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  readonly cert?: string | Uint8Array | undefined;
  readonly key?: string | Uint8Array | undefined;
  readonly passphrase?: string | undefined;
  readonly pfx?: Uint8Array | undefined;
  /** @default "TLSv1.2" */
  readonly minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  /** @default true */
  readonly rejectUnauthorized?: boolean | undefined;
  /** Listening side: ask for a certificate; with `rejectUnauthorized` it must be there and good. @default false */
  readonly requestCert?: boolean | undefined;
}

/** Where to connect to, and as whom. */
export interface TlsConnectOptions extends TcpConnectOptions {
  readonly tls?: TlsSettings | undefined;
  /** The server name to ask for and to verify. @default the host, unless it is an address */
  readonly sni?: string | undefined;
  /** Sessions to resume, which are only for connections with these settings. @default none */
  readonly sessions?: TlsSessions | undefined;
}

/** Where to listen, and as whom. */
export interface TlsListenOptions extends TcpListenOptions {
  readonly tls: TlsSettings;
  /** Milliseconds for a handshake. @default 5_000 */
  readonly handshakeTimeout?: number | undefined;
}

/** Connects. @throws ConnectionError `connect-failed`, TlsError `tls-failed`, ConfigError `config`, TimeoutError `timeout`, or `signal.reason` */
export async function connectTls(options: TlsConnectOptions): Promise<ByteDuplex> {
  return openTls(options, (socket, certificate) => new SocketDuplex(socket, true, certificate));
}

/** Opens a socket and makes something of it in the turn in which its handshake is done. @throws as `connectTls` */
export async function openTls<T>(options: TlsConnectOptions, make: (socket: TLSSocket, peerCertificate: PeerCertificate | undefined) => T): Promise<T> {
  const settings = options.tls ?? {};
  options.signal?.throwIfAborted();
  const secureContext = build(contextOptions(settings));
  const rejectUnauthorized = settings.rejectUnauthorized ?? true;
  if (!rejectUnauthorized) warnOnce();
  let connected = false;
  return attempt(options, (timeout) => connectTimeout(options, timeout, connected), (resolve, reject) => {
    let secured: TLSSocket | undefined;
    const giveUp = dial(options, (socket) => {
      connected = true;
      const host = options.host.replace(/%.*$/, "");
      const servername = options.sni ?? (isIP(host) === 0 ? host : undefined);
      const place = `${host} ${options.port} ${servername ?? ""}`;
      const kept = options.sessions?.take(place, Date.now());
      const tls = connect({
        socket, host, secureContext, rejectUnauthorized, ...(servername === undefined ? {} : { servername }), ...(kept === undefined ? {} : { session: Buffer.from(kept.session) }),
      });
      secured = tls;
      const fail = (error: Error): void => {
        options.sessions?.forget(place);
        reject(tlsError(error, options));
      };
      let certificate: PeerCertificate | undefined;
      let session: Uint8Array | undefined;
      const keep = (): void => {
        if (certificate !== undefined && session !== undefined) options.sessions?.keep(place, { session, certificate });
      };
      // With TLS 1.2 it comes before the end of the handshake, with 1.3 after it.
      tls.on("session", (ticket) => {
        session = ticket;
        keep();
      });
      // The socket below has a life of its own until the handshake has taken it over; the TLS socket tells its errors.
      socket.on("error", ignore);
      tls.once("error", fail);
      tls.once("secureConnect", () => {
        tls.off("error", fail);
        certificate = tls.isSessionReused() ? kept?.certificate : certificateOf(tls);
        keep();
        resolve(make(tls, certificate));
      });
    }, reject);
    return () => {
      secured?.on("error", ignore);
      secured?.destroy();
      giveUp();
    };
  });
}

/** Listens. @throws ConnectionError `listen-failed`, ConfigError `config` */
export async function listenTls(options: TlsListenOptions): Promise<DuplexListener> {
  const { tls } = options;
  const context = contextOptions(tls);
  // Errors in certificates shall come now, with a text that helps, and not from within the first handshake.
  build(context);
  const wrap = options.wrap ?? wrapSocket;
  const server = createServer(
    {
      ...context,
      allowHalfOpen: true,
      noDelay: true,
      requestCert: tls.requestCert ?? false,
      rejectUnauthorized: tls.rejectUnauthorized ?? true,
      handshakeTimeout: options.handshakeTimeout ?? 5_000,
    },
    (socket) => options.onConnection(wrap(socket, true, certificateOf(socket))),
  );
  server.on("tlsClientError", (error, socket) => {
    const peer: Place = { host: socket.remoteAddress ?? "a client", port: socket.remotePort ?? 0 };
    socket.destroy();
    options.onError?.(tlsError(error, peer));
  });
  return serve(server, options);
}

type ContextOptions = Parameters<typeof createSecureContext>[0] & object;

function contextOptions(settings: TlsSettings): ContextOptions {
  const options: ContextOptions = { minVersion: settings.minVersion ?? "TLSv1.2" };
  for (const name of ["ca", "cert", "key", "passphrase", "pfx"] as const) {
    if (settings[name] !== undefined) Object.assign(options, { [name]: settings[name] });
  }
  return options;
}

function build(options: ContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    throw tlsConfigError(error);
  }
}

function certificateOf(socket: TLSSocket): PeerCertificate | undefined {
  if (!socket.authorized) return undefined;
  const shown: Partial<NodeCertificate> = socket.getPeerCertificate();
  const { subject, issuer, fingerprint256 } = shown;
  if (subject === undefined || issuer === undefined || fingerprint256 === undefined) return undefined;
  const commonName: string | string[] | undefined = subject.CN;
  return {
    subject: nameText(subject),
    commonName: Array.isArray(commonName) ? commonName.at(-1) : commonName,
    issuer: nameText(issuer),
    // Node quotes a name that has a comma in it.
    alternativeNames: shown.subjectaltname?.match(/(?:"[^"]*"|[^,"])+/g)?.map((one) => one.trim()) ?? [],
    serialNumber: shown.serialNumber ?? "",
    validFrom: new Date(shown.valid_from ?? Number.NaN),
    validTo: new Date(shown.valid_to ?? Number.NaN),
    fingerprint256,
  };
}

/** The parts of a name, most specific first. */
function nameText(name: object): string {
  const parts = Object.entries(name).flatMap(([key, value]) => (Array.isArray(value) ? value : [value]).map((each) => `${key}=${escaped(String(each))}`));
  return parts.reverse().join(",");
}

// RFC 4514: a comma in a value must not look like the next name.
function escaped(value: string): string {
  return value.replace(/[,+"\\<>;=]/g, "\\$&").replace(/[^\x20-\x7e\u00a0-\uffff]/g, "?");
}

function ignore(): void {
  // somebody else tells it
}

function warnOnce(): void {
  if (warned.has(process)) return;
  warned.add(process);
  process.emitWarning("tls.rejectUnauthorized is false: the peer's certificate is not verified, so anybody on the way can read and change all traffic", {
    code: "LEPTONMQ_INSECURE_TLS",
    type: "SecurityWarning",
  });
}

// Whether the warning was given is a fact of the process, which is why it outlives every connection.
const warned = new WeakSet<NodeJS.Process>();

/** Makes one flat record from what `listen()` was given, and refuses to listen where anybody could come in unasked. */

import { check, configError } from "./check.ts";
import type { ListenOptionsBase, WebSocketListenOptions } from "./listen.ts";
import { DEFAULT_CHANNEL_MAX, DEFAULT_IDLE_TIMEOUT, DEFAULT_MAX_FRAME_SIZE } from "./limits.ts";
import type { ResolvedLimits } from "./limits.ts";
import { asList, asWords, layered, resolveLimits, resolveTimeouts } from "./resolve.ts";
import type { ConnectDefaults } from "./resolve-connect.ts";
import type { Int64Mode, TlsOptions, Transport } from "./connect.ts";
import { listenSchema, webSocketListenSchema } from "./schemas.ts";
import type { SaslServer, SaslServerContext } from "./sasl.ts";
import { Secret } from "./secret.ts";
import type { ResolvedTimeouts } from "./timeouts.ts";
import { DEFAULT_PORTS, parseUrl } from "./url.ts";

/** Everything that a listener needs to know; printing it shows no secret. */
export interface ResolvedListen {
  readonly host: string;
  /** 0 is any free one. */
  readonly port: number;
  readonly secure: boolean;
  readonly tls: Secret<TlsOptions>;
  /** undefined: what the other options make possible. */
  readonly allowedMechs: readonly string[] | undefined;
  readonly allowInsecureMechs: boolean;
  readonly authenticate: ListenOptionsBase["authenticate"];
  readonly passwords: ListenOptionsBase["passwords"];
  readonly authenticateToken: ListenOptionsBase["authenticateToken"];
  readonly authenticateCertificate: ListenOptionsBase["authenticateCertificate"];
  /** The user's own, in their order. */
  readonly mechanisms: ReadonlyMap<string, (context: SaslServerContext) => SaslServer>;
  readonly handler: object | readonly object[] | undefined;
  readonly offeredCapabilities: readonly string[];
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  /** undefined: no WebSocket. */
  readonly webSocket: ResolvedWebSocketListen | undefined;
  readonly transport: Transport | undefined;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds until it must listen. */
  readonly timeout: number;
  readonly limits: ResolvedLimits;
  readonly timeouts: ResolvedTimeouts;
  /** Of the connections that come in: the container's, or the defaults of `connect()`. */
  readonly maxFrameSize: number;
  readonly channelMax: number;
  readonly idleTimeout: number;
  readonly int64: Int64Mode;
  readonly typed: boolean;
}

/** Who may come in by WebSocket. */
export interface ResolvedWebSocketListen {
  /** Whether there is nothing but WebSockets. */
  readonly only: boolean;
  /** undefined: any. */
  readonly path: string | undefined;
  /** In lower case; undefined: as the defaults say. */
  readonly origins: readonly string[] | "any" | undefined;
}

/**
 * Reads the arguments of `listen()`.
 *
 * @param also options that the caller looks after. @default ["authorize"]
 * @throws ConfigError `config`, also for an address that other machines reach without TLS and authentication.
 */
export function resolveListenOptions(
  url: string | ListenOptionsBase | undefined,
  options?: ListenOptionsBase,
  defaults: ConnectDefaults = {},
  also: readonly string[] = ["authorize"],
): ResolvedListen {
  const first = typeof url === "object" ? check(listenSchema, url, WHERE, also) : undefined;
  const second = options && check(listenSchema, options, WHERE, also);
  const all = layered(second, first, typeof url === "string" ? { url } : undefined);
  const { host, port, secure, request } = readPlace(all);
  const connection = defaults.connection ?? {};
  const heartbeat = connection.heartbeat === undefined ? undefined : connection.heartbeat * 2;
  const timeouts = resolveTimeouts(connection.timeouts, defaults.timeouts);
  const resolved: ResolvedListen = {
    host,
    port,
    secure,
    tls: new Secret({ ...all.tls }),
    allowedMechs: asWords(all.allowedMechs),
    allowInsecureMechs: all.allowInsecureMechs ?? false,
    authenticate: all.authenticate,
    passwords: all.passwords,
    authenticateToken: all.authenticateToken,
    authenticateCertificate: all.authenticateCertificate,
    mechanisms: new Map(Object.entries(all.mechanisms ?? {})),
    handler: all.handler ?? connection.handler,
    offeredCapabilities: asList(all.offeredCapabilities),
    properties: all.properties,
    webSocket: readWebSocket(all.webSocket, request),
    transport: all.transport,
    signal: all.signal,
    timeout: all.timeout ?? timeouts.open,
    limits: resolveLimits(second?.limits, first?.limits, connection.limits, defaults.limits),
    timeouts,
    maxFrameSize: connection.maxFrameSize ?? DEFAULT_MAX_FRAME_SIZE,
    channelMax: connection.channelMax ?? DEFAULT_CHANNEL_MAX,
    idleTimeout: (connection.idleTimeout ?? heartbeat ?? DEFAULT_IDLE_TIMEOUT) || Infinity,
    int64: connection.int64 ?? "auto",
    typed: connection.typed ?? false,
  };
  if (all.transport === undefined) guard(resolved, all.tls);
  return resolved;
}

/** Whether a host to listen on is reached from this machine only. */
export function isLoopbackHost(host: string): boolean {
  return host === "localhost" || host === "::1" || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/i.test(host);
}

/** Whether a listener has any way to tell who a peer is. */
export function asksWho(listen: ResolvedListen): boolean {
  const { authenticate, passwords, authenticateToken, mechanisms, tls } = listen;
  return authenticate !== undefined || passwords !== undefined || authenticateToken !== undefined || mechanisms.size > 0 || tls.reveal().requestCert === true;
}

const WHERE = "listen()";

/** `request` is path and query of a ws or wss url, the path being "/" where it has none. */
function readPlace(all: ListenOptionsBase): { host: string; port: number; secure: boolean; request?: string | undefined } {
  if (all.url === undefined) {
    const secure = all.tls !== undefined;
    return { host: all.host ?? "127.0.0.1", port: all.port ?? DEFAULT_PORTS[secure ? "amqps" : "amqp"], secure };
  }
  const where = `${WHERE}: url`;
  if (all.host !== undefined || all.port !== undefined) throw configError(WHERE, 'give a url, or "host" and "port"');
  const url = parseUrl(all.url, { name: where, portZero: true });
  if (url.user !== undefined) throw configError(where, "has a user in it; who may come in is decided by option \"authenticate\"");
  if (url.address !== undefined) throw configError(where, "has a path in it; a listener takes links to any address");
  if (!url.secure && all.tls !== undefined) throw configError(where, `is ${url.scheme}://, yet option "tls" is given; write ${url.scheme}s://`);
  return { host: url.host, port: url.port, secure: url.secure, request: url.request?.reveal() };
}

function readWebSocket(given: boolean | WebSocketListenOptions | undefined, request: string | undefined): ResolvedWebSocketListen | undefined {
  const only = request !== undefined;
  if (given === false && only) throw configError(WHERE, 'the url is one of a WebSocket, which option "webSocket" turns off');
  if (!only && (given === undefined || given === false)) return undefined;
  if (request?.includes("?") === true) throw configError(`${WHERE}: url`, "has a ? in it; a listener goes by the path only");
  const options = typeof given === "object" ? check(webSocketListenSchema, given, `${WHERE}: webSocket`) : {};
  const path = request === undefined || request === "/" ? undefined : request;
  if (path !== undefined && options.path !== undefined) throw configError(WHERE, 'give the path in the url or as option "webSocket.path"');
  const { origins } = options;
  return { only, path: path ?? options.path, origins: origins === "*" ? "any" : origins?.map((origin) => origin.toLowerCase()) };
}

function guard(listen: ResolvedListen, tls: TlsOptions | undefined): void {
  if (listen.secure && tls?.pfx === undefined && (tls?.cert === undefined || tls.key === undefined)) {
    throw configError(WHERE, 'TLS needs a certificate: give "cert" and "key", or "pfx", in option "tls"');
  }
  if (listen.allowInsecureMechs || isLoopbackHost(listen.host)) return;
  const authenticated = asksWho(listen);
  if (!listen.secure || !authenticated) {
    throw configError(WHERE, `${listen.host} is reached from other machines, without ${listen.secure ? "authentication" : "TLS"}: `
      + 'give "tls" and "authenticate" or "passwords", listen on 127.0.0.1, or set "allowInsecureMechs" to true');
  }
}

/** Makes one flat record from what `connect()` was given and what the container has as defaults. */

import { HAS_SOCKETS } from "#platform";

import { check, configError } from "./check.ts";
import { connectFilePlaces, findConnectFile } from "./connect-file.ts";
import type { ConnectFile } from "./connect-file.ts";
import type { ConnectOptions, Credentials, CredentialsContext, Int64Mode, TlsOptions, Transport, WebSocketOptions } from "./connect.ts";
import { DEFAULT_CHANNEL_MAX, DEFAULT_IDLE_TIMEOUT, DEFAULT_MAX_FRAME_SIZE } from "./limits.ts";
import type { Limits, ResolvedLimits } from "./limits.ts";
import { asList, asWords, layered, resolveLimits, resolveTimeouts } from "./resolve.ts";
import { connectSchema, tlsSchema } from "./schemas.ts";
import { Secret } from "./secret.ts";
import type { ResolvedReconnect } from "./reconnect.ts";
import { resolveRedirects } from "./redirects.ts";
import type { ResolvedRedirects } from "./redirects.ts";
import { resolveReconnect } from "./resolve-reconnect.ts";
import type { CbsOptions, SaslClient, SaslClientContext } from "./sasl.ts";
import type { ResolvedTimeouts, Timeouts } from "./timeouts.ts";
import { isAddress, parseUrl } from "./url.ts";
import type { ParsedUrl } from "./url.ts";

/** Everything that a connection needs to know; printing it shows no secret. */
export interface ResolvedConnect {
  /** At least one, in the order to try them; over TLS where `secure`. */
  readonly urls: readonly ParsedUrl[];
  /** The node of links that name none; where undefined, the path of the url that was connected to. */
  readonly address: string | undefined;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds for reaching a peer, over all urls. */
  readonly timeout: number;
  readonly tls: Secret<TlsOptions>;
  readonly saslEnabled: boolean;
  /** undefined: all that fit. */
  readonly allowedMechs: readonly string[] | undefined;
  /** undefined: only to a loopback address. */
  readonly allowInsecureMechs: boolean | undefined;
  readonly virtualHost: string | undefined;
  readonly sni: string | undefined;
  readonly user: string | undefined;
  readonly password: Secret<string> | undefined;
  readonly credentials: ((context: CredentialsContext) => Credentials | Promise<Credentials>) | undefined;
  readonly token: Secret<string> | ((context: CredentialsContext) => string | Promise<string>) | undefined;
  readonly cbs: ResolvedCbs | undefined;
  /** The user's own, in their order. */
  readonly mechanisms: ReadonlyMap<string, (context: SaslClientContext) => SaslClient>;
  readonly handler: object | readonly object[] | undefined;
  /** undefined: the container's id. */
  readonly containerId: string | undefined;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** Milliseconds; Infinity is never. */
  readonly idleTimeout: number;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  /** For ws and wss urls; its headers may hold a token. */
  readonly webSocket: Secret<WebSocketOptions>;
  /** undefined: a connection that is lost stays lost, as over a transport that cannot be made anew. */
  readonly reconnect: ResolvedReconnect | undefined;
  /** undefined: redirects are not followed. */
  readonly redirects: ResolvedRedirects | undefined;
  readonly transport: Transport | ((url: string) => Promise<Transport>) | undefined;
  readonly limits: ResolvedLimits;
  readonly timeouts: ResolvedTimeouts;
  readonly int64: Int64Mode;
  readonly typed: boolean;
}

/** `CbsOptions` with every entry there. */
export interface ResolvedCbs {
  readonly audiences: readonly string[];
  readonly type: string;
}

/** What a container has for connections that say nothing. */
export interface ConnectDefaults {
  readonly connection?: ConnectOptions | undefined;
  readonly limits?: Limits | undefined;
  readonly timeouts?: Timeouts | undefined;
}

/**
 * Reads the arguments of `connect()`.
 *
 * @throws ConfigError `config` for an option that is unknown, of a wrong type or at odds with another, for a url or connect.json that
 * cannot be read, and for what this platform does not have.
 */
export function resolveConnectOptions(
  url: string | readonly string[] | ConnectOptions | undefined,
  options?: ConnectOptions,
  defaults: ConnectDefaults = {},
): ResolvedConnect {
  const first = typeof url === "object" && !Array.isArray(url) ? check(connectSchema, url, WHERE) : undefined;
  const second = options === undefined ? undefined : check(connectSchema, options, WHERE);
  const given = layered(second, first);
  const positional = first === undefined ? (url as string | readonly string[] | undefined) : undefined;
  const own = layered(given, defaults.connection);
  const texts = readTexts(positional, given, own);
  const file = texts === undefined ? mustFind() : undefined;
  const all = layered<ConnectOptions>(own, file?.options);
  const timeouts = resolveTimeouts(second?.timeouts, first?.timeouts, defaults.connection?.timeouts, defaults.timeouts);
  const who = IDENTITY.every((name) => given[name] === undefined) ? all : given;
  if (who.password !== undefined && who.user === undefined) throw configError(WHERE, 'option "password" needs option "user"');
  const urls = texts === undefined ? [readFileUrl(file as ConnectFile, all)] : readUrls(texts, all);
  if (own.saslEnabled === false && all.cbs === undefined && (IDENTITY.some((name) => own[name] !== undefined) || (texts !== undefined && urls.some(({ user }) => user !== undefined)))) {
    throw configError(WHERE, 'option "saslEnabled" is false, so that nobody would ever be told who signs in; leave it out, or leave out user, password, token and credentials');
  }
  if (all.sni !== undefined && isAddress(all.sni)) throw configError(WHERE, 'option "sni" must be a name, not an address');
  if (given.webSocket !== undefined && urls.every((one) => one.request === undefined)) throw configError(WHERE, 'option "webSocket" is for ws:// and wss:// urls');
  if (all.redirects !== undefined && typeof all.transport === "object") throw configError(WHERE, 'option "redirects" needs a transport that can be made anew: give option "transport" as a function');
  if (!HAS_SOCKETS && all.transport === undefined) refuseInBrowser(urls, all);
  return {
    urls,
    address: all.address,
    signal: all.signal,
    timeout: all.timeout ?? timeouts.connect,
    tls: new Secret(readTls(all.tls)),
    saslEnabled: all.saslEnabled ?? true,
    allowedMechs: asWords(all.allowedMechs),
    allowInsecureMechs: all.allowInsecureMechs,
    virtualHost: all.virtualHost,
    sni: all.sni,
    user: who.user,
    password: who.password === undefined ? undefined : new Secret(who.password),
    credentials: who.credentials,
    token: typeof who.token === "string" ? new Secret(who.token) : who.token,
    cbs: readCbs(all.cbs, who),
    mechanisms: new Map(Object.entries(all.mechanisms ?? {})),
    handler: all.handler,
    containerId: all.containerId,
    maxFrameSize: all.maxFrameSize ?? DEFAULT_MAX_FRAME_SIZE,
    channelMax: all.channelMax ?? DEFAULT_CHANNEL_MAX,
    idleTimeout: readIdleTimeout(given) ?? readIdleTimeout(all) ?? DEFAULT_IDLE_TIMEOUT,
    offeredCapabilities: asList(all.offeredCapabilities),
    desiredCapabilities: asList(all.desiredCapabilities),
    properties: all.properties,
    webSocket: new Secret({ ...all.webSocket }),
    reconnect: typeof all.transport === "object" ? undefined : resolveReconnect(all.reconnect, WHERE),
    redirects: all.redirects && resolveRedirects(all.redirects, WHERE),
    transport: all.transport,
    limits: resolveLimits(second?.limits, first?.limits, defaults.connection?.limits, defaults.limits),
    timeouts,
    int64: all.int64 ?? "auto",
    typed: all.typed ?? false,
  };
}

/** Who we are at this url, unless a `credentials` function says so: the options' user before the url's; undefined is nobody. */
export function userAt(connect: ResolvedConnect, url: ParsedUrl): { user: string; password: Secret<string> | undefined } | undefined {
  if (connect.user !== undefined) return { user: connect.user, password: connect.password };
  return url.user === undefined ? undefined : { user: url.user, password: url.password };
}

const WHERE = "connect()";

/** The options that say who we are; those of a call are never mixed with the container's. */
const IDENTITY = ["credentials", "token", "user", "password"] as const;

function readCbs(cbs: CbsOptions | undefined, who: ConnectOptions): ResolvedCbs | undefined {
  if (cbs === undefined) return undefined;
  if (who.token === undefined && who.credentials === undefined) throw configError(WHERE, 'option "cbs" needs option "token", or "credentials" that answers with one');
  return { audiences: asList(cbs.audience), type: cbs.type ?? DEFAULT_TOKEN_TYPE };
}

/** What a token is taken for where nobody says. */
export const DEFAULT_TOKEN_TYPE = "jwt";

/** The urls as given; undefined where nobody gave one. */
function readTexts(positional: string | readonly string[] | undefined, given: ConnectOptions, all: ConnectOptions): string | readonly string[] | undefined {
  const here = [positional, given.url, given.urls].filter((each) => each !== undefined);
  if (here.length > 1) throw configError(WHERE, "give one of the url argument, option \"url\" and option \"urls\"");
  return here[0] ?? all.urls ?? all.url ?? (all.transport === undefined ? undefined : "amqp://localhost");
}

function readUrls(texts: string | readonly string[], all: ConnectOptions): readonly ParsedUrl[] {
  const list: readonly unknown[] = typeof texts === "string" ? [texts] : texts;
  if (!Array.isArray(list) || list.length === 0) throw configError(WHERE, "the url must be a text or a list of texts that is not empty");
  return list.map((text, index) => {
    if (typeof text !== "string") throw configError(WHERE, "the url must be a text or a list of texts that is not empty");
    return readUrl(text, list.length === 1 ? "url" : `urls[${index}]`, all);
  });
}

function readUrl(text: string, name: string, all: ConnectOptions): ParsedUrl {
  const where = `${WHERE}: ${name}`;
  const url = parseUrl(text, { name: where });
  if (url.secure && all.tls === false) throw configError(where, `${url.scheme}:// needs TLS, which option "tls" turns off`);
  const upgraded = !url.secure && all.tls !== undefined && all.tls !== false;
  return upgraded ? parseUrl(text.replace(/^[a-z]+/i, (scheme) => `${scheme}s`), { name: where }) : url;
}

function mustFind(): ConnectFile {
  const file = findConnectFile();
  if (file !== undefined) return file;
  const looked = HAS_SOCKETS ? `; there is no ${connectFilePlaces().join(" or ")} either` : "";
  throw configError(WHERE, `needs a url, such as "amqp://localhost:5672"${looked}`);
}

/** Who the file says that we are stands where a url's user and password would. */
function readFileUrl(file: ConnectFile, all: ConnectOptions): ParsedUrl {
  const url = readUrl(file.url, `${file.path}: host`, all);
  return { ...url, user: file.user, password: file.password === undefined ? undefined : new Secret(file.password) };
}

/** In a browser there is the browser's own WebSocket, and it decides about certificates and headers. */
function refuseInBrowser(urls: readonly ParsedUrl[], all: ConnectOptions): void {
  const plain = urls.find((url) => url.request === undefined);
  if (plain !== undefined) throw configError(WHERE, `${plain.scheme}:// needs a TCP socket, which a browser does not have: give a ws:// or wss:// url of the broker, or option "transport"`);
  if (typeof all.tls === "object") throw configError(WHERE, 'option "tls": certificates are the browser\'s business; leave it out');
  if (all.sni !== undefined) throw configError(WHERE, 'option "sni": names and certificates are the browser\'s business; leave it out');
  if (all.webSocket?.headers !== undefined) throw configError(WHERE, 'option "webSocket.headers": a browser lets no program set headers of a WebSocket; leave it out');
}

function readTls(tls: TlsOptions | boolean | undefined): TlsOptions {
  if (tls === undefined || typeof tls === "boolean") return {};
  const options = check(tlsSchema, tls, `${WHERE}: tls`);
  if ((options.cert === undefined) !== (options.key === undefined)) throw configError(`${WHERE}: tls`, 'options "cert" and "key" go together');
  return { ...options };
}

function readIdleTimeout({ heartbeat, idleTimeout }: ConnectOptions): number | undefined {
  if (heartbeat !== undefined && idleTimeout !== undefined) throw configError(WHERE, 'give "heartbeat" or "idleTimeout"; a heartbeat is half an idleTimeout');
  const value = heartbeat === undefined ? idleTimeout : heartbeat * 2;
  return value === 0 ? Infinity : value;
}

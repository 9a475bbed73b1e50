/** Finding a peer: each url once, in order, with the credentials of that attempt, until one opens. */

import type { ClientConnection } from "../client/connection.ts";
import type { Socket } from "../client/profile.ts";
import { bounds, within } from "../client/waiting.ts";
import { AmqpError, ConnectionError, RedirectError } from "../errors.ts";
import type { Clock } from "../options/environment.ts";
import type { ResolvedConnect } from "../options/resolve-connect.ts";
import type { ParsedUrl } from "../options/url.ts";
import { hostPort } from "../options/url.ts";
import type { ByteDuplex } from "../transport/byte-duplex.ts";
import type { WebSocketSettings } from "../transport/duplex-options.ts";
import { streamDuplex } from "../transport/streams.ts";
import type { TlsSessions } from "../transport/tls-sessions.ts";
import { Redirects } from "./redirects.ts";
import type { Target } from "./redirects.ts";
import { Renewal } from "./renewal.ts";
import { identityFor, signIn } from "./signing-in.ts";
import type { Identity } from "./signing-in.ts";
import { connectDuplex } from "#transport";

/** Who looks for a socket again and again. */
export interface Looking {
  /** Where the peer sends us on the way. */
  readonly redirects: Redirects;
  /** The first connect tries the url of that index. */
  trying(index: number): void;
  /** The first connect is over: what is lost from now on is looked for here. */
  connected(): void;
  /** What sent us elsewhere in the moment in which the first connect had opened. */
  takeEarly(): RedirectError | undefined;
  /** An attempt has failed: why that is the end, or undefined where it is to be made again. */
  lost(error: AmqpError): AmqpError | undefined;
  look(): Promise<void>;
}

/** Connects to the first url that answers; under `run()`, or where it is asked for, again and again until one does. @throws ConnectionError with every cause in `errors`, TimeoutError timeout */
export async function connectAny(connection: ClientConnection, options: ResolvedConnect, clock: Clock, reconnecting: Looking | undefined, running: () => boolean): Promise<void> {
  const persists = (): boolean => options.reconnect !== undefined && (options.reconnect.initial ?? running());
  if (reconnecting !== undefined && persists()) return connectAtLast(connection, reconnecting);
  const giveUp = new AbortController();
  connection.onGiveUp = () => giveUp.abort(new ConnectionError("the connection was closed before it was open", { code: "connection-closed", scope: "connection" }));
  const attempts = tryEach(connection, options, clock, reconnecting, giveUp.signal);
  attempts.catch(() => undefined);
  try {
    await within(attempts, bounds(clock, { timeout: options.timeout, signal: options.signal }, options.timeout, "connection", "no peer was reached"),
      (reason) => giveUp.abort(reason));
  } catch (error) {
    // What was asked for just before `run()` runs by now.
    if (error instanceof AmqpError && !connection.ending && persists() && reconnecting !== undefined && reconnecting.lost(error) === undefined) {
      connection.driver?.abandon();
      await connectAtLast(connection, reconnecting);
      return;
    }
    giveUpOn(connection, error);
    connection.driver?.awaitEnd();
    throw error;
  } finally {
    reconnecting?.connected();
  }
}

/** Tries again and again until a peer opens, or one says what is final. */
async function connectAtLast(connection: ClientConnection, reconnecting: Looking): Promise<void> {
  try {
    await reconnecting.look();
  } catch (error) {
    giveUpOn(connection, error);
    throw error;
  }
}

/** No peer was reached: it is over. */
function giveUpOn(connection: ClientConnection, error: unknown): void {
  if (error instanceof AmqpError && !connection.ending) connection.events?.fail("on_disconnected", { connection, error }, true);
  connection.fail(error instanceof AmqpError ? error : new ConnectionError("connecting was aborted", { code: "connect-failed", scope: "connection", cause: error }));
}

/** Tries each url once, and where its peer sends us. */
async function tryEach(connection: ClientConnection, options: ResolvedConnect, clock: Clock, looking: Looking | undefined, signal: AbortSignal): Promise<void> {
  const errors: AmqpError[] = [];
  const redirects = looking?.redirects ?? new Redirects();
  let attempt = 0;
  for (const [index, url] of options.urls.entries()) {
    const home = { url, options };
    looking?.trying(index);
    redirects.begin(home);
    try {
      await follow(home, redirects, clock, async (target) => {
        attempt += 1;
        connection.tell({ type: "connecting", url: placeOf(target.url), attempt });
        await connection.run(await openSocket(connection, target.url, target.options, attempt, signal));
        // A peer that opens and at once sends us elsewhere has not really let us in.
        const early = looking?.takeEarly() ?? connection.failure;
        if (early?.code === "redirect") throw early;
      });
      return;
    } catch (error) {
      signal.throwIfAborted();
      connection.driver?.abandon();
      if (!(error instanceof AmqpError)) throw error;
      errors.push(error);
      connection.events?.fail("on_transport_error", { connection, error }, true);
      if (connection.ending || connection.events?.isFatal(error) === true) break;
    }
  }
  throw allFailed(errors);
}

/** Goes to a place, and on to where its peer sends us, as far as that is allowed. @throws what the last attempt failed with, RedirectError where it is not */
export async function follow(first: Target, redirects: Redirects, clock: Clock, attempt: (target: Target) => Promise<void>): Promise<void> {
  for (let target = first; ;) {
    try {
      await attempt(target);
      return;
    } catch (error) {
      if (!(error instanceof RedirectError)) throw error;
      target = redirects.next(error, clock.now());
    }
  }
}

/** One error for all urls; of an only url it says the same as its cause, and where that leads elsewhere it is the cause itself. */
export function allFailed(errors: readonly AmqpError[]): AmqpError {
  const [only, ...others] = errors as readonly [AmqpError, ...AmqpError[]];
  if (others.length === 0) {
    if (only instanceof RedirectError) return only;
    const { code, origin, retryable, condition, description, info } = only;
    return new ConnectionError(only.message, { code, scope: "connection", origin, retryable, condition, description, info, errors, cause: only });
  }
  return new ConnectionError(`none of ${errors.length} urls could be connected to: ${errors.map((error) => error.message).join("; ")}`, {
    code: "all-urls-failed", scope: "connection", origin: "transport", retryable: errors.some((error) => error.retryable), errors, cause: only,
  });
}

/** A socket to a url, and how to authenticate there, with the credentials of this attempt. */
export async function openSocket(connection: ClientConnection, url: ParsedUrl, options: ResolvedConnect, attempt: number, signal: AbortSignal): Promise<Socket> {
  const shown = placeOf(url);
  const identity = takeRenewed(connection, shown) ?? await identityFor(url, options, { url: shown, attempt, signal });
  const transport = typeof options.transport === "function" ? await options.transport(shown) : options.transport;
  const duplex = transport === undefined ? await openDuplex(url, options, connection.profile.tlsSessions, signal) : streamDuplex(transport);
  try {
    // Given up meanwhile, by a close perhaps: a transport of the program's own may not know of it.
    signal.throwIfAborted();
    return { duplex, transport, url: shown, hostname: options.virtualHost ?? url.host, ...signIn(identity, url, shown, options, duplex), ...keepAuthorised(connection, identity, url, options, duplex) };
  } catch (error) {
    duplex.start(DEAF);
    duplex.destroy();
    throw error;
  }
}

/** What is done beside SASL: a token by a message, and new credentials before the present ones expire. */
function keepAuthorised(connection: ClientConnection, identity: Identity, url: ParsedUrl, options: ResolvedConnect, duplex: ByteDuplex): Pick<Socket, "prepare" | "release"> {
  const { cbs, credentials } = options;
  if (cbs === undefined && identity.expiresAt === undefined) return {};
  const renewal = new Renewal(identity, {
    connection, cbs, mayReveal: duplex.secure || (options.allowInsecureMechs ?? duplex.loopback),
    obtain: credentials === undefined ? undefined : (attempt, signal) => identityFor(url, options, { url: placeOf(url), attempt, signal }),
    replace: options.reconnect && ((fresh, time) => {
      const renewed: Renewed = { identity: fresh, place: placeOf(url) };
      connection.signsInWith = renewed;
      return connection.turnOver(new ConnectionError("the credentials expire, and go on over another connection", { code: "disconnected", scope: "connection", retryable: true }), time);
    }),
  });
  return { prepare: () => renewal.prepare(), release: () => renewal.stop() };
}

/** Who signs in over the connection that takes another one's place. */
interface Renewed {
  readonly identity: Identity;
  readonly place: string;
}

/** Who was asked for already, once, and for this place only. */
function takeRenewed(connection: ClientConnection, place: string): Identity | undefined {
  const renewed = connection.signsInWith as Renewed | undefined;
  connection.signsInWith = undefined;
  return renewed?.place === place ? renewed.identity : undefined;
}

/** A transport that is dropped before anything was said. */
const DEAF = { onData: () => undefined, onEnd: () => undefined, onClose: () => undefined };

function openDuplex(url: ParsedUrl, options: ResolvedConnect, sessions: TlsSessions | undefined, signal: AbortSignal): Promise<ByteDuplex> {
  const { host, port, secure } = url;
  return connectDuplex({ host, port, secure, signal, tls: options.tls.reveal(), sni: options.sni, sessions, webSocket: webSocketOf(url, options) });
}

function webSocketOf({ request }: ParsedUrl, options: ResolvedConnect): WebSocketSettings | undefined {
  if (request === undefined) return undefined;
  const { protocols = ["amqp"], headers = {} } = options.webSocket.reveal();
  return { path: request.reveal(), protocols, headers, maxMessageSize: Math.max(options.limits.maxWebSocketMessageSize, options.maxFrameSize) };
}

/** Where a url leads, without user, password and path. */
export function placeOf(url: ParsedUrl): string {
  return `${url.scheme}://${hostPort(url.host, url.port)}`;
}

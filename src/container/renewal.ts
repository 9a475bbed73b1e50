/**
 * Keeps a connection authorised: puts the first token where the peer wants it by a message, and renews credentials in time before they
 * expire: on the living connection where the peer can, and else by another one in its place, in good order. Where that cannot be
 * either, it says so in the log and leaves it.
 */

import type { Session } from "../client/api.ts";
import type { ClientConnection } from "../client/connection.ts";
import { bounds, within } from "../client/waiting.ts";
import type { AmqpError } from "../errors.ts";
import { SaslError } from "../errors.ts";
import type { CallOptions } from "../options/call.ts";
import type { ResolvedCbs } from "../options/resolve-connect.ts";
import { DEFAULT_TOKEN_TYPE } from "../options/resolve-connect.ts";
import { timerDelay } from "../options/timeouts.ts";
import { putAuthToken, putTokenFor, setToken } from "./put-token.ts";
import type { TokenToPut } from "./put-token.ts";
import type { Identity } from "./signing-in.ts";

/** Credentials are renewed when a fifth of their life is left, and at most so many milliseconds before its end. */
const MARGIN = 300_000;
/** Milliseconds before another try, doubled from one to the next. */
const FIRST_RETRY = 1_000;
const LONGEST_RETRY = 30_000;

/** What a renewal works with. */
export interface RenewalSettings {
  readonly connection: ClientConnection;
  readonly cbs: ResolvedCbs | undefined;
  /** Whether a token may go over this transport. */
  readonly mayReveal: boolean;
  /** Asks who we are by now; undefined where it does not change. */
  readonly obtain: ((attempt: number, signal: AbortSignal) => Promise<Identity>) | undefined;
  /** Goes on over another connection, as whom, within so many milliseconds; undefined where there will be no other. */
  readonly replace: ((identity: Identity, time: number) => Promise<void>) | undefined;
}

/** How the peer takes new credentials. */
type Way = (identity: Identity) => Promise<void>;

export class Renewal {
  readonly #settings: RenewalSettings;
  readonly #stop = new AbortController();
  #identity: Identity;
  /** When the present credentials end, on the container's clock. */
  #endsAt: number;
  #timer: { cancel(): void } | undefined = undefined;

  constructor(identity: Identity, settings: RenewalSettings) {
    this.#settings = settings;
    this.#identity = identity;
    this.#endsAt = this.#endOf(identity);
  }

  /** The peer has opened: puts the token if that is how we sign in, and sees to the next one. @throws SaslError auth-failed, AmqpError */
  async prepare(): Promise<void> {
    const { cbs } = this.#settings;
    if (cbs !== undefined) await (this.#living() as Way)(this.#identity);
    if (!this.#stop.signal.aborted) this.#schedule();
  }

  /** The connection has ended: nothing is renewed any more. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#stop.signal.aborted) this.#stop.abort(new SaslError("the connection has ended", { code: "sasl-failed", scope: "connection" }));
  }

  #schedule(): void {
    const { obtain, connection: { profile: { clock, logger } } } = this.#settings;
    const { expiresAt } = this.#identity;
    if (obtain === undefined || expiresAt === undefined) return;
    const life = this.#endsAt - clock.now();
    const way = this.#way();
    if (life > 0 && way !== undefined) {
      this.#after(life - Math.min(MARGIN, life / 5), () => this.#renew(way, 1, FIRST_RETRY));
      return;
    }
    logger?.warn(life > 0 ? "the credentials expire, this peer takes no new ones on a living connection, and there will be no other" : "the credentials have expired already", { expiresAt: new Date(expiresAt).toISOString() });
  }

  async #renew(way: Way, attempt: number, retry: number): Promise<void> {
    const { connection: { profile: { clock, logger, onError } } } = this.#settings;
    const { signal } = this.#stop;
    let mayRetry = false;
    try {
      const fresh = await this.#obtain(attempt);
      mayRetry = true;
      if ((fresh.expiresAt ?? Infinity) <= (this.#identity.expiresAt ?? Infinity)) throw new SaslError("the credentials function answered some that expire no later than the present ones", { code: "auth-failed", scope: "connection" });
      await way(fresh);
      if (signal.aborted) return;
      this.#identity = fresh;
      this.#endsAt = this.#endOf(fresh);
      logger?.debug("the credentials were renewed", fresh.expiresAt === undefined ? {} : { expiresAt: new Date(fresh.expiresAt).toISOString() });
      this.#schedule();
    } catch (error) {
      if (signal.aborted) return;
      const left = this.#endsAt - clock.now();
      const again = (mayRetry || (error as AmqpError).retryable) && retry < left;
      onError(notRenewed(error, left, again ? retry : undefined));
      if (again) this.#after(retry, () => this.#renew(way, attempt + 1, Math.min(retry * 2, LONGEST_RETRY)));
    }
  }

  async #obtain(attempt: number): Promise<Identity> {
    const { obtain, connection: { profile: { clock, timeouts } } } = this.#settings;
    const { signal } = this.#stop;
    const asking = (obtain as NonNullable<typeof obtain>)(attempt, signal);
    return within(asking, bounds(clock, { signal }, timeouts.request, "connection", "the credentials function did not answer"));
  }

  /** A timer may be shorter than the wait. */
  #after(delay: number, task: () => Promise<void>): void {
    const step = timerDelay(delay) ?? 0;
    this.#timer = this.#settings.connection.profile.clock.setTimer(step, () => {
      this.#timer = undefined;
      if (delay > step) this.#after(delay - step, task);
      else void task();
    });
  }

  /** Wall-clock time is looked at once, so that setting it back or forth changes nothing later. */
  #endOf({ expiresAt }: Identity): number {
    return expiresAt === undefined ? Infinity : this.#settings.connection.profile.clock.now() + expiresAt - Date.now();
  }

  /** How new credentials come to the peer; undefined where they cannot. */
  #way(): Way | undefined {
    const { replace } = this.#settings;
    // Half of what is left is for what is under way, the other half for looking for a socket.
    return this.#living() ?? (replace && ((identity) => replace(identity, Math.max(0, this.#left / 2))));
  }

  /** Milliseconds for which the present ones are good. */
  get #left(): number {
    return this.#endsAt - this.#settings.connection.profile.clock.now();
  }

  /** How this peer takes new credentials on a living connection; undefined where it does not, or not without showing them to others. */
  #living(): Way | undefined {
    const { connection, cbs, mayReveal } = this.#settings;
    const { remoteOfferedCapabilities: offered, remoteProperties } = connection;
    if (!mayReveal) return undefined;
    if (cbs !== undefined) return (identity) => this.#inSession((session, call) => putTokenFor(session, cbs.audiences, tokenOf(identity, cbs.type), call));
    if (offered.includes("AMQP_CBS_V1_0") && this.#identity.token !== undefined) {
      const node = remoteProperties?.["$cbs"];
      return (identity) => this.#inSession((session, call) => setToken(session, typeof node === "string" ? node : undefined, tokenOf(identity, DEFAULT_TOKEN_TYPE), call));
    }
    if (!offered.includes("LINK_PAIR_V1_0") || !takesTokens(remoteProperties)) return undefined;
    return ({ token, password }) => this.#inSession((session, call) => putAuthToken(session, (token ?? password)?.reveal() ?? "", call));
  }

  async #inSession(task: (session: Session, call: CallOptions) => Promise<void>): Promise<void> {
    const { connection } = this.#settings;
    const session = connection.internalSession();
    try {
      await task(session, { signal: this.#stop.signal, timeout: connection.profile.timeouts.request });
    } catch (error) {
      void session.close().catch(() => undefined);
      throw error;
    }
    // Its channel is free again before the program's own sessions begin.
    await session.close().catch(() => undefined);
  }
}

function tokenOf({ token, expiresAt }: Identity, type: string): TokenToPut {
  if (token === undefined) throw new SaslError("the credentials function answered no token, which is what the peer's $cbs node takes", { code: "auth-failed", scope: "connection" });
  return { type, token: token.reveal(), expiresAt };
}

/** RabbitMQ takes new tokens as of 4.1; before that the request would end the session. */
function takesTokens(properties: Readonly<Record<string, unknown>> | undefined): boolean {
  const version = /^(\d+)\.(\d+)/.exec(String(properties?.["version"] ?? ""));
  if (properties?.["product"] !== "RabbitMQ" || version === null) return false;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > 4 || (major === 4 && minor >= 1);
}

function notRenewed(error: unknown, left: number, retry: number | undefined): SaslError {
  const why = error instanceof Error ? error.message : String(error);
  const next = retry === undefined ? "it is not tried again" : `the next try is in ${Math.round(retry / 1000)} s`;
  return new SaslError(`the credentials could not be renewed, and expire in ${Math.max(0, Math.round(left / 1000))} s; ${next}: ${why}`, {
    code: "auth-failed", scope: "connection", retryable: retry !== undefined, cause: error,
  });
}

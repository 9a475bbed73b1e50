/**
 * Keeps a connection: looks for another socket when one is lost, each url once a round from the one that worked, with growing waits
 * between rounds, until one opens, the connection is closed, or what the peer says is final (protocol.md R.2, R.3).
 */

import pRetry from "p-retry";
import type { ClientConnection } from "../client/connection.ts";
import type { Reconnection } from "../client/reconnection.ts";
import { bounds, within } from "../client/waiting.ts";
import { AmqpError, ConnectionError, RedirectError } from "../errors.ts";
import type { Clock } from "../options/environment.ts";
import type { ResolvedReconnect } from "../options/reconnect.ts";
import type { ResolvedConnect } from "../options/resolve-connect.ts";
import { timerDelay } from "../options/timeouts.ts";
import type { ParsedUrl } from "../options/url.ts";
import { Delays } from "./backoff.ts";
import type { Looking } from "./connecting.ts";
import { allFailed, follow, openSocket, placeOf } from "./connecting.ts";
import { Redirects } from "./redirects.ts";
import type { Target } from "./redirects.ts";
import { judge } from "./retry-rules.ts";

/** How a connection comes back that does not: it only goes where its peer sends it. */
export const NEVER: ResolvedReconnect = { initialDelay: 0, maxDelay: 0, factor: 1, jitter: false, maxAttempts: 0, initial: false, fatalConditions: [] };

export class Reconnecting implements Looking, Reconnection {
  readonly #connection: ClientConnection;
  readonly #options: ResolvedConnect;
  readonly #reconnect: ResolvedReconnect;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #delays: Delays;
  /** Where the peer has sent us, step by step. */
  readonly redirects = new Redirects();
  /** Where the next round begins: at the url that worked last. */
  #first = 0;
  /** The url that is tried. */
  #trying = 0;
  /** An attempt is under way: who makes it goes on where it leads. */
  #attempting = false;
  /** What sent us elsewhere in the very moment in which the attempt had opened. */
  #early: RedirectError | undefined = undefined;
  /** Where the next round goes first: the peer has sent us there. */
  #detour: Target | undefined = undefined;
  /** Attempts since the last open. */
  #attempts = 0;
  /** Refusals of our credentials in a row. */
  #refusals = 0;
  /** Why the present looking began, or its last attempt failed. */
  #error: AmqpError | undefined = undefined;

  constructor(connection: ClientConnection, options: ResolvedConnect, reconnect: ResolvedReconnect, clock: Clock, random: () => number) {
    this.#connection = connection;
    this.#options = options;
    this.#reconnect = reconnect;
    this.#clock = clock;
    this.#random = random;
    this.#delays = new Delays(reconnect, random);
  }

  trying(index: number): void {
    this.#attempting = true;
    this.#trying = index;
  }

  connected(): void {
    this.#attempting = false;
  }

  opened(): void {
    this.#first = this.#trying;
    this.#attempts = 0;
    this.#refusals = 0;
    this.#delays.opened(this.#clock.now());
  }

  lost(error: AmqpError): AmqpError | undefined {
    const now = this.#clock.now();
    this.#delays.lost(now);
    this.#error = error;
    if (!(error instanceof RedirectError)) return this.#goesOn(error) ? undefined : error;
    if (this.#attempting) {
      this.#early = error;
      return undefined;
    }
    try {
      this.#detour = this.redirects.next(error, now);
      return undefined;
    } catch (refused) {
      return refused as RedirectError;
    }
  }

  /** What an attempt has to follow before it is done. */
  takeEarly(): RedirectError | undefined {
    const early = this.#early;
    this.#early = undefined;
    return early;
  }

  begin(): void {
    // Whoever makes the attempt goes on with it.
    if (this.#early !== undefined) return;
    this.look().catch((error: unknown) => {
      this.#connection.fail(error instanceof AmqpError ? error
        : new ConnectionError("reconnecting failed", { code: "connect-failed", scope: "connection", cause: error }));
    });
  }

  delays(): Delays {
    return new Delays(this.#reconnect, this.#random);
  }

  /** Looks for a socket until one opens. @throws what is final, or the reason for which it was given up */
  async look(): Promise<void> {
    const giveUp = new AbortController();
    const onAbort = (): void => giveUp.abort(this.#options.signal?.reason);
    const onGiveUp = (): void => giveUp.abort(new ConnectionError("the connection was closed", { code: "connection-closed", scope: "connection" }));
    this.#connection.onGiveUp = onGiveUp;
    this.#options.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await pRetry(() => this.#round(giveUp.signal), {
        retries: Infinity, minTimeout: 0, maxTimeout: 0, factor: 1, randomize: false, signal: giveUp.signal,
        shouldRetry: ({ error }) => error instanceof AmqpError && this.#goesOn(error),
      });
    } finally {
      this.#options.signal?.removeEventListener("abort", onAbort);
      // A peer that opens and is lost at once has begun another looking by now.
      if (this.#connection.onGiveUp === onGiveUp) this.#connection.onGiveUp = undefined;
    }
  }

  /** Goes where the peer has sent us, or waits and tries each url once. @throws ConnectionError with every cause */
  async #round(signal: AbortSignal): Promise<void> {
    const { urls } = this.#options;
    const errors: AmqpError[] = [];
    const detour = this.#detour;
    this.#detour = undefined;
    if (detour !== undefined && (await this.#try(detour, 0, signal, errors))) return;
    let delay = this.#error === undefined ? 0 : this.#delays.next();
    for (let n = 0; n < urls.length && this.#attempts < this.#reconnect.maxAttempts; n++) {
      const index = (this.#first + n) % urls.length;
      const home = { url: urls[index] as ParsedUrl, options: this.#options };
      this.#trying = index;
      this.redirects.begin(home);
      if (await this.#try(home, delay, signal, errors)) return;
      delay = 0;
    }
    throw allFailed(errors.length === 0 && this.#error !== undefined ? [this.#error] : errors);
  }

  /** One place, and those that it leads to. Whether it opened; if not, `errors` has one more. */
  async #try(target: Target, delay: number, signal: AbortSignal, errors: AmqpError[]): Promise<boolean> {
    this.#attempting = true;
    try {
      await follow(target, this.redirects, this.#clock, async (place) => {
        this.#attempts += 1;
        await this.#attempt(place, place === target ? delay : 0, signal);
        const early = this.takeEarly();
        if (early !== undefined) throw early;
      });
      return true;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AmqpError)) throw error;
      this.#error = error;
      errors.push(error);
      this.#connection.events?.fail("on_transport_error", { connection: this.#connection, error }, true);
      return false;
    } finally {
      this.#attempting = false;
    }
  }

  async #attempt({ url, options }: Target, delay: number, signal: AbortSignal): Promise<void> {
    const shown = placeOf(url);
    const connection = this.#connection;
    if (this.#error === undefined) connection.tell({ type: "connecting", url: shown, attempt: this.#attempts });
    else {
      connection.tell({ type: "reconnecting", url: shown, attempt: this.#attempts, delay, error: this.#error });
      connection.events?.emit("on_reconnecting", { connection, error: this.#error });
    }
    if (delay > 0) await this.#wait(delay, signal);
    const own = new AbortController();
    const onAbort = (): void => own.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const trying = openSocket(connection, url, options, this.#attempts, own.signal).then((socket) => {
      own.signal.throwIfAborted();
      return connection.run(socket);
    });
    trying.catch(() => undefined);
    try {
      await within(trying, bounds(this.#clock, { timeout: this.#options.timeout, signal }, this.#options.timeout, "connection", `${shown} did not open the connection`),
        (reason) => own.abort(reason));
    } catch (error) {
      connection.driver?.abandon();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  #goesOn(error: AmqpError): boolean {
    if (this.#attempts >= this.#reconnect.maxAttempts || this.#connection.events?.isFatal(error) === true) return false;
    const { credentials } = this.#options;
    const causes = error instanceof ConnectionError && error.errors.length > 0 ? error.errors : [error];
    let goesOn = false;
    for (const cause of causes) {
      const verdict = judge(cause, {
        fatalConditions: this.#reconnect.fatalConditions, reconnecting: this.#connection.lostAt !== undefined, canRefresh: credentials !== undefined && this.#refusals === 0,
      });
      if (verdict === "refresh") this.#refusals += 1;
      if (verdict !== "stop") goesOn = true;
    }
    return goesOn;
  }

  #wait(delay: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimer(timerDelay(delay) ?? 0, () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      const onAbort = (): void => {
        timer.cancel();
        reject(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }
}

/**
 * Waiting with an end: a timeout of the clock that is in use, and the caller's signal. Everything awaitable of the
 * public API goes through here.
 */

import { AmqpError, TimeoutError } from "../errors.ts";
import type { AmqpErrorInit } from "../errors.ts";
import type { CallOptions } from "../options/call.ts";
import type { Clock } from "../options/environment.ts";
import { timerDelay } from "../options/timeouts.ts";
import type { Opening, Settling } from "./shapes.ts";
import type { EventScope } from "./events.ts";
import { HeardPromise } from "./promise.ts";

/** How long something may take and who may end it. */
export interface Bounds {
  readonly clock: Clock;
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** What is waited for, for the error: "did not <what> within n ms". */
  readonly what: string;
  readonly scope: AmqpErrorInit["scope"];
}

/** Takes the timeout of a call, or the default. */
export function bounds(clock: Clock, options: CallOptions | undefined, fallback: number, scope: Bounds["scope"], what: string): Bounds {
  return { clock, timeout: options?.timeout ?? fallback, signal: options?.signal, scope, what };
}

/**
 * Follows `promise` until its bounds end the waiting.
 * @param onGiveUp called when they do, with what the call rejects with
 */
export function within<T>(promise: Promise<T>, limits: Bounds, onGiveUp?: (reason: unknown) => void): Promise<T> {
  const { signal, timeout, clock } = limits;
  const delay = timerDelay(timeout);
  if (signal === undefined && delay === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const giveUp = (reason: unknown): void => {
      finish();
      onGiveUp?.(reason);
      reject(reason);
    };
    const onAbort = (): void => giveUp((signal as AbortSignal).reason);
    const timer = delay === undefined ? undefined : clock.setTimer(delay, () => giveUp(tooLate(limits)));
    const finish = (): void => {
      timer?.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    promise.then(
      (value) => { finish(); resolve(value); },
      (error: unknown) => { finish(); reject(error); },
    );
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** The error of a wait that took too long. */
export function tooLate({ what, timeout, scope }: Pick<Bounds, "what" | "timeout" | "scope">): TimeoutError {
  return new TimeoutError(`${what} within ${timeout} ms`, { code: "timeout", scope, retryable: true });
}

/** A promise that also has the endpoint. Its failure need not be awaited where `events` tell it. */
export function opening<T>(endpoint: T, promise: Promise<T>, events?: EventScope): Opening<T> {
  if (events === undefined) return Object.assign(promise, { endpoint });
  const heard = new HeardPromise<T>((resolve) => resolve(promise));
  promise.catch((error: unknown) => {
    if (events.claims(error, heard.heard)) heard.catch(() => undefined);
  });
  return Object.assign(heard, { endpoint });
}

/** Marks a promise as one that need not be awaited. */
export function settling(promise: Promise<void>): Settling {
  promise.catch(() => undefined);
  return promise;
}

/** The same, where nobody else hears of a failure: `report` does, unless somebody listens to the promise. */
export function reportedSettling(promise: Promise<void>, report: (error: AmqpError) => void): Settling {
  const heard = new HeardPromise<void>((resolve) => resolve(promise));
  promise.catch((error: unknown) => {
    if (!heard.heard && error instanceof AmqpError) report(error);
    heard.catch(() => undefined);
  });
  return heard;
}

/** The settling of what is done already. */
export const SETTLED: Settling = Promise.resolve();

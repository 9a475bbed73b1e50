/** Makes a flat record of how a connection comes back. */

import { check, configError } from "./check.ts";
import { Backoff } from "./reconnect.ts";
import type { ReconnectOptions, ResolvedReconnect } from "./reconnect.ts";
import { reconnectSchema } from "./schemas.ts";

/** Reads `reconnect`; undefined is a connection that stays lost. @throws ConfigError config */
export function resolveReconnect(given: boolean | Backoff | ReconnectOptions | undefined, where: string): ResolvedReconnect | undefined {
  if (given === false) return undefined;
  const bag: ReconnectOptions = given === undefined || given === true ? {} : given instanceof Backoff ? given.options : given;
  const { initialDelay = 100, maxDelay = 10_000, factor = 2, jitter = true, maxAttempts = Infinity, initial, fatalConditions = [] } = check(reconnectSchema, bag, `${where}: reconnect`);
  if (maxDelay < initialDelay) throw configError(where, 'option "reconnect.maxDelay" is less than "initialDelay"');
  return { initialDelay, maxDelay, factor, jitter, maxAttempts, initial, fatalConditions };
}

/** How stores fail. */

import { AmqpError, ConfigError } from "../errors.ts";

/** What went wrong with a store; `retryable` where the same call may succeed later, as on a disk that has room again. */
export function storeFailed(text: string, cause?: unknown, retryable: boolean = false): AmqpError {
  const { message } = (cause ?? {}) as { message?: unknown };
  return new AmqpError(typeof message === "string" ? `${text}: ${message}` : text, { code: "store-failed", scope: "container", retryable, cause });
}

/** What is asked of a store after its disposal. */
export function storeClosed(what: string): AmqpError {
  return new AmqpError(`${what} is closed`, { code: "invalid-state", scope: "container" });
}

/** What a store answers that has no transactions a user could have part in. */
export function noTransactions(name: string): ConfigError {
  return new ConfigError(`a ${name} has no transactions: "commitWith" is for a store in your own database`, { code: "config", scope: "delivery" });
}

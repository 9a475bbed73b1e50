/**
 * After which errors a connection is tried again (protocol.md R.3). What the peer says no other attempt can change ends it; a
 * refusal of our credentials does so too, once they were asked for anew.
 */

import type { AmqpError } from "../errors.ts";
import { ConfigError, SaslError, TlsError } from "../errors.ts";
import { AmqpCondition, ConnectionCondition } from "../frames/condition.ts";

/** Conditions of a close that another attempt would meet again. */
const FATAL: ReadonlySet<string> = new Set([
  AmqpCondition.notFound, AmqpCondition.notAllowed, AmqpCondition.notImplemented, AmqpCondition.invalidField, AmqpCondition.decodeError,
  ConnectionCondition.framingError,
]);

/** What is to be done about an error. */
export type Verdict = "retry" | "refresh" | "stop";

/** What the verdict depends on besides the error. */
export interface Circumstances {
  /** Conditions that the program counts as fatal. */
  readonly fatalConditions: readonly string[];
  /** Whether the connection was open before, so that this is no first `connect()`. */
  readonly reconnecting: boolean;
  /** Whether fresh credentials can be had and were not refused yet. */
  readonly canRefresh: boolean;
}

/** Whether to try again, to ask for credentials first, or to give up. */
export function judge(error: AmqpError, { fatalConditions, reconnecting, canRefresh }: Circumstances): Verdict {
  // Where the peer sends us elsewhere and we do not go, it would do so again.
  if (error instanceof ConfigError || error.code === "redirect") return "stop";
  if (error.condition !== undefined && fatalConditions.includes(error.condition)) return "stop";
  if (error.code === "auth-failed" || error.condition === AmqpCondition.unauthorizedAccess) {
    if (error.retryable) return "retry";
    return canRefresh ? "refresh" : "stop";
  }
  // A certificate that does not hold is no reason to try without, and does not mend itself.
  if (error instanceof SaslError || error instanceof TlsError) return error.retryable ? "retry" : "stop";
  // The old socket of this very container may still live at the peer: it goes when the peer has noticed.
  if (reconnecting && refusesOwnId(error)) return "retry";
  if (error.condition !== undefined && FATAL.has(error.condition)) return "stop";
  return "retry";
}

/** ActiveMQ's way to say that a container of this id is connected already. */
function refusesOwnId(error: AmqpError): boolean {
  return error.condition === AmqpCondition.invalidField && error.info !== undefined
    && new Map(Object.entries(error.info)).get("invalid-field") === "container-id";
}

/**
 * Error conditions: the `amqp:error:list` composite (§2.8.14) and the closed list of conditions that the standard
 * defines (§2.8.15-18, §4.5.8). Peers send others too, so `condition` is any text.
 */

/** The error of a detach, an end, a close or a rejected outcome (§2.8.14). */
export interface ErrorCondition {
  /** A symbol such as amqp:not-found. */
  readonly condition: string;
  readonly description?: string | undefined;
  readonly info?: Readonly<Record<string, unknown>> | undefined;
}

/** Conditions of any endpoint: amqp-error (§2.8.15). */
export const AmqpCondition = {
  internalError: "amqp:internal-error",
  notFound: "amqp:not-found",
  unauthorizedAccess: "amqp:unauthorized-access",
  decodeError: "amqp:decode-error",
  resourceLimitExceeded: "amqp:resource-limit-exceeded",
  notAllowed: "amqp:not-allowed",
  invalidField: "amqp:invalid-field",
  notImplemented: "amqp:not-implemented",
  resourceLocked: "amqp:resource-locked",
  preconditionFailed: "amqp:precondition-failed",
  resourceDeleted: "amqp:resource-deleted",
  illegalState: "amqp:illegal-state",
  frameSizeTooSmall: "amqp:frame-size-too-small",
} as const;

/** Conditions of a connection: connection-error (§2.8.16). */
export const ConnectionCondition = {
  forced: "amqp:connection:forced",
  framingError: "amqp:connection:framing-error",
  redirect: "amqp:connection:redirect",
} as const;

/** Conditions of a session: session-error (§2.8.17). */
export const SessionCondition = {
  windowViolation: "amqp:session:window-violation",
  errantLink: "amqp:session:errant-link",
  handleInUse: "amqp:session:handle-in-use",
  unattachedHandle: "amqp:session:unattached-handle",
} as const;

/** Conditions of a link: link-error (§2.8.18). */
export const LinkCondition = {
  detachForced: "amqp:link:detach-forced",
  transferLimitExceeded: "amqp:link:transfer-limit-exceeded",
  messageSizeExceeded: "amqp:link:message-size-exceeded",
  redirect: "amqp:link:redirect",
  stolen: "amqp:link:stolen",
} as const;

/** Conditions of a transaction: transaction-error (§4.5.8). */
export const TransactionCondition = {
  unknownId: "amqp:transaction:unknown-id",
  rollback: "amqp:transaction:rollback",
  timeout: "amqp:transaction:timeout",
} as const;

/** Errors that a peer sent with a close, an end or a detach, as errors of this library. */

import type { AmqpError, AmqpErrorInit, ErrorCode } from "../errors.ts";
import { AmqpError as BaseError, ConnectionError, LinkError, RedirectError, SessionError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition, ConnectionCondition, LinkCondition } from "../frames/condition.ts";
import { printable } from "../frames/printable.ts";

/** Characters of a peer's text that an error repeats. */
const LONGEST_TEXT = 500;

/** Conditions after which the same may work later. */
const PASSING: ReadonlySet<string> = new Set([
  AmqpCondition.resourceLimitExceeded, AmqpCondition.resourceLocked, AmqpCondition.internalError, ConnectionCondition.forced,
  LinkCondition.detachForced,
]);

/** The peer's error, `context` saying what it took down. */
export function remoteError(scope: "connection" | "session" | "link", code: ErrorCode, context: string, condition: ErrorCondition): AmqpError {
  const name = printable(condition.condition, 100);
  const text = condition.description === undefined ? "" : ` (${printable(condition.description, LONGEST_TEXT)})`;
  const init: AmqpErrorInit = {
    code, scope, origin: "remote", condition: condition.condition, description: condition.description, info: condition.info,
    retryable: PASSING.has(condition.condition),
  };
  const message = `${context}: ${name}${text}`;
  if (condition.condition === ConnectionCondition.redirect || condition.condition === LinkCondition.redirect) {
    const redirect = redirectOf(message, init);
    if (redirect !== undefined) return redirect;
  }
  if (scope === "connection") return new ConnectionError(message, init);
  return scope === "session" ? new SessionError(message, init) : new LinkError(message, init);
}

/** What went down with its session or connection. */
export function lostWith(error: AmqpError, scope: "session" | "link", context: string): AmqpError {
  const init: AmqpErrorInit = {
    code: error.code, scope, origin: error.origin, retryable: error.retryable, condition: error.condition, description: error.description,
    info: error.info, cause: error,
  };
  return scope === "session" ? new SessionError(`${context}: ${error.message}`, init) : new LinkError(`${context}: ${error.message}`, init);
}

/** Our close came before the peer's open. */
export function closedEarly(): ConnectionError {
  return new ConnectionError("the connection was closed before it was open", { code: "connection-closed", scope: "connection" });
}

/** The transport is gone without a close. @param why what the peer did instead of the handshake @param error of the transport */
export function lostTransport(why: string | undefined, error: Error | undefined): AmqpError {
  if (error instanceof BaseError) return error;
  const message = why === undefined ? `the connection was lost: ${error?.message ?? "the peer hung up without a close"}` : `the peer ${why}${error === undefined ? "" : ` (${error.message})`}`;
  return new ConnectionError(message, { code: why === undefined ? "disconnected" : "handshake-failed", scope: "connection", origin: "transport", retryable: true, cause: error });
}

function redirectOf(message: string, init: AmqpErrorInit): AmqpError | undefined {
  const info = new Map(Object.entries(init.info ?? {}));
  const host = info.get("network-host") ?? info.get("hostname");
  const port = Number(info.get("port"));
  if (typeof host !== "string" || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  const address = info.get("address");
  return new RedirectError(message, { ...init, code: "redirect", host, port, address: typeof address === "string" ? address : undefined });
}

/** Errors that a peer sent with a close, an end or a detach, as errors of this library. */

import type { AmqpError, AmqpErrorInit, ErrorCode } from "../errors.ts";
import { AmqpError as BaseError, ConnectionError, LinkError, RedirectError, SessionError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition, ConnectionCondition, LinkCondition } from "../frames/condition.ts";
import { printable } from "../frames/printable.ts";
import { Typed } from "../wire/values.ts";

/** Characters of a peer's text that an error repeats in its message. */
const LONGEST_TEXT = 500;
/** Characters of a peer's condition and description that an error has as such. */
const LONGEST_CONDITION = 255;
const LONGEST_DESCRIPTION = 4_096;

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
    code, scope, origin: "remote", condition: printable(condition.condition, LONGEST_CONDITION), description: plainDescription(condition.description), info: condition.info,
    retryable: PASSING.has(condition.condition),
  };
  const message = `${context}: ${name}${text}`;
  if (condition.condition === ConnectionCondition.redirect || condition.condition === LinkCondition.redirect) {
    return redirectOf(scope, message, init);
  }
  if (scope === "connection") return new ConnectionError(message, init);
  return scope === "session" ? new SessionError(message, init) : new LinkError(message, init);
}

/** A peer's description without control characters, and not without end. */
export function plainDescription(description: string | undefined): string | undefined {
  return description === undefined ? undefined : printable(description, LONGEST_DESCRIPTION);
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

/** Where the peer sends us; where it does not say so in words that can be used, an error of the endpoint that says that. */
function redirectOf(scope: "connection" | "session" | "link", message: string, from: AmqpErrorInit): AmqpError {
  const info = new Map(Object.entries(from.info ?? {}));
  const [host = textOf(info.get("hostname")), address] = [textOf(info.get("network-host")), textOf(info.get("address"))];
  const port = Number(info.get("port"));
  const init: AmqpErrorInit = { ...from, code: "redirect", retryable: false };
  if (host === undefined || !HOST.test(host) || !Number.isInteger(port) || port < 1 || port > 65535) {
    const missing = `${message}; not followed: the peer does not say where to, by network-host or hostname and a port`;
    return scope === "link" ? new LinkError(missing, init) : new ConnectionError(missing, init);
  }
  const place = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const there = address === undefined ? place : `${place}, address ${JSON.stringify(printable(address, 200))}`;
  return new RedirectError(`${message}; not followed: connect to ${there}, or allow it by option redirects: { allow: ["${place}"] }`, { ...init, host, port, address });
}

/** What a host can look like, a name or an address without brackets. */
const HOST = /^[\p{L}\p{N}_.:-]{1,253}$/u;

/** A text of a peer's `info`, where it may be a symbol too. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return value instanceof Typed && value.type === "symbol" ? String(value.value) : undefined;
}

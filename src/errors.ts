/**
 * The base of every error of this library, its scopes, and the closed list of codes. It names no other
 * module, so that every room can raise one.
 */

/** What the error took down. */
export type ErrorScope = "container" | "connection" | "session" | "link" | "delivery";

/** Who found it: this side, the peer (it sent a condition), or the transport between them. */
export type ErrorOrigin = "local" | "remote" | "transport";

/** Every code that `AmqpError.code` can have. Programs switch on it; texts may change, codes do not. */
export type ErrorCode =
  // the caller's own
  | "config" | "invalid-state" | "not-encodable" | "stale-delivery" | "invalid-argument"
  // time and amounts
  | "timeout" | "limit-exceeded" | "queue-full" | "message-too-large"
  // reaching a peer
  | "connect-failed" | "not-amqp" | "disconnected" | "idle-timeout" | "handshake-failed" | "tls-failed"
  | "all-urls-failed" | "listen-failed"
  // authentication
  | "sasl-failed" | "auth-failed" | "mechanism-refused"
  // bytes that make no sense, and peers that break the rules
  | "decode-error" | "protocol-violation"
  // the endpoint ended
  | "connection-closed" | "session-ended" | "link-detached" | "link-refused" | "redirect"
  | "guarantee-not-supported" | "filter-not-supported"
  // outcomes of a send
  | "rejected" | "released" | "modified" | "in-doubt" | "not-sent"
  // what became of a delivery that was coming in
  | "delivery-aborted"
  // work on behalf of somebody else
  | "handler-failed" | "transaction-failed" | "store-failed";

export interface AmqpErrorInit {
  code: ErrorCode;
  scope: ErrorScope;
  /** @default "local" */
  origin?: ErrorOrigin | undefined;
  /** Whether the same call may succeed later without a change. @default false */
  retryable?: boolean | undefined;
  /** The AMQP condition, such as amqp:not-found, where the peer sent one or is to be sent one. */
  condition?: string | undefined;
  description?: string | undefined;
  info?: Readonly<Record<string, unknown>> | undefined;
  cause?: unknown;
}

// Two copies of this package in one program (ESM and CJS, say) still agree on what is an AmqpError: the brand is a
// registered symbol that lists the names of a class and its ancestors.
const BRAND = Symbol.for("leptonmq.error");

/** Base of all errors of this library. */
export class AmqpError extends Error {
  static readonly brand: string = "AmqpError";
  readonly code: ErrorCode;
  readonly scope: ErrorScope;
  readonly origin: ErrorOrigin;
  readonly retryable: boolean;
  readonly condition: string | undefined;
  readonly description: string | undefined;
  readonly info: Readonly<Record<string, unknown>> | undefined;

  constructor(message: string, init: AmqpErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = Object.hasOwn(new.target, "brand") ? new.target.brand : new.target.name;
    this.code = init.code;
    this.scope = init.scope;
    this.origin = init.origin ?? "local";
    this.retryable = init.retryable ?? false;
    this.condition = init.condition;
    this.description = init.description;
    this.info = init.info;
  }

  get [BRAND](): readonly string[] {
    const names: string[] = [];
    let type = Object.getPrototypeOf(this) as Prototype | null;
    while (type !== null && (type as unknown) !== Error.prototype) {
      names.push(brandOf(type.constructor));
      type = Object.getPrototypeOf(type) as Prototype | null;
    }
    return names;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== "object" || value === null) return false;
    if (Function.prototype[Symbol.hasInstance].call(this, value)) return true;
    const brand: unknown = (value as { [BRAND]?: unknown })[BRAND];
    return Array.isArray(brand) && brand.includes(brandOf(this));
  }
}

interface Prototype {
  readonly constructor: { readonly brand: string; readonly name: string };
}

// Minified builds rename classes, so the name that two copies compare is written out by each class of ours; a
// subclass that a user derives has none of its own, and is known by its prototype alone.
function brandOf(type: { readonly brand: string; readonly name: string }): string {
  return Object.hasOwn(type, "brand") ? type.brand : `user:${type.name}`;
}

/** A connection could not be made or was lost; `errors` has the cause of every url tried. */
export class ConnectionError extends AmqpError {
  static override readonly brand: string = "ConnectionError";
  readonly errors: readonly AmqpError[];
  constructor(message: string, init: AmqpErrorInit & { errors?: readonly AmqpError[] }) {
    super(message, init);
    this.errors = init.errors ?? [];
  }
}

/** The peer ended a session, or one could not begin. */
export class SessionError extends AmqpError { static override readonly brand: string = "SessionError"; }

/** A link was refused, detached by the peer, or asked for something its state does not allow. */
export class LinkError extends AmqpError { static override readonly brand: string = "LinkError"; }

/** Authentication failed, or no mechanism satisfies both sides. */
export class SaslError extends AmqpError { static override readonly brand: string = "SaslError"; }

/** The TLS handshake or the verification of the peer's certificate failed. */
export class TlsError extends AmqpError { static override readonly brand: string = "TlsError"; }

/** Something did not happen within its time. */
export class TimeoutError extends AmqpError { static override readonly brand: string = "TimeoutError"; }

/** An option or argument that can never work as given. */
export class ConfigError extends AmqpError { static override readonly brand: string = "ConfigError"; }

/** Bytes that are not valid AMQP. */
export class DecodeError extends AmqpError { static override readonly brand: string = "DecodeError"; }

/** A value that AMQP cannot express. */
export class EncodeError extends AmqpError { static override readonly brand: string = "EncodeError"; }

/** A bound was reached; the message names the option that sets it. */
export class LimitError extends AmqpError { static override readonly brand: string = "LimitError"; }

/** A transaction could not be declared or committed; `outcome` says what became of its work. */
export class TransactionError extends AmqpError {
  static override readonly brand: string = "TransactionError";
  /** "rolled-back": nothing of it happened; "in-doubt": the commit left, and its answer never came. */
  readonly outcome: "rolled-back" | "in-doubt";
  constructor(message: string, init: Omit<AmqpErrorInit, "code" | "scope"> & { outcome: "rolled-back" | "in-doubt" }) {
    super(message, { ...init, code: "transaction-failed", scope: "session" });
    this.outcome = init.outcome;
  }
}

/** The peer asks to go elsewhere. */
export class RedirectError extends AmqpError {
  static override readonly brand: string = "RedirectError";
  readonly host: string;
  readonly port: number;
  readonly address: string | undefined;
  constructor(message: string, init: AmqpErrorInit & { host: string; port: number; address?: string | undefined }) {
    super(message, init);
    this.host = init.host;
    this.port = init.port;
    this.address = init.address;
  }
}

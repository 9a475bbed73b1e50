/** The options of `listen()`, less `authorize`, which names the client's classes and is added there. */

import type { CallOptions } from "./call.ts";
import type { TlsOptions, Transport } from "./connect.ts";
import type { Limits } from "./limits.ts";

/** What an `authenticate` function is told besides user and password. */
export interface AuthenticateContext {
  readonly remoteAddress: string;
}

/** Options of `listen()`, less those that name the client's classes. */
export interface ListenOptionsBase extends CallOptions {
  /** amqp://host:port or amqps://host:port; port 0 takes a free one. */
  url?: string | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  /** 0 takes a free one. @default 5672, with TLS 5671 */
  port?: number | undefined;
  /** With `cert` and `key`, or `pfx`. */
  tls?: TlsOptions | undefined;
  /** Mechanisms to offer, as a list or separated by spaces. @default PLAIN with `authenticate`, EXTERNAL with `tls.requestCert`, ANONYMOUS on loopback with neither */
  allowedMechs?: string | readonly string[] | undefined;
  /** Whether an address that is not loopback may be listened on without TLS, or without authentication. @default false */
  allowInsecureMechs?: boolean | undefined;
  /** Whether this is the user's password. */
  authenticate?: ((user: string, password: string, context: AuthenticateContext) => boolean | Promise<boolean>) | undefined;
  offeredCapabilities?: string | readonly string[] | undefined;
  /** Added to the open's properties; keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  limits?: Limits | undefined;
  /** Serves one connection over this instead of listening on a port. */
  transport?: Transport | undefined;
}

/** The options of `listen()`, less `authorize`, which names the client's classes and is added there. */

import type { CallOptions } from "./call.ts";
import type { TlsOptions, Transport } from "./connect.ts";
import type { Limits } from "./limits.ts";
import type { SaslServer, SaslServerContext, ScramCredentials } from "./sasl.ts";
import type { PeerCertificate } from "../util/peer-certificate.ts";

/** What an `authenticate` function is told besides user and password. */
export interface AuthenticateContext {
  readonly remoteAddress: string;
}

/** Who may come in by WebSocket, and where. */
export interface WebSocketListenOptions {
  /** The only path that is served. @default that of a ws or wss url, else any */
  path?: string | undefined;
  /**
   * Web pages that may connect, each as an origin such as "https://shop.example"; "*" is every page. Programs that are no browser send no
   * origin and are not asked for one. @default pages of the host that the browser asked for; on a loopback connection those of this machine
   */
  origins?: "*" | readonly string[] | undefined;
}

/** What a `passwords` function is told besides the user. */
export interface PasswordsContext extends AuthenticateContext {
  /** The mechanism that the peer has chosen: stored credentials are for one of them. */
  readonly mechanism: string;
}

/** Options of `listen()`, less those that name the client's classes. */
export interface ListenOptionsBase extends CallOptions {
  /** amqp://host:port or amqps://host:port; ws:// or wss:// serves WebSockets only. Port 0 takes a free one. */
  url?: string | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  /** 0 takes a free one. @default 5672, with TLS 5671 */
  port?: number | undefined;
  /** With `cert` and `key`, or `pfx`. */
  tls?: TlsOptions | undefined;
  /** Mechanisms to offer, as a list or separated by spaces. @default all that the functions below make possible, EXTERNAL with `tls.requestCert`, ANONYMOUS on loopback with neither */
  allowedMechs?: string | readonly string[] | undefined;
  /** Whether an address that is not loopback may be listened on without TLS, or without authentication. @default false */
  allowInsecureMechs?: boolean | undefined;
  /** Whether this is the user's password (PLAIN). */
  authenticate?: ((user: string, password: string, context: AuthenticateContext) => boolean | Promise<boolean>) | undefined;
  /** The user's password, or what `scramCredentials()` made of it; undefined is no such user, which peers are not told (SCRAM, and PLAIN without `authenticate`). */
  passwords?: ((user: string, context: PasswordsContext) => string | ScramCredentials | undefined | Promise<string | ScramCredentials | undefined>) | undefined;
  /** Whose token this is: a text is the user, true the one that the peer names, false nobody (OAUTHBEARER, XOAUTH2). */
  authenticateToken?: ((token: string, user: string | undefined, context: AuthenticateContext) => string | boolean | Promise<string | boolean>) | undefined;
  /** Whom the peer's verified certificate is for: a text is the user, true the certificate's subject, false nobody (EXTERNAL). @default the subject */
  authenticateCertificate?: ((certificate: PeerCertificate, context: AuthenticateContext) => string | boolean | Promise<string | boolean>) | undefined;
  /** SASL mechanisms of your own by name; they are offered first, in this order. @default none */
  mechanisms?: Readonly<Record<string, (context: SaslServerContext) => SaslServer>> | undefined;
  /** Callbacks of what happens in the connections that come in: objects with `on_*` methods. */
  handler?: object | readonly object[] | undefined;
  offeredCapabilities?: string | readonly string[] | undefined;
  /** Added to the open's properties; keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  /** Whether AMQP over WebSocket is served as well, on the same port; needs the package `ws`. @default false, true of a ws or wss url */
  webSocket?: boolean | WebSocketListenOptions | undefined;
  limits?: Limits | undefined;
  /** Serves one connection over this instead of listening on a port. */
  transport?: Transport | undefined;
}

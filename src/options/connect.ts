/** The options of `connect()`: where to, as whom, over what, and within which bounds. */

import type { CallOptions } from "./call.ts";
import type { Limits } from "./limits.ts";
import type { Backoff, ReconnectOptions } from "./reconnect.ts";
import type { RedirectOptions } from "./redirects.ts";
import type { CbsOptions, SaslClient, SaslClientContext } from "./sasl.ts";
import type { Timeouts } from "./timeouts.ts";

/** A TLS domain: certificates in PEM (text or bytes), or `pfx` in PKCS#12. */
export interface TlsOptions {
  /** Authorities to trust instead of the platform's. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /** Our certificate chain. */
  cert?: string | Uint8Array | undefined;
  /** Its private key. */
  key?: string | Uint8Array | undefined;
  /** Opens `key` or `pfx`. */
  passphrase?: string | undefined;
  /** Certificate and key in one. */
  pfx?: Uint8Array | undefined;
  /** @default "TLSv1.2" */
  minVersion?: "TLSv1.2" | "TLSv1.3" | undefined;
  /** false takes any certificate, which protects from nobody who can reach the wire; warns once. @default true */
  rejectUnauthorized?: boolean | undefined;
  /** Listening side: ask the peer for a certificate (needed for EXTERNAL). @default false */
  requestCert?: boolean | undefined;
}

/** Who we are to the peer; `expiresAt` is a Date, or milliseconds as of `Date.now()`. */
export type Credentials =
  | { user: string; password: string; expiresAt?: Date | number | undefined }
  | { token: string; user?: string | undefined; expiresAt?: Date | number | undefined };

/** What a `credentials` function is told. */
export interface CredentialsContext {
  /** Where the attempt goes, without the url's own user and password. */
  readonly url: string;
  /** 1 for the first. */
  readonly attempt: number;
  readonly signal: AbortSignal;
}

/** A byte stream both ways that is not ours: a tunnel, a serial line, a worker's port. */
export interface Transport {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Ends both directions at once. */
  close(): void;
}

/** How a WebSocket is opened. */
export interface WebSocketOptions {
  /** Subprotocols to offer, of which the peer must choose one. @default ["amqp"] */
  protocols?: readonly string[] | undefined;
  /** Further headers of the request, such as Authorization; not in browsers. */
  headers?: Record<string, string> | undefined;
}

/** Options of `connect()`. */
export interface ConnectOptions extends CallOptions {
  /** amqp://[user[:password]@]host[:port][/address], amqps for TLS; ws or wss://[user[:password]@]host[:port][/path] for WebSocket; one of `url` and `urls`. @default what a connect.json says */
  url?: string | undefined;
  /** Tried in turn. */
  urls?: readonly string[] | undefined;
  /** The node of links that name none, instead of the url's path; the path of a ws or wss url is the HTTP request's. */
  address?: string | undefined;
  /** Proton's name for half of `idleTimeout`, in milliseconds; give one of the two. */
  heartbeat?: number | undefined;
  /** Certificates and checks for amqps urls; true asks for TLS on an amqp url as well. */
  tls?: TlsOptions | boolean | undefined;
  /** Callbacks of what happens in it, its sessions and links: objects with `on_*` methods. */
  handler?: object | readonly object[] | undefined;
  /** Whether and how a connection that is lost is made again; false: it stays lost. @default true */
  reconnect?: boolean | Backoff | ReconnectOptions | undefined;
  /** false begins with AMQP at once, without authentication. @default true */
  saslEnabled?: boolean | undefined;
  /** Mechanisms to choose from, as a list or separated by spaces. @default all that the credentials fit */
  allowedMechs?: string | readonly string[] | undefined;
  /** Whether a password may go over an unencrypted connection. @default only to a loopback address */
  allowInsecureMechs?: boolean | undefined;
  /** The open's hostname (2.7.1); what TLS verifies stays the url's host. @default the url's host */
  virtualHost?: string | undefined;
  /** The server name of the TLS handshake, which the certificate is verified against. @default the url's host */
  sni?: string | undefined;
  user?: string | undefined;
  password?: string | undefined;
  /** Asked before every attempt, and again before what it gave expires; stands before `token`, and that before `user` and `password`, and they before the url's. */
  credentials?: ((context: CredentialsContext) => Credentials | Promise<Credentials>) | undefined;
  /** A bearer token for OAUTHBEARER or XOAUTH2, or a function that is asked for one before every attempt; `user` goes with it where there is one. */
  token?: string | ((context: CredentialsContext) => string | Promise<string>) | undefined;
  /** The token is put to the peer's `$cbs` node right after the open, before any link attaches, and SASL goes without it. @default tokens are for SASL */
  cbs?: CbsOptions | undefined;
  /** SASL mechanisms of your own by name; they stand before the built-in ones, in this order. @default none */
  mechanisms?: Readonly<Record<string, (context: SaslClientContext) => SaslClient>> | undefined;
  /** The open's container-id. @default the container's id */
  containerId?: string | undefined;
  /** Octets of the largest frame that is taken, 512 to 2^32-1. @default 262_144 */
  maxFrameSize?: number | undefined;
  /** The highest channel that the peer may use, 0 to 65535. @default 63 */
  channelMax?: number | undefined;
  /** Milliseconds of silence after which the peer counts as gone; 0 and Infinity are never (2.4.5). @default 30_000 */
  idleTimeout?: number | undefined;
  offeredCapabilities?: string | readonly string[] | undefined;
  desiredCapabilities?: string | readonly string[] | undefined;
  /** Added to the open's properties; keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  /** For ws and wss urls. In Node these need the package `ws`. */
  webSocket?: WebSocketOptions | undefined;
  /** Bytes over something other than TCP, TLS or WebSocket; a function is called for every attempt. */
  transport?: Transport | ((url: string) => Promise<Transport>) | undefined;
  limits?: Limits | undefined;
  timeouts?: Timeouts | undefined;
  /** Whether to go where the peer sends a connection or a link. @default never: it ends with a RedirectError that says where to */
  redirects?: RedirectOptions | undefined;
  /** How long and ulong are read: numbers where safe and else bigint, always number, always bigint. @default "auto" */
  int64?: Int64Mode | undefined;
  /** Read every value into its exact wrapper. @default false */
  typed?: boolean | undefined;
}

/** How 64-bit integers are read. */
export type Int64Mode = "auto" | "number" | "bigint";

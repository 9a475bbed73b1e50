/** What the doors of this room take, on either platform: `#transport` is node.ts or browser.ts. */

import type { AttemptOptions } from "./attempt.ts";
import type { Place } from "./socket-errors.ts";
import type { TcpListenOptions } from "./tcp.ts";
import type { TlsSettings } from "./tls.ts";
import type { TlsSessions } from "./tls-sessions.ts";

/** How a WebSocket is opened. */
export interface WebSocketSettings {
  /** Path and query of the request, as they are sent; begins with a slash. */
  readonly path: string;
  /** Subprotocols to offer, one of which the peer must choose. */
  readonly protocols: readonly string[];
  /** Further headers of the request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Octets of the largest message that is taken. */
  readonly maxMessageSize: number;
}

/** Where to connect to, over what, and as whom. */
export interface ConnectDuplexOptions extends Place, AttemptOptions {
  /** Whether over TLS. */
  readonly secure: boolean;
  readonly tls: TlsSettings;
  /** The server name to ask for and to verify. @default the host, unless it is an address */
  readonly sni: string | undefined;
  /** TLS sessions of this connection, to be resumed. */
  readonly sessions?: TlsSessions | undefined;
  /** undefined: no WebSocket, AMQP itself. */
  readonly webSocket: WebSocketSettings | undefined;
}

/** Who may come in by WebSocket. */
export interface WebSocketDoor {
  /** Whether AMQP without a WebSocket is turned away. */
  readonly only: boolean;
  /** The only path that is served; undefined is any. */
  readonly path: string | undefined;
  /** Pages that may connect, by their origin; undefined: those of the same host, or of this machine where the peer is on it. */
  readonly origins: readonly string[] | "any" | undefined;
  /** Octets of the largest message that is taken. */
  readonly maxMessageSize: number;
}

/** Where to listen, over what, and who gets what comes in. */
export interface ListenDuplexOptions extends TcpListenOptions {
  /** undefined: without TLS. */
  readonly tls: TlsSettings | undefined;
  /** Milliseconds for a TLS handshake. */
  readonly handshakeTimeout: number;
  /** undefined: no WebSocket. */
  readonly webSocket: WebSocketDoor | undefined;
}

/** Every bound that keeps memory and time finite whatever the peer sends, by name, with its default. */

const KiB = 1024;
const MiB = 1024 * KiB;

/** Bounds of a connection; a `LimitError` names the one that was reached. */
export interface Limits {
  /** Octets of the largest message that is taken, advertised on every attach (2.7.3); a link's own option wins. @default 16 MiB */
  maxMessageSize?: number | undefined;
  /** Octets received on a connection and not yet consumed; at it windows and credit are no longer replenished. @default 64 MiB */
  maxBufferedBytes?: number | undefined;
  /** Sends of a connection that wait for credit or socket; beyond, `send()` rejects with `queue-full`. @default 1_000_000 */
  maxPendingSends?: number | undefined;
  /** Octets of those sends, encoded; beyond, `send()` rejects with `queue-full`. @default 256 MiB */
  maxPendingBytes?: number | undefined;
  /** Of those sends, as many as may wait while there is no connection; with 0 a send fails at once then, not sent, with `queue-full`. What waits when the connection is lost stays. @default 1_000_000 */
  offlineQueue?: number | undefined;
  /** Deliveries of a link, one direction, that may be unsettled at once: sends then wait, and no more credit is given. @default 1_000_000 */
  maxUnsettled?: number | undefined;
  /** Requests of a requester that wait for their replies; beyond, `request()` rejects with `queue-full`. @default 100_000 */
  maxRequests?: number | undefined;
  /** Octets of a frame before the connection is authenticated, at least 512 (5.3.1 asks for 512; tokens need more). @default 8 KiB */
  maxSaslFrameSize?: number | undefined;
  /** Challenges of one SASL negotiation. @default 10 */
  maxSaslRounds?: number | undefined;
  /** Octets of the largest WebSocket message that is taken, or `maxFrameSize` where that is larger; it is buffered whole. @default 1 MiB */
  maxWebSocketMessageSize?: number | undefined;
  /** Links of a connection that the peer may attach over all its sessions. @default 16_384 */
  maxLinks?: number | undefined;
  /** Listening side: connections that are open at once. @default 16_384 */
  maxConnections?: number | undefined;
  /** Listening side: connections at once from one remote address; loopback is not counted. @default 1_024 */
  maxConnectionsPerAddress?: number | undefined;
  /** Listening side: connections that have not finished their handshake; later ones wait for their turn, 2 s at the most and ten times as many. @default 100 */
  maxHandshakes?: number | undefined;
  /**
   * Listening side: milliseconds that a link whose peer is gone may wait for it, as far as the peer's attach asks for that (3.5.6); our attach
   * tells what is granted. `never` is granted only where this is Infinity. @default 24 hours
   */
  maxTerminusTimeout?: number | undefined;
  /** Listening side: links that may outlive their connections, over all of the container, attached or not; what further ones ask for is not granted. @default 1_000 */
  maxSuspendedTermini?: number | undefined;
}

/** `Limits` with every entry there. */
export type ResolvedLimits = { readonly [K in keyof Limits]-?: number };

/** The limits of a connection that sets none. */
export const DEFAULT_LIMITS: ResolvedLimits = {
  maxMessageSize: 16 * MiB,
  maxBufferedBytes: 64 * MiB,
  maxPendingSends: 1_000_000,
  maxPendingBytes: 256 * MiB,
  offlineQueue: 1_000_000,
  maxUnsettled: 1_000_000,
  maxRequests: 100_000,
  maxSaslFrameSize: 8 * KiB,
  maxSaslRounds: 10,
  maxWebSocketMessageSize: MiB,
  maxLinks: 16_384,
  maxConnections: 16_384,
  maxConnectionsPerAddress: 1_024,
  maxHandshakes: 100,
  maxTerminusTimeout: 24 * 60 * 60 * 1000,
  maxSuspendedTermini: 1_000,
};

/** Octets of the largest frame that is taken after the open (2.7.1); a const of its own since it is an option of the connection. */
export const DEFAULT_MAX_FRAME_SIZE = 256 * KiB;

/** The highest channel that the peer may use (2.7.1): 64 sessions. */
export const DEFAULT_CHANNEL_MAX = 63;

/** The highest handle that the peer may use in a session (2.7.2): 256 links. */
export const DEFAULT_HANDLE_MAX = 255;

/** Transfer frames that a session announces as its outgoing window (2.5.6); the peer's incoming window is what binds. */
export const DEFAULT_OUTGOING_WINDOW = 2 ** 31 - 1;

/** Milliseconds of silence after which a peer counts as gone (2.4.5). */
export const DEFAULT_IDLE_TIMEOUT = 30_000;

/** Deliveries that a receiver keeps ahead of the one who takes them. */
export const DEFAULT_PREFETCH = 100;

/** Milliseconds that `receiveBatch` and `batches` collect for. */
export const DEFAULT_BATCH_WITHIN = 1_000;

/** Milliseconds that running handlers of `consume` get before their signal fires. */
export const DEFAULT_CONSUME_DRAIN = 15_000;

/** Settled deliveries that a sender with a store remembers. */
export const DEFAULT_KEEP_SETTLED = 100_000;

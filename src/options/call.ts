/** The bags that every call shares: how to give up on it, how to close, and how an error is written down. */

/** How one call may be given up. */
export interface CallOptions {
  /** Ends the waiting; the call rejects with `signal.reason`. */
  signal?: AbortSignal | undefined;
  /** Milliseconds that the call may take; 0 is at once, Infinity is no bound. @default the call's entry in `timeouts` */
  timeout?: number | undefined;
}

/** How an endpoint is closed. */
export interface CloseOptions extends CallOptions {
  /** Sent to the peer as the reason. */
  error?: ErrorInit | undefined;
  /** Milliseconds for flushing what was sent, within `timeout`; 0 drops it, Infinity is no bound of its own. */
  drain?: number | undefined;
}

/** An error as it goes to the peer (2.8.14). */
export interface ErrorInit {
  /** A symbol such as "amqp:not-found". */
  condition: string;
  description?: string | undefined;
  /** Keys are written as symbols. */
  info?: Record<string, unknown> | undefined;
}

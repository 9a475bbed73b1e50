/** How long each kind of call waits by default, and what a timer can hold. */

/** Milliseconds for each kind of call where it gives no `timeout` of its own; Infinity is no bound, 0 is at once. */
export interface Timeouts {
  /** Reaching a peer, over all urls: names, socket, TLS, SASL and the open. @default 30_000 */
  connect?: number | undefined;
  /** The peer's answer to our open or begin. @default 15_000 */
  open?: number | undefined;
  /** The peer's answer to our attach. @default 15_000 */
  attach?: number | undefined;
  /** The peer's answer to our detach, end or close, flushing included. @default 15_000 */
  close?: number | undefined;
  /** A send, from the call to its outcome. @default 60_000 */
  send?: number | undefined;
  /** A request, from the call to its reply. @default 60_000 */
  request?: number | undefined;
  /** Waiting for a message. @default Infinity */
  receive?: number | undefined;
  /** Listening side: from the accepted socket to the peer's open, all of it. @default 10_000 */
  handshake?: number | undefined;
  /** Listening side: the TLS handshake. @default 5_000 */
  tls?: number | undefined;
  /** Listening side: a link that nobody takes is refused after this. @default 10_000 */
  linkRequest?: number | undefined;
}

/** `Timeouts` with every entry there. */
export type ResolvedTimeouts = { readonly [K in keyof Timeouts]-?: number };

/** The timeouts of a container that sets none. */
export const DEFAULT_TIMEOUTS: ResolvedTimeouts = {
  connect: 30_000,
  open: 15_000,
  attach: 15_000,
  close: 15_000,
  send: 60_000,
  request: 60_000,
  receive: Infinity,
  handshake: 10_000,
  tls: 5_000,
  linkRequest: 10_000,
};

/** The longest delay, in milliseconds, that a timer of JavaScript keeps; a longer one would fire at once. */
export const MAX_TIMER_DELAY = 2 ** 31 - 1;

/** A delay that a timer can hold; undefined where the duration is without bound, so that no timer is needed. */
export function timerDelay(duration: number): number | undefined {
  if (duration === Infinity) return undefined;
  return Math.min(Math.max(0, Math.ceil(duration)), MAX_TIMER_DELAY);
}

/**
 * Idle time-out (§2.4.5, protocol.md H): when the peer counts as gone, and when it must hear from us. Pure: the time
 * comes in with every call, in milliseconds of a clock that only goes forward.
 */

/** The least idle time-out of a peer that we undertake to keep, in milliseconds. */
export const LEAST_PEER_IDLE = 500;

export class IdleWatch {
  /** Milliseconds of silence after which the peer counts as gone; Infinity is never. */
  readonly #threshold: number;
  /** Milliseconds between our own frames at the most. */
  #interval = Infinity;
  #heard: number;
  #said: number;

  constructor(threshold: number, now: number) {
    this.#threshold = threshold > 0 ? threshold : Infinity;
    this.#heard = now;
    this.#said = now;
  }

  /** What our open says: half of what we wait, so that a peer which is late by as much still lives; undefined is none. */
  get advertised(): number | undefined {
    if (this.#threshold === Infinity) return undefined;
    return Math.min(0xffffffff, Math.max(1, Math.floor(this.#threshold / 2)));
  }

  /** The peer's open asks for frames this often; 0 and undefined ask for none. */
  oblige(peerTimeOut: number | undefined): void {
    this.#interval = peerTimeOut === undefined || peerTimeOut === 0 ? Infinity : peerTimeOut / 2;
  }

  heard(now: number): void {
    this.#heard = now;
  }

  said(now: number): void {
    this.#said = now;
  }

  expired(now: number): boolean {
    return now - this.#heard >= this.#threshold;
  }

  /** Whether an empty frame is due. */
  silent(now: number): boolean {
    return now - this.#said >= this.#interval;
  }

  /** When to look again; Infinity is never. */
  get deadline(): number {
    return Math.min(this.#heard + this.#threshold, this.#said + this.#interval);
  }

  /** Milliseconds of silence so far, for the text of an error. */
  silence(now: number): number {
    return Math.round(now - this.#heard);
  }
}

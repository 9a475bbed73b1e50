/**
 * The windows of a session in both directions (§2.5.6): transfer frames by id, how many of them the peer takes, and how many
 * we take before the window is renewed. All ids are serial numbers that wrap.
 */

import { SessionCondition } from "../frames/condition.ts";
import type { Begin, Flow } from "../frames/performatives.ts";
import { serialDiff, serialLess } from "../util/serial.ts";
import { Breach } from "./breach.ts";

/** The most frames that a session lets come in before it renews its window. */
const LARGEST = 2048;
const LEAST = 16;
/** Sessions of one connection may together promise this many times its byte budget, if every frame were full. */
const OVERCOMMIT = 8;

/** What bounds a window that nobody chose. */
export interface WindowBounds {
  readonly maxBufferedBytes: number;
  readonly maxFrameSize: number;
  /** Sessions of the connection, this one counted: they share its byte budget. */
  readonly sessions: number;
  /** Our initial next-outgoing-id. @default 0 */
  readonly initialId?: number | undefined;
}

/**
 * A window that nobody chose holds no more full frames than the byte budget, and grows while the frames that come are smaller
 * than that: small messages need many of them to keep a connection busy.
 */
export class Windows {
  /** Transfer frames that the peer takes now. */
  remoteIncoming = 0;
  readonly #budget: number;
  readonly #least: number;
  readonly #most: number;
  readonly #outgoing: number;
  #size: number;
  #incoming: number;
  /** Frames that came since the window was renewed, and their octets. */
  #came = 0;
  #octets = 0;
  readonly #initialId: number;
  #nextOutgoingId: number;
  #nextIncomingId = 0;
  #begun = false;
  #shut = false;

  constructor(incoming: number | undefined, outgoing: number | undefined, { maxBufferedBytes, maxFrameSize, sessions, initialId = 0 }: WindowBounds) {
    const frames = Math.floor(maxBufferedBytes / maxFrameSize);
    const share = Math.max(LEAST, Math.min(LARGEST, Math.floor((frames * OVERCOMMIT) / sessions)));
    this.#budget = maxBufferedBytes;
    this.#most = incoming ?? share;
    this.#least = incoming ?? Math.max(LEAST, Math.min(frames, share));
    this.#size = this.#least;
    this.#outgoing = outgoing ?? LARGEST;
    this.#incoming = this.#size;
    this.#initialId = initialId;
    this.#nextOutgoingId = initialId;
  }

  /** Whether the window should be renewed, so that the peer never runs into its end. */
  get low(): boolean {
    return this.#incoming * 2 <= this.#size;
  }

  /** The part of a begin or flow that speaks of windows. */
  get fields(): Pick<Flow, "nextIncomingId" | "incomingWindow" | "nextOutgoingId" | "outgoingWindow"> {
    return {
      nextIncomingId: this.#begun ? this.#nextIncomingId : undefined, incomingWindow: this.#incoming,
      nextOutgoingId: this.#nextOutgoingId, outgoingWindow: this.#outgoing,
    };
  }

  handleBegin(begin: Begin): void {
    this.#begun = true;
    this.#nextIncomingId = begin.nextOutgoingId;
    if (!this.#shut) this.remoteIncoming = begin.incomingWindow;
  }

  /** Takes over what the peer's flow says; answers whether a window that was shut is open again. */
  handleFlow(flow: Flow): boolean {
    // A peer that has not seen our begin yet counts from our initial id.
    const base = flow.nextIncomingId ?? this.#initialId;
    if (serialLess(this.#nextOutgoingId, base)) {
      throw new Breach("session", SessionCondition.windowViolation,
        `flow names next-incoming-id ${base}, beyond our next-outgoing-id ${this.#nextOutgoingId}`);
    }
    if (this.#shut) return false;
    const had = this.remoteIncoming;
    this.remoteIncoming = Math.max(0, flow.incomingWindow - serialDiff(this.#nextOutgoingId, base));
    return had <= 0 && this.remoteIncoming > 0;
  }

  /** Nothing may be sent any more, whatever flows still come. */
  shut(): void {
    this.#shut = true;
    this.remoteIncoming = 0;
  }

  /** A transfer frame came in. */
  received(octets: number): void {
    if (this.#incoming === 0) {
      throw new Breach("session", SessionCondition.windowViolation, "a transfer came while the incoming-window was 0");
    }
    this.#incoming -= 1;
    this.#came += 1;
    this.#octets += octets;
    this.#nextIncomingId = (this.#nextIncomingId + 1) >>> 0;
  }

  /** A transfer frame is written. */
  sent(): void {
    this.#nextOutgoingId = (this.#nextOutgoingId + 1) >>> 0;
    this.remoteIncoming -= 1;
  }

  /** Opens the incoming window whole again. What was granted is never taken back: the peer may have it under way. */
  renew(): void {
    if (this.#came > 0) {
      const fitting = Math.floor((this.#budget * this.#came) / this.#octets);
      this.#size = Math.max(this.#least, Math.min(this.#most, fitting));
      this.#came = 0;
      this.#octets = 0;
    }
    this.#incoming = Math.max(this.#incoming, this.#size);
  }
}

/**
 * The windows of a session in both directions (§2.5.6): transfer frames by id, how many of them the peer takes, and how many
 * we take before the window is renewed. All ids are serial numbers that wrap. Frames whose payload waits to be read from a
 * stream count as still in the window, so that what is not read is bounded.
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
/**
 * Offered by receivers whose unread streams hold their session's window (the capability is ours: the standard has no word for it).
 * The other side then leaves a few frames of the window to the other links of the session, which go on while a stream is not read.
 */
export const UNREAD_HOLDS_WINDOW = "leptonmq:unread-holds-window";
/** Those frames. */
const RESERVE = 2;
/** Octets of streams that may wait unread in one session, and frames that its window then has at least. */
const UNREAD = 4 * 1024 * 1024;
const LEAST_UNREAD = 4;

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
  /** Whether messages of several frames leave a part of it to others. */
  reserves = false;
  readonly #fixed: boolean;
  readonly #bounds: WindowBounds;
  readonly #outgoing: number;
  #budget: number;
  #least: number;
  #most: number;
  #size: number;
  /** Frames that the peer may send by what it was told last, and by the most that it was ever told. */
  #incoming: number;
  #allowed: number;
  /** Whether frames wait to be read from streams, and how many do. */
  #narrow = false;
  #unread = 0;
  /** Frames that came since the window was renewed, and their octets; of a narrow one, those for streams. */
  #came = 0;
  #octets = 0;
  readonly #initialId: number;
  #nextOutgoingId: number;
  #nextIncomingId = 0;
  #begun = false;
  #shut = false;

  constructor(incoming: number | undefined, outgoing: number | undefined, bounds: WindowBounds) {
    const { maxBufferedBytes, maxFrameSize, sessions, initialId = 0 } = bounds;
    const frames = Math.floor(maxBufferedBytes / maxFrameSize);
    const share = Math.max(LEAST, Math.min(LARGEST, Math.floor((frames * OVERCOMMIT) / sessions)));
    this.#bounds = bounds;
    this.#fixed = incoming !== undefined;
    this.#budget = maxBufferedBytes;
    this.#most = incoming ?? share;
    this.#least = incoming ?? Math.max(LEAST, Math.min(frames, share));
    this.#size = this.#least;
    this.#outgoing = outgoing ?? LARGEST;
    this.#incoming = this.#size;
    this.#allowed = this.#size;
    this.#initialId = initialId;
    this.#nextOutgoingId = initialId;
  }

  /** Whether the window should be renewed, so that the peer never runs into its end. */
  get low(): boolean {
    const open = this.#size - this.#unread;
    return this.#incoming < open && this.#incoming * 2 <= open;
  }

  /** Frames of the peer's window that messages of several frames may use where there are other links. */
  get remoteShared(): number {
    return this.reserves ? this.remoteIncoming - RESERVE : this.remoteIncoming;
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

  /** Takes over what the peer's flow says; answers whether a window that was shut, or all but shut, is open again. */
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
    return had <= RESERVE && this.remoteIncoming > had;
  }

  /** Nothing may be sent any more, whatever flows still come. */
  shut(): void {
    this.#shut = true;
    this.remoteIncoming = 0;
  }

  /** A transfer frame came in. */
  received(octets: number): void {
    if (this.#allowed === 0) {
      throw new Breach("session", SessionCondition.windowViolation, "a transfer came while the incoming-window was 0");
    }
    this.#allowed -= 1;
    if (this.#incoming > 0) this.#incoming -= 1;
    if (!this.#narrow) this.#measure(octets);
    this.#nextIncomingId = (this.#nextIncomingId + 1) >>> 0;
  }

  /** A transfer frame is written. */
  sent(): void {
    this.#nextOutgoingId = (this.#nextOutgoingId + 1) >>> 0;
    this.remoteIncoming -= 1;
  }

  /**
   * Deliveries of this session are read as they come, from now on: the window holds no more than may wait unread. The peer hears
   * of it before it gets credit for the first of them, and is not at fault for what it had been granted before.
   * @param sessions of the connection with such deliveries, this one counted
   */
  narrow(sessions: number): void {
    if (this.#fixed) return;
    const { maxBufferedBytes, maxFrameSize } = this.#bounds;
    this.#narrow = true;
    this.#came = 0;
    this.#octets = 0;
    this.#budget = Math.min(UNREAD, Math.floor(maxBufferedBytes / 2 / sessions));
    this.#least = Math.max(LEAST_UNREAD, Math.floor(this.#budget / maxFrameSize));
    // Were it to grow as others do, a stream that stops being read when its frames become large would hold far too much.
    this.#most = this.#least * OVERCOMMIT;
    this.#size = Math.min(this.#size, this.#least);
    this.#incoming = Math.min(this.#incoming, this.#size);
  }

  /** A frame has come that waits to be read. */
  hold(octets: number): void {
    this.#unread += 1;
    if (this.#narrow) this.#measure(octets);
  }

  /** So many of them were read. */
  release(frames: number): void {
    this.#unread -= frames;
  }

  /**
   * Opens the incoming window again, less what waits unread. What was granted is never taken back: the peer may have it under way.
   * @param scarce opens it by a little only
   */
  renew(scarce = false): void {
    if (this.#came > 0) {
      const fitting = Math.floor((this.#budget * this.#came) / this.#octets);
      this.#size = Math.max(this.#least, Math.min(this.#most, fitting));
      this.#came = 0;
      this.#octets = 0;
    }
    const open = this.#size - this.#unread;
    this.#incoming = Math.max(this.#incoming, scarce ? Math.min(open, LEAST) : open);
    this.#allowed = Math.max(this.#allowed, this.#incoming);
  }

  #measure(octets: number): void {
    this.#came += 1;
    this.#octets += octets;
  }
}

/**
 * Pumps between an engine and its transport for the life of one socket: chunks in, one flush a turn out, ticks when they
 * are due. It knows nothing of sessions and links.
 */

import type { ConnectionEndpoint } from "../engine/connection.ts";
import type { Clock } from "../options/environment.ts";
import { timerDelay } from "../options/timeouts.ts";
import { nextTurn } from "../transport/next-turn.ts";
import type { ByteDuplex, DuplexSink } from "../transport/byte-duplex.ts";
import type { Segment, Slab } from "../util/slab.ts";

/** Octets that the transport may hold before large messages, and those who wait for the socket, wait. */
const HIGH_WATER = 1024 * 1024;
/** Octets that are still read of a peer to whom the last word is said. */
const LINGER = 256 * 1024;
/** Milliseconds that a peer gets to answer our last word before its socket is dropped. */
const GRACE = 1_000;

/** Who hears that the socket is gone, or has taken what it was given. */
export interface DriverOwner {
  /** Exactly once: with an error unless both sides had said close. */
  onTransportClosed(error: Error | undefined): void;
  /** What was written so far was handed to the transport, which is below its high-water mark. */
  onFlushed(): void;
  /** The transport holds more than its high-water mark; `onFlushed` comes when that is over. */
  onCongested(): void;
}

export class Driver implements DuplexSink {
  readonly duplex: ByteDuplex;
  readonly #clock: Clock;
  readonly #owner: DriverOwner;
  #endpoint!: ConnectionEndpoint;
  #scheduled = false;
  #closed = false;
  #finishing = false;
  #abandoned = false;
  /** Octets that came after our last word. */
  #excess = 0;
  #timer: { cancel(): void } | undefined = undefined;
  #timerAt = Infinity;
  #grace: { cancel(): void } | undefined = undefined;
  #now = -1;
  /** Octets handed to the transport so far, on the scale of the output's `total`. */
  flushed = 0;

  constructor(duplex: ByteDuplex, clock: Clock, owner: DriverOwner) {
    this.duplex = duplex;
    this.#clock = clock;
    this.#owner = owner;
  }

  start(endpoint: ConnectionEndpoint): void {
    this.#endpoint = endpoint;
    this.duplex.start(this);
    this.schedule();
    this.#arm();
  }

  get congested(): boolean {
    return this.duplex.writableLength >= HIGH_WATER;
  }

  /** The clock's time, read once a turn: the flush at its end forgets it. */
  turnTime(): number {
    if (this.#now < 0) {
      this.#now = this.#clock.now();
      this.schedule();
    }
    return this.#now;
  }

  /** There is something to write: at the end of this turn. */
  schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    nextTurn(this.#flushLater);
  }

  readonly #flushLater = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  /** Writes all that is ready now. */
  flush(): void {
    this.#now = -1;
    if (this.#closed) return;
    const endpoint = this.#endpoint;
    endpoint.congested = this.congested;
    this.#write(endpoint.takeOutput(this.#clock.now()));
    this.#afterFlush();
  }

  /** A slab is full: its bytes need not wait for the end of the turn. */
  flushFull(): void {
    if (this.#closed) return;
    this.#write(this.#endpoint.output.take());
  }

  /** The engine's deadline may have moved. */
  rearm(): void {
    if (this.#endpoint.finished) this.#finish();
    else if (this.#endpoint.deadline < this.#timerAt) this.#arm();
  }

  /** Drops the socket; what was not sent is lost. */
  destroy(): void {
    this.duplex.destroy();
  }

  // ---------------------------------------------------------------- DuplexSink

  onData(chunk: Uint8Array): void {
    if (this.#grace !== undefined) {
      // Our last word arrives only if its are read; whoever goes on and on is not read for ever.
      this.#excess += chunk.length;
      if (this.#excess > LINGER) this.duplex.pause();
    }
    if (this.#abandoned || this.#finishing) return;
    this.#endpoint.handleBytes(chunk, this.#clock.now());
    this.rearm();
  }

  onDrain(): void {
    if (this.#closed || this.#abandoned) return;
    this.#endpoint.handleWritable();
    this.#afterFlush();
  }

  onEnd(): void {
    // Half-open connections are of no use to AMQP: the peer cannot answer any more.
    this.flush();
    this.duplex.end();
    this.#armGrace();
  }

  onClose(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#grace?.cancel();
    if (!this.#abandoned) this.#owner.onTransportClosed(error);
  }

  // ---------------------------------------------------------------- private

  #write(segments: readonly Segment[]): void {
    const { pool } = this.#endpoint.output;
    const { duplex } = this;
    const many = segments.length > 1;
    if (many) duplex.cork?.();
    for (const { slab, bytes } of segments) {
      this.flushed += bytes.length;
      duplex.write(bytes, slab === undefined ? nothing : () => pool.release(slab as Slab));
    }
    if (many) duplex.uncork?.();
  }

  #afterFlush(): void {
    if (this.#abandoned) return;
    if (this.congested) this.#owner.onCongested();
    else this.#owner.onFlushed();
    if (this.#endpoint.finished) this.#finish();
  }

  /** The last word is said: the socket ends when it has left, and is dropped if the peer does not follow. */
  #finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    this.#write(this.#endpoint.takeOutput(this.#clock.now()));
    this.duplex.end();
    this.#armGrace();
  }

  /** The connection is of no more use: what is written leaves, and the peer gets a little time for its last word. */
  awaitEnd(): void {
    if (this.#closed) return;
    this.flush();
    this.#armGrace();
  }

  /** The connection goes on without this socket: its last word leaves, and what it still brings is nobody's. */
  abandon(): void {
    this.awaitEnd();
    this.#abandoned = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #armGrace(): void {
    this.#grace ??= this.#clock.setTimer(GRACE, () => this.duplex.destroy());
  }

  #arm(): void {
    const { deadline } = this.#endpoint;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = deadline;
    if (deadline === Infinity || this.#closed || this.#abandoned) return;
    const delay = timerDelay(deadline - this.#clock.now()) ?? 0;
    this.#timer = this.#clock.setTimer(delay, () => {
      this.#timer = undefined;
      this.#timerAt = Infinity;
      // After a stall of this program the peer's frames may lie unread in the socket: they are read first, since
      // input comes before the next turn.
      nextTurn(() => {
        if (this.#closed) return;
        this.#endpoint.handleTick(this.#clock.now());
        this.#arm();
      });
    });
  }
}

function nothing(): void {
  // The bytes are the user's: nobody waits for them.
}

/**
 * Two engines back to back in memory, without sockets, timers or promises: bytes move when `pump` is called and time
 * passes by `advance`, so that a run with the same calls is the same run, octet by octet.
 */

import { allocate } from "#platform";

import type { ConnectionSettings, ConnectionSink } from "../engine/connection.ts";
import { ConnectionEndpoint } from "../engine/connection.ts";
import type { Bytes } from "../util/bytes.ts";
import { SlabPool } from "../util/slab.ts";

/** Rounds of `pump` and ticks of `advance` after which two engines count as talking without end. */
const ENDLESS = 100_000;

/** Which of the two. */
export type PairSide = "client" | "server";

/** What one of the two is made of. */
export interface PairEnd {
  readonly settings: ConnectionSettings;
  readonly sink: ConnectionSink;
}

export interface EnginePairOptions {
  readonly client: PairEnd;
  readonly server: PairEnd;
  /** Octets of the pieces in which bytes arrive, used in turn, over and over. @default everything in one piece */
  readonly split?: readonly number[] | undefined;
  /** Milliseconds that the clock shows at first. @default 0 */
  readonly now?: number | undefined;
}

/** Two engines and the wire between them. */
export class EnginePair {
  readonly client: ConnectionEndpoint;
  readonly server: ConnectionEndpoint;
  /** Milliseconds on the clock of both. */
  now: number;
  /** Sides whose bytes are lost on their way, as on a wire that was cut without notice. */
  readonly mute = new Set<PairSide>();
  readonly #split: readonly number[];
  #pieces = 0;
  readonly #sent: Record<PairSide, Bytes[]> = { client: [], server: [] };

  constructor(options: EnginePairOptions) {
    this.now = options.now ?? 0;
    this.#split = options.split ?? [];
    this.client = new ConnectionEndpoint(options.client.settings, options.client.sink, this.now);
    this.server = new ConnectionEndpoint(options.server.settings, options.server.sink, this.now);
  }

  /** Moves bytes both ways until neither has any. Answers how many octets that were. */
  pump(): number {
    let octets = 0;
    for (let round = 0; round < ENDLESS; round++) {
      const moved = this.move("client") + this.move("server");
      if (moved === 0) return octets;
      octets += moved;
    }
    throw new Error("the two engines have been talking without end");
  }

  /** Moves what one side has ready now, once. Answers how many octets that were. */
  move(from: PairSide): number {
    const bytes = taken(this[from], this.now);
    if (bytes.length === 0) return 0;
    this.#sent[from].push(bytes);
    if (!this.mute.has(from)) this.#deliver(bytes, from === "client" ? this.server : this.client);
    return bytes.length;
  }

  /** Lets `ms` milliseconds pass: each engine ticks when its deadline has come, and bytes move after every tick. */
  advance(ms: number): void {
    const target = this.now + ms;
    for (let tick = 0; tick < ENDLESS; tick++) {
      const due = Math.min(this.client.deadline, this.server.deadline);
      if (due > target) {
        this.now = target;
        return;
      }
      this.now = Math.max(this.now, due);
      this.client.handleTick(this.now);
      this.server.handleTick(this.now);
      this.pump();
    }
    throw new Error(`a deadline stays at ${Math.min(this.client.deadline, this.server.deadline)} ms`);
  }

  /** Everything that a side has sent since the beginning. */
  sent(side: PairSide): Bytes {
    return joined(this.#sent[side]);
  }

  #deliver(bytes: Bytes, to: ConnectionEndpoint): void {
    for (let at = 0; at < bytes.length;) {
      const size = this.#split.length === 0 ? bytes.length : this.#split[this.#pieces++ % this.#split.length] as number;
      // Chunks belong to their receiver: each is a copy of its own.
      to.handleBytes(bytes.slice(at, at + size), this.now);
      at += size;
    }
  }
}

/** What an engine has ready to be written, copied; its slabs are released as by a transport that has taken the bytes. */
export function taken(endpoint: ConnectionEndpoint, now: number): Bytes {
  const segments = endpoint.takeOutput(now);
  const bytes = joined(segments.map((segment) => segment.bytes));
  for (const { slab } of segments) if (slab !== undefined) endpoint.output.pool.release(slab);
  return bytes;
}

/** Settings that a pair works with, where no others are given: no SASL, sessions and links from either side. */
export function pairSettings(side: PairSide, settings: Partial<ConnectionSettings> = {}): ConnectionSettings {
  return {
    side, open: { containerId: side }, maxFrameSize: 256 * 1024, channelMax: 1023, idleTimeout: 0, maxBufferedBytes: 64 * 1024 * 1024,
    sasl: undefined, pool: new SlabPool(allocate), acceptSessions: true, ...settings,
  };
}

function joined(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * One direction of a connection through a fault proxy: takes octets from one socket and gives them to the other in their order, as
 * late, as slowly and in as small pieces as the line's faults say. While it holds much it reads nothing, so that the pressure
 * of a peer that does not read, or of a line that is down, is felt at the other end.
 */

import type { Socket } from "node:net";
import type { Clock } from "../options/environment.ts";

/** Octets held at which no more are read. */
const MOST_HELD = 64 * 1024;
/** With a bound on the rate, each piece is what passes in so many milliseconds. */
const RATE_STEP = 20;

/** What is wrong with one direction of the line; shared by all connections, and changed while they run. */
export interface LineFaults {
  paused: boolean;
  /** Milliseconds. */
  delay: number;
  /** Octets of the largest piece; Infinity for pieces as they come. */
  slice: number;
  /** Octets a second; Infinity for no bound. */
  rate: number;
  /** How many more octets pass before the connection with the last of them is cut; Infinity for none. */
  budget: number;
  /** Octets that have passed. */
  passed: number;
}

/** What a pipe tells its connection. */
export interface PipeOwner {
  /** The last octet that may pass has passed. */
  spent(): void;
  /** The source broke off, and all that it had said has passed. */
  broken(): void;
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly due: number;
}

export class FaultyPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: LineFaults;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #owner: PipeOwner;
  readonly #chunks: Chunk[] = [];
  #held = 0;
  /** Octets of the present piece that are still to be drawn from the chunks; pieces end at the same octets whatever chunks come. */
  #piece = 0;
  #busy = false;
  #timer: { cancel(): void } | undefined = undefined;
  #ended: "no" | "end" | "broken" = "no";
  #finDue = 0;
  #stopped = false;

  /** @param random where pieces end */
  constructor(from: Socket, to: Socket, faults: LineFaults, clock: Clock, random: () => number, owner: PipeOwner) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#clock = clock;
    this.#random = random;
    this.#owner = owner;
    from.on("data", (bytes: Uint8Array) => this.#take(bytes));
    from.on("end", () => this.#over("end"));
    from.on("close", (hadError) => { if (hadError || this.#ended === "no") this.#over("broken"); });
  }

  /** Goes on where the faults let it: after they have changed. */
  proceed(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pump();
  }

  /** Passes nothing more; what comes is read and thrown away. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#chunks.length = 0;
    this.#held = 0;
    this.#from.resume();
  }

  #take(bytes: Uint8Array): void {
    if (this.#stopped) return;
    this.#chunks.push({ bytes, due: this.#clock.now() + this.#faults.delay });
    this.#held += bytes.length;
    if (this.#held >= MOST_HELD) this.#from.pause();
    this.#pump();
  }

  #over(how: "end" | "broken"): void {
    this.#ended = how;
    this.#finDue = this.#clock.now() + this.#faults.delay;
    this.#pump();
  }

  #pump(): void {
    if (this.#stopped || this.#busy || this.#faults.paused || this.#timer !== undefined) return;
    const chunk = this.#chunks[0];
    if (chunk === undefined && this.#ended === "no") return;
    const wait = (chunk?.due ?? this.#finDue) - this.#clock.now();
    if (wait > 0) this.#wait(wait);
    else if (chunk !== undefined) this.#pass(chunk);
    else this.#passEnd();
  }

  #wait(ms: number): void {
    this.#timer = this.#clock.setTimer(ms, () => {
      this.#timer = undefined;
      this.#pump();
    });
  }

  #pass(chunk: Chunk): void {
    const faults = this.#faults;
    const sliced = faults.slice !== Infinity;
    if (sliced && this.#piece === 0) this.#piece = 1 + Math.floor(this.#random() * faults.slice);
    const slow = faults.rate === Infinity ? Infinity : Math.max(1, Math.floor(faults.rate * RATE_STEP / 1000));
    const size = Math.min(chunk.bytes.length, sliced ? this.#piece : Infinity, slow, faults.budget);
    if (sliced) this.#piece -= size;
    if (size === chunk.bytes.length) this.#chunks.shift();
    else this.#chunks[0] = { bytes: chunk.bytes.subarray(size), due: chunk.due };
    this.#held -= size;
    faults.budget -= size;
    const last = faults.budget === 0;
    this.#busy = true;
    this.#to.write(chunk.bytes.subarray(0, size), (error) => {
      this.#busy = false;
      if (error === null || error === undefined) faults.passed += size;
      if (last) {
        faults.budget = Infinity;
        if (!this.#stopped) this.#owner.spent();
      } else this.#passed(size, sliced);
    });
  }

  #passed(size: number, sliced: boolean): void {
    if (this.#stopped) return;
    if (this.#held < MOST_HELD) this.#from.resume();
    const { rate } = this.#faults;
    if (rate !== Infinity) this.#wait(size * 1000 / rate);
    else if (sliced) setImmediate(() => this.#pump());
    else this.#pump();
  }

  #passEnd(): void {
    if (this.#ended === "broken") this.#owner.broken();
    else {
      this.#stopped = true;
      this.#to.end();
    }
  }
}

/**
 * What one side of a run measures: it begins `warmUp` ms after its first message and lasts `measure` ms; messages go on for a while
 * after it, so that the other side's window is full too. proton.cpp has the same rules.
 */

import type { Side } from "./side.ts";

/** What one side prints when it is done. */
export interface SideResult {
  /** Messages within the window. */
  readonly messages: number;
  /** How long the window was. */
  readonly seconds: number;
  /** User and system time of the process within the window, in microseconds. */
  readonly cpu: number;
  /** All messages, warm-up and tail included. */
  readonly total: number;
  /** Octets of all bodies; 0 where a receiver only counts. */
  readonly bytes: number;
  /** The most memory that the process ever had, in KiB. */
  readonly rss: number;
  /** Microseconds from a send to its settlement, of those that began within the window. */
  readonly p50?: number | undefined;
  readonly p99?: number | undefined;
}

/** One side's window. */
export class Meter {
  /** The window and the time after it have passed: a sender stops. */
  over = false;
  /** The window is open. */
  measuring = false;
  readonly #mask: number;
  readonly #opens: number;
  readonly #closes: number;
  readonly #ends: number;
  #start = -1;
  #at = 0;
  #cpu = 0;
  #count = 0;
  #messages = 0;
  #seconds = 0;
  #used = 0;
  readonly #latencies: number[] = [];

  constructor(side: Side) {
    this.#mask = side.stride - 1;
    this.#opens = side.warmUp;
    this.#closes = side.warmUp + side.measure;
    this.#ends = side.warmUp + side.measure + side.tail;
  }

  /** The first message is about to leave, or has come; later calls do nothing. */
  begin(): void {
    if (this.#start < 0) this.#start = performance.now();
  }

  /** `count` messages are through; looks at the clock for every `stride`th. */
  tick(count: number): void {
    if ((count & this.#mask) === 0) this.look(count);
  }

  /** Looks at the clock at once. */
  look(count: number): void {
    const now = performance.now();
    const passed = now - this.#start;
    if (this.measuring) {
      if (passed >= this.#closes) this.#close(now, count);
    } else if (passed >= this.#opens && passed < this.#closes && this.#at === 0) {
      this.measuring = true;
      this.#at = now;
      this.#cpu = cpu();
      this.#count = count;
    }
    if (passed >= this.#ends) this.over = true;
  }

  /** A round trip took so many milliseconds. */
  latency(time: number): void {
    if (this.measuring) this.#latencies.push(time * 1000);
  }

  result(total: number, bytes: number): SideResult {
    if (this.measuring) this.#close(performance.now(), total);
    const sorted = this.#latencies.sort((a, b) => a - b);
    const at = (share: number): number | undefined => sorted[Math.floor(sorted.length * share)];
    return {
      messages: this.#messages, seconds: this.#seconds, cpu: this.#used, total, bytes, rss: process.resourceUsage().maxRSS,
      p50: at(0.5), p99: at(0.99),
    };
  }

  #close(now: number, count: number): void {
    this.measuring = false;
    this.#messages = count - this.#count;
    this.#seconds = (now - this.#at) / 1000;
    this.#used = cpu() - this.#cpu;
  }
}

function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

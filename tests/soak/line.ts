/**
 * The line between the two programs of a soak: a TCP relay that breaks in the ways in which networks do. What it does is decided by
 * whoever holds it; nothing here is random.
 */

import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";

/** Milliseconds by which octets are late on a slow line. */
const LATE = 200;

/** What is on its way, in one direction. */
type Later = { readonly due: number; act(): void }[];

export class Line {
  readonly port: number;
  readonly #server: Server;
  readonly #target: number;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #paused: "no" | "both" | "up" | "down" = "no";
  #late = false;

  private constructor(server: Server, port: number, target: number) {
    this.#server = server;
    this.port = port;
    this.#target = target;
  }

  /** Listens on a free port of this machine and relays to `target`. */
  static async start(target: number): Promise<Line> {
    const early: Socket[] = [];
    let take = (socket: Socket): void => void early.push(socket);
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => take(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const line = new Line(server, (server.address() as AddressInfo).port, target);
    take = (socket) => line.#join(socket);
    early.forEach(take);
    return line;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Breaks all connections off. */
  cut(how: "rst" | "fin"): void {
    for (const pair of this.#pairs) for (const socket of pair) how === "rst" ? socket.resetAndDestroy() : socket.destroy();
  }

  /** Nothing goes through, one way or both, and nobody is told. */
  pause(way: "both" | "up" | "down" = "both"): void {
    this.#paused = way;
    for (const pair of this.#pairs) this.#apply(pair);
  }

  resume(): void {
    this.#paused = "no";
    for (const pair of this.#pairs) this.#apply(pair);
  }

  /** Whether each octet takes a fifth of a second longer. */
  slow(late: boolean): void {
    this.#late = late;
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut("rst");
    await closed;
  }

  #join(near: Socket): void {
    const far = connect({ host: "127.0.0.1", port: this.#target, allowHalfOpen: true, noDelay: true });
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [[near, far], [far, near]] as const) {
      const later: Later = [];
      from.on("data", (chunk: Uint8Array) => this.#pass(later, () => {
        if (!to.destroyed && !to.write(chunk)) from.pause();
      }));
      from.on("end", () => this.#pass(later, () => void to.end()));
      to.on("drain", () => this.#apply(pair));
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    this.#apply(pair);
  }

  /** What comes after something that is late waits for it, so that the order stays. */
  #pass(later: Later, act: () => void): void {
    if (!this.#late && later.length === 0) {
      act();
      return;
    }
    later.push({ due: performance.now() + (this.#late ? LATE : 0), act });
    if (later.length === 1) this.#wait(later);
  }

  #wait(later: Later): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const now = performance.now();
      while ((later[0]?.due ?? Infinity) <= now) later.shift()?.act();
      if (later.length !== 0) this.#wait(later);
    }, Math.max(1, (later[0]?.due ?? 0) - performance.now()));
    this.#timers.add(timer);
  }

  #apply([near, far]: readonly [Socket, Socket]): void {
    const up = this.#paused === "both" || this.#paused === "up" || far.writableNeedDrain;
    const down = this.#paused === "both" || this.#paused === "down" || near.writableNeedDrain;
    if (up) near.pause();
    else near.resume();
    if (down) far.pause();
    else far.resume();
  }
}

/**
 * A TCP proxy that breaks what goes through it on purpose: it cuts, stalls, delays, slows down and slices, at an exact octet where it is
 * told so. It sees octets only, so TLS and WebSocket go through it as well as plain AMQP. For the same seed pieces end at the same octets.
 */

import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { systemClock } from "../container/clock.ts";
import { ConfigError } from "../errors.ts";
import type { Clock } from "../options/environment.ts";
import { parseUrl } from "../options/url.ts";
import { listenError } from "../transport/socket-errors.ts";
import { FaultyPipe } from "./faulty-pipe.ts";
import type { LineFaults } from "./faulty-pipe.ts";
import { seededRandom } from "./random.ts";
import { resetNow } from "./reset.ts";

/** A direction through the proxy: `up` from the client to the target, `down` back. */
export type FaultDirection = "up" | "down";

/** Options of a fault proxy. */
export interface FaultProxyOptions {
  /** What decides where pieces end, see `slice`. @default 1 */
  seed?: number | undefined;
  /** The port on 127.0.0.1. @default 0: any that is free */
  port?: number | undefined;
  /** The time of `delay` and `bandwidth`. @default the system's */
  clock?: Clock | undefined;
}

/** Milliseconds that both ends have to close after a cut by FIN. */
const GRACE = 1_000;

/** A line between a client and a listener that can be broken in every way a network can. */
export class FaultProxy implements AsyncDisposable {
  /** What `start` was given, to be printed with a failure. */
  readonly seed: number;
  readonly #url: string;
  readonly #host: string;
  readonly #port: number;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #lines = new Set<Line>();
  readonly #up = noFaults();
  readonly #down = noFaults();
  #how: "fin" | "rst" = "rst";
  #accepted = 0;
  #cuts = 0;
  #closing: Promise<void> | undefined;

  private constructor(target: { host: string; port: number; url(port: number): string }, server: Server, port: number, options: FaultProxyOptions) {
    this.seed = options.seed ?? 1;
    this.#host = target.host;
    this.#port = target.port;
    this.#url = target.url(port);
    this.#clock = options.clock ?? systemClock;
    this.#server = server;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /**
   * Listens on 127.0.0.1 and connects each client to the target.
   * @param target an amqp, amqps, ws or wss url
   * @throws ConfigError `config` for a url that is none; ConnectionError `listen-failed`
   */
  static async start(target: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
    const place = placeOf(target);
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const wanted = { host: "127.0.0.1", port: options.port ?? 0 };
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) => reject(listenError(error, wanted)));
      server.listen(wanted, resolve);
    });
    const address = server.address();
    return new FaultProxy(place, server, typeof address === "object" && address !== null ? address.port : wanted.port, options);
  }

  /** The target's url with the proxy's host and port: connect to this one. A user and password in it are the target's. */
  get url(): string {
    return this.#url;
  }

  /** How many connections were accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many connections are open. */
  get open(): number {
    return this.#lines.size;
  }

  /** How many connections were cut so far, by `cut` or `cutAfter`. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Octets that have passed so far, over all connections. */
  get passed(): Readonly<Record<FaultDirection, number>> {
    return { up: this.#up.passed, down: this.#down.passed };
  }

  /** Cuts every open connection at both ends, by a reset or in good order. What has not passed is lost. @param how default "rst" */
  cut(how: "fin" | "rst" = "rst"): void {
    for (const line of this.#lines) if (line.cut(how)) this.#cuts += 1;
  }

  /**
   * Lets `bytes` more octets of that direction pass, over all connections, and cuts the connection with the last of them. With 0 the next
   * connection is cut as it comes. One cut for each direction can be waiting; Infinity takes it back.
   * @param direction default "up"
   * @param how default "rst"
   */
  cutAfter(bytes: number, direction: FaultDirection = "up", how: "fin" | "rst" = "rst"): void {
    atLeast(bytes, 0, "cutAfter");
    this.#how = how;
    for (const faults of this.#faultsOf(direction)) faults.budget = bytes;
  }

  /** Ends one direction of every open connection in good order (FIN); the other goes on. @param direction `down`: the client sees the end */
  halfClose(direction: FaultDirection): void {
    for (const line of this.#lines) line.halfClose(direction);
  }

  /**
   * Lets nothing pass, also on connections that come later: as a network that loses every packet of that direction, which TCP keeps trying
   * to send. Neither ends nor resets pass either. @param direction default "both"
   */
  pause(direction: FaultDirection | "both" = "both"): void {
    for (const faults of this.#faultsOf(direction)) faults.paused = true;
  }

  /** Undoes `pause`: what was held passes. */
  resume(): void {
    this.#change((faults) => { faults.paused = false; });
  }

  /** Holds every octet back so many milliseconds, from the next on; 0 undoes it. */
  delay(ms: number): void {
    atLeast(ms, 0, "delay");
    this.#change((faults) => { faults.delay = ms; });
  }

  /** Passes pieces of 1 to `most` octets, drawn from the seed; Infinity undoes it. */
  slice(most: number): void {
    atLeast(most, 1, "slice");
    this.#change((faults) => { faults.slice = most; });
  }

  /** Lets at most so many octets a second pass in each direction of each connection; Infinity undoes it. */
  bandwidth(bytesPerSecond: number): void {
    atLeast(bytesPerSecond, 1, "bandwidth");
    this.#change((faults) => { faults.rate = bytesPerSecond; });
  }

  /** Stops listening and resets what is open. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      const closed = new Promise((resolve) => this.#server.close(resolve));
      await Promise.all([...this.#lines].map((line) => line.end()));
      await closed;
    })();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(client: Socket): void {
    const number = this.#accepted++;
    const target = connect({ host: this.#host, port: this.#port, allowHalfOpen: true, noDelay: true });
    const spent = (): void => { if (line.cut(this.#how)) this.#cuts += 1; };
    const line = new Line(client, target, { up: this.#up, down: this.#down }, this.#clock, this.seed + 2 * number, spent, () => this.#lines.delete(line));
    this.#lines.add(line);
    for (const faults of [this.#up, this.#down]) {
      if (faults.budget !== 0) continue;
      faults.budget = Infinity;
      spent();
    }
  }

  #faultsOf(direction: FaultDirection | "both"): LineFaults[] {
    return direction === "both" ? [this.#up, this.#down] : [direction === "up" ? this.#up : this.#down];
  }

  #change(change: (faults: LineFaults) => void): void {
    change(this.#up);
    change(this.#down);
    for (const line of this.#lines) line.proceed();
  }
}

/** One connection through the proxy: two sockets and what passes between them. */
class Line {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #up: FaultyPipe;
  readonly #down: FaultyPipe;
  readonly #gone: Promise<unknown>;
  #cut = false;

  constructor(client: Socket, target: Socket, faults: { up: LineFaults; down: LineFaults }, clock: Clock, seed: number, spent: () => void, onGone: () => void) {
    this.#client = client;
    this.#target = target;
    const owner = { spent, broken: () => void this.cut("rst") };
    for (const socket of [client, target]) socket.on("error", () => undefined); // its close follows, and tells it
    this.#gone = Promise.all([client, target].map((socket) => new Promise((resolve) => socket.once("close", resolve)))).then(onGone);
    this.#up = new FaultyPipe(client, target, faults.up, clock, seededRandom(seed), owner);
    this.#down = new FaultyPipe(target, client, faults.down, clock, seededRandom(seed + 1), owner);
  }

  /** @returns whether it was still whole */
  cut(how: "fin" | "rst"): boolean {
    if (this.#cut) return false;
    this.#cut = true;
    this.#up.stop();
    this.#down.stop();
    if (how === "rst") this.#reset();
    else {
      this.#client.end();
      this.#target.end();
      const timer = setTimeout(() => this.#reset(), GRACE);
      void this.#gone.then(() => clearTimeout(timer));
    }
    return true;
  }

  halfClose(direction: FaultDirection): void {
    (direction === "up" ? this.#up : this.#down).stop();
    (direction === "up" ? this.#target : this.#client).end();
  }

  proceed(): void {
    this.#up.proceed();
    this.#down.proceed();
  }

  async end(): Promise<void> {
    this.#cut = true;
    this.#up.stop();
    this.#down.stop();
    this.#reset();
    await this.#gone;
  }

  #reset(): void {
    resetNow(this.#client);
    resetNow(this.#target);
  }
}

function noFaults(): LineFaults {
  return { paused: false, delay: 0, slice: Infinity, rate: Infinity, budget: Infinity, passed: 0 };
}

/** Where the target is, and its url as seen through a proxy on `port`. A target on localhost keeps that name, for its certificate. */
function placeOf(target: string): { host: string; port: number; url(port: number): string } {
  const { host, port } = parseUrl(target, { name: "FaultProxy.start()" });
  const [, head = "", rest = ""] = /^([a-z]+:\/\/(?:[^/?]*@)?)[^/?]*(.*)$/is.exec(target) ?? [];
  const shown = host === "localhost" ? host : "127.0.0.1";
  return { host, port, url: (own) => `${head}${shown}:${own}${rest}` };
}

function atLeast(value: number, least: number, what: string): void {
  if (!(value >= least)) throw new ConfigError(`${what}(): a number of at least ${least} is needed`, { code: "config", scope: "container" });
}

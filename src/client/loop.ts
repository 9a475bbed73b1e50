/**
 * `for await` over a receiver and its bounded form `take`. A delivery is accepted when the next one is asked for; left
 * early, by whatever, the loop gives the one in hand back (api.md, Loops).
 */

import type { AmqpError } from "../errors.ts";
import { DecodeError } from "../errors.ts";
import type { Clock } from "../options/environment.ts";
import type { TakeOptions } from "../options/link.ts";
import { timerDelay } from "../options/timeouts.ts";
import type { Demand } from "./credit.ts";
import type { ClientIncoming } from "./incoming.ts";

/** Somebody who waits for a delivery. */
export interface Taker {
  give(delivery: ClientIncoming): void;
  /** None will come: the link is over or was stopped. */
  end(): void;
}

/** What a loop needs of its receiver. */
export interface LoopOwner {
  /** Whether going on accepts the delivery in hand; "elsewhere": whoever took it settles it in his own time. */
  readonly autoAccept: boolean | "elsewhere";
  /** The error that ended the link. */
  readonly failure: AmqpError | undefined;
  /** Why nothing more will come, if so. */
  readonly over: AmqpError | undefined;
  tryTake(): ClientIncoming | undefined;
  await(taker: Taker): void;
  forsake(taker: Taker): void;
  demand(limit: number): Demand;
  /** Drains; answers whether the queue's end was reached. */
  drainOnce(): Promise<boolean>;
  readonly stopped: number;
  /** Calls the listener when the receiver is stopped or its link is over; answers how to forget it. */
  onEnd(listener: () => void): () => void;
}

type Result = IteratorResult<ClientIncoming>;

export class ReceiverLoop implements AsyncIterator<ClientIncoming>, Taker {
  readonly #receiver: LoopOwner;
  readonly #options: TakeOptions;
  readonly #clock: Clock;
  readonly #demand: Demand;
  /** How often the receiver had been stopped when this began. */
  readonly #stops: number;
  #hand: ClientIncoming | undefined = undefined;
  #left: number;
  #over = false;
  #waiting: ((result: Result | Promise<Result>) => void) | undefined = undefined;
  #idleTimer: { cancel(): void } | undefined = undefined;
  #idleSince = 0;
  /** How often it waited: a drain that began in a former wait says nothing about this one. */
  #waits = 0;

  constructor(receiver: LoopOwner, options: TakeOptions, clock: Clock) {
    this.#receiver = receiver;
    this.#options = options;
    this.#clock = clock;
    this.#left = options.max ?? Infinity;
    this.#stops = receiver.stopped;
    this.#demand = receiver.demand(this.#left);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  next(): Promise<Result> {
    this.#accept();
    if (this.#over) return this.#end();
    if (this.#left <= 0 || this.#options.signal?.aborted === true) return this.#leave();
    const delivery = this.#receiver.stopped === this.#stops ? this.#receiver.tryTake() : undefined;
    if (delivery !== undefined) return Promise.resolve(this.#take(delivery));
    if (this.#receiver.over !== undefined || this.#receiver.stopped !== this.#stops) return this.#leave();
    return this.#wait();
  }

  return(): Promise<Result> {
    const hand = this.#hand;
    this.#hand = undefined;
    if (hand !== undefined && !hand.disposed) {
      if (isUndecodable(hand)) hand.rejectUndecodable();
      else void hand.modify({ deliveryFailed: true });
    }
    hand?.letGo();
    this.#finish();
    return Promise.resolve({ value: undefined, done: true });
  }

  // ---------------------------------------------------------------- Taker

  give(delivery: ClientIncoming): void {
    const waiting = this.#waiting as (result: Result) => void;
    this.#waiting = undefined;
    waiting(this.#take(delivery));
  }

  end(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(this.#leave());
  }

  // ---------------------------------------------------------------- private

  #take(delivery: ClientIncoming): Result {
    this.#hand = delivery;
    this.#left -= 1;
    this.#demand.limit = this.#left;
    return { value: delivery, done: false };
  }

  #accept(): void {
    const hand = this.#hand;
    if (hand === undefined) return;
    this.#hand = undefined;
    const { autoAccept } = this.#receiver;
    if (autoAccept === "elsewhere") return;
    void hand.goOn(autoAccept);
  }

  #wait(): Promise<Result> {
    return new Promise<Result>((resolve) => {
      this.#waiting = resolve;
      this.#waits += 1;
      this.#receiver.await(this);
      if (this.#options.drain === true) this.#drain();
      if (this.#options.idle !== undefined) this.#watchIdle(this.#options.idle);
    });
  }

  /** The queue's end is where a drain leaves credit unused. */
  #drain(): void {
    const wait = this.#waits;
    const drained = (end: boolean): void => {
      if (this.#waiting === undefined || this.#waits !== wait) return;
      if (end) this.#giveUp();
      else this.#drain();
    };
    this.#receiver.drainOnce().then(drained, () => drained(true));
  }

  #watchIdle(idle: number): void {
    this.#idleSince = this.#clock.now();
    if (this.#idleTimer !== undefined) return;
    const look = (): void => {
      this.#idleTimer = undefined;
      const left = this.#idleSince + idle - this.#clock.now();
      if (this.#waiting === undefined) return;
      if (left <= 0) this.#giveUp();
      else this.#idleTimer = this.#clock.setTimer(timerDelay(left) ?? 0, look);
    };
    const delay = timerDelay(idle);
    if (delay !== undefined) this.#idleTimer = this.#clock.setTimer(delay, look);
  }

  readonly #onAbort = (): void => {
    this.#giveUp();
  };

  /** Ends the loop if it is waiting. */
  #giveUp(): void {
    if (this.#waiting === undefined) return;
    this.#receiver.forsake(this);
    this.end();
  }

  /** Ends it, with the error that ended the link if there is one. */
  #leave(): Promise<Result> {
    const { failure } = this.#receiver;
    const told = this.#over;
    this.#finish();
    return failure !== undefined && !told ? Promise.reject(failure) : this.#end();
  }

  #end(): Promise<Result> {
    return Promise.resolve({ value: undefined, done: true });
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#idleTimer?.cancel();
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#demand.leave();
  }
}

/** Whether values of the message cannot be decoded: found out only when a loop is left with it in hand. */
export function isUndecodable(delivery: ClientIncoming): boolean {
  const { message } = delivery;
  try {
    void [message.durable, message.instructions, message.annotations, message.id, message.properties, message.body, message.footer];
    return false;
  } catch (error) {
    return error instanceof DecodeError;
  }
}

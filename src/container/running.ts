/**
 * `run()` and what keeps it going: connections, listeners, calls that are under way, scheduled tasks, and callbacks that are
 * not done. It ends when there is none of these any more, when it is stopped, or with the first error that nobody took.
 */

import type { EventRouter } from "../client/events.ts";
import type { Handler } from "../client/api.ts";
import type { ScheduledTask } from "../client/shapes.ts";
import { bounds, within } from "../client/waiting.ts";
import type { AmqpError } from "../errors.ts";
import { ConfigError } from "../errors.ts";
import type { CallOptions } from "../options/call.ts";
import type { Clock } from "../options/environment.ts";
import { checkCallOptions } from "../options/resolve.ts";
import { MAX_TIMER_DELAY } from "../options/timeouts.ts";
import { nextTurn } from "../transport/next-turn.ts";
import { Deferred } from "../util/deferred.ts";

/** What running needs of its container. */
export interface RunOwner {
  readonly clock: Clock;
  readonly events: EventRouter | undefined;
  /** Whether connections, listeners or calls are there. */
  readonly active: boolean;
  /** Ends connections and listeners; never rejects. */
  shut(): Promise<unknown>;
}

export class Running {
  readonly #owner: RunOwner;
  readonly #tasks = new Set<Task>();
  #over: Deferred<void> | undefined = undefined;
  #failure: AmqpError | undefined = undefined;
  #stopping = false;

  constructor(owner: RunOwner) {
    this.#owner = owner;
    if (owner.events !== undefined) owner.events.onIdle = () => this.look();
  }

  /** Whether `run()` goes on. */
  get on(): boolean {
    return this.#over !== undefined && !this.#stopping;
  }

  /** Resolves when all is over. @throws ConfigError config, invalid-state, or the first error that nobody took */
  async run(options: CallOptions | undefined): Promise<void> {
    checkCallOptions(options, "run()");
    if (this.#over !== undefined) throw new ConfigError("run() is running already", { code: "invalid-state", scope: "container" });
    const { events, clock } = this.#owner;
    const over = new Deferred<void>();
    this.#over = over;
    this.#failure = undefined;
    this.#stopping = false;
    if (events !== undefined) {
      events.onFailure = (error) => {
        // What goes wrong while everything ends is no news.
        if (!this.#stopping) this.#failure = error;
        this.stop();
      };
      events.root?.emit("on_reactor_init", {});
      events.root?.emit("on_start", {});
    }
    // A turn later, since what the program has called just now may not have begun.
    queueMicrotask(() => this.look());
    try {
      const ended = within(over.promise, bounds(clock, options, Infinity, "container", "run() was not over"), () => this.stop());
      await Promise.allSettled([ended, over.promise]);
      // A connect that gave up last rejects in this turn, and may be what went wrong.
      await new Promise<void>((resolve) => nextTurn(resolve));
      await ended;
      this.#throwFailure();
    } finally {
      this.#over = undefined;
      if (events !== undefined) events.onFailure = undefined;
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  stop(): void {
    if (this.#over === undefined || this.#stopping) return;
    this.#stopping = true;
    this.cancel();
    void this.#owner.shut().then(() => this.look());
    this.look();
  }

  /** Something is over: perhaps it was the last. Callbacks that never resolve do not outlive a stop. */
  look(): void {
    const { active, events } = this.#owner;
    if (this.#over === undefined || active || this.#tasks.size !== 0) return;
    if (this.#stopping ? events?.queued === true : events?.busy === true) return;
    this.#over.resolve();
  }

  /** @throws ConfigError config */
  schedule(delay: number, what: (() => unknown) | Handler): ScheduledTask {
    if (typeof delay !== "number" || !(delay >= 0) || delay === Infinity) {
      throw new ConfigError("schedule(): the delay must be milliseconds from 0, and not Infinity", { code: "config", scope: "container" });
    }
    const { events } = this.#owner;
    if (events === undefined || (typeof what !== "function" && (typeof what !== "object" || what === null))) {
      throw new ConfigError("schedule(): the task must be a function or a handler", { code: "config", scope: "container" });
    }
    const task = new Task(this.#owner.clock, delay, () => {
      this.#tasks.delete(task);
      if (typeof what === "function") events.call("schedule()", what);
      else events.scope(what, events.root)?.emit("on_timer_task", { context: task });
      this.look();
    }, () => {
      this.#tasks.delete(task);
      this.look();
    });
    this.#tasks.add(task);
    return task;
  }

  /** Cancels everything that is scheduled. */
  cancel(): void {
    for (const task of [...this.#tasks]) task.cancel();
  }
}

class Task implements ScheduledTask {
  readonly #clock: Clock;
  readonly #due: number;
  readonly #task: () => void;
  readonly #onCancel: () => void;
  #timer: { cancel(): void } | undefined;

  constructor(clock: Clock, delay: number, task: () => void, onCancel: () => void) {
    this.#clock = clock;
    this.#due = clock.now() + delay;
    this.#task = task;
    this.#onCancel = onCancel;
    this.#arm(delay);
  }

  cancel(): void {
    if (this.#timer === undefined) return;
    this.#timer.cancel();
    this.#timer = undefined;
    this.#onCancel();
  }

  [Symbol.dispose](): void {
    this.cancel();
  }

  /** A delay beyond what a timer can hold is waited for in parts. */
  #arm(delay: number): void {
    this.#timer = this.#clock.setTimer(Math.min(delay, MAX_TIMER_DELAY), () => {
      this.#timer = undefined;
      const left = delay <= MAX_TIMER_DELAY ? 0 : this.#due - this.#clock.now();
      if (left > 0) this.#arm(left);
      else this.#task();
    });
  }
}

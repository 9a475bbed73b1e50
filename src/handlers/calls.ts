/**
 * The queue of calls of one container. Callbacks run in the order of what happened, in a microtask after the input that brought it, so
 * that they can do anything with any endpoint. What they throw is told here and nowhere else.
 */

import type { Container } from "../client/api.ts";
import { AmqpError } from "../errors.ts";
import { Deque } from "../util/deque.ts";

/** Something that is to be called. It never throws: what callbacks throw is reported. */
export interface Call {
  run(): void;
}

export class Calls {
  readonly container: Container;
  /** Called when nothing is queued and no callback runs any more. */
  onIdle: (() => void) | undefined = undefined;
  /** While `run()` runs: takes what nobody else does. */
  onFailure: ((error: AmqpError) => void) | undefined = undefined;
  /** Errors that a callback was told. */
  readonly taken = new WeakSet<object>();
  readonly #onError: (error: AmqpError) => void;
  readonly #queue = new Deque<Call>();
  #scheduled = false;
  /** Callbacks that have not resolved yet. */
  #running = 0;

  constructor(container: Container, onError: (error: AmqpError) => void) {
    this.container = container;
    this.#onError = onError;
  }

  get queued(): boolean {
    return this.#scheduled;
  }

  get busy(): boolean {
    return this.#scheduled || this.#running !== 0;
  }

  enqueue(call: Call): void {
    this.#queue.push(call);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#drain);
  }

  /** Counts a callback as running until it is done. @param work never rejects */
  track(work: PromiseLike<unknown>): Promise<void> {
    this.#running += 1;
    return Promise.resolve(work).then(() => {
      this.#running -= 1;
      if (!this.busy) this.onIdle?.();
    });
  }

  /** What a callback threw. */
  thrown(name: string, error: unknown): void {
    this.report(error instanceof AmqpError ? error : new AmqpError(`${name} failed: ${error instanceof Error ? error.message : String(error)}`,
      { code: "handler-failed", scope: "container", cause: error }));
  }

  /** Tells the container's onError. */
  report(error: AmqpError): void {
    this.#onError(error);
  }

  /** Whether a callback was told of this failure, or of what caused it. */
  wasTaken(failure: unknown): boolean {
    for (let error = failure; error instanceof Error; error = error.cause) {
      if (this.taken.has(error)) return true;
      const { errors } = error as { errors?: unknown };
      if (Array.isArray(errors) && errors.some((each) => this.taken.has(each as object))) return true;
    }
    return false;
  }

  readonly #drain = (): void => {
    for (let call = this.#queue.shift(); call !== undefined; call = this.#queue.shift()) call.run();
    this.#scheduled = false;
    if (!this.busy) this.onIdle?.();
  };
}

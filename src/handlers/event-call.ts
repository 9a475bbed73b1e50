/** One event for the callbacks of one scope, and what is done when they are done. */

import type { EventName } from "../client/events.ts";
import type { Call, Calls } from "./calls.ts";
import type { HandlerEvent } from "./event.ts";

/** What a call needs of its scope. */
export interface Callable {
  readonly calls: Calls;
  /** Calls the callbacks; answers a promise where one of them did. */
  call(name: EventName, event: HandlerEvent): unknown;
}

export class EventCall implements Call {
  readonly #scope: Callable;
  readonly #name: EventName;
  readonly #event: HandlerEvent;
  /** Called when the callbacks are done, with what one of them threw. */
  readonly #after: ((thrown: unknown) => void) | undefined;

  constructor(scope: Callable, name: EventName, event: HandlerEvent, after: ((thrown: unknown) => void) | undefined) {
    this.#scope = scope;
    this.#name = name;
    this.#event = event;
    this.#after = after;
  }

  run(): void {
    void this.execute();
  }

  /** A promise where a callback answered one. It never rejects. */
  execute(): Promise<void> | undefined {
    const { calls } = this.#scope;
    let result: unknown;
    try {
      result = this.#scope.call(this.#name, this.#event);
    } catch (error) {
      this.#failed(error);
      return undefined;
    }
    if (!isThenable(result)) {
      this.#after?.(undefined);
      return undefined;
    }
    return calls.track(result.then(() => this.#after?.(undefined), (error: unknown) => this.#failed(error)));
  }

  #failed(error: unknown): void {
    this.#scope.calls.thrown(this.#name, error);
    this.#after?.(error);
  }
}

/** Whether a callback answered something to wait for. */
export function isThenable(result: unknown): result is PromiseLike<unknown> {
  return typeof result === "object" && result !== null && typeof (result as { then?: unknown }).then === "function";
}

/** Our open while `on_connection_opening` puts it off: who waits for it, and for how long it may be. */

import type { Clock } from "../options/environment.ts";
import { timerDelay } from "../options/timeouts.ts";
import { Deferred } from "../util/deferred.ts";

export class PutOff {
  #timer: { cancel(): void } | undefined = undefined;
  #waiting: Deferred<void> | undefined = undefined;

  /** Resolves when the connection is open. */
  get opened(): Promise<void> {
    this.#waiting ??= new Deferred();
    return this.#waiting.promise;
  }

  /** Begins to wait. @param onLate called after `time` milliseconds */
  begin(clock: Clock, time: number, onLate: () => void): void {
    const delay = timerDelay(time);
    if (delay !== undefined) this.#timer = clock.setTimer(delay, onLate);
  }

  /** It is open, or over for a reason. */
  end(error: Error | undefined): void {
    this.#timer?.cancel();
    if (error === undefined) this.#waiting?.resolve();
    else this.#waiting?.reject(error);
  }
}

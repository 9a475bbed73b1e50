/**
 * Outcomes on their way out. Those of consecutive deliveries with the same outcome become one disposition with a
 * range (§2.7.6), written when the output is taken or when one comes that does not fit.
 */

import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Disposition, Role } from "../frames/performatives.ts";

/** The open run of one role. */
export class DispositionRun {
  readonly #role: Role;
  #first = 0;
  #last = 0;
  #state: DeliveryState | undefined = undefined;
  #settled = false;
  #open = false;

  constructor(role: Role) {
    this.#role = role;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Adds a delivery; answers false if it does not fit, and then the run has to be taken first. */
  add(deliveryId: number, state: DeliveryState | undefined, settled: boolean): boolean {
    if (!this.#open) {
      this.#open = true;
      this.#first = deliveryId;
      this.#state = state;
      this.#settled = settled;
      this.#last = deliveryId;
      return true;
    }
    if (deliveryId !== ((this.#last + 1) >>> 0) || settled !== this.#settled || state !== this.#state) return false;
    this.#last = deliveryId;
    return true;
  }

  take(): Disposition {
    this.#open = false;
    const state = this.#state;
    this.#state = undefined;
    return {
      type: "disposition", role: this.#role, first: this.#first, last: this.#last === this.#first ? undefined : this.#last,
      settled: this.#settled, state,
    };
  }
}

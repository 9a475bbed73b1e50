/**
 * Draining a receiver (§2.6.7): the sender uses the credit up or gives it back. Not every peer answers, so the waiting is
 * bounded; on RabbitMQ 3, whose classic queues end the session over it, taking the credit back after a while of
 * silence stands in.
 */

import type { ReceiverEndpoint } from "../engine/receiver.ts";
import type { CallOptions } from "../options/call.ts";
import type { Clock } from "../options/environment.ts";
import { Deferred } from "../util/deferred.ts";
import type { Connection } from "./api.ts";
import { within } from "./waiting.ts";

/** Milliseconds that a peer gets to answer a drain. */
const PATIENCE = 2_000;
/** Milliseconds without a delivery after which a peer that cannot be asked to drain counts as drained. */
const SILENCE = 250;

/** What a drain needs of its receiver. */
export interface DrainOwner {
  readonly endpoint: ReceiverEndpoint | undefined;
  readonly connection: Connection;
}

export class Drain {
  /** Deliveries that came since the last drain began. */
  count = 0;
  readonly #owner: DrainOwner;
  readonly #clock: Clock;
  #done: Deferred<void> | undefined = undefined;
  #granted = 0;
  #silence: { cancel(): void } | undefined = undefined;

  constructor(owner: DrainOwner, clock: Clock) {
    this.#owner = owner;
    this.#clock = clock;
  }

  get active(): boolean {
    return this.#done !== undefined;
  }

  /** Whether the last drain left credit unused, so that the peer had nothing more. */
  get exhaustive(): boolean {
    return this.#granted === 0 || this.count < this.#granted;
  }

  /** Drains what credit there is; answers how many deliveries came. */
  async run(options: CallOptions | undefined): Promise<number> {
    const { endpoint } = this.#owner;
    if (endpoint === undefined || !endpoint.isAttached) return 0;
    if (this.#done === undefined) {
      this.count = 0;
      this.#granted = endpoint.credit;
      if (endpoint.credit === 0) return 0;
      this.#done = new Deferred();
      if (this.#breaksOnDrain()) this.#listen(endpoint);
      else endpoint.drain();
    }
    const mine = this.#done;
    const timeout = Math.min(PATIENCE, options?.timeout ?? Infinity);
    try {
      await within(mine.promise, { clock: this.#clock, timeout, signal: options?.signal, scope: "link", what: "drain" });
    } catch (error) {
      if (options?.signal?.aborted === true) throw error;
      // No answer within its time: what has come is what there was.
      endpoint.giveCredit(0);
    } finally {
      // By now another drain may have begun.
      if (this.#done === mine) this.stop();
    }
    return this.count;
  }

  came(): void {
    if (this.#done === undefined) return;
    this.count += 1;
    this.onFlow();
    const { endpoint } = this.#owner;
    if (this.#silence !== undefined && endpoint !== undefined) this.#listen(endpoint);
  }

  onFlow(): void {
    if (this.#done !== undefined && (this.#owner.endpoint?.credit ?? 0) === 0) this.stop();
  }

  stop(): void {
    this.#silence?.cancel();
    this.#silence = undefined;
    this.#owner.endpoint?.stopDraining();
    const done = this.#done;
    this.#done = undefined;
    done?.resolve();
  }

  #listen(endpoint: ReceiverEndpoint): void {
    this.#silence?.cancel();
    this.#silence = this.#clock.setTimer(SILENCE, () => {
      endpoint.giveCredit(0);
      this.stop();
    });
  }

  #breaksOnDrain(): boolean {
    const properties = new Map(Object.entries(this.#owner.connection.remoteProperties ?? {}));
    return properties.get("product") === "RabbitMQ" && String(properties.get("version")).startsWith("3.");
  }
}

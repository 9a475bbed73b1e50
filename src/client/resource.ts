/**
 * The transactions that the peer controls (§4.4): which ids are open, what was posted and what was retired in each. Retired
 * deliveries wait here for the discharge; what was posted is the user's to keep back until then.
 */

import type { ReceiverEndpoint } from "../engine/receiver.ts";
import type { SenderEndpoint } from "../engine/sender.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import { ACCEPTED } from "../frames/delivery-state.ts";
import type { Bytes } from "../util/bytes.ts";
import { Deferred } from "../util/deferred.ts";
import type { Resource, ResourceTransaction, RetiredDelivery } from "./enlistment.ts";

/** What the transactions need of their connection's sessions. */
export interface ResourceSessions {
  links(): Iterable<{ readonly endpoint: SenderEndpoint | ReceiverEndpoint | undefined }>;
  /** Outcomes that wait to be written are written now. */
  writeDispositions(): void;
}

/** A delivery that is retired in a transaction remembers in which. */
export interface Retiring extends RetiredDelivery {
  retiredIn: ResourceTransaction | undefined;
}

export class ResourceTransactions implements Resource {
  readonly sessions: ResourceSessions;
  readonly #open = new Map<string, OpenTransaction>();

  constructor(sessions: ResourceSessions) {
    this.sessions = sessions;
  }

  find(txnId: Uint8Array): OpenTransaction | undefined {
    return this.#open.get(keyOf(txnId));
  }

  /** @param onMixed called when a delivery is retired in two transactions that are both open: their control link has to end */
  open(txnId: Bytes, onMixed: () => void): OpenTransaction {
    const transaction = new OpenTransaction(txnId, onMixed);
    this.#open.set(keyOf(txnId), transaction);
    return transaction;
  }

  /** Its id is unknown from now on. */
  forget(transaction: OpenTransaction): void {
    this.#open.delete(keyOf(transaction.txnId));
  }

  /** Whether some frames of a message that is posted in it have come, and some have not. */
  posting(transaction: OpenTransaction): boolean {
    for (const { endpoint } of this.sessions.links()) {
      const state = endpoint?.role === "receiver" ? endpoint.unfinished?.remoteState : undefined;
      if (state?.type === "transactional" && keyOf(state.txnId) === keyOf(transaction.txnId)) return true;
    }
    return false;
  }
}

export class OpenTransaction implements ResourceTransaction {
  readonly txnId: Bytes;
  /** Something that was posted in it is lost. */
  spoilt = false;
  readonly #accepted: DeliveryState;
  readonly #onMixed: () => void;
  /** Posted, and still in somebody's hand. */
  readonly #posted = new Set<object>();
  readonly #retired = new Map<Retiring, Outcome>();
  readonly #endings: ((committed: boolean) => void)[] = [];
  #quiet: Deferred<void> | undefined = undefined;

  constructor(txnId: Bytes, onMixed: () => void) {
    this.txnId = txnId;
    this.#onMixed = onMixed;
    this.#accepted = { type: "transactional", txnId, outcome: ACCEPTED };
  }

  provisional(outcome: Outcome): DeliveryState {
    return outcome === ACCEPTED ? this.#accepted : { type: "transactional", txnId: this.txnId, outcome };
  }

  posted(delivery: object): void {
    this.#posted.add(delivery);
  }

  passed(delivery: object): void {
    if (!this.#posted.delete(delivery) || this.#posted.size !== 0) return;
    this.#quiet?.resolve();
    this.#quiet = undefined;
  }

  missed(delivery: object): void {
    this.spoilt = true;
    this.passed(delivery);
  }

  atEnd(task: (committed: boolean) => void): void {
    this.#endings.push(task);
  }

  retire(delivery: Retiring, outcome: Outcome): void {
    const other = delivery.retiredIn;
    if (other !== undefined && other !== this) {
      this.#onMixed();
      return;
    }
    delivery.retiredIn = this;
    this.#retired.set(delivery, outcome);
  }

  /** Resolves when each delivery that was posted has been dealt with. */
  quiet(): Promise<void> {
    if (this.#posted.size === 0) return Promise.resolve();
    this.#quiet ??= new Deferred();
    return this.#quiet.promise;
  }

  /** What was retired gets its outcome, or is live again. */
  end(committed: boolean): void {
    const retired = [...this.#retired];
    this.#retired.clear();
    for (const [delivery, outcome] of retired) {
      if (committed) delivery.retire(outcome);
      else delivery.revert();
    }
    this.#posted.clear();
    for (const task of this.#endings.splice(0)) task(committed);
    this.#quiet?.resolve();
    this.#quiet = undefined;
  }
}

/** One character for each octet. */
function keyOf(txnId: Uint8Array): string {
  return String.fromCharCode(...txnId);
}

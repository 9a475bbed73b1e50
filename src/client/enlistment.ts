/**
 * What deliveries know of transactions: on the controlling side the transaction that they take part in, on the listening side the
 * open transaction that their state names (§4.4). The classes behind it know deliveries, so deliveries see only this.
 */

import type { AmqpError } from "../errors.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import type { Transaction } from "./api.ts";
import type { Coordinator } from "./coordinator.ts";

/** A transaction of ours, as the deliveries that we send in it see it. */
export abstract class TransactionWork {
  /** Why nothing can be done in it any more although it was not discharged: it was rolled back, or is in doubt. */
  abstract readonly failure: AmqpError | undefined;
  /** Binds a send to it, before it is encoded. @throws ConfigError where it can take no part */
  abstract enlist(delivery: EnlistedSend): void;
  /** The message is encoded: it will leave. */
  abstract track(delivery: EnlistedSend): void;
  /** All frames of it are written. */
  abstract written(delivery: EnlistedSend): void;
  /** Its fate is known. */
  abstract decided(delivery: EnlistedSend): void;
}

/** A delivery that is sent in a transaction. */
export interface EnlistedSend {
  transaction: TransactionWork | undefined;
  transferState: DeliveryState | undefined;
}

/** The part that a received delivery has in a transaction of ours. */
export interface Enlistment {
  /** The outcome that it gets at the commit. */
  readonly outcome: Outcome;
  /** Whether the transaction is not discharged; afterwards it was rolled back. */
  active: boolean;
  /** Its taker has gone on, so that nobody will settle it by hand. */
  passed: boolean;
}

/** The transactions of a connection, as its links see them. */
export interface LinkTransactions {
  /** Those that the peer controls; undefined where it cannot have any. */
  readonly resource: Resource | undefined;
  /** A coordinator of ours is accepted on this control link. */
  coordinate(receiver: object, coordinator: Coordinator): void;
}

/** The transactions that the peer controls on this connection. */
export interface Resource {
  /** The open transaction of an id; undefined where the id is unknown. */
  find(txnId: Uint8Array): ResourceTransaction | undefined;
}

/** A transaction that the peer controls. */
export interface ResourceTransaction {
  /** The state that tells an outcome which it gets at the commit (§4.5.8). */
  provisional(outcome: Outcome): DeliveryState;
  /** A delivery was posted in it: its discharge waits until `passed` was called for it. */
  posted(delivery: object): void;
  /** Whoever took the delivery is done with it. */
  passed(delivery: object): void;
  /** It was lost with its link before anybody took it: the transaction cannot be committed any more (§4.4.2). */
  missed(delivery: object): void;
  /** Calls `task` when it is discharged, or rolled back with its control link. */
  atEnd(task: (committed: boolean) => void): void;
  /** The peer retires a delivery of ours in it. */
  retire(delivery: RetiredDelivery, outcome: Outcome): void;
}

/** A delivery that we sent and the peer retires in a transaction of its own. */
export interface RetiredDelivery {
  /** The transaction is committed. */
  retire(outcome: Outcome): void;
  /** It is rolled back: the delivery is live again, if its link is (§4.4.2). */
  revert(): void;
}

/** Whether a value is a transaction of ours. */
export function isTransaction(value: unknown): value is Transaction & TransactionWork {
  return value instanceof TransactionWork;
}

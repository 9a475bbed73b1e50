/** The options of a transaction. `session` is added by the client, whose class it is. */

import type { CallOptions } from "./call.ts";

/** Options of `connection.transaction()`, less those that name the client's classes. */
export interface TransactionOptionsBase extends CallOptions {
  /**
   * Settle what is retired together with its outcome, before the transaction is discharged; after an abort it is then no longer
   * ours, and the peer applies its default outcome (4.4.2). @default false
   */
  settleBeforeDischarge?: boolean | undefined;
}

/** What the user's part of a transaction coordinator is. */

import type { Bytes } from "../util/bytes.ts";

/** What answers the peer's transactions on the listening side. Work is posted as deliveries whose remoteState is transactional. */
export interface Coordinator {
  /** A new transaction: its id, 1 to 32 octets that no open one has. A throw is the rejection of the declare. */
  declare(): Uint8Array | Promise<Uint8Array>;
  /**
   * A transaction ends: what was posted in it takes effect, or with `failed` is dropped. A throw rolls it back, and is the rejection of the
   * discharge. It is called once for each id, with `failed` also when link, session or connection are lost.
   */
  discharge(txnId: Bytes, failed: boolean): unknown;
  /** What the answer to the attach says of it. @default amqp:local-transactions, amqp:multi-txns-per-ssn, amqp:multi-ssns-per-txn */
  capabilities?: readonly string[] | undefined;
  /** Milliseconds after which a transaction is rolled back. @default Infinity */
  timeout?: number | undefined;
}

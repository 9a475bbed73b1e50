/**
 * Where exactly-once links keep what is not settled, so that a program that died goes on where it was (protocol.md X.2, X.12).
 * `MemoryStore` and `FileStore` of `leptonmq/store` are two; a database of the user's own can be another.
 */

import type { DeliveryState } from "../frames/delivery-state.ts";

/**
 * A store of unsettled deliveries. `put` and `delete` only enqueue, in the order of their calls and without waiting; `flush` makes
 * durable all that was enqueued before it. The library never sends what it has not flushed.
 */
export interface UnsettledStore extends AsyncDisposable {
  /**
   * What is kept of one link, each tag once, in the order of its last `put`. Called once for each opening of the link, before anything
   * else is asked for that link.
   */
  load(link: LinkIdentity): AsyncIterable<UnsettledEntry> | Iterable<UnsettledEntry>;
  /**
   * Enqueues an entry, in place of an earlier one of the same link and tag; one without `payload` that has an outcome no longer needs the
   * payload of the earlier one. Its bytes stay as they are until the next `flush` has ended, and may be used again after it.
   * @param commitWith what `delivery.accept({ commitWith })` was given: a transaction of the user's database, in which the entry is to
   * be written. It is durable when that transaction commits: `flush` waits for that, or commits it itself, and rejects where it was rolled back.
   */
  put(link: LinkIdentity, entry: UnsettledEntry, commitWith?: unknown): void;
  /** Enqueues that the entry of a tag is forgotten. That it is lost is harmless; a tag that is not there is no error. */
  delete(link: LinkIdentity, tag: Uint8Array): void;
  /** Resolves when all that was enqueued before is durable; rejects where some of it may not be. */
  flush(): Promise<void>;
}

/** Which link, for a store: a link is the same after a restart if all four are (§2.6.1). */
export interface LinkIdentity {
  /** Our container-id. */
  readonly container: string;
  /** The peer's container-id, known only after its open. */
  readonly remoteContainer: string;
  readonly name: string;
  /** Ours. */
  readonly role: "sender" | "receiver";
}

/** One delivery of a link, as a store keeps it. */
export interface UnsettledEntry {
  /** 1 to 32 octets. */
  readonly tag: Uint8Array;
  /** What is known of its fate; null is nothing. */
  readonly state: DeliveryState | null;
  /** Of a sender's delivery without an outcome: the encoded message. */
  readonly payload?: Uint8Array | undefined;
}

/** What a store has that does not outlive the process; links with such a store do not promise that they do (protocol.md X.1). */
export const VOLATILE: unique symbol = Symbol.for("leptonmq.volatile-store");

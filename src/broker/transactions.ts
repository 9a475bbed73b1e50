/**
 * The transactions of a broker (part 4 of the standard). What is posted in one is kept here until its commit and then put into its
 * queues in one step; what is retired in one is kept by the listening side, so that a queue hears of an outcome when it counts.
 */

import { AmqpError } from "../errors.ts";
import type { Coordinator, IncomingDelivery } from "../container/public.ts";
import { sizeOf } from "./entry.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import { DEFAULT_TRANSACTION_BYTES, DEFAULT_TRANSACTION_TIMEOUT, DEFAULT_TRANSACTIONS } from "./options.ts";
import type { TransactionLimits } from "./options.ts";

/** One transaction that is open. */
interface Open {
  readonly posts: { readonly node: Node; readonly delivery: IncomingDelivery }[];
  /** Octets of its posts. */
  size: number;
  /** Why it cannot be committed: something that came settled could not be taken (4.4.2). */
  spoilt: string | undefined;
}

/** All open transactions of a broker. */
export class Transactions {
  readonly #nodes: Nodes;
  readonly #limits: { readonly max: number; readonly maxBytes: number; readonly timeout: number };
  readonly #open = new Map<string, Open>();
  #size = 0;
  #ids = 0;

  constructor(nodes: Nodes, limits: TransactionLimits | undefined) {
    this.#nodes = nodes;
    this.#limits = {
      max: limits?.max ?? DEFAULT_TRANSACTIONS, maxBytes: limits?.maxBytes ?? DEFAULT_TRANSACTION_BYTES, timeout: limits?.timeout ?? DEFAULT_TRANSACTION_TIMEOUT,
    };
  }

  /** What answers a control link. */
  coordinator(): Coordinator {
    return { declare: () => this.#declare(), discharge: (txnId, failed) => this.#discharge(txnId, failed), timeout: this.#limits.timeout };
  }

  /** Keeps a message for the commit. Answers why it cannot. */
  stage(txnId: Uint8Array, node: Node, delivery: IncomingDelivery): string | undefined {
    const open = this.#open.get(keyOf(txnId));
    if (open === undefined) return "the transaction was rolled back";
    const size = sizeOf(delivery.message);
    if (this.#size > 0 && this.#size + size > this.#limits.maxBytes) return `open transactions hold ${this.#size} octets already; commit smaller ones, or raise transactions.maxBytes`;
    open.posts.push({ node, delivery });
    open.size += size;
    this.#size += size;
    return undefined;
  }

  /** A message that came settled was not taken: its sender is told by the discharge. */
  spoil(txnId: Uint8Array, why: string): void {
    const open = this.#open.get(keyOf(txnId));
    if (open !== undefined) open.spoilt ??= why;
  }

  #declare(): Uint8Array {
    if (this.#open.size >= this.#limits.max) {
      throw failure("amqp:resource-limit-exceeded", `${this.#open.size} transactions are open already; discharge some, or raise transactions.max`);
    }
    const txnId = new Uint8Array(8);
    new DataView(txnId.buffer).setBigUint64(0, BigInt(++this.#ids));
    this.#open.set(keyOf(txnId), { posts: [], size: 0, spoilt: undefined });
    return txnId;
  }

  #discharge(txnId: Uint8Array, failed: boolean): void {
    const key = keyOf(txnId);
    const open = this.#open.get(key);
    if (open === undefined) return;
    this.#open.delete(key);
    this.#size -= open.size;
    if (failed) return;
    if (open.spoilt !== undefined) throw failure("amqp:transaction:rollback", open.spoilt);
    const gone = open.posts.find(({ node }) => this.#present(node) === undefined);
    if (gone !== undefined) throw failure("amqp:transaction:rollback", `${gone.node.address} is gone with the link that made it`);
    for (const { node, delivery } of open.posts) {
      // A queue that was empty and had nobody may have been forgotten since.
      const present = this.#present(node) as Node;
      present.put(delivery.message, this.#nodes.originOf(delivery.connection));
      this.#nodes.tidy(present);
    }
  }

  #present(node: Node): Node | undefined {
    return node.deleted ? undefined : this.#nodes.get(node.address);
  }
}

function failure(condition: string, description: string): AmqpError {
  return new AmqpError(description, { code: "transaction-failed", scope: "session", condition });
}

function keyOf(txnId: Uint8Array): string {
  return String.fromCharCode(...txnId);
}

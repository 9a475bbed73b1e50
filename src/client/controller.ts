/**
 * A control link and the transactions that were declared on it (§4.2, 4.3): the messages to the coordinator, and what their outcomes
 * mean. When the link goes, so do its transactions.
 */

import type { AmqpError } from "../errors.ts";
import { AmqpError as BaseError, TransactionError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import type { CallOptions } from "../options/call.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes } from "../util/bytes.ts";
import { types } from "../wire/values.ts";
import type { OutgoingDelivery, Session } from "./api.ts";
import type { ControlLink } from "./control-link.ts";
import { InDoubtError, NotSentError, SendError } from "./send-errors.ts";

const DECLARE = 0x31n;
const DISCHARGE = 0x32n;
/** Octets of the longest txn-id that is taken. The standard allows 32 (§4.5.4), Artemis gives 36. */
const LONGEST_ID = 255;
const NO_TRANSACTIONS: ReadonlySet<string> = new Set(["amqp:not-implemented", "amqp:not-found", "amqp:not-allowed", "amqp:invalid-field", "amqp:decode-error"]);

/** What became of a commit. */
export type Verdict =
  | { readonly type: "committed" }
  /** `sent` false: the peer has not heard of it. */
  | { readonly type: "rolled-back"; readonly error: TransactionError; readonly sent: boolean }
  | { readonly type: "in-doubt"; readonly error: TransactionError };

/** A transaction, as its controller sees it. */
export interface Controlled {
  readonly id: Bytes;
  /** The link is over, and the transaction with it. */
  lost(error: TransactionError): void;
  /** The answer to a commit that was in doubt has come after all. */
  late(verdict: Verdict): void;
}

export class Controller {
  readonly link: ControlLink;
  /** Resolves when the peer's coordinator has attached. @throws TransactionError transaction-failed */
  readonly opened: Promise<void>;
  /** Transactions, declared or about to be, that use it. */
  claims = 0;
  readonly #live = new Set<Controlled>();
  readonly #awaited = new Map<OutgoingDelivery, Controlled>();
  /** A transaction was given up here without the peer's knowing: the link takes no others, and ends with its last one. */
  #spent = false;
  readonly #onIdle: (() => void) | undefined;

  /** @param onEnd called when it is over. @param onIdle called when it has no transaction any more */
  constructor(link: ControlLink, onEnd: () => void, onIdle?: () => void) {
    this.link = link;
    this.#onIdle = onIdle;
    this.opened = link.opened.promise.catch((error: unknown) => {
      throw declareError(error);
    });
    this.opened.catch(() => undefined);
    link.onLate = (delivery) => this.#late(delivery);
    link.onEnd = (error) => {
      onEnd();
      this.#lose(error);
    };
  }

  get session(): Session {
    return this.link.session;
  }

  /** Whether transactions can be declared on it. */
  get usable(): boolean {
    return !this.#spent && this.link.over === undefined;
  }

  get isOpen(): boolean {
    return this.link.isOpen;
  }

  /** Whether the peer takes links of every session into a transaction. */
  get spans(): boolean {
    return this.link.offers("amqp:multi-ssns-per-txn");
  }

  /** Whether one more transaction can be declared on it. */
  get free(): boolean {
    return this.usable && this.isOpen && (this.claims === 0 || this.link.offers("amqp:multi-txns-per-ssn"));
  }

  /** Asks for a new transaction; answers its id. @throws TransactionError transaction-failed */
  async declare(): Promise<Bytes> {
    try {
      const { remoteState } = await this.link.send({ body: types.described(DECLARE, []) }, { timeout: Infinity });
      if (remoteState?.type === "declared") {
        const { txnId } = remoteState;
        if (txnId.length >= 1 && txnId.length <= LONGEST_ID) return copyBytes(txnId);
        throw new TransactionError(`the peer declared a transaction with an id of ${txnId.length} octets; 1 to ${LONGEST_ID} are allowed`, { outcome: "rolled-back", origin: "remote" });
      }
      throw new TransactionError(`the peer answered the declaration of a transaction with ${remoteState?.type ?? "no outcome"} and no id: it has no transaction coordinator`,
        { outcome: "rolled-back", origin: "remote" });
    } catch (error) {
      throw declareError(error);
    }
  }

  /** It is declared: told of the link's end from now on. */
  enter(transaction: Controlled): void {
    this.#live.add(transaction);
  }

  /** A transaction is over, or was not declared. */
  release(transaction: Controlled | undefined): void {
    if (transaction !== undefined) this.#live.delete(transaction);
    this.claims -= 1;
    if (this.claims !== 0) return;
    if (this.#spent) this.close();
    else this.#onIdle?.();
  }

  /** It ends when nobody needs it any more: the peer then rolls back what it has not heard the end of. */
  spend(): void {
    this.#spent = true;
    if (this.claims === 0) this.close();
  }

  close(): void {
    void this.link.close({ drain: 0 }).catch(() => undefined);
  }

  /** Commits. @throws the signal's reason, if it fires before the request has left */
  async commit(transaction: Controlled, options: CallOptions): Promise<Verdict> {
    try {
      return verdictOf(await this.#discharge(transaction.id, false, options));
    } catch (error) {
      if (!(error instanceof SendError)) throw error;
      if (error instanceof InDoubtError && error.delivery !== undefined && this.usable) this.#awaited.set(error.delivery, transaction);
      return failedCommit(error);
    }
  }

  /** Rolls back. It cannot fail: what the peer does not hear of it rolls back with the link. @throws TimeoutError timeout, or the signal's reason */
  async abort(transaction: Controlled, options: CallOptions): Promise<void> {
    try {
      await this.#discharge(transaction.id, true, options);
    } catch (error) {
      if (!(error instanceof SendError)) {
        this.#spent = true;
        throw error;
      }
      // Refused, or lost with the link: either way the peer has no such transaction any more.
      if (!(error instanceof NotSentError || error instanceof InDoubtError) || this.link.over !== undefined) return;
      if (error instanceof NotSentError) this.#spent = true;
      throw error.cause;
    }
  }

  #discharge(id: Bytes, fail: boolean, options: CallOptions): Promise<OutgoingDelivery> {
    return this.link.send({ body: types.described(DISCHARGE, [id, fail]) }, options);
  }

  #late(delivery: OutgoingDelivery): void {
    const transaction = this.#awaited.get(delivery);
    const { remoteState } = delivery;
    if (transaction === undefined || remoteState === undefined) return;
    this.#awaited.delete(delivery);
    const told = `the peer told it late, as ${remoteState.type}`;
    if (remoteState.type === "accepted") transaction.late({ type: "committed" });
    else if (remoteState.type === "rejected") transaction.late({ type: "rolled-back", sent: true, error: new TransactionError(`the transaction was rolled back: ${told}`, { outcome: "rolled-back", origin: "remote" }) });
  }

  #lose(error: AmqpError): void {
    this.#spent = true;
    this.#awaited.clear();
    const why = new TransactionError(`the transaction was rolled back, since ${this.link.title} is gone: ${error.message}`, {
      outcome: "rolled-back", origin: error.origin, retryable: true, condition: error.condition, description: error.description, info: error.info, cause: error,
    });
    for (const transaction of [...this.#live]) transaction.lost(why);
  }
}

/** What the outcome of a commit says. */
function verdictOf(delivery: OutgoingDelivery): Verdict {
  if (delivery.outcome?.type === "accepted") return { type: "committed" };
  return { type: "in-doubt", error: new TransactionError("the peer settled the commit of a transaction without an outcome: whether it took effect is unknown", { outcome: "in-doubt", origin: "remote" }) };
}

/** What it means that a commit was not accepted. */
function failedCommit(error: SendError): Verdict {
  const { cause } = error;
  const condition = error.condition ?? (cause instanceof BaseError ? cause.condition : undefined);
  const inDoubt = error instanceof InDoubtError && condition?.startsWith("amqp:transaction:") !== true;
  const outcome = inDoubt ? "in-doubt" : "rolled-back";
  const reason = error instanceof InDoubtError || error instanceof NotSentError ? (cause instanceof Error ? cause.message : String(cause)) : reasonOf(error);
  const text = inDoubt ? "the commit of a transaction left, and whether it took effect is unknown" : "the transaction was not committed but rolled back";
  const why = new TransactionError(`${text}: ${reason}`, {
    outcome, origin: error.origin, retryable: !inDoubt, condition, description: error.description, info: error.info,
    cause: error instanceof InDoubtError || error instanceof NotSentError ? cause : error,
  });
  return inDoubt ? { type: "in-doubt", error: why } : { type: "rolled-back", error: why, sent: !(error instanceof NotSentError) };
}

/** Why no transaction was declared, and what to do. */
function declareError(error: unknown): unknown {
  if (error instanceof TransactionError || !(error instanceof BaseError)) return error;
  const told = error instanceof SendError && error.cause instanceof BaseError ? error.cause : error;
  const none = told.origin === "remote" && told.condition !== undefined && NO_TRANSACTIONS.has(told.condition);
  const advice = none ? "; the peer has no transactions (RabbitMQ has none): send without one, or use a peer that has (ActiveMQ, Artemis, leptonmq's broker)" : "";
  return new TransactionError(`no transaction was declared: ${error instanceof SendError && told === error ? reasonOf(error) : told.message}${advice}`, {
    outcome: "rolled-back", origin: told.origin, retryable: told.retryable, condition: told.condition, description: told.description, info: told.info, cause: told,
  });
}

/** What the peer said. */
function reasonOf(error: SendError): string {
  if (error.condition === undefined) return `the coordinator answered ${error.outcome.type}`;
  return `${printable(error.condition, 100)}${error.description === undefined ? "" : ` (${printable(error.description, 500)})`}`;
}

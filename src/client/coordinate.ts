/** Answers the control link of a peer (§4.2, 4.3): declarations and discharges, by what the user's coordinator says. */

import { AmqpError, ConfigError, DecodeError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition, TransactionCondition } from "../frames/condition.ts";
import { timerDelay } from "../options/timeouts.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes } from "../util/bytes.ts";
import { Described } from "../wire/values.ts";
import type { IncomingDelivery } from "./api.ts";
import type { Coordinator } from "./coordinator.ts";
import type { ClientReceiver } from "./receiver.ts";
import type { OpenTransaction, ResourceTransactions } from "./resource.ts";

/** What a coordinator says that it can do, unless it says itself. */
export const CAPABILITIES: readonly string[] = ["amqp:local-transactions", "amqp:multi-txns-per-ssn", "amqp:multi-ssns-per-txn"];

const REJECTED = "amqp:rejected:list";
/** Discharges that may be under way at once; further ones wait for credit. */
const CONCURRENCY = 100;
/** Ids of transactions that took too long, for the answer to their discharge. */
const REMEMBERED = 1_000;
/** Octets of the longest txn-id (§4.5.4). */
const LONGEST_ID = 32;

/** Looks at a coordinator of the user's. @throws ConfigError config */
export function checkCoordinator(coordinator: Coordinator): void {
  const bad = (text: string): ConfigError => new ConfigError(`accept(): option "coordinator" ${text}`, { code: "config", scope: "link" });
  if (typeof coordinator !== "object" || coordinator === null) throw bad("must be an object with declare and discharge");
  if (typeof coordinator.declare !== "function" || typeof coordinator.discharge !== "function") throw bad("needs the functions declare and discharge");
  const { capabilities, timeout } = coordinator;
  if (capabilities !== undefined && !(Array.isArray(capabilities) && capabilities.every((name) => typeof name === "string"))) throw bad('needs "capabilities" to be a list of texts');
  if (timeout !== undefined && !(typeof timeout === "number" && timeout >= 0)) throw bad('needs "timeout" to be a number of milliseconds');
}

/** Takes what comes on a control link, until that is over. */
export function coordinate(receiver: ClientReceiver, coordinator: Coordinator, resource: ResourceTransactions): void {
  const service = new ControlService(receiver, coordinator, resource);
  receiver.onEnd(() => service.lose());
  // An error that ends the link has ended its transactions, and there is nobody else to tell.
  serve(receiver, service).catch(() => undefined);
}

async function serve(receiver: ClientReceiver, service: ControlService): Promise<void> {
  const running = new Set<Promise<void>>();
  for await (const delivery of receiver) {
    const handled = service.handle(delivery).finally(() => running.delete(handled));
    running.add(handled);
    if (running.size >= CONCURRENCY) await Promise.race(running);
  }
}

class ControlService {
  readonly #receiver: ClientReceiver;
  readonly #coordinator: Coordinator;
  readonly #resource: ResourceTransactions;
  readonly #open = new Map<OpenTransaction, { cancel(): void } | undefined>();
  /** Ids of those that took too long, oldest first. */
  readonly #late = new Set<string>();

  constructor(receiver: ClientReceiver, coordinator: Coordinator, resource: ResourceTransactions) {
    this.#receiver = receiver;
    this.#coordinator = coordinator;
    this.#resource = resource;
  }

  /** One message of the controller's. */
  async handle(delivery: IncomingDelivery): Promise<void> {
    if (delivery.settled) {
      this.#terminate(AmqpCondition.notAllowed, "what is sent to a coordinator must not be settled");
      return;
    }
    const request = readRequest(delivery);
    if ("condition" in request) this.#refuse(delivery, request);
    else if (request.type === "declare") await this.#declare(delivery, request.globalId);
    else await this.#discharge(delivery, request.txnId, request.fail);
  }

  /** The link is gone: every transaction that is open on it is rolled back (§4.1). */
  lose(): void {
    for (const transaction of [...this.#open.keys()]) void this.#rollBack(transaction);
  }

  async #declare(delivery: IncomingDelivery, globalId: unknown): Promise<void> {
    if (globalId != null) {
      this.#refuse(delivery, { condition: AmqpCondition.notImplemented, description: "there are no distributed transactions here: leave global-id out" });
      return;
    }
    let txnId: Bytes;
    try {
      txnId = copyBytes(await this.#coordinator.declare());
      if (txnId.length === 0 || txnId.length > LONGEST_ID || this.#resource.find(txnId) !== undefined) {
        throw new ConfigError(`declare() of a coordinator must give an id of 1 to ${LONGEST_ID} octets that no open transaction has`, { code: "config", scope: "link" });
      }
    } catch (error) {
      this.#refuse(delivery, this.#conditionOf(error, "declare"));
      return;
    }
    const transaction = this.#resource.open(txnId, () => {
      this.#terminate(TransactionCondition.rollback, "a delivery was retired in two transactions at once");
    });
    this.#open.set(transaction, this.#limit(transaction));
    if (this.#receiver.over === undefined) await delivery.settle({ type: "declared", txnId });
    else await this.#rollBack(transaction);
  }

  async #discharge(delivery: IncomingDelivery, txnId: Uint8Array, fail: boolean): Promise<void> {
    const transaction = this.#resource.find(txnId);
    if (transaction === undefined || !this.#open.has(transaction)) {
      const late = this.#late.delete(String(txnId));
      this.#refuse(delivery, late
        ? { condition: TransactionCondition.timeout, description: `the transaction took longer than ${this.#coordinator.timeout} ms, and was rolled back` }
        : { condition: TransactionCondition.unknownId, description: "there is no such transaction, or no longer" });
      return;
    }
    if (this.#resource.posting(transaction)) {
      this.#terminate(TransactionCondition.rollback, "a transaction was discharged in the middle of a message that is posted in it");
      return;
    }
    await transaction.quiet();
    if (!this.#open.has(transaction)) {
      this.#refuse(delivery, { condition: TransactionCondition.rollback, description: "the transaction was rolled back meanwhile" });
      return;
    }
    // The outcomes of what was posted are told before that of the discharge (§4.4.2).
    this.#resource.sessions.writeDispositions();
    if (fail || transaction.spoilt) {
      await this.#rollBack(transaction);
      if (fail) await delivery.accept();
      else this.#refuse(delivery, { condition: TransactionCondition.rollback, description: "a message that was posted in the transaction was lost with its link" });
      return;
    }
    this.#forget(transaction);
    try {
      const done = this.#coordinator.discharge(copyBytes(transaction.txnId), false);
      if (isPromise(done)) await done;
    } catch (error) {
      transaction.end(false);
      this.#refuse(delivery, this.#conditionOf(error, "discharge"));
      return;
    }
    transaction.end(true);
    await delivery.accept();
  }

  async #rollBack(transaction: OpenTransaction): Promise<void> {
    if (!this.#open.has(transaction)) return;
    this.#forget(transaction);
    try {
      const done = this.#coordinator.discharge(copyBytes(transaction.txnId), true);
      if (isPromise(done)) await done;
    } catch (error) {
      this.#report(error, "discharge");
    } finally {
      transaction.end(false);
    }
  }

  #forget(transaction: OpenTransaction): void {
    this.#open.get(transaction)?.cancel();
    this.#open.delete(transaction);
    this.#resource.forget(transaction);
  }

  #limit(transaction: OpenTransaction): { cancel(): void } | undefined {
    const delay = timerDelay(this.#coordinator.timeout ?? Infinity);
    if (delay === undefined) return undefined;
    return this.#receiver.host.io.profile.clock.setTimer(delay, () => {
      this.#late.add(String(transaction.txnId));
      if (this.#late.size > REMEMBERED) for (const oldest of this.#late) { this.#late.delete(oldest); break; }
      void this.#rollBack(transaction);
    });
  }

  /** Rejected, or where the controller takes no such outcome the end of the link (§4.2). */
  #refuse(delivery: IncomingDelivery, error: ErrorCondition): void {
    const outcomes = this.#receiver.remoteSource.outcomes;
    if (outcomes.length !== 0 && !outcomes.includes(REJECTED)) this.#terminate(error.condition, error.description ?? "");
    else void delivery.reject({ condition: error.condition, description: error.description, info: { ...error.info } });
  }

  #terminate(condition: string, description: string): void {
    void this.#receiver.close({ error: { condition, description }, drain: 0 }).catch(() => undefined);
    this.lose();
  }

  /** What the controller is told of an error of the user's. */
  #conditionOf(error: unknown, what: string): ErrorCondition {
    const { condition, info } = error as { condition?: unknown; info?: Record<string, unknown> };
    if (typeof condition === "string") return { condition, description: error instanceof Error ? error.message : undefined, info };
    this.#report(error, what);
    return { condition: TransactionCondition.rollback, description: error instanceof Error ? error.message : String(error) };
  }

  #report(error: unknown, what: string): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#receiver.report(new AmqpError(`${what}() of a coordinator failed: ${text}`, { code: "handler-failed", scope: "link", cause: error }));
  }
}

type Request =
  | { readonly type: "declare"; readonly globalId: unknown }
  | { readonly type: "discharge"; readonly txnId: Uint8Array; readonly fail: boolean };

/** What the controller asks for. */
function readRequest(delivery: IncomingDelivery): Request | ErrorCondition {
  let body: unknown;
  try {
    ({ body } = delivery.message);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return { condition: AmqpCondition.decodeError, description: error.message };
  }
  const fields: unknown = body instanceof Described ? body.value : undefined;
  if (body instanceof Described && Array.isArray(fields)) {
    const { descriptor } = body;
    if (descriptor === 0x31n || descriptor === "amqp:declare:list") return { type: "declare", globalId: fields[0] };
    if (descriptor === 0x32n || descriptor === "amqp:discharge:list") {
      const [txnId, fail] = fields as unknown[];
      if (txnId instanceof Uint8Array) return { type: "discharge", txnId, fail: fail === true };
      return { condition: AmqpCondition.invalidField, description: "a discharge needs a txn-id" };
    }
  }
  return { condition: AmqpCondition.notImplemented, description: "a coordinator takes declare and discharge (part 4 of the standard), nothing else" };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

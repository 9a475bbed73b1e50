/**
 * A transaction that we control (§4): what was sent and retired in it, and how it ends.
 *
 * | phase | then |
 * |---|---|
 * | declaring | active, when the peer has given an id |
 * | active | committing or aborting, by a call; over, when the control link is lost: rolled back |
 * | committing | waits until each send has its outcome, then asks; over, when the peer has answered, or cannot any more |
 * | aborting | waits until no message is half written, then asks; over, whatever comes |
 * | over | nothing; a commit in doubt may still be answered |
 */

import { AmqpError, ConfigError, LinkError, TransactionError } from "../errors.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import { ACCEPTED } from "../frames/delivery-state.ts";
import type { MessageInit } from "../message/fields.ts";
import { Message } from "../message/message.ts";
import type { CallOptions } from "../options/call.ts";
import { checkCallOptions } from "../options/resolve.ts";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY, copyBytes } from "../util/bytes.ts";
import { Deferred } from "../util/deferred.ts";
import type { Connection, IncomingDelivery, OutgoingDelivery, Sender, SendOptions, Session, Transaction } from "./api.ts";
import type { DeliveryStateInit } from "./shapes.ts";
import type { Controlled, Controller, Verdict } from "./controller.ts";
import { checkState } from "./encodable.ts";
import type { EnlistedSend } from "./enlistment.ts";
import { TransactionWork } from "./enlistment.ts";
import type { EventScope, EventSubject } from "./events.ts";
import { ClientIncoming } from "./incoming.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import type { Profile } from "./profile.ts";
import { HeardPromise } from "./promise.ts";
import { ClientSender } from "./sender.ts";
import { stateOf } from "./states.ts";
import { bounds, within } from "./waiting.ts";

type Phase = "declaring" | "active" | "committing" | "aborting" | "over";

export class ClientTransaction extends TransactionWork implements Transaction, Controlled {
  readonly #profile: Profile;
  readonly #connection: Connection;
  readonly #settleBeforeDischarge: boolean;
  /** Who hears how it goes. */
  readonly #events: EventScope | undefined;
  readonly #declared = new Deferred<void>();
  #controller: Controller | undefined = undefined;
  #phase: Phase = "declaring";
  #state: Transaction["state"] = "active";
  #id: Bytes = EMPTY;
  /** The state of its transfers, and that of its accepted outcomes: the same object for all, so that dispositions merge. */
  #work: DeliveryState = ACCEPTED;
  #accepted: DeliveryState = ACCEPTED;
  #failure: TransactionError | undefined = undefined;
  #ending: Promise<void> | undefined = undefined;
  /** Sends whose outcome is not known. */
  readonly #pending = new Set<ClientOutgoing>();
  /** Sends that have an outcome, and wait for the discharge to be settled. */
  #told: ClientOutgoing[] = [];
  #retired: ClientIncoming[] = [];
  /** What waits for `#pending` to change. */
  #watch: (() => void) | undefined = undefined;
  /** The first send that failed after `commit()` was called, when nobody could look at it any more. */
  #failedSend: Error | undefined = undefined;
  /** Whether `commit()` was called. */
  #wanted = false;
  /** What a callback was told. */
  #heard: unknown = undefined;

  constructor(connection: Connection & { readonly profile: Profile }, settleBeforeDischarge: boolean, events?: EventScope) {
    super();
    this.#connection = connection;
    this.#profile = connection.profile;
    this.#settleBeforeDischarge = settleBeforeDischarge;
    this.#events = events;
    this.#declared.promise.catch(() => undefined);
  }

  get id(): Bytes {
    return this.#id.length === 0 ? EMPTY : copyBytes(this.#id);
  }

  get state(): Transaction["state"] {
    return this.#state;
  }

  get failure(): TransactionError | undefined {
    return this.#failure;
  }

  /** That of its control link; undefined until it is declared. */
  get session(): Session | undefined {
    return this.#controller?.session;
  }

  // ---------------------------------------------------------------- what its maker calls

  /** The peer has allotted an id. */
  begin(controller: Controller, id: Bytes): void {
    this.#controller = controller;
    this.#id = id;
    this.#work = { type: "transactional", txnId: id, outcome: undefined };
    this.#accepted = { type: "transactional", txnId: id, outcome: ACCEPTED };
    this.#phase = "active";
    controller.enter(this);
    this.#declared.resolve();
    this.#events?.emit("on_transaction_declared", this.#subject(undefined));
  }

  /** There will be none. */
  fail(error: unknown): void {
    this.#failure = error instanceof TransactionError ? error
      : new TransactionError(`no transaction was declared: ${error instanceof Error ? error.message : String(error)}`, { outcome: "rolled-back", cause: error });
    this.#phase = "over";
    this.#state = "aborted";
    this.#declared.reject(this.#failure);
    if (this.#events?.emit("on_transaction_declare_failed", this.#subject(error)) === true) this.#heard = error;
  }

  /** A promise of the public API that need not be awaited where a callback is told of its failure. */
  hear<T>(promise: Promise<T>): Promise<T> {
    const events = this.#events;
    if (events === undefined) return promise;
    const heard = new HeardPromise<T>((resolve) => resolve(promise));
    promise.catch((error: unknown) => {
      if (error === this.#heard || events.claims(error, heard.heard)) heard.catch(() => undefined);
    });
    return heard;
  }

  // ---------------------------------------------------------------- work

  send<Body = unknown>(sender: Sender<Body>, message: MessageInit<Body> | Message<Body>, options?: SendOptions): Promise<OutgoingDelivery> {
    if (!(sender instanceof ClientSender)) return Promise.reject(new ConfigError("transaction.send(): the first argument must be a sender", { code: "config", scope: "delivery" }));
    const given = { ...options, transaction: this };
    if (this.#phase !== "declaring") return sender.send(message, given);
    // It is read now, as by every send.
    const taken = Message.decode((message instanceof Message ? message : new Message(message as MessageInit)).encode()) as Message<Body>;
    return this.#declared.promise.then(() => sender.send(taken, given));
  }

  accept(delivery: IncomingDelivery, options?: CallOptions): Promise<void> {
    return this.update(delivery, ACCEPTED, options);
  }

  update(delivery: IncomingDelivery, state: DeliveryStateInit, options?: CallOptions): Promise<void> {
    return this.hear(this.#update(delivery, state, options));
  }

  async #update(delivery: IncomingDelivery, state: DeliveryStateInit, options: CallOptions | undefined): Promise<void> {
    const checked = checkCallOptions(withoutTransaction(options), "transaction.update()");
    if (!(delivery instanceof ClientIncoming)) throw new ConfigError("a transaction retires deliveries that were received", { code: "config", scope: "delivery" });
    const outcome = outcomeOf(state);
    if (this.#phase === "declaring") {
      await within(this.#declared.promise, bounds(this.#profile.clock, checked, Infinity, "session", "the transaction was not declared"));
    }
    this.#check(delivery.link.session, "retire a delivery");
    if (this.#failure !== undefined) throw this.#failure;
    const provisional: DeliveryState = outcome === ACCEPTED ? this.#accepted : { type: "transactional", txnId: this.#id, outcome };
    const unfit = delivery.retire({ outcome, active: true, passed: false }, provisional, this.#settleBeforeDischarge);
    if (unfit !== undefined) throw unfit;
    this.#retired.push(delivery as unknown as ClientIncoming);
  }

  // ---------------------------------------------------------------- TransactionWork

  override enlist(delivery: EnlistedSend): void {
    if (this.#phase === "declaring") {
      throw new ConfigError("send(): the transaction is not declared yet: await it, or use its own send()", { code: "invalid-state", scope: "delivery" });
    }
    this.#check((delivery as ClientOutgoing).link.session, "send");
    delivery.transaction = this;
    delivery.transferState = this.#work;
  }

  override track(delivery: EnlistedSend): void {
    const outgoing = delivery as ClientOutgoing;
    if (!outgoing.told) this.#pending.add(outgoing);
  }

  override written(_delivery: EnlistedSend): void {
    this.#watch?.();
  }

  override decided(delivery: EnlistedSend): void {
    const outgoing = delivery as ClientOutgoing;
    const { outcome } = outgoing;
    if (this.#phase === "committing" && outcome !== undefined && outcome.type !== "accepted") {
      this.#failedSend ??= outcome.type === "in-doubt" || outcome.type === "not-sent" ? toError(outcome.cause) : outgoing.link.failureOf(outgoing);
    }
    if (!outgoing.presettled && !outgoing.remoteSettled && outgoing.link.autoSettle && (outcome?.type === "accepted" || outcome === undefined)) {
      if (this.#phase === "over") this.#settle(outgoing);
      else this.#told.push(outgoing);
    }
    this.#pending.delete(outgoing);
    this.#watch?.();
  }

  // ---------------------------------------------------------------- Controlled

  lost(error: TransactionError): void {
    if (this.#phase === "over") return;
    if (this.#phase === "active") this.#end("aborted", error);
    // A commit or an abort under way hears of it from its own message, if that has left.
    else this.#failure ??= error;
    this.#watch?.();
  }

  late(verdict: Verdict): void {
    if (verdict.type === "in-doubt" || this.#state !== "in-doubt") return;
    this.#state = verdict.type === "committed" ? "committed" : "aborted";
    this.#failure = verdict.type === "committed" ? undefined : verdict.error;
    this.#tell(verdict.type === "committed");
  }

  // ---------------------------------------------------------------- ending

  commit(options?: CallOptions): Promise<void> {
    let checked: CallOptions;
    try {
      checked = checkCallOptions(options, "commit()");
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#phase === "declaring") return this.#declared.promise.then(() => this.commit(options));
    if (this.#phase === "committing" || this.#state === "committed") return this.#ending as Promise<void>;
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#phase !== "active") return Promise.reject(new ConfigError("commit(): the transaction was aborted", { code: "invalid-state", scope: "session" }));
    this.#phase = "committing";
    this.#wanted = true;
    this.#ending = this.hear(this.#commit(checked));
    return this.#ending;
  }

  abort(options?: CallOptions): Promise<void> {
    let checked: CallOptions;
    try {
      checked = checkCallOptions(options, "abort()");
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.#phase === "declaring") return this.#declared.promise.then(() => this.abort(options), () => undefined);
    if (this.#phase === "committing" || this.#state === "committed") {
      return Promise.reject(new ConfigError("abort(): commit() was called before", { code: "invalid-state", scope: "session" }));
    }
    if (this.#phase === "aborting") return this.#ending as Promise<void>;
    if (this.#phase === "over") return this.#state === "in-doubt" ? Promise.reject(this.#failure as AmqpError) : Promise.resolve();
    this.#ending = this.hear(this.#abort(checked, undefined));
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#phase === "committing") return (this.#ending as Promise<void>).catch(() => undefined);
    if (this.#phase === "over") return Promise.resolve();
    return this.abort();
  }

  async #commit(options: CallOptions): Promise<void> {
    const { clock, timeouts } = this.#profile;
    const timeout = options.timeout ?? timeouts.send;
    const started = clock.now();
    let verdict: Verdict;
    try {
      await within(this.#until(() => this.#pending.size === 0), bounds(clock, options, timeout, "session", "commit(): not all sends of the transaction had an outcome"));
      if (this.#failedSend !== undefined) throw this.#failedSend;
      this.#flushOutcomes();
      verdict = await (this.#controller as Controller).commit(this, { timeout: Math.max(0, timeout - (clock.now() - started)), signal: options.signal });
    } catch (error) {
      await this.#giveUp(error, options.signal);
      throw this.#failure as AmqpError;
    }
    switch (verdict.type) {
      case "committed":
        this.#end("committed", undefined);
        return;
      case "in-doubt":
        this.#end("in-doubt", verdict.error);
        throw verdict.error;
      case "rolled-back":
        if (verdict.sent) this.#end("aborted", verdict.error);
        else await this.#giveUp(verdict.error, undefined);
        throw verdict.error;
    }
  }

  /** The commit ends before the peer has heard of it: it is an abort. Rejects only with the reason of the caller's signal. */
  async #giveUp(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    const failure: TransactionError = this.#failure ?? (error instanceof TransactionError ? error
      : new TransactionError(`the transaction was not committed but rolled back: ${toError(error).message}`, { outcome: "rolled-back", cause: error }));
    await this.#abort({}, failure).catch((late: unknown) => this.#profile.onError(late as AmqpError));
    if (signal?.aborted === true && signal.reason === error) throw error;
  }

  /** @param failure why, where it is not what was asked for */
  async #abort(options: CallOptions, failure: TransactionError | undefined): Promise<void> {
    const { clock, timeouts } = this.#profile;
    const timeout = options.timeout ?? timeouts.send;
    const started = clock.now();
    this.#phase = "aborting";
    let late: unknown;
    const why = failure ?? new TransactionError("the transaction is aborted", { outcome: "rolled-back" });
    for (const delivery of [...this.#pending]) if (delivery.writtenAt < 0 && !delivery.partial) delivery.link.withdraw(delivery, why);
    try {
      await within(this.#until(() => !this.#writing), bounds(clock, options, timeout, "session", "abort(): a message of the transaction is half sent"));
      if (this.#failure === undefined) {
        this.#flushOutcomes();
        await (this.#controller as Controller).abort(this, { timeout: Math.max(0, timeout - (clock.now() - started)), signal: options.signal });
      }
    } catch (error) {
      (this.#controller as Controller).spend();
      late = error;
      throw error;
    } finally {
      this.#end("aborted", this.#failure ?? failure, late);
    }
  }

  /** Whether some frames of a message are written and some are not: no discharge may come in between (§4.4.1). */
  get #writing(): boolean {
    for (const delivery of this.#pending) if (delivery.partial) return true;
    return false;
  }

  /** Resolves when it is so, or when the transaction is lost. */
  #until(condition: () => boolean): Promise<void> {
    const done = new Deferred<void>();
    const look = (): void => {
      if (this.#failure !== undefined && this.#phase === "committing") done.reject(this.#failure);
      else if (this.#failure !== undefined || condition()) done.resolve();
      else return;
      this.#watch = undefined;
    };
    this.#watch = look;
    look();
    return done.promise;
  }

  /** Outcomes that wait to be written must not come after the discharge. */
  #flushOutcomes(): void {
    for (const delivery of this.#retired) delivery.link.endpoint?.session.writeDispositions();
  }

  /** @param late what an abort rejects with, although it is one */
  #end(state: "committed" | "aborted" | "in-doubt", failure: TransactionError | undefined, late?: unknown): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#state = state;
    this.#failure = failure;
    (this.#controller as Controller).release(this);
    const told = this.#told;
    this.#told = [];
    for (const delivery of told) this.#settle(delivery);
    for (const delivery of [...this.#pending]) {
      if (failure !== undefined && delivery.writtenAt < 0 && !delivery.partial) delivery.link.withdraw(delivery, failure);
    }
    // In doubt, the answer may still come on the living link.
    if (state !== "in-doubt" || !(this.#controller as Controller).usable) this.#tell(state === "committed");
    const name = state === "committed" ? "on_transaction_committed" : this.#wanted ? "on_transaction_commit_failed" : "on_transaction_aborted";
    if (this.#events?.emit(name, this.#subject(failure ?? late)) === true) this.#heard = failure ?? late;
  }

  /** What its events tell. */
  #subject(error: unknown): EventSubject {
    return { connection: this.#connection, session: this.session, transaction: this, error: error === undefined || error instanceof AmqpError ? error : this.#failure };
  }

  /** What was retired in it takes effect, or is ours again. */
  #tell(committed: boolean): void {
    const retired = this.#retired;
    this.#retired = [];
    for (const delivery of retired) {
      if (committed) delivery.committed();
      else delivery.rolledBack();
    }
  }

  #settle(delivery: ClientOutgoing): void {
    if (!delivery.settled && delivery.link.endpoint?.isAttached === true && delivery.endpoint === delivery.link.endpoint) delivery.link.endpoint.settle(delivery, undefined);
  }

  /** @throws ConfigError where a link of that session can take no part */
  #check(session: Session, what: string): void {
    if (this.#failure !== undefined) return;
    if (this.#phase === "aborting" || (this.#phase === "over" && this.#state === "aborted")) throw new ConfigError(`the transaction was aborted: it cannot ${what} any more`, { code: "invalid-state", scope: "delivery" });
    if (this.#phase !== "active") throw new ConfigError(`commit() was called: the transaction cannot ${what} any more`, { code: "invalid-state", scope: "delivery" });
    const controller = this.#controller as Controller;
    if (session === controller.session) return;
    if (session.connection !== controller.session.connection) throw new ConfigError("the transaction belongs to another connection than the link", { code: "config", scope: "delivery" });
    if (controller.spans) return;
    throw new ConfigError("the link is in another session than the transaction, and the peer has no transactions over several (amqp:multi-ssns-per-txn): "
      + "make one session, and give it as option \"session\" to the links and to transaction()", { code: "config", scope: "delivery" });
  }
}

function outcomeOf(init: DeliveryStateInit): Outcome {
  const state = stateOf(init);
  checkState(state);
  if (state.type === "received" || state.type === "transactional" || state.type === "declared") {
    throw new ConfigError(`a delivery is retired with an outcome (accepted, rejected, released, modified), not with ${state.type}`, { code: "config", scope: "delivery" });
  }
  return state;
}

/** The options of `delivery.accept()` name the transaction itself. */
function withoutTransaction(options: (CallOptions & { transaction?: unknown }) | undefined): CallOptions | undefined {
  if (options === undefined || !("transaction" in options)) return options;
  const { transaction: _, ...rest } = options;
  return rest;
}

function toError(value: unknown): Error {
  return value instanceof Error ? value : new LinkError(String(value), { code: "not-sent", scope: "delivery" });
}

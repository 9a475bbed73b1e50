/** A delivery that we received, until it is settled on both sides. */

import { IncomingTransfer } from "../engine/deliveries.ts";
import type { IncomingBody } from "../engine/incoming-body.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import { sameOutcome, terminal } from "../engine/recovery/resume.ts";
import type { AmqpError } from "../errors.ts";
import { ConfigError, LinkError } from "../errors.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import { ACCEPTED, RELEASED } from "../frames/delivery-state.ts";
import type { MessageInit } from "../message/fields.ts";
import { streamedSection } from "../message/body.ts";
import { Message } from "../message/message.ts";
import type { CallOptions, ErrorInit } from "../options/call.ts";
import { checkNames } from "../options/check.ts";
import { checkCallOptions } from "../options/resolve.ts";
import type { Bytes } from "../util/bytes.ts";
import { Deferred } from "../util/deferred.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import type { Connection, IncomingDelivery, OutgoingDelivery, Receiver, SendOptions, Session, Transaction } from "./api.ts";
import type { BodyStream } from "./body-stream.ts";
import type { DeliveryStateInit, Settling } from "./shapes.ts";
import type { FirstCopy } from "./duplicate-window.ts";
import { checkState } from "./encodable.ts";
import type { Enlistment, ResourceTransaction } from "./enlistment.ts";
import { isTransaction } from "./enlistment.ts";
import type { LinkEvents } from "./events.ts";
import { IncomingContent } from "./incoming-content.ts";
import { rejectionOf, stateOf } from "./states.ts";
import { reportedSettling, SETTLED, settling } from "./waiting.ts";

/** What a delivery needs of its receiver. */
export interface IncomingOwner extends Receiver {
  readonly endpoint: ReceiverEndpoint | undefined;
  /** Who hears of the link. */
  readonly events: LinkEvents | undefined;
  readonly decoding: DecodeOptions;
  /** Whether the sender settles, after our outcome (rcv-settle-mode second). */
  readonly settlesSecond: boolean;
  /** Whether the peer's source can take back a message as modified. */
  readonly offersModified: boolean;
  /** A delivery is settled or passed; `wasHeld` if it counted against prefetch until now. */
  passed(wasHeld: boolean): void;
  /** Waits no longer than the options allow. */
  bounded(settled: Settling, options: CallOptions): Promise<void>;
  /** Tells an error of which nobody else hears. */
  report(error: AmqpError): void;
  /** Its outcome waits for the sender's settlement, or does so no longer. */
  unconfirmed(delivery: ClientIncoming, waits: boolean): void;
  /** What was to be told cannot be made durable: no more is taken. */
  storeFailed(error: AmqpError): void;
  /** What is kept of it in a store, where there is one. */
  readonly ledger: IncomingLedger | undefined;
  /** Sends an answer to where the delivery's message wants it. */
  answer(delivery: IncomingDelivery, message: MessageInit | Message, options: SendOptions | undefined): Promise<OutgoingDelivery>;
}

/** What a delivery needs of its receiver's store. */
export interface IncomingLedger {
  /** Resolves when the outcome is durable. */
  record(delivery: ClientIncoming, state: DeliveryState, commitWith: unknown): Promise<void>;
  /** It is settled. */
  forget(delivery: ClientIncoming): void;
}

const ACCEPT_NAMES: ReadonlySet<string> = new Set(["signal", "timeout", "transaction", "commitWith"]);
const RELEASE_NAMES: ReadonlySet<string> = new Set(["delivered"]);
const MODIFY_NAMES: ReadonlySet<string> = new Set(["deliveryFailed", "undeliverableHere", "annotations"]);

export class ClientIncoming<Body = unknown> extends IncomingTransfer implements IncomingDelivery<Body> {
  readonly link: IncomingOwner & Receiver<Body>;
  /** Whether somebody took it and has neither settled nor passed it. */
  held = false;
  /** Whether its outcome was told. */
  disposed = false;
  /** Its link is lost, and it waits for an attachment on which the sender goes on with it. */
  suspended = false;
  /** Its part in a transaction of ours, once it was retired in one. */
  enlistment: Enlistment | undefined = undefined;
  /** The transaction of the peer's that it was posted in. */
  postedIn: ResourceTransaction | undefined = undefined;
  /** Its part in telling copies of it, where that is asked for. */
  first: FirstCopy | undefined = undefined;
  /** The body, where it is read as a stream. */
  content: IncomingContent | undefined = undefined;
  #message: Message<Body> | undefined = undefined;
  #settlement: Deferred<void> | undefined = undefined;
  /** An outcome that is told when the delivery has come whole. */
  #postponed: DeliveryState | undefined = undefined;

  constructor(link: IncomingOwner) {
    super();
    this.link = link as IncomingOwner & Receiver<Body>;
  }

  get connection(): Connection {
    return this.link.connection;
  }

  get session(): Session {
    return this.link.session;
  }

  get tag(): Bytes {
    return this.copyTag();
  }

  get settled(): boolean {
    return this.localSettled || this.remoteSettled;
  }

  get partial(): boolean {
    return this.arriving !== undefined && !this.arriving.finished;
  }

  get readable(): boolean {
    return this.content === undefined || this.content.readable;
  }

  get message(): Message<Body> {
    this.#message ??= (this.arriving === undefined
      ? Message.fromWire(this.bytes, this.start, this.end, this.link.decoding, this.messageFormat) : this.#withoutBody(this.arriving)) as Message<Body>;
    return this.#message;
  }

  stream(): BodyStream {
    this.content ??= IncomingContent.whole(this.bytes, this.start, this.end);
    return this.content.stream;
  }

  accept(options?: CallOptions & { transaction?: Transaction | undefined; commitWith?: unknown }): Settling {
    if (options !== undefined) checkAccept(options, this.link.ledger !== undefined && this.postedIn === undefined);
    if (options?.transaction !== undefined) return reportedSettling(this.#acceptIn(options.transaction, options), (error) => this.link.report(error));
    const done = this.#dispose(ACCEPTED, false, options?.commitWith);
    return options === undefined || done === SETTLED ? done : settling(this.link.bounded(done, options));
  }

  reject(error?: ErrorInit | string | Error): Settling {
    return this.#dispose({ type: "rejected", error: rejectionOf(error) });
  }

  release(options?: { delivered?: boolean | undefined }): Settling {
    if (options !== undefined) checkNames(options, RELEASE_NAMES, "release()");
    return options?.delivered === true ? this.modify({ deliveryFailed: true }) : this.#dispose(RELEASED);
  }

  modify(options?: {
    deliveryFailed?: boolean | undefined; undeliverableHere?: boolean | undefined; annotations?: Record<string, unknown> | undefined;
  }): Settling {
    if (options !== undefined) checkNames(options, MODIFY_NAMES, "modify()");
    // A peer that does not know modified drops such messages (RabbitMQ 3).
    if (!this.link.offersModified) return this.#dispose(RELEASED);
    return this.#dispose({
      type: "modified", deliveryFailed: options?.deliveryFailed ?? false, undeliverableHere: options?.undeliverableHere ?? false,
      annotations: options?.annotations ?? {},
    });
  }

  reply(message: MessageInit | Message, options?: SendOptions): Promise<OutgoingDelivery> {
    return this.link.answer(this as unknown as IncomingDelivery, message, options);
  }

  /** A message whose values make no sense is never given back: it would come again and again. */
  rejectUndecodable(): Settling {
    return this.reject({ condition: AmqpCondition.decodeError, description: "the message could not be decoded" });
  }

  settle(state?: DeliveryStateInit): Settling {
    const given = state === undefined ? this.localState : this.#provisional(this.#stateOf(state));
    checkState(given);
    if (this.settled && this.disposed) return this.#stale() ?? SETTLED;
    if (this.first === undefined && this.link.ledger === undefined) return this.#settleAs(given);
    const settle = (): Settling => this.#kept(given, undefined, () => this.#settleAs(given));
    return this.first === undefined ? settle() : this.#asFirst(this.first, given, settle);
  }

  update(state: DeliveryStateInit): void {
    const given = this.#provisional(this.#stateOf(state));
    checkState(given);
    if (this.settled || this.#stale() !== undefined) return;
    if (given.type === "accepted" && this.first !== undefined) {
      void this.#asFirst(this.first, given, () => this.#updateAs(given));
      return;
    }
    if (this.link.ledger === undefined) this.#updateAs(given);
    else void this.#kept(given, undefined, () => this.#updateAs(given));
    if (given.type === "received") this.content?.confirm({ section: given.section, offset: Number(given.offset) });
  }

  [Symbol.dispose](): void {
    if (!this.disposed) void this.release();
    else this.letGo();
  }

  /** Its taker goes on: it is accepted if that is what going on means, and given back if its transaction was aborted (api.md, Loops). */
  goOn(accepts: boolean): Settling {
    if (accepts && this.enlistment !== undefined) return this.#leaveTransaction(this.enlistment);
    if (accepts && !this.disposed) return this.accept();
    this.content?.leave();
    this.#pass();
    return SETTLED;
  }

  /** Nobody has it in hand any more, so that an abort of its transaction gives it back. */
  letGo(): void {
    this.content?.leave();
    if (this.enlistment !== undefined) this.enlistment.passed = true;
  }

  // ---------------------------------------------------------------- what its transaction calls

  /** Its outcome is to be applied at the commit. Answers why it cannot be. @param state what tells the peer so */
  retire(enlistment: Enlistment, state: DeliveryState, settled: boolean): ConfigError | LinkError | undefined {
    if (this.disposed || this.remoteSettled) {
      return new ConfigError(`a delivery cannot be retired in a transaction after it was settled${this.enlistment?.active === true ? " or retired in another" : ""}`,
        { code: "invalid-state", scope: "delivery" });
    }
    if (!this.#lives()) return this.#staleError(undefined);
    if (this.partial) {
      return new ConfigError("a delivery cannot be retired in a transaction before it has come whole: read its stream to the end first",
        { code: "invalid-state", scope: "delivery" });
    }
    this.disposed = true;
    this.enlistment = enlistment;
    this.link.endpoint?.dispose(this, state, settled && !this.#second);
    this.#pass();
    return undefined;
  }

  /** The transaction is committed: what the peer has not settled yet is settled from here. */
  committed(): void {
    const { enlistment } = this;
    this.enlistment = undefined;
    if (enlistment === undefined) return;
    const { first } = this;
    if (first !== undefined && enlistment.outcome.type === "accepted") first.accepted()?.catch((error: unknown) => this.link.report(error as AmqpError));
    if (!this.settled && !this.#second && this.#lives()) this.link.endpoint?.dispose(this, enlistment.outcome, true);
    if (enlistment.outcome.type !== "accepted") first?.left();
  }

  /** The transaction was rolled back: it is ours again, unless it was settled before (§4.4.2). */
  rolledBack(): void {
    const { enlistment } = this;
    if (enlistment === undefined) return;
    enlistment.active = false;
    if (this.settled) {
      this.first?.left();
      return;
    }
    this.disposed = false;
    this.localState = undefined;
    this.remoteState = undefined;
    if (enlistment.passed) void this.release({ delivered: true });
  }

  // ---------------------------------------------------------------- what its receiver calls

  /** An at-most-once receiver accepts it before anybody has seen it. */
  acceptOnArrival(): void {
    void this.#dispose(ACCEPTED, true);
  }

  /** It was handed over as partial and has come whole: what was to be told then is told. */
  whole(): void {
    this.#message?.addFooter((this.arriving as IncomingBody).scanner.footer);
    const state = this.#postponed;
    if (state === undefined) return;
    this.#postponed = undefined;
    if (this.first === undefined) this.#tellWhole(state);
    else void this.#asFirst(this.first, state, () => this.#tellWhole(state));
  }

  #tellWhole(state: DeliveryState): Settling {
    const second = this.#second;
    if (this.#lives()) this.link.endpoint?.dispose(this, state, !second);
    if (!second || this.remoteSettled) this.#confirm();
    return SETTLED;
  }

  /** Its attachment is lost, and it stays for another one. */
  suspend(): void {
    this.suspended = true;
    this.endpoint = undefined;
    this.remoteState = undefined;
    this.charge = 0;
  }

  /** The peer has kept nothing of it. */
  abandoned(): void {
    this.suspended = false;
    if (terminal(this.localState) !== undefined) this.link.ledger?.forget(this as ClientIncoming);
  }

  /** The sender goes on with it on the present attachment: an outcome that waited is told. */
  rebind(): void {
    const theirs = terminal(this.remoteState);
    if (this.remoteSettled) this.handleDisposition(theirs, true);
    if (!this.disposed) {
      // In the queue it counts against the byte budget of the new connection.
      if (this.held) return;
      this.charge = this.end - this.start;
      this.link.endpoint?.charge(this.charge, 0);
      return;
    }
    const ours = terminal(this.localState);
    if (ours === undefined || this.remoteSettled) return;
    if (theirs === undefined || sameOutcome(theirs, ours)) {
      this.link.endpoint?.dispose(this, ours, this.localSettled);
      return;
    }
    // What the sender has decided counts; the receiver only agrees (X.9.13).
    this.link.endpoint?.dispose(this, theirs, true);
    this.#override(theirs);
  }

  /** Its sender has taken it back: there is nothing to be settled any more. */
  abandonedBySender(): void {
    this.fail(abortedError());
    this.first?.left();
    this.disposed = true;
    this.#settlement?.reject(abortedError());
    this.#settlement = undefined;
    this.link.unconfirmed(this as ClientIncoming, false);
  }

  /** The rest of it will never come, or is of no use. */
  fail(error: Error): void {
    this.content?.fail(error);
  }

  // ---------------------------------------------------------------- the engine's call

  override handleDisposition(state: DeliveryState | undefined, settled: boolean): void {
    if (state !== undefined) this.remoteState = state;
    if (!settled) return;
    this.remoteSettled = true;
    if (this.disposed) this.localSettled = true;
    this.link.ledger?.forget(this as ClientIncoming);
    const theirs = terminal(state);
    const ours = terminal(this.localState);
    if (this.disposed && theirs !== undefined && ours !== undefined && !sameOutcome(theirs, ours)) this.#override(theirs);
    else this.#confirm();
    this.link.events?.emit("on_settled", { delivery: this as unknown as IncomingDelivery });
  }

  /** The link is over: nobody will confirm it any more. */
  lose(cause: Error): void {
    // Its copy will find that it was accepted.
    const remembered = this.first?.done === true;
    if (remembered) this.#settlement?.resolve();
    else this.#settlement?.reject(this.#staleError(cause));
    this.#settlement = undefined;
    if (!remembered) this.first?.left();
  }

  // ---------------------------------------------------------------- private

  /** Whether the sender settles, after our outcome. */
  get #second(): boolean {
    return this.rcvSettleMode === undefined ? this.link.settlesSecond : this.rcvSettleMode === "second";
  }

  async #acceptIn(transaction: Transaction, options: CallOptions): Promise<void> {
    if (!isTransaction(transaction)) {
      throw new ConfigError("accept(): option \"transaction\" must be a transaction, as connection.transaction() gives it", { code: "config", scope: "delivery" });
    }
    await transaction.accept(this as unknown as IncomingDelivery, options);
  }

  #leaveTransaction(enlistment: Enlistment): Settling {
    if (!enlistment.active && !this.disposed) return this.release({ delivered: true });
    enlistment.passed = true;
    this.#pass();
    return SETTLED;
  }

  /** An outcome of what was posted in a transaction belongs to that (§4.4.1). */
  #provisional(state: DeliveryState): DeliveryState {
    return this.postedIn === undefined || !isOutcome(state) ? state : this.postedIn.provisional(state);
  }

  /** @param keeps whether a body that nobody reads yet is kept for whoever takes the delivery */
  #dispose(outcome: Outcome, keeps = false, commitWith?: unknown): Settling {
    const state = this.postedIn === undefined ? outcome : this.postedIn.provisional(outcome);
    checkState(state);
    if (this.aborted && this.content !== undefined) return settling(Promise.reject(abortedError()));
    if (this.disposed) return this.#settlement === undefined ? SETTLED : settling(this.#settlement.promise);
    const { first } = this;
    // Of what has not come yet the key is remembered when it has.
    const unguarded = first === undefined || (this.partial && outcome === ACCEPTED && (this.suspended || this.#lives()));
    if (unguarded && this.link.ledger === undefined) return this.#tell(outcome, state, keeps);
    const tell = (): Settling => this.#kept(state, commitWith, () => this.#tell(outcome, state, keeps));
    return unguarded ? tell() : this.#asFirst(first as FirstCopy, outcome, tell);
  }

  #tell(outcome: Outcome, state: DeliveryState, keeps: boolean): Settling {
    const stale = this.#stale();
    if (stale !== undefined) return stale;
    this.disposed = true;
    if (this.partial) {
      if (outcome !== ACCEPTED) this.fail(leftError());
      else if (!keeps) this.content?.leave();
    }
    if (this.remoteSettled) {
      this.localState = state;
      this.localSettled = true;
      this.#pass();
      return SETTLED;
    }
    const second = this.#second;
    // Nobody can vouch for what has not come yet.
    const later = this.partial && outcome === ACCEPTED;
    if (later) this.#postponed = state;
    else if (this.suspended) this.localState = state;
    else this.link.endpoint?.dispose(this, state, !second);
    this.#pass();
    if (!second && !later) return SETTLED;
    this.#settlement = new Deferred();
    this.link.unconfirmed(this as ClientIncoming, true);
    return settling(this.#settlement.promise);
  }

  #settleAs(given: DeliveryState | undefined): Settling {
    const stale = this.#stale();
    if (stale !== undefined) return stale;
    this.disposed = true;
    if (this.suspended) {
      this.localState = given;
      this.localSettled = true;
    } else this.link.endpoint?.dispose(this, given, true);
    if (this.partial) this.fail(leftError());
    this.#pass();
    return SETTLED;
  }

  #updateAs(given: DeliveryState): Settling {
    if (this.suspended) this.localState = given;
    else this.link.endpoint?.dispose(this, given, false);
    return SETTLED;
  }

  /** Tells an outcome of what may have copies: before accepted leaves, its key is remembered. Copies of what is not accepted are shown after it. */
  #asFirst(first: FirstCopy, given: DeliveryState | undefined, tell: () => Settling): Settling {
    const outcome = given?.type === "transactional" ? given.outcome : given;
    if (outcome?.type !== "accepted") {
      const told = tell();
      first.left();
      return told;
    }
    // Where the connection was lost meanwhile, the copy that comes is settled in its stead.
    const told = (): Settling => {
      if (this.suspended || this.#lives() || this.remoteSettled) return tell();
      this.disposed = true;
      this.#pass();
      return SETTLED;
    };
    const durable = first.accepted();
    if (durable === undefined) return told();
    return this.#whenDurable(durable, told, (error) => this.link.storeFailed(error));
  }

  /** With a store the outcome is durable before anybody hears of it (protocol.md X.2). */
  #kept(given: DeliveryState | undefined, commitWith: unknown, tell: () => Settling): Settling {
    const { ledger } = this.link;
    const outcome = terminal(given);
    if (ledger === undefined || outcome === undefined || this.remoteSettled || this.partial) return tell();
    const stale = this.#stale();
    if (stale !== undefined) return stale;
    const told = (): Settling => {
      // The sender of the attachment that there is now knows nothing of it.
      if (!this.#lives() && !this.suspended && !this.remoteSettled) ledger.forget(this as ClientIncoming);
      return tell();
    };
    // What was part of a transaction of the user's can be tried again with another one.
    const failed = (error: AmqpError): void => { if (commitWith === undefined) this.link.storeFailed(error); };
    return this.#whenDurable(ledger.record(this as ClientIncoming, outcome, commitWith), told, failed);
  }

  #whenDurable(durable: Promise<void>, told: () => Settling, failed: (error: AmqpError) => void): Settling {
    this.disposed = true;
    const settlement = new Deferred<void>();
    this.#settlement = settlement;
    const end = (): void => {
      this.disposed = false;
      if (this.#settlement === settlement) this.#settlement = undefined;
    };
    durable.then(() => {
      end();
      return told();
    }, (error: AmqpError) => {
      end();
      failed(error);
      throw error;
    }).then(() => settlement.resolve(), (error: Error) => settlement.reject(error));
    return settling(settlement.promise);
  }

  /** A state by its name, by its fields, or by an octet of the body that was read. @throws ConfigError config */
  #stateOf(init: DeliveryStateInit): DeliveryState {
    if (typeof init === "string" || init.type !== "received" || (init as { section?: number }).section !== undefined) return stateOf(init);
    if (init.offset === undefined) return stateOf(init as DeliveryState);
    this.content ??= IncomingContent.whole(this.bytes, this.start, this.end);
    return { type: "received", ...this.content.locate(Number(init.offset)) };
  }

  /** The message, as far as it stands before the body; sent on, it takes the body from the stream. */
  #withoutBody(arriving: IncomingBody): Message {
    const { scanner } = arriving;
    const body = streamedSection(() => this.stream(), undefined, () => scanner.footer);
    const message = Message.withoutBody(scanner.head, body, this.link.decoding, this.messageFormat);
    if (arriving.finished) message.addFooter(scanner.footer);
    return message;
  }

  #confirm(): void {
    if (this.#settlement === undefined) return;
    this.#settlement.resolve();
    this.#settlement = undefined;
    this.link.unconfirmed(this as ClientIncoming, false);
  }

  /** The sender applied another outcome than ours. */
  #override({ type }: Outcome): void {
    this.#settlement?.reject(new LinkError(`the sender had decided on the delivery already: it is ${type}`, { code: "stale-delivery", scope: "delivery", origin: "remote" }));
    this.#settlement = undefined;
    this.link.unconfirmed(this as ClientIncoming, false);
  }

  #pass(): void {
    const { held } = this;
    this.held = false;
    this.link.passed(held);
    this.postedIn?.passed(this);
  }

  /** Whether its attachment lives. */
  #lives(): boolean {
    return this.endpoint !== undefined && this.endpoint === this.link.endpoint && this.link.endpoint.isAttached;
  }

  /** Undefined while its attachment lives; afterwards it is on its way to somebody else. */
  #stale(): Settling | undefined {
    if (this.suspended || this.#lives()) return undefined;
    if (this.remoteSettled) return undefined;
    this.#pass();
    return settling(Promise.reject(this.#staleError(undefined)));
  }

  #staleError(cause: Error | undefined): LinkError {
    return new LinkError("the delivery's link is gone: its outcome can no longer be told, and the peer will deliver it again",
      { code: "stale-delivery", scope: "delivery", cause });
  }
}

function abortedError(): LinkError {
  return new LinkError("the sender has aborted the delivery: what came of it counts for nothing",
    { code: "delivery-aborted", scope: "delivery", origin: "remote" });
}

function leftError(): LinkError {
  return new LinkError("the delivery was given back before its body was read", { code: "invalid-state", scope: "delivery" });
}

function isOutcome(state: DeliveryState): state is Outcome {
  return state.type !== "received" && state.type !== "transactional" && state.type !== "declared";
}

function checkAccept(options: CallOptions & { transaction?: unknown; commitWith?: unknown }, stores: boolean): void {
  checkNames(options, ACCEPT_NAMES, "accept()");
  if (options.commitWith !== undefined && (!stores || options.transaction !== undefined)) {
    throw new ConfigError(options.transaction !== undefined ? 'accept(): options "commitWith" and "transaction" exclude each other: one is of your database, the other of the peer'
      : 'accept(): option "commitWith" needs an exactly-once receiver of a container with a "store"', { code: "config", scope: "delivery" });
  }
  const { signal, timeout } = options;
  if (signal !== undefined || timeout !== undefined) checkCallOptions({ signal, timeout }, "accept()");
}

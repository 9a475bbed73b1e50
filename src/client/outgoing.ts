/** A delivery that we send, from the call of `send()` to its settlement. */

import type { Resumption } from "../engine/deliveries.ts";
import { OutgoingTransfer } from "../engine/deliveries.ts";
import type { Received } from "../engine/recovery/resume.ts";
import { terminal } from "../engine/recovery/resume.ts";
import type { SenderEndpoint } from "../engine/sender.ts";
import { messageBytes, numberTag } from "../engine/sender.ts";
import { AmqpError, LinkError } from "../errors.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import { ACCEPTED } from "../frames/delivery-state.ts";
import { Message } from "../message/message.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes } from "../util/bytes.ts";
import { Deferred } from "../util/deferred.ts";
import type { Connection, OutgoingDelivery, Sender, Session } from "./api.ts";
import type { LinkIdentity } from "./unsettled-store.ts";
import type { DeliveryStateInit, SendOutcome, Settling } from "./shapes.ts";
import { checkState } from "./encodable.ts";
import type { EnlistedSend, Resource, ResourceTransaction, RetiredDelivery, TransactionWork } from "./enlistment.ts";
import type { LinkEvents } from "./events.ts";
import type { InFlight } from "./in-flight.ts";
import type { HeardPromise } from "./promise.ts";
import { inDoubt } from "./send-errors.ts";
import type { OutgoingBody, OutgoingBodyOwner } from "./outgoing-body.ts";
import { stateOf } from "./states.ts";
import { SETTLED } from "./waiting.ts";

/** What a delivery needs of its sender. */
export interface OutgoingOwner extends Sender {
  readonly endpoint: SenderEndpoint | undefined;
  /** Who hears of the link. */
  readonly events: LinkEvents | undefined;
  /** Whether outcomes are settled as they come. */
  readonly autoSettle: boolean;
  /** Its last frame is in the output. */
  written(delivery: ClientOutgoing): void;
  /** Its fate is known. */
  decided(delivery: ClientOutgoing): void;
  /** The error of the outcome that it has. */
  failureOf(delivery: ClientOutgoing): Error;
  /** Takes it back if it has not left. */
  withdraw(delivery: ClientOutgoing, reason?: AmqpError): void;
  /** Whether it is a link to a coordinator, whose answers may be `declared`. */
  readonly controls: boolean;
  /** What is kept of it in a store, where there is one. */
  readonly ledger: { record(delivery: ClientOutgoing, outcome: Outcome): void } | undefined;
  /** The transactions that the peer controls here. */
  readonly resource: Resource | undefined;
  /** What becomes of a delivery that the peer settles without an outcome of its own. */
  readonly defaultOutcome: Outcome;
  /** Why the link is over, if it is. */
  readonly over: AmqpError | undefined;
  /** For texts. */
  readonly title: string;
  /** Octets of its streamed body have left or are there; `waits` tells whether anything waits for the peer. */
  progressed(delivery: ClientOutgoing, waits: boolean): void;
  /** Its streamed body cannot be had. */
  bodyFailed(delivery: ClientOutgoing, cause: unknown): void;
  /** Something went wrong that nobody awaits. */
  report(error: AmqpError): void;
}

export class ClientOutgoing extends OutgoingTransfer implements OutgoingDelivery, InFlight, EnlistedSend, RetiredDelivery, OutgoingBodyOwner {
  readonly link: OutgoingOwner;
  previous: this | undefined = undefined;
  next: this | undefined = undefined;
  outcome: SendOutcome | undefined = undefined;
  localState: DeliveryState | undefined = undefined;
  /** Settles the promise of `send()`; undefined for `trySend()`, and once it is settled. */
  resolve: ((value: ClientOutgoing | Promise<never>) => void) | undefined = undefined;
  /** What `send()` answered, on a link that handlers hear of. */
  promise: HeardPromise<OutgoingDelivery> | undefined = undefined;
  /** Whether its fate is known, or its caller was told that it is in doubt. */
  told = false;
  /** Milliseconds on the connection's clock; Infinity is never. */
  deadline = Infinity;
  signal: AbortSignal | undefined = undefined;
  /** The transaction of ours that it is sent in. */
  transaction: TransactionWork | undefined = undefined;
  /** The transaction in which the peer retires it. */
  retiredIn: ResourceTransaction | undefined = undefined;
  /** How often its transfer was begun again on another attachment. */
  attempts = 0;
  /** Whether an earlier attempt left whole, so that the peer may have it. */
  left = false;
  /** Whether it stays in the table of its link although its fate was told. */
  kept = false;
  /** The body, where it is streamed. */
  content: OutgoingBody | undefined = undefined;
  /** Its link is lost, and it waits for an attachment that goes on with it. */
  suspended = false;
  /** From where on it can still be sent, if not from its start: of a streamed body what the receiver has confirmed may be gone. */
  received: Received | undefined = undefined;
  /** What is kept of it is not durable yet: it may not leave. */
  unstored = false;
  /** Its outcome is known and is being made durable. */
  recording = false;
  /** Under which name it is kept in the store, until its outcome is. */
  identity: LinkIdentity | undefined = undefined;
  /** A former process has sent it. */
  recovered = false;
  /** The last word on it waits to be sent. */
  #concluding = false;
  #settlement: Deferred<OutgoingDelivery> | undefined = undefined;

  constructor(link: OutgoingOwner) {
    super();
    this.link = link;
  }

  get connection(): Connection {
    return this.link.connection;
  }

  get session(): Session {
    return this.link.session;
  }

  get tag(): Bytes {
    return this.tagBytes === undefined ? numberTag(this.tagNumber) : copyBytes(this.tagBytes);
  }

  get settled(): boolean {
    return this.remoteSettled || this.localSettled || this.presettled;
  }

  get partial(): boolean {
    return this.link.endpoint?.partial === this;
  }

  /** Whether anybody gets the error of its failure: a caller of `send()`, or handlers. */
  get awaited(): boolean {
    return this.resolve !== undefined || this.link.events !== undefined;
  }

  get writable(): boolean {
    return this.writtenAt < 0 && !this.told;
  }

  get settlement(): Promise<OutgoingDelivery> {
    if (this.told) return Promise.resolve(this);
    this.#settlement ??= new Deferred();
    return this.#settlement.promise;
  }

  get message(): Message | undefined {
    return this.slab === undefined && this.chunks === undefined ? undefined : Message.decode(messageBytes(this));
  }

  abort(): void {
    this.link.withdraw(this);
  }

  settle(state?: DeliveryStateInit): Settling {
    if (state !== undefined) this.localState = encodableState(state);
    const attached = this.endpoint !== undefined && this.endpoint === this.link.endpoint;
    if (!this.settled && (attached || this.suspended)) {
      // Of one whose link is lost, its absence from our map says so.
      if (attached) this.link.endpoint?.settle(this, this.localState);
      this.localSettled = true;
      if (this.told) this.link.decided(this);
      else this.decide(outcomeIn(this.remoteState));
    }
    return SETTLED;
  }

  update(state: DeliveryStateInit): void {
    this.localState = encodableState(state);
    if (!this.settled && this.endpoint !== undefined && this.endpoint === this.link.endpoint) this.link.endpoint.update(this, this.localState);
  }

  /** Its attachment is lost, and another one will go on with it. */
  suspend(): void {
    this.endpoint = undefined;
    this.deliveryId = -1;
    this.resume = undefined;
    this.suspended = true;
    this.#concluding = false;
  }

  /** Its attachment is lost: it is to be written again, or what is left of it; without `resume` nothing that is known of it holds any more. */
  rewind(resume?: Resumption): void {
    this.endpoint = undefined;
    this.deliveryId = -1;
    this.writtenAt = -1;
    this.suspended = false;
    this.resume = resume;
    if (resume === undefined) this.remoteState = undefined;
    this.attempts += 1;
  }

  /** The maps of a resumed link tell its outcome. */
  conclude(outcome: Outcome, settles: boolean): void {
    const known = this.#toldOutcome;
    this.remoteState = outcome;
    this.left = true;
    if (this.identity !== undefined) {
      this.#concluding = settles;
      this.#record(outcome);
      return;
    }
    if (settles) this.localSettled = true;
    if (this.told) this.link.decided(this);
    else this.decide(outcome);
    this.link.events?.updated(this, known === undefined ? outcome : undefined, settles);
  }

  // ---------------------------------------------------------------- what its streamed body calls

  progressed(waits: boolean): void {
    this.link.progressed(this, waits);
  }

  failed(cause: unknown): void {
    this.link.bodyFailed(this, cause);
  }

  report(error: unknown): void {
    this.link.report(new LinkError("the source of a streamed body failed when it was left", { code: "handler-failed", scope: "delivery", cause: error }));
  }

  proceed(): void {
    this.link.endpoint?.proceed(this);
  }

  // ---------------------------------------------------------------- the engine's calls

  override handleWritten(): void {
    this.link.written(this);
    this.transaction?.written(this);
  }

  override handleDisposition(state: DeliveryState | undefined, settled: boolean): void {
    const { events } = this.link;
    if (events === undefined) {
      this.#apply(state, settled);
      return;
    }
    const known = this.#toldOutcome;
    const over = this.settled;
    this.#apply(state, settled);
    if (!this.recording) events.updated(this, known === undefined ? this.#toldOutcome : undefined, !over && this.settled);
  }

  /** The outcome that the peer has told; in a transaction of ours, what it will be after the commit. */
  get #toldOutcome(): Outcome | undefined {
    const { remoteState } = this;
    return this.transaction !== undefined || (remoteState !== undefined && isTerminal(remoteState)) ? outcomeIn(remoteState) : undefined;
  }

  #apply(state: DeliveryState | undefined, settled: boolean): void {
    if (settled) this.remoteSettled = true;
    if (this.remoteState === undefined || !isTerminal(this.remoteState)) this.remoteState = state ?? this.remoteState;
    const present = this.remoteState;
    if (present === undefined || !isTerminal(present)) {
      this.#handleProgress(present, settled);
      return;
    }
    if (this.identity !== undefined) {
      this.#record(present);
      return;
    }
    if (!settled && this.link.autoSettle && !this.localSettled) {
      this.localSettled = true;
      this.link.endpoint?.settle(this, undefined);
    }
    if (!this.told) this.decide(present);
    else this.link.decided(this);
  }

  /** Its outcome is made durable before anybody is told. */
  #record(outcome: Outcome): void {
    if (this.recording) return;
    this.recording = true;
    this.link.ledger?.record(this, outcome);
  }

  /** Its outcome is durable, or cannot be made so: then it stays, and is told again by the peer on the next attachment. */
  recorded(error: AmqpError | undefined): void {
    this.recording = false;
    const { link } = this;
    if (error !== undefined) {
      if (!this.told) this.decide({ type: "in-doubt", cause: error }, inDoubt(error, this, link.title, "store-failed"));
      return;
    }
    if (this.#concluding) {
      this.localSettled = true;
    } else if (link.autoSettle && !this.settled && link.endpoint?.isAttached === true && this.endpoint === link.endpoint) {
      this.localSettled = true;
      link.endpoint.settle(this, undefined);
    }
    if (this.told) link.decided(this);
    else this.decide(outcomeIn(this.remoteState));
    link.events?.updated(this, outcomeIn(this.remoteState), this.settled);
  }

  /** A state that is no outcome, or one that is still provisional. */
  #handleProgress(state: DeliveryState | undefined, settled: boolean): void {
    if (state?.type === "transactional" && state.outcome !== undefined) {
      // What we sent in a transaction of ours has the outcome that it will have after the commit; it is settled with that.
      if (this.transaction === undefined) this.#retire(state.txnId, state.outcome, settled);
      else if (this.told) this.link.decided(this);
      else this.decide(state.outcome);
      return;
    }
    if (state?.type === "declared" && this.link.controls) {
      if (!settled && !this.localSettled) this.link.endpoint?.settle(this, undefined);
      if (this.told) this.link.decided(this);
      else this.decide(undefined);
      return;
    }
    if (settled && !this.told) this.decide(undefined);
  }

  /** The peer retires it in a transaction of its own; one that is not known changes nothing, and its discharge will be refused. */
  #retire(txnId: Uint8Array, outcome: Outcome, settled: boolean): void {
    const transaction = this.link.resource?.find(txnId);
    if (transaction !== undefined) transaction.retire(this, outcome);
    else if (settled) this.decide(this.link.defaultOutcome);
    else this.remoteState = undefined;
  }

  retire(outcome: Outcome): void {
    this.retiredIn = undefined;
    if (this.told) return;
    this.remoteState = outcome;
    if (this.link.autoSettle && !this.settled && this.link.endpoint?.isAttached === true) void this.settle(outcome);
    else this.decide(outcome);
    this.link.events?.updated(this, outcome, this.settled);
  }

  revert(): void {
    this.retiredIn = undefined;
    if (this.told) return;
    this.remoteState = undefined;
    const { over } = this.link;
    if (this.remoteSettled) {
      this.decide(this.link.defaultOutcome);
      return;
    }
    if (over === undefined && this.endpoint === this.link.endpoint && this.link.endpoint?.isAttached === true) return;
    const cause = over ?? new LinkError("its attachment was lost while it was retired in a transaction, which was rolled back", { code: "link-detached", scope: "link" });
    if (over === undefined) this.rewind();
    this.decide({ type: "in-doubt", cause }, inDoubt(cause, this, this.link.title));
  }

  /** It leaves settled: nobody will tell its outcome. */
  leave(): void {
    this.told = true;
    this.#settlement?.resolve(this);
    this.transaction?.decided(this);
  }

  /** Its fate is known; undefined where the peer settled without an outcome. */
  decide(outcome: SendOutcome | undefined, error?: Error): void {
    this.told = true;
    this.outcome = outcome;
    const { resolve, link } = this;
    this.resolve = undefined;
    link.decided(this);
    this.transaction?.decided(this);
    const good = error === undefined && (outcome === undefined || outcome === ACCEPTED || outcome.type === "accepted");
    if (resolve !== undefined) resolve(good ? this : this.#failure(error ?? link.failureOf(this)));
    else if (!good && link.events !== undefined && error instanceof AmqpError) link.events.sendFailed(this, error, true);
    this.#settlement?.resolve(this);
  }

  #failure(error: Error): Promise<never> {
    const { events } = this.link;
    const { promise } = this;
    if (events !== undefined && promise !== undefined && error instanceof AmqpError && events.sendFailed(this, error, promise.heard)) promise.catch(() => undefined);
    return Promise.reject(error);
  }
}

function encodableState(init: DeliveryStateInit): DeliveryState {
  const state = stateOf(init);
  checkState(state);
  return state;
}

/** The outcome that a state tells, provisional or not. */
function outcomeIn(state: DeliveryState | undefined): Outcome | undefined {
  if (state?.type === "transactional") return state.outcome;
  return terminal(state);
}

function isTerminal(state: DeliveryState): state is Outcome {
  return terminal(state) !== undefined;
}

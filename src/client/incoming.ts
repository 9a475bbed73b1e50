/** A delivery that we received, until it is settled on both sides. */

import { IncomingTransfer } from "../engine/deliveries.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import { LinkError } from "../errors.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import { ACCEPTED, RELEASED } from "../frames/delivery-state.ts";
import { Message } from "../message/message.ts";
import type { CallOptions, ErrorInit } from "../options/call.ts";
import type { Bytes } from "../util/bytes.ts";
import { Deferred } from "../util/deferred.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import type { Connection, DeliveryStateInit, IncomingDelivery, Receiver, Session, Settling } from "./api.ts";
import { checkState } from "./encodable.ts";
import { rejectionOf, stateOf } from "./states.ts";
import { SETTLED, settling } from "./waiting.ts";

/** What a delivery needs of its receiver. */
export interface IncomingOwner extends Receiver {
  readonly endpoint: ReceiverEndpoint | undefined;
  readonly decoding: DecodeOptions;
  /** Whether the sender settles, after our outcome (rcv-settle-mode second). */
  readonly settlesSecond: boolean;
  /** Whether the peer's source can take back a message as modified. */
  readonly offersModified: boolean;
  /** A delivery is settled or passed; `wasHeld` if it counted against prefetch until now. */
  passed(wasHeld: boolean): void;
  /** Waits no longer than the options allow. */
  bounded(settled: Settling, options: CallOptions): Promise<void>;
  /** Its outcome waits for the sender's settlement, or does so no longer. */
  unconfirmed(delivery: ClientIncoming, waits: boolean): void;
}

export class ClientIncoming<Body = unknown> extends IncomingTransfer implements IncomingDelivery<Body> {
  readonly link: IncomingOwner & Receiver<Body>;
  /** Whether somebody took it and has neither settled nor passed it. */
  held = false;
  /** Whether its outcome was told. */
  disposed = false;
  #message: Message<Body> | undefined = undefined;
  #settlement: Deferred<void> | undefined = undefined;

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
    return false;
  }

  get readable(): boolean {
    return true;
  }

  get message(): Message<Body> {
    this.#message ??= Message.fromWire(this.bytes, this.start, this.end, this.link.decoding, this.messageFormat) as Message<Body>;
    return this.#message;
  }

  accept(options?: CallOptions): Settling {
    const done = this.#dispose(ACCEPTED);
    return options === undefined || done === SETTLED ? done : settling(this.link.bounded(done, options));
  }

  reject(error?: ErrorInit | string | Error): Settling {
    return this.#dispose({ type: "rejected", error: rejectionOf(error) });
  }

  release(options?: { delivered?: boolean | undefined }): Settling {
    return options?.delivered === true ? this.modify({ deliveryFailed: true }) : this.#dispose(RELEASED);
  }

  modify(options?: {
    deliveryFailed?: boolean | undefined; undeliverableHere?: boolean | undefined; annotations?: Record<string, unknown> | undefined;
  }): Settling {
    // A peer that does not know modified drops such messages (RabbitMQ 3).
    if (!this.link.offersModified) return this.#dispose(RELEASED);
    return this.#dispose({
      type: "modified", deliveryFailed: options?.deliveryFailed ?? false, undeliverableHere: options?.undeliverableHere ?? false,
      annotations: options?.annotations ?? {},
    });
  }

  /** A message whose values make no sense is never given back: it would come again and again. */
  rejectUndecodable(): Settling {
    return this.reject({ condition: AmqpCondition.decodeError, description: "the message could not be decoded" });
  }

  settle(state?: DeliveryStateInit): Settling {
    const given = state === undefined ? this.localState : stateOf(state);
    checkState(given);
    const stale = this.#stale();
    if (stale !== undefined) return stale;
    if (this.settled && this.disposed) return SETTLED;
    this.disposed = true;
    this.link.endpoint?.dispose(this, given, true);
    this.#pass();
    return SETTLED;
  }

  update(state: DeliveryStateInit): void {
    const given = stateOf(state);
    checkState(given);
    if (this.settled || this.#stale() !== undefined) return;
    this.link.endpoint?.dispose(this, given, false);
  }

  [Symbol.dispose](): void {
    if (!this.disposed) void this.release();
  }

  /** The loop has gone on, or its outcome is told: it no longer counts against prefetch. */
  pass(): void {
    this.#pass();
  }

  // ---------------------------------------------------------------- the engine's call

  override handleDisposition(state: DeliveryState | undefined, settled: boolean): void {
    if (state !== undefined) this.remoteState = state;
    if (!settled) return;
    this.remoteSettled = true;
    if (this.disposed) this.localSettled = true;
    this.#confirm();
  }

  /** The link is over: nobody will confirm it any more. */
  lose(cause: Error): void {
    this.#settlement?.reject(this.#staleError(cause));
    this.#settlement = undefined;
  }

  // ---------------------------------------------------------------- private

  #dispose(state: DeliveryState): Settling {
    checkState(state);
    if (this.disposed) return this.#settlement === undefined ? SETTLED : settling(this.#settlement.promise);
    const stale = this.#stale();
    if (stale !== undefined) return stale;
    this.disposed = true;
    if (this.remoteSettled) {
      this.localState = state;
      this.localSettled = true;
      this.#pass();
      return SETTLED;
    }
    const second = this.rcvSettleMode === undefined ? this.link.settlesSecond : this.rcvSettleMode === "second";
    this.link.endpoint?.dispose(this, state, !second);
    this.#pass();
    if (!second) return SETTLED;
    this.#settlement = new Deferred();
    this.link.unconfirmed(this as ClientIncoming, true);
    return settling(this.#settlement.promise);
  }

  #confirm(): void {
    if (this.#settlement === undefined) return;
    this.#settlement.resolve();
    this.#settlement = undefined;
    this.link.unconfirmed(this as ClientIncoming, false);
  }

  #pass(): void {
    const { held } = this;
    this.held = false;
    this.link.passed(held);
  }

  /** Undefined while its attachment lives; afterwards it is on its way to somebody else. */
  #stale(): Settling | undefined {
    if (this.endpoint !== undefined && this.endpoint === this.link.endpoint && this.link.endpoint.isAttached) return undefined;
    if (this.remoteSettled) return undefined;
    this.#pass();
    return settling(Promise.reject(this.#staleError(undefined)));
  }

  #staleError(cause: Error | undefined): LinkError {
    return new LinkError("the delivery's link is gone: its outcome can no longer be told, and the peer will deliver it again",
      { code: "stale-delivery", scope: "delivery", cause });
  }
}

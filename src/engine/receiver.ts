/**
 * The receiving end of a link: the credit it gives (§2.6.7) and deliveries put together from their frames (§2.6.12).
 */

import { allocate } from "#platform";

import { AmqpCondition, LinkCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Attach, Flow } from "../frames/performatives.ts";
import type { TransferHead } from "../frames/transfer.ts";
import { copyBytes } from "../util/bytes.ts";
import { serialDiff } from "../util/serial.ts";
import { TagTable } from "../util/tag-table.ts";
import { Breach } from "./breach.ts";
import type { IncomingTransfer } from "./deliveries.ts";
import type { LinkSink, ReceiverSink } from "./link.ts";
import { LinkEndpoint } from "./link.ts";

/** Octets of the longest delivery-tag (§2.8.7). */
const LONGEST_TAG = 32;
/** Frames of one delivery that may come without payload before it counts as a way to waste time. */
const MOST_EMPTY_FRAMES = 1024;

export class ReceiverEndpoint extends LinkEndpoint {
  readonly role = "receiver";
  readonly since = this.session.expectedDeliveryId();
  sink: ReceiverSink | undefined = undefined;
  /** Messages that the peer may still send. */
  credit = 0;
  deliveryCount = 0;
  /** Messages that the sender says it has. */
  available = 0;
  draining = false;
  /** Unsettled deliveries of this link by tag. */
  readonly tags = new TagTable<IncomingTransfer>();
  /** Octets of the largest message taken; 0 is no limit. */
  maxMessageSize = 0;
  /** Credit taken back, of which the peer may not have heard yet. */
  #revoked = 0;
  /** Messages by which the peer may overrun its credit. */
  #grace = 0;
  #partial: IncomingTransfer | undefined = undefined;
  #parts: Uint8Array[] = [];
  #size = 0;
  #emptyFrames = 0;
  /** Frames of a delivery that is ignored still come. */
  #skipping = false;

  override get owner(): LinkSink | undefined {
    return this.sink;
  }

  /** Whether some frames of a delivery have come and some have not. */
  get receiving(): boolean {
    return this.#partial !== undefined;
  }

  /** The delivery of which some frames have come and some have not. */
  get unfinished(): IncomingTransfer | undefined {
    return this.#partial;
  }

  // ---------------------------------------------------------------- commands

  /** Sets how many messages the peer may send from now on. */
  giveCredit(credit: number): void {
    if (credit < this.credit) this.#revoked += this.credit - credit;
    // RabbitMQ 3 sends past its credit where more is given before the former is used up: by no more than was given.
    else if (this.credit > 0) this.#grace = credit;
    this.credit = credit;
    this.session.wantFlow(this);
  }

  /** Asks the peer to use up the credit or give it back. */
  drain(): void {
    this.draining = true;
    this.session.wantFlow(this);
  }

  stopDraining(): void {
    this.draining = false;
  }

  /** Tells an outcome, and settles with it or not. */
  dispose(delivery: IncomingTransfer, state: DeliveryState | undefined, settled: boolean): void {
    delivery.localState = state;
    delivery.localSettled = settled;
    if (!delivery.remoteSettled) this.session.disposeIncoming(delivery, state, settled);
  }

  /** Ends the link because of a message that is none (robustness.md B85, listening side). */
  condemn(description: string): void {
    this.punish(new Breach("link", AmqpCondition.decodeError, description));
  }

  /** The byte budget has room again. */
  renew(): void {
    this.sink?.onRoom();
  }

  // ---------------------------------------------------------------- input

  handleTransfer(head: TransferHead, bytes: Uint8Array, begin: number, end: number): void {
    if (this.#partial !== undefined) {
      this.#continue(this.#partial, head, bytes, begin, end);
      return;
    }
    if (this.#skipping || (head.resume && head.tagLength >= 0 && this.#unknown(head, bytes))) {
      this.#skip(head);
      return;
    }
    const { session } = this;
    const sink = this.sink as ReceiverSink;
    if (this.credit > 0) this.credit -= 1;
    else if (this.#revoked > 0) this.#revoked -= 1;
    else if (this.#grace > 0) this.#grace -= 1;
    else throw new Breach("link", LinkCondition.transferLimitExceeded, "a transfer came without credit");
    this.deliveryCount = (this.deliveryCount + 1) >>> 0;
    if (head.deliveryId < 0) throw new Breach("link", AmqpCondition.invalidField, "a first transfer came without delivery-id");
    if (head.tagLength < 0) throw new Breach("link", AmqpCondition.invalidField, "a first transfer came without delivery-tag");
    if (head.tagLength > LONGEST_TAG) throw new Breach("link", AmqpCondition.invalidField, `a delivery-tag of ${head.tagLength} octets`);
    this.#checkModes(head);
    const delivery = sink.createDelivery();
    delivery.endpoint = this;
    delivery.deliveryId = head.deliveryId;
    delivery.messageFormat = head.messageFormat < 0 ? 0 : head.messageFormat;
    delivery.remoteSettled = head.settled === true;
    delivery.remoteState = head.state;
    delivery.rcvSettleMode = head.rcvSettleMode;
    session.register(delivery);
    if (head.more || head.aborted) {
      delivery.tagSource = copyBytes(bytes.subarray(head.tagStart, head.tagStart + head.tagLength));
      delivery.tagLength = head.tagLength;
      this.#enter(delivery);
      this.#partial = delivery;
      this.#parts = [];
      this.#size = 0;
      this.#emptyFrames = 0;
      this.#append(delivery, head, bytes, begin, end);
      return;
    }
    if (this.maxMessageSize !== 0 && end - head.payload > this.maxMessageSize) throw this.#tooLarge(end - head.payload);
    const { connection } = session;
    const { pieces } = connection;
    const charge = pieces.keep(bytes, begin, end);
    delivery.bytes = pieces.bytes;
    delivery.start = head.payload - pieces.shift;
    delivery.end = end - pieces.shift;
    delivery.tagSource = pieces.bytes;
    delivery.tagStart = head.tagStart - pieces.shift;
    delivery.tagLength = head.tagLength;
    this.#enter(delivery);
    delivery.charge = charge;
    connection.charge(charge);
    sink.onDelivery(delivery);
  }

  protected override readFlow(flow: Flow): void {
    if (flow.available !== undefined) this.available = flow.available;
    if (flow.deliveryCount !== undefined) {
      const skipped = serialDiff(flow.deliveryCount, this.deliveryCount);
      if (skipped > 0) {
        this.deliveryCount = flow.deliveryCount;
        this.credit = Math.max(0, this.credit - skipped);
      }
    }
    this.sink?.onFlow();
  }

  protected override flowState(): Partial<Flow> {
    return { deliveryCount: this.deliveryCount, linkCredit: this.credit, drain: this.draining ? true : undefined };
  }

  protected override readAttach(attach: Attach): void {
    if (attach.role !== "sender") throw new Breach("link", AmqpCondition.invalidField, "both ends attached as receiver");
    if (attach.initialDeliveryCount === undefined) {
      throw new Breach("link", AmqpCondition.invalidField, "a sender attached without initial-delivery-count");
    }
    this.deliveryCount = attach.initialDeliveryCount;
  }

  protected override attached(): void {
    this.maxMessageSize = Number(this.settings?.maxMessageSize ?? 0);
  }

  protected override lost(): void {
    this.credit = 0;
    if (this.#partial !== undefined) this.session.connection.charge(-this.#partial.charge);
    this.#partial = undefined;
    this.#parts = [];
    this.tags.clear();
  }

  // ---------------------------------------------------------------- private

  #continue(delivery: IncomingTransfer, head: TransferHead, bytes: Uint8Array, begin: number, end: number): void {
    if (head.deliveryId >= 0 && head.deliveryId !== delivery.deliveryId) {
      throw new Breach("link", AmqpCondition.invalidField, `delivery ${head.deliveryId} came in the middle of delivery ${delivery.deliveryId}`);
    }
    if (head.tagLength >= 0 && !sameTag(delivery, bytes, head)) {
      throw new Breach("link", AmqpCondition.invalidField, "a delivery went on with another delivery-tag");
    }
    if (head.settled === false && delivery.remoteSettled) {
      throw new Breach("link", AmqpCondition.invalidField, "a delivery that was settled came unsettled");
    }
    if (head.settled === true && !delivery.remoteSettled) {
      if (this.remoteAttach?.sndSettleMode === "unsettled") throw this.#wrongMode("settled", "unsettled");
      delivery.remoteSettled = true;
      this.session.settledByPeer(delivery);
    }
    if (head.state !== undefined) delivery.remoteState = head.state;
    this.#append(delivery, head, bytes, begin, end);
  }

  #append(delivery: IncomingTransfer, head: TransferHead, bytes: Uint8Array, begin: number, end: number): void {
    const { connection } = this.session;
    if (head.aborted) {
      this.#abort(delivery);
      return;
    }
    const size = end - head.payload;
    this.#size += size;
    if (this.maxMessageSize !== 0 && this.#size > this.maxMessageSize) throw this.#tooLarge(this.#size);
    if (size === 0) {
      this.#emptyFrames += 1;
      if (this.#emptyFrames > MOST_EMPTY_FRAMES) throw this.#tooLarge(this.#size);
    } else {
      const { pieces } = connection;
      const charge = pieces.keep(bytes, begin, end);
      this.#parts.push(pieces.bytes.subarray(head.payload - pieces.shift, end - pieces.shift));
      delivery.charge += charge;
      connection.charge(charge);
    }
    if (head.more) return;
    this.#complete(delivery);
  }

  /** A resumed delivery that this end knows nothing of is ignored (§2.6.13). */
  #skip(head: TransferHead): void {
    if (!this.#skipping && head.deliveryId >= 0) this.session.skip(head.deliveryId);
    this.#skipping = head.more && !head.aborted;
  }

  #unknown(head: TransferHead, bytes: Uint8Array): boolean {
    return this.tags.get(bytes.subarray(head.tagStart, head.tagStart + head.tagLength)) === undefined;
  }

  #complete(delivery: IncomingTransfer): void {
    if (this.remoteAttach?.sndSettleMode === "settled" && !delivery.remoteSettled) throw this.#wrongMode("unsettled", "settled");
    const parts = this.#parts;
    const whole = parts.length === 1 ? parts[0] as Uint8Array : joined(parts, this.#size);
    this.session.connection.charge(this.#size - delivery.charge);
    delivery.charge = this.#size;
    delivery.bytes = whole;
    delivery.start = 0;
    delivery.end = this.#size;
    this.#partial = undefined;
    this.#parts = [];
    (this.sink as ReceiverSink).onDelivery(delivery);
  }

  #abort(delivery: IncomingTransfer): void {
    delivery.aborted = true;
    delivery.remoteSettled = true;
    this.session.settledByPeer(delivery);
    this.session.connection.charge(-delivery.charge);
    delivery.charge = 0;
    this.#partial = undefined;
    this.#parts = [];
    this.sink?.onAborted(delivery);
  }

  #enter(delivery: IncomingTransfer): void {
    if (delivery.remoteSettled) return;
    if (!this.tags.add(delivery)) throw new Breach("link", AmqpCondition.invalidField, "a delivery-tag came again while its delivery is unsettled");
  }

  #checkModes(head: TransferHead): void {
    const mode = this.remoteAttach?.sndSettleMode;
    if (mode === "unsettled" && head.settled === true) throw this.#wrongMode("settled", mode);
    if (mode === "settled" && head.settled !== true && !head.more) throw this.#wrongMode("unsettled", mode);
    if (head.rcvSettleMode === "second" && (this.settings?.rcvSettleMode ?? "first") === "first") {
      throw new Breach("link", AmqpCondition.invalidField, "a transfer with rcv-settle-mode second came on a link of mode first");
    }
  }

  #wrongMode(came: string, mode: string): Breach {
    return new Breach("link", AmqpCondition.invalidField, `a transfer that is ${came} came on a link of snd-settle-mode ${mode}`);
  }

  #tooLarge(size: number): Breach {
    return new Breach("link", LinkCondition.messageSizeExceeded, `a message of ${size} octets or more, max-message-size is ${this.maxMessageSize}`);
  }
}

function sameTag(delivery: IncomingTransfer, bytes: Uint8Array, head: TransferHead): boolean {
  if (head.tagLength !== delivery.tagLength) return false;
  for (let i = 0; i < head.tagLength; i++) if (bytes[head.tagStart + i] !== delivery.tagSource[delivery.tagStart + i]) return false;
  return true;
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = allocate(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

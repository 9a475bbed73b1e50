/**
 * The receiving end of a link: the credit it gives (§2.6.7) and deliveries put together from their frames (§2.6.12).
 */

import { allocate } from "#platform";

import { DecodeError } from "../errors.ts";
import { AmqpCondition, LinkCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Attach, Flow } from "../frames/performatives.ts";
import type { TransferHead } from "../frames/transfer.ts";
import { octetsBefore } from "../message/places.ts";
import { copyBytes } from "../util/bytes.ts";
import { serialDiff } from "../util/serial.ts";
import { TagTable } from "../util/tag-table.ts";
import { Assembly } from "./assembly.ts";
import { Breach } from "./breach.ts";
import type { IncomingTransfer } from "./deliveries.ts";
import { IncomingBody } from "./incoming-body.ts";
import type { Held, LinkSink, ReceiverSink } from "./link.ts";
import { LinkEndpoint } from "./link.ts";
import { terminal } from "./recovery/resume.ts";

/** Octets of the longest delivery-tag (§2.8.7). */
const LONGEST_TAG = 32;
/** Pieces of a message that together hold this many times their octets, and this many more, are put together before it is whole. */
const WASTE = 4;
const SPARE = 64 * 1024;
/** Octets of a message from which on it is put together as it comes. */
const LARGE = 4 * 1024 * 1024;
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
  /** Whether messages of several frames are handed over as soon as their body begins, to be read as it comes. */
  streams = false;
  /** Then: octets that may be kept of a message besides the data of its body, and of one whose body is no data. */
  maxKept = 0;
  /** Octets that wait to be taken. */
  buffered = 0;
  /** What an earlier attachment left, where the link recovers: then what is unsettled outlives this one too. */
  held: Held | undefined = undefined;
  /** Our attach did not name all that is unsettled, so that nothing new may come (§2.7.3). */
  #resumesOnly = false;
  /** Octets of the delivery under way that are here from an earlier attachment and come again. */
  #ignore = 0;
  /** The delivery under way goes on from an earlier attachment. */
  #resuming = false;
  /** Credit taken back, of which the peer may not have heard yet. */
  #revoked = 0;
  /** Messages by which the peer may overrun its credit. */
  #grace = 0;
  #partial: IncomingTransfer | undefined = undefined;
  #parts: Uint8Array[] = [];
  /** Instead of parts, where the message is large. */
  #assembly: Assembly | undefined = undefined;
  #size = 0;
  #emptyFrames = 0;
  /** Octets of the message under way as the connection counts them. */
  #gathered = 0;
  /** The frame that is coming in is not the last one of its delivery. */
  #more = false;
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

  /** Octets of a message that is not there whole, as far as they are kept. */
  override get incomplete(): number {
    return this.#gathered;
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

  /** More of the byte budget is used, or less. @param incomplete the part of it that is of messages not there whole */
  charge(octets: number, incomplete: number): void {
    this.buffered += octets;
    this.session.charge(octets, incomplete);
  }

  /** A frame of a body waits to be read. */
  hold(octets: number): void {
    this.session.hold(octets);
  }

  /** So many of them were read. */
  release(frames: number): void {
    this.session.release(frames);
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

  /** @param rest octets of the frame's payload that have not come yet; `handlePayload` brings them. */
  handleTransfer(head: TransferHead, bytes: Uint8Array, begin: number, end: number, rest: number): void {
    if (this.#partial !== undefined) {
      this.#continue(this.#partial, head, bytes, begin, end, rest);
      return;
    }
    const resumed = head.resume && head.tagLength >= 0 ? this.held?.take(bytes.subarray(head.tagStart, head.tagStart + head.tagLength)) : undefined;
    if (this.#skipping || (head.resume && head.tagLength >= 0 && resumed === undefined && this.#unknown(head, bytes))) {
      this.#skip(head);
      return;
    }
    if (this.#resumesOnly && resumed === undefined) {
      throw new Breach("link", AmqpCondition.notAllowed, "a new delivery came although our unsettled map was incomplete");
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
    const delivery = resumed ?? sink.createDelivery();
    delivery.endpoint = this;
    delivery.deliveryId = head.deliveryId;
    delivery.messageFormat = head.messageFormat < 0 ? 0 : head.messageFormat;
    delivery.remoteSettled = head.settled === true;
    delivery.remoteState = head.state;
    delivery.rcvSettleMode = head.rcvSettleMode;
    session.register(delivery);
    if (resumed !== undefined) {
      this.#resume(resumed, head, bytes, begin, end, rest);
      return;
    }
    if (head.more || head.aborted || rest !== 0) {
      delivery.tagSource = copyBytes(bytes.subarray(head.tagStart, head.tagStart + head.tagLength));
      delivery.tagLength = head.tagLength;
      this.#enter(delivery);
      this.#partial = delivery;
      this.#parts = [];
      this.#size = 0;
      this.#emptyFrames = 0;
      if (this.streams) delivery.arriving = new IncomingBody(this, this.maxKept);
      this.#append(delivery, head, bytes, begin, end, rest);
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
    this.charge(charge, 0);
    sink.onDelivery(delivery);
  }

  /** More payload of the frame that came last. @param rest octets of it that are still missing */
  handlePayload(bytes: Uint8Array, from: number, to: number, rest: number): void {
    const delivery = this.#partial;
    if (delivery === undefined) return;
    const fresh = this.#passHeld(from, to);
    this.#size += to - fresh;
    this.#take(delivery, bytes, from, fresh, to, rest);
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
    this.#resumesOnly = this.settings?.incompleteUnsettled === true;
    if (this.streams) this.session.stream();
  }

  protected override lost(): void {
    this.credit = 0;
    const partial = this.#partial;
    if (partial !== undefined) {
      this.#charge(partial, 0);
      if (this.held !== undefined) this.#keepPart(partial);
      this.#leave();
    }
    if (this.held === undefined) this.tags.clear();
  }

  // ---------------------------------------------------------------- private

  #continue(delivery: IncomingTransfer, head: TransferHead, bytes: Uint8Array, begin: number, end: number, rest: number): void {
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
      if (this.remoteAttach?.sndSettleMode === "unsettled" && !this.#resuming) throw this.#wrongMode("settled", "unsettled");
      delivery.remoteSettled = true;
      this.session.settledByPeer(delivery);
    }
    if (head.state !== undefined) delivery.remoteState = head.state;
    this.#append(delivery, head, bytes, begin, end, rest);
  }

  #append(delivery: IncomingTransfer, head: TransferHead, bytes: Uint8Array, begin: number, end: number, rest: number): void {
    if (head.aborted) {
      this.#abort(delivery);
      return;
    }
    const from = this.#passHeld(head.payload, end);
    const size = end - from;
    this.#size += size;
    this.#more = head.more;
    if (this.maxMessageSize !== 0 && this.#size + rest > this.maxMessageSize) throw this.#tooLarge(this.#size + rest);
    if (size + rest === 0) {
      this.#emptyFrames += 1;
      if (this.#emptyFrames > MOST_EMPTY_FRAMES) throw this.#tooLarge(this.#size);
    }
    this.#take(delivery, bytes, begin, from, end, rest);
  }

  /** Takes the payload bytes[from, to) of a frame, which begins at `begin` there. */
  #take(delivery: IncomingTransfer, bytes: Uint8Array, begin: number, from: number, to: number, rest: number): void {
    const body = delivery.arriving;
    if (from !== to && body === undefined && this.#size > LARGE) {
      this.#assemble(delivery, bytes.subarray(from, to));
    } else if (from !== to) {
      const { pieces } = this.session.connection;
      const charge = pieces.keep(bytes, begin, to);
      if (body === undefined) {
        this.#parts.push(pieces.bytes.subarray(from - pieces.shift, to - pieces.shift));
        this.#charge(delivery, delivery.charge + charge);
        if (delivery.charge > this.#size * WASTE + SPARE) this.#compact(delivery);
        this.#gather(this.#size);
      } else if (!this.#feed(delivery, body, pieces.bytes, from - pieces.shift, to - pieces.shift, rest === 0)) {
        return;
      }
    }
    if (rest !== 0 || this.#more) return;
    if (this.#resuming && !delivery.truncated) this.#rebind(delivery);
    else if (body === undefined) this.#complete(delivery);
    else this.#finish(delivery, body);
  }

  /** What a message that is not there whole costs now. */
  #charge(delivery: IncomingTransfer, octets: number): void {
    const more = octets - delivery.charge;
    delivery.charge = octets;
    this.charge(more, more);
  }

  /** More of a large message. */
  #assemble(delivery: IncomingTransfer, bytes: Uint8Array): void {
    if (this.#assembly === undefined) {
      const size = this.#parts.reduce((sum, part) => sum + part.length, 0);
      this.#assembly = new Assembly(this.#parts, size, this.maxMessageSize === 0 ? Infinity : this.maxMessageSize);
      this.#parts = [];
    }
    this.#assembly.push(bytes);
    this.#charge(delivery, this.#assembly.held);
    this.#gather(this.#size);
  }

  /** Many small pieces hold more than they have: they are put together on the way. */
  #compact(delivery: IncomingTransfer): void {
    this.#parts = [joined(this.#parts, this.#size)];
    this.#charge(delivery, this.#size);
  }

  /** So many octets of the message under way are kept: where such messages use up the byte budget by themselves, the largest of them goes. */
  #gather(octets: number): void {
    const more = octets - this.#gathered;
    this.#gathered = octets;
    this.session.connection.gather(more);
    if (more <= 0) return;
    const largest = this.session.connection.excessive();
    if (largest === undefined) return;
    const breach = new Breach("link", LinkCondition.messageSizeExceeded,
      "messages that are not there whole use up the byte budget of the connection, and this link has the largest of them");
    if (largest === this) throw breach;
    largest.punish(breach);
  }

  /** Octets for a body that is read as it comes; false where that ended the link. */
  #feed(delivery: IncomingTransfer, body: IncomingBody, bytes: Uint8Array, from: number, to: number, last: boolean): boolean {
    const { scanner } = body;
    const handed = scanner.state === "data";
    try {
      body.push(bytes, from, to, last);
    } catch (error) {
      return this.#break(delivery, body, error, handed);
    }
    if (scanner.excessive) throw this.#tooLarge(scanner.kept);
    if (scanner.state === "data" && !handed) {
      this.#charge(delivery, 0);
      this.#gather(0);
      (this.sink as ReceiverSink).onPartial(delivery);
    } else if (scanner.state !== "data") {
      this.#charge(delivery, scanner.kept);
      this.#gather(scanner.kept);
    }
    return this.#partial === delivery;
  }

  /** It is no message: the rest of it is not looked at. */
  #break(delivery: IncomingTransfer, body: IncomingBody, error: unknown, handed: boolean): boolean {
    if (!(error instanceof DecodeError)) throw error;
    this.#charge(delivery, 0);
    this.#gather(0);
    body.scanner.state = "data";
    body.discard();
    (this.sink as ReceiverSink).onBroken(delivery, error, handed);
    return this.#partial === delivery;
  }

  #finish(delivery: IncomingTransfer, body: IncomingBody): void {
    this.#checkSettled(delivery);
    try {
      body.end();
    } catch (error) {
      this.#break(delivery, body, error, true);
      body.finish();
    }
    if (this.#partial !== delivery) return;
    this.#leave();
    if (body.scanner.state === "data") {
      (this.sink as ReceiverSink).onWhole(delivery);
      return;
    }
    const { head } = body.scanner;
    this.charge(0, -delivery.charge);
    delivery.arriving = undefined;
    delivery.bytes = head;
    delivery.start = 0;
    delivery.end = head.length;
    (this.sink as ReceiverSink).onDelivery(delivery);
  }

  /** Goes on with a delivery of an earlier attachment: with what is missing of its message, or only with its state. */
  #resume(delivery: IncomingTransfer, head: TransferHead, bytes: Uint8Array, begin: number, end: number, rest: number): void {
    if (terminal(head.state) !== undefined) delivery.truncated = false;
    const { truncated } = delivery;
    const known = delivery.end - delivery.start;
    const at = truncated && head.state?.type === "received" ? octetsBefore(delivery.bytes, delivery.start, delivery.end, head.state) : 0;
    if (at === undefined) throw new Breach("link", AmqpCondition.invalidField, "a delivery was resumed beyond what had come of it");
    this.#enter(delivery);
    this.#partial = delivery;
    this.#resuming = true;
    this.#ignore = truncated ? known - at : Infinity;
    this.#parts = truncated ? [delivery.bytes.subarray(delivery.start, delivery.end)] : [];
    this.#size = truncated ? known : 0;
    this.#emptyFrames = 0;
    if (truncated) {
      this.#charge(delivery, known);
      this.#gather(known);
    }
    this.#append(delivery, head, bytes, begin, end, rest);
  }

  /** Of payload that comes at [from, to), where what was not here before begins. */
  #passHeld(from: number, to: number): number {
    if (this.#ignore === 0) return from;
    const passed = Math.min(this.#ignore, to - from);
    this.#ignore -= passed;
    return from + passed;
  }

  /** A delivery that was here whole is on this attachment now. */
  #rebind(delivery: IncomingTransfer): void {
    this.#leave();
    (this.held as Held).onRebound(delivery);
  }

  /** What has come of a message is kept for an attachment that brings the rest; of nothing, nothing is known (protocol.md X.4). */
  #keepPart(partial: IncomingTransfer): void {
    if (this.#resuming && !partial.truncated) return;
    if (partial.arriving !== undefined || this.#size === 0) {
      this.tags.delete(partial);
      return;
    }
    partial.bytes = this.#assembly?.finish() ?? joined(this.#parts, this.#size);
    partial.start = 0;
    partial.end = this.#size;
    partial.truncated = true;
  }

  /** A resumed delivery that this end knows nothing of is ignored (§2.6.13), but counts for credit. */
  #skip(head: TransferHead): void {
    if (!this.#skipping && head.deliveryId >= 0) {
      this.session.skip(head.deliveryId);
      this.deliveryCount = (this.deliveryCount + 1) >>> 0;
      if (this.credit > 0) this.credit -= 1;
    }
    this.#skipping = head.more && !head.aborted;
  }

  #unknown(head: TransferHead, bytes: Uint8Array): boolean {
    return this.tags.get(bytes.subarray(head.tagStart, head.tagStart + head.tagLength)) === undefined;
  }

  #complete(delivery: IncomingTransfer): void {
    this.#checkSettled(delivery);
    const parts = this.#parts;
    const whole = this.#assembly !== undefined ? this.#assembly.finish() : parts.length === 1 ? parts[0] as Uint8Array : joined(parts, this.#size);
    this.charge(this.#size - delivery.charge, -delivery.charge);
    delivery.charge = this.#size;
    delivery.truncated = false;
    delivery.bytes = whole;
    delivery.start = 0;
    delivery.end = this.#size;
    this.#leave();
    (this.sink as ReceiverSink).onDelivery(delivery);
  }

  /** No message is under way any more. */
  #leave(): void {
    this.#gather(0);
    this.#partial = undefined;
    this.#parts = [];
    this.#assembly = undefined;
    this.#ignore = 0;
    this.#resuming = false;
  }

  #abort(delivery: IncomingTransfer): void {
    delivery.aborted = true;
    delivery.remoteSettled = true;
    this.session.settledByPeer(delivery);
    this.#charge(delivery, 0);
    delivery.arriving?.discard();
    this.#leave();
    this.sink?.onAborted(delivery);
  }

  #checkSettled(delivery: IncomingTransfer): void {
    if (this.remoteAttach?.sndSettleMode === "settled" && !delivery.remoteSettled) throw this.#wrongMode("unsettled", "settled");
  }

  #enter(delivery: IncomingTransfer): void {
    if (delivery.remoteSettled) return;
    if (!this.tags.add(delivery)) throw new Breach("link", AmqpCondition.invalidField, "a delivery-tag came again while its delivery is unsettled");
  }

  #checkModes(head: TransferHead): void {
    const mode = this.remoteAttach?.sndSettleMode;
    if (mode === "unsettled" && head.settled === true && !head.resume) throw this.#wrongMode("settled", mode);
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

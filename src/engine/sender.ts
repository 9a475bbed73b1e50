/**
 * The sending end of a link: credit (§2.6.7), transfers written in place around a message, and messages of several
 * frames, which take turns with other links.
 */

import { AmqpCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Attach, Flow } from "../frames/performatives.ts";
import { beginTransferFrame, endTransferFrame, transferFrameOverhead, writeTransferFrame } from "../frames/transfer.ts";
import { joinBytes } from "../message/body.ts";
import type { SlabWriter } from "../util/slab.ts";
import { serialDiff } from "../util/serial.ts";
import { Breach } from "./breach.ts";
import type { OutgoingTransfer, Resumption } from "./deliveries.ts";
import type { LargeSend, LinkSettings, LinkSink, SenderSink } from "./link.ts";
import { LinkEndpoint } from "./link.ts";
import { Payload } from "./payload.ts";
import { UNREAD_HOLDS_WINDOW } from "./windows.ts";

/** Octets that a transactional-state without outcome adds to a transfer, less its txn-id: four more fields, descriptor, list and binary. */
const TRANSFER_STATE_OVERHEAD = 20;
/** Octets that a place and the five last fields add to a resumed transfer. */
const RESUME_OVERHEAD = 32;
/** Octets of the five last fields of a transfer where only batchable is set. */
const BATCHABLE_OVERHEAD = 5;

export class SenderEndpoint extends LinkEndpoint implements LargeSend {
  readonly role = "sender";
  readonly since = this.session.nextDeliveryId();
  sink: SenderSink | undefined = undefined;
  /** Messages that may still be sent. */
  credit = 0;
  /** Messages sent, by the serial count of the link. */
  deliveryCount = 0;
  /** Messages that wait for credit, told to the peer in flows. */
  available = 0;
  /** The peer asked to use the credit up or give it back. */
  draining = false;
  #frame = 0;
  #body = 0;
  #large: OutgoingTransfer | undefined = undefined;
  #payload: Payload | undefined = undefined;
  /** Whether the first frame of the large message is written. */
  #begun = false;
  /** The large message is given up: the frame that says so waits for the session window. */
  #aborting = false;

  override get owner(): LinkSink | undefined {
    return this.sink;
  }

  /** Whether a message can be written now. */
  get writable(): boolean {
    return this.credit > 0 && this.session.remoteIncomingWindow > 0 && this.#large === undefined && this.state === "attached";
  }

  /** Octets of the largest message that the peer takes; Infinity if it named no limit. */
  get peerMaxMessageSize(): number {
    const size = Number(this.remoteAttach?.maxMessageSize ?? 0);
    return size === 0 ? Infinity : size;
  }

  /** Whether there is a frame of a message of several that could be written now. */
  get unfinished(): boolean {
    const { session } = this;
    if (this.#aborting) return session.remoteIncomingWindow > 0;
    const delivery = this.#large;
    const payload = this.#payload;
    if (delivery === undefined || payload === undefined || session.largeWindow <= 0 || (!this.#begun && this.credit <= 0)) return false;
    return payload.fills(this.#room(delivery));
  }

  /** The delivery of which some frames are written and some are not. */
  get partial(): OutgoingTransfer | undefined {
    return this.#aborting ? undefined : this.#large;
  }

  /** Whether some frames of a message are written and some are not. */
  get midway(): boolean {
    return this.#begun && this.#large !== undefined;
  }

  override attach(settings: LinkSettings): void {
    super.attach({ ...settings, initialDeliveryCount: settings.initialDeliveryCount ?? this.session.initialDeliveryCount });
  }

  // ---------------------------------------------------------------- sending

  /**
   * Begins a transfer in the output; the message is to be written there next, and `commit` or `cancel` to follow. The
   * caller has looked at `writable`.
   */
  begin(delivery: OutgoingTransfer): SlabWriter {
    const { session } = this;
    const w = session.connection.output;
    w.begin();
    delivery.deliveryId = session.nextDeliveryId();
    if (delivery.transferState === undefined && !delivery.batchable) {
      this.#frame = beginTransferFrame(w, session.channel, this.handle, delivery.deliveryId, delivery.tagBytes, delivery.tagNumber,
        delivery.messageFormat, delivery.presettled);
    } else {
      this.#frame = w.position;
      this.#writeHead(w, delivery, true, false, 0);
    }
    this.#body = w.position;
    return w;
  }

  /** The message that `begin` made room for is written. */
  commit(delivery: OutgoingTransfer): void {
    const { connection } = this.session;
    const w = connection.output;
    if (w.position - this.#frame > connection.frameLimit) {
      const message = w.bytes.slice(this.#body, w.position);
      w.rewind();
      this.sendChunks(delivery, [message]);
      return;
    }
    endTransferFrame(w, this.#frame);
    if (!delivery.presettled) {
      delivery.slab = w.pin();
      delivery.offset = this.#body;
      delivery.length = w.position - this.#body;
    }
    delivery.writtenAt = w.total;
    w.finish();
    this.#count(delivery);
    connection.want();
    delivery.handleWritten();
  }

  /** The message could not be encoded: nothing of it remains. */
  cancel(delivery: OutgoingTransfer): void {
    delivery.deliveryId = -1;
    this.session.connection.output.rewind();
  }

  /** Sends a message that was encoded before. The caller has looked at `writable`. */
  send(delivery: OutgoingTransfer): void {
    if (delivery.resume !== undefined) {
      this.#resume(delivery, delivery.resume);
      return;
    }
    if (delivery.chunks !== undefined) {
      this.sendChunks(delivery, delivery.chunks);
      return;
    }
    const { slab, offset, length } = delivery;
    const { connection } = this.session;
    if (slab === undefined) return;
    if (length + transferFrameOverhead(32) + stateOverhead(delivery) > connection.frameLimit) {
      this.sendChunks(delivery, [slab.bytes.subarray(offset, offset + length)]);
      return;
    }
    const w = this.begin(delivery);
    w.reserve(length);
    const bytes = w.bytes;
    if (length < 32) {
      const source = slab.bytes;
      for (let i = 0, at = w.position; i < length; i++) bytes[at + i] = source[offset + i] as number;
    } else {
      bytes.set(slab.bytes.subarray(offset, offset + length), w.position);
    }
    w.position += length;
    endTransferFrame(w, this.#frame);
    delivery.writtenAt = w.total;
    w.finish();
    this.#count(delivery);
    connection.want();
    delivery.handleWritten();
  }

  /** Sends a large message; its chunks go by reference and must not change until it is settled. */
  sendChunks(delivery: OutgoingTransfer, chunks: readonly Uint8Array[]): void {
    delivery.chunks = chunks;
    const payload = new Payload();
    for (const chunk of chunks) payload.push(chunk);
    payload.ended = true;
    this.#start(delivery, payload);
    this.#writeFrame(delivery, payload);
    if (this.#large !== undefined) this.session.connection.queueLarge(this);
  }

  /**
   * Begins a message whose payload comes over time: a frame leaves when there is enough for one, at a flush, and at the end. The
   * caller has looked at `writable`, and calls `proceed` whenever it has handed something in.
   */
  sendStream(delivery: OutgoingTransfer, payload: Payload): void {
    this.#start(delivery, payload);
    this.proceed(delivery);
  }

  /** More of the payload is there, a flush was asked for, or its end was said. */
  proceed(delivery: OutgoingTransfer): void {
    if (this.#large === delivery && this.unfinished) this.session.connection.queueLarge(this);
  }

  writeNext(): boolean {
    const delivery = this.#large;
    if (delivery === undefined || !this.unfinished) return false;
    if (this.#aborting) this.#writeAbort(delivery);
    else this.#writeFrame(delivery, this.#payload as Payload);
    return this.unfinished;
  }

  /** Gives up a message of which some frames were sent, or none yet; false if there is none such. */
  abort(delivery: OutgoingTransfer): boolean {
    if (this.#large !== delivery || this.#aborting) return false;
    const { session } = this;
    this.#drop();
    if (!this.#begun) {
      this.#finish();
      return true;
    }
    session.aborted(delivery);
    this.#aborting = true;
    if (session.remoteIncomingWindow > 0) this.#writeAbort(delivery);
    return true;
  }

  /** Settles a delivery from this side, telling a state with it or none. */
  settle(delivery: OutgoingTransfer, state: DeliveryState | undefined): void {
    delivery.localSettled = true;
    this.session.disposeOutgoing(delivery, state, true);
  }

  /** Tells a state of a delivery without settling it. */
  update(delivery: OutgoingTransfer, state: DeliveryState): void {
    this.session.disposeOutgoing(delivery, state, false);
  }

  /** Answers a drain: what is left of the credit is given back. Answers how much that was. */
  drained(): number {
    if (!this.draining) return 0;
    const rest = this.credit;
    this.deliveryCount = (this.deliveryCount + rest) >>> 0;
    this.credit = 0;
    this.session.wantFlow(this);
    return rest;
  }

  /** Tells the peer how many messages wait. */
  offer(available: number): void {
    this.available = available;
    this.session.wantFlow(this);
  }

  /** The session window is open again. */
  resume(): void {
    if (this.#large !== undefined) this.session.connection.queueLarge(this);
    else if (this.writable) this.sink?.onWritable();
  }

  // ---------------------------------------------------------------- input

  protected override readFlow(flow: Flow): void {
    if (flow.linkCredit !== undefined) {
      const base = flow.deliveryCount ?? this.settings?.initialDeliveryCount ?? 0;
      const ahead = serialDiff(this.deliveryCount, base);
      // Ahead are those that were under way when the receiver counted; it cannot count what was never sent.
      this.credit = ahead < 0 ? 0 : Math.max(0, flow.linkCredit - ahead);
    }
    if (flow.properties?.["txn-id"] != null) {
      // (§4.4.3) Messages sent outside of the transaction would be lost to it.
      throw new Breach("link", AmqpCondition.notImplemented, "transactional acquisition: leave txn-id out of the flow's properties");
    }
    this.draining = flow.drain === true;
    this.sink?.onFlow();
    if (this.#large !== undefined) this.proceed(this.#large);
    if (this.writable || this.draining) this.sink?.onWritable();
  }

  protected override flowState(): Partial<Flow> {
    return {
      deliveryCount: this.deliveryCount, linkCredit: this.credit, available: this.available, drain: this.draining ? true : undefined,
    };
  }

  protected override readAttach(attach: Attach): void {
    if (attach.role !== "receiver") throw new Breach("link", AmqpCondition.invalidField, "both ends attached as sender");
    if (attach.offeredCapabilities?.includes(UNREAD_HOLDS_WINDOW) === true) this.session.reserve();
  }

  protected override attached(): void {
    this.deliveryCount = this.settings?.initialDeliveryCount ?? 0;
  }

  protected override lost(): void {
    this.credit = 0;
    this.#drop();
    this.#large = undefined;
    this.#aborting = false;
  }

  /** Goes on with a delivery of an earlier attachment. */
  #resume(delivery: OutgoingTransfer, { from }: Resumption): void {
    const payload = new Payload();
    let passed = 0;
    for (const piece of from === Infinity ? [] : messageOf(delivery)) {
      if (passed + piece.length > from) payload.push(piece.subarray(Math.max(0, from - passed)));
      passed += piece.length;
    }
    payload.ended = true;
    this.#start(delivery, payload);
    this.#writeFrame(delivery, payload);
    if (this.#large !== undefined) this.session.connection.queueLarge(this);
  }

  /** The head of a frame that is one of several, or of a delivery with a state or that is batchable. */
  #writeHead(w: SlabWriter, delivery: OutgoingTransfer, first: boolean, more: boolean, payload: number): void {
    const { resume } = delivery;
    writeTransferFrame(w, this.session.channel, {
      handle: this.handle, deliveryId: first ? delivery.deliveryId : undefined, tag: first ? delivery.tagBytes ?? numberTag(delivery.tagNumber) : undefined,
      messageFormat: first ? delivery.messageFormat : undefined, settled: delivery.presettled || resume?.settled === true, more,
      state: (first ? resume?.state : undefined) ?? delivery.transferState, batchable: first && delivery.batchable,
      resume: first && resume !== undefined, aborted: resume?.aborted === true,
    }, payload);
  }

  #count(delivery: OutgoingTransfer): void {
    delivery.endpoint = this;
    this.credit -= 1;
    this.deliveryCount = (this.deliveryCount + 1) >>> 0;
    this.session.sent(delivery);
    if (delivery.resume?.settled === true || delivery.resume?.aborted === true) this.session.aborted(delivery);
  }

  #start(delivery: OutgoingTransfer, payload: Payload): void {
    this.#large = delivery;
    this.#payload = payload;
    this.#begun = false;
  }

  /** Octets of payload that the next frame of the large message has room for. */
  #room(delivery: OutgoingTransfer): number {
    const tagLength = this.#begun ? 0 : delivery.tagBytes?.length ?? 4;
    return this.session.connection.frameLimit - transferFrameOverhead(tagLength) - stateOverhead(delivery);
  }

  /** Writes the next frame of the large message. */
  #writeFrame(delivery: OutgoingTransfer, payload: Payload): void {
    const { session } = this;
    const { connection } = session;
    const size = Math.min(Math.max(0, this.#room(delivery)), payload.waiting);
    const last = payload.ended && size === payload.waiting;
    const first = !this.#begun;
    if (first) delivery.deliveryId = session.nextDeliveryId();
    const w = connection.output;
    w.begin();
    this.#writeHead(w, delivery, first, !last, size);
    w.finish();
    payload.write(w, size);
    this.#begun = true;
    if (first) this.#count(delivery);
    else session.sent(undefined);
    connection.want();
    if (last) {
      this.#payload = undefined;
      this.#large = undefined;
      delivery.writtenAt = w.total;
      delivery.handleWritten();
    }
    payload.source?.onTaken();
    if (last) this.sink?.onWritable();
  }

  #writeAbort(delivery: OutgoingTransfer): void {
    const { session } = this;
    const w = session.connection.output;
    w.begin();
    writeTransferFrame(w, session.channel, {
      handle: this.handle, deliveryId: undefined, tag: undefined, messageFormat: undefined, settled: delivery.presettled, more: false,
      state: delivery.transferState, aborted: true,
    }, 0);
    w.finish();
    session.sent(undefined);
    session.connection.want();
    this.#finish();
  }

  /** Lets go of the payload that is not written. */
  #drop(): void {
    this.#payload?.clear(this.session.connection.output.pool);
    this.#payload = undefined;
  }

  /** The large message is no more: the next one can come. */
  #finish(): void {
    this.#large = undefined;
    this.#aborting = false;
    this.sink?.onWritable();
  }
}

/** Octets that a delivery's state and its batchable add to each of its frames at most. */
function stateOverhead(delivery: OutgoingTransfer): number {
  const { transferState, batchable, resume } = delivery;
  if (resume !== undefined) return RESUME_OVERHEAD;
  if (transferState?.type === "transactional") return TRANSFER_STATE_OVERHEAD + transferState.txnId.length;
  return batchable ? BATCHABLE_OVERHEAD : 0;
}

/** The message of a delivery in one piece; a copy only where it lies in several. */
export function messageBytes(delivery: OutgoingTransfer): Uint8Array {
  const pieces = messageOf(delivery);
  return pieces.length === 1 ? pieces[0] as Uint8Array : joinBytes(pieces);
}

/** The message of a delivery in pieces. */
function messageOf({ slab, offset, length, chunks }: OutgoingTransfer): readonly Uint8Array[] {
  return slab === undefined ? chunks ?? [] : [slab.bytes.subarray(offset, offset + length)];
}

/** The tag of a delivery whose caller chose none: its number in four octets, as `beginTransferFrame` writes it. */
export function numberTag(tagNumber: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array([tagNumber >>> 24, (tagNumber >>> 16) & 0xff, (tagNumber >>> 8) & 0xff, tagNumber & 0xff]);
}

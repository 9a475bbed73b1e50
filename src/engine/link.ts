/**
 * One end of a link, whichever its role (§2.6): how it is attached and detached, and what both roles share.
 */

import type { DecodeError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Attach, Detach, Fields, Flow, Role } from "../frames/performatives.ts";
import type { SlabWriter } from "../util/slab.ts";
import type { Breach } from "./breach.ts";
import type { IncomingTransfer, OutgoingTransfer } from "./deliveries.ts";
import type { Pieces } from "./pieces.ts";
import type { LinkEvent, LinkState } from "./states.ts";
import { linkTable, next } from "./states.ts";

/** Our attach, less what the engine fills in. */
export type LinkSettings = Omit<Attach, "type" | "handle" | "role">;

/** What a link of either role tells its owner. None of the calls may throw. */
export interface LinkSink {
  /** The peer answered our attach. */
  onAttached(attach: Attach): void;
  /** It is detached on both sides; `breach` if this side did so because the peer broke a rule. */
  onDetached(closed: boolean, error: ErrorCondition | undefined, breach: boolean): void;
}

export interface SenderSink extends LinkSink {
  /** It can send: there is credit and window. Also told when the peer asks for a drain. */
  onWritable(): void;
  /** The receiver told its flow. */
  onFlow(): void;
}

/** What a receiver holds of earlier attachments, unsettled, by tag. */
export interface Held {
  /** A delivery that goes on here, which is held no longer; undefined if there is none with this tag. */
  take(tag: Uint8Array): IncomingTransfer | undefined;
  /** A delivery that was whole before is on the present attachment. */
  onRebound(delivery: IncomingTransfer): void;
}

export interface ReceiverSink extends LinkSink {
  /** A new delivery of the owner's kind, to be filled. */
  createDelivery(): IncomingTransfer;
  /** A delivery is complete. */
  onDelivery(delivery: IncomingTransfer): void;
  /** The sections before the body of a delivery are there, and what is `arriving` follows. Told only where the link `streams`. */
  onPartial(delivery: IncomingTransfer): void;
  /** What was told as partial has come whole. */
  onWhole(delivery: IncomingTransfer): void;
  /** What comes is no message; `partial` if it was told as such. Nothing more is told of it but that it is whole. */
  onBroken(delivery: IncomingTransfer, error: DecodeError, partial: boolean): void;
  /** A delivery was aborted by its sender: it counts for nothing. */
  onAborted(delivery: IncomingTransfer): void;
  /** The sender told its flow: `available`, or the end of a drain. */
  onFlow(): void;
  /** The byte budget has room again: credit that was held back may be given. */
  onRoom(): void;
}

/** What links need of the connection. */
export interface LinkConnection {
  readonly output: SlabWriter;
  readonly pieces: Pieces;
  /** Octets of the largest frame that the peer takes from us. */
  readonly frameLimit: number;
  /** Whether windows and credit may be renewed. */
  readonly hasRoom: boolean;
  /** There is something to write. */
  want(): void;
  /** So many more octets of messages that are not there whole. */
  gather(octets: number): void;
  /** The link with the largest message that is not there whole, where such messages use up the byte budget by themselves. */
  excessive(): LinkEndpoint | undefined;
  /** A message of several frames waits for its turn. */
  queueLarge(link: LargeSend): void;
}

/** A link in the middle of a message of several frames. */
export interface LargeSend {
  /** Writes one frame; false when it cannot now, or has none left. */
  writeNext(): boolean;
  /** Whether there is a frame that it could write. */
  readonly unfinished: boolean;
}

/** What links need of their session. */
export interface LinkOwner {
  readonly connection: LinkConnection;
  readonly channel: number;
  readonly remoteIncomingWindow: number;
  /** Where the delivery-count of our senders begins. */
  readonly initialDeliveryCount: number;
  /** Transfer frames of messages of several that may go now: a few are left to the other links of the session. */
  readonly largeWindow: number;
  /** What was received on the session's links and is not settled, oldest first. */
  readonly incoming: Iterable<IncomingTransfer>;
  nextDeliveryId(): number;
  /** The id of the next delivery that comes in; -1 before the first. */
  expectedDeliveryId(): number;
  /** A transfer frame is written; `delivery` on the first one. */
  sent(delivery: OutgoingTransfer | undefined): void;
  /** A delivery begins to come in. */
  register(delivery: IncomingTransfer): void;
  /** A delivery comes that is not for anybody. */
  skip(deliveryId: number): void;
  /** The sender settled a delivery with a transfer. */
  settledByPeer(delivery: IncomingTransfer): void;
  /** A delivery of ours was aborted, which settles it. */
  aborted(delivery: OutgoingTransfer): void;
  disposeIncoming(delivery: IncomingTransfer, state: DeliveryState | undefined, settled: boolean): void;
  disposeOutgoing(delivery: OutgoingTransfer, state: DeliveryState | undefined, settled: boolean): void;
  wantFlow(link: LinkEndpoint): void;
  writeDispositions(): void;
  /** More of the byte budget is used, or less; `incomplete` of it by messages that are not there whole. */
  charge(octets: number, incomplete: number): void;
  /** Messages of several frames are to leave a part of the peer's window to others. */
  reserve(): void;
  /** One of its links takes deliveries that are read as they come. */
  stream(): void;
  /** A frame of such a delivery waits to be read. */
  hold(octets: number): void;
  /** So many of them were read. */
  release(frames: number): void;
  writeAttach(attach: Attach): void;
  writeDetach(detach: Detach): void;
  assign(link: LinkEndpoint): void;
  forget(link: LinkEndpoint): void;
}

export abstract class LinkEndpoint {
  readonly session: LinkOwner;
  readonly name: string;
  abstract readonly role: Role;
  /** Deliveries of this link have ids from here on; -1 if the session had none in its direction before. */
  abstract readonly since: number;
  state: LinkState = "detached";
  /** Our handle, -1 while it has none. */
  handle = -1;
  /** The peer's handle, -1 while it has none. */
  remoteHandle = -1;
  settings: LinkSettings | undefined = undefined;
  remoteAttach: Attach | undefined = undefined;
  /** Our detach said closed. */
  closing = false;
  flowDue = false;
  /** Asks the peer to answer the next flow. */
  echo = false;
  /** Link-state properties to be told with the next flow (§2.7.4). */
  flowProperties: Fields | undefined = undefined;
  /** Those that the peer told last. */
  remoteFlowProperties: Fields | undefined = undefined;
  #told = false;

  constructor(session: LinkOwner, name: string) {
    this.session = session;
    this.name = name;
  }

  abstract get owner(): LinkSink | undefined;

  /** Octets that are kept of a message which has not come whole. */
  get incomplete(): number {
    return 0;
  }

  get isAttached(): boolean {
    return this.state === "attached";
  }

  /** Whether what the peer still sends on it goes unread, since our detach is on its way. */
  get discards(): boolean {
    return this.state === "detach-sent" || this.state === "discarding";
  }

  /** Attaches our end, first or in answer. */
  attach(settings: LinkSettings): void {
    this.settings = settings;
    this.session.writeAttach({ type: "attach", ...settings, handle: this.handle, role: this.role });
    this.advance("send-attach");
  }

  /** Answers a peer's attach. */
  accept(settings: LinkSettings): void {
    if (this.state !== "attach-received") return;
    this.session.assign(this);
    this.attach(settings);
    this.attached();
  }

  /** Answers a peer's attach with a null terminus and a detach (§2.6.3). */
  refuse(error: ErrorCondition): void {
    if (this.state !== "attach-received") return;
    this.#attachNull();
    this.detach(true, error);
  }

  detach(closed: boolean, error?: ErrorCondition): void {
    const event: LinkEvent = error === undefined ? "send-detach" : "send-error-detach";
    if (next(linkTable, this.state, event) === undefined) return;
    this.closing = closed;
    this.session.writeDetach({ type: "detach", handle: this.handle, closed, error });
    this.advance(event);
    this.lost();
  }

  /** The peer broke a rule of this link. */
  punish(breach: Breach): void {
    if (this.discards) return;
    if (this.state === "attach-received") {
      this.refuse(breach.error);
      return;
    }
    this.detach(true, breach.error);
    this.tell(true, breach.error, true);
  }

  handleAttach(attach: Attach): void {
    this.remoteAttach = attach;
    this.remoteHandle = attach.handle;
    const answer = this.state === "attach-sent";
    this.advance("receive-attach");
    this.readAttach(attach);
    if (answer) {
      this.attached();
      this.owner?.onAttached(attach);
    }
  }

  /** The caller then tells the owner. */
  handleDetach(detach: Detach): void {
    this.advance("receive-detach");
    if (this.state === "detach-received") {
      const closed = detach.closed === true;
      this.closing = closed;
      // The peer gave up before it was answered: both ends attach before they detach (§2.6.4).
      if (this.handle < 0) this.#attachNull();
      this.session.writeDetach({ type: "detach", handle: this.handle, closed });
      this.advance("send-detach");
      this.lost();
    }
    this.session.forget(this);
  }

  /** The session or the connection is gone, and with it this attachment. */
  drop(): void {
    this.state = "detached";
    this.lost();
  }

  advance(event: LinkEvent): void {
    const state = next(linkTable, this.state, event);
    if (state !== undefined) this.state = state;
  }

  /** Tells the owner once, however many detaches cross. */
  tell(closed: boolean, error: ErrorCondition | undefined, breach: boolean): void {
    if (this.#told) return;
    this.#told = true;
    this.owner?.onDetached(closed, error, breach);
  }

  #attachNull(): void {
    const { source, target, initialDeliveryCount } = { ...this.remoteAttach };
    this.session.assign(this);
    this.attach(this.role === "sender"
      ? { name: this.name, source: null, target }
      : { name: this.name, source, target: null, initialDeliveryCount });
  }

  handleFlow(flow: Flow): void {
    if (flow.properties !== undefined) this.remoteFlowProperties = flow.properties;
    this.readFlow(flow);
  }

  /** The link's part of a flow that is written now. */
  takeFlow(): Partial<Flow> {
    const { echo, flowProperties } = this;
    this.echo = false;
    this.flowProperties = undefined;
    return { handle: this.handle, ...this.flowState(), echo: echo ? true : undefined, properties: flowProperties };
  }

  /** What its role says in a flow. */
  protected abstract flowState(): Partial<Flow>;

  /** Takes over what the peer's flow says to this role. */
  protected abstract readFlow(flow: Flow): void;

  /** Takes over what the peer's attach says to this role. */
  protected abstract readAttach(attach: Attach): void;

  /** Both ends are attached. */
  protected abstract attached(): void;

  /** Nothing can be sent or received on it any more. */
  protected abstract lost(): void;
}

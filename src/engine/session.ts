/**
 * One end of a session (§2.5): its windows, its links by handle, and what comes and goes between them and its channel.
 */

import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Attach, Begin, Detach, Disposition, Flow, Performative } from "../frames/performatives.ts";
import type { TransferHead } from "../frames/transfer.ts";
import { Breach } from "./breach.ts";
import type { IncomingTransfer, OutgoingTransfer } from "./deliveries.ts";
import { Handles } from "./handles.ts";
import type { HandlesOwner } from "./handles.ts";
import type { LedgerOwner } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import type { LinkConnection, LinkEndpoint, LinkSettings, ReceiverSink, SenderSink } from "./link.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import { SenderEndpoint } from "./sender.ts";
import type { SessionEvent, SessionState } from "./states.ts";
import { next, sessionTable } from "./states.ts";
import { Windows } from "./windows.ts";

/** The highest handle that a peer may use on the listening side, unless told otherwise. */
const SERVER_HANDLE_MAX = 255;

export interface SessionSettings {
  /** Transfer frames. @default by the connection's byte budget, at most 2048 */
  readonly incomingWindow?: number | undefined;
  /** Transfer frames, told to the peer. @default 2048 */
  readonly outgoingWindow?: number | undefined;
  /** @default 255 on the listening side, 4294967295 else */
  readonly handleMax?: number | undefined;
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
}

/** What a session tells its owner. None of the calls may throw. */
export interface SessionSink {
  onBegun(begin: Begin): void;
  /** The peer ended it, or we did because of a breach (then `breach` is true); its links are gone with it. */
  onEnded(error: ErrorCondition | undefined, breach: boolean): void;
  /** The peer attaches a link: `accept` or `refuse` of the endpoint answers, now or later. */
  onAttach(link: SenderEndpoint | ReceiverEndpoint, attach: Attach): void;
}

/** What a session needs of the connection. */
export interface SessionConnection extends LinkConnection {
  readonly settings: {
    readonly side: "client" | "server"; readonly acceptSessions: boolean; readonly maxBufferedBytes: number; readonly maxFrameSize: number;
    readonly initialOutgoingId?: number | undefined; readonly initialDeliveryCount?: number | undefined;
  };
  /** More of the byte budget is used, or less. */
  charge(octets: number): void;
  write(channel: number, performative: Performative): void;
}

/** What a session needs of the table that it stands in. */
export interface SessionOwner {
  readonly connection: SessionConnection;
  /** It has something to write before the output is taken. */
  enlist(session: SessionEndpoint): void;
  /** It is over on both sides. */
  forget(session: SessionEndpoint): void;
  /** It takes deliveries that are read as they come; answers how many sessions do. */
  countStreaming(): number;
}

export class SessionEndpoint implements HandlesOwner, LedgerOwner {
  readonly connection: SessionConnection;
  /** The channel that we send on. */
  readonly channel: number;
  readonly settings: SessionSettings;
  readonly links: Handles;
  state: SessionState = "unmapped";
  sink!: SessionSink;
  /** The channel of the peer's frames, -1 while it has none. */
  remoteChannel = -1;
  remoteBegin: Begin | undefined = undefined;
  readonly windows: Windows;
  readonly ledger: Ledger;
  /** Octets that were received on its links and wait to be taken, and those of them that are of messages not there whole. */
  buffered = 0;
  incomplete = 0;
  /** Whether some of its deliveries are read as they come. */
  streaming = false;
  readonly #owner: SessionOwner;
  #windowDue = false;
  #enlisted = false;
  #told = false;
  readonly #flows: LinkEndpoint[] = [];

  /** @param count sessions of this connection, this one counted: they share its byte budget. */
  constructor(owner: SessionOwner, channel: number, settings: SessionSettings, count: number) {
    this.#owner = owner;
    const connection = owner.connection;
    this.connection = connection;
    this.channel = channel;
    this.settings = settings;
    const { maxBufferedBytes, maxFrameSize, initialOutgoingId } = connection.settings;
    this.windows = new Windows(settings.incomingWindow, settings.outgoingWindow, { maxBufferedBytes, maxFrameSize, sessions: count, initialId: initialOutgoingId });
    this.ledger = new Ledger(this, initialOutgoingId ?? 0);
    this.links = new Handles(this);
  }

  // ---------------------------------------------------------------- getters

  /** Transfer frames that the peer takes now. */
  get remoteIncomingWindow(): number {
    return this.windows.remoteIncoming;
  }

  /** The same for messages of several frames, which leave a few to the other links. */
  get largeWindow(): number {
    return this.links.senders > 1 ? this.windows.remoteShared : this.windows.remoteIncoming;
  }

  /** Whether the window may be renewed: also where others use up the byte budget, as long as nothing whole of its own waits. */
  get hasRoom(): boolean {
    return this.connection.hasRoom || this.buffered === this.incomplete;
  }

  /** The highest handle that the peer may use. */
  get handleMax(): number {
    return this.settings.handleMax ?? (this.connection.settings.side === "server" ? SERVER_HANDLE_MAX : 0xffffffff);
  }

  /** What was received and is not settled, oldest first. */
  get incoming(): Iterable<IncomingTransfer> {
    return this.ledger.incoming;
  }

  /** Where the delivery-count of our senders begins. */
  get initialDeliveryCount(): number {
    return this.connection.settings.initialDeliveryCount ?? 0;
  }

  get acceptsLinks(): boolean {
    return this.connection.settings.acceptSessions;
  }

  // ---------------------------------------------------------------- commands

  /** Attaches a sender of ours. */
  attachSender(settings: LinkSettings, sink: SenderSink): SenderEndpoint {
    const link = new SenderEndpoint(this, settings.name);
    link.sink = sink;
    this.links.attach(link, settings);
    return link;
  }

  /** Attaches a receiver of ours. */
  attachReceiver(settings: LinkSettings, sink: ReceiverSink): ReceiverEndpoint {
    const link = new ReceiverEndpoint(this, settings.name);
    link.sink = sink;
    this.links.attach(link, settings);
    return link;
  }

  end(error?: ErrorCondition): void {
    if (next(sessionTable, this.state, error === undefined ? "send-end" : "send-error-end") === undefined) return;
    this.prepare();
    this.#write({ type: "end", error });
    this.windows.shut();
    this.#advance(error === undefined ? "send-end" : "send-error-end");
    if (this.state === "unmapped") this.#owner.forget(this);
  }

  // ---------------------------------------------------------------- begin and end

  sendBegin(remoteChannel: number | undefined): void {
    const { offeredCapabilities, desiredCapabilities, properties } = this.settings;
    this.#write({
      type: "begin", remoteChannel, ...this.windows.fields, handleMax: this.handleMax, offeredCapabilities, desiredCapabilities, properties,
    });
    this.#advance("send-begin");
  }

  handleBegin(begin: Begin): void {
    this.remoteBegin = begin;
    this.windows.handleBegin(begin);
    this.links.peerMax = begin.handleMax ?? 0xffffffff;
    const before = this.state;
    this.#advance("receive-begin");
    if (before === "begin-sent") this.sink.onBegun(begin);
  }

  handleEnd(error: ErrorCondition | undefined): void {
    this.#advance("receive-end");
    this.windows.shut();
    if (this.state === "end-received") {
      this.#write({ type: "end" });
      this.#advance("send-end");
    }
    this.#owner.forget(this);
    this.#over(error, false);
  }

  /** The peer broke a rule of this session. */
  punish(breach: Breach): void {
    if (this.state === "discarding" || this.state === "end-sent") return;
    this.end(breach.error);
    this.#over(breach.error, true);
  }

  punishLink(breach: Breach): boolean {
    const link = this.links.current;
    if (link === undefined) return false;
    link.punish(breach);
    return true;
  }

  // ---------------------------------------------------------------- input

  handle(performative: Performative): void {
    if (this.state === "discarding" || this.state === "end-sent") return;
    switch (performative.type) {
      case "attach":
        this.links.handleAttach(performative);
        return;
      case "detach":
        this.links.handleDetach(performative);
        return;
      case "flow":
        this.#handleFlow(performative);
        return;
      case "disposition":
        this.ledger.handleDisposition(performative);
        return;
      default:
    }
  }

  /** An attach that cannot be read whole: it is answered and detached with the reason. */
  refuseAttach(attach: Attach, breach: Breach): void {
    if (this.state === "mapped") this.links.refuseAttach(attach, breach);
  }

  /** @param rest octets of the frame's payload that have not come yet. Answers the link that takes them, if any does. */
  handleTransfer(head: TransferHead, bytes: Uint8Array, begin: number, end: number, rest: number): ReceiverEndpoint | undefined {
    if (this.state !== "mapped") return undefined;
    this.windows.received(end - begin + rest);
    if (this.windows.low) this.#wantWindow();
    const link = this.links.remote(head.handle);
    if (link.discards) {
      if (head.deliveryId >= 0) this.skip(head.deliveryId);
      return undefined;
    }
    if (!(link instanceof ReceiverEndpoint)) {
      throw new Breach("session", AmqpCondition.notAllowed, `a transfer came on link ${link.name}, where this side is the sender`);
    }
    link.handleTransfer(head, bytes, begin, end, rest);
    return link;
  }

  register(delivery: IncomingTransfer): void {
    this.ledger.register(delivery);
  }

  // ---------------------------------------------------------------- for links

  nextDeliveryId(): number {
    return this.ledger.nextId;
  }

  expectedDeliveryId(): number {
    return this.ledger.expectedId;
  }

  /** A transfer frame is written; `delivery` on the first one. */
  sent(delivery: OutgoingTransfer | undefined): void {
    this.windows.sent();
    if (delivery !== undefined) this.ledger.sent(delivery);
  }

  skip(deliveryId: number): void {
    this.ledger.skip(deliveryId);
  }

  settledByPeer(delivery: IncomingTransfer): void {
    this.ledger.settledByPeer(delivery);
  }

  aborted(delivery: OutgoingTransfer): void {
    this.ledger.outgoing.delete(delivery.deliveryId);
  }

  disposeIncoming(delivery: IncomingTransfer, state: DeliveryState | undefined, settled: boolean): void {
    this.ledger.disposeIncoming(delivery, state, settled);
    this.#enlist();
  }

  disposeOutgoing(delivery: OutgoingTransfer, state: DeliveryState | undefined, settled: boolean): void {
    this.ledger.disposeOutgoing(delivery, state, settled);
    this.#enlist();
  }

  /** The link's flow is to be written with this flush. */
  wantFlow(link: LinkEndpoint): void {
    if (link.flowDue) return;
    link.flowDue = true;
    this.#flows.push(link);
    this.#enlist();
  }

  charge(octets: number, incomplete: number): void {
    this.buffered += octets;
    this.incomplete += incomplete;
    this.connection.charge(octets);
    if (octets < 0 && this.buffered === this.incomplete && !this.connection.hasRoom) this.renew();
  }

  reserve(): void {
    this.windows.reserves = true;
  }

  stream(): void {
    if (this.streaming) return;
    this.streaming = true;
    this.windows.narrow(this.#owner.countStreaming());
  }

  hold(octets: number): void {
    this.windows.hold(octets);
  }

  release(frames: number): void {
    this.windows.release(frames);
    if (this.windows.low) this.#wantWindow();
  }

  assign(link: LinkEndpoint): void {
    this.links.assign(link);
  }

  forget(link: LinkEndpoint): void {
    this.links.forget(link);
    this.ledger.forget(link);
  }

  attachedByPeer(link: SenderEndpoint | ReceiverEndpoint, attach: Attach): void {
    this.sink.onAttach(link, attach);
  }

  writeAttach(attach: Attach): void {
    this.#write(attach);
  }

  writeDetach(detach: Detach): void {
    this.ledger.write();
    this.#write(detach);
  }

  writeDisposition(disposition: Disposition): void {
    this.#write(disposition);
  }

  /** Outcomes that wait for the next flush are written now: before what must not overtake them. */
  writeDispositions(): void {
    if (this.state === "mapped") this.ledger.write();
  }

  // ---------------------------------------------------------------- output

  prepare(): void {
    this.#enlisted = false;
    if (this.state !== "mapped" && this.state !== "begin-sent") return;
    this.ledger.write();
    for (const link of this.#flows) {
      link.flowDue = false;
      if (link.isAttached) this.#writeFlow(link, false);
    }
    this.#flows.length = 0;
    // Any flow tells the window; where none was written it takes one of its own.
    if (this.#windowDue) this.#writeFlow(undefined, false);
  }

  /** The byte budget has room again. */
  renew(): void {
    if (this.windows.low) this.#wantWindow();
    this.links.renew();
  }

  // ---------------------------------------------------------------- private

  /** Tells the owner once, however many ends cross. */
  #over(error: ErrorCondition | undefined, breach: boolean): void {
    if (this.#told) return;
    this.#told = true;
    this.links.drop();
    this.ledger.clear();
    this.sink.onEnded(error, breach);
  }

  #handleFlow(flow: Flow): void {
    const reopened = this.windows.handleFlow(flow);
    if (flow.handle !== undefined) {
      const link = this.links.remote(flow.handle);
      if (!link.discards) {
        link.handleFlow(flow);
        if (flow.echo === true) this.wantFlow(link);
      }
    } else {
      if (flow.deliveryCount !== undefined || flow.linkCredit !== undefined || flow.available !== undefined || flow.drain === true) {
        throw new Breach("session", AmqpCondition.invalidField, "flow has fields of a link and no handle");
      }
      if (flow.echo === true) {
        this.#windowDue = true;
        this.#enlist();
      }
    }
    if (reopened) this.links.resume();
  }

  #wantWindow(): void {
    if (this.#windowDue || this.state !== "mapped" || !this.hasRoom) return;
    this.#windowDue = true;
    this.#enlist();
  }

  #enlist(): void {
    if (this.#enlisted) return;
    this.#enlisted = true;
    this.#owner.enlist(this);
    this.connection.want();
  }

  #writeFlow(link: LinkEndpoint | undefined, echo: boolean): void {
    this.#windowDue = false;
    if (this.hasRoom) this.windows.renew(!this.connection.hasRoom);
    const session = this.windows.fields;
    if (link === undefined) this.#write({ type: "flow", ...session, echo: echo ? true : undefined });
    else this.#write({ type: "flow", ...session, ...link.takeFlow() });
  }

  #advance(event: SessionEvent): void {
    const state = next(sessionTable, this.state, event);
    if (state === undefined) {
      throw new Breach("connection", AmqpCondition.notAllowed, `${event} is not possible while the session is ${this.state}`);
    }
    this.state = state;
  }

  #write(performative: Performative): void {
    this.connection.write(this.channel, performative);
  }
}

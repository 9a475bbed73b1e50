/**
 * What senders and receivers of the client have in common: how a link comes to be, what it shows, and how it ends. A
 * link outlives its attachment: `endpoint` is the present one.
 */

import type { LinkSettings, LinkSink } from "../engine/link.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import type { SenderEndpoint } from "../engine/sender.ts";
import type { SessionEndpoint } from "../engine/session.ts";
import type { AmqpError } from "../errors.ts";
import { LinkError, RedirectError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition, LinkCondition } from "../frames/condition.ts";
import type { Attach, UnsettledEntry } from "../frames/performatives.ts";
import { printable } from "../frames/printable.ts";
import type { CallOptions, CloseOptions } from "../options/call.ts";
import type { FlowOptions, Guarantee } from "../options/link.ts";
import { checkCallOptions, checkFlowOptions } from "../options/resolve.ts";
import type { ResolvedLink } from "../options/resolve-link.ts";
import { timerDelay } from "../options/timeouts.ts";
import { Deferred } from "../util/deferred.ts";
import type { Connection, Link, Receiver, Sender, Session } from "./api.ts";
import type { EndpointState, Explanation, Recovery, Side, Source, Target } from "./shapes.ts";
import { badCall, checkEncodable, unfitClose } from "./encodable.ts";
import type { EventScope, LinkEvents } from "./events.ts";
import { UNHEARD } from "./events.ts";
import { askingLess, asksForSecond } from "./guarantees.ts";
import type { LinkKeeper } from "./keeper.ts";
import type { LinkHost } from "./link-host.ts";
import { readdressed } from "./link-settings.ts";
import { LinkResumption } from "./link-resumption.ts";
import { lostWith, remoteError } from "./remote-error.ts";
import type { Delays } from "./reconnection.ts";
import type { RowCounts } from "./sender-recovery.ts";
import { conditionOf, shownSource, shownTarget } from "./termini.ts";
import { bounds, tooLate, within } from "./waiting.ts";
import { nextTurn } from "../transport/next-turn.ts";

export type { AfterFlush, ConnectionIo, LinkHost } from "./link-host.ts";

/** Milliseconds within which the detach follows an attach without terminus that means a refusal. */
const REFUSAL = 500;

/** An event of the link itself is about nothing else. */
export const NOTHING = Object.freeze({});

export abstract class ClientLink implements Link, LinkSink {
  abstract readonly isSender: boolean;
  abstract readonly isReceiver: boolean;
  /** Another one takes it over where the peer allows fewer sessions than were planned. */
  host: LinkHost;
  readonly options: ResolvedLink;
  readonly name: string;
  /** Who hears of it; undefined if nobody does. */
  events: LinkEvents | undefined = undefined;
  guarantee: Guarantee;
  recovery: Recovery = "new";
  detached = false;
  /** The address where the peer has sent it, which its attach names from then on. */
  movedTo: string | undefined = undefined;
  /** Who keeps it when its attachment is lost: on the listening side, where the peer's attach allows it to outlive that. */
  keeper: LinkKeeper | undefined = undefined;
  /** Its peer did not come back in time: what was under way is settled as its source says. */
  expired = false;
  /** Resolves when the peer has attached its end; rejects if it does not. */
  readonly opened = new Deferred<void>();
  readonly #closed = new Deferred<AmqpError | undefined>();
  #settings: LinkSettings | undefined = undefined;
  #local: Side = "uninit";
  #remote: Side = "uninit";
  #timer: { cancel(): void } | undefined = undefined;
  #over: AmqpError | true | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;
  #refused = false;
  readonly resumption = new LinkResumption();
  /** How long to wait before it is attached again, from the first time on that the peer detached it. */
  #delays: Delays | undefined = undefined;
  /** What a flow is to say that was asked for before the link was open. */
  #early: FlowOptions | undefined = undefined;

  constructor(host: LinkHost, name: string, options: ResolvedLink) {
    this.host = host;
    this.name = name;
    this.options = options;
    this.guarantee = options.guarantee;
    this.opened.promise.catch(() => undefined);
    options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** What is kept of it in a store, where there is one. */
  abstract get ledger(): { readonly store: { waits(): boolean } } | undefined;
  abstract get endpoint(): SenderEndpoint | ReceiverEndpoint | undefined;
  abstract get queued(): number;
  abstract explain(): Explanation;
  /** Attaches our end in the session. */
  protected abstract attachTo(session: SessionEndpoint, settings: LinkSettings): void;
  /** Our attach. */
  protected abstract settings(): LinkSettings;
  /** The peer's attach, as far as it concerns this role: answers why it will not do. */
  protected abstract judge(attach: Attach): LinkError | undefined;
  /** It is attached at both ends. */
  protected abstract onOpen(): void;
  /** The attachment is lost, with so much credit left, and another one will follow. */
  protected abstract onSuspended(error: AmqpError, credit: number): void;
  /** What is unsettled, for the map of our attach; undefined where nothing is kept over attachments. */
  abstract unsettledMap(): readonly UnsettledEntry[] | undefined;
  /** The peer has attached its end again, with a map: what was kept goes on. @param complete whether our map was. @param rows of the table X.9, counted up */
  abstract onResumed(attach: Attach, complete: boolean, rows: RowCounts): void;
  /** The peer has kept nothing of what was unsettled. */
  abstract onDowngraded(): void;
  /** It is over; `error` tells why unless it was asked for. */
  protected abstract onOver(error: AmqpError): void;
  /** Before a close: what is under way gets its time. */
  protected abstract flushed(): Promise<void>;
  /** What is in hand goes back before the detach. */
  protected abstract giveBack(): void;

  // ---------------------------------------------------------------- handlers

  /** Its events go there from now on. */
  hear(events: LinkEvents | undefined): void {
    this.events = events;
    if (events === undefined) return;
    events.link = this as unknown as Sender | Receiver;
    events.attend();
  }

  /** The handlers that are asked after its own have changed. */
  inherit(parent: EventScope | undefined): void {
    if (this.options.handler === UNHEARD) return;
    if (this.events === undefined) {
      this.hear(this.host.io.profile.events?.link(undefined, parent));
      return;
    }
    this.events.parent = parent;
    this.events.attend();
  }

  /** Adds a handler of its own; answers how to remove it. */
  handle(handler: object): () => void {
    if (this.events === undefined) this.hear(this.host.io.profile.events?.link([], this.host.events));
    const { events } = this;
    const remove = events?.add(handler);
    events?.attend();
    return () => {
      remove?.();
      events?.attend();
    };
  }

  // ---------------------------------------------------------------- getters

  get connection(): Connection {
    return this.host.connection;
  }

  get session(): Session {
    return this.host.session;
  }

  get credit(): number {
    return this.endpoint?.credit ?? 0;
  }

  get state(): EndpointState {
    return { local: this.#local, remote: this.#remote };
  }

  get closed(): Promise<AmqpError | undefined> {
    return this.#closed.promise;
  }

  get source(): Source {
    return shownSource(this.#settings?.source);
  }

  get target(): Target {
    return shownTarget(this.#settings?.target);
  }

  get remoteSource(): Source {
    return shownSource(this.endpoint?.remoteAttach?.source);
  }

  get remoteTarget(): Target {
    return shownTarget(this.endpoint?.remoteAttach?.target);
  }

  get remoteProperties(): Readonly<Record<string, unknown>> {
    return this.endpoint?.remoteAttach?.properties ?? {};
  }

  get remoteFlowProperties(): Readonly<Record<string, unknown>> {
    return this.endpoint?.remoteFlowProperties ?? {};
  }

  get remoteOfferedCapabilities(): readonly string[] {
    return this.endpoint?.remoteAttach?.offeredCapabilities ?? [];
  }

  get remoteDesiredCapabilities(): readonly string[] {
    return this.endpoint?.remoteAttach?.desiredCapabilities ?? [];
  }

  /** Whether it is over, and then why, as an error for what is asked of it still. */
  get over(): AmqpError | undefined {
    if (this.#over === undefined && this.#closing === undefined) return undefined;
    if (this.#over instanceof Error) return this.#over;
    return new LinkError(`${this.title} is closed`, { code: "link-detached", scope: "link" });
  }

  /** The error that ended it; undefined while it lives, and where it was closed without one. */
  get failure(): AmqpError | undefined {
    return this.#over instanceof Error ? this.#over : undefined;
  }

  get isOpen(): boolean {
    return this.#local === "active" && this.#remote === "active";
  }

  /** For texts: which link this is. */
  get title(): string {
    const { target, source } = this.options;
    if (target === null) return "sender to the anonymous relay";
    const address = this.isSender ? target.address : source.address;
    return `${this.isSender ? "sender to" : "receiver from"} ${address === undefined ? "no address" : `"${printable(address)}"`}`;
  }

  // ---------------------------------------------------------------- coming to be

  /** @throws EncodeError not-encodable: something of the user's in our attach */
  checkSettings(): void {
    checkEncodable({ type: "attach", ...this.settings(), handle: 0, role: this.isSender ? "sender" : "receiver" });
  }

  /** Whether its attach was sent, or will not be. */
  get begun(): boolean {
    return this.#over !== undefined || this.#local !== "uninit";
  }

  /** The session can take it: it is attached. */
  begin(session: SessionEndpoint): void {
    if (this.#over !== undefined || this.#local !== "uninit" || this.ledger?.store.waits() === true) return;
    this.#settings = this.resuming(readdressed(this.settings(), this.isSender, this.movedTo), session.connection.frameLimit);
    this.#local = "active";
    const timeout = this.options.timeout ?? this.host.io.profile.timeouts.attach;
    // Of a first attach the time runs on over lost connections: its caller waits.
    const delay = this.#timer === undefined ? timerDelay(timeout) : undefined;
    if (delay !== undefined) {
      this.#timer = this.host.io.profile.clock.setTimer(delay, () => {
        this.abandon(tooLate({ what: `${this.title}: the peer did not answer the attach`, timeout, scope: "link" }));
      });
    }
    this.attachTo(session, this.#settings);
    this.events?.emit("on_link_init", NOTHING);
    this.events?.emit("on_link_local_open", NOTHING);
  }

  /** Our attach, with what is unsettled where this is not the first one. @param frameLimit octets of the peer's frames */
  resuming(settings: LinkSettings, frameLimit: number): LinkSettings {
    return this.resumption.attach(settings, this, frameLimit);
  }

  /** It answers an attach of the peer's. */
  accepted(settings: LinkSettings): void {
    this.#settings = settings;
    this.detached = false;
    this.#local = "active";
    this.#remote = "active";
    this.events?.emit("on_link_remote_open", NOTHING);
    this.events?.emit("on_link_local_open", NOTHING);
    this.#ready();
  }

  onAttached(attach: Attach): void {
    this.#remote = "active";
    this.events?.emit("on_link_remote_open", NOTHING);
    // A null terminus announces that a detach with the reason follows (§2.6.3).
    if ((this.isSender ? attach.target : attach.source) == null) {
      this.#refused = true;
      this.#timer?.cancel();
      // Some peers (rhea) leave the termini out and mean no refusal: then nothing follows.
      this.#timer = this.host.io.profile.clock.setTimer(REFUSAL, () => this.#judge(attach));
      return;
    }
    this.#judge(attach);
  }

  #judge(attach: Attach): void {
    this.#refused = false;
    const unfit = this.judge(attach);
    if (unfit !== undefined) {
      this.abandon(unfit);
      return;
    }
    this.#ready();
  }

  /** The peer gives credit, so it has not refused. */
  protected proceed(): void {
    const attach = this.endpoint?.remoteAttach;
    if (this.#refused && attach !== undefined) this.#judge(attach);
  }

  #ready(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const again = this.opened.settled;
    this.recovery = this.resumption.attached(this, this.endpoint?.remoteAttach, again);
    this.#delays?.opened(this.host.io.profile.clock.now());
    this.opened.resolve();
    // A link that comes back is the same to its handlers.
    if (!again) this.events?.emit("on_link_opened", NOTHING);
    this.onOpen();
    if (this.#early === undefined) return;
    this.#tell(this.#early);
    this.#early = undefined;
  }

  /** Gives up before it was open. */
  abandon(error: AmqpError): void {
    this.endpoint?.detach(true);
    this.fail(error);
  }

  /** Its signal has fired: that counts as long as it is not open. */
  giveUp(): void {
    if (this.opened.settled) return;
    this.endpoint?.detach(true);
    const { reason } = this.options.signal as AbortSignal;
    this.opened.reject(reason);
    this.finish(new LinkError(`${this.title} was aborted before it was open`, { code: "link-detached", scope: "link", cause: reason }));
  }

  readonly #onAbort = (): void => this.giveUp();

  // ---------------------------------------------------------------- ending

  onDetached(closed: boolean, error: ErrorCondition | undefined, breach: boolean): void {
    this.#remote = "closed";
    this.detached = !closed;
    this.events?.emit(closed ? "on_link_remote_close" : "on_link_remote_detach", NOTHING);
    const opened = this.opened.settled;
    if (error === undefined && this.#comesBack(closed)) return;
    if (error !== undefined) {
      const context = breach ? `${this.title}: the peer broke the protocol` : opened ? `${this.title} was detached by the peer` : `${this.title} was refused${this.hint}`;
      const told = remoteError("link", breach ? "protocol-violation" : opened ? "link-detached" : "link-refused", context, error);
      if (!breach && error.condition === AmqpCondition.notImplemented && asksForSecond(this.options) && !opened) {
        if (this.weaken(told)) {
          this.suspend(told);
          nextTurn(() => this.host.resume(this));
        }
        return;
      }
      const failure = told instanceof RedirectError && !breach && this.over === undefined && this.lasting ? this.host.io.redirected(this, told) : told;
      if (failure === undefined) return;
      const passing = !breach && opened && (error.condition === LinkCondition.detachForced || (!closed && error.condition !== LinkCondition.stolen));
      if (!passing || !this.#reattach(failure)) this.fail(failure);
    } else if (this.#closing !== undefined) {
      this.#finishInOrder();
    } else if (!opened) {
      this.fail(new LinkError(`${this.title} was refused${this.#refused ? "" : ": the peer detached it"} without a reason`,
        { code: "link-refused", scope: "link", origin: "remote" }));
    } else {
      // Made where somebody hears of it: peers may attach and detach all day.
      const left = (): LinkError => new LinkError(`${this.title} was detached by the peer`, { code: "link-detached", scope: "link", origin: "remote", retryable: !closed });
      if (!closed && this.#reattach(left())) return;
      this.events?.closing("link", { error: left() });
      this.#finishInOrder();
    }
  }

  /** The peer has not implemented what it asks for: answers whether it is to be attached again, asking for less; else that is its end. */
  weaken(refusal: AmqpError): boolean {
    if (this.opened.settled || this.#over !== undefined || !asksForSecond(this.options)) return false;
    const less = askingLess(this.options, this.title, refusal);
    if (less instanceof LinkError) this.fail(less);
    else (this as { options: ResolvedLink }).options = less;
    return !(less instanceof LinkError);
  }

  /** Whether it is attached anew when its session or connection is. */
  get lasting(): boolean {
    return true;
  }

  /** The session or the connection is gone, and comes back: so does the link. @param stolen what a peer is told that has it attached still */
  suspend(error: AmqpError, stolen?: ErrorCondition): void {
    if (this.#over !== undefined) return;
    if (this.#closing !== undefined || !this.lasting) {
      this.lost(this.#closing === undefined ? error : undefined);
      return;
    }
    if (this.opened.settled || this.#refused) {
      this.#timer?.cancel();
      this.#timer = undefined;
    }
    this.#refused = false;
    const { credit, endpoint } = this;
    if (stolen === undefined) endpoint?.drop();
    else if (endpoint !== undefined) {
      endpoint.detach(false, stolen);
      // The answer to that is nobody's business.
      endpoint.sink = undefined;
    }
    this.#local = "uninit";
    this.#remote = "uninit";
    this.resumption.suspended(this.opened.settled && this.guarantee === "exactly-once");
    this.onSuspended(error, credit);
  }

  /** Detaches and attaches anew, for both ends to show more of what is unsettled (protocol.md X.8). */
  protected again(): void {
    if (this.#local === "active" && this.#closing === undefined && this.resumption.detach()) this.endpoint?.detach(false);
  }

  /** Whether a detach only says that the maps of the next attachment will show more: then that follows at once, by the peer where that is the one to attach. */
  #comesBack(closed: boolean): boolean {
    const more = this.resumption.showsMore(this.endpoint?.remoteAttach);
    if (!more || closed || this.#closing !== undefined || !this.opened.settled) return false;
    const error = new LinkError(`${this.title} is attached anew`, { code: "link-detached", scope: "link", retryable: true });
    if (this.host.io.profile.side === "server") return this.keeper?.keeps(this, error) === true;
    this.suspend(error);
    this.host.resume(this);
    return true;
  }

  /** It belongs there from now on. */
  moveTo(host: LinkHost): void {
    this.host = host;
  }

  /** What our attach said last. */
  get attached(): LinkSettings | undefined {
    return this.#settings;
  }

  /** Its peer did not come back for it: it is over, and so is its terminus. */
  expire(error: AmqpError | undefined): void {
    this.expired = true;
    this.detached = true;
    this.finish(error);
  }

  /** The peer detached it in a way that invites it to come back (protocol.md R.4): so it does, after a while. */
  #reattach(error: AmqpError): boolean {
    if (this.keeper !== undefined) return this.#closing === undefined && this.keeper.keeps(this, error);
    const delays = this.#delays ?? this.host.io.delays();
    if (delays === undefined || this.#closing !== undefined || !this.lasting) return false;
    this.#delays = delays;
    delays.lost(this.host.io.profile.clock.now());
    this.suspend(error);
    this.#timer = this.host.io.profile.clock.setTimer(delays.next(), () => {
      this.#timer = undefined;
      this.host.resume(this);
    });
    return true;
  }

  /** The session or the connection is gone, and the link with it. @param tell whether the handlers of the link are to hear of the error */
  lost(error: AmqpError | undefined, tell: boolean = false): void {
    if (this.#over === undefined && this.#closing === undefined && this.keeper?.keeps(this, error) === true) return;
    this.#remote = "closed";
    this.detached = true;
    this.endpoint?.drop();
    if (error === undefined) {
      this.finish(undefined);
      return;
    }
    const why = lostWith(error, "link", this.opened.settled ? `${this.title} is lost` : `${this.title} was refused${this.hint}`);
    if (tell) this.fail(why);
    else this.finish(why);
  }

  /** Where the peer refused it: what a person may want to know besides the peer's reason. */
  protected get hint(): string {
    return "";
  }

  /** What the next flow says besides credit and counts. @throws ConfigError config, EncodeError not-encodable */
  protected tellFlow(options: FlowOptions, where: string): void {
    const { properties } = checkFlowOptions(options, where);
    if (properties !== undefined) checkEncodable({ type: "flow", incomingWindow: 0, nextOutgoingId: 0, outgoingWindow: 0, properties });
    if (this.endpoint?.isAttached === true) this.#tell(options);
    else this.#early = options;
  }

  #tell({ properties, echo }: FlowOptions): void {
    const endpoint = this.endpoint as SenderEndpoint | ReceiverEndpoint;
    if (properties !== undefined) endpoint.flowProperties = properties;
    if (echo === true) endpoint.echo = true;
    endpoint.session.wantFlow(endpoint);
  }

  /** JavaScript may ask of a sender what only receivers can do, and the other way round. @throws LinkError invalid-state */
  protected wrongEnd(call: string, can: string): never {
    throw new LinkError(`${call}: this is a ${this.title}, which can only ${can}`, { code: "invalid-state", scope: "link" });
  }

  /** @throws LinkError link-detached, or what ended it */
  protected mustLive(): void {
    const { over } = this;
    if (over !== undefined) throw over;
  }

  detach(options?: CallOptions): Promise<void> {
    const unfit = options === undefined ? undefined : badCall(() => checkCallOptions(options, "detach()"));
    return unfit === undefined ? this.#end(false, options) : Promise.reject(unfit);
  }

  close(options?: CloseOptions): Promise<void> {
    const unfit = unfitClose(options, "close()");
    return unfit === undefined ? this.#end(true, options) : Promise.reject(unfit);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #end(closed: boolean, options: CloseOptions | undefined): Promise<void> {
    this.#closing ??= this.#over === undefined ? this.#detach(closed, options) : Promise.resolve();
    const { clock, timeouts } = this.host.io.profile;
    return within(this.#closing, bounds(clock, options, timeouts.close, "link", `${this.title}: the peer did not answer the detach`),
      () => this.finish(undefined));
  }

  /** Waits until what was sent is settled, `drain` ms at the most. */
  async flush(drain: number): Promise<void> {
    if (!this.isOpen || drain <= 0) return;
    const { clock } = this.host.io.profile;
    await within(this.flushed(), { clock, timeout: drain, scope: "link", what: "flush" }).catch(() => undefined);
  }

  /** What was received and not taken goes back. */
  returnUntaken(): void {
    this.giveBack();
  }

  async #detach(closed: boolean, options: CloseOptions | undefined): Promise<void> {
    const { timeouts } = this.host.io.profile;
    await this.flush(Math.min(options?.drain ?? Infinity, (options?.timeout ?? timeouts.close) / 2));
    if (this.#over !== undefined) return;
    this.giveBack();
    const unattached = this.#local === "uninit";
    this.#local = "closed";
    const { endpoint } = this;
    if (unattached || endpoint === undefined || endpoint.state === "detached") {
      this.finish(undefined);
      return;
    }
    endpoint.detach(closed, conditionOf(options?.error));
    this.events?.emit(closed ? "on_link_local_close" : "on_link_local_detach", NOTHING);
    await this.#closed.promise;
  }

  /** An error ends this link, and it alone. */
  fail(error: AmqpError): void {
    if (this.#over === undefined) this.events?.fail("on_link_error", { error }, !this.opened.settled);
    this.#finishInOrder(error);
  }

  #finishInOrder(error?: AmqpError): void {
    if (this.#over !== undefined) return;
    if (this.#local === "active") this.events?.emit("on_link_local_close", NOTHING);
    this.events?.emit("on_link_closed", NOTHING);
    this.finish(error);
  }

  /** It is over, once. */
  finish(error: AmqpError | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = error ?? true;
    this.#local = "closed";
    this.#timer?.cancel();
    this.options.signal?.removeEventListener("abort", this.#onAbort);
    const reason = error ?? (this.over as AmqpError);
    this.opened.reject(reason);
    this.onOver(reason);
    this.events?.emit("on_link_final", NOTHING);
    this.host.leave(this);
    this.keeper?.left(this);
    this.#closed.resolve(error);
  }
}

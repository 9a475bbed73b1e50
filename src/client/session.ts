/** A session of the client: it begins when the connection is open, and carries links that were made before that. */

import type { ReceiverEndpoint } from "../engine/receiver.ts";
import type { SenderEndpoint } from "../engine/sender.ts";
import type { SessionEndpoint, SessionSink } from "../engine/session.ts";
import type { AmqpError } from "../errors.ts";
import { LinkError, SessionError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { Attach, Begin, Role } from "../frames/performatives.ts";
import type { CloseOptions } from "../options/call.ts";
import type { ResolvedSession } from "../options/resolve-link.ts";
import type { SourceInit, TargetInit } from "../options/terminus.ts";
import { timerDelay } from "../options/timeouts.ts";
import { Deferred } from "../util/deferred.ts";
import type { Connection, Handlers, Receiver, ReceiverOptions, Sender, SenderOptions, Session } from "./api.ts";
import type { EndpointState, Opening, Side } from "./shapes.ts";
import { unfitClose } from "./encodable.ts";
import type { EventScope } from "./events.ts";
import type { ClientLink, ConnectionIo, LinkHost } from "./link.ts";
import type { Delays } from "./reconnection.ts";
import { IncomingLink } from "./link-request.ts";
import { remoteError } from "./remote-error.ts";
import { conditionOf } from "./termini.ts";
import { bounds, tooLate, within } from "./waiting.ts";
import { nextTurn } from "../transport/next-turn.ts";

/** What a session needs of its connection. */
export interface SessionHost extends Connection {
  readonly io: ConnectionIo;
  /** Makes a link in a session of the caller's. */
  senderIn(session: ClientSession, target: string | TargetInit | null | undefined, options: SenderOptions | undefined): Opening<Sender>;
  receiverIn(session: ClientSession, source: string | SourceInit | null | undefined, options: ReceiverOptions | undefined): Opening<Receiver>;
  /** The peer attaches a link. */
  requested(request: IncomingLink): void;
  forget(session: ClientSession): void;
  /** Who hears of the connection. */
  readonly events: EventScope | undefined;
  /** Begins a session again, now or when the connection is open again. */
  resumeSession(session: ClientSession): void;
}

export class ClientSession implements Session, SessionSink, LinkHost {
  readonly host: SessionHost;
  readonly options: ResolvedSession;
  /** Made for one link, so that it goes when that goes. */
  readonly implicit: boolean;
  /** The library's own: its links have none of the container's defaults, and neither `links()` nor handlers hear of them. */
  internal = false;
  /** Whether we began it, so that it is ours to begin again. */
  ours = true;
  readonly opened = new Deferred<void>();
  readonly links = new Set<ClientLink>();
  endpoint: SessionEndpoint | undefined = undefined;
  /** Who hears of it; undefined if nobody does. */
  events: EventScope | undefined;
  #own: EventScope | undefined = undefined;
  readonly #closed = new Deferred<AmqpError | undefined>();
  #local: Side = "uninit";
  #remote: Side = "uninit";
  #over = false;
  #closing: Promise<void> | undefined = undefined;
  #timer: { cancel(): void } | undefined = undefined;
  /** The peer ended it in a way that invites it to begin again, which it will. */
  #again: { cancel(): void } | undefined = undefined;
  #delays: Delays | undefined = undefined;

  constructor(host: SessionHost, options: ResolvedSession, implicit: boolean, handlers?: Handlers) {
    this.host = host;
    this.options = options;
    this.implicit = implicit;
    this.events = host.io.profile.events?.scope(handlers, host.events);
    if (handlers !== undefined) this.#own = this.events;
    this.opened.promise.catch(() => undefined);
    if (options.signal?.aborted === true) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  get session(): Session {
    return this;
  }

  get connection(): Connection {
    return this.host;
  }

  get io(): ConnectionIo {
    return this.host.io;
  }

  get state(): EndpointState {
    return { local: this.#local, remote: this.#remote };
  }

  get closed(): Promise<AmqpError | undefined> {
    return this.#closed.promise;
  }

  /** Whether links can be added: not to one that is closed, nor to one that ends with its last link. */
  get usable(): boolean {
    return !this.#over && this.#closing === undefined && this.#local !== "closed";
  }

  /** Whether a link of this name and role is here already. */
  has(role: Role, name: string): boolean {
    if (this.endpoint?.links.has(role, name) === true) return true;
    for (const link of this.links) if (link.name === name && link.isSender === (role === "sender")) return true;
    return false;
  }

  /** The handlers that are asked after its own have changed. */
  inherit(parent: EventScope | undefined): void {
    if (this.internal) return;
    if (this.#own === undefined) this.events = parent;
    else this.#own.parent = parent;
    for (const link of this.links) link.inherit(this.events);
  }

  createSender<Body = unknown>(target?: string | TargetInit | null, options?: SenderOptions<Body>): Opening<Sender<Body>> {
    return this.host.senderIn(this, target, options as SenderOptions) as Opening<Sender<Body>>;
  }

  createReceiver<Body = unknown>(source?: string | SourceInit | null, options?: ReceiverOptions<Body>): Opening<Receiver<Body>> {
    return this.host.receiverIn(this, source, options as ReceiverOptions) as Opening<Receiver<Body>>;
  }

  // ---------------------------------------------------------------- coming to be

  /** The connection is open: begins, and attaches the links that wait. */
  begin(begin: (sink: SessionSink) => SessionEndpoint): void {
    if (this.#over) return;
    this.#local = "active";
    this.#again?.cancel();
    const timeout = this.options.timeout ?? this.io.profile.timeouts.open;
    const delay = timerDelay(timeout);
    if (delay !== undefined) {
      this.#timer = this.io.profile.clock.setTimer(delay, () => {
        this.endpoint?.end();
        this.#fail(tooLate({ what: "the peer did not answer the begin of a session", timeout, scope: "session" }));
      });
    }
    this.endpoint = begin(this);
    this.events?.emit("on_session_init", { session: this });
    this.events?.emit("on_session_local_open", { session: this });
    this.#attachAll();
  }

  /**
   * Before the peer's begin nobody knows how many links it allows (handle-max), but one is always possible: it goes out with our
   * begin, the others wait.
   */
  #attachAll(): void {
    for (const link of [...this.links]) this.#attach(link);
  }

  #attach(link: ClientLink): void {
    const { endpoint } = this;
    if (endpoint === undefined || link.begun || (!this.opened.settled && endpoint.links.count !== 0)) return;
    if (endpoint.links.free) {
      link.begin(endpoint);
      return;
    }
    link.fail(new LinkError(`no handle is left for another link of this session: its peer allows ${endpoint.links.peerMax + 1} (handle-max)`,
      { code: "limit-exceeded", scope: "link" }));
  }

  /** It answers a begin of the peer's. */
  accepted(endpoint: SessionEndpoint): void {
    this.ours = false;
    this.endpoint = endpoint;
    this.#local = "active";
    this.#remote = "active";
    this.opened.resolve();
    if (this.events === undefined) return;
    const subject = { session: this };
    this.events.emit("on_session_init", subject);
    this.events.emit("on_session_remote_open", subject);
    this.events.emit("on_session_opening", subject);
    this.events.emit("on_session_local_open", subject);
    this.events.emit("on_session_opened", subject);
  }

  readonly #onAbort = (): void => {
    if (this.opened.settled) return;
    this.endpoint?.end();
    const { reason } = this.options.signal as AbortSignal;
    this.opened.reject(reason);
    this.lost(new SessionError("the session was aborted before it was open", { code: "session-ended", scope: "session", cause: reason }));
  };

  add(link: ClientLink): void {
    this.links.add(link);
    this.#attach(link);
  }

  /** Takes the links of a session that could not begin. */
  takeOver(other: ClientSession): void {
    for (const link of other.links) {
      link.host = this;
      this.add(link);
    }
    other.links.clear();
  }

  leave(link: ClientLink): void {
    this.links.delete(link);
    if (this.implicit && this.links.size === 0 && !this.#over) {
      this.#local = "closed";
      this.endpoint?.end();
      if (this.endpoint === undefined) this.lost(undefined);
    }
  }

  // ---------------------------------------------------------------- SessionSink

  onBegun(_begin: Begin): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#delays?.opened(this.io.profile.clock.now());
    this.#remote = "active";
    const again = this.opened.settled;
    this.opened.resolve();
    this.events?.emit("on_session_remote_open", { session: this });
    if (!again) this.events?.emit("on_session_opened", { session: this });
    this.#attachAll();
  }

  onEnded(error: ErrorCondition | undefined, breach: boolean): void {
    this.#remote = "closed";
    this.events?.emit("on_session_remote_close", { session: this });
    if (error !== undefined) {
      const failure = remoteError("session", breach ? "protocol-violation" : "session-ended",
        breach ? "the peer broke the protocol of a session" : "the peer ended the session", error);
      if (!breach && error.condition === AmqpCondition.notImplemented && this.#weaken(failure)) return;
      if (breach || error.condition !== AmqpCondition.internalError || !this.#restart(failure)) this.#fail(failure);
    } else if (this.#local === "closed") {
      this.lost(undefined);
    } else {
      const ended = new SessionError("the peer ended the session", { code: "session-ended", scope: "session", origin: "remote" });
      this.events?.closing("session", { session: this, error: ended });
      this.lost(ended);
    }
  }

  /** An error ends it. Where no handler of sessions is there, those of its links hear of it, since who has not asked for a session may not know of any. */
  #fail(error: AmqpError): void {
    const { events } = this;
    const forLinks = events !== undefined && this.links.size !== 0 && !events.handles("on_session_error") && !events.handles("on_session_closing");
    if (!forLinks) events?.fail("on_session_error", { session: this, error }, !this.opened.settled);
    this.lost(error, forLinks);
  }

  onAttach(link: SenderEndpoint | ReceiverEndpoint, attach: Attach): void {
    this.host.requested(new IncomingLink(this, link, attach));
  }

  // ---------------------------------------------------------------- coming back

  /** Attaches a link again that was detached, if there is something to attach it to. */
  resume(link: ClientLink): void {
    // A link of the peer's is the peer's to attach again.
    if (this.endpoint !== undefined && this.ours) link.begin(this.endpoint);
  }

  /** The connection is gone, and comes back: so does the session. */
  suspend(error: AmqpError): void {
    if (this.#over) return;
    if (this.#closing !== undefined || this.#local === "closed") {
      this.lost(undefined);
      return;
    }
    this.#timer?.cancel();
    this.#again?.cancel();
    this.endpoint = undefined;
    this.#local = "uninit";
    this.#remote = "uninit";
    for (const link of [...this.links]) link.suspend(error);
  }

  /** The peer had an error of its own (protocol.md R.4): it begins again, after a while. False where that is not to be. */
  #restart(error: AmqpError): boolean {
    if (!this.opened.settled || !this.usable || this.links.size === 0) return false;
    const delays = this.#delays ?? this.io.delays();
    if (delays === undefined) return false;
    // What was not attached yet may be what the peer could not bear: its caller is told.
    for (const link of [...this.links]) if (!link.opened.settled) link.lost(error);
    if (this.links.size === 0) return false;
    this.#delays = delays;
    delays.lost(this.io.profile.clock.now());
    this.suspend(error);
    this.#again = this.io.profile.clock.setTimer(delays.next(), () => this.host.resumeSession(this));
    return true;
  }

  /** The peer has not implemented what a link asked for: it begins again for those that can do with less, if that is not to be the end of others. */
  #weaken(error: AmqpError): boolean {
    let again = false;
    for (const link of [...this.links]) again = link.weaken(error) || again;
    if (this.links.size === 0) {
      this.lost(error);
      return true;
    }
    const others = [...this.links].some((link) => link.opened.settled);
    if (!again || !this.usable || (others && this.io.delays() === undefined)) return false;
    this.suspend(error);
    nextTurn(() => this.host.resumeSession(this));
    return true;
  }

  // ---------------------------------------------------------------- ending

  /** It is over, by the peer, with the connection, or as asked for. @param tell whether the handlers of links are to hear of the error */
  lost(error: AmqpError | undefined, tell: boolean = false): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#local === "active") this.events?.emit("on_session_local_close", { session: this });
    this.#local = "closed";
    this.#timer?.cancel();
    this.#again?.cancel();
    this.options.signal?.removeEventListener("abort", this.#onAbort);
    this.endpoint = undefined;
    for (const link of [...this.links]) link.lost(error, tell);
    this.links.clear();
    if (!this.opened.settled) this.opened.reject(error ?? new SessionError("the session is closed", { code: "session-ended", scope: "session" }));
    if (this.#remote === "closed") this.events?.emit("on_session_closed", { session: this });
    this.events?.emit("on_session_final", { session: this });
    this.host.forget(this);
    this.#closed.resolve(error);
  }

  close(options?: CloseOptions): Promise<void> {
    const unfit = unfitClose(options, "close()");
    if (unfit !== undefined) return Promise.reject(unfit);
    this.#closing ??= this.#over ? Promise.resolve() : this.#end(options);
    const { clock, timeouts } = this.io.profile;
    return within(this.#closing, bounds(clock, options, timeouts.close, "session", "the peer did not answer the end of the session"),
      () => this.lost(undefined));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(options: CloseOptions | undefined): Promise<void> {
    await Promise.all([...this.links].map((link) => link.close({ drain: options?.drain, timeout: options?.timeout }).catch(() => undefined)));
    if (this.#over) return;
    this.#local = "closed";
    if (this.endpoint === undefined) {
      this.lost(undefined);
      return;
    }
    this.endpoint.end(conditionOf(options?.error));
    this.events?.emit("on_session_local_close", { session: this });
    await this.#closed.promise;
  }
}


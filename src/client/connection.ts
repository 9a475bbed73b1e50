/**
 * A connection of the client: its identity, sessions, links and promises, apart from the socket that it runs on now. The
 * container gives it sockets; without one, what is asked of it waits.
 */

import type { ConnectionSink } from "../engine/connection.ts";
import { ConnectionEndpoint } from "../engine/connection.ts";
import type { SessionEndpoint, SessionSettings, SessionSink } from "../engine/session.ts";
import type { AmqpError } from "../errors.ts";
import { ConfigError, ConnectionError } from "../errors.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { Open } from "../frames/performatives.ts";
import type { CallOptions, CloseOptions } from "../options/call.ts";
import { resolveSessionOptions } from "../options/resolve-link.ts";
import type { ResolvedSession } from "../options/resolve-link.ts";
import type { SourceInit, TargetInit } from "../options/terminus.ts";
import type { Need } from "../sasl/mechanism.ts";
import { Deferred } from "../util/deferred.ts";
import { SlabWriter } from "../util/slab.ts";
import type {
  Connection, Container, Handlers, LinkRequest, Receiver, ReceiverOptions, Requester, RequesterOptions, Responder, ResponderOptions, Sender,
  SenderOptions, Session, SessionOptions, Transaction, TransactionOptions,
} from "./api.ts";
import type { EndpointState, Opening, PeerIdentity, Side } from "./shapes.ts";
import type { ControlLink } from "./control-link.ts";
import type { DriverOwner } from "./driver.ts";
import { Driver } from "./driver.ts";
import type { EventScope } from "./events.ts";
import { capabilitiesOf, checkEncodable, checkOpen, openOf, unfitClose } from "./encodable.ts";
import { HeardConnection } from "./heard-connection.ts";
import type { AfterFlush, ClientLink, ConnectionIo } from "./link.ts";
import type { Delays } from "./reconnection.ts";
import type { DeskOwner } from "./link-desk.ts";
import { LinkDesk } from "./link-desk.ts";
import { LinkMaker } from "./link-maker.ts";
import type { IncomingLink } from "./link-request.ts";
import type { Profile, Socket } from "./profile.ts";
import { PutOff } from "./put-off.ts";
import { closedEarly, lostTransport, remoteError } from "./remote-error.ts";
import { Replies } from "./replies.ts";
import { openRequester } from "./requester.ts";
import type { ResponderHandler } from "./responder.ts";
import { openResponder } from "./responder.ts";
import { ClientSender } from "./sender.ts";
import type { SessionHost } from "./session.ts";
import { ClientSession } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { conditionOf } from "./termini.ts";
import { traced } from "./trace.ts";
import { Transactions } from "./transactions.ts";
import { settleAll } from "./turnover.ts";
import { bounds, opening, within } from "./waiting.ts";

export class ClientConnection extends HeardConnection implements Connection, ConnectionSink, DeskOwner, DriverOwner, ConnectionIo, SessionHost {
  readonly backlog: SlabWriter;
  driver: Driver | undefined = undefined;
  pendingSends = 0;
  pendingBytes = 0;
  readonly #sessions: Sessions;
  readonly #maker: LinkMaker;
  readonly #desk = new LinkDesk(this);
  #transactions: Transactions | undefined = undefined;
  readonly #closed = new Deferred<AmqpError | undefined>();
  #afterFlush: AfterFlush[] = [];
  #replies: Replies | undefined = undefined;
  #endpoint: ConnectionEndpoint | undefined = undefined;
  #attempt: Deferred<void> | undefined = undefined;
  readonly #putOff = new PutOff();
  #local: Side = "uninit";
  #remote: Side = "uninit";
  #takesLinks = false;
  /** The socket was full: those who wait for it are to be told. */
  #congested = false;
  #closing: Promise<void> | undefined = undefined;
  /** The peer has opened, and what must be done before any session begins is under way. */
  #preparing = false;
  #over: AmqpError | true | undefined = undefined;
  #failure: AmqpError | undefined = undefined;
  /** Whether it was open once, so that a lost socket is no failed connect. */
  #established = false;

  constructor(container: Container, profile: Profile, handlers?: Handlers) {
    checkOpen(profile);
    super(container, profile, handlers);
    this.backlog = new SlabWriter(profile.slabs);
    this.#sessions = new Sessions(this);
    this.#maker = new LinkMaker(this, this.#sessions);
  }

  // ---------------------------------------------------------------- getters

  get io(): ConnectionIo {
    return this;
  }

  get state(): EndpointState {
    return { local: this.#local, remote: this.#remote };
  }

  get opened(): boolean {
    return this.#local === "active" && this.#remote === "active" && !this.#preparing;
  }

  get identity(): PeerIdentity | undefined {
    if (this.profile.side === "client" || this.socket === undefined) return undefined;
    const sasl = this.#endpoint?.identity;
    return { mechanism: sasl?.mechanism ?? "NONE", user: sasl?.user, certificate: this.peerCertificate };
  }

  get closed(): Promise<AmqpError | undefined> {
    return this.#closed.promise;
  }

  /** Whether it is over or about to be. */
  get ending(): boolean {
    return this.#over !== undefined || this.#closing !== undefined;
  }

  /** The error that ended it. */
  get failure(): AmqpError | undefined {
    return this.#over instanceof Error ? this.#over : undefined;
  }

  // ---------------------------------------------------------------- making things

  session(options?: SessionOptions): Opening<Session> {
    const resolved = resolveSessionOptions(options, this.profile.defaults.session);
    checkEncodable({ type: "begin", nextOutgoingId: 0, incomingWindow: 0, outgoingWindow: 0, ...capabilitiesOf(resolved) });
    this.#mustLive();
    const session = new ClientSession(this, resolved, false, options?.handler ?? this.profile.defaults.session?.handler);
    if (session.usable) this.#sessions.add(session);
    return opening(session as Session, session.opened.promise.then(() => session), session.events);
  }

  createSender<Body = unknown>(target?: string | TargetInit | null, options?: SenderOptions<Body>): Opening<Sender<Body>> {
    return this.senderIn(options?.session as ClientSession | undefined, target, options as SenderOptions) as Opening<Sender<Body>>;
  }

  createReceiver<Body = unknown>(source?: string | SourceInit | null, options?: ReceiverOptions<Body>): Opening<Receiver<Body>> {
    return this.receiverIn(options?.session as ClientSession | undefined, source, options as ReceiverOptions) as Opening<Receiver<Body>>;
  }

  senderIn(session: ClientSession | undefined, target: string | TargetInit | null | undefined, options: SenderOptions | undefined): Opening<Sender> {
    this.#mustLive();
    return this.#maker.sender(session, target, options);
  }

  receiverIn(session: ClientSession | undefined, source: string | SourceInit | null | undefined, options: ReceiverOptions | undefined): Opening<Receiver> {
    this.#mustLive();
    return this.#maker.receiver(session, source, options);
  }

  createRequester<Body = unknown>(address: string | null, options?: RequesterOptions<Body>): Promise<Requester<Body>> {
    return openRequester(this, address, options);
  }

  createResponder<Body = unknown>(address: string, handler: ResponderHandler<Body>, options?: ResponderOptions<Body>): Promise<Responder<Body>> {
    return openResponder(this, address, handler, options);
  }

  get replies(): Replies {
    this.#replies ??= new Replies(this);
    return this.#replies;
  }

  links(): IterableIterator<Sender | Receiver> {
    return this.#sessions.visible();
  }

  transaction(options?: TransactionOptions): Promise<Transaction>;
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  async transaction<T>(work?: TransactionOptions | ((tx: Transaction) => Promise<T>), options?: TransactionOptions): Promise<T | Transaction> {
    this.#mustLive();
    return typeof work === "function" ? this.transactions.run(work, options) : this.transactions.declare(undefined, work);
  }

  /** For the container: with handlers of its own, which are told how it goes. */
  declareTransaction(handlers: Handlers | undefined, options: TransactionOptions | undefined): Opening<Transaction> {
    this.#mustLive();
    return this.transactions.declare(handlers, options);
  }

  get transactions(): Transactions {
    this.#transactions ??= new Transactions(this, this.#sessions);
    return this.#transactions;
  }

  openControlLink(session: Session | undefined): ControlLink {
    this.#mustLive();
    return this.#maker.control(session);
  }

  open(options?: CallOptions): Promise<void> {
    if (this.ending) return Promise.reject(this.#gone());
    this.#endpoint?.answerOpen(this.profile.clock.now());
    if (this.opened) return Promise.resolve();
    const { clock, timeouts } = this.profile;
    return within(this.#putOff.opened, bounds(clock, options, timeouts.open, "connection", "the connection was not opened"));
  }

  incoming(): AsyncIterable<LinkRequest> {
    this.#takesLinks = true;
    return this.#desk.requests;
  }

  // ---------------------------------------------------------------- the container's calls

  /** Runs on a socket; resolves when the peer has opened, rejects when it will not. */
  run(socket: Socket): Promise<void> {
    const { profile } = this;
    const attempt = new Deferred<void>();
    this.#attempt = attempt;
    this.socket = socket;
    this.#failure = undefined;
    this.url = socket.url;
    this.hostname = socket.hostname ?? profile.hostname;
    const driver = new Driver(traced(socket.duplex, socket.url, profile), profile.clock, this);
    const takesLinks = (): boolean => profile.side === "server" || this.#takesLinks;
    this.driver = driver;
    this.#endpoint = new ConnectionEndpoint({
      side: profile.side,
      open: { ...openOf(profile), hostname: this.hostname },
      maxFrameSize: profile.maxFrameSize, channelMax: profile.channelMax, idleTimeout: profile.idleTimeout,
      maxBufferedBytes: profile.limits.maxBufferedBytes, maxEarlyFrameSize: profile.limits.maxSaslFrameSize, sasl: socket.sasl, saslOptional: socket.saslOptional, pool: profile.slabs,
      session: this.#sessionSettings(resolveSessionOptions(undefined, profile.defaults.session)),
      get acceptSessions() { return takesLinks(); },
      holdOpen: profile.side === "server" && this.events?.handles("on_connection_opening") === true,
      handshakeTime: profile.timeouts.handshake, initialOutgoingId: profile.firstSerial, initialDeliveryCount: profile.firstSerial,
    }, this, profile.clock.now());
    this.emit("on_connection_bound");
    if (profile.side === "client") this.emit("on_connection_local_open");
    driver.start(this.#endpoint);
    return attempt.promise;
  }

  /** No socket could be had: it is over. */
  fail(error: AmqpError): void {
    this.#finish(error);
  }

  /** Begins a session that was made before; the connection is open. */
  beginSession(session: ClientSession): void {
    const endpoint = this.#endpoint as ConnectionEndpoint;
    session.begin((sink) => endpoint.begin(this.#sessionSettings(session.options), sink));
  }

  #sessionSettings(options: ResolvedSession): SessionSettings {
    return { ...options, ...capabilitiesOf(options) };
  }

  /** Whether another session can begin. */
  get hasChannel(): boolean {
    return this.#endpoint?.channels.free ?? true;
  }

  // ---------------------------------------------------------------- ConnectionIo, SessionHost

  turnTime(): number {
    return this.driver?.turnTime() ?? this.profile.clock.now();
  }

  afterFlush(task: AfterFlush): void {
    this.#afterFlush.push(task);
  }

  delays(): Delays | undefined {
    return this.reconnection?.delays();
  }

  resumeSession(session: ClientSession): void {
    this.#sessions.resume(session);
  }

  forget(session: ClientSession): void {
    this.#sessions.remove(session);
  }

  /** Takes over a link that its peer has sent here. @throws ConfigError config, limit-exceeded, or why this is over */
  takeLink(link: ClientLink): void {
    this.#mustLive();
    const session = this.#sessions.for(undefined, link.isSender ? "sender" : "receiver", link.name);
    link.host = session;
    session.add(link);
  }

  get linkCount(): number {
    return this.#sessions.linkCount;
  }

  requested(request: IncomingLink): void {
    this.#desk.take(request);
  }

  /** Leaves a request to the handlers, or to `incoming()`. */
  offer(request: LinkRequest): void {
    this.#desk.offer(request);
  }

  /** Links that nobody has read from `incoming()`, for a listener that begins to take them. */
  takeRequests(): LinkRequest[] {
    return this.#desk.takeAll();
  }

  // ---------------------------------------------------------------- ConnectionSink

  onOutput(): void {
    this.driver?.schedule();
  }

  onFull(): void {
    this.driver?.flushFull();
  }

  onAuthenticated(): void {
    // The open follows.
  }

  onOpening(open: Open): void {
    this.remoteOpen = open;
    this.#remote = "active";
    this.emit("on_connection_remote_open");
    this.emit("on_connection_opening");
    const { clock, timeouts } = this.profile;
    this.#putOff.begin(clock, timeouts.open, () => {
      this.#endpoint?.close({ condition: AmqpCondition.internalError, description: `no open within ${timeouts.open} ms` });
      this.driver?.awaitEnd();
      this.#refuse(new ConnectionError(`on_connection_opening was not over within ${timeouts.open} ms`, { code: "timeout", scope: "connection" }));
    });
  }

  onOpened(open: Open): void {
    if (this.remoteOpen !== open) {
      this.remoteOpen = open;
      this.emit("on_connection_remote_open");
    }
    this.#local = "active";
    this.#remote = "active";
    const socket = this.socket as Socket;
    if (socket.prepare === undefined) {
      this.#ready(open);
      return;
    }
    this.#preparing = true;
    socket.prepare().then(() => {
      if (this.socket === socket && this.#attempt !== undefined) this.#ready(open);
    }, (error: unknown) => {
      if (this.socket !== socket || this.#attempt === undefined) return;
      this.#endpoint?.close();
      this.#refuse(error as AmqpError);
    });
  }

  #ready(open: Open): void {
    this.#preparing = false;
    this.reconnection?.opened();
    this.#attempt?.resolve();
    this.#attempt = undefined;
    this.#putOff.end(undefined);
    if (this.profile.side === "server") this.emit("on_connection_local_open");
    if (!this.#established) this.emit("on_connection_opened");
    this.#established = true;
    this.tell({ type: "connected", url: this.url ?? "", remoteContainer: open.containerId });
    this.#sessions.begin();
    this.#recovered();
  }

  /** A session of the library's own, begun at once. @throws ConfigError limit-exceeded where the peer has no channel for it */
  internalSession(): ClientSession {
    this.#mustLive();
    if (!this.hasChannel) throw new ConfigError("no channel is left for another session (channel-max of both sides)", { code: "limit-exceeded", scope: "session" });
    const session = new ClientSession(this, resolveSessionOptions(undefined, undefined), false);
    session.internal = true;
    session.events = undefined;
    this.#sessions.adopt(session);
    this.beginSession(session);
    return session;
  }

  onClosed(error: ErrorCondition | undefined): void {
    this.#remote = "closed";
    this.emit("on_connection_remote_close");
    const told = this.#failure;
    this.#failure ??= error === undefined ? undefined : remoteError("connection", "connection-closed", "the peer closed the connection", error);
    const early = new ConnectionError("the peer closed the connection", { code: "connection-closed", scope: "connection", origin: "remote" });
    if (this.#attempt !== undefined) {
      this.#refuse(this.#failure ?? early);
      return;
    }
    // A close without an error is the peer's last word.
    if (this.#failure !== undefined && this.#suspend(this.#failure)) return;
    if (told === undefined && (this.#failure !== undefined || this.#local === "active")) this.tellClose(this.#failure, early);
    this.#finish(this.#failure);
  }

  onFailed(error: AmqpError): void {
    this.#failure ??= error;
    if (this.#attempt !== undefined) this.#refuse(error);
    else if (this.#suspend(error)) return;
    else {
      this.tellLoss(error);
      this.#finish(error);
    }
    this.driver?.awaitEnd();
  }

  onSession(endpoint: SessionEndpoint): SessionSink {
    const session = new ClientSession(this, resolveSessionOptions(undefined, this.profile.defaults.session), false);
    session.accepted(endpoint);
    this.#sessions.adopt(session);
    return session;
  }

  onSaslNeed(need: Need): void {
    const endpoint = this.#endpoint as ConnectionEndpoint;
    const { answer } = this.socket as Socket;
    const { clock } = this.profile;
    const ask = async (): Promise<void> => {
      const fulfilled = await answer(need);
      endpoint.handleSaslAnswer(fulfilled, clock.now());
    };
    ask().catch((error: unknown) => endpoint.handleSaslFailure(error, clock.now())).finally(() => this.driver?.rearm());
  }

  // ---------------------------------------------------------------- DriverOwner

  onCongested(): void {
    this.#congested = true;
  }

  onFlushed(): void {
    if (this.#afterFlush.length !== 0) {
      const tasks = this.#afterFlush;
      this.#afterFlush = [];
      for (const task of tasks) task();
    }
    if (!this.#congested) return;
    this.#congested = false;
    for (const link of this.#sessions.links()) if (link instanceof ClientSender) link.onSocketReady();
  }

  onTransportClosed(error: Error | undefined): void {
    const endpoint = this.#endpoint as ConnectionEndpoint;
    const why = endpoint.handleEnd();
    this.socket?.release?.();
    const lost = lostTransport(why, error);
    this.#remote = "closed";
    this.emit("on_transport_closed");
    this.emit("on_connection_unbound");
    if (this.#attempt !== undefined) this.#refuse(this.#failure ?? lost);
    else if (this.#over === undefined && this.#local === "closed" && error === undefined) this.#finish(this.#failure);
    else if (this.#over === undefined && !this.#suspend(this.#failure ?? lost)) {
      this.tell({ type: "disconnected", error: lost });
      this.tellLoss(lost);
      this.#finish(this.#failure ?? lost);
    }
  }

  // ---------------------------------------------------------------- losing the socket

  /** The socket is lost, and the container looks for another one: everything waits for it. False where it does not. */
  #suspend(error: AmqpError, quietly: boolean = false): boolean {
    const { driver, reconnection } = this;
    if (this.ending || this.#local !== "active" || reconnection === undefined) return false;
    const final = reconnection.lost(error);
    if (final !== undefined) {
      this.#failure = final;
      return false;
    }
    this.#local = "uninit";
    this.#remote = "uninit";
    this.lostAt = this.profile.clock.now();
    this.#congested = false;
    this.#afterFlush.splice(0).forEach((task) => task(error));
    this.#sessions.suspend(error);
    this.socket?.release?.();
    this.driver = undefined;
    driver?.abandon();
    this.tell({ type: "disconnected", error });
    if (!quietly) this.events?.fail("on_transport_error", { connection: this, error }, true);
    if (!quietly) this.events?.fail("on_disconnected", { connection: this, error }, true);
    reconnection.begin();
    return true;
  }

  /** Goes on over another socket, in good order: what is under way gets `time` milliseconds, what is new waits. */
  async turnOver(why: AmqpError, time: number): Promise<void> {
    try {
      if (!await settleAll(this, () => this.#sessions.links(), time)) return;
      this.#sessions.writeDispositions();
      this.#endpoint?.close();
      this.holding = false;
      this.#suspend(why, true);
    } finally {
      this.holding = false;
    }
  }

  /** It is open, and if that is so again, what waited goes on. */
  #recovered(): void {
    if (this.lostAt === undefined) return;
    const outage = this.profile.clock.now() - this.lostAt;
    this.lostAt = undefined;
    this.tell({ type: "recovered", url: this.url ?? "", outage, ...this.#sessions.lastDrop() });
  }

  // ---------------------------------------------------------------- ending

  close(options?: CloseOptions): Promise<void> {
    const unfit = unfitClose(options, "close()");
    if (unfit !== undefined) return Promise.reject(unfit);
    if (options?.timeout === 0) {
      // At once is without another word: the socket is dropped.
      this.#finish(undefined);
      this.driver?.destroy();
      return Promise.resolve();
    }
    this.#closing ??= this.#over === undefined ? this.#close(options) : Promise.resolve();
    const { clock, timeouts } = this.profile;
    return within(this.#closing, bounds(clock, options, timeouts.close, "connection", "the peer did not answer the close"), () => {
      this.#finish(undefined);
      this.driver?.destroy();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    if (!this.opened) {
      this.onGiveUp?.();
      // A peer whose open we have put off is told why.
      const putOff = this.#remote === "active";
      if (putOff) this.#endpoint?.close(conditionOf(options?.error));
      this.#finish(this.#established ? undefined : closedEarly());
      if (putOff) this.driver?.awaitEnd();
      else this.driver?.destroy();
      return;
    }
    await Promise.all([this.onClosing?.(options), this.#sessions.flush(options, this.profile)]);
    if (this.#over !== undefined) return;
    this.#sessions.giveBack();
    this.#local = "closed";
    this.#endpoint?.close(conditionOf(options?.error));
    this.emit("on_connection_local_close");
    await this.#closed.promise;
  }

  /** This attempt has failed; another socket may follow. */
  #refuse(error: AmqpError): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    this.socket?.release?.();
    if (this.#preparing) this.#sessions.loseInternal(error);
    this.#preparing = false;
    attempt?.reject(error);
  }

  /** It is over, once. */
  #finish(error: AmqpError | undefined): void {
    if (this.#over !== undefined) return;
    this.#over = error ?? true;
    if (this.#local === "active") this.emit("on_connection_local_close");
    this.#local = "closed";
    this.socket?.release?.();
    const reason = error ?? new ConnectionError("the connection is closed", { code: "connection-closed", scope: "connection" });
    this.#attempt?.reject(reason);
    this.#attempt = undefined;
    this.#putOff.end(reason);
    this.#sessions.lose(this.#closing !== undefined && error === undefined ? undefined : error);
    this.#desk.end();
    this.#afterFlush.splice(0).forEach((task) => task(reason));
    this.tell({ type: "closed", error });
    // A close frame of the peer's, or our own word for it: not where the socket was lost.
    if (error === undefined || this.#endpoint?.finished === true) this.emit("on_connection_closed");
    this.emit("on_connection_final");
    this.#closed.resolve(error);
    this.onOver?.();
  }

  #mustLive(): void {
    if (this.ending) throw this.#gone();
  }

  #gone(): AmqpError {
    return this.#over instanceof Error ? this.#over
      : new ConnectionError("the connection is closed", { code: "connection-closed", scope: "connection" });
  }

  protected override handOn(events: EventScope | undefined): void {
    this.#sessions.inherit(events);
  }
}

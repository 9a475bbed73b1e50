/**
 * A sender of the client. A message is encoded before `send()` returns, straight into the connection's output if it can
 * leave, else into the backlog; its promise is settled by the peer's outcome.
 */

import type { LinkSettings, SenderSink } from "../engine/link.ts";
import type { SenderEndpoint } from "../engine/sender.ts";
import type { SessionEndpoint } from "../engine/session.ts";
import type { AmqpError } from "../errors.ts";
import { ConfigError, LinkError } from "../errors.ts";
import type { Outcome } from "../frames/delivery-state.ts";
import { RELEASED } from "../frames/delivery-state.ts";
import type { Attach, SenderSettleMode, UnsettledEntry } from "../frames/performatives.ts";
import type { MessageInit } from "../message/fields.ts";
import { streamedSection } from "../message/body.ts";
import type { Message } from "../message/message.ts";
import type { CallOptions, CloseOptions } from "../options/call.ts";
import { checkWhole } from "../options/check.ts";
import type { FlowOptions } from "../options/link.ts";
import { checkCallOptions } from "../options/resolve.ts";
import type { ResolvedSender } from "../options/resolve-link.ts";
import { Waiters } from "../util/waiters.ts";
import { nextTurn } from "../transport/next-turn.ts";
import { AbortWatch } from "./abort-watch.ts";
import type { Sorted } from "./at-drop.ts";
import { applyDrop, sortAtDrop } from "./at-drop.ts";
import type { OutgoingDelivery, SendOptions, Sender, Sent } from "./api.ts";
import type { Explanation, Unsettled } from "./shapes.ts";
import { Deadlines } from "./deadlines.ts";
import { DuplicateIds } from "./duplicate-ids.ts";
import type { Encodable } from "./encoder.ts";
import { MessageEncoder } from "./encoder.ts";
import { badCall } from "./encodable.ts";
import type { Resource } from "./enlistment.ts";
import { explainSender } from "./explain.ts";
import { judgeModes } from "./guarantees.ts";
import { InFlightTable } from "./in-flight.ts";
import type { LinkHost } from "./link.ts";
import { ClientLink, NOTHING } from "./link.ts";
import { senderSettings } from "./link-settings.ts";
import type { OutgoingOwner } from "./outgoing.ts";
import { ClientOutgoing } from "./outgoing.ts";
import { Capture } from "./promise.ts";
import { MessageStream, withBody } from "./message-stream.ts";
import { tellWhenGone } from "./presettled.ts";
import { inDoubt, notSent, outcomeError } from "./send-errors.ts";
import { sendAll } from "./send-all.ts";
import { configure } from "./send-options.ts";
import { SendQueue } from "./send-queue.ts";
import { concatenated, heardBy, isSendable, notAMessage, relayHint } from "./sendable.ts";
import { SenderRecovery } from "./sender-recovery.ts";
import type { RecoveringSender, RowCounts } from "./sender-recovery.ts";
import { SenderLedger } from "./sender-ledger.ts";
import { SenderTags } from "./sender-tags.ts";
import type { TypedSender } from "./typed-outgoing.ts";
import { TypedOutgoing } from "./typed-outgoing.ts";
import { bounds, tooLate, within } from "./waiting.ts";

export class ClientSender<Body = unknown> extends ClientLink implements Sender<Body>, SenderSink, OutgoingOwner, RecoveringSender, TypedSender {
  override readonly isSender = true;
  override readonly isReceiver = false;
  declare readonly options: ResolvedSender;
  endpoint: SenderEndpoint | undefined = undefined;
  readonly autoSettle: boolean;
  readonly inFlight = new InFlightTable<ClientOutgoing>();
  readonly #waiting: SendQueue;
  readonly #tags: SenderTags;
  readonly #presettles: boolean;
  readonly #ready = new Waiters();
  readonly #deadlines: Deadlines<ClientOutgoing>;
  readonly #aborts = new AbortWatch<ClientOutgoing>((delivery, reason) => this.#giveUp(delivery, reason));
  readonly #encoder = new MessageEncoder();
  readonly #idle = new Waiters();
  readonly #clock = (): number => this.host.io.profile.clock.now();
  #underWay: ClientOutgoing | undefined = undefined; // of whose frames some are written and some are not
  #kept = 0; // deliveries whose fate was told and that are not settled
  lastDrop = { resent: 0, inDoubt: 0 }; // what the last lost connection meant for what was under way
  /** What is kept over lost attachments, where the link is exactly-once. */
  readonly #recovery: SenderRecovery | undefined;
  override readonly ledger: SenderLedger | undefined; // what is kept of it in a store, where there is one
  readonly #typed: TypedOutgoing | undefined; // where bodies have to pass a schema first
  #duplicateIds: DuplicateIds | undefined = undefined; // where messages get ids by which a broker knows copies of them
  #offered = 0; // by a call before the link was open
  #mode: SenderSettleMode; // by which sends may choose to be settled: ours, and where that leaves it open the peer's wish

  constructor(host: LinkHost, name: string, options: ResolvedSender) {
    super(host, name, options);
    this.#waiting = new SendQueue(this);
    this.#recovery = options.guarantee === "exactly-once" ? new SenderRecovery(this) : undefined;
    this.ledger = SenderLedger.of(this, host.io.profile, {
      present: (tag) => this.inFlight.get(tag) ?? (this.#tags.uses(tag) ? this.#waiting.find(tag, this.#underWay) : undefined),
      drop: (delivery) => void this.#waiting.remove(delivery),
      stored: () => { if (this.#waiting.length !== 0 && this.#canWrite()) this.onWritable(); },
    });
    this.#tags = new SenderTags(options.tags ?? this.ledger?.nextTag);
    this.autoSettle = options.autoSettle;
    this.#presettles = options.sndSettleMode === "settled" || options.guarantee === "at-most-once";
    this.#mode = options.sndSettleMode;
    this.#encoder.maxMessageSize = options.maxMessageSize ?? Infinity;
    const { profile } = host.io;
    this.#typed = options.schema === undefined ? undefined : new TypedOutgoing(options.schema, this, profile.clock, profile.timeouts.send);
    this.#deadlines = new Deadlines(profile.clock, profile.timeouts.send, () => this.#oldest(), (delivery, timeout) => {
      this.#giveUp(delivery, tooLate({ what: `${this.title}: no outcome`, timeout, scope: "delivery" }));
    });
  }

  /** Those that wait have been counted, so that a loop over the credit ends. */
  override get credit(): number {
    return Math.max(0, super.credit - this.#waiting.length);
  }

  override get queued(): number {
    return this.#waiting.length;
  }

  get unsettled(): Unsettled<OutgoingDelivery> {
    return this.inFlight;
  }

  get draining(): boolean {
    return this.endpoint?.draining ?? false;
  }

  // ---------------------------------------------------------------- sending

  send(message: Sent<Body>, options?: SendOptions): Promise<OutgoingDelivery> {
    if (typeof message !== "object" || message === null) throw notAMessage("send()", message);
    if (isSendable(message)) return Promise.resolve(message.send(this as unknown as Sender, options?.tag as string | Uint8Array | undefined));
    return this.#typed === undefined ? this.sendNow(message as Encodable, options) : this.#typed.send(message as Encodable, options);
  }

  sendNow(message: Encodable, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    const delivery = this.#prepare(options, "send()");
    if (delivery.signal?.aborted === true) return Promise.reject(delivery.signal.reason);
    return this.ledger?.known(delivery.tagBytes) ?? this.#dispatch(delivery, message, options);
  }

  trySend(message: MessageInit<Body> | Message<Body>, options?: SendOptions): OutgoingDelivery | undefined {
    if (typeof message !== "object" || message === null) throw notAMessage("trySend()", message);
    if (options === undefined && !this.sendable()) return undefined;
    const delivery = this.#prepare(options, "trySend()");
    if (options !== undefined) {
      delivery.signal?.throwIfAborted();
      if (!this.sendable()) return undefined;
    }
    const passed = this.#typed === undefined ? message as Encodable : this.#typed.now(message as Encodable);
    const refused = this.#encode(delivery, passed);
    if (refused !== undefined) throw refused;
    delivery.transaction?.track(delivery);
    if (delivery.told) return delivery;
    if (delivery.signal !== undefined) this.#aborts.watch(delivery.signal, delivery);
    if (options?.timeout !== undefined) this.#deadlines.watch(delivery, options.timeout, this.host.io.turnTime());
    return delivery;
  }

  stream(init?: MessageInit, options?: SendOptions): MessageStream {
    if (this.#typed !== undefined) throw new ConfigError("stream(): a sender with a schema sends values, and no streams", { code: "config", scope: "link" });
    const message = withBody(init, streamedSection());
    const delivery = this.#prepare(options, "stream()");
    const { signal } = delivery;
    const sent = signal?.aborted === true ? Promise.reject<OutgoingDelivery>(signal.reason as Error) : this.#dispatch(delivery, message, options);
    return new MessageStream(delivery, sent);
  }

  sendAll(
    messages: Iterable<MessageInit<Body> | Message<Body>> | AsyncIterable<MessageInit<Body> | Message<Body>>,
    options?: SendOptions & { concurrency?: number | undefined },
  ): AsyncIterable<OutgoingDelivery> {
    return sendAll(this as unknown as Sender, messages as Iterable<Encodable>, options);
  }

  sendable(): boolean {
    const { io } = this.host;
    return this.#canWrite() && (this.#waiting.length === 0 || (this.ledger !== undefined && this.credit > 0)) && this.#recovery?.reducing !== true && this.over === undefined
      && io.driver !== undefined && !io.driver.congested;
  }

  ready(options?: CallOptions): Promise<void> {
    const unfit = options === undefined ? undefined : badCall(() => checkCallOptions(options, "ready()"));
    if (unfit !== undefined) return Promise.reject(unfit);
    if (this.sendable()) return Promise.resolve();
    if (this.over !== undefined) return Promise.reject(this.over);
    const { clock, timeouts } = this.host.io.profile;
    const waiting = this.#ready.add();
    return within(waiting.promise, bounds(clock, options, timeouts.send, "link", `${this.title}: no credit`), () => this.#ready.remove(waiting));
  }

  offered(n: number, options?: FlowOptions): void {
    checkWhole(n, 0, 0xffffffff, "offered()", "the number of messages");
    this.mustLive();
    if (options !== undefined) this.tellFlow(options, "offered()");
    this.#offered = n;
    if (this.isOpen) this.endpoint?.offer(n);
  }

  drained(): number {
    return this.endpoint?.drained() ?? 0;
  }

  /** @throws LinkError invalid-state */
  receive(): never {
    return this.wrongEnd("receive()", "send");
  }

  /** @throws LinkError invalid-state */
  flow(): never {
    return this.wrongEnd("flow()", "send");
  }

  /** @throws LinkError invalid-state */
  [Symbol.asyncIterator](): never {
    return this.wrongEnd("for await", "send");
  }

  // ---------------------------------------------------------------- what a delivery calls

  progressed(delivery: ClientOutgoing, waits: boolean): void {
    this.#deadlines.progressed(delivery, waits, this.#clock);
  }

  bodyFailed(delivery: ClientOutgoing, cause: unknown): void {
    if (delivery.told) return;
    if (!this.#waiting.remove(delivery)) this.endpoint?.abort(delivery);
    delivery.decide({ type: "not-sent", cause }, notSent(cause, delivery, this.title));
  }

  report(error: AmqpError): void {
    this.host.io.profile.onError(error);
  }

  written(delivery: ClientOutgoing): void {
    if (this.#underWay === delivery) this.#underWay = undefined;
    if (delivery.resume !== undefined) {
      // The last word on one that is settled: nobody answers it.
      if (delivery.localSettled || delivery.resume.aborted) return;
      delivery.resume = undefined;
    }
    if (delivery.presettled) {
      this.#waiting.release(delivery);
      const { resolve } = delivery;
      delivery.resolve = undefined;
      delivery.leave();
      if (resolve !== undefined) tellWhenGone(this.host.io, delivery, resolve, this.title);
      return;
    }
    this.enter(delivery);
  }

  decided(delivery: ClientOutgoing): void {
    if (delivery.signal !== undefined) this.#aborts.forget(delivery.signal, delivery);
    this.#deadlines.forget(delivery);
    delivery.content?.stop();
    if (!delivery.settled && this.over === undefined && (delivery.suspended ? delivery.left : delivery.writtenAt >= 0 || delivery.resume !== undefined)) {
      // It waits to be resumed, and goes into the table with that.
      if (delivery.resume !== undefined) return;
      if (!delivery.kept) this.#kept += 1; // in doubt it stays: the peer may still tell. So does one that its caller is to settle. Nobody waits for either
      delivery.kept = true;
      if (this.#idle.length !== 0) this.#tellIdle();
      return;
    }
    this.recall(delivery);
    this.#recovery?.settled(delivery);
    if (this.#underWay === delivery) {
      // The peer has decided before it had the whole of it, or the link is over: the rest is of no use to anybody.
      this.#underWay = undefined;
      this.endpoint?.abort(delivery);
    }
    this.forget(delivery);
    if (this.#idle.length !== 0) this.#tellIdle();
    if (this.#recovery?.reducing === true) this.#reduce();
    if (this.#waiting.length !== 0 && this.#canWrite()) this.onWritable();
    else if (this.#ready.length !== 0) this.#tellReady();
  }

  failureOf(delivery: ClientOutgoing): Error {
    return outcomeError(delivery.outcome as Exclude<Outcome, { type: "accepted" }>, delivery, this.title);
  }

  withdraw(delivery: ClientOutgoing, reason?: AmqpError): void {
    if (delivery.told) return;
    const cause = reason ?? new LinkError("the send was aborted", { code: "not-sent", scope: "delivery" });
    if (this.#takeBack(delivery)) {
      this.#fail(delivery, cause);
      return;
    }
    throw new LinkError("the message has left whole: it cannot be taken back", { code: "invalid-state", scope: "delivery" });
  }

  get controls(): boolean {
    return false;
  }

  get resource(): Resource | undefined {
    return this.host.io.transactions.resource;
  }

  get defaultOutcome(): Outcome {
    return this.endpoint?.settings?.source?.defaultOutcome ?? RELEASED;
  }

  // ---------------------------------------------------------------- what the engine calls

  onWritable(): void {
    const endpoint = this.endpoint as SenderEndpoint;
    if (!this.opened.settled) this.proceed();
    while (this.#waiting.length !== 0 && this.#canWrite()) {
      if (this.#waiting.first?.unstored === true || (this.#recovery?.reducing === true && this.#waiting.first?.resume === undefined)) break;
      const delivery = this.#waiting.shift() as ClientOutgoing;
      const unfit = delivery.resume === undefined ? this.#encoder.unfit(delivery) : undefined;
      if (unfit === undefined) this.#send(endpoint, delivery);
      else delivery.decide({ type: "not-sent", cause: unfit }, notSent(unfit, delivery, this.title));
    }
    if (this.#recovery?.reducing === true) this.#reduce();
    if (this.#ready.length !== 0) this.#tellReady();
    if (this.events !== undefined) this.#tellSendable();
    if (endpoint.draining && endpoint.credit > 0) nextTurn(this.#answerDrain);
  }

  onFlow(): void {
    this.events?.emit("on_link_flow", NOTHING);
  }

  /** Those who wait for credit have had their turn: what they left of it goes back (§2.6.7). */
  readonly #answerDrain = (): void => {
    const { endpoint } = this;
    if (endpoint?.draining === true && this.#waiting.length === 0 && !endpoint.midway) endpoint.drained();
  };

  // ---------------------------------------------------------------- what the connection and the link call

  /** The socket takes bytes again. */
  onSocketReady(): void {
    if (this.#ready.length !== 0) this.#tellReady();
    if (this.events !== undefined) this.#tellSendable();
  }

  protected override settings(): LinkSettings {
    return senderSettings(this.name, this.options);
  }

  protected override attachTo(session: SessionEndpoint, settings: LinkSettings): void {
    this.endpoint = session.attachSender(settings, this);
  }

  protected override judge(attach: Attach): LinkError | undefined {
    const verdict = judgeModes(this.options, attach);
    if (verdict instanceof LinkError) return verdict;
    this.guarantee = verdict;
    if (this.#mode === "mixed") this.#mode = attach.sndSettleMode ?? "mixed";
    return undefined;
  }

  protected override get hint(): string {
    return this.options.target === null ? relayHint(this.connection) : "";
  }

  protected override onOpen(): void {
    this.#encoder.maxMessageSize = Math.min(this.options.maxMessageSize ?? Infinity, this.endpoint?.peerMaxMessageSize ?? Infinity);
    if (this.#offered !== 0) this.endpoint?.offer(this.#offered);
    this.onWritable();
  }

  /** What was under way goes again, first and in its order, as far as it may; of an exactly-once link the next attachment decides that. */
  protected override onSuspended(error: AmqpError): void {
    const { driver, opened } = this.host.io;
    const keep = this.#recovery !== undefined && this.guarantee === "exactly-once";
    // Of a link that was lost alone, all that is written leaves.
    const left = (delivery: ClientOutgoing): boolean => delivery.suspended ? delivery.left : opened || driver === undefined || delivery.writtenAt <= driver.flushed;
    const sorted = sortAtDrop(this.inFlight, this.#underWay, { resend: this.#resends, keep, left });
    this.#underWay = undefined;
    if (keep) sorted.kept.push(...this.#waiting.recall().filter(({ localSettled }) => !localSettled));
    this.#apply(sorted, error);
  }

  /** The peer knows nothing of what was sent: the sender's policy decides. */
  override onDowngraded(): void {
    const error = new LinkError(`${this.title}: the peer has kept nothing of what was unsettled`, { code: "in-doubt", scope: "link", origin: "remote" });
    if (this.#recovery !== undefined) this.#recovery.reducing = false;
    this.#apply(sortAtDrop(this.inFlight, undefined, { resend: this.#resends, keep: false, left: (delivery) => delivery.left }), error);
  }

  override unsettledMap(): readonly UnsettledEntry[] | undefined {
    return this.#recovery?.entries();
  }

  override onResumed(attach: Attach, complete: boolean, rows: RowCounts): void {
    const first = this.#recovery?.resume(attach, complete, rows) ?? [];
    for (let at = first.length - 1; at >= 0; at--) this.#waiting.unshift(first[at] as ClientOutgoing);
  }

  #apply(sorted: Sorted, error: AmqpError): void {
    applyDrop(sorted, this, this.#waiting);
    this.ledger?.readmit(sorted.again);
    this.lastDrop = { resent: sorted.again.length + sorted.kept.length, inDoubt: sorted.doubtful.length };
    for (const delivery of [...sorted.doubtful, ...sorted.lost]) this.#fail(delivery, error);
  }

  /** All that can be settled with maps that are not complete is settled: the next attachment shows more. */
  #reduce(): void {
    if (this.#recovery?.reduced === true && this.#waiting.first?.resume === undefined) this.again();
  }

  /** Whether a message that may have arrived is sent again after a drop. */
  get #resends(): boolean {
    const { onInDoubt } = this.options;
    return this.guarantee === "exactly-once" ? onInDoubt === "resend" : onInDoubt !== "fail";
  }

  protected override onOver(error: AmqpError): void {
    const driver = this.host.io.driver;
    for (let delivery = this.#waiting.shift(); delivery !== undefined; delivery = this.#waiting.shift()) {
      this.#fail(delivery, error);
    }
    // Without its last frame no peer has the message.
    const partial = this.#underWay;
    partial?.decide({ type: "not-sent", cause: error }, notSent(error, partial, this.title));
    for (const delivery of [...this.inFlight]) {
      // The transaction in which the peer retires it decides.
      if (delivery.retiredIn !== undefined && !delivery.told) continue;
      this.inFlight.remove(delivery);
      if (delivery.told) continue;
      const left = delivery.suspended ? delivery.left : driver === undefined || delivery.writtenAt <= driver.flushed;
      const { awaited } = delivery;
      if (left && this.expired) delivery.decide(this.defaultOutcome);
      else if (left) delivery.decide({ type: "in-doubt", cause: error }, awaited ? inDoubt(error, delivery, this.title) : undefined);
      else delivery.decide({ type: "not-sent", cause: error }, awaited ? notSent(error, delivery, this.title) : undefined);
    }
    this.#ready.reject(error);
    this.#tellIdle();
    this.#deadlines.stop();
    this.#aborts.stop();
  }

  override close(options?: CloseOptions): Promise<void> {
    return this.#typed?.waits === true ? this.#afterSchemas(options).then(() => super.close(options)) : super.close(options);
  }

  override detach(options?: CallOptions): Promise<void> {
    return this.#typed?.waits === true ? this.#afterSchemas(options).then(() => super.detach(options)) : super.detach(options);
  }

  protected override async flushed(): Promise<void> {
    await this.#typed?.settled();
    if (this.busy) await this.#idle.add().promise;
  }

  override moveTo(host: LinkHost): void {
    this.#waiting.moved(() => super.moveTo(host));
  }

  protected override giveBack(): void {
    // A sender has nothing of the peer's in hand.
  }

  override explain(): Explanation {
    return explainSender(this, this.endpoint, this.host.io);
  }

  // ---------------------------------------------------------------- private

  /** Sends whose schema has not answered were called before the end of the link, so they go first, as long as they may. */
  async #afterSchemas(options: CloseOptions | undefined): Promise<void> {
    const { clock, timeouts } = this.host.io.profile;
    const limits = bounds(clock, { timeout: options?.drain ?? options?.timeout, signal: options?.signal }, timeouts.close, "link", "schemas");
    await within((this.#typed as TypedOutgoing).settled(), limits).catch(() => undefined);
  }

  /** Whether there are sends whose fate is not known. */
  get busy(): boolean {
    return (this.#waiting.length !== 0 && !this.host.io.holding) || this.inFlight.size > this.#kept || this.#underWay !== undefined;
  }

  #canWrite(): boolean {
    const { endpoint, host: { io } } = this;
    return endpoint !== undefined && endpoint.writable && !io.holding && this.inFlight.size < io.profile.limits.maxUnsettled;
  }

  /** A delivery with what the options make of it. @throws ConfigError config */
  #prepare(options: SendOptions | undefined, where: string): ClientOutgoing {
    const delivery = new ClientOutgoing(this);
    if (options !== undefined) configure(delivery, options, this.#mode, this.#presettles, where);
    else if (this.#presettles) delivery.presettled = true;
    return delivery;
  }

  #dispatch(delivery: ClientOutgoing, message: Encodable, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    const refused = this.#encode(delivery, message);
    if (refused !== undefined) return Promise.reject(refused);
    delivery.transaction?.track(delivery);
    const promise = this.events === undefined ? new Promise<OutgoingDelivery>(Capture.executor) : heardBy(delivery);
    const resolve = Capture.take() as (value: ClientOutgoing | Promise<never>) => void;
    if (delivery.presettled && delivery.writtenAt >= 0) {
      tellWhenGone(this.host.io, delivery, resolve, this.title);
      return promise;
    }
    delivery.resolve = resolve;
    if (delivery.signal !== undefined) this.#aborts.watch(delivery.signal, delivery);
    const now = this.host.io.turnTime();
    if (delivery.content === undefined) this.#deadlines.watch(delivery, options?.timeout, now);
    else this.#deadlines.watchProgress(delivery, options?.timeout, now);
    return promise;
  }

  /** Encodes the message where it belongs; answers why it was refused. What can never go throws. */
  #encode(delivery: ClientOutgoing, message: Encodable): Error | undefined {
    const over = this.over ?? delivery.transaction?.failure;
    if (over !== undefined) return notSent(over, undefined, this.title);
    if (this.options.target === null && (message.to ?? message.address) === undefined) {
      throw new ConfigError("send(): a message needs \"to\" on a sender without a target (anonymous relay)", { code: "config", scope: "delivery" });
    }
    if (delivery.messageFormat === 0 && message.messageFormat !== undefined) delivery.messageFormat = message.messageFormat;
    if (this.options.duplicateDetection !== undefined) message = (this.#duplicateIds ??= new DuplicateIds(this.connection, this.options.duplicateDetection)).stamp(message);
    this.#tags.choose(delivery, this.inFlight);
    if (this.#canWrite() && this.#waiting.length === 0 && this.#recovery?.reducing !== true && this.ledger === undefined) {
      const endpoint = this.endpoint as SenderEndpoint;
      this.#encoder.encodeNow(endpoint, delivery, message);
      this.#underWay = endpoint.partial as ClientOutgoing | undefined;
      this.#tags.keep(delivery);
      return undefined;
    }
    const { full } = this.#waiting;
    if (full !== undefined) return notSent(full, delivery, this.title, "queue-full");
    this.#encoder.encodeLater(this.host.io.backlog, delivery, message);
    this.#waiting.push(delivery);
    this.#tags.keep(delivery);
    this.ledger?.admit(delivery);
    return undefined;
  }

  /** Its caller waits no longer, by time or by signal. */
  #giveUp(delivery: ClientOutgoing, reason: unknown): void {
    if (delivery.told) return;
    const aborted = delivery.signal?.aborted === true && delivery.signal.reason === reason;
    const left = delivery.left || (this.endpoint?.midway === true && this.endpoint.partial === delivery);
    if (this.#takeBack(delivery)) {
      if (aborted && !left) delivery.decide({ type: "not-sent", cause: reason }, reason as Error);
      else this.#fail(delivery, reason);
    } else delivery.decide({ type: "in-doubt", cause: reason }, inDoubt(reason, delivery, this.title));
  }

  /** Takes it back, if the peer cannot have it whole; false if it may. */
  #takeBack(delivery: ClientOutgoing): boolean {
    if (delivery.suspended) return !delivery.left;
    return delivery.resume === undefined && (this.#waiting.remove(delivery) || this.endpoint?.abort(delivery) === true);
  }

  /** It will not be sent any more: it never left, unless an earlier attempt did. */
  #fail(delivery: ClientOutgoing, cause: unknown): void {
    if (delivery.told) return;
    if (delivery.left && this.expired) delivery.decide(this.defaultOutcome);
    else if (delivery.left) delivery.decide({ type: "in-doubt", cause }, inDoubt(cause, delivery, this.title));
    else delivery.decide({ type: "not-sent", cause }, notSent(cause, delivery, this.title));
  }

  #send(endpoint: SenderEndpoint, delivery: ClientOutgoing): void {
    if (delivery.content === undefined) endpoint.send(delivery);
    else delivery.content.begin(endpoint, delivery);
    this.#underWay = endpoint.partial as ClientOutgoing | undefined;
  }

  /** It is settled, or nobody will ever settle it. */
  forget(delivery: ClientOutgoing): void {
    this.#tags.free(delivery);
    this.#waiting.release(delivery);
    this.ledger?.forget(delivery, delivery.outcome?.type === "in-doubt" && this.over !== undefined);
  }

  /** It is written whole, or waits for an attachment that goes on with it. */
  enter(delivery: ClientOutgoing): void {
    this.inFlight.add(delivery);
    if (delivery.recovered) this.#tags.keep(delivery); // it is looked for by its tag while it waits to be resumed, too
    if (!delivery.told) return;
    delivery.kept = true;
    this.#kept += 1;
  }

  recall(delivery: ClientOutgoing): void {
    if (delivery.kept) this.#kept -= 1;
    delivery.kept = false;
    this.inFlight.remove(delivery);
  }

  #oldest(): Iterable<ClientOutgoing> {
    const partial = this.#underWay;
    if (partial !== undefined) return concatenated(this.inFlight, [partial], this.#waiting);
    return this.inFlight.size === 0 ? this.#waiting : concatenated(this.inFlight, this.#waiting);
  }

  #tellSendable(): void {
    if (this.isOpen && this.credit > 0) this.events?.sendable();
  }

  #tellReady(): void {
    if (this.sendable()) this.#ready.resolve();
  }

  #tellIdle(): void {
    if (!this.busy) this.#idle.resolve();
  }
}

/**
 * A receiver of the client: a queue of what has arrived, those who take from it, and the credit that follows from both.
 */

import type { IncomingTransfer } from "../engine/deliveries.ts";
import type { IncomingBody } from "../engine/incoming-body.ts";
import type { LinkSettings, ReceiverSink } from "../engine/link.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import type { SessionEndpoint } from "../engine/session.ts";
import type { AmqpError, DecodeError } from "../errors.ts";
import { LinkError } from "../errors.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { Attach, UnsettledEntry } from "../frames/performatives.ts";
import { printable } from "../frames/printable.ts";
import { checkMessage } from "../message/check.ts";
import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import type { CallOptions } from "../options/call.ts";
import { checkWhole } from "../options/check.ts";
import { checkBatchOptions, checkCallOptions, checkTakeOptions } from "../options/resolve.ts";
import type { BatchOptions, FlowOptions, TakeOptions } from "../options/link.ts";
import type { ResolvedReceiver } from "../options/resolve-link.ts";
import { Deque } from "../util/deque.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import type { ConsumeOptions, IncomingDelivery, OutgoingDelivery, Receiver, SendOptions } from "./api.ts";
import type { Explanation, Unsettled } from "./shapes.ts";
import { collect, collectAll } from "./batches.ts";
import { consume } from "./consume.ts";
import type { CreditOwner, Demand } from "./credit.ts";
import { CreditKeeper } from "./credit.ts";
import type { DeduplicateOwner } from "./deduplicate.ts";
import { Deduplication } from "./deduplicate.ts";
import { Drain } from "./drain.ts";
import { badCall } from "./encodable.ts";
import { explainReceiver } from "./explain.ts";
import { judgeModes } from "./guarantees.ts";
import type { IncomingOwner } from "./incoming.ts";
import { ClientIncoming } from "./incoming.ts";
import { IncomingContent } from "./incoming-content.ts";
import { ReceiverLedger } from "./receiver-ledger.ts";
import type { LinkHost } from "./link.ts";
import { ClientLink, NOTHING } from "./link.ts";
import { missingFilter, receiverSettings } from "./link-settings.ts";
import type { RecoveringReceiver } from "./receiver-recovery.ts";
import { ReceiverRecovery, unsettledOf } from "./receiver-recovery.ts";
import type { LoopOwner, Taker } from "./loop.ts";
import { byHand, postIn } from "./posted.ts";
import { ReceiverLoop } from "./loop.ts";
import type { TypedReceiver } from "./typed-incoming.ts";
import { TypedIncoming } from "./typed-incoming.ts";
import { bounds, within } from "./waiting.ts";

/** Most messages that a flow can grant. */
const MOST_CREDIT = 0xffffffff;
const MODIFIED = "amqp:modified:list";

export class ClientReceiver<Body = unknown> extends ClientLink implements Receiver<Body>, ReceiverSink, IncomingOwner, LoopOwner, CreditOwner, TypedReceiver, DeduplicateOwner, RecoveringReceiver {
  override readonly isSender = false;
  override readonly isReceiver = true;
  declare readonly options: ResolvedReceiver;
  endpoint: ReceiverEndpoint | undefined = undefined;
  readonly decoding: DecodeOptions;
  readonly prefetch: number;
  readonly maxUnsettled: number;
  readonly autoAccept: boolean;
  settlesSecond: boolean;
  offersModified = true;
  held = 0; // deliveries that were taken and neither settled nor passed
  stopped = 0; // how often: loops that began before that end
  readonly queue = new Deque<ClientIncoming>();
  readonly credits: CreditKeeper;
  readonly #takers = new Deque<Taker>();
  readonly #endings = new Set<() => void>();
  readonly #unconfirmed = new Set<ClientIncoming>();
  readonly #drain: Drain;
  readonly #settlesOnArrival: boolean;
  /** What is kept over lost attachments, where the link is exactly-once. */
  readonly #recovery: ReceiverRecovery | undefined;
  override readonly ledger: ReceiverLedger | undefined; // what is kept of it in a store, where there is one
  readonly #typed: TypedIncoming | undefined; // where bodies have to pass a schema first
  readonly #duplicates: Deduplication | undefined; // where copies of a message are to be known
  #arriving: ClientIncoming | undefined = undefined; // what was handed over and has not come whole

  constructor(host: LinkHost, name: string, options: ResolvedReceiver) {
    super(host, name, options);
    const { profile } = host.io;
    this.decoding = { int64: options.int64 ?? profile.int64, typed: options.typed ?? profile.typed };
    this.prefetch = options.prefetch;
    this.maxUnsettled = profile.limits.maxUnsettled;
    this.autoAccept = options.autoAccept;
    this.settlesSecond = options.rcvSettleMode === "second";
    this.#settlesOnArrival = options.guarantee === "at-most-once";
    this.credits = new CreditKeeper(this, options.prefetchGiven);
    this.#recovery = options.guarantee === "exactly-once" ? new ReceiverRecovery(this) : undefined;
    this.ledger = ReceiverLedger.of(this, profile);
    this.#drain = new Drain(this, profile.clock);
    this.#typed = options.schema === undefined ? undefined : new TypedIncoming(options.schema, this);
    this.#duplicates = options.deduplicate === undefined ? undefined : new Deduplication(this, options.deduplicate, options.name, this.#settlesOnArrival, profile.clock);
  }

  override get queued(): number {
    return this.queue.length;
  }

  get ahead(): number {
    return this.queue.length + (this.#typed?.waiting ?? 0) + (this.#duplicates?.waiting ?? 0);
  }

  get draining(): boolean {
    return this.#drain.active;
  }

  get drained(): number {
    return this.#drain.count;
  }

  get unsettled(): Unsettled<IncomingDelivery<Body>> {
    return unsettledOf(this.endpoint, this.#recovery) as unknown as Unsettled<IncomingDelivery<Body>>;
  }

  get expected(): number {
    return this.#recovery?.expected ?? 0;
  }

  /** How many takers wait, for the credit of those who take one by one. */
  get waiting(): number {
    return this.#takers.length;
  }

  // ---------------------------------------------------------------- taking

  [Symbol.asyncIterator](): AsyncIterator<IncomingDelivery<Body>> {
    return this.#loop({});
  }

  take(options: TakeOptions): AsyncIterable<IncomingDelivery<Body>> {
    const checked = checkTakeOptions(options);
    return { [Symbol.asyncIterator]: () => this.#loop(checked) };
  }

  receive(options?: CallOptions): Promise<IncomingDelivery<Body>> {
    const unfit = options === undefined ? undefined : badCall(() => checkCallOptions(options, "receive()"));
    if (unfit !== undefined) return Promise.reject(unfit);
    const here = this.tryTake();
    if (here !== undefined) return Promise.resolve(byHand(here) as unknown as IncomingDelivery<Body>);
    if (this.over !== undefined) return Promise.reject(this.over);
    const { clock, timeouts } = this.host.io.profile;
    let taker: Taker | undefined;
    const waiting = new Promise<IncomingDelivery<Body>>((resolve, reject) => {
      taker = {
        give: (delivery) => resolve(byHand(delivery) as unknown as IncomingDelivery<Body>),
        end: () => reject(this.over ?? new LinkError(`${this.title} was stopped`, { code: "invalid-state", scope: "link" })),
      };
      this.await(taker);
    });
    this.credits.pull();
    return within(waiting, bounds(clock, options, timeouts.receive, "link", `${this.title}: no message`), () => {
      this.forsake(taker as Taker);
      if (this.prefetch === 0 && !this.credits.flowing) void this.#drain.run(undefined).catch(() => undefined);
    });
  }

  tryReceive(): IncomingDelivery<Body> | undefined {
    this.credits.keepFlowing();
    const here = this.tryTake();
    return (here === undefined ? here : byHand(here)) as unknown as IncomingDelivery<Body> | undefined;
  }

  receiveBatch(max: number, options?: BatchOptions): Promise<IncomingDelivery<Body>[]> {
    return collect(this, max, checkBatchOptions(options, "receiveBatch()"), this.host.io.profile.clock) as unknown as Promise<IncomingDelivery<Body>[]>;
  }

  batches(max: number, options?: BatchOptions): AsyncIterable<IncomingDelivery<Body>[]> {
    return collectAll(this, max, checkBatchOptions(options, "batches()"), this.host.io.profile.clock) as unknown as AsyncIterable<IncomingDelivery<Body>[]>;
  }

  consume(
    handler: (delivery: IncomingDelivery<Body>, context: { readonly signal: AbortSignal }) => unknown, options?: ConsumeOptions<Body>,
  ): Promise<void> {
    return consume(this as unknown as Receiver & LoopOwner, handler as Parameters<typeof consume>[1], options as ConsumeOptions | undefined, this.host.io.profile);
  }

  stop(options?: CallOptions): Promise<void> {
    const unfit = options === undefined ? undefined : badCall(() => checkCallOptions(options, "stop()"));
    if (unfit !== undefined) return Promise.reject(unfit);
    this.stopped += 1;
    for (let taker = this.#takers.shift(); taker !== undefined; taker = this.#takers.shift()) taker.end();
    this.credits.stop();
    for (const listener of [...this.#endings]) listener();
    return Promise.resolve();
  }

  flow(n: number, options?: FlowOptions): void {
    checkWhole(n, 0, MOST_CREDIT, "flow()", "the number of messages");
    this.mustLive();
    if (options !== undefined) this.tellFlow(options, "flow()");
    this.events?.attend();
    this.credits.add(n);
  }

  get available(): number {
    return this.endpoint?.available ?? 0;
  }

  /** A durable subscription is to be there later. */
  override [Symbol.asyncDispose](): Promise<void> {
    return this.options.durable ? this.detach() : this.close();
  }

  drain(n?: number, options?: CallOptions): Promise<number> {
    const unfit = badCall(() => {
      if (n !== undefined) checkWhole(n, 0, MOST_CREDIT, "drain()", "the number of messages");
      checkCallOptions(options, "drain()");
      this.mustLive();
    });
    if (unfit !== undefined) return Promise.reject(unfit);
    if (n !== undefined) this.credits.add(n);
    return this.#drainOpen(options);
  }

  /** @throws LinkError invalid-state */
  send(): never {
    return this.wrongEnd("send()", "receive");
  }

  /** @throws LinkError invalid-state */
  trySend(): never {
    return this.wrongEnd("trySend()", "receive");
  }

  // ---------------------------------------------------------------- what loops and deliveries call

  tryTake(): ClientIncoming | undefined {
    const delivery = this.queue.shift();
    if (delivery !== undefined) this.#hand(delivery);
    return delivery;
  }

  await(taker: Taker): void {
    this.#takers.push(taker);
  }

  forsake(taker: Taker): void {
    this.#takers.remove(taker);
  }

  demand(limit: number): Demand {
    return this.credits.demand(limit);
  }

  onEnd(listener: () => void): () => void {
    this.#endings.add(listener);
    return () => void this.#endings.delete(listener);
  }

  async drainOnce(): Promise<boolean> {
    await this.#drainOpen(undefined);
    await this.#typed?.settled();
    return this.#drain.exhaustive;
  }

  passed(wasHeld: boolean): void {
    if (wasHeld) this.held -= 1;
    this.credits.topUp();
  }

  bounded(settled: Promise<void>, options: CallOptions): Promise<void> {
    const { clock, timeouts } = this.host.io.profile;
    return within(settled, bounds(clock, options, timeouts.send, "delivery", `${this.title}: the sender did not settle`));
  }

  unconfirmed(delivery: ClientIncoming, waits: boolean): void {
    if (waits) this.#unconfirmed.add(delivery);
    else this.#unconfirmed.delete(delivery);
  }

  answer(delivery: IncomingDelivery, message: MessageInit | Message, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    return this.host.io.replies.send(delivery, message, options);
  }

  /** Whether a taker has something in hand, or the sender has not confirmed what was told of it. */
  get busy(): boolean {
    return this.held !== 0 || this.#unconfirmed.size !== 0;
  }

  /** Gives back what nobody took. */
  giveBackQueue(): void {
    this.#duplicates?.giveBack();
    this.#typed?.giveBack();
    for (let delivery = this.queue.shift(); delivery !== undefined; delivery = this.queue.shift()) {
      this.#uncharge(delivery);
      void delivery.release();
    }
  }

  report(error: AmqpError): void {
    this.host.io.profile.onError(error);
  }

  // ---------------------------------------------------------------- what the engine calls

  createDelivery(): IncomingTransfer {
    return new ClientIncoming(this);
  }

  onDelivery(incoming: IncomingTransfer): void {
    const delivery = incoming as ClientIncoming;
    this.#drain.came();
    if (this.events?.handles("on_delivery") === true) this.events.emit("on_delivery", { delivery: delivery as unknown as IncomingDelivery });
    try {
      checkMessage(delivery.bytes, delivery.start, delivery.end);
    } catch (error) {
      this.#uncharge(delivery);
      this.#condemn(delivery, error as DecodeError);
      return;
    }
    this.#arrived(delivery);
  }

  onPartial(incoming: IncomingTransfer): void {
    const delivery = incoming as ClientIncoming;
    this.#drain.came();
    delivery.content = IncomingContent.partial(delivery.arriving as IncomingBody);
    this.#arriving = delivery;
    this.#arrived(delivery);
  }

  onWhole(incoming: IncomingTransfer): void {
    if (this.#arriving !== incoming) return;
    this.#arriving.whole();
    this.#arriving = undefined;
    this.credits.topUp();
  }

  onBroken(incoming: IncomingTransfer, error: DecodeError, partial: boolean): void {
    const delivery = incoming as ClientIncoming;
    if (!partial) this.#drain.came();
    this.#arriving = undefined;
    this.#unqueue(delivery);
    delivery.fail(error);
    this.#condemn(delivery, error);
  }

  /** It is no message. A client goes on after it: detaching would bring the same message again and again. */
  #condemn(delivery: ClientIncoming, error: DecodeError): void {
    this.report(error);
    if (this.host.io.profile.side === "server") {
      this.endpoint?.condemn(error.message);
      return;
    }
    void delivery.reject({ condition: AmqpCondition.decodeError, description: error.message });
    this.credits.topUp();
  }

  /** Its message is there, or the part of it before the body. */
  #arrived(delivery: ClientIncoming): void {
    if (!this.credits.open) {
      // It was under way when the credit was taken back (protocol.md L.4).
      this.#uncharge(delivery);
      void delivery.release();
      return;
    }
    if (delivery.remoteState !== undefined && !this.#admit(delivery)) return;
    if (this.#duplicates === undefined || this.#duplicates.passes(delivery)) this.#show(delivery);
  }

  #show(delivery: ClientIncoming): void {
    if (this.#typed === undefined) this.arrived(delivery);
    else this.#typed.take(delivery);
  }

  /** One that waited to be told from copies is to be shown. */
  admitted(delivery: ClientIncoming): void {
    if (this.credits.open) {
      this.#show(delivery);
      return;
    }
    this.#uncharge(delivery);
    void delivery.release();
  }

  spent(): void {
    this.credits.keep(1);
    this.credits.topUp();
  }

  storeFailed(error: AmqpError): void {
    this.report(error);
    void this.stop();
  }

  arrived(delivery: ClientIncoming): void {
    if (this.#settlesOnArrival) delivery.acceptOnArrival();
    delivery.postedIn?.posted(delivery);
    const taker = this.#takers.shift();
    if (taker === undefined) {
      this.queue.push(delivery);
      return;
    }
    this.#hand(delivery);
    taker.give(delivery);
    if (this.endpoint?.credit === 0) this.credits.topUp();
  }

  dropped(delivery: ClientIncoming): void {
    this.#uncharge(delivery);
    delivery.first?.left();
  }

  onAborted(incoming: IncomingTransfer): void {
    if (this.#arriving === incoming || incoming.present) {
      this.#arriving = undefined;
      this.#unqueue(incoming as ClientIncoming);
      (incoming as ClientIncoming).abandonedBySender();
    }
    this.events?.emit("on_aborted", NOTHING);
    this.credits.topUp();
  }

  onFlow(): void {
    this.events?.emit("on_link_flow", NOTHING);
    this.#drain.onFlow();
  }

  onRoom(): void {
    this.credits.topUp();
  }

  // ---------------------------------------------------------------- what the link calls

  restore(former: readonly ClientIncoming[]): void {
    this.#recovery?.restore(former);
    this.resumption.restored(this.connection.remoteContainer);
  }

  protected override settings(): LinkSettings {
    return receiverSettings(this.name, this.options, this.host.io.profile.limits.maxMessageSize);
  }

  protected override attachTo(session: SessionEndpoint, settings: LinkSettings): void {
    this.endpoint = session.attachReceiver(settings, this);
    this.readAsItComes(this.endpoint);
  }

  /** Has deliveries handed over before they are whole, if that was asked for. */
  readAsItComes(endpoint: ReceiverEndpoint): void {
    const { options } = this;
    endpoint.held = this.#recovery;
    endpoint.streams = options.partial;
    endpoint.maxKept = options.maxMessageSize ?? this.host.io.profile.limits.maxMessageSize;
  }

  protected override judge(attach: Attach): LinkError | undefined {
    const verdict = judgeModes(this.options, attach);
    if (verdict instanceof LinkError) return verdict;
    this.guarantee = verdict;
    if (this.options.lookup && attach.source == null) {
      return new LinkError(`${this.title}: the peer has no subscription named "${printable(this.name)}" of this container`,
        { code: "link-refused", scope: "link", origin: "remote" });
    }
    this.settlesSecond = attach.rcvSettleMode === "second" && this.options.rcvSettleMode === "second";
    return this.options.filterRequired ? missingFilter(this.endpoint?.settings, attach, this.title) : undefined;
  }

  protected override onOpen(): void {
    const outcomes = this.endpoint?.remoteAttach?.source?.outcomes;
    this.offersModified = outcomes === undefined || outcomes.length === 0 || outcomes.includes(MODIFIED);
    this.credits.opened();
  }

  protected override onSuspended(error: AmqpError, credit: number): void {
    const keep = this.#recovery !== undefined && this.guarantee === "exactly-once";
    if (keep) {
      for (const delivery of this.queue) this.#uncharge(delivery);
      this.#recovery.suspend(this.endpoint);
    }
    const dropped = (keep ? 0 : this.#duplicates?.suspended() ?? 0) + this.#dropQueue();
    this.#arriving?.fail(error);
    this.#arriving = undefined;
    this.#loseUnconfirmed(error);
    this.#drain.stop();
    this.credits.keep(credit + dropped);
  }

  override unsettledMap(): readonly UnsettledEntry[] | undefined {
    return this.#recovery?.entries();
  }

  override onResumed(attach: Attach): void {
    this.#recovery?.resume(attach);
  }

  /** The sender brings again what was not settled: what is here of it is of no use any more. */
  override onDowngraded(): void {
    for (const delivery of this.#recovery?.clear() ?? []) delivery.abandoned();
    const error = new LinkError(`${this.title}: the peer has kept nothing of what was unsettled`, { code: "stale-delivery", scope: "link", origin: "remote" });
    this.credits.keep((this.#duplicates?.suspended() ?? 0) + this.#dropQueue());
    this.#loseUnconfirmed(error);
  }

  discarded(delivery: ClientIncoming): void {
    this.#unqueue(delivery);
  }

  protected override onOver(error: AmqpError): void {
    for (let taker = this.#takers.shift(); taker !== undefined; taker = this.#takers.shift()) taker.end();
    this.#duplicates?.suspended();
    for (const delivery of this.#recovery?.clear() ?? []) delivery.suspended = false;
    this.#dropQueue();
    this.#arriving?.fail(error);
    this.#arriving = undefined;
    this.#loseUnconfirmed(error);
    this.#drain.stop();
    for (const listener of [...this.#endings]) listener();
  }

  protected override flushed(): Promise<void> {
    return Promise.resolve();
  }

  protected override giveBack(): void {
    if (this.endpoint?.isAttached === true) this.giveBackQueue();
  }

  override explain(): Explanation {
    return explainReceiver(this as unknown as Receiver, this.endpoint, this.host.io);
  }

  // ---------------------------------------------------------------- private

  async #drainOpen(options: CallOptions | undefined): Promise<number> {
    if (!this.opened.settled) {
      await within(this.opened.promise, bounds(this.host.io.profile.clock, options, Infinity, "link", `${this.title}: not open`));
    }
    return this.#drain.run(options);
  }

  #loop(options: TakeOptions): AsyncIterator<IncomingDelivery<Body>> {
    return new ReceiverLoop(this, options, this.host.io.profile.clock) as unknown as AsyncIterator<IncomingDelivery<Body>>;
  }

  #hand(delivery: ClientIncoming): void {
    this.#uncharge(delivery);
    if (delivery.disposed) {
      this.credits.topUp();
      return;
    }
    delivery.held = true;
    this.held += 1;
  }

  /** What came settled is the program's, whatever becomes of the link; the rest is delivered again. Answers how much that is. */
  #dropQueue(): number {
    let dropped = 0;
    for (let left = this.queue.length; left > 0; left--) {
      const delivery = this.queue.shift() as ClientIncoming;
      if ((delivery.remoteSettled || delivery.suspended) && !delivery.partial) {
        this.queue.push(delivery);
      } else {
        this.dropped(delivery);
        delivery.postedIn?.missed(delivery);
        dropped += 1;
      }
    }
    return dropped;
  }

  #unqueue(delivery: ClientIncoming): void {
    this.queue.remove(delivery);
    this.#duplicates?.remove(delivery);
  }

  #loseUnconfirmed(error: AmqpError): void {
    for (const delivery of this.#unconfirmed) {
      if (delivery.suspended) continue;
      this.#unconfirmed.delete(delivery);
      delivery.lose(error);
    }
  }

  #uncharge(delivery: ClientIncoming): void {
    const { charge } = delivery;
    delivery.charge = 0;
    if (charge !== 0) this.endpoint?.charge(-charge, 0);
  }

  /** Whether a delivery that names a transaction can be taken: only in one that is open (§4.3). */
  #admit(delivery: ClientIncoming): boolean {
    const error = postIn(delivery, this.host.io.transactions.resource);
    if (error === undefined) return true;
    this.#uncharge(delivery);
    if (!delivery.remoteSettled) void delivery.reject(error);
    else void this.close({ error, drain: 0 }).catch(() => undefined);
    this.credits.topUp();
    return false;
  }
}

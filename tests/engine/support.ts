/** Owners for the engine's ends that write down whatever they are told, and a peer that the test plays by hand. */

import type { ConnectionSettings, ConnectionSink } from "../../src/engine/connection.ts";
import { ConnectionEndpoint } from "../../src/engine/connection.ts";
import { IncomingTransfer, OutgoingTransfer } from "../../src/engine/deliveries.ts";
import type { IncomingBody } from "../../src/engine/incoming-body.ts";
import type { LinkEndpoint, LinkSettings, ReceiverSink, SenderSink } from "../../src/engine/link.ts";
import { ReceiverEndpoint } from "../../src/engine/receiver.ts";
import type { SenderEndpoint } from "../../src/engine/sender.ts";
import type { SessionEndpoint, SessionSettings, SessionSink } from "../../src/engine/session.ts";
import type { AmqpError, DecodeError } from "../../src/errors.ts";
import type { ErrorCondition } from "../../src/frames/condition.ts";
import type { DeliveryState } from "../../src/frames/delivery-state.ts";
import type { Attach, Open } from "../../src/frames/performatives.ts";
import type { Source, Target } from "../../src/frames/terminus.ts";
import { FrameReader, frameBytes, headerBytes } from "../../src/testing/codec/frame.ts";
import type { Frame, FrameHead, FrameName } from "../../src/testing/codec/frame.ts";
import { encodeComposite } from "../../src/testing/codec/composite.ts";
import { compositeNamed } from "../../src/testing/codec/schema.ts";
import { concat, hex, toHex } from "../../src/testing/codec/octets.ts";
import type { EnginePairOptions } from "../../src/testing/engine-pair.ts";
import { EnginePair, pairSettings, taken } from "../../src/testing/engine-pair.ts";
import type { SlabPool } from "../../src/util/slab.ts";

export { concat, hex, toHex };

const SOURCE: Source = { type: "source", address: "q", durable: 0, expiryPolicy: "session-end", timeout: 0, dynamic: false };
const TARGET: Target = { type: "target", address: "q", durable: 0, expiryPolicy: "session-end", timeout: 0, dynamic: false };

/** An attach of ours with both termini. */
export function linkSettings(name: string, over: Partial<LinkSettings> = {}): LinkSettings {
  return { name, source: SOURCE, target: TARGET, ...over };
}

const conditionOf = (error: ErrorCondition | undefined): string => error?.condition ?? "-";

/** A state in a word or two. */
export function stateText(state: DeliveryState | undefined): string {
  if (state === undefined) return "-";
  return state.type === "rejected" ? `rejected ${conditionOf(state.error)}` : state.type;
}

/** Something sent, with what became of it. */
export class Sent extends OutgoingTransfer {
  readonly told: string[] = [];
  readonly #log: string[];
  readonly #pool: SlabPool;

  constructor(log: string[], pool: SlabPool, init: Partial<Pick<OutgoingTransfer, "tagBytes" | "tagNumber" | "presettled" | "messageFormat" | "batchable">> = {}) {
    super();
    this.#log = log;
    this.#pool = pool;
    Object.assign(this, init);
  }

  override handleDisposition(state: DeliveryState | undefined, settled: boolean): void {
    if (state !== undefined) this.remoteState = state;
    if (settled) this.remoteSettled = true;
    this.told.push(`${stateText(state)}${settled ? " settled" : ""}`);
    this.#log.push(`outcome of ${this.deliveryId}: ${this.told.at(-1)}`);
    if (settled) this.free();
  }

  override handleWritten(): void {
    this.told.push("written");
    this.#log.push(`written ${this.deliveryId}`);
  }

  /** Its bytes may go. */
  free(): void {
    if (this.slab !== undefined) this.#pool.release(this.slab);
    this.slab = undefined;
  }
}

/** Something received. */
export class Received extends IncomingTransfer {
  readonly told: string[] = [];
  readonly #log: string[];

  constructor(log: string[]) {
    super();
    this.#log = log;
  }

  get body(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  override handleDisposition(state: DeliveryState | undefined, settled: boolean): void {
    if (state !== undefined) this.remoteState = state;
    if (settled) this.remoteSettled = true;
    this.told.push(`${stateText(state)}${settled ? " settled" : ""}`);
    this.#log.push(`sender says of ${this.deliveryId}: ${this.told.at(-1)}`);
  }
}

/** A sender's owner: sends what is queued whenever it can. */
export class SenderOwner implements SenderSink {
  endpoint!: SenderEndpoint;
  readonly queue: { readonly sent: Sent; readonly body: Uint8Array; readonly chunks: boolean }[] = [];
  /** Whether a drain is answered once nothing is left that could be sent. */
  answersDrain = true;
  readonly #log: string[];
  #tags = 0;

  constructor(log: string[]) {
    this.#log = log;
  }

  /** Queues a message that is exactly `body`; its chunks go by reference if `chunks` is set. */
  send(body: Uint8Array, init: ConstructorParameters<typeof Sent>[2] & { readonly chunks?: boolean | undefined } = {}): Sent {
    const { chunks = false, ...fields } = init;
    const sent = new Sent(this.#log, this.endpoint.session.connection.output.pool, { tagNumber: this.#tags++, ...fields });
    this.queue.push({ sent, body, chunks });
    this.onWritable();
    return sent;
  }

  onFlow(): void {
    // What it changes is told by onWritable.
  }

  onWritable(): void {
    const { endpoint } = this;
    while (endpoint.writable && this.queue.length !== 0) {
      const { sent, body, chunks } = this.queue.shift() as (typeof this.queue)[number];
      if (chunks) {
        endpoint.sendChunks(sent, [body]);
        continue;
      }
      const w = endpoint.begin(sent);
      w.writeBytes(body);
      endpoint.commit(sent);
    }
    if (endpoint.draining && this.answersDrain && endpoint.partial === undefined && (endpoint.credit > 0 || this.queue.length === 0)) {
      endpoint.drained();
      endpoint.draining = false;
    }
  }

  onAttached(attach: Attach): void {
    this.#log.push(`sender ${attach.name} attached`);
  }

  onDetached(closed: boolean, error: ErrorCondition | undefined, breach: boolean): void {
    this.#log.push(`sender detached${closed ? " closed" : ""} ${conditionOf(error)}${breach ? " breach" : ""}`);
  }
}

/** A receiver's owner: keeps what comes. */
export class ReceiverOwner implements ReceiverSink {
  endpoint!: ReceiverEndpoint;
  readonly received: Received[] = [];
  readonly #log: string[];

  constructor(log: string[]) {
    this.#log = log;
  }

  createDelivery(): Received {
    return new Received(this.#log);
  }

  onDelivery(delivery: IncomingTransfer): void {
    const received = delivery as Received;
    this.received.push(received);
    const { body } = received;
    const shown = body.length > 16 ? `${body.length} octets, sum ${body.reduce((sum, octet) => (sum * 31 + octet) % 65521, 0)}` : toHex(body);
    this.#log.push(`delivery ${received.deliveryId} tag ${toHex(received.copyTag())}${received.remoteSettled ? " settled" : ""}: ${shown}`);
  }

  onPartial(delivery: IncomingTransfer): void {
    const received = delivery as Received;
    this.received.push(received);
    const head = (received.arriving as IncomingBody).scanner.head;
    this.#log.push(`partial delivery ${received.deliveryId} tag ${toHex(received.copyTag())}: ${toHex(head)}`);
  }

  onWhole(delivery: IncomingTransfer): void {
    this.#log.push(`whole ${delivery.deliveryId}`);
  }

  onBroken(delivery: IncomingTransfer, error: DecodeError, partial: boolean): void {
    this.#log.push(`broken ${delivery.deliveryId}${partial ? " partial" : ""} ${error.message}`);
  }

  onAborted(delivery: IncomingTransfer): void {
    this.#log.push(`aborted ${delivery.deliveryId}`);
  }

  onFlow(): void {
    this.#log.push(`flow from the sender: credit ${this.endpoint.credit}, count ${this.endpoint.deliveryCount}, available ${this.endpoint.available}`);
  }

  onRoom(): void {
    this.#log.push("room");
  }

  onAttached(attach: Attach): void {
    this.#log.push(`receiver ${attach.name} attached`);
  }

  onDetached(closed: boolean, error: ErrorCondition | undefined, breach: boolean): void {
    this.#log.push(`receiver detached${closed ? " closed" : ""} ${conditionOf(error)}${breach ? " breach" : ""}`);
  }
}

/** What a session's owner does with a link that the peer attaches. */
export type LinkAnswer = "accept" | "refuse" | "hold";

export class SessionOwner implements SessionSink {
  endpoint!: SessionEndpoint;
  answer: LinkAnswer = "accept";
  accepting: Partial<LinkSettings> = {};
  readonly senders: SenderOwner[] = [];
  readonly receivers: ReceiverOwner[] = [];
  /** Links of the peer's that wait for an answer. */
  readonly held: LinkEndpoint[] = [];
  readonly #log: string[];

  constructor(log: string[]) {
    this.#log = log;
  }

  sender(name: string, over: Partial<LinkSettings> = {}): SenderOwner {
    const owner = new SenderOwner(this.#log);
    this.senders.push(owner);
    owner.endpoint = this.endpoint.attachSender(linkSettings(name, { initialDeliveryCount: 0, ...over }), owner);
    return owner;
  }

  receiver(name: string, over: Partial<LinkSettings> = {}): ReceiverOwner {
    const owner = new ReceiverOwner(this.#log);
    this.receivers.push(owner);
    owner.endpoint = this.endpoint.attachReceiver(linkSettings(name, over), owner);
    return owner;
  }

  onBegun(): void {
    this.#log.push("session begun");
  }

  onEnded(error: ErrorCondition | undefined, breach: boolean): void {
    this.#log.push(`session ended ${conditionOf(error)}${breach ? " breach" : ""}`);
  }

  onAttach(link: SenderEndpoint | ReceiverEndpoint, attach: Attach): void {
    this.#log.push(`${attach.role} ${attach.name} attaches`);
    if (this.answer === "hold") this.held.push(link);
    else if (this.answer === "refuse") link.refuse({ condition: "amqp:not-found" });
    else this.accept(link);
  }

  accept(link: LinkEndpoint): void {
    if (link instanceof ReceiverEndpoint) {
      const owner = new ReceiverOwner(this.#log);
      this.receivers.push(owner);
      owner.endpoint = link;
      link.sink = owner;
      link.accept(linkSettings(link.name, this.accepting));
    } else {
      const owner = new SenderOwner(this.#log);
      this.senders.push(owner);
      owner.endpoint = link as SenderEndpoint;
      owner.endpoint.sink = owner;
      link.accept(linkSettings(link.name, { initialDeliveryCount: 0, ...this.accepting }));
    }
  }
}

export class ConnectionOwner implements ConnectionSink {
  endpoint!: ConnectionEndpoint;
  readonly log: string[] = [];
  readonly sessions: SessionOwner[] = [];
  /** How links on sessions of the peer's are answered. */
  answer: LinkAnswer = "accept";
  accepting: Partial<LinkSettings> = {};
  failure: AmqpError | undefined = undefined;
  outputs = 0;

  begin(settings: SessionSettings = {}): SessionOwner {
    const session = new SessionOwner(this.log);
    this.sessions.push(session);
    session.endpoint = this.endpoint.begin(settings, session);
    return session;
  }

  onOutput(): void {
    this.outputs += 1;
  }

  onFull(): void {
    // Bytes are taken when the test moves them.
  }

  onAuthenticated(): void {
    this.log.push("authenticated");
  }

  onOpening(open: Open): void {
    this.log.push(`opening by ${open.containerId}`);
  }

  onOpened(open: Open): void {
    this.log.push(`opened by ${open.containerId}`);
  }

  onClosed(error: ErrorCondition | undefined): void {
    this.log.push(`closed ${conditionOf(error)}`);
  }

  onFailed(error: AmqpError): void {
    this.failure = error;
    this.log.push(`failed ${error.code} ${error.condition ?? "-"}`);
  }

  onSession(endpoint: SessionEndpoint): SessionSink {
    const session = new SessionOwner(this.log);
    session.answer = this.answer;
    session.accepting = this.accepting;
    session.endpoint = endpoint;
    this.sessions.push(session);
    this.log.push("session of the peer");
    return session;
  }

  onSaslNeed(): void {
    this.log.push("sasl need");
  }
}

/** Two engines with their owners, opened unless told otherwise. */
export class Pair {
  readonly client = new ConnectionOwner();
  readonly server = new ConnectionOwner();
  readonly wire: EnginePair;

  constructor(options: {
    readonly client?: Partial<ConnectionSettings> | undefined; readonly server?: Partial<ConnectionSettings> | undefined;
    readonly wire?: Omit<EnginePairOptions, "client" | "server"> | undefined; readonly opened?: boolean | undefined;
  } = {}) {
    this.wire = new EnginePair({
      ...options.wire, client: { settings: pairSettings("client", options.client), sink: this.client },
      server: { settings: pairSettings("server", options.server), sink: this.server },
    });
    this.client.endpoint = this.wire.client;
    this.server.endpoint = this.wire.server;
    if (options.opened !== false) this.wire.pump();
  }

  pump(): number {
    return this.wire.pump();
  }

  /** A session of the client's, mapped, with both owners. */
  session(client: SessionSettings = {}): { readonly here: SessionOwner; readonly there: SessionOwner } {
    const here = this.client.begin(client);
    this.pump();
    return { here, there: this.server.sessions.at(-1) as SessionOwner };
  }

  /** A link on which the client sends, with credit. */
  link(options: { readonly credit?: number | undefined; readonly name?: string | undefined; readonly settings?: Partial<LinkSettings> | undefined; readonly session?: SessionSettings | undefined } = {}):
  { readonly sender: SenderOwner; readonly receiver: ReceiverOwner; readonly here: SessionOwner; readonly there: SessionOwner } {
    const { here, there } = this.session(options.session);
    const sender = here.sender(options.name ?? "l", options.settings);
    this.pump();
    const receiver = there.receivers.at(-1) as ReceiverOwner;
    if (options.credit !== 0) receiver.endpoint.giveCredit(options.credit ?? 100);
    this.pump();
    return { sender, receiver, here, there };
  }

  /** The frames that a side has sent so far. */
  frames(side: "client" | "server"): Frame[] {
    return new FrameReader().push(this.wire.sent(side));
  }
}

/** Short forms of frames, for the comparison with what was expected: name, channel if not 0, condition. */
export function frameTexts(frames: readonly Frame[]): string[] {
  return frames.map((frame) => {
    const error = frame.fields["error"] as { readonly condition?: string } | undefined;
    return `${frame.name}${frame.channel === 0 ? "" : ` on ${frame.channel}`}${error?.condition === undefined ? "" : ` ${error.condition}`}`;
  });
}

const DEFAULTS: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  open: { containerId: "peer" },
  begin: { nextOutgoingId: 0, incomingWindow: 2048, outgoingWindow: 2048 },
  attach: { name: "l", handle: 0, role: "sender", source: {}, target: {} },
  flow: { nextIncomingId: 0, incomingWindow: 2048, nextOutgoingId: 0, outgoingWindow: 2048 },
  transfer: { handle: 0 },
  disposition: { role: "receiver" },
  detach: { handle: 0 },
};

/** The bytes of a frame, by the codec of the scripted peer. */
export function frame(name: FrameName, fields: Readonly<Record<string, unknown>> = {}, payload: Uint8Array = new Uint8Array(0), head: FrameHead = {}): Uint8Array {
  if (name === "empty") return frameBytes(payload, head);
  const type = compositeNamed(name);
  if (type === undefined) throw new Error(`no frame is called ${name}`);
  const initial = name === "attach" && (fields["role"] ?? "sender") === "sender" ? { initialDeliveryCount: 0 } : {};
  return frameBytes(concat(encodeComposite(type, { ...DEFAULTS[name], ...initial, ...fields }), payload), { type: name.startsWith("sasl-") ? 1 : 0, ...head });
}

/** One engine, whose peer is the test. */
export class Solo {
  readonly owner = new ConnectionOwner();
  readonly endpoint: ConnectionEndpoint;
  now = 0;
  readonly #reader = new FrameReader();

  constructor(side: "client" | "server", settings: Partial<ConnectionSettings> = {}) {
    this.endpoint = new ConnectionEndpoint(pairSettings(side, settings), this.owner, this.now);
    this.owner.endpoint = this.endpoint;
  }

  get log(): string[] {
    return this.owner.log;
  }

  raw(bytes: Uint8Array | string): this {
    this.endpoint.handleBytes(typeof bytes === "string" ? hex(bytes) : bytes, this.now);
    return this;
  }

  header(): this {
    return this.raw(headerBytes("amqp"));
  }

  send(name: FrameName, fields?: Readonly<Record<string, unknown>>, payload?: Uint8Array, head?: FrameHead): this {
    return this.raw(frame(name, fields, payload, head));
  }

  /** What it has written since the last call. */
  take(): Frame[] {
    return this.#reader.push(taken(this.endpoint, this.now));
  }

  /** The same in short. */
  said(): string[] {
    return frameTexts(this.take());
  }

  /** Headers and opens exchanged; what was written is taken. */
  open(fields: Readonly<Record<string, unknown>> = {}): this {
    this.header().send("open", fields);
    this.take();
    return this;
  }

  /** A session mapped on channel 0 of both sides: the engine's if it is a client, else the test's. */
  session(settings: SessionSettings = {}, begin: Readonly<Record<string, unknown>> = {}): SessionOwner {
    this.open();
    if (this.endpoint.settings.side === "client") {
      const session = this.owner.begin(settings);
      this.take();
      this.send("begin", { remoteChannel: 0, ...begin });
      return session;
    }
    this.send("begin", begin);
    this.take();
    return this.owner.sessions.at(-1) as SessionOwner;
  }
}

/** The frames of one name, less everything but some fields. */
export function fieldsOf(frames: readonly Frame[], name: FrameName, ...fields: readonly string[]): unknown[] {
  return frames.filter((each) => each.name === name).map((each) => (fields.length === 1
    ? each.fields[fields[0] as string] : Object.fromEntries(fields.map((field) => [field, each.fields[field]]))));
}

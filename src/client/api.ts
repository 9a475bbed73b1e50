/**
 * The public shapes of connections, sessions, links and deliveries. The classes behind them have members for each other
 * that are nobody else's business, so programs see these interfaces.
 */

import type { AmqpError } from "../errors.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import type { CallOptions, CloseOptions, ErrorInit } from "../options/call.ts";
import type {
  BatchOptions, ConsumeOptionsBase, FlowOptions, Guarantee, ReceiverOptionsBase, SendOptionsBase, SenderOptionsBase,
  SessionOptions as SessionOptionsBase, TakeOptions,
} from "../options/link.ts";
import type { ConnectOptions as ConnectOptionsBase } from "../options/connect.ts";
import type { ContainerOptions as ContainerOptionsBase } from "../options/container.ts";
import type { ListenOptionsBase } from "../options/listen.ts";
import type { StandardSchema } from "../options/standard-schema.ts";
import type { SourceInit, TargetInit } from "../options/terminus.ts";
import type { TransactionOptionsBase } from "../options/transaction.ts";
import type { Bytes } from "../util/bytes.ts";
import type { PeerCertificate } from "../util/peer-certificate.ts";
import type { Uuid } from "../wire/values.ts";
import type { Coordinator } from "./coordinator.ts";
import type { UnsettledStore } from "./unsettled-store.ts";
import type { DeduplicateOptions, DuplicateWindow } from "./duplicate-window.ts";
import type { HandlerOf } from "./handler.ts";
import type {
  ConnectionStatus, DeliveryStateInit, EndpointState, Explanation, Opening, PeerIdentity, Recovery, ScheduledTask, SendOutcome, Settling, Source,
  Target, Unsettled,
} from "./shapes.ts";

/** Where connections belong: it makes them, in both directions, and has their defaults. */
export interface Container extends AsyncDisposable {
  /** The container-id that peers see (§2.7.1). */
  readonly id: string;
  /** The connections that are not closed. */
  readonly connections: ReadonlySet<Connection>;
  /** Connects to the first url that answers. @throws ConfigError config */
  connect(url?: string | readonly string[] | ConnectOptions, options?: ConnectOptions): Opening<Connection>;
  /** A sender on a connection or session, or on a new connection to a url. @throws ConfigError config */
  createSender<Body = unknown>(
    context: Connection | Session | string, target?: string | TargetInit | null, options?: SenderOptions<Body>,
  ): Opening<Sender<Body>>;
  /** A receiver on a connection or session, or on a new connection to a url. @throws ConfigError config */
  createReceiver<Body = unknown>(
    context: Connection | Session | string, source?: string | SourceInit | null, options?: ReceiverOptions<Body>,
  ): Opening<Receiver<Body>>;
  /**
   * Declares a transaction; the handler's `on_transaction_declared` and its like tell how it goes. What is asked of `endpoint` waits for the id.
   * @throws ConfigError config, TransactionError transaction-failed
   */
  declareTransaction(context: Connection | Session, handler?: Handlers, options?: TransactionOptions): Opening<Transaction>;
  /** Waits for connections of others. @throws ConfigError config */
  listen(url: string | ListenOptions, options?: ListenOptions): Promise<Listener>;
  /**
   * Calls `task`, or a handler's `on_timer_task`, once after `delay` milliseconds. @throws ConfigError config
   */
  schedule(delay: number, task: (() => unknown) | Handler): ScheduledTask;
  /** Calls `on_<name>` of the container's handlers, with `payload` in the event. @throws ConfigError config */
  inject(name: string, payload?: unknown): void;
  /**
   * Calls `on_start`, and resolves when every connection and listener is closed, every task done and every callback over; or after
   * `stop()`. Rejects with the first error that no callback took, and when `signal` or `timeout` ends it; all is closed then, too.
   */
  run(options?: CallOptions): Promise<void>;
  /** Ends `run()`: what is scheduled is cancelled, listeners and connections are closed. */
  stop(): void;
  /** Closes every connection and listener. */
  close(options?: CloseOptions): Promise<void>;
}

/** Options of `new Container()`. The bags are defaults; what a call gives stands before them. */
export interface ContainerOptions extends ContainerOptionsBase {
  /** Callbacks of what happens in the container; those of connections, sessions and links stand before them. */
  handlers?: Handlers | undefined;
  connection?: ConnectOptions | undefined;
  session?: SessionOptions | undefined;
  /**
   * Where exactly-once links keep what is not settled, so that a program that is started again with the same container id and link names goes
   * on where it was. It stays the program's, to close after the container. @default none: in memory, for as long as the container lives
   */
  store?: UnsettledStore | undefined;
}

/** Options of `connect()`. */
export interface ConnectOptions extends ConnectOptionsBase {
  /** Callbacks of what happens in the connection, its sessions and links. */
  handler?: Handlers | undefined;
}

/** Options of `connection.session()`. */
export interface SessionOptions extends SessionOptionsBase {
  /** Callbacks of what happens in the session and its links. */
  handler?: Handlers | undefined;
}

/** Options of `listen()`. */
export interface ListenOptions extends ListenOptionsBase {
  /** Callbacks of what happens in the connections that come in. */
  handler?: Handlers | undefined;
  /** Whether the peer may attach this link; an ErrorInit is the reason why not. */
  authorize?: ((request: LinkRequest) => boolean | ErrorInit | Promise<boolean | ErrorInit>) | undefined;
}

/** A place where connections come in; as an iterable it gives them, already open. */
export interface Listener extends AsyncIterable<Connection>, AsyncDisposable {
  readonly url: string;
  /** Where to connect to by WebSocket; undefined where there is none. */
  readonly webSocketUrl: string | undefined;
  readonly port: number;
  /** The links that the peers of all its connections attach. */
  links(): AsyncIterable<LinkRequest>;
  /** Calls the handler for each link at once; a throw closes that link with amqp:internal-error. Resolves at close or signal. */
  serve(handler: (request: LinkRequest) => unknown, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Stops listening and closes its connections. */
  close(options?: CloseOptions): Promise<void>;
}

/** A connection to a peer (§2.4). */
export interface Connection extends AsyncDisposable {
  readonly container: Container;
  /** The hostname that our open asked for. */
  readonly hostname: string | undefined;
  /** Where it is connected to, without user and password. */
  readonly url: string | undefined;
  readonly state: EndpointState;
  readonly remoteContainer: string | undefined;
  readonly remoteHostname: string | undefined;
  readonly remoteProperties: Readonly<Record<string, unknown>> | undefined;
  readonly remoteOfferedCapabilities: readonly string[];
  readonly remoteDesiredCapabilities: readonly string[];
  /** Of the peer, on the listening side. */
  readonly identity: PeerIdentity | undefined;
  /** The peer's TLS certificate on either side, where it showed one that was verified. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** Resolves when it is over, with what ended it; never rejects. */
  readonly closed: Promise<AmqpError | undefined>;
  session(options?: SessionOptions): Opening<Session>;
  /** @param target null is the anonymous relay; without one the url's path. @throws ConfigError config */
  createSender<Body = unknown>(target?: string | TargetInit | null, options?: SenderOptions<Body>): Opening<Sender<Body>>;
  /** @param source null looks up what a durable receiver of this name left, to go on with it or to close it. @throws ConfigError config */
  createReceiver<Body = unknown>(source?: string | SourceInit | null, options?: ReceiverOptions<Body>): Opening<Receiver<Body>>;
  /** Declares a transaction (§4.2). @throws TransactionError transaction-failed where the peer has no transactions, or declares none */
  transaction(options?: TransactionOptions): Promise<Transaction>;
  /**
   * Declares one for `work`: it is committed when `work` resolves, and aborted when it rejects. `timeout` bounds the whole.
   * @throws TransactionError transaction-failed, or what `work` rejects with
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>;
  /**
   * Asks questions of a node: many requests at a time, each reply found by its correlation-id. Replies come to a node that the peer makes for it.
   * @param address null is the anonymous relay: each request says in `to` where it goes.
   * @throws ConfigError config, LinkError link-refused where the peer makes no node for replies and `replyTo` names none
   */
  createRequester<Body = unknown>(address: string | null, options?: RequesterOptions<Body>): Promise<Requester<Body>>;
  /**
   * Answers the requests that come from a node: what `handler` gives back goes to the request's reply-to address, and the request is
   * accepted once the answer was. A request without a reply-to address is handled, and not answered.
   * @throws ConfigError config
   */
  createResponder<Body = unknown>(
    address: string,
    handler: (request: Message<Body>, delivery: IncomingDelivery<Body>) => MessageInit | Message | undefined | Promise<MessageInit | Message | undefined>,
    options?: ResponderOptions<Body>,
  ): Promise<Responder<Body>>;
  /** Begins with the present status and ends after closed. */
  status(): AsyncIterable<ConnectionStatus>;
  /** Sends our open where `on_connection_opening` put it off; resolves when both sides are open. @throws ConnectionError connection-closed */
  open(options?: CallOptions): Promise<void>;
  /** Flushes what was sent, then closes. */
  close(options?: CloseOptions): Promise<void>;
  /** Links that the peer attaches, on the listening side. */
  incoming(): AsyncIterable<LinkRequest>;
  links(): Iterable<Sender | Receiver>;
}

/** A session of a connection (§2.5). */
export interface Session extends AsyncDisposable {
  readonly connection: Connection;
  readonly state: EndpointState;
  /** Resolves when it is over, with what ended it; never rejects. */
  readonly closed: Promise<AmqpError | undefined>;
  /** @throws ConfigError config */
  createSender<Body = unknown>(target?: string | TargetInit | null, options?: SenderOptions<Body>): Opening<Sender<Body>>;
  /** @param source null looks up what a durable receiver of this name left, to go on with it or to close it. @throws ConfigError config */
  createReceiver<Body = unknown>(source?: string | SourceInit | null, options?: ReceiverOptions<Body>): Opening<Receiver<Body>>;
  /** Ends it, and every link in it. */
  close(options?: CloseOptions): Promise<void>;
}

/** Options of a sender. */
export interface SenderOptions<Body = unknown> extends SenderOptionsBase {
  /** Callbacks of what happens to the link. */
  handler?: Handlers | undefined;
  /** The session to attach it in. @default one of its own, while there are channels */
  session?: Session | undefined;
  /** What each body must be before it is sent; what it makes of a body is sent in its place. Any Standard Schema: zod's and others', or one of your own. */
  schema?: StandardSchema<Body, unknown> | undefined;
  /**
   * Give each message what its broker knows a copy of it by, so that one that is sent again counts once: a message-id where it has none, and for Artemis
   * the application property _AMQ_DUPL_ID. A function chooses the id, which then can be the same after a restart. @default false
   */
  duplicateDetection?: boolean | ((message: MessageInit | Message) => string) | undefined;
}

/** Options of a receiver. */
export interface ReceiverOptions<Body = unknown> extends ReceiverOptionsBase {
  /** Callbacks of what happens to the link. */
  handler?: Handlers | undefined;
  /** The session to attach it in. @default one of its own, while there are channels */
  session?: Session | undefined;
  /** What each body must be: others are rejected with amqp:decode-error. What it makes of a body is the body. Any Standard Schema. */
  schema?: StandardSchema<unknown, Body> | undefined;
  /**
   * Which messages are copies of one that was accepted before, as a peer sends them that lost the outcome with a connection: they are accepted,
   * and shown to nobody. A copy of one that is in hand waits for its outcome. @default none
   */
  deduplicate?: DeduplicateOptions | DuplicateWindow | undefined;
}

/** What senders and receivers have in common (§2.6). */
export interface Link extends AsyncDisposable {
  readonly name: string;
  readonly connection: Connection;
  readonly session: Session;
  readonly isSender: boolean;
  readonly isReceiver: boolean;
  /** Messages that may still be sent (sender) or were granted (receiver). */
  readonly credit: number;
  /** Messages that wait: for credit (sender), or to be taken (receiver). */
  readonly queued: number;
  readonly state: EndpointState;
  readonly source: Source;
  readonly target: Target;
  readonly remoteSource: Source;
  readonly remoteTarget: Target;
  readonly remoteProperties: Readonly<Record<string, unknown>>;
  readonly remoteOfferedCapabilities: readonly string[];
  readonly remoteDesiredCapabilities: readonly string[];
  /** Link-state properties of the peer's last flow that had some (§2.7.4). */
  readonly remoteFlowProperties: Readonly<Record<string, unknown>>;
  readonly guarantee: Guarantee;
  readonly recovery: Recovery;
  /** Resolves when it is over, with what ended it; never rejects. */
  readonly closed: Promise<AmqpError | undefined>;
  /** Whether it is over without having been closed: detached, or gone with its session or connection. Its termini live on as their expiry policies say (§3.5.6). */
  readonly detached: boolean;
  /**
   * Detaches without closing: the terminus stays with the peer as long as its expiry policy says, and the name is free for a link
   * that finds it again. A link without a `session` of yours has one of its own, which ends with it.
   */
  detach(options?: CallOptions): Promise<void>;
  close(options?: CloseOptions): Promise<void>;
  explain(): Explanation;
}

/** Options of one send. */
export interface SendOptions extends SendOptionsBase {
  /** 1 to 32 octets, unique on the link while unsettled; text as UTF-8. @default a counter */
  tag?: Uint8Array | string | Uuid | undefined;
  /** The transaction that the message belongs to: it becomes available when that is committed. */
  transaction?: Transaction | undefined;
}

/** Something that knows how to send itself (S08). */
export interface Sendable {
  send(sender: Sender, tag?: string | Uint8Array): OutgoingDelivery | Promise<OutgoingDelivery>;
}

/** What `send()` takes. */
export type Sent<Body> = MessageInit<Body> | Message<Body> | Sendable;

/** A link on which we send (§2.6). */
export interface Sender<Body = unknown> extends Link {
  readonly isSender: true;
  readonly isReceiver: false;
  /**
   * Sends a message; it is encoded before the call returns. Resolves when the peer has accepted it (at-most-once: when it
   * was handed to the socket), else rejects with a SendError.
   * @throws EncodeError, ConfigError where it can never go
   */
  send(message: Sent<Body>, options?: SendOptions): Promise<OutgoingDelivery>;
  /** Sends if that needs no waiting: undefined without credit, or while too many bytes wait. */
  trySend(message: MessageInit<Body> | Message<Body>, options?: SendOptions): OutgoingDelivery | undefined;
  /**
   * Sends one message whose body is written to the stream: a write waits until the peer takes it, the close until the message is
   * accepted, an abort takes back what has left. Other sends of this link wait behind it.
   * @param init the message without its body
   * @throws EncodeError, ConfigError where it can never go
   */
  stream(init?: MessageInit | Message, options?: SendOptions): WritableStream<Uint8Array> & { readonly delivery: Promise<OutgoingDelivery> };
  /** Sends all of them, some at a time (@default concurrency 1000), and gives the deliveries as they settle. */
  sendAll(
    messages: Iterable<MessageInit<Body> | Message<Body>> | AsyncIterable<MessageInit<Body> | Message<Body>>,
    options?: SendOptions & { concurrency?: number | undefined },
  ): AsyncIterable<OutgoingDelivery>;
  /** Whether `trySend` would send. */
  sendable(): boolean;
  /** Resolves when `trySend` would send. */
  ready(options?: CallOptions): Promise<void>;
  /** Tells the peer how many messages wait here (§2.6.7 available). */
  offered(n: number, options?: FlowOptions): void;
  /** Whether the peer asked to use the credit up or give it back. */
  readonly draining: boolean;
  /** Gives back what is left of the credit, and answers how much that was. */
  drained(): number;
  readonly unsettled: Unsettled<OutgoingDelivery>;
}

/** A link on which we receive (§2.6); as an iterable it accepts each delivery when the loop asks for the next. */
export interface Receiver<Body = unknown> extends Link, AsyncIterable<IncomingDelivery<Body>> {
  readonly isSender: false;
  readonly isReceiver: true;
  /** One delivery, to be settled by you. @throws TimeoutError timeout */
  receive(options?: CallOptions): Promise<IncomingDelivery<Body>>;
  /** One that is here already. */
  tryReceive(): IncomingDelivery<Body> | undefined;
  /** What comes within `within` ms, up to `max`; none is no error. */
  receiveBatch(max: number, options?: BatchOptions): Promise<IncomingDelivery<Body>[]>;
  /** The loop's rules for a whole batch. */
  batches(max: number, options?: BatchOptions): AsyncIterable<IncomingDelivery<Body>[]>;
  /** A loop that ends by itself. */
  take(options: TakeOptions): AsyncIterable<IncomingDelivery<Body>>;
  /** Calls the handler for each delivery and accepts it when the handler resolves. */
  consume(
    handler: (delivery: IncomingDelivery<Body>, context: { readonly signal: AbortSignal }) => unknown, options?: ConsumeOptions<Body>,
  ): Promise<void>;
  /** No more credit; loops and `consume` end after what is in hand; the link stays. */
  stop(options?: CallOptions): Promise<void>;
  /** Grants so many more, for `prefetch: 0`. */
  flow(n: number, options?: FlowOptions): void;
  /** Asks the peer to send what it has, at most `n` more, and waits until it has; answers how many came. */
  drain(n?: number, options?: CallOptions): Promise<number>;
  readonly draining: boolean;
  /** Messages that the peer said wait there (§2.6.7), as far as it says so. */
  readonly available: number;
  /** How many deliveries the last drain brought. */
  readonly drained: number;
  readonly unsettled: Unsettled<IncomingDelivery<Body>>;
}

/** Options of `consume()`. */
export interface ConsumeOptions<Body = unknown> extends ConsumeOptionsBase {
  /** Deliveries with the same key are handled one after the other, in order. */
  key?: ((delivery: IncomingDelivery<Body>) => unknown) | undefined;
  /** What becomes of a delivery whose handler failed. @default released, as delivered, and told to the container's onError */
  onError?: "release" | "reject" | ((error: unknown, delivery: IncomingDelivery<Body>) => unknown) | undefined;
}

/** Options of a requester. */
export interface RequesterOptions<Body = unknown> extends SenderOptions<Body> {
  /** The address of a queue that only this requester reads. @default a node that the peer makes (dynamic source, §3.5.3) */
  replyTo?: string | undefined;
  /**
   * Which field of a request its replies name in their correlation-id: that of the same name, or the message-id.
   * @default "correlation-id", and "message-id" on paired links
   */
  correlate?: "correlation-id" | "message-id" | undefined;
  /** Replies come over a link of the same name from the node itself, as from RabbitMQ 4's /management. @default false */
  paired?: boolean | undefined;
}

/** Asks and gets answers; both its links are closed with it. */
export interface Requester<Body = unknown> extends AsyncDisposable {
  /**
   * Sends a request and resolves with its reply, which is accepted. Rejects at once where the peer does not accept the request.
   * @param options `timeout` from the call to the reply. @default timeouts.request
   * @throws EncodeError, ConfigError where it can never go
   */
  request<Reply = unknown>(message: MessageInit<Body> | Message<Body>, options?: CallOptions): Promise<Message<Reply>>;
  /** Rejects what still waits for its reply, after `drain` ms. @param options `drain` is 0 by default */
  close(options?: CloseOptions): Promise<void>;
}

/** Options of a responder. */
export interface ResponderOptions<Body = unknown> extends ReceiverOptions<Body> {
  /** Requests that are handled at once. @default 1 */
  concurrency?: number | undefined;
  /** What becomes of a request whose handler failed or whose answer could not be sent. @default released, as delivered; rejected if the answer's address is gone */
  onError?: ConsumeOptions<Body>["onError"];
}

/** Answers requests. */
export interface Responder<Body = unknown> extends AsyncDisposable {
  readonly receiver: Receiver<Body>;
  /** Takes no more requests, waits for the handlers that run, and closes the receiver. */
  close(options?: CloseOptions): Promise<void>;
}

/** What deliveries of both directions have in common (§2.6.12). */
export interface Delivery {
  readonly connection: Connection;
  readonly session: Session;
  readonly link: Link;
  readonly tag: Bytes;
  readonly localState: DeliveryState | undefined;
  readonly remoteState: DeliveryState | undefined;
  readonly settled: boolean;
  /** Whether some of it has not come (or gone) yet. */
  readonly partial: boolean;
  settle(state?: DeliveryStateInit): Settling;
  /** Tells a state without settling. */
  update(state: DeliveryStateInit): void;
}

/** A delivery that we received; released on disposal unless it was settled. */
export interface IncomingDelivery<Body = unknown> extends Delivery, Disposable {
  readonly link: Receiver<Body>;
  readonly message: Message<Body>;
  /** Whether octets of its body wait to be read. */
  readonly readable: boolean;
  /**
   * The octets of its body, the data sections joined: as they come where the receiver takes `partial` deliveries, else of what is there. Cancelled
   * or left early, it throws the rest away. `offset` is the octet up to which the last `update({ type: "received", offset })` confirmed it.
   * @throws LinkError invalid-state where the body is no data
   */
  stream(): ReadableStream<Bytes> & AsyncIterable<Bytes> & { readonly offset: number };
  /**
   * Resolves when the outcome is queued for the socket; where the sender settles (exactly-once), when it has. With a
   * `transaction` it takes effect when that is committed.
   */
  accept(options?: CallOptions & { transaction?: Transaction | undefined; commitWith?: unknown }): Settling;
  reject(error?: ErrorInit | string | Error): Settling;
  /** Gives it back. @param options `delivered: true` counts as an attempt. @default not delivered */
  release(options?: { delivered?: boolean | undefined }): Settling;
  modify(options?: {
    deliveryFailed?: boolean | undefined; undeliverableHere?: boolean | undefined; annotations?: Record<string, unknown> | undefined;
  }): Settling;
  /**
   * Sends an answer to the message's reply-to address, with its correlation-id or else its message-id as correlation-id. It settles nothing.
   * @throws ConfigError config where the message has no reply-to address, LinkError where that cannot be reached; what `send` throws
   */
  reply(message: MessageInit | Message, options?: SendOptions): Promise<OutgoingDelivery>;
}

/** A delivery that we sent. */
export interface OutgoingDelivery extends Delivery {
  readonly link: Sender;
  /** Whether it has not left whole. */
  readonly writable: boolean;
  /** Resolves when its fate is known, whatever it is; never rejects. */
  readonly settlement: Promise<OutgoingDelivery>;
  readonly outcome: SendOutcome | undefined;
  /** How often it was sent again after a lost connection. */
  readonly attempts: number;
  /** Whether it was left by a former process. */
  readonly recovered: boolean;
  /** What was sent, decoded anew from its bytes; undefined once it is settled. */
  readonly message: Message | undefined;
  /** Takes it back, as far as it has not left whole. */
  abort(): void;
}

interface LinkRequestBase {
  readonly name: string;
  readonly source: Source | null;
  readonly target: Target | null;
  readonly session: Session;
  readonly connection: Connection;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly desiredCapabilities: readonly string[];
  refuse(error: ErrorInit): Promise<void>;
}

/** The peer subscribes: our end will be the sender. */
export interface SenderRequest extends LinkRequestBase {
  readonly role: "sender";
  /**
   * The sender that waits for this peer, since its attach let it outlive its attachment (§3.5.6): `accept()` goes on with it and answers it,
   * whatever its options; `refuse()` ends it.
   */
  readonly resumes: Sender | undefined;
  /**
   * @param options `address` is that of the node made for a dynamic source; `source` says where our end differs from what the peer asked for (say
   * the filters that are applied), and is the whole of it where the peer gave none.
   */
  accept<Body = unknown>(options?: SenderOptions<Body> & { address?: string | undefined }): Promise<Sender<Body>>;
}

/** The peer publishes: our end will be the receiver. */
export interface ReceiverRequest extends LinkRequestBase {
  readonly role: "receiver";
  /**
   * The receiver that waits for this peer, since its attach let it outlive its attachment (§3.5.6): `accept()` goes on with it and answers it,
   * whatever its options; `refuse()` ends it.
   */
  readonly resumes: Receiver | undefined;
  /**
   * @param options `address` is that of the node made for a dynamic target; `target` says where our end differs from what the peer asked for;
   * `coordinator` answers a target of type "coordinator", whose messages the library takes itself.
   */
  accept<Body = unknown>(
    options?: ReceiverOptions<Body> & { address?: string | undefined; coordinator?: Coordinator | undefined },
  ): Promise<Receiver<Body>>;
}

/** A link that the peer attaches. */
export type LinkRequest = SenderRequest | ReceiverRequest;

/** Options of a transaction. */
export interface TransactionOptions extends TransactionOptionsBase {
  /**
   * The session of the transaction: its links must be in it, unless the peer's coordinator has amqp:multi-ssns-per-txn.
   * @default one of the connection's own
   */
  session?: Session | undefined;
}

/** A transaction that we control (§4). Until it is committed nothing of its work can be seen. */
export interface Transaction extends AsyncDisposable {
  /** The txn-id, as the peer allotted it; empty until it is declared. */
  readonly id: Bytes;
  readonly state: "active" | "committed" | "aborted" | "in-doubt";
  /** Sends a message that becomes available at the commit; resolves on the outcome that it will then have. @throws SendError, ConfigError */
  send<Body = unknown>(sender: Sender<Body>, message: MessageInit<Body> | Message<Body>, options?: SendOptions): Promise<OutgoingDelivery>;
  /** Accepts a delivery at the commit. @throws ConfigError, TransactionError, LinkError stale-delivery */
  accept(delivery: IncomingDelivery, options?: CallOptions): Promise<void>;
  /** Gives a delivery this outcome at the commit. @throws ConfigError, TransactionError, LinkError stale-delivery */
  update(delivery: IncomingDelivery, state: DeliveryStateInit, options?: CallOptions): Promise<void>;
  /** Commits when all its sends have their outcome. @throws TransactionError transaction-failed, whose `outcome` says what became of it */
  commit(options?: CallOptions): Promise<void>;
  /** Takes everything back; deliveries retired in it are ours again, unsettled. @throws TimeoutError timeout */
  abort(options?: CallOptions): Promise<void>;
}

/** What events are about, by name. */
export interface Endpoints {
  readonly container: Container;
  readonly connection: Connection;
  readonly session: Session;
  readonly sender: Sender;
  readonly receiver: Receiver;
  readonly incoming: IncomingDelivery;
  readonly outgoing: OutgoingDelivery;
  readonly request: LinkRequest;
  readonly transaction: Transaction;
}

/** An object with some `on_*` callbacks, called when what their name says has happened. */
export type Handler = HandlerOf<Endpoints>;

/** One handler or several. An object whose callbacks have names of the program's own (`inject`) is one too. */
export type Handlers = Handler | object | readonly (Handler | object)[];

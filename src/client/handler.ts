/**
 * The public shapes of handlers and of the events that they get, with Proton's names: each callback gets what it is sure to have. They are
 * written over the types of endpoints (`E`), since the options of endpoints name handlers in their turn; `event-kinds.ts` has the names that
 * programs use. How callbacks are called is the business of the room handlers/.
 */

import type { AmqpError } from "../errors.ts";
import type { Message } from "../message/message.ts";
import type { Transport } from "../options/connect.ts";

/** What events are about. */
export interface EndpointTypes {
  readonly container: unknown;
  readonly connection: unknown;
  readonly session: unknown;
  readonly sender: unknown;
  readonly receiver: unknown;
  readonly incoming: unknown;
  readonly outgoing: unknown;
  readonly request: unknown;
  readonly transaction: unknown;
}

/** Something that happened: what a callback gets. Members that its kind does not have are undefined. */
export interface EventOf<E extends EndpointTypes> {
  /** The callback's name without its `on_`. */
  readonly type: string;
  readonly container: E["container"];
  /** Proton's older name of `container`. */
  readonly reactor: E["container"];
  /** The most specific thing that the event is about: delivery, link, session, connection, payload, in this order; else the container. */
  readonly context: unknown;
  readonly connection: E["connection"] | undefined;
  readonly session: E["session"] | undefined;
  readonly link: E["sender"] | E["receiver"] | undefined;
  readonly sender: E["sender"] | undefined;
  readonly receiver: E["receiver"] | undefined;
  readonly delivery: E["incoming"] | E["outgoing"] | undefined;
  /** Of `on_message`. */
  readonly message: Message | undefined;
  /** What the connection runs on, where the program gave it by option `transport`. */
  readonly transport: Transport | undefined;
  readonly transaction: E["transaction"] | undefined;
  /** What went wrong. */
  readonly error: AmqpError | undefined;
  /** What `inject()` was given. */
  readonly payload: unknown;
  /** The link that the peer attaches, of `on_link_opening`. */
  readonly request: E["request"] | undefined;
}

export interface ConnectionEventOf<E extends EndpointTypes> extends EventOf<E> {
  readonly connection: E["connection"];
}

export interface ConnectionErrorEventOf<E extends EndpointTypes> extends ConnectionEventOf<E> {
  readonly error: AmqpError;
}

export interface SessionEventOf<E extends EndpointTypes> extends ConnectionEventOf<E> {
  readonly session: E["session"];
}

export interface SessionErrorEventOf<E extends EndpointTypes> extends SessionEventOf<E> {
  readonly error: AmqpError;
}

export interface LinkEventOf<E extends EndpointTypes> extends SessionEventOf<E> {
  readonly link: E["sender"] | E["receiver"];
}

/** Before the request is accepted, `link` only shows what the peer asks for. */
export interface LinkOpeningEventOf<E extends EndpointTypes> extends LinkEventOf<E> {
  readonly request: E["request"];
}

export interface LinkErrorEventOf<E extends EndpointTypes> extends LinkEventOf<E> {
  readonly error: AmqpError;
}

export interface SenderEventOf<E extends EndpointTypes> extends LinkEventOf<E> {
  readonly link: E["sender"];
  readonly sender: E["sender"];
  readonly receiver: undefined;
}

export interface OutgoingEventOf<E extends EndpointTypes> extends SenderEventOf<E> {
  readonly delivery: E["outgoing"];
}

export interface ReceiverEventOf<E extends EndpointTypes> extends LinkEventOf<E> {
  readonly link: E["receiver"];
  readonly receiver: E["receiver"];
  readonly sender: undefined;
}

export interface IncomingEventOf<E extends EndpointTypes> extends ReceiverEventOf<E> {
  readonly delivery: E["incoming"];
  readonly message: Message;
}

/** A delivery that the sender has settled: of `on_settled` and `on_delivery` there is no message. */
export interface DeliveryEventOf<E extends EndpointTypes> extends LinkEventOf<E> {
  readonly delivery: E["incoming"] | E["outgoing"];
}

export interface TransactionEventOf<E extends EndpointTypes> extends ConnectionEventOf<E> {
  readonly transaction: E["transaction"];
}

/** What a callback answers: a promise holds back the next event of its link. */
export type Handled = unknown;

/** Callbacks about transactions. */
export interface TransactionHandlerOf<E extends EndpointTypes> {
  on_transaction_declared?(event: TransactionEventOf<E>): Handled;
  on_transaction_declare_failed?(event: TransactionEventOf<E>): Handled;
  on_transaction_committed?(event: TransactionEventOf<E>): Handled;
  on_transaction_commit_failed?(event: TransactionEventOf<E>): Handled;
  on_transaction_aborted?(event: TransactionEventOf<E>): Handled;
}

/** Callbacks for those who want to know every step of an endpoint, as Proton's engine names them. */
export interface EndpointHandlerOf<E extends EndpointTypes> {
  on_connection_init?(event: ConnectionEventOf<E>): Handled;
  /** It has a socket. */
  on_connection_bound?(event: ConnectionEventOf<E>): Handled;
  /** Its socket is gone. */
  on_connection_unbound?(event: ConnectionEventOf<E>): Handled;
  on_connection_local_open?(event: ConnectionEventOf<E>): Handled;
  on_connection_remote_open?(event: ConnectionEventOf<E>): Handled;
  on_connection_local_close?(event: ConnectionEventOf<E>): Handled;
  on_connection_remote_close?(event: ConnectionEventOf<E>): Handled;
  on_connection_final?(event: ConnectionEventOf<E>): Handled;
  on_session_init?(event: SessionEventOf<E>): Handled;
  on_session_local_open?(event: SessionEventOf<E>): Handled;
  on_session_remote_open?(event: SessionEventOf<E>): Handled;
  on_session_local_close?(event: SessionEventOf<E>): Handled;
  on_session_remote_close?(event: SessionEventOf<E>): Handled;
  on_session_final?(event: SessionEventOf<E>): Handled;
  on_link_init?(event: LinkEventOf<E>): Handled;
  on_link_local_open?(event: LinkEventOf<E>): Handled;
  on_link_remote_open?(event: LinkEventOf<E>): Handled;
  on_link_local_close?(event: LinkEventOf<E>): Handled;
  on_link_local_detach?(event: LinkEventOf<E>): Handled;
  on_link_remote_close?(event: LinkEventOf<E>): Handled;
  on_link_remote_detach?(event: LinkEventOf<E>): Handled;
  /** The peer told its flow: credit, or what it has. */
  on_link_flow?(event: LinkEventOf<E>): Handled;
  on_link_final?(event: LinkEventOf<E>): Handled;
  /** A message has come, or the peer told a state of a delivery. */
  on_delivery?(event: DeliveryEventOf<E>): Handled;
  /** The socket is gone, whether the connection was over or not. */
  on_transport_closed?(event: ConnectionEventOf<E>): Handled;
}

/** An object with some of these callbacks is a handler. */
export interface HandlerOf<E extends EndpointTypes> extends TransactionHandlerOf<E>, EndpointHandlerOf<E> {
  /** `run()` has begun. */
  on_start?(event: EventOf<E>): Handled;
  /** The same, just before it. */
  on_reactor_init?(event: EventOf<E>): Handled;
  /** A task of `schedule()` is due. */
  on_timer_task?(event: EventOf<E>): Handled;
  /** Listening side: the peer has sent its open; ours follows when the callback is done, or at `connection.open()`. */
  on_connection_opening?(event: ConnectionEventOf<E>): Handled;
  on_connection_opened?(event: ConnectionEventOf<E>): Handled;
  /** The peer closes it, without an error. */
  on_connection_closing?(event: ConnectionEventOf<E>): Handled;
  /** It is closed, by whichever side. */
  on_connection_closed?(event: ConnectionEventOf<E>): Handled;
  /** The peer closes it with an error. */
  on_connection_error?(event: ConnectionErrorEventOf<E>): Handled;
  /** The peer has begun a session. */
  on_session_opening?(event: SessionEventOf<E>): Handled;
  on_session_opened?(event: SessionEventOf<E>): Handled;
  on_session_closing?(event: SessionEventOf<E>): Handled;
  on_session_closed?(event: SessionEventOf<E>): Handled;
  on_session_error?(event: SessionErrorEventOf<E>): Handled;
  /** The peer attaches a link: accepted when the callback is done, unless it has answered the request itself. */
  on_link_opening?(event: LinkOpeningEventOf<E>): Handled;
  on_link_opened?(event: LinkEventOf<E>): Handled;
  on_link_closing?(event: LinkEventOf<E>): Handled;
  on_link_closed?(event: LinkEventOf<E>): Handled;
  /** The peer refuses the link, detaches it with an error, or its terms will not do. */
  on_link_error?(event: LinkErrorEventOf<E>): Handled;
  /** There is credit. */
  on_sendable?(event: SenderEventOf<E>): Handled;
  /** A message has come; it is accepted when the callback is done, unless it was settled. */
  on_message?(event: IncomingEventOf<E>): Handled;
  on_accepted?(event: OutgoingEventOf<E>): Handled;
  on_rejected?(event: OutgoingEventOf<E>): Handled;
  on_released?(event: OutgoingEventOf<E>): Handled;
  /** Where nobody has it, `on_released` is called. */
  on_modified?(event: OutgoingEventOf<E>): Handled;
  /** The peer settled; for exactly-once, the settlement is ours to tell and is told. */
  on_settled?(event: DeliveryEventOf<E>): Handled;
  /** Something about a message that was sent has changed; `event.error` where its fate is unknown or it was never sent. */
  on_delivery_updated?(event: OutgoingEventOf<E>): Handled;
  /** The peer gave up a message of which some had come. */
  on_aborted?(event: ReceiverEventOf<E>): Handled;
  /** The socket is lost, or none could be had, while the connection was wanted. */
  on_disconnected?(event: ConnectionEventOf<E>): Handled;
  /** Another socket is looked for. */
  on_reconnecting?(event: ConnectionEventOf<E>): Handled;
  /** An attempt to connect has failed, or the socket of an open connection. */
  on_transport_error?(event: ConnectionErrorEventOf<E>): Handled;
  /** Something happened that no handler in scope has a callback for. */
  on_unhandled?(name: string, event: EventOf<E>): Handled;
}

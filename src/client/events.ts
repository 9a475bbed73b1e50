/**
 * The seam between endpoints and whoever hears of them. An endpoint has a field `events`, undefined where nobody handles anything:
 * that one test is all that handlers cost those who have none. What is behind it, the room handlers/ knows; the container hands it in
 * (`Profile.events`).
 *
 * To tell something new: add its callback to `Handler`, and call `events?.emit("on_...", { ... })` where it happens. A transaction, say, tells
 * `session.events?.emit("on_transaction_declared", { session, transaction })`, on a failure with `error`; a handler that belongs to the
 * transaction alone stands before the others by `const events = profile.events?.scope(handler, session.events)`. `emit` answers at once
 * whether a callback takes it; the callback itself is called when the present input is worked off, never from within it.
 */

import type { AmqpError } from "../errors.ts";
import type { Outcome } from "../frames/delivery-state.ts";
import type { ReceiverOptionsBase, SenderOptionsBase } from "../options/link.ts";
import type {
  Connection, Handler, Handlers, IncomingDelivery, LinkRequest, OutgoingDelivery, Receiver, Sender, Session, Transaction,
} from "./api.ts";

/** As the `handler` of a link that the library needs for itself: no callback hears of it, so that none takes its messages or its credit. */
export const UNHEARD: readonly object[] = Object.freeze([]);

/** The name of a callback. */
export type EventName = keyof Handler;

/** What an event is about: the most specific thing is enough, since a link knows its session and that its connection. */
export interface EventSubject {
  readonly connection?: Connection | undefined;
  readonly session?: Session | undefined;
  readonly link?: Sender | Receiver | undefined;
  readonly delivery?: IncomingDelivery | OutgoingDelivery | undefined;
  readonly transaction?: Transaction | undefined;
  readonly error?: AmqpError | undefined;
  readonly request?: LinkRequest | undefined;
  readonly payload?: unknown;
  /** Where it is none of the above. */
  readonly context?: unknown;
}

/** An event that tells of a failure. */
export interface FailureSubject extends EventSubject {
  readonly error: AmqpError;
}

/** Callbacks that are told of failures. */
export type FailureName = "on_connection_error" | "on_session_error" | "on_link_error" | "on_transport_error" | "on_disconnected";

/** Those who hear of an endpoint: its own handlers, then its session's, its connection's, the container's. */
export interface EventScope {
  /** Who is asked where the handlers here have no callback for it. */
  parent: EventScope | undefined;
  /** What the closest MessagingHandler wants of links whose options do not say. */
  readonly receiverDefaults: ReceiverOptionsBase | undefined;
  readonly senderDefaults: SenderOptionsBase | undefined;
  /** Adds a handler; answers how to remove it. */
  add(handler: object): () => void;
  /** Whether a handler in scope has this callback. */
  handles(name: EventName): boolean;
  /** Has the callbacks of the closest scope called that has this one; answers whether there are any. */
  emit(name: EventName, subject: EventSubject): boolean;
  /** The same for a failure. One that nobody takes is reported, unless a promise tells it or another event has (`told`). */
  fail(name: FailureName, subject: FailureSubject, told: boolean): boolean;
  /** The peer ends an endpoint without an error, which is `error` where a MessagingHandler says so. */
  closing(what: "connection" | "session" | "link", subject: FailureSubject): void;
  /** Whether the failure of a promise is told to a callback, or by `run()` where nobody has listened to the promise (`heard`). */
  claims(failure: unknown, heard: boolean): boolean;
  /** Whether there is no use in trying another url after this. */
  isFatal(error: AmqpError): boolean;
  /** Has a link that the peer attaches answered by the handlers, if there is one for that. */
  takes(request: LinkRequest): boolean;
}

/** Those who hear of one link. They are told one event after the other: a callback that is not done holds back the next one. */
export interface LinkEvents extends EventScope {
  /** Set once, before anything is told. */
  link: Sender | Receiver | undefined;
  /** There is credit. */
  sendable(): void;
  /** The peer has told a state of a delivery: an outcome, if that is new, its settlement, if that is. */
  updated(delivery: OutgoingDelivery, outcome: Outcome | undefined, settled: boolean): void;
  /** A send has failed. `heard`: somebody listens to its promise. Answers whether it is told elsewhere than by that. */
  sendFailed(delivery: OutgoingDelivery, error: AmqpError, heard: boolean): boolean;
  /** Takes messages for as long as somebody handles them; to be called when either may have changed. */
  attend(): void;
}

/** Makes the scopes of one container. */
export interface EventRouter {
  /** The container's own scope; undefined as long as it has no handlers. */
  readonly root: EventScope | undefined;
  /** Whether calls are queued. */
  readonly queued: boolean;
  /** Whether calls are queued or callbacks have not resolved yet. */
  readonly busy: boolean;
  /** Called when neither is so any more. */
  onIdle: (() => void) | undefined;
  /** While `run()` runs: takes what nobody else does. */
  onFailure: ((error: AmqpError) => void) | undefined;
  /** Adds a handler of the container; answers how to remove it. */
  add(handler: object): () => void;
  /** A scope of an endpoint that has handlers of its own; `parent` for one that has none. */
  scope(own: Handlers | undefined, parent: EventScope | undefined): EventScope | undefined;
  /** A scope for one link; undefined where nobody handles anything. */
  link(own: Handlers | undefined, parent: EventScope | undefined): LinkEvents | undefined;
  /** Calls `on_<name>` of the container's handlers. */
  inject(name: string, payload: unknown): void;
  /** Calls a function of the user's and reports what it throws. */
  call(what: string, task: () => unknown): void;
}

/** What the application door takes from this room. */

export { connect, Container } from "./container.ts";
export { MessagingHandler } from "./messaging-handler.ts";
export { Reject, Release } from "./signals.ts";
export type { Handler, Handlers } from "../client/api.ts";
export type {
  ConnectionErrorEvent, ConnectionEvent, DeliveryEvent, EndpointHandler, Event, IncomingEvent, LinkErrorEvent, LinkEvent, LinkOpeningEvent,
  OutgoingEvent, ReceiverEvent, SenderEvent, SessionErrorEvent, SessionEvent, TransactionEvent, TransactionHandler,
} from "../client/event-kinds.ts";
export type { MessagingHandlerOptions } from "../options/messaging.ts";

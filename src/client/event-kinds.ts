/** Events and handlers under the names that programs use. */

import type { Endpoints } from "./api.ts";
import type * as kinds from "./handler.ts";

export type Event = kinds.EventOf<Endpoints>;
export type ConnectionErrorEvent = kinds.ConnectionErrorEventOf<Endpoints>;
export type ConnectionEvent = kinds.ConnectionEventOf<Endpoints>;
export type DeliveryEvent = kinds.DeliveryEventOf<Endpoints>;
export type EndpointHandler = kinds.EndpointHandlerOf<Endpoints>;
export type IncomingEvent = kinds.IncomingEventOf<Endpoints>;
export type LinkErrorEvent = kinds.LinkErrorEventOf<Endpoints>;
export type LinkEvent = kinds.LinkEventOf<Endpoints>;
export type LinkOpeningEvent = kinds.LinkOpeningEventOf<Endpoints>;
export type OutgoingEvent = kinds.OutgoingEventOf<Endpoints>;
export type ReceiverEvent = kinds.ReceiverEventOf<Endpoints>;
export type SenderEvent = kinds.SenderEventOf<Endpoints>;
export type SessionErrorEvent = kinds.SessionErrorEventOf<Endpoints>;
export type SessionEvent = kinds.SessionEventOf<Endpoints>;
export type TransactionEvent = kinds.TransactionEventOf<Endpoints>;
export type TransactionHandler = kinds.TransactionHandlerOf<Endpoints>;

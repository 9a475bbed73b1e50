/** The public names of the application door, for the rooms and doors that are built on them. */

export { Container } from "./container.ts";
export { observe } from "./observe.ts";
export type { Event } from "../client/event-kinds.ts";
export { systemClock } from "./clock.ts";
export { scramCredentials } from "./scram-credentials.ts";
export {
  AmqpError, ConfigError, ConnectionError, DecodeError, EncodeError, LimitError, LinkError, RedirectError, SaslError, SessionError,
  TimeoutError, TlsError, TransactionError,
} from "../errors.ts";
export type { ErrorCode, ErrorOrigin, ErrorScope } from "../errors.ts";
export {
  InDoubtError, ModifiedError, NotSentError, RejectedError, ReleasedError, SendError,
} from "../client/send-errors.ts";
export { Message } from "../message/message.ts";
export type { MessageId, MessageInit, PropertyValue } from "../message/fields.ts";
export { BodySection, data, sequence, streamed, value } from "../message/body.ts";
export type { StreamedOptions } from "../message/body.ts";
export { Described, Typed, Uuid, types } from "../wire/values.ts";
export type { AmqpTypeName } from "../wire/values.ts";
export type { Bytes } from "../util/bytes.ts";
export type { PeerCertificate } from "../util/peer-certificate.ts";
export type {
  Connection, ConnectOptions, ConsumeOptions, ContainerOptions, Delivery, IncomingDelivery, Link, LinkRequest, Listener,
  ListenOptions, Handler, OutgoingDelivery, Receiver, ReceiverOptions, ReceiverRequest, Requester, RequesterOptions, Responder, ResponderOptions, Sendable,
  Sender, SenderOptions, SenderRequest, SendOptions, Sent, Session, SessionOptions, Transaction, TransactionOptions,
} from "../client/api.ts";
export type {
  ConnectionStatus, DeliveryStateInit, EndpointState, Explanation, Opening, PeerIdentity, Recovery, ScheduledTask, SendOutcome, Settling, Side,
  Source, Target, Terminus, Unsettled,
} from "../client/shapes.ts";
export type { LinkIdentity, UnsettledEntry, UnsettledStore } from "../client/unsettled-store.ts";
export { DuplicateWindow } from "../client/duplicate-window.ts";
export type { DeduplicateOptions } from "../client/duplicate-window.ts";
export type { Coordinator } from "../client/coordinator.ts";
export type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
export type { CallOptions, CloseOptions, ErrorInit } from "../options/call.ts";
export type { Credentials, CredentialsContext, TlsOptions, Transport, WebSocketOptions } from "../options/connect.ts";
export { Backoff } from "../options/reconnect.ts";
export type { BackoffOptions, ReconnectOptions } from "../options/reconnect.ts";
export type { RedirectOptions } from "../options/redirects.ts";
export type { Clock, Logger } from "../options/environment.ts";
export type { Limits } from "../options/limits.ts";
export type { BatchOptions, FlowOptions, Guarantee, TakeOptions } from "../options/link.ts";
export {
  AtLeastOnce, AtMostOnce, Copy, DurableSubscription, DynamicNodeProperties, ExactlyOnce, Filter, Move, Selector,
} from "../options/link-options.ts";
export type { LinkOption } from "../options/link-options.ts";
export type { AuthenticateContext, PasswordsContext, WebSocketListenOptions } from "../options/listen.ts";
export type {
  CbsOptions, SaslClient, SaslClientContext, SaslMessage, SaslServer, SaslServerContext, SaslServerStep, ScramCredentials, ScramMechanism, ScramOptions,
} from "../options/sasl.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "../options/standard-schema.ts";
export type { SourceInit, TargetInit, TerminusInit } from "../options/terminus.ts";
export type { Timeouts } from "../options/timeouts.ts";

/// <reference lib="esnext.disposable" preserve="true" />
/** The application door of leptonmq. */

export {
  AmqpError, AtLeastOnce, AtMostOnce, Backoff, BodySection, ConfigError, ConnectionError, Copy, DecodeError, Described, DuplicateWindow, DurableSubscription,
  DynamicNodeProperties, EncodeError, ExactlyOnce, Filter, InDoubtError, LimitError, LinkError,
  Message, ModifiedError, Move, NotSentError, RedirectError, RejectedError, ReleasedError, SaslError, Selector, SendError, SessionError, TimeoutError, TlsError,
  TransactionError, Typed, Uuid, data, scramCredentials, sequence, streamed, types, value,
} from "./container/public.ts";
export type {
  AmqpTypeName, AuthenticateContext, BackoffOptions, BatchOptions, Bytes, CallOptions, CbsOptions, Clock, CloseOptions, ConnectOptions, Connection, ConnectionStatus, ConsumeOptions,
  ContainerOptions, Coordinator, Credentials, CredentialsContext, DeduplicateOptions, Delivery, DeliveryState, DeliveryStateInit, EndpointState, ErrorCode, ErrorInit,
  ErrorOrigin, ErrorScope, Explanation, FlowOptions, Guarantee, IncomingDelivery, Limits, Link, LinkIdentity, LinkOption, LinkRequest, Listener, ListenOptions, Logger,
  MessageId, MessageInit, Opening, Outcome, OutgoingDelivery, PasswordsContext, PeerCertificate, PeerIdentity, PropertyValue, Receiver, ReceiverOptions, ReceiverRequest, ReconnectOptions, Recovery, RedirectOptions,
  Requester, RequesterOptions, Responder, ResponderOptions, SaslClient, SaslClientContext, SaslMessage, SaslServer, SaslServerContext, SaslServerStep,
  ScheduledTask, SchemaIssue, SchemaResult, ScramCredentials, ScramMechanism, ScramOptions, Sendable, Sender, SenderOptions, SenderRequest, SendOptions,
  SendOutcome, Sent, Session, SessionOptions, Settling, Side, Source, SourceInit, StandardSchema, StreamedOptions, TakeOptions, Target, TargetInit, Terminus,
  TerminusInit, Timeouts, TlsOptions, Transaction, TransactionOptions, Transport, Unsettled, UnsettledEntry, UnsettledStore, WebSocketListenOptions, WebSocketOptions,
} from "./container/public.ts";
export { connect, Container, MessagingHandler, Reject, Release } from "./handlers/public.ts";
export type {
  ConnectionErrorEvent, ConnectionEvent, DeliveryEvent, EndpointHandler, Event, Handler, Handlers, IncomingEvent,
  LinkErrorEvent, LinkEvent, LinkOpeningEvent, MessagingHandlerOptions, OutgoingEvent, ReceiverEvent, SenderEvent, SessionErrorEvent, SessionEvent,
  TransactionEvent, TransactionHandler,
} from "./handlers/public.ts";

/** The schema of every bag of options. Each shape is held to its interface by the compiler: same names, fitting types. */

import type { AmqpError } from "../errors.ts";
import type { CallOptions, CloseOptions, ErrorInit } from "./call.ts";
import type { ConnectOptions, Credentials, CredentialsContext, TlsOptions, Transport, WebSocketOptions } from "./connect.ts";
import type { ContainerOptions } from "./container.ts";
import type { Clock, Logger } from "./environment.ts";
import type { Limits } from "./limits.ts";
import type { CbsOptions, ScramOptions } from "./sasl.ts";
import type {
  BatchOptions, ConsumeOptionsBase, DeduplicateOptionsBase, FlowOptions, LinkOptionsBase, ReceiverOptionsBase, RequesterOptionsBase, ResponderOptionsBase, SenderOptionsBase, SessionOptions, TakeOptions,
} from "./link.ts";
import type { LinkOption } from "./link-options.ts";
import type { ListenOptionsBase, WebSocketListenOptions } from "./listen.ts";
import { isStandardSchema } from "./standard-schema.ts";
import type { StandardSchema } from "./standard-schema.ts";
import type { MessagingHandlerOptions } from "./messaging.ts";
import type { ReconnectOptions } from "./reconnect.ts";
import type { RedirectOptions } from "./redirects.ts";
import type { OutcomeInit, SourceInit, TargetInit, TerminusInit } from "./terminus.ts";
import type { Timeouts } from "./timeouts.ts";
import type { TransactionOptionsBase } from "./transaction.ts";
import {
  amount, bag, bytes, duration, flag, fn, having, isObject, needed, nonEmptyText, oneOf, pem, pems, record, rule, signal, strict, symbols, text, texts, whole,
} from "./rules.ts";
import type { Shape } from "./rules.ts";

const UINT_MAX = 2 ** 32 - 1;

/** The options of `CallOptions`, one by one. */
export const callShape: Shape<CallOptions> = { signal, timeout: duration };

/** The options of `ErrorInit`, one by one. */
export const errorShape: Shape<ErrorInit> = { condition: needed<string>("a text that is not empty", (value) => typeof value === "string" && value !== ""), description: text, info: record };

/** The options of `CloseOptions`, one by one. */
export const closeShape: Shape<CloseOptions> = { ...callShape, error: bag(errorShape), drain: duration };

/** The options of `Timeouts`, one by one. */
export const timeoutsShape: Shape<Timeouts> = {
  connect: duration, open: duration, attach: duration, close: duration, send: duration, request: duration, receive: duration,
  handshake: duration, tls: duration, linkRequest: duration,
};

/** The options of `Limits`, one by one. */
export const limitsShape: Shape<Limits> = {
  maxMessageSize: amount(1),
  maxBufferedBytes: amount(1),
  maxPendingSends: amount(1),
  maxPendingBytes: amount(1),
  offlineQueue: amount(0),
  maxUnsettled: amount(1),
  maxRequests: amount(1),
  maxSaslFrameSize: whole(512, UINT_MAX),
  maxSaslRounds: whole(1, 1_000),
  maxWebSocketMessageSize: whole(512, 2 ** 31 - 1),
  maxLinks: amount(1),
  maxConnections: amount(1),
  maxConnectionsPerAddress: amount(1),
  maxHandshakes: amount(1),
  maxTerminusTimeout: duration,
  maxSuspendedTermini: amount(0),
};

/** The options of `TlsOptions`, one by one. */
export const tlsShape: Shape<TlsOptions> = {
  ca: pems, cert: pem, key: pem, passphrase: text, pfx: bytes,
  minVersion: oneOf("TLSv1.2", "TLSv1.3"),
  rejectUnauthorized: flag,
  requestCert: flag,
};

/** The options of `WebSocketOptions`, one by one. */
export const webSocketShape: Shape<WebSocketOptions> = {
  protocols: rule("a list of names that is not empty", isListOfTokens),
  headers: rule("an object of header names and texts; what opens a WebSocket is written by the library", isHeaders),
};

/** The options of `WebSocketListenOptions`, one by one. */
export const webSocketListenShape: Shape<WebSocketListenOptions> = {
  path: rule('a path, beginning with "/"', (value) => typeof value === "string" && /^\/[\x21-\x7e]*$/.test(value)),
  origins: rule<"*" | readonly string[]>('"*" or a list of origins such as "https://shop.example", without a path', (value) => value === "*" || isListOfOrigins(value)),
};

const handlers = rule<object | readonly object[]>("a handler (an object with on_* methods) or a list of handlers", isHandlers);

const transport = rule<Transport>("a transport: an object with readable, writable and close()", isTransport);

const mechanisms = rule<never>("an object of functions by the mechanism's name, in capitals, digits, - and _", isMechanisms);

/** The options of `CbsOptions`, one by one. */
export const cbsShape: Shape<CbsOptions> = {
  audience: needed<string | readonly string[]>("a text or a list of texts, none of them empty", (value) => (typeof value === "string" && value !== "") || (isListOfTexts(value) && !value.includes(""))),
  type: nonEmptyText,
};

/** The options of `ScramOptions`, one by one. */
export const scramShape: Shape<ScramOptions> = {
  mechanism: oneOf("SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"),
  iterations: whole(4_096, 600_000),
  salt: rule("at least 8 bytes", (value) => value instanceof Uint8Array && value.length >= 8),
};

/** The options of `ReconnectOptions`, one by one. */
export const reconnectShape: Shape<ReconnectOptions> = {
  initialDelay: rule("milliseconds: a number from 0 to a day", isDelay),
  maxDelay: rule("milliseconds: a number from 0 to a day", isDelay),
  factor: rule("a number from 1 to 100", (value) => typeof value === "number" && value >= 1 && value <= 100),
  jitter: flag,
  maxAttempts: amount(1),
  initial: flag,
  fatalConditions: rule("a list of conditions such as amqp:resource-limit-exceeded", (value) => Array.isArray(value) && value.every((each) => typeof each === "string")),
};

/** The options of `ConnectOptions`, one by one. */
export const connectShape: Shape<ConnectOptions> = {
  ...callShape,
  url: text,
  urls: rule("a list of urls that is not empty", isListOfTexts),
  address: nonEmptyText,
  heartbeat: duration,
  handler: handlers,
  tls: rule("true, false or an object of TLS options", (value) => typeof value === "boolean" || isBag(value)),
  redirects: bag<RedirectOptions>({
    allow: needed("a list of hosts that is not empty", (value) => Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === "string")),
    max: whole(1, 10),
  }),
  reconnect: rule("true, false, a Backoff or an object of options", (value) => typeof value === "boolean" || isBag(value)),
  saslEnabled: flag,
  allowedMechs: texts,
  allowInsecureMechs: flag,
  virtualHost: text,
  sni: nonEmptyText,
  user: nonEmptyText,
  password: text,
  credentials: fn<(context: CredentialsContext) => Credentials | Promise<Credentials>>(),
  token: rule("a text that is not empty, or a function that answers one", (value) => typeof value === "function" || (typeof value === "string" && value !== "")),
  cbs: bag(cbsShape),
  mechanisms,
  containerId: nonEmptyText,
  maxFrameSize: whole(512, UINT_MAX),
  channelMax: whole(0, 65_535),
  idleTimeout: duration,
  offeredCapabilities: symbols,
  desiredCapabilities: symbols,
  properties: record,
  webSocket: bag(webSocketShape),
  transport: rule("a transport (an object with readable, writable and close()) or a function that makes one", (value) => typeof value === "function" || isTransport(value)),
  limits: bag(limitsShape),
  timeouts: bag(timeoutsShape),
  int64: oneOf("auto", "number", "bigint"),
  typed: flag,
};

/** The options of `SessionOptions`, one by one. */
export const sessionShape: Shape<SessionOptions> = {
  ...callShape,
  incomingWindow: whole(1, UINT_MAX),
  outgoingWindow: whole(1, UINT_MAX),
  handleMax: whole(0, UINT_MAX),
  handler: handlers,
  properties: record,
  offeredCapabilities: symbols,
  desiredCapabilities: symbols,
};

const terminusShape: Shape<TerminusInit> = {
  address: nonEmptyText,
  capabilities: symbols,
  dynamic: flag,
  properties: record,
  durability: oneOf("none", "configuration", "unsettled-state"),
  expiryPolicy: oneOf("link-detach", "session-end", "connection-close", "never"),
  timeout: duration,
};

/** The options of `TargetInit`, one by one. */
export const targetShape: Shape<TargetInit> = terminusShape;

/** The options of `SourceInit`, one by one. */
export const sourceShape: Shape<SourceInit> = {
  ...terminusShape,
  filter: record,
  distributionMode: oneOf("move", "copy"),
  outcomes: rule("a list of texts", isListOfTexts),
  defaultOutcome: rule<OutcomeInit>('an outcome: "accepted", "rejected", "released", "modified" or an object of that type', isOutcome),
};

const linkShape: Shape<LinkOptionsBase> = {
  ...callShape,
  name: nonEmptyText,
  handler: handlers,
  guarantee: oneOf("at-most-once", "at-least-once", "exactly-once"),
  guaranteeFallback: oneOf("at-most-once", "at-least-once", "exactly-once"),
  // what is in it is looked at where it is put among the others
  options: rule<LinkOption | readonly LinkOption[]>("a list such as [AtMostOnce()]", (value) => isObject(value) || typeof value === "function"),
  terminusTimeout: duration,
  properties: record,
  offeredCapabilities: symbols,
  desiredCapabilities: symbols,
  maxMessageSize: amount(1),
  sndSettleMode: oneOf("unsettled", "settled", "mixed"),
  rcvSettleMode: oneOf("first", "second"),
};

const schema = rule<StandardSchema>("a Standard Schema of version 1: an object with \"~standard\"", isStandardSchema);

/** The options of `SenderOptionsBase`, one by one. */
export const senderShape: Shape<SenderOptionsBase> = {
  ...linkShape,
  source: rule<string | SourceInit>("an address or an object of source options", isTerminus),
  tags: fn<() => Uint8Array | string>(),
  onInDoubt: oneOf("resend", "fail"),
  duplicateDetection: rule("true, false or a function that answers the id of a message", (value) => typeof value === "boolean" || typeof value === "function"),
  autoSettle: flag,
  schema,
};

/** The options of `ReceiverOptionsBase`, one by one. */
export const receiverShape: Shape<ReceiverOptionsBase> = {
  ...linkShape,
  target: rule<string | TargetInit>("an address or an object of target options", isTerminus),
  partial: flag,
  prefetch: whole(0, 2 ** 31 - 1),
  autoAccept: flag,
  dynamic: flag,
  selector: nonEmptyText,
  filter: record,
  filterRequired: flag,
  durable: flag,
  distributionMode: oneOf("move", "copy"),
  int64: oneOf("auto", "number", "bigint"),
  typed: flag,
  schema,
  // a bag is looked at where its window is made
  deduplicate: rule<object>("a DuplicateWindow or an object of its options", isBag),
};

/** The options of `DeduplicateOptionsBase`, one by one. */
export const deduplicateShape: Shape<DeduplicateOptionsBase> = {
  window: needed<number>("a whole number from 1 to 10000000", (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000_000),
  time: duration,
  name: nonEmptyText,
  key: fn<(message: never) => string | undefined>(),
  store: having<object>("an unsettled store", "load", "put", "delete", "flush"),
};

/** The options of `RequesterOptionsBase`, one by one. */
export const requesterShape: Shape<RequesterOptionsBase> = {
  ...senderShape,
  replyTo: nonEmptyText,
  correlate: oneOf("correlation-id", "message-id"),
  paired: flag,
};

/** The options of `ResponderOptionsBase`, one by one. */
export const responderShape: Shape<ResponderOptionsBase> = { ...receiverShape, concurrency: amount(1) };

/** The options of `ListenOptionsBase`, one by one. */
export const listenShape: Shape<ListenOptionsBase> = {
  ...callShape,
  url: text,
  host: nonEmptyText,
  port: whole(0, 65_535),
  tls: bag(tlsShape),
  allowedMechs: texts,
  allowInsecureMechs: flag,
  authenticate: fn<(user: string, password: string, context: { readonly remoteAddress: string }) => boolean | Promise<boolean>>(),
  passwords: fn<NonNullable<ListenOptionsBase["passwords"]>>(),
  authenticateToken: fn<NonNullable<ListenOptionsBase["authenticateToken"]>>(),
  authenticateCertificate: fn<NonNullable<ListenOptionsBase["authenticateCertificate"]>>(),
  mechanisms,
  handler: handlers,
  offeredCapabilities: symbols,
  properties: record,
  webSocket: rule("true, false or an object of WebSocket options", (value) => typeof value === "boolean" || isBag(value)),
  limits: bag(limitsShape),
  transport,
};

/** The options of `ContainerOptions`, one by one. */
export const containerShape: Shape<ContainerOptions> = {
  id: nonEmptyText,
  handlers,
  connection: bag(connectShape),
  session: bag(sessionShape),
  sender: bag(senderShape),
  receiver: bag(receiverShape),
  timeouts: bag(timeoutsShape),
  limits: bag(limitsShape),
  store: having<object>("an unsettled store", "load", "put", "delete", "flush"),
  keepSettled: whole(0, 10_000_000),
  clock: having<Clock>("a clock", "now", "setTimer"),
  logger: having<Logger>("a logger", "debug", "info", "warn", "error"),
  onError: fn<(error: AmqpError) => void>(),
};

/** The options of `FlowOptions`, one by one. */
export const flowShape: Shape<FlowOptions> = { properties: record, echo: flag };

/** The options of `MessagingHandlerOptions`, one by one. */
export const messagingShape: Shape<MessagingHandlerOptions> = { prefetch: whole(0, 2 ** 31 - 1), autoAccept: flag, autoSettle: flag, peerCloseIsError: flag };

/** The options of `BatchOptions`, one by one. */
export const batchShape: Shape<BatchOptions> = { within: duration, signal };

/** The options of `TakeOptions`, one by one. */
export const takeShape: Shape<TakeOptions> = { max: amount(0), idle: duration, drain: flag, signal };

/** The options of `ConsumeOptionsBase`, one by one. */
export const consumeShape: Shape<ConsumeOptionsBase> = { concurrency: amount(1), drain: duration, signal };

/** The options of `TransactionOptionsBase`, one by one. */
export const transactionShape: Shape<TransactionOptionsBase> = { ...callShape, settleBeforeDischarge: flag };

/** `ScramOptions` as a whole; unknown names are errors. */
export const scramSchema = strict(scramShape);
/** `CallOptions` as a whole; unknown names are errors. */
export const callSchema = strict(callShape);
/** `CloseOptions` as a whole; unknown names are errors. */
export const closeSchema = strict(closeShape);
/** `ErrorInit` as a whole; unknown names are errors. */
export const errorSchema = strict(errorShape);
/** `TlsOptions` as a whole; unknown names are errors. */
export const tlsSchema = strict(tlsShape);
/** `ReconnectOptions` as a whole. */
export const reconnectSchema = strict(reconnectShape);
/** `ConnectOptions` as a whole; unknown names are errors. */
export const connectSchema = strict(connectShape);
/** `WebSocketListenOptions` as a whole; unknown names are errors. */
export const webSocketListenSchema = strict(webSocketListenShape);
/** `SessionOptions` as a whole; unknown names are errors. */
export const sessionSchema = strict(sessionShape);
/** `SourceInit` as a whole; unknown names are errors. */
export const sourceSchema = strict(sourceShape);
/** `TargetInit` as a whole; unknown names are errors. */
export const targetSchema = strict(targetShape);
/** `SenderOptionsBase` as a whole; unknown names are errors. */
export const senderSchema = strict(senderShape);
/** `ReceiverOptionsBase` as a whole; unknown names are errors. */
export const receiverSchema = strict(receiverShape);
/** `DeduplicateOptionsBase` as a whole; unknown names are errors. */
export const deduplicateSchema = strict(deduplicateShape);
/** `RequesterOptionsBase` as a whole; unknown names are errors. */
export const requesterSchema = strict(requesterShape);
/** `ResponderOptionsBase` as a whole; unknown names are errors. */
export const responderSchema = strict(responderShape);
/** `ListenOptionsBase` as a whole; unknown names are errors. */
export const listenSchema = strict(listenShape);
/** `ContainerOptions` as a whole; unknown names are errors. */
export const containerSchema = strict(containerShape);
/** `FlowOptions` as a whole; unknown names are errors. */
export const flowSchema = strict(flowShape);
/** `MessagingHandlerOptions` as a whole; unknown names are errors. */
export const messagingSchema = strict(messagingShape);
/** `BatchOptions` as a whole; unknown names are errors. */
export const batchSchema = strict(batchShape);
/** `TakeOptions` as a whole; unknown names are errors. */
export const takeSchema = strict(takeShape);
/** `ConsumeOptionsBase` as a whole; unknown names are errors. */
export const consumeSchema = strict(consumeShape);
/** `TransactionOptionsBase` as a whole; unknown names are errors. */
export const transactionSchema = strict(transactionShape);

function isDelay(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 86_400_000;
}

function isBag(value: unknown): boolean {
  return isObject(value) && !Array.isArray(value);
}

function isHandlers(value: unknown): boolean {
  return Array.isArray(value) ? value.every((each) => isObject(each) && !Array.isArray(each)) : isObject(value);
}

function isTransport(value: unknown): boolean {
  return isObject(value) && "readable" in value && isObject(value.readable) && "writable" in value && isObject(value.writable)
    && "close" in value && typeof value.close === "function";
}

function isTerminus(value: unknown): boolean {
  return (typeof value === "string" && value !== "") || isBag(value);
}

/** sasl-mech (RFC 4422, section 3.1). */
function isMechanisms(value: unknown): boolean {
  return isBag(value) && Object.entries(value as object).every(([name, make]) => /^[A-Z0-9_-]{1,20}$/.test(name) && typeof make === "function");
}

function isListOfTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => typeof entry === "string");
}

function isListOfTokens(value: unknown): boolean {
  return isListOfTexts(value) && (value as string[]).every((name) => TOKEN.test(name)) && new Set(value as string[]).size === (value as string[]).length;
}

function isHeaders(value: unknown): boolean {
  return isBag(value) && Object.entries(value as object).every(([name, text]) =>
    TOKEN.test(name) && !RESERVED.test(name) && typeof text === "string" && /^[\t\x20-\x7e\x80-\xff]*$/.test(text));
}

function isListOfOrigins(value: unknown): boolean {
  return Array.isArray(value) && value.every((origin) => typeof origin === "string" && /^[a-z][a-z0-9+.-]*:\/\/[^/?#\s]+$/i.test(origin));
}

// RFC 9110 §5.6.2.
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i;
const RESERVED = /^(?:connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/i;

function isOutcome(value: unknown): boolean {
  const type = isObject(value) && "type" in value ? value.type : value;
  return type === "accepted" || type === "rejected" || type === "released" || type === "modified";
}

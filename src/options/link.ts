/**
 * The options of sessions and links. Those whose type is a class of the client (`session`) are added there, which is
 * why the link bags are called bases.
 */

import type { CallOptions } from "./call.ts";
import type { Int64Mode } from "./connect.ts";
import type { LinkOption } from "./link-options.ts";
import type { StandardSchema } from "./standard-schema.ts";
import type { DistributionMode, SourceInit, TargetInit } from "./terminus.ts";

/** Options of `connection.session()`. */
export interface SessionOptions extends CallOptions {
  /** Transfer frames that the peer may send before it hears from us (2.5.6). @default limits.maxBufferedBytes / maxFrameSize, 16 to 2_048 */
  incomingWindow?: number | undefined;
  /** Transfer frames that we announce to send (2.5.6). @default 2_147_483_647 */
  outgoingWindow?: number | undefined;
  /** The highest link handle that the peer may use (2.7.2). @default 255 */
  handleMax?: number | undefined;
  /** Callbacks of what happens in it and its links: objects with `on_*` methods. */
  handler?: object | readonly object[] | undefined;
  /** Keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  offeredCapabilities?: string | readonly string[] | undefined;
  desiredCapabilities?: string | readonly string[] | undefined;
}

/** How often a message may arrive: 0 or 1 times, 1 or more, exactly 1. */
export type Guarantee = "at-most-once" | "at-least-once" | "exactly-once";

/** What senders and receivers have in common. */
export interface LinkOptionsBase extends CallOptions {
  /** Known to both ends; a link is found again by it. @default a fresh one */
  name?: string | undefined;
  /** Callbacks of what happens in it: objects with `on_*` methods. */
  handler?: object | readonly object[] | undefined;
  /** @default "at-least-once" */
  guarantee?: Guarantee | undefined;
  /** What is good enough when the peer cannot keep `guarantee`. @default none: the attach rejects */
  guaranteeFallback?: Guarantee | undefined;
  /** Proton's names for other options: AtMostOnce(), Selector("..."), DurableSubscription() ... */
  options?: LinkOption | readonly LinkOption[] | undefined;
  /** Milliseconds that both termini of an exactly-once link outlive the connection. @default 300_000 */
  terminusTimeout?: number | undefined;
  /** Keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  offeredCapabilities?: string | readonly string[] | undefined;
  desiredCapabilities?: string | readonly string[] | undefined;
  /** Octets of the largest message that goes over this link; Infinity is no bound of ours. @default a receiver: limits.maxMessageSize; a sender: what the peer takes */
  maxMessageSize?: number | undefined;
  /** (2.8.2) @default what the guarantee needs */
  sndSettleMode?: "unsettled" | "settled" | "mixed" | undefined;
  /** (2.8.3) @default what the guarantee needs */
  rcvSettleMode?: "first" | "second" | undefined;
}

/** Options of a sender, less those that name the client's classes. */
export interface SenderOptionsBase extends LinkOptionsBase {
  /** Our own end; a text is its address. */
  source?: string | SourceInit | undefined;
  /** Makes the delivery tags: 1 to 32 octets, unique on the link while unsettled. @default a counter */
  tags?: (() => Uint8Array | string) | undefined;
  /**
   * What becomes of a message that was sent when the connection was lost before its outcome came: sent again, or told to be in doubt.
   * @default "resend"; of an exactly-once link "fail", since only a resumed link knows that it is not there twice
   */
  onInDoubt?: "resend" | "fail" | undefined;
  /**
   * Give each message what its broker knows a copy of it by, so that one that is sent again counts once: a message-id where it has none, and for Artemis
   * the application property _AMQ_DUPL_ID. A function chooses the id, which then can be the same after a restart. @default false
   */
  duplicateDetection?: boolean | ((message: never) => string) | undefined;
  /** Settle when the peer has told an outcome. @default true */
  autoSettle?: boolean | undefined;
  /** What each body must be before it is sent; what it makes of a body is sent in its place. */
  schema?: StandardSchema | undefined;
}

/** Options of a receiver, less those that name the client's classes. */
export interface ReceiverOptionsBase extends LinkOptionsBase {
  /** Our own end; a text is its address. */
  target?: string | TargetInit | undefined;
  /**
   * Hand a delivery over as soon as the sections before its body are there; `delivery.stream()` reads the body as it comes, without a limit on
   * its size unless `maxMessageSize` is given. A body that is no data is handed over whole. @default false
   */
  partial?: boolean | undefined;
  /** Deliveries ahead that are neither settled nor passed by the loop; 0 is manual, with `flow()`. @default 100 */
  prefetch?: number | undefined;
  /** Accept a delivery when the loop asks for the next. @default true */
  autoAccept?: boolean | undefined;
  /** Ask the peer to make a node. @default false */
  dynamic?: boolean | undefined;
  /** An SQL-like selector, sent as the filter apache.org:selector-filter:string. */
  selector?: string | undefined;
  /** Filters by name, added to those of the source. */
  filter?: Record<string, unknown> | undefined;
  /** Whether a filter that the peer does not echo rejects the attach. @default true */
  filterRequired?: boolean | undefined;
  /**
   * A subscription that outlives us, found again by container id and link name: durability "unsettled-state", expiry policy "never".
   * `detach()` and disposal keep it, `close()` ends it. @default false
   */
  durable?: boolean | undefined;
  /** @default the node's own */
  distributionMode?: DistributionMode | undefined;
  /** @default the connection's */
  int64?: Int64Mode | undefined;
  /** @default the connection's */
  typed?: boolean | undefined;
  /** What each body must be: others are rejected with amqp:decode-error. What it makes of a body is the body. */
  schema?: StandardSchema | undefined;
  /** Which messages are copies of one that was accepted before: they are accepted and shown to nobody. @default none */
  deduplicate?: object | undefined;
}

/** Options of `deduplicate`, less those that name the client's classes. */
export interface DeduplicateOptionsBase {
  /** How many accepted messages are remembered, 1 to 10_000_000; the oldest are forgotten first. */
  window: number;
  /** Milliseconds for which each is. @default Infinity */
  time?: number | undefined;
  /** By which a `store` finds its keys again; unique among the windows of a store. @default the link's `name`, if that was given */
  name?: string | undefined;
  /** What two copies of a message have in common. */
  key?: ((message: never) => string | undefined) | undefined;
  /** Where the keys are kept over restarts. */
  store?: object | undefined;
}

/** Options of a requester, less those that name the client's classes. */
export interface RequesterOptionsBase extends SenderOptionsBase {
  /** The address of a queue that only this requester reads. @default a node that the peer makes */
  replyTo?: string | undefined;
  /** Which field of a request its replies name. @default "correlation-id", and "message-id" on paired links */
  correlate?: "correlation-id" | "message-id" | undefined;
  /** Replies come over a link of the same name from the node itself. @default false */
  paired?: boolean | undefined;
}

/** Options of a responder, less those that name the client's classes. */
export interface ResponderOptionsBase extends ReceiverOptionsBase {
  /** Requests that are handled at once. @default 1 */
  concurrency?: number | undefined;
}

/** Options of `send()`, less those that name the client's classes. */
export interface SendOptionsBase extends CallOptions {
  /** Settle with the transfer, so that no outcome comes back; only where the link's settle mode allows. */
  settled?: boolean | undefined;
  /** The transfer's message-format (2.7.5); 0 is the standard's own. @default the message's */
  messageFormat?: number | undefined;
  /** Tells the peer that it need not hurry with the outcome (2.7.5). @default false */
  batchable?: boolean | undefined;
}

/** Options of `flow()` and `offered()`: what else the flow says. */
export interface FlowOptions {
  /** Link-state properties (2.7.4); keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  /** Asks the peer to answer with a flow of its own. @default false */
  echo?: boolean | undefined;
}

/** Options of `receiveBatch()` and `batches()`. */
export interface BatchOptions {
  /** Milliseconds to collect for. @default 1_000 */
  within?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Options of `take()`: where its loop ends. */
export interface TakeOptions {
  /** After so many. */
  max?: number | undefined;
  /** After so many milliseconds without one. */
  idle?: number | undefined;
  /** At the end of the queue. @default false */
  drain?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

/** Options of `consume()`, less those that name the client's classes. */
export interface ConsumeOptionsBase {
  /** Handlers that run at once. @default 1 */
  concurrency?: number | undefined;
  /** Milliseconds that running handlers get after `signal`, before their own signal fires. @default 15_000 */
  drain?: number | undefined;
  /** Stops the taking. */
  signal?: AbortSignal | undefined;
}

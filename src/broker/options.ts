/** The options of `Broker.start()` and their defaults. */

import type { Clock, TlsOptions } from "../container/public.ts";

/** What one queue, or one topic, does differently from the default. */
export interface QueueOptions {
  /**
   * The address that gets what was rejected here, or has failed `maxDeliveries` times, with annotations x-opt-death-reason (rejected, max-deliveries,
   * expired), -queue, -time, -deliveries, -condition, -description. @default such messages are dropped
   */
  deadLetter?: string | undefined;
  /** Whether messages whose time is over go to `deadLetter` too. @default false: they vanish */
  deadLetterExpired?: boolean | undefined;
  /** Messages, those out for delivery included, at which the queue is full; of a topic, how far one subscription may fall behind before it is ended. @default no bound; 10_000 of a topic */
  maxLength?: number | undefined;
  /** Octets at which the queue is full, and the same of a topic. @default no bound; 16 MiB of a topic */
  maxBytes?: number | undefined;
  /**
   * What a full queue does: let its publishers wait for credit, or reject each message with amqp:resource-limit-exceeded. Publishers of a topic never
   * wait. @default "wait"
   */
  overflow?: "wait" | "reject" | undefined;
  /** Failed deliveries (modified with delivery-failed, or a lost connection) after which a message is no longer delivered. @default no bound */
  maxDeliveries?: number | undefined;
}

/** Bounds of the transactions of a broker. */
export interface TransactionLimits {
  /** Transactions that may be open at once; a further one is not declared. @default 1_000 */
  max?: number | undefined;
  /** Octets of the messages posted in all of them together; beyond, a message is rejected. @default 64 MiB */
  maxBytes?: number | undefined;
  /** Milliseconds after which one is rolled back. @default 300_000 */
  timeout?: number | undefined;
}

/** Options of `Broker.start()`. */
export interface BrokerOptions {
  /** @default 0, which takes a free one: see `broker.url` */
  port?: number | undefined;
  /** @default "127.0.0.1" */
  host?: string | undefined;
  /** Passwords by user, for SCRAM and PLAIN. @default ANONYMOUS, which only a loopback host may offer */
  users?: Record<string, string> | undefined;
  /** With `cert` and `key`, or `pfx`: the broker then speaks amqps. */
  tls?: TlsOptions | undefined;
  /** Whether AMQP over WebSocket is served as well, on the same port: see `broker.webSocketUrl`. Needs the package `ws`. @default false */
  webSocket?: boolean | undefined;
  /** By address. Queues that are not listed are made when they are first used. */
  queues?: Record<string, QueueOptions> | undefined;
  /** Octets of all queued messages together at which publishers get no more credit; a topic then ends its largest subscription. @default 256 MiB */
  maxBytes?: number | undefined;
  /** Octets of the largest message that is taken. @default 16 MiB */
  maxMessageSize?: number | undefined;
  /** Whether durable messages are rejected with amqp:precondition-failed: accepted ones do not survive this process. @default false */
  strictDurable?: boolean | undefined;
  /** Bounds of transactions. */
  transactions?: TransactionLimits | undefined;
  /** Subscriptions and other sources that outlive their links, whether one is attached or not; a further one is refused. Targets may be as many. @default 1_000 */
  maxSubscriptions?: number | undefined;
  /** Time and timers, for tests that turn the clock by hand. @default the platform's */
  clock?: Clock | undefined;
}

/** Sources that outlive their links. */
export const DEFAULT_SUBSCRIPTIONS = 1_000;

/** Transactions that may be open at once. */
export const DEFAULT_TRANSACTIONS = 1_000;

/** Octets that all open transactions hold together. */
export const DEFAULT_TRANSACTION_BYTES = 64 * 1024 * 1024;

/** Milliseconds that a transaction may take. */
export const DEFAULT_TRANSACTION_TIMEOUT = 300_000;

/** Octets that the queues of a broker hold together. */
export const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

/** Messages that a subscriber of a topic may be behind. */
export const DEFAULT_TOPIC_LENGTH = 10_000;

/** Octets that a subscriber of a topic may be behind; one message larger than that is still taken. */
export const TOPIC_BYTES = 16 * 1024 * 1024;

/** Deliveries that a publisher may have under way; it is what credit is topped up to. */
export const PUBLISHER_PREFETCH = 1_000;

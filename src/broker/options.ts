/** The options of `Broker.start()`, their defaults, and what is refused before a port is opened. */

import { ConfigError } from "../errors.ts";
import type { Clock, TlsOptions } from "../container/public.ts";

/** What one queue, or one topic, does differently from the default. */
export interface QueueOptions {
  /** The queue that gets what was rejected here, or delivered too often. @default such messages are dropped */
  deadLetter?: string | undefined;
  /** Messages, those out for delivery included, at which publishers get no more credit; of a topic, how far one subscriber may fall behind. @default no bound; 10_000 of a topic */
  maxLength?: number | undefined;
  /** Failed deliveries (modified with delivery-failed, or a dropped connection) after which a message goes to `deadLetter`. @default no bound */
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
  /** Passwords by user, for PLAIN. @default ANONYMOUS, which only a loopback host may offer */
  users?: Record<string, string> | undefined;
  /** With `cert` and `key`, or `pfx`: the broker then speaks amqps. */
  tls?: TlsOptions | undefined;
  /** Whether AMQP over WebSocket is served as well, on the same port: see `broker.webSocketUrl`. Needs the package `ws`. @default false */
  webSocket?: boolean | undefined;
  /** By address. Queues that are not listed are made when they are first used. */
  queues?: Record<string, QueueOptions> | undefined;
  /** Octets of all queued messages together at which publishers get no more credit. @default 256 MiB */
  maxBytes?: number | undefined;
  transactions?: TransactionLimits | undefined;
  /** Subscriptions and other sources that outlive their links, whether one is attached or not; a further one is refused. @default 1_000 */
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

/** Whether a host is this machine only. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** @throws ConfigError `config` for a name that is no option, a bound that is no count, and a host that would be open to others without users and TLS. */
export function checkOptions(options: BrokerOptions): void {
  for (const name of Object.keys(options)) {
    if (!NAMES.includes(name)) throw bad(`there is no option "${name}"; there are ${NAMES.join(", ")}`);
  }
  if (options.webSocket !== undefined && typeof options.webSocket !== "boolean") throw bad('option "webSocket" must be true or false');
  if (options.maxBytes !== undefined && !(options.maxBytes > 0)) throw bad('option "maxBytes" must be above 0');
  for (const [address, queue] of Object.entries(options.queues ?? {})) checkQueue(address, queue);
  checkTransactions(options.transactions ?? {});
  const { host, users } = options;
  if (users !== undefined && Object.keys(users).length === 0) throw bad('option "users" names nobody; leave it out to let everybody on this machine in');
  if (host === undefined || isLoopback(host)) return;
  if (users === undefined) throw bad(`host "${host}" can be reached from other machines: give "users" and "tls", or listen on 127.0.0.1`);
  if (options.tls === undefined) throw bad(`host "${host}" can be reached from other machines, and passwords would travel unencrypted: give "tls", or listen on 127.0.0.1`);
}

const NAMES: readonly string[] = ["port", "host", "users", "tls", "webSocket", "queues", "maxBytes", "transactions", "maxSubscriptions", "clock"];
const QUEUE_NAMES: readonly string[] = ["deadLetter", "maxLength", "maxDeliveries"];

const TRANSACTION_NAMES: readonly string[] = ["max", "maxBytes", "timeout"];

function checkTransactions(limits: TransactionLimits): void {
  for (const name of Object.keys(limits)) {
    if (!TRANSACTION_NAMES.includes(name)) throw bad(`there is no option "transactions.${name}"; there are ${TRANSACTION_NAMES.join(", ")}`);
  }
  for (const [name, bound] of Object.entries(limits)) {
    if (bound !== undefined && !(typeof bound === "number" && bound > 0)) throw bad(`option "transactions.${name}" must be a number above 0`);
  }
}

function checkQueue(address: string, queue: QueueOptions): void {
  if (address === "") throw bad('option "queues" has an empty address');
  for (const name of Object.keys(queue)) {
    if (!QUEUE_NAMES.includes(name)) throw bad(`there is no option "queues.${address}.${name}"; there are ${QUEUE_NAMES.join(", ")}`);
  }
  for (const [name, count] of [["maxLength", queue.maxLength], ["maxDeliveries", queue.maxDeliveries]] as const) {
    if (count !== undefined && !(Number.isInteger(count) && count >= 1)) throw bad(`option "queues.${address}.${name}" must be a whole number from 1`);
  }
  if (queue.deadLetter === address) throw bad(`option "queues.${address}.deadLetter" is the queue itself`);
}

function bad(text: string): ConfigError {
  return new ConfigError(`Broker.start(): ${text}`, { code: "config", scope: "container" });
}

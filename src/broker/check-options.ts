/** What is refused of the options of `Broker.start()` before a port is opened: misspelt names, values that cannot be, doors that stand open. */

import { ConfigError } from "../errors.ts";
import { nearest } from "../util/suggest.ts";
import type { BrokerOptions, QueueOptions, TransactionLimits } from "./options.ts";

/** @throws ConfigError `config` for a name that is no option, a value that is none, and a host that would be open to others without users and TLS. */
export function checkOptions(options: BrokerOptions): void {
  checkBag(options, "", OPTIONS);
  for (const [address, queue] of Object.entries(options.queues ?? {})) checkQueue(address, queue);
  checkBag(options.transactions ?? {}, "transactions.", TRANSACTIONS);
  const { host, users } = options;
  if (users !== undefined && Object.keys(users).length === 0) throw bad('option "users" names nobody; leave it out to let everybody on this machine in');
  if (host === undefined || isLoopback(host)) return;
  if (users === undefined) throw bad(`host "${host}" can be reached from other machines: give "users" and "tls", or listen on 127.0.0.1`);
  if (options.tls === undefined) throw bad(`host "${host}" can be reached from other machines, and passwords would travel unencrypted: give "tls", or listen on 127.0.0.1`);
}

interface Rule {
  readonly what: string;
  readonly fits: (value: unknown) => boolean;
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const text: Rule = { what: "a text", fits: (value) => typeof value === "string" && value !== "" };
const flag: Rule = { what: "true or false", fits: (value) => typeof value === "boolean" };
const count: Rule = { what: "a whole number from 1", fits: (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 1) };
const amount: Rule = { what: "a number above 0", fits: (value) => typeof value === "number" && value > 0 };
const bag: Rule = { what: "an object", fits: isObject };

const OPTIONS: Readonly<Record<keyof BrokerOptions, Rule>> = {
  port: { what: "a port number from 0 to 65535", fits: (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff },
  host: text,
  users: { what: "passwords by user", fits: (value) => isObject(value) && Object.values(value as object).every((password) => typeof password === "string") },
  tls: bag,
  webSocket: flag,
  queues: { what: "an object with an object for each address", fits: (value) => isObject(value) && Object.values(value as object).every(isObject) },
  maxBytes: amount,
  maxMessageSize: amount,
  strictDurable: flag,
  transactions: bag,
  maxSubscriptions: { what: "a whole number from 0", fits: (value) => value === Infinity || (Number.isInteger(value) && (value as number) >= 0) },
  clock: { what: "an object with now() and setTimer()", fits: (value) => isObject(value) && typeof (value as { now?: unknown }).now === "function" && typeof (value as { setTimer?: unknown }).setTimer === "function" },
};

const QUEUE: Readonly<Record<keyof QueueOptions, Rule>> = {
  deadLetter: text, deadLetterExpired: flag, maxLength: count, maxBytes: amount, maxDeliveries: count,
  overflow: { what: '"wait" or "reject"', fits: (value) => value === "wait" || value === "reject" },
};

const TRANSACTIONS: Readonly<Record<keyof TransactionLimits, Rule>> = { max: amount, maxBytes: amount, timeout: amount };

function checkBag(options: object, path: string, rules: Readonly<Record<string, Rule>>): void {
  if (!isObject(options)) throw bad("the options are an object");
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(rules, name)) {
      const meant = nearest(name, Object.keys(rules));
      throw bad(`there is no option "${path}${name.slice(0, 80)}"; ${meant === undefined ? `there are ${Object.keys(rules).join(", ")}` : `did you mean "${meant}"?`}`);
    }
    const rule = rules[name] as Rule;
    if (value !== undefined && !rule.fits(value)) throw bad(`option "${path}${name}" must be ${rule.what}`);
  }
}

function checkQueue(address: string, queue: QueueOptions): void {
  if (address === "") throw bad('option "queues" has an empty address');
  const path = `queues.${address}.`;
  checkBag(queue, path, QUEUE);
  if (queue.deadLetter === address) throw bad(`option "${path}deadLetter" is the queue itself`);
  if (queue.deadLetterExpired === true && queue.deadLetter === undefined) throw bad(`option "${path}deadLetterExpired" needs "deadLetter"`);
  if (queue.overflow !== undefined && address.startsWith("topic://")) throw bad(`option "${path}overflow" is for queues: publishers of a topic never wait`);
}

// Whether a host is this machine only.
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

function bad(what: string): ConfigError {
  return new ConfigError(`Broker.start(): ${what}`, { code: "config", scope: "container" });
}

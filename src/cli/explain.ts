/** Turns an error into one line for a person: what happened, and what to do about it. */

import { AmqpError, ConfigError, ConnectionError, SaslError, TimeoutError, TlsError } from "../index.ts";
import { ForeignMessageError } from "./demo-run.ts";
import { UsageError } from "./demo-options.ts";

/** Where a run goes, as far as it may be printed. */
export interface Place {
  /** The url without user and password; "" while it is not known to be one. */
  readonly url: string;
  readonly address: string;
}

/** One line without a secret. */
export function explain(error: unknown, place: Place): string {
  return oneLine(text(error, place));
}

function text(error: unknown, place: Place): string {
  if (error instanceof UsageError) return `${error.message}. npm start -- --help tells more.`;
  if (error instanceof ForeignMessageError) return `the queue "${place.address}" holds messages of somebody else, which were left there: use an empty queue of its own`;
  const cause = rootOf(error);
  if (!(cause instanceof AmqpError)) return cause instanceof Error ? cause.message : String(cause);
  const hint = hintOf(cause, place);
  return hint === undefined ? cause.message : `${cause.message} -- ${hint}`;
}

// connect() has one error for all urls, and what is wanted is why this one failed.
function rootOf(error: unknown): unknown {
  const first = error instanceof ConnectionError ? error.errors[0] : undefined;
  return first === undefined || first === error ? error : rootOf(first);
}

function hintOf(error: AmqpError, place: Place): string | undefined {
  const where = place.url === "" ? "there" : `at ${place.url}`;
  switch (error.code) {
    case "connect-failed":
      return "start the broker, or correct host and port; npm start without a url brings a broker along";
    case "not-amqp":
      return "use the port of its AMQP 1.0 listener; RabbitMQ before 4.0 needs rabbitmq-plugins enable rabbitmq_amqp1_0";
    case "mechanism-refused":
      return "use an amqps:// url, or a broker on this machine; passwords do not travel unencrypted";
    case "auth-failed":
    case "sasl-failed":
      return "check user and password: amqp://user:password@host:port/queue, with %40 for an @ and %3A for a : in them";
    default:
  }
  if (error.condition === "amqp:unauthorized-access") return `ask for the right to use "${place.address}", or check user and password`;
  if (error.condition === "amqp:not-found") {
    return `there is no queue "${place.address}" and this tool makes none: create it first (RabbitMQ: rabbitmqadmin declare queue name=NAME, and then /queues/NAME as the url's path)`;
  }
  if (error instanceof TlsError) return "give a certificate authority that both know by NODE_EXTRA_CA_CERTS=file.pem, or check that the port is the TLS one";
  if (error instanceof SaslError) return "check user and password, and what the broker allows";
  if (error instanceof ConfigError) return "a url looks like amqp://user:password@host:5672/queue; npm start -- --help tells more";
  if (error instanceof TimeoutError) return `the broker ${where} did not answer in time: check that it works and has room`;
  return undefined;
}

// What a peer wrote may hold anything; it goes to a terminal.
function oneLine(message: string): string {
  return message.replace(/\s+/g, " ").replace(/[^\x20-\x7e\u00a0-\uffff]/g, "?").trim();
}

/**
 * What the names in a selector stand for: `JMS...` headers and `amqp.` fields as the Apache selector filter maps them, and
 * every other name an application property.
 */

import { Uuid } from "../../container/public.ts";
import type { Message } from "../../container/public.ts";
import { nearest } from "../../util/suggest.ts";
import { fromWire } from "./values.ts";
import type { Value } from "./values.ts";

/** What a selector looks at. */
export interface Facts {
  /** The message, decoded with exact types (`typed`). */
  readonly message: Message;
  /** Failed deliveries so far. */
  readonly failures: number;
}

/** Reads what a name stands for. */
export type Read = (facts: Facts) => Value;

/** The value of a name; of one that looks like a header and is none, a hint. */
export function resolveName(name: string): Read | { readonly hint: string } {
  const header = HEADERS.get(name);
  if (header !== undefined) return header;
  if (name.startsWith("amqp.") || (name.startsWith("JMS") && !name.startsWith("JMS_"))) {
    const meant = nearest(name, HEADERS.keys());
    return { hint: `there is no header ${name.slice(0, 80)}; ${meant === undefined ? `there are ${[...HEADERS.keys()].join(", ")}` : `did you mean ${meant}?`}` };
  }
  // Without a prototype: what a message names can be nothing but its own.
  return ({ message }) => fromWire(message.properties[name]);
}

const HEADERS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["JMSMessageID", ({ message }) => asText(message.id)],
  ["JMSCorrelationID", ({ message }) => asText(message.correlationId)],
  ["JMSType", ({ message }) => fromWire(message.subject)],
  ["JMSDestination", ({ message }) => fromWire(message.to)],
  ["JMSReplyTo", ({ message }) => fromWire(message.replyTo)],
  ["JMSPriority", ({ message }) => message.priority],
  ["JMSTimestamp", ({ message }) => fromWire(message.creationTime)],
  ["JMSExpiration", ({ message }) => fromWire(message.expiryTime) ?? 0],
  ["JMSDeliveryMode", ({ message }) => (message.durable ? "PERSISTENT" : "NON_PERSISTENT")],
  ["JMSRedelivered", ({ failures }) => failures > 0],
  ["JMSXDeliveryCount", ({ failures }) => failures + 1],
  ["JMSXGroupID", ({ message }) => fromWire(message.groupId)],
  ["JMSXGroupSeq", ({ message }) => fromWire(message.groupSequence)],
  ["JMSXUserID", ({ message }) => userOf(message)],
  ["amqp.message_id", ({ message }) => fromWire(message.id)],
  ["amqp.user_id", ({ message }) => userOf(message)],
  ["amqp.to", ({ message }) => fromWire(message.to)],
  ["amqp.subject", ({ message }) => fromWire(message.subject)],
  ["amqp.reply_to", ({ message }) => fromWire(message.replyTo)],
  ["amqp.correlation_id", ({ message }) => fromWire(message.correlationId)],
  ["amqp.content_type", ({ message }) => fromWire(message.contentType)],
  ["amqp.content_encoding", ({ message }) => fromWire(message.contentEncoding)],
  ["amqp.absolute_expiry_time", ({ message }) => fromWire(message.expiryTime)],
  ["amqp.creation_time", ({ message }) => fromWire(message.creationTime)],
  ["amqp.group_id", ({ message }) => fromWire(message.groupId)],
  ["amqp.group_sequence", ({ message }) => fromWire(message.groupSequence)],
  ["amqp.reply_to_group_id", ({ message }) => fromWire(message.replyToGroupId)],
  ["amqp.durable", ({ message }) => message.durable],
  ["amqp.priority", ({ message }) => message.priority],
  ["amqp.ttl", ({ message }) => fromWire(message.ttl)],
  ["amqp.delivery_mode", ({ message }) => (message.durable ? "PERSISTENT" : "NON_PERSISTENT")],
  ["amqp.first_acquirer", ({ message }) => message.firstAcquirer],
  ["amqp.delivery_count", ({ failures }) => failures],
  ["amqp.redelivered", ({ failures }) => failures > 0],
]);

// To JMS these ids are text.
function asText(id: Message["id"]): Value {
  if (id === undefined) return null;
  return typeof id === "object" && !(id instanceof Uuid) ? fromWire(id) : String(id);
}

function userOf(message: Message): Value {
  const { userId } = message;
  return userId === undefined ? null : new TextDecoder().decode(userId);
}

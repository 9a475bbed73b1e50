/**
 * How an answer finds its request: the identifiers of both as keys of a table, and messages with the fields that say where an
 * answer goes and what it answers.
 */

import type { MessageId, MessageInit } from "../message/fields.ts";
import { Message } from "../message/message.ts";
import { Uuid } from "../wire/values.ts";

/** What is set in a copy of a message. */
export interface AddressFields {
  readonly id?: MessageId | undefined;
  readonly to?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly correlationId?: MessageId | undefined;
}

/** An identifier as a key: the same for identifiers that are sent as the same AMQP value, and for those only. */
export function idKey(id: MessageId): string {
  if (typeof id === "string") return `s${id}`;
  if (typeof id === "number" || typeof id === "bigint") return `n${id}`;
  if (id instanceof Uuid) return `u${id}`;
  return `b${String.fromCharCode(...id)}`;
}

/** What an answer to `request` carries as its correlation-id: the request's own, or else its message-id, as Proton does it. */
export function correlationOf(request: Message): MessageId | undefined {
  return request.correlationId ?? request.id;
}

/** A copy of a message with these fields; those that are undefined are left as they are. */
export function withFields(message: MessageInit | Message, fields: AddressFields): MessageInit | Message {
  const { id, to, replyTo, correlationId } = fields;
  const copy: MessageInit | Message = message instanceof Message ? new Message(message) : { ...message };
  if (id !== undefined) copy.id = id;
  if (replyTo !== undefined) copy.replyTo = replyTo;
  if (correlationId !== undefined) copy.correlationId = correlationId;
  if (to !== undefined) {
    if (!(copy instanceof Message)) delete copy.address;
    copy.to = to;
  }
  return copy;
}

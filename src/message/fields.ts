/** The fields of a message as programs give them: plain data, known to every file of this room. */

import type { Typed, Uuid } from "../wire/values.ts";
import type { BodySection } from "./body.ts";

/** A message-id or correlation-id (§3.2.11-14): a whole number is sent as ulong, bytes as binary. */
export type MessageId = string | number | bigint | Uuid | Uint8Array;

/** What application-properties may hold (§3.2.5): simple types only. */
export type PropertyValue = null | boolean | number | bigint | string | Uint8Array | Date | Uuid | Typed;

/** The header section (§3.2.1). */
export interface HeaderFields {
  /** The message must survive a restart of whoever holds it. @default false */
  durable?: boolean | undefined;
  /** 0 to 255, a higher one may overtake. @default 4 */
  priority?: number | undefined;
  /** Time to live in ms, 0 to 2^32 - 1. @default none */
  ttl?: number | undefined;
  /** No other link has acquired it before. @default false */
  firstAcquirer?: boolean | undefined;
  /** Unsuccessful deliveries before this one, 0 to 2^32 - 1. @default 0 */
  deliveryCount?: number | undefined;
}

/** The properties section (§3.2.4). */
export interface PropertyFields {
  /** message-id. */
  id?: MessageId | undefined;
  /** user-id; a string is sent as its UTF-8 bytes. */
  userId?: Uint8Array | string | undefined;
  /** Address of the node that the message is for. */
  to?: string | undefined;
  subject?: string | undefined;
  /** Address of the node to send replies to. */
  replyTo?: string | undefined;
  /** correlation-id. */
  correlationId?: MessageId | undefined;
  /** content-type, a MIME type; ASCII. */
  contentType?: string | undefined;
  /** content-encoding; ASCII. */
  contentEncoding?: string | undefined;
  /** absolute-expiry-time; ms since 1970 as a bigint where it is beyond what a Date holds. */
  expiryTime?: Date | bigint | undefined;
  /** creation-time; ms since 1970 as a bigint where it is beyond what a Date holds. */
  creationTime?: Date | bigint | undefined;
  /** group-id. */
  groupId?: string | undefined;
  /** group-sequence, 0 to 2^32 - 1. */
  groupSequence?: number | undefined;
  /** reply-to-group-id. */
  replyToGroupId?: string | undefined;
}

/** A message to be sent (§3.2), as plain data. */
export interface MessageInit<Body = unknown> extends HeaderFields, PropertyFields {
  /** Bytes are sent as a data section, anything else as amqp-value; `data`, `sequence` and `value` choose. @default null */
  body?: Body | BodySection | undefined;
  /** Another name of `to`. */
  address?: string | undefined;
  /** application-properties. */
  properties?: Record<string, PropertyValue> | undefined;
  /** message-annotations, which travel with the message; keys are sent as symbols. */
  annotations?: Record<string, unknown> | undefined;
  /** delivery-annotations, for the next node only; keys are sent as symbols. */
  instructions?: Record<string, unknown> | undefined;
  /** Keys are sent as symbols. */
  footer?: Record<string, unknown> | undefined;
  /** A body that is an array is sent as an amqp-sequence section instead of a list in amqp-value. @default false */
  inferred?: boolean | undefined;
  /** The message-format of the transfer (§2.8.11), 0 to 2^32 - 1; 0 is the format of the standard. @default 0 */
  messageFormat?: number | undefined;
}

/**
 * A message to bytes (§3.2). The plain object that most sends are made of is read in one loop over the names that it
 * has: that costs the same whatever its shape, where reading two dozen names that are mostly absent costs more the more shapes
 * a program sends, and it finds a misspelt name on the way.
 */

import type { EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import { notEncodable } from "../wire/values.ts";
import type { MessageId, MessageInit } from "./fields.ts";
import { SECTION } from "./layout.ts";
import { MessageState } from "./message-state.ts";
import { writeState } from "./relay.ts";
import type { BodyReference } from "./write-sections.ts";
import { unfit, wantWhole, writeBody, writeHeader, writeMapSection, writeProperties } from "./write-sections.ts";

export type { BodyReference } from "./write-sections.ts";

/** Every field of a `MessageInit`. */
export const FIELD_NAMES: ReadonlySet<string> = new Set<keyof MessageInit>([
  "body", "id", "userId", "to", "address", "subject", "replyTo", "correlationId", "contentType", "contentEncoding", "expiryTime", "creationTime",
  "groupId", "groupSequence", "replyToGroupId", "durable", "priority", "ttl", "firstAcquirer", "deliveryCount", "properties", "annotations",
  "instructions", "footer", "inferred", "messageFormat",
]);

/**
 * Appends a message to `w`. Where `references` is given, bytes of more than 64 KiB are not copied but pushed there, in order; what is
 * written then lacks them. After an error nothing is written.
 * @throws EncodeError not-encodable, naming the field
 * @throws DecodeError decode-error where a received message turns out to be undecodable
 */
export function encodeMessage(w: ByteWriter, message: MessageInit | MessageState, references?: BodyReference[]): void {
  const start = w.position;
  const before = references === undefined ? 0 : references.length;
  try {
    if (message instanceof MessageState) writeState(w, message, references);
    else writeInit(w, message, references);
  } catch (error) {
    w.position = start;
    if (references !== undefined) references.length = before;
    throw error;
  }
}

function writeInit(w: ByteWriter, init: MessageInit, references: BodyReference[] | undefined): void {
  const start = w.position;
  let id: MessageId | undefined, correlationId: MessageId | undefined, userId: Uint8Array | string | undefined;
  let to: string | undefined, address: string | undefined, subject: string | undefined, replyTo: string | undefined;
  let contentType: string | undefined, contentEncoding: string | undefined;
  let expiryTime: Date | bigint | undefined, creationTime: Date | bigint | undefined;
  let groupId: string | undefined, groupSequence: number | undefined, replyToGroupId: string | undefined;
  let durable: boolean | undefined, priority: number | undefined, ttl: number | undefined;
  let firstAcquirer: boolean | undefined, deliveryCount: number | undefined;
  let instructions: MessageInit["instructions"], annotations: MessageInit["annotations"];
  let properties: MessageInit["properties"], footer: MessageInit["footer"];
  let body: unknown, inferred = false;
  if (typeof init !== "object" || init === null) throw notEncodable("a message is an object");
  for (const name in init) {
    switch (name) {
      case "body": body = init.body; break;
      case "id": id = init.id; break;
      case "to": to = init.to; break;
      case "subject": subject = init.subject; break;
      case "properties": properties = init.properties; break;
      case "durable": durable = init.durable; break;
      case "contentType": contentType = init.contentType; break;
      case "correlationId": correlationId = init.correlationId; break;
      case "replyTo": replyTo = init.replyTo; break;
      case "address": address = init.address; break;
      case "userId": userId = init.userId; break;
      case "contentEncoding": contentEncoding = init.contentEncoding; break;
      case "expiryTime": expiryTime = init.expiryTime; break;
      case "creationTime": creationTime = init.creationTime; break;
      case "groupId": groupId = init.groupId; break;
      case "groupSequence": groupSequence = init.groupSequence; break;
      case "replyToGroupId": replyToGroupId = init.replyToGroupId; break;
      case "priority": priority = init.priority; break;
      case "ttl": ttl = init.ttl; break;
      case "firstAcquirer": firstAcquirer = init.firstAcquirer; break;
      case "deliveryCount": deliveryCount = init.deliveryCount; break;
      case "annotations": annotations = init.annotations; break;
      case "instructions": instructions = init.instructions; break;
      case "footer": footer = init.footer; break;
      case "inferred": inferred = init.inferred === true; break;
      case "messageFormat": if (init.messageFormat !== undefined) wantWhole("messageFormat", init.messageFormat, 0xffff_ffff); break;
      default: throw unknownField(name);
    }
  }
  if (address !== undefined) to = addressOf(to, address);
  if (durable !== undefined || priority !== undefined || ttl !== undefined || firstAcquirer !== undefined || deliveryCount !== undefined) {
    writeHeader(w, durable, priority, ttl, firstAcquirer, deliveryCount);
  }
  if (instructions !== undefined) writeMapSection(w, SECTION.deliveryAnnotations, "instructions", instructions);
  if (annotations !== undefined) writeMapSection(w, SECTION.messageAnnotations, "annotations", annotations);
  writeProperties(
    w, id, userId, to, subject, replyTo, correlationId, contentType, contentEncoding, expiryTime, creationTime, groupId, groupSequence,
    replyToGroupId,
  );
  if (properties !== undefined) writeMapSection(w, SECTION.applicationProperties, "properties", properties);
  writeBody(w, body, inferred, start, references);
  if (footer !== undefined) writeMapSection(w, SECTION.footer, "footer", footer);
}

/** `address` is another name of `to`; both may be given if they agree. @throws EncodeError not-encodable */
export function addressOf(to: string | undefined, address: string): string {
  if (to !== undefined && to !== address) throw unfit("address", "it is another name of `to`, and the two differ");
  return address;
}

/** The error for a name that no message has. */
export function unknownField(name: string): EncodeError {
  const hint = name === "wire" || name === "wireStart"
    ? "a Message cannot be spread: change its fields, or copy it with new Message(message)"
    : `there are ${[...FIELD_NAMES].join(", ")}`;
  return notEncodable(`message ${JSON.stringify(name.slice(0, 80))}: no such field; ${hint}`);
}

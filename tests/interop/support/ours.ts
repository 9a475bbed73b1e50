/** Our side of every test: descriptions to messages and back, through the public door only. */
import rhea from "rhea";
import { data, sequence, Typed, Uuid, value } from "../../../src/index.ts";
import type { BodySection, Connection, IncomingDelivery, Listener, Message, MessageId, MessageInit, Receiver, Sender } from "../../../src/index.ts";
import { chunkBytes, seenBytes } from "./messages.ts";
import type { Body, Description, Entries, Fields, Seen, SeenBody } from "./messages.ts";
import { bytesOf, fromNotation, hexOf, toNotation } from "./notation.ts";
import type { Notation } from "./notation.ts";

/** The message to send for a description. */
export function messageOf(description: Description): MessageInit {
  const { header = {}, fields = {} } = description;
  return {
    id: idOf(description.id),
    body: bodyOf(description.body),
    properties: valuesOf(description.properties) as MessageInit["properties"],
    annotations: valuesOf(description.annotations),
    instructions: valuesOf(description.instructions),
    footer: valuesOf(description.footer),
    durable: header.durable,
    priority: header.priority,
    ttl: header.ttl,
    correlationId: fields.correlationId === undefined ? undefined : idOf(fields.correlationId),
    subject: fields.subject,
    replyTo: fields.replyTo,
    contentType: fields.contentType,
    contentEncoding: fields.contentEncoding,
    expiryTime: dateOf(fields.expiryTime),
    creationTime: dateOf(fields.creationTime),
    groupId: fields.groupId,
    groupSequence: fields.groupSequence,
    replyToGroupId: fields.replyToGroupId,
    userId: fields.userId === undefined ? undefined : bytesOf(fields.userId),
  };
}

const idOf = (id: Notation): MessageId => (id[0] === "ulong" ? BigInt(id[1]) : (fromNotation(id) as MessageId));

const dateOf = (ms: string | undefined): Date | undefined => (ms === undefined ? undefined : new Date(Number(ms)));

function valuesOf(entries: Entries | undefined): Record<string, unknown> | undefined {
  return entries === undefined ? undefined : Object.fromEntries(Object.entries(entries).map(([name, one]) => [name, fromNotation(one)]));
}

function bodyOf(body: Body): BodySection {
  if (body[0] === "value") return value(fromNotation(body[1]));
  if (body[0] === "data") return data(...body[1].map(chunkBytes));
  return sequence(...body[1].map((list) => list.map(fromNotation)));
}

/** The description of a message that was received with `typed: true`. */
export function seenOf(message: Message): Seen {
  const header = { ...(message.durable ? { durable: true } : {}), ...(message.priority === 4 ? {} : { priority: message.priority }) };
  const all = message.ttl === undefined ? header : { ...header, ttl: message.ttl };
  return {
    id: idNotation(message.id),
    body: seenBody(message),
    properties: notationsOf(message.properties),
    annotations: notationsOf(message.annotations),
    instructions: notationsOf(message.instructions),
    footer: notationsOf(message.footer),
    header: Object.keys(all).length === 0 ? undefined : all,
    fields: seenFields(message),
  };
}

function seenFields(message: Message): Fields {
  return {
    correlationId: message.correlationId === undefined ? undefined : idNotation(message.correlationId),
    subject: message.subject,
    replyTo: message.replyTo,
    contentType: message.contentType,
    contentEncoding: message.contentEncoding,
    expiryTime: message.expiryTime === undefined ? undefined : String(Number(message.expiryTime)),
    creationTime: message.creationTime === undefined ? undefined : String(Number(message.creationTime)),
    groupId: message.groupId,
    groupSequence: message.groupSequence,
    replyToGroupId: message.replyToGroupId,
    userId: message.userId === undefined ? undefined : hexOf(message.userId),
  };
}

function notationsOf(entries: Record<string, unknown>): Record<string, Notation> {
  return Object.fromEntries(Object.entries(entries).map(([name, one]) => [name, toNotation(one)]));
}

function idNotation(id: Message["id"]): Notation {
  if (typeof id === "number" || typeof id === "bigint") return ["ulong", String(id)];
  if (id instanceof Uuid || id instanceof Typed || id instanceof Uint8Array || typeof id === "string") return toNotation(id);
  throw new Error(`not a message id: ${String(id)}`);
}

function seenBody(message: Message): SeenBody {
  const kinds = bodySections(message);
  if (kinds[0] === 0x75) return ["data", kinds.length, seenBytes(message.body as Uint8Array)];
  if (kinds[0] === 0x77) return ["value", toNotation(message.body)];
  const lists = (kinds.length === 1 ? [message.body] : message.body) as unknown[][];
  return ["sequence", lists.map((list) => list.map(toNotation))];
}

/** The descriptor codes of the body's sections, which `message.body` does not tell; read with rhea's reader instead of our own. */
function bodySections(message: Message): number[] {
  const encoded = message.encode();
  const reader = new Reader(Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length));
  const kinds: number[] = [];
  while (reader.remaining() > 0) kinds.push(Number(reader.read().descriptor.value));
  return kinds.filter((kind) => kind >= 0x75 && kind <= 0x77);
}

const { Reader } = (rhea as unknown as { types: { Reader: new (bytes: Buffer) => { remaining(): number; read(): { descriptor: { value: unknown } } } } }).types;

/** Sends all at once; resolves when each was accepted. */
export async function sendEach(sender: Sender, descriptions: readonly Description[]): Promise<void> {
  await Promise.all(descriptions.map((one) => sender.send(messageOf(one))));
}

/** Receives `count` deliveries with the loop, which accepts each, and describes them. */
export async function receiveEach(receiver: Receiver, count: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  for await (const delivery of receiver.take({ max: count, idle: 30_000 })) seen.push(seenOf(delivery.message));
  return seen;
}

/** Takes away what an earlier, failed run left in the queue. */
export async function empty(connection: Connection, address: string): Promise<void> {
  const receiver = await connection.createReceiver(address);
  for await (const _ of receiver.take({ idle: 250 }));
  await receiver.close();
}

/** Serves the first link that a peer attaches to the listener: we send to it. */
export async function sendToPeer(listener: Listener, descriptions: readonly Description[]): Promise<void> {
  for await (const request of listener.links()) {
    if (request.role !== "sender") throw new Error("the peer was to receive");
    await sendEach(await request.accept(), descriptions);
    return;
  }
}

/** Serves the first link that a peer attaches to the listener: we receive from it. */
export async function receiveFromPeer(listener: Listener, count: number): Promise<Seen[]> {
  for await (const request of listener.links()) {
    if (request.role !== "receiver") throw new Error("the peer was to send");
    return await receiveEach(await request.accept({ typed: true }), count);
  }
  throw new Error("the listener was closed");
}

/** The ids of deliveries as text, for comparisons. */
export const idsOf = (deliveries: readonly IncomingDelivery[]): string[] => deliveries.map((one) => String(one.message.id));

/** `Message`: what a program sends and receives (§3.2), with every field of its sections flat on one object. */

import { ByteWriter } from "../util/byte-writer.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes, EMPTY } from "../util/bytes.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import { BodySection, joinBytes } from "./body.ts";
import { asBytes, asJson, asText } from "./body-forms.ts";
import { checkMessage } from "./check.ts";
import type { MessageId, MessageInit, PropertyValue } from "./fields.ts";
import { findBody, SECTION, sectionCode } from "./layout.ts";
import { FLAG, MessageState } from "./message-state.ts";
import { addressOf, encodeMessage, FIELD_NAMES, unknownField } from "./sections.ts";
import { wantMap, wantWhole } from "./write-sections.ts";

/** What `Message.send` needs of a sender. */
export interface MessageSink<Result> {
  send(message: Message, options?: { tag?: string | Uint8Array | undefined }): Result;
}

/** What `Message.recv` needs of a receiver. */
export interface MessageSource<Delivery extends { readonly message: MessageState }> {
  tryReceive(): Delivery | undefined;
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const MAPS: ReadonlySet<string> = new Set(["properties", "annotations", "instructions", "footer"]);

/**
 * A message, mutable. One that was received is decoded section by section when it is touched (so reading a field can throw a
 * `DecodeError`), and sent on it keeps the bytes of every section that nobody changed. What cannot be sent is found by `encode`.
 */
export class Message<Body = unknown> extends MessageState {
  /**
   * @param init its fields; a Message is copied as it would be sent.
   * @throws EncodeError not-encodable for a name that no message has
   */
  constructor(init?: MessageInit<Body> | Message<Body>) {
    super(EMPTY, 0, 0, undefined, init?.messageFormat ?? 0);
    if (init !== undefined) fill(this, init);
  }

  /**
   * A message in bytes that `checkMessage` has passed and that stay as they are while it lives; nothing is decoded yet.
   * @internal
   */
  static fromWire(bytes: Uint8Array, start: number, end: number, decoding?: DecodeOptions, messageFormat = 0): Message {
    const message = new Message();
    message.wire = bytes as Bytes;
    message.wireStart = start;
    message.wireEnd = end;
    message.decoding = decoding;
    if (messageFormat !== 0) (message as { messageFormat: number }).messageFormat = messageFormat;
    return message;
  }

  /** A message of which the sections before the body are here, as `checkMessage` has passed them, and whose body is read elsewhere. @internal */
  static withoutBody(head: Bytes, body: BodySection, decoding?: DecodeOptions, messageFormat = 0): Message {
    const message = Message.fromWire(head, 0, head.length, decoding, messageFormat);
    message.content = body;
    message.flags |= FLAG.bodySet;
    return message;
  }

  /** The footer of a message whose body was read elsewhere. @internal */
  addFooter(footer: Bytes): void {
    if (footer.length === 0) return;
    this.wire = joinBytes([this.wire.subarray(this.wireStart, this.wireEnd), footer]);
    this.wireStart = 0;
    this.wireEnd = this.wire.length;
    if (this.footerMap !== undefined && Object.keys(this.footerMap).length === 0) this.footerMap = undefined;
  }

  /** The message in a copy of `bytes`. @throws DecodeError decode-error where they are no message; values are decoded when touched */
  static decode(bytes: Uint8Array): Message {
    const copy = copyBytes(bytes);
    checkMessage(copy, 0, copy.length);
    return Message.fromWire(copy, 0, copy.length);
  }

  /** Its bytes (§3.2). @throws EncodeError not-encodable, naming the field */
  encode(): Bytes {
    const w = new ByteWriter(this.wireEnd - this.wireStart + 256);
    encodeMessage(w, this);
    return w.toBytes();
  }

  /** Becomes the message in a copy of `bytes`. @throws DecodeError decode-error, and stays as it was */
  decode(bytes: Uint8Array): void {
    this.become(Message.decode(bytes));
  }

  /** Sends it: `sender.send(message, { tag })`. */
  send<Result>(sender: MessageSink<Result>, tag?: string | Uint8Array): Result {
    return sender.send(this, tag === undefined ? undefined : { tag });
  }

  /** Becomes the next message that has arrived on `receiver`; answers its delivery, or undefined where there is none. */
  recv<Delivery extends { readonly message: MessageState }>(receiver: MessageSource<Delivery>): Delivery | undefined {
    const delivery = receiver.tryReceive();
    if (delivery !== undefined) this.become(delivery.message);
    return delivery;
  }

  /** The body that JSON text or bytes stand for, whichever section they came in; other AMQP values as they are. @throws DecodeError decode-error */
  json<T = unknown>(): T {
    return asJson(this.body) as T;
  }

  /** The body as text, whichever section it came in: bytes as UTF-8, lists and maps as JSON. @throws DecodeError decode-error */
  text(): string {
    return asText(this.body);
  }

  /** The body as bytes, whichever section it came in: anything else than bytes as its text in UTF-8. */
  bytes(): Bytes {
    return asBytes(this.body);
  }

  /**
   * The body, whichever section it came in: the bytes of all data sections; the list of an amqp-sequence section, or of several an
   * array of their lists; the value of an amqp-value section. A body that is set goes as bytes -> data, anything else ->
   * amqp-value, unless `data`, `sequence` or `value` chose.
   */
  get body(): Body {
    const content = this.readContent();
    return (content instanceof BodySection ? content.content : content) as Body;
  }
  set body(body: Body | BodySection) {
    this.content = body;
    this.flags |= FLAG.bodySet;
  }

  /**
   * Replaces a body that was received by what a schema made of it. A map or list in an amqp-value section that is still what it was, down to the
   * single entry, keeps its wire types when the message is sent on.
   * @internal
   */
  refine(body: unknown): void {
    if (Object.is(this.body, body)) return;
    const compound = typeof body === "object" && body !== null && !(body instanceof Uint8Array);
    const at = findBody(this.wire, this.wireStart, this.wireEnd);
    if (compound && at < this.wireEnd && sectionCode(this.wire, at) === SECTION.value) this.content = body;
    else this.body = body as Body;
  }

  /** Whether an array in the body is sent as an amqp-sequence section; of a received body, whether it came as data or sequence. @default false */
  get inferred(): boolean {
    return this.isInferred();
  }
  set inferred(inferred: boolean) {
    // A received body that is to go in another kind of section is no longer as it came.
    if (inferred !== this.isInferred() && Array.isArray(this.readContent())) this.flags |= FLAG.bodySet;
    this.flags = (this.flags & ~FLAG.inferred) | FLAG.inferredSet | (inferred ? FLAG.inferred : 0);
  }

  /** Header: whether the message must survive a restart of whoever holds it. @default false */
  get durable(): boolean { return this.readHeader().durable; }
  set durable(durable: boolean) { this.readHeader().durable = durable; this.flags |= FLAG.header; }

  /** Header: 0 to 255. @default 4 */
  get priority(): number { return this.readHeader().priority; }
  set priority(priority: number) { this.readHeader().priority = priority; this.flags |= FLAG.header; }

  /** Header: time to live in ms, up to 2^32 - 1. */
  get ttl(): number | undefined { return this.readHeader().ttl; }
  set ttl(ttl: number | undefined) { this.readHeader().ttl = ttl; this.flags |= FLAG.header; }

  /** Header: no other link has acquired it before. Not sent on. @default false */
  get firstAcquirer(): boolean { return this.readHeader().firstAcquirer; }
  set firstAcquirer(first: boolean) { this.readHeader().firstAcquirer = first; this.flags |= FLAG.header | FLAG.firstAcquirer; }

  /** Header: unsuccessful deliveries before this one. Not sent on. @default 0 */
  get deliveryCount(): number { return this.readHeader().deliveryCount; }
  set deliveryCount(count: number) { this.readHeader().deliveryCount = count; this.flags |= FLAG.header | FLAG.deliveryCount; }

  /** message-id: a ulong is read as a number where that is exact, else as a bigint. */
  get id(): MessageId | undefined { return this.readProperties().id; }
  set id(id: MessageId | undefined) { this.readProperties().id = id; this.flags |= FLAG.properties; }

  /** user-id; a string is stored as its UTF-8 bytes. */
  get userId(): Bytes | undefined { return this.readProperties().userId; }
  set userId(userId: Uint8Array | string | undefined) {
    this.readProperties().userId = typeof userId === "string" ? asBytes(userId) : (userId as Bytes | undefined);
    this.flags |= FLAG.properties;
  }

  /** Address of the node that the message is for. */
  get to(): string | undefined { return this.readProperties().to; }
  set to(to: string | undefined) { this.readProperties().to = to; this.flags |= FLAG.properties; }

  /** Another name of `to`. */
  get address(): string | undefined { return this.to; }
  set address(address: string | undefined) { this.to = address; }

  get subject(): string | undefined { return this.readProperties().subject; }
  set subject(subject: string | undefined) { this.readProperties().subject = subject; this.flags |= FLAG.properties; }

  /** Address of the node to send replies to. */
  get replyTo(): string | undefined { return this.readProperties().replyTo; }
  set replyTo(replyTo: string | undefined) { this.readProperties().replyTo = replyTo; this.flags |= FLAG.properties; }

  /** correlation-id, of the same types as `id`. */
  get correlationId(): MessageId | undefined { return this.readProperties().correlationId; }
  set correlationId(id: MessageId | undefined) { this.readProperties().correlationId = id; this.flags |= FLAG.properties; }

  /** MIME type of the body; ASCII. */
  get contentType(): string | undefined { return this.readProperties().contentType; }
  set contentType(type: string | undefined) { this.readProperties().contentType = type; this.flags |= FLAG.properties; }

  get contentEncoding(): string | undefined { return this.readProperties().contentEncoding; }
  set contentEncoding(encoding: string | undefined) { this.readProperties().contentEncoding = encoding; this.flags |= FLAG.properties; }

  /** absolute-expiry-time; ms since 1970 as a bigint where it is beyond what a Date holds. */
  get expiryTime(): Date | bigint | undefined { return this.giveTime(this.readProperties().expiryTime); }
  set expiryTime(time: Date | bigint | undefined) { this.readProperties().expiryTime = time; this.flags |= FLAG.properties; }

  /** creation-time; ms since 1970 as a bigint where it is beyond what a Date holds. */
  get creationTime(): Date | bigint | undefined { return this.giveTime(this.readProperties().creationTime); }
  set creationTime(time: Date | bigint | undefined) { this.readProperties().creationTime = time; this.flags |= FLAG.properties; }

  get groupId(): string | undefined { return this.readProperties().groupId; }
  set groupId(id: string | undefined) { this.readProperties().groupId = id; this.flags |= FLAG.properties; }

  /** Position within its group, 0 to 2^32 - 1. */
  get groupSequence(): number | undefined { return this.readProperties().groupSequence; }
  set groupSequence(sequence: number | undefined) { this.readProperties().groupSequence = sequence; this.flags |= FLAG.properties; }

  get replyToGroupId(): string | undefined { return this.readProperties().replyToGroupId; }
  set replyToGroupId(id: string | undefined) { this.readProperties().replyToGroupId = id; this.flags |= FLAG.properties; }

  /** application-properties, always there. An entry that is not changed keeps its type on the wire; so do those of the other three maps. */
  get properties(): Record<string, PropertyValue> {
    return (this.propertiesMap ??= this.readMap(SECTION.applicationProperties) as Record<string, PropertyValue>);
  }
  set properties(map: Record<string, PropertyValue> | undefined) { this.propertiesMap = map ?? emptyMap(); }

  /** message-annotations, always there; symbols are keyed by their text. */
  get annotations(): Record<string, unknown> { return (this.annotationsMap ??= this.readMap(SECTION.messageAnnotations)); }
  set annotations(map: Record<string, unknown> | undefined) { this.annotationsMap = map ?? emptyMap(); }

  /** delivery-annotations, always there. Received ones are not sent on, unless they are set as a whole. */
  get instructions(): Record<string, unknown> { return (this.instructionsMap ??= this.readMap(SECTION.deliveryAnnotations)); }
  set instructions(map: Record<string, unknown> | undefined) { this.instructionsMap = map ?? emptyMap(); this.flags |= FLAG.instructions; }

  /** The footer, always there. */
  get footer(): Record<string, unknown> { return (this.footerMap ??= this.readMap(SECTION.footer)); }
  set footer(map: Record<string, unknown> | undefined) { this.footerMap = map ?? emptyMap(); }

  /** Its fields that have a value, for `JSON.stringify`. */
  toJSON(): Record<string, unknown> {
    const fields: Record<string, unknown> = {};
    for (const name of FIELD_NAMES) {
      if (name === "body" && this.content instanceof BodySection && this.content.isStreamed) continue;
      const value = (this as unknown as Record<string, unknown>)[name];
      if (name !== "address" && !isDefault(name, value)) fields[name] = value;
    }
    return fields;
  }

  [INSPECT](_depth: number, options: unknown, inspect: (value: unknown, options: unknown) => string): string {
    try {
      return `Message ${inspect(this.toJSON(), options)}`;
    } catch (error) {
      return `Message <${error instanceof Error ? error.message : "undecodable"}>`;
    }
  }
}

function fill(message: Message, init: MessageInit | Message): void {
  if (init instanceof MessageState) {
    const { messageFormat } = init;
    message.become(Message.decode(init.encode()));
    (message as { messageFormat: number }).messageFormat = messageFormat;
    return;
  }
  wantWhole("messageFormat", message.messageFormat, 0xffff_ffff);
  const fields = message as unknown as Record<string, unknown>;
  const given = init as Readonly<Record<string, unknown>>;
  for (const name in given) {
    if (!FIELD_NAMES.has(name)) throw unknownField(name);
    const value = given[name];
    if (value === undefined || name === "messageFormat") continue;
    if (MAPS.has(name)) {
      wantMap(name, value);
      fields[name] = { ...(value as Record<string, unknown>) };
    } else {
      fields[name] = value;
    }
  }
  if (init.address !== undefined) message.to = addressOf(init.to, init.address);
}

function emptyMap(): Record<string, never> {
  return Object.create(null) as Record<string, never>;
}

function isDefault(name: string, value: unknown): boolean {
  if (MAPS.has(name)) return Object.keys(value as Record<string, unknown>).length === 0;
  if (name === "priority") return value === 4;
  return value === undefined || value === false || (value === 0 && (name === "deliveryCount" || name === "messageFormat"));
}

/** Programs about messages and the types of AMQP: compiled, never run. */

import { expectTypeOf } from "expect-type";
import { BodySection, data, Described, Message, sequence, Typed, types, Uuid, value } from "leptonmq";
import type { AmqpTypeName, Bytes, MessageId, MessageInit, PropertyValue } from "leptonmq";

export const init: MessageInit<{ n: number }> = {
  body: { n: 1 }, id: Uuid.random(), to: "a", address: "a", subject: "s", replyTo: "r", correlationId: 5, contentType: "application/json",
  contentEncoding: "gzip", expiryTime: new Date(0), creationTime: new Date(0), groupId: "g", groupSequence: 1, replyToGroupId: "h", userId: "me",
  durable: true, priority: 9, ttl: 1_000, firstAcquirer: false, deliveryCount: 0, inferred: true, messageFormat: 0,
  properties: { a: 1, b: "x", c: true, d: null, e: 5n, f: new Uint8Array(1), g: new Date(0), h: Uuid.random(), i: types.ulong(5) },
  annotations: { "x-opt-a": [1, { deep: true }] }, instructions: {}, footer: {},
};

export function fields(): void {
  const message = new Message(init);
  expectTypeOf(message).toEqualTypeOf<Message<{ n: number }>>();
  expectTypeOf(message.body.n).toBeNumber();
  expectTypeOf(message.id).toEqualTypeOf<MessageId | undefined>();
  expectTypeOf(message.userId).toEqualTypeOf<Bytes | undefined>();
  expectTypeOf(message.durable).toBeBoolean();
  expectTypeOf(message.priority).toBeNumber();
  expectTypeOf(message.ttl).toEqualTypeOf<number | undefined>();
  expectTypeOf(message.deliveryCount).toBeNumber();
  expectTypeOf(message.properties).toEqualTypeOf<Record<string, PropertyValue>>();
  expectTypeOf(message.annotations).toEqualTypeOf<Record<string, unknown>>();
  expectTypeOf(message.messageFormat).toBeNumber();
  message.subject = undefined;
  message.properties["a"] = 2;
  message.body = { n: 2 };
}

export function bytes(given: Uint8Array): void {
  const message = Message.decode(given);
  expectTypeOf(message.encode()).toEqualTypeOf<Bytes>();
  expectTypeOf(message.text()).toBeString();
  expectTypeOf(message.bytes()).toEqualTypeOf<Bytes>();
  expectTypeOf(message.json<{ a: number }>().a).toBeNumber();
  expectTypeOf(message.json()).toBeUnknown();
}

export function bodies(): Message[] {
  expectTypeOf(data(new Uint8Array(1), new Uint8Array(2))).toEqualTypeOf<BodySection<"data">>();
  expectTypeOf(sequence([1, "a"], [null])).toEqualTypeOf<BodySection<"sequence">>();
  expectTypeOf(value(null)).toEqualTypeOf<BodySection<"value">>();
  return [new Message({ body: data(new Uint8Array(1)) }), new Message({ body: value([1]) }), new Message({ body: "text" }), new Message()];
}

export function exactTypes(): void {
  expectTypeOf(types.ulong(5)).toEqualTypeOf<Typed<"ulong", bigint>>();
  expectTypeOf(types.ulong(5n).value).toEqualTypeOf<bigint>();
  expectTypeOf(types.uint(5).value).toBeNumber();
  expectTypeOf([types.ushort(1), types.ubyte(1), types.byte(1), types.short(1), types.int(1), types.float(1), types.double(1)].length).toBeNumber();
  expectTypeOf(types.long(1).type).toEqualTypeOf<"long">();
  expectTypeOf(types.char("a")).toEqualTypeOf<Typed<"char", string>>();
  expectTypeOf(types.symbol("a")).toEqualTypeOf<Typed<"symbol", string>>();
  expectTypeOf(types.timestamp(new Date(0))).toEqualTypeOf<Typed<"timestamp", Date | bigint>>();
  expectTypeOf(types.decimal32("1.5")).toEqualTypeOf<Typed<"decimal32", string>>();
  expectTypeOf(types.decimal64(new Uint8Array(8))).toEqualTypeOf<Typed<"decimal64", string>>();
  expectTypeOf(types.decimal128("1e6144").value).toBeString();
  expectTypeOf(types.array("int", [1, 2])).toEqualTypeOf<Typed<"array", readonly unknown[]>>();
  expectTypeOf(types.array("string", new Set(["a"]))).toEqualTypeOf<Typed<"array", readonly unknown[]>>();
  expectTypeOf(types.described("my:type", [1])).toExtend<Described>();
  expectTypeOf(types.described(0x77n, null).descriptor).toEqualTypeOf<bigint | string>();
  expectTypeOf(types.short(1).type).toExtend<AmqpTypeName>();
  // @ts-expect-error a string is no number
  types.int("1");
}

export function uuids(text: string): string {
  const uuid = Uuid.parse(text);
  expectTypeOf(uuid.bytes).toExtend<Uint8Array>();
  expectTypeOf(uuid.equals(Uuid.random())).toBeBoolean();
  return uuid.toString();
}

/** What a program asks of a value that came from anywhere. */
export function narrow(given: unknown): string {
  if (given instanceof Typed) return given.type;
  if (given instanceof Described) return String(given.descriptor);
  if (given instanceof Uuid) return given.toString();
  return given instanceof BodySection ? given.section : typeof given;
}

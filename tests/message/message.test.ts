/** `Message` as a program meets it: its fields, bodies, errors, and the ways to make, copy, send and receive one. */

import { inspect } from "node:util";
import { describe, expect, test } from "@jest/globals";
import { DecodeError, EncodeError } from "../../src/errors.ts";
import { BodySection, data, sequence, value } from "../../src/message/body.ts";
import type { MessageInit } from "../../src/message/fields.ts";
import { Message } from "../../src/message/message.ts";
import { types, Uuid } from "../../src/wire/values.ts";
import { encoded, hex, received, tidy } from "./support.ts";

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

describe("S14 fields", () => {
  const all = {
    body: "b", id: 1, to: "t", subject: "s", replyTo: "r", correlationId: "c", contentType: "text/plain", contentEncoding: "gzip",
    expiryTime: new Date(1000), creationTime: new Date(2000), groupId: "g", groupSequence: 3, replyToGroupId: "h", userId: hex("75"),
    durable: true, priority: 7, ttl: 60_000, firstAcquirer: true, deliveryCount: 2, properties: { p: 1 }, annotations: { a: 1 },
    instructions: { i: 1 }, footer: { f: 1 },
  } satisfies MessageInit;

  test("all come back", () => {
    expect(Message.decode(new Message(all).encode())).toMatchObject({ ...all, address: "t", inferred: false, messageFormat: 0 });
  });

  test("all can be set one by one", () => {
    const message = new Message();
    for (const [name, field] of Object.entries(all)) (message as unknown as Record<string, unknown>)[name] = field;
    expect(encoded(message)).toBe(encoded(all));
  });

  test("have their defaults in a new message", () => {
    expect(new Message()).toMatchObject({
      body: undefined, id: undefined, to: undefined, address: undefined, subject: undefined, replyTo: undefined, correlationId: undefined,
      contentType: undefined, contentEncoding: undefined, expiryTime: undefined, creationTime: undefined, groupId: undefined,
      groupSequence: undefined, replyToGroupId: undefined, userId: undefined, durable: false, priority: 4, ttl: undefined,
      firstAcquirer: false, deliveryCount: 0, properties: {}, annotations: {}, instructions: {}, footer: {}, inferred: false, messageFormat: 0,
    });
  });

  test("the four maps of a received message are there where it has none, without a prototype, and stay the same object", () => {
    const message = received("00 53 77 40");
    for (const name of ["properties", "annotations", "instructions", "footer"] as const) {
      expect(message[name]).toEqual({});
      expect(Object.getPrototypeOf(message[name])).toBe(null);
      expect(message[name]).toBe(message[name]);
    }
    message.properties["k"] = 1;
    expect(encoded(message)).toBe(tidy("00 53 74 c1 06 02 a1 01 6b 54 01 00 53 77 40"));
  });

  test("a map that is taken away is empty", () => {
    const message = received("00 53 74 c1 06 02 a1 01 6b 54 01 00 53 77 40");
    (message as { properties: unknown }).properties = undefined;
    expect(message.properties).toEqual({});
    expect(encoded(message)).toBe(tidy("00 53 77 40"));
  });

  test("a message does not change the maps that it was made of", () => {
    const properties = { a: 1 };
    const message = new Message({ properties });
    message.properties["b"] = 2;
    expect(properties).toEqual({ a: 1 });
  });

  test("userId takes text and gives its bytes", () => {
    const message = new Message({ userId: "é" });
    expect(message.userId).toEqual(hex("c3 a9"));
    expect(encoded(message)).toBe(encoded({ userId: hex("c3 a9") }));
    expect(encoded(message)).toBe(encoded({ userId: "é" }));
  });

  test("undefined is the same as absent, false and defaults write nothing", () => {
    const absent = Object.fromEntries(Object.keys(all).map((name) => [name, undefined])) as MessageInit;
    expect(encoded(absent)).toBe(tidy("00 53 77 40"));
    expect(encoded(new Message(absent))).toBe(tidy("00 53 77 40"));
    expect(encoded({ properties: {}, annotations: {}, footer: { a: undefined } })).toBe(tidy("00 53 77 40"));
  });

  test("keys of annotations are symbols read as text, and values keep their types", () => {
    const message = Message.decode(new Message({ annotations: { s: types.symbol("x"), u: Uuid.parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6") } }).encode());
    expect(message.annotations).toEqual({ s: types.symbol("x"), u: Uuid.parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6") });
  });

  test("J12 the message-format is kept, and is no part of the octets", () => {
    expect(new Message({ messageFormat: 0x8000_0001 }).messageFormat).toBe(0x8000_0001);
    expect(encoded({ messageFormat: 5 })).toBe(tidy("00 53 77 40"));
    expect(Message.fromWire(hex("00 53 77 40"), 0, 4, undefined, 7).messageFormat).toBe(7);
  });
});

describe("what cannot be sent", () => {
  test.each<[string, unknown, string]>([
    ["a misspelt name", { boddy: 1 }, '"boddy"'],
    ["no object", "text", "object"],
    ["null", null, "object"],
    ["an array", ["a"], '"0"'],
    ["a spread message", { ...new Message({ id: 1 }) }, "copy it with new Message"],
    ["id, negative", { id: -1 }, "id"],
    ["id, a fraction", { id: 1.5 }, "id"],
    ["id beyond 2^53 as a number", { id: 2 ** 53 }, "id"],
    ["id beyond 2^64", { id: 1n << 64n }, "id"],
    ["id of another type", { id: new Date(0) }, "id"],
    ["correlationId, a boolean", { correlationId: true }, "correlationId"],
    ["to, a number", { to: 1 }, "to"],
    ["subject, null", { subject: null }, "subject"],
    ["to and address that differ", { to: "a", address: "b" }, "address"],
    ["contentType beyond ASCII", { contentType: "téxt" }, "contentType"],
    ["contentEncoding, a number", { contentEncoding: 1 }, "contentEncoding"],
    ["creationTime, an invalid Date", { creationTime: new Date(Number.NaN) }, "creationTime"],
    ["expiryTime, a number", { expiryTime: 1 }, "expiryTime"],
    ["expiryTime beyond 64 bits", { expiryTime: 1n << 63n }, "expiryTime"],
    ["userId, a number", { userId: 1 }, "userId"],
    ["groupSequence beyond 32 bits", { groupSequence: 2 ** 32 }, "groupSequence"],
    ["durable, text", { durable: "yes" }, "durable"],
    ["priority beyond 255", { priority: 256 }, "priority"],
    ["ttl, negative", { ttl: -1 }, "ttl"],
    ["ttl, infinite", { ttl: Number.POSITIVE_INFINITY }, "ttl"],
    ["ttl, a fraction", { ttl: 0.5 }, "ttl"],
    ["deliveryCount, a fraction", { deliveryCount: 0.5 }, "deliveryCount"],
    ["firstAcquirer, a number", { firstAcquirer: 1 }, "firstAcquirer"],
    ["messageFormat beyond 32 bits", { messageFormat: 2 ** 32 }, "messageFormat"],
    ["properties, a Map", { properties: new Map() }, "properties"],
    ["properties, text", { properties: "a" }, "properties"],
    ["annotations, an array", { annotations: [] }, "annotations"],
    ["a list in properties", { properties: { a: [1] } }, 'properties["a"]'],
    ["a map in properties", { properties: { a: {} } }, 'properties["a"]'],
    ["an array of AMQP in properties", { properties: { a: types.array("int", [1]) } }, 'properties["a"]'],
    ["a function in properties", { properties: { a: () => 1 } }, 'properties["a"]'],
    ["a key of annotations beyond ASCII", { annotations: { é: 1 } }, 'annotations["é"]'],
    ["a function in annotations", { annotations: { a: [() => 1] } }, 'annotations["a"]'],
    ["a function in the footer", { footer: { a: () => 1 } }, 'footer["a"]'],
    ["a function in the body", { body: [() => 1] }, "body"],
    ["a circle in the body", { body: circle() }, "body"],
    ["a lone surrogate in the body", { body: "\ud800 and more than forty characters, so that it is written as long text" }, "message body: a lone surrogate"],
    ["a lone surrogate in the subject", { subject: "\ud800" }, "message subject: a lone surrogate"],
    ["a lone surrogate in the id", { id: "\ud800" }, "message id: a lone surrogate"],
  ])("%s: the error names it", (_name, init, named) => {
    expect(() => encoded(init as MessageInit)).toThrow(EncodeError);
    expect(() => encoded(init as MessageInit)).toThrow(expect.objectContaining({ code: "not-encodable", message: expect.stringContaining(named) }));
    if (typeof init === "object" && init !== null) expect(() => new Message(init as MessageInit).encode()).toThrow(EncodeError);
  });

  test.each([
    ["a value in received properties", (message: Message) => { message.properties["p"] = [1] as never; }, 'properties["p"]'],
    ["a value in received annotations", (message: Message) => { message.annotations["a"] = () => 1; }, 'annotations["a"]'],
    ["a new key of received annotations", (message: Message) => { message.annotations["é"] = 1; }, 'annotations["é"]'],
    ["a received footer", (message: Message) => { message.footer = [] as never; }, "footer"],
  ])("%s: the error names it", (_name, change, named) => {
    const message = received("00 53 72 c1 06 02 a3 01 61 54 01 00 53 74 c1 06 02 a1 01 70 54 01 00 53 77 40 00 53 78 c1 01 00");
    change(message);
    expect(() => message.encode()).toThrow(expect.objectContaining({ code: "not-encodable", message: expect.stringContaining(named) }));
  });

  test("sections that are no bytes and no lists", () => {
    expect(() => data("text" as never)).toThrow("argument 1 is not a Uint8Array");
    expect(() => sequence([1], 2 as never)).toThrow("argument 2 is not an array");
    expect(() => data(...new Array<Uint8Array>(10_001).fill(new Uint8Array(0)))).toThrow("10000");
  });
});

describe("bodies", () => {
  test.each<[string, unknown, unknown]>([
    ["one chunk", data(hex("01")), hex("01")],
    ["several chunks", data(hex("01"), hex("02")), hex("01 02")],
    ["one list", sequence([1]), [1]],
    ["several lists", sequence([1], [2]), [[1], [2]]],
    ["a value", value(5), 5],
    ["plain", "text", "text"],
  ])("body reads %s before it is sent as after it was received", (_name, body, read) => {
    const message = new Message({ body });
    expect(message.body).toEqual(read);
    expect(Message.decode(message.encode()).body).toEqual(read);
  });

  test("data, sequence and value are sections, and know which", () => {
    expect([data(), sequence(), value(1)].map((section) => [section instanceof BodySection, section.section])).toEqual([
      [true, "data"], [true, "sequence"], [true, "value"],
    ]);
  });

  test.each<[string, unknown, unknown]>([
    ["text", '{"a":[1]}', { a: [1] }],
    ["bytes", bytesOf('{"a":[1]}'), { a: [1] }],
    ["bytes in amqp-value", value(bytesOf("5")), 5],
    ["a map", { a: [1] }, { a: [1] }],
    ["a sequence", sequence([1, 2]), [1, 2]],
    ["null", null, null],
    ["a number", 5, 5],
  ])("json() of %s", (_name, body, read) => {
    expect(Message.decode(new Message({ body }).encode()).json()).toEqual(read);
  });

  test.each<[string, unknown, string]>([
    ["text", "é", "é"],
    ["bytes", bytesOf("é"), "é"],
    ["several chunks that part a character", data(hex("c3"), hex("a9")), "é"],
    ["a byte order mark", hex("ef bb bf 61"), "\ufeffa"],
    ["null", null, ""],
    ["nothing", new Uint8Array(0), ""],
    ["a number", 1.5, "1.5"],
    ["a symbol", types.symbol("s"), "s"],
    ["a described value", types.described("d", "text"), "text"],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["a uuid", Uuid.parse("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"), "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    ["a map", { a: [1, 2n ** 60n, types.symbol("s")], b: hex("01") }, '{"a":[1,"1152921504606846976","s"],"b":[1]}'],
    ["a map of other keys", new Map([[1, "a"]]), '{"1":"a"}'],
    ["an array of numbers", Int32Array.of(1, -2), "[1,-2]"],
  ])("text() and bytes() of %s", (_name, body, text) => {
    const message = Message.decode(new Message({ body }).encode());
    expect(message.text()).toBe(text);
    expect(message.bytes()).toEqual(bytesOf(text));
    expect(new Message({ body }).text()).toBe(text);
  });

  test("bytes() of bytes are those", () => {
    expect(new Message({ body: hex("ff 00") }).bytes()).toEqual(hex("ff 00"));
  });

  test("a body that is no UTF-8 or no JSON is a DecodeError, so that its delivery is rejected", () => {
    expect(() => new Message({ body: hex("ff") }).text()).toThrow(DecodeError);
    expect(() => new Message({ body: hex("ff") }).json()).toThrow(DecodeError);
    expect(() => new Message({ body: "{" }).json()).toThrow(expect.objectContaining({ code: "decode-error", scope: "delivery" }));
  });

  test("a body is read once", () => {
    const message = received("00 53 77 c1 01 00");
    expect(message.body).toBe(message.body);
  });
});

describe("making, copying, sending, receiving", () => {
  test("decode keeps nothing of the bytes it was given", () => {
    const bytes = hex("00 53 75 a0 01 07");
    const message = Message.decode(bytes);
    bytes.fill(0);
    expect(message.body).toEqual(hex("07"));
    expect((message.body as Uint8Array).constructor).toBe(Uint8Array);
  });

  test("decode of an instance replaces all of it, or nothing", () => {
    const message = new Message({ id: 1, properties: { a: 1 }, messageFormat: 5 });
    expect(() => message.decode(hex("00 53 75"))).toThrow(DecodeError);
    expect(message.id).toBe(1);
    message.decode(hex("00 53 77 54 05"));
    expect(message).toMatchObject({ id: undefined, properties: {}, body: 5, messageFormat: 0 });
  });

  test("a copy is one of its own", () => {
    const message = received("00 53 74 c1 06 02 a1 01 6b 50 01 00 53 77 40");
    message.id = 1;
    const copy = new Message(message);
    copy.properties["k"] = 2;
    copy.id = 2;
    expect(message).toMatchObject({ id: 1, properties: { k: 1 } });
    expect(encoded(new Message(message))).toBe(tidy("00 53 73 c0 03 01 53 01 00 53 74 c1 06 02 a1 01 6b 50 01 00 53 77 40"));
    expect(new Message(new Message({ messageFormat: 3 })).messageFormat).toBe(3);
  });

  test("S14 send() passes itself and the tag to the sender", async () => {
    const calls: unknown[] = [];
    const sender = { send: (message: Message, options?: { tag?: string | Uint8Array | undefined }): Promise<string> => { calls.push(message, options); return Promise.resolve("sent"); } };
    const message = new Message();
    expect(await message.send(sender)).toBe("sent");
    expect(await message.send(sender, "t")).toBe("sent");
    expect(calls).toEqual([message, undefined, message, { tag: "t" }]);
    expect(calls[0]).toBe(message);
  });

  test("S14 recv() becomes the message that came, and answers its delivery", () => {
    const delivery = { message: received("00 53 73 c0 03 01 53 05 00 53 77 41"), tag: "t" };
    const queue = [delivery];
    const receiver = { tryReceive: (): typeof delivery | undefined => queue.shift() };
    const message = new Message({ id: 1, subject: "old" });
    expect(message.recv(receiver)).toBe(delivery);
    expect(message).toMatchObject({ id: 5, subject: undefined, body: true });
    expect(message.recv(receiver)).toBeUndefined();
    expect(message.id).toBe(5);
  });

  test("prints as its fields", () => {
    expect(inspect(new Message({ id: 5, body: "b", properties: { a: 1 } }))).toBe("Message { body: 'b', id: 5, properties: { a: 1 } }");
    expect(inspect(received("00 53 77 a1 01 ff"))).toContain("invalid UTF-8");
    expect(JSON.stringify(new Message({ id: 5, body: [1] }))).toBe('{"body":[1],"id":5}');
  });
});

function circle(): unknown[] {
  const list: unknown[] = [];
  list.push(list);
  return list;
}

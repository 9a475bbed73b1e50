/** Every section as literal octets, put together by hand from the standard (part 3, section 3.2; part 1, section 1.6). */

import { describe, expect, test } from "@jest/globals";
import { data, sequence, value } from "../../src/message/body.ts";
import type { MessageInit } from "../../src/message/fields.ts";
import { Message } from "../../src/message/message.ts";
import { types, Uuid } from "../../src/wire/values.ts";
import { encoded, hex, received, tidy } from "./support.ts";

const NULL_BODY = "00 53 77 40";
const UUID = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

const sent: readonly (readonly [string, MessageInit, string])[] = [
  ["nothing: a body of null", {}, NULL_BODY],
  ["header, default fields only", { durable: false, priority: 4, firstAcquirer: false, deliveryCount: 0 }, NULL_BODY],
  ["header, durable", { durable: true }, `00 53 70 c0 02 01 41 ${NULL_BODY}`],
  ["header, priority", { priority: 9 }, `00 53 70 c0 04 02 40 50 09 ${NULL_BODY}`],
  ["header, ttl 0", { ttl: 0 }, `00 53 70 c0 04 03 40 40 43 ${NULL_BODY}`],
  ["header, delivery-count", { deliveryCount: 3 }, `00 53 70 c0 07 05 40 40 40 40 52 03 ${NULL_BODY}`],
  ["header, full", { durable: true, priority: 0, ttl: 4_294_967_295, firstAcquirer: true, deliveryCount: 256 },
    `00 53 70 c0 0f 05 41 50 00 70 ff ff ff ff 41 70 00 00 01 00 ${NULL_BODY}`],
  ["delivery annotations", { instructions: { "x-opt-a": 1 } }, `00 53 71 c1 0c 02 a3 07 78 2d 6f 70 74 2d 61 54 01 ${NULL_BODY}`],
  ["message annotations", { annotations: { "x-opt-b": "v", z: null } }, `00 53 72 c1 11 04 a3 07 78 2d 6f 70 74 2d 62 a1 01 76 a3 01 7a 40 ${NULL_BODY}`],
  ["properties, id as a number", { id: 0 }, `00 53 73 c0 02 01 44 ${NULL_BODY}`],
  ["properties, id as a larger number", { id: 4_294_967_296 }, `00 53 73 c0 0a 01 80 00 00 00 01 00 00 00 00 ${NULL_BODY}`],
  ["properties, id as a bigint", { id: 18_446_744_073_709_551_615n }, `00 53 73 c0 0a 01 80 ff ff ff ff ff ff ff ff ${NULL_BODY}`],
  ["properties, id as a string", { id: "m1" }, `00 53 73 c0 05 01 a1 02 6d 31 ${NULL_BODY}`],
  ["properties, id as bytes", { id: hex("00 ff") }, `00 53 73 c0 05 01 a0 02 00 ff ${NULL_BODY}`],
  ["properties, id as a uuid", { id: Uuid.parse(UUID) }, `00 53 73 c0 12 01 98 f8 1d 4f ae 7d ec 11 d0 a7 65 00 a0 c9 1e 6b f6 ${NULL_BODY}`],
  ["properties, the last one alone", { replyToGroupId: "r" }, `00 53 73 c0 10 0d 40 40 40 40 40 40 40 40 40 40 40 40 a1 01 72 ${NULL_BODY}`],
  ["properties, address for to", { address: "q" }, `00 53 73 c0 06 03 40 40 a1 01 71 ${NULL_BODY}`],
  ["properties, full", {
    id: "i", userId: "u", to: "t", subject: "s", replyTo: "r", correlationId: 7, contentType: "c", contentEncoding: "e",
    expiryTime: new Date(1), creationTime: new Date(-1), groupId: "g", groupSequence: 4_294_967_295, replyToGroupId: "h",
  }, `00 53 73 c0 35 0d a1 01 69 a0 01 75 a1 01 74 a1 01 73 a1 01 72 53 07 a3 01 63 a3 01 65
      83 00 00 00 00 00 00 00 01 83 ff ff ff ff ff ff ff ff a1 01 67 70 ff ff ff ff a1 01 68 ${NULL_BODY}`],
  ["application properties", { properties: { a: 1, b: true, c: "x", d: null, e: types.ubyte(2) } },
    `00 53 74 c1 19 0a a1 01 61 54 01 a1 01 62 41 a1 01 63 a1 01 78 a1 01 64 40 a1 01 65 50 02 ${NULL_BODY}`],
  ["data", { body: hex("01 02 03") }, "00 53 75 a0 03 01 02 03"],
  ["data, empty", { body: new Uint8Array(0) }, "00 53 75 a0 00"],
  ["data, two sections", { body: data(hex("01"), hex("02 03")) }, "00 53 75 a0 01 01 00 53 75 a0 02 02 03"],
  ["data of no chunks", { body: data() }, "00 53 75 a0 00"],
  ["amqp-sequence", { body: sequence([1, "a"]) }, "00 53 76 c0 06 02 54 01 a1 01 61"],
  ["amqp-sequence, two sections", { body: sequence([1], []) }, "00 53 76 c0 03 01 54 01 00 53 76 45"],
  ["amqp-sequence by inferred", { body: [1], inferred: true }, "00 53 76 c0 03 01 54 01"],
  ["amqp-value, a list", { body: [1] }, "00 53 77 c0 03 01 54 01"],
  ["amqp-value, a map", { body: { k: "v" } }, "00 53 77 c1 07 02 a1 01 6b a1 01 76"],
  ["amqp-value, text", { body: "hé" }, "00 53 77 a1 03 68 c3 a9"],
  ["amqp-value, bytes", { body: value(hex("05")) }, "00 53 77 a0 01 05"],
  ["amqp-value, undefined", { body: value(undefined) }, NULL_BODY],
  ["footer", { footer: { h: hex("aa") } }, `${NULL_BODY} 00 53 78 c1 07 02 a3 01 68 a0 01 aa`],
];

// Octets by hand; lengths were counted, not computed.
const FULL = `
  00 53 70 c0 04 03 41 40 43
  00 53 71 c1 06 02 a3 01 69 54 01
  00 53 72 c1 06 02 a3 01 6e 54 02
  00 53 73 c0 06 03 53 05 40 a1 00
  00 53 74 c1 06 02 a1 01 70 54 03
  00 53 75 a0 02 de ad
  00 53 78 c1 06 02 a3 01 66 54 04`;

describe("messages to octets", () => {
  test.each(sent)("3.2 %s", (_name, init, octets) => {
    expect(encoded(init)).toBe(tidy(octets));
    expect(encoded(new Message(init))).toBe(tidy(octets));
  });

  test("3.2 all sections, in the order of the standard whatever that of the fields", () => {
    const init: MessageInit = {
      footer: { f: 4 }, body: hex("de ad"), properties: { p: 3 }, to: "", id: 5, annotations: { n: 2 }, instructions: { i: 1 }, ttl: 0, durable: true,
    };
    expect(encoded(init)).toBe(tidy(FULL));
    expect(encoded(new Message(init))).toBe(tidy(FULL));
  });

  test("3.2 what is larger than 255 octets or entries has 32-bit sizes", () => {
    const long = "x".repeat(256);
    const text = Array.from(long, () => "78").join("");
    expect(encoded({ subject: long })).toBe(tidy(`00 53 73 d0 0000010c 00000004 40 40 40 b1 00000100 ${text} ${NULL_BODY}`));
    expect(encoded({ properties: { k: long } })).toBe(tidy(`00 53 74 d1 0000010c 00000002 a1 01 6b b1 00000100 ${text} ${NULL_BODY}`));
    expect(encoded({ body: new Uint8Array(256).fill(0x78) })).toBe(tidy(`00 53 75 b0 00000100 ${text}`));
    expect(encoded({ body: long })).toBe(tidy(`00 53 77 b1 00000100 ${text}`));
  });
});

describe("octets to messages", () => {
  test("3.2 all sections", () => {
    const message = received(FULL);
    expect(message).toMatchObject({
      durable: true, priority: 4, ttl: 0, firstAcquirer: false, deliveryCount: 0, id: 5, userId: undefined, to: "", subject: undefined,
      instructions: { i: 1 }, annotations: { n: 2 }, properties: { p: 3 }, footer: { f: 4 }, body: hex("de ad"), inferred: true,
    });
  });

  test.each([
    ["header of nulls", "00 53 70 c0 06 05 40 40 40 40 40"],
    ["header without fields", "00 53 70 45"],
    ["no header", ""],
  ])("3.2.1 %s: the defaults of the standard", (_name, header) => {
    expect(received(`${header} ${NULL_BODY}`)).toMatchObject({ durable: false, priority: 4, ttl: undefined, firstAcquirer: false, deliveryCount: 0 });
  });

  test("3.2.4 every property", () => {
    const message = received(`00 53 73 c0 35 0d a1 01 69 a0 01 75 a1 01 74 a1 01 73 a1 01 72 53 07 a3 01 63 a3 01 65
      83 00 00 00 00 00 00 00 01 83 ff ff ff ff ff ff ff ff a1 01 67 70 ff ff ff ff a1 01 68 ${NULL_BODY}`);
    expect(message).toMatchObject({
      id: "i", userId: hex("75"), to: "t", address: "t", subject: "s", replyTo: "r", correlationId: 7, contentType: "c", contentEncoding: "e",
      expiryTime: new Date(1), creationTime: new Date(-1), groupId: "g", groupSequence: 4_294_967_295, replyToGroupId: "h",
    });
  });

  test.each([
    ["a ulong beyond 2^53", "80 00 20 00 00 00 00 00 01", 9_007_199_254_740_993n],
    ["a uuid", `98 ${UUID.replaceAll("-", "")}`, Uuid.parse(UUID)],
    ["binary", "b0 00 00 00 01 07", hex("07")],
    ["a long string", "b1 00 00 00 02 61 62", "ab"],
    ["null", "40", undefined],
    ["an int, which the standard does not know here", "71 00 00 01 00", 256],
  ])("3.2.11 a message-id that is %s", (_name, octets, id) => {
    const count = hex(octets).length + 1;
    expect(received(`00 53 73 c0 ${count.toString(16).padStart(2, "0")} 01 ${octets} ${NULL_BODY}`).id).toEqual(id);
  });

  test("B41 a time beyond the range of Date is a bigint and goes out as it came", () => {
    const octets = `00 53 73 c0 13 0a 40 40 40 40 40 40 40 40 40 83 7f ff ff ff ff ff ff ff ${NULL_BODY}`;
    const message = received(octets);
    expect(message.creationTime).toBe(9_223_372_036_854_775_807n);
    message.to = "q";
    expect(encoded(message)).toBe(tidy(`00 53 73 c0 15 0a 40 40 a1 01 71 40 40 40 40 40 40 83 7f ff ff ff ff ff ff ff ${NULL_BODY}`));
  });

  test.each([
    ["data, one section", "00 53 75 a0 02 01 02", hex("01 02"), true],
    ["data, three sections", "00 53 75 a0 01 01 00 53 75 a0 00 00 53 75 b0 00 00 00 01 02", hex("01 02"), true],
    ["amqp-sequence, one section", "00 53 76 c0 05 02 54 01 54 02", [1, 2], true],
    ["amqp-sequence, two sections", "00 53 76 c0 03 01 54 01 00 53 76 45", [[1], []], true],
    ["amqp-value", "00 53 77 54 05", 5, false],
    ["amqp-value, bytes", "00 53 77 a0 01 05", hex("05"), false],
    ["none, as Proton sends it for None", "00 53 73 45", null, false],
  ])("3.2.6-8 a body of %s", (_name, octets, body, inferred) => {
    expect(received(octets).body).toEqual(body);
    expect(received(octets).inferred).toBe(inferred);
  });

  test("3.2 descriptors in their longer forms: a whole ulong, and the name", () => {
    const name = "61 6d 71 70 3a 70 72 6f 70 65 72 74 69 65 73 3a 6c 69 73 74";
    const message = received(`00 80 00 00 00 00 00 00 00 70 c0 02 01 41  00 a3 14 ${name} c0 02 01 44  00 80 00 00 00 00 00 00 00 77 41`);
    expect(message).toMatchObject({ durable: true, id: 0, body: true });
  });
});

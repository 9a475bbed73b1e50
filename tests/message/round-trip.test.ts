/** Random messages: what is sent is what is read, and what is relayed is what came. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DecodeError } from "../../src/errors.ts";
import { checkMessage } from "../../src/message/check.ts";
import type { MessageInit } from "../../src/message/fields.ts";
import { Message } from "../../src/message/message.ts";
import { types, Uuid } from "../../src/wire/values.ts";
import { encoded, toHex } from "./support.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((octets) => new Uint8Array(octets));
const uuid = fc.uuid().map((text) => Uuid.parse(text));
const text = fc.string({ unit: "grapheme", maxLength: 100 });
const ascii = fc.string({ unit: "binary-ascii", maxLength: 60 });
const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const time = fc.oneof(fc.date({ noInvalidDate: true }), fc.constant(2n ** 62n), fc.constant(-(2n ** 63n)));
const id = fc.oneof(text, fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), uuid, bytes);
const simple = fc.oneof(
  fc.constant(null), fc.boolean(), fc.maxSafeInteger(), fc.double({ noNaN: true }).filter((n) => !Number.isInteger(n)), text, bytes, uuid,
  fc.date({ noInvalidDate: true }), ascii.map((symbol) => types.symbol(symbol)), fc.nat(255).map((n) => types.char(n)),
);
const key = fc.oneof(ascii, fc.constantFrom("__proto__", "constructor", "1", "0"));
const record = (values: fc.Arbitrary<unknown>, keys: fc.Arbitrary<string> = key): fc.Arbitrary<Record<string, unknown>> =>
  fc.array(fc.tuple(keys, values), { maxLength: 6 }).map((entries) => {
    const map = Object.create(null) as Record<string, unknown>;
    for (const [name, value] of entries) map[name] = value;
    return map;
  });
const { any } = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof({ depthSize: "small", withCrossShrink: true }, simple, fc.array(tie("any"), { maxLength: 5 }), record(tie("any"))),
}));
const optional = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(values, { nil: undefined, freq: 2 });

const message = fc.record({
  body: any, id: optional(id), to: optional(text), subject: optional(text), replyTo: optional(text), correlationId: optional(id),
  contentType: optional(ascii), contentEncoding: optional(ascii), expiryTime: optional(time), creationTime: optional(time), groupId: optional(text),
  groupSequence: optional(uint), replyToGroupId: optional(text), userId: optional(bytes), durable: fc.boolean(), priority: fc.nat(255), ttl: optional(uint),
  firstAcquirer: fc.boolean(), deliveryCount: uint, properties: record(simple), annotations: record(any), instructions: record(any), footer: record(any),
  inferred: fc.boolean(),
}) as fc.Arbitrary<MessageInit>;

describe("random messages", () => {
  test("are read as they were sent, from a plain object and from a Message", () => {
    fc.assert(fc.property(message, (init) => {
      const octets = encoded(init);
      expect(encoded(new Message(init))).toBe(octets);
      const read = Message.decode(new Message(init).encode()) as unknown as Record<string, unknown>;
      for (const [name, field] of Object.entries(init)) if (name !== "inferred") expect(read[name]).toEqual(field);
      expect(read["inferred"]).toBe(init.body instanceof Uint8Array || (init.inferred === true && Array.isArray(init.body)));
    }), { numRuns: 300 });
  });

  test("are relayed octet by octet, less what is of one hop, whatever was read", () => {
    const names: readonly (keyof Message)[] = ["body", "id", "creationTime", "durable", "deliveryCount", "properties", "annotations", "instructions", "footer"];
    fc.assert(fc.property(message, fc.subarray([...names]), (init, touched) => {
      const received = Message.decode(new Message(init).encode());
      for (const name of touched) void received[name];
      const { firstAcquirer: _first, deliveryCount: _count, instructions: _instructions, ...rest } = init;
      expect(encoded(received)).toBe(encoded(rest));
    }), { numRuns: 300 });
  });

  test("keep every entry but the one that was changed", () => {
    fc.assert(fc.property(message, key, (init, changed) => {
      const received = Message.decode(new Message(init).encode());
      received.annotations[changed] = "changed";
      const expected = Object.assign(Object.create(null) as Record<string, unknown>, init.annotations);
      expected[changed] = "changed";
      const again = Message.decode(received.encode());
      expect(again.annotations).toEqual(expected);
      expect(again.properties).toEqual(init.properties);
      expect(again.body).toEqual(init.body);
    }), { numRuns: 200 });
  });
});

describe("B85 random damage", () => {
  test("is a DecodeError or a message that can be read and encoded to its end, never anything else", () => {
    fc.assert(fc.property(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }), fc.nat(), (init, changes, cut) => {
      const octets = new Message(init).encode();
      for (const [at, octet] of changes) octets[at % octets.length] = octet;
      const end = cut % 3 === 0 ? cut % octets.length : octets.length;
      try {
        checkMessage(octets, 0, end);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      const received = Message.fromWire(octets, 0, end);
      const untouched = received.encode();
      checkMessage(untouched, 0, untouched.length);
      try {
        JSON.stringify(received.toJSON(), (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value));
        expect(toHex(received.encode())).toBe(toHex(untouched));
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
      }
    }), { numRuns: 2000 });
  });
});

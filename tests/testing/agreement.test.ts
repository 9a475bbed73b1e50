/** The library's codec and the scripted peer's, which share no line, read each other's frames and values. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readPerformative, writeFrame } from "../../src/frames/codec.ts";
import type { Performative } from "../../src/frames/performatives.ts";
import { encodeComposite } from "../../src/testing/codec/composite.ts";
import { parse, simple } from "../../src/testing/codec/decode.ts";
import { encode } from "../../src/testing/codec/encode.ts";
import { FrameReader } from "../../src/testing/codec/frame.ts";
import { compositeNamed } from "../../src/testing/codec/schema.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { ByteReader } from "../../src/wire/byte-reader.ts";
import { readValue } from "../../src/wire/decode.ts";
import { writeValue } from "../../src/wire/encode.ts";

const uint = fc.integer({ min: 0, max: 0xffffffff });
const text = fc.string({ minLength: 1, maxLength: 40 });
const symbol = fc.string({ unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz:-"), minLength: 1, maxLength: 20 });
const tag = fc.uint8Array({ minLength: 1, maxLength: 32 });
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const state = fc.constantFrom({ type: "accepted" as const }, { type: "released" as const }, { type: "received" as const, section: 3, offset: 70_000 });
const error = fc.record({ condition: symbol, description: optional(text) });

const PERFORMATIVES: fc.Arbitrary<Performative>[] = [
  fc.record({ type: fc.constant("open" as const), containerId: text, hostname: optional(text), maxFrameSize: optional(uint), channelMax: optional(fc.nat(65535)), idleTimeOut: optional(uint), offeredCapabilities: optional(fc.array(symbol, { minLength: 1 })) }),
  fc.record({ type: fc.constant("begin" as const), remoteChannel: optional(fc.nat(65535)), nextOutgoingId: uint, incomingWindow: uint, outgoingWindow: uint, handleMax: optional(uint) }),
  fc.record({ type: fc.constant("flow" as const), nextIncomingId: optional(uint), incomingWindow: uint, nextOutgoingId: uint, outgoingWindow: uint, handle: optional(uint), deliveryCount: optional(uint), linkCredit: optional(uint), available: optional(uint), drain: fc.constantFrom(true, undefined), echo: fc.constantFrom(true, undefined) }),
  fc.record({ type: fc.constant("transfer" as const), handle: uint, deliveryId: optional(uint), deliveryTag: optional(tag), messageFormat: optional(uint), settled: optional(fc.boolean()), more: fc.constantFrom(true, undefined), aborted: fc.constantFrom(true, undefined) }),
  fc.record({ type: fc.constant("disposition" as const), role: fc.constantFrom("sender" as const, "receiver" as const), first: uint, last: optional(uint), settled: fc.constantFrom(true, undefined), state: optional(state) }),
  fc.record({ type: fc.constant("detach" as const), handle: uint, closed: fc.constantFrom(true, undefined), error: optional(error) }),
  fc.record({ type: fc.constant("end" as const), error: optional(error) }),
  fc.record({ type: fc.constant("close" as const), error: optional(error) }),
];

/** Without absent fields, the names of types, and the fields that the two call by different names. */
function bare(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (value instanceof Date) return value.getTime();
  if (Array.isArray(value)) return value.map(bare);
  if (typeof value !== "object" || value === null) return value;
  const renamed: Record<string, string> = { sectionNumber: "section", sectionOffset: "offset" };
  const entries = Object.entries(value).filter(([key, item]) => item !== undefined && key !== "type");
  return Object.fromEntries(entries.map(([key, item]) => [renamed[key] ?? key, bare(item)]));
}

describe("two codecs", () => {
  test("the scripted peer reads the library's performatives", () => {
    fc.assert(fc.property(fc.oneof(...PERFORMATIVES), fc.nat(65535), (performative, channel) => {
      const writer = new ByteWriter();
      writeFrame(writer, 0, channel, performative);
      const [frame] = new FrameReader().push(writer.toBytes());
      expect([frame?.name, frame?.channel]).toEqual([performative.type, channel]);
      expect(bare(frame?.fields)).toEqual(bare(performative));
    }));
  });

  test("the library reads the scripted peer's", () => {
    fc.assert(fc.property(fc.oneof(...PERFORMATIVES), (performative) => {
      const { type, ...fields } = performative;
      const wire = rename(fields);
      const bytes = encodeComposite(compositeNamed(type)!, wire);
      expect(bare(readPerformative(new ByteReader(bytes)))).toMatchObject(bare(performative) as object);
    }));
  });

  test("values, both ways", () => {
    const leaf = fc.oneof(fc.integer(), fc.maxSafeInteger(), text, fc.boolean(), fc.constant(null), fc.double({ noNaN: true, min: -1e6, max: 1e6 }), tag, fc.date({ noInvalidDate: true }));
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof({ depthSize: "small" }, leaf, fc.array(tie("value"), { maxLength: 5 }), fc.dictionary(fc.string({ minLength: 12 }), tie("value"), { maxKeys: 5 })),
    }));
    fc.assert(fc.property(value, (input) => {
      const writer = new ByteWriter();
      writeValue(writer, input);
      expect(bare(simple(parse(writer.toBytes())))).toEqual(bare(input));
      expect(bare(readValue(new ByteReader(encode(input))))).toEqual(bare(input));
    }));
  });
});

function rename(fields: Record<string, unknown>): Record<string, unknown> {
  const { state: given } = fields;
  if (typeof given !== "object" || given === null || !("section" in given) || !("offset" in given)) return fields;
  return { ...fields, state: { type: "received", sectionNumber: given.section, sectionOffset: given.offset } };
}

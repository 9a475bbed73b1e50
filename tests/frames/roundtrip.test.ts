/** Whatever can be written is read as the same, and no octets make the reader do anything but answer or raise a DecodeError. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DecodeError } from "../../src/errors.ts";
import { readPerformative } from "../../src/frames/codec.ts";
import type { ErrorCondition } from "../../src/frames/condition.ts";
import type { DeliveryState, Outcome } from "../../src/frames/delivery-state.ts";
import type { Attach, Begin, Detach, Disposition, Flow, Open, Performative, SaslPerformative, Transfer } from "../../src/frames/performatives.ts";
import type { Coordinator, Source, Target } from "../../src/frames/terminus.ts";
import type { Bytes } from "../../src/util/bytes.ts";
import { copyBytes } from "../../src/util/bytes.ts";
import { decode, encode, hex, reading } from "./support.ts";

const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const ushort = fc.integer({ min: 0, max: 0xffff });
const text = fc.string({ unit: "grapheme", maxLength: 300 });
const ascii = fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 });
const symbols = fc.array(ascii, { minLength: 1, maxLength: 5 });
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map(copyBytes);
const opt = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined });
const fields = fc.dictionary(ascii, fc.oneof(text, fc.boolean(), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), bytes(40)), { maxKeys: 6 });

const error: fc.Arbitrary<ErrorCondition> = fc.record({ condition: ascii, description: opt(text), info: opt(fields) });
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ type: fc.constant("accepted" as const) }),
  fc.record({ type: fc.constant("released" as const) }),
  fc.record({ type: fc.constant("rejected" as const), error: opt(error) }),
  fc.record({ type: fc.constant("modified" as const), deliveryFailed: fc.boolean(), undeliverableHere: fc.boolean(), annotations: fields }),
);
const state: fc.Arbitrary<DeliveryState> = fc.oneof(
  outcome,
  fc.record({
    type: fc.constant("received" as const), section: uint,
    offset: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
  }),
  fc.record({ type: fc.constant("transactional" as const), txnId: bytes(16), outcome: opt(outcome) }),
  fc.record({ type: fc.constant("declared" as const), txnId: bytes(16) }),
);
const expiryPolicy = fc.constantFrom("link-detach" as const, "session-end" as const, "connection-close" as const, "never" as const);
const durable = fc.constantFrom(0 as const, 1 as const, 2 as const);
const source: fc.Arbitrary<Source> = fc.record({
  type: fc.constant("source" as const), address: opt(text), durable, expiryPolicy, timeout: uint, dynamic: fc.boolean(),
  dynamicNodeProperties: opt(fields), distributionMode: opt(ascii), filter: opt(fields), defaultOutcome: opt(outcome), outcomes: opt(symbols),
  capabilities: opt(symbols),
});
const target: fc.Arbitrary<Target | Coordinator> = fc.oneof(
  fc.record({
    type: fc.constant("target" as const), address: opt(text), durable, expiryPolicy, timeout: uint, dynamic: fc.boolean(),
    dynamicNodeProperties: opt(fields), capabilities: opt(symbols),
  }),
  fc.record({ type: fc.constant("coordinator" as const), capabilities: opt(symbols) }),
);
const role = fc.constantFrom("sender" as const, "receiver" as const);
const rcvSettleMode = opt(fc.constantFrom("first" as const, "second" as const));
const flag = opt(fc.boolean());
const tail = { offeredCapabilities: opt(symbols), desiredCapabilities: opt(symbols), properties: opt(fields) };

const open: fc.Arbitrary<Open> = fc.record({
  type: fc.constant("open" as const), containerId: text, hostname: opt(text), maxFrameSize: opt(uint), channelMax: opt(ushort),
  idleTimeOut: opt(uint), outgoingLocales: opt(symbols), incomingLocales: opt(symbols), ...tail,
});
const begin: fc.Arbitrary<Begin> = fc.record({
  type: fc.constant("begin" as const), remoteChannel: opt(ushort), nextOutgoingId: uint, incomingWindow: uint, outgoingWindow: uint,
  handleMax: opt(uint), ...tail,
});
const attach: fc.Arbitrary<Attach> = fc.record({
  type: fc.constant("attach" as const), name: text, handle: uint, role,
  sndSettleMode: opt(fc.constantFrom("unsettled" as const, "settled" as const, "mixed" as const)), rcvSettleMode,
  source: opt(source), target: opt(target),
  unsettled: opt(fc.uniqueArray(fc.tuple<[Bytes, DeliveryState | null]>(bytes(32), fc.option(state)), { selector: ([tag]) => tag.join(), maxLength: 40 })),
  incompleteUnsettled: flag, initialDeliveryCount: opt(uint), maxMessageSize: opt(fc.maxSafeNat()), ...tail,
});
const flow: fc.Arbitrary<Flow> = fc.record({
  type: fc.constant("flow" as const), nextIncomingId: opt(uint), incomingWindow: uint, nextOutgoingId: uint, outgoingWindow: uint,
  handle: opt(uint), deliveryCount: opt(uint), linkCredit: opt(uint), available: opt(uint), drain: flag, echo: flag, properties: opt(fields),
});
const transfer: fc.Arbitrary<Transfer> = fc.record({
  type: fc.constant("transfer" as const), handle: uint, deliveryId: opt(uint), deliveryTag: opt(bytes(32)), messageFormat: opt(uint),
  settled: flag, more: flag, rcvSettleMode, state: opt(state), resume: flag, aborted: flag, batchable: flag,
});
const disposition: fc.Arbitrary<Disposition> = fc.record({
  type: fc.constant("disposition" as const), role, first: uint, last: opt(uint), settled: flag, state: opt(state), batchable: flag,
});
const detach: fc.Arbitrary<Detach> = fc.record({ type: fc.constant("detach" as const), handle: uint, closed: flag, error: opt(error) });
const closing: fc.Arbitrary<Performative> = fc.record({ type: fc.constantFrom("end" as const, "close" as const), error: opt(error) });
const sasl: fc.Arbitrary<SaslPerformative> = fc.oneof(
  fc.record({ type: fc.constant("sasl-mechanisms" as const), mechanisms: symbols }),
  fc.record({ type: fc.constant("sasl-init" as const), mechanism: ascii, initialResponse: opt(bytes(300)), hostname: opt(text) }),
  fc.record({ type: fc.constant("sasl-challenge" as const), challenge: bytes(300) }),
  fc.record({ type: fc.constant("sasl-response" as const), response: bytes(300) }),
  fc.record({ type: fc.constant("sasl-outcome" as const), code: fc.integer({ min: 0, max: 255 }), additionalData: opt(bytes(300)) }),
);

const kinds: readonly (readonly [string, fc.Arbitrary<Performative | SaslPerformative>])[] = [
  ["open", open], ["begin", begin], ["attach", attach], ["flow", flow], ["transfer", transfer], ["disposition", disposition],
  ["detach", detach], ["end and close", closing], ["SASL bodies", sasl],
];

describe("round trips", () => {
  test.each(kinds)("%s", (_name, arbitrary) => {
    fc.assert(fc.property(arbitrary, (value) => {
      const read = decode(encode(value));
      for (const [key, expected] of Object.entries(value)) expect(Reflect.get(read, key)).toEqual(expected);
      for (const key of Object.keys(read)) expect(Reflect.get(read, key)).toEqual(Reflect.get(value, key));
    }), { numRuns: 60 });
  });

  test("what was read is written as the same octets", () => {
    fc.assert(fc.property(fc.oneof(...kinds.map(([, arbitrary]) => arbitrary)), (value) => {
      const octets = encode(value);
      expect(encode(decode(octets))).toBe(octets);
    }), { numRuns: 150 });
  });
});

describe("any octets at all", () => {
  const onlyDecodeErrors = (octets: Uint8Array): void => {
    try {
      reading(octets, readPerformative);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  };

  test("noise behind a known descriptor", () => {
    const code = fc.constantFrom(...hex("10 11 12 13 14 15 16 17 18 40 41 42 43 44"));
    fc.assert(fc.property(code, fc.constantFrom(0xc0, 0xd0, 0x45), fc.uint8Array({ maxLength: 80 }), (descriptor, list, noise) => {
      onlyDecodeErrors(Uint8Array.of(0x00, 0x53, descriptor, list, ...noise));
    }), { numRuns: 2000 });
  });

  test("valid ones with some octets changed", () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(fc.property(fc.oneof(...kinds.map(([, arbitrary]) => arbitrary)), fc.array(change, { minLength: 1, maxLength: 4 }), (value, changes) => {
      const octets = hex(encode(value));
      for (const [at, octet] of changes) octets[at % octets.length] = octet;
      onlyDecodeErrors(octets);
    }), { numRuns: 500 });
  });
});

/** Every performative, state, terminus and error as literal octets, minimal and full, both ways. */

import { describe, expect, test } from "@jest/globals";
import { writeFrame, writePerformative } from "../../src/frames/codec.ts";
import { readDeliveryState, writeDeliveryState } from "../../src/frames/delivery-state-codec.ts";
import type { DeliveryState } from "../../src/frames/delivery-state.ts";
import { ACCEPTED, RELEASED } from "../../src/frames/delivery-state.ts";
import type { Performative, SaslPerformative } from "../../src/frames/performatives.ts";
import { readSource, readTarget, writeSource, writeTarget } from "../../src/frames/terminus-codec.ts";
import type { Coordinator, Source, Target } from "../../src/frames/terminus.ts";
import { types } from "../../src/wire/values.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { decode, encode, hex, list32, reading, toHex, written } from "./support.ts";

const K_TRUE = "c1 05 02  a3 01 6b  41";
const ERROR_AB = "00 53 1d c0 06 01  a3 03 61 3a 62";
const NOT_FOUND = `00 53 1d c0 1e 03  a3 0e 61 6d 71 70 3a 6e 6f 74 2d 66 6f 75 6e 64  a1 04 6e 6f 20 71  ${K_TRUE}`;

const performatives: readonly (readonly [string, Performative | SaslPerformative, string])[] = [
  ["open, minimal", { type: "open", containerId: "c" }, "00 53 10 c0 04 01  a1 01 63"],
  ["open, full", {
    type: "open", containerId: "c1", hostname: "h", maxFrameSize: 512, channelMax: 255, idleTimeOut: 30_000, outgoingLocales: ["en-US"],
    incomingLocales: ["en"], offeredCapabilities: ["a", "bc"], desiredCapabilities: ["d"], properties: { product: "x" },
  }, `00 53 10 c0 44 0a  a1 02 63 31  a1 01 68  70 00 00 02 00  60 00 ff  70 00 00 75 30  e0 08 01 a3 05 65 6e 2d 55 53
      e0 05 01 a3 02 65 6e  e0 07 02 a3 01 61 02 62 63  e0 04 01 a3 01 64  c1 0d 02 a3 07 70 72 6f 64 75 63 74 a1 01 78`],
  ["begin, minimal", { type: "begin", nextOutgoingId: 0, incomingWindow: 2048, outgoingWindow: 1 },
    "00 53 11 c0 0a 04  40  43  70 00 00 08 00  52 01"],
  ["begin, full", {
    type: "begin", remoteChannel: 1, nextOutgoingId: 0xffff_fffe, incomingWindow: 100, outgoingWindow: 0xffff_ffff, handleMax: 255,
    offeredCapabilities: ["o"], desiredCapabilities: ["d"], properties: { k: true },
  }, `00 53 11 c0 25 08  60 00 01  70 ff ff ff fe  52 64  70 ff ff ff ff  52 ff  e0 04 01 a3 01 6f  e0 04 01 a3 01 64  ${K_TRUE}`],
  ["attach, minimal", { type: "attach", name: "l", handle: 0, role: "sender" }, "00 53 12 c0 06 03  a1 01 6c  43  42"],
  ["attach, full", {
    type: "attach", name: "l1", handle: 7, role: "receiver", sndSettleMode: "settled", rcvSettleMode: "second",
    source: { type: "source", address: "q", durable: 0, expiryPolicy: "session-end", timeout: 0, dynamic: false },
    target: { type: "target", durable: 0, expiryPolicy: "session-end", timeout: 0, dynamic: false },
    unsettled: [[hex("aa"), ACCEPTED], [hex("bb bb"), null]], incompleteUnsettled: true, initialDeliveryCount: 5,
    maxMessageSize: 1_048_576, offeredCapabilities: ["o"], desiredCapabilities: ["d"], properties: { k: true },
  }, `00 53 12 c0 47 0e  a1 02 6c 31  52 07  41  50 01  50 01  00 53 28 c0 04 01 a1 01 71  00 53 29 45
      c1 0d 04 a0 01 aa 00 53 24 45 a0 02 bb bb 40  41  52 05  80 00 00 00 00 00 10 00 00
      e0 04 01 a3 01 6f  e0 04 01 a3 01 64  ${K_TRUE}`],
  ["attach to a coordinator", { type: "attach", name: "t", handle: 0, role: "sender", target: { type: "coordinator" } },
    "00 53 12 c0 0d 07  a1 01 74  43  42  40  40  40  00 53 30 45"],
  ["attach with an empty unsettled map", { type: "attach", name: "l", handle: 0, role: "sender", unsettled: [] },
    "00 53 12 c0 0d 08  a1 01 6c  43  42  40  40  40  40  c1 01 00"],
  ["flow, minimal", { type: "flow", incomingWindow: 1, nextOutgoingId: 0, outgoingWindow: 0 }, "00 53 13 c0 06 04  40  52 01  43  43"],
  ["flow, full", {
    type: "flow", nextIncomingId: 1, incomingWindow: 2, nextOutgoingId: 3, outgoingWindow: 4, handle: 0, deliveryCount: 0xffff_ffff,
    linkCredit: 100, available: 9, drain: true, echo: false, properties: { k: true },
  }, `00 53 13 c0 1c 0b  52 01  52 02  52 03  52 04  43  70 ff ff ff ff  52 64  52 09  41  42  ${K_TRUE}`],
  ["transfer, minimal", { type: "transfer", handle: 0 }, "00 53 14 c0 02 01  43"],
  ["transfer, full", {
    type: "transfer", handle: 1, deliveryId: 2, deliveryTag: hex("01 02"), messageFormat: 0, settled: false, more: true,
    rcvSettleMode: "first", state: ACCEPTED, resume: true, aborted: false, batchable: true,
  }, "00 53 14 c0 15 0b  52 01  52 02  a0 02 01 02  43  42  41  50 00  00 53 24 45  41  42  41"],
  ["disposition, minimal", { type: "disposition", role: "receiver", first: 0 }, "00 53 15 c0 03 02  41  43"],
  ["disposition, full", { type: "disposition", role: "sender", first: 10, last: 300, settled: true, state: ACCEPTED, batchable: true },
    "00 53 15 c0 0f 06  42  52 0a  70 00 00 01 2c  41  00 53 24 45  41"],
  ["detach, minimal", { type: "detach", handle: 3 }, "00 53 16 c0 03 01  52 03"],
  ["detach, full", {
    type: "detach", handle: 256, closed: true, error: { condition: "amqp:not-found", description: "no q", info: { k: true } },
  }, `00 53 16 c0 2a 03  70 00 00 01 00  41  ${NOT_FOUND}`],
  ["end, minimal", { type: "end" }, "00 53 17 45"],
  ["end, full", { type: "end", error: { condition: "a:b" } }, `00 53 17 c0 0c 01  ${ERROR_AB}`],
  ["close, minimal", { type: "close" }, "00 53 18 45"],
  ["close, full", { type: "close", error: { condition: "a:b" } }, `00 53 18 c0 0c 01  ${ERROR_AB}`],
  ["sasl-mechanisms, one", { type: "sasl-mechanisms", mechanisms: ["PLAIN"] }, "00 53 40 c0 0b 01  e0 08 01 a3 05 50 4c 41 49 4e"],
  ["sasl-mechanisms, two", { type: "sasl-mechanisms", mechanisms: ["PLAIN", "EXTERNAL"] },
    "00 53 40 c0 14 01  e0 11 02 a3 05 50 4c 41 49 4e 08 45 58 54 45 52 4e 41 4c"],
  ["sasl-init, minimal", { type: "sasl-init", mechanism: "ANONYMOUS" }, "00 53 41 c0 0c 01  a3 09 41 4e 4f 4e 59 4d 4f 55 53"],
  ["sasl-init, full", { type: "sasl-init", mechanism: "PLAIN", initialResponse: hex("00 61 00 62"), hostname: "h" },
    "00 53 41 c0 11 03  a3 05 50 4c 41 49 4e  a0 04 00 61 00 62  a1 01 68"],
  ["sasl-challenge", { type: "sasl-challenge", challenge: hex("ff") }, "00 53 42 c0 04 01  a0 01 ff"],
  ["sasl-challenge, empty", { type: "sasl-challenge", challenge: hex("") }, "00 53 42 c0 03 01  a0 00"],
  ["sasl-response", { type: "sasl-response", response: hex("fe 00") }, "00 53 43 c0 05 01  a0 02 fe 00"],
  ["sasl-outcome, minimal", { type: "sasl-outcome", code: 1 }, "00 53 44 c0 03 01  50 01"],
  ["sasl-outcome, full", { type: "sasl-outcome", code: 0, additionalData: hex("76") }, "00 53 44 c0 06 02  50 00  a0 01 76"],
];

describe("performatives", () => {
  test.each(performatives)("%s: written", (_name, value, octets) => {
    expect(encode(value)).toBe(toHex(hex(octets)));
  });

  test.each(performatives)("%s: read", (_name, value, octets) => {
    const read = decode(octets);
    // Properties that may hold secrets are not enumerable, so that each is asked for by name.
    for (const [key, expected] of Object.entries(value)) expect(Reflect.get(read, key)).toEqual(expected);
    for (const key of Object.keys(read)) expect(Reflect.get(read, key)).toEqual(Reflect.get(value, key));
  });

  test("a list beyond 255 octets has four octets of size and of count", () => {
    const hostname = "h".repeat(300);
    const octets = `00 53 10 d0 00 00 01 38 00 00 00 02  a1 01 63  b1 00 00 01 2c ${"68".repeat(300)}`;
    expect(encode({ type: "open", containerId: "c", hostname })).toBe(toHex(hex(octets)));
    expect(decode(octets)).toEqual({ type: "open", containerId: "c", hostname });
  });

  test("null termini and absent ones are the same octets and read as absent", () => {
    const octets = "00 53 12 c0 06 03  a1 01 6c  43  42";
    expect(encode({ type: "attach", name: "l", handle: 0, role: "sender", source: null, target: null })).toBe(toHex(hex(octets)));
    expect(decode("00 53 12 c0 0b 08  a1 01 6c  43  42  40 40 40 40 40")).toEqual({ type: "attach", name: "l", handle: 0, role: "sender" });
  });

  test("lists of no symbols are not written (B45)", () => {
    expect(encode({ type: "open", containerId: "c", offeredCapabilities: [], desiredCapabilities: [] })).toBe(toHex(hex("00 53 10 c0 04 01  a1 01 63")));
  });
});

const states: readonly (readonly [string, DeliveryState, string])[] = [
  ["received at the start", { type: "received", section: 0, offset: 0 }, "00 53 23 c0 03 02  43  44"],
  ["received", { type: "received", section: 1, offset: 300 }, "00 53 23 c0 0c 02  52 01  80 00 00 00 00 00 00 01 2c"],
  ["received beyond 2^53", { type: "received", section: 1, offset: 9_007_199_254_740_993n }, "00 53 23 c0 0c 02  52 01  80 00 20 00 00 00 00 00 01"],
  ["accepted", ACCEPTED, "00 53 24 45"],
  ["rejected without an error", { type: "rejected", error: undefined }, "00 53 25 45"],
  ["rejected with an error", { type: "rejected", error: { condition: "a:b" } }, `00 53 25 c0 0c 01  ${ERROR_AB}`],
  ["rejected with all of an error", { type: "rejected", error: { condition: "amqp:not-found", description: "no q", info: { k: true } } },
    `00 53 25 c0 24 01  ${NOT_FOUND}`],
  ["released", RELEASED, "00 53 26 45"],
  ["modified by nothing", { type: "modified", deliveryFailed: false, undeliverableHere: false, annotations: {} }, "00 53 27 45"],
  ["modified, undeliverable here", { type: "modified", deliveryFailed: false, undeliverableHere: true, annotations: {} }, "00 53 27 c0 03 02  40  41"],
  ["modified by all", { type: "modified", deliveryFailed: true, undeliverableHere: true, annotations: { k: true } }, `00 53 27 c0 0a 03  41  41  ${K_TRUE}`],
  ["declared", { type: "declared", txnId: hex("01 02") }, "00 53 33 c0 05 01  a0 02 01 02"],
  ["transactional without an outcome", { type: "transactional", txnId: hex("01"), outcome: undefined }, "00 53 34 c0 04 01  a0 01 01"],
  ["transactional", { type: "transactional", txnId: hex("01"), outcome: ACCEPTED }, "00 53 34 c0 08 02  a0 01 01  00 53 24 45"],
];

describe("delivery states", () => {
  test.each(states)("%s: written", (_name, state, octets) => {
    expect(written((w) => writeDeliveryState(w, state))).toBe(toHex(hex(octets)));
  });

  test.each(states)("%s: read", (_name, state, octets) => {
    expect(reading(hex(octets), readDeliveryState)).toEqual(state);
  });

  test("accepted and released are shared, and cannot be changed", () => {
    expect(reading(hex("00 53 24 45"), readDeliveryState)).toBe(ACCEPTED);
    expect(reading(hex("00 53 26 45"), readDeliveryState)).toBe(RELEASED);
    expect(Object.isFrozen(ACCEPTED) && Object.isFrozen(RELEASED)).toBe(true);
  });

  test("null is no state", () => {
    expect(reading(hex("40"), readDeliveryState)).toBeUndefined();
  });

  test("explicit false reads as absent does", () => {
    expect(reading(hex("00 53 27 c0 03 02  42  42"), readDeliveryState)).toEqual({
      type: "modified", deliveryFailed: false, undeliverableHere: false, annotations: {},
    });
  });

  test("a transaction id is a copy, for it outlives the chunk it came in", () => {
    const bytes = hex("00 53 33 c0 05 01  a0 02 01 02");
    const state = reading(bytes, readDeliveryState);
    if (state?.type !== "declared") throw new Error("not declared");
    expect(state.txnId.buffer.byteLength).toBe(2);
  });
});

const DEFAULTS = { durable: 0, expiryPolicy: "session-end", timeout: 0, dynamic: false } as const;

const sources: readonly (readonly [string, Source, string])[] = [
  ["empty", { type: "source", ...DEFAULTS }, "00 53 28 45"],
  ["of an address", { type: "source", address: "q", ...DEFAULTS }, "00 53 28 c0 04 01  a1 01 71"],
  ["full", {
    type: "source", address: "q", durable: 2, expiryPolicy: "never", timeout: 300, dynamic: true,
    dynamicNodeProperties: { "lifetime-policy": types.described(0x2bn, []) }, distributionMode: "copy",
    filter: { s: types.described("f:s", "x") }, defaultOutcome: RELEASED, outcomes: ["amqp:accepted:list"], capabilities: ["queue"],
  }, `00 53 28 c0 65 0b  a1 01 71  52 02  a3 05 6e 65 76 65 72  70 00 00 01 2c  41
      c1 16 02 a3 0f 6c 69 66 65 74 69 6d 65 2d 70 6f 6c 69 63 79 00 53 2b 45  a3 04 63 6f 70 79
      c1 0d 02 a3 01 73 00 a3 03 66 3a 73 a1 01 78  00 53 26 45
      e0 15 01 a3 12 61 6d 71 70 3a 61 63 63 65 70 74 65 64 3a 6c 69 73 74  e0 08 01 a3 05 71 75 65 75 65`],
];

const targets: readonly (readonly [string, Target | Coordinator, string])[] = [
  ["empty", { type: "target", ...DEFAULTS }, "00 53 29 45"],
  ["full", {
    type: "target", address: "q", durable: 1, expiryPolicy: "link-detach", timeout: 1, dynamic: true, dynamicNodeProperties: { k: true },
    capabilities: ["queue"],
  }, `00 53 29 c0 27 07  a1 01 71  52 01  a3 0b 6c 69 6e 6b 2d 64 65 74 61 63 68  52 01  41  ${K_TRUE}  e0 08 01 a3 05 71 75 65 75 65`],
  ["a coordinator", { type: "coordinator" }, "00 53 30 45"],
  ["a coordinator with capabilities", { type: "coordinator", capabilities: ["amqp:local-transactions"] },
    "00 53 30 c0 1d 01  e0 1a 01 a3 17 61 6d 71 70 3a 6c 6f 63 61 6c 2d 74 72 61 6e 73 61 63 74 69 6f 6e 73"],
];

describe("termini", () => {
  test.each(sources)("source, %s: written", (_name, source, octets) => {
    expect(written((w) => writeSource(w, source))).toBe(toHex(hex(octets)));
  });

  test.each(sources)("source, %s: read", (_name, source, octets) => {
    expect(reading(hex(octets), readSource)).toEqual(source);
  });

  test.each(targets)("target, %s: written", (_name, target, octets) => {
    expect(written((w) => writeTarget(w, target))).toBe(toHex(hex(octets)));
  });

  test.each(targets)("target, %s: read", (_name, target, octets) => {
    expect(reading(hex(octets), readTarget)).toEqual(target);
  });

  test("a durability of 1 in each of its encodings", () => {
    for (const one of ["52 01", "70 00 00 00 01"]) {
      expect(reading(hex(`00 53 29 ${list32("40", one)}`), readTarget)).toMatchObject({ durable: 1 });
    }
  });
});

describe("frames", () => {
  test("F.1 an AMQP frame: size, doff 2, type 0, channel", () => {
    expect(written((w) => writeFrame(w, 0, 0, { type: "close" }))).toBe("00 00 00 0c 02 00 00 00 00 53 18 45");
    expect(written((w) => writeFrame(w, 0, 0xfedc, { type: "end" }))).toBe("00 00 00 0c 02 00 fe dc 00 53 17 45");
  });

  test("A a SASL frame is of type 1", () => {
    expect(written((w) => writeFrame(w, 1, 0, { type: "sasl-outcome", code: 0 }))).toBe("00 00 00 10 02 01 00 00 00 53 44 c0 03 01 50 00");
  });

  test("frames follow one another in one writer", () => {
    expect(written((w) => {
      writeFrame(w, 0, 1, { type: "end" });
      writeFrame(w, 0, 0, { type: "close" });
    })).toBe("00 00 00 0c 02 00 00 01 00 53 17 45 00 00 00 0c 02 00 00 00 00 53 18 45");
  });

  test("what cannot be encoded leaves nothing in the writer", () => {
    const w = new ByteWriter();
    writeFrame(w, 0, 1, { type: "end" });
    expect(() => writeFrame(w, 0, 0, { type: "close", error: { condition: "größe" } })).toThrow(expect.objectContaining({ code: "not-encodable" }));
    expect(w.position).toBe(12);
  });

  test.each([
    ["a mandatory field", { type: "open" }],
    ["a role", { type: "disposition", role: "both", first: 0 }],
    ["a settle mode", { type: "attach", name: "l", handle: 0, role: "sender", sndSettleMode: "second" }],
    ["an expiry policy", { type: "attach", name: "l", handle: 0, role: "sender", source: { type: "source", expiryPolicy: "soon" } }],
    ["a durability", { type: "attach", name: "l", handle: 0, role: "sender", source: { type: "source", durable: 3 } }],
    ["a target", { type: "attach", name: "l", handle: 0, role: "sender", target: { type: "source" } }],
    ["a delivery state", { type: "disposition", role: "sender", first: 0, state: { type: "done" } }],
    ["a delivery-tag of 33 octets", { type: "attach", name: "l", handle: 0, role: "sender", unsettled: [[new Uint8Array(33), null]] }],
    ["mechanisms", { type: "sasl-mechanisms", mechanisms: [] }],
  ])("%s that is wrong is an EncodeError", (_what, performative) => {
    expect(() => writePerformative(new ByteWriter(), performative as unknown as Performative)).toThrow(expect.objectContaining({ code: "not-encodable" }));
  });
});

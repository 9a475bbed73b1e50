/** Frames of the scripted peer's codec: literal bytes in both directions, and every split. */

import { describe, expect, test } from "@jest/globals";
import { encodeComposite } from "../../src/testing/codec/composite.ts";
import { FrameReader, frameBytes, headerBytes } from "../../src/testing/codec/frame.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { concat, hex, toHex } from "../../src/testing/codec/octets.ts";
import { compositeNamed } from "../../src/testing/codec/schema.ts";

function build(name: string, fields: Record<string, unknown> | unknown[], channel = 0): string {
  return toHex(frameBytes(encodeComposite(compositeNamed(name)!, fields), { channel, type: name.startsWith("sasl-") ? 1 : 0 }));
}

function read(text: string): Frame {
  const [frame, ...more] = new FrameReader().push(hex(text));
  expect(more).toEqual([]);
  return frame!;
}

// name, channel, fields, bytes
const FRAMES: readonly (readonly [string, number, Record<string, unknown>, string])[] = [
  ["open", 0, { containerId: "c" }, "00000011 02000000 005310 c00401 a10163"],
  ["open", 0, { containerId: "c", maxFrameSize: 512, channelMax: 9, idleTimeOut: 1000, offeredCapabilities: ["a"], properties: { product: "p" } },
    "00000037 02000000 005310 c02a0a a10163 40 7000000200 600009 70000003e8 40 40 e00401a30161 40 c10d02a30770726f64756374a10170"],
  ["begin", 3, { remoteChannel: 7, nextOutgoingId: 0, incomingWindow: 2048, outgoingWindow: 1 }, "00000019 02000003 005311 c00c04 600007 43 7000000800 5201"],
  ["attach", 1, { name: "l", handle: 0, role: "receiver", sndSettleMode: "settled", rcvSettleMode: "second", source: { type: "source", address: "q" }, target: { type: "target" } },
    "00000024 02000001 005312 c01707 a1016c 43 41 5001 5001 005328c00401a10171 00532945"],
  ["attach", 1, { name: "l", handle: 0, role: "sender", unsettled: new Map<unknown, unknown>([[hex("aa"), null]]), initialDeliveryCount: 0 },
    "00000020 02000001 005312 c0130a a1016c 43 42 40 40 40 40 c10502a001aa40 40 43"],
  ["flow", 1, { nextIncomingId: 1, incomingWindow: 2, nextOutgoingId: 3, outgoingWindow: 4, handle: 0, deliveryCount: 0, linkCredit: 10, drain: true },
    "0000001c 02000001 005313 c00f09 5201 5202 5203 5204 43 43 520a 40 41"],
  ["transfer", 1, { handle: 0, deliveryId: 0, deliveryTag: hex("01"), messageFormat: 0, settled: false, more: true }, "00000016 02000001 005314 c00906 43 43 a00101 43 42 41"],
  ["disposition", 1, { role: "receiver", first: 1, last: 2, settled: true, state: { type: "accepted" } }, "00000018 02000001 005315 c00b05 41 5201 5202 41 00532445"],
  ["disposition", 1, { role: "receiver", first: 1, state: { type: "rejected", error: { type: "error", condition: "amqp:x" } } },
    "00000027 02000001 005315 c01a05 41 5201 40 40 005325c00f01 00531dc00901a306616d71703a78"],
  ["detach", 1, { handle: 0, closed: true }, "00000010 02000001 005316 c00302 43 41"],
  ["end", 1, {}, "0000000c 02000001 005317 45"],
  ["close", 0, { error: { type: "error", condition: "amqp:x" } }, "0000001c 02000000 005318 c00f01 00531dc00901a306616d71703a78"],
  ["sasl-mechanisms", 0, { saslServerMechanisms: ["ANONYMOUS", "PLAIN"] }, "00000022 02010000 005340 c01501 e01202a3 09414e4f4e594d4f5553 05504c41494e"],
  ["sasl-init", 0, { mechanism: "PLAIN", initialResponse: hex("00610062") }, "0000001b 02010000 005341 c00e02 a305504c41494e a00400610062"],
  ["sasl-outcome", 0, { code: 0 }, "00000010 02010000 005344 c00301 5000"],
];

describe("frames", () => {
  test.each(FRAMES)("%s on channel %i with %p", (name, channel, fields, bytes) => {
    expect(build(name, fields, channel)).toBe(bytes.replaceAll(" ", ""));
    expect(read(bytes)).toMatchObject({ name, channel, fields });
  });

  test("headers", () => {
    expect(toHex(headerBytes("amqp"))).toBe("414d515000010000");
    expect(toHex(headerBytes("tls"))).toBe("414d515002010000");
    expect(toHex(headerBytes("sasl"))).toBe("414d515003010000");
    expect(read("414d515003010000")).toMatchObject({ name: "header", fields: { protocol: 3, major: 1, minor: 0, revision: 0 } });
  });

  test("a raw list goes out as it is", () => {
    expect(build("begin", [{ string: "x" }, null])).toBe("0000001202000000005311c00502a1017840");
  });

  test("a head against the rules", () => {
    expect(toHex(frameBytes(hex("ff"), { size: 7, doff: 1, type: 9, channel: 300 }))).toBe("000000070109012cff");
    expect(toHex(frameBytes(hex("ff"), { extended: hex("01020304") }))).toBe("0000000d0300000001020304ff");
  });

  test("an unknown field is a mistake of the script", () => {
    expect(() => build("open", { containerID: "c" })).toThrow('open has no field "containerID"');
  });

  test("a transfer's payload and an empty frame", () => {
    expect(toHex(read("00000012 02000001 005314 c00201 43 00ff00").payload)).toBe("00ff00");
    expect(read("00000008 02000005")).toMatchObject({ name: "empty", channel: 5 });
    expect(read("0000000c 03000000 ffffffff")).toMatchObject({ name: "empty" });
  });

  test.each([
    ["a mandatory field that is absent", "0000000c 02000000 00531045", "open.containerId is mandatory"],
    ["a field of another type", "00000011 02000000 005310 c00401 a30163", "open.containerId is a symbol, the standard wants string"],
    ["more fields than there are", "00000010 02000000 005317 c00302 40 40", "end has 2 fields, the standard 1"],
    ["bytes after a performative", "0000000e 02000000 00531745 0000", "2 octets after end"],
    ["an AMQP body in a SASL frame", "0000000c 02010000 00531745", "a frame of type 1 with end"],
    ["an unknown descriptor", "0000000c 02000000 00539945", "a frame of type 0 with 153"],
    ["a data offset before the body", "0000000c 01000000 00531745", "a data offset of 1"],
    ["a role that is a number", "00000010 02000000 005315 c00302 43 43", "disposition.role is a uint, the standard wants boolean"],
    ["properties with a string key", "00000020 02000000 005310 c0130a a10163 40 40 40 40 40 40 40 40 c10502a1016b41", "a key of open.properties is a string, the standard wants symbol"],
  ])("%s is unreadable", (_, bytes, reason) => {
    expect(read(bytes)).toMatchObject({ name: "unreadable", fields: { reason } });
  });

  test("F.3 frames are found at any split of the stream", () => {
    const stream = concat(headerBytes("sasl"), ...FRAMES.map(([, , , bytes]) => hex(bytes)), headerBytes("amqp"));
    const whole = new FrameReader().push(stream).map(({ name }) => name);
    expect(whole).toHaveLength(FRAMES.length + 2);
    for (let at = 0; at <= stream.length; at++) {
      const reader = new FrameReader();
      const frames = [...reader.push(stream.subarray(0, at)), ...reader.push(stream.subarray(at))];
      expect(frames.map(({ name }) => name)).toEqual(whole);
      expect(reader.rest).toHaveLength(0);
    }
  });
});

/** The transfer on its hot path, in literal octets: what is written in place, and every form that may come. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { DecodeError } from "../../src/errors.ts";
import { ACCEPTED } from "../../src/frames/delivery-state.ts";
import {
  TransferHead, beginTransferFrame, endTransferFrame, looksLikeTransfer, readTransfer, transferFrameOverhead, writeTransferFrame,
} from "../../src/frames/transfer.ts";
import type { TransferFields } from "../../src/frames/transfer.ts";
import { FrameReader } from "../../src/testing/codec/frame.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { caught, hex, toHex, written } from "./support.ts";

/** The body of a frame after its descriptor, read in the middle of other bytes. */
function read(text: string): Record<string, unknown> & { readonly payload: string } {
  const body = hex(text);
  const bytes = new Uint8Array(body.length + 9).fill(0xee);
  bytes.set(body, 4);
  const head = new TransferHead();
  // every field is dirty from the frame before
  Object.assign(head, { handle: 9, deliveryId: 9, tagLength: 9, messageFormat: 9, settled: true, more: true, rcvSettleMode: "second", state: ACCEPTED, resume: true, aborted: true, batchable: true });
  readTransfer(bytes, 4, 4 + body.length, head);
  const { handle, deliveryId, messageFormat, settled, more, rcvSettleMode, state, resume, aborted, batchable } = head;
  const tag = head.tagLength < 0 ? undefined : toHex(bytes.subarray(head.tagStart, head.tagStart + head.tagLength));
  return { handle, deliveryId, tag, messageFormat, settled, more, rcvSettleMode, state, resume, aborted, batchable, payload: toHex(bytes.subarray(head.payload, 4 + body.length)) };
}

const absent = {
  deliveryId: -1, tag: undefined, messageFormat: -1, settled: undefined, more: false, rcvSettleMode: undefined, state: undefined, resume: false,
  aborted: false, batchable: false, payload: "",
};

describe("readTransfer", () => {
  test("F.1 knows a transfer by its small descriptor", () => {
    const at = (text: string): boolean => looksLikeTransfer(hex(`ee ${text}`), 1, hex(text).length + 1);
    expect([at("00 53 14 c0 03"), at("00 53 15 c0 03"), at("00 80 14 c0 03"), at("00 53 14 c0"), at("")]).toEqual([true, false, false, false, false]);
  });

  test.each([
    ["c0 02 01 43", { handle: 0 }],
    ["c0 03 01 52 05", { handle: 5 }],
    ["c0 06 01 70 ff ff ff ff", { handle: 0xffffffff }],
    ["d0 00 00 00 05 00 00 00 01 43", { handle: 0 }],
    ["c0 08 04 43 52 01 a0 01 aa 43", { handle: 0, deliveryId: 1, tag: "aa", messageFormat: 0 }],
    ["c0 0b 04 43 52 01 b0 00 00 00 01 aa 43", { handle: 0, deliveryId: 1, tag: "aa", messageFormat: 0 }],
    ["c0 0e 04 43 70 80 00 00 00 a0 00 70 00 00 01 00", { handle: 0, deliveryId: 0x80000000, tag: "", messageFormat: 256 }],
    ["c0 07 06 43 40 40 40 40 40", { handle: 0 }],
    ["c0 07 06 43 40 40 40 41 41", { handle: 0, settled: true, more: true }],
    ["c0 07 06 43 40 40 40 42 42", { handle: 0, settled: false }],
    ["c0 09 06 43 40 40 40 56 01 56 01", { handle: 0, settled: true, more: true }],
    ["c0 09 06 43 40 40 40 56 00 56 00", { handle: 0, settled: false }],
    ["c0 09 07 43 40 40 40 40 40 50 01", { handle: 0, rcvSettleMode: "second" }],
    ["c0 09 07 43 40 40 40 40 40 50 00", { handle: 0, rcvSettleMode: "first" }],
    ["c0 0c 08 43 40 40 40 40 40 40 00 53 24 45", { handle: 0, state: ACCEPTED }],
    ["c0 0c 0b 43 40 40 40 40 40 40 40 41 41 41", { handle: 0, resume: true, aborted: true, batchable: true }],
    ["c0 0c 0b 43 40 40 40 40 40 40 40 40 42 40", { handle: 0 }],
    ["c0 02 01 43 00 53 77 a1 01 61", { handle: 0, payload: "00 53 77 a1 01 61" }],
  ])("reads %s", (text, fields) => {
    expect(read(text)).toEqual({ ...absent, ...fields });
  });

  test.each([
    ["B42 no fields", "45"], ["B42 an empty list", "c0 01 00"], ["B42 a null handle", "c0 02 01 40"],
    ["B43 handle as string", "c0 04 01 a1 01 61"], ["B43 handle as ulong", "c0 03 01 53 01"], ["B43 delivery-id as boolean", "c0 03 02 43 41"],
    ["B43 delivery-tag as string", "c0 06 03 43 43 a1 01 61"], ["B43 settled as uint", "c0 06 05 43 43 40 43 43"],
    ["B40 settled as 56 02", "c0 07 05 43 43 40 43 56 02"], ["B43 rcv-settle-mode 2", "c0 09 07 43 40 40 40 40 40 50 02"],
    ["B44 twelve fields", "c0 0d 0c 43 40 40 40 40 40 40 40 40 40 40 40"], ["B43 a map", "c1 03 02 43 43"], ["B21 an unknown code", "3f 02 01 43"],
    ["B22 a handle that is cut", "c0 03 01 70 01"], ["B25 more fields than octets", "c0 02 02 43"], ["B24 octets left over", "c0 03 01 43 43"],
    ["B24 a list beyond its frame", "c0 09 01 43"], ["B24 a list32 beyond its frame", "d0 00 00 00 09 00 00 00 01 43"],
    ["B24 a list32 of size ffffffff", "d0 ff ff ff ff 00 00 00 01 43"], ["B24 a list8 of size 0", "c0 00"],
    ["B23 a tag of 2^31-1 octets", "c0 08 03 43 43 b0 7f ff ff ff"], ["B23 a tag of 2^32-1 octets", "c0 08 03 43 43 b0 ff ff ff ff"],
    ["B23 a tag beyond the list", "c0 05 03 43 43 a0 05 01 02 03 04 05"], ["B22 nothing", ""], ["B22 half a list head", "d0 00 00 00 05 00 00"],
    ["B18 a state that is none", "c0 0c 08 43 40 40 40 40 40 40 00 53 10 45"],
  ])("%s is refused", (_name, text) => {
    expect(caught(() => read(text))).toBeInstanceOf(DecodeError);
  });

  test("whatever the octets, it reads or throws a DecodeError, and looks at no octet outside", () => {
    const frame = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 3, maxLength: 40 }).map((bytes) => {
      const copy = Uint8Array.from(bytes);
      copy[0] = 0xc0;
      copy[1] = copy.length - 2;
      copy[2] = (copy[2] as number) % 12;
      return copy;
    }));
    fc.assert(fc.property(frame, (bytes) => {
      let first: unknown;
      try {
        first = read(toHex(bytes));
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
        return;
      }
      expect(first).toMatchObject({ handle: expect.any(Number) });
    }), { numRuns: 2000 });
  });
});

/** A whole frame around `message`, written in place. */
function inPlace(channel: number, handle: number, id: number, tag: Uint8Array | undefined, tagNumber: number, format: number, settled: boolean, message = ""): string {
  return written((w) => {
    w.writeBytes(hex("aa"));
    const start = beginTransferFrame(w, channel, handle, id, tag, tagNumber, format, settled);
    w.writeBytes(hex(message));
    endTransferFrame(w, start);
  }).slice(3);
}

describe("a transfer written around its message", () => {
  test.each([
    [inPlace(0, 0, 0, undefined, 0, 0, false), "00 00 00 17 02 00 00 00 00 53 14 c0 0a 04 43 43 a0 04 00 00 00 00 43"],
    [inPlace(1, 2, 3, undefined, 0x01020304, 0, true, "77"), "00 00 00 1b 02 00 00 01 00 53 14 c0 0d 05 52 02 52 03 a0 04 01 02 03 04 43 41 77"],
    [inPlace(0x1234, 255, 256, hex("ab cd"), 7, 0xffffffff, false), "00 00 00 1e 02 00 12 34 00 53 14 c0 11 04 52 ff 70 00 00 01 00 a0 02 ab cd 70 ff ff ff ff"],
    [inPlace(65535, 0xffffffff, 0xffffffff, hex(""), 7, 0, true), "00 00 00 1c 02 00 ff ff 00 53 14 c0 0f 05 70 ff ff ff ff 70 ff ff ff ff a0 00 43 41"],
    [inPlace(0, 0, 0, undefined, 0xfffffffe, 0, false), "00 00 00 17 02 00 00 00 00 53 14 c0 0a 04 43 43 a0 04 ff ff ff fe 43"],
  ])("F.1 %s", (seen, expected) => {
    expect(seen).toBe(expected);
  });
});

/** A frame of a message of several, with the octets of the performative alone. */
const one = (fields: Partial<TransferFields>, payload = 0, channel = 0): string => written((w) => writeTransferFrame(w, channel, {
  handle: 0, deliveryId: undefined, tag: undefined, messageFormat: undefined, settled: false, more: false, ...fields,
}, payload));

describe("a transfer that is one of several frames", () => {
  test.each([
    ["the first", one({ handle: 1, deliveryId: 2, tag: hex("ab"), messageFormat: 0, more: true }, 100, 3),
      "00 00 00 82 02 00 00 03 00 53 14 d0 00 00 00 0e 00 00 00 06 52 01 52 02 a0 01 ab 43 42 41"],
    ["one in the middle", one({ handle: 0, more: true }, 0x10000), "00 01 00 1a 02 00 00 00 00 53 14 d0 00 00 00 0a 00 00 00 06 43 40 40 40 42 41"],
    ["the last, settled", one({ handle: 0, settled: true }), "00 00 00 1a 02 00 00 00 00 53 14 d0 00 00 00 0a 00 00 00 06 43 40 40 40 41 42"],
    ["F.2 aborted", one({ aborted: true }), "00 00 00 1f 02 00 00 00 00 53 14 d0 00 00 00 0f 00 00 00 0b 43 40 40 40 42 42 40 40 42 41 42"],
    ["X.7 resumed, with a state", one({ state: ACCEPTED, resume: true, batchable: true }),
      "00 00 00 22 02 00 00 00 00 53 14 d0 00 00 00 12 00 00 00 0b 43 40 40 40 42 42 40 00 53 24 45 41 42 41"],
  ])("F.1 %s", (_name, seen, expected) => {
    expect(seen).toBe(expected);
  });

  test("F.1 its overhead is never underestimated, and exact where every field is long", () => {
    const length = (fields: Partial<TransferFields>): number => hex(one(fields)).length;
    const long = { handle: 0xffffffff, deliveryId: 0xffffffff, messageFormat: 0xffffffff };
    for (const size of [0, 1, 4, 32]) expect(length({ ...long, tag: new Uint8Array(size) })).toBe(transferFrameOverhead(size));
    expect(length({ handle: 0xffffffff })).toBeLessThanOrEqual(transferFrameOverhead(0));
  });
});

describe("both ways", () => {
  const uint = fc.oneof(fc.constantFrom(0, 1, 255, 256, 0xffffffff), fc.nat(0xffffffff));
  const fields = fc.record({
    handle: uint, deliveryId: fc.option(uint, { nil: undefined }), tag: fc.option(fc.uint8Array({ maxLength: 32 }), { nil: undefined }),
    messageFormat: fc.option(uint, { nil: undefined }), settled: fc.boolean(), more: fc.boolean(), resume: fc.boolean(), aborted: fc.boolean(), batchable: fc.boolean(),
  });

  test("what is written is what is read, here and by the other codec", () => {
    fc.assert(fc.property(fields, fc.uint8Array({ maxLength: 50 }), fc.nat(65535), (init, payload, channel) => {
      const w = new ByteWriter(16);
      writeTransferFrame(w, channel, init, payload.length);
      w.writeBytes(payload);
      const bytes = w.toBytes();
      const head = new TransferHead();
      expect(looksLikeTransfer(bytes, 8, bytes.length)).toBe(true);
      readTransfer(bytes, 11, bytes.length, head);
      const tag = head.tagLength < 0 ? undefined : bytes.slice(head.tagStart, head.tagStart + head.tagLength);
      const number = (n: number): number | undefined => (n < 0 ? undefined : n);
      const { handle, settled, more, resume, aborted, batchable } = head;
      expect({ handle, deliveryId: number(head.deliveryId), tag, messageFormat: number(head.messageFormat), settled, more, resume, aborted, batchable }).toEqual(init);
      const [frame, ...rest] = new FrameReader().push(bytes);
      expect(rest).toEqual([]);
      expect(frame).toMatchObject({ name: "transfer", channel, payload });
      expect(frame?.fields["deliveryTag"]).toEqual(init.tag);
      expect([frame?.fields["deliveryId"], frame?.fields["messageFormat"], frame?.fields["handle"]]).toEqual([init.deliveryId, init.messageFormat, init.handle]);
    }));
  });

  test("in place too", () => {
    fc.assert(fc.property(fc.nat(65535), uint, uint, fc.option(fc.uint8Array({ maxLength: 32 }), { nil: undefined }), uint, uint, fc.boolean(), fc.uint8Array({ maxLength: 300 }), (channel, handle, id, tag, tagNumber, format, settled, message) => {
      const w = new ByteWriter(16);
      const start = beginTransferFrame(w, channel, handle, id, tag, tagNumber, format, settled);
      w.writeBytes(message);
      endTransferFrame(w, start);
      const [frame] = new FrameReader().push(w.toBytes());
      const number = new Uint8Array(4);
      new DataView(number.buffer).setUint32(0, tagNumber);
      expect(frame).toMatchObject({ name: "transfer", channel, payload: message, fields: { handle, deliveryId: id, deliveryTag: tag ?? number, messageFormat: format } });
      expect(frame?.fields["settled"]).toBe(settled ? true : undefined);
    }));
  });
});

/** Frames and headers in a stream that is cut anywhere. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { FrameSink } from "../../src/frames/splitter.ts";
import { FrameSplitter } from "../../src/frames/splitter.ts";
import { hex, toHex } from "./support.ts";

const HEADER = "41 4d 51 50 00 01 00 00";
const SASL_HEADER = "41 4d 51 50 03 01 00 00";
const EMPTY = "00 00 00 08 02 00 00 00";

/** What a splitter tells, in words. */
function splitter(limit = 64): { readonly log: string[]; readonly split: FrameSplitter; push(...texts: string[]): string[] } {
  const log: string[] = [];
  const sink: FrameSink = {
    onHeader: ({ id, major, minor, revision }) => void log.push(`header ${id} ${major}.${minor}.${revision}`),
    onGarbage: (bytes) => void log.push(`garbage ${toHex(bytes)}`),
    onFrame: (type, channel, bytes, begin, start, end) => void log.push(`frame ${type} on ${channel}: ${toHex(bytes.subarray(start, end))} after ${start - begin}`),
    onBadFrame: (reason) => void log.push(`bad: ${reason}`),
  };
  const split = new FrameSplitter(sink, limit);
  return {
    log, split,
    push(...texts) {
      const before = log.length;
      for (const text of texts) split.push(hex(text));
      return log.slice(before);
    },
  };
}

describe("the splitter", () => {
  test("F.3 tells headers and frames in the order in which they come", () => {
    const { push, split } = splitter();
    expect(push(HEADER + EMPTY + "00 00 00 0a 02 01 12 34 aa bb")).toEqual(["header 0 1.0.0", "frame 0 on 0:  after 8", "frame 1 on 4660: aa bb after 8"]);
    expect(split.pending).toBe(0);
  });

  test("F.3 B12 skips an extended header, of a frame with a body and of one without", () => {
    const { push } = splitter();
    expect(push(HEADER, "00 00 00 0e 03 00 00 00 ee ee ee ee aa bb", "00 00 00 0c 03 00 00 01 ee ee ee ee", "00 00 00 10 04 00 00 00 ee ee ee ee ee ee ee ee"))
      .toEqual(["header 0 1.0.0", "frame 0 on 0: aa bb after 12", "frame 0 on 1:  after 12", "frame 0 on 0:  after 16"]);
  });

  test.each([
    ["B7", "00 00 00 00 02 00 00 00", "a frame of 0 octets is shorter than its own head"], ["B7", "00 00 00 07 02 00 00 00", "a frame of 7 octets is shorter than its own head"],
    ["B8", "00 00 00 41", "a frame of 65 octets is larger than max-frame-size 64"], ["B9", "ff ff ff ff", "a frame of 4294967295 octets is larger than max-frame-size 64"],
    ["B9", "80 00 00 00", "a frame of 2147483648 octets is larger than max-frame-size 64"],
    ["B10", "00 00 00 08 00 00 00 00", "a data offset of 0 words in a frame of 8 octets"], ["B10", "00 00 00 08 01 00 00 00", "a data offset of 1 words in a frame of 8 octets"],
    ["B11", "00 00 00 08 03 00 00 00", "a data offset of 3 words in a frame of 8 octets"], ["B11", "00 00 00 0c ff 00 00 00 00 00 00 00", "a data offset of 255 words in a frame of 12 octets"],
  ])("%s %s is refused, whole or octet by octet, and nothing after it is read", (_row, text, reason) => {
    const whole = splitter();
    expect(whole.push(HEADER + text + EMPTY)).toEqual(["header 0 1.0.0", `bad: ${reason}`]);
    expect(whole.push(EMPTY)).toEqual([]);
    const parts = splitter();
    expect(parts.push(HEADER, ...text.split(" "), EMPTY)).toEqual(["header 0 1.0.0", `bad: ${reason}`]);
  });

  test("B8 a frame that is too large is refused on its fourth octet, before room is made for it", () => {
    const { push, split } = splitter(0xffff);
    expect(push(HEADER, "00 01 00", "00")).toEqual(["header 0 1.0.0", "bad: a frame of 65536 octets is larger than max-frame-size 65535"]);
    expect(split.pending).toBeLessThanOrEqual(4);
  });

  test("F.1 a frame of exactly the limit is taken; the limit may change between two frames of one chunk", () => {
    const log: string[] = [];
    const split: FrameSplitter = new FrameSplitter({
      onHeader: () => undefined, onGarbage: () => undefined, onBadFrame: (reason) => void log.push(reason),
      onFrame: (_type, _channel, bytes, begin, _start, end) => {
        log.push(`${end - begin} of ${bytes.length}`);
        split.maxFrameSize = 20;
      },
    }, 8);
    split.push(hex(`${HEADER} ${EMPTY} 00 00 00 14 02 00 00 00 ${"00".repeat(12)} 00 00 00 15`));
    expect(log).toEqual(["8 of 40", "20 of 40", "a frame of 21 octets is larger than max-frame-size 20"]);
  });

  test("a frame that is whole in its chunk is handed on where it lies; one that is cut has a buffer of its own", () => {
    const seen: { readonly bytes: Uint8Array; readonly begin: number }[] = [];
    const split = new FrameSplitter({ onHeader: () => undefined, onGarbage: () => undefined, onBadFrame: () => undefined, onFrame: (_t, _c, bytes, begin) => void seen.push({ bytes, begin }) }, 64);
    split.push(hex(HEADER));
    const chunk = hex(`${EMPTY} 00 00 00 0a 02 00 00 00 aa bb 00 00 00 0a 02`);
    split.push(chunk);
    expect(seen.map(({ bytes, begin }) => [bytes === chunk, begin])).toEqual([[true, 0], [true, 8]]);
    split.push(hex("00 00 00 cc dd 00 00 00 0a 02 00 00 00 ee"));
    split.push(hex("ff"));
    // kept views are not written over by the next frame
    expect(seen.slice(2).map(({ bytes, begin }) => [toHex(bytes), begin])).toEqual([["00 00 00 0a 02 00 00 00 cc dd", 0], ["00 00 00 0a 02 00 00 00 ee ff", 0]]);
  });

  test.each([
    ["B1 HTTP", "48 54 54 50 2f 31 2e 31 20 34"], ["B1 TLS", "16 03 01 00 05 01 00 00"], ["B1 four octets are enough", "00 00 00 00"],
  ])("%s is garbage, whole and in parts, and ends it", (_name, text) => {
    const whole = splitter();
    expect(whole.push(text, HEADER)).toEqual([`garbage ${text}`]);
    const parts = splitter();
    expect(parts.push(...text.split(" "), HEADER)).toEqual([`garbage ${text.slice(0, 11)}`]);
  });

  test("B3 less than four octets of anything are not judged yet", () => {
    const { push, split } = splitter();
    expect(push("16 03", "01")).toEqual([]);
    expect(split.pending).toBe(3);
  });

  test("B2 versions are told as they came", () => {
    expect(splitter().push("41 4d 51 50 01 01 00 0a")).toEqual(["header 1 1.0.10"]);
    expect(splitter().push("41 4d 51 50 00 00 09 01")).toEqual(["header 0 0.9.1"]);
  });

  test("F.3 a second header is found where it is expected, in the middle of a chunk too", () => {
    const log: string[] = [];
    const split: FrameSplitter = new FrameSplitter({
      onHeader: ({ id }) => void log.push(`header ${id}`), onGarbage: () => void log.push("garbage"), onBadFrame: (reason) => void log.push(reason),
      onFrame: (type) => {
        log.push(`frame ${type}`);
        if (type === 1) split.expectHeader();
      },
    }, 512);
    split.push(hex(`${SASL_HEADER} 00 00 00 09 02 01 00 00 aa ${HEADER} 00 00 00 09 02 00 00 00 aa`));
    expect(log).toEqual(["header 3", "frame 1", "header 0", "frame 0"]);
    // where it is not, it is a frame that is too large
    split.push(hex(HEADER));
    expect(log.at(-1)).toBe("a frame of 1095586128 octets is larger than max-frame-size 512");
  });

  test("after stop nothing is told, not even the rest of a chunk", () => {
    let frames = 0;
    const split: FrameSplitter = new FrameSplitter({
      onHeader: () => undefined, onGarbage: () => undefined, onBadFrame: () => undefined,
      onFrame: () => {
        frames += 1;
        split.stop();
      },
    }, 64);
    split.push(hex(HEADER + EMPTY + EMPTY));
    split.push(hex(EMPTY));
    expect(frames).toBe(1);
  });

  test("B15 however the stream is cut, it is the same", () => {
    const frame = fc.record({ body: fc.uint8Array({ maxLength: 40 }), extra: fc.nat(3), type: fc.nat(2), channel: fc.nat(65535) }).map(({ body, extra, type, channel }) => {
      const bytes = new Uint8Array(8 + 4 * extra + body.length);
      new DataView(bytes.buffer).setUint32(0, bytes.length);
      bytes.set([2 + extra, type, channel >>> 8, channel & 0xff], 4);
      bytes.set(body, 8 + 4 * extra);
      return toHex(bytes);
    });
    fc.assert(fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 }), fc.constantFrom("", "00 00 00 03", "00 00 00 08 00 00 00 00", "00 00 00 20 02"), (frames, sizes, last) => {
      const stream = hex([HEADER, ...frames, last].join(" "));
      const whole = splitter(128);
      whole.split.push(stream);
      expect(whole.log.filter((line) => !line.startsWith("bad"))).toHaveLength(frames.length + 1);
      const parts = splitter(128);
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] as number;
        parts.split.push(stream.slice(at, at + size));
        at += size;
      }
      expect(parts.log).toEqual(whole.log);
    }));
  });

  test("B15 a thousand frames in one chunk", () => {
    const { push } = splitter();
    expect(push(HEADER + EMPTY.repeat(1000))).toHaveLength(1001);
  });
});

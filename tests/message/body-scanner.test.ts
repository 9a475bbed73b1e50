/** Messages that come in pieces: what is kept, what is given on, and where the octets of a body lie (3.4.1). */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BodyScanner } from "../../src/message/body-scanner.ts";
import { SectionMap, dataSections, isData } from "../../src/message/section-map.ts";
import { hex, toHex } from "../../src/testing/codec/octets.ts";

interface Scanned {
  readonly data: string;
  readonly scanner: BodyScanner;
}

/** Scans a message in pieces of these sizes, used in turn. */
function scan(message: string, sizes: readonly number[] = [Infinity], most = 1000): Scanned {
  const bytes = hex(message);
  let data = "";
  const scanner = new BodyScanner(most, { onData: (piece, from, to) => void (data += toHex(piece.subarray(from, to))) });
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.min(bytes.length - at, sizes[i % sizes.length] as number);
    // every piece lies somewhere else, with other octets around it
    const piece = new Uint8Array(size + 7).fill(0xee);
    piece.set(bytes.subarray(at, at + size), 3);
    scanner.push(piece, 3, 3 + size);
    at += size;
  }
  scanner.end();
  return { data, scanner };
}

const HEADER = "005370c00201 41".replaceAll(" ", "");
const PROPERTIES = "005373c00401a10161";
const FOOTER = "005378c10602a301665401";

describe("a body of data sections", () => {
  test.each([
    ["alone", "005375a003010203", "", "010203", ""],
    ["in two sections", "005375a0020102005375b00000000103", "", "010203", ""],
    ["behind other sections", `${HEADER}${PROPERTIES}005375a00101`, `${HEADER}${PROPERTIES}`, "01", ""],
    ["with a footer", `005375a00101${FOOTER}`, "", "01", FOOTER],
    ["with everything", `${HEADER}${PROPERTIES}005375a00101005375a0020203${FOOTER}`, `${HEADER}${PROPERTIES}`, "010203", FOOTER],
    ["of an empty section", "005375a000", "", "", ""],
    ["of descriptors in their longer forms", "00800000000000000075a0010100a310616d71703a646174613a62696e617279b00000000102", "", "0102", ""],
    ["of a descriptor in its longest form", "00b300000010616d71703a646174613a62696e617279b00000000102", "", "02", ""],
  ])("%s, in pieces of any size", (_, message, head, data, footer) => {
    for (let size = 1; size <= message.length / 2; size++) {
      const scanned = scan(message, [size]);
      expect([size, scanned.scanner.state, toHex(scanned.scanner.head), scanned.data, toHex(scanned.scanner.footer)]).toEqual([size, "data", head, data, footer]);
    }
  });

  test("its octets are views of the pieces, not copies", () => {
    const piece = hex("005375a003010203");
    const seen: Uint8Array[] = [];
    const scanner = new BodyScanner(100, { onData: (bytes) => void seen.push(bytes) });
    scanner.push(piece, 0, piece.length);
    expect(seen).toHaveLength(1);
    expect(seen[0]).toBe(piece);
  });
});

describe("what is kept whole", () => {
  test.each([
    ["an amqp-value", `${PROPERTIES}005377a10161`],
    ["an amqp-sequence", "005376c0020154005376450053784500".slice(0, 20)],
    ["a message without a body", HEADER],
    ["a message of a footer alone", FOOTER],
    ["nothing at all", ""],
  ])("%s", (_, message) => {
    for (const size of [1, 2, 3, 100]) {
      const { data, scanner } = scan(message, [size]);
      expect([scanner.state, toHex(scanner.head), data]).toEqual(["whole", message, ""]);
    }
  });

  test("is counted, and too much of it shows", () => {
    const { scanner } = scan(`${HEADER}005377a003010203`, [4], 10);
    expect([scanner.kept, scanner.excessive]).toEqual([15, true]);
    const large = scan(`${HEADER}005375a0ff${"00".repeat(255)}`, [10], 10).scanner;
    expect([large.kept, large.excessive]).toEqual([7, false]);
  });
});

describe("what is no message", () => {
  test.each([
    ["ff", "0xff begins no section"],
    ["004000", "0x40 is no descriptor of a section"],
    ["00537100", "is neither a list nor a map"],
    ["005379", "unknown descriptor"],
    ["00536f", "unknown descriptor"],
    ["00800100000000000075a000", "unknown descriptor"],
    ["00a303616263a000", "unknown descriptor"],
    ["00b3ffffffff", "unknown descriptor"],
    ["005375a10161", "not binary"],
    [`005375a00101${PROPERTIES}`, "a section 0x73 comes after the data of its body"],
    ["005375a00101005376c00100", "a section 0x76 comes after the data of its body"],
    [`${PROPERTIES}${HEADER}005375a000`, "comes after"],
    [`${HEADER}${HEADER}005375a000`, "twice"],
    ["005375a003010", "cut off"].map((text) => (text === "005375a003010" ? "005375a00301" : text)) as [string, string],
    ["005375a001010053", "cut off"],
    ["005375a00101005375b000", "cut off"],
    [`005375a00101${FOOTER.slice(0, -2)}`, "cut off"],
    [`005375a00101${FOOTER}00`, "its last section is cut off"],
    [`005375a00101${FOOTER}${FOOTER}`, "twice"],
  ])("B85 %s", (message, error) => {
    for (const size of [1, 3, 100]) expect(() => scan(message, [size])).toThrow(error);
  });

  test("B85 any octets: an error of decoding, or a message", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }), (bytes, sizes) => {
      try {
        scan(`005375a00101${toHex(bytes)}`, sizes);
      } catch (error) {
        expect(error).toMatchObject({ name: "DecodeError", code: "decode-error" });
      }
    }), { numRuns: 3000 });
  });
});

describe("where an octet of the body lies", () => {
  const message = `${HEADER}${PROPERTIES}005375a003010203005375b00000000404050607005375a000005375a00108${FOOTER}`;
  const places: readonly [number, number, number][] = [[0, 2, 5], [1, 2, 6], [3, 3, 8], [5, 3, 10], [7, 5, 5], [8, 5, 6]];

  test("section by number, octets from its first one, the constructor included", () => {
    const bytes = hex(message);
    for (const map of [scan(message, [3]).scanner.sections, SectionMap.of(bytes, 0, bytes.length)]) {
      expect(places.map(([octet]) => [octet, ...Object.values(map.locate(octet))])).toEqual(places);
      for (const [octet, section, offset] of places) expect(map.octetAt({ section, offset })).toBe(octet);
      // within the constructor is before its first octet; elsewhere there is none
      expect([map.octetAt({ section: 3, offset: 2 }), map.octetAt({ section: 1, offset: 0 }), map.octetAt({ section: 6, offset: 0 })]).toEqual([3, undefined, undefined]);
    }
  });

  test.each([-1, 9, 0.5, Number.NaN, 2 ** 60])("%d is none", (octet) => {
    expect(() => scan(message).scanner.sections.locate(octet)).toThrow(expect.objectContaining({ code: "config" }));
  });

  test("before there is any", () => {
    const map = new SectionMap();
    map.before = 3;
    expect(map.locate(0)).toEqual({ section: 3, offset: 0 });
  });

  test("of a stream without end only the last sections are known", () => {
    const map = new SectionMap();
    for (let i = 0; i < 100_000; i++) {
      map.begin(5);
      map.length += 2;
    }
    expect(map.locate(200_000)).toEqual({ section: 99_999, offset: 7 });
    expect(map.locate(140_001)).toEqual({ section: 70_000, offset: 6 });
    expect(() => map.locate(10)).toThrow("sections back");
    expect(map.octetAt({ section: 70_000, offset: 6 })).toBe(140_001);
    expect(map.octetAt({ section: 4, offset: 6 })).toBeUndefined();
  });

  test("and which bodies have any", () => {
    for (const [text, data] of [[message, true], ["005377a10161", false], ["005376c0020154", false], [HEADER, true], [FOOTER, true]] as const) {
      expect([text, isData(hex(text), 0, text.length / 2)]).toEqual([text, data]);
    }
    const bytes = hex(message);
    expect([...dataSections(bytes, 0, bytes.length)].map((part) => toHex(part))).toEqual(["010203", "04050607", "", "08"]);
  });
});

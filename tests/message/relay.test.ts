/** What becomes of the octets of a received message that is sent on: unchanged sections, hop fields, single entries of maps. */

import { describe, expect, test } from "@jest/globals";
import { data, sequence, value } from "../../src/message/body.ts";
import { Message } from "../../src/message/message.ts";
import { encodeMessage } from "../../src/message/sections.ts";
import type { BodyReference } from "../../src/message/write-sections.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { types } from "../../src/wire/values.ts";
import { encoded, hex, received, size32, tidy } from "./support.ts";

// Every value in a wider encoding than ours would be, so that a section encoded anew shows.
const HEADER = "00 53 70 d0 00 00 00 0d 00 00 00 03  56 01  50 04  70 00 00 00 05";
const ANNOTATIONS = "00 80 00 00 00 00 00 00 00 72  d1 00 00 00 1b 00 00 00 04  b3 00 00 00 01 61  51 01  b1 00 00 00 01 62  81 00 00 00 00 00 00 00 02";
const PROPERTIES = "00 53 73 d0 00 00 00 19 00 00 00 04  80 00 00 00 00 00 00 00 07  40  b1 00 00 00 01 71  b1 00 00 00 00";
const APPLICATION = "00 53 74 d1 00 00 00 15 00 00 00 04  a1 01 6e  60 00 09  b1 00 00 00 01 74  70 00 00 00 08";
const BODY = "00 53 77 d1 00 00 00 27 00 00 00 06  a1 01 61  50 05  a1 01 62  d0 00 00 00 0a 00 00 00 02 60 00 01 60 00 02  b1 00 00 00 01 63  b1 00 00 00 01 78";
const FOOTER = "00 53 78 d1 00 00 00 0c 00 00 00 02  b3 00 00 00 01 66  50 07";
const HOP = "00 53 71 c1 06 02 a3 01 69 50 01";
const WHOLE = `${HEADER} ${ANNOTATIONS} ${PROPERTIES} ${APPLICATION} ${BODY} ${FOOTER}`;

describe("sections that nobody changed", () => {
  test("keep their octets when nothing was touched", () => {
    expect(encoded(received(WHOLE))).toBe(tidy(WHOLE));
  });

  test("keep their octets when everything was read", () => {
    const message = received(WHOLE);
    expect(JSON.parse(JSON.stringify(message))).toEqual({
      durable: true, ttl: 5, annotations: { a: 1, b: 2 }, id: 7, to: "q", subject: "", properties: { n: 9, t: 8 }, body: { a: 5, b: [1, 2], c: "x" }, footer: { f: 7 },
    });
    expect(encoded(message)).toBe(tidy(WHOLE));
  });

  test("keep their octets when fields are set to what they were", () => {
    const message = received(WHOLE);
    message.id = 7;
    message.subject = "";
    message.properties = { t: 8, n: 9 };
    message.annotations["a"] = 1;
    expect(encoded(message)).toBe(tidy(WHOLE));
  });

  test("keep their octets when others are changed", () => {
    const message = received(WHOLE);
    message.durable = false;
    message.footer = {};
    expect(encoded(message)).toBe(tidy(`00 53 70 c0 05 03 40 40 52 05 ${ANNOTATIONS} ${PROPERTIES} ${APPLICATION} ${BODY}`));
    message.to = "r";
    expect(encoded(message)).toBe(tidy(`00 53 70 c0 05 03 40 40 52 05 ${ANNOTATIONS} 00 53 73 c0 09 04 53 07 40 a1 01 72 a1 00 ${APPLICATION} ${BODY}`));
    message.body = { a: 5 };
    expect(encoded(message)).toBe(tidy(`00 53 70 c0 05 03 40 40 52 05 ${ANNOTATIONS} 00 53 73 c0 09 04 53 07 40 a1 01 72 a1 00 ${APPLICATION} 00 53 77 c1 06 02 a1 01 61 54 05`));
  });

  test.each([["auto"], ["number"], ["bigint"]] as const)("keep their octets when read with int64 %s", (int64) => {
    const message = Message.fromWire(hex(WHOLE), 0, hex(WHOLE).length, { int64 });
    expect(message.annotations["b"]).toBe(int64 === "bigint" ? 2n : 2);
    expect(message.id).toBe(int64 === "bigint" ? 7n : 7);
    expect([message.properties, message.body, message.footer]).toHaveLength(3);
    message.subject = "";
    expect(encoded(message)).toBe(tidy(WHOLE));
  });

  test("keep their octets when read as exact types, and exact types can be changed", () => {
    const message = Message.fromWire(hex(WHOLE), 0, hex(WHOLE).length, { typed: true });
    expect(message.properties["n"]).toEqual(types.ushort(9));
    expect(message.id).toBe(7);
    expect([message.annotations, message.body, message.footer]).toHaveLength(3);
    expect(encoded(message)).toBe(tidy(WHOLE));
    message.properties["n"] = types.ushort(10);
    expect(encoded(message)).toBe(tidy(WHOLE.replace("60 00 09", "60 00 0a").replace("d1 00 00 00 15 00 00 00 04", "c1 12 04")));
  });

  test("several data or sequence sections stay several", () => {
    const chunks = "00 53 75 a0 01 01 00 53 75 a0 02 02 03";
    const lists = "00 53 76 45 00 53 76 d0 00 00 00 07 00 00 00 01 60 00 05";
    const message = received(chunks);
    expect(message.body).toEqual(hex("01 02 03"));
    expect(encoded(message)).toBe(tidy(chunks));
    const other = received(lists);
    expect(other.body).toEqual([[], [5]]);
    expect(encoded(other)).toBe(tidy(lists));
  });

  test("a message without a body gets one of null: RabbitMQ ends the session for one without", () => {
    expect(encoded(received("00 53 73 45"))).toBe(tidy("00 53 73 45 00 53 77 40"));
    expect(encoded(received(`00 53 73 45 ${FOOTER}`))).toBe(tidy(`00 53 73 45 00 53 77 40 ${FOOTER}`));
  });

  test("the octets around the message are none of its", () => {
    const bytes = hex(`ff ff ${WHOLE} ff`);
    expect(encoded(Message.fromWire(bytes, 2, bytes.length - 1))).toBe(tidy(WHOLE));
  });
});

describe("what belongs to one hop", () => {
  test.each([
    ["delivery-count", "00 53 70 c0 08 05 56 01 40 40 40 52 03", "00 53 70 c0 03 01 56 01"],
    ["first-acquirer", "00 53 70 c0 06 04 41 50 06 40 41", "00 53 70 c0 04 02 41 50 06"],
    ["all of the header there is", "00 53 70 c0 06 05 40 40 40 40 43", ""],
    ["nothing: both fields are null", "00 53 70 c0 06 05 41 40 40 40 40", "00 53 70 c0 06 05 41 40 40 40 40"],
    ["delivery annotations", HOP, ""],
    ["delivery annotations behind a header", `${HEADER} ${HOP}`, HEADER],
  ])("is not sent on: %s", (_name, octets, left) => {
    const rest = `${PROPERTIES} 00 53 77 40`;
    expect(encoded(received(`${octets} ${rest}`))).toBe(tidy(`${left} ${rest}`));
    const read = received(`${octets} ${rest}`);
    expect([read.deliveryCount, read.firstAcquirer, read.instructions, read.id]).toHaveLength(4);
    expect(encoded(read)).toBe(tidy(`${left} ${rest}`));
  });

  test("a header that is changed loses them too, unless they are what was set", () => {
    const octets = "00 53 70 c0 08 05 56 01 40 40 41 52 03 00 53 77 40";
    const message = received(octets);
    message.ttl = 1;
    expect(encoded(message)).toBe(tidy("00 53 70 c0 05 03 41 40 52 01 00 53 77 40"));
    message.deliveryCount = 4;
    expect(encoded(message)).toBe(tidy("00 53 70 c0 08 05 41 40 52 01 40 52 04 00 53 77 40"));
    message.firstAcquirer = true;
    expect(encoded(message)).toBe(tidy("00 53 70 c0 08 05 41 40 52 01 41 52 04 00 53 77 40"));
  });

  test("delivery annotations that the program adds or sets are its own", () => {
    const message = received("00 53 71 c1 0b 04 a3 01 69 50 01 a3 01 6a 50 02 00 53 77 40");
    message.instructions["k"] = 3;
    message.instructions["j"] = 4;
    expect(encoded(message)).toBe(tidy("00 53 71 c1 0b 04 a3 01 6a 54 04 a3 01 6b 54 03 00 53 77 40"));
    message.instructions = { i: 1 };
    expect(encoded(message)).toBe(tidy("00 53 71 c1 06 02 a3 01 69 50 01 00 53 77 40"));
    message.instructions = {};
    expect(encoded(message)).toBe(tidy("00 53 77 40"));
  });
});

describe("changing one entry of a received map", () => {
  test("keeps the wire type of the others, and the type of the key", () => {
    const message = received(WHOLE);
    message.properties["n"] = 10;
    message.annotations["b"] = "new";
    message.footer["g"] = true;
    expect(encoded(message)).toBe(tidy(`${HEADER}
      00 53 72 c1 14 04 b3 00 00 00 01 61 51 01 b1 00 00 00 01 62 a1 03 6e 65 77
      ${PROPERTIES}
      00 53 74 c1 11 04 a1 01 6e 54 0a b1 00 00 00 01 74 70 00 00 00 08
      ${BODY}
      00 53 78 c1 0d 04 b3 00 00 00 01 66 50 07 a3 01 67 41`));
  });

  test("entries can be removed, and come in the order that the map has now", () => {
    const message = received(WHOLE);
    delete message.properties["n"];
    message.properties["n"] = 9;
    message.annotations = {};
    delete message.footer["f"];
    expect(encoded(message)).toBe(tidy(`${HEADER} ${PROPERTIES} ${APPLICATION} ${BODY}`));
    message.properties["z"] = null;
    expect(encoded(message)).toBe(tidy(`${HEADER} ${PROPERTIES}
      00 53 74 c1 16 06 b1 00 00 00 01 74 70 00 00 00 08 a1 01 6e 60 00 09 a1 01 7a 40 ${BODY}`));
  });

  test("holds deep in a body, in maps and in lists", () => {
    const message = received(WHOLE);
    const body = message.body as { a: number; b: number[]; c: string };
    body.b[1] = 3;
    body.b.push(4);
    expect(encoded(message)).toBe(tidy(`${HEADER} ${ANNOTATIONS} ${PROPERTIES} ${APPLICATION}
      00 53 77 c1 1f 06 a1 01 61 50 05 a1 01 62 c0 08 03 60 00 01 54 03 54 04 b1 00 00 00 01 63 b1 00 00 00 01 78 ${FOOTER}`));
  });

  test("holds for keys that are no strings", () => {
    const message = received("00 53 77 d1 00 00 00 10 00 00 00 06 a3 01 61 50 01 52 05 50 02 40 50 03");
    const body = message.body as Map<unknown, unknown>;
    body.set(5, 7);
    expect(encoded(message)).toBe(tidy("00 53 77 c1 0d 06 a3 01 61 50 01 52 05 54 07 40 50 03"));
    body.delete(null);
    body.set("new", 1);
    expect(encoded(message)).toBe(tidy("00 53 77 c1 11 06 a3 01 61 50 01 52 05 54 07 a1 03 6e 65 77 54 01"));
  });

  test("a sequence that is changed stays a sequence", () => {
    const message = received("00 53 76 c0 06 02 60 00 01 54 02");
    (message.body as number[])[1] = 3;
    expect(encoded(message)).toBe(tidy("00 53 76 c0 06 02 60 00 01 54 03"));
    const several = received("00 53 76 c0 03 01 54 02 00 53 76 45");
    (several.body as number[][])[1]?.push(3);
    expect(encoded(several)).toBe(tidy("00 53 76 c0 03 01 54 02 00 53 76 c0 03 01 54 03"));
  });

  test("bytes that are changed in place are sent changed", () => {
    const one = received("00 53 75 a0 02 01 02");
    (one.body as Uint8Array)[0] = 9;
    expect(encoded(one)).toBe(tidy("00 53 75 a0 02 09 02"));
    const two = received("00 53 75 a0 01 01 00 53 75 a0 01 02");
    (two.body as Uint8Array)[1] = 9;
    expect(encoded(two)).toBe(tidy("00 53 75 a0 02 01 09"));
  });

  test("a date that is changed in place is sent changed", () => {
    const message = received("00 53 73 c0 13 0a 40 40 40 40 40 40 40 40 40 83 00 00 00 00 00 00 00 01 00 53 77 40");
    (message.creationTime as Date).setTime(2);
    expect(encoded(message)).toBe(tidy("00 53 73 c0 13 0a 40 40 40 40 40 40 40 40 40 83 00 00 00 00 00 00 00 02 00 53 77 40"));
  });
});

describe("another body for a received message", () => {
  const octets = "00 53 76 c0 03 01 50 01";
  test.each([
    ["an array is a list, whatever the section was", [1], "00 53 77 c0 03 01 54 01"],
    ["bytes", hex("01"), "00 53 75 a0 01 01"],
    ["chosen", sequence([1], [2]), "00 53 76 c0 03 01 54 01 00 53 76 c0 03 01 54 02"],
    ["chosen data", data(hex("01"), hex("02")), "00 53 75 a0 01 01 00 53 75 a0 01 02"],
    ["chosen value", value(hex("01")), "00 53 77 a0 01 01"],
  ])("%s", (_name, body, sent) => {
    const message: Message = received(octets);
    message.body = body;
    expect(encoded(message)).toBe(tidy(sent));
  });

  test("inferred moves a list from one kind of section to the other", () => {
    const message = received(octets);
    message.inferred = true;
    expect(encoded(message)).toBe(tidy(octets));
    message.inferred = false;
    expect(encoded(message)).toBe(tidy("00 53 77 c0 03 01 54 01"));
    expect(message.inferred).toBe(false);
  });
});

describe("large bytes", () => {
  const large = new Uint8Array(65_537).fill(7);

  function parts(message: Parameters<typeof encodeMessage>[1]): { written: Uint8Array; references: BodyReference[] } {
    const w = new ByteWriter();
    w.writeBytes(hex("ff ff ff"));
    const references: BodyReference[] = [];
    encodeMessage(w, message, references);
    return { written: w.toBytes().subarray(3), references };
  }

  test("go by reference where the caller takes references", () => {
    const { written, references } = parts({ id: 1, body: data(large, hex("01"), large), footer: { f: true } });
    const head = `00 53 73 c0 03 01 53 01 00 53 75 b0 ${size32(65_537)}`;
    const middle = `00 53 75 a0 01 01 00 53 75 b0 ${size32(65_537)}`;
    expect(Buffer.from(written).toString("hex")).toBe(`${head}${middle}00 53 78 c1 05 02 a3 01 66 41`.replaceAll(" ", ""));
    expect(references).toEqual([{ at: hex(head).length, bytes: large }, { at: hex(head).length + hex(middle).length, bytes: large }]);
    expect(references[0]?.bytes).toBe(large);
  });

  test("are copied where they are not larger than 64 KiB", () => {
    expect(parts({ body: large.subarray(1) })).toMatchObject({ references: [], written: { length: 65_544 } });
  });

  test("of a received message go by reference as well, so that what is put together is what came", () => {
    const whole = new Message({ durable: true, deliveryCount: 1, id: 1, body: large, footer: { f: true } }).encode();
    for (const touch of [false, true]) {
      const message = Message.decode(whole);
      if (touch) expect(message.body).toHaveLength(65_537);
      const { written, references } = parts(message);
      expect(references).toHaveLength(1);
      const { at, bytes } = references[0] as BodyReference;
      const together = Buffer.concat([written.subarray(0, at), bytes, written.subarray(at)]);
      expect(together.equals(new Message({ durable: true, id: 1, body: large, footer: { f: true } }).encode())).toBe(true);
    }
  });

  test("are not referred to after an error", () => {
    const references: BodyReference[] = [{ at: 0, bytes: large }];
    const w = new ByteWriter();
    w.writeBytes(hex("01 02"));
    expect(() => encodeMessage(w, { body: large, footer: { f: Symbol("no") } }, references)).toThrow("footer");
    expect(references).toHaveLength(1);
    expect(w.position).toBe(2);
  });
});

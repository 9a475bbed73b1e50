/** What is no message: found by the structural pass, or when a value is touched. */

import { describe, expect, test } from "@jest/globals";
import { checkMessage } from "../../src/message/check.ts";
import { DecodeError } from "../../src/errors.ts";
import { Message } from "../../src/message/message.ts";
import { encoded, hex, received, size32, tidy } from "./support.ts";

const HEADER = "00 53 70 45";
const PROPERTIES = "00 53 73 45";
const ANNOTATIONS = "00 53 72 c1 01 00";
const APPLICATION = "00 53 74 c1 01 00";
const DATA = "00 53 75 a0 00";
const SEQUENCE = "00 53 76 45";
const VALUE = "00 53 77 40";
const FOOTER = "00 53 78 c1 01 00";

function checking(text: string): () => void {
  const bytes = hex(text);
  return () => checkMessage(bytes, 0, bytes.length);
}

const broken: readonly (readonly [string, string])[] = [
  ["empty", ""],
  ["no described value", "40"],
  ["a described list that is no section", `00 53 24 45 ${VALUE}`],
  ["an unknown section", `00 53 79 45`],
  ["an unknown section by a long descriptor", `00 80 01 00 00 00 00 00 00 77 40`],
  ["an unknown name", "00 a3 03 61 62 63 40"],
  ["a descriptor of another type", "00 50 77 40"],
  ["a descriptor that is cut off", "00"],
  ["a short descriptor that is cut off", "00 53"],
  ["a section without a value", "00 53 77"],
  ["a long descriptor without a value", "00 80 00 00 00 00 00 00 00 77"],
  ["sections out of order", `${PROPERTIES} ${HEADER} ${VALUE}`],
  ["annotations after properties", `${PROPERTIES} ${ANNOTATIONS} ${VALUE}`],
  ["a section twice", `${HEADER} ${HEADER} ${VALUE}`],
  ["two amqp-value sections", `${VALUE} ${VALUE}`],
  ["a footer twice", `${VALUE} ${FOOTER} ${FOOTER}`],
  ["properties after the body", `${VALUE} ${PROPERTIES}`],
  ["a body after the footer", `${FOOTER} ${VALUE}`],
  ["data, then amqp-value", `${DATA} ${VALUE}`],
  ["data, then amqp-sequence", `${DATA} ${SEQUENCE}`],
  ["amqp-sequence, then data", `${SEQUENCE} ${DATA}`],
  ["a header that is a map", `00 53 70 c1 01 00 ${VALUE}`],
  ["properties that are a map", `00 53 73 c1 01 00 ${VALUE}`],
  ["properties that are null", `00 53 73 40 ${VALUE}`],
  ["annotations that are a list", `00 53 72 45 ${VALUE}`],
  ["application-properties that are null", `00 53 74 40 ${VALUE}`],
  ["data that is a string", "00 53 75 a1 00"],
  ["data that is null", "00 53 75 40"],
  ["a sequence that is an array", "00 53 76 e0 02 00 40"],
  ["a footer that is a list", `${VALUE} 00 53 78 45`],
  ["a header of six fields", `00 53 70 c0 07 06 40 40 40 40 40 40 ${VALUE}`],
  ["properties of fourteen fields", `00 53 73 c0 0f 0e ${"40".repeat(14)} ${VALUE}`],
  ["data that is cut off", "00 53 75 a0 03 01 02"],
  ["data without its size", "00 53 75 b0 00 00 00"],
  ["data of a huge size", "00 53 75 b0 ff ff ff ff 00"],
  ["a value that is cut off", "00 53 77 71 00 00 00"],
  ["text that is cut off", "00 53 77 a1 05 61"],
  ["an unknown format code", "00 53 77 3f"],
  ["an unknown format code in properties", `00 53 73 c0 02 01 3f ${VALUE}`],
  ["properties that are cut off", "00 53 73 c0 05 01 40"],
  ["properties without a count", "00 53 73 c0 00"],
  ["properties of a wide head without its count", "00 53 73 d0 00 00 00 03 00 00 00"],
  ["fewer fields than the count", `00 53 73 c0 02 02 40 ${VALUE}`],
  ["more fields than the count", `00 53 73 c0 03 01 40 40 ${VALUE}`],
  ["a field beyond the end of its list", `00 53 73 c0 03 01 a1 05 ${VALUE}`],
  ["a map of an odd count", `00 53 72 c1 05 01 a3 01 61 40 ${VALUE}`],
  ["a map of fewer entries than it says", `00 53 72 c1 04 02 a3 01 61 ${VALUE}`],
  ["a map of more entries than it says", `00 53 72 c1 06 02 a3 01 61 40 40 ${VALUE}`],
  ["a map of a count that cannot be", `00 53 72 d1 00 00 00 04 00 10 00 00 ${VALUE}`],
  ["a null key in message annotations", `00 53 72 c1 03 02 40 40 ${VALUE}`],
  ["a null key in delivery annotations", `00 53 71 c1 03 02 40 40 ${VALUE}`],
  ["a null key in the footer", `${VALUE} 00 53 78 c1 03 02 40 40`],
  ["a null key in application-properties", `00 53 74 c1 03 02 40 40 ${VALUE}`],
  ["a list as a key", `00 53 72 c1 03 02 45 40 ${VALUE}`],
  ["a null key after a value that is a list", `00 53 72 c1 09 04 a3 01 61 c0 01 00 40 40 ${VALUE}`],
  ["an unknown format code in a list", "00 53 77 c0 02 01 3f"],
  ["a list of a size that cannot be", "00 53 77 c0 05 01 40"],
];

describe("the structural pass", () => {
  test.each(broken)("B85 %s is refused", (_name, text) => {
    expect(checking(text)).toThrow(DecodeError);
    expect(checking(text)).toThrow(expect.objectContaining({ code: "decode-error", scope: "delivery" }));
    expect(() => Message.decode(hex(text))).toThrow(DecodeError);
  });

  test("B85 of a whole message every beginning is refused, but where a section ends and the body may be missing", () => {
    const bytes = hex(`00 53 70 c0 02 01 41  00 53 72 c1 07 02 a3 01 61 c0 01 00  00 53 73 c0 05 01 a1 02 61 62  00 53 77 c1 06 02 a1 01 6b 54 01  ${FOOTER}`);
    const whole: number[] = [];
    for (let end = 0; end <= bytes.length; end++) {
      try {
        checkMessage(bytes, 0, end);
        whole.push(end);
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError);
      }
    }
    expect(whole).toEqual([7, 19, 29, 40, 46]);
  });

  test("B85 ten thousand data sections are a body, one more is not", () => {
    const section = hex("00 53 75 a0 01 07");
    const bytes = new Uint8Array(section.length * 10_001);
    for (let i = 0; i < 10_001; i++) bytes.set(section, i * section.length);
    const most = section.length * 10_000;
    checkMessage(bytes, 0, most);
    expect(() => checkMessage(bytes, 0, bytes.length)).toThrow("10000");
    const message = Message.fromWire(bytes, 0, most);
    expect(message.body).toEqual(new Uint8Array(10_000).fill(7));
  });

  test("B30 B31 nesting beyond the limit is refused, in the body and in annotations", () => {
    let list = "45";
    for (let i = 0; i < 100; i++) list = `d0 ${size32(hex(list).length + 4)} 00000001 ${list}`;
    expect(checking(`00 53 77 ${list}`)).toThrow(DecodeError);
    const size = hex(list).length + 7;
    expect(checking(`00 53 72 d1 ${size32(size)} 00000002 a3 01 61 ${list} ${VALUE}`)).toThrow(DecodeError);
  });

  test("B33 tiny values beyond the limit are refused", () => {
    expect(checking(`00 53 76 d0 ${size32(70_004)} ${size32(70_000)} ${"40".repeat(70_000)}`)).toThrow(DecodeError);
    expect(checking(`00 53 72 d1 ${size32(400_004)} ${size32(160_000)} ${"a300 a3016140".repeat(80_000)}`)).toThrow(DecodeError);
  });

  test.each([
    ["header and value", `${HEADER} ${VALUE}`],
    ["everything", `${HEADER} 00 53 71 c1 01 00 ${ANNOTATIONS} ${PROPERTIES} ${APPLICATION} ${DATA} ${DATA} ${FOOTER}`],
    ["strings and ulongs as keys of annotations", `00 53 72 c1 08 04 a1 01 61 40 53 05 40 ${VALUE}`],
    ["symbols as keys of application-properties", `00 53 74 c1 05 02 a3 01 61 40 ${VALUE}`],
    ["a described value in the body", "00 53 77 00 a3 01 61 41"],
    ["no body, as Proton sends None", PROPERTIES],
  ])("B85 %s is a message", (_name, text) => {
    checking(text)();
    expect(Message.decode(hex(text)).properties).toBeDefined();
  });

  test("the range that is checked is the range that was given", () => {
    const bytes = hex(`ff ff ${VALUE} ff`);
    checkMessage(bytes, 2, 6);
    expect(() => checkMessage(bytes, 2, 7)).toThrow(DecodeError);
    expect(Message.fromWire(bytes, 2, 6).body).toBe(null);
  });
});

describe("values", () => {
  test.each([
    ["invalid UTF-8 in the body", "00 53 77 a1 01 ff", "body"],
    ["invalid UTF-8 in to", `00 53 73 c0 06 03 40 40 a1 01 ff ${VALUE}`, "to"],
    ["a symbol beyond ASCII", `00 53 73 c0 0a 07 40 40 40 40 40 40 a3 01 80 ${VALUE}`, "contentType"],
    ["subject as a number", `00 53 73 c0 06 04 40 40 40 54 01 ${VALUE}`, "subject"],
    ["a message-id that is a boolean", `00 53 73 c0 02 01 41 ${VALUE}`, "id"],
    ["a message-id that is a list", `00 53 73 c0 02 01 45 ${VALUE}`, "id"],
    ["durable as a number", `00 53 70 c0 03 01 54 01 ${VALUE}`, "durable"],
    ["a boolean of 2", "00 53 77 56 02", "body"],
    ["a key twice", `00 53 74 c1 09 04 a1 01 61 40 a1 01 61 40 ${VALUE}`, "properties"],
    ["a key as symbol and as string", `00 53 72 c1 09 04 a3 01 61 40 a1 01 61 40 ${VALUE}`, "annotations"],
  ] as const)("B85 %s is found when it is touched, every time, and disturbs nothing else", (_name, text, field) => {
    const message = received(text);
    expect(() => message[field]).toThrow(DecodeError);
    expect(() => message[field]).toThrow(expect.objectContaining({ code: "decode-error", scope: "delivery" }));
    expect(message.footer).toEqual({});
  });

  test("B36 keys with a meaning to JavaScript are data, and go out as they came", () => {
    const keys = ["__proto__", "constructor", "toString", "hasOwnProperty"];
    const entries = keys.map((key) => `a1 ${size32(key.length).slice(6)} ${Buffer.from(key).toString("hex")} a1 01 78`).join("");
    const size = size32(hex(entries).length + 1).slice(6);
    const text = `00 53 74 c1 ${size} 08 ${entries} 00 53 77 c1 ${size} 08 ${entries}`;
    const message = received(text);
    for (const map of [message.properties, message.body as Record<string, unknown>]) {
      expect(Object.keys(map)).toEqual(keys);
      for (const key of keys) expect(map[key]).toBe("x");
      expect(Object.getPrototypeOf(map)).toBe(null);
    }
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    expect(encoded(message)).toBe(tidy(text));
    message.properties["constructor"] = "y";
    expect(encoded(message)).toBe(tidy(text.replace("636f6e7374727563746f72 a1 01 78", "636f6e7374727563746f72 a1 01 79")));
    const own = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    expect(Object.keys(Message.decode(new Message({ properties: own, body: null }).encode()).properties)).toEqual(["__proto__", "constructor"]);
  });

  test("B37 keys that are no text stay in a Map; a null key of annotations is refused", () => {
    const text = "00 53 77 c1 05 04 40 41 45 42";
    const message = received(text);
    expect(message.body).toEqual(new Map<unknown, unknown>([[null, true], [[], false]]));
    expect(encoded(message)).toBe(tidy(text));
    expect(() => received(`00 53 72 c1 03 02 40 41 ${VALUE}`)).toThrow("null");
  });
});

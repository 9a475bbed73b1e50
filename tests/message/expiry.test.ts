/** The time at which a message expires, read from the bytes alone. */

import { describe, expect, test } from "@jest/globals";
import { readExpiryTime } from "../../src/message/expiry.ts";
import { Message } from "../../src/message/message.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));

const BODY = "00 53 77 40";

describe("expiry of a message", () => {
  test.each<[string, string, number | undefined]>([
    ["no properties", BODY, undefined],
    ["an empty list", `00 53 73 45 ${BODY}`, undefined],
    ["fewer fields", `00 53 73 c0 06 01 a1 03 61 62 63 ${BODY}`, undefined],
    ["null", `00 53 73 c0 0a 09 40 40 40 40 40 40 40 40 40 ${BODY}`, undefined],
    ["a time behind fields of several sizes", `00 53 70 c0 02 01 41 00 53 73 c0 1a 09 a1 01 61 a0 02 00 01 40 40 40 53 07 a3 01 78 40 83 00 00 01 8b cf e5 68 00 ${BODY}`, 1_700_000_000_000],
    ["in a list32 with a symbolic descriptor, and more behind it", `00 a3 14 616d71703a70726f706572746965733a6c697374 d0 00 00 00 19 00 00 00 0b 40 40 40 40 40 40 40 40 83 ff ff ff ff ff ff ff ff 40 a1 01 67 ${BODY}`, -1],
  ])("%s", (_what, hex, expected) => {
    const wire = bytes(hex);
    expect(readExpiryTime(wire, 0, wire.length)).toBe(expected);
    // the same by way of decoding all of it
    const { expiryTime } = Message.decode(wire);
    expect(expiryTime instanceof Date ? expiryTime.getTime() : expiryTime).toBe(expected);
  });
});

/** first-acquirer on messages that are sent on: in the header that they have, and in one of its own where they have none. */

import { describe, expect, test } from "@jest/globals";
import { Message } from "../../src/message/message.ts";

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/../g) ?? [], (octet) => Number.parseInt(octet, 16));
const hex = (octets: Uint8Array): string => Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");

const BODY = "005377a10161";

function sentOn(received: string, change: (message: Message) => void): string {
  const message = Message.decode(bytes(received));
  change(message);
  return hex(message.encode());
}

describe("first-acquirer of a message that is sent on", () => {
  test.each<[string, string, (message: Message) => void, string]>([
    ["no header", BODY, (m) => m.setFirstAcquirer(), `005370c0050440404041${BODY}`],
    ["no header, read afterwards", BODY, (m) => { m.setFirstAcquirer(); expect([m.firstAcquirer, m.priority, m.hasHeader()]).toEqual([true, 4, true]); }, `005370c0050440404041${BODY}`],
    ["no header, and taken back", BODY, (m) => { m.setFirstAcquirer(); m.firstAcquirer = false; }, BODY],
    ["no header, and a count", BODY, (m) => { m.setFirstAcquirer(); m.deliveryCount = 2; }, `005370c00705404040415202${BODY}`],
    ["a header of the former hop", `005370c00705404040425205${BODY}`, (m) => m.setFirstAcquirer(), `005370c0050440404041${BODY}`],
    ["a header that is to stay", `005370c00402415009${BODY}`, (m) => m.setFirstAcquirer(), `005370c006044150094041${BODY}`],
  ])("%s", (_what, received, change, expected) => {
    expect(sentOn(received, change)).toBe(expected);
  });

  test("hasHeader tells whether there is one", () => {
    expect([Message.decode(bytes(BODY)).hasHeader(), Message.decode(bytes(`00537045${BODY}`)).hasHeader(), new Message({ body: 1 }).hasHeader(), new Message({ body: 1, priority: 5 }).hasHeader()])
      .toEqual([false, true, false, true]);
  });
});

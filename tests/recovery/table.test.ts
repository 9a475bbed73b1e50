/** X.9: the table of resumed deliveries, row by row, with the standard's own example (§3.4.6), and the places in messages that it speaks of. */

import { describe, expect, test } from "@jest/globals";
import type { ResumeStep } from "../../src/engine/recovery/resume.ts";
import { resumeStep } from "../../src/engine/recovery/resume.ts";
import type { DeliveryState } from "../../src/frames/delivery-state.ts";
import { octetsBefore, placeAfter } from "../../src/message/places.ts";
import { hex } from "../engine/support.ts";

const R = (section: number, offset: number): DeliveryState => ({ type: "received", section, offset });
const A: DeliveryState = { type: "accepted" };
const L: DeliveryState = { type: "released" };

describe("what a sender does about a delivery of a resumed link", () => {
  test.each<[string, DeliveryState | null, DeliveryState | null | undefined, ResumeStep]>([
    ["X.9.1", null, undefined, { row: 1, act: "send" }],
    ["X.9.2", null, R(3, 0), { row: 2, act: "resume", from: R(3, 0) as never }],
    ["X.9.3", null, A, { row: 3, act: "conclude", outcome: A as never }],
    ["X.9.4", null, null, { row: 4, act: "resume", from: undefined }],
    ["X.9.5", R(0, 200), undefined, { row: 5, act: "send" }],
    ["X.9.6", R(1, 150), R(2, 0), { row: 6, act: "resume", from: R(2, 0) as never }],
    ["X.9.6 at the same place", R(1, 150), R(1, 150), { row: 6, act: "resume", from: R(1, 150) as never }],
    ["X.9.7", R(0, 500), R(0, 100), { row: 7, act: "abort", again: true }],
    ["X.9.7 a section before", R(2, 0), R(1, 900), { row: 7, act: "abort", again: true }],
    ["X.9.8", R(3, 5), A, { row: 8, act: "conclude", outcome: A as never }],
    ["X.9.9", R(2, 0), null, { row: 9, act: "abort", again: true }],
    ["X.9.10", A, undefined, { row: 10, act: "forget" }],
    ["X.9.11", A, R(1, 2000), { row: 11, act: "abort", again: false }],
    ["X.9.12", A, A, { row: 12, act: "settle", outcome: A as never }],
    ["X.9.13", A, L, { row: 13, act: "restate", outcome: A as never }],
    ["X.9.14", A, null, { row: 14, act: "abort", again: false }],
    ["X.9.12 why it was rejected does not matter", { type: "rejected", error: undefined }, { type: "rejected", error: { condition: "x:y" } },
      { row: 12, act: "settle", outcome: { type: "rejected", error: undefined } }],
    ["X.9.13 modified in another way", { type: "modified", deliveryFailed: true, undeliverableHere: false, annotations: {} },
      { type: "modified", deliveryFailed: false, undeliverableHere: false, annotations: {} },
      { row: 13, act: "restate", outcome: { type: "modified", deliveryFailed: true, undeliverableHere: false, annotations: {} } }],
    ["X.9.4 a state of a transaction is no outcome", null, { type: "transactional", txnId: new Uint8Array(1), outcome: A as never }, { row: 4, act: "resume", from: undefined }],
  ])("%s", (_row, ours, theirs, step) => {
    expect(resumeStep(ours, theirs)).toEqual(step);
  });
});

describe("places in a message", () => {
  // header with durable, properties with message-id "m", data of 3 octets
  const message = hex("005370c00201 41 005373c00401a1016d 005375a003 010203".replaceAll(" ", ""));
  const sections = [7, 16, 24];

  test("X.9.2 a whole message ends behind its last section", () => {
    expect(placeAfter(message, 0, message.length)).toEqual({ section: 3, offset: 0 });
  });

  test("X.4 a message cut off anywhere ends in the section that is cut, and both directions agree at every octet", () => {
    for (let end = 0; end <= message.length; end++) {
      const place = placeAfter(message, 0, end);
      const before = [0, ...sections].filter((start) => start <= end);
      const start = before.at(-1) as number;
      expect(place).toEqual({ section: before.length - 1, offset: end - start });
      expect(octetsBefore(message, 0, message.length, place)).toBe(end);
    }
  });

  test("a place outside of the message is none", () => {
    expect(octetsBefore(message, 0, message.length, { section: 4, offset: 0 })).toBeUndefined();
    expect(octetsBefore(message, 0, message.length, { section: 0, offset: 8 })).toBeUndefined();
    expect(octetsBefore(message, 0, message.length, { section: 2, offset: 9n })).toBeUndefined();
    expect(octetsBefore(message, 0, message.length, { section: 0, offset: 7 })).toBe(7);
  });
});

/**
 * What a sender does about a delivery when its link is resumed (§2.6.13, §3.4.6): a table over what the unsettled maps of both
 * ends say of it. The rows are those of protocol.md X.9.
 */

import type { DeliveryState, Outcome } from "../../frames/delivery-state.ts";

/** How far a message is there, or from where it can be sent (§3.4.1). */
export type Received = Extract<DeliveryState, { readonly type: "received" }>;

/** The row of the table that applied. */
export type ResumeRow = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14;

/**
 * What the sender does:
 * `send` it whole as a new delivery; `resume` it from a place, or from its start; `conclude` with the receiver's outcome; `settle`, since
 * both have the same outcome; `restate` its own outcome, which counts; `abort` what the receiver holds, and send it `again` if it has no
 * outcome; `forget` it.
 */
export type ResumeStep =
  | { readonly row: 1 | 5; readonly act: "send" }
  | { readonly row: 2 | 4 | 6; readonly act: "resume"; readonly from: Received | undefined }
  | { readonly row: 3 | 8; readonly act: "conclude"; readonly outcome: Outcome }
  | { readonly row: 7 | 9 | 11 | 14; readonly act: "abort"; readonly again: boolean }
  | { readonly row: 10; readonly act: "forget" }
  | { readonly row: 12; readonly act: "settle"; readonly outcome: Outcome }
  | { readonly row: 13; readonly act: "restate"; readonly outcome: Outcome };

/** @param ours what the sender has. @param theirs what the receiver's map says; undefined if it has no entry. */
export function resumeStep(ours: DeliveryState | null, theirs: DeliveryState | null | undefined): ResumeStep {
  const outcome = terminal(theirs);
  const mine = terminal(ours);
  if (mine !== undefined) {
    if (theirs === undefined) return { row: 10, act: "forget" };
    if (outcome === undefined) return { row: theirs?.type === "received" ? 11 : 14, act: "abort", again: false };
    return sameOutcome(mine, outcome) ? { row: 12, act: "settle", outcome: mine } : { row: 13, act: "restate", outcome: mine };
  }
  if (ours?.type === "received") {
    if (theirs === undefined) return { row: 5, act: "send" };
    if (outcome !== undefined) return { row: 8, act: "conclude", outcome };
    if (theirs?.type !== "received") return { row: 9, act: "abort", again: true };
    return isBefore(theirs, ours) ? { row: 7, act: "abort", again: true } : { row: 6, act: "resume", from: theirs };
  }
  if (theirs === undefined) return { row: 1, act: "send" };
  if (outcome !== undefined) return { row: 3, act: "conclude", outcome };
  return theirs?.type === "received" ? { row: 2, act: "resume", from: theirs } : { row: 4, act: "resume", from: undefined };
}

/** The outcome that a state is, if it is one. */
export function terminal(state: DeliveryState | null | undefined): Outcome | undefined {
  switch (state?.type) {
    case "accepted":
    case "rejected":
    case "released":
    case "modified":
      return state;
    default:
      return undefined;
  }
}

/** Whether two outcomes mean the same to a message; why one was rejected is no part of that. */
export function sameOutcome(a: Outcome, b: Outcome): boolean {
  if (a.type !== b.type) return false;
  return a.type !== "modified" || b.type !== "modified" || (a.deliveryFailed === b.deliveryFailed && a.undeliverableHere === b.undeliverableHere);
}

function isBefore(a: Received, b: Received): boolean {
  return a.section !== b.section ? a.section < b.section : BigInt(a.offset) < BigInt(b.offset);
}

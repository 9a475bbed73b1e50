/** The usual answer to each frame: what `reply` sends unless the script names other fields. */

import type { Bookkeeping } from "./bookkeeping.ts";
import type { Frame, FrameName } from "./codec/frame.ts";

/** A frame to send. */
export interface Answer {
  readonly name: FrameName;
  readonly channel: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The mirror image of `frame`: a begin that names its channel, an attach of the other role with the same termini, a
 * disposition that accepts and settles a transfer, the same end for detach, end and close.
 */
export function mirror(frame: Frame, books: Bookkeeping): Answer {
  const { name, fields } = frame;
  const channel = books.channelFor(frame.channel);
  switch (name) {
    case "open":
    case "end":
    case "close":
      return { name, channel, fields: {} };
    case "begin":
      return { name, channel, fields: { remoteChannel: frame.channel } };
    case "attach":
      return { name, channel, fields: attach(frame) };
    case "flow":
      return { name, channel, fields: flow(frame, books) };
    case "transfer":
      return { name: "disposition", channel, fields: { role: "receiver", first: fields["deliveryId"], settled: true, state: "accepted" } };
    case "disposition":
      return { name, channel, fields: { role: opposite(fields["role"]), first: fields["first"], last: fields["last"], settled: true, state: asItStood(frame, 4) } };
    case "detach":
      return { name, channel, fields: { handle: books.handleFor(frame.channel, fields["handle"]), closed: fields["closed"] } };
    case "sasl-mechanisms":
      return { name: "sasl-init", channel: 0, fields: {} };
    case "sasl-init":
    case "sasl-response":
      return { name: "sasl-outcome", channel: 0, fields: {} };
    default:
      throw new Error(`there is no usual reply to ${name}`);
  }
}

function attach(frame: Frame): Record<string, unknown> {
  const { name, role, sndSettleMode, rcvSettleMode } = frame.fields;
  return { name, role: opposite(role), sndSettleMode, rcvSettleMode, source: asItStood(frame, 5), target: asItStood(frame, 6) };
}

function flow(frame: Frame, books: Bookkeeping): Record<string, unknown> {
  const { handle, deliveryCount, linkCredit, drain } = frame.fields;
  return handle === undefined ? {} : { handle: books.handleFor(frame.channel, handle), deliveryCount, linkCredit, drain };
}

function opposite(role: unknown): string {
  return role === "sender" ? "receiver" : "sender";
}

// the very bytes, so that the echo of a terminus or state loses nothing
function asItStood(frame: Frame, index: number): unknown {
  const node = frame.list[index];
  return node === undefined ? undefined : { bytes: node.bytes };
}

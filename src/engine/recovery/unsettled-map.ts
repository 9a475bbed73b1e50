/** The unsettled map of our attach (§2.7.3): as much of it as the peer's frames take, and whether that is all of it (protocol.md X.8). */

import { writePerformative } from "../../frames/codec.ts";
import { writeDeliveryState } from "../../frames/delivery-state-codec.ts";
import type { UnsettledEntry } from "../../frames/performatives.ts";
import { ByteWriter } from "../../util/byte-writer.ts";
import type { LinkSettings } from "../link.ts";

/** Octets of a frame's head and of the map's own, at the most. */
const HEADS = 32;

/** An attach with the deliveries that are unsettled, cut to frames of so many octets. */
export function withUnsettled(settings: LinkSettings, entries: readonly UnsettledEntry[], frameLimit: number): LinkSettings {
  const w = new ByteWriter(1024);
  writePerformative(w, { type: "attach", ...settings, handle: 0xffffffff, role: "receiver", initialDeliveryCount: 0xffffffff, incompleteUnsettled: true });
  let room = frameLimit - HEADS - w.position;
  const fitting: UnsettledEntry[] = [];
  for (const entry of entries) {
    room -= sizeOf(entry, w);
    if (room < 0) return { ...settings, unsettled: fitting, incompleteUnsettled: true };
    fitting.push(entry);
  }
  return { ...settings, unsettled: fitting };
}

function sizeOf([tag, state]: UnsettledEntry, scratch: ByteWriter): number {
  if (state === null) return tag.length + 3;
  scratch.position = 0;
  writeDeliveryState(scratch, state);
  return tag.length + 2 + scratch.position;
}

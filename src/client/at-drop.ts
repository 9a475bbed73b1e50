/**
 * What becomes of a sender's deliveries when its attachment is lost and another one follows (protocol.md R): sent again, in doubt, or
 * given up because nothing of them can be had again.
 */

import type { ClientOutgoing } from "./outgoing.ts";

/** What the decision depends on. */
export interface Drop {
  /** Whether what may have arrived is sent again. */
  readonly resend: boolean;
  /** Whether the last frame of a delivery was handed to the socket. */
  left(delivery: ClientOutgoing): boolean;
}

/** The deliveries by what becomes of them, each in the order of sending. */
export interface Sorted {
  readonly again: ClientOutgoing[];
  readonly doubtful: ClientOutgoing[];
  readonly lost: ClientOutgoing[];
}

/** @param sent written whole. @param partial of which some frames are written */
export function sortAtDrop(sent: Iterable<ClientOutgoing>, partial: ClientOutgoing | undefined, drop: Drop): Sorted {
  const sorted: Sorted = { again: [], doubtful: [], lost: [] };
  for (const delivery of sent) {
    if (delivery.told) continue;
    if (drop.left(delivery)) delivery.left = true;
    // What a transaction holds is void with its control link: to send it again would put it outside. A streamed body is gone as it went.
    if (delivery.transaction !== undefined || delivery.retiredIn !== undefined || delivery.content !== undefined) (delivery.left ? sorted.doubtful : sorted.lost).push(delivery);
    else (!delivery.left || drop.resend ? sorted.again : sorted.doubtful).push(delivery);
  }
  if (partial !== undefined && !partial.told) (partial.transaction === undefined && partial.content === undefined ? sorted.again : sorted.lost).push(partial);
  return sorted;
}

/**
 * What becomes of a sender's deliveries when its attachment is lost and another one follows (protocol.md R): sent again, in doubt, or
 * given up because nothing of them can be had again.
 */

import type { ClientOutgoing } from "./outgoing.ts";

/** What the decision depends on. */
export interface Drop {
  /** Whether another attachment goes on with what was sent (protocol.md X). */
  readonly keep: boolean;
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
  readonly kept: ClientOutgoing[];
}

/** @param sent written whole. @param partial of which some frames are written */
export function sortAtDrop(sent: Iterable<ClientOutgoing>, partial: ClientOutgoing | undefined, drop: Drop): Sorted {
  const sorted: Sorted = { again: [], doubtful: [], lost: [], kept: [] };
  for (const delivery of sent) {
    // What the peer retires in a transaction of its own is decided by that.
    if ((delivery.told && !drop.keep) || delivery.retiredIn !== undefined) continue;
    if (drop.left(delivery)) delivery.left = true;
    // What a transaction holds is void with its control link: to send it again would put it outside. A streamed body is gone as it went.
    if (delivery.transaction !== undefined || delivery.content !== undefined) {
      if (!delivery.told) (delivery.left ? sorted.doubtful : sorted.lost).push(delivery);
    } else if (drop.keep) sorted.kept.push(delivery);
    else (!delivery.left || drop.resend ? sorted.again : sorted.doubtful).push(delivery);
  }
  if (partial === undefined || (partial.told && !drop.keep)) return sorted;
  if (partial.transaction === undefined && partial.content === undefined) (drop.keep ? sorted.kept : sorted.again).push(partial);
  else if (!partial.told) sorted.lost.push(partial);
  return sorted;
}

/** The table of a sender. */
export interface DropTable {
  readonly inFlight: Iterable<ClientOutgoing>;
  /** Puts a delivery into the table, or takes it out. */
  enter(delivery: ClientOutgoing): void;
  recall(delivery: ClientOutgoing): void;
  /** Nobody will ever settle it. */
  forget(delivery: ClientOutgoing): void;
}

/** What is kept stays in the table, what goes again waits before everything else, and the rest is nowhere. */
export function applyDrop({ again, doubtful, lost, kept }: Sorted, table: DropTable, waiting: { unshift(delivery: ClientOutgoing): void }): void {
  const keeps = new Set(kept);
  for (const delivery of [...table.inFlight]) {
    table.recall(delivery);
    if (delivery.told && !keeps.has(delivery)) table.forget(delivery);
  }
  for (const delivery of kept) {
    delivery.suspend();
    table.enter(delivery);
  }
  for (let at = again.length - 1; at >= 0; at--) {
    const delivery = again[at] as ClientOutgoing;
    delivery.rewind();
    waiting.unshift(delivery);
  }
  for (const delivery of [...doubtful, ...lost]) delivery.rewind();
}

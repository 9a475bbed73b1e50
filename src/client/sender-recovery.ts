/**
 * What an exactly-once sender keeps of a lost attachment and what it does with it on the next one (protocol.md X): its unsettled
 * deliveries stay in its table, go into the map of its attach, and are compared with the map of the receiver.
 */

import type { Resumption } from "../engine/deliveries.ts";
import { messageBytes } from "../engine/sender.ts";
import type { ResumeStep } from "../engine/recovery/resume.ts";
import { resumeStep, terminal } from "../engine/recovery/resume.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import type { Attach, UnsettledEntry } from "../frames/performatives.ts";
import { octetsBefore } from "../message/places.ts";
import type { OutgoingOwner } from "./outgoing.ts";
import { ClientOutgoing } from "./outgoing.ts";
import type { SenderLedger } from "./sender-ledger.ts";
import { tagKey } from "./tags.ts";

/** What the recovery needs of its sender. */
export interface RecoveringSender extends OutgoingOwner {
  readonly ledger: SenderLedger | undefined;
  readonly inFlight: Iterable<ClientOutgoing>;
  /** Takes a delivery out of the table: it will be written again. */
  recall(delivery: ClientOutgoing): void;
  /** It is settled, or nobody will ever settle it. */
  forget(delivery: ClientOutgoing): void;
}

/** How often each row of the table X.9 applied. */
export type RowCounts = Record<number, number>;

export class SenderRecovery {
  /** The receiver's map is not complete: nothing new may be sent until what is visible is settled (X.8). */
  reducing = false;
  readonly #owner: RecoveringSender;
  /** While reducing: deliveries that were resumed and are not settled, and whether a new attachment would show more. */
  readonly #visible = new Set<ClientOutgoing>();
  #progress = false;
  /** The maps are being compared: what is settled by that may not have been told yet. */
  #comparing = false;

  constructor(owner: RecoveringSender) {
    this.#owner = owner;
  }

  /** The map of our attach. */
  entries(): UnsettledEntry[] {
    const entries: UnsettledEntry[] = [];
    for (const delivery of this.#owner.inFlight) if (!delivery.localSettled) entries.push([delivery.tag, stateOf(delivery)]);
    return entries;
  }

  /** Compares what is unsettled with the receiver's map; answers what is to be sent, in its order. @param rows counted up */
  resume({ unsettled, incompleteUnsettled }: Attach, complete: boolean, rows: RowCounts): ClientOutgoing[] {
    const theirs = new Map((unsettled ?? []).map(([tag, state]) => [tagKey(tag), state]));
    const absenceSettles = incompleteUnsettled !== true;
    // A map of ours that is cut keeps nothing from going on: we know what it leaves out, and would wait for ever if none of it had arrived.
    this.reducing = !absenceSettles;
    this.#visible.clear();
    this.#progress = false;
    this.#comparing = true;
    const first: ClientOutgoing[] = [];
    let known = 0;
    for (const delivery of [...this.#owner.inFlight]) {
      const state = theirs.get(tagKey(delivery.tag));
      if (state !== undefined) known += 1;
      // What is absent from a map that is not complete may be there all the same.
      else if (!absenceSettles) continue;
      const step = resumeStep(stateOf(delivery), state);
      rows[step.row] = (rows[step.row] ?? 0) + 1;
      this.#take(delivery, step, first);
    }
    // What only the receiver has, it settles now.
    if (complete && known < theirs.size) this.#progress = true;
    this.#comparing = false;
    return first;
  }

  /** A delivery that was resumed is settled. */
  settled(delivery: ClientOutgoing): void {
    if (this.#visible.delete(delivery)) this.#progress = true;
  }

  /** Whether all that could be settled with maps that are not complete is settled, so that the next attachment shows more. */
  get reduced(): boolean {
    return this.reducing && !this.#comparing && this.#progress && this.#visible.size === 0;
  }

  #take(delivery: ClientOutgoing, step: ResumeStep, first: ClientOutgoing[]): void {
    const owner = this.#owner;
    switch (step.act) {
      case "send":
        owner.recall(delivery);
        // Its caller was told that it is in doubt: it is not sent once more (R.7).
        if (delivery.told) {
          owner.forget(delivery);
          return;
        }
        delivery.rewind();
        first.push(delivery);
        return;
      case "resume":
        this.#resume(delivery, step.from, first);
        return;
      case "conclude":
        delivery.conclude(step.outcome, owner.autoSettle);
        if (owner.autoSettle) first.push(this.#word(delivery, { state: step.outcome, from: Infinity, settled: true, aborted: false }));
        else this.#restate(delivery, step.outcome, first);
        return;
      case "settle":
        delivery.conclude(step.outcome, true);
        first.push(this.#word(delivery, { state: step.outcome, from: Infinity, settled: true, aborted: false }));
        return;
      case "restate":
        this.#restate(delivery, step.outcome, first);
        return;
      case "abort":
        first.push(this.#word(delivery, { state: undefined, from: Infinity, settled: false, aborted: true }));
        if (step.again) this.#take(delivery, { row: 5, act: "send" }, first);
        else delivery.conclude(stateOf(delivery) as Outcome, true);
        return;
      case "forget":
        delivery.conclude(stateOf(delivery) as Outcome, true);
    }
  }

  /** Sends what the receiver lacks; nothing if it has all of the message. */
  #resume(delivery: ClientOutgoing, from: ClientOutgoing["received"], first: ClientOutgoing[]): void {
    const message = messageBytes(delivery);
    const octets = from === undefined ? 0 : octetsBefore(message, 0, message.length, from);
    if (octets === undefined || (delivery.told && octets < message.length)) {
      // It holds something else, or the rest is not to be sent any more.
      this.#take(delivery, { row: 7, act: "abort", again: true }, first);
      return;
    }
    this.#owner.recall(delivery);
    delivery.rewind({ state: from, from: octets === message.length ? Infinity : octets, settled: false, aborted: false });
    this.#await(delivery, first);
  }

  #restate(delivery: ClientOutgoing, outcome: Outcome, first: ClientOutgoing[]): void {
    this.#owner.recall(delivery);
    delivery.rewind({ state: outcome, from: Infinity, settled: false, aborted: false });
    this.#await(delivery, first);
  }

  #await(delivery: ClientOutgoing, first: ClientOutgoing[]): void {
    if (this.reducing) this.#visible.add(delivery);
    first.push(delivery);
  }

  /** A transfer that only says something of a delivery, and is the last word on it. */
  #word(delivery: ClientOutgoing, resume: Resumption): ClientOutgoing {
    this.#progress = true;
    const word = new ClientOutgoing(delivery.link);
    word.tagBytes = delivery.tag;
    word.messageFormat = delivery.messageFormat;
    word.told = true;
    word.localSettled = true;
    word.resume = resume;
    this.#owner.ledger?.hold(word);
    return word;
  }
}

/** What our map says of a delivery. */
function stateOf(delivery: ClientOutgoing): DeliveryState | null {
  return terminal(delivery.remoteState) ?? delivery.received ?? null;
}

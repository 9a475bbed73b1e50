/**
 * What a sender with a store does about each delivery (protocol.md X.2, X.3, X.12): its tag and bytes are durable before its transfer leaves,
 * its outcome before its promise is settled and the peer hears that. Of settled deliveries the last ones are remembered, so that a program
 * that was started again can repeat its sends. A send without a store costs the test of one field.
 */

import { messageBytes } from "../engine/sender.ts";
import { terminal } from "../engine/recovery/resume.ts";
import type { AmqpError } from "../errors.ts";
import type { Outcome } from "../frames/delivery-state.ts";
import type { ResolvedSender } from "../options/resolve-link.ts";
import { Uuid } from "../wire/values.ts";
import type { OutgoingDelivery } from "./api.ts";
import { LinkStore } from "./link-store.ts";
import type { StoredLink } from "./link-store.ts";
import type { OutgoingOwner } from "./outgoing.ts";
import { ClientOutgoing } from "./outgoing.ts";
import type { Profile } from "./profile.ts";
import { notSent } from "./send-errors.ts";
import { tagKey } from "./tags.ts";
import type { UnsettledEntry, UnsettledStore } from "./unsettled-store.ts";

/** The sender of a ledger. */
export interface LedgerSender extends OutgoingOwner, StoredLink {
  readonly options: ResolvedSender;
  readonly connection: OutgoingOwner["connection"];
  readonly isSender: true;
  readonly resumption: { restored(peer: string | undefined): void };
  /** Puts a delivery of a former process among those that wait to be resumed. */
  enter(delivery: ClientOutgoing): void;
}

/** What else a ledger needs of it. */
export interface LedgerCalls {
  /** Something that waited for the store may go. */
  stored(): void;
  /** Takes one back that waits. */
  drop(delivery: ClientOutgoing): void;
  /** One that waits or is sent, by its tag. */
  present(tag: Uint8Array): ClientOutgoing | undefined;
}

/** The peer may not have heard of the settlement of so many of a former process: they are named once more (X.9, rows 10 and 12). */
const UNSURE = 1_000;

export class SenderLedger {
  readonly #owner: LedgerSender;
  readonly #calls: LedgerCalls;
  readonly store: LinkStore;
  readonly #keepSettled: number;
  /** The outcomes of the last settled deliveries by tag, the oldest first. */
  readonly #settled = new Map<string, Outcome>();
  readonly #prefix = Uuid.random().bytes.subarray(8);
  #count = 0;
  /** Sends that were called before it was known what the store has. */
  #early: ClientOutgoing[] = [];

  /** The ledger of a sender that is to have one. */
  static of(owner: LedgerSender, { store, containerId, keepSettled }: Profile, calls: LedgerCalls): SenderLedger | undefined {
    return store === undefined || owner.options.guarantee !== "exactly-once" ? undefined : new SenderLedger(owner, store, containerId, keepSettled, calls);
  }

  private constructor(owner: LedgerSender, store: UnsettledStore, container: string, keepSettled: number, calls: LedgerCalls) {
    this.#owner = owner;
    this.#calls = calls;
    this.store = new LinkStore(store, container, owner, (entries) => this.#begin(entries));
    this.#keepSettled = keepSettled;
  }

  /** A tag that neither end has seen: eight random octets of this opening, and a count. */
  readonly nextTag = (): Uint8Array => {
    const tag = new Uint8Array(16);
    tag.set(this.#prefix);
    const view = new DataView(tag.buffer);
    this.#count += 1;
    view.setUint32(8, Math.floor(this.#count / 2 ** 32));
    view.setUint32(12, this.#count >>> 0);
    return tag;
  };

  /** A delivery has its tag and its bytes, and waits: it is kept, and then it may leave. */
  admit(delivery: ClientOutgoing): void {
    if (delivery.transaction !== undefined || delivery.presettled) return;
    delivery.unstored = true;
    if (!this.store.loaded) this.#early.push(delivery);
    else this.#keep(delivery);
  }

  /** These go again: to another peer they are kept under that one's name. */
  readmit(deliveries: readonly ClientOutgoing[]): void {
    for (const delivery of deliveries) {
      if (delivery.identity === undefined || delivery.identity === this.store.identity) continue;
      this.#forgetAt(delivery);
      this.admit(delivery);
    }
  }

  /** What a send with this tag resolves with, instead of sending anything. */
  known(tag: Uint8Array | undefined): Promise<OutgoingDelivery> | undefined {
    if (tag === undefined) return undefined;
    const present = this.#calls.present(tag);
    if (present !== undefined) return this.#fateOf(present);
    const outcome = this.#settled.get(tagKey(tag));
    return outcome === undefined ? undefined : this.#fateOf(this.#concluded(tag, outcome));
  }

  /** Its outcome is known: it counts when it is durable. */
  record(delivery: ClientOutgoing, outcome: Outcome): void {
    if (delivery.identity === undefined) {
      delivery.recorded(undefined);
      return;
    }
    this.store.put({ tag: delivery.tag, state: outcome }).then(() => {
      this.#remember(delivery.tag, outcome);
      delivery.identity = undefined;
      delivery.recorded(undefined);
    }, (error: AmqpError) => delivery.recorded(error));
  }

  /** The last word on a delivery waits until its outcome, which was recorded just now, is durable. */
  hold(word: ClientOutgoing): void {
    const { pending } = this.store;
    if (pending === undefined) return;
    word.unstored = true;
    pending.then(() => {
      word.unstored = false;
      this.#calls.stored();
    }, () => this.#calls.drop(word));
  }

  /** Nobody will settle it any more, or nobody has to. @param doubtful its fate is unknown, and another process may find out */
  forget(delivery: ClientOutgoing, doubtful: boolean): void {
    if (doubtful || delivery.recording) return;
    this.#forgetAt(delivery);
  }

  // ---------------------------------------------------------------- private

  #begin(entries: readonly UnsettledEntry[]): void {
    const settled = entries.filter(({ state }) => terminal(state) !== undefined);
    for (const { tag, state } of settled) this.#remember(tag, state as Outcome);
    for (const { tag, state } of settled.slice(-UNSURE)) this.#owner.enter(this.#concluded(tag, state as Outcome, true));
    for (const { tag, payload } of entries.filter(({ state }) => terminal(state) === undefined)) {
      const delivery = this.#former(tag);
      delivery.chunks = [payload ?? new Uint8Array(0)];
      delivery.identity = this.store.identity;
      delivery.suspended = true;
      this.#owner.enter(delivery);
    }
    this.#owner.resumption.restored(this.#owner.connection.remoteContainer);
    const early = this.#early;
    this.#early = [];
    for (const delivery of early) if (!delivery.told) this.#admitEarly(delivery);
  }

  /** What was sent before the store was read may be in it. */
  #admitEarly(delivery: ClientOutgoing): void {
    const present = this.#calls.present(delivery.tag);
    const outcome = this.#settled.get(tagKey(delivery.tag));
    const known = present !== undefined && present !== delivery ? present : outcome === undefined ? undefined : this.#concluded(delivery.tag, outcome);
    if (known === undefined) {
      this.#keep(delivery);
      return;
    }
    this.#calls.drop(delivery);
    const { resolve } = delivery;
    delivery.resolve = undefined;
    void known.settlement.then(() => {
      delivery.decide(known.outcome);
      resolve?.(this.#fateOf(known) as Promise<never>);
    });
  }

  #keep(delivery: ClientOutgoing): void {
    delivery.identity = this.store.identity;
    const payload = messageBytes(delivery);
    this.store.put({ tag: delivery.tag, state: null, payload }).then(() => {
      delivery.unstored = false;
      this.#calls.stored();
    }, (error: AmqpError) => {
      if (delivery.told) return;
      this.#calls.drop(delivery);
      delivery.decide({ type: "not-sent", cause: error }, notSent(error, delivery, this.#owner.title, "store-failed"));
    });
  }

  #forgetAt(delivery: ClientOutgoing): void {
    const { identity } = delivery;
    if (identity === undefined) return;
    delivery.identity = undefined;
    this.store.delete(delivery.tag, identity);
  }

  #remember(tag: Uint8Array, outcome: Outcome): void {
    const key = tagKey(tag);
    this.#settled.delete(key);
    this.#settled.set(key, outcome);
    while (this.#settled.size > this.#keepSettled) {
      const [oldest] = this.#settled.keys();
      if (oldest === undefined) return;
      this.#settled.delete(oldest);
      this.store.delete(Uint8Array.from(oldest, (octet) => octet.charCodeAt(0)));
    }
  }

  #former(tag: Uint8Array): ClientOutgoing {
    const delivery = new ClientOutgoing(this.#owner);
    delivery.tagBytes = tag;
    delivery.recovered = true;
    delivery.left = true;
    return delivery;
  }

  /** A delivery whose outcome was known before. */
  #concluded(tag: Uint8Array, outcome: Outcome, unsure = false): ClientOutgoing {
    const delivery = this.#former(tag);
    delivery.told = true;
    delivery.outcome = outcome;
    delivery.remoteState = outcome;
    delivery.suspended = unsure;
    delivery.localSettled = !unsure;
    return delivery;
  }

  #fateOf(delivery: ClientOutgoing): Promise<OutgoingDelivery> {
    return delivery.settlement.then(() => {
      const { outcome } = delivery;
      if (outcome === undefined || outcome.type === "accepted") return delivery;
      throw this.#owner.failureOf(delivery);
    });
  }
}

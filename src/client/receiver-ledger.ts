/**
 * What a receiver with a store does about each delivery (protocol.md X.2): its tag and outcome are durable before the sender hears of the
 * outcome, and are forgotten, some time, when the sender has settled. With `commitWith` the outcome is part of a transaction of the
 * user's database, together with what the delivery has brought about.
 */

import { terminal } from "../engine/recovery/resume.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { ResolvedReceiver } from "../options/resolve-link.ts";
import { ClientIncoming } from "./incoming.ts";
import type { IncomingOwner } from "./incoming.ts";
import type { StoredLink } from "./link-store.ts";
import { LinkStore } from "./link-store.ts";
import type { Profile } from "./profile.ts";
import type { LinkIdentity, UnsettledEntry, UnsettledStore } from "./unsettled-store.ts";

/** The receiver of a ledger. */
export interface LedgerReceiver extends IncomingOwner, StoredLink {
  readonly options: ResolvedReceiver;
  readonly connection: IncomingOwner["connection"];
  readonly isSender: false;
  /** What a former process has left is resumed with the first attachment. */
  restore(deliveries: readonly ClientIncoming[]): void;
}

export class ReceiverLedger {
  readonly #owner: LedgerReceiver;
  readonly store: LinkStore;
  /** Under which identity the outcome of a delivery is kept. */
  readonly #kept = new WeakMap<ClientIncoming, LinkIdentity>();

  private constructor(owner: LedgerReceiver, store: UnsettledStore, container: string) {
    this.#owner = owner;
    this.store = new LinkStore(store, container, owner, (entries) => owner.restore(this.#former(entries)));
  }

  /** The ledger of a receiver that is to have one. */
  static of(owner: LedgerReceiver, { store, containerId }: Profile): ReceiverLedger | undefined {
    return store === undefined || owner.options.guarantee !== "exactly-once" ? undefined : new ReceiverLedger(owner, store, containerId);
  }

  /** Resolves when the outcome is durable. @throws AmqpError store-failed, as a rejection: it counts for nothing */
  async record(delivery: ClientIncoming, state: DeliveryState, commitWith: unknown): Promise<void> {
    const { identity } = this.store;
    const tag = delivery.tag;
    this.#kept.set(delivery, identity);
    try {
      await this.store.put({ tag, state }, commitWith);
    } catch (error) {
      // What was rolled back is not there; what a failing disk may still write is taken back.
      this.#kept.delete(delivery);
      this.store.delete(tag, identity);
      throw error;
    }
  }

  /** The sender has settled it, or knows nothing of it. */
  forget(delivery: ClientIncoming): void {
    const identity = this.#kept.get(delivery);
    if (identity === undefined) return;
    this.#kept.delete(delivery);
    this.store.delete(delivery.tag, identity);
  }

  /** Deliveries that a former process has decided, and whose sender may not have heard. */
  #former(entries: readonly UnsettledEntry[]): ClientIncoming[] {
    const former: ClientIncoming[] = [];
    for (const { tag, state } of entries) {
      const outcome = terminal(state);
      if (outcome === undefined) {
        this.store.delete(tag);
        continue;
      }
      const delivery = new ClientIncoming(this.#owner);
      delivery.tagSource = tag;
      delivery.tagLength = tag.length;
      delivery.disposed = true;
      delivery.localState = outcome;
      delivery.suspended = true;
      this.#kept.set(delivery, this.store.identity);
      former.push(delivery);
    }
    return former;
  }
}

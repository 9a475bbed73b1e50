/**
 * The deliveries of a session by id, in both directions, and the outcomes that come and go for them (§2.6.12, 2.7.6).
 */

import { AmqpCondition } from "../frames/condition.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Disposition, Role } from "../frames/performatives.ts";
import { copyBytes } from "../util/bytes.ts";
import { IdRing } from "../util/id-ring.ts";
import { serialAdd, serialDiff, serialLess } from "../util/serial.ts";
import type { SlabPool } from "../util/slab.ts";
import { Breach } from "./breach.ts";
import type { IncomingTransfer, OutgoingTransfer } from "./deliveries.ts";
import { DispositionRun } from "./dispositions.ts";
import { Patience } from "./patience.ts";

/** What the ledger needs of its session. */
export interface LedgerOwner {
  readonly connection: { readonly output: { readonly pool: SlabPool } };
  writeDisposition(disposition: Disposition): void;
}

/** The attachment of a link whose deliveries are to go. */
interface Attachment {
  readonly role: "sender" | "receiver";
  readonly since: number;
}

export class Ledger {
  readonly outgoing = new IdRing<OutgoingTransfer>((delivery) => this.#compact(delivery));
  readonly incoming = new IdRing<IncomingTransfer>();
  /** The id of the next delivery that goes out. */
  nextId: number;
  /** The id of the next delivery that comes in; -1 before the first. */
  expectedId = -1;
  readonly #owner: LedgerOwner;
  readonly #asReceiver = new DispositionRun("receiver");
  readonly #asSender = new DispositionRun("sender");
  #state: DeliveryState | undefined = undefined;
  #settled = false;
  readonly #patience = { sender: new Patience(), receiver: new Patience() };
  readonly #applyOutgoing = (delivery: OutgoingTransfer): void => {
    if (this.#settled) this.outgoing.delete(delivery.deliveryId);
    delivery.handleDisposition(this.#state, this.#settled);
  };
  readonly #applyIncoming = (delivery: IncomingTransfer): void => {
    if (this.#settled) this.settledByPeer(delivery);
    delivery.handleDisposition(this.#state, this.#settled);
  };

  /** @param initialId of the first delivery that goes out */
  constructor(owner: LedgerOwner, initialId: number) {
    this.#owner = owner;
    this.nextId = initialId;
  }

  /** A delivery has begun to go out. */
  sent(delivery: OutgoingTransfer): void {
    this.nextId = (this.nextId + 1) >>> 0;
    if (!delivery.presettled) this.outgoing.push(delivery.deliveryId, delivery);
  }

  /** Checks that ids come without gaps, and registers a delivery that is not settled yet. */
  register(delivery: IncomingTransfer): void {
    const id = delivery.deliveryId;
    if (this.expectedId >= 0 && id !== this.expectedId) {
      throw new Breach("session", AmqpCondition.invalidField, `delivery-id ${id} came where ${this.expectedId} is next`);
    }
    this.expectedId = (id + 1) >>> 0;
    if (!delivery.remoteSettled) this.incoming.push(id, delivery);
  }

  /** A delivery comes that is not for anybody: only its id counts. */
  skip(deliveryId: number): void {
    this.expectedId = (deliveryId + 1) >>> 0;
  }

  settledByPeer(delivery: IncomingTransfer): void {
    this.incoming.delete(delivery.deliveryId);
    delivery.endpoint?.tags.delete(delivery);
  }

  /** Tells the outcome of a delivery that we received. */
  disposeIncoming(delivery: IncomingTransfer, state: DeliveryState | undefined, settled: boolean): void {
    if (settled) this.settledByPeer(delivery);
    this.#collect(this.#asReceiver, delivery.deliveryId, state, settled);
  }

  /** Tells a state of a delivery that we sent, or settles it. */
  disposeOutgoing(delivery: OutgoingTransfer, state: DeliveryState | undefined, settled: boolean): void {
    if (settled) this.outgoing.delete(delivery.deliveryId);
    this.#collect(this.#asSender, delivery.deliveryId, state, settled);
  }

  /** Writes what was collected. */
  write(): void {
    if (this.#asReceiver.open) this.#owner.writeDisposition(this.#asReceiver.take());
    if (this.#asSender.open) this.#owner.writeDisposition(this.#asSender.take());
  }

  handleDisposition(disposition: Disposition): void {
    const { first } = disposition;
    const last = disposition.last ?? first;
    if (serialLess(last, first)) {
      throw new Breach("session", AmqpCondition.invalidField, `disposition names first ${first} after last ${last}`);
    }
    this.#state = disposition.state;
    this.#settled = disposition.settled === true;
    if (!this.#settled && first !== last) {
      // It says nothing.
      if (disposition.state === undefined) return;
      this.#check(disposition.role, serialDiff(last, first) + 1);
    }
    if (disposition.role === "receiver") {
      if (first === last) {
        const delivery = this.outgoing.get(first);
        if (delivery !== undefined) this.#applyOutgoing(delivery);
      } else {
        this.outgoing.visit(first, last, this.#applyOutgoing);
      }
    } else {
      this.incoming.visit(first, last, this.#applyIncoming);
    }
  }

  /** A link is detached on both sides: what it left unsettled is not kept for the life of the session. */
  forget(link: Attachment): void {
    if (link.role === "sender") forgetDeliveries(this.outgoing, link, this.nextId);
    else forgetDeliveries(this.incoming, link, this.expectedId);
  }

  clear(): void {
    this.outgoing.clear();
    this.incoming.clear();
  }

  /** Whether the peer may go over so many ids once more, without settling anything. */
  #check(role: Role, ids: number): void {
    const lasts = role === "receiver" ? this.#patience.receiver.lasts(this.nextId, this.outgoing.size, ids)
      : this.#patience.sender.lasts(this.expectedId, this.incoming.size, ids);
    if (!lasts) throw new Breach("session", AmqpCondition.resourceLimitExceeded, "dispositions go over the same unsettled deliveries again and again");
  }

  #collect(run: DispositionRun, deliveryId: number, state: DeliveryState | undefined, settled: boolean): void {
    if (run.add(deliveryId, state, settled)) return;
    this.#owner.writeDisposition(run.take());
    run.add(deliveryId, state, settled);
  }

  /** A straggler takes its message along, so that it does not keep a whole slab for itself. */
  #compact(delivery: OutgoingTransfer): void {
    const { slab, offset, length } = delivery;
    if (slab === undefined) return;
    delivery.chunks = [copyBytes(slab.bytes.subarray(offset, offset + length))];
    delivery.slab = undefined;
    this.#owner.connection.output.pool.release(slab);
  }
}

/** Only ids that are younger than the link are looked at: a link that comes and goes costs what passed meanwhile. */
function forgetDeliveries<T extends IncomingTransfer | OutgoingTransfer>(ring: IdRing<T>, link: Attachment, next: number): void {
  if (ring.size === 0) return;
  const drop = (delivery: T): void => {
    if (delivery.endpoint === link) ring.delete(delivery.deliveryId);
  };
  if (link.since >= 0) ring.visit(link.since, serialAdd(next, -1), drop);
  else for (const delivery of [...ring]) drop(delivery);
}

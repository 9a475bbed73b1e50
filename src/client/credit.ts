/**
 * How much credit a receiver gives: enough for those who take from it, never so much that more than `prefetch` deliveries
 * are neither settled nor passed, and none once the last of them has left. Credit follows consumption, not arrival.
 */

import type { ReceiverEndpoint } from "../engine/receiver.ts";

/** Most credit that a flow can say (§2.7.4). */
const MOST_CREDIT = 0xffffffff;

/** What the keeper needs of its receiver. */
export interface CreditOwner {
  readonly endpoint: ReceiverEndpoint | undefined;
  readonly prefetch: number;
  /** Deliveries that may be unsettled at once, whoever has them. */
  readonly maxUnsettled: number;
  /** Deliveries that are here and not taken. */
  readonly ahead: number;
  readonly held: number;
  /** Deliveries of an earlier attachment that the sender is about to resume. */
  readonly expected: number;
  /** While its connection holds back what is new, no credit is given. */
  readonly host: { readonly io: { readonly holding: boolean } };
  /** Takers that wait. */
  readonly waiting: number;
  /** Gives back what nobody took. */
  giveBackQueue(): void;
}

/** Somebody who takes in a loop. */
export interface Demand {
  /** How many more it takes; Infinity is no limit. */
  limit: number;
  leave(): void;
}

export class CreditKeeper {
  /** Whether what arrives is kept; otherwise it goes back at once. */
  open = false;
  readonly #owner: CreditOwner;
  readonly #prefetchGiven: boolean;
  readonly #demands = new Set<Demand>();
  /** Somebody takes one by one, with a prefetch of its own choice. */
  #keepsFlowing = false;
  /** Credit given by hand before the link was open. */
  #early = 0;
  /** A receive() waits without a prefetch: it gets credit for itself. */
  #pulls = false;

  constructor(owner: CreditOwner, prefetchGiven: boolean) {
    this.#owner = owner;
    this.#prefetchGiven = prefetchGiven;
  }

  /** Whether credit is kept up without being asked for each time. */
  get flowing(): boolean {
    return (this.#keepsFlowing || this.#demands.size !== 0) && this.#owner.prefetch > 0;
  }

  /** Somebody takes in a loop, `limit` at the most. */
  demand(limit: number): Demand {
    const demand: Demand = { limit, leave: () => this.#leave(demand) };
    this.#demands.add(demand);
    this.open = true;
    this.topUp();
    return demand;
  }

  /** A receive() waits. */
  pull(): void {
    if (this.#prefetchGiven && this.#owner.prefetch > 0) {
      this.keepFlowing();
      return;
    }
    this.open = true;
    this.#pulls = true;
    this.topUp();
  }

  /** Somebody takes one by one. */
  keepFlowing(): void {
    if (this.#keepsFlowing && this.open) return;
    this.#keepsFlowing = true;
    this.open = true;
    this.topUp();
  }

  /** Credit by hand. */
  add(n: number): void {
    this.open = true;
    const { endpoint } = this.#owner;
    if (endpoint?.isAttached === true && !this.#owner.host.io.holding) endpoint.giveCredit(Math.min(MOST_CREDIT, endpoint.credit + n));
    else this.#early = Math.min(MOST_CREDIT, this.#early + n);
  }

  /** The attachment is lost: what was given by hand and not used is given again on the next one. */
  keep(unused: number): void {
    if (this.open && !this.flowing && !this.#pulls) this.#early = Math.min(MOST_CREDIT, this.#early + unused);
  }

  /** The link is attached: what the sender resumes has credit of its own. */
  opened(): void {
    const { endpoint, expected } = this.#owner;
    if (expected !== 0) endpoint?.giveCredit(endpoint.credit + expected);
    this.topUp();
  }

  /** The peer is to send no more over this attachment; credit that was given by hand is given again on the next one. */
  hold(): void {
    const { endpoint } = this.#owner;
    if (endpoint?.isAttached !== true || endpoint.credit === 0) return;
    this.keep(endpoint.credit);
    endpoint.echo = true;
    endpoint.giveCredit(0);
  }

  /** Something was consumed, or room is there again: gives what is missing, when that is worth a flow. */
  topUp(): void {
    const owner = this.#owner;
    const { endpoint } = owner;
    if (endpoint === undefined || !endpoint.isAttached || !this.open || owner.host.io.holding) return;
    if (this.#early !== 0) {
      endpoint.giveCredit(Math.min(MOST_CREDIT, endpoint.credit + this.#early));
      this.#early = 0;
    }
    if (endpoint.draining || endpoint.tags.size >= owner.maxUnsettled) return;
    let target = this.#target();
    if (!endpoint.session.connection.hasRoom) {
      // Others use up the byte budget: a link that has none of it goes on, message by message.
      if (endpoint.buffered > 0) return;
      target = Math.min(target, 1);
    }
    target += owner.expected;
    const missing = target - endpoint.credit;
    if (missing <= 0) return;
    // Half of what may be outstanding: a flow for every message would cost more than it brings. But nobody shall run dry,
    // and those who wait one by one have been counted.
    const dry = endpoint.credit === 0 && owner.ahead === 0;
    if (!dry && this.flowing && missing * 2 < target + owner.ahead + owner.held) return;
    endpoint.giveCredit(target);
  }

  /** No more, and what was not taken goes back. */
  stop(): void {
    this.#demands.clear();
    this.#keepsFlowing = false;
    this.#pulls = false;
    this.#early = 0;
    this.#close();
  }

  /** How much credit would be right now. */
  #target(): number {
    const { prefetch, ahead, held, waiting } = this.#owner;
    if (this.flowing) {
      let limit = 0;
      if (this.#keepsFlowing) limit = Infinity;
      else for (const demand of this.#demands) limit += demand.limit;
      return Math.max(0, Math.min(prefetch - ahead - held, limit - ahead));
    }
    return this.#pulls ? waiting : 0;
  }

  #leave(demand: Demand): void {
    if (!this.#demands.delete(demand)) return;
    if (this.#demands.size === 0 && !this.#keepsFlowing) this.#close();
  }

  #close(): void {
    this.open = false;
    this.#pulls = false;
    const { endpoint } = this.#owner;
    this.#owner.giveBackQueue();
    if (endpoint?.isAttached !== true) return;
    endpoint.echo = true;
    endpoint.giveCredit(this.#owner.expected);
  }
}

/** Where links of the listening side are while their peers are gone: sends wait there, and nothing of a lost connection but what a link shows of it is kept. */

import type { Connection, Session } from "../client/api.ts";
import type { LinkTransactions } from "../client/enlistment.ts";
import type { EventScope } from "../client/events.ts";
import type { AfterFlush, ConnectionIo, LinkHost } from "../client/link.ts";
import type { Profile } from "../client/profile.ts";
import type { Replies } from "../client/replies.ts";
import type { SlabPool } from "../util/slab.ts";
import { SlabWriter } from "../util/slab.ts";

/** What all links that wait have in common: their sends together are bounded like those of one connection. */
export class Shelf {
  readonly backlog: SlabWriter;
  pendingSends = 0;
  pendingBytes = 0;

  constructor(slabs: SlabPool) {
    this.backlog = new SlabWriter(slabs);
  }
}

/** The place of one link that waits, instead of its session. */
export class ShelfPlace implements LinkHost, ConnectionIo {
  readonly session: Session;
  readonly connection: Connection;
  readonly profile: Profile;
  readonly transactions: LinkTransactions;
  readonly events: EventScope | undefined;
  readonly endpoint = undefined;
  readonly driver = undefined;
  readonly opened = false;
  readonly holding = false;
  readonly lostAt: number;
  readonly #shelf: Shelf;
  readonly #io: ConnectionIo;

  /** @param host where the link was */
  constructor(shelf: Shelf, host: LinkHost) {
    this.#shelf = shelf;
    this.#io = host.io;
    this.session = host.session;
    this.connection = host.connection;
    this.events = host.events;
    this.profile = host.io.profile;
    this.transactions = host.io.transactions;
    this.lostAt = host.io.profile.clock.now();
  }

  get io(): ConnectionIo {
    return this;
  }

  get backlog(): SlabWriter {
    return this.#shelf.backlog;
  }

  get replies(): Replies {
    return this.#io.replies;
  }

  get pendingSends(): number {
    return this.#shelf.pendingSends;
  }

  set pendingSends(count: number) {
    this.#shelf.pendingSends = count;
  }

  get pendingBytes(): number {
    return this.#shelf.pendingBytes;
  }

  set pendingBytes(octets: number) {
    this.#shelf.pendingBytes = octets;
  }

  turnTime(): number {
    return this.profile.clock.now();
  }

  /** Nothing is written here. */
  afterFlush(task: AfterFlush): void {
    task();
  }

  delays(): undefined {
    return undefined;
  }

  redirected(): undefined {
    return undefined;
  }

  leave(): void {
    // Whoever keeps the link hears of its end by itself.
  }

  resume(): void {
    // It is attached again by its peer only.
  }
}

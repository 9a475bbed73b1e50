/**
 * The transactions of a connection. Of those that it controls: which control link a new one is declared on, and the form that commits or
 * aborts by itself. There is one control link a session; sessions of their own are made for transactions that are not to be in one of
 * the user's. Those of the peer are kept by the resource.
 */

import { AmqpError, ConfigError } from "../errors.ts";
import { checkTransactionOptions } from "../options/resolve.ts";
import type { Connection, Handlers, Session, Transaction, TransactionOptions } from "./api.ts";
import type { Opening } from "./shapes.ts";
import type { ControlLink } from "./control-link.ts";
import { Controller } from "./controller.ts";
import { coordinate } from "./coordinate.ts";
import type { Coordinator } from "./coordinator.ts";
import type { LinkTransactions } from "./enlistment.ts";
import type { EventScope } from "./events.ts";
import type { Profile } from "./profile.ts";
import type { ClientReceiver } from "./receiver.ts";
import type { ResourceSessions } from "./resource.ts";
import { ResourceTransactions } from "./resource.ts";
import { ClientSession } from "./session.ts";
import { ClientTransaction } from "./transaction.ts";
import { bounds, opening, within } from "./waiting.ts";

/** What the transactions need of their connection. */
export interface TransactionsOwner extends Connection {
  readonly profile: Profile;
  readonly events: EventScope | undefined;
  /** A control link in a session, or in one of its own. @throws ConfigError config */
  openControlLink(session: Session | undefined): ControlLink;
}

export class Transactions implements LinkTransactions {
  readonly #owner: TransactionsOwner;
  readonly #sessions: ResourceSessions;
  #resource: ResourceTransactions | undefined = undefined;
  /** By the user's session. */
  readonly #grouped = new Map<Session, Controller>();
  /** In sessions of their own. */
  readonly #own = new Set<Controller>();

  constructor(owner: TransactionsOwner, sessions: ResourceSessions) {
    this.#owner = owner;
    this.#sessions = sessions;
  }

  /** Those that the peer controls: any peer of a listener may have some, others where a coordinator of ours was accepted. */
  get resource(): ResourceTransactions | undefined {
    if (this.#owner.profile.side === "server") this.#resource ??= new ResourceTransactions(this.#sessions);
    return this.#resource;
  }

  /** Whether a transaction is declared, or about to be, and not discharged. */
  get busy(): boolean {
    for (const { claims } of this.#own) if (claims !== 0) return true;
    for (const { claims } of this.#grouped.values()) if (claims !== 0) return true;
    return false;
  }

  coordinate(receiver: ClientReceiver, coordinator: Coordinator): void {
    this.#resource ??= new ResourceTransactions(this.#sessions);
    coordinate(receiver, coordinator, this.#resource);
  }

  /** Declares a transaction. @param handlers told how it goes, before the session's and the connection's. @throws ConfigError config */
  declare(handlers: Handlers | undefined, options: TransactionOptions | undefined): Opening<Transaction> {
    const checked: TransactionOptions = checkTransactionOptions(options);
    const { profile } = this.#owner;
    const scope = checked.session instanceof ClientSession ? checked.session.events : this.#owner.events;
    const events = handlers === undefined ? scope : profile.events?.scope(handlers, scope);
    const transaction = new ClientTransaction(this.#owner, checked.settleBeforeDischarge === true, events);
    let given = false;
    const declaring = this.#begin(transaction, checked.session, () => given);
    const limits = bounds(profile.clock, checked, profile.timeouts.send, "session", "transaction(): the peer's coordinator did not declare it");
    const declared = within(declaring, limits, (reason) => {
      given = true;
      transaction.fail(reason);
    });
    return opening(transaction as Transaction, transaction.hear(declared.then(() => transaction as Transaction)));
  }

  /** Declares one for `work`, and ends it as that ends. */
  async run<T>(work: (tx: Transaction) => Promise<T>, options: TransactionOptions | undefined): Promise<T> {
    const { clock } = this.#owner.profile;
    const started = clock.now();
    const transaction = await this.declare(undefined, options);
    const timeout = options?.timeout ?? Infinity;
    const left = (): number => Math.max(0, timeout - (clock.now() - started));
    let result: T;
    try {
      // Called at once, but what it throws before its first await is a rejection too.
      const working = (async () => work(transaction))();
      result = await within(working, { clock, timeout: left(), signal: options?.signal, scope: "session", what: "transaction(): its work did not end" });
    } catch (error) {
      await transaction.abort().catch((failed: unknown) => this.#report(failed));
      throw error;
    }
    // Work that has ended it by hand has had its reasons.
    if (transaction.state === "committed") return result;
    if (transaction.state === "aborted" && (transaction as ClientTransaction).failure === undefined) return result;
    await transaction.commit(timeout === Infinity ? { signal: options?.signal } : { signal: options?.signal, timeout: left() });
    return result;
  }

  async #begin(transaction: ClientTransaction, session: Session | undefined, abandoned: () => boolean): Promise<void> {
    let controller: Controller | undefined;
    try {
      controller = session === undefined ? await this.#ownController() : await this.#controllerOf(session);
      const id = await controller.declare();
      if (!abandoned()) {
        transaction.begin(controller, id);
        return;
      }
      // Nobody waits for it any more: it is rolled back, since the peer has it open.
      const late = new ClientTransaction(this.#owner, false);
      late.begin(controller, id);
      await late.abort().catch(() => undefined);
    } catch (error) {
      controller?.release(undefined);
      if (abandoned()) return;
      transaction.fail(error);
      throw error;
    }
  }

  async #controllerOf(session: Session): Promise<Controller> {
    let controller = this.#grouped.get(session);
    if (controller?.usable !== true) {
      const made: Controller = new Controller(this.#owner.openControlLink(session), () => {
        if (this.#grouped.get(session) === made) this.#grouped.delete(session);
      });
      this.#grouped.set(session, made);
      controller = made;
    }
    await controller.opened;
    if (!controller.usable) return this.#controllerOf(session);
    if (!controller.free) {
      throw new ConfigError("transaction(): a transaction of this session is not discharged yet, and the peer has no more than one a session at a time "
        + "(amqp:multi-txns-per-ssn): wait for its end, or give it another session", { code: "config", scope: "session" });
    }
    controller.claims += 1;
    return controller;
  }

  async #ownController(): Promise<Controller> {
    for (;;) {
      let waits: Controller | undefined;
      for (const controller of this.#own) {
        if (controller.free) {
          controller.claims += 1;
          return controller;
        }
        if (controller.usable && !controller.isOpen) waits = controller;
      }
      if (waits === undefined) {
        const made: Controller = new Controller(this.#owner.openControlLink(undefined), () => this.#own.delete(made), () => this.#tidy(made));
        this.#own.add(made);
        waits = made;
      }
      await waits.opened;
    }
  }

  /** One that is free is kept for the next transaction, more are not: each has a session of its own. */
  #tidy(idle: Controller): void {
    for (const other of this.#own) {
      if (other === idle || !other.free) continue;
      idle.spend();
      return;
    }
  }

  #report(error: unknown): void {
    this.#owner.profile.onError(error instanceof AmqpError ? error
      : new AmqpError(`a transaction was not aborted: ${String(error)}`, { code: "transaction-failed", scope: "session", cause: error }));
  }
}

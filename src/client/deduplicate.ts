/**
 * `deduplicate` of one receiver: looks at each delivery before anybody sees it, settles those whose message was accepted before, and keeps
 * those that wait for the outcome of another copy. Which is which the window knows, alone for this receiver or shared with others.
 */

import type { AmqpError } from "../errors.ts";
import { AmqpError as BaseError, ConfigError, DecodeError, LinkError } from "../errors.ts";
import type { Clock } from "../options/environment.ts";
import { Deque } from "../util/deque.ts";
import type { CopyOwner, DeduplicateOptions, FirstCopy, WaitingCopy } from "./duplicate-window.ts";
import { DuplicateWindow } from "./duplicate-window.ts";
import type { ResourceTransaction } from "./enlistment.ts";
import type { ClientIncoming } from "./incoming.ts";

/** What it needs of its receiver. */
export interface DeduplicateOwner {
  readonly title: string;
  /** Its deliveries go on to those who take. */
  admitted(delivery: ClientIncoming): void;
  /** It goes to nobody: its octets are no longer counted. */
  dropped(delivery: ClientIncoming): void;
  /** One that was granted went to nobody: it is granted again. */
  spent(): void;
  /** The link cannot be what it was to be. */
  abandon(error: AmqpError): void;
  report(error: AmqpError): void;
}

export class Deduplication implements CopyOwner<ClientIncoming> {
  readonly #owner: DeduplicateOwner;
  readonly #window: DuplicateWindow;
  /** Those whose message is in somebody's hand. */
  readonly #waiting = new Map<ClientIncoming, WaitingCopy>();
  /** Those that came before it was known what a store has. */
  readonly #early = new Deque<ClientIncoming>();
  #loading = false;
  /** Whether it was told that a message has no id. */
  #told = false;

  /** @param given a window, or the options of one. @param name the link's, if the program gave one. @throws ConfigError config */
  constructor(owner: DeduplicateOwner, given: object, name: string | undefined, settlesOnArrival: boolean, clock: Clock) {
    this.#owner = owner;
    this.#window = given instanceof DuplicateWindow ? given : new DuplicateWindow({ name, ...given as DeduplicateOptions });
    const ready = this.#window.open(clock);
    if (ready === undefined) return;
    if (settlesOnArrival) {
      throw new ConfigError('deduplicate: a receiver of guarantee "at-most-once" settles before anything can be stored: leave "store" out', { code: "config", scope: "link" });
    }
    this.#loading = true;
    ready.then(() => this.#begin(), (cause: unknown) => {
      owner.abandon(new LinkError(`${owner.title}: the store of deduplicate cannot be read`, { code: "store-failed", scope: "link", cause }));
    });
  }

  /** Deliveries that are here and that nobody can take yet. */
  get waiting(): number {
    return this.#waiting.size + this.#early.length;
  }

  /** Whether a delivery that has come is to be shown now. */
  passes(delivery: ClientIncoming): boolean {
    if (!this.#loading) return this.#judge(delivery);
    this.#early.push(delivery);
    return false;
  }

  duplicate(delivery: ClientIncoming): void {
    this.#waiting.delete(delivery);
    this.#owner.dropped(delivery);
    void delivery.accept();
    this.#owner.spent();
  }

  show(delivery: ClientIncoming): void {
    this.#waiting.delete(delivery);
    this.#owner.admitted(delivery);
  }

  /** Gives back what still waits: nobody takes any more. */
  giveBack(): void {
    for (const delivery of this.#clear(() => true)) {
      this.#owner.dropped(delivery);
      void delivery.release();
    }
  }

  /** The attachment is lost: what waits is delivered again, unless it came settled. Answers how much that is. */
  suspended(): number {
    const lost = this.#clear(({ remoteSettled }) => !remoteSettled);
    for (const delivery of lost) this.#owner.dropped(delivery);
    return lost.length;
  }

  /** The sender has taken one back before it had come whole, or it is no message. */
  remove(delivery: ClientIncoming): void {
    this.#clear((each) => each === delivery);
  }

  // ---------------------------------------------------------------- private

  #begin(): void {
    this.#loading = false;
    for (let delivery = this.#early.shift(); delivery !== undefined; delivery = this.#early.shift()) {
      if (this.#judge(delivery)) this.#owner.admitted(delivery);
    }
  }

  #judge(delivery: ClientIncoming): boolean {
    let key: string | undefined;
    try {
      key = this.#window.keyOf(delivery.message);
    } catch (error) {
      return this.#unknown(delivery, error);
    }
    if (key === undefined) {
      this.#unnamed();
      return true;
    }
    if (delivery.postedIn === undefined) {
      if (this.#window.has(key)) this.duplicate(delivery);
      else {
        const wait = this.#window.enter(key, delivery, this);
        if (wait === undefined) return true;
        this.#waiting.set(delivery, wait);
        this.#owner.spent();
      }
      return false;
    }
    // Whether it counts is known at the end of the transaction. Nothing may wait for that, or two transactions could wait for each other.
    if (this.#window.has(key)) {
      this.duplicate(delivery);
      return false;
    }
    delivery.first = new PostedCopy(key, this.#window, delivery.postedIn, this.#owner);
    return true;
  }

  /** Takes those out that wait and of which this is so. */
  #clear(goes: (delivery: ClientIncoming) => boolean): ClientIncoming[] {
    const cleared: ClientIncoming[] = [];
    for (let left = this.#early.length; left > 0; left--) {
      const delivery = this.#early.shift() as ClientIncoming;
      if (goes(delivery)) cleared.push(delivery);
      else this.#early.push(delivery);
    }
    for (const [delivery, wait] of this.#waiting) {
      if (!goes(delivery)) continue;
      wait.cancel();
      this.#waiting.delete(delivery);
      cleared.push(delivery);
    }
    return cleared;
  }

  /** A message without an id has no copies that could be known. */
  #unnamed(): void {
    if (this.#told || !this.#window.byId) return;
    this.#told = true;
    this.#owner.report(new LinkError(`${this.#owner.title}: deduplicate: a message without a message-id came, and passes; so will others like it. `
      + 'Have its sender give ids, or give "key"', { code: "config", scope: "link" }));
  }

  /** Its key cannot be had: what cannot be read is rejected, and a function that failed is no reason to hold a message back. */
  #unknown(delivery: ClientIncoming, error: unknown): boolean {
    if (error instanceof DecodeError) {
      this.#owner.dropped(delivery);
      this.#owner.report(error);
      void delivery.rejectUndecodable();
      this.#owner.spent();
      return false;
    }
    this.#owner.report(error instanceof BaseError ? error
      : new BaseError(`${this.#owner.title}: the key of deduplicate failed, and its message passes: ${error instanceof Error ? error.message : String(error)}`,
        { code: "handler-failed", scope: "delivery", cause: error }));
    return true;
  }
}

/** A message that was posted in a transaction of the peer's: accepted, it is remembered when that is committed (§4.4.1). */
class PostedCopy implements FirstCopy {
  done = false;
  readonly #key: string;
  readonly #window: DuplicateWindow;
  readonly #transaction: ResourceTransaction;
  readonly #owner: DeduplicateOwner;

  constructor(key: string, window: DuplicateWindow, transaction: ResourceTransaction, owner: DeduplicateOwner) {
    this.#key = key;
    this.#window = window;
    this.#transaction = transaction;
    this.#owner = owner;
  }

  accepted(): undefined {
    if (this.done) return;
    this.done = true;
    this.#transaction.atEnd((committed) => {
      if (committed) this.#window.remember(this.#key)?.catch((error: unknown) => this.#owner.report(error as AmqpError));
    });
  }

  left(): void {
    this.done = true;
  }
}

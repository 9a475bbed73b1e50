/** The sends of a link that wait to leave, oldest first, and what they cost their connection. */

import { LimitError } from "../errors.ts";
import { equalBytes } from "../util/bytes.ts";
import { Deque } from "../util/deque.ts";
import type { ConnectionIo } from "./link.ts";
import type { ClientOutgoing } from "./outgoing.ts";

export class SendQueue implements Iterable<ClientOutgoing> {
  readonly #link: { readonly host: { readonly io: ConnectionIo } };
  readonly #waiting = new Deque<ClientOutgoing>();

  /** @param link whose connection may change */
  constructor(link: { readonly host: { readonly io: ConnectionIo } }) {
    this.#link = link;
  }

  get #io(): ConnectionIo {
    return this.#link.host.io;
  }

  get length(): number {
    return this.#waiting.length;
  }

  /** Why no more may wait, if so. */
  get full(): LimitError | undefined {
    const { pendingSends, pendingBytes, opened, profile: { limits } } = this.#io;
    if (!opened && pendingSends >= limits.offlineQueue) {
      return new LimitError(`there is no connection now, and ${pendingSends} sends wait for one already (limits.offlineQueue)`, { code: "queue-full", scope: "connection", retryable: true });
    }
    if (pendingSends < limits.maxPendingSends && pendingBytes < limits.maxPendingBytes) return undefined;
    return new LimitError(`${pendingSends} sends with ${pendingBytes} octets wait already (limits.maxPendingSends, limits.maxPendingBytes)`,
      { code: "queue-full", scope: "connection", retryable: true });
  }

  /** The one that leaves next. */
  get first(): ClientOutgoing | undefined {
    return this.#waiting.peek();
  }

  /** One that waits, by its tag. @param underWay one that has left its head and is not written whole */
  find(tag: Uint8Array, underWay?: ClientOutgoing): ClientOutgoing | undefined {
    for (const delivery of underWay === undefined ? this.#waiting : [underWay, ...this.#waiting]) if (!delivery.told && equalBytes(delivery.tag, tag)) return delivery;
    return undefined;
  }

  /** Takes out those at its head that go on from an earlier attachment. */
  recall(): ClientOutgoing[] {
    const recalled: ClientOutgoing[] = [];
    for (let first = this.first; first !== undefined && (first.attempts > 0 || first.resume !== undefined); first = this.first) {
      recalled.push(this.shift() as ClientOutgoing);
    }
    return recalled;
  }

  /** Its link goes on elsewhere: that is where they count from then on. */
  moved(move: () => void): void {
    for (const delivery of this.#waiting) this.#count(delivery, -1);
    move();
    for (const delivery of this.#waiting) this.#count(delivery, 1);
  }

  push(delivery: ClientOutgoing): void {
    this.#waiting.push(delivery);
    this.#count(delivery, 1);
  }

  /** One that was sent before and goes again comes before the others. */
  unshift(delivery: ClientOutgoing): void {
    this.#waiting.unshift(delivery);
    this.#count(delivery, 1);
  }

  shift(): ClientOutgoing | undefined {
    const delivery = this.#waiting.shift();
    if (delivery !== undefined) this.#count(delivery, -1);
    return delivery;
  }

  /** Takes one out that is not to leave; false if it does not wait. */
  remove(delivery: ClientOutgoing): boolean {
    if (!this.#waiting.remove(delivery)) return false;
    this.#count(delivery, -1);
    this.release(delivery);
    return true;
  }

  /** The bytes of a delivery, waiting or sent, are needed no more. */
  release(delivery: ClientOutgoing): void {
    const { slab } = delivery;
    delivery.chunks = undefined;
    if (slab === undefined) return;
    delivery.slab = undefined;
    this.#io.backlog.pool.release(slab);
  }

  [Symbol.iterator](): Iterator<ClientOutgoing> {
    return this.#waiting[Symbol.iterator]();
  }

  #count(delivery: ClientOutgoing, sign: 1 | -1): void {
    const octets = delivery.chunks === undefined ? delivery.length : delivery.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    this.#io.pendingSends += sign;
    this.#io.pendingBytes += sign * octets;
  }
}

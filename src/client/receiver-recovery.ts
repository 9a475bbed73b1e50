/**
 * What an exactly-once receiver keeps of a lost attachment and how it goes on with it on the next one (protocol.md X): the deliveries in
 * its queue and in the hands of the program stay theirs, outcomes that are told meanwhile wait, and both are matched by tag with what
 * the sender resumes.
 */

import type { IncomingTransfer } from "../engine/deliveries.ts";
import type { Held } from "../engine/link.ts";
import type { ReceiverEndpoint } from "../engine/receiver.ts";
import { terminal } from "../engine/recovery/resume.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Attach, UnsettledEntry } from "../frames/performatives.ts";
import { placeAfter } from "../message/places.ts";
import { serialDiff } from "../util/serial.ts";
import type { ClientIncoming } from "./incoming.ts";
import type { Unsettled } from "./shapes.ts";
import { tagBytesOf, tagKey } from "./tags.ts";

/** What the recovery needs of its receiver. */
export interface RecoveringReceiver {
  readonly credits: { topUp(): void };
  /** The rest of one that was held will never come: it is nowhere any more. */
  discarded(delivery: ClientIncoming): void;
}

export class ReceiverRecovery implements Held {
  /** Deliveries that the sender is about to resume. */
  expected = 0;
  readonly #owner: RecoveringReceiver;
  /** What is held, by tag, in the order in which it came. */
  readonly #held = new Map<string, ClientIncoming>();

  constructor(owner: RecoveringReceiver) {
    this.#owner = owner;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Holds what the attachment has left unsettled. */
  suspend(endpoint: ReceiverEndpoint | undefined): void {
    this.expected = 0;
    if (endpoint === undefined) return;
    const left = [...endpoint.tags] as ClientIncoming[];
    endpoint.tags.clear();
    const next = endpoint.session.expectedDeliveryId();
    left.sort((a, b) => serialDiff(a.deliveryId, next) - serialDiff(b.deliveryId, next));
    for (const delivery of left) {
      if (stateOf(delivery) === undefined) continue;
      delivery.suspend();
      this.#held.set(tagKey(delivery.tag), delivery);
    }
  }

  /** Holds what a former process has left. */
  restore(deliveries: readonly ClientIncoming[]): void {
    for (const delivery of deliveries) this.#held.set(tagKey(delivery.tag), delivery);
  }

  /** The map of our attach. */
  entries(): UnsettledEntry[] {
    return [...this.#held.values()].map((delivery) => [delivery.tag, stateOf(delivery) as DeliveryState]);
  }

  /** Compares what is held with the sender's map. */
  resume({ unsettled, incompleteUnsettled }: Attach): void {
    const theirs = new Set((unsettled ?? []).map(([tag]) => tagKey(tag)));
    this.expected = 0;
    for (const [key, delivery] of [...this.#held]) {
      if (theirs.has(key)) {
        this.expected += 1;
      } else if (incompleteUnsettled !== true) {
        this.#held.delete(key);
        if (delivery.truncated) this.#owner.discarded(delivery);
        delivery.suspended = false;
        delivery.handleDisposition(undefined, true);
      }
    }
  }

  get(tag: Uint8Array): ClientIncoming | undefined {
    return this.#held.get(tagKey(tag));
  }

  /** Lets go of all that is held. */
  clear(): ClientIncoming[] {
    const all = [...this.#held.values()];
    this.#held.clear();
    this.expected = 0;
    return all;
  }

  [Symbol.iterator](): IterableIterator<ClientIncoming> {
    return this.#held.values();
  }

  // ---------------------------------------------------------------- what the engine calls

  take(tag: Uint8Array): IncomingTransfer | undefined {
    const key = tagKey(tag);
    const delivery = this.#held.get(key);
    if (delivery === undefined) return undefined;
    this.#held.delete(key);
    delivery.suspended = false;
    if (this.expected > 0) this.expected -= 1;
    return delivery;
  }

  onRebound(delivery: IncomingTransfer): void {
    (delivery as ClientIncoming).rebind();
    this.#owner.credits.topUp();
  }
}

/** What a receiver has unsettled, what it holds of earlier attachments first. */
export function unsettledOf(endpoint: ReceiverEndpoint | undefined, held: ReceiverRecovery | undefined): Unsettled<ClientIncoming> {
  const list = (): ClientIncoming[] => [...held ?? [], ...endpoint?.isAttached !== true ? []
    : [...endpoint.session.incoming as Iterable<ClientIncoming>].filter((each) => each.endpoint === endpoint)];
  const get = (tag: Parameters<typeof tagBytesOf>[0]): ClientIncoming | undefined =>
    (endpoint?.tags.get(tagBytesOf(tag)) as ClientIncoming | undefined) ?? held?.get(tagBytesOf(tag));
  return {
    get size() { return (endpoint?.tags.size ?? 0) + (held?.size ?? 0); },
    get,
    has: (tag) => get(tag) !== undefined,
    [Symbol.iterator]: () => list()[Symbol.iterator](),
  };
}

/** What our map says of a delivery; undefined where nothing of it is here to go on with. */
function stateOf(delivery: ClientIncoming): DeliveryState | undefined {
  const outcome = delivery.disposed ? terminal(delivery.localState) : undefined;
  if (outcome !== undefined) return outcome;
  if (!delivery.present) return undefined;
  return { type: "received", ...placeAfter(delivery.bytes, delivery.start, delivery.end) };
}

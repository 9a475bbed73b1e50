/** What a file store knows of its log: every entry that counts, by link and tag, and where its payload lies. */

import { tagKey } from "../client/tags.ts";
import type { LinkIdentity } from "../client/unsettled-store.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import type { Bytes } from "../util/bytes.ts";
import type { Place } from "./log-format.ts";

/** An entry that counts. */
export interface Stored {
  readonly tag: Bytes;
  readonly state: DeliveryState | null;
  /** The batch of its payload, and the offset there. */
  place: Place;
  at: number;
  /** Octets of its payload; -1 where it has none. */
  readonly length: number;
}

/** The entries of a link, in the order of their last `put`. */
export interface StoredLink {
  readonly identity: LinkIdentity;
  readonly number: number;
  readonly entries: Map<string, Stored>;
}

/** About what an entry takes in the log besides its payload. */
const SMALL_ENTRY = 32;

export class LogIndex {
  readonly #links = new Map<string, StoredLink>();
  readonly #byNumber = new Map<number, StoredLink>();
  /** A link names itself by the same object again and again. */
  readonly #known = new WeakMap<LinkIdentity, StoredLink>();
  #last = 0;
  /** About how many octets of the log still count. */
  live = 0;

  get links(): Iterable<StoredLink> {
    return this.#links.values();
  }

  find(identity: LinkIdentity): StoredLink | undefined {
    const known = this.#known.get(identity);
    if (known !== undefined) return known;
    const found = this.#links.get(keyOf(identity));
    if (found !== undefined) this.#known.set(identity, found);
    return found;
  }

  /** @param number what the log calls it; the next free one by default */
  add(identity: LinkIdentity, number: number = this.#last + 1): StoredLink {
    const key = keyOf(identity);
    const link: StoredLink = this.#links.get(key) ?? { identity, number, entries: new Map() };
    this.#links.set(key, link);
    this.#byNumber.set(number, link);
    this.#last = Math.max(this.#last, number);
    return link;
  }

  /** The link that the log calls so. */
  numbered(number: number): StoredLink | undefined {
    return this.#byNumber.get(number);
  }

  put({ entries }: StoredLink, stored: Stored): void {
    const key = tagKey(stored.tag);
    this.#remove(entries, key);
    entries.set(key, stored);
    this.live += SMALL_ENTRY + Math.max(0, stored.length);
  }

  delete({ entries }: StoredLink, tag: Uint8Array): boolean {
    return this.#remove(entries, tagKey(tag));
  }

  /** Forgets links of which nothing is left; only before any is asked for. */
  prune(): void {
    for (const [key, { entries, number }] of this.#links) {
      if (entries.size !== 0) continue;
      this.#links.delete(key);
      this.#byNumber.delete(number);
    }
  }

  #remove(entries: Map<string, Stored>, key: string): boolean {
    const former = entries.get(key);
    if (former === undefined) return false;
    this.live -= SMALL_ENTRY + Math.max(0, former.length);
    return entries.delete(key);
  }
}

/** Where a payload lies in the file; undefined where it is only in memory. */
export function fileOffset({ place, at }: Pick<Stored, "place" | "at">): number | undefined {
  let where = place;
  let offset = at;
  while (where.merged !== undefined) {
    offset += where.merged.shift;
    where = where.merged.into;
  }
  return where.base < 0 ? undefined : where.base + offset;
}

/** A copy of a payload that is only in memory. */
export function payloadInMemory({ place, at, length }: Pick<Stored, "place" | "at" | "length">): Bytes | undefined {
  let where = place;
  let offset = at;
  while (where.merged !== undefined) {
    offset += where.merged.shift;
    where = where.merged.into;
  }
  return where.batch?.bytes.slice(offset, offset + length);
}

function keyOf({ container, remoteContainer, name, role }: LinkIdentity): string {
  return JSON.stringify([role, container, remoteContainer, name]);
}

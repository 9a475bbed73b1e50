/** A store in memory: links go on after their connection or container is gone, but not after the process. */

import type { LinkIdentity, UnsettledEntry, UnsettledStore } from "../client/unsettled-store.ts";
import { VOLATILE } from "../client/unsettled-store.ts";
import { tagKey } from "../client/tags.ts";
import { copyBytes } from "../util/bytes.ts";
import { noTransactions } from "./store-error.ts";

/** Keeps unsettled deliveries for as long as the process lives. */
export class MemoryStore implements UnsettledStore {
  readonly [VOLATILE] = true;
  readonly #links = new Map<string, Map<string, UnsettledEntry>>();

  /** What is kept of a link. */
  load(link: LinkIdentity): Iterable<UnsettledEntry> {
    return [...this.#links.get(keyOf(link))?.values() ?? []].map(copied);
  }

  /** Keeps a copy of the entry. @throws ConfigError config, where there is a `commitWith` */
  put(link: LinkIdentity, entry: UnsettledEntry, commitWith?: unknown): void {
    if (commitWith !== undefined) throw noTransactions("MemoryStore");
    const { tag } = entry;
    const key = keyOf(link);
    const entries = this.#links.get(key) ?? new Map<string, UnsettledEntry>();
    this.#links.set(key, entries);
    entries.delete(tagKey(tag));
    entries.set(tagKey(tag), copied(entry));
  }

  delete(link: LinkIdentity, tag: Uint8Array): void {
    const key = keyOf(link);
    const entries = this.#links.get(key);
    if (entries?.delete(tagKey(tag)) === true && entries.size === 0) this.#links.delete(key);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#links.clear();
    return Promise.resolve();
  }
}

function copied({ tag, state, payload }: UnsettledEntry): UnsettledEntry {
  const entry = { tag: copyBytes(tag), state };
  return payload === undefined ? entry : { ...entry, payload: copyBytes(payload) };
}

function keyOf({ container, remoteContainer, name, role }: LinkIdentity): string {
  return JSON.stringify([role, container, remoteContainer, name]);
}

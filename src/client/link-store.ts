/**
 * One link's part of the store: what is kept of it is read once the peer's container is known, and what is put in one turn of the event
 * loop is made durable by one flush.
 */

import type { AmqpError } from "../errors.ts";
import { LinkError } from "../errors.ts";
import { nextTurn } from "../transport/next-turn.ts";
import { Deferred } from "../util/deferred.ts";
import type { Profile } from "./profile.ts";
import type { LinkIdentity, UnsettledEntry, UnsettledStore } from "./unsettled-store.ts";
import { VOLATILE } from "./unsettled-store.ts";

/** What the store needs of its link. */
export interface StoredLink {
  readonly name: string;
  readonly title: string;
  readonly isSender: boolean;
  readonly connection: { readonly remoteContainer: string | undefined };
  readonly host: { resume(link: never): void };
  /** Its store cannot be read: it cannot be what it was to be. */
  abandon(error: AmqpError): void;
}

/** What the options of a link have to know of the store. */
export function storeOf({ store, named }: Profile): { readonly durable: boolean; readonly named: boolean } | undefined {
  return store === undefined ? undefined : { durable: !(VOLATILE in store), named };
}

export class LinkStore {
  readonly #store: UnsettledStore;
  readonly #container: string;
  readonly #link: StoredLink;
  readonly #begin: (entries: UnsettledEntry[]) => void;
  #identity: LinkIdentity | undefined = undefined;
  #loaded = false;
  #flush: Deferred | undefined = undefined;

  /** @param begin gets what is kept, before the link is attached */
  constructor(store: UnsettledStore, container: string, link: StoredLink, begin: (entries: UnsettledEntry[]) => void) {
    this.#store = store;
    this.#container = container;
    this.#link = link;
    this.#begin = begin;
  }

  /** Whether what is kept has been read. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** Which link this is; only once the peer's container is known. */
  get identity(): LinkIdentity {
    return this.#identity as LinkIdentity;
  }

  /**
   * The link is about to be attached; true if it has to wait for what is kept, and is taken up again then.
   * With another container at the other end nothing that is kept in this process is read anew.
   */
  waits(): boolean {
    const link = this.#link;
    if (this.#loaded) {
      this.#know(link.connection.remoteContainer);
      return false;
    }
    void this.load().then((good) => { if (good) link.host.resume(link as never); });
    return true;
  }

  /** Reads what is kept, also before an attach of the peer's is answered; false if that failed and the link is over. */
  async load(): Promise<boolean> {
    const link = this.#link;
    const entries: UnsettledEntry[] = [];
    try {
      for await (const entry of this.#store.load(this.#know(link.connection.remoteContainer))) entries.push(entry);
    } catch (cause) {
      link.abandon(this.#failure("the unsettled deliveries cannot be read from the store", cause));
      return false;
    }
    if (!this.#loaded) {
      this.#loaded = true;
      this.#begin(entries);
    }
    return true;
  }

  /** Keeps an entry; resolves when it is durable. @throws AmqpError store-failed, as a rejection */
  put(entry: UnsettledEntry, commitWith?: unknown): Promise<void> {
    try {
      if (commitWith === undefined) this.#store.put(this.identity, entry);
      else this.#store.put(this.identity, entry, commitWith);
    } catch (cause) {
      return Promise.reject(this.#failure("the store refused an entry", cause));
    }
    if (this.#flush === undefined) {
      const flush = new Deferred();
      this.#flush = flush;
      nextTurn(() => {
        this.#flush = undefined;
        this.#flushed().then(() => flush.resolve(), (cause: unknown) => flush.reject(this.#failure("the store could not keep what was to be told", cause)));
      });
    }
    return this.#flush.promise;
  }

  /** The flush of what was put in this turn, if there is any. */
  get pending(): Promise<void> | undefined {
    return this.#flush?.promise;
  }

  /** Forgets an entry, some time; that it is not forgotten at once is harmless. */
  delete(tag: Uint8Array, identity: LinkIdentity = this.identity): void {
    try {
      this.#store.delete(identity, tag);
    } catch {
      // A store that is closed or failing says so at the next put.
    }
  }

  async #flushed(): Promise<void> {
    await this.#store.flush();
  }

  #know(remoteContainer: string = ""): LinkIdentity {
    const known = this.#identity;
    if (known?.remoteContainer === remoteContainer) return known;
    const { name, isSender } = this.#link;
    return this.#identity = { container: this.#container, remoteContainer, name, role: isSender ? "sender" : "receiver" };
  }

  #failure(what: string, cause: unknown): AmqpError {
    const why = cause instanceof Error ? cause.message : String(cause);
    return new LinkError(`${this.#link.title}: ${what}: ${why}`, { code: "store-failed", scope: "link", retryable: true, cause });
  }
}

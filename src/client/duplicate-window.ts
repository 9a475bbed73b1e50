/**
 * Which messages were accepted lately, by a key of their own, so that a copy of one is known: the window of `deduplicate` (features X05).
 * A key is remembered when its message is accepted, never before: what was released, or lost in somebody's hand, is shown again.
 *
 * | key | a copy that comes |
 * |---|---|
 * | unknown, or accepted too long ago | is shown, and is the first |
 * | of one in hand | waits: the first is accepted: it is a duplicate; the first is not: it is shown in its place |
 * | accepted | is a duplicate |
 */

import { AmqpError, ConfigError } from "../errors.ts";
import type { Message } from "../message/message.ts";
import { check } from "../options/check.ts";
import type { Clock } from "../options/environment.ts";
import type { DeduplicateOptionsBase } from "../options/link.ts";
import { deduplicateSchema } from "../options/schemas.ts";
import { Typed, Uuid } from "../wire/values.ts";
import type { LinkIdentity, UnsettledStore } from "./unsettled-store.ts";

/** Characters of a key on average, beyond which the oldest are forgotten before their time. */
const KEY_SIZE = 1_024;

/** Which messages a receiver takes for copies of one that it has accepted. */
export interface DeduplicateOptions extends DeduplicateOptionsBase {
  /**
   * What two copies of a message have in common; a message for which it is undefined passes unseen.
   * @default the message-id
   */
  key?: ((message: Message) => string | undefined) | undefined;
  /** Where the keys are kept over restarts: each is durable before the outcome of its message leaves. @default in memory */
  store?: UnsettledStore | undefined;
}

/** A delivery whose key nobody has accepted, as the delivery sees it. */
export interface FirstCopy {
  /** Whether the key is remembered. */
  readonly done: boolean;
  /**
   * It is about to be accepted. Answers when that may be told to the sender; undefined is at once.
   * @param commitWith the transaction of the user's database in which the store is to write
   */
  accepted(commitWith?: unknown): Promise<void> | undefined;
  /** It is not accepted, and will not be by whoever has it. */
  left(): void;
}

/** A delivery, as the window sees it. */
export interface Copy {
  first: FirstCopy | undefined;
}

/** Who has a delivery. */
export interface CopyOwner<C extends Copy> {
  /** Its message was accepted before. */
  duplicate(copy: C): void;
  /** It waited for another one, which was not accepted. */
  show(copy: C): void;
}

/** A copy that waits, until it is called off. */
export interface WaitingCopy {
  cancel(): void;
}

type Waiting = readonly [Copy, CopyOwner<Copy>];

/**
 * A window that several receivers share, such as those of a listener's connections: what one of them has accepted is a duplicate at all.
 * `deduplicate: { ... }` makes one for a single receiver, which it keeps over reconnects.
 */
export class DuplicateWindow {
  readonly #options: DeduplicateOptions;
  readonly #key: (message: Message) => string | undefined;
  /** Keys by when they were accepted, the oldest first. */
  readonly #seen = new Map<string, number>();
  /** Where the store has them. */
  readonly #tags = new Map<string, number>();
  readonly #identity: LinkIdentity;
  readonly #inHand = new Map<string, First>();
  #characters = 0;
  #lastTag = 0;
  #clock: Clock | undefined = undefined;
  #loading: Promise<void> | undefined = undefined;

  /** @throws ConfigError config; a `store` needs a `name` */
  constructor(options: DeduplicateOptions) {
    this.#options = check(deduplicateSchema, options, "deduplicate") as DeduplicateOptions;
    if (options.store !== undefined && options.name === undefined) {
      throw new ConfigError('deduplicate: a store finds its keys again by a name: give "name" beside "store", or the receiver a "name"', { code: "config", scope: "link" });
    }
    this.#key = options.key ?? idOf;
    this.#identity = { container: "", remoteContainer: "", name: `duplicates of ${options.name ?? ""}`, role: "receiver" };
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#seen.size;
  }

  /** Whether every message is meant to have a key. @internal */
  get byId(): boolean {
    return this.#options.key === undefined;
  }

  /** Resolves when what the store has is known; undefined where there is none. @throws what the store rejects with @internal */
  open(clock: Clock): Promise<void> | undefined {
    this.#clock ??= clock;
    const { store } = this.#options;
    if (store === undefined) return undefined;
    this.#loading ??= this.#load(store, clock);
    return this.#loading;
  }

  /** @throws DecodeError where the message cannot be read, and what the function of the user's throws @internal */
  keyOf(message: Message): string | undefined {
    const key: unknown = this.#key(message);
    if (key === undefined || typeof key === "string") return key;
    throw new ConfigError(`deduplicate: the key of a message must be a text or undefined; got ${typeof key}`, { code: "config", scope: "delivery" });
  }

  /** Whether a message of that key was accepted. @internal */
  has(key: string): boolean {
    const at = this.#seen.get(key);
    return at !== undefined && (this.#clock as Clock).now() - at < (this.#options.time ?? Infinity);
  }

  /** A delivery with that key has come: answers how to call it off if it has to wait; else it is the first. @internal */
  enter<C extends Copy>(key: string, copy: C, owner: CopyOwner<C>): WaitingCopy | undefined {
    const present = this.#inHand.get(key);
    if (present !== undefined) return present.wait(copy, owner as CopyOwner<Copy>);
    this.lead(key, copy, new Set());
    return undefined;
  }

  /** A delivery is the first of its key, and others wait for it. */
  lead(key: string, copy: Copy, waiting: Set<Waiting>): void {
    const first = new First(key, this, waiting);
    this.#inHand.set(key, first);
    copy.first = first;
  }

  /** Remembers a key; answers when that is durable, undefined where it is now. @throws store-failed @internal */
  remember(key: string, commitWith?: unknown): Promise<void> | undefined {
    this.#forget(key);
    this.#add(key, (this.#clock as Clock).now());
    const { store } = this.#options;
    if (store === undefined) return undefined;
    return this.#keep(store, key, commitWith).catch((cause: unknown) => {
      this.#tags.delete(key);
      this.#forget(key);
      throw new AmqpError("deduplicate: the store failed, so the outcome of the message was not told", { code: "store-failed", scope: "link", cause });
    });
  }

  /** Nobody has the first of them in hand any more. @internal */
  letGo(first: First): void {
    if (this.#inHand.get(first.key) === first) this.#inHand.delete(first.key);
  }

  async #keep(store: UnsettledStore, key: string, commitWith: unknown): Promise<void> {
    const tag = ++this.#lastTag;
    this.#tags.set(key, tag);
    store.put(this.#identity, { tag: tagOf(tag), state: null, payload: entryOf(key, Date.now()) }, commitWith);
    await store.flush();
  }

  #add(key: string, at: number): void {
    this.#seen.set(key, at);
    this.#characters += key.length;
    const { window } = this.#options;
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= window && this.#characters <= window * KEY_SIZE && this.has(oldest)) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    if (!this.#seen.delete(key)) return;
    this.#characters -= key.length;
    const tag = this.#tags.get(key);
    if (tag === undefined) return;
    this.#tags.delete(key);
    this.#options.store?.delete(this.#identity, tagOf(tag));
  }

  async #load(store: UnsettledStore, clock: Clock): Promise<void> {
    const [now, today] = [clock.now(), Date.now()];
    for await (const { tag, payload } of store.load(this.#identity)) {
      if (payload === undefined || payload.length < 8) continue;
      const { key, at } = entryIn(payload);
      this.#lastTag = Math.max(this.#lastTag, numberOf(tag));
      this.#tags.set(key, numberOf(tag));
      this.#add(key, now - Math.max(0, today - at));
    }
  }
}

/** The delivery that is shown, and the copies of it that wait for its outcome. */
class First implements FirstCopy {
  readonly key: string;
  done = false;
  readonly #window: DuplicateWindow;
  readonly #copies: Set<Waiting>;
  #recording: Promise<void> | undefined = undefined;

  constructor(key: string, window: DuplicateWindow, copies: Set<Waiting>) {
    this.key = key;
    this.#window = window;
    this.#copies = copies;
  }

  wait(copy: Copy, owner: CopyOwner<Copy>): WaitingCopy {
    const entry: Waiting = [copy, owner];
    this.#copies.add(entry);
    return { cancel: () => void this.#copies.delete(entry) };
  }

  accepted(commitWith?: unknown): Promise<void> | undefined {
    if (this.done || this.#recording !== undefined) return this.#recording;
    const durable = this.#window.remember(this.key, commitWith);
    if (durable === undefined) {
      this.#finish();
      return undefined;
    }
    const recording = durable.then(() => this.#finish(), (error: unknown) => {
      this.#recording = undefined;
      throw error;
    });
    this.#recording = recording;
    return recording;
  }

  left(): void {
    if (this.done) return;
    this.done = true;
    this.#window.letGo(this);
    const [next] = this.#copies;
    if (next === undefined) return;
    this.#copies.delete(next);
    const [copy, owner] = next;
    this.#window.lead(this.key, copy, this.#copies);
    owner.show(copy);
  }

  #finish(): void {
    this.done = true;
    this.#window.letGo(this);
    for (const [copy, owner] of this.#copies) owner.duplicate(copy);
    this.#copies.clear();
  }
}

/** The message-id as text; those of different types never are the same. */
function idOf(message: Message): string | undefined {
  return idText((message as { id: unknown }).id);
}

/** What the store has of a key: when it was accepted, in milliseconds of 1970, and the key. */
function entryOf(key: string, at: number): Uint8Array {
  const text = new TextEncoder().encode(key);
  const entry = new Uint8Array(8 + text.length);
  new DataView(entry.buffer).setFloat64(0, at);
  entry.set(text, 8);
  return entry;
}

function entryIn(entry: Uint8Array): { key: string; at: number } {
  const at = new DataView(entry.buffer, entry.byteOffset, 8).getFloat64(0);
  return { at, key: new TextDecoder("utf-8", { ignoreBOM: true }).decode(entry.subarray(8)) };
}

function tagOf(number: number): Uint8Array {
  const tag = new Uint8Array(8);
  new DataView(tag.buffer).setFloat64(0, number);
  return tag;
}

function numberOf(tag: Uint8Array): number {
  return tag.length === 8 ? new DataView(tag.buffer, tag.byteOffset, 8).getFloat64(0) : 0;
}

/** A message-id as text; those of different types never are the same. @internal */
export function idText(id: unknown): string | undefined {
  const value = id instanceof Typed ? id.value : id;
  switch (typeof value) {
    case "string":
      return `text ${value}`;
    case "number":
    case "bigint":
      return `number ${value}`;
    case "object":
      if (value instanceof Uuid) return `uuid ${value.toString()}`;
      return value instanceof Uint8Array ? `binary ${Array.from(value, (octet) => octet.toString(16).padStart(2, "0")).join("")}` : undefined;
    default:
      return undefined;
  }
}

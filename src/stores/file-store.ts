/**
 * A store in a directory: an append-only log (its bytes: log-format.ts), written in groups. `put` and `delete` only add to a batch in
 * memory; a flush writes the batch and waits for the disk, and whatever comes in the meantime makes up the next batch.
 *
 * What a failed write was to keep stays in memory and is written by the next flush. After a failed sync nothing is known of what the
 * system has kept (it may have dropped the pages and say so only once), so the next flush makes the whole file anew.
 */

import { mkdirSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { LinkIdentity, UnsettledEntry, UnsettledStore } from "../client/unsettled-store.ts";
import { AmqpError, ConfigError, DecodeError } from "../errors.ts";
import type { Bytes } from "../util/bytes.ts";
import { copyBytes } from "../util/bytes.ts";
import { Deferred } from "../util/deferred.ts";
import { Compaction } from "./compaction.ts";
import { DirectoryLock } from "./directory-lock.ts";
import { Batch, readBatch } from "./log-format.ts";
import type { BatchReader, Place } from "./log-format.ts";
import { LogFile, unfinished } from "./log-file.ts";
import type { StoredLink } from "./log-index.ts";
import { LogIndex, fileOffset, payloadInMemory } from "./log-index.ts";
import { noTransactions, storeClosed, storeFailed } from "./store-error.ts";

/** Options of `new FileStore()`. */
export interface FileStoreOptions {
  /**
   * Whether `flush` waits until the disk has the data. Without it, what was flushed survives the end of the process, and not that of
   * the system. @default true
   */
  fsync?: boolean | undefined;
}

/** A smaller log is left as it is. */
const SMALLEST = 16 << 20;
/** A buffer up to this size is used again. */
const SPARE = 1 << 20;
const LONGEST_TAG = 32;

/** Keeps unsettled deliveries in files of a directory, which it makes and which only one store may have at a time. Not in browsers. */
export class FileStore implements UnsettledStore {
  readonly #directory: string;
  readonly #fsync: boolean;
  readonly #lock: DirectoryLock;
  readonly #index = new LogIndex();
  #file: LogFile;
  #pending = new Batch();
  #spare: Bytes | undefined = undefined;
  /** The flush that is being written. */
  #writing: Deferred | undefined = undefined;
  /** The flush that comes next. */
  #next: Deferred | undefined = undefined;
  #running = false;
  /** A sync has failed: the file cannot be relied on. */
  #suspect = false;
  #compaction: Compaction | undefined = undefined;
  /** The end of what the compaction does, with its file to itself. */
  #exclusive: (() => Promise<void>) | undefined = undefined;
  #compacting: Promise<void> = Promise.resolve();
  /** No compaction below this length of the file. */
  #compactFrom = SMALLEST;
  #closing: Promise<void> | undefined = undefined;

  /**
   * Opens the store, and makes the directory if there is none: this reads the log and waits for the disk.
   * @throws ConfigError config; AmqpError store-failed where another store has the directory, or the log is damaged
   */
  constructor(directory: string, options: FileStoreOptions = {}) {
    checkArguments(directory, options);
    this.#directory = directory;
    this.#fsync = options.fsync ?? true;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      this.#lock = DirectoryLock.take(directory);
    } catch (error) {
      throw failure(`the store in ${directory} cannot be opened`, error);
    }
    try {
      this.#file = this.#open(join(directory, "unsettled.log"));
    } catch (error) {
      this.#lock.release();
      throw failure(`the store in ${directory} cannot be opened`, error);
    }
  }

  /** What is kept of a link; of what has changed since the call it tells as it is when it is read. @throws AmqpError store-failed, invalid-state */
  load(link: LinkIdentity): Iterable<UnsettledEntry> {
    this.#mustLive();
    const found = this.#index.find(link);
    return found === undefined ? [] : this.#entries(found);
  }

  /** Enqueues an entry; `commitWith` is not for files. @throws AmqpError invalid-state; ConfigError config */
  put(link: LinkIdentity, entry: UnsettledEntry, commitWith?: unknown): void {
    this.#mustLive();
    if (commitWith !== undefined) throw noTransactions("FileStore");
    const { state, payload } = entry;
    const { length } = entry.tag;
    if (length === 0 || length > LONGEST_TAG) {
      throw new ConfigError(`put(): a tag has 1 to ${LONGEST_TAG} octets; got ${length}`, { code: "config", scope: "delivery" });
    }
    const tag = copyBytes(entry.tag);
    const stored = this.#link(link);
    const batch = this.#pending;
    const at = batch.put(stored.number, tag, state, payload);
    this.#index.put(stored, { tag, state, place: batch.place, at, length: payload?.length ?? -1 });
  }

  /** Enqueues that an entry is forgotten. @throws AmqpError invalid-state */
  delete(link: LinkIdentity, tag: Uint8Array): void {
    this.#mustLive();
    const stored = this.#index.find(link);
    if (stored !== undefined && this.#index.delete(stored, tag)) this.#pending.delete(stored.number, tag);
  }

  /** Resolves when the disk has all that was enqueued. @throws AmqpError store-failed: all of it is kept for the next flush */
  flush(): Promise<void> {
    if (this.#closing !== undefined) return Promise.reject(storeClosed(`the store in ${this.#directory}`));
    return this.#flush();
  }

  /** Writes what is enqueued, and leaves the directory to others. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  // ---------------------------------------------------------------- opening and closing

  #open(path: string): LogFile {
    // What was being made when a former owner died.
    rmSync(unfinished(path), { force: true });
    if (!existsSync(path)) LogFile.createSync(path);
    const index = this.#index;
    const known = (number: number): StoredLink => {
      const link = index.numbered(number);
      if (link === undefined) throw storeFailed(`${path} is damaged: it speaks of a link ${number} that it does not name`);
      return link;
    };
    const file = LogFile.openSync(path, (batch, base) => {
      const place: Place = { base, batch: undefined, merged: undefined };
      readSound(path, batch, {
        link: (number, identity) => void index.add(identity, number),
        put: (number, tag, state, at, length) => index.put(known(number), { tag, state, place, at, length }),
        delete: (number, tag) => void index.delete(known(number), tag),
      });
    });
    index.prune();
    return file;
  }

  async #close(): Promise<void> {
    this.#compaction?.cancel();
    try {
      await this.#compacting;
      await this.#flush();
    } finally {
      await this.#file.close();
      this.#lock.release();
    }
  }

  #mustLive(): void {
    if (this.#closing !== undefined) throw storeClosed(`the store in ${this.#directory}`);
  }

  // ---------------------------------------------------------------- entries

  #link(identity: LinkIdentity): StoredLink {
    const found = this.#index.find(identity);
    if (found !== undefined) return found;
    const { container, remoteContainer, name, role } = identity;
    const added = this.#index.add({ container, remoteContainer, name, role });
    this.#pending.putLink(added.number, identity);
    return added;
  }

  *#entries({ entries }: StoredLink): Generator<UnsettledEntry> {
    for (const stored of entries.values()) {
      const { tag, state, length } = stored;
      yield length < 0 ? { tag: copyBytes(tag), state } : { tag: copyBytes(tag), state, payload: this.#payload(stored) };
    }
  }

  #payload(stored: Parameters<typeof fileOffset>[0] & { readonly length: number }): Bytes {
    const at = fileOffset(stored);
    if (at === undefined) return payloadInMemory(stored) as Bytes;
    this.#mustLive();
    try {
      return this.#file.readSync(at, stored.length);
    } catch (error) {
      throw failure(`${this.#file.path} cannot be read`, error);
    }
  }

  // ---------------------------------------------------------------- writing

  #flush(): Promise<void> {
    if (this.#pending.isEmpty) return this.#writing?.promise ?? Promise.resolve();
    this.#next ??= new Deferred();
    const { promise } = this.#next;
    if (!this.#running) void this.#run();
    return promise;
  }

  /** Writes one group after the other, for as long as there is any. */
  async #run(): Promise<void> {
    this.#running = true;
    for (;;) {
      const exclusive = this.#exclusive;
      if (exclusive !== undefined) {
        this.#exclusive = undefined;
        await exclusive();
        continue;
      }
      const flush = this.#next;
      if (flush === undefined) break;
      this.#next = undefined;
      this.#writing = flush;
      try {
        await this.#write();
        flush.resolve();
      } catch (error) {
        flush.reject(failure(`the store in ${this.#directory} could not write (what it was given is kept in memory, and the next flush tries again)`, error, true));
      }
      this.#writing = undefined;
      this.#compactIfDue();
    }
    this.#running = false;
  }

  async #write(): Promise<void> {
    if (this.#suspect) await this.#writeAnew();
    const batch = this.#pending;
    this.#pending = new Batch(this.#spare);
    this.#spare = undefined;
    const file = this.#file;
    try {
      await file.write(batch.sealed(file.salt));
      if (this.#fsync) await this.#sync(file);
    } catch (error) {
      // What came in the meantime joins it, so that the next flush again writes one batch.
      if (!this.#pending.isEmpty) batch.absorb(this.#pending);
      this.#pending = batch;
      await file.cut().catch(() => undefined);
      throw error;
    }
    batch.place.base = file.length;
    batch.place.batch = undefined;
    file.length += batch.position;
    this.#compaction?.wrote(batch.place, batch.position);
    if (batch.bytes.length <= SPARE) this.#spare = batch.bytes;
  }

  async #sync(file: LogFile): Promise<void> {
    try {
      await file.sync();
    } catch (error) {
      this.#suspect = true;
      throw error;
    }
  }

  // ---------------------------------------------------------------- compaction

  #compactIfDue(): void {
    const { length } = this.#file;
    if (this.#compaction !== undefined || this.#closing !== undefined || this.#suspect) return;
    if (length >= this.#compactFrom && length > 2 * this.#index.live) this.#compacting = this.#compact(length);
  }

  /** In the background. One that fails is tried again later: the log goes on as it is. */
  async #compact(length: number): Promise<void> {
    const compaction = new Compaction(this.#file, this.#index);
    this.#compaction = compaction;
    try {
      await compaction.prepare();
      await this.#alone(async () => this.#use(await compaction.finish()));
      this.#compactFrom = SMALLEST;
    } catch {
      this.#compactFrom = length + SMALLEST;
      await compaction.discard().catch(() => undefined);
    } finally {
      this.#compaction = undefined;
    }
  }

  /** The same at once, while nothing else is written. */
  async #writeAnew(): Promise<void> {
    this.#compaction?.cancel();
    // If it waits for its turn, it would wait for this one.
    const exclusive = this.#exclusive;
    this.#exclusive = undefined;
    await exclusive?.();
    await this.#compacting;
    const compaction = new Compaction(this.#file, this.#index);
    try {
      await compaction.prepare();
      await this.#use(await compaction.finish());
    } catch (error) {
      await compaction.discard().catch(() => undefined);
      throw error;
    }
  }

  /** Runs something between two writes. */
  #alone(task: () => Promise<void>): Promise<void> {
    const done = new Deferred();
    this.#exclusive = () => task().then(() => done.resolve(), (error: unknown) => done.reject(error));
    if (!this.#running) void this.#run();
    return done.promise;
  }

  /** It has the name: whatever happens now, nothing is written to the old one any more. */
  async #use(file: LogFile): Promise<void> {
    const old = this.#file;
    this.#file = file;
    await old.close().catch(() => undefined);
    this.#suspect = true;
    await file.keepName();
    this.#suspect = false;
  }
}

function checkArguments(directory: unknown, options: unknown): void {
  const bad = (text: string): ConfigError => new ConfigError(`new FileStore(): ${text}`, { code: "config", scope: "container" });
  if (typeof directory !== "string" || directory === "") throw bad("the directory must be a path");
  if (typeof options !== "object" || options === null) throw bad("the options must be an object such as { fsync: false }");
  for (const [name, value] of Object.entries(options)) {
    if (name !== "fsync") throw bad(`there is no option "${name}"; the only one is "fsync"`);
    if (value !== undefined && typeof value !== "boolean") throw bad('option "fsync" must be true or false');
  }
}

/** @throws AmqpError store-failed: it matches its checksum and makes no sense all the same */
function readSound(path: string, batch: Bytes, reader: BatchReader): void {
  try {
    readBatch(batch, reader);
  } catch (error) {
    throw error instanceof DecodeError ? storeFailed(`${path} is damaged, or was written by something else`, error) : error;
  }
}

function failure(text: string, error: unknown, retryable: boolean = false): AmqpError {
  return error instanceof AmqpError ? error : storeFailed(text, error, retryable);
}

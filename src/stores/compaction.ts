/**
 * Makes a log small again while it is written: a new file gets what counts, then every batch that the old one was given in the
 * meantime, word for word, and at last the old one's name. Read from its beginning it says the same: what was copied early and has
 * changed since is set right by the batches behind it.
 */

import { read, rmSync } from "node:fs";
import { promisify } from "node:util";
import type { Bytes } from "../util/bytes.ts";
import { Batch, seal } from "./log-format.ts";
import type { Place } from "./log-format.ts";
import { LogFile, unfinished } from "./log-file.ts";
import type { LogIndex, Stored, StoredLink } from "./log-index.ts";
import { fileOffset, payloadInMemory } from "./log-index.ts";
import { storeFailed } from "./store-error.ts";

const readFrom = promisify(read);

/** Octets of a batch of copies. */
const CHUNK = 1 << 18;
/** What may be left for the end, when the writer has to wait. */
const REST = 1 << 20;

interface Moved {
  readonly stored: Stored;
  readonly place: Place;
  readonly at: number;
}

export class Compaction {
  readonly #old: LogFile;
  /** What counted when it began. */
  readonly #links: readonly { readonly link: StoredLink; readonly entries: readonly Stored[] }[];
  readonly #moved: Moved[] = [];
  /** The batches that the old file was given since, in their order. */
  readonly #since: { readonly place: Place; readonly length: number }[] = [];
  /** How many of them the new one has, and where. */
  readonly #followed: number[] = [];
  #new: LogFile | undefined = undefined;
  #window: Bytes = new Uint8Array(0);
  #windowAt = 0;
  #ended = false;

  /** Begins between two writes, so that each batch is either in what counts now or comes by `wrote`. */
  constructor(old: LogFile, index: LogIndex) {
    this.#old = old;
    this.#links = Array.from(index.links, (link) => ({ link, entries: [...link.entries.values()] }));
  }

  /** The old file has another batch. */
  wrote(place: Place, length: number): void {
    this.#since.push({ place, length });
  }

  /** Copies all but the last of it. @throws AmqpError store-failed once it was given up, and what the system says */
  async prepare(): Promise<void> {
    this.#new = await LogFile.create(this.#old.path);
    let batch = new Batch();
    const write = async (file: LogFile): Promise<void> => {
      this.#goOn();
      if (!batch.isEmpty) await file.append(batch);
      batch = new Batch();
    };
    for (const { link: { number, identity }, entries } of this.#links) {
      batch.putLink(number, identity);
      for (const stored of entries) {
        const payload = stored.length < 0 ? undefined : await this.#payloadOf(stored);
        const at = batch.put(number, stored.tag, stored.state, payload);
        if (payload !== undefined) this.#moved.push({ stored, place: batch.place, at });
        if (batch.length > CHUNK) await write(this.#new);
      }
    }
    await write(this.#new);
    // A writer that is quicker than this would never be overtaken: it has to wait too.
    for (let last = Infinity, behind = this.#behind(); behind > REST && behind < last; last = behind, behind = this.#behind()) {
      await this.#follow(this.#since.length);
    }
  }

  /** While nobody writes: copies the rest and takes the place of the old file; answers the new one. */
  async finish(): Promise<LogFile> {
    this.#goOn();
    const file = this.#new as LogFile;
    await this.#follow(this.#since.length);
    await file.replace();
    // It belongs to the store now, whatever becomes of this.
    this.#new = undefined;
    this.#ended = true;
    for (const { stored, place, at } of this.#moved) {
      stored.place = place;
      stored.at = at;
    }
    this.#since.forEach(({ place }, i) => { place.base = this.#followed[i] as number; });
    return file;
  }

  /** Gives it up; nothing of it is left. */
  async discard(): Promise<void> {
    this.#ended = true;
    await this.#new?.close();
    rmSync(unfinished(this.#old.path), { force: true });
  }

  /** It is to be given up at the next opportunity. */
  cancel(): void {
    this.#ended = true;
  }

  #goOn(): void {
    if (this.#ended) throw storeFailed("the compaction was given up");
  }

  #behind(): number {
    let octets = 0;
    for (let i = this.#followed.length; i < this.#since.length; i++) octets += this.#since[i]?.length ?? 0;
    return octets;
  }

  /** Copies batches of the old file that the new one does not have, up to so many. */
  async #follow(count: number): Promise<void> {
    const file = this.#new as LogFile;
    while (this.#followed.length < count) {
      this.#goOn();
      const { place, length } = this.#since[this.#followed.length] as { place: Place; length: number };
      const octets = new Uint8Array(length);
      await this.#read(octets, place.base);
      seal(octets, file.salt);
      await file.write(octets);
      this.#followed.push(file.length);
      file.length += octets.length;
    }
  }

  async #payloadOf(stored: Stored): Promise<Bytes | undefined> {
    const at = fileOffset(stored);
    if (at === undefined) return payloadInMemory(stored);
    // Entries come in about the order of the file, so that one read has many of them.
    if (at < this.#windowAt || at + stored.length > this.#windowAt + this.#window.length) {
      this.#goOn();
      const size = Math.max(stored.length, Math.min(CHUNK, this.#old.length - at));
      this.#window = new Uint8Array(size);
      this.#windowAt = at;
      await this.#read(this.#window, at);
    }
    return this.#window.subarray(at - this.#windowAt, at - this.#windowAt + stored.length);
  }

  async #read(octets: Bytes, at: number): Promise<void> {
    for (let done = 0; done < octets.length;) {
      const { bytesRead } = await readFrom(this.#old.fd, octets, done, octets.length - done, at + done);
      if (bytesRead === 0) throw storeFailed(`${this.#old.path} is shorter than what was written to it`);
      done += bytesRead;
    }
  }
}

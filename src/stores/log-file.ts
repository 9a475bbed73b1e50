/**
 * The file of a log: made whole or not at all, read and mended when a store is opened, then written at its end. Only what happens
 * before a store is in use waits for the disk; everything later is asynchronous.
 */

import {
  close, closeSync, constants, fdatasync, fstatSync, fsync, fsyncSync, ftruncateSync, ftruncate, open, openSync, readSync, rename, renameSync, write, writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { getRandomValues } from "node:crypto";
import type { Bytes } from "../util/bytes.ts";
import type { Batch } from "./log-format.ts";
import { BATCH_HEAD, FILE_HEAD, batchSize, fileHead, isSound, saltIn } from "./log-format.ts";
import { storeFailed } from "./store-error.ts";

const writeTo = promisify(write);
const syncData = promisify(fdatasync);
const syncAll = promisify(fsync);
const openFile = promisify(open);
const closeFile = promisify(close);
const cutFile = promisify(ftruncate);
const renameFile = promisify(rename);

const NEW = constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC;
/** Only its owner reads messages. */
const MODE = 0o600;
/** Octets that are looked through at once for a batch behind a bad one. */
const STRIDE = 1 << 20;

export class LogFile {
  readonly path: string;
  readonly fd: number;
  readonly salt: number;
  /** Octets that are whole; the next batch begins here. */
  length: number;

  private constructor(path: string, fd: number, salt: number, length: number) {
    this.path = path;
    this.fd = fd;
    this.salt = salt;
    this.length = length;
  }

  /** Makes an empty one, which has its name only once it is whole. */
  static createSync(path: string): void {
    const { fd } = LogFile.#begin(openSync(unfinished(path), NEW, MODE), path);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(unfinished(path), path);
    syncDirectory(dirname(path));
  }

  /** Opens one that is there, and gives `visit` every batch with its offset; what is torn at its end is cut off. @throws AmqpError store-failed */
  static openSync(path: string, visit: (batch: Bytes, base: number) => void): LogFile {
    const fd = openSync(path, constants.O_RDWR);
    try {
      const salt = saltIn(readAt(fd, 0, FILE_HEAD));
      if (typeof salt === "string") throw storeFailed(`${path} cannot be read: ${salt}`);
      const { size } = fstatSync(fd);
      let length = FILE_HEAD;
      for (let batch = batchAt(fd, length, size, salt); batch !== undefined; batch = batchAt(fd, length, size, salt)) {
        visit(batch, length);
        length += batch.length;
      }
      if (length < size) mend(path, fd, length, size, salt);
      return new LogFile(path, fd, salt, length);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Makes one that is to take the place of the file at `path`. */
  static async create(path: string): Promise<LogFile> {
    return LogFile.#begin(await openFile(unfinished(path), NEW, MODE), path);
  }

  static #begin(fd: number, path: string): LogFile {
    const [salt = 0] = getRandomValues(new Uint32Array(1));
    writeSync(fd, fileHead(salt), 0, FILE_HEAD, 0);
    return new LogFile(path, fd, salt, FILE_HEAD);
  }

  /** Writes a batch at the end; the file has it when that is done, which the caller then says by `length`. */
  async write(octets: Bytes): Promise<void> {
    for (let done = 0; done < octets.length;) {
      const { bytesWritten } = await writeTo(this.fd, octets, done, octets.length - done, this.length + done);
      done += bytesWritten;
    }
  }

  /** Writes a batch, which is there at once. */
  async append(batch: Batch): Promise<void> {
    await this.write(batch.sealed(this.salt));
    batch.place.base = this.length;
    batch.place.batch = undefined;
    this.length += batch.position;
  }

  /** What was written is on the disk. */
  sync(): Promise<void> {
    return syncData(this.fd);
  }

  /** Takes back what was written behind the end. */
  cut(): Promise<void> {
    return cutFile(this.fd, this.length);
  }

  /** Takes the place of the file that has its name. */
  async replace(): Promise<void> {
    await syncAll(this.fd);
    await renameFile(unfinished(this.path), this.path);
  }

  /** After `replace()`: the name is there after a power failure too, once the directory is on the disk. Windows does that by itself. */
  async keepName(): Promise<void> {
    if (process.platform === "win32") return;
    const fd = await openFile(dirname(this.path), constants.O_RDONLY);
    try {
      await syncAll(fd);
    } finally {
      await closeFile(fd);
    }
  }

  readSync(at: number, length: number): Bytes {
    return readAt(this.fd, at, length);
  }

  close(): Promise<void> {
    return closeFile(this.fd);
  }
}

/** The name of a file that does not count yet. */
export function unfinished(path: string): string {
  return `${path}.new`;
}

/** The whole and sound batch at an offset. */
function batchAt(fd: number, at: number, size: number, salt: number): Bytes | undefined {
  if (size - at <= BATCH_HEAD) return undefined;
  const octets = batchSize(readAt(fd, at, BATCH_HEAD), salt);
  if (octets <= BATCH_HEAD || octets > size - at) return undefined;
  const batch = readAt(fd, at, octets);
  return isSound(batch) ? batch : undefined;
}

/** Cuts a batch that was torn when its writer died, and nothing else. @throws AmqpError store-failed */
function mend(path: string, fd: number, length: number, size: number, salt: number): void {
  const sound = findSound(fd, length + 1, size, salt);
  if (sound !== undefined) {
    throw storeFailed(
      `${path} is damaged: the batch at octet ${length} does not match its checksum, and a sound one follows at octet ${sound}, so it was not torn by a crash. `
      + "Restore the file from a copy; or move it away to begin with an empty store, which forgets the deliveries that were not settled",
    );
  }
  ftruncateSync(fd, length);
  fsyncSync(fd);
}

/** Where a sound batch begins, at `from` or later. */
function findSound(fd: number, from: number, size: number, salt: number): number | undefined {
  const mark = Buffer.alloc(4);
  mark.writeUInt32BE(salt);
  for (let at = from; at < size; at += STRIDE) {
    // A mark may lie across the end of a stride.
    const stride = Buffer.from(readAt(fd, at, Math.min(STRIDE + mark.length - 1, size - at)).buffer);
    for (let found = stride.indexOf(mark); found >= 0; found = stride.indexOf(mark, found + 1)) {
      if (batchAt(fd, at + found, size, salt) !== undefined) return at + found;
    }
  }
  return undefined;
}

/** What is there of `length` octets. */
function readAt(fd: number, at: number, length: number): Bytes {
  const octets = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const read = readSync(fd, octets, done, length - done, at + done);
    if (read === 0) return octets.slice(0, done);
    done += read;
  }
  return octets;
}

function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

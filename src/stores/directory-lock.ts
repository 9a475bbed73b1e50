/**
 * A lock on a directory against two owners, which an owner that died does not keep.
 *
 * A lock is a file `lock-<number>` that says who owns the directory; the highest number counts. It comes to be whole or not at all, and
 * only where that number is free: of two that want it, one gets it. A number is never used again, since the file of an owner that has
 * left stays, empty, until the next one has a higher number. So nobody ever deletes a file by which another one has just
 * become the owner.
 */

import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AmqpError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import type { Owner } from "./process-owner.ts";
import { isAlive, ourselves } from "./process-owner.ts";
import { storeFailed } from "./store-error.ts";

const NAME = /^lock-(\d+)$/;
/** So often another one may be quicker, each time with a higher number, before something else must be wrong. */
const TRIES = 100;

export class DirectoryLock {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Makes this process the owner. @throws AmqpError store-failed, where there is another one */
  static take(directory: string): DirectoryLock {
    for (let tries = 0; tries < TRIES; tries++) {
      const last = lastLock(directory);
      if (last !== undefined) refuseLiving(directory, last.path);
      const number = (last?.number ?? 0) + 1;
      const path = join(directory, `lock-${number}`);
      if (!create(path, JSON.stringify(ourselves()))) continue;
      // Somebody may have come and gone while this one looked at an older number.
      if (lastLock(directory)?.number !== number) {
        rmSync(path, { force: true });
        continue;
      }
      tidyUp(directory, number);
      return new DirectoryLock(path);
    }
    throw storeFailed(`${directory} cannot be locked: others take it again and again`, undefined, true);
  }

  /** The directory has no owner from now on. */
  release(): void {
    try {
      // Needs no room on a disk that may be full.
      truncateSync(this.#path, 0);
    } catch (error) {
      // Somebody has removed the directory.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

interface LockFile {
  readonly path: string;
  readonly number: number;
}

function locks(directory: string): LockFile[] {
  return readdirSync(directory).flatMap((name) => {
    const number = NAME.exec(name)?.[1];
    return number === undefined ? [] : [{ path: join(directory, name), number: Number(number) }];
  });
}

function lastLock(directory: string): LockFile | undefined {
  return locks(directory).reduce<LockFile | undefined>((last, each) => (last === undefined || each.number > last.number ? each : last), undefined);
}

/** Removes what former owners have left, and those who died while they tried. */
function tidyUp(directory: string, number: number): void {
  for (const name of readdirSync(directory)) {
    const other = /^lock-(\d+)(?:\.|$)/.exec(name)?.[1];
    if (other !== undefined && Number(other) < number) rmSync(join(directory, name), { force: true });
  }
}

/** @throws AmqpError store-failed */
function refuseLiving(directory: string, path: string): void {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return; // a later owner has tidied up
    throw error;
  }
  const owner = ownerIn(text);
  if (owner === undefined) return;
  const alive = isAlive(owner);
  if (alive !== false) throw inUse(directory, path, owner, alive === undefined);
}

function inUse(directory: string, path: string, owner: Owner, elsewhere: boolean): AmqpError {
  const who = owner.pid === process.pid && !elsewhere ? "this process itself" : `process ${owner.pid}${elsewhere ? ` of host "${printable(owner.host)}"` : ""}`;
  const advice = elsewhere
    ? `; if that process has ended for good, delete ${path}`
    : ": two stores must not share a directory, give each process a directory of its own";
  return storeFailed(`${directory} is in use by ${who}${advice}`);
}

/** Undefined where it is free, or says nothing that an owner would say. */
function ownerIn(text: string): Owner | undefined {
  try {
    const { pid, started, host } = JSON.parse(text) as Partial<Owner>;
    return Number.isInteger(pid) && typeof started === "string" && typeof host === "string" ? { pid: pid as number, started, host } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the file came to be: not if there is one of that name. */
function create(path: string, text: string): boolean {
  const whole = `${path}.${randomUUID()}`;
  writeFileSync(whole, text, { mode: 0o600 });
  try {
    linkSync(whole, path);
    return true;
  } catch (error) {
    // ENOENT: whoever has a higher number has tidied up.
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" || code === "ENOENT") return false;
    throw error;
  } finally {
    rmSync(whole, { force: true });
  }
}

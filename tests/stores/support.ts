/** What the tests of stores share: folders that go away, and short names for what is put and what is there. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "@jest/globals";
import { FileStore } from "../../src/store.ts";
import type { LinkIdentity, UnsettledEntry, UnsettledStore } from "../../src/store.ts";

export const LINK: LinkIdentity = { container: "orders", remoteContainer: "stock", name: "l", role: "sender" };
export const OTHER: LinkIdentity = { ...LINK, role: "receiver" };
export const ACCEPTED = { type: "accepted" } as const;

const folders: string[] = [];
const open: UnsettledStore[] = [];

afterEach(async () => {
  for (const store of open.splice(0)) await store[Symbol.asyncDispose]();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A new folder, which the end of the test removes. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "leptonmq-store-"));
  folders.push(path);
  return path;
}

/** A file store that the end of the test closes. */
export function opened(directory: string, options?: { fsync?: boolean }): FileStore {
  return kept(new FileStore(directory, options));
}

/** A store that the end of the test closes. */
export function kept<S extends UnsettledStore>(store: S): S {
  open.push(store);
  return store;
}

/** Closes it before the end of the test. */
export async function closed(store: UnsettledStore): Promise<void> {
  open.splice(open.indexOf(store), 1);
  await store[Symbol.asyncDispose]();
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function entry(tag: string, payload?: string, state: UnsettledEntry["state"] = null): UnsettledEntry {
  return { tag: bytes(tag), state, payload: payload === undefined ? undefined : bytes(payload) };
}

/** What a store has of a link, one text each: the tag, the state's type, the payload. */
export async function held(store: UnsettledStore, link: LinkIdentity = LINK): Promise<string[]> {
  const found: string[] = [];
  for await (const { tag, state, payload } of store.load(link)) {
    const text = (octets: Uint8Array): string => new TextDecoder().decode(octets);
    found.push(`${text(tag)} ${state === null ? "null" : state.type}${payload === undefined ? "" : ` ${text(payload)}`}`);
  }
  return found;
}

export async function caught(work: () => unknown): Promise<Error & { code?: string; retryable?: boolean }> {
  try {
    await work();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

/**
 * X02 A disk that fails under a file store: the flush says so, nothing is taken for written that is not, and when the disk is well again the
 * next flush writes what was kept in memory.
 */

import { afterEach, describe, expect, jest, test } from "@jest/globals";
import * as fs from "node:fs";
import { copyFileSync, mkdirSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

type Call = "write" | "fdatasync" | "fsync" | "rename" | "open";
/** What fails: asked before every call, with how many octets it is about. */
let fault: ((call: Call, octets: number) => { readonly code: string; readonly after?: number } | undefined) | undefined;
const calls: Call[] = [];

function failing(call: Call): unknown {
  const real = fs[call] as unknown as (...args: unknown[]) => void;
  const asked = promisify(fs[call] as unknown as (...args: unknown[]) => void) as unknown as (...args: unknown[]) => Promise<unknown>;
  const wrapped = Object.assign((...args: unknown[]) => real(...args), {
    [promisify.custom]: async (...args: unknown[]): Promise<unknown> => {
      calls.push(call);
      const found = fault?.(call, call === "write" ? args[3] as number : 0);
      if (found === undefined) return asked(...args);
      // As a full disk does it: some octets first.
      if (found.after !== undefined) return asked(args[0], args[1], args[2], found.after, args[4]);
      throw Object.assign(new Error(`${found.code}: it fails, ${call}`), { code: found.code });
    },
  });
  return wrapped;
}

jest.unstable_mockModule("node:fs", () => ({
  ...fs, write: failing("write"), fdatasync: failing("fdatasync"), fsync: failing("fsync"), rename: failing("rename"), open: failing("open"),
}));
const { FileStore } = await import("../../src/store.ts");
const { LINK, bytes, caught, closed, entry, folder, held, kept } = await import("./support.ts");

type Store = InstanceType<typeof FileStore>;

afterEach(() => {
  fault = undefined;
});

function opened(directory: string): Store {
  return kept(new FileStore(directory));
}

/** What a store would find if the process died now. */
async function ifItDied(directory: string): Promise<string[]> {
  const copy = folder();
  mkdirSync(join(copy, "s"));
  for (const name of readdirSync(directory)) if (!name.startsWith("lock-")) copyFileSync(join(directory, name), join(copy, "s", name));
  const store = new FileStore(join(copy, "s"));
  const found = await held(store);
  await store[Symbol.asyncDispose]();
  return found;
}

const large = (n: number): Uint8Array => new Uint8Array(1 << 16).fill(n);

describe("X02 a disk that is full", () => {
  test("fails each flush until it has room, and loses nothing then", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    await store.flush();
    const { size } = statSync(join(directory, "unsettled.log"));
    // The first batch is torn.
    let torn = false;
    fault = (call) => {
      if (call !== "write") return undefined;
      if (torn) return { code: "ENOSPC" };
      torn = true;
      return { code: "", after: 20 };
    };
    store.put(LINK, entry("b", "milk"));
    store.put(LINK, entry("c", "sugar"));
    const both = [store.flush(), store.flush()];
    store.put(LINK, entry("d", "late"));
    for (const flush of both) {
      expect(await caught(() => flush)).toMatchObject({
        code: "store-failed", retryable: true,
        message: `the store in ${directory} could not write (what it was given is kept in memory, and the next flush tries again): ENOSPC: it fails, write`,
      });
    }
    expect(statSync(join(directory, "unsettled.log")).size).toBe(size);
    expect(await ifItDied(directory)).toEqual(["a null tea"]);
    expect(await held(store)).toEqual(["a null tea", "b null milk", "c null sugar", "d null late"]);
    store.put(LINK, entry("e", "later"));
    expect((await caught(() => store.flush())).code).toBe("store-failed");
    store.delete(LINK, bytes("c"));
    fault = undefined;
    await store.flush();
    expect(await ifItDied(directory)).toEqual(["a null tea", "b null milk", "d null late", "e null later"]);
    expect(await held(store)).toEqual(await ifItDied(directory));
  });

  test("is told when the store is closed, which lets the directory go all the same", async () => {
    const directory = folder();
    const store = new FileStore(directory);
    store.put(LINK, entry("a", "tea"));
    fault = (call) => (call === "write" ? { code: "ENOSPC" } : undefined);
    expect((await caught(() => store[Symbol.asyncDispose]())).message).toMatch(/ENOSPC/);
    fault = undefined;
    expect(await held(opened(directory))).toEqual([]);
  });

  test("stops no compaction from being tried again, and nothing of the log is lost by it", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    let failed = 0;
    // Only the new file, which is opened by a call that the log itself needs no more, cannot be had.
    fault = (call) => (call === "open" && failed++ < 1 ? { code: "ENOSPC" } : undefined);
    for (let i = 0; i < 280; i++) {
      store.put(LINK, { tag: bytes("t"), state: null, payload: large(i % 256) });
      await store.flush();
    }
    expect(failed).toBe(1);
    for (let i = 0; statSync(join(directory, "unsettled.log")).size > 8 << 20; i++) {
      store.put(LINK, { tag: bytes("t"), state: null, payload: large(24) });
      await store.flush();
      if (i > 2000) throw new Error("no compaction");
    }
    store.put(LINK, entry("t", "end"));
    await store.flush();
    expect(readdirSync(directory).filter((name) => name.endsWith(".new"))).toEqual([]);
    expect(await ifItDied(directory)).toEqual(["a null tea", "t null end"]);
  }, 60_000);
});

describe("X02 a disk that does not confirm", () => {
  test("makes the next flush write the whole file anew, since nothing is known of the old one", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    await store.flush();
    const before = readFileSync(join(directory, "unsettled.log"));
    fault = (call) => (call === "fdatasync" ? { code: "EIO" } : undefined);
    store.put(LINK, entry("b", "milk"));
    expect((await caught(() => store.flush())).message).toMatch(/EIO: it fails, fdatasync$/);
    expect(readFileSync(join(directory, "unsettled.log"))).toEqual(before);
    fault = (call) => (call === "rename" ? { code: "EIO" } : undefined);
    expect((await caught(() => store.flush())).message).toMatch(/EIO: it fails, rename$/);
    expect(readdirSync(directory).sort()).toEqual(["lock-1", "unsettled.log"]);
    fault = undefined;
    calls.length = 0;
    store.put(LINK, entry("c", "sugar"));
    await store.flush();
    // The new file, its name, and then the batch.
    expect(calls.filter((call) => call !== "open" && call !== "write")).toEqual(["fsync", "rename", "fsync", "fdatasync"]);
    expect(readFileSync(join(directory, "unsettled.log")).subarray(0, 20)).not.toEqual(before.subarray(0, 20));
    expect(await ifItDied(directory)).toEqual(["a null tea", "b null milk", "c null sugar"]);
    await closed(store);
  });

  test("in its directory does the same: a name that may be lost is no name", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    await store.flush();
    let named = false;
    fault = (call) => {
      if (call === "fdatasync" && !named) return { code: "EIO" };
      if (call === "rename") named = true;
      return call === "fsync" && named ? { code: "EIO" } : undefined;
    };
    store.put(LINK, entry("b", "milk"));
    expect((await caught(() => store.flush())).message).toMatch(/fdatasync$/);
    expect((await caught(() => store.flush())).message).toMatch(/EIO: it fails, fsync$/);
    expect(await ifItDied(directory)).toContain("a null tea");
    fault = undefined;
    calls.length = 0;
    await store.flush();
    expect(calls.filter((call) => call === "rename" || call === "fsync")).toEqual(["fsync", "rename", "fsync"]);
    expect(await ifItDied(directory)).toEqual(["a null tea", "b null milk"]);
  });
});

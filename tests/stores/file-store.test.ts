/**
 * X02 The file store: the bytes of its log, what a crash may leave of it, what it refuses, and how it goes on after the disk has failed.
 */

import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { crc32 } from "node:zlib";
import { FileStore } from "../../src/store.ts";
import { ACCEPTED, LINK, OTHER, bytes, caught, closed, entry, folder, held, opened } from "./support.ts";

const logOf = (directory: string): string => join(directory, "unsettled.log");

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

/** A log as the format says, by hand. */
function log(salt: number, ...batches: string[]): Buffer {
  const number = (value: number): Buffer => {
    const octets = Buffer.alloc(4);
    octets.writeUInt32BE(value >>> 0);
    return octets;
  };
  const head = Buffer.concat([Buffer.from("leptonmq"), number(1), number(salt)]);
  return Buffer.concat([head, number(crc32(head)), ...batches.flatMap((batch) => {
    const entries = Buffer.from(batch.replaceAll(" ", ""), "hex");
    const start = Buffer.concat([number(salt), number(entries.length)]);
    return [start, number(crc32(entries, crc32(start))), entries];
  })]);
}

/** How many puts there are in each batch of a log, whose entries all have a tag and a payload of one octet. */
function entriesByBatch(written: Buffer): number[] {
  const found: number[] = [];
  for (let at = 20; at < written.length; at += 12 + written.readUInt32BE(at + 4)) {
    found.push(hex(written.subarray(at + 12, at + 12 + written.readUInt32BE(at + 4))).match(/030000000101..000000000000000178/g)?.length ?? 0);
  }
  return found;
}

/** Links 1 and 2: `LINK` and `OTHER` of the tests. */
const NAMES = "00000006 6f7264657273 00000005 73746f636b 00000001 6c";
const LINK_1 = `01 00000001 00 ${NAMES}`;
const LINK_2 = `01 00000002 01 ${NAMES}`;

describe("X02 the log", () => {
  test("has these octets", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("t1", "tea"));
    await store.flush();
    store.put(LINK, entry("t1", undefined, ACCEPTED));
    store.put(OTHER, entry("r", undefined, { type: "received", section: 2, offset: 300 }));
    await store.flush();
    store.delete(OTHER, bytes("r"));
    await closed(store);
    const written = readFileSync(logOf(directory));
    const salt = written.readUInt32BE(12);
    expect(hex(written)).toBe(hex(log(
      salt,
      `${LINK_1} 03 00000001 02 7431 00000000 00000003 746561`,
      `02 00000001 02 7431 00000004 00532445 ${LINK_2} 02 00000002 01 72 00000011 005323c00c02 5202 80000000000000012c`,
      "04 00000002 01 72",
    )));
  });

  test("is read from these octets", async () => {
    const directory = folder();
    writeFileSync(logOf(directory), log(
      0xfffffff0,
      `${LINK_2} 02 00000002 01 61 00000004 00532645 ${LINK_1} 03 00000001 01 78 00000000 00000000`,
      "04 00000002 01 61 03 00000001 01 79 00000000 00000002 6869",
    ));
    const store = opened(directory);
    expect(await held(store, OTHER)).toEqual([]);
    expect(await held(store)).toEqual(["x null ", "y null hi"]);
  });

  test("belongs to its owner alone", async () => {
    const directory = join(folder(), "a", "b");
    await closed(opened(directory));
    expect([statSync(directory).mode & 0o777, statSync(logOf(directory)).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  test("of another kind or version is refused, and left as it is", async () => {
    const directory = folder();
    const refusal = async (octets: Buffer): Promise<string> => {
      writeFileSync(logOf(directory), octets);
      const { message, code } = await caught(() => new FileStore(directory));
      expect(readFileSync(logOf(directory))).toEqual(octets);
      expect(code).toBe("store-failed");
      return message.replace(directory, "DIR");
    };
    expect(await refusal(Buffer.from("hello"))).toBe("DIR/unsettled.log cannot be read: it is not the log of a store");
    const newer = log(7);
    newer[11] = 2;
    expect(await refusal(newer)).toBe("DIR/unsettled.log cannot be read: its format is of version 2, and this release knows version 1");
    const flipped = log(7);
    flipped[13] = 1;
    expect(await refusal(flipped)).toBe("DIR/unsettled.log cannot be read: its head does not match its checksum");
    expect(await refusal(log(7, "02 00000001 01 61 00000000"))).toBe("DIR/unsettled.log is damaged: it speaks of a link 1 that it does not name");
    expect(await refusal(log(7, "09 00000001"))).toMatch(/an entry of the unknown kind 9/);
  });
});

describe("X02 a log that a crash has torn", () => {
  const batches = [`${LINK_1} 03 00000001 01 61 00000000 00000003 746561`, "03 00000001 01 62 00000000 00000005 00fffffff0", "02 00000001 01 61 00000004 00532445 04 00000001 01 62"];
  /** What is held after so many batches. */
  const after = [[], ["a null tea"], ["a null tea", "b null \u0000\ufffd\ufffd\ufffd\ufffd"], ["a accepted"]];
  const salt = 0xfffffff0;
  const whole = log(salt, ...batches);
  const ends = [0, 1, 2, 3].map((n) => log(salt, ...batches.slice(0, n)).length);

  test("at any octet keeps every batch that is whole, and goes on from there", async () => {
    const directory = folder();
    for (let length = 20; length <= whole.length; length++) {
      writeFileSync(logOf(directory), whole.subarray(0, length));
      const sound = ends.filter((end) => end <= length).length - 1;
      const store = new FileStore(directory, { fsync: false });
      expect([length, await held(store)]).toEqual([length, after[sound]]);
      store.put(LINK, entry("z", "new"));
      await store[Symbol.asyncDispose]();
      const again = new FileStore(directory, { fsync: false });
      expect(await held(again)).toEqual([...after[sound] ?? [], "z null new"]);
      await again[Symbol.asyncDispose]();
    }
  }, 60_000);

  test("and whose last batch has any octet wrong loses that batch and no other", async () => {
    const directory = folder();
    for (let at = ends[2] as number; at < whole.length; at++) {
      const wrong = Buffer.from(whole);
      wrong[at] = (wrong[at] as number) ^ 0xff;
      writeFileSync(logOf(directory), wrong);
      const store = new FileStore(directory, { fsync: false });
      expect([at, await held(store)]).toEqual([at, after[2]]);
      expect(statSync(logOf(directory)).size).toBe(ends[2]);
      await store[Symbol.asyncDispose]();
    }
  }, 60_000);

  test("with zeros where its last batch was to come is cut there", async () => {
    const directory = folder();
    writeFileSync(logOf(directory), Buffer.concat([whole, Buffer.alloc(5000)]));
    const store = opened(directory);
    expect(await held(store)).toEqual(after[3]);
    expect(statSync(logOf(directory)).size).toBe(whole.length);
  });

  test("is damaged if any octet before its last batch is wrong: it says so, and what to do", async () => {
    const directory = folder();
    for (let at = 20; at < (ends[2] as number); at++) {
      const wrong = Buffer.from(whole);
      wrong[at] = (wrong[at] as number) ^ 0xff;
      writeFileSync(logOf(directory), wrong);
      const error = await caught(() => new FileStore(directory));
      const [bad, next] = at < (ends[1] as number) ? [ends[0], ends[1]] : [ends[1], ends[2]];
      expect(error).toMatchObject({ code: "store-failed", name: "AmqpError", message: `${logOf(directory)} is damaged: the batch at octet ${bad} does not match its checksum, and a sound one follows at octet ${next}, so it was not torn by a crash. Restore the file from a copy; or move it away to begin with an empty store, which forgets the deliveries that were not settled` });
      expect(readFileSync(logOf(directory))).toEqual(wrong);
    }
  }, 60_000);

  test("is cut although a message within has a whole log of another store in it", async () => {
    const directory = folder();
    const inner = log(5, `${LINK_1} 03 00000001 01 61 00000000 00000003 746561`);
    const outer = log(6, batches[0] as string, `03 00000001 01 63 00000000 ${inner.length.toString(16).padStart(8, "0")} ${hex(inner)}`);
    writeFileSync(logOf(directory), outer.subarray(0, outer.length - 1));
    expect(await held(opened(directory))).toEqual(["a null tea"]);
  });

  test("is opened again after it was cut in the middle of a large batch", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    await store.flush();
    const { size } = statSync(logOf(directory));
    store.put(LINK, { tag: bytes("big"), state: null, payload: new Uint8Array(3 << 20).fill(0x61) });
    await closed(store);
    truncateSync(logOf(directory), size + (2 << 20) + 5);
    expect(await held(opened(directory))).toEqual(["a null tea"]);
  });
});

describe("X02 a file store", () => {
  test("has after a restart what was flushed, and what was enqueued when it was closed", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    store.put(OTHER, entry("r", undefined, ACCEPTED));
    await store.flush();
    store.put(LINK, entry("b", "milk"));
    await closed(store);
    const again = opened(directory);
    expect([await held(again), await held(again, OTHER)]).toEqual([["a null tea", "b null milk"], ["r accepted"]]);
    again.delete(LINK, bytes("a"));
    again.put({ ...OTHER }, entry("s", undefined, ACCEPTED));
    await closed(again);
    const third = opened(directory);
    expect([await held(third), await held(third, OTHER)]).toEqual([["b null milk"], ["r accepted", "s accepted"]]);
  });

  test("names a link anew of which nothing was left", async () => {
    const directory = folder();
    for (const tag of ["a", "b", "c"]) {
      const store = opened(directory);
      expect(await held(store)).toEqual([]);
      store.put(LINK, entry(tag, "x"));
      await store.flush();
      store.delete(LINK, bytes(tag));
      await closed(store);
    }
    const store = opened(directory);
    store.put(LINK, entry("d", "x"));
    await closed(store);
    expect(await held(opened(directory))).toEqual(["d null x"]);
  });

  test("writes what many ask for at once as one batch, and what comes meanwhile as the next", async () => {
    const directory = folder();
    const store = opened(directory);
    const put = (tag: string): Promise<void> => {
      store.put(LINK, entry(tag, "x"));
      return store.flush();
    };
    await Promise.all(["a", "b", "c", "d"].map(put));
    await store.flush();
    await Promise.all(["e", "f"].map(put));
    await closed(store);
    // "a" was written at once, the others together; a flush with nothing to do writes nothing.
    expect(entriesByBatch(readFileSync(logOf(directory)))).toEqual([1, 3, 1, 1]);
  });

  test("never does its work within put, delete or flush", async () => {
    const directory = folder();
    const store = opened(directory);
    const { size } = statSync(logOf(directory));
    store.put(LINK, entry("a", "x".repeat(100)));
    store.delete(LINK, bytes("a"));
    expect(statSync(logOf(directory)).size).toBe(size);
    await store.flush();
    expect(statSync(logOf(directory)).size).toBeGreaterThan(size);
  });

  test("is refused what it cannot take", async () => {
    const directory = folder();
    const store = opened(directory);
    expect((await caught(() => store.put(LINK, { tag: new Uint8Array(33), state: null }))).message).toBe("put(): a tag has 1 to 32 octets; got 33");
    expect((await caught(() => store.put(LINK, { tag: new Uint8Array(0), state: null }))).message).toBe("put(): a tag has 1 to 32 octets; got 0");
    await closed(store);
    for (const call of [() => store.put(LINK, entry("a")), () => store.delete(LINK, bytes("a")), () => store.load(LINK), () => store.flush()]) {
      expect(await caught(call)).toMatchObject({ code: "invalid-state", message: `the store in ${directory} is closed` });
    }
    await store[Symbol.asyncDispose]();
  });

  test("is not made of what makes no sense", async () => {
    const told = async (...args: unknown[]): Promise<string> => {
      const error = await caught(() => new (FileStore as new (...args: unknown[]) => FileStore)(...args));
      expect(error).toMatchObject({ name: "ConfigError", code: "config" });
      return error.message;
    };
    expect(await told()).toBe("new FileStore(): the directory must be a path");
    expect(await told("")).toBe("new FileStore(): the directory must be a path");
    expect(await told("x", null)).toBe("new FileStore(): the options must be an object such as { fsync: false }");
    expect(await told("x", { sync: true })).toBe('new FileStore(): there is no option "sync"; the only one is "fsync"');
    expect(await told("x", { fsync: 1 })).toBe('new FileStore(): option "fsync" must be true or false');
    expect(existsSync("x")).toBe(false);
    const file = join(folder(), "file");
    writeFileSync(file, "");
    expect(await caught(() => new FileStore(file))).toMatchObject({ code: "store-failed", message: `the store in ${file} cannot be opened: EEXIST: file already exists, mkdir '${file}'` });
  });

  test("is not in use after it could not be opened", async () => {
    const directory = folder();
    writeFileSync(logOf(directory), "what");
    for (const _ of [1, 2]) expect((await caught(() => new FileStore(directory))).message).toMatch(/it is not the log of a store/);
  });
});

describe("X02 a log that has grown", () => {
  const large = (n: number): Uint8Array => new Uint8Array(1 << 16).fill(n);

  test("is made small again while it is written, and says the same", async () => {
    const directory = folder();
    const store = opened(directory, { fsync: false });
    const expected = new Map<string, number>();
    store.put(OTHER, entry("r", undefined, ACCEPTED));
    let largest = 0;
    const put = (tag: string, n: number): void => {
      store.put(LINK, { tag: bytes(tag), state: null, payload: large(n) });
      expected.delete(tag);
      expected.set(tag, n);
    };
    let i = 0;
    const write = async (): Promise<number> => {
      put(`t${i % 37}`, i % 256);
      if (i % 5 === 0) {
        store.delete(LINK, bytes(`t${(i + 11) % 37}`));
        expected.delete(`t${(i + 11) % 37}`);
      }
      if (i++ % 7 === 0) await store.flush();
      return statSync(logOf(directory)).size;
    };
    while (largest < 17 << 20) largest = await write();
    // It is made small while these are written.
    for (let size = largest; size === largest;) {
      size = await write();
      largest = Math.max(largest, size);
      if (i > 20_000) throw new Error(`the log has ${size} octets`);
    }
    while (i % 7 !== 3) await write();
    const check = (from: FileStore): void => {
      const found = [...from.load(LINK)].map(({ tag, payload }) => [new TextDecoder().decode(tag), payload?.length, payload?.[0], payload?.at(-1)]);
      expect(found).toEqual([...expected].map(([tag, n]) => [tag, 1 << 16, n, n]));
    };
    check(store);
    await closed(store);
    const again = opened(directory);
    check(again);
    expect(await held(again, OTHER)).toEqual(["r accepted"]);
    expect(readdirSync(directory).sort()).toEqual(["lock-2", "unsettled.log"]);
  }, 60_000);

  test("is not taken for a new one that was never finished", async () => {
    const directory = folder();
    const store = opened(directory);
    store.put(LINK, entry("a", "tea"));
    await closed(store);
    copyFileSync(logOf(directory), `${logOf(directory)}.new`);
    truncateSync(`${logOf(directory)}.new`, 33);
    expect(await held(opened(directory))).toEqual(["a null tea"]);
    expect(existsSync(`${logOf(directory)}.new`)).toBe(false);
  });

  test("is closed in the middle of that without loss", async () => {
    const directory = folder();
    const store = opened(directory, { fsync: false });
    for (let i = 0; i < 300; i++) store.put(LINK, { tag: bytes("t"), state: null, payload: large(i % 256) });
    for (let i = 0; i < 40; i++) store.put(LINK, { tag: bytes(`k${i}`), state: null, payload: large(i) });
    await store.flush();
    await closed(store);
    const again = opened(directory);
    expect([...again.load(LINK)].map(({ payload }) => payload?.[0])).toEqual([43, ...Array.from({ length: 40 }, (_, i) => i)]);
  });
});

describe("X02 a directory", () => {
  test("has one store at a time, and the next when that is closed", async () => {
    const directory = folder();
    const store = opened(directory);
    expect(await caught(() => new FileStore(directory))).toMatchObject({
      code: "store-failed", message: `${directory} is in use by this process itself: two stores must not share a directory, give each process a directory of its own`,
    });
    store.put(LINK, entry("a", "x"));
    await closed(store);
    expect(await held(opened(directory))).toEqual(["a null x"]);
  });

  test.each([
    ["a process that is no more", { pid: 2 ** 22 - 3, started: "x", host: "HERE" }],
    ["an earlier process with the number of this one", { pid: process.pid, started: "long ago", host: "HERE" }],
    ["nobody", undefined],
  ])("that belongs to %s is free", async (_who, owner) => {
    const directory = folder();
    const { hostname } = await import("node:os");
    writeFileSync(join(directory, "lock-7"), owner === undefined ? "" : JSON.stringify({ ...owner, host: hostname() }));
    writeFileSync(join(directory, "lock-7.0e1f"), "what a dead one tried");
    opened(directory);
    expect(readdirSync(directory).sort()).toEqual(["lock-8", "unsettled.log"]);
  });

  test("that belongs to a process of another host is not free, since nobody here can know", async () => {
    const directory = folder();
    mkdirSync(join(directory, "x"));
    writeFileSync(join(directory, "lock-3"), JSON.stringify({ pid: 12, started: "s", host: "far\u0007 away" }));
    const { message } = await caught(() => new FileStore(directory));
    expect(message).toBe(`${directory} is in use by process 12 of host "far\ufffd away"; if that process has ended for good, delete ${join(directory, "lock-3")}`);
  });
});

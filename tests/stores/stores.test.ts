/** X02 What both stores do alike: entries by link and tag, in the order of their last put, and nothing of another link. */

import { describe, expect, test } from "@jest/globals";
import type { DeliveryState } from "../../src/index.ts";
import { FileStore, MemoryStore } from "../../src/store.ts";
import type { UnsettledStore } from "../../src/store.ts";
import { ACCEPTED, LINK, OTHER, bytes, caught, entry, folder, held, kept } from "./support.ts";

const STORES: readonly (readonly [string, () => UnsettledStore])[] = [
  ["MemoryStore", () => new MemoryStore()],
  ["FileStore", () => new FileStore(folder())],
];

describe.each(STORES)("X02 a %s", (_name, make) => {
  const made = (): UnsettledStore => kept(make());

  test("holds what was put, before and after it is flushed", async () => {
    const store = made();
    expect(await held(store)).toEqual([]);
    store.put(LINK, entry("a", "tea"));
    store.put(LINK, entry("b", ""));
    expect(await held(store)).toEqual(["a null tea", "b null "]);
    await store.flush();
    expect(await held(store)).toEqual(["a null tea", "b null "]);
  });

  test("replaces by tag, drops the payload with it, and tells in the order of the last put", async () => {
    const store = made();
    for (const tag of ["a", "b", "c"]) store.put(LINK, entry(tag, tag));
    await store.flush();
    store.put(LINK, entry("a", undefined, ACCEPTED));
    store.delete(LINK, bytes("b"));
    store.delete(LINK, bytes("never"));
    expect(await held(store)).toEqual(["c null c", "a accepted"]);
    await store.flush();
    expect(await held(store)).toEqual(["c null c", "a accepted"]);
  });

  test("keeps links apart by each of their four names", async () => {
    const store = made();
    const links = [LINK, OTHER, { ...LINK, container: "o" }, { ...LINK, remoteContainer: "s" }, { ...LINK, name: "m" }];
    links.forEach((link, i) => store.put({ ...link }, entry("t", String(i))));
    store.delete(OTHER, bytes("t"));
    await store.flush();
    expect(await Promise.all(links.map((link) => held(store, { ...link })))).toEqual([["t null 0"], [], ["t null 2"], ["t null 3"], ["t null 4"]]);
  });

  test("keeps states with all that is in them, and tags of any octets", async () => {
    const store = made();
    const states: DeliveryState[] = [
      { type: "rejected", error: { condition: "amqp:not-found", description: "no tea", info: { n: 1 } } },
      { type: "modified", deliveryFailed: true, undeliverableHere: false, annotations: { why: "late" } },
      { type: "released" },
      { type: "received", section: 3, offset: 4_000_000_000 },
      { type: "transactional", txnId: bytes("t1"), outcome: ACCEPTED },
    ];
    states.forEach((state, i) => store.put(LINK, { tag: Uint8Array.of(0, 255, i), state }));
    await store.flush();
    const found = [...store.load(LINK) as Iterable<{ tag: Uint8Array; state: unknown }>];
    expect(found.map(({ state }) => JSON.parse(JSON.stringify(state)))).toEqual(states.map((state) => JSON.parse(JSON.stringify(state))));
    expect(found.map(({ tag }) => [...tag])).toEqual(states.map((_, i) => [0, 255, i]));
  });

  test("copies: neither what was given nor what it gives is its own", async () => {
    const store = made();
    const given = { tag: bytes("a"), state: null, payload: bytes("tea") };
    store.put(LINK, given);
    await store.flush();
    given.tag.fill(0);
    given.payload.fill(0);
    for (const { tag, payload } of store.load(LINK) as Iterable<{ tag: Uint8Array; payload?: Uint8Array }>) {
      tag.fill(1);
      payload?.fill(1);
    }
    expect(await held(store)).toEqual(["a null tea"]);
  });

  test("refuses a transaction, which only a database has", async () => {
    const store = made();
    const error = await caught(() => store.put(LINK, entry("a"), { id: 1 }));
    expect(error.message).toMatch(/^a (Memory|File)Store has no transactions: "commitWith" is for a store in your own database$/);
    expect(error).toMatchObject({ name: "ConfigError", code: "config" });
    expect(await held(store)).toEqual([]);
  });
});

/** X05: `deduplicate` of receivers: a copy of a message that was accepted is accepted and shown to nobody; whatever was not accepted is shown again. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { ConfigError, connect, Container, DuplicateWindow, Uuid } from "../../src/index.ts";
import type { Connection, ContainerOptions, DeduplicateOptions, IncomingDelivery, Receiver, ReceiverOptions, UnsettledEntry, UnsettledStore } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { Script } from "../../src/testing/script.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { within } from "../protocol/harness.ts";
import { failure, nextCredit, outcomes, outcomesAmong, pair, receiverOn, settled, stage, until } from "./support.ts";
import type { Stage } from "./support.ts";

/** A store whose flushes wait for a gate. */
class MemoryLog implements UnsettledStore {
  readonly entries = new Map<string, UnsettledEntry>();
  readonly links = new Set<unknown>();
  gate: Promise<void> = Promise.resolve();
  broken: Error | undefined = undefined;

  load(): UnsettledEntry[] {
    if (this.broken !== undefined) throw this.broken;
    return [...this.entries.values()];
  }

  put(link: unknown, entry: UnsettledEntry): void {
    this.links.add(link);
    this.entries.set(Buffer.from(entry.tag).toString("hex"), { ...entry, payload: entry.payload?.slice() });
  }

  delete(_: unknown, tag: Uint8Array): void {
    this.entries.delete(Buffer.from(tag).toString("hex"));
  }

  flush(): Promise<void> {
    return this.gate;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

const WINDOW: DeduplicateOptions = { window: 100 };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Transfers of messages with these message-ids, whose bodies are their ids. */
function give(peer: Script, ...all: unknown[]): void {
  for (const messageId of all) peer.send("transfer", {}, encodeMessage({ properties: messageId === undefined ? {} : { messageId }, value: String(messageId) }));
}

async function scene(options: ReceiverOptions<string> = {}, container: ContainerOptions = {}): Promise<{ at: Stage; receiver: Receiver<string> }> {
  const at = await stage({ container });
  const receiver = await receiverOn<string>(at, { deduplicate: WINDOW, prefetch: 10, ...options });
  return { at, receiver };
}

/** The next delivery, and credit for those after it. */
function next(receiver: Receiver<string>): Promise<IncomingDelivery<string>> {
  return within(receiver.receive(), "a delivery");
}

describe("X05 copies of a message", () => {
  test("of one that was accepted is accepted, unseen; others pass", async () => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a");
    await (await first).accept();
    const second = next(receiver);
    give(at.peer, "a", "b", "a");
    expect((await second).message.id).toBe("b");
    expect(await outcomes(at.peer)).toEqual({ 0: "accepted", 1: "accepted", 3: "accepted" });
    expect(receiver.queued).toBe(0);
  });

  test.each([
    ["released", (delivery: IncomingDelivery) => delivery.release()],
    ["modified+failed", (delivery: IncomingDelivery) => delivery.release({ delivered: true })],
    ["rejected amqp:internal-error", (delivery: IncomingDelivery) => delivery.reject("no")],
    ["released", (delivery: IncomingDelivery) => delivery.settle("released")],
  ])("of one that was %s is shown", async (outcome, settle) => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a");
    await settle(await first);
    give(at.peer, "a");
    await (await next(receiver)).accept();
    expect(await outcomes(at.peer)).toEqual({ 0: outcome, 1: "accepted" });
  });

  test("of one in hand waits: when that is accepted it is a duplicate", async () => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "a", "a", "b");
    const held = await first;
    expect((await next(receiver)).message.id).toBe("b");
    expect(await outcomes(at.peer)).toEqual({});
    await held.accept();
    expect(await outcomes(at.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted" });
  });

  test("of one in hand waits: when that is given back, one of them is shown, and the others wait for it", async () => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "a", "a");
    const held = await first;
    const second = next(receiver);
    expect(await settled(second)).toBe(false);
    await held.release();
    const shown = await second;
    expect(await settled(next(receiver).catch(() => undefined))).toBe(false);
    await shown.accept();
    expect(await outcomes(at.peer)).toEqual({ 0: "released", 1: "accepted", 2: "accepted" });
    await receiver.stop();
  });

  test("settle(accepted) and update(accepted) count as accept()", async () => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "b");
    await (await first).settle("accepted");
    (await next(receiver)).update("accepted");
    give(at.peer, "a", "b", "c");
    expect((await next(receiver)).message.id).toBe("c");
    expect(await outcomes(at.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted", 3: "accepted" });
  });

  test("that came settled is shown once", async () => {
    const { at, receiver } = await scene({ sndSettleMode: "mixed" });
    const first = next(receiver);
    await nextCredit(at.peer);
    const payload = encodeMessage({ properties: { messageId: "a" }, value: "x" });
    at.peer.send("transfer", { settled: true }, payload);
    await (await first).accept();
    at.peer.send("transfer", { settled: true }, payload);
    give(at.peer, "b");
    expect((await next(receiver)).message.id).toBe("b");
  });

  test("an at-most-once receiver shows a message once", async () => {
    const { at, receiver } = await scene({ guarantee: "at-most-once", sndSettleMode: "mixed" });
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "a", "b");
    expect((await first).message.id).toBe("a");
    expect((await next(receiver)).message.id).toBe("b");
    expect(await outcomes(at.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "accepted" });
  });

  test("when the loop is left what waits goes back", async () => {
    const { at, receiver } = await scene();
    const looping = (async () => {
      for await (const _ of receiver) break;
    })();
    await nextCredit(at.peer);
    give(at.peer, "a", "a");
    await within(looping, "the loop");
    expect(await outcomes(at.peer)).toEqual({ 0: "modified+failed", 1: "released" });
  });

  test("a body that comes as a stream: accepted before its end, it is remembered at its end", async () => {
    const { at, receiver } = await scene({ partial: true });
    const whole = encodeMessage({ properties: { messageId: "a" }, data: [new Uint8Array(40)] });
    const first = next(receiver);
    await nextCredit(at.peer);
    at.peer.send("transfer", { more: true }, whole.subarray(0, whole.length - 20));
    const delivery = await first;
    void delivery.accept();
    at.peer.send("transfer", { more: false, deliveryTag: undefined, deliveryId: undefined }, whole.subarray(whole.length - 20));
    at.peer.send("transfer", {}, whole);
    give(at.peer, "b");
    expect((await next(receiver)).message.id).toBe("b");
    expect(await outcomes(at.peer)).toEqual({ 0: "accepted", 1: "accepted" });
  });

  test("a body that is taken back by its sender is not remembered", async () => {
    const { at, receiver } = await scene({ partial: true });
    const whole = encodeMessage({ properties: { messageId: "a" }, data: [new Uint8Array(40)] });
    const first = next(receiver);
    await nextCredit(at.peer);
    at.peer.send("transfer", { more: true }, whole.subarray(0, whole.length - 20));
    const delivery = await first;
    at.peer.send("transfer", { aborted: true, deliveryTag: undefined, deliveryId: undefined });
    await failure(delivery.accept());
    at.peer.send("transfer", {}, whole);
    await (await next(receiver)).accept();
    expect(await outcomes(at.peer)).toEqual({ 1: "accepted" });
  });
});

describe("X05 keys", () => {
  test("message-ids of different types are different", async () => {
    const { at, receiver } = await scene();
    const all = ["5", 5n, new Uint8Array([5]), "05"];
    const looping = untilEnd(receiver);
    await nextCredit(at.peer);
    give(at.peer, ...all, ...all, "end");
    const seen = await looping;
    expect(seen).toEqual(["5", 5, new Uint8Array([5]), "05", "end"]);
  });

  test("uuids, with typed values too", async () => {
    const { request, connection } = await pair();
    const opening = connection.createReceiver<number>("q", { deduplicate: WINDOW, typed: true });
    const asked = await request();
    if (asked.role !== "sender") throw new Error("a receiver was asked for");
    const sender = await asked.accept();
    const receiver = await opening;
    const id = Uuid.parse("00112233-4455-6677-8899-aabbccddeeff");
    const bodies: unknown[] = [];
    const looping = (async () => {
      for await (const { message } of receiver.take({ max: 3 })) bodies.push(message.subject);
    })();
    await Promise.all([
      sender.send({ id, subject: "one", body: 1 }), sender.send({ id, subject: "two", body: 2 }), sender.send({ id: id.toString(), subject: "three", body: 3 }),
      sender.send({ id: 7n, subject: "four", body: 4 }),
    ]);
    await within(looping, "the loop");
    expect(bodies).toEqual(["one", "three", "four"]);
  });

  test("a message without an id passes, and that is told once", async () => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, undefined, undefined);
    await (await first).accept();
    await (await next(receiver)).accept();
    expect(at.errors).toEqual([expect.objectContaining({ code: "config", message: expect.stringContaining("without a message-id") })]);
  });

  test("a key of one's own; a message for which it is undefined passes untold", async () => {
    const { at, receiver } = await scene({ deduplicate: { window: 10, key: (message) => (message.subject === undefined ? undefined : `s-${message.subject}`) } });
    const first = next(receiver);
    await nextCredit(at.peer);
    const message = (subject: string | undefined, messageId: string): void => at.peer.send("transfer", {}, encodeMessage({ properties: { messageId, subject }, value: messageId }));
    message("x", "1");
    await (await first).accept();
    message("x", "2");
    message(undefined, "3");
    message(undefined, "3");
    const ids = [];
    for (let n = 0; n < 2; n++) {
      const delivery = await next(receiver);
      ids.push(delivery.message.id);
      await delivery.accept();
    }
    expect(ids).toEqual(["3", "3"]);
    expect(at.errors).toEqual([]);
  });

  test.each([
    ["throws", () => { throw new RangeError("not this"); }, "handler-failed"],
    ["is no text", () => 5 as never, "config"],
  ])("a key that %s: the message passes, and it is told", async (_, key, code) => {
    const { at, receiver } = await scene({ deduplicate: { window: 10, key } });
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "a");
    await (await first).accept();
    await (await next(receiver)).accept();
    expect(at.errors.map((error) => (error as { code: string }).code)).toEqual([code, code]);
  });

  test("a message whose id cannot be read is rejected, and the next one passes", async () => {
    const { at, receiver } = await scene();
    const first = next(receiver);
    await nextCredit(at.peer);
    // properties with a message-id of a text that is no UTF-8
    at.peer.send("transfer", {}, Buffer.from("005373c00401a102ff80005377a10161".replace("c00401a102ff80", "c00501a102ff80"), "hex"));
    give(at.peer, "b");
    expect((await first).message.id).toBe("b");
    expect(await outcomes(at.peer)).toEqual({ 0: "rejected amqp:decode-error" });
  });
});

describe("X05 the window", () => {
  test("is bounded by count: the oldest is forgotten first", async () => {
    const { at, receiver } = await scene({ deduplicate: { window: 2 } });
    const looping = untilEnd(receiver);
    await nextCredit(at.peer);
    let given = 0;
    for (const id of ["a", "b", "c", "b", "a", "end"]) {
      give(at.peer, id);
      given += 1;
      await until(() => Object.keys(outcomesAmong(at.peer.frames())).length === given);
    }
    const seen = await looping;
    expect(seen).toEqual(["a", "b", "c", "a", "end"]);
  });

  test("is bounded by time, from when the message was accepted", async () => {
    const { at, receiver } = await scene({ deduplicate: { window: 10, time: 1_000 } });
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a");
    await (await first).accept();
    await at.clock.advance(999);
    give(at.peer, "a", "b");
    await (await next(receiver)).accept();
    await at.clock.advance(1);
    give(at.peer, "a");
    expect((await next(receiver)).message.id).toBe("a");
  });

  test("is bounded in memory: keys of any length take 1 KiB each at the most, on average", () => {
    const window = new DuplicateWindow({ window: 4 });
    void window.open(new ManualClock());
    for (let n = 0; n < 10; n++) void window.remember(`${n}`.repeat(2_000));
    expect(window.size).toBe(2);
    for (let n = 0; n < 10; n++) void window.remember(`${n}`);
    expect(window.size).toBe(4);
  });

  test("given by hand, credit that a duplicate used up is given again", async () => {
    const { at, receiver } = await scene({ prefetch: 0 });
    receiver.flow(2);
    await nextCredit(at.peer);
    give(at.peer, "a", "b");
    await until(() => receiver.queued === 2);
    for (let n = 0; n < 2; n++) await receiver.tryReceive()?.accept();
    receiver.flow(2);
    await nextCredit(at.peer);
    give(at.peer, "a", "b");
    await until(() => receiver.credit === 2);
    give(at.peer, "c", "d");
    await until(() => receiver.queued === 2);
  });

  test.each<[string, object, RegExp]>([
    ["no window", {}, /"window"/],
    ["a window of none", { window: 0 }, /"window" must be a whole number from 1/],
    ["a name that is none", { window: 1, size: 3 }, /"size"/],
    ["a store that is none", { window: 1, store: {} }, /"store"/],
    ["a store without a name", { window: 1, store: new MemoryLog() }, /by a name/],
  ])("%s: ConfigError", async (_, deduplicate, text) => {
    const at = await stage();
    expect(() => at.connection.createReceiver("q", { deduplicate: deduplicate as DeduplicateOptions })).toThrow(ConfigError);
    expect(() => at.connection.createReceiver("q", { deduplicate: deduplicate as DeduplicateOptions })).toThrow(text);
  });

  test("shared by the receivers of a listener: what one of them has accepted is a duplicate at another", async () => {
    const { client, listener, request } = await pair();
    const window = new DuplicateWindow({ window: 10 });
    const taken: unknown[] = [];
    for (let n = 0; n < 2; n++) {
      const connection = n === 0 ? [...client.connections][0] as Connection : await client.connect(listener.url, { reconnect: false });
      const opening = connection.createSender<string>("q");
      const asked = await request();
      if (asked.role !== "receiver") throw new Error("a sender was asked for");
      const receiver = await asked.accept<string>({ deduplicate: window });
      const looping = (async () => {
        for await (const { message } of receiver.take({ max: 1 })) taken.push(message.body);
      })();
      const sender = await opening;
      await sender.send({ id: "same", body: `same ${n}` });
      if (n === 1) await sender.send({ id: "other", body: "other" });
      await within(looping, "the loop");
    }
    expect(taken).toEqual(["same 0", "other"]);
    expect(window.size).toBe(2);
  });
});

describe("X05 over lost connections", () => {
  test("S16 what was accepted, and whose outcome was lost with the connection, is not shown again", async () => {
    const told = new Deferred<Record<string, unknown>>();
    const { receiver, recovered, server } = await dropping({
      async first(script) {
        give(script, "a", "b");
        // the outcomes have left and never arrive
        await script.until("disposition");
      },
      async second(script) {
        give(script, "b", "a", "c");
        told.resolve((await script.until("disposition")).fields);
      },
    });
    for (let n = 0; n < 2; n++) await (await next(receiver)).accept();
    await recovered;
    expect((await next(receiver)).message.id).toBe("c");
    expect(await told.promise).toMatchObject({ first: 0, last: 1, settled: true, state: { type: "accepted" } });
    server.over();
  });

  test("S16 accepted after the drop: the copy that waits is accepted in its stead, and accept() resolves", async () => {
    const dropped = new Deferred<void>();
    const told = new Deferred<Record<string, unknown>>();
    const { receiver, recovered, server } = await dropping({
      async first(script) {
        give(script, "a", "b");
        await dropped.promise;
      },
      async second(script) {
        give(script, "a", "c");
        told.resolve((await script.until("disposition")).fields);
      },
    });
    const held = await next(receiver);
    dropped.resolve();
    await recovered;
    expect((await next(receiver)).message.id).toBe("c");
    await held.accept();
    expect(await told.promise).toMatchObject({ first: 0, settled: true, state: { type: "accepted" } });
    server.over();
  });

  test("given back after the drop: the copy that waits is shown", async () => {
    const dropped = new Deferred<void>();
    const { receiver, recovered, server } = await dropping({
      async first(script) {
        give(script, "a");
        await dropped.promise;
      },
      async second(script) {
        give(script, "a", "c");
        await script.until("disposition", { state: "accepted" });
      },
    });
    const held = await next(receiver);
    dropped.resolve();
    await recovered;
    const other = await next(receiver);
    await failure(held.release());
    const shown = await next(receiver);
    expect([other.message.id, shown.message.id]).toEqual(["c", "a"]);
    await shown.accept();
    server.over();
  });

  test("what nobody had taken is shown when it comes again, and so is a copy that waited with it", async () => {
    const dropped = new Deferred<void>();
    const { receiver, recovered, server } = await dropping({
      async first(script) {
        give(script, "z", "a", "a");
        await dropped.promise;
      },
      async second(script) {
        give(script, "a", "a", "b");
        await script.until("disposition");
      },
    });
    await (await next(receiver)).accept();
    await until(() => receiver.queued === 1);
    dropped.resolve();
    await recovered;
    const again = await next(receiver);
    expect(again.message.id).toBe("a");
    await again.accept();
    expect((await next(receiver)).message.id).toBe("b");
    server.over();
  });
});

describe("X05 transactions", () => {
  test("what is retired in one is remembered when it is committed, and shown again when it is not", async () => {
    const { request, connection } = await pair();
    const session = await connection.session();
    const opening = session.createReceiver<string>("q", { deduplicate: WINDOW, prefetch: 10 });
    const asked = await request();
    if (asked.role !== "sender") throw new Error("a receiver was asked for");
    const sender = await asked.accept();
    const receiver = await opening;
    await using coordinator = coordinate(request);
    for (const [id, commits] of [["kept", true], ["undone", false]] as const) {
      const one = next(receiver);
      void sender.send({ id, body: id }).catch(() => undefined);
      const delivery = await one;
      const transaction = await connection.transaction({ session });
      await transaction.accept(delivery as unknown as IncomingDelivery);
      if (commits) await transaction.commit();
      else {
        await transaction.abort();
        await delivery.release();
      }
    }
    const copies = [sender.send({ id: "kept", body: "again" }), sender.send({ id: "undone", body: "again" })];
    const shown = await next(receiver);
    expect(shown.message.id).toBe("undone");
    await shown.accept();
    await within(Promise.all(copies), "the copies");
    expect(coordinator.discharges).toEqual([false, true]);
  });

  test("what is posted in a peer's is remembered when that is committed", async () => {
    const { request, connection } = await pair();
    const session = await connection.session();
    const opening = session.createSender<string>("q");
    const asked = await request();
    if (asked.role !== "receiver") throw new Error("a sender was asked for");
    const receiver = await asked.accept<string>({ deduplicate: WINDOW, prefetch: 10 });
    const sender = await opening;
    await using coordinator = coordinate(request);
    const shown: unknown[] = [];
    const looping = (async () => {
      for await (const { message } of receiver.take({ max: 4 })) shown.push(message.body);
    })();
    for (const [id, commits] of [["kept", true], ["undone", false]] as const) {
      const transaction = await connection.transaction({ session });
      await transaction.send(sender, { id, body: `${id} 1` });
      await (commits ? transaction.commit() : transaction.abort());
    }
    const third = await connection.transaction({ session });
    for (const id of ["kept", "undone"]) await third.send(sender, { id, body: `${id} 2` });
    await third.commit();
    await sender.send({ id: "undone", body: "undone 3" });
    await sender.send({ id: "end", body: "end" });
    await within(looping, "the loop");
    expect(shown).toEqual(["kept 1", "undone 1", "undone 2", "end"]);
    expect(coordinator.discharges).toEqual([false, true, false]);
  });
});

describe("X05 with a store", () => {
  test("X.2 the key is durable before the outcome leaves", async () => {
    const store = new MemoryLog();
    const { at, receiver } = await scene({ name: "orders", deduplicate: { window: 10, store } });
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "a");
    const gate = new Deferred<void>();
    store.gate = gate.promise;
    const delivery = await first;
    const accepting = delivery.accept();
    expect(await outcomes(at.peer)).toEqual({});
    expect(store.entries.size).toBe(1);
    expect(delivery.accept()).toBeDefined();
    gate.resolve();
    await accepting;
    expect(await outcomes(at.peer)).toEqual({ 0: "accepted", 1: "accepted" });
    expect([...store.links]).toEqual([{ container: "", remoteContainer: "", name: "duplicates of orders", role: "receiver" }]);
  });

  test("X.12 after a restart what was accepted is not shown, and what is too old is", async () => {
    const store = new MemoryLog();
    for (const [sent, shown] of [[["a", "b", "end"], ["a", "b", "end"]], [["b", "a", "c", "last"], ["a", "c", "last"]]] as const) {
      const { at, receiver } = await scene({ deduplicate: { window: 2, name: "orders", store } });
      const looping = untilEnd(receiver, shown.at(-1));
      await nextCredit(at.peer);
      give(at.peer, ...sent);
      expect(await looping).toEqual(shown);
    }
    expect(store.entries.size).toBe(2);
  });

  test("a store that fails: accept() rejects store-failed, nothing is told, no more is taken; the delivery can still be given back", async () => {
    const store = new MemoryLog();
    const { at, receiver } = await scene({ deduplicate: { window: 10, name: "orders", store } });
    const first = next(receiver);
    await nextCredit(at.peer);
    give(at.peer, "a", "b");
    const delivery = await first;
    store.gate = Promise.reject(new Error("disk full"));
    store.gate.catch(() => undefined);
    expect(await failure(delivery.accept())).toMatchObject({ code: "store-failed", cause: { message: "disk full" } });
    await at.peer.until("flow", { linkCredit: 0 });
    expect(await outcomes(at.peer)).toEqual({ 1: "released" });
    expect(at.errors).toEqual([expect.objectContaining({ code: "store-failed" })]);
    await delivery.release();
    expect(await outcomes(at.peer)).toEqual({ 0: "released", 1: "released" });
  });

  test("a store that cannot be read ends the link", async () => {
    const store = new MemoryLog();
    store.broken = new Error("torn");
    const at = await stage();
    const opening = at.connection.createReceiver("q", { deduplicate: { window: 10, name: "orders", store } });
    expect(await failure(opening)).toMatchObject({ code: "store-failed", cause: { message: "torn" } });
  });

  test("at-most-once: ConfigError", async () => {
    const at = await stage();
    expect(() => at.connection.createReceiver("q", { guarantee: "at-most-once", deduplicate: { window: 10, name: "orders", store: new MemoryLog() } })).toThrow(ConfigError);
  });
});

/** The ids of what a loop gets up to that one. */
async function untilEnd(receiver: Receiver<string>, end: string = "end"): Promise<unknown[]> {
  const ids: unknown[] = [];
  const looping = (async () => {
    for await (const delivery of receiver) {
      ids.push(delivery.message.id);
      if (delivery.message.id !== end) continue;
      void delivery.accept();
      break;
    }
  })();
  await within(looping, "the loop");
  return ids;
}

/** A peer whose first connection breaks off after `first`; each has attached the receiver's link and has credit. */
async function dropping({ first, second }: { first: (script: Script) => Promise<void>; second: (script: Script) => Promise<void> }): Promise<{
  receiver: Receiver<string>; recovered: Promise<void>; server: { over(): void };
}> {
  const over = new Deferred<void>();
  const server = await ScriptedPeer.start(async (script, connection) => {
    await script.handshake();
    script.reply(await script.until("begin"));
    script.reply(await script.until("attach"));
    await nextCredit(script);
    if (connection === 0) {
      await first(script);
      script.drop("rst");
      return;
    }
    await second(script);
    await over.promise;
  });
  const connection = await connect(server.url, { timeout: 5_000, reconnect: { initialDelay: 1, maxDelay: 5 } });
  const recovered = (async () => {
    for await (const { type } of connection.status()) if (type === "recovered") return;
  })();
  cleanups.push(async () => {
    over.resolve();
    await connection.close({ timeout: 0 }).catch(() => undefined);
    await server.close();
  });
  const receiver = await connection.createReceiver<string>("q", { deduplicate: WINDOW, prefetch: 10 });
  return { receiver, recovered: within(recovered, "the recovery"), server: { over: () => over.resolve() } };
}

/** A coordinator for the next link that asks for one. */
function coordinate(request: () => Promise<{ role: string; accept(options: object): Promise<unknown> }>): AsyncDisposable & { discharges: boolean[] } {
  const discharges: boolean[] = [];
  let ids = 0;
  void request().then((asked) => asked.accept({
    coordinator: {
      declare: () => new Uint8Array([++ids]),
      discharge: (_: Uint8Array, failed: boolean) => void discharges.push(failed),
    },
  }));
  return { discharges, [Symbol.asyncDispose]: () => Promise.resolve() };
}

test("X05 a container's receiver options can ask for it, for all receivers", async () => {
  const server = await ScriptedPeer.start(async (script) => {
    await script.handshake();
    script.reply(await script.until("begin"));
    script.reply(await script.until("attach"));
    await nextCredit(script);
    give(script, "a", "a", "end");
    await script.until("close");
  });
  const container = new Container({ receiver: { deduplicate: WINDOW } });
  cleanups.push(async () => {
    await container.close({ timeout: 200 }).catch(() => undefined);
    await server.close();
  });
  const connection = await container.connect(server.url, { reconnect: false });
  const receiver = await connection.createReceiver<string>("q");
  expect(await untilEnd(receiver)).toEqual(["a", "end"]);
});

/** X02 X.2 X.12 Exactly-once links with a store: what is durable before what is said, and how a program that is started again goes on. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { Container, Message } from "../../src/index.ts";
import type { Connection, ContainerOptions, Listener, OutgoingDelivery, Receiver, Sender, UnsettledStore } from "../../src/index.ts";
import { MemoryStore } from "../../src/store.ts";
import { ACCEPTED, LINK, OTHER, bytes, caught, closed, entry, folder, held, kept, opened } from "./support.ts";

const containers: Container[] = [];

afterEach(async () => {
  for (const container of containers.splice(0)) await container.close({ timeout: 2_000 });
});

function container(id: string | undefined, store: UnsettledStore | undefined, more: ContainerOptions = {}): Container {
  const made = new Container({ id, store, onError: () => undefined, ...more });
  containers.push(made);
  return made;
}

interface Consumer {
  readonly url: string;
  readonly listener: Listener;
  readonly receivers: Receiver<string>[];
  readonly got: string[];
}

/** Listens, and gives each message of each link to `take`. */
async function consumer(store: UnsettledStore | undefined, take: (delivery: Parameters<Parameters<Receiver<string>["consume"]>[0]>[0], got: string[]) => unknown, url = "amqp://127.0.0.1:0"): Promise<Consumer> {
  const listener = await container("stock", store).listen(url);
  const receivers: Receiver<string>[] = [];
  const got: string[] = [];
  void listener.serve(async (request) => {
    if (request.role !== "receiver") return request.refuse({ condition: "amqp:not-allowed" });
    const receiver = await request.accept() as unknown as Receiver<string>;
    receivers.push(receiver);
    void receiver.consume((delivery) => take(delivery, got), { onError: () => undefined }).catch(() => undefined);
  });
  return { url: listener.url, listener, receivers, got };
}

async function sending(url: string, store: UnsettledStore, more: ContainerOptions = {}): Promise<{ connection: Connection; sender: Sender<string> }> {
  const connection = await container("orders", store, more).connect(url, { reconnect: { initial: true } });
  const sender = await connection.createSender<string>("q", { name: "l", guarantee: "exactly-once" });
  return { connection, sender };
}

/** A store that tells what is asked of it, and whose flushes wait. */
class Watched extends MemoryStore {
  readonly said: string[] = [];
  gate: Promise<void> = Promise.resolve();
  fails = false;

  override put(...args: Parameters<UnsettledStore["put"]>): void {
    const [{ role }, { state, payload }, commitWith] = args;
    this.said.push(`${role} put ${state === null ? "null" : state.type}${payload === undefined ? "" : " bytes"}${commitWith === undefined ? "" : " in a transaction"}`);
    super.put(args[0], args[1]);
  }

  override delete(...args: Parameters<UnsettledStore["delete"]>): void {
    this.said.push(`${args[0].role} delete`);
    super.delete(...args);
  }

  override async flush(): Promise<void> {
    await this.gate;
    if (this.fails) throw new Error("no room");
    this.said.push("flushed");
  }
}

describe("X.2 the order of things", () => {
  test("a sender's message is durable before it leaves, its outcome before the promise is settled; a receiver's outcome before it is told", async () => {
    const said: string[] = [];
    const [ours, theirs] = [kept(new Watched()), kept(new Watched())];
    Object.assign(ours, { said });
    Object.assign(theirs, { said });
    const { url } = await consumer(theirs, (delivery) => {
      said.push("came");
      return delivery.accept();
    });
    const { sender } = await sending(url, ours);
    await sender.send({ body: "tea" }).then(() => said.push("resolved"));
    while (!said.includes("receiver delete")) await new Promise((resolve) => setImmediate(resolve));
    expect(said).toEqual(["sender put null bytes", "flushed", "came", "receiver put accepted", "flushed", "sender put accepted", "flushed", "resolved", "receiver delete"]);
  });
});

describe("X.12 a sender that is started again", () => {
  test("finds what was not settled, with its message, and it is settled once", async () => {
    const [directory, other] = [folder(), folder()];
    const theirs = opened(other);
    const store = opened(directory);
    store.put(LINK, { ...entry("t1"), payload: new Message({ body: "tea", subject: "s" }).encode() });
    await store.flush();
    const { url, got } = await consumer(theirs, (delivery, list) => {
      list.push(delivery.message.body);
      return delivery.accept();
    });
    const seen: (OutgoingDelivery | undefined)[] = [];
    const connection = await container("orders", store).connect(url);
    const opening = connection.createSender<string>("q", { name: "l", guarantee: "exactly-once" });
    const again = opening.endpoint.send({ body: "not this" }, { tag: "t1" });
    const sender = await opening;
    seen.push(sender.unsettled.get("t1"));
    expect(seen[0]).toMatchObject({ recovered: true });
    expect(seen[0]?.message?.subject).toBe("s");
    const settled = await again;
    expect(settled).toBe(seen[0]);
    expect(settled.outcome).toEqual(ACCEPTED);
    expect(got).toEqual(["tea"]);
    expect(sender.unsettled.size).toBe(0);
    const repeated = await sender.send({ body: "nor this" }, { tag: "t1" });
    expect([repeated.recovered, repeated.settled, repeated.outcome]).toEqual([true, true, ACCEPTED]);
    expect(got).toEqual(["tea"]);
    await closed(store);
    expect(await held(opened(directory))).toEqual(["t1 accepted"]);
  });
});

describe("X.12 a receiver that is started again", () => {
  test("tells the outcome that a former process recorded, and its handler sees nothing of that message", async () => {
    const theirs = kept(new MemoryStore());
    theirs.put({ container: "stock", remoteContainer: "orders", name: "l", role: "receiver" }, entry("t1", undefined, { type: "released" }));
    const store = kept(new MemoryStore());
    store.put(LINK, { ...entry("t1"), payload: new Message({ body: "tea" }).encode() });
    store.put(LINK, { ...entry("t2"), payload: new Message({ body: "milk" }).encode() });
    const { url, got, receivers } = await consumer(theirs, (delivery, list) => {
      list.push(delivery.message.body);
      return delivery.accept();
    });
    const { sender } = await sending(url, store);
    expect(sender.recovery).toBe("resumed");
    await expect(sender.send({ body: "x" }, { tag: "t1" })).rejects.toMatchObject({ code: "released" });
    await expect(sender.send({ body: "x" }, { tag: "t2" })).resolves.toMatchObject({ outcome: ACCEPTED });
    expect(got).toEqual(["milk"]);
    expect(receivers[0]?.recovery).toBe("resumed");
    expect(await held(store)).toEqual(["t1 released", "t2 accepted"]);
    while ((await held(theirs, { ...OTHER, container: "stock", remoteContainer: "orders" })).length !== 0) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe("X.2 a store that fails", () => {
  test("keeps a message from being sent, and the next one goes when it is well again", async () => {
    const ours = kept(new Watched());
    const { url, got } = await consumer(kept(new MemoryStore()), (delivery, list) => {
      list.push(delivery.message.body);
      return delivery.accept();
    });
    const { sender } = await sending(url, ours);
    ours.fails = true;
    const error = await caught(() => sender.send({ body: "tea" }));
    expect(error).toMatchObject({ name: "NotSentError", code: "store-failed" });
    expect(error.message).toMatch(/no room$/);
    ours.fails = false;
    await sender.send({ body: "milk" });
    expect(got).toEqual(["milk"]);
    expect((await held(ours)).length).toBe(1);
  });

  test("keeps an outcome from being told: the call is told, no more is taken, and the message is not lost", async () => {
    const theirs = kept(new Watched());
    theirs.fails = true;
    const refused: string[] = [];
    const { url, got, receivers } = await consumer(theirs, async (delivery, list) => {
      list.push(delivery.message.body);
      await delivery.accept().catch((error: { code: string }) => refused.push(error.code));
    });
    const { sender } = await sending(url, kept(new MemoryStore()));
    const sent = sender.trySend({ body: "tea" });
    while (refused.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect([got, refused, receivers[0]?.credit]).toEqual([["tea"], ["store-failed"], 0]);
    expect([sent?.outcome, sender.unsettled.size]).toEqual([undefined, 1]);
  });
});

describe("X.12 commitWith", () => {
  test("passes the transaction of the program to the store, and needs a store", async () => {
    const theirs = kept(new Watched());
    const { url } = await consumer(theirs, (delivery) => delivery.accept({ commitWith: { id: 7 } }));
    const { sender, connection } = await sending(url, kept(new MemoryStore()));
    await sender.send({ body: "tea" });
    expect(theirs.said).toContain("receiver put accepted in a transaction");
    expect(connection.remoteContainer).toBe("stock");
    const without = await consumer(undefined, (delivery) => caught(() => delivery.accept({ commitWith: 1 })).then((error) => delivery.reject(error.message)));
    const plain = await sending(without.url, kept(new MemoryStore()));
    await expect(plain.sender.send({ body: "tea" })).rejects.toMatchObject({ description: 'accept(): option "commitWith" needs an exactly-once receiver of a container with a "store"' });
  });
});

describe("X02 the option store", () => {
  test("needs names that are the same after a restart", async () => {
    const { url } = await consumer(kept(new MemoryStore()), (delivery) => delivery.accept());
    const nameless = await container(undefined, kept(new MemoryStore())).connect(url);
    const exactly = { guarantee: "exactly-once", name: "l" } as const;
    const why = "an exactly-once link of a container with a \"store\" needs a name that is the same after a restart: give";
    expect((await caught(() => nameless.createSender("q", exactly))).message).toBe(`createSender(): ${why} the option "id" of the container`);
    const named = await container("orders", kept(new MemoryStore())).connect(url);
    expect((await caught(() => named.createReceiver("q", { guarantee: "exactly-once" }))).message).toBe(`createReceiver(): ${why} option "name"`);
    await (await named.createSender("q", { name: "m" })).close();
    expect((await caught(() => new Container({ store: { put: 1 } as never }))).message).toMatch(/option "store"/);
  });

  test("asks for termini that outlive everything with a store on disk, and not with one in memory", async () => {
    const { url, receivers } = await consumer(kept(new MemoryStore()), (delivery) => delivery.accept());
    await sending(url, opened(folder()));
    expect(receivers[0]?.remoteTarget).toMatchObject({ durability: "unsettled-state", expiryPolicy: "never" });
    await sending(url, kept(new MemoryStore()));
    expect(receivers[1]?.remoteTarget).toMatchObject({ durability: "none", expiryPolicy: "connection-close" });
  });

  test("keeps no more settled deliveries than keepSettled", async () => {
    const { url } = await consumer(kept(new MemoryStore()), (delivery) => delivery.accept());
    const store = kept(new MemoryStore());
    const { sender } = await sending(url, store, { keepSettled: 3 });
    for (let i = 0; i < 10; i++) await sender.send({ body: "x" }, { tag: bytes(`t${i}`) });
    expect(await held(store)).toEqual(["t7 accepted", "t8 accepted", "t9 accepted"]);
  });
});

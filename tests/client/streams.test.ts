/** J15, J03, S10: large messages between two containers: bodies that are asked for, written and read as they go. */

import { describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker.ts";
import { LinkError, Message, NotSentError, RejectedError, ReleasedError, connect, streamed } from "../../src/index.ts";
import type { IncomingDelivery, IncomingEvent, MessageInit, Receiver, ReceiverOptions, Sender, SenderOptions } from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { within } from "../protocol/harness.ts";
import { pair, turns } from "./support.ts";
import type { Pair } from "./support.ts";

const MiB = 1024 * 1024;

function octets(size: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = seed; i < size; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

const ALL = octets(3 * MiB);

async function* pieces(bytes: Uint8Array, size = 60_000, from = 0): AsyncGenerator<Uint8Array> {
  for (let at = from; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** A sender of the client, and a receiver of the server that takes partial deliveries. */
async function link(options: { sender?: SenderOptions; receiver?: ReceiverOptions; on?: Pair } = {}): Promise<{ sender: Sender; receiver: Receiver; scene: Pair }> {
  const scene = options.on ?? await pair();
  const [sender, receiver] = await scene.sending({ ...(options.sender === undefined ? {} : { sender: options.sender }), receiver: { partial: true, ...options.receiver } });
  if (options.receiver?.handler === undefined) receiver.tryReceive(); // from here on credit is kept up
  return { sender, receiver, scene };
}

/** A source that ends when it is told to, and writes down what happens to it. */
function source(): { body: ReturnType<typeof streamed>; asked: number; left: boolean; go: (bytes: Uint8Array | Error | undefined) => void } {
  const queue: (Uint8Array | Error | undefined)[] = [];
  let wake = new Deferred();
  const state = {
    asked: 0, left: false,
    go: (bytes: Uint8Array | Error | undefined): void => {
      queue.push(bytes);
      wake.resolve();
    },
    body: streamed(async function* () {
      try {
        for (;;) {
          state.asked += 1;
          while (queue.length === 0) {
            wake = new Deferred();
            await wake.promise;
          }
          const next = queue.shift();
          if (next instanceof Error) throw next;
          if (next === undefined) return;
          yield next;
        }
      } finally {
        state.left = true;
      }
    }),
  };
  return state;
}

describe("a large message from one container to another", () => {
  test.each([["of a known length", { length: ALL.length }], ["of a length that nobody knows", {}]])("J15 %s arrives as it left, with what stands before and after it", async (_, options) => {
    const { sender, receiver } = await link();
    const sending = sender.send({ id: "x", subject: "file", properties: { n: 1 }, body: streamed(() => pieces(ALL), options), footer: { sum: 7 } });
    const delivery = await within(receiver.receive(), "the delivery");
    expect([delivery.message.id, delivery.message.subject, delivery.message.properties]).toMatchObject(["x", "file", { n: 1 }]);
    expect([delivery.partial, delivery.settled]).toEqual([true, false]);
    const stream = delivery.stream();
    expect(delivery.stream()).toBe(stream);
    expect(same(await within(readAll(stream), "the body"), ALL)).toBe(true);
    expect([delivery.partial, delivery.readable, delivery.message.footer["sum"]]).toEqual([false, false, 7]);
    await delivery.accept();
    expect((await within(sending, "the send")).outcome).toEqual({ type: "accepted" });
  });

  test("J15 a plain receiver takes it whole, and reads it as a stream or not", async () => {
    const { sender, receiver } = await link({ receiver: { partial: false } });
    for (const options of [{ length: ALL.length }, {}]) {
      const sending = sender.send({ body: streamed(() => pieces(ALL), options) });
      const delivery = await within(receiver.receive(), "the delivery");
      expect([delivery.partial, delivery.readable, same(delivery.message.body as Uint8Array, ALL)]).toEqual([false, true, true]);
      expect(same(await readAll(delivery.stream()), ALL)).toBe(true);
      expect(delivery.readable).toBe(false);
      await delivery.accept();
      await within(sending, "the send");
    }
  });

  test("J15 a small or empty streamed body is a message like any other", async () => {
    const { sender, receiver } = await link();
    for (const [size, options] of [[0, {}], [0, { length: 0 }], [10, {}], [10, { length: 10 }]] as const) {
      const sending = sender.send({ id: size, body: streamed(() => pieces(octets(size)), options) });
      const delivery = await within(receiver.receive(), "the delivery");
      expect(same(await readAll(delivery.stream()), octets(size))).toBe(true);
      void delivery.accept();
      await within(sending, "the send");
    }
  });

  test("J15 the loop's rules stay: accepted when it goes on, given back when it is left", async () => {
    const { sender, receiver } = await link();
    const first = sender.send({ id: 1, body: streamed(() => pieces(ALL)) });
    const second = sender.send({ id: 2, body: streamed(() => pieces(ALL)) });
    second.catch(() => undefined);
    const seen: unknown[] = [];
    for await (const delivery of receiver) {
      seen.push(delivery.message.id);
      if (delivery.message.id === 2) break;
      await readAll(delivery.stream());
    }
    expect(seen).toEqual([1, 2]);
    expect((await within(first, "the first")).outcome?.type).toBe("accepted");
    await expect(within(second, "the second")).rejects.toMatchObject({ code: "modified" });
  });

  test("J15 consume reads streams, some at a time of several links, and accepts them", async () => {
    const { sender, receiver } = await link();
    const done = new AbortController();
    const sums: number[] = [];
    const sending = Promise.all([1, 2, 3].map((n) => sender.send({ id: n, body: streamed(() => pieces(ALL.subarray(n))) })));
    await within(receiver.consume(async (delivery) => {
      sums.push((await readAll(delivery.stream())).length);
      if (sums.length === 3) done.abort();
    }, { signal: done.signal }), "consume");
    expect(sums).toEqual([1, 2, 3].map((n) => ALL.length - n));
    await within(sending, "the sends");
  });

  test("J15 a stream that is left early is thrown away, and its delivery can be settled either way", async () => {
    const { sender, receiver } = await link();
    for (const outcome of ["accept", "reject", "release"] as const) {
      const sending = sender.send({ body: streamed(() => pieces(ALL), { length: ALL.length }) });
      sending.catch(() => undefined);
      const delivery = await within(receiver.receive(), "the delivery");
      for await (const bytes of delivery.stream()) {
        expect(bytes.length).toBeGreaterThan(0);
        break;
      }
      await within(delivery[outcome](), outcome);
      if (outcome === "accept") await within(sending, "the send");
      else await expect(within(sending, "the send")).rejects.toBeInstanceOf(outcome === "reject" ? RejectedError : ReleasedError);
    }
    // and the link goes on
    const last = sender.send({ body: "last" });
    expect((await within(receiver.receive(), "the last one")).message.body).toBe("last");
    last.catch(() => undefined);
  });

  test("J15 it is accepted when it has come whole, not before, whoever reads it", async () => {
    const { sender, receiver } = await link();
    const { body, go } = source();
    const sending = sender.send({ body });
    go(octets(100_000));
    const delivery = await within(receiver.receive(), "the delivery");
    let told = false;
    const accepted = delivery.accept().then(() => void (told = true));
    go(octets(100_000));
    await within(sender.connection.session(), "a round trip");
    expect([told, delivery.partial, delivery.localState]).toEqual([false, true, undefined]);
    go(undefined);
    await within(Promise.all([accepted, sending]), "the outcome");
    expect([told, delivery.partial]).toEqual([true, false]);
  });

  test("J15 released with a reader at work, its stream ends with an error", async () => {
    const { sender, receiver } = await link();
    const { body, go } = source();
    const sending = sender.send({ body });
    sending.catch(() => undefined);
    go(octets(100_000));
    const delivery = await within(receiver.receive(), "the delivery");
    const reading = readAll(delivery.stream());
    await delivery.release();
    await expect(within(reading, "the stream")).rejects.toMatchObject({ code: "invalid-state", message: expect.stringContaining("given back") });
    await expect(within(sending, "the send")).rejects.toBeInstanceOf(ReleasedError);
  });

  test("J15 a message that was received in part is sent on as it comes", async () => {
    const scene = await pair();
    const [sender, receiver] = await scene.sending({ receiver: { partial: true } });
    const [onward, last] = await scene.sending({ receiver: { partial: true } });
    const sending = sender.send({ id: 5, properties: { a: "b" }, body: streamed(() => pieces(ALL)), footer: { f: 1 } });
    const delivery = await within(receiver.receive(), "the delivery");
    // the same message may be looked at and printed meanwhile
    expect(JSON.parse(JSON.stringify(delivery.message))).toEqual({ id: 5, properties: { a: "b" } });
    expect(() => delivery.message.body).toThrow(LinkError);
    expect(() => delivery.message.encode()).toThrow("streamed");
    const relay = onward.send(delivery.message);
    const end = await within(last.receive(), "the relayed one");
    expect(same(await within(readAll(end.stream()), "the body"), ALL)).toBe(true);
    expect([end.message.id, end.message.properties["a"], end.message.footer["f"]]).toEqual([5, "b", 1]);
    await Promise.all([end.accept(), within(relay, "the relay")]);
    await Promise.all([delivery.accept(), within(sending, "the send")]);
  });

  test("J15 maxMessageSize: a plain receiver keeps its limit, a partial one has none unless it is given", async () => {
    const scene = await pair({ server: { limits: { maxMessageSize: MiB } } });
    const partial = await link({ on: scene });
    const sending = partial.sender.send({ body: streamed(() => pieces(ALL), { length: ALL.length }) });
    const delivery = await within(partial.receiver.receive(), "the delivery");
    expect((await readAll(delivery.stream())).length).toBe(ALL.length);
    await Promise.all([delivery.accept(), sending]);
    for (const receiver of [{ partial: false }, { partial: true, maxMessageSize: MiB }]) {
      const limited = await link({ on: scene, receiver });
      expect(() => limited.sender.send({ body: streamed(() => pieces(ALL), { length: ALL.length }) })).toThrow(expect.objectContaining({ code: "message-too-large" }));
      const unknown = limited.sender.send({ body: streamed(() => pieces(ALL)) });
      await expect(within(unknown, "the send")).rejects.toMatchObject({ name: "NotSentError", cause: { code: "message-too-large" } });
    }
  });
});

describe("sender.stream()", () => {
  test("J15 is written to, closes when the message is accepted, and tells its delivery", async () => {
    const { sender, receiver } = await link();
    const stream = sender.stream({ id: 9, footer: { end: true } });
    const writer = stream.getWriter();
    await within(writer.write(octets(100)), "a write");
    const delivery = await within(receiver.receive(), "the delivery");
    await within(writer.write(octets(200_000, 2)), "a write");
    const closed = writer.close();
    expect(same(await within(readAll(delivery.stream()), "the body"), Buffer.concat([octets(100), octets(200_000, 2)]))).toBe(true);
    expect([delivery.message.id, delivery.message.footer["end"]]).toEqual([9, true]);
    let over = false;
    void closed.then(() => void (over = true));
    await within(sender.connection.session(), "a round trip");
    expect(over).toBe(false);
    await delivery.accept();
    await within(closed, "the close");
    expect((await stream.delivery).outcome).toEqual({ type: "accepted" });
  });

  test("J15 takes a pipe, and is held up by a reader that does not read", async () => {
    const { sender, receiver } = await link();
    let given = 0;
    const long = 40 * MiB;
    const input = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (given >= long) controller.close();
        else controller.enqueue(ALL.subarray(given % MiB, (given % MiB) + 65_536));
        given += 65_536;
      },
    });
    const piping = input.pipeTo(sender.stream());
    const delivery = await within(receiver.receive(), "the delivery");
    const reader = delivery.stream().getReader();
    await within(reader.read(), "the first octets");
    // other traffic takes its round trips meanwhile, until nothing more moves
    let before = -1;
    while (before !== given) {
      before = given;
      for (let i = 0; i < 20; i++) await within((await sender.connection.session()).close(), "a round trip");
    }
    expect(given).toBeLessThan(30 * MiB);
    reader.releaseLock();
    expect((await within(readAll(delivery.stream()), "the rest", 20_000)).length).toBeGreaterThan(long - MiB);
    await delivery.accept();
    await within(piping, "the pipe");
  }, 30_000);

  test("J15 F.2 aborted, it takes back what has left, and the link is used by the sends that waited", async () => {
    const { sender, receiver } = await link();
    const stream = sender.stream();
    const writer = stream.getWriter();
    await within(writer.write(octets(100_000)), "a write");
    const delivery = await within(receiver.receive(), "the delivery");
    const behind = sender.send({ body: "behind" });
    const reading = readAll(delivery.stream());
    const reason = new Error("changed my mind");
    await within(writer.abort(reason), "the abort");
    await expect(stream.delivery).rejects.toMatchObject({ name: "NotSentError", cause: reason });
    await expect(within(reading, "the stream")).rejects.toMatchObject({ code: "delivery-aborted" });
    await expect(within(delivery.accept(), "accept")).rejects.toMatchObject({ code: "delivery-aborted" });
    expect([delivery.settled, delivery.partial]).toEqual([true, true]);
    const next = await within(receiver.receive(), "the next one");
    expect(next.message.body).toBe("behind");
    await next.accept();
    await within(behind, "the send behind");
  });

  test("J15 a footer that no longer fits is found at the close", async () => {
    const { sender } = await link({ receiver: { maxMessageSize: 100 } });
    const stream = sender.stream({ footer: { sum: "x".repeat(30) } });
    const writer = stream.getWriter();
    await within(writer.write(octets(60)), "a write");
    await expect(within(writer.close(), "the close")).rejects.toMatchObject({ name: "NotSentError", cause: { code: "message-too-large" } });
    await expect(stream.delivery).rejects.toBeInstanceOf(NotSentError);
  });

  test("J15 what ends the delivery ends the stream", async () => {
    const { sender, receiver } = await link();
    const stream = sender.stream();
    const writer = stream.getWriter();
    await writer.write(octets(100_000));
    const delivery = await within(receiver.receive(), "the delivery");
    await delivery.reject("no room");
    await expect(within(writer.closed, "the stream")).rejects.toBeInstanceOf(RejectedError);
    await expect(writer.write(octets(1))).rejects.toBeInstanceOf(RejectedError);
    await expect(stream.delivery).rejects.toMatchObject({ description: "no room" });
  });

  test("J15 a chunk that is no bytes, and a body in its message", async () => {
    const { sender } = await link();
    expect(() => sender.stream({ body: "x" })).toThrow(expect.objectContaining({ code: "config" }));
    const stream = sender.stream(new Message({ id: 1 }));
    const writer = stream.getWriter();
    writer.write("text" as never).catch(() => undefined);
    await expect(within(writer.closed, "the stream")).rejects.toMatchObject({ code: "not-encodable" });
    await expect(stream.delivery).rejects.toBeInstanceOf(NotSentError);
  });

  test("J15 with a signal that has fired, on a closed link, and in the middle of its close", async () => {
    const { sender, receiver } = await link();
    const reason = new Error("stop");
    const aborted = sender.stream({}, { signal: AbortSignal.abort(reason) });
    await expect(aborted.getWriter().closed).rejects.toBe(reason);
    const open = sender.stream();
    await open.getWriter().write(octets(10));
    await within(receiver.receive(), "the delivery");
    await within(sender.close({ drain: 0 }), "the close");
    await expect(open.delivery).rejects.toBeInstanceOf(NotSentError);
    const late = sender.stream();
    await expect(late.getWriter().closed).rejects.toBeInstanceOf(NotSentError);
    await expect(late.delivery).rejects.toMatchObject({ cause: { code: "link-detached" } });
  });
});

describe("with the embedded broker", () => {
  test("J15 X13 large messages pass whole through its queues, streamed in and read as they come; a part of one is in no transaction", async () => {
    await using broker = await Broker.start();
    await using connection = await connect(broker.url);
    const session = await connection.session();
    const sender = await session.createSender("large");
    await within(sender.send({ id: 1, body: streamed(() => pieces(ALL)), footer: { end: true } }), "the send");
    await expect(sender.send({ body: streamed(async function* () { for (let i = 0; i < 40; i++) yield ALL.subarray(0, 500_000); }) })).rejects.toMatchObject({ cause: { code: "message-too-large" } });
    const receiver = await session.createReceiver("large", { partial: true });
    const delivery = await within(receiver.receive(), "the delivery");
    const tx = await connection.transaction({ session });
    const whole = !delivery.partial;
    if (!whole) await expect(tx.accept(delivery)).rejects.toMatchObject({ code: "invalid-state", message: expect.stringContaining("come whole") });
    expect(same(await within(readAll(delivery.stream()), "the body"), ALL)).toBe(true);
    expect(delivery.message.footer["end"]).toBe(true);
    await tx.accept(delivery);
    await tx.commit();
    expect(broker.depth("large")).toBe(0);
  });
});

describe("with handlers", () => {
  test("J15 S12 on_message comes with the first octets, is accepted when its callback is done, and on_aborted tells of the other", async () => {
    const told: unknown[] = [];
    const over = new Deferred();
    const { sender } = await link({
      receiver: {
        partial: true,
        handler: {
          on_message: async ({ delivery, message }: IncomingEvent) => {
            try {
              told.push([message.id, delivery.partial, (await readAll(delivery.stream())).length]);
            } catch (error) {
              told.push((error as { code?: string }).code);
            }
          },
          on_aborted: () => {
            told.push("on_aborted");
            over.resolve();
          },
        },
      },
    });
    await within(sender.send({ id: 1, body: streamed(() => pieces(ALL)) }), "the first");
    const stream = sender.stream({ id: 2 });
    const writer = stream.getWriter();
    await within(writer.write(octets(100_000)), "a write");
    await turns();
    await writer.abort("no more");
    await expect(stream.delivery).rejects.toBeInstanceOf(NotSentError);
    await within(over.promise, "on_aborted");
    expect(told).toEqual(expect.arrayContaining([[1, true, ALL.length], "delivery-aborted", "on_aborted"]));
  });
});

describe("one slow stream", () => {
  /** Messages of another link, until as many as that have gone all the way. */
  async function exchange(sender: Sender, receiver: Receiver, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      const sending = sender.send({ body: n });
      const delivery = await within(receiver.receive(), "a delivery of the other link");
      expect(delivery.message.body).toBe(n);
      await delivery.accept();
      await within(sending, "a send of the other link");
    }
  }

  test("J03 J15 whose source stalls holds up no other link, of the same session or another", async () => {
    const scene = await pair();
    const session = await scene.connection.session();
    const slow = await link({ on: scene, sender: { session } });
    const near = await link({ on: scene, sender: { session }, receiver: { partial: false } });
    const far = await link({ on: scene, receiver: { partial: false } });
    const { body, go } = source();
    const sending = slow.sender.send({ body });
    go(octets(70_000));
    const delivery = await within(slow.receiver.receive(), "the delivery");
    await exchange(near.sender, near.receiver, 50);
    await exchange(far.sender, far.receiver, 50);
    go(undefined);
    expect((await readAll(delivery.stream())).length).toBe(70_000);
    await delivery.accept();
    await within(sending, "the send");
  });

  test("J03 J15 whose reader stalls holds up no other link, of the same session or another", async () => {
    const scene = await pair();
    const session = await scene.connection.session();
    const slow = await link({ on: scene, sender: { session } });
    const near = await link({ on: scene, sender: { session }, receiver: { partial: false } });
    const far = await link({ on: scene, receiver: { partial: false } });
    const many = Array.from({ length: 20 }, () => ALL);
    const sending = slow.sender.send({ body: streamed(async function* () { yield* many; }) });
    const delivery = await within(slow.receiver.receive(), "the delivery");
    // until it can go no further
    while (slow.sender.explain().waitingFor !== "session-window") await exchange(far.sender, far.receiver, 1);
    await exchange(near.sender, near.receiver, 100);
    await exchange(far.sender, far.receiver, 100);
    expect(slow.receiver.queued).toBe(0);
    expect((await within(readAll(delivery.stream()), "the body", 20_000)).length).toBe(20 * ALL.length);
    await delivery.accept();
    await within(sending, "the send");
  }, 40_000);

  test("J03 a receiver that hoards whole messages beyond the byte budget holds up no other", async () => {
    const scene = await pair({ listen: { limits: { maxBufferedBytes: MiB } } });
    const [hoarding, hoard] = await scene.sending({ receiver: { prefetch: 1000 } });
    const other = await link({ on: scene, receiver: { partial: false } });
    hoard.tryReceive(); // credit is kept up, and nothing is taken
    const sends = Array.from({ length: 12 }, () => hoarding.send({ body: octets(200_000) }));
    for (const send of sends) send.catch(() => undefined);
    while (hoard.queued < 6) await exchange(other.sender, other.receiver, 1);
    await exchange(other.sender, other.receiver, 30);
    const large = other.sender.send({ body: octets(900_000) });
    const delivery = await within(other.receiver.receive(), "a large one");
    expect((delivery.message.body as Uint8Array).length).toBe(900_000);
    await delivery.accept();
    await within(large, "the large one");
  });
});

describe("bad use", () => {
  test("J15 streamed() is given a function, and no other option than a length", () => {
    expect(() => streamed(ALL as never)).toThrow(expect.objectContaining({ code: "not-encodable" }));
    expect(() => streamed(() => pieces(ALL), { size: 1 } as never)).toThrow("there is no option \"size\"");
    for (const length of [-1, 1.5, Number.NaN, "1"]) expect(() => streamed(() => pieces(ALL), { length } as never)).toThrow("whole number");
    expect(() => new Message({ body: streamed(() => pieces(ALL)) }).encode()).toThrow("streamed");
    expect(() => new Message({ body: streamed(() => pieces(ALL)) }).body).toThrow(LinkError);
  });

  test.each<[string, (offset: number) => AsyncIterable<Uint8Array>, { length?: number }, object]>([
    ["a source that fails", async function* () { yield octets(100_000); throw new RangeError("disk"); }, {}, { name: "RangeError", message: "disk" }],
    ["one that cannot be opened", () => { throw new RangeError("no such file"); }, {}, { message: "no such file" }],
    ["one that gives too little", () => pieces(octets(100)), { length: 101 }, { code: "not-encodable", message: "a streamed body ended after 100 octets, its length says 101" }],
    ["one that gives too much", () => pieces(octets(102)), { length: 101 }, { code: "not-encodable" }],
    ["one that gives no bytes", async function* () { yield "text" as never; }, {}, { code: "not-encodable" }],
    ["something that gives nothing", () => ({}) as never, {}, { code: "not-encodable" }],
  ])("J15 %s: not sent, with the reason, and the link goes on", async (_, open, options, cause) => {
    const { sender, receiver } = await link();
    const sending = sender.send({ body: streamed(open, options) });
    const next = sender.send({ body: "next" });
    await expect(within(sending, "the send")).rejects.toMatchObject({ name: "NotSentError", code: "not-sent", cause });
    let delivery: IncomingDelivery;
    do {
      delivery = await within(receiver.receive(), "the next one");
    } while (delivery.partial);
    expect(delivery.message.body).toBe("next");
    await delivery.accept();
    await within(next, "the next one");
  });

  test("J15 the stream of a delivery whose body is no data", async () => {
    const { sender, receiver } = await link();
    const sending = sender.send({ body: { a: "x".repeat(400_000) } } as MessageInit);
    const delivery = await within(receiver.receive(), "the delivery");
    expect(delivery.partial).toBe(false);
    expect(() => delivery.stream()).toThrow(expect.objectContaining({ code: "invalid-state", scope: "delivery" }));
    await delivery.accept();
    await within(sending, "the send");
  });

  test("J15 update({ type: \"received\" }) beyond what was read", async () => {
    const { sender, receiver } = await link();
    const { body, go } = source();
    const sending = sender.send({ body });
    go(octets(100));
    const delivery = await within(receiver.receive(), "the delivery");
    expect(() => delivery.update({ type: "received", offset: 1 })).toThrow(expect.objectContaining({ code: "config" }));
    go(undefined);
    await readAll(delivery.stream());
    delivery.update({ type: "received", offset: 100 });
    expect(delivery.stream().offset).toBe(100);
    await delivery.accept();
    const sent = await within(sending, "the send");
    expect(() => sent.update({ type: "received", offset: 1 })).toThrow(expect.objectContaining({ code: "not-encodable" }));
  });
});

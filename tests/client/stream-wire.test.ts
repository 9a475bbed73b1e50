/** J15, S10: streamed messages octet by octet, against a peer of which every step is written in the test. */

import { describe, expect, test } from "@jest/globals";
import { streamed } from "../../src/index.ts";
import type { OutgoingDelivery } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { concat, hex, toHex } from "../../src/testing/codec/octets.ts";
import type { Script } from "../../src/testing/script.ts";
import { within } from "../protocol/harness.ts";
import { failure, nextCredit, outcomes, receiverOn, senderOn, settled, stage, turns } from "./support.ts";

const DATA = hex("005375b0");

/** Chunks as they are, with a turn of the event loop between them if asked for. */
function chunks(parts: readonly string[], apart = false): (offset: number) => AsyncGenerator<Uint8Array> {
  return async function* () {
    for (const part of parts) {
      yield hex(part);
      if (apart) await turns(3);
    }
  };
}

/** The transfers that have come, less what is not told. */
function transfers(peer: Script): { payload: string; more: unknown; aborted: unknown; id: unknown }[] {
  return peer.frames().filter(({ name }) => name === "transfer").map(({ fields, payload }) => ({
    payload: toHex(payload), more: fields["more"] ?? false, aborted: fields["aborted"] ?? false, id: fields["deliveryId"],
  }));
}

async function settle(peer: Script, id: number, state = "accepted"): Promise<void> {
  peer.send("disposition", { role: "receiver", first: id, last: id, settled: true, state });
  await turns();
}

describe("a streamed body on the wire", () => {
  test("J15 of a known length is one data section, whatever it comes in", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    const sending = sender.send({ id: "a", body: streamed(chunks(["01", "0203", "", "0405"]), { length: 5 }), footer: { f: 1 } });
    await place.peer.until("transfer", { more: false });
    // properties with an id, 5 octets of data, a footer: all of it was there at once
    expect(transfers(place.peer)).toEqual([{
      payload: "005373c00401a10161" + "005375b000000005" + "0102030405" + "005378c10602a301665401", more: false, aborted: false, id: 0,
    }]);
    await settle(place.peer, 0);
    await within(sending, "the send");
  });

  test("J15 of an unknown length has a section for each stretch that leaves", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    const sending = sender.send({ body: streamed(chunks(["0102", "03", "0405"], true)) });
    await place.peer.until("transfer", { more: false });
    const sent = transfers(place.peer);
    expect(sent.map(({ payload }) => payload).join("")).toBe(`${toHex(DATA)}00000002${"0102"}${toHex(DATA)}00000001${"03"}${toHex(DATA)}00000002${"0405"}`);
    expect(sent.map(({ more }) => more)).toEqual([...sent.slice(1).map(() => true), false]);
    await settle(place.peer, 0);
    await within(sending, "the send");
  });

  test.each([["known", { length: 0 }], ["unknown", {}]])("J15 an empty one of %s length is an empty data section", async (_, options) => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    const sending = sender.send({ body: streamed(chunks([]), options) });
    await place.peer.until("transfer", { more: false });
    expect(transfers(place.peer).map(({ payload }) => payload).join("")).toBe("005375a000");
    await settle(place.peer, 0);
    await within(sending, "the send");
  });

  test("J15 the source is opened when there is credit, at octet 0, and asked no faster than the peer takes it", async () => {
    const place = await stage();
    const sender = await senderOn(place, 0);
    const opened: number[] = [];
    let asked = 0;
    const sending = sender.send({
      body: streamed(async function* (offset) {
        opened.push(offset);
        for (; asked < 1000; asked++) yield new Uint8Array(10_000);
      }),
    });
    sending.catch(() => undefined);
    await turns();
    expect(opened).toEqual([]);
    place.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 1, incomingWindow: 3 });
    await place.peer.until("transfer");
    await turns(100);
    // three frames of 256 KiB at the most have left, and as much again as is kept at hand
    expect([opened, asked > 50, asked < 150]).toEqual([[0], true, true]);
    const before = asked;
    place.peer.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 1, incomingWindow: 3 });
    await turns(100);
    expect(asked).toBeGreaterThan(before);
  });

  test("J15 chunks may be used again as soon as the next one is asked for", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    const buffer = new Uint8Array(20_000);
    const sending = sender.send({
      body: streamed(async function* () {
        for (let i = 1; i <= 20; i++) {
          buffer.fill(i);
          yield buffer;
        }
      }, { length: 400_000 }),
    });
    await place.peer.until("transfer", { more: false });
    const all = concat(...place.peer.frames().filter(({ name }) => name === "transfer").map(({ payload }) => payload)).subarray(8);
    for (let i = 0; i < 20; i++) expect(new Set(all.subarray(i * 20_000, (i + 1) * 20_000))).toEqual(new Set([i + 1]));
    await settle(place.peer, 0);
    await within(sending, "the send");
  });

  test("J15 F.2 a source that fails in the middle: aborted, and the next send leaves", async () => {
    const place = await stage();
    const sender = await senderOn(place, 5);
    const sending = sender.send({ body: streamed(async function* () { yield hex("01"); await turns(5); throw new Error("disk"); }) });
    const next = sender.send({ body: "next" });
    expect(await failure(sending)).toMatchObject({ name: "NotSentError", cause: { message: "disk" } });
    await place.peer.until("transfer", { aborted: true });
    await place.peer.until("transfer", { deliveryId: 1 });
    await settle(place.peer, 1);
    await within(next, "the next one");
    expect(sender.unsettled.size).toBe(0);
  });

  test("J15 before its first frame it leaves no trace: an abort by signal rejects with the reason itself", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    const abort = new AbortController();
    let left = false;
    const sending = sender.send({
      body: streamed(() => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: async () => { left = true; return { done: true as const, value: undefined }; } }) })),
    }, { signal: abort.signal });
    await turns();
    const reason = new Error("enough");
    abort.abort(reason);
    expect(await failure(sending)).toBe(reason);
    await turns();
    expect([left, transfers(place.peer)]).toEqual([true, []]);
  });

  test.each(["rejected", "released"])("J15 a peer that decides in the middle (%s) is sent no more, and the source is left", async (state) => {
    const place = await stage();
    const sender = await senderOn(place, 5);
    let left = false;
    const sending = sender.send({
      body: streamed(async function* () {
        try {
          for (;;) {
            yield new Uint8Array(10);
            await turns(2);
          }
        } finally {
          left = true;
        }
      }),
    });
    await place.peer.until("transfer");
    await settle(place.peer, 0, state);
    expect(await failure(sending)).toMatchObject({ code: state });
    await place.peer.until("transfer", { aborted: true });
    await turns();
    expect(left).toBe(true);
  });

  test("J15 a source that fails when it is left: told to onError, since nobody waits for it", async () => {
    const place = await stage();
    const sender = await senderOn(place, 5);
    const sending = sender.send({
      body: streamed(async function* () {
        using _ = { [Symbol.dispose]: () => { throw new Error("cannot close"); } };
        for (;;) {
          yield new Uint8Array(10);
          await turns(2);
        }
      }),
    });
    await place.peer.until("transfer");
    await settle(place.peer, 0, "released");
    expect(await failure(sending)).toMatchObject({ code: "released" });
    await turns();
    expect(place.errors).toMatchObject([{ code: "handler-failed", cause: { message: "cannot close" } }]);
  });

  test("J15 abort() of the delivery takes back what has left of it", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    const stream = sender.stream();
    const writer = stream.getWriter();
    await writer.write(hex("01"));
    await place.peer.until("transfer");
    const [tag] = place.peer.frames().filter(({ name }) => name === "transfer").map(({ fields }) => fields["deliveryTag"] as Uint8Array);
    expect(tag).toHaveLength(4);
    await writer.abort("no more");
    await place.peer.until("transfer", { aborted: true });
    expect(await failure(stream.delivery)).toMatchObject({ name: "NotSentError", cause: "no more" });
  });

  test("J15 S10 while it leaves, its delivery is partial and writable; then it is neither", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1);
    let delivery: OutgoingDelivery | undefined;
    delivery = sender.trySend({ body: streamed(chunks(["01", "02"], true)) });
    expect([delivery?.partial, delivery?.writable, delivery?.settled, delivery?.message]).toEqual([true, true, false, undefined]);
    await place.peer.until("transfer", { more: false });
    expect([delivery?.partial, delivery?.writable]).toEqual([false, false]);
    await settle(place.peer, 0);
    delivery = await delivery?.settlement;
    expect(delivery?.outcome).toEqual({ type: "accepted" });
  });

  test("J15 sent settled it is done when its last frame was handed over", async () => {
    const place = await stage();
    const sender = await senderOn(place, 1, { guarantee: "at-most-once" });
    const sending = sender.send({ body: streamed(chunks(["01", "02"], true)) });
    await place.peer.until("transfer", { more: false });
    expect((await within(sending, "the send")).settled).toBe(true);
  });

  test("J15 the send timeout runs from the last progress, and not while the source has nothing", async () => {
    const place = await stage({ container: { timeouts: { send: 1000 } } });
    const sender = await senderOn(place, 2);
    const { clock, peer } = place;
    const stream = sender.stream();
    const writer = stream.getWriter();
    await writer.write(new Uint8Array(100));
    await peer.until("transfer");
    // nothing waits for the peer: an hour is nothing
    await clock.advance(3_600_000);
    await writer.write(new Uint8Array(100));
    await peer.until("transfer");
    for (let i = 0; i < 3; i++) {
      // a window of one frame each time: progress
      peer.send("flow", { incomingWindow: 0 });
      await turns();
      await writer.write(new Uint8Array(100));
      await clock.advance(900);
      peer.send("flow", { incomingWindow: 1 });
      await peer.until("transfer");
    }
    await turns();
    await writer.write(new Uint8Array(100));
    expect(await settled(stream.delivery)).toBe(false);
    await clock.advance(1100);
    expect(await failure(stream.delivery)).toMatchObject({ name: "NotSentError", cause: { code: "timeout" } });
    await expect(writer.closed).rejects.toMatchObject({ code: "not-sent" });
  });

  test("J15 FT1 FT2 lost in the middle it is not sent; the source is left", async () => {
    for (const how of ["fin", "rst"] as const) {
      const place = await stage();
      const sender = await senderOn(place, 1);
      let left = false;
      const sending = sender.send({
        body: streamed(async function* () {
          try {
            for (;;) {
              yield new Uint8Array(10);
              await turns(2);
            }
          } finally {
            left = true;
          }
        }),
      });
      await place.peer.until("transfer");
      place.peer.drop(how);
      expect(await failure(sending)).toMatchObject({ name: "NotSentError" });
      await turns();
      expect(left).toBe(true);
    }
  });
});

/** A delivery whose body is `size` octets of data, as a peer sends it: the first frame with so many of them. */
async function begun(place: Awaited<ReturnType<typeof stage>>, options: { partial?: boolean; prefetch?: number; size?: number; first?: number; head?: Uint8Array; settled?: boolean; guarantee?: "at-most-once" } = {}): Promise<{ receiver: Awaited<ReturnType<typeof receiverOn>>; body: Uint8Array; rest: (from: number, to: number, more?: boolean) => void }> {
  const { size = 100, first = 10, head = hex(""), partial = true, prefetch = 10, guarantee } = options;
  const receiver = await receiverOn(place, { partial, prefetch, ...(guarantee === undefined ? {} : { guarantee }) });
  receiver.tryReceive();
  await nextCredit(place.peer);
  const body = Uint8Array.from({ length: size }, (_, i) => (i * 7) % 251);
  const all = concat(head, DATA, Uint8Array.of(0, 0, size >>> 8, size & 0xff), body);
  place.peer.send("transfer", { more: true, ...(options.settled === true ? { settled: true } : {}) }, all.subarray(0, head.length + 8 + first));
  return { receiver, body, rest: (from, to, more = to < size) => place.peer.send("transfer", { more }, body.subarray(from, to)) };
}

describe("a delivery that comes in part", () => {
  test("J15 its attach asks for no limit of size, and offers what it does with the window", async () => {
    const place = await stage();
    const opening = place.connection.createReceiver("q", { partial: true });
    const attach = await answerTo(place.peer);
    expect([attach["maxMessageSize"], attach["offeredCapabilities"]]).toEqual([undefined, ["leptonmq:unread-holds-window"]]);
    await within(opening, "the receiver");
    const limited = place.connection.createReceiver("q", { partial: true, maxMessageSize: 5000, offeredCapabilities: "mine" });
    const second = await answerTo(place.peer);
    expect([Number(second["maxMessageSize"]), second["offeredCapabilities"]]).toEqual([5000, ["mine", "leptonmq:unread-holds-window"]]);
    await within(limited, "the receiver");
  });

  test("J15 update({ type: \"received\", offset }) tells the section and its octet, and stream().offset is what was told", async () => {
    const place = await stage();
    const head = encodeMessage({ header: { durable: true }, properties: { messageId: "m" } });
    const { receiver, body, rest } = await begun(place, { head });
    const delivery = await within(receiver.receive(), "the delivery");
    const stream = delivery.stream();
    expect([stream.offset, delivery.readable]).toEqual([0, true]);
    const reader = stream.getReader();
    expect((await reader.read()).value).toEqual(body.slice(0, 10));
    delivery.update({ type: "received", offset: 4 });
    // the third section, 8 octets of its own head before the first of the body
    const { fields } = await place.peer.until("disposition");
    expect(fields).toMatchObject({ role: "receiver", first: 0, state: { type: "received", sectionNumber: 2, sectionOffset: 12 } });
    expect(fields["settled"] ?? false).toBe(false);
    expect([stream.offset, delivery.localState]).toEqual([4, { type: "received", section: 2, offset: 12 }]);
    expect(() => delivery.update({ type: "received", offset: 11 })).toThrow("is no octet of a body of which");
    rest(10, 60);
    expect((await reader.read()).value).toEqual(body.slice(10, 60));
    delivery.update({ type: "received", section: 2, offset: 38 });
    expect([stream.offset, delivery.settled]).toEqual([30, false]);
    rest(60, 100);
    await reader.read();
    expect((await reader.read()).done).toBe(true);
    await delivery.accept();
    expect(await outcomes(place.peer)).toEqual({ 0: "accepted" });
  });

  test("J15 released in the middle: told at once, and what still comes is thrown away", async () => {
    const place = await stage();
    const { receiver, rest } = await begun(place);
    const delivery = await within(receiver.receive(), "the delivery");
    await delivery.release();
    expect(await outcomes(place.peer)).toEqual({ 0: "released" });
    expect([delivery.settled, delivery.partial]).toEqual([true, true]);
    rest(10, 100);
    place.peer.send("transfer", {}, encodeMessage({ value: "next" }));
    expect((await within(receiver.receive(), "the next one")).message.body).toBe("next");
    expect([delivery.readable, delivery.partial]).toEqual([false, false]);
    expect(await failure(delivery.stream().getReader().read())).toMatchObject({ code: "invalid-state" });
  });

  test("J15 cancelled, its outcome is told when the rest has come", async () => {
    const place = await stage();
    const { receiver, rest } = await begun(place);
    const delivery = await within(receiver.receive(), "the delivery");
    await delivery.stream().cancel();
    const accepting = delivery.accept();
    expect(await outcomes(place.peer)).toEqual({});
    rest(10, 100);
    await within(accepting, "accept");
    expect(await outcomes(place.peer)).toEqual({ 0: "accepted" });
  });

  test("J15 exactly-once: told when it is whole, done when the sender has settled", async () => {
    const place = await stage();
    const receiver = await receiverOn(place, { partial: true, guarantee: "exactly-once" }, { sndSettleMode: 0, rcvSettleMode: 1 });
    receiver.tryReceive();
    await nextCredit(place.peer);
    place.peer.send("transfer", { more: true }, concat(DATA, hex("00000004"), hex("0102")));
    const delivery = await within(receiver.receive(), "the delivery");
    const accepting = delivery.accept();
    place.peer.send("transfer", { more: false }, hex("0304"));
    await place.peer.until("disposition", { first: 0, settled: (value: unknown) => value !== true, state: "accepted" });
    expect(await settled(accepting)).toBe(false);
    place.peer.send("disposition", { role: "sender", first: 0, last: 0, settled: true, state: "accepted" });
    await within(accepting, "accept");
  });

  test("J15 at-most-once: nobody waits for anything, and it is read all the same", async () => {
    const place = await stage();
    const { receiver, body, rest } = await begun(place, { guarantee: "at-most-once", settled: true });
    const delivery = await within(receiver.receive(), "the delivery");
    rest(10, 100);
    const parts: Uint8Array[] = [];
    for await (const part of delivery.stream()) parts.push(part);
    expect([toHex(concat(...parts)) === toHex(body), delivery.settled]).toEqual([true, true]);
    await delivery.accept();
    expect(await outcomes(place.peer)).toEqual({});
  });

  test("F.2 B86 aborted while it waits in the queue it is never seen, and its credit comes back", async () => {
    const place = await stage();
    const { receiver } = await begun(place, { prefetch: 1 });
    await turns();
    expect(receiver.queued).toBe(1);
    place.peer.send("transfer", { aborted: true });
    await nextCredit(place.peer);
    expect([receiver.queued, receiver.unsettled.size]).toEqual([0, 0]);
    place.peer.send("transfer", {}, encodeMessage({ value: "next" }));
    expect((await within(receiver.receive(), "the next one")).message.body).toBe("next");
  });

  test("F.2 B86 aborted in a loop: the stream throws, the loop goes on, and nothing is settled", async () => {
    const place = await stage();
    const { receiver } = await begun(place);
    const seen: unknown[] = [];
    for await (const delivery of receiver.take({ max: 2 })) {
      if (!delivery.partial) {
        seen.push(delivery.message.body);
        continue;
      }
      place.peer.send("transfer", { aborted: true, more: true });
      place.peer.send("transfer", { deliveryId: 1, deliveryTag: hex("77"), messageFormat: 0, more: false }, encodeMessage({ value: "next" }));
      try {
        for await (const part of delivery.stream()) seen.push(part.length);
      } catch (error) {
        seen.push((error as { code?: string }).code);
      }
    }
    expect(seen.slice(-2)).toEqual(["delivery-aborted", "next"]);
    expect(await outcomes(place.peer)).toEqual({ 1: "accepted" });
  });

  test("B85 a body that turns out to be none: rejected with amqp:decode-error, the stream throws, and the link goes on", async () => {
    const place = await stage();
    const { receiver } = await begun(place);
    const delivery = await within(receiver.receive(), "the delivery");
    const reading = (async () => { for await (const part of delivery.stream()) void part; })();
    place.peer.send("transfer", { more: true }, concat(new Uint8Array(90), hex("005377a10161")));
    expect(await failure(reading)).toMatchObject({ name: "DecodeError", code: "decode-error" });
    place.peer.send("transfer", { more: false }, new Uint8Array(10));
    place.peer.send("transfer", {}, encodeMessage({ value: "next" }));
    expect((await within(receiver.receive(), "the next one")).message.body).toBe("next");
    expect(await outcomes(place.peer)).toEqual({ 0: "rejected amqp:decode-error" });
    expect(place.errors).toMatchObject([{ code: "decode-error" }]);
  });

  test("B85 B86 a broken one that nobody has taken is not seen by the loop", async () => {
    const place = await stage();
    const { receiver } = await begun(place);
    await turns();
    place.peer.send("transfer", { more: false }, concat(new Uint8Array(90), hex("ff")));
    place.peer.send("transfer", {}, encodeMessage({ value: "next" }));
    await turns();
    expect((await within(receiver.receive(), "the next one")).message.body).toBe("next");
    expect(await outcomes(place.peer)).toEqual({ 0: "rejected amqp:decode-error" });
  });

  test("J15 FT1 lost in the middle, its stream throws what happened, and accepting it is stale", async () => {
    const place = await stage();
    const { receiver } = await begun(place);
    const delivery = await within(receiver.receive(), "the delivery");
    const reading = (async () => { for await (const part of delivery.stream()) void part; })();
    const accepting = delivery.accept();
    await turns();
    place.peer.drop("rst");
    expect(await failure(reading)).toMatchObject({ origin: "transport" });
    expect(await failure(accepting)).toMatchObject({ code: "stale-delivery" });
  });

  test("J15 the loop that is left gives it back at once, whatever still comes", async () => {
    const place = await stage();
    const { receiver, rest } = await begun(place);
    for await (const delivery of receiver) {
      expect(delivery.partial).toBe(true);
      break;
    }
    expect(await outcomes(place.peer)).toEqual({ 0: "modified+failed" });
    rest(10, 100);
    await turns();
    expect(receiver.unsettled.size).toBe(0);
  });

  test("J15 the receiver is stopped while one waits in its queue: it goes back untouched", async () => {
    const place = await stage();
    const { receiver, rest } = await begun(place);
    await turns();
    await receiver.stop();
    await turns();
    expect(await outcomes(place.peer)).toEqual({ 0: "released" });
    rest(10, 100);
    // what comes after the credit was taken back goes the same way
    place.peer.send("transfer", { more: true }, concat(DATA, hex("00000004"), hex("0102")));
    place.peer.send("transfer", { more: false }, hex("0304"));
    await turns();
    expect(await outcomes(place.peer)).toEqual({ 0: "released", 1: "released" });
  });
});

async function answerTo(peer: Script): Promise<Readonly<Record<string, unknown>>> {
  peer.reply(await peer.until("begin"));
  const attach = await peer.until("attach");
  peer.reply(attach);
  return attach.fields;
}

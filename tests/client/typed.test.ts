/** J14: bodies with schemas, of zod and written by hand, on both ends of a link. */

import { describe, expect, test } from "@jest/globals";
import * as z from "zod";
import { ConfigError, data, EncodeError, InDoubtError, Message, NotSentError, sequence, streamed, TimeoutError, types, value } from "../../src/index.ts";
import type { ReceiverOptions, SenderOptions, StandardSchema } from "../../src/index.ts";
import { decodeMessage, encodeMessage } from "../../src/testing/codec/message.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { within } from "../protocol/harness.ts";
import { deliver, failure, nextCredit, outcomes, pair, receiverOn, senderOn, settled, stage, turns, until } from "./support.ts";
import type { Stage } from "./support.ts";

const Order = z.object({ id: z.number().int(), item: z.string() });

/** Written by hand: even numbers, doubled. */
const Even: StandardSchema<number, number> = {
  "~standard": {
    version: 1,
    vendor: "by hand",
    validate: (number) => (typeof number === "number" && number % 2 === 0 ? { value: number * 2 } : { issues: [{ message: "not even" }] }),
  },
};

/** Answers about a number when the gate of that number opens; odd ones do not fit, and 13 breaks it. */
function gated(gates: Map<number, Deferred<void>>): StandardSchema<number, number> {
  return {
    "~standard": {
      version: 1,
      vendor: "slow",
      validate: async (number) => {
        await gates.get(number as number)?.promise;
        if (number === 13) throw new Error("unlucky");
        return (number as number) % 2 === 0 ? { value: (number as number) * 10 } : { issues: [{ message: "odd" }] };
      },
    },
  };
}

describe("J14 a receiver with a schema", () => {
  test("gives what fits as the schema makes it, rejects the rest with amqp:decode-error and what is wrong, and goes on", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { schema: Order });
    const loop = (async () => {
      const seen: unknown[] = [];
      for await (const { message } of receiver.take({ max: 2 })) seen.push(message.body.item.toUpperCase());
      return seen;
    })();
    await nextCredit(scene.peer);
    deliver(scene.peer, { id: 1, item: "tea" }, { id: "one", item: 2 }, "no order", { id: 2, item: "milk" });
    expect(await within(loop, "the loop")).toEqual(["TEA", "MILK"]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "rejected amqp:decode-error", 2: "rejected amqp:decode-error", 3: "accepted" });
    const rejections = scene.peer.frames().flatMap(({ name, fields }) => (name === "disposition" && (fields["state"] as { type: string }).type === "rejected" ? [fields["state"]] : []));
    expect(rejections[0]).toMatchObject({
      error: { condition: "amqp:decode-error", description: expect.stringMatching(/^the body does not fit the schema: id: .*number.*; item: .*string/) },
    });
    expect(scene.errors).toMatchObject([{ code: "decode-error", name: "DecodeError" }, { code: "decode-error", name: "DecodeError" }]);
  });

  test("what a schema makes of a body is the body, whichever way it is taken", async () => {
    for (const way of ["receive", "tryReceive", "batch", "consume"] as const) {
      const scene = await stage();
      const receiver = await receiverOn(scene, { schema: Even, prefetch: 10 });
      const seen: number[] = [];
      if (way === "receive") {
        const taking = (async () => { for (let n = 0; n < 2; n++) seen.push((await receiver.receive()).message.body); })();
        await nextCredit(scene.peer);
        deliver(scene.peer, 2, 3, 4);
        await within(taking, way);
      } else if (way === "tryReceive") {
        expect(receiver.tryReceive()).toBeUndefined();
        await nextCredit(scene.peer);
        deliver(scene.peer, 2, 3, 4);
        await until(() => receiver.queued === 2);
        for (let delivery = receiver.tryReceive(); delivery !== undefined; delivery = receiver.tryReceive()) seen.push(delivery.message.body);
      } else if (way === "batch") {
        const batch = receiver.receiveBatch(2);
        await nextCredit(scene.peer);
        deliver(scene.peer, 2, 3, 4);
        for (const { message } of await within(batch, way)) seen.push(message.body);
      } else {
        const consuming = receiver.consume(({ message }) => {
          if (seen.push(message.body) === 2) void receiver.stop();
        });
        await nextCredit(scene.peer);
        deliver(scene.peer, 2, 3, 4);
        await within(consuming, way);
      }
      expect([way, seen]).toEqual([way, [4, 8]]);
      expect((await outcomes(scene.peer))[1]).toBe("rejected amqp:decode-error");
    }
  });

  test("an asynchronous schema keeps the order, and asks about many at once", async () => {
    const scene = await stage();
    const gates = new Map([2, 4, 5, 6].map((number) => [number, new Deferred<void>()]));
    const receiver = await receiverOn(scene, { schema: gated(gates) });
    const seen: number[] = [];
    const loop = (async () => { for await (const { message } of receiver.take({ max: 4 })) seen.push(message.body); })();
    await nextCredit(scene.peer);
    deliver(scene.peer, 2, 4, 5, 6);
    await turns();
    // Four are wanted, and four are here.
    expect(receiver.credit).toBe(0);
    gates.get(6)?.resolve();
    gates.get(5)?.resolve();
    gates.get(4)?.resolve();
    await turns();
    expect(seen).toEqual([]);
    gates.get(2)?.resolve();
    await nextCredit(scene.peer);
    deliver(scene.peer, 8);
    await within(loop, "the loop");
    expect(seen).toEqual([20, 40, 60, 80]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "rejected amqp:decode-error", 3: "accepted", 4: "accepted" });
  });

  test("what waits for its schema counts against prefetch, goes back when the loop ends, and ends with the link", async () => {
    const scene = await stage();
    const gates = new Map([2, 4, 6].map((number) => [number, new Deferred<void>()]));
    const receiver = await receiverOn(scene, { schema: gated(gates), prefetch: 2 });
    const loop = receiver[Symbol.asyncIterator]();
    const first = loop.next();
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(2);
    deliver(scene.peer, 2, 4);
    await turns();
    expect([receiver.credit, receiver.queued, receiver.unsettled.size]).toEqual([0, 0, 2]);
    gates.get(2)?.resolve();
    expect((await within(first, "the first")).value?.message.body).toBe(20);
    await loop.return?.();
    gates.get(4)?.resolve();
    await turns();
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "released" });

    const again = receiver.receive().catch((error: unknown) => error);
    await nextCredit(scene.peer);
    deliver(scene.peer, 6);
    await turns();
    scene.peer.send("detach", { closed: true });
    expect(await within(again, "the end")).toMatchObject({ code: "link-detached" });
    gates.get(6)?.resolve();
    await turns();
    expect(receiver.queued).toBe(0);
  });

  test("take({ drain: true }) sees what still waits for its schema", async () => {
    const scene = await stage();
    const gate = new Deferred<void>();
    const receiver = await receiverOn(scene, { schema: gated(new Map([[2, gate]])) });
    const seen: number[] = [];
    const loop = (async () => { for await (const { message } of receiver.take({ drain: true })) seen.push(message.body); })();
    const flow = await scene.peer.until("flow", { drain: true });
    deliver(scene.peer, 2);
    scene.peer.send("flow", { handle: 0, deliveryCount: Number(flow.fields["deliveryCount"]) + Number(flow.fields["linkCredit"]), linkCredit: 0, drain: true });
    await turns();
    gate.resolve();
    const next = await scene.peer.until("flow", { drain: true, linkCredit: (credit: unknown) => Number(credit) > 0 });
    scene.peer.send("flow", { handle: 0, deliveryCount: Number(next.fields["deliveryCount"]) + Number(next.fields["linkCredit"]), linkCredit: 0, drain: true });
    await within(loop, "the loop");
    expect(seen).toEqual([20]);
  });

  test("a schema that fails itself gives the message back, counted, and is told to onError", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { schema: gated(new Map()) });
    const taking = receiver.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, 13);
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(1);
    deliver(scene.peer, 2);
    expect((await within(taking, "the next")).message.body).toBe(20);
    expect((await outcomes(scene.peer))[0]).toBe("modified+failed");
    expect(scene.errors).toMatchObject([{ code: "handler-failed", message: expect.stringContaining("the schema failed: unlucky") }]);
  });

  test("so does one that throws at once; at the send it is an EncodeError", async () => {
    const scene = await stage();
    const throws: StandardSchema<unknown, unknown> = {
      "~standard": {
        version: 1,
        vendor: "by hand",
        validate: (given) => {
          if (given === "break") throw new Error("a text");
          return { value: given };
        },
      },
    };
    const receiver = await receiverOn(scene, { schema: throws });
    const taking = receiver.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, "break");
    await nextCredit(scene.peer);
    deliver(scene.peer, "fine");
    expect((await within(taking, "the next")).message.body).toBe("fine");
    expect(scene.errors).toMatchObject([{ code: "handler-failed", message: expect.stringContaining("the schema failed: a text") }]);
    const sender = await senderOn(await stage(), 1, { schema: throws } as SenderOptions);
    expect(() => sender.send({ body: "break" })).toThrow(/the schema failed: a text/);
  });

  test("no reason, and issues without a path, are told as well", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { schema: { "~standard": { version: 1, vendor: "by hand", validate: () => ({ issues: [] }) } } });
    receiver.receive().catch(() => undefined);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    const { fields } = await scene.peer.until("disposition");
    expect((fields["state"] as { error: { description: string } }).error.description).toBe("the body does not fit the schema: no reason given");
  });

  test("what is told of a bad body is bounded and printable", async () => {
    const scene = await stage();
    const issues = Array.from({ length: 100 }, (_, n) => ({ message: `bad\u0007 ${"x".repeat(500)}`, path: [{ key: "list" }, n] }));
    const receiver = await receiverOn(scene, { schema: { "~standard": { version: 1, vendor: "by hand", validate: () => ({ issues }) } } });
    receiver.receive().catch(() => undefined);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    const { fields } = await scene.peer.until("disposition");
    const { description } = (fields["state"] as { error: { description: string } }).error;
    expect(description).toMatch(/^the body does not fit the schema: list\.0: bad\ufffd x+…; list\.1: .*; and 95 more$/);
    expect(description.length).toBeLessThan(1000);
  });

  test("a body that is no AMQP is rejected like one that does not fit", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { schema: z.unknown() });
    receiver.receive().catch(() => undefined);
    await nextCredit(scene.peer);
    // A string that is no UTF-8 in an amqp-value section.
    scene.peer.send("transfer", {}, new Uint8Array([0x00, 0x53, 0x77, 0xa1, 0x01, 0xff]));
    await scene.peer.until("disposition");
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected amqp:decode-error" });
  });

  test("at-most-once: what does not fit is dropped, what fits is settled on arrival", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene, { schema: Even, guarantee: "at-most-once" });
    const taking = receiver.receive();
    await nextCredit(scene.peer);
    scene.peer.send("transfer", { settled: true }, encodeMessage({ value: 1 }));
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(1);
    scene.peer.send("transfer", { settled: true }, encodeMessage({ value: 2 }));
    const delivery = await within(taking, "the one that fits");
    expect([delivery.message.body, delivery.settled]).toEqual([4, true]);
    expect(scene.errors).toHaveLength(1);
  });

  test("a message that is sent on keeps the wire types of what its schema left alone", async () => {
    const scene = await stage();
    const Lenient = z.object({ id: z.unknown(), note: z.string().transform((text) => text.length) });
    const receiver = await receiverOn(scene, { schema: Lenient });
    const taking = receiver.receive();
    await nextCredit(scene.peer);
    const body = new Map<string, unknown>([["id", { ubyte: 7 }], ["note", "four"]]);
    scene.peer.send("transfer", {}, encodeMessage({ value: body }));
    const { message } = await within(taking, "the message");
    expect(message.body).toEqual({ id: 7, note: 4 });
    // amqp-value, map8 of 4: "id" -> ubyte 7, "note" -> smallint 4
    expect(Buffer.from(message.encode()).toString("hex")).toBe("005377c10f04a1026964" + "5007" + "a1046e6f7465" + "5404");

    const texts = await receiverOn(scene, { schema: z.string().transform((text) => JSON.parse(text) as unknown) });
    const text = texts.receive();
    await nextCredit(scene.peer);
    deliver(scene.peer, "[1]");
    expect(Buffer.from((await within(text, "the text")).message.encode()).toString("hex")).toBe("005377" + "c003015401");
  });

  test("on the listening side: accept({ schema }) rejects and goes on as well", async () => {
    const { sending } = await pair();
    const [sender, receiver] = await sending<number>({ receiver: { schema: Even } });
    const taking = receiver.receive();
    const refused = failure(sender.send({ body: 1 }));
    expect(await refused).toMatchObject({ name: "RejectedError", condition: "amqp:decode-error", description: "the body does not fit the schema: not even" });
    const sent = sender.send({ body: 2 });
    const delivery = await within(taking, "the one that fits");
    expect(delivery.message.body).toBe(4);
    await delivery.accept();
    await within(sent, "its outcome");
  });
});

describe("J14 a sender with a schema", () => {
  test("an invalid body is an EncodeError at the call, and nothing leaves", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 10, { schema: Order } as SenderOptions);
    const call = (): unknown => sender.send({ body: { id: 1.5 } });
    expect(call).toThrow(EncodeError);
    expect(call).toThrow(/^sender to "q": the body does not fit the schema: id: .*; item: /);
    expect(() => sender.trySend({ body: "x" })).toThrow(EncodeError);
    expect(() => sender.send({})).toThrow(EncodeError);
    sender.send({ body: { id: 1, item: "tea" } }).catch(() => undefined);
    await scene.peer.until("transfer", { deliveryId: 0 });
    await outcomes(scene.peer);
    expect(bodies(scene)).toEqual([{ id: 1, item: "tea" }]);
  });

  test("what the schema makes of a body is sent; the caller's message stays as it is", async () => {
    const scene = await stage();
    const Dated = z.object({ at: z.date().transform((date) => date.toISOString()) });
    const sender = await senderOn(scene, 10, { schema: Dated } as SenderOptions);
    const at = new Date(0);
    const init = { id: 1, body: { at } };
    const message = new Message({ id: 2, body: { at } });
    sender.send(init).catch(() => undefined);
    sender.send(message).catch(() => undefined);
    sender.send({ body: value({ at }) }).catch(() => undefined);
    expect(sender.trySend({ body: { at } })).toBeDefined();
    await until(() => bodies(scene).length === 4);
    expect(bodies(scene)).toEqual(Array.from({ length: 4 }, () => ({ at: "1970-01-01T00:00:00.000Z" })));
    expect([init.body.at, message.body.at]).toEqual([at, at]);
  });

  test("a body whose section was chosen keeps it", async () => {
    const scene = await stage();
    const Same = z.unknown();
    const Twice = z.union([
      z.instanceof(Uint8Array).transform((bytes) => new Uint8Array([...bytes, ...bytes])),
      z.array(z.number()).transform((list) => [...list, ...list]),
      z.number().transform((number) => types.ubyte(number * 2)),
    ]);
    const same = await senderOn(scene, 10, { schema: Same } as SenderOptions);
    for (const body of [data(new Uint8Array([1])), sequence([1]), value(new Uint8Array([1]))]) same.send({ body }).catch(() => undefined);
    await until(() => sections(scene).length === 3);
    const twice = await senderOn(await stage(), 0, { schema: Twice } as SenderOptions);
    expect(twice.queued).toBe(0);
    for (const body of [data(new Uint8Array([1])), sequence([1]), value(4), new Uint8Array([1])]) twice.send({ body }).catch(() => undefined);
    expect(twice.queued).toBe(4);
    expect(sections(scene)).toEqual(["data", "sequence", "value"]);
    const other = await stage();
    const sender = await senderOn(other, 10, { schema: Twice } as SenderOptions);
    for (const body of [data(new Uint8Array([1])), sequence([1]), value(4), new Uint8Array([1])]) sender.send({ body }).catch(() => undefined);
    sender.send(new Message({ body: value(new Uint8Array([1])) })).catch(() => undefined);
    sender.send(new Message({ body: sequence([1]) })).catch(() => undefined);
    await until(() => sections(other).length === 6);
    expect(sections(other)).toEqual(["data", "sequence", "value", "data", "value", "sequence"]);
    expect(bodies(other)).toEqual([new Uint8Array([1, 1]), [1, 1], 8, new Uint8Array([1, 1]), new Uint8Array([1, 1]), [1, 1]]);
  });

  test("an asynchronous schema rejects the send, keeps the order of the others, and lets trySend go", async () => {
    const scene = await stage();
    const gates = new Map([2, 3, 4].map((number) => [number, new Deferred<void>()]));
    const sender = await senderOn(scene, 10, { schema: gated(gates) } as SenderOptions);
    const sends = [2, 3, 4, 6, 13].map((body) => sender.send({ body }));
    const ends = Promise.allSettled(sends);
    expect(() => sender.trySend({ body: 8 })).toThrow(ConfigError);
    gates.get(4)?.resolve();
    gates.get(3)?.resolve();
    await turns();
    expect(bodies(scene)).toEqual([]);
    gates.get(2)?.resolve();
    for (let n = 0; n < 3; n++) scene.peer.reply(await scene.peer.until("transfer"));
    expect(bodies(scene)).toEqual([20, 40, 60]);
    const results = await within(ends, "the sends");
    expect(results.map((result) => (result.status === "fulfilled" ? "accepted" : (result.reason as Error).name))).toEqual(["accepted", "EncodeError", "accepted", "accepted", "EncodeError"]);
    expect(String((results[4] as PromiseRejectedResult).reason)).toContain("the schema failed: unlucky");
  });

  test("a change of the message after the call is of no matter, and a schema that never answers runs out of time", async () => {
    const scene = await stage();
    const gates = new Map([2, 4].map((number) => [number, new Deferred<void>()]));
    const sender = await senderOn(scene, 10, { schema: gated(gates) } as SenderOptions);
    const init = { subject: "before", body: 2 };
    const first = sender.send(init);
    init.subject = "after";
    const late = failure(sender.send({ body: 4 }, { timeout: 1000 }));
    const stop = new AbortController();
    const aborted = failure(sender.send({ body: 4 }, { signal: stop.signal }));
    stop.abort("enough");
    expect(await aborted).toBe("enough");
    gates.get(2)?.resolve();
    const transfer = await scene.peer.until("transfer");
    expect(new Map(decodeMessage(transfer.payload).map((one) => [one.name, one.value])).get("properties")).toMatchObject({ subject: "before" });
    scene.peer.reply(transfer);
    await within(first, "the first");
    await scene.clock.advance(1000);
    const error = await late;
    expect(error).toBeInstanceOf(NotSentError);
    expect(error).toMatchObject({ cause: expect.any(TimeoutError) });
    gates.get(4)?.resolve();
    await turns();
    expect(bodies(scene)).toEqual([20]);
  });

  test("close() and connection.close() wait for the sends that were called before them", async () => {
    for (const what of ["sender", "connection", "detach"] as const) {
      const scene = await stage();
      const gate = new Deferred<void>();
      const sender = await senderOn(scene, 10, { schema: gated(new Map([[2, gate]])) } as SenderOptions);
      const sent = sender.send({ body: 2 });
      const closing = what === "sender" ? sender.close() : what === "detach" ? sender.detach() : scene.connection.close();
      await turns();
      gate.resolve();
      scene.peer.reply(await scene.peer.until("transfer"));
      expect((await within(sent, "the send")).outcome).toEqual({ type: "accepted" });
      scene.peer.reply(await scene.peer.until(what === "connection" ? "close" : "detach"));
      await within(closing, "the close");
    }
  });

  test("sends that wait behind a schema are told when the link is lost", async () => {
    const scene = await stage();
    const gate = new Deferred<void>();
    const sender = await senderOn(scene, 10, { schema: gated(new Map([[2, gate]])) } as SenderOptions);
    const sent = failure(sender.send({ body: 2 }));
    scene.peer.drop();
    await sender.closed;
    expect(await settled(sent)).toBe(false);
    gate.resolve();
    const error = await sent;
    expect(error).toBeInstanceOf(NotSentError);
    expect(error).not.toBeInstanceOf(InDoubtError);
  });

  test("sendAll sends what fits and stops at what does not", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 10, { schema: Even } as SenderOptions);
    const seen: unknown[] = [];
    const sending = (async () => { for await (const { outcome } of sender.sendAll([{ body: 2 }, { body: 4 }, { body: 5 }], { concurrency: 1 })) seen.push(outcome?.type); })();
    const ended = failure(sending);
    for (let n = 0; n < 2; n++) scene.peer.reply(await scene.peer.until("transfer"));
    expect(await ended).toBeInstanceOf(EncodeError);
    expect(seen).toEqual(["accepted", "accepted"]);
    expect(bodies(scene)).toEqual([4, 8]);
  });
});

describe("J14 schemas as options", () => {
  test("what is no Standard Schema is refused at the call", async () => {
    const { connection } = await stage();
    for (const schema of [{}, { "~standard": { version: 2, validate: () => ({ value: 1 }) } }, { "~standard": { version: 1 } }, "order", null]) {
      expect(() => connection.createReceiver("q", { schema } as unknown as ReceiverOptions)).toThrow(/"schema" must be a Standard Schema of version 1/);
      expect(() => connection.createSender("q", { schema } as unknown as SenderOptions)).toThrow(ConfigError);
    }
    const callable = Object.assign(() => undefined, Even) as unknown as StandardSchema<unknown, number>;
    connection.createReceiver("q", { schema: callable }).catch(() => undefined);
  });

  test("a streamed body cannot be looked into: a ConfigError at the send; nor can a partial delivery, at the attach", async () => {
    const scene = await stage();
    const sender = await senderOn(scene, 10, { schema: z.unknown() } as SenderOptions);
    const body = streamed(async function* () { yield await Promise.resolve(new Uint8Array([1])); });
    expect(() => sender.send({ body })).toThrow(ConfigError);
    expect(() => sender.send(new Message({ body }))).toThrow(/a schema cannot look into a streamed body/);
    expect(() => sender.stream()).toThrow(ConfigError);
    expect(() => scene.connection.createReceiver("q", { schema: z.unknown(), partial: true })).toThrow(/"schema" needs the whole body/);
    await outcomes(scene.peer);
    expect(bodies(scene)).toEqual([]);
  });

  test("requests have them too: the request's body, the responder's", async () => {
    const scene = await stage();
    const opening = scene.connection.createRequester("q", { schema: Even, replyTo: "answers" });
    for (let n = 0; n < 2;) {
      const frame = await scene.peer.next();
      if (frame.name !== "begin" && frame.name !== "attach") continue;
      scene.peer.reply(frame);
      if (frame.name === "attach") n += 1;
    }
    scene.peer.send("flow", { channel: 0, handle: 0, deliveryCount: 0, linkCredit: 10 });
    const requester = await within(opening, "the requester");
    expect(() => requester.request({ body: 3 })).toThrow(EncodeError);
    requester.request({ body: 4 }).catch(() => undefined);
    await scene.peer.until("transfer");
    expect(bodies(scene)).toEqual([8]);
  });
});

/** The bodies that have come to the script. */
function bodies(scene: Stage): unknown[] {
  return transfers(scene).map((section) => (section?.name === "data" ? new Uint8Array(section.value as Uint8Array) : section?.value));
}

/** The kinds of their sections. */
function sections(scene: Stage): unknown[] {
  return transfers(scene).map((section) => section?.name);
}

function transfers(scene: Stage): ({ name: string; value: unknown } | undefined)[] {
  return scene.peer.frames().flatMap(({ name, payload }) => (name === "transfer"
    ? [decodeMessage(payload).find((section) => ["data", "sequence", "value"].includes(section.name))] : []));
}


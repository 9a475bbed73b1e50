/** F.1, F.2, B84, B86 for messages that come over time, through a client of ours and a scripted server. */

import { describe, expect, test } from "@jest/globals";
import { streamed } from "../../src/index.ts";
import type { Receiver } from "../../src/index.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { concat, hex } from "../../src/testing/codec/octets.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { answerClosing, answerLink, deliveries, dial, serve, within } from "./harness.ts";

const someCredit = (credit: unknown): boolean => Number(credit) > 0;
const HEAD = hex("005375b000010000"); // of 64 KiB of data

async function* blocks(count: number, size: number): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < count; i++) yield new Uint8Array(size).fill(i);
}

/** The session and link that the library opens next; answers its channel. */
async function nextLink(script: Script): Promise<number> {
  const begin = await script.until("begin");
  script.reply(begin);
  const attach = await script.until("attach");
  script.reply(attach);
  return begin.channel;
}

describe("F.1 a body that is asked for as it goes", () => {
  test.each([["known", { length: 100_000 }], ["unknown", {}]])("of %s length: frames within the peer's limit, one delivery, nothing between them", async (_, options) => {
    const peer = await serve(async (script) => {
      await answerLink(script, { open: { maxFrameSize: 1024 } });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      for (let i = 0; i < 2; i++) await script.until("transfer", { more: false });
      const sent = deliveries(script.frames());
      expect(sent).toHaveLength(2);
      for (const { frames, bytes } of sent) {
        expect(frames.every((frame) => frame.bytes.length <= 1024)).toBe(true);
        expect(frames.slice(1).every(({ fields }) => fields["deliveryId"] === undefined || fields["deliveryId"] === frames[0]?.fields["deliveryId"])).toBe(true);
        expect(bytes.length).toBeGreaterThan(100_000);
      }
      script.send("disposition", { role: "receiver", first: sent[0]?.id, last: sent[1]?.id, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(Promise.all([1, 2].map(() => sender.send({ body: streamed(() => blocks(10, 10_000), options) }))), "two sends");
    await connection.close();
    await peer.done;
  });
});

describe("B86 F.2 aborted", () => {
  test("by the peer in the middle, with more set as well: discarded, settled, and the credit is given again", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: someCredit });
      for (let i = 0; i < 3; i++) {
        const id = { deliveryId: i, deliveryTag: Uint8Array.of(i), messageFormat: 0 };
        script.send("transfer", { ...id, more: true }, concat(HEAD, new Uint8Array(1000)));
        script.send("transfer", { ...id, aborted: true, more: i % 2 === 0 });
        await script.until("flow", { linkCredit: someCredit });
      }
      script.send("transfer", { deliveryId: 3, deliveryTag: Uint8Array.of(3), messageFormat: 0, more: false }, encodeMessage({ value: "whole" }));
      await script.until("disposition", { first: 3, settled: true, state: "accepted" });
      expect(script.frames().filter(({ name }) => name === "disposition")).toHaveLength(1);
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { partial: true, prefetch: 1 });
    const seen: unknown[] = [];
    for await (const delivery of receiver.take({ max: 4 })) {
      try {
        if (!delivery.partial && !delivery.settled) seen.push(delivery.message.body);
        else for await (const bytes of delivery.stream()) seen.push(bytes.length);
      } catch (error) {
        seen.push((error as { code?: string }).code);
      }
      if (seen.at(-1) === "whole") {
        await delivery.accept();
        break;
      }
    }
    expect(seen.at(-1)).toBe("whole");
    expect(seen.filter((each) => typeof each === "string" && each !== "whole").every((each) => each === "delivery-aborted")).toBe(true);
    await connection.close();
    await peer.done;
  });
});

describe("B84 more without end", () => {
  test("a partial receiver takes it as long as it is read, and its own limit ends it", async () => {
    const limit = 300_000;
    const ended = new Deferred<unknown>();
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: someCredit });
      script.send("transfer", { more: true }, concat(hex("005375b0ffffffff"), new Uint8Array(10_000)));
      for (let sent = 10_008; sent <= limit; sent += 10_000) script.send("transfer", { more: true }, new Uint8Array(10_000));
      const detach = await script.until("detach", { error: { condition: "amqp:link:message-size-exceeded" } });
      ended.resolve(detach.fields["closed"]);
      script.reply(detach);
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { partial: true, maxMessageSize: limit });
    const delivery = await within(receiver.receive(), "the delivery");
    let octets = 0;
    const reading = (async () => { for await (const bytes of delivery.stream()) octets += bytes.length; })();
    await expect(within(reading, "the stream")).rejects.toMatchObject({ condition: "amqp:link:message-size-exceeded" });
    expect(octets).toBeLessThanOrEqual(limit);
    expect(await within(ended.promise, "the detach")).toBe(true);
    await connection.close();
    await peer.done;
  });

  test("frames without payload are counted", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: someCredit });
      script.send("transfer", { more: true }, concat(HEAD, new Uint8Array(10)));
      // no more at a time than the window takes
      for (let i = 0; i < 1024; i += 8) {
        for (let n = 0; n < 8; n++) script.send("transfer", { more: true });
        script.send("flow", { echo: true });
        await script.until("flow");
      }
      script.send("transfer", { more: true });
      script.reply(await script.until("detach", { error: { condition: "amqp:link:message-size-exceeded" } }));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { partial: true });
    await within(receiver.receive(), "the delivery");
    expect(await within(receiver.closed, "its end")).toMatchObject({ condition: "amqp:link:message-size-exceeded" });
    await connection.close();
    await peer.done;
  });

  test("messages of several links that are never whole use up the byte budget: the largest of them goes, the others arrive", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      const channels = [await nextLink(script), await nextLink(script), await nextLink(script)];
      for (const _ of channels) await script.until("flow", { linkCredit: someCredit });
      for (const channel of channels) script.send("transfer", { channel, handle: 0, deliveryId: 0, deliveryTag: hex("01"), messageFormat: 0, more: true }, concat(HEAD, new Uint8Array(20_000)));
      script.send("transfer", { channel: channels[1], handle: 0, more: true }, new Uint8Array(20_000));
      for (let i = 0; i < 2; i++) script.send("transfer", { channel: channels[0], handle: 0, more: true }, new Uint8Array(12_000));
      const detach = await script.until("detach", { error: { condition: "amqp:link:message-size-exceeded" } });
      expect(detach.channel).toBe(channels[0]);
      script.reply(detach);
      for (const [channel, left] of [[channels[1], 25_536], [channels[2], 45_536]] as const) {
        script.send("transfer", { channel, handle: 0, more: false }, new Uint8Array(left));
      }
      await answerClosing(script);
    });
    const connection = await dial(peer, { limits: { maxBufferedBytes: 100_000 } });
    const receivers: Receiver[] = [];
    for (let i = 0; i < 3; i++) receivers.push(await connection.createReceiver("q"));
    for (const receiver of receivers) receiver.tryReceive();
    expect(await within(receivers[0]?.closed as Promise<unknown>, "the end of the first")).toMatchObject({ condition: "amqp:link:message-size-exceeded" });
    for (const receiver of receivers.slice(1)) {
      const delivery = await within(receiver.receive(), "a message");
      expect((delivery.message.body as Uint8Array).length).toBe(65_536);
      void delivery.accept();
    }
    await connection.close({ timeout: 2000 }).catch(() => undefined);
  });
});

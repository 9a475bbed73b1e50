/** F: frames in both directions, through a client of ours and a scripted server. */

import { describe, expect, test } from "@jest/globals";
import { decodeMessage, encodeMessage } from "../../src/testing/codec/message.ts";
import { headerBytes } from "../../src/testing/codec/frame.ts";
import { concat } from "../../src/testing/codec/octets.ts";
import { answerClosing, answerLink, deliveries, dial, serve, within } from "./harness.ts";

const BODY = Uint8Array.from({ length: 2000 }, (_, index) => index % 251);

describe("frames", () => {
  test("F.1 before open: at most 512 octets on channel 0; then 256 KiB are offered", async () => {
    const peer = await serve(async (script) => {
      const open = await script.handshake();
      expect(open.channel).toBe(0);
      expect(open.bytes.length).toBeLessThanOrEqual(512);
      expect(open.fields["maxFrameSize"]).toBe(262_144);
      await answerClosing(script);
    });
    await (await dial(peer)).close();
    await peer.done;
  });

  test("F.1 the frame size that the program asks for is offered", async () => {
    const peer = await serve(async (script) => {
      const open = await script.handshake();
      expect(open.fields["maxFrameSize"]).toBe(4096);
      await answerClosing(script);
    });
    await (await dial(peer, { maxFrameSize: 4096 })).close();
    await peer.done;
  });

  test("F.1 messages are split to the peer's max-frame-size, with nothing between the frames of a delivery", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { open: { maxFrameSize: 512 } });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      for (let i = 0; i < 3; i++) await script.until("transfer", { more: false });
      const sent = deliveries(script.frames());
      expect(sent).toHaveLength(3);
      for (const { frames, bytes } of sent) {
        expect(frames.length).toBeGreaterThanOrEqual(4);
        for (const [index, frame] of frames.entries()) {
          expect(frame.bytes.length).toBeLessThanOrEqual(512);
          expect(frame.fields["more"] ?? false).toBe(index < frames.length - 1);
          if (index < frames.length - 1) expect(frame.bytes.length).toBeGreaterThan(460);
        }
        expect(frames[0]?.fields).toMatchObject({ messageFormat: 0, deliveryTag: expect.any(Uint8Array) });
        expect(Buffer.from(decodeMessage(bytes).find(({ name }) => name === "data")?.value as Uint8Array)).toEqual(Buffer.from(BODY));
      }
      script.send("disposition", { role: "receiver", first: sent[0]?.id, last: sent[2]?.id, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(Promise.all([1, 2, 3].map(() => sender.send({ body: BODY }))), "three sends");
    await connection.close();
    await peer.done;
  });

  test.each([1, 7, 500])("F.1 a message that comes in frames of %i octets each", async (size) => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      const payload = encodeMessage({ properties: { messageId: "m" }, data: [BODY] });
      for (let at = 0; at < payload.length; at += size) {
        script.send("transfer", { more: at + size < payload.length }, payload.subarray(at, at + size));
      }
      await script.until("disposition", { first: 0, state: "accepted", settled: true });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const session = await connection.session({ incomingWindow: 2048 });
    const receiver = await session.createReceiver("q");
    const delivery = await within(receiver.receive(), "the delivery");
    expect(delivery.message.id).toBe("m");
    expect(Buffer.from(delivery.message.bytes())).toEqual(Buffer.from(BODY));
    delivery.accept();
    await connection.close();
    await peer.done;
  });

  test("F.1 settled is inherited from the first frame, and may come with a later one", async () => {
    const payload = encodeMessage({ value: "hello" });
    const peer = await serve(async (script) => {
      await answerLink(script, { attach: { sndSettleMode: "mixed" } });
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      script.send("transfer", { settled: true, more: true }, payload.subarray(0, 4));
      script.send("transfer", {}, payload.subarray(4));
      script.send("transfer", { more: true }, payload.subarray(0, 4));
      script.send("transfer", { settled: true }, payload.subarray(4));
      await answerClosing(script);
      expect(script.frames().filter(({ name }) => name === "disposition")).toEqual([]);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 2 });
    for (let i = 0; i < 2; i++) {
      const delivery = await within(receiver.receive(), "a delivery");
      expect(delivery.message.body).toBe("hello");
      expect(delivery.settled).toBe(true);
    }
    await connection.close();
    await peer.done;
  });

  test("F.2 a message over the peer's max-message-size is refused before anything leaves", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { attach: { maxMessageSize: 1000 } });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      script.reply(await script.until("transfer"));
      await answerClosing(script);
      expect(deliveries(script.frames())).toHaveLength(1);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    const large = async (): Promise<unknown> => sender.send({ body: new Uint8Array(1001) });
    await expect(large()).rejects.toMatchObject({ code: "message-too-large" });
    await sender.send({ body: new Uint8Array(100) });
    await connection.close();
    await peer.done;
  });

  test("F.3 B15 everything from the server comes octet by octet", async () => {
    const peer = await serve(async (script) => {
      await script.expectHeader("sasl");
      await script.trickle(concat(headerBytes("sasl"), script.encode("sasl-mechanisms")));
      const init = await script.expect("sasl-init");
      await script.trickle(script.encodeReply(init));
      await script.expectHeader("amqp");
      await script.trickle(concat(headerBytes("amqp"), script.encode("open")));
      await script.trickle(script.encodeReply(await script.until("begin")));
      await script.trickle(script.encodeReply(await script.until("attach")));
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      await script.trickle(script.encode("transfer", {}, encodeMessage({ value: "slow" })));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q");
    const delivery = await within(receiver.receive(), "the delivery");
    expect(delivery.message.body).toBe("slow");
    delivery.accept();
    await connection.close();
    await peer.done;
  });

  test("F.3 the SASL outcome, the AMQP header and open come in one piece", async () => {
    const peer = await serve(async (script) => {
      await script.expectHeader("sasl");
      script.raw(concat(headerBytes("sasl"), script.encode("sasl-mechanisms")));
      await script.expect("sasl-init");
      script.raw(concat(script.encode("sasl-outcome"), headerBytes("amqp"), script.encode("open", { containerId: "together" })));
      await script.expectHeader("amqp");
      await script.expect("open");
      await answerClosing(script);
    });
    const connection = await dial(peer);
    expect(connection.remoteContainer).toBe("together");
    await connection.close();
    await peer.done;
  });

  test("F.3 a begin, an attach and its transfers in one chunk with the frames before and after them", async () => {
    const peer = await serve(async (script) => {
      await script.handshake();
      script.raw(concat(script.encode("empty"), script.encodeReply(await script.until("begin")), script.encode("empty")));
      script.raw(concat(script.encodeReply(await script.until("attach")), script.encode("empty")));
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      script.raw(concat(...["a", "b", "c"].map((value) => script.encode("transfer", {}, encodeMessage({ value })))));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q");
    const bodies: unknown[] = [];
    for await (const delivery of receiver.take({ max: 3 })) bodies.push(delivery.message.body);
    expect(bodies).toEqual(["a", "b", "c"]);
    await connection.close();
    await peer.done;
  });
});

/** S: session windows and transfer ids, which start anywhere and wrap. */

import { describe, expect, test } from "@jest/globals";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { answerClosing, answerLink, deliveries, dial, serve, within } from "./harness.ts";

const NEAR_THE_WRAP = 2 ** 32 - 10;

function transfers(peer: Script): number {
  return peer.frames().filter(({ name }) => name === "transfer").length;
}

/**
 * What the library says about a session, in answer to a flow with these fields. Where it receives, it may say something
 * by itself too: `match` tells the answer from that.
 */
async function roundTrip(peer: Script, fields: Record<string, unknown> = {}, match: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  peer.send("flow", { echo: true, ...fields });
  return (await peer.until("flow", { echo: false, ...match })).fields;
}

/** How many deliveries the library has allowed altogether by its last flow for the link, whose count began at 0. */
function allowed(peer: Script): number {
  const flows = peer.frames().filter(({ name, fields }) => name === "flow" && fields["handle"] !== undefined);
  const { deliveryCount = 0, linkCredit = 0 } = flows.at(-1)?.fields ?? {};
  return Number(deliveryCount) + Number(linkCredit);
}

describe("sessions", () => {
  test("S.1 each transfer frame counts in next-outgoing-id", async () => {
    const peer = await serve(async (script) => {
      const { begin } = await answerLink(script, { open: { maxFrameSize: 512 } });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      const last = await script.until("transfer", { more: false });
      const frames = transfers(script);
      expect(frames).toBeGreaterThanOrEqual(4);
      const { nextOutgoingId } = await roundTrip(script);
      expect(nextOutgoingId).toBe((Number(begin.fields["nextOutgoingId"]) + frames) >>> 0);
      script.send("disposition", { role: "receiver", first: deliveries(script.frames())[0]?.id, settled: true, state: "accepted" });
      void last;
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(sender.send({ body: new Uint8Array(2000) }), "the send");
    await connection.close();
    await peer.done;
  });

  test("S.1 S.2 a window of 1 lets one frame go at a time", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { open: { maxFrameSize: 512 }, begin: { incomingWindow: 1 } });
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 10 });
      let frames = 0;
      for (;;) {
        const transfer = await script.until("transfer");
        frames++;
        // the answer of a round trip comes after every frame that was sent before it
        await roundTrip(script, { incomingWindow: 0 });
        expect(transfers(script)).toBe(frames);
        if (transfer.fields["more"] !== true) break;
        script.send("flow", { incomingWindow: 1 });
      }
      expect(frames).toBeGreaterThanOrEqual(4);
      script.send("disposition", { role: "receiver", first: deliveries(script.frames())[0]?.id, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(sender.send({ body: new Uint8Array(2000) }), "the send");
    await connection.close();
    await peer.done;
  });

  test("S.2 a flow without next-incoming-id counts from our first id", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { begin: { incomingWindow: 0 } });
      script.send("flow", { nextIncomingId: null, incomingWindow: 2, handle: 0, deliveryCount: 0, linkCredit: 10 });
      await script.until("transfer");
      await script.until("transfer");
      await roundTrip(script, { nextIncomingId: null, incomingWindow: 2 });
      expect(transfers(script)).toBe(2);
      script.send("flow", { nextIncomingId: null, incomingWindow: 3 });
      const third = await script.until("transfer");
      const id = Number(third.fields["deliveryId"]);
      script.send("disposition", { role: "receiver", first: (id - 2) >>> 0, last: id, settled: true, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const sender = await connection.createSender("q");
    await within(Promise.all(["a", "b", "c"].map((body) => sender.send({ body }))), "three sends");
    await connection.close();
    await peer.done;
  });

  test("S.2 B70 the peer's ids start ten before the wrap and go on after it", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script, { begin: { nextOutgoingId: NEAR_THE_WRAP } });
      for (let sent = 0; sent < 30; sent++) {
        while (allowed(script) <= sent) await script.next();
        script.send("transfer", {}, encodeMessage({ value: sent }));
        if (sent === 9 || sent === 19) {
          await roundTrip(script, {}, { nextIncomingId: (NEAR_THE_WRAP + sent + 1) >>> 0 });
        }
      }
      const settled = (): Set<number> => {
        const ids = new Set<number>();
        for (const { name, fields } of script.frames()) {
          const first = Number(fields["first"]);
          const length = ((Number(fields["last"] ?? first) - first) >>> 0) + 1;
          if (name === "disposition") for (let i = 0; i < length; i++) ids.add((first + i) >>> 0);
        }
        return ids;
      };
      while (settled().size < 30) await script.next();
      expect(settled()).toEqual(new Set(Array.from({ length: 30 }, (_, index) => (NEAR_THE_WRAP + index) >>> 0)));
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const receiver = await connection.createReceiver("q", { prefetch: 10 });
    const bodies: unknown[] = [];
    for await (const delivery of receiver.take({ max: 30 })) bodies.push(delivery.message.body);
    expect(bodies).toEqual(Array.from({ length: 30 }, (_, index) => index));
    await connection.close();
    await peer.done;
  });

  test("S.3 the incoming window is replenished before it is used up", async () => {
    const peer = await serve(async (script) => {
      const { begin } = await answerLink(script);
      expect(begin.fields["incomingWindow"]).toBe(8);
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      for (let sent = 0; sent < 100;) {
        const { incomingWindow } = await roundTrip(script, {}, { nextIncomingId: sent });
        expect(incomingWindow).toBeGreaterThan(0);
        expect(incomingWindow).toBeLessThanOrEqual(8);
        for (let room = Number(incomingWindow); room > 0 && sent < 100; room--) {
          sent++;
          script.send("transfer", { more: sent < 100 }, sent === 1 ? encodeMessage({ data: [new Uint8Array(99)] }).subarray(0, 5) : new Uint8Array(1));
        }
      }
      await script.until("disposition", { first: 0, state: "accepted" });
      await answerClosing(script);
    });
    const connection = await dial(peer);
    const session = await connection.session({ incomingWindow: 8 });
    const receiver = await session.createReceiver("q");
    const delivery = await within(receiver.receive(), "the delivery");
    // 00 53 75 a0 63, then 99 octets, each in a frame of its own
    expect(delivery.message.bytes()).toHaveLength(99);
    delivery.accept();
    await connection.close();
    await peer.done;
  });

  test("S.3 B69 a peer that overruns the window: it is closed while nobody takes what is there", async () => {
    const peer = await serve(async (script) => {
      await answerLink(script);
      await script.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      // fill the byte budget, so that the window is not opened any more
      for (let i = 0; i < 4; i++) script.send("transfer", {}, encodeMessage({ data: [new Uint8Array(40_000)] }));
      const { incomingWindow } = await roundTrip(script, {}, { nextIncomingId: 4 });
      const room = Number(incomingWindow);
      expect(room).toBeLessThan(5000);
      for (let i = 0; i <= room; i++) script.send("transfer", { more: true }, new Uint8Array(1));
      script.reply(await script.until("end", { error: { condition: "amqp:session:window-violation" } }));
      await answerClosing(script);
    });
    const connection = await dial(peer, { limits: { maxBufferedBytes: 65_536 } });
    const receiver = await connection.createReceiver("q", { prefetch: 1000 });
    await within(receiver.receive(), "the first delivery");
    expect(await within(receiver.closed, "receiver.closed")).toMatchObject({ condition: "amqp:session:window-violation" });
    await connection.close();
    await peer.done;
  });

  test("S.3 echo is answered once, with where the session stands", async () => {
    const answered = new Deferred();
    const peer = await serve(async (script) => {
      const { begin } = await answerLink(script);
      const answer = await roundTrip(script);
      expect(answer).toMatchObject({ nextIncomingId: 0, nextOutgoingId: begin.fields["nextOutgoingId"] });
      answered.resolve();
      await answerClosing(script);
      const flows = script.frames().filter(({ name, fields }) => name === "flow" && fields["handle"] === undefined);
      expect(flows).toHaveLength(1);
    });
    const connection = await dial(peer);
    await connection.createSender("q");
    await answered.promise;
    await connection.close();
    await peer.done;
  });
});

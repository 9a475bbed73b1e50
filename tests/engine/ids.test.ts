/** Ids and counts of ours that start just before they wrap, through windows of one frame and frames of 512 octets. */

import { describe, expect, test } from "@jest/globals";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { concat, hex, Pair, Solo, toHex } from "./support.ts";
import type { ReceiverOwner, SenderOwner } from "./support.ts";

const START = 2 ** 32 - 10;
const IDS = { initialOutgoingId: START, initialDeliveryCount: START };
const after = (count: number): number => (START + count) >>> 0;
const transfersOf = (frames: readonly Frame[]): readonly Frame[] => frames.filter(({ name }) => name === "transfer");

describe("ids that start at 2^32 - 10", () => {
  test("S.2 L.1 the octets of begin, attach, transfer and flow around the wrap", () => {
    const solo = new Solo("client", IDS);
    const session = solo.session({ outgoingWindow: 5 });
    const sender = session.sender("l", { initialDeliveryCount: undefined, source: undefined, target: undefined });
    const sent = (): string => toHex(concat(...solo.endpoint.takeOutput(0).map(({ bytes }) => bytes)));
    // attach: handle 0, role sender, no termini, unsettled or incomplete-unsettled; initial-delivery-count fffffff6
    expect(sent()).toBe("0000001e" + "02000000" + "005312" + "c011" + "0a" + "a1016c" + "43" + "42" + "40" + "40" + "40" + "40" + "40" + "40" + "70fffffff6");
    solo.send("attach", { role: "receiver" }).send("flow", { handle: 0, nextIncomingId: START, deliveryCount: START, linkCredit: 20 });
    for (let n = 0; n < 11; n++) sender.send(hex(`005377a101${(0x41 + n).toString(16)}`));
    const octets = sent();
    // delivery-id fffffff6 with tag 0, and the eleventh with delivery-id 0
    expect(octets.startsWith("00000021" + "02000000" + "005314" + "c00e" + "04" + "43" + "70fffffff6" + "a00400000000" + "43" + "005377a10141")).toBe(true);
    expect(octets.endsWith("0000001d" + "02000000" + "005314" + "c00a" + "04" + "43" + "43" + "a0040000000a" + "43" + "005377a1014b")).toBe(true);
    sender.endpoint.offer(3);
    // flow: next-outgoing-id 1, delivery-count 1, link-credit 9, available 3
    expect(sent()).toMatch(/^........02000000005313c0..08(43)(70.{8})(5201)(5205)(43)(5201)(5209)(5203)$/u);
  });

  test("S.1 S.2 a peer that has not seen our begin yet counts from our initial id", () => {
    const solo = new Solo("client", IDS);
    const sender = solo.session({}, { incomingWindow: 4 }).sender("l", { initialDeliveryCount: undefined });
    solo.send("attach", { role: "receiver" }).send("flow", { handle: 0, linkCredit: 20, nextIncomingId: null, incomingWindow: 4 });
    for (let n = 0; n < 6; n++) sender.send(hex("005377a10161"));
    expect(transfersOf(solo.take())).toHaveLength(4);
    expect(sender.endpoint.credit).toBe(16);
    // three of the four have come; a delivery-count that is absent stands for the initial one
    solo.send("flow", { handle: 0, linkCredit: 20, deliveryCount: null, nextIncomingId: after(3), incomingWindow: 2 });
    expect(transfersOf(solo.take())).toHaveLength(1);
    expect(solo.log.filter((line) => line.includes("ended"))).toEqual([]);
  });

  test("S.2 B70 a next-incoming-id ahead of ours is a window violation on both sides of the wrap", () => {
    for (const [sent, named] of [[0, after(1)], [10, 1]] as const) {
      const solo = new Solo("client", IDS);
      const sender = solo.session().sender("l", { initialDeliveryCount: undefined });
      solo.send("attach", { role: "receiver" }).send("flow", { handle: 0, nextIncomingId: START, deliveryCount: START, linkCredit: 20 });
      for (let n = 0; n < sent; n++) sender.send(hex("005377a10161"));
      solo.take();
      solo.send("flow", { nextIncomingId: (named + 1) >>> 0 });
      expect(solo.said()).toEqual(["end amqp:session:window-violation"]);
    }
  });

  test("S.1 L.1 F.1 two engines: 40 messages of several frames of 512 octets over windows of 1 and credit of 1, every outcome arrives", () => {
    const pair = new Pair({ client: { ...IDS, maxFrameSize: 512 }, server: { ...IDS, maxFrameSize: 512, session: { incomingWindow: 1, outgoingWindow: 1 } } });
    const { sender, receiver } = pair.link({ credit: 1, session: { incomingWindow: 1, outgoingWindow: 1 }, settings: { initialDeliveryCount: undefined } });
    const sent = Array.from({ length: 40 }, (_, n) => sender.send(new Uint8Array(n % 2 === 0 ? 1200 : 6).fill(n)));
    for (let n = 0; n < sent.length; n++) {
      while (receiver.received.length <= n) if (pair.pump() === 0) throw new Error(`message ${n} stands still`);
      const delivery = receiver.received[n] as ReceiverOwner["received"][number];
      expect([delivery.deliveryId, delivery.body.length]).toEqual([after(n), n % 2 === 0 ? 1200 : 6]);
      receiver.endpoint.dispose(delivery, { type: "accepted" }, true);
      receiver.endpoint.giveCredit(1);
    }
    pair.pump();
    expect(sent.map(({ told }) => told.at(-1))).toEqual(sent.map(() => "accepted settled"));
    expect(pair.frames("client").every(({ bytes }) => bytes.length <= 512)).toBe(true);
    const begin = pair.frames("client").find(({ name }) => name === "begin");
    expect(begin?.fields).toMatchObject({ nextOutgoingId: START, incomingWindow: 1, outgoingWindow: 1 });
    expect(sender.endpoint.deliveryCount).toBe(after(40));
  });

  test("L.3 a drain across the wrap: the count goes on by the credit that is given back", () => {
    const pair = new Pair({ client: IDS });
    const { sender, receiver } = pair.link({ credit: 25, settings: { initialDeliveryCount: undefined } });
    for (let n = 0; n < 5; n++) sender.send(hex("005377a10161"));
    pair.pump();
    receiver.endpoint.drain();
    pair.pump();
    expect([sender.endpoint.deliveryCount, receiver.endpoint.deliveryCount, receiver.endpoint.credit]).toEqual([after(25), after(25), 0]);
  });
});

describe("what the sessions of the peer's are answered with", () => {
  test("P11 the settings of the listening side", () => {
    const solo = new Solo("server", { session: { incomingWindow: 7, outgoingWindow: 8, handleMax: 3, properties: { p: 1 } } });
    solo.open();
    solo.send("begin");
    expect(solo.take().at(-1)?.fields).toMatchObject({ incomingWindow: 7, outgoingWindow: 8, handleMax: 3, properties: { p: 1 } });
  });
});

describe("flow", () => {
  function both(): { readonly pair: Pair; readonly sender: SenderOwner; readonly receiver: ReceiverOwner } {
    const pair = new Pair();
    return { pair, ...pair.link({ credit: 5 }) };
  }

  test("J12 link-state properties are told once, and the last ones that came are kept", () => {
    const { pair, sender, receiver } = both();
    receiver.endpoint.flowProperties = { state: "busy" };
    receiver.endpoint.giveCredit(6);
    pair.pump();
    expect(sender.endpoint.remoteFlowProperties).toEqual({ state: "busy" });
    receiver.endpoint.giveCredit(7);
    pair.pump();
    expect(pair.frames("server").at(-1)?.fields["properties"]).toBeUndefined();
    expect(sender.endpoint.remoteFlowProperties).toEqual({ state: "busy" });
    sender.endpoint.flowProperties = { left: 3 };
    sender.endpoint.offer(3);
    pair.pump();
    expect([receiver.endpoint.remoteFlowProperties, receiver.endpoint.available]).toEqual([{ left: 3 }, 3]);
  });

  test("J12 S.3 echo is asked for once, by either end, and answered with one flow", () => {
    const { pair, sender, receiver } = both();
    for (const [end, other] of [[sender, "server"], [receiver, "client"]] as const) {
      const before = pair.frames(other).length;
      end.endpoint.echo = true;
      end.endpoint.session.wantFlow(end.endpoint);
      pair.pump();
      expect(pair.frames(other).slice(before).map(({ name, fields }) => [name, fields["echo"] ?? false])).toEqual([["flow", false]]);
    }
  });
});

describe("batchable", () => {
  test("J12 is said on the first frame of a delivery that asks for it, whatever its size, and on no other", () => {
    const pair = new Pair({ server: { maxFrameSize: 512 } });
    const { sender, receiver } = pair.link({ credit: 5 });
    sender.send(hex("005377a10161"));
    sender.send(hex("005377a10162"), { batchable: true });
    sender.send(new Uint8Array(1000).fill(1), { batchable: true });
    pair.pump();
    const frames = transfersOf(pair.frames("client"));
    expect(frames.map(({ fields }) => fields["batchable"] ?? false)).toEqual([false, true, true, false, ...(frames.length > 4 ? [false] : [])]);
    expect(frames.every(({ bytes }) => bytes.length <= 512)).toBe(true);
    expect(receiver.received.map(({ body }) => body.length)).toEqual([6, 6, 1000]);
  });
});

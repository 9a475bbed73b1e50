/** F: messages in frames, both ways: split, put together, in turns, aborted in the middle. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ReceiverOwner, SenderOwner } from "./support.ts";
import { Pair, Solo, fieldsOf, hex, toHex } from "./support.ts";

const LAST = 2 ** 32 - 1;

/** A body that differs at every place. */
function body(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = seed; i < size; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

const bodies = (receiver: ReceiverOwner): string[] => receiver.received.map((each) => toHex(each.body));

describe("messages of several frames", () => {
  test("F.1 are split to the peer's max-frame-size: id, tag and format on the first, more on all but the last", () => {
    const pair = new Pair({ server: { maxFrameSize: 512 } });
    const { sender, receiver } = pair.link();
    sender.send(body(1200), { tagNumber: 7, messageFormat: 3 });
    pair.pump();
    const frames = pair.frames("client").filter(({ name }) => name === "transfer");
    expect(frames.map(({ fields }) => [fields["deliveryId"], fields["deliveryTag"] !== undefined, fields["messageFormat"], fields["settled"], fields["more"]])).toEqual([
      [0, true, 3, false, true], [undefined, false, undefined, false, true], [undefined, false, undefined, false, false],
    ]);
    for (const { bytes } of frames) expect(bytes.length).toBeLessThanOrEqual(512);
    expect(frames.slice(0, -1).every(({ bytes }) => bytes.length > 460)).toBe(true);
    expect(bodies(receiver)).toEqual([toHex(body(1200))]);
    expect(receiver.received[0]?.messageFormat).toBe(3);
  });

  test("F.1 a message that just fits is one frame, and one octet more makes two", () => {
    const pair = new Pair({ server: { maxFrameSize: 512 } });
    const { sender } = pair.link();
    const counts: number[] = [];
    for (let size = 470; size <= 512; size++) {
      const before = pair.frames("client").filter(({ name }) => name === "transfer").length;
      sender.send(body(size));
      pair.pump();
      const frames = pair.frames("client").filter(({ name }) => name === "transfer").slice(before);
      counts.push(frames.length);
      expect(Math.max(...frames.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(512);
    }
    expect(counts[0]).toBe(1);
    expect(counts.at(-1)).toBe(2);
    expect(counts.join("")).toMatch(/^1+2+$/);
  });

  test.each([0, 1, 4095, 4096, 65536, 1_000_000])("F.1 by reference or copied, %d octets arrive as they left", (size) => {
    const pair = new Pair({ server: { maxFrameSize: 8192 } });
    const { sender, receiver } = pair.link();
    sender.send(body(size), { chunks: true });
    sender.send(body(size));
    pair.pump();
    expect(receiver.received.map((each) => Buffer.compare(each.body, body(size)))).toEqual([0, 0]);
    expect(pair.server.endpoint.buffered).toBe(receiver.received.reduce((sum, each) => sum + each.charge, 0));
  });

  test("F.1 S.3 both ways at once through windows of one frame", () => {
    const pair = new Pair({ client: { maxFrameSize: 512 }, server: { maxFrameSize: 512, maxBufferedBytes: 1 << 20 } });
    const { here, there } = pair.session({ incomingWindow: 1 });
    // the peer's window is 1 too: it is told by hand, since a session that the peer began has the default
    const out = here.sender("out");
    const back = here.receiver("back");
    pair.pump();
    const receiver = there.receivers[0] as ReceiverOwner;
    const sender = there.senders[0] as SenderOwner;
    receiver.endpoint.giveCredit(10);
    back.endpoint.giveCredit(10);
    pair.pump();
    for (let i = 0; i < 3; i++) {
      out.send(body(5000, i));
      sender.send(body(7000, i + 9));
    }
    pair.pump();
    expect(bodies(receiver)).toEqual([0, 1, 2].map((i) => toHex(body(5000, i))));
    expect(bodies(back)).toEqual([9, 10, 11].map((i) => toHex(body(7000, i))));
    // each frame of the server waited for a flow of the client's
    expect(fieldsOf(pair.frames("client"), "flow", "incomingWindow").every((window) => window === 1)).toBe(true);
    expect(fieldsOf(pair.frames("client"), "flow", "incomingWindow").length).toBeGreaterThanOrEqual(3 * 14);
  });

  test("F.1 large messages of two links take turns, frame by frame, and those of one link never mix", () => {
    const pair = new Pair({ server: { maxFrameSize: 1024 } });
    const { here, there } = pair.session();
    const one = here.sender("one");
    const two = here.sender("two");
    pair.pump();
    for (const receiver of there.receivers) receiver.endpoint.giveCredit(10);
    pair.pump();
    const before = pair.frames("client").length;
    one.send(body(20_000, 1));
    one.send(body(20_000, 2));
    two.send(body(20_000, 3));
    two.send(body(20_000, 4));
    pair.pump();
    const handles = fieldsOf(pair.frames("client").slice(before), "transfer", "handle") as number[];
    // after the first frames they alternate until one is done
    expect(handles.slice(2, 40)).toEqual(Array.from({ length: 38 }, (_, i) => i % 2));
    expect(there.receivers.map(bodies)).toEqual([[1, 2], [3, 4]].map((seeds) => seeds.map((seed) => toHex(body(20_000, seed)))));
  });

  test("F.1 a small message of another link is not kept waiting by a large one", () => {
    const pair = new Pair({ server: { maxFrameSize: 4096 } });
    const { here, there } = pair.session();
    const large = here.sender("large");
    const small = here.sender("small");
    pair.pump();
    for (const receiver of there.receivers) receiver.endpoint.giveCredit(10);
    pair.pump();
    const before = pair.frames("client").length;
    large.send(body(8_000_000));
    small.send(hex("005377a10161"));
    pair.wire.move("client");
    const transfers = pair.frames("client").slice(before).filter(({ name }) => name === "transfer");
    expect(transfers.findIndex(({ fields }) => fields["handle"] === 1)).toBe(1);
    expect(transfers.length).toBeLessThan(400);
    pair.pump();
    expect(there.receivers.map(({ received }) => received.length)).toEqual([1, 1]);
  });

  test("while the transport is congested a large message waits, and goes on when it is not", () => {
    const pair = new Pair({ server: { maxFrameSize: 4096 } });
    const { sender, receiver } = pair.link();
    pair.client.endpoint.congested = true;
    sender.send(body(100_000));
    pair.pump();
    expect(pair.frames("client").filter(({ name }) => name === "transfer")).toHaveLength(1);
    pair.client.endpoint.handleWritable();
    pair.pump();
    expect(receiver.received).toHaveLength(1);
  });

  test("any sizes over any frame limit and window, cut anywhere, arrive as they were, in order", () => {
    fc.assert(fc.property(
      fc.record({
        sizes: fc.array(fc.nat(5000), { minLength: 1, maxLength: 12 }), limit: fc.integer({ min: 512, max: 4096 }), window: fc.integer({ min: 1, max: 8 }),
        chunks: fc.boolean(), presettled: fc.boolean(), split: fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 4 }),
      }),
      ({ sizes, limit, window, chunks, presettled, split }) => {
        const pair = new Pair({ client: { maxFrameSize: limit }, wire: { split } });
        const { here, there } = pair.session({ incomingWindow: window });
        const back = here.receiver("back");
        pair.pump();
        back.endpoint.giveCredit(100);
        pair.pump();
        sizes.forEach((size, i) => there.senders[0]?.send(body(size, i), { chunks, presettled }));
        pair.pump();
        expect(bodies(back)).toEqual(sizes.map((size, i) => toHex(body(size, i))));
        expect(back.received.map(({ deliveryId }) => deliveryId)).toEqual(sizes.map((_, i) => i));
      },
    ), { numRuns: 60 });
  });
});

describe("an aborted message", () => {
  test.each([false, true])("F.2 is discarded by the receiver and settled by the sender (sent settled: %s); the link goes on", (presettled) => {
    const pair = new Pair({ server: { maxFrameSize: 1024 } });
    const { sender, receiver, here, there } = pair.link();
    pair.client.endpoint.congested = true;
    const sent = sender.send(body(10_000), { presettled });
    pair.pump();
    expect(receiver.endpoint.receiving).toBe(true);
    expect(pair.server.endpoint.buffered).toBeGreaterThan(0);
    expect(sender.endpoint.abort(sent)).toBe(true);
    expect(sender.endpoint.abort(sent)).toBe(false);
    pair.client.endpoint.handleWritable();
    pair.pump();
    expect(pair.server.log.at(-1)).toBe("aborted 0");
    expect(pair.server.endpoint.buffered).toBe(0);
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size, receiver.endpoint.tags.size, receiver.endpoint.receiving]).toEqual([0, 0, 0, false]);
    sender.send(hex("005377a10161"), { presettled });
    pair.pump();
    expect(bodies(receiver)).toEqual(["005377a10161"]);
    expect(receiver.received[0]?.deliveryId).toBe(1);
    expect(sender.endpoint.credit).toBe(98);
  });

  test("F.2 B86 aborted overrides more, also on a first frame", () => {
    const { solo, receiver } = receiving();
    solo.send("transfer", { deliveryId: 0, deliveryTag: hex("01"), more: true }, body(20)).send("transfer", { more: true, aborted: true }, body(5));
    solo.send("transfer", { deliveryId: 1, deliveryTag: hex("01"), more: true, aborted: true });
    solo.send("transfer", { deliveryId: 2, deliveryTag: hex("01") }, hex("77"));
    expect(solo.log.slice(-3)).toEqual(["aborted 0", "aborted 1", "delivery 2 tag 01: 77"]);
    expect(receiver.endpoint.tags.size).toBe(1);
    expect(solo.said()).toEqual([]);
  });

  test("F.2 an abort of what is whole is refused", () => {
    const pair = new Pair();
    const { sender } = pair.link();
    expect(sender.endpoint.abort(sender.send(hex("77")))).toBe(false);
  });
});

/** A client that receives; the test is the sending peer. */
function receiving(settings: Parameters<ReturnType<Solo["session"]>["receiver"]>[1] = {}, attach: Readonly<Record<string, unknown>> = {}): { readonly solo: Solo; readonly receiver: ReceiverOwner } {
  const solo = new Solo("client");
  const receiver = solo.session().receiver("l", settings);
  solo.send("attach", attach);
  receiver.endpoint.giveCredit(LAST);
  solo.take();
  return { solo, receiver };
}

describe("what a transfer must not be", () => {
  const first = { deliveryId: 0, deliveryTag: hex("aa"), more: true };
  const rows: readonly [string, Readonly<Record<string, unknown>>[], string][] = [
    ["B81 without delivery-id", [{ deliveryTag: hex("aa") }], "detach amqp:invalid-field"],
    ["B81 without delivery-tag", [{ deliveryId: 0 }], "detach amqp:invalid-field"],
    ["B81 with a tag of 33 octets", [{ deliveryId: 0, deliveryTag: new Uint8Array(33) }], "detach amqp:invalid-field"],
    ["B81 with a gap in the ids", [{ deliveryId: 0, deliveryTag: hex("aa") }, { deliveryId: 2, deliveryTag: hex("bb") }], "end amqp:invalid-field"],
    ["B81 with an id again", [{ deliveryId: 0, deliveryTag: hex("aa") }, { deliveryId: 0, deliveryTag: hex("bb") }], "end amqp:invalid-field"],
    ["B82 another id in the middle", [first, { deliveryId: 1, more: true }], "detach amqp:invalid-field"],
    ["B82 another tag in the middle", [first, { deliveryTag: hex("ab") }], "detach amqp:invalid-field"],
    ["B82 unsettled after settled", [{ ...first, settled: true }, { settled: false }], "detach amqp:invalid-field"],
    ["B82 mode second on a link of mode first", [{ deliveryId: 0, deliveryTag: hex("aa"), rcvSettleMode: "second" }], "detach amqp:invalid-field"],
    ["B83 a tag that is in use", [{ deliveryId: 0, deliveryTag: hex("aa") }, { deliveryId: 1, deliveryTag: hex("aa") }], "detach amqp:invalid-field"],
  ];

  test.each(rows)("%s", (_name, transfers, said) => {
    const { solo } = receiving();
    for (const fields of transfers) solo.send("transfer", fields, hex("77"));
    expect(solo.said()).toEqual([said]);
  });

  test("B82 settled against the modes of the attach", () => {
    const unsettled = receiving({}, { sndSettleMode: "unsettled" });
    unsettled.solo.send("transfer", { deliveryId: 0, deliveryTag: hex("aa"), settled: true });
    expect(unsettled.solo.said()).toEqual(["detach amqp:invalid-field"]);
    const settled = receiving({}, { sndSettleMode: "settled" });
    settled.solo.send("transfer", { deliveryId: 0, deliveryTag: hex("aa"), more: true }).send("transfer", { settled: true }, hex("77"));
    expect(settled.receiver.received).toHaveLength(1);
    settled.solo.send("transfer", { deliveryId: 1, deliveryTag: hex("aa") });
    expect(settled.solo.said()).toEqual(["detach amqp:invalid-field"]);
  });

  test("F.1 settled in a later frame settles the whole; omitted inherits", () => {
    const { solo, receiver } = receiving();
    solo.send("transfer", { ...first, settled: false }).send("transfer", { more: true, settled: true }, hex("01")).send("transfer", {}, hex("02"));
    expect(solo.log.at(-1)).toBe("delivery 0 tag aa settled: 0102");
    expect([receiver.endpoint.tags.size, solo.owner.sessions[0]?.endpoint.ledger.incoming.size]).toEqual([0, 0]);
    solo.send("transfer", { deliveryId: 1, deliveryTag: hex("aa"), settled: true, more: true }).send("transfer", {}, hex("03"));
    expect(solo.log.at(-1)).toBe("delivery 1 tag aa settled: 03");
  });

  test("B83 tags that only look alike as text are different", () => {
    const { solo, receiver } = receiving();
    const tags = ["", "00", "0000", "30", "61", "c1", "e1", "ff", "fffd", "efbfbd"];
    tags.forEach((tag, i) => solo.send("transfer", { deliveryId: i, deliveryTag: hex(tag) }));
    expect(receiver.received.map((each) => toHex(each.copyTag()))).toEqual(tags);
    expect(solo.said()).toEqual([]);
  });

  test("B84 a message beyond max-message-size, in one frame or in many, detaches the link and gives back its budget", () => {
    for (const [sizes, said] of [[[100], []], [[101], ["detach amqp:link:message-size-exceeded"]], [[60, 40], []], [[60, 41], ["detach amqp:link:message-size-exceeded"]]] as const) {
      const { solo } = receiving({ maxMessageSize: 100 });
      sizes.forEach((size, i) => solo.send("transfer", { ...(i === 0 ? { deliveryId: 0, deliveryTag: hex("aa") } : {}), more: i < sizes.length - 1 }, body(size)));
      expect([sizes, solo.said()]).toEqual([sizes, said]);
      if (said.length > 0) expect(solo.endpoint.buffered).toBe(0);
    }
  });

  test("B84 frames without payload are counted: 1,024 of them are enough", () => {
    const { solo } = receiving();
    solo.send("transfer", first);
    const said: string[] = [];
    for (let i = 0; i < 1023; i++) said.push(...solo.send("transfer", { more: true }).said());
    expect(said.filter((line) => line !== "flow")).toEqual([]);
    expect(solo.send("transfer", { more: true }).said().at(-1)).toBe("detach amqp:link:message-size-exceeded");
  });

  test("B87 a resumed delivery that is not known is ignored, whole, and its id counts", () => {
    const { solo, receiver } = receiving();
    solo.send("transfer", { deliveryId: 0, deliveryTag: hex("aa"), resume: true, more: true }, hex("01"))
      .send("transfer", { more: true }, hex("02")).send("transfer", {}, hex("03"))
      .send("transfer", { deliveryId: 1, deliveryTag: hex("bb") }, hex("04"));
    expect(receiver.received.map(({ deliveryId }) => deliveryId)).toEqual([1]);
    expect(solo.said()).toEqual([]);
  });

  test("B78 a transfer on a link where this side sends ends the session", () => {
    const solo = new Solo("client");
    solo.session().sender("l");
    solo.send("attach", { role: "receiver" }).take();
    solo.take();
    solo.send("transfer", { deliveryId: 0, deliveryTag: hex("aa") });
    expect(solo.said()).toEqual(["end amqp:not-allowed"]);
  });
});

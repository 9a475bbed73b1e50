/** J15, J03, F: messages whose payload comes over time, and messages that are handed over before they are whole. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Payload } from "../../src/engine/payload.ts";
import type { SenderEndpoint } from "../../src/engine/sender.ts";
import { UNREAD_HOLDS_WINDOW } from "../../src/engine/windows.ts";
import { ACCEPTED } from "../../src/frames/delivery-state.ts";
import type { Received, ReceiverOwner, SenderOwner } from "./support.ts";
import { Pair, Sent, Solo, concat, fieldsOf, hex, toHex } from "./support.ts";

const HEAD = hex("005373d0000000050000000140");
const DATA = hex("005375b0");

function body(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0, x = seed; i < size; i++) {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    bytes[i] = x >>> 16;
  }
  return bytes;
}

/** A data section. */
function section(bytes: Uint8Array): Uint8Array {
  return concat(DATA, Uint8Array.of(bytes.length >>> 24, (bytes.length >>> 16) & 0xff, (bytes.length >>> 8) & 0xff, bytes.length & 0xff), bytes);
}

/** A stream on its way out: what is handed in goes by hand as well. */
class Outgoing {
  readonly payload = new Payload({ onTaken: () => void (this.takes += 1) });
  readonly sent: Sent;
  takes = 0;
  readonly #endpoint: SenderEndpoint;

  constructor(owner: SenderOwner, log: string[], init: ConstructorParameters<typeof Sent>[2] = {}) {
    this.#endpoint = owner.endpoint;
    this.sent = new Sent(log, owner.endpoint.session.connection.output.pool, init);
    this.#endpoint.sendStream(this.sent, this.payload);
  }

  push(bytes: Uint8Array): this {
    this.payload.push(bytes);
    this.#endpoint.proceed(this.sent);
    return this;
  }

  flush(): this {
    this.payload.flushing = true;
    this.#endpoint.proceed(this.sent);
    return this;
  }

  end(): this {
    this.payload.ended = true;
    this.#endpoint.proceed(this.sent);
    return this;
  }
}

/** Reads what waits. */
function read(delivery: Received | undefined): Uint8Array {
  const pieces: Uint8Array[] = [];
  for (let piece = delivery?.arriving?.read(); piece !== undefined; piece = delivery?.arriving?.read()) pieces.push(piece);
  return concat(...pieces);
}

const transfers = (pair: Pair): Record<string, unknown>[] => pair.frames("client").filter(({ name }) => name === "transfer").map(({ fields }) => fields);

describe("a message whose payload comes over time", () => {
  test("J15 F.1 a frame leaves when there is enough for one, at a flush, and at the end", () => {
    const pair = new Pair({ server: { maxFrameSize: 512 } });
    const { sender, receiver } = pair.link();
    const stream = new Outgoing(sender, pair.client.log, { tagNumber: 7, messageFormat: 3 });
    pair.pump();
    expect(transfers(pair)).toEqual([]);
    stream.push(body(400));
    pair.pump();
    expect(transfers(pair)).toHaveLength(0);
    stream.push(body(300, 2));
    pair.pump();
    expect(transfers(pair)).toMatchObject([{ deliveryId: 0, deliveryTag: hex("00000007"), messageFormat: 3, settled: false, more: true }]);
    stream.flush();
    pair.pump();
    expect(transfers(pair).slice(1)).toMatchObject([{ more: true }]);
    expect(transfers(pair)[1]?.["deliveryId"]).toBeUndefined();
    stream.push(body(5, 3)).end();
    pair.pump();
    expect(transfers(pair).slice(2)).toMatchObject([{ more: false }]);
    expect(receiver.received.map((each) => toHex(each.body))).toEqual([toHex(concat(body(400), body(300, 2), body(5, 3)))]);
    expect([stream.takes, stream.payload.waiting, stream.payload.taken, stream.sent.told]).toEqual([3, 0, 705, ["written"]]);
  });

  test("J15 an end without anything more is a last frame without payload", () => {
    const pair = new Pair();
    const { sender, receiver } = pair.link();
    const stream = new Outgoing(sender, pair.client.log).push(section(body(9))).flush();
    pair.pump();
    stream.end();
    pair.pump();
    expect(transfers(pair)).toMatchObject([{ more: true }, { more: false }]);
    expect(receiver.received.map((each) => toHex(each.body))).toEqual([toHex(section(body(9)))]);
  });

  test("J15 J03 while nothing of it is at hand, other links of the session go on, with ids in the order of their first frames", () => {
    const pair = new Pair();
    const { here, there } = pair.session();
    const slow = here.sender("slow");
    const other = here.sender("other");
    pair.pump();
    for (const { endpoint } of there.receivers) endpoint.giveCredit(10);
    pair.pump();
    const early = new Outgoing(slow, pair.client.log);
    other.send(hex("005377a10161"));
    pair.pump();
    early.push(section(body(10))).flush();
    pair.pump();
    for (let i = 0; i < 3; i++) other.send(hex("005377a10162"));
    pair.pump();
    expect(fieldsOf(pair.frames("client"), "transfer", "handle", "deliveryId")).toEqual(
      [[1, 0], [0, 1], [1, 2], [1, 3], [1, 4]].map(([handle, deliveryId]) => ({ handle, deliveryId })));
    early.end();
    pair.pump();
    expect(there.receivers.map(({ received }) => received.length)).toEqual([1, 4]);
  });

  test("J15 other messages of its own link wait behind it", () => {
    const pair = new Pair();
    const { sender, receiver } = pair.link();
    const stream = new Outgoing(sender, pair.client.log, { tagNumber: 9 }).push(section(body(10))).flush();
    sender.send(hex("005377a10161"));
    pair.pump();
    expect([sender.queue.length, receiver.received.length]).toEqual([1, 0]);
    stream.end();
    pair.pump();
    expect(receiver.received.map(({ body: bytes }) => toHex(bytes))).toEqual([toHex(section(body(10))), "005377a10161"]);
  });

  test("J15 credit that is taken back before its first frame is waited for, and a drain is answered meanwhile", () => {
    const pair = new Pair();
    const { sender, receiver } = pair.link({ credit: 1 });
    const stream = new Outgoing(sender, pair.client.log);
    expect(sender.endpoint.midway).toBe(false);
    receiver.endpoint.giveCredit(0);
    pair.pump();
    stream.push(section(body(10))).end();
    pair.pump();
    expect(transfers(pair)).toEqual([]);
    receiver.endpoint.giveCredit(1);
    pair.pump();
    expect(receiver.received).toHaveLength(1);
  });

  test("J15 F.2 given up in the middle it is aborted, before its first frame it leaves no trace, and the link goes on", () => {
    const pair = new Pair();
    const { sender, receiver } = pair.link({ credit: 2 });
    const first = new Outgoing(sender, pair.client.log).push(section(body(10))).flush();
    pair.pump();
    expect(sender.endpoint.abort(first.sent)).toBe(true);
    expect(sender.endpoint.abort(first.sent)).toBe(false);
    const second = new Outgoing(sender, pair.client.log).push(section(body(10)));
    expect(sender.endpoint.abort(second.sent)).toBe(true);
    sender.send(hex("005377a10161"));
    pair.pump();
    expect(fieldsOf(pair.frames("client"), "transfer", "deliveryId", "aborted", "more")).toEqual([
      { deliveryId: 0, aborted: undefined, more: true }, { deliveryId: undefined, aborted: true, more: false },
      { deliveryId: 1, aborted: undefined, more: undefined },
    ]);
    expect(receiver.received.map(({ body: bytes }) => toHex(bytes))).toEqual(["005377a10161"]);
    expect(pair.server.log).toContain("aborted 0");
  });

  test("F.2 S.1 an abort waits until the session window has room for its frame", () => {
    const solo = new Solo("client");
    const session = solo.session({}, { incomingWindow: 1 });
    const sender = session.sender("l");
    solo.send("attach", { role: "receiver", handle: 0 }).send("flow", { handle: 0, deliveryCount: 0, linkCredit: 5, incomingWindow: 1 });
    solo.take();
    const stream = new Outgoing(sender, solo.log).push(body(100)).flush();
    expect(fieldsOf(solo.take(), "transfer", "more")).toEqual([true]);
    expect(sender.endpoint.abort(stream.sent)).toBe(true);
    expect([sender.endpoint.partial, sender.endpoint.writable, solo.take()]).toEqual([undefined, false, []]);
    solo.send("flow", { nextIncomingId: 1, incomingWindow: 2 });
    expect(fieldsOf(solo.take(), "transfer", "aborted")).toEqual([true]);
    sender.send(hex("005377a10161"));
    expect(fieldsOf(solo.take(), "transfer", "deliveryId")).toEqual([1]);
  });

  test("J03 S.1 large messages leave a part of the session window to the other links, where the peer says that unread streams hold it", () => {
    const solo = new Solo("client");
    const session = solo.session({}, { incomingWindow: 20 });
    const large = session.sender("large");
    const small = session.sender("small");
    solo.send("attach", { name: "large", role: "receiver", handle: 0, offeredCapabilities: ["other", UNREAD_HOLDS_WINDOW] }).send("attach", { name: "small", role: "receiver", handle: 1 });
    for (const handle of [0, 1]) solo.send("flow", { handle, deliveryCount: 0, linkCredit: 100, incomingWindow: 20 });
    solo.take();
    const stream = new Outgoing(large, solo.log);
    for (let i = 0; i < 30; i++) {
      stream.push(body(100)).flush();
      solo.take();
    }
    expect([session.endpoint.remoteIncomingWindow, session.endpoint.largeWindow]).toEqual([2, 0]);
    small.send(hex("005377a10161"));
    small.send(hex("005377a10161"));
    expect(fieldsOf(solo.take(), "transfer", "handle")).toEqual([1, 1]);
    // what the peer has read of the small ones comes back, and is theirs again
    solo.send("flow", { nextIncomingId: 20, incomingWindow: 2 });
    expect(solo.take()).toEqual([]);
    small.send(hex("005377a10161"));
    expect(fieldsOf(solo.take(), "transfer", "handle")).toEqual([1]);
    solo.send("flow", { nextIncomingId: 21, incomingWindow: 20 });
    expect(fieldsOf(solo.take(), "transfer", "handle")).toEqual([0]);
  });

  test("J03 alone in its session, or before a peer that says nothing of the kind, a large message uses all of it", () => {
    for (const [window, names, offeredCapabilities] of [[20, ["l"], [UNREAD_HOLDS_WINDOW]], [20, ["l", "m"], undefined], [2, ["l", "m"], undefined]] as const) {
      const solo = new Solo("client");
      const session = solo.session({}, { incomingWindow: window });
      const senders = names.map((name) => session.sender(name));
      names.forEach((name, handle) => solo.send("attach", { name, role: "receiver", handle, offeredCapabilities }).send("flow", { handle, deliveryCount: 0, linkCredit: 9, incomingWindow: window }));
      solo.take();
      const stream = new Outgoing(senders[0] as SenderOwner, solo.log);
      for (let i = 0; i < 30; i++) {
        stream.push(body(100)).flush();
        solo.take();
      }
      expect(session.endpoint.remoteIncomingWindow).toBe(0);
    }
  });

  test("J15 lost with its link in the middle, its slabs go back to the pool", () => {
    const pair = new Pair();
    const { sender, here } = pair.link();
    const { pool } = sender.endpoint.session.connection.output;
    const slab = pool.take(100);
    slab.users += 1;
    const stream = new Outgoing(sender, pair.client.log);
    stream.payload.push(slab.bytes.subarray(0, 50_000), slab);
    pool.seal(slab);
    here.endpoint.end();
    pair.pump();
    expect([slab.users, stream.payload.waiting, sender.endpoint.partial]).toEqual([0, 0, undefined]);
  });
});

/** A client's sender, and a receiver that takes what comes in pieces. */
function streaming(options: ConstructorParameters<typeof Pair>[0] = {}, links = 1): { pair: Pair; senders: SenderOwner[]; receivers: ReceiverOwner[] } {
  const pair = new Pair(options);
  const { here, there } = pair.session();
  there.answer = "hold";
  there.accepting = { offeredCapabilities: [UNREAD_HOLDS_WINDOW] };
  const senders = Array.from({ length: links }, (_, i) => here.sender(`l${i}`));
  pair.pump();
  for (const link of there.held) {
    Object.assign(link, { streams: link.name === "l0", maxKept: 2000 });
    there.accept(link);
  }
  pair.pump();
  for (const { endpoint } of there.receivers) endpoint.giveCredit(100);
  pair.pump();
  return { pair, senders, receivers: there.receivers };
}

describe("a message that is handed over before it is whole", () => {
  test("J15 S10 when the sections before the body are there; the body follows as it comes, without its heads", () => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming();
    const stream = new Outgoing(sender as SenderOwner, pair.client.log, { tagNumber: 5 });
    const log = (): string[] => pair.server.log.slice(pair.server.log.findIndex((line) => line.includes("delivery")));
    stream.push(HEAD.subarray(0, 6)).flush();
    pair.pump();
    stream.push(HEAD.subarray(6)).flush();
    pair.pump();
    expect(receiver?.received).toEqual([]);
    stream.push(DATA.subarray(0, 3)).flush();
    pair.pump();
    expect(log()).toEqual([`partial delivery 0 tag 00000005: ${toHex(HEAD)}`]);
    const [delivery] = receiver?.received as [Received];
    expect([delivery.arriving?.readable, delivery.arriving?.finished, delivery.arriving?.read()]).toEqual([false, false, undefined]);
    stream.push(concat(hex("b0 00000003"), body(3), hex("0053"))).flush();
    pair.pump();
    expect(delivery.arriving?.readable).toBe(true);
    expect(toHex(read(delivery))).toBe(toHex(body(3)));
    stream.push(concat(hex("75a004"), body(4, 9), hex("00a310"), Buffer.from("amqp:data:binary"), hex("a000"))).flush();
    stream.push(hex("005378c1010053")).end();
    pair.pump();
    expect(pair.server.log.slice(-2)).toEqual([expect.stringMatching(/^broken 0 partial message: /), "whole 0"]);
  });

  test("J15 its footer is kept, and it is told when it is whole", () => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming();
    new Outgoing(sender as SenderOwner, pair.client.log).push(concat(section(body(7)), section(body(8, 2)), hex("005378c10100"))).flush().end();
    pair.pump();
    const [delivery] = receiver?.received as [Received];
    expect(toHex(delivery.body)).toBe(toHex(concat(section(body(7)), section(body(8, 2)), hex("005378c10100"))));
    const longer = new Outgoing(sender as SenderOwner, pair.client.log, { tagNumber: 2 }).push(section(body(7))).flush();
    pair.pump();
    longer.push(concat(section(body(8, 2)), hex("0053"))).flush();
    pair.pump();
    longer.push(hex("78c10100")).end();
    pair.pump();
    const second = receiver?.received[1] as Received;
    expect([toHex(read(second)), second.arriving?.finished, toHex(second.arriving?.scanner.footer as Uint8Array)]).toEqual([
      toHex(concat(body(7), body(8, 2))), true, "005378c10100",
    ]);
    expect(pair.server.log.at(-1)).toBe("whole 1");
  });

  test("J15 a body that is no data, and a message without one, are handed over whole", () => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming();
    const value = concat(HEAD, hex("005377b000000258"), body(600));
    for (const message of [value, HEAD, concat(HEAD, hex("005378c10100"))]) {
      const stream = new Outgoing(sender as SenderOwner, pair.client.log, { tagNumber: message.length }).push(message.subarray(0, 9)).flush();
      pair.pump();
      stream.push(message.subarray(9)).end();
      pair.pump();
      const delivery = receiver?.received.at(-1);
      expect([delivery?.arriving, toHex(delivery?.body ?? hex(""))]).toEqual([undefined, toHex(message)]);
    }
    expect(pair.server.endpoint.buffered).toBe(value.length + HEAD.length * 2 + 6);
  });

  test("J15 B84 what is kept of it is bounded: a head, a footer or another body beyond that ends the link", () => {
    for (const [message, told] of [
      [concat(hex("005371d1 00000fff 00000002 a30178b0 00000f00"), body(3900)), 0],
      [concat(hex("005377b0 00000f00"), body(3900)), 0],
      [concat(section(body(4)), hex("005378d1 00000fff 00000002 a30178b0 00000f00"), body(3900)), 1],
    ] as const) {
      const { pair, senders: [sender], receivers: [receiver] } = streaming({ server: { maxFrameSize: 512 } });
      new Outgoing(sender as SenderOwner, pair.client.log).push(message);
      pair.pump();
      expect(pair.server.log.at(-1)).toBe("receiver detached closed amqp:link:message-size-exceeded breach");
      expect([receiver?.received.length, pair.server.endpoint.buffered]).toEqual([told, 0]);
    }
  });

  test.each([
    ["another kind of section in the body", concat(section(body(4)), hex("005377a10161")), "message: a section 0x77 comes after the data of its body"],
    ["a data section that is no binary", concat(section(body(4)), hex("005375a10161")), "message: its section data is 0xa1, not binary"],
    ["octets that begin no section", concat(section(body(4)), hex("ff")), "message: 0xff begins no section"],
    ["a section of an unknown descriptor", concat(section(body(4)), hex("005379a000")), "message: it has a section of an unknown descriptor"],
    ["a descriptor that is too long for one", concat(section(body(4)), hex("00b300010000")), "message: it has a section of an unknown descriptor"],
  ])("B85 %s: told at once, and the rest is not looked at", (_, message, error) => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming();
    for (const [id, first] of [[0, message.length], [1, 12]] as const) {
      const stream = new Outgoing(sender as SenderOwner, pair.client.log, { tagNumber: 9 + id }).push(message.subarray(0, first)).flush();
      pair.pump();
      stream.push(message.subarray(first)).flush();
      pair.pump();
      expect(pair.server.log.at(-1)).toBe(`broken ${id}${id === 0 ? "" : " partial"} ${error}`);
      stream.push(body(5000)).end();
      pair.pump();
      expect(pair.server.log.at(-1)).toBe(`whole ${id}`);
    }
    (sender as SenderOwner).send(hex("005377a10161"));
    pair.pump();
    expect(receiver?.received.map(({ deliveryId }) => deliveryId)).toEqual([1, 2]);
    expect(pair.server.endpoint.buffered).toBe(receiver?.received.at(-1)?.charge);
  });

  test("B85 a message that ends in the middle of its data is broken", () => {
    const { pair, senders: [sender] } = streaming();
    const stream = new Outgoing(sender as SenderOwner, pair.client.log).push(section(body(100)).subarray(0, 50)).flush();
    pair.pump();
    stream.end();
    pair.pump();
    expect(pair.server.log.slice(-2)).toEqual(["broken 0 partial message: its body is cut off", "whole 0"]);
  });

  test("F.2 B86 aborted: told as such, nothing of it is kept, and credit comes back by hand", () => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming();
    const stream = new Outgoing(sender as SenderOwner, pair.client.log).push(section(body(100))).flush();
    pair.pump();
    const [delivery] = receiver?.received as [Received];
    sender?.endpoint.abort(stream.sent);
    pair.pump();
    expect([pair.server.log.at(-1), delivery.aborted, delivery.remoteSettled, delivery.arriving?.readable, receiver?.endpoint.tags.size]).toEqual(["aborted 0", true, true, false, 0]);
  });

  test("J15 settled before it is whole, the rest is thrown away and costs no window", () => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming({ server: { maxFrameSize: 512, maxBufferedBytes: 1 << 16 } });
    const stream = new Outgoing(sender as SenderOwner, pair.client.log).push(section(body(1_000_000)).subarray(0, 100_000));
    pair.pump();
    const [delivery] = receiver?.received as [Received];
    expect(stream.payload.waiting).toBeGreaterThan(30_000);
    receiver?.endpoint.dispose(delivery, ACCEPTED, true);
    delivery.arriving?.discard();
    pair.pump();
    stream.push(body(900_000 + 8));
    pair.pump();
    stream.end();
    pair.pump();
    expect([stream.payload.waiting, pair.server.log.at(-1), read(delivery).length]).toEqual([0, "whole 0", 0]);
  });

  test("J15 X11 what is not read holds the window: no more than that of its session waits, and reading opens it again", () => {
    const { pair, senders: [sender], receivers: [receiver] } = streaming({ server: { maxFrameSize: 4096, maxBufferedBytes: 1 << 20 } });
    const all = body(3_000_000);
    const stream = new Outgoing(sender as SenderOwner, pair.client.log).push(section(all)).end();
    pair.pump();
    const [delivery] = receiver?.received as [Received];
    const held = 3_000_008 - stream.payload.waiting;
    // half of the budget is for streams
    expect(held).toBeLessThanOrEqual(1 << 19);
    expect(held).toBeGreaterThan((1 << 19) - 16_384);
    expect([pair.server.endpoint.buffered, sender?.endpoint.session.remoteIncomingWindow]).toEqual([0, 0]);
    const parts = [];
    while (delivery.arriving?.finished === false || delivery.arriving?.readable === true) {
      parts.push(read(delivery));
      pair.pump();
    }
    expect(Buffer.compare(concat(...parts), all)).toBe(0);
    expect(parts.length).toBeGreaterThan(5);
  });

  test("J03 J15 a stream that nobody reads leaves the other link of its session enough to go on for ever", () => {
    const { pair, senders: [large, small], receivers: [stalled, other] } = streaming({ server: { maxFrameSize: 4096, maxBufferedBytes: 1 << 20 } }, 2);
    const stream = new Outgoing(large as SenderOwner, pair.client.log).push(section(body(3_000_000)));
    pair.pump();
    let before = 0;
    for (let i = 0; i < 500; i++) {
      if (i === 10) before = stream.payload.waiting;
      small?.send(hex("005377a10161"), { presettled: true });
      pair.pump();
      for (const delivery of other?.received.splice(0) ?? []) other?.endpoint.charge(-delivery.charge, 0);
      other?.endpoint.giveCredit(100);
    }
    pair.pump();
    expect(pair.server.log.filter((line) => line.endsWith("settled: 005377a10161"))).toHaveLength(500);
    // and no more of the stream has come with them
    expect([stream.payload.waiting, stalled?.received.length]).toEqual([before, 1]);
  });

  test("J15 S.3 frames that the peer was granted before are no overrun of a window that was narrowed", () => {
    const solo = new Solo("client", { maxFrameSize: 512, maxBufferedBytes: 512 * 100 });
    const session = solo.session();
    const plain = session.receiver("plain");
    solo.send("attach", { name: "plain", role: "sender", handle: 0 });
    plain.endpoint.giveCredit(1000);
    expect(fieldsOf(solo.take(), "flow", "incomingWindow")).toEqual([100]);
    const streams = session.receiver("streams");
    streams.endpoint.streams = true;
    solo.send("attach", { name: "streams", role: "sender", handle: 1 });
    streams.endpoint.giveCredit(1);
    expect(fieldsOf(solo.take(), "flow", "incomingWindow")).toEqual([50]);
    for (let i = 0; i < 100; i++) {
      solo.send("transfer", { handle: 0, deliveryId: i, deliveryTag: Uint8Array.of(i), settled: true }, concat(hex("005375a0c8"), body(200)));
      for (const delivery of plain.received.splice(0)) plain.endpoint.charge(-delivery.charge, 0);
    }
    expect([solo.log.filter((line) => line.startsWith("delivery")).length, solo.log.at(-1)?.startsWith("delivery")]).toEqual([100, true]);
  });

  test("J15 any cuts, frames and sizes of sections give the same body", () => {
    fc.assert(fc.property(
      fc.record({
        sections: fc.array(fc.nat(700), { minLength: 1, maxLength: 8 }), frames: fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 6 }),
        split: fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 4 }), head: fc.boolean(), footer: fc.boolean(), limit: fc.integer({ min: 512, max: 40_000 }),
      }),
      ({ sections, frames, split, head, footer, limit }) => {
        const { pair, senders: [sender], receivers: [receiver] } = streaming({ server: { maxFrameSize: limit }, wire: { split } });
        const bodies = sections.map((size, i) => body(size, i));
        const message = concat(head ? HEAD : hex(""), ...bodies.map(section), footer ? hex("005378c10100") : hex(""));
        const stream = new Outgoing(sender as SenderOwner, pair.client.log);
        const parts: Uint8Array[] = [];
        for (let at = 0, i = 0; at < message.length; i++) {
          const size = frames[i % frames.length] as number;
          stream.push(message.subarray(at, at + size)).flush();
          pair.pump();
          at += size;
          parts.push(read(receiver?.received[0]));
        }
        stream.end();
        pair.pump();
        const [delivery] = receiver?.received as [Received];
        if (delivery.arriving === undefined) {
          expect(toHex(delivery.body)).toBe(toHex(message));
          return;
        }
        parts.push(read(delivery));
        expect(toHex(concat(...parts))).toBe(toHex(concat(...bodies)));
        expect([toHex(delivery.arriving.scanner.head), delivery.arriving.scanner.footer.length]).toEqual([head ? toHex(HEAD) : "", footer ? 6 : 0]);
        // the state received: sections by number, octets from the first of the section on
        const first = bodies[0] as Uint8Array;
        expect(delivery.arriving.scanner.sections.locate(0)).toEqual(first.length === 0 && bodies.length > 1 ? expect.anything() : { section: head ? 1 : 0, offset: 8 });
      },
    ), { numRuns: 100 });
  });
});

describe("B84 the byte budget of a connection", () => {
  test("a message in thousands of tiny frames holds little more than its octets", () => {
    const solo = new Solo("server");
    solo.session().answer = "accept";
    solo.send("attach", { name: "l", role: "sender", handle: 0 });
    const [receiver] = solo.owner.sessions[0]?.receivers as [ReceiverOwner];
    receiver.endpoint.giveCredit(1);
    let most = 0;
    for (let i = 0; i < 20_000; i++) {
      solo.send("transfer", { handle: 0, ...(i === 0 ? { deliveryId: 0, deliveryTag: hex("01") } : {}), more: i < 19_999 }, Uint8Array.of(i % 251));
      if (i % 100 === 0) solo.take();
      most = Math.max(most, solo.endpoint.buffered);
    }
    expect(receiver.received.map(({ body: bytes }) => bytes.every((octet, i) => octet === i % 251))).toEqual([true]);
    expect([most < 20_000 * 4 + 66_000, solo.endpoint.buffered]).toEqual([true, 20_000]);
  });


  /** A peer of three senders, each with a session of its own, which begins messages and never ends them. */
  function hoarding(): { solo: Solo; part: (link: number, size: number, first?: boolean) => void } {
    const solo = new Solo("server", { maxBufferedBytes: 300_000, maxFrameSize: 65_536 });
    solo.open();
    for (const channel of [0, 1, 2]) {
      solo.send("begin", {}, undefined, { channel }).send("attach", { name: `l${channel}`, role: "sender", handle: 0 }, undefined, { channel });
      solo.owner.sessions[channel]?.receivers[0]?.endpoint.giveCredit(10);
    }
    solo.take();
    const part = (link: number, size: number, first = false): void => {
      solo.send("transfer", { handle: 0, ...(first ? { deliveryId: 0, deliveryTag: hex("01") } : {}), more: true }, body(size), { channel: link });
    };
    return { solo, part };
  }

  test("messages that are not there whole use it up: the link with the largest of them is detached, and the others go on", () => {
    const { solo, part } = hoarding();
    part(0, 60_000, true);
    part(1, 60_000, true);
    part(2, 60_000, true);
    part(1, 60_000);
    part(2, 50_000);
    expect(solo.said().filter((text) => text.startsWith("detach"))).toEqual([]);
    part(0, 30_000);
    expect(solo.said()).toEqual(["detach on 1 amqp:link:message-size-exceeded", "flow", "flow on 2"].slice(0, 1).concat(solo.said()));
    expect(solo.log.filter((line) => line.startsWith("receiver detached"))).toEqual(["receiver detached closed amqp:link:message-size-exceeded breach"]);
    expect(solo.endpoint.buffered).toBeLessThan(300_000);
    solo.send("transfer", { handle: 0, more: false }, body(10), { channel: 0 });
    expect(solo.log.at(-1)).toMatch(/^delivery 0 /);
  });

  test("the largest may be the one that grows", () => {
    const { solo, part } = hoarding();
    part(0, 60_000, true);
    part(1, 60_000, true);
    for (let i = 0; i < 3; i++) part(0, 60_000);
    expect(solo.said()).toEqual(["detach amqp:link:message-size-exceeded"]);
  });

  test("J03 used up by one link that is not read, another one still gets its window, a little at a time", () => {
    const solo = new Solo("server", { maxBufferedBytes: 60_000, maxFrameSize: 4096 });
    solo.open();
    for (const channel of [0, 1]) {
      solo.send("begin", {}, undefined, { channel }).send("attach", { name: `l${channel}`, role: "sender", handle: 0 }, undefined, { channel });
      solo.owner.sessions[channel]?.receivers[0]?.endpoint.giveCredit(1000);
    }
    solo.take();
    for (let i = 0; i < 16; i++) {
      solo.send("transfer", { handle: 0, deliveryId: i, deliveryTag: Uint8Array.of(i), settled: true }, body(4000), { channel: 0 });
      solo.send("transfer", { handle: 0, deliveryId: i, deliveryTag: Uint8Array.of(i), settled: true }, body(1000), { channel: 1 });
    }
    expect(solo.endpoint.hasRoom).toBe(false);
    const [slow, other] = solo.owner.sessions.map(({ receivers }) => receivers[0] as ReceiverOwner);
    solo.take();
    for (const delivery of other?.received.splice(0) ?? []) other?.endpoint.charge(-delivery.charge, 0);
    expect(solo.endpoint.hasRoom).toBe(false);
    const told: unknown[] = [];
    for (let i = 16; i < 200; i++) {
      told.push(...fieldsOf(solo.take().filter(({ channel }) => channel === 1), "flow", "incomingWindow"));
      solo.send("transfer", { handle: 0, deliveryId: i, deliveryTag: Uint8Array.of(i), settled: true }, body(1000), { channel: 1 });
      for (const delivery of other?.received.splice(0) ?? []) other?.endpoint.charge(-delivery.charge, 0);
    }
    expect([solo.log.filter((line) => line.startsWith("session ended")), slow?.received.length]).toEqual([[], 16]);
    expect(told.length).toBeGreaterThan(10);
    expect(Math.max(...(told as number[]))).toBe(16);
  });
});

test("frames that are cut by the wire are handed on as they come, whichever way they are cut", () => {
  fc.assert(fc.property(
    fc.record({ sizes: fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 6 }), split: fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 4 }) }),
    ({ sizes, split }) => {
      const whole = new Pair();
      const cut = new Pair({ wire: { split } });
      for (const pair of [whole, cut]) {
        const { sender } = pair.link();
        sizes.forEach((size, i) => sender.send(body(size, i), { chunks: i % 2 === 0, presettled: i % 3 === 0 }));
        pair.pump();
        const aborted = sender.send(new Uint8Array(700_000), { chunks: true });
        pair.wire.move("client");
        sender.endpoint.abort(aborted);
        sender.send(body(10));
        pair.pump();
      }
      expect(cut.server.log).toEqual(whole.server.log);
      expect(cut.server.endpoint.buffered).toBe(cut.server.sessions[0]?.receivers[0]?.received.reduce((sum, { charge }) => sum + charge, 0));
    },
  ), { numRuns: 20 });
});


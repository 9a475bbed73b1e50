/** S: the windows of a session, transfer ids and their wrap, and the flows that keep a window open. */

import { describe, expect, test } from "@jest/globals";
import { Pair, Solo, concat, fieldsOf, frame, hex } from "./support.ts";
import type { ReceiverOwner, SessionOwner } from "./support.ts";

const LAST = 2 ** 32 - 1;
const tag = (n: number): Uint8Array => new Uint8Array([n >>> 24, n >>> 16, n >>> 8, n]);

/** A client with one receiver that has credit; the test is the sending peer. */
function receiving(options: { readonly window?: number | undefined; readonly nextOutgoingId?: number | undefined; readonly maxBufferedBytes?: number | undefined } = {}): {
  readonly solo: Solo; readonly session: SessionOwner; readonly receiver: ReceiverOwner;
} {
  const solo = new Solo("client", options.maxBufferedBytes === undefined ? {} : { maxBufferedBytes: options.maxBufferedBytes, maxFrameSize: 512 });
  const session = solo.session({ incomingWindow: options.window }, { nextOutgoingId: options.nextOutgoingId ?? 0 });
  const receiver = session.receiver("l");
  solo.send("attach");
  receiver.endpoint.giveCredit(LAST);
  solo.take();
  return { solo, session, receiver };
}

function transfers(first: number, count: number, head: Readonly<Record<string, unknown>> = {}): Uint8Array {
  return concat(...Array.from({ length: count }, (_, i) => {
    const id = (first + i) >>> 0;
    return frame("transfer", { deliveryId: id, deliveryTag: tag(id), settled: true, ...head }, hex("005377a10161"));
  }));
}

describe("the incoming window", () => {
  test("S.1 S.3 is renewed when half of it is used, once a flush, before it is shut", () => {
    const { solo, receiver } = receiving({ window: 10 });
    solo.raw(transfers(0, 4));
    expect(solo.said()).toEqual([]);
    solo.raw(transfers(4, 1));
    expect(fieldsOf(solo.take(), "flow", "nextIncomingId", "incomingWindow", "handle")).toEqual([{ nextIncomingId: 5, incomingWindow: 10, handle: undefined }]);
    solo.raw(transfers(5, 10));
    expect(fieldsOf(solo.take(), "flow", "nextIncomingId", "incomingWindow")).toEqual([{ nextIncomingId: 15, incomingWindow: 10 }]);
    expect(receiver.received).toHaveLength(15);
  });

  test("S.1 B69 a transfer beyond it ends the session, and the connection lives", () => {
    const { solo, session } = receiving({ window: 3 });
    solo.raw(transfers(0, 4));
    expect(solo.said().at(-1)).toBe("end amqp:session:window-violation");
    expect(session.endpoint.state).toBe("discarding");
    expect(solo.log.at(-1)).toBe("session ended amqp:session:window-violation breach");
    expect(solo.endpoint.opened).toBe(true);
  });

  test("S.1 counts frames, not messages", () => {
    const { solo, receiver } = receiving({ window: 3 });
    solo.send("transfer", { deliveryId: 0, deliveryTag: tag(0), more: true }, hex("005377a1"))
      .send("transfer", { more: true }, hex("01"));
    expect(fieldsOf(solo.take(), "flow", "nextIncomingId", "incomingWindow")).toEqual([{ nextIncomingId: 2, incomingWindow: 3 }]);
    solo.send("transfer", {}, hex("61"));
    expect(receiver.received).toHaveLength(1);
  });

  test.each([0, 5, 2 ** 31 - 2, LAST - 2, LAST])("S.2 B70 ids of the peer's that begin at %d go on, and wrap", (start) => {
    const { solo, receiver } = receiving({ window: 8, nextOutgoingId: start });
    for (let i = 0; i < 6; i++) {
      solo.raw(transfers((start + i * 4) >>> 0, 4));
      expect(fieldsOf(solo.take(), "flow", "nextIncomingId", "incomingWindow")).toEqual([{ nextIncomingId: (start + (i + 1) * 4) >>> 0, incomingWindow: 8 }]);
    }
    expect(receiver.received.map(({ deliveryId }) => deliveryId)).toEqual(Array.from({ length: 24 }, (_, i) => (start + i) >>> 0));
  });

  test("S.3 is not renewed while the byte budget is used up, and at once when there is room again", () => {
    // frames of 512 octets and a budget of 13 of them: the least window, 16
    const { solo, receiver } = receiving({ maxBufferedBytes: 7000 });
    const body = new Uint8Array(460).fill(0x40);
    for (let i = 0; i < 16; i++) solo.send("transfer", { deliveryId: i, deliveryTag: tag(i), settled: true }, body);
    expect(solo.endpoint.hasRoom).toBe(false);
    const before = fieldsOf(solo.take(), "flow", "incomingWindow");
    expect(before).toEqual([0]);
    solo.send("flow", { echo: true });
    expect(fieldsOf(solo.take(), "flow", "incomingWindow")).toEqual([0]);
    for (const delivery of receiver.received) receiver.endpoint.charge(-delivery.charge, 0);
    expect(solo.log.at(-1)).toBe("room");
    expect(fieldsOf(solo.take(), "flow", "incomingWindow", "nextIncomingId")).toEqual([{ incomingWindow: 16, nextIncomingId: 16 }]);
  });

  test("S.3 is renewed though the only link with a flow to send is detached in the same turn", () => {
    const { solo, session, receiver } = receiving({ window: 4 });
    const other = session.receiver("m");
    solo.send("attach", { name: "m", handle: 1 });
    other.endpoint.giveCredit(10);
    solo.take();
    solo.raw(transfers(0, 2));
    other.endpoint.giveCredit(20);
    other.endpoint.detach(true);
    expect(fieldsOf(solo.take(), "flow", "incomingWindow", "nextIncomingId")).toEqual([{ incomingWindow: 4, nextIncomingId: 2 }]);
    solo.raw(transfers(2, 2));
    expect(fieldsOf(solo.take(), "flow", "incomingWindow", "nextIncomingId")).toEqual([{ incomingWindow: 4, nextIncomingId: 4 }]);
    expect(receiver.received).toHaveLength(4);
  });

  test("S.3 grows while frames are small, and is never taken back from a peer that has part of it under way", () => {
    const solo = new Solo("client", { maxBufferedBytes: 64 * 1024, maxFrameSize: 4096 });
    const session = solo.session();
    const receiver = session.receiver("l");
    solo.send("attach");
    receiver.endpoint.giveCredit(LAST);
    // what the peer may have sent at most: next-incoming-id + incoming-window of any flow so far
    let allowed = Math.max(...fieldsOf(solo.take(), "flow", "incomingWindow").map(Number));
    expect(allowed).toBe(16);
    let sent = 0;
    const send = (count: number, size: number): void => {
      for (let i = 0; i < count; i++, sent++) {
        solo.send("transfer", { deliveryId: sent, deliveryTag: tag(sent), settled: true }, new Uint8Array(size));
        for (const delivery of receiver.received.splice(0)) receiver.endpoint.charge(-delivery.charge, 0);
      }
    };
    const flows = (): void => {
      for (const each of fieldsOf(solo.take(), "flow", "nextIncomingId", "incomingWindow") as { nextIncomingId: number; incomingWindow: number }[]) {
        expect(each.nextIncomingId + each.incomingWindow).toBeGreaterThanOrEqual(allowed);
        allowed = each.nextIncomingId + each.incomingWindow;
      }
    };
    for (let round = 0; round < 20; round++) {
      send(8, 10);
      flows();
    }
    expect(allowed - sent).toBeGreaterThan(64);
    // the frames turn large: the window shrinks, but only by what is used of it
    send(64, 4000);
    flows();
    send(allowed - sent, 4000);
    expect(session.endpoint.state).toBe("mapped");
    flows();
    expect(allowed - sent).toBe(16);
  });

  test.each([[1, 2048], [8, 2048], [100, 655], [1000, 65], [10_000, 16]])("of %d sessions is %d frames: together they keep to the byte budget, eightfold", (count, window) => {
    const pair = new Pair({ server: { channelMax: 65535, maxBufferedBytes: 64 * 1024 * 1024, maxFrameSize: 8192 }, client: { channelMax: 65535 } });
    for (let i = 1; i < count; i++) pair.server.begin();
    expect(pair.server.begin().endpoint.windows.fields.incomingWindow).toBe(window);
  });
});

describe("echo", () => {
  test("S.3 B72 is answered once for each flush, without an echo", () => {
    const { solo } = receiving();
    for (let i = 0; i < 100; i++) solo.send("flow", { echo: true });
    expect(fieldsOf(solo.take(), "flow", "echo", "handle")).toEqual([{ echo: undefined, handle: undefined }]);
    for (let i = 0; i < 100; i++) solo.send("flow", { handle: 0, deliveryCount: 0, echo: true });
    expect(fieldsOf(solo.take(), "flow", "echo", "handle")).toEqual([{ echo: undefined, handle: 0 }]);
  });

  test("S.3 two engines that echo fall silent", () => {
    const { receiver, sender, ...pair } = { ...linked() };
    receiver.endpoint.echo = true;
    receiver.endpoint.giveCredit(3);
    pair.pair.pump();
    expect(pair.pair.pump()).toBe(0);
    expect(fieldsOf(pair.pair.frames("server"), "flow", "echo").at(-1)).toBe(true);
    expect(fieldsOf(pair.pair.frames("client"), "flow", "handle", "linkCredit")).toEqual([{ handle: 0, linkCredit: 3 }]);
    expect(sender.endpoint.credit).toBe(3);
  });
});

function linked(): { readonly pair: Pair } & ReturnType<Pair["link"]> {
  const pair = new Pair();
  return { pair, ...pair.link({ credit: 1 }) };
}

describe("the peer's window", () => {
  /** A client that sends, to a peer that the test plays. */
  function sending(begin: Readonly<Record<string, unknown>>): { readonly solo: Solo; readonly send: (count: number) => void; readonly window: () => number } {
    const solo = new Solo("client");
    const session = solo.session({}, begin);
    const sender = session.sender("l");
    solo.send("attach", { role: "receiver", target: {} }).send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100_000, incomingWindow: begin["incomingWindow"] });
    solo.take();
    return {
      solo, window: () => session.endpoint.remoteIncomingWindow,
      send: (count) => {
        for (let i = 0; i < count; i++) sender.send(hex("005377a10161"), { presettled: true });
      },
    };
  }

  test("S.2 = next-incoming-id + incoming-window - next-outgoing-id, in every flow", () => {
    const { solo, send, window } = sending({ incomingWindow: 5 });
    send(3);
    expect(window()).toBe(2);
    solo.send("flow", { nextIncomingId: 1, incomingWindow: 5 });
    expect(window()).toBe(3);
    solo.send("flow", { nextIncomingId: 3, incomingWindow: 5 });
    expect(window()).toBe(5);
    // the peer has not seen our begin: it counts from our initial id
    solo.send("flow", { nextIncomingId: null, incomingWindow: 7 });
    expect(window()).toBe(4);
    solo.send("flow", { nextIncomingId: 0, incomingWindow: 2 });
    expect(window()).toBe(0);
    solo.send("flow", { nextIncomingId: 3, incomingWindow: LAST });
    expect(window()).toBe(LAST);
  });

  test("S.1 nothing is sent while it is shut, and what waits goes when it opens", () => {
    const { solo, send } = sending({ incomingWindow: 2 });
    send(5);
    expect(solo.said()).toEqual(["transfer", "transfer"]);
    solo.send("flow", { nextIncomingId: 2, incomingWindow: 1 });
    expect(solo.said()).toEqual(["transfer"]);
    solo.send("flow", { nextIncomingId: 3, incomingWindow: 0 });
    expect(solo.said()).toEqual([]);
    solo.send("flow", { nextIncomingId: 3, incomingWindow: 10 });
    expect(solo.said()).toEqual(["transfer", "transfer"]);
  });

  test("S.2 B70 a next-incoming-id ahead of what was sent ends the session; one that lags, even across 0, does not", () => {
    for (const [id, said] of [[1, ["end amqp:session:window-violation"]], [2 ** 31 - 1, ["end amqp:session:window-violation"]], [0, []], [LAST, []]] as const) {
      const { solo, window } = sending({ incomingWindow: 10 });
      solo.send("flow", { nextIncomingId: id, incomingWindow: 10 });
      expect([id, ...solo.said()]).toEqual([id, ...said]);
      if (id === LAST) expect(window()).toBe(9);
    }
  });

  test("S.2 a hundred thousand messages through a window of 7 both ways, and the counts are still right", () => {
    const pair = new Pair({ server: { maxBufferedBytes: 1 << 30 } });
    const { sender, receiver, here, there } = pair.link({ credit: LAST, session: { incomingWindow: 7 } });
    let rounds = 0;
    for (let sent = 0; sent < 100_000; sent += 10_000) {
      for (let i = 0; i < 10_000; i++) sender.send(hex("005377a10161"), { presettled: true });
      pair.pump();
      for (const delivery of receiver.received.splice(0)) {
        receiver.endpoint.charge(-delivery.charge, 0);
        rounds += 1;
      }
    }
    expect(rounds).toBe(100_000);
    expect(here.endpoint.windows.fields.nextOutgoingId).toBe(100_000);
    expect(there.endpoint.windows.fields.nextIncomingId).toBe(100_000);
    expect(receiver.endpoint.deliveryCount).toBe(100_000);
    expect(sender.endpoint.credit).toBe(LAST - 100_000);
  });
});

describe("what a flow must not say", () => {
  test("S.3 B76 a flow for a handle without a link", () => {
    const { solo } = receiving();
    solo.send("flow", { handle: 4 });
    expect(solo.said()).toEqual(["end amqp:session:unattached-handle"]);
  });

  test.each(["linkCredit", "deliveryCount", "available"])("B71 %s without a handle", (field) => {
    const { solo } = receiving();
    solo.send("flow", { [field]: 1 });
    expect(solo.said()).toEqual(["end amqp:invalid-field"]);
  });

  test("B71 drain without a handle", () => {
    const { solo } = receiving();
    solo.send("flow", { drain: true });
    expect(solo.said()).toEqual(["end amqp:invalid-field"]);
  });
});

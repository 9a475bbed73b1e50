/** L: link credit by serial counts, drain, and who may send how much. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { ReceiverOwner, SenderOwner, SessionOwner } from "./support.ts";
import { Pair, Solo, fieldsOf, hex } from "./support.ts";

const LAST = 2 ** 32 - 1;
const BODY = hex("005377a10161");

/** A client that sends; the test is the receiving peer. */
function sending(initial = 0): { readonly solo: Solo; readonly sender: SenderOwner } {
  const solo = new Solo("client");
  const sender = solo.session({}, { incomingWindow: LAST }).sender("l", { initialDeliveryCount: initial });
  solo.send("attach", { role: "receiver" });
  solo.take();
  return { solo, sender };
}

describe("a sender's credit", () => {
  const flow = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({ handle: 0, incomingWindow: LAST, ...fields });

  test.each([0, 1, 2 ** 31 - 1, 2 ** 31, LAST - 1, LAST])("L.1 = delivery-count(rcv) + link-credit(rcv) - delivery-count(snd), from an initial %d on", (initial) => {
    const { solo, sender } = sending(initial);
    const { endpoint } = sender;
    solo.send("flow", flow({ deliveryCount: initial, linkCredit: 5 }));
    expect(endpoint.credit).toBe(5);
    for (let i = 0; i < 3; i++) sender.send(BODY);
    expect([endpoint.credit, endpoint.deliveryCount]).toEqual([2, (initial + 3) >>> 0]);
    // the receiver has counted one of the three
    solo.send("flow", flow({ deliveryCount: (initial + 1) >>> 0, linkCredit: 10 }));
    expect(endpoint.credit).toBe(8);
    solo.send("flow", flow({ deliveryCount: (initial + 3) >>> 0, linkCredit: LAST }));
    expect(endpoint.credit).toBe(LAST);
    // less than what is under way: none is left, and it is no debt
    solo.send("flow", flow({ deliveryCount: initial, linkCredit: 2 }));
    expect(endpoint.credit).toBe(0);
    // a receiver that has not seen our attach counts from initial-delivery-count
    solo.send("flow", flow({ linkCredit: 7 }));
    expect(endpoint.credit).toBe(4);
    // a flow that does not speak of credit leaves it
    solo.send("flow", flow({}));
    expect(endpoint.credit).toBe(4);
  });

  test("L.1 B80 a receiver that counts what was never sent gives nothing by it", () => {
    const { solo, sender } = sending();
    solo.send("flow", flow({ deliveryCount: 2 ** 31 - 1, linkCredit: 5 }));
    expect(sender.endpoint.credit).toBe(0);
    solo.send("flow", flow({ deliveryCount: 0, linkCredit: 5 }));
    expect(sender.endpoint.credit).toBe(5);
  });

  test("L.1 agrees with arithmetic modulo 2^32, whatever the numbers", () => {
    fc.assert(fc.property(fc.nat(LAST), fc.nat(50), fc.nat(50), fc.nat(LAST), (initial, sent, behind, credit) => {
      const { solo, sender } = sending(initial);
      solo.send("flow", flow({ deliveryCount: initial, linkCredit: 50 }));
      for (let i = 0; i < sent; i++) sender.send(BODY, { presettled: true });
      const counted = (initial + sent - Math.min(behind, sent)) >>> 0;
      solo.send("flow", flow({ deliveryCount: counted, linkCredit: credit }));
      expect(sender.endpoint.credit).toBe(Math.max(0, credit - Math.min(behind, sent)));
    }), { numRuns: 100 });
  });

  test("L.2 counts messages, of however many frames", () => {
    const { solo, sender } = sending();
    solo.send("flow", flow({ deliveryCount: 0, linkCredit: 2 }));
    sender.send(new Uint8Array(2_000_000));
    sender.send(new Uint8Array(2_000_000));
    sender.send(BODY);
    const first = fieldsOf(solo.take(), "transfer", "deliveryId").filter((id) => id !== undefined);
    while (solo.take().length > 0);
    expect(first).toEqual([0]);
    expect([sender.endpoint.credit, sender.endpoint.deliveryCount, sender.queue.length]).toEqual([0, 2, 1]);
  });

  test("L.1 nothing is sent before the flow, and no more than it allows", () => {
    const { solo, sender } = sending();
    for (let i = 0; i < 10; i++) sender.send(BODY);
    expect(solo.said()).toEqual([]);
    solo.send("flow", flow({ deliveryCount: 0, linkCredit: 4 }));
    expect(solo.said()).toEqual(["transfer", "transfer", "transfer", "transfer"]);
  });

  test("L.3 drain: what is available goes, the rest is given back in one flow", () => {
    const { solo, sender } = sending(LAST);
    sender.send(BODY);
    sender.send(BODY);
    solo.send("flow", flow({ deliveryCount: LAST, linkCredit: 10, drain: true }));
    const frames = solo.take();
    expect(frames.map(({ name }) => name)).toEqual(["transfer", "transfer", "flow"]);
    expect(fieldsOf(frames, "flow", "deliveryCount", "linkCredit", "handle")).toEqual([{ deliveryCount: 9, linkCredit: undefined, handle: 0 }].map((each) => ({ ...each, linkCredit: 0 })));
    expect(sender.endpoint.credit).toBe(0);
  });

  test("L.3 drain with a credit of 2^32-1 takes no longer than with 1", () => {
    const { solo, sender } = sending(7);
    solo.send("flow", flow({ deliveryCount: 7, linkCredit: LAST, drain: true }));
    expect(fieldsOf(solo.take(), "flow", "deliveryCount", "linkCredit")).toEqual([{ deliveryCount: 6, linkCredit: 0 }]);
    expect(sender.endpoint.deliveryCount).toBe(6);
  });

  test("available is told in flows", () => {
    const { solo, sender } = sending();
    sender.endpoint.offer(12);
    expect(fieldsOf(solo.take(), "flow", "available", "linkCredit")).toEqual([{ available: 12, linkCredit: 0 }]);
  });

  test("L.1 credit that comes before the peer's attach is answered counts", () => {
    const solo = new Solo("server");
    const session = solo.session();
    session.answer = "hold";
    solo.send("attach", { role: "receiver" }).send("flow", { handle: 0, linkCredit: 3 });
    const [link] = session.held;
    session.accept(link as NonNullable<typeof link>);
    expect((session.senders[0] as SenderOwner).endpoint.credit).toBe(3);
  });
});

describe("a receiver's credit", () => {
  function receiving(initial = 0): { readonly solo: Solo; readonly session: SessionOwner; readonly receiver: ReceiverOwner; transfer(id: number): void } {
    const solo = new Solo("client");
    const session = solo.session({}, {});
    const receiver = session.receiver("l");
    solo.send("attach", { initialDeliveryCount: initial });
    solo.take();
    return { solo, session, receiver, transfer: (id) => void solo.send("transfer", { deliveryId: id, deliveryTag: new Uint8Array([id]), settled: true }, BODY) };
  }

  test("B80 a transfer without credit detaches the link and nothing else", () => {
    const { solo, transfer, session } = receiving();
    transfer(0);
    expect(solo.said()).toEqual(["detach amqp:link:transfer-limit-exceeded"]);
    expect(solo.log.at(-1)).toBe("receiver detached closed amqp:link:transfer-limit-exceeded breach");
    expect(session.endpoint.state).toBe("mapped");
  });

  test("B80 credit that was taken back may still be used by what was on its way, and not twice", () => {
    const { solo, receiver, transfer } = receiving();
    receiver.endpoint.giveCredit(3);
    solo.take();
    receiver.endpoint.giveCredit(0);
    expect(fieldsOf(solo.take(), "flow", "linkCredit")).toEqual([0]);
    for (let id = 0; id < 3; id++) transfer(id);
    expect(receiver.received).toHaveLength(3);
    expect(solo.said()).toEqual([]);
    transfer(3);
    expect(solo.said()).toEqual(["detach amqp:link:transfer-limit-exceeded"]);
  });

  test.each([0, LAST])("L.1 every flow says what was counted, from an initial %d on", (initial) => {
    const { solo, receiver, transfer } = receiving(initial);
    receiver.endpoint.giveCredit(10);
    expect(fieldsOf(solo.take(), "flow", "deliveryCount", "linkCredit")).toEqual([{ deliveryCount: initial, linkCredit: 10 }]);
    for (let id = 0; id < 4; id++) transfer(id);
    receiver.endpoint.giveCredit(10);
    expect(fieldsOf(solo.take(), "flow", "deliveryCount", "linkCredit")).toEqual([{ deliveryCount: (initial + 4) >>> 0, linkCredit: 10 }]);
  });

  test("B80 L.3 a delivery-count that leaps takes credit with it, and no loop runs over the leap", () => {
    const { solo, receiver } = receiving();
    receiver.endpoint.giveCredit(LAST);
    solo.take();
    solo.send("flow", { handle: 0, deliveryCount: 2 ** 31 - 1, linkCredit: 0, available: 3 });
    expect([receiver.endpoint.credit, receiver.endpoint.deliveryCount, receiver.endpoint.available]).toEqual([2 ** 31, 2 ** 31 - 1, 3]);
    // backwards is no leap
    solo.send("flow", { handle: 0, deliveryCount: 5 });
    expect(receiver.endpoint.deliveryCount).toBe(2 ** 31 - 1);
  });

  test("L.3 drain: the flow asks for it, and the sender's answer ends it with no credit left", () => {
    const pair = new Pair();
    const { sender, receiver } = pair.link({ credit: 10, settings: { initialDeliveryCount: LAST - 1 } });
    sender.send(BODY, { presettled: true });
    receiver.endpoint.drain();
    pair.pump();
    expect(receiver.received).toHaveLength(1);
    expect([receiver.endpoint.credit, receiver.endpoint.deliveryCount]).toEqual([0, 8]);
    expect([sender.endpoint.credit, sender.endpoint.deliveryCount]).toEqual([0, 8]);
    expect(pair.server.log.at(-1)).toBe("flow from the sender: credit 0, count 8, available 0");
    receiver.endpoint.stopDraining();
    receiver.endpoint.giveCredit(1);
    pair.pump();
    expect(sender.endpoint.credit).toBe(1);
    sender.send(BODY, { presettled: true });
    pair.pump();
    expect(receiver.received).toHaveLength(2);
  });

  test("L.3 a sender that does not answer a drain leaves the credit where it is", () => {
    const pair = new Pair();
    const { sender, receiver } = pair.link({ credit: 4 });
    sender.answersDrain = false;
    receiver.endpoint.drain();
    pair.pump();
    expect([receiver.endpoint.credit, sender.endpoint.credit, sender.endpoint.draining]).toEqual([4, 4, true]);
  });

  test("L.1 both ends agree after any mixture of sending, giving and taking credit", () => {
    const steps = fc.array(fc.oneof(
      fc.record({ kind: fc.constant("send" as const), n: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant("credit" as const), n: fc.nat(30) }),
      fc.record({ kind: fc.constant("drain" as const), n: fc.constant(0) }),
      fc.record({ kind: fc.constant("pump" as const), n: fc.constant(0) }),
      fc.record({ kind: fc.constant("move" as const), n: fc.nat(1) }),
    ), { maxLength: 60 });
    fc.assert(fc.property(fc.nat(LAST), steps, (initial, run) => {
      const pair = new Pair();
      const { sender, receiver } = pair.link({ credit: 0, settings: { initialDeliveryCount: initial } });
      let sent = 0;
      for (const { kind, n } of run) {
        if (kind === "send") for (let i = 0; i < n; i++, sent++) sender.send(BODY, { presettled: true });
        else if (kind === "credit") receiver.endpoint.giveCredit(n);
        else if (kind === "drain") receiver.endpoint.drain();
        else if (kind === "move") pair.wire.move(n === 0 ? "client" : "server");
        else pair.pump();
        if (kind === "pump") receiver.endpoint.stopDraining();
      }
      receiver.endpoint.stopDraining();
      pair.pump();
      expect(receiver.endpoint.isAttached).toBe(true);
      expect(receiver.endpoint.deliveryCount).toBe(sender.endpoint.deliveryCount);
      expect(receiver.endpoint.credit).toBe(sender.endpoint.credit);
      expect(receiver.received).toHaveLength(sent - sender.queue.length);
      expect(sender.queue.length === 0 || sender.endpoint.credit === 0).toBe(true);
    }), { numRuns: 200 });
  });
});

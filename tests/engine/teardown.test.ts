/** What comes last: nothing after detach, end and close; crossing detaches; and nothing that a link or session leaves behind. */

import { describe, expect, test } from "@jest/globals";
import type { LinkEndpoint } from "../../src/engine/link.ts";
import { Pair, Solo, fieldsOf, frameTexts, hex } from "./support.ts";
import type { ReceiverOwner, SenderOwner } from "./support.ts";

const BODY = hex("005377a10161");

describe("in the middle of a large message", () => {
  /** A sender with most of a large message still to be written. */
  function sending(): { readonly solo: Solo; readonly sender: SenderOwner } {
    const solo = new Solo("client");
    const sender = solo.open({ maxFrameSize: 512 }).owner.begin().sender("l");
    solo.take();
    solo.send("begin", { remoteChannel: 0 }).send("attach", { role: "receiver" }).send("flow", { handle: 0, linkCredit: 10 });
    sender.send(new Uint8Array(50_000));
    sender.send(BODY);
    return { solo, sender };
  }

  test.each([
    ["E detach", ({ sender }: ReturnType<typeof sending>) => sender.endpoint.detach(true)],
    ["E end", ({ solo }: ReturnType<typeof sending>) => solo.owner.sessions[0]?.endpoint.end()],
    ["E close", ({ solo }: ReturnType<typeof sending>) => solo.endpoint.close()],
  ] as const)("%s is the last word: no frame of it follows", (name, end) => {
    const at = sending();
    end(at);
    const said = at.solo.said();
    expect(said.indexOf(name.slice(2))).toBe(said.length - 1);
    // a flow that comes late changes nothing
    at.solo.send("flow", { handle: 0, nextIncomingId: 1, linkCredit: 100 });
    expect(at.solo.said()).toEqual([]);
    const { outputs } = at.solo.owner;
    at.solo.take();
    expect(at.solo.owner.outputs).toBe(outputs);
  });

  test("E the peer's detach, end and close end it too, and both ends go on in peace", () => {
    for (const name of ["detach", "end", "close"] as const) {
      const { solo } = sending();
      solo.send(name);
      const said = solo.said();
      expect([name, said.indexOf(name)]).toEqual([name, said.length - 1]);
    }
  });

  test("B86 what the receiver holds of it is let go when its link, its session or its connection goes", () => {
    for (const name of ["detach", "end"] as const) {
      const solo = new Solo("server");
      const session = solo.session();
      solo.send("attach");
      (session.receivers[0] as ReceiverOwner).endpoint.giveCredit(10);
      solo.send("transfer", { deliveryId: 0, deliveryTag: hex("01"), more: true }, new Uint8Array(100));
      expect(solo.endpoint.buffered).toBe(122);
      solo.send(name);
      expect([name, solo.endpoint.buffered]).toEqual([name, 0]);
    }
  });
});

describe("detaches that cross (§2.6.6)", () => {
  function attached(): Pair & { readonly ends: readonly [SenderOwner, ReceiverOwner] } {
    const pair = new Pair();
    const { sender, receiver } = pair.link();
    return Object.assign(pair, { ends: [sender, receiver] as const });
  }
  const links = (pair: Pair): number[] => [pair.client, pair.server].map(({ sessions }) => sessions[0]?.endpoint.links.count ?? -1);

  test.each([[true, true], [false, false], [true, false], [false, true]])("E closed %s here and %s there: both are rid of it, each is told once", (here, there) => {
    const pair = attached();
    pair.ends[0].endpoint.detach(here);
    pair.ends[1].endpoint.detach(there);
    pair.pump();
    expect(links(pair)).toEqual([0, 0]);
    expect(pair.client.log.filter((line) => line.includes("detached"))).toEqual([`sender detached${here || there ? " closed" : ""} -`]);
    expect(pair.server.log.filter((line) => line.includes("detached"))).toEqual([`receiver detached${here || there ? " closed" : ""} -`]);
    expect(pair.client.endpoint.opened && pair.server.endpoint.opened).toBe(true);
    if (here !== there) {
      // who had only detached attaches anew and closes
      const late = pair.frames(here ? "server" : "client").slice(-2);
      expect(frameTexts(late)).toEqual(["attach", "detach"]);
      expect(late[1]?.fields["closed"]).toBe(true);
    }
  });

  test("a name and its handle can be used again at once", () => {
    const pair = attached();
    for (let i = 0; i < 5; i++) {
      (pair.client.sessions[0]?.senders.at(-1) as SenderOwner).endpoint.detach(i % 2 === 0);
      pair.pump();
      const again = pair.client.sessions[0]?.sender("l") as SenderOwner;
      pair.pump();
      expect([again.endpoint.state, again.endpoint.handle]).toEqual(["attached", 0]);
    }
    expect(links(pair)).toEqual([1, 1]);
  });
});

describe("links of the peer's", () => {
  test("B91 a refusal attaches with a null terminus and detaches with the reason", () => {
    for (const role of ["sender", "receiver"] as const) {
      const solo = new Solo("server");
      solo.session().answer = "refuse";
      solo.send("attach", { role });
      const frames = solo.take();
      expect(frameTexts(frames)).toEqual(["attach", "detach amqp:not-found"]);
      expect(frames[0]?.fields[role === "sender" ? "target" : "source"]).toBe(undefined);
      expect(frames[0]?.fields["initialDeliveryCount"]).toBe(0);
      expect(frames[1]?.fields["closed"]).toBe(true);
    }
  });

  test("B91 where none are taken: refused, and a session is a breach", () => {
    const solo = new Solo("client", { acceptSessions: false });
    solo.session();
    solo.send("attach");
    expect(solo.said()).toEqual(["attach", "detach amqp:not-allowed"]);
    solo.send("begin", {}, undefined, { channel: 1 });
    expect(solo.said()).toEqual(["close amqp:not-allowed"]);
  });

  test("B79 a sender without initial-delivery-count, asked for or not", () => {
    const server = new Solo("server");
    server.session();
    server.send("attach", { initialDeliveryCount: null });
    expect(server.said()).toEqual(["attach", "detach amqp:invalid-field"]);
    const client = new Solo("client");
    client.session().receiver("l");
    client.take();
    client.send("attach", { initialDeliveryCount: null });
    expect(client.said()).toEqual(["detach amqp:invalid-field"]);
    expect(client.log.at(-1)).toBe("receiver detached closed amqp:invalid-field breach");
  });

  test("B73 B74 B75 handles and names", () => {
    const at = (): Solo => {
      const solo = new Solo("server");
      solo.session();
      solo.send("attach");
      solo.take();
      return solo;
    };
    expect(at().send("attach", { name: "m", handle: 256 }).said()).toEqual(["close amqp:connection:framing-error"]);
    expect(at().send("attach", { name: "m", handle: 255 }).said()).toEqual(["attach"]);
    expect(at().send("attach", { name: "m" }).said()).toEqual(["end amqp:session:handle-in-use"]);
    expect(at().send("attach", { handle: 1 }).said()).toEqual(["end amqp:not-allowed"]);
    // the same name in the other direction is another link
    expect(at().send("attach", { handle: 1, role: "receiver" }).said()).toEqual(["attach"]);
  });

  test("an answer that comes after the peer has gone is no answer", () => {
    const solo = new Solo("server");
    const session = solo.session();
    session.answer = "hold";
    solo.send("attach").send("detach", { closed: true });
    expect(solo.said()).toEqual(["attach", "detach"]);
    session.accept(session.held[0] as LinkEndpoint);
    expect(solo.said()).toEqual([]);
    expect(session.endpoint.links.count).toBe(0);
  });

  test("links are served on handles of our own, the lowest that are free", () => {
    const solo = new Solo("server");
    solo.session();
    for (const handle of [9, 4, 200]) solo.send("attach", { name: `l${handle}`, handle });
    solo.send("detach", { handle: 4 }).send("attach", { name: "again", handle: 1 });
    expect(fieldsOf(solo.take(), "attach", "handle")).toEqual([0, 1, 2, 1]);
  });
});

describe("what is left behind", () => {
  test("of sessions: nothing, on either side", () => {
    const pair = new Pair();
    for (let i = 0; i < 100; i++) {
      const { here, there } = pair.session();
      expect(here.endpoint.channel).toBe(0);
      (i % 2 === 0 ? here : there).endpoint.end();
      pair.pump();
    }
    expect([pair.client.endpoint.channels.count, pair.server.endpoint.channels.count]).toEqual([0, 0]);
  });

  test("of deliveries that were never settled: nothing, once their link is detached", () => {
    const pair = new Pair();
    const { here, there } = pair.session();
    for (let i = 0; i < 50; i++) {
      const sender = here.sender(`l${i}`);
      pair.pump();
      const receiver = there.receivers.at(-1) as ReceiverOwner;
      receiver.endpoint.giveCredit(10);
      pair.pump();
      const held = [BODY, BODY, BODY].map((body) => sender.send(body));
      pair.pump();
      (i % 2 === 0 ? sender : receiver).endpoint.detach(true);
      pair.pump();
      for (const each of held) each.free();
    }
    expect([here.endpoint.ledger.outgoing.size, there.endpoint.ledger.incoming.size]).toEqual([0, 0]);
  });
});

/** B15 and determinism: the same inputs give the same bytes and events, however the stream between two engines is cut. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import type { SaslSide } from "../../src/engine/handshake.ts";
import { ACCEPTED, RELEASED } from "../../src/frames/delivery-state.ts";
import type { EnginePairOptions } from "../../src/testing/engine-pair.ts";
import { ConnectionOwner, Pair, hex } from "./support.ts";
import type { Received, ReceiverOwner, SenderOwner } from "./support.ts";
import { ConnectionEndpoint } from "../../src/engine/connection.ts";
import { pairSettings } from "../../src/testing/engine-pair.ts";

const BODY = hex("005377a10161");

/** SASL as short as it gets, so that a header comes in the middle of the stream. */
function sasl(side: "client" | "server"): SaslSide {
  const init = { type: "send", frame: { type: "sasl-init", mechanism: "ANONYMOUS", initialResponse: undefined, hostname: undefined } } as const;
  const done = { type: "done", mechanism: "ANONYMOUS", user: undefined } as const;
  return {
    start: () => [{ type: "send", frame: { type: "sasl-mechanisms", mechanisms: ["ANONYMOUS"] } }],
    handleFrame: (frame) => side === "server"
      ? [{ type: "send", frame: { type: "sasl-outcome", code: 0, additionalData: undefined } }, done]
      : frame?.type === "sasl-mechanisms" ? [init] : [done],
    handleUndecodable: () => [], answer: () => [],
  };
}

/** A session with something of everything, from the headers to the close. */
function play(wire: Omit<EnginePairOptions, "client" | "server"> = {}): Pair {
  const pair = new Pair({
    client: { maxFrameSize: 512, sasl: sasl("client") }, server: { maxFrameSize: 600, sasl: sasl("server"), idleTimeout: 60_000 }, wire,
  });
  const { here, there } = pair.session();
  const sender = here.sender("out", { initialDeliveryCount: 2 ** 32 - 3, sndSettleMode: "mixed", rcvSettleMode: "second" });
  const back = here.receiver("back");
  pair.pump();
  const receiver = there.receivers[0] as ReceiverOwner;
  receiver.endpoint.giveCredit(20);
  back.endpoint.giveCredit(5);
  pair.pump();
  sender.send(BODY);
  sender.send(new Uint8Array(2000).fill(0x41));
  sender.send(BODY, { presettled: true, tagBytes: hex("ab cd") });
  (there.senders[0] as SenderOwner).send(new Uint8Array(1500).fill(0x42));
  pair.pump();
  receiver.received.forEach((delivery, i) => receiver.endpoint.dispose(delivery, i === 1 ? RELEASED : ACCEPTED, i === 1));
  back.endpoint.dispose(back.received[0] as Received, ACCEPTED, true);
  receiver.endpoint.drain();
  pair.pump();
  pair.client.endpoint.congested = true;
  const cut = sender.send(new Uint8Array(5000).fill(0x43));
  receiver.endpoint.stopDraining();
  receiver.endpoint.giveCredit(3);
  pair.pump();
  sender.endpoint.abort(cut);
  pair.client.endpoint.handleWritable();
  pair.wire.advance(50_000);
  sender.endpoint.detach(false);
  back.endpoint.detach(true, { condition: "app:enough" });
  pair.pump();
  here.endpoint.end();
  pair.pump();
  pair.client.endpoint.close();
  pair.pump();
  return pair;
}

describe("the same inputs", () => {
  test("give the same bytes and the same events", () => {
    const [one, two] = [play(), play()];
    for (const side of ["client", "server"] as const) {
      expect(Buffer.compare(one.wire.sent(side), two.wire.sent(side))).toBe(0);
      expect(one[side].log).toEqual(two[side].log);
    }
    expect(one.client.log.at(-1)).toBe("closed -");
    expect(one.server.log.filter((line) => line.startsWith("delivery") || line.startsWith("aborted"))).toEqual([
      "delivery 0 tag 00000000: 005377a10161", expect.stringMatching(/^delivery 1 tag 00000001: 2000 octets/), "delivery 2 tag abcd settled: 005377a10161", "aborted 3",
    ]);
  });

  test("give the same bytes when the clock begins at another time", () => {
    const [one, two] = [play(), play({ now: 1e12 })];
    expect(Buffer.compare(one.wire.sent("client"), two.wire.sent("client"))).toBe(0);
    expect(Buffer.compare(one.wire.sent("server"), two.wire.sent("server"))).toBe(0);
  });

  test.each([[[1]], [[2]], [[3, 5]], [[7, 1, 64]], [[511]]])("B15 give the same bytes with the wire cut into pieces of %j octets", (split) => {
    const [one, two] = [play(), play({ split })];
    expect(two.client.log).toEqual(one.client.log);
    expect(two.server.log).toEqual(one.server.log);
    expect(Buffer.compare(one.wire.sent("client"), two.wire.sent("client"))).toBe(0);
    expect(Buffer.compare(one.wire.sent("server"), two.wire.sent("server"))).toBe(0);
  });
});

describe("a recorded stream", () => {
  const recording = play().wire.sent("client");

  /** A server that takes the stream in these pieces, with nothing between them, gives credit at once and says nothing else. */
  function replay(pieces: readonly Uint8Array[]): { readonly log: readonly string[]; readonly said: number; readonly state: string } {
    class Generous extends ConnectionOwner {
      override onSession(...args: Parameters<ConnectionOwner["onSession"]>): ReturnType<ConnectionOwner["onSession"]> {
        const sink = super.onSession(...args);
        const session = this.sessions.at(-1) as (typeof this.sessions)[number];
        const { onAttach } = sink;
        sink.onAttach = (link, attach) => {
          onAttach.call(session, link, attach);
          session.receivers.at(-1)?.endpoint.giveCredit(100);
        };
        return sink;
      }
    }
    const owner = new Generous();
    const endpoint = new ConnectionEndpoint(pairSettings("server", { maxFrameSize: 600, sasl: sasl("server") }), owner, 0);
    for (const piece of pieces) endpoint.handleBytes(piece, 0);
    return { log: owner.log, said: endpoint.output.total, state: endpoint.state };
  }
  const whole = replay([recording.slice()]);

  test("in one piece gives all its events", () => {
    expect(whole.state).toBe("end");
    expect(whole.log.at(-1)).toBe("closed -");
    expect(whole.log.filter((line) => line.startsWith("delivery"))).toHaveLength(3);
  });

  test("B15 cut in two at each of its octets", () => {
    for (let at = 0; at <= recording.length; at++) {
      const cut = replay([recording.slice(0, at), recording.slice(at)]);
      expect([at, cut]).toEqual([at, whole]);
    }
  });

  test("B15 octet by octet", () => {
    expect(replay(Array.from(recording, (octet) => Uint8Array.of(octet)))).toEqual(whole);
  });

  test("B15 cut anywhere, any number of times", () => {
    fc.assert(fc.property(fc.array(fc.nat(recording.length), { maxLength: 40 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), recording.length];
      expect(replay(places.slice(1).map((to, i) => recording.slice(places[i], to)))).toEqual(whole);
    }), { numRuns: 100 });
  });

  test("with one octet changed anywhere: no throw, and never more than one failure", () => {
    fc.assert(fc.property(fc.nat(recording.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = recording.slice();
      changed[at] = (changed[at] as number) ^ flip;
      const { log } = replay([changed]);
      expect(log.filter((line) => line.startsWith("failed")).length).toBeLessThanOrEqual(1);
      expect(log.filter((line) => line.includes("invalid-state"))).toEqual([]);
    }), { numRuns: 3000 });
  });
});

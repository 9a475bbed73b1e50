/** Hostile use of connections and sessions: B59 to B72. */

import { concat, hex } from "../../src/testing/codec/octets.ts";
import type { Answer } from "./stages.ts";
import type { HostileRow } from "./vectors.ts";

const FRAMING: Answer = { kind: "close", condition: "amqp:connection:framing-error" };
const NOT_ALLOWED: Answer = { kind: "close", condition: "amqp:not-allowed" };
const INVALID_FIELD: Answer = { kind: "end", condition: "amqp:invalid-field" };
const WINDOW: Answer = { kind: "end", condition: "amqp:session:window-violation" };
const NONE: Answer = { kind: "none" };

/** B59 to B64: the connection. */
const CONNECTIONS: readonly HostileRow[] = [
  { title: "B59 begin before open", against: "both", stage: "header", attack: (peer) => peer.send("begin"), answer: NOT_ALLOWED },
  { title: "B59 end before open", against: "both", stage: "header", attack: (peer) => peer.send("end"), answer: NOT_ALLOWED },
  { title: "B59 attach before open", against: "both", stage: "header", attack: (peer) => peer.send("attach", { name: "l", role: "sender", source: {}, target: {} }), answer: NOT_ALLOWED },
  { title: "B60 a second open", against: "both", stage: "open", attack: (peer) => peer.send("open"), answer: NOT_ALLOWED },
  {
    title: "B60 open on channel 5 is accepted", against: "both", stage: "header", answer: NONE,
    attack: async (peer) => {
      peer.send("open", { channel: 5 });
      await peer.until("open");
    },
  },
  { title: "B61 a max-frame-size of 511", against: "both", stage: "header", attack: (peer) => peer.send("open", { maxFrameSize: 511 }), answer: { kind: "close", condition: "amqp:frame-size-too-small" } },
  {
    title: "B61 a max-frame-size of 512 is accepted", against: "both", stage: "header", answer: NONE,
    attack: async (peer) => {
      peer.send("open", { maxFrameSize: 512 });
      await peer.until("open");
    },
  },
  { title: "B62 an idle-time-out of 1 ms", against: "both", stage: "header", attack: (peer) => peer.send("open", { idleTimeOut: 1 }), answer: NOT_ALLOWED },
  ...[0, 500, 4294967295].map((idleTimeOut): HostileRow => ({
    title: `B62 an idle-time-out of ${idleTimeOut} is accepted`, against: "both", stage: "header", answer: NONE,
    attack: async (peer) => {
      peer.send("open", { idleTimeOut });
      await peer.until("open");
    },
  })),
  {
    title: "B64 whatever comes after close is discarded", against: "both", stage: "session", answer: { kind: "drop" },
    attack: async (peer) => {
      peer.raw(concat(peer.encode("close"), peer.encode("close"), peer.encode("begin", { channel: 9 }), peer.encode("end", { channel: 77 }), hex("00000001ff")));
      await peer.until("close", { error: undefined });
      peer.drop();
    },
  },
  { title: "B64 the end without close", against: "both", stage: "session", attack: (peer) => peer.drop(), answer: { kind: "drop" } },
  { title: "B64 the end in the middle of a frame", against: "both", stage: "session", attack: (peer) => { peer.raw(hex("00000020 0200")); peer.drop(); }, answer: { kind: "drop" } },
  {
    title: "B63 ten thousand empty frames", against: "both", stage: "session", answer: NONE,
    attack: async (peer) => {
      peer.raw(concat(...Array<Uint8Array>(10_000).fill(peer.encode("empty"))));
      peer.send("flow", { echo: true });
      await peer.until("flow");
    },
  },
];

/** B65 to B72: sessions. */
const SESSIONS: readonly HostileRow[] = [
  { title: "B65 begin on a channel in use", against: "both", stage: "session", attack: (peer) => peer.send("begin"), answer: NOT_ALLOWED },
  { title: "B65 begin in answer to a channel that nobody began", against: "both", stage: "session", attack: (peer) => peer.send("begin", { channel: 1, remoteChannel: 40 }), answer: NOT_ALLOWED },
  {
    title: "B65 a second begin in answer to the same one", against: "both", stage: "session", answer: NOT_ALLOWED,
    attack: (peer, { begin }) => peer.send("begin", { channel: 1, remoteChannel: begin?.channel }),
  },
  ...(["flow", "detach", "end"] as const).map((name): HostileRow => ({
    title: `B66 B68 ${name} on a channel without a session`, against: "both", stage: "session", attack: (peer) => peer.send(name, { channel: 9 }), answer: NOT_ALLOWED,
  })),
  { title: "B66 a transfer on a channel without a session", against: "both", stage: "session", attack: (peer) => peer.send("transfer", { channel: 9 }, hex("005377a10161")), answer: NOT_ALLOWED },
  {
    title: "B67 one session more than channel-max allows", against: "listener", stage: "session", answer: FRAMING,
    attack: async (peer, { open }) => {
      const last = Number(open?.fields["channelMax"]);
      for (let channel = 1; channel <= last; channel++) peer.send("begin", { channel });
      for (let channel = 1; channel <= last; channel++) await peer.until("begin", { remoteChannel: channel });
      peer.send("begin", { channel: last + 1 });
    },
  },
  {
    title: "B68 whatever comes after our end with an error is discarded until the peer's", against: "both", stage: "session", answer: INVALID_FIELD,
    attack: (peer) => peer.raw(concat(
      peer.encode("flow", { linkCredit: 1 }),
      peer.encode("flow", { linkCredit: 1 }),
      peer.encode("attach", { name: "late", role: "sender", source: {}, target: {} }),
      peer.encode("transfer", { handle: 77 }, hex("00")),
      peer.encode("detach", { handle: 88 }),
    )),
  },
  {
    title: "B70 next-incoming-id ahead of what was sent", against: "both", stage: "session", answer: WINDOW,
    attack: (peer, { begin }) => peer.send("flow", { nextIncomingId: (Number(begin?.fields["nextOutgoingId"]) + 5) >>> 0 }),
  },
  { title: "B71 link-credit without a handle", against: "both", stage: "session", attack: (peer) => peer.send("flow", { linkCredit: 10 }), answer: INVALID_FIELD },
  { title: "B71 delivery-count without a handle", against: "both", stage: "session", attack: (peer) => peer.send("flow", { deliveryCount: 0 }), answer: INVALID_FIELD },
  {
    title: "B72 one echo, one reply, and no echo in it", against: "both", stage: "session", answer: NONE,
    attack: async (peer) => {
      peer.send("flow", { echo: true });
      await peer.until("flow", { echo: false, handle: undefined });
      peer.send("end");
      const skipped = await peer.next();
      if (skipped.name === "flow") throw new Error("a second reply");
      if (skipped.name !== "end") await peer.until("end");
    },
  },
];

/** All rows of this file. */
export const SESSION_ROWS: readonly HostileRow[] = [...CONNECTIONS, ...SESSIONS];

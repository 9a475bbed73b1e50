/** Hostile use of links: B73 to B91. */

import { encodeMessage } from "../../src/testing/codec/message.ts";
import { ascii, bigEndian, concat, hex } from "../../src/testing/codec/octets.ts";
import type { Script } from "../../src/testing/script.ts";
import { LINK_NAME } from "./stages.ts";
import type { Answer } from "./stages.ts";
import type { HostileRow } from "./vectors.ts";

const INVALID_FIELD: Answer = { kind: "detach", condition: "amqp:invalid-field" };
const END_INVALID_FIELD: Answer = { kind: "end", condition: "amqp:invalid-field" };
const NOT_ALLOWED: Answer = { kind: "end", condition: "amqp:not-allowed" };
const UNATTACHED: Answer = { kind: "end", condition: "amqp:session:unattached-handle" };
const TOO_LARGE: Answer = { kind: "detach", condition: "amqp:link:message-size-exceeded" };
const OVER_LIMIT: Answer = { kind: "detach", condition: "amqp:link:transfer-limit-exceeded" };
const NONE: Answer = { kind: "none" };
const GOOD = encodeMessage({ value: "good" });

/** B73 to B79: attaching, and handles. */
const ATTACHES: readonly HostileRow[] = [
  {
    title: "B73 a handle over handle-max", against: "both", stage: "session", answer: { kind: "close", condition: "amqp:connection:framing-error" },
    attack: (peer, { begin }) => peer.send("attach", { name: "x", role: "sender", handle: Number(begin?.fields["handleMax"]) + 1, source: {}, target: {} }),
  },
  {
    title: "B74 a handle that is in use", against: "both", stage: "sender", answer: { kind: "end", condition: "amqp:session:handle-in-use" },
    attack: (peer) => peer.send("attach", { name: "another", role: "sender", handle: 0, source: {}, target: {} }),
  },
  {
    title: "B75 the name of a link that is attached", against: "both", stage: "sender", answer: NOT_ALLOWED,
    attack: (peer, { attach }) => peer.send("attach", { name: attach?.fields["name"], role: "sender", handle: 1, source: {}, target: {} }),
  },
  { title: "B76 S.3 flow on a handle that is not attached", against: "both", stage: "session", attack: (peer) => peer.send("flow", { handle: 99, deliveryCount: 0, linkCredit: 1 }), answer: UNATTACHED },
  { title: "B76 a transfer on a handle that is not attached", against: "both", stage: "session", attack: (peer) => peer.send("transfer", { handle: 99 }, GOOD), answer: UNATTACHED },
  { title: "B76 detach of a handle that is not attached", against: "both", stage: "session", attack: (peer) => peer.send("detach", { handle: 99, closed: true }), answer: UNATTACHED },
  {
    title: "B77 whatever comes after our detach with an error is discarded", against: "both", stage: "idle-sender", answer: OVER_LIMIT,
    attack: (peer) => peer.raw(concat(...[1, 2, 3].map(() => peer.encode("transfer", {}, GOOD)), peer.encode("flow", { handle: 0, deliveryCount: 3, linkCredit: 0, echo: true }))),
  },
  {
    // a client may end the session, which was this link's alone
    title: "B77 after the peer's own detach the handle is free", against: "listener", stage: "idle-sender", answer: UNATTACHED,
    attack: async (peer) => {
      peer.send("transfer", {}, GOOD);
      peer.reply(await peer.until("detach", { closed: true }));
      peer.send("transfer", {}, GOOD);
    },
  },
  { title: "B78 a transfer to our sender", against: "both", stage: "receiver", attack: (peer) => peer.send("transfer", { handle: 0 }, GOOD), answer: NOT_ALLOWED },
  ...[
    ["B79 L.1 a sender without initial-delivery-count", { initialDeliveryCount: null }],
    ["B79 a null key in unsettled", { unsettled: { bytes: hex("c103024040") } }],
    ["B79 a string key in unsettled", { unsettled: { bytes: hex("c10502a1016140") } }],
    ["B79 a key of 33 octets in unsettled", { unsettled: new Map([[new Uint8Array(33), null]]) }],
    ["B79 a value in unsettled that is no delivery state", { unsettled: { bytes: hex("c10602a001615401") } }],
  ].map(([title, fields]): HostileRow => ({
    title: String(title), against: "both", stage: "attaching", answer: INVALID_FIELD, attack: (_, { sendAttach }) => sendAttach(fields as Record<string, unknown>),
  })),
  {
    title: "B91 an attach that a client did not ask for", against: "client", stage: "session", answer: { kind: "detach", condition: "amqp:not-allowed" },
    attack: async (peer) => {
      peer.send("attach", { name: LINK_NAME, role: "sender", handle: 5, source: { address: "a" }, target: { address: "b" } });
      await peer.until("attach", { name: LINK_NAME, role: "receiver", target: undefined });
    },
  },
  {
    title: "B91 a begin that a client did not ask for", against: "client", stage: "open", answer: { kind: "close", condition: "amqp:not-allowed" },
    attack: (peer) => peer.send("begin", { channel: 3 }),
  },
];

/** B80 to B87: transfers to the library. */
const TRANSFERS: readonly HostileRow[] = [
  { title: "B80 L.2 a transfer without credit", against: "both", stage: "idle-sender", attack: (peer) => peer.send("transfer", {}, GOOD), answer: OVER_LIMIT },
  {
    title: "B80 L.2 one delivery more than the credit", against: "both", stage: "sender", link: { prefetch: 2 }, answer: OVER_LIMIT,
    attack: (peer) => peer.raw(concat(...[1, 2, 3].map(() => peer.encode("transfer", {}, GOOD)))),
  },
  { title: "B81 a first transfer without delivery-id", against: "both", stage: "sender", attack: (peer) => peer.send("transfer", { deliveryId: null }, GOOD), answer: INVALID_FIELD },
  { title: "B81 a first transfer without delivery-tag", against: "both", stage: "sender", attack: (peer) => peer.send("transfer", { deliveryTag: null }, GOOD), answer: INVALID_FIELD },
  { title: "B81 a tag of 33 octets", against: "both", stage: "sender", attack: (peer) => peer.send("transfer", { deliveryTag: new Uint8Array(33) }, GOOD), answer: INVALID_FIELD },
  {
    title: "B81 a gap in the delivery-ids", against: "both", stage: "sender", answer: END_INVALID_FIELD,
    attack: (peer) => {
      peer.send("transfer", { deliveryId: 0, deliveryTag: hex("00") }, GOOD);
      peer.send("transfer", { deliveryId: 2, deliveryTag: hex("02") }, GOOD);
    },
  },
  continuation("B82 a continuation with another delivery-id", {}, { deliveryId: 1, deliveryTag: hex("01") }),
  continuation("B82 a continuation with another tag", {}, { deliveryId: 0, deliveryTag: hex("77") }),
  continuation("B82 settled and then not", { settled: true }, { settled: false }),
  { title: "B82 rcv-settle-mode second on a link that settles first", against: "both", stage: "sender", attack: (peer) => peer.send("transfer", { rcvSettleMode: "second" }, GOOD), answer: INVALID_FIELD },
  {
    title: "B82 settled on a link whose sender never settles first", against: "both", stage: "attaching", answer: INVALID_FIELD,
    attack: async (peer, { sendAttach }) => {
      sendAttach({ sndSettleMode: "unsettled" });
      await peer.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      peer.send("transfer", { settled: true }, GOOD);
    },
  },
  {
    title: "B82 the same, in frames", against: "both", stage: "attaching", answer: INVALID_FIELD,
    attack: async (peer, { sendAttach }) => {
      sendAttach({ sndSettleMode: "unsettled" });
      await peer.until("flow", { linkCredit: (credit: unknown) => Number(credit) > 0 });
      peer.send("transfer", { settled: true, more: true }, GOOD.subarray(0, 3));
      peer.send("transfer", {}, GOOD.subarray(3));
    },
  },
  {
    title: "B83 the tag of a delivery that is not settled", against: "both", stage: "sender", answer: INVALID_FIELD,
    attack: (peer) => peer.raw(concat(...[0, 1].map((deliveryId) => peer.encode("transfer", { deliveryId, deliveryTag: hex("aa") }, GOOD)))),
  },
  {
    title: "B83 tags that are alike as text", against: "both", stage: "sender", answer: NONE,
    attack: async (peer) => {
      const tags = ["ff", "fe", "efbfbd", "c3a9", "65cc81", "00", "0000"];
      peer.raw(concat(...tags.map((tag, deliveryId) => peer.encode("transfer", { deliveryId, deliveryTag: hex(tag) }, GOOD))));
      await acceptedUpTo(peer, tags.length - 1);
    },
  },
  {
    title: "B84 F.2 a message over max-message-size, in frames", against: "both", stage: "sender", link: { maxMessageSize: 1000 }, answer: TOO_LARGE,
    attack: (peer) => {
      peer.send("transfer", { more: true }, concat(hex("005375b000000800"), new Uint8Array(600)));
      peer.send("transfer", { more: true }, new Uint8Array(600));
    },
  },
  {
    title: "B84 F.2 a message over max-message-size, in one frame", against: "both", stage: "sender", link: { maxMessageSize: 1000 }, answer: TOO_LARGE,
    attack: (peer) => peer.send("transfer", {}, encodeMessage({ data: [new Uint8Array(1000)] })),
  },
  {
    title: "B84 empty frames of one delivery without end", against: "both", stage: "sender", answer: TOO_LARGE,
    attack: async (peer, { begin }) => {
      const window = Math.min(Number(begin?.fields["incomingWindow"]), 2000);
      const seen = (wanted: string): number => peer.frames().filter(({ name }) => name === wanted).length;
      const until = performance.now() + 5000;
      for (let sent = 0; sent < 200_000 && seen("detach") === 0; sent += window) {
        const flows = seen("flow");
        peer.raw(concat(...Array.from({ length: window }, () => peer.encode("transfer", { more: true })), peer.encode("flow", { echo: true })));
        // its reply tells that the window is open again
        while (seen("flow") === flows && seen("detach") === 0 && performance.now() < until) await new Promise((resolve) => setImmediate(resolve));
      }
    },
  },
  ...[
    ["no section at all", new Uint8Array(0)],
    ["a section out of order", concat(GOOD, encodeMessage({ properties: { messageId: "x" } }))],
    ["two bodies", concat(GOOD, GOOD)],
    ["bodies of two kinds", concat(encodeMessage({ data: [hex("00")] }), GOOD)],
    ["the same section twice", concat(encodeMessage({ properties: {} }), encodeMessage({ properties: {} }), GOOD)],
    ["properties that are a string", concat(hex("005373a10161"), GOOD)],
    ["an unknown section", hex("005379a10161")],
    ["something that is no section", hex("a10161")],
    ["a value cut off", hex("005377a1ff61")],
    ["a reserved format code", hex("00537757")],
    ["10,001 sections", concat(...Array<Uint8Array>(10_001).fill(hex("005375a000")))],
  ].flatMap(([what, payload]) => undecodable(String(what), payload as Uint8Array)),
  {
    title: "B86 F.2 an aborted delivery leaves nothing behind", against: "both", stage: "sender", answer: NONE,
    attack: async (peer) => {
      peer.send("transfer", { more: true }, hex("005377a1"));
      peer.send("transfer", { aborted: true });
      peer.send("transfer", { more: true }, hex("005377a1"));
      peer.send("transfer", { aborted: true, more: true });
      peer.send("transfer", { deliveryId: 2, deliveryTag: hex("02"), messageFormat: 0 }, GOOD);
      await acceptedUpTo(peer, 2, 2);
    },
  },
  {
    title: "B87 a resumed delivery that nobody knows is ignored", against: "both", stage: "sender", answer: NONE,
    attack: async (peer) => {
      peer.send("transfer", { resume: true, deliveryTag: ascii("unknown"), state: "accepted" });
      peer.send("transfer", {}, GOOD);
      await acceptedUpTo(peer, 1, 1);
    },
  },
];

/** B88 to B90: dispositions, and credit, for what the library has sent. */
const OUTCOMES: readonly HostileRow[] = [
  {
    title: "B80 L.1 credit of 2^32 - 1, and a delivery-count from far away", against: "both", stage: "receiver", answer: NONE,
    attack: (peer, { transfer, attach }) => {
      const initial = Number(attach?.fields["initialDeliveryCount"] ?? 0);
      peer.send("disposition", settle(transfer?.fields["deliveryId"]));
      peer.send("flow", { handle: 0, deliveryCount: (initial + 1) >>> 0, linkCredit: 4294967295 });
      peer.send("flow", { handle: 0, deliveryCount: (initial + 0x7fffffff) >>> 0, linkCredit: 4294967295 });
      peer.send("flow", { handle: 0, deliveryCount: (initial + 1) >>> 0, linkCredit: 0 });
    },
  },
  {
    title: "B88 a disposition of two thousand million deliveries", against: "both", stage: "receiver", answer: NONE,
    attack: (peer, { transfer }) => {
      const first = Number(transfer?.fields["deliveryId"]);
      peer.send("disposition", { ...settle(first), last: (first + 0x7ffffffe) >>> 0 });
    },
  },
  {
    title: "B89 a range whose first is beyond its last", against: "both", stage: "receiver", answer: END_INVALID_FIELD,
    attack: (peer, { transfer }) => {
      const id = Number(transfer?.fields["deliveryId"]);
      peer.send("disposition", { ...settle((id + 5) >>> 0), last: id });
    },
  },
  {
    title: "B89 a range over the wrap", against: "both", stage: "receiver", answer: NONE,
    attack: (peer, { transfer }) => {
      peer.send("disposition", { ...settle(0xfffffffe), last: 1 });
      peer.send("disposition", { ...settle(transfer?.fields["deliveryId"]) });
    },
  },
  {
    title: "B90 deliveries that are unknown, settled, or settled otherwise", against: "both", stage: "receiver", answer: NONE,
    attack: (peer, { transfer }) => {
      const id = Number(transfer?.fields["deliveryId"]);
      peer.send("disposition", settle((id + 1000) >>> 0));
      peer.send("disposition", { role: "receiver", first: id, state: "accepted" });
      peer.send("disposition", { role: "receiver", first: id, state: "released", settled: true });
      peer.send("disposition", settle(id));
      peer.send("disposition", { role: "sender", first: 0, settled: true });
    },
  },
  {
    title: "B90 a state that nobody knows", against: "both", stage: "receiver", answer: END_INVALID_FIELD,
    attack: (peer, { transfer }) => peer.send("disposition", { role: "receiver", first: transfer?.fields["deliveryId"], settled: true, state: { bytes: hex("00539945") } }),
  },
  {
    title: "B90 settled without an outcome", against: "both", stage: "receiver", answer: NONE,
    attack: (peer, { transfer }) => peer.send("disposition", { role: "receiver", first: transfer?.fields["deliveryId"], settled: true }),
  },
];

/** All rows of this file. */
export const LINK_ROWS: readonly HostileRow[] = [...ATTACHES, ...TRANSFERS, ...OUTCOMES];

function settle(first: unknown): Record<string, unknown> {
  return { role: "receiver", first, settled: true, state: "accepted" };
}

function continuation(title: string, first: Record<string, unknown>, second: Record<string, unknown>): HostileRow {
  return {
    title, against: "both", stage: "sender", answer: INVALID_FIELD,
    attack: (peer) => {
      peer.send("transfer", { deliveryId: 0, deliveryTag: bigEndian(0, 4), more: true, ...first }, GOOD.subarray(0, 3));
      peer.send("transfer", { ...second }, GOOD.subarray(3));
    },
  };
}

// a listener detaches; a client rejects and goes on, since detaching would make a loop of the poison message
function undecodable(what: string, payload: Uint8Array): HostileRow[] {
  const attack = (peer: Script): void => peer.send("transfer", {}, payload);
  const condition = "amqp:decode-error";
  return [
    { title: `B85 ${what}`, against: "listener", stage: "sender", attack, answer: { kind: "detach", condition } },
    {
      title: `B85 ${what}, and a good message after it`, against: "client", stage: "sender", answer: NONE,
      attack: async (peer) => {
        attack(peer);
        await peer.until("disposition", { first: 0, state: { type: "rejected", error: { condition } } });
        peer.send("transfer", {}, GOOD);
        await acceptedUpTo(peer, 1, 1);
      },
    },
  ];
}

/** Waits for outcomes of the deliveries `from` to `to`, each accepted, in any number of dispositions. */
async function acceptedUpTo(peer: Script, to: number, from = 0): Promise<void> {
  const missing = new Set(Array.from({ length: to - from + 1 }, (_, index) => from + index));
  while (missing.size > 0) {
    const { fields } = await peer.until("disposition", { role: "receiver", state: "accepted" });
    const first = Number(fields["first"]);
    const last = Number(fields["last"] ?? first);
    for (let id = first; id <= last; id++) missing.delete(id);
  }
}

/** Inputs of at most 64 KiB that cost as much as a peer can make them cost, and seeded noise. */

import type { Script } from "../../src/testing.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { ascii, bigEndian, concat, hex, octets } from "../../src/testing/codec/octets.ts";
import { list, described } from "../../src/testing/codec/encode.ts";

/** Octets of an input at the most. */
export const LIMIT = 64 * 1024;

/** Where the peer is: connected, open, with a session, attached as sender with credit, attached as receiver with 10,000 unsettled deliveries. */
export type Stage = "bare" | "open" | "session" | "sending" | "unsettled";

/** What is sent, and to whom. */
export interface Input {
  readonly title: string;
  readonly stage: Stage;
  readonly against: readonly ("client" | "listener" | "broker")[];
  /** Measured once: it is one of many that differ by their seed. */
  readonly once?: boolean | undefined;
  bytes(peer: Script): Uint8Array;
}

const BOTH = ["client", "listener"] as const;
const GOOD = encodeMessage({ value: "good" });
/** Octets that a frame needs beside a payload. */
const FRAME = 64;

/** All of them; `noise` of the seeded ones. */
export function INPUTS(noise: number): Input[] {
  return [...FRAMES, ...LINKS, ...TRANSFERS, ...SELECTORS, ...Array.from({ length: noise }, (_, seed) => seeded(seed))];
}

/** As many pieces as fit. */
function fill(piece: (n: number) => Uint8Array): Uint8Array {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (let n = 0; ; n++) {
    const bytes = piece(n);
    if (size + bytes.length > LIMIT) return concat(...pieces);
    size += bytes.length;
    pieces.push(bytes);
  }
}

/** A list32, map32 or array32 of which the inside is written by hand: `count` elements of `inside`. */
function compound32(code: number, count: number, inside: Uint8Array): Uint8Array {
  return concat(octets(code), bigEndian(inside.length + 4, 4), bigEndian(count, 4), inside);
}

function repeated(byte: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(byte);
}

/** Lists in lists. */
function nested(depth: number): Uint8Array {
  let inside: Uint8Array = octets(0x40);
  for (let i = 0; i < depth; i++) inside = compound32(0xd0, 1, inside);
  return inside;
}

/** Many keys that differ. */
function manyKeys(count: number): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n.toString(36)}`, n % 2 === 0]));
}

const FRAMES: readonly Input[] = [
  { title: "garbage instead of a header", stage: "bare", against: BOTH, bytes: () => repeated(0x41, LIMIT) },
  { title: "headers without end", stage: "bare", against: BOTH, bytes: () => fill(() => hex("414d515000010000")) },
  { title: "SASL mechanisms of 8 KiB, again and again", stage: "bare", against: BOTH, bytes: (peer) => concat(hex("414d515003010000"), fill(() => peer.encode("sasl-mechanisms", { saslServerMechanisms: Array.from({ length: 2_000 }, (_, n) => `M${n % 10}`) })).subarray(0, LIMIT - 8)) },
  { title: "empty frames", stage: "open", against: BOTH, bytes: () => fill(() => hex("0000000802000000")) },
  { title: "begins and ends", stage: "open", against: ["listener"], bytes: (peer) => fill((n) => concat(
    peer.encode("begin", { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1, channel: n % 60 }), peer.encode("end", { channel: n % 60 }))) },
  { title: "begins with as many properties as fit", stage: "open", against: ["listener"], bytes: (peer) => fill((n) => peer.encode("begin", { nextOutgoingId: 0, incomingWindow: 1, outgoingWindow: 1, properties: manyKeys(120), channel: n })) },
  { title: "a close with an error of 64 KiB", stage: "open", against: BOTH, bytes: (peer) => peer.encode("close", { error: { condition: "amqp:internal-error", description: "x".repeat(LIMIT - 200) } }) },
  { title: "flows of the session with echo", stage: "session", against: BOTH, bytes: (peer) => fill(() => peer.encode("flow", { echo: true, nextIncomingId: 0, incomingWindow: 100, nextOutgoingId: 0, outgoingWindow: 100 })) },
  { title: "dispositions of everything, when there is nothing", stage: "session", against: BOTH, bytes: (peer) => fill((n) => peer.encode("disposition", { role: n % 2 === 0 ? "receiver" : "sender", first: 0, last: 0x7ffffffe })) },
];

const LINKS: readonly Input[] = [
  { title: "attaches", stage: "session", against: ["listener", "broker"], bytes: (peer) => fill((n) => peer.encode("attach", { name: `l${n}`, handle: n, role: n % 2 === 0 ? "sender" : "receiver", source: { address: "q" }, target: { address: "q" }, initialDeliveryCount: n % 2 === 0 ? 0 : undefined })) },
  { title: "attaches and detaches", stage: "session", against: ["listener", "broker"], bytes: (peer) => fill((n) => concat(
    peer.encode("attach", { name: "l", handle: 0, role: "receiver", source: { address: `q${n}` }, target: {} }), peer.encode("detach", { handle: 0, closed: true }))) },
  { title: "an attach with an unsettled map", stage: "session", against: ["listener"], bytes: (peer) => peer.encode("attach", {
    name: "l", handle: 0, role: "sender", source: {}, target: { address: "q" }, initialDeliveryCount: 0,
    unsettled: new Map(Array.from({ length: 7_000 }, (_, n) => [bigEndian(n, 4), null])) }) },
  { title: "an attach with properties of many keys", stage: "session", against: ["listener", "broker"], bytes: (peer) => peer.encode("attach", {
    name: "l", handle: 0, role: "sender", source: {}, target: { address: "q" }, initialDeliveryCount: 0, properties: manyKeys(8_000) }) },
  { title: "an attach with a filter of lists in lists", stage: "session", against: ["listener", "broker"], bytes: (peer) => peer.encode("attach", {
    name: "l", handle: 0, role: "receiver", target: {}, source: { address: "q", filter: { bytes: compound32(0xd1, 2, concat(octets(0xa3, 1), ascii("f"), described("x", nested(6_000)))) } } }) },
  { title: "flows of a link with echo", stage: "unsettled", against: BOTH, bytes: (peer) => fill((n) => peer.encode("flow", { handle: 0, deliveryCount: 10_000, linkCredit: n % 2, echo: true, incomingWindow: 1_000_000 })) },
  { title: "credit of 2^32 - 1 with drain", stage: "unsettled", against: BOTH, bytes: (peer) => fill(() => peer.encode("flow", { handle: 0, deliveryCount: 10_000, linkCredit: 0xffffffff, drain: true, incomingWindow: 1_000_000 })) },
  ...([["received", false], ["accepted", false], ["accepted", true], [undefined, false]] as const).map(([state, settled]): Input => ({
    title: `dispositions of 10,000 deliveries each: ${state ?? "no state"}, ${settled ? "settled" : "not settled"}`, stage: "unsettled", against: BOTH,
    bytes: (peer) => fill((n) => peer.encode("disposition", {
      role: "receiver", first: 0, last: 0x7ffffffe, settled,
      state: state === "received" ? { type: "received", sectionNumber: 0, sectionOffset: n } : state === undefined ? undefined : { type: state },
    })),
  })),
  { title: "dispositions one by one, backwards", stage: "unsettled", against: BOTH, bytes: (peer) => fill((n) => peer.encode("disposition", { role: "receiver", first: 9_999 - n, settled: true, state: { type: "accepted" } })) },
  { title: "dispositions of every second delivery", stage: "unsettled", against: BOTH, bytes: (peer) => fill((n) => peer.encode("disposition", { role: "receiver", first: (n * 2) % 10_000, settled: true, state: { type: "rejected", error: { condition: "x:y" } } })) },
];

const TRANSFERS: readonly Input[] = [
  { title: "messages of a few octets", stage: "sending", against: [...BOTH, "broker"], bytes: (peer) => fill(() => peer.encode("transfer", { handle: 0 }, GOOD)) },
  { title: "messages of a few octets that cannot be decoded", stage: "sending", against: ["client"], bytes: (peer) => fill(() => peer.encode("transfer", { handle: 0 }, hex("0053779f"))) },
  { title: "a message in pieces of one octet", stage: "sending", against: BOTH, bytes: (peer) => {
    const payload = encodeMessage({ data: [repeated(120, 30_000)] });
    return fill((n) => peer.encode("transfer", n === 0 ? { handle: 0, more: true } : { handle: 0, deliveryId: null, deliveryTag: null, more: true }, payload.subarray(n, n + 1)));
  } },
  { title: "a message in pieces without an octet", stage: "sending", against: BOTH, bytes: (peer) => fill((n) => peer.encode("transfer", n === 0 ? { handle: 0, more: true } : { handle: 0, deliveryId: null, deliveryTag: null, more: true })) },
  { title: "messages that are aborted", stage: "sending", against: BOTH, bytes: (peer) => fill(() => concat(
    peer.encode("transfer", { handle: 0, more: true }, GOOD), peer.encode("transfer", { handle: 0, deliveryId: null, deliveryTag: null, aborted: true }))) },
  ...[
    ["a list of nulls", compound32(0xd0, LIMIT - 200, repeated(0x40, LIMIT - 200))],
    ["an array of 65,000 elements without octets", concat(octets(0xf0), bigEndian(5, 4), bigEndian(65_000, 4), octets(0x41))],
    ["lists in lists, 6,000 deep", nested(6_000)],
    ["lists of 60 in each other, side by side", compound32(0xd0, 100, concat(...Array.from({ length: 100 }, () => nested(60))))],
    ["described values without end", concat(repeated(0x00, 60_000), octets(0x40))],
    ["a string of 64,000 octets, 2 to a character", concat(octets(0xb1), bigEndian(64_000, 4), new Uint8Array(64_000).map((_, n) => (n % 2 === 0 ? 0xc3 : 0xa9)))],
    ["a list of uuids", compound32(0xd0, 3_800, concat(...Array.from({ length: 3_800 }, (_, n) => concat(octets(0x98), repeated(n & 255, 16)))))],
    ["a list of decimals", compound32(0xd0, 3_800, concat(...Array.from({ length: 3_800 }, (_, n) => concat(octets(0x94), repeated(n & 255, 16)))))],
  ].map(([title, body]): Input => ({
    title: `a message with ${title as string}`, stage: "sending", against: BOTH, bytes: (peer) => peer.encode("transfer", { handle: 0 }, described(0x77, body as Uint8Array)),
  })),
  { title: "a message with 8,000 application properties", stage: "sending", against: [...BOTH, "broker"], bytes: (peer) => peer.encode("transfer", { handle: 0 }, encodeMessage({ applicationProperties: manyKeys(8_000), value: 1 })) },
  { title: "a message with 8,000 annotations", stage: "sending", against: [...BOTH, "broker"], bytes: (peer) => peer.encode("transfer", { handle: 0 }, encodeMessage({ messageAnnotations: manyKeys(8_000), value: 1 })) },
  { title: "a message with 9,000 data sections", stage: "sending", against: BOTH, bytes: (peer) => peer.encode("transfer", { handle: 0 }, encodeMessage({ data: Array.from({ length: 9_000 }, () => octets(1)) })) },
  { title: "a message with 9,000 sequence sections", stage: "sending", against: BOTH, bytes: (peer) => peer.encode("transfer", { handle: 0 }, concat(...Array.from({ length: 9_000 }, () => described(0x76, list([]))))) },
];

const SELECTORS: readonly Input[] = ([
  ["in parentheses", `${"(".repeat(30_000)}TRUE${")".repeat(30_000)}`],
  ["of many alternatives", Array.from({ length: 8_000 }, (_, n) => `a=${n % 10}`).join(" OR ").slice(0, LIMIT - 500).replace(/\s*(OR?)?\s*(a=?)?$/, "")],
  ["with NOT upon NOT", `${"NOT ".repeat(15_000)}TRUE`],
  ["with a pattern of percent signs", `a LIKE '${"%a".repeat(20_000)}b'`],
] as const).map(([title, text]): Input => ({
  title: `a selector ${title}`, stage: "session", against: ["broker"],
  bytes: (peer) => peer.encode("attach", {
    name: "s", handle: 0, role: "receiver", target: {},
    source: { address: "q", filter: { bytes: compound32(0xd1, 2, concat(symbol("apache.org:selector-filter:string"), described(0x0000468c00000004n, concat(octets(0xb1), bigEndian(text.length, 4), ascii(text))))) } },
  }),
}));

function symbol(text: string): Uint8Array {
  return concat(octets(0xa3, text.length), ascii(text));
}

/** A valid stream in which some octets are others. */
function seeded(seed: number): Input {
  const stages: readonly Stage[] = ["bare", "open", "session", "sending", "unsettled"];
  const random = lcg(seed + 1);
  const stage = stages[seed % stages.length] as Stage;
  return {
    title: `noise ${seed} (${stage})`, stage, against: [seed % 2 === 0 ? "client" : "listener"], once: true,
    bytes: (peer) => {
      const bytes = fill((n) => {
        switch ((n + seed) % 5) {
          case 0: return peer.encode("flow", { incomingWindow: 100, nextOutgoingId: 0, outgoingWindow: 100, echo: n % 3 === 0 });
          case 1: return peer.encode("disposition", { role: "receiver", first: n, last: n + 10, state: { type: "accepted" } });
          case 2: return peer.encode("transfer", { handle: 0 }, encodeMessage({ properties: { messageId: `m${n}` }, applicationProperties: { n }, value: [n, "x", { y: n }] }));
          case 3: return peer.encode("attach", { name: `l${n}`, handle: n % 200, role: "sender", source: {}, target: { address: "q" }, initialDeliveryCount: 0 });
          default: return hex("0000000802000000");
        }
      });
      const changes = 1 + random(8);
      // Not in the first frames, or nothing of the rest would be read.
      for (let i = 0; i < changes; i++) bytes[FRAME + random(bytes.length - FRAME)] = random(256);
      return bytes;
    },
  };
}

function lcg(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

/** Hostile input below the level of performatives: headers, frames, values inside performatives. */

import { list, map, typed } from "../../src/testing/codec/encode.ts";
import { frameBytes } from "../../src/testing/codec/frame.ts";
import { ascii, bigEndian, concat, hex } from "../../src/testing/codec/octets.ts";
import type { Answer } from "./stages.ts";
import type { HostileRow } from "./vectors.ts";

const FRAMING: Answer = { kind: "close", condition: "amqp:connection:framing-error" };
const DECODE: Answer = { kind: "close", condition: "amqp:decode-error" };
const NOT_ALLOWED: Answer = { kind: "close", condition: "amqp:not-allowed" };
const NONE: Answer = { kind: "none" };
const DROP: Answer = { kind: "drop" };

/** B1 to B6: what comes instead of the header. A client has sent its own by then. */
const HEADERS: readonly HostileRow[] = [
  ...[
    ["B1 an HTTP request", ascii("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["B1 a TLS hello", hex("160301020001 0001fc0303")],
    ["B1 eight zeros", hex("0000000000000000")],
    ["B2 AMQP 0-9-1", hex("414d515000000901")],
    ["B2 AMQP 1.1.10.0", hex("414d515001010a00")],
    ["B6 the TLS header", hex("414d515002010000")],
  ].map(([title, bytes]): HostileRow => ({
    title: String(title), against: "listener", stage: "connected", attack: (peer) => peer.raw(bytes as Uint8Array), answer: { kind: "drop", header: "sasl" },
  })),
  ...[
    ["B1 an HTTP answer", ascii("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")],
    ["B1 a TLS alert", hex("15030300020246 0000")],
    ["B2 AMQP 0-9-1 is asked for", hex("414d515000000901")],
    ["B2 AMQP 1.1.10.0 is asked for", hex("414d515001010a00")],
    ["B4 B5 the AMQP header in answer to SASL", hex("414d515000010000")],
    ["B6 the TLS header in answer to SASL", hex("414d515002010000")],
  ].map(([title, bytes]): HostileRow => ({
    title: String(title), against: "client", stage: "connected", answer: DROP,
    attack: async (peer) => {
      await peer.expectHeader("sasl");
      peer.raw(bytes as Uint8Array);
    },
  })),
  {
    title: "B3 three octets of a header and the end", against: "both", stage: "connected", answer: DROP,
    attack: async (peer, { side }) => {
      if (side === "client") await peer.expectHeader();
      peer.raw(hex("414d51"));
      peer.drop();
    },
  },
];

/** B7 to B20: frames. */
const FRAMES: readonly HostileRow[] = [
  ...[0, 1, 7].map((size): HostileRow => raw(`B7 a size of ${size}`, () => frameBytes(new Uint8Array(0), { size }), FRAMING)),
  {
    title: "B8 four octets that announce one more than max-frame-size", against: "both", stage: "open", answer: FRAMING,
    attack: (peer, { open }) => peer.raw(bigEndian(Number(open?.fields["maxFrameSize"]) + 1, 4)),
  },
  raw("B9 a size of 0xffffffff", () => hex("ffffffff 02000000"), FRAMING),
  raw("B9 a size of 0x80000000", () => hex("80000000 02000000"), FRAMING),
  raw("B10 a data offset of 0", () => frameBytes(hex("00531845"), { doff: 0 }), FRAMING),
  raw("B10 a data offset of 1", () => frameBytes(hex("00531845"), { doff: 1 }), FRAMING),
  raw("B11 a data offset beyond the frame", () => frameBytes(hex("00531845"), { doff: 4 }), FRAMING),
  {
    title: "B12 F.3 an extended header is skipped, also on an empty frame", against: "both", stage: "session", answer: NONE,
    attack: async (peer) => {
      peer.raw(frameBytes(new Uint8Array(0), { extended: hex("0102030405060708") }));
      peer.send("flow", { echo: true }, undefined, { extended: hex("ffffffff") });
      await peer.until("flow");
    },
  },
  raw("B13 a frame of type 2", () => frameBytes(hex("00531845"), { type: 2 }), FRAMING),
  raw("B13 an empty frame of type 255", () => frameBytes(new Uint8Array(0), { type: 255 }), FRAMING),
  { title: "B14 a SASL frame after SASL is done", against: "both", stage: "open", attack: (peer) => peer.send("sasl-response", { response: hex("00") }), answer: FRAMING },
  { title: "B14 an AMQP frame during SASL", against: "both", stage: "sasl", attack: (peer) => peer.send("open"), answer: DROP },
  {
    title: "B15 every frame one octet at a time", against: "both", stage: "session", answer: NONE,
    attack: async (peer) => {
      await peer.trickle(concat(frameBytes(new Uint8Array(0)), peer.encode("flow", { echo: true }), peer.encode("flow", { echo: true, properties: { a: "x".repeat(300) } })));
      await peer.until("flow");
    },
  },
  {
    title: "B15 B72 a thousand frames in one chunk, each answered at most once", against: "both", stage: "session", answer: NONE,
    attack: async (peer) => {
      peer.raw(concat(...Array.from({ length: 1000 }, () => peer.encode("flow", { echo: true }))));
      await peer.until("flow");
      peer.send("end");
      await peer.until("end", { error: undefined });
      const flows = peer.frames().filter(({ name, fields }) => name === "flow" && fields["handle"] === undefined);
      if (flows.length > 1000) throw new Error(`${flows.length} replies to 1000 requests`);
      if (flows.some(({ fields }) => fields["echo"] === true)) throw new Error("a reply that asks for an echo");
    },
  },
  { title: "B16 empty frames after open, on any channel", against: "both", stage: "open", attack: (peer) => peer.raw(hex("0000000802000000 0000000802000007")), answer: NONE },
  { title: "B16 an empty frame before open", against: "both", stage: "header", attack: (peer) => peer.send("empty"), answer: FRAMING },
  {
    title: "B17 a channel over channel-max", against: "both", stage: "open", answer: FRAMING,
    attack: (peer, { open }) => peer.send("begin", { channel: Number(open?.fields["channelMax"]) + 1 }),
  },
  raw("B18 a body that is a string", () => frameBytes(hex("a10161")), DECODE),
  raw("B18 an unknown descriptor", () => frameBytes(hex("00539945")), DECODE),
  raw("B18 an unknown symbolic descriptor", () => frameBytes(hex("00a303612e6245")), DECODE),
  raw("B18 a descriptor that is a list", () => frameBytes(hex("004545")), DECODE),
  { title: "B19 a SASL performative in an AMQP frame", against: "both", stage: "open", attack: (peer) => peer.send("sasl-outcome", {}, undefined, { type: 0 }), answer: NOT_ALLOWED },
  { title: "B19 an AMQP performative in a SASL frame", against: "both", stage: "sasl", attack: (peer) => peer.send("open", {}, undefined, { type: 1 }), answer: DROP },
  { title: "B20 octets after a performative", against: "both", stage: "session", attack: (peer) => peer.send("flow", {}, hex("40")), answer: DECODE },
];

/** B21 to B41: values that stand in the properties of a flow. */
const VALUES: readonly HostileRow[] = [
  ...[
    ["B21 format code 0x57", "57"],
    ["B21 format code 0xff", "ff"],
    ["B22 a uint of two octets", "700000"],
    ["B23 a binary of 2^31 - 1 octets", "b07fffffff"],
    ["B23 a binary of 2^32 - 1 octets", "b0ffffffff"],
    ["B23 a string of 2^32 - 1 octets", "b1ffffffff"],
    ["B23 a symbol of 2^31 - 1 octets", "b37fffffff"],
    ["B24 a list longer than what is left", "c00501 40"],
    ["B24 a list too short for its count", "d0000000020000"],
    ["B24 octets left over in a list", "c0030140 40"],
    ["B25 a count beyond the octets", "c00105"],
    ["B26 a thousand million booleans in nine octets", "f0000000053fffffff41"],
    ["B27 as many described lists", "f0000000083fffffff00539945"],
    ["B28 as many doubles", "f0000000050fffffff82"],
    ["B29 an array too small for its elements", "e0020570"],
    ["B34 a map of an odd count", "c10401a30161"],
    ["B35 the same key twice", "c10904a3016140a3016140"],
    ["B37 a key that is null", "c103024040"],
    ["B38 a string that is not UTF-8", "c10702a30161a101ff"],
    ["B38 an overlong string", "c10802a30161a102c080"],
    ["B38 a lone surrogate", "c10902a30161a103eda080"],
    ["B39 a symbol beyond ASCII", "c10502a301e940"],
    ["B39 a string beyond ASCII in the place of a symbol", "c10602a102c3a940"],
    ["B40 a boolean of 2", "c10602a301615602"],
    ["B40 a char that is a surrogate", "c10902a30161730000d800"],
    ["B40 a char beyond Unicode", "c10902a301617300110000"],
  ].map(([title, bytes]) => value(String(title), () => hex(String(bytes)), DECODE)),
  value("B30 200,000 descriptors of descriptors", () => concat(new Uint8Array(200_000), hex("4040")), DECODE),
  value("B31 5,000 lists in each other", () => nested(5000), DECODE),
  value("B31 lists and arrays in each other", () => mixed(100), DECODE),
  value("B32 a descriptor that is described itself", () => hex("0000a30161a3016240"), NONE),
  value("B33 66,000 nulls", () => concat(hex("d0"), bigEndian(66_004, 4), bigEndian(66_000, 4), new Uint8Array(66_000).fill(0x40)), DECODE),
  value("B36 keys that every object has", () => hex("c126 06 a3095f5f70726f746f5f5f 41 a30b636f6e7374727563746f72 41 a308746f537472696e67 41"), NONE),
  value("B41 numbers and times beyond JavaScript's", () => hex("c125 06 a30161 80ffffffffffffffff a30162 837fffffffffffffff a30163 827ff8000000000000"), NONE),
];

/** B42 to B45: lists that do not fit their performative. */
const FIELDS: readonly HostileRow[] = [
  { title: "B42 mandatory fields that are null", against: "both", stage: "session", attack: (peer) => peer.send("flow", [null, null, null, null]), answer: DECODE },
  { title: "B42 a list that is too short", against: "both", stage: "session", attack: (peer) => peer.send("flow", []), answer: DECODE },
  { title: "B43 a handle that is a string", against: "both", stage: "session", attack: (peer) => peer.send("detach", [{ string: "0" }]), answer: DECODE },
  { title: "B43 a handle that is a ulong", against: "both", stage: "session", attack: (peer) => peer.send("detach", [{ ulong: 0 }]), answer: DECODE },
  { title: "B44 a field too many", against: "both", stage: "session", attack: (peer) => peer.send("end", [null, null]), answer: DECODE },
  ...[
    ["null", "40"],
    ["an empty array", "e00200a3"],
    ["one symbol", "a30161"],
    ["an array", "e00602a301610162"],
  ].map(([what, bytes]): HostileRow => ({
    title: `B45 capabilities given as ${what}`, against: "both", stage: "header", answer: NONE,
    attack: async (peer) => {
      peer.send("open", { offeredCapabilities: { bytes: hex(String(bytes)) } });
      await peer.until("open");
    },
  })),
];

/** All rows of this file. */
export const FRAME_ROWS: readonly HostileRow[] = [...HEADERS, ...FRAMES, ...VALUES, ...FIELDS];

function raw(title: string, bytes: () => Uint8Array, answer: Answer): HostileRow {
  return { title, against: "both", stage: "open", attack: (peer) => peer.raw(bytes()), answer };
}

function value(title: string, bytes: () => Uint8Array, answer: Answer): HostileRow {
  return {
    title, against: "both", stage: "session", answer,
    attack: async (peer, { begin }) => {
      const content = bytes();
      // maps stand for the properties themselves, other values for one of them
      const properties = content[0] === 0xc1 ? content : map([[typed("symbol", "a"), content]]);
      const nulls = Array<null>(5).fill(null);
      const nextIncomingId = { uint: Number(begin?.fields["nextOutgoingId"]) };
      peer.send("flow", [nextIncomingId, { uint: 2048 }, { uint: 0 }, { uint: 2048 }, ...nulls, true, { bytes: properties }]);
      if (answer.kind === "none") await peer.until("flow");
    },
  };
}

function nested(depth: number): Uint8Array {
  let inner: Uint8Array = hex("45");
  for (let i = 0; i < depth; i++) inner = list([inner]);
  return inner;
}

function mixed(depth: number): Uint8Array {
  let inner: Uint8Array = hex("45");
  for (let i = 0; i < depth; i++) {
    const content = i % 2 === 0 ? concat(hex("d0"), bigEndian(4 + inner.length, 4), bigEndian(1, 4), inner) : inner;
    inner = i % 2 === 0 ? content : concat(hex("f0"), bigEndian(4 + content.length, 4), bigEndian(1, 4), content);
  }
  return inner;
}

/** Values and frames by the grammar of the standard, with fields at their bounds and, now and then, of a wrong type. */

import { encodeComposite } from "../../src/testing/codec/composite.ts";
import { encode, typed } from "../../src/testing/codec/encode.ts";
import { frameBytes } from "../../src/testing/codec/frame.ts";
import { bigEndian, concat, hex, octets } from "../../src/testing/codec/octets.ts";
import { PARTS, PERFORMATIVES, SASL_BODIES, compositeNamed } from "../../src/testing/codec/schema.ts";
import type { Composite, Field } from "../../src/testing/codec/schema.ts";
import type { Random } from "./random.ts";

const UINTS = [0, 1, 2, 3, 9, 63, 64, 255, 256, 511, 512, 2047, 2048, 65535, 65536, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const TEXTS = ["", "q", "l", "r", "s", "__proto__", "constructor", "\u0000", "\ufeffx", "\u{1f600}", "x".repeat(300)];
const SYMBOLS = ["", "amqp:not-found", "amqp:decode-error", "never", "session-end", "link-detach", "copy", "move", "ANONYMOUS", "PLAIN", "SCRAM-SHA-256", "toString"];
const WIDTHS: readonly (readonly [code: number, octets: number])[] = [
  [0x40, 0], [0x41, 0], [0x42, 0], [0x43, 0], [0x44, 0], [0x45, 0], [0x50, 1], [0x51, 1], [0x52, 1], [0x53, 1], [0x54, 1], [0x55, 1], [0x56, 1],
  [0x60, 2], [0x61, 2], [0x70, 4], [0x71, 4], [0x72, 4], [0x73, 4], [0x74, 4], [0x80, 8], [0x81, 8], [0x82, 8], [0x83, 8], [0x84, 8], [0x94, 16], [0x98, 16],
];
const SIZED = [0xa0, 0xa1, 0xa3, 0xb0, 0xb1, 0xb3];
const TAGS = ["00", "01", "aa", "00000000", "00000001", "ff".repeat(32), "ff".repeat(33), ""];

/** An encoded value of any type, nested at most `depth` deep. */
export function anyValue(random: Random, depth = 4): Uint8Array {
  const kind = random.below(depth > 0 ? 12 : 7);
  if (kind < 5) return scalar(random);
  if (kind < 7) return text(random);
  const count = random.below(5);
  switch (kind) {
    case 7:
    case 8:
      return compound(random, random.once(2) ? 0xd0 : 0xc0, count, concat(...Array.from({ length: count }, () => anyValue(random, depth - 1))));
    case 9: {
      const pairs = Array.from({ length: count }, (_, index) => concat(random.once(3) ? anyValue(random, 0) : encode(`${index}`), anyValue(random, depth - 1)));
      return compound(random, random.once(2) ? 0xd1 : 0xc1, 2 * count, concat(...pairs));
    }
    case 10:
      return concat(octets(0x00), random.once(8) ? anyValue(random, depth - 1) : descriptor(random), anyValue(random, depth - 1));
    default:
      return array(random, depth);
  }
}

/** A message in its sections; mostly one that is valid. */
export function anyMessage(random: Random): Uint8Array {
  const parts: Uint8Array[] = [];
  if (random.once(2)) parts.push(composite(random, compositeNamed("header") as Composite));
  for (const code of [0x71, 0x72]) if (random.once(3)) parts.push(concat(hex("0053"), octets(code), textMap(random, "symbol")));
  if (random.once(2)) parts.push(composite(random, compositeNamed("properties") as Composite));
  if (random.once(3)) parts.push(concat(hex("005374"), textMap(random, "string")));
  const bodies = random.once(6) ? random.below(5) : 1;
  const code = random.pick([0x75, 0x76, 0x77]);
  for (let i = 0; i < bodies; i++) {
    const content = code === 0x75 ? binary(random) : code === 0x76 ? compound(random, 0xd0, 2, concat(anyValue(random, 2), anyValue(random, 2))) : anyValue(random);
    parts.push(concat(hex("0053"), octets(random.once(12) ? 0x70 + random.below(12) : code), content));
  }
  if (random.once(4)) parts.push(concat(hex("005378"), textMap(random, "symbol")));
  if (random.once(10)) parts.reverse();
  return concat(...parts);
}

/** A frame with any performative of type 0 or, where `sasl`, of type 1. */
export function anyFrame(random: Random, sasl = false): Uint8Array {
  const type = random.pick(sasl ? SASL_BODIES : WEIGHTED);
  return frameOf(random, type, sasl ? 1 : 0);
}

/** A frame with this performative. */
export function frameOf(random: Random, type: Composite, frameType: 0 | 1 = 0): Uint8Array {
  const payload = type.name === "transfer" && !random.once(6) ? anyMessage(random) : new Uint8Array(0);
  const cut = payload.length > 0 && random.once(3) ? payload.subarray(0, random.below(payload.length)) : payload;
  const channel = random.once(12) ? random.pick([1, 2, 63, 64, 65535]) : 0;
  return frameBytes(concat(composite(random, type), cut), {
    channel, type: random.once(60) ? random.below(4) : frameType, ...(random.once(40) ? { extended: random.bytes(4 * random.below(4)) } : {}),
    ...(random.once(60) ? { size: random.pick([0, 7, 8, 9, 512, 0x7fffffff, 0xffffffff]) } : {}), ...(random.once(60) ? { doff: random.below(6) } : {}),
  });
}

/** The performatives, those that a session is mostly made of more than once. */
const WEIGHTED: readonly Composite[] = PERFORMATIVES.flatMap((type) => {
  const times = type.name === "transfer" || type.name === "attach" ? 6 : type.name === "open" || type.name === "close" || type.name === "end" ? 1 : 3;
  return Array<Composite>(times).fill(type);
});
const OUTCOMES = PARTS.filter(({ name }) => /^(?:received|accepted|rejected|released|modified|declared|transactional-state)$/.test(name));

function composite(random: Random, type: Composite): Uint8Array {
  const values = type.fields.map((field) => ({ bytes: fieldOf(random, field) }));
  while (values.length > 0 && random.once(4)) values.pop();
  if (random.once(50)) values.push({ bytes: anyValue(random, 1) });
  return encodeComposite(type, values);
}

function fieldOf(random: Random, field: Field): Uint8Array {
  if (random.once(40)) return anyValue(random, 2);
  if (!field.mandatory && random.once(2)) return octets(0x40);
  switch (field.name) {
    case "handle": return typed("uint", random.once(8) ? random.pick(UINTS) : random.below(3));
    case "deliveryId": case "first": case "last": case "nextOutgoingId": case "nextIncomingId": case "deliveryCount": case "initialDeliveryCount":
      return typed("uint", random.once(4) ? random.pick(UINTS) : random.below(4));
    case "incomingWindow": case "outgoingWindow": case "linkCredit": case "maxFrameSize": return typed("uint", random.once(3) ? random.pick(UINTS) : 2048);
    case "deliveryTag": return typed("binary", hex(random.pick(TAGS)));
    case "name": return typed("string", random.pick(["l", "r", "s", "x"]));
  }
  switch (field.type) {
    case "string": return typed("string", random.pick(TEXTS));
    case "symbol": return typed("symbol", random.pick(SYMBOLS));
    case "symbols": return random.once(3) ? typed("symbol", random.pick(SYMBOLS)) : typed("array", ["symbol", Array.from({ length: random.below(4) }, () => random.pick(SYMBOLS))]);
    case "uint": return typed("uint", random.pick(UINTS));
    case "ushort": return typed("ushort", random.pick([0, 1, 2, 63, 64, 65535]));
    case "ubyte": return typed("ubyte", random.below(7));
    case "ulong": return typed("ulong", random.once(3) ? 0xffffffffffffffffn : BigInt(random.pick(UINTS)));
    case "boolean": return typed("boolean", random.once(2));
    case "role": return typed("boolean", random.once(2));
    case "sndSettleMode": return typed("ubyte", random.below(random.once(10) ? 5 : 3));
    case "rcvSettleMode": return typed("ubyte", random.below(random.once(10) ? 5 : 2));
    case "timestamp": return typed("timestamp", random.pick([0n, 1n, 8640000000000001n, -(2n ** 63n), 2n ** 63n - 1n]));
    case "binary": return binary(random);
    case "fields": return textMap(random, "symbol");
    case "unsettled": return unsettled(random);
    case "source": case "target": case "error": return composite(random, compositeNamed(random.once(20) ? "coordinator" : field.type) as Composite);
    case "state": return state(random, 2);
    default: return anyValue(random, 2);
  }
}

/** Unsettled deliveries by tag: null, partly received, or with an outcome (§2.6.13). */
function unsettled(random: Random): Uint8Array {
  const pairs: Uint8Array[] = [];
  const count = random.below(random.once(10) ? 40 : 5);
  for (let i = 0; i < count; i++) {
    const key = random.once(20) ? anyValue(random, 0) : typed("binary", random.once(2) ? hex(random.pick(TAGS)) : bigEndian(i, 4));
    pairs.push(key, random.once(3) ? octets(0x40) : state(random, 1));
  }
  return compound(random, 0xd1, pairs.length, concat(...pairs));
}

function state(random: Random, depth: number): Uint8Array {
  const type = random.pick(OUTCOMES);
  if (depth === 0 && type.name === "transactional-state") return encodeComposite(type, []);
  return random.once(25) ? anyValue(random, 1) : composite(random, type);
}

function scalar(random: Random): Uint8Array {
  const [code, width] = random.once(60) ? [random.below(256), random.below(9)] : random.pick(WIDTHS);
  const fill = random.below(4);
  const content = fill === 0 ? random.bytes(width) : new Uint8Array(width).fill(fill === 1 ? 0xff : fill === 2 ? 0x80 : 0);
  if (code === 0x56) content[0] = random.below(random.once(9) ? 3 : 2);
  return concat(octets(code), content);
}

function text(random: Random): Uint8Array {
  if (random.once(3)) return typed("string", random.pick(TEXTS));
  if (random.once(2)) return typed("symbol", random.pick(SYMBOLS));
  return binary(random);
}

function binary(random: Random): Uint8Array {
  const bytes = random.bytes(random.pick([0, 1, 4, 16, 32, 33, 255, 256, 600]));
  return concat(bytes.length < 256 ? octets(0xa0, bytes.length) : concat(octets(0xb0), bigEndian(bytes.length, 4)), bytes);
}

function descriptor(random: Random): Uint8Array {
  if (random.once(3)) return typed("symbol", random.pick(["x:y", "amqp:accepted:list", "amqp:transfer:list"]));
  return typed("ulong", random.once(4) ? 2n ** 64n - 1n : BigInt(0x10 + random.below(0x70)));
}

function textMap(random: Random, keys: "symbol" | "string"): Uint8Array {
  const count = random.below(4);
  const pairs = Array.from({ length: count }, (_, index) => {
    const name = random.once(3) ? random.pick(["__proto__", "constructor", "x-opt-a", "a"]) : `k${index}`;
    return concat(random.once(25) ? anyValue(random, 0) : typed(keys, name), random.once(2) ? scalar(random) : anyValue(random, 2));
  });
  return compound(random, random.once(2) ? 0xd1 : 0xc1, 2 * count, concat(...pairs));
}

function array(random: Random, depth: number): Uint8Array {
  const count = random.once(8) ? random.pick([65_536, 65_537, 0x0fffffff, 0x3fffffff, 0xffffffff]) : random.below(6);
  const fill = Math.min(count, 6);
  if (random.once(4)) {
    const inner = Array.from({ length: fill }, () => anyValue(random, depth - 1)).map((value) => compound(random, 0xd0, 1, value).subarray(1));
    return compound(random, 0xf0, count, concat(octets(0xd0), ...inner));
  }
  const [code, width] = random.pick(WIDTHS);
  if (random.once(3)) {
    const element = random.pick(SIZED);
    const items = Array.from({ length: fill }, () => element >= 0xb0 ? concat(bigEndian(2, 4), octets(0x61, 0x62)) : octets(2, 0x61, 0x62));
    return compound(random, random.once(2) && count < 256 ? 0xe0 : 0xf0, count, concat(octets(element), ...items));
  }
  return compound(random, 0xf0, count, concat(random.once(12) ? concat(octets(0), descriptor(random)) : new Uint8Array(0), octets(code), random.bytes(width * fill)));
}

function compound(random: Random, code: number, count: number, content: Uint8Array): Uint8Array {
  const wide = code >= 0xd0 && code < 0xe0 || code >= 0xf0;
  const short = !wide && content.length < 255 && count < 256;
  const stray = random.once(80) ? random.pick([-1, 1, 0x7fffff00]) : 0;
  const more = random.once(80) ? 1 : 0;
  if (short) return concat(octets(code, (content.length + 1 + stray) & 0xff, count + more & 0xff), content);
  return concat(octets(wide ? code : code + 0x10), bigEndian((content.length + 4 + stray) >>> 0, 4), bigEndian(count + more >>> 0, 4), content);
}

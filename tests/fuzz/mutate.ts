/** Valid streams made a little wrong: octet by octet, and frame by frame. */

import { FrameReader } from "../../src/testing/codec/frame.ts";
import { bigEndian, concat } from "../../src/testing/codec/octets.ts";
import { anyFrame, anyValue } from "./generate.ts";
import type { Random } from "./random.ts";

const EDGES = [0, 1, 0x40, 0x45, 0x53, 0x7f, 0x80, 0xb0, 0xc0, 0xd0, 0xf0, 0xfe, 0xff];
/** Octets of the largest input that is made. */
export const LARGEST = 64 * 1024;

/** A few octets changed, added, taken away or repeated. */
export function mutateBytes(random: Random, bytes: Uint8Array): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(result.length + 1);
    const to = Math.min(result.length, at + 1 + random.below(16));
    switch (random.below(7)) {
      case 0: result[at] = random.pick(EDGES); break;
      case 1: result[at] = (result[at] ?? 0) ^ (1 << random.below(8)); break;
      case 2: result[at] = (result[at] ?? 0) + (random.once(2) ? 1 : -1); break;
      case 3: result = concat(result.subarray(0, at), result.subarray(to)); break;
      case 4: result = concat(result.subarray(0, to), result.subarray(at)); break;
      case 5: result = concat(result.subarray(0, at), random.once(2) ? anyValue(random, 2) : random.bytes(1 + random.below(6)), result.subarray(at)); break;
      default: result.set(bigEndian(random.pick([0, 1, 0x7fffffff, 0xffffffff]), 4).subarray(0, Math.max(0, result.length - at)), Math.min(at, result.length));
    }
  }
  return result.subarray(0, LARGEST);
}

/** Frames left out, sent twice, in another order, with others between them, or changed inside. */
export function mutateFrames(random: Random, stream: Uint8Array, sasl = false): Uint8Array {
  const reader = new FrameReader();
  const frames: Uint8Array[] = [...reader.push(stream).map(({ bytes }) => bytes), reader.rest];
  for (let times = 1 + random.below(4); times > 0; times--) {
    const at = random.below(frames.length);
    const frame = frames[at] as Uint8Array;
    switch (random.below(7)) {
      case 0: frames.splice(at, 1); break;
      case 1: frames.splice(at, 0, frame); break;
      case 2: frames.splice(random.below(frames.length), 0, ...frames.splice(at, 1)); break;
      case 3: case 4: frames.splice(at + 1, 0, anyFrame(random, sasl && random.once(2))); break;
      case 5: frames[at] = sized(mutateBytes(random, frame)); break;
      default: frames[at] = substituted(random, frame);
    }
    if (frames.length === 0) frames.push(anyFrame(random, sasl));
  }
  return concat(...frames).subarray(0, LARGEST);
}

/** With the size that it has in truth, so that what is wrong is inside. */
function sized(frame: Uint8Array): Uint8Array {
  if (frame.length >= 8 && frame[0] !== 0x41) frame.set(bigEndian(frame.length, 4), 0);
  return frame;
}

/** One field of the performative replaced by any value: a list32 in the place of what list there was. */
function substituted(random: Random, frame: Uint8Array): Uint8Array {
  const items = new FrameReader().push(frame)[0]?.list ?? [];
  if (items.length === 0) return frame;
  const which = random.below(items.length);
  const content = concat(...items.map(({ bytes }, index) => index === which ? anyValue(random, 2) : bytes));
  const performative = concat(frame.subarray(8, 11), Uint8Array.of(0xd0), bigEndian(content.length + 4, 4), bigEndian(items.length, 4), content);
  const size = frame[11] === 0xc0 ? 2 + (frame[12] ?? 0) : frame[11] === 0xd0 ? 5 + new DataView(frame.buffer, frame.byteOffset).getUint32(12) : 1;
  return sized(concat(frame.subarray(0, 8), performative, frame.subarray(11 + size)));
}

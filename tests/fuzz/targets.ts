/** What is fuzzed: how an input is made, and what must hold whatever it is. */

import { DecodeError } from "../../src/errors.ts";
import { readPerformative, writePerformative } from "../../src/frames/codec.ts";
import { FrameSplitter } from "../../src/frames/splitter.ts";
import { Message } from "../../src/message/message.ts";
import { encodeComposite } from "../../src/testing/codec/composite.ts";
import { FrameReader, frameBytes, headerBytes } from "../../src/testing/codec/frame.ts";
import { concat, toHex } from "../../src/testing/codec/octets.ts";
import { PERFORMATIVES, compositeNamed } from "../../src/testing/codec/schema.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { ByteReader, readValue, skipValue } from "../../src/wire/decode.ts";
import { writeValue } from "../../src/wire/encode.ts";
import { FuzzedEngine } from "./engine.ts";
import type { Reaction } from "./engine.ts";
import { anyFrame, anyMessage, anyValue, frameOf } from "./generate.ts";
import { LARGEST, mutateBytes, mutateFrames } from "./mutate.ts";
import { Random } from "./random.ts";
import { recordings } from "./recordings.ts";

/** The parts of the library that can be fuzzed by themselves. */
export type TargetName = "decoder" | "frames" | "message" | "client" | "listener" | "sasl";

export interface Target {
  readonly name: TargetName;
  make(random: Random): Uint8Array;
  /** Answers what the input led to, in a word, for the report. @throws whatever must not be */
  check(input: Uint8Array): string;
}

/** Something that must not be. */
export class Finding extends Error {}

export const TARGETS: readonly Target[] = [
  { name: "decoder", make: (random) => some(random, anyValue(random)), check: checkValue },
  { name: "frames", make: (random) => some(random, frameStream(random)), check: checkFrames },
  { name: "message", make: (random) => some(random, anyMessage(random)), check: checkMessage },
  { name: "client", make: (random) => session(random, "server"), check: (input) => checkEngine("client", false, input) },
  { name: "listener", make: (random) => session(random, "client"), check: (input) => checkEngine("server", false, input) },
  {
    name: "sasl", make: (random) => session(random, random.once(2) ? "sasl-server" : "sasl-client"),
    check: (input) => `${checkEngine("client", true, input)}, ${checkEngine("server", true, input)}`,
  },
];

// ---------------------------------------------------------------- inputs

/** As it is, or a little wrong. */
function some(random: Random, bytes: Uint8Array): Uint8Array {
  return random.once(3) ? bytes.subarray(0, LARGEST) : mutateBytes(random, bytes);
}

function frameStream(random: Random): Uint8Array {
  return concat(headerBytes("amqp"), ...Array.from({ length: 1 + random.below(8) }, () => anyFrame(random)));
}

/** What one side of a recorded connection said, changed; or header, open and begin of it, and then anything. */
function session(random: Random, by: "client" | "server" | "sasl-client" | "sasl-server"): Uint8Array {
  const sasl = by.startsWith("sasl-");
  const recorded = random.pick(recordings()[by]);
  switch (random.below(5)) {
    case 0:
      return mutateBytes(random, recorded);
    case 1:
      return mutateBytes(random, mutateFrames(random, recorded, sasl));
    case 2: {
      const frames = new FrameReader().push(recorded);
      const kept = frames.slice(0, sasl ? 1 + random.below(3) : 3).map(({ bytes }) => bytes);
      return concat(...kept, ...Array.from({ length: 1 + random.below(12) }, () => anyFrame(random, sasl && random.once(2)))).subarray(0, LARGEST);
    }
    case 3:
      if (!sasl) return resuming(random, recorded, by === "client");
  }
  return mutateFrames(random, recorded, sasl);
}

/** Links attached with unsettled deliveries, and transfers that resume them (§2.6.13). */
function resuming(random: Random, recorded: Uint8Array, connecting: boolean): Uint8Array {
  const begun = new FrameReader().push(recorded).slice(0, 3).map(({ bytes }) => bytes);
  const attach = compositeNamed("attach") as (typeof PERFORMATIVES)[number];
  const role = random.once(2) ? "sender" : "receiver";
  const unsettled = new Map(Array.from({ length: random.below(6) }, (_, index) => [Uint8Array.of(index === 0 ? 0xaa : index), random.pick([null, "accepted", "released", { type: "received", sectionNumber: index, sectionOffset: 0 }])]));
  const first = frameBytes(encodeComposite(attach, {
    name: connecting ? "l" : role === "sender" ? "r" : "s", handle: 0, role, source: { address: "q" }, target: { address: "q" }, initialDeliveryCount: 0,
    unsettled, incompleteUnsettled: random.once(3), rcvSettleMode: random.pick(["first", "second"]),
  }));
  const transfer = compositeNamed("transfer") as (typeof PERFORMATIVES)[number];
  const transfers = Array.from({ length: 1 + random.below(8) }, (_, index) => {
    const fields = encodeComposite(transfer, {
      handle: 0, deliveryId: random.once(9) ? index + 1 : index, deliveryTag: Uint8Array.of(random.pick([0xaa, 1, 2, index])), messageFormat: 0, resume: random.once(2),
      more: random.once(5), aborted: random.once(9), settled: random.once(3), ...(random.once(2) ? { state: random.pick(["accepted", "released", { type: "received", sectionNumber: 0, sectionOffset: 3 }]) } : {}),
    });
    return frameBytes(concat(fields, random.once(3) ? new Uint8Array(0) : anyMessage(random)));
  });
  const rest = Array.from({ length: random.below(5) }, () => frameOf(random, random.pick(PERFORMATIVES)));
  return concat(...begun, first, ...transfers, ...rest).subarray(0, LARGEST);
}

// ---------------------------------------------------------------- what must hold

/** A value: refused, or written again in a way that does not change any more, and skipped where it is read. */
function checkValue(input: Uint8Array): string {
  const reader = new ByteReader(input);
  let value: unknown;
  try {
    value = readValue(reader, { typed: true });
  } catch (error) {
    return refused(error);
  }
  const end = reader.position;
  const skipper = new ByteReader(input);
  skipValue(skipper);
  if (skipper.position !== end) throw new Finding(`read up to ${end}, skipped up to ${skipper.position}`);
  const once = written(value);
  const again = new ByteReader(once);
  const twice = written(readValue(again, { typed: true }));
  if (again.position !== once.length) throw new Finding("octets are left of what was written");
  equal("written, read and written again", once, twice);
  return "a value";
}

function written(value: unknown): Uint8Array {
  const w = new ByteWriter();
  writeValue(w, value);
  return w.toBytes();
}

/** A stream: the same frames wherever it is cut, each refused or written again in a way that does not change any more. */
function checkFrames(input: Uint8Array): string {
  const { log, result } = split(input, []);
  for (const cuts of [[1], cutsOf(input), [7, 1, 300]]) {
    const other = split(input, cuts);
    if (other.log.join() !== log.join()) throw new Finding(`cut by ${cuts.join()}: ${other.log.join()} instead of ${log.join()}`);
  }
  return result;
}

function split(input: Uint8Array, cuts: readonly number[]): { log: string[]; result: string } {
  const log: string[] = [];
  let result = "nothing";
  const splitter = new FrameSplitter({
    onHeader: ({ id, major }) => log.push(`header ${id} ${major}`),
    onGarbage: () => log.push("garbage"),
    onBadFrame: (reason) => log.push(reason),
    onFrame: (type, channel, bytes, begin, start, end) => {
      result = start === end ? "empty" : performative(bytes, start, end);
      log.push(`${type} ${channel} ${start - begin} ${toHex(bytes.subarray(start, end))} ${result}`);
    },
  }, LARGEST);
  for (let at = 0, piece = 0; at < input.length; piece++) {
    const size = cuts.length === 0 ? input.length : cuts[piece % cuts.length] as number;
    splitter.push(input.slice(at, at + size));
    at += size;
  }
  return { log, result };
}

function performative(bytes: Uint8Array, start: number, end: number): string {
  const reader = new ByteReader(bytes.slice(start, end));
  let read: ReturnType<typeof readPerformative>;
  try {
    read = readPerformative(reader);
  } catch (error) {
    return refused(error);
  }
  const once = new ByteWriter();
  writePerformative(once, read);
  const twice = new ByteWriter();
  writePerformative(twice, readPerformative(new ByteReader(once.toBytes())));
  equal(`a ${read.type} written, read and written again`, once.toBytes(), twice.toBytes());
  return read.type;
}

/** A message: refused as a whole, or every field of it is there or refused, and its octets go on as they came. */
function checkMessage(input: Uint8Array): string {
  let message: Message;
  try {
    message = Message.decode(input);
  } catch (error) {
    return refused(error);
  }
  let broken = false;
  for (const field of FIELDS) {
    try {
      void message[field];
    } catch (error) {
      refused(error);
      broken = true;
    }
  }
  const fresh = Message.decode(input);
  const once = fresh.encode();
  const twice = Message.decode(once).encode();
  equal("a message sent on twice", once, twice);
  return broken ? "a message with a field that is refused" : "a message";
}

const FIELDS = [
  "durable", "priority", "ttl", "firstAcquirer", "deliveryCount", "id", "userId", "to", "subject", "replyTo", "correlationId", "contentType", "contentEncoding", "expiryTime", "creationTime",
  "groupId", "groupSequence", "replyToGroupId", "instructions", "annotations", "properties", "footer", "body",
] as const satisfies readonly (keyof Message)[];

/** A connection: told and answered in the same way wherever the stream is cut, never crashed, and what it says is AMQP. */
function checkEngine(side: "client" | "server", sasl: boolean, given: Uint8Array): string {
  const input = completed(given);
  const whole = new FuzzedEngine(side, sasl).feed(input).finish();
  checkReaction(whole);
  for (const cuts of input.length < 4096 ? [cutsOf(input), [1]] : [cutsOf(input)]) {
    const cut = new FuzzedEngine(side, sasl).feed(input, cuts).finish();
    if (cut.log.join("\n") !== whole.log.join("\n")) throw new Finding(`cut by ${cuts.join()}, told:\n${cut.log.join("\n")}\ninstead of:\n${whole.log.join("\n")}`);
    equal(`cut by ${cuts.join()}, said`, whole.output, cut.output);
  }
  return `${whole.failure?.code ?? whole.state} ${whole.log.at(-1)?.replace(/[0-9a-f]{4,}|\d+/g, "#").slice(0, 60) ?? ""}`;
}

function checkReaction({ output, failure }: Reaction): void {
  if (failure?.code === "invalid-state") throw new Finding(`crashed: ${String(failure)}`);
  const reader = new FrameReader();
  const frames = reader.push(output);
  if (reader.rest.length > 0) throw new Finding(`${reader.rest.length} octets of a frame were said`);
  const bad = frames.find(({ name }) => name === "unreadable");
  if (bad !== undefined) throw new Finding(`a frame was said that breaks the standard: ${String(bad.fields["reason"])}`);
  const close = frames.findIndex(({ name }) => name === "close");
  const after = close < 0 ? undefined : frames[close + 1];
  if (after !== undefined) throw new Finding(`${after.name} was said after close`);
}

/** With the end of its last frame: what is known of a frame before that end depends on how much of it is there, and may. */
function completed(input: Uint8Array): Uint8Array {
  const reader = new FrameReader();
  reader.push(input);
  const { rest } = reader;
  if (rest.length < 4) return input;
  const size = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
  return size > LARGEST || size <= rest.length ? input : concat(input, new Uint8Array(size - rest.length));
}

/** Pieces that depend on the input alone, so that a replay cuts as the first run did. */
function cutsOf(input: Uint8Array): number[] {
  const random = new Random(input.reduce((sum, octet) => (Math.imul(sum, 31) + octet) >>> 0, input.length));
  return Array.from({ length: 5 }, () => 1 + random.below(random.once(2) ? 9 : 400));
}

function refused(error: unknown): string {
  if (!(error instanceof DecodeError)) throw error;
  return error.message.replace(/0x[0-9a-f]+|\d+/g, "#").slice(0, 60);
}

function equal(what: string, a: Uint8Array, b: Uint8Array): void {
  if (a.length !== b.length || a.some((octet, index) => octet !== b[index])) throw new Finding(`${what}: ${toHex(a).slice(0, 400)} and then ${toHex(b).slice(0, 400)}`);
}

/**
 * Descriptions of messages: what a peer is asked to send, and what a peer says it received. The two differ only in how bytes are
 * written: asked for as hex or as "so many octets of a pattern", reported as hex while few, else as length and digest.
 */
import { createHash } from "node:crypto";
import { anything, scalars } from "./cases.ts";
import type { Case } from "./cases.ts";
import { carries } from "./exclusions.ts";
import type { Party } from "./exclusions.ts";
import { bytesOf } from "./notation.ts";
import type { Notation } from "./notation.ts";

export type Chunk = readonly ["hex", string] | readonly ["pattern", number, number];
export type Body = readonly ["value", Notation] | readonly ["data", readonly Chunk[]] | readonly ["sequence", readonly (readonly Notation[])[]];
export type SeenBytes = readonly ["hex", string] | readonly ["sha256", number, string];
export type SeenBody = readonly ["value", Notation] | readonly ["data", number, SeenBytes] | readonly ["sequence", readonly (readonly Notation[])[]];
export type Entries = Readonly<Record<string, Notation>>;

export interface Fields {
  readonly correlationId?: Notation | undefined;
  readonly subject?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly contentType?: string | undefined;
  readonly contentEncoding?: string | undefined;
  /** Milliseconds, as decimal text. */
  readonly expiryTime?: string | undefined;
  readonly creationTime?: string | undefined;
  readonly groupId?: string | undefined;
  readonly groupSequence?: number | undefined;
  readonly replyToGroupId?: string | undefined;
  /** Hex. */
  readonly userId?: string | undefined;
}

interface Common {
  readonly id: Notation;
  readonly properties?: Entries | undefined;
  readonly annotations?: Entries | undefined;
  readonly instructions?: Entries | undefined;
  readonly footer?: Entries | undefined;
  readonly header?: { readonly durable?: boolean | undefined; readonly priority?: number | undefined; readonly ttl?: number | undefined } | undefined;
  readonly fields?: Fields | undefined;
}

/** A message to send. */
export interface Description extends Common {
  readonly body: Body;
}

/** A message as it was received. */
export interface Seen extends Common {
  readonly body: SeenBody;
}

/** `count` messages that go through `parties` with every type that all of them carry, in bodies, properties and annotations. */
export function typedMessages(run: string, count: number, parties: readonly Party[]): Description[] {
  const carried = (place: "body" | "properties" | "annotations" | "id", cases: readonly Case[]): readonly Case[] => cases.filter((one) => carries(parties, place, one.name));
  const bodies = bodyCases.filter((one) => carries(parties, "body", one.name));
  const properties = carried("properties", scalars);
  const annotations = carried("annotations", anything);
  const pick = <T>(list: readonly T[], i: number): T => list[i % list.length] as T;
  return Array.from({ length: count }, (_, i) => {
    const ids = idCases(run, i).filter((one) => carries(parties, "id", one.name));
    const fields = Object.entries(fieldCases(run, i)).filter(([name]) => carries(parties, "field", name));
    const all: Record<string, unknown> = {
      id: pick(ids, i).value,
      body: pick(bodies, i).body,
      properties: { run: ["string", run], p: pick(properties, i).value, q: pick(properties, i * 7 + 3).value },
      annotations: { "x-opt-test": pick(annotations, i).value },
      header: headerCase(i, parties),
      fields: Object.fromEntries(fields),
    };
    if (carries(parties, "section", "instructions")) all["instructions"] = { "x-opt-hop": pick(annotations, i + 5).value };
    if (carries(parties, "section", "footer")) all["footer"] = { "x-opt-sum": pick(annotations, i + 9).value };
    return all as unknown as Description;
  });
}

/** The sizes that the suite sends, and how many messages of each. */
export const SIZES: readonly (readonly [octets: number, messages: number])[] = [[0, 8], [1, 8], [255, 8], [256, 8], [65_536, 8], [1_048_576, 3], [4_194_304, 2]];

/** Messages with a data section of each size. */
export function sizedMessages(run: string): Description[] {
  const list: Description[] = [];
  for (const [octets, messages] of SIZES) {
    for (let i = 0; i < messages; i++) {
      list.push({ id: ["string", `${run}-${octets}-${i}`], body: ["data", [["pattern", octets, i]]], properties: { run: ["string", run] }, header: { durable: true } });
    }
  }
  return list;
}

/** 1,000 messages of every type, and messages of every size. */
export function typedAndSized(run: string, parties: readonly Party[]): Description[] {
  return [...typedMessages(run, 1_000, parties), ...sizedMessages(run)];
}

/** The forms that a body can have: any value, one or more data sections, one or more sequences. */
export const bodyCases: readonly { readonly name: string; readonly body: Body }[] = [
  ...anything.map(({ name, value }) => ({ name: `value ${name}`, body: ["value", value] as const })),
  { name: "data", body: ["data", [["hex", "00010203"]]] },
  { name: "data empty", body: ["data", [["hex", ""]]] },
  { name: "data of three sections", body: ["data", [["hex", "01"], ["hex", ""], ["hex", "0203"]]] },
  { name: "sequence", body: ["sequence", [[["int", 1], ["string", "two"], ["list", []]]]] },
  { name: "sequence of two sections", body: ["sequence", [[["int", 1]], [["symbol", "x"], ["null"]]]] },
];

const hexNumber = (i: number): string => i.toString(16).padStart(12, "0");

/** A message id of each type; all of a run are different. */
export function idCases(run: string, i: number): readonly Case[] {
  return [
    { name: "string", value: ["string", `${run}-${i}`] },
    { name: "ulong", value: ["ulong", String(0x1_0000_0000n + BigInt(i))] },
    { name: "uuid", value: ["uuid", `aaaaaaaa-bbbb-4ccc-8ddd-${hexNumber(i)}`] },
    { name: "binary", value: ["binary", `beef${hexNumber(i)}`] },
  ];
}

// One priority for all: brokers deliver those of a higher one first.
function headerCase(i: number, parties: readonly Party[]): NonNullable<Common["header"]> {
  return {
    durable: true,
    ...(carries(parties, "header", "priority") ? { priority: 7 } : {}),
    ...(i % 5 === 0 && carries(parties, "header", "ttl") ? { ttl: 86_400_000 } : {}),
  };
}

function fieldCases(run: string, i: number): Fields {
  return {
    correlationId: (idCases(run, i)[(i + 1) % 4] as Case).value,
    subject: `subject ${i}`,
    replyTo: `reply-${i}`,
    contentType: "application/x-test",
    contentEncoding: "identity",
    expiryTime: "4102444800000",
    creationTime: "1700000000000",
    groupId: `group ${i % 10}`,
    groupSequence: i + 1,
    replyToGroupId: "replies",
    userId: Buffer.from("guest").toString("hex"),
  };
}

/** What a peer that received `sent` must report. */
export function expectedOf(sent: Description): Seen {
  const { body } = sent;
  if (body[0] !== "data") return { ...sent, body };
  return { ...sent, body: ["data", body[1].length, seenBytes(joined(body[1]))] };
}

/** The octets of a chunk. */
export function chunkBytes(chunk: Chunk): Uint8Array<ArrayBuffer> {
  if (chunk[0] === "hex") return bytesOf(chunk[1]);
  const octets = new Uint8Array(chunk[1]);
  for (let i = 0; i < octets.length; i++) octets[i] = ((i % 251) * 7 + chunk[2]) & 0xff;
  return octets;
}

function joined(chunks: readonly Chunk[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks.map(chunkBytes)));
}

/** How received octets are reported. */
export function seenBytes(octets: Uint8Array): SeenBytes {
  if (octets.length <= 64) return ["hex", Buffer.from(octets).toString("hex")];
  return ["sha256", octets.length, createHash("sha256").update(octets).digest("hex")];
}

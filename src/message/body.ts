/** The three forms that the body of a message can have (§3.2.6-8), where a program wants to choose. */

import { notEncodable } from "../wire/values.ts";
import type { OpenBody } from "./streamed-body.ts";
import { StreamedBody, notKept } from "./streamed-body.ts";

/** Sections that a body may have; more are taken for an attack on arrival, so they are not sent either. */
export const MAX_BODY_SECTIONS = 10_000;

/** A body whose section was chosen with `data`, `sequence` or `value`. */
export class BodySection<K extends "data" | "sequence" | "value" = "data" | "sequence" | "value"> {
  readonly section: K;
  /** data: the chunks, or one StreamedBody; sequence: the lists, each a section of its own; value: the one value. @internal */
  readonly parts: readonly unknown[];

  private constructor(section: K, parts: readonly unknown[]) {
    this.section = section;
    this.parts = parts;
  }

  /** @internal */
  static of<K extends "data" | "sequence" | "value">(section: K, parts: readonly unknown[]): BodySection<K> {
    return new BodySection(section, parts);
  }

  /** Whether its octets come from somewhere when it is sent. @internal */
  get isStreamed(): boolean {
    return this.parts[0] instanceof StreamedBody;
  }

  /** What `message.body` reads. @throws LinkError invalid-state for a streamed body @internal */
  get content(): unknown {
    if (this.isStreamed) throw notKept();
    if (this.parts.length === 1) return this.parts[0];
    if (this.section === "sequence") return this.parts;
    return joinBytes(this.parts as readonly Uint8Array[]);
  }
}

/**
 * A body of data sections, one for each chunk; it is read back as the bytes of all.
 * @throws EncodeError not-encodable for what is not a Uint8Array, and for more than 10,000 chunks
 */
export function data(...chunks: Uint8Array[]): BodySection<"data"> {
  checkParts("data", chunks, (chunk) => chunk instanceof Uint8Array, "a Uint8Array");
  return BodySection.of("data", chunks.length === 0 ? [new Uint8Array(0)] : chunks);
}

/**
 * A body of amqp-sequence sections, one for each list; one list is read back as that list, several as an array of lists.
 * @throws EncodeError not-encodable for what is not an array, and for more than 10,000 lists
 */
export function sequence(...lists: unknown[][]): BodySection<"sequence"> {
  checkParts("sequence", lists, Array.isArray, "an array");
  return BodySection.of("sequence", lists.length === 0 ? [[]] : lists);
}

/** A body of one amqp-value section, whatever the value: bytes as AMQP binary, for example. */
export function value(value: unknown): BodySection<"value"> {
  return BodySection.of("value", [value]);
}

/** Options of `streamed()`. */
export interface StreamedOptions {
  /** Octets of the body, 0 to 2^53 - 1. @default not known: the body is sent as several data sections */
  length?: number | undefined;
}

/**
 * A body that is asked for when its message leaves, as fast as the peer takes it: of any size, and never in memory as a whole.
 * @param open gives the octets from `offset` on; it is called with 0 when the message is about to leave, and again where it has to be sent again
 * @throws EncodeError not-encodable for other arguments
 */
export function streamed(open: (offset: number) => AsyncIterable<Uint8Array>, options?: StreamedOptions): BodySection<"data"> {
  if (typeof open !== "function") throw notEncodable("streamed(): argument 1 is a function that gives an async iterable of Uint8Array");
  for (const name of Object.keys(options ?? {})) {
    if (name !== "length") throw notEncodable(`streamed(): there is no option ${JSON.stringify(name.slice(0, 80))}; there is length`);
  }
  const length = options?.length;
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0)) {
    throw notEncodable("streamed(): option \"length\" is a whole number of octets, 0 to 2^53 - 1");
  }
  return streamedSection(open, length);
}

/** A body section of octets that are not here; without `open` somebody hands them in. @internal */
export function streamedSection(open?: OpenBody, length?: number, footer?: () => Uint8Array): BodySection<"data"> {
  return BodySection.of("data", [new StreamedBody(open, length, footer)]);
}

/** The bytes of several chunks, one after the other. */
export function joinBytes(chunks: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}

function checkParts(section: string, parts: readonly unknown[], fits: (part: unknown) => boolean, wanted: string): void {
  if (parts.length > MAX_BODY_SECTIONS) {
    throw notEncodable(`${section}(): ${parts.length} sections, at most ${MAX_BODY_SECTIONS} are allowed`);
  }
  for (const [index, part] of parts.entries()) {
    if (!fits(part)) throw notEncodable(`${section}(): argument ${index + 1} is not ${wanted}`);
  }
}

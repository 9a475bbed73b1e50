/** The three forms that the body of a message can have (§3.2.6-8), where a program wants to choose. */

import { notEncodable } from "../wire/values.ts";

/** Sections that a body may have; more are taken for an attack on arrival, so they are not sent either. */
export const MAX_BODY_SECTIONS = 10_000;

/** A body whose section was chosen with `data`, `sequence` or `value`. */
export class BodySection<K extends "data" | "sequence" | "value" = "data" | "sequence" | "value"> {
  readonly section: K;
  /** data: the chunks, sequence: the lists, each a section of its own; value: the one value. @internal */
  readonly parts: readonly unknown[];

  private constructor(section: K, parts: readonly unknown[]) {
    this.section = section;
    this.parts = parts;
  }

  /** @internal */
  static of<K extends "data" | "sequence" | "value">(section: K, parts: readonly unknown[]): BodySection<K> {
    return new BodySection(section, parts);
  }

  /** What `message.body` reads. @internal */
  get content(): unknown {
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

/**
 * Where the octets of a body of data sections lie in the message, for the delivery state received (§3.4.1): it names a section by
 * its number, from 0, and an octet of it, counted from the section's first one, its constructor included.
 */

import { ConfigError } from "../errors.ts";
import { SECTION, bodyEnd, findBody, sectionCode, sectionValue, valueEnd } from "./layout.ts";

/** Sections of which the place is known; a stream of more forgets its oldest. */
const MOST = 65_536;

/** A place in a message as the state received names it. */
export interface Place {
  readonly section: number;
  readonly offset: number;
}

export class SectionMap {
  /** Sections before the body. */
  before = 0;
  /** Octets of the body that have come. */
  length = 0;
  /** Sections of the body that have been forgotten. */
  #forgotten = 0;
  /** Of each section, the octet of the body that it begins with, and the octets of its own head. */
  #starts: number[] = [];
  #heads: number[] = [];

  /** That of a message that is there whole. */
  static of(bytes: Uint8Array, start: number, end: number): SectionMap {
    const map = new SectionMap();
    const body = findBody(bytes, start, end);
    for (let at = start; at < body; at = valueEnd(bytes, sectionValue(bytes, at))) map.before += 1;
    const stop = bodyEnd(bytes, body, end);
    for (let at = body; at < stop;) {
      const value = sectionValue(bytes, at);
      const head = value - at + (bytes[value] === 0xa0 ? 2 : 5);
      map.begin(head);
      const next = valueEnd(bytes, value);
      map.length += next - at - head;
      at = next;
    }
    return map;
  }

  /** A data section begins, with so many octets before the first of the body. */
  begin(head: number): void {
    if (this.#starts.length === MOST) {
      this.#starts = this.#starts.slice(MOST / 2);
      this.#heads = this.#heads.slice(MOST / 2);
      this.#forgotten += MOST / 2;
    }
    this.#starts.push(this.length);
    this.#heads.push(head);
  }

  /** Where octet `offset` of the body lies. @throws ConfigError config where that is not known (any more) */
  locate(offset: number): Place {
    const starts = this.#starts;
    if (!Number.isSafeInteger(offset) || offset < 0 || offset > this.length) {
      throw unfit(`${String(offset)} is no octet of a body of which ${this.length} have come`);
    }
    if (starts.length === 0) return { section: this.before, offset: 0 };
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    if ((starts[low] as number) > offset) throw unfit(`octet ${offset} lies more than ${MOST / 2} sections back`);
    return { section: this.before + this.#forgotten + low, offset: offset - (starts[low] as number) + (this.#heads[low] as number) };
  }

  /** The octet of the body at a place; undefined where that is before it, or not known. */
  octetAt({ section, offset }: Place): number | undefined {
    const index = section - this.before - this.#forgotten;
    const start = this.#starts[index];
    return start === undefined ? undefined : start + Math.max(0, offset - (this.#heads[index] as number));
  }
}

/** Whether the body of a message that is there whole is made of data sections, or there is none. */
export function isData(bytes: Uint8Array, start: number, end: number): boolean {
  const at = findBody(bytes, start, end);
  const code = at < end ? sectionCode(bytes, at) : SECTION.footer;
  return code === SECTION.data || code === SECTION.footer;
}

/** The octets of its body, section by section. */
export function* dataSections(bytes: Uint8Array, start: number, end: number): IterableIterator<Uint8Array> {
  const body = findBody(bytes, start, end);
  const stop = bodyEnd(bytes, body, end);
  for (let at = body; at < stop;) {
    const value = sectionValue(bytes, at);
    at = valueEnd(bytes, value);
    yield bytes.subarray(value + (bytes[value] === 0xa0 ? 2 : 5), at);
  }
}

function unfit(why: string): ConfigError {
  return new ConfigError(`update(): received: ${why}`, { code: "config", scope: "delivery" });
}

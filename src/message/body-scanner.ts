/**
 * A message whose octets come in pieces (§3.2): what stands before its body is kept, a body of data sections is given on as it
 * comes, less the heads of the sections, and the footer is kept again. Every other kind of message is kept whole. Order and
 * types of the sections are checked on the way as `checkMessage` does for a message that is there.
 */

import { ByteWriter } from "../util/byte-writer.ts";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import { broken, checkMessage } from "./check.ts";
import { readSize, SECTION, SECTION_CODES, asciiText } from "./layout.ts";
import { SectionMap } from "./section-map.ts";

/** Octets of the longest head of a data section: descriptor by name in its long form, format and size. */
const LONGEST_HEAD = 32;

/** Who gets the octets of the body. */
export interface BodySink {
  /** bytes[from, to) are octets of the body. */
  onData(bytes: Uint8Array, from: number, to: number): void;
}

/** `head`: not known yet; `data`: the body is given on; `whole`: it is kept, like everything else of it. */
export type ScanState = "head" | "data" | "whole";

export class BodyScanner {
  state: ScanState = "head";
  /** The sections before the body, once the state is `data`; all of the message in the end if it is `whole`. */
  head: Bytes = EMPTY;
  /** The footer section; empty where there is none. */
  footer: Bytes = EMPTY;
  /** Where the octets of the body lie in the message. */
  readonly sections = new SectionMap();
  readonly #most: number;
  readonly #sink: BodySink;
  /** What is kept: the head, or all of it, or the footer. */
  #kept = new ByteWriter(0);
  /** Where the next section begins in what is kept. */
  #at = 0;
  /** Octets left of the data section. */
  #left = 0;
  /** The head of a section that is cut. */
  readonly #pending = new Uint8Array(LONGEST_HEAD);
  #filled = 0;
  #inFooter = false;

  /** @param most octets that may be kept of it */
  constructor(most: number, sink: BodySink) {
    this.#most = most;
    this.#sink = sink;
  }

  /** Octets that are kept. */
  get kept(): number {
    return this.head.length + this.#kept.position;
  }

  /** Whether more is kept than may be. */
  get excessive(): boolean {
    return this.kept > this.#most;
  }

  /** @throws DecodeError decode-error */
  push(bytes: Uint8Array, from: number, to: number): void {
    if (this.state === "data") this.#body(bytes, from, to);
    else this.#keep(bytes, from, to);
  }

  /** Nothing more comes. @throws DecodeError decode-error where something is missing */
  end(): void {
    if (this.state !== "data") {
      this.state = "whole";
      this.head = this.#take();
      return;
    }
    if (this.#left !== 0 || this.#filled !== 0) throw broken("its body is cut off");
    if (!this.#inFooter) return;
    this.footer = this.#take();
    checkMessage(this.footer, 0, this.footer.length);
  }

  #take(): Bytes {
    const bytes = this.#kept.toBytes();
    this.#kept = new ByteWriter(0);
    return bytes;
  }

  #keep(bytes: Uint8Array, from: number, to: number): void {
    const w = this.#kept;
    const before = w.position;
    w.writeBytes(bytes.subarray(from, to));
    if (this.state === "whole") return;
    for (let sections = this.sections.before; ; sections++) {
      const next = sectionAt(w.bytes, this.#at, w.position);
      if (next === undefined) return;
      if (next.code >= SECTION.data) {
        if (next.code === SECTION.data) this.#begin(bytes, from, before);
        else this.state = "whole";
        return;
      }
      if (next.end > w.position) return;
      this.#at = next.end;
      this.sections.before = sections + 1;
    }
  }

  /** The body begins at `#at` of what is kept, whose octets from `before` on are those of the piece from `from` on. */
  #begin(bytes: Uint8Array, from: number, before: number): void {
    const w = this.#kept;
    const at = this.#at;
    this.head = w.bytes.slice(0, at);
    if (at !== 0) checkMessage(this.head, 0, at);
    const cut = w.bytes.slice(at, Math.max(at, before));
    const to = from + w.position - before;
    this.#kept = new ByteWriter(0);
    this.state = "data";
    if (cut.length !== 0) this.#body(cut, 0, cut.length);
    this.#body(bytes, Math.max(from, from + at - before), to);
  }

  #body(bytes: Uint8Array, from: number, to: number): void {
    let at = from;
    while (at < to) {
      if (this.#inFooter) {
        this.#kept.writeBytes(bytes.subarray(at, to));
        return;
      }
      if (this.#left === 0) {
        at = this.#section(bytes, at, to);
        continue;
      }
      const end = Math.min(to, at + this.#left);
      this.#left -= end - at;
      this.sections.length += end - at;
      this.#sink.onData(bytes, at, end);
      at = end;
    }
  }

  /** Reads the head of a section, as far as it has come; answers where its value, or what is left of the piece, begins. */
  #section(bytes: Uint8Array, at: number, to: number): number {
    const had = this.#filled;
    const pending = this.#pending;
    const taken = Math.min(LONGEST_HEAD - had, to - at);
    pending.set(bytes.subarray(at, at + taken), had);
    const code = codeAt(pending, 0, had + taken);
    if (code === undefined) {
      this.#filled = had + taken;
      if (this.#filled === LONGEST_HEAD) throw broken("a descriptor in its body is that of no section");
      return at + taken;
    }
    if (code.code === SECTION.footer) {
      this.#inFooter = true;
      this.#filled = 0;
      this.#kept.writeBytes(pending.subarray(0, had));
      return at;
    }
    if (code.code !== SECTION.data) throw broken(`a section 0x${code.code.toString(16)} comes after the data of its body`);
    const size = binaryAt(pending, code.end, had + taken);
    if (size === undefined) {
      this.#filled = had + taken;
      return at + taken;
    }
    this.#filled = 0;
    this.#left = size.length;
    this.sections.begin(size.at);
    return at + size.at - had;
  }
}

/** Code and end of the section at `at`; undefined where too little of it is there to tell. */
function sectionAt(bytes: Uint8Array, at: number, end: number): { readonly code: number; readonly end: number } | undefined {
  const found = codeAt(bytes, at, end);
  if (found === undefined || found.code >= SECTION.data) return found;
  const value = found.end;
  if (value >= end) return undefined;
  switch (bytes[value]) {
    case 0x45: return { code: found.code, end: value + 1 };
    case 0xc0: case 0xc1: return value + 2 > end ? undefined : { code: found.code, end: value + 2 + (bytes[value + 1] as number) };
    case 0xd0: case 0xd1: return value + 5 > end ? undefined : { code: found.code, end: value + 5 + readSize(bytes, value + 1) };
    default: throw broken(`0x${(bytes[value] as number).toString(16)} is neither a list nor a map, in section 0x${found.code.toString(16)}`);
  }
}

/** Code of the descriptor at `at` and its end; undefined where it is cut. */
function codeAt(bytes: Uint8Array, at: number, end: number): { readonly code: number; readonly end: number } | undefined {
  if (at >= end) return undefined;
  if (bytes[at] !== 0x00) throw broken(`0x${(bytes[at] as number).toString(16)} begins no section`);
  if (at + 2 >= end) return undefined;
  const format = bytes[at + 1] as number;
  if (format === 0x53) return known(bytes[at + 2] as number, at + 3);
  if (format === 0x80) {
    if (at + 10 > end) return undefined;
    for (let i = at + 2; i < at + 9; i++) if (bytes[i] !== 0) throw unknown();
    return known(bytes[at + 9] as number, at + 10);
  }
  if (format !== 0xa3 && format !== 0xb3) throw broken(`0x${format.toString(16)} is no descriptor of a section`);
  const start = at + (format === 0xa3 ? 3 : 6);
  if (start > end) return undefined;
  const length = format === 0xa3 ? bytes[at + 2] as number : readSize(bytes, at + 2);
  // The longest name of a section is shorter than this: nobody waits for more.
  if (length > LONGEST_NAME) throw unknown();
  if (start + length > end) return undefined;
  return known(SECTION_CODES.get(asciiText(bytes, start, start + length)) ?? -1, start + length);
}

const LONGEST_NAME = Math.max(...[...SECTION_CODES.keys()].map((name) => name.length));

/** Where the octets of the binary at `at` begin, and how many there are; undefined where its head is cut. */
function binaryAt(bytes: Uint8Array, at: number, end: number): { readonly at: number; readonly length: number } | undefined {
  if (at >= end) return undefined;
  const format = bytes[at] as number;
  if (format === 0xa0) return at + 2 > end ? undefined : { at: at + 2, length: bytes[at + 1] as number };
  if (format === 0xb0) return at + 5 > end ? undefined : { at: at + 5, length: readSize(bytes, at + 1) };
  throw broken(`its section data is 0x${format.toString(16)}, not binary`);
}

function known(code: number, end: number): { readonly code: number; readonly end: number } {
  if (code < SECTION.header || code > SECTION.footer) throw unknown();
  return { code, end };
}

function unknown(): Error {
  return broken("it has a section of an unknown descriptor");
}

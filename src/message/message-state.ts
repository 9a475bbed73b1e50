/**
 * The state of a message: the bytes it came in, if it came from somewhere, and what has been read from them or set since.
 * A section is decoded when one of its fields is first touched. The object is made for every message that arrives, so its
 * constructor only stores, and its fields keep their order and kinds.
 */

import type { Bytes } from "../util/bytes.ts";
import type { DecodeOptions } from "../wire/decode.ts";
import type { PropertyValue } from "./fields.ts";
import { readExpiryTime } from "./expiry.ts";
import { findBody, SECTION, sectionCode } from "./layout.ts";
import type { Header, Properties } from "./read-sections.ts";
import { readBody, readHeader, readMapSection, readProperties } from "./read-sections.ts";

/** The bits of `MessageState.flags`. */
export const FLAG = {
  /** A field of the header was set. */
  header: 1,
  /** delivery-count was set by the program, so it is not the previous hop's. */
  deliveryCount: 2,
  /** The same of first-acquirer. */
  firstAcquirer: 4,
  /** A field of the properties was set, or a Date was given out, which can be changed in place. */
  properties: 8,
  /** The delivery annotations were set as a whole, so that none of them is the previous hop's. */
  instructions: 16,
  bodyRead: 32,
  bodySet: 64,
  /** `inferred` was set; the next bit is its value. */
  inferredSet: 128,
  inferred: 256,
  /** It has no header but one that says first-acquirer, which needs no object. */
  firstOnly: 512,
} as const;

/** What every message is made of. Programs see `Message`. */
export class MessageState {
  /** The bytes it came in, from `wireStart` to `wireEnd`; none in a message made here. @internal */
  wire: Bytes;
  /** @internal */
  wireStart: number;
  /** @internal */
  wireEnd: number;
  /** @internal */
  decoding: DecodeOptions | undefined;
  /** The message-format of its transfer (§2.8.11). */
  readonly messageFormat: number;
  /** @internal */
  flags: number;
  /** @internal */
  header: Header | undefined;
  /** The properties section. @internal */
  list: Properties | undefined;
  /** @internal */
  instructionsMap: Record<string, unknown> | undefined;
  /** @internal */
  annotationsMap: Record<string, unknown> | undefined;
  /** The application-properties. @internal */
  propertiesMap: Record<string, PropertyValue> | undefined;
  /** @internal */
  footerMap: Record<string, unknown> | undefined;
  /** The body, once it was read or set. @internal */
  content: unknown;

  /** @internal */
  constructor(bytes: Bytes, start: number, end: number, decoding: DecodeOptions | undefined, messageFormat: number) {
    this.wire = bytes;
    this.wireStart = start;
    this.wireEnd = end;
    this.decoding = decoding;
    this.messageFormat = messageFormat;
    this.flags = 0;
    this.header = undefined;
    this.list = undefined;
    this.instructionsMap = undefined;
    this.annotationsMap = undefined;
    this.propertiesMap = undefined;
    this.footerMap = undefined;
    this.content = undefined;
  }

  /** @internal */
  readHeader(): Header {
    if (this.header === undefined) {
      this.header = readHeader(this.wire, this.wireStart, this.wireEnd);
      if ((this.flags & FLAG.firstOnly) !== 0) {
        this.header.firstAcquirer = true;
        this.flags ^= FLAG.firstOnly | FLAG.header | FLAG.firstAcquirer;
      }
    }
    return this.header;
  }

  /** Whether there is anything in the header; where not, it has the standard's defaults. @internal */
  hasHeader(): boolean {
    return this.header !== undefined || (this.flags & FLAG.firstOnly) !== 0
      || (this.wireStart < this.wireEnd && sectionCode(this.wire, this.wireStart) === SECTION.header);
  }

  /** Sets first-acquirer, for who sends many messages on that have no header. @internal */
  setFirstAcquirer(): void {
    if (this.hasHeader()) {
      this.readHeader().firstAcquirer = true;
      this.flags |= FLAG.header | FLAG.firstAcquirer;
    } else {
      this.flags |= FLAG.firstOnly;
    }
  }

  /** @internal */
  readProperties(): Properties {
    return (this.list ??= readProperties(this.wire, this.wireStart, this.wireEnd, this.decoding));
  }

  /** The absolute-expiry-time that it came with, in ms since 1970, without decoding anything else. @internal */
  readExpiry(): number | undefined {
    return this.wireStart < this.wireEnd ? readExpiryTime(this.wire, this.wireStart, this.wireEnd) : undefined;
  }

  /** @internal */
  readMap(code: number): Record<string, unknown> {
    return readMapSection(this.wire, this.wireStart, this.wireEnd, code, this.decoding);
  }

  /** @internal */
  readContent(): unknown {
    if ((this.flags & (FLAG.bodyRead | FLAG.bodySet)) === 0) {
      if (this.wireStart < this.wireEnd) {
        this.content = readBody(this.wire, findBody(this.wire, this.wireStart, this.wireEnd), this.wireEnd, this.decoding);
      }
      this.flags |= FLAG.bodyRead;
    }
    return this.content;
  }

  /** Whether an array in the body goes into an amqp-sequence section. @internal */
  isInferred(): boolean {
    if ((this.flags & FLAG.inferredSet) !== 0) return (this.flags & FLAG.inferred) !== 0;
    if (this.wireStart === this.wireEnd || (this.flags & FLAG.bodySet) !== 0) return false;
    const at = findBody(this.wire, this.wireStart, this.wireEnd);
    const code = at < this.wireEnd ? sectionCode(this.wire, at) : SECTION.value;
    return code === SECTION.data || code === SECTION.sequence;
  }

  /** A Date can be changed in place, so giving one out counts as a change until it is compared. @internal */
  giveTime(time: Date | bigint | undefined): Date | bigint | undefined {
    if (typeof time === "object") this.flags |= FLAG.properties;
    return time;
  }

  /** Becomes what another message is. @internal */
  become(other: MessageState): void {
    this.wire = other.wire;
    this.wireStart = other.wireStart;
    this.wireEnd = other.wireEnd;
    this.decoding = other.decoding;
    (this as { messageFormat: number }).messageFormat = other.messageFormat;
    this.flags = other.flags;
    this.header = other.header;
    // What is set on one must not show in the other.
    this.list = other.list === undefined ? undefined : { ...other.list };
    this.instructionsMap = other.instructionsMap;
    this.annotationsMap = other.annotationsMap;
    this.propertiesMap = other.propertiesMap;
    this.footerMap = other.footerMap;
    this.content = other.content;
  }
}

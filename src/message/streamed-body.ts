/** A body whose octets are not here: they are asked for when the message leaves, or read as the message comes. */

import { LinkError } from "../errors.ts";

/** Opens the body at one of its octets. */
export type OpenBody = (offset: number) => AsyncIterable<Uint8Array>;

export class StreamedBody {
  /** undefined where somebody hands the octets in. */
  readonly open: OpenBody | undefined;
  /** Octets of it; undefined where that is known only at its end. */
  readonly length: number | undefined;
  /** The footer section in bytes, once the body has been read; undefined where that is known from the beginning. */
  readonly footer: (() => Uint8Array) | undefined;

  constructor(open?: OpenBody, length?: number, footer?: () => Uint8Array) {
    this.open = open;
    this.length = length;
    this.footer = footer;
  }
}

/** The error for a body that is asked for as a value. */
export function notKept(): LinkError {
  return new LinkError("the body of this message is streamed and not kept: read it by the delivery's stream()", { code: "invalid-state", scope: "delivery" });
}

/**
 * The body of a delivery that we received, where somebody reads it as a stream: as it comes, or, of a delivery that is there
 * whole, from its bytes.
 */

import { hastenCollection } from "#platform";

import type { IncomingBody } from "../engine/incoming-body.ts";
import { LinkError } from "../errors.ts";
import { SectionMap, dataSections, isData } from "../message/section-map.ts";
import type { Place } from "../message/section-map.ts";
import type { Bytes } from "../util/bytes.ts";
import type { BodySource } from "./body-stream.ts";
import { BodyStream } from "./body-stream.ts";

/** Octets of a stream that may be read before the memory of those that were is looked after. */
const COLLECT = 4 * 1024 * 1024;

export class IncomingContent implements BodySource {
  confirmed = 0;
  /** undefined: it is there whole. */
  readonly arriving: IncomingBody | undefined;
  readonly #sections: SectionMap;
  readonly #pieces: Iterator<Uint8Array> | undefined;
  /** Of a whole one: octets that were read, and whether that is all. */
  #given = 0;
  #read = false;
  /** Octets that were read since memory was last looked after. */
  #sinceCollected = 0;
  #stream: BodyStream | undefined = undefined;
  #failure: Error | undefined = undefined;

  private constructor(arriving: IncomingBody | undefined, sections: SectionMap, pieces: Iterator<Uint8Array> | undefined) {
    this.arriving = arriving;
    this.#sections = sections;
    this.#pieces = pieces;
  }

  /** That of a delivery whose body comes. */
  static partial(arriving: IncomingBody): IncomingContent {
    return new IncomingContent(arriving, arriving.scanner.sections, undefined);
  }

  /** That of a delivery that is there. @throws LinkError invalid-state where its body is no data */
  static whole(bytes: Uint8Array, start: number, end: number): IncomingContent {
    if (!isData(bytes, start, end)) {
      throw new LinkError("the body of this delivery is no data, so there is nothing to stream: read message.body", { code: "invalid-state", scope: "delivery" });
    }
    return new IncomingContent(undefined, SectionMap.of(bytes, start, end), dataSections(bytes, start, end));
  }

  /** Whether somebody has asked for the stream. */
  get opened(): boolean {
    return this.#stream !== undefined;
  }

  get stream(): BodyStream {
    if (this.#stream !== undefined) return this.#stream;
    this.#stream = new BodyStream(this);
    if (this.#failure !== undefined) this.#stream.fail(this.#failure);
    return this.#stream;
  }

  /** Whether octets wait to be read. */
  get readable(): boolean {
    return this.arriving === undefined ? !this.#read : this.arriving.readable;
  }

  /** Where octet `offset` of the body lies, among those that were read. @throws ConfigError config */
  locate(offset: number): Place {
    const given = this.arriving?.given ?? this.#given;
    return this.#sections.locate(offset <= given ? offset : Number.NaN);
  }

  /** The receiver has told the sender that it has what comes before that place. */
  confirm(place: Place): void {
    this.confirmed = this.#sections.octetAt(place) ?? this.confirmed;
  }

  /** Whoever had the delivery goes on: without a reader, what comes is thrown away. */
  leave(): void {
    if (!this.opened && this.arriving?.finished === false) this.arriving.discard();
  }

  /** Nothing more can be read. */
  fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.arriving?.discard();
    this.#stream?.fail(error);
  }

  // ---------------------------------------------------------------- BodySource

  next(): Bytes | undefined | null {
    for (let left = this.#pieces?.next(); left !== undefined; left = this.#pieces?.next()) {
      if (left.done === true) {
        this.#read = true;
        return null;
      }
      const { value } = left;
      this.#given += value.length;
      if (value.length !== 0) return new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.length);
    }
    const arriving = this.arriving as IncomingBody;
    const bytes = arriving.read();
    if (bytes === undefined) return arriving.finished ? null : undefined;
    this.#sinceCollected += bytes.length;
    if (this.#sinceCollected > COLLECT) {
      this.#sinceCollected = 0;
      hastenCollection();
    }
    return bytes;
  }

  wait(wake: () => void): void {
    const arriving = this.arriving as IncomingBody;
    arriving.onReadable = () => {
      if (!arriving.readable && !arriving.finished) return;
      arriving.onReadable = undefined;
      wake();
    };
  }

  cancel(): void {
    if (this.arriving !== undefined) this.arriving.discard();
    else this.#pieces?.return?.();
  }
}

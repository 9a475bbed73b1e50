/**
 * The body of a delivery that is read as it comes: octets that have come and were not read wait here, and hold the session window
 * as long as they do. Thrown away, they cost nothing but their parsing.
 */

import type { BodySink } from "../message/body-scanner.ts";
import { BodyScanner } from "../message/body-scanner.ts";
import type { Bytes } from "../util/bytes.ts";
import { Deque } from "../util/deque.ts";

/** What a body needs of its link. */
export interface BodyOwner {
  /** A frame waits to be read. */
  hold(octets: number): void;
  /** So many of them were read. */
  release(frames: number): void;
}

/** Some octets of the body. */
interface Piece {
  readonly bytes: Bytes;
  /** Frames that are read with it. */
  frames: number;
}

export class IncomingBody implements BodySink {
  readonly scanner: BodyScanner;
  /** Called when there is something to read, or nothing more will come. */
  onReadable: (() => void) | undefined = undefined;
  /** All of the message has come, or none of it will any more. */
  finished = false;
  /** Whether what comes is thrown away. */
  discarding = false;
  /** Octets of the body that were read. */
  given = 0;
  readonly #owner: BodyOwner;
  readonly #pieces = new Deque<Piece>();
  /** The piece that came last, while it waits. */
  #last: Piece | undefined = undefined;
  /** Octets of the frame that is coming in. */
  #octets = 0;

  /** @param most octets that may be kept of what is no data */
  constructor(owner: BodyOwner, most: number) {
    this.#owner = owner;
    this.scanner = new BodyScanner(most, this);
  }

  /** Whether octets wait to be read. */
  get readable(): boolean {
    return this.#pieces.length !== 0;
  }

  /** The next octets; undefined where none wait. */
  read(): Bytes | undefined {
    const piece = this.#pieces.shift();
    if (piece === undefined) return undefined;
    if (piece === this.#last) this.#last = undefined;
    this.given += piece.bytes.length;
    if (piece.frames !== 0) this.#owner.release(piece.frames);
    return piece.bytes;
  }

  /** What has come and what still comes is of no use to anybody. */
  discard(): void {
    this.discarding = true;
    let frames = 0;
    for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) frames += piece.frames;
    this.#last = undefined;
    if (frames !== 0) this.#owner.release(frames);
  }

  /** Payload of a frame has come. @param last whether the frame ends with it @throws DecodeError decode-error */
  push(bytes: Uint8Array, from: number, to: number, last: boolean): void {
    if (this.discarding && this.scanner.state === "data") {
      // Not even its sections are looked at: whoever gave it back does not care.
      return;
    }
    const had = this.#pieces.length;
    this.scanner.push(bytes, from, to);
    this.#octets += to - from;
    if (last) {
      if (this.#last !== undefined) {
        this.#last.frames += 1;
        this.#owner.hold(this.#octets);
      }
      this.#octets = 0;
    }
    if (this.#pieces.length !== had) this.onReadable?.();
  }

  /** The last frame has come. @throws DecodeError decode-error */
  end(): void {
    if (!this.discarding || this.scanner.state !== "data") this.scanner.end();
    this.finish();
  }

  /** Nothing more comes. */
  finish(): void {
    this.finished = true;
    this.onReadable?.();
  }

  onData(bytes: Uint8Array, from: number, to: number): void {
    if (this.discarding) return;
    const piece = { bytes: new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset + from, to - from), frames: 0 };
    this.#pieces.push(piece);
    this.#last = piece;
  }
}

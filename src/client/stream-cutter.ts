/** Cuts one direction of a connection into protocol headers and frames, for those who only look on and have no state of it. */

/** What is cut out; the bytes are good for the length of the call. */
export interface CutSink {
  /** The eight octets of a protocol header. */
  onHeader(bytes: Uint8Array): void;
  /** A whole frame, its head included. */
  onFrame(bytes: Uint8Array): void;
  /** What comes now is neither; nothing further is cut. */
  onNonsense(reason: string): void;
}

const HEAD = 8;

/** A header may come wherever a frame may: as the size of a frame its first four octets make no sense. */
const MAGIC = 0x414d5150;

export class StreamCutter {
  readonly #sink: CutSink;
  readonly #largest: number;
  #kept: Uint8Array = new Uint8Array(0);
  #filled = 0;
  #stopped = false;

  /** @param largest octets of the largest frame. */
  constructor(sink: CutSink, largest: number) {
    this.#sink = sink;
    this.#largest = largest;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      if (this.#filled === 0 && chunk.length - at >= HEAD) {
        const size = this.#sizeAt(chunk, at);
        if (size > 0 && chunk.length - at >= size) {
          this.#tell(chunk.subarray(at, at + size));
          at += size;
          continue;
        }
      }
      at += this.#keep(chunk, at);
    }
  }

  /** Adds to the unfinished piece and tells it when it is whole; answers how many octets were used. */
  #keep(chunk: Uint8Array, at: number): number {
    const wanted = this.#filled < HEAD ? HEAD : this.#sizeAt(this.#kept, 0);
    if (this.#stopped) return 0;
    const take = Math.min(wanted - this.#filled, chunk.length - at);
    if (this.#kept.length < wanted) {
      const wider = new Uint8Array(wanted);
      wider.set(this.#kept.subarray(0, this.#filled));
      this.#kept = wider;
    }
    this.#kept.set(chunk.subarray(at, at + take), this.#filled);
    this.#filled += take;
    if (this.#filled >= HEAD && this.#filled === this.#sizeAt(this.#kept, 0)) {
      const size = this.#filled;
      this.#filled = 0;
      this.#tell(this.#kept.subarray(0, size));
    }
    return take;
  }

  /** Octets of what begins there; 0 for nonsense, which ends the cutting. */
  #sizeAt(bytes: Uint8Array, at: number): number {
    const size = (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0;
    if (size === MAGIC) return HEAD;
    const offset = (bytes[at + 4] as number) << 2;
    if (size >= HEAD && size <= this.#largest && offset >= HEAD && offset <= size) return size;
    this.#stopped = true;
    this.#sink.onNonsense(`octets that are no AMQP: a frame of ${size} octets with its data at ${offset}`);
    return 0;
  }

  #tell(bytes: Uint8Array): void {
    if (bytes.length === HEAD && bytes[0] === MAGIC >>> 24 && bytes[1] === ((MAGIC >>> 16) & 0xff)) this.#sink.onHeader(bytes);
    else this.#sink.onFrame(bytes);
  }
}

/**
 * Counted byte slabs for output. Frames are encoded in place, one after the other, and leave as segments. A slab is
 * refilled only when the transport has called back for all of its bytes and nothing unsettled points into it:
 * refilling at once would overwrite what the kernel has not taken yet, or what may have to be sent again.
 */

import type { Bytes } from "./bytes.ts";
import { EMPTY } from "./bytes.ts";
import { ByteWriter } from "./byte-writer.ts";

/** Octets of an ordinary slab; a larger frame gets a slab of its own size. */
export const SLAB_SIZE = 64 * 1024;
/** Sizes of larger slabs, up to four times an ordinary one, are multiples of this, and powers of two from there on. */
const STEP = 16 * 1024;

/** Octets of empty slabs that a pool keeps for reuse. */
const SPARE_OCTETS = 8 * 1024 * 1024;

/** Room that a frame can count on before a slab is left: the least distance to the end at which one begins. */
const LEAST_ROOM = 512;

/** Allocates bytes whose content does not matter: every octet is written before it is read. */
export type Allocate = (size: number) => Bytes;

/** A block of bytes with the number of those who still need what is in it. */
export class Slab {
  readonly bytes: Bytes;
  readonly view: DataView<ArrayBuffer>;
  /** Unsettled deliveries with their message in here, and writes that the transport has not finished. */
  users = 0;
  /** No writer appends to it any more. */
  sealed = false;
  /** Who appends to it, and hears when nobody needs what is in it. */
  writer: { vacate(): void } | undefined = undefined;

  constructor(bytes: Bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Passwords have gone through here, and what memory held before that: no printer shows it. */
  toJSON(): string {
    return `Slab(${this.bytes.length})`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toJSON();
  }
}

/** Hands out slabs and takes back those that nobody uses, for any number of writers. */
export class SlabPool {
  readonly #allocate: Allocate;
  /** Empty slabs by their size. */
  readonly #spare = new Map<number, Slab[]>();
  #spareOctets = 0;

  constructor(allocate: Allocate) {
    this.#allocate = allocate;
  }

  take(size: number): Slab {
    const whole = size <= SLAB_SIZE ? SLAB_SIZE : size <= SLAB_SIZE * 4 ? Math.ceil(size / STEP) * STEP : 2 ** Math.ceil(Math.log2(size));
    const spare = this.#spare.get(whole)?.pop();
    if (spare === undefined) return new Slab(this.#allocate(whole));
    this.#spareOctets -= whole;
    spare.sealed = false;
    return spare;
  }

  /** One user fewer; the last one gives the slab back, unless its writer is in the middle of something. */
  release(slab: Slab): void {
    slab.users -= 1;
    if (slab.users !== 0) return;
    if (slab.sealed) this.#recycle(slab);
    else slab.writer?.vacate();
  }

  seal(slab: Slab): void {
    slab.sealed = true;
    if (slab.users === 0) this.#recycle(slab);
  }

  #recycle(slab: Slab): void {
    slab.writer = undefined;
    const size = slab.bytes.length;
    if (this.#spareOctets + size > SPARE_OCTETS) return;
    this.#spareOctets += size;
    const spare = this.#spare.get(size);
    if (spare === undefined) this.#spare.set(size, [slab]);
    else spare.push(slab);
  }
}

/** Bytes that are ready to leave: a stretch of a slab, or bytes of the user's that go by reference (`slab` undefined). */
export interface Segment {
  readonly slab: Slab | undefined;
  readonly bytes: Uint8Array;
}

/**
 * Writes into slabs; offsets stay valid while a frame grows, since a frame that moves keeps its offset. A writer has no slab before
 * it writes, and none when all that it wrote has left and is needed no more: thousands of them that rest cost nothing.
 */
export class SlabWriter extends ByteWriter {
  slab: Slab;
  /** Stands for a slab while there is none. */
  readonly #nowhere = new Slab(EMPTY);
  /** Octets handed over as segments or waiting in them, since the beginning. */
  #ready: Segment[] = [];
  #taken = 0;
  #mark = 0;
  #room = LEAST_ROOM;
  #before = 0;
  /** Between `begin` and `finish` or `rewind`. */
  #midway = false;
  readonly #pool: SlabPool;
  readonly #onFull: (() => void) | undefined;

  /** @param onFull called when a slab is full and its bytes may leave. */
  constructor(pool: SlabPool, onFull?: () => void) {
    super(16);
    this.#pool = pool;
    this.#onFull = onFull;
    this.slab = this.#nowhere;
    this.#use(this.slab);
  }

  /** Octets written since the beginning, whether or not they have left. */
  get total(): number {
    return this.#before + this.position - this.#taken;
  }

  /** Octets that wait to be taken. */
  get waiting(): number {
    let sum = this.position - this.#taken;
    for (const segment of this.#ready) sum += segment.bytes.length;
    return sum;
  }

  get pool(): SlabPool {
    return this.#pool;
  }

  /** What is written is no printer's business, no more than what a slab held before. */
  toJSON(): string {
    return `SlabWriter(${this.total})`;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toJSON();
  }

  /** Begins a frame or message: its bytes stay together in one slab. Answers where it begins. */
  begin(): number {
    // A slab that a large frame has grown into is left after it: were the next one to grow in there, at an offset that it has
    // to keep, slabs would double without end.
    const { length } = this.bytes;
    if (length - this.position < this.#room || (length > SLAB_SIZE && this.position !== 0)) this.#roll();
    this.#midway = true;
    this.#mark = this.position;
    return this.position;
  }

  /** Ends what `begin` began, so that the next one finds a slab with room for one of its size. */
  finish(): void {
    const size = this.position - this.#mark;
    this.#room = Math.min(SLAB_SIZE, Math.max(LEAST_ROOM, size + (size >> 1)));
    this.#mark = this.position;
    this.#midway = false;
  }

  /** Takes back what has been written since `begin`. */
  rewind(): void {
    this.position = this.#mark;
    this.#midway = false;
  }

  /** Puts bytes of somebody else's between what is written before and after; those of a slab of this pool hold it until they have left. */
  reference(bytes: Uint8Array, slab?: Slab): void {
    this.#cut();
    if (slab !== undefined) slab.users += 1;
    this.#ready.push({ slab, bytes });
    this.#before += bytes.length;
  }

  /** Everything that is ready to leave, in order; each segment's slab must be released when its bytes have left. */
  take(): Segment[] {
    this.#cut();
    const ready = this.#ready;
    this.#ready = [];
    return ready;
  }

  /** Leaves what is written where it is: it is not to leave as a segment, whoever pins it needs it. */
  retain(): void {
    this.#before += this.position - this.#taken;
    this.#taken = this.position;
  }

  /** One more delivery has its bytes in the present slab. */
  pin(): Slab {
    this.slab.users += 1;
    return this.slab;
  }

  /** Nobody needs what is in the slab: it goes back, unless something in it has not left, or is being written. */
  vacate(): void {
    if (this.#midway || this.position !== this.#taken) return;
    const { slab } = this;
    this.#start(this.#nowhere, 0);
    this.#pool.seal(slab);
  }

  protected override grow(n: number): void {
    // The frame does not fit: it moves to a slab that is large enough, at the same offset, so that every position
    // that its encoder remembers stays right. What came before it leaves from the old slab.
    const mark = this.#mark;
    const position = this.position;
    const old = this.slab;
    const next = this.#pool.take(Math.max(SLAB_SIZE + STEP, position + n + (position - mark)));
    next.bytes.set(old.bytes.subarray(mark, position), mark);
    this.position = mark;
    this.#cut();
    this.#leave(old);
    this.#start(next, mark);
    this.position = position;
  }

  #roll(): void {
    const old = this.slab;
    this.#cut();
    this.#leave(old);
    this.#start(this.#pool.take(Math.max(SLAB_SIZE, this.#room)), 0);
    if (old !== this.#nowhere) this.#onFull?.();
  }

  #leave(slab: Slab): void {
    if (slab !== this.#nowhere) this.#pool.seal(slab);
  }

  #use(slab: Slab): void {
    this.bytes = slab.bytes;
    this.view = slab.view;
    if (slab !== this.#nowhere) slab.writer = this;
  }

  #start(slab: Slab, at: number): void {
    this.slab = slab;
    this.#use(slab);
    this.position = at;
    this.#taken = at;
    this.#mark = at;
  }

  #cut(): void {
    if (this.position === this.#taken) return;
    this.slab.users += 1;
    this.#ready.push({ slab: this.slab, bytes: this.slab.bytes.subarray(this.#taken, this.position) });
    this.#before += this.position - this.#taken;
    this.#taken = this.position;
  }
}

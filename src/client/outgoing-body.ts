/**
 * The streamed body of a delivery that we send: octets are copied as they come, cut into data sections, and pass to the engine no
 * faster than the peer takes them.
 *
 * Of a known length it is one data section (several of 2 GiB from 4 GiB on); else each stretch that leaves is a section of its own.
 */

import type { SenderEndpoint } from "../engine/sender.ts";
import { Payload } from "../engine/payload.ts";
import type { PayloadSource } from "../engine/payload.ts";
import { EncodeError } from "../errors.ts";
import { SECTION } from "../message/layout.ts";
import type { StreamedBody } from "../message/streamed-body.ts";
import { nextTurn } from "../transport/next-turn.ts";
import { Deferred } from "../util/deferred.ts";
import type { Slab, SlabPool } from "../util/slab.ts";
import { SLAB_SIZE } from "../util/slab.ts";
import { notEncodable } from "../wire/values.ts";

/** Octets that wait to be framed, from which on the source is not asked for more. */
const ENOUGH = 512 * 1024;
/** Octets of a section's head: descriptor, format, and a size of 32 bits. */
const HEAD = 8;
/** Octets of the largest section where one does not suffice. */
const LARGEST = 2 ** 31;
const MAX_SIZE = 2 ** 32 - 1;

/** What a body needs of the delivery and the sender that it belongs to. */
export interface OutgoingBodyOwner {
  /** Octets have left, or others wait to: `waits` tells whether anything waits for the peer now. */
  progressed(waits: boolean): void;
  /** The body cannot be had: the delivery is given up. */
  failed(cause: unknown): void;
  /** Its source did something wrong when nobody cared any more. */
  report(error: unknown): void;
  /** The frames are to be looked at again. */
  proceed(): void;
}

export class OutgoingBody implements PayloadSource {
  readonly payload = new Payload(this);
  readonly #owner: OutgoingBodyOwner;
  readonly #pool: SlabPool;
  readonly #source: StreamedBody;
  readonly #head: Uint8Array;
  readonly #tail: Uint8Array;
  readonly #maxMessageSize: () => number;
  #slab: Slab | undefined = undefined;
  /** In the slab: what is not handed in yet, where the next octet goes, and the head of the section that is open, -1 if none is. */
  #from = 0;
  #at = 0;
  #section = -1;
  /** Octets that the present section is still to get, where its size was told in advance. */
  #due = 0;
  /** Octets of the body, and of the message, so far. */
  #octets = 0;
  #total = 0;
  #begun = false;
  #ended = false;
  /** Nothing of it is of use any more. */
  #over = false;
  #flushDue = false;
  #room: Deferred<void> | undefined = undefined;
  #iterator: AsyncIterator<Uint8Array> | undefined = undefined;

  /**
   * @param head the sections before the body, and `tail` the footer, encoded
   * @param maxMessageSize octets of the largest message that the peer takes, asked whenever there is more
   */
  constructor(
    owner: OutgoingBodyOwner, pool: SlabPool, source: StreamedBody, head: Uint8Array, tail: Uint8Array, maxMessageSize: () => number,
  ) {
    this.#owner = owner;
    this.#pool = pool;
    this.#source = source;
    this.#head = head;
    this.#tail = tail;
    this.#maxMessageSize = maxMessageSize;
  }

  /** Octets of the message as far as they are known in advance. */
  get size(): number {
    return this.#head.length + (this.#source.length ?? 0) + HEAD + this.#tail.length;
  }

  /** Whether nothing more is to be handed in for now: too much waits, or the delivery cannot leave yet. */
  get full(): boolean {
    return !this.#over && (!this.#begun || this.payload.waiting + this.#at - this.#from >= ENOUGH);
  }

  /** It has its turn: frames may leave from now on. */
  begin(endpoint: SenderEndpoint, delivery: Parameters<SenderEndpoint["sendStream"]>[0]): void {
    this.#begun = true;
    this.#start();
    endpoint.sendStream(delivery, this.payload);
    if (this.#source.open !== undefined) void this.#pull(this.#source.open);
    this.onTaken();
    this.#flushLater();
  }

  /** Takes octets of the body. @throws EncodeError not-encodable, message-too-large */
  write(chunk: Uint8Array): void {
    if (this.#over) return;
    if (!(chunk instanceof Uint8Array)) throw notEncodable("a streamed body is made of Uint8Arrays");
    const { length } = this.#source;
    if (length !== undefined && this.#octets + chunk.length > length) {
      throw notEncodable(`a streamed body has more octets than its length, ${length}, says`);
    }
    const had = this.payload.waiting;
    for (let at = 0; at < chunk.length;) at += this.#put(chunk, at);
    this.#octets += chunk.length;
    this.#owner.progressed(true);
    if (this.payload.waiting !== had) this.#owner.proceed();
    this.#flushLater();
  }

  /** Nothing more comes. @throws EncodeError not-encodable where something is missing */
  end(): void {
    if (this.#over || this.#ended) return;
    const { length, footer } = this.#source;
    if (length !== undefined && this.#octets !== length) {
      throw notEncodable(`a streamed body ended after ${this.#octets} octets, its length says ${length}`);
    }
    this.#ended = true;
    this.#start();
    if (this.#octets === 0) this.#raw(new Uint8Array([0x00, 0x53, SECTION.data, 0xa0, 0x00]));
    this.#closeSection();
    this.#raw(footer === undefined ? this.#tail : footer());
    this.#hand();
    this.payload.ended = true;
    this.#owner.progressed(true);
    this.#owner.proceed();
  }

  /** Resolves when more may be handed in, or nothing matters any more. */
  room(): Promise<void> {
    if (!this.full) return Promise.resolve();
    this.#room ??= new Deferred();
    return this.#room.promise;
  }

  /** The fate of the delivery is known: the source is left. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    const slab = this.#slab;
    this.#slab = undefined;
    this.payload.clear(this.#pool);
    if (slab !== undefined) this.#pool.seal(slab);
    this.#tellRoom();
    if (!this.#ended) void this.#leave();
  }

  // ---------------------------------------------------------------- the engine's call

  onTaken(): void {
    this.#owner.progressed(this.payload.waiting !== 0 || this.#ended);
    if (this.#room !== undefined && !this.full) this.#tellRoom();
  }

  // ---------------------------------------------------------------- private

  async #pull(open: NonNullable<StreamedBody["open"]>): Promise<void> {
    try {
      // Whoever sends has the promise of it before anything can go wrong.
      await Promise.resolve();
      if (this.#over) return;
      const source: Partial<AsyncIterable<Uint8Array>> = open(0);
      const iterator = source[Symbol.asyncIterator]?.();
      if (iterator === undefined) throw notEncodable("streamed(): the function has to give an async iterable of Uint8Array");
      this.#iterator = iterator;
      for (;;) {
        const { done, value } = await iterator.next();
        if (this.#over) return;
        if (done === true) break;
        this.write(value);
        if (this.full) await this.room();
      }
      this.#iterator = undefined;
      this.end();
    } catch (error) {
      if (!this.#over) this.#owner.failed(error);
    }
  }

  async #leave(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    try {
      await iterator?.return?.();
    } catch (error) {
      this.#owner.report(error);
    }
  }

  #tellRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }

  /** What has come in this turn leaves after it, full frame or not. */
  #flushLater(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    nextTurn(() => {
      this.#flushDue = false;
      if (this.#over || !this.#begun || this.#ended) return;
      this.#closeSection();
      this.#hand();
      if (this.payload.waiting === 0) return;
      this.payload.flushing = true;
      this.#owner.proceed();
    });
  }

  /** Puts octets of the body where the next ones go; answers how many found room. */
  #put(chunk: Uint8Array, at: number): number {
    this.#start();
    const slab = this.#openSection();
    const most = this.#source.length === undefined ? Infinity : this.#due;
    const size = Math.min(chunk.length - at, slab.bytes.length - this.#at, most);
    slab.bytes.set(at === 0 && size === chunk.length ? chunk : chunk.subarray(at, at + size), this.#at);
    this.#at += size;
    this.#due -= size;
    this.#count(size);
    if (this.#at === slab.bytes.length) this.#roll();
    return size;
  }

  /** The sections before the body come first. */
  #start(): void {
    if (this.#total === 0 && this.#head.length !== 0) this.#raw(this.#head);
  }

  #raw(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const slab = this.#slabWith(1);
      const size = Math.min(bytes.length - at, slab.bytes.length - this.#at);
      slab.bytes.set(bytes.subarray(at, at + size), this.#at);
      this.#at += size;
      at += size;
      if (this.#at === slab.bytes.length) this.#roll();
    }
    this.#count(bytes.length);
  }

  /** The slab with room for at least `size` octets. */
  #slabWith(size: number): Slab {
    if (this.#slab !== undefined && this.#slab.bytes.length - this.#at < size) this.#roll();
    if (this.#slab !== undefined) return this.#slab;
    this.#slab = this.#pool.take(SLAB_SIZE);
    this.#from = 0;
    this.#at = 0;
    return this.#slab;
  }

  /** The slab, with a section begun that the next octet belongs to. */
  #openSection(): Slab {
    const { length } = this.#source;
    if (length !== undefined ? this.#due !== 0 : this.#section >= 0) return this.#slabWith(1);
    const slab = this.#slabWith(HEAD + 1);
    if (length === undefined) {
      this.#section = this.#at;
      this.#at += HEAD;
    } else {
      const left = length - this.#octets;
      this.#due = left <= MAX_SIZE ? left : LARGEST;
      writeHead(slab, this.#at, this.#due);
      this.#at += HEAD;
    }
    this.#count(HEAD);
    return slab;
  }

  /** Writes the size of the section that is open, which is known now. */
  #closeSection(): void {
    if (this.#section < 0) return;
    writeHead(this.#slab as Slab, this.#section, this.#at - this.#section - HEAD);
    this.#section = -1;
  }

  /** Hands in what the slab has. */
  #hand(): void {
    const slab = this.#slab;
    if (slab === undefined || this.#at === this.#from) return;
    slab.users += 1;
    this.payload.push(slab.bytes.subarray(this.#from, this.#at), slab);
    this.#from = this.#at;
  }

  /** The slab is full. */
  #roll(): void {
    this.#closeSection();
    this.#hand();
    this.#pool.seal(this.#slab as Slab);
    this.#slab = undefined;
  }

  #count(octets: number): void {
    this.#total += octets;
    const most = this.#maxMessageSize();
    if (this.#total <= most) return;
    throw new EncodeError(`a streamed message of more octets than the peer's max-message-size of ${most}`, { code: "message-too-large", scope: "delivery" });
  }
}

function writeHead({ bytes }: Slab, at: number, size: number): void {
  bytes[at] = 0x00;
  bytes[at + 1] = 0x53;
  bytes[at + 2] = SECTION.data;
  bytes[at + 3] = 0xb0;
  bytes[at + 4] = size >>> 24;
  bytes[at + 5] = (size >>> 16) & 0xff;
  bytes[at + 6] = (size >>> 8) & 0xff;
  bytes[at + 7] = size & 0xff;
}

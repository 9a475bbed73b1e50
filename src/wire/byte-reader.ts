/**
 * A bounded view of bytes with a read position. All that is read stays before `end`; containers narrow `end` to
 * their own size while their items are read, and count against one depth and one budget of values.
 */

import { DecodeError } from "../errors.ts";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY } from "../util/bytes.ts";
import { MAX_DEPTH, MAX_NODES } from "./codes.ts";

/** Where to read; after a DecodeError it must be `reset` before it is used again. */
export class ByteReader {
  bytes: Bytes = EMPTY;
  position = 0;
  /** Offset behind the last octet that may be read. */
  end = 0;
  /** How many items the container has whose head was read last. */
  count = 0;
  /** How many containers and described values are around what is read. */
  depth = 0;
  /** How many more values may be made before the next `reset`. */
  nodes = MAX_NODES;
  #start = 0;
  #view: DataView<ArrayBuffer> | undefined;

  constructor(bytes: Uint8Array = EMPTY, start = 0, end: number = bytes.length) {
    this.reset(bytes, start, end);
  }

  /** Begins anew with other bytes and full budgets. */
  reset(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.bytes) {
      // Views of shared memory are not read: whoever gives bytes here has received them from a transport.
      this.bytes = bytes as Bytes;
      this.#view = undefined;
    }
    this.position = start;
    this.#start = start;
    this.end = end;
    this.depth = 0;
    this.nodes = MAX_NODES;
  }

  /** Offsets of this view are those of `bytes`. */
  get view(): DataView<ArrayBuffer> {
    return (this.#view ??= new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength));
  }

  /** Raises the error for what was found at offset `at`. */
  fail(what: string, at: number = this.position): never {
    throw new DecodeError(`${what}, at offset ${at - this.#start}`, { code: "decode-error", scope: "delivery" });
  }

  /** Makes sure that `n` octets are left. */
  need(n: number): void {
    if (n > this.end - this.position) this.fail(`${n} octets are needed and ${this.end - this.position} are left`);
  }

  /** Charges `n` values to the budget. */
  charge(n: number): void {
    this.nodes -= n;
    if (this.nodes < 0) this.fail(`more than ${MAX_NODES} values`);
  }

  /** Goes one container deeper. */
  enter(): void {
    if (++this.depth > MAX_DEPTH) this.fail(`nested deeper than ${MAX_DEPTH}`);
  }

  /** The next format code, unread. */
  peek(): number {
    if (this.position >= this.end) this.fail("nothing is left where a value should be");
    return this.bytes[this.position] as number;
  }

  /** Takes one octet. */
  u8(): number {
    if (this.position >= this.end) this.fail("1 octet is needed and 0 are left");
    return this.bytes[this.position++] as number;
  }

  /** Takes two octets as an unsigned number. */
  u16(): number {
    this.need(2);
    const bytes = this.bytes, at = this.position;
    this.position = at + 2;
    return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  }

  /** Takes four octets as a signed number. */
  i32(): number {
    this.need(4);
    const bytes = this.bytes, at = this.position;
    this.position = at + 4;
    return ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8)
      | (bytes[at + 3] as number);
  }

  /** Takes four octets as an unsigned number. */
  u32(): number {
    return this.i32() >>> 0;
  }

  /** Takes eight octets as an unsigned number: exact when safe, else a bigint. */
  u64(): number | bigint {
    this.need(8);
    const value = this.u32() * 0x1_0000_0000 + this.u32();
    return value <= Number.MAX_SAFE_INTEGER ? value : this.view.getBigUint64(this.position - 8);
  }

  /** Takes eight octets as a signed number: exact when safe, else a bigint. */
  i64(): number | bigint {
    this.need(8);
    const value = this.i32() * 0x1_0000_0000 + this.u32();
    return Number.isSafeInteger(value) ? value : this.view.getBigInt64(this.position - 8);
  }

  /** Takes a size of `width` octets (1 or 4) and returns the offset behind so many octets. */
  sized(width: 1 | 4): number {
    const at = this.position;
    const size = width === 1 ? this.u8() : this.u32();
    if (size > this.end - this.position) this.fail(`a size of ${size} octets where ${this.end - this.position} are left`, at);
    return this.position + size;
  }

  /**
   * Takes the size and count of a list, map or array, each of `width` octets; sets `count` and returns the offset behind
   * the container. No item takes less than one octet, so that a count is bounded by the size.
   */
  container(width: 1 | 4): number {
    const at = this.position;
    const end = this.sized(width);
    if (end - this.position < width) this.fail("a size too small for its count", at);
    this.count = width === 1 ? this.u8() : this.u32();
    return end;
  }

  /** A new array over `n` of the octets here, which it shares. */
  shared(n: number): Bytes {
    const bytes = this.bytes;
    const part = new Uint8Array(bytes.buffer, bytes.byteOffset + this.position, n);
    this.position += n;
    return part;
  }
}

/**
 * A growing run of bytes with a write position. Callers `reserve(n)` once for all that they are about to
 * write and then store without checks; only `grow` knows where more room comes from.
 */

import type { Bytes } from "./bytes.ts";

export class ByteWriter {
  bytes: Bytes;
  view: DataView<ArrayBuffer>;
  position = 0;

  /** @param capacity octets to begin with; at least 16. */
  constructor(capacity = 256) {
    this.bytes = new Uint8Array(Math.max(16, capacity));
    this.view = new DataView(this.bytes.buffer);
  }

  /** Makes sure that `n` more octets can be stored at `position` without another check. */
  reserve(n: number): void {
    if (this.position + n > this.bytes.length) this.grow(n);
  }

  /** Finds room for `n` more octets; what has been written keeps its offsets only in this base class. */
  protected grow(n: number): void {
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.position + n));
    larger.set(this.bytes.subarray(0, this.position));
    this.use(larger);
  }

  /** Continues in `bytes`, at the same position. */
  protected use(bytes: Bytes): void {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  writeBytes(source: Uint8Array): void {
    this.reserve(source.length);
    this.bytes.set(source, this.position);
    this.position += source.length;
  }

  /** A copy of everything written so far. */
  toBytes(): Bytes {
    return this.bytes.slice(0, this.position);
  }
}

/**
 * Entries by a short byte string, without a string, an object or a Map entry for each: an open hash table whose
 * entries say themselves where their key lies.
 */

/** An entry: its key is tagSource[tagStart, tagStart + tagLength); the table keeps `tagHash`. */
export interface Tagged {
  readonly tagSource: Uint8Array;
  readonly tagStart: number;
  readonly tagLength: number;
  tagHash: number;
}

const SMALLEST = 16;

export class TagTable<T extends Tagged> {
  #slots: (T | undefined)[] = new Array<T | undefined>(SMALLEST).fill(undefined);
  #mask = SMALLEST - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an entry; false, and nothing is added, if one with the same key is there. */
  add(entry: T): boolean {
    const hash = hashOf(entry.tagSource, entry.tagStart, entry.tagLength);
    let at = hash & this.#mask;
    for (let other = this.#slots[at]; other !== undefined; other = this.#slots[at]) {
      if (other.tagHash === hash && sameKey(other, entry.tagSource, entry.tagStart, entry.tagLength)) return false;
      at = (at + 1) & this.#mask;
    }
    entry.tagHash = hash;
    this.#slots[at] = entry;
    this.#size += 1;
    if (this.#size * 2 > this.#mask) this.#grow();
    return true;
  }

  /** The entry with this key. */
  get(key: Uint8Array): T | undefined {
    const hash = hashOf(key, 0, key.length);
    let at = hash & this.#mask;
    for (let other = this.#slots[at]; other !== undefined; other = this.#slots[at]) {
      if (other.tagHash === hash && sameKey(other, key, 0, key.length)) return other;
      at = (at + 1) & this.#mask;
    }
    return undefined;
  }

  /** Removes this very entry; false if it is not in here. */
  delete(entry: T): boolean {
    let at = entry.tagHash & this.#mask;
    for (let other = this.#slots[at]; other !== entry; other = this.#slots[at]) {
      if (other === undefined) return false;
      at = (at + 1) & this.#mask;
    }
    this.#size -= 1;
    // What was pushed on by the one that leaves moves back, so that no search ends too early.
    let hole = at;
    for (let i = (at + 1) & this.#mask; ; i = (i + 1) & this.#mask) {
      const other = this.#slots[i];
      if (other === undefined) break;
      const home = other.tagHash & this.#mask;
      if (((i - home) & this.#mask) >= ((i - hole) & this.#mask)) {
        this.#slots[hole] = other;
        hole = i;
      }
    }
    this.#slots[hole] = undefined;
    return true;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (const entry of this.#slots) if (entry !== undefined) yield entry;
  }

  clear(): void {
    this.#slots = new Array<T | undefined>(SMALLEST).fill(undefined);
    this.#mask = SMALLEST - 1;
    this.#size = 0;
  }

  #grow(): void {
    const old = this.#slots;
    this.#mask = old.length * 2 - 1;
    this.#slots = new Array<T | undefined>(old.length * 2).fill(undefined);
    for (const entry of old) {
      if (entry === undefined) continue;
      let at = entry.tagHash & this.#mask;
      while (this.#slots[at] !== undefined) at = (at + 1) & this.#mask;
      this.#slots[at] = entry;
    }
  }
}

function hashOf(bytes: Uint8Array, start: number, length: number): number {
  let hash = length;
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + (bytes[start + i] as number)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
  return (hash ^ (hash >>> 15)) & 0x7fffffff;
}

function sameKey(entry: Tagged, bytes: Uint8Array, start: number, length: number): boolean {
  if (entry.tagLength !== length) return false;
  const { tagSource, tagStart } = entry;
  for (let i = 0; i < length; i++) if (tagSource[tagStart + i] !== bytes[start + i]) return false;
  return true;
}

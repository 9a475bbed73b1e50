/** Which numbers have come, in a memory that does not grow: all below a mark but for a few holes, and a few above it. */

export class Seen {
  /** Numbers that came for the second time, or more often. */
  duplicates = 0;
  count = 0;
  #mark = 0;
  readonly #above = new Set<number>();

  add(n: number): void {
    if (n < this.#mark || this.#above.has(n)) {
      this.duplicates += 1;
      return;
    }
    this.count += 1;
    this.#above.add(n);
    while (this.#above.delete(this.#mark)) this.#mark += 1;
  }

  /** How many of the numbers below `end` have not come. */
  missing(end: number): number {
    let missing = 0;
    for (let n = this.#mark; n < end; n++) if (!this.#above.has(n)) missing += 1;
    return missing;
  }
}

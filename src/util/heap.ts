/** A binary heap: the smallest of many values is always at hand, and adding or taking one costs O(log n). */

/** Values with an order; of equals any comes first. */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  #values: T[] = [];

  /** @param before whether `a` is to come out before `b` */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#values.length;
  }

  /** The smallest value, which stays. */
  peek(): T | undefined {
    return this.#values[0];
  }

  push(value: T): void {
    const values = this.#values;
    let at = values.length;
    values.push(value);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = values[parent] as T;
      if (!this.#before(value, above)) break;
      values[at] = above;
      at = parent;
    }
    values[at] = value;
  }

  /** Takes the smallest value out. */
  pop(): T | undefined {
    const first = this.#values[0];
    const last = this.#values.pop();
    if (this.#values.length > 0) this.#sink(last as T, 0);
    return first;
  }

  /** Keeps only the values that pass, in O(n). */
  filter(keep: (value: T) => boolean): void {
    this.#values = this.#values.filter(keep);
    for (let at = (this.#values.length >>> 1) - 1; at >= 0; at--) this.#sink(this.#values[at] as T, at);
  }

  #sink(value: T, from: number): void {
    const values = this.#values;
    const size = values.length;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#before(values[child + 1] as T, values[child] as T)) child++;
      const below = values[child] as T;
      if (!this.#before(below, value)) break;
      values[at] = below;
      at = child;
    }
    values[at] = value;
  }
}

/**
 * 32-bit serial numbers (RFC 1982): transfer-ids, delivery-ids and delivery-counts wrap from 2^32 - 1 to 0, and
 * the order of two of them is the sign of their distance. Numbers here are unsigned, 0 to 2^32 - 1.
 */

/** `a` moved on by `n`, which may be negative. */
export function serialAdd(a: number, n: number): number {
  return (a + n) >>> 0;
}

/** How far `a` is ahead of `b`: -2^31 to 2^31 - 1, negative when it is behind. */
export function serialDiff(a: number, b: number): number {
  return (a - b) | 0;
}

/** Whether `a` comes before `b`. */
export function serialLess(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

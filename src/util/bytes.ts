/** Bytes that this library owns and hands out: never backed by shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** No bytes at all; shared, since nothing can be written to it. */
export const EMPTY: Bytes = new Uint8Array(0);

/** Whether two byte strings are the same, octet by octet. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  const length = a.length;
  if (length !== b.length) return false;
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A private copy, so that its owner may go on writing to the original. */
export function copyBytes(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

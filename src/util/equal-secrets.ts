/** Comparing secrets. */

/** Whether both have the same octets; of two of the same length it takes as long whatever is in them. */
export function equalSecrets(one: Uint8Array, other: Uint8Array): boolean {
  if (one.length !== other.length) return false;
  let difference = 0;
  for (let i = 0; i < one.length; i++) difference |= (one[i] as number) ^ (other[i] as number);
  return difference === 0;
}

/**
 * Short ASCII text from octets, faster than any call out of JavaScript. `String.fromCharCode` makes a flat string only when it
 * gets all char codes at once, and is fast only when they are written out, hence one line for each length.
 */

/** The longest text that `shortAscii` makes. */
export const SHORT_ASCII = 20;

const make = String.fromCharCode;

/** The text of `n` octets from `s` on, at most `SHORT_ASCII`; undefined when one of them is above 0x7f. */
export function shortAscii(b: Uint8Array, s: number, n: number): string | undefined {
  if (n === 0) return "";
  const c0 = b[s] as number;
  let all = c0;
  if (n === 1) return all > 127 ? undefined : make(c0);
  const c1 = b[s + 1] as number;
  all |= c1;
  if (n === 2) return all > 127 ? undefined : make(c0, c1);
  const c2 = b[s + 2] as number;
  all |= c2;
  if (n === 3) return all > 127 ? undefined : make(c0, c1, c2);
  const c3 = b[s + 3] as number;
  all |= c3;
  if (n === 4) return all > 127 ? undefined : make(c0, c1, c2, c3);
  const c4 = b[s + 4] as number;
  all |= c4;
  if (n === 5) return all > 127 ? undefined : make(c0, c1, c2, c3, c4);
  const c5 = b[s + 5] as number;
  all |= c5;
  if (n === 6) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5);
  const c6 = b[s + 6] as number;
  all |= c6;
  if (n === 7) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6);
  const c7 = b[s + 7] as number;
  all |= c7;
  if (n === 8) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7);
  const c8 = b[s + 8] as number;
  all |= c8;
  if (n === 9) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8);
  const c9 = b[s + 9] as number;
  all |= c9;
  if (n === 10) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9);
  const c10 = b[s + 10] as number;
  all |= c10;
  if (n === 11) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10);
  const c11 = b[s + 11] as number;
  all |= c11;
  if (n === 12) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11);
  const c12 = b[s + 12] as number;
  all |= c12;
  if (n === 13) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12);
  const c13 = b[s + 13] as number;
  all |= c13;
  if (n === 14) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13);
  const c14 = b[s + 14] as number;
  all |= c14;
  if (n === 15) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14);
  const c15 = b[s + 15] as number;
  all |= c15;
  if (n === 16) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15);
  const c16 = b[s + 16] as number;
  all |= c16;
  if (n === 17) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16);
  const c17 = b[s + 17] as number;
  all |= c17;
  if (n === 18) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17);
  const c18 = b[s + 18] as number;
  all |= c18;
  if (n === 19) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18);
  const c19 = b[s + 19] as number;
  all |= c19;
  if (n === 20) return all > 127 ? undefined : make(c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16, c17, c18, c19);
  return undefined;
}

/** The structural check: passes a value without making it. Format codes, sizes, counts, depth and number are checked. */

import type { ByteReader } from "./byte-reader.ts";
import { isCompact, LAYOUT, Layout, leastOctets, MAX_ZERO_WIDTH } from "./codes.ts";

/**
 * Moves behind the next value, in time proportional to its octets and without allocation.
 * @throws DecodeError `decode-error` where its structure is invalid or beyond the bounds.
 */
export function skipValue(r: ByteReader): void {
  r.charge(1);
  const code = r.peek();
  r.position++;
  const layout = LAYOUT[code] as number;
  // Most values are of a fixed width or text.
  if (layout <= 16) {
    r.need(layout);
    r.position += layout;
  } else if (layout === Layout.variable8) {
    r.position = r.sized(1);
  } else if (code === 0) {
    r.enter();
    skipValue(r);
    skipValue(r);
    r.depth--;
  } else {
    skipBody(r, layout);
  }
}

/**
 * Checks the count of an array against its size and its element constructor, which was just read, and charges the
 * elements to the budget; `end` is behind the array. Returns the layout of the elements.
 */
export function checkArray(r: ByteReader, code: number, count: number, end: number, described: boolean): number {
  const layout = LAYOUT[code] as number;
  const at = r.position - 1;
  if (layout === Layout.unknown) r.fail(unknownCode(code), at);
  const left = end - r.position;
  if (layout === 0) {
    if (count > MAX_ZERO_WIDTH) r.fail(`an array of ${count} elements without octets, where ${MAX_ZERO_WIDTH} are the limit`, at);
    if (left !== 0) r.fail(`${left} octets behind the elements of an array`, at);
  } else if (layout <= 16) {
    if (count * layout !== left) r.fail(`an array of ${count} elements of ${layout} octets in ${left} octets`, at);
  } else if (count * leastOctets(layout) > left) {
    r.fail(`an array of ${count} elements in ${left} octets`, at);
  }
  // What is made of the elements: nothing for one without octets, one typed array, or each by itself.
  if (layout !== 0 && (described || !isCompact(code))) r.charge(count);
  return layout;
}

/** The text for a format code that is not in the standard. */
export function unknownCode(code: number): string {
  return `unknown format code 0x${code.toString(16).padStart(2, "0")}`;
}

function skipBody(r: ByteReader, layout: number): void {
  switch (layout) {
    case Layout.variable8: r.position = r.sized(1); return;
    case Layout.variable32: r.position = r.sized(4); return;
    case Layout.list8: skipItems(r, 1, false); return;
    case Layout.list32: skipItems(r, 4, false); return;
    case Layout.map8: skipItems(r, 1, true); return;
    case Layout.map32: skipItems(r, 4, true); return;
    case Layout.array8: skipArray(r, 1); return;
    case Layout.array32: skipArray(r, 4); return;
    case Layout.unknown: r.fail(unknownCode(r.bytes[r.position - 1] as number), r.position - 1); break;
    default: r.need(layout); r.position += layout;
  }
}

function skipItems(r: ByteReader, width: 1 | 4, pairs: boolean): void {
  const at = r.position;
  const end = r.container(width);
  const count = r.count;
  if (count > end - r.position) r.fail(`a count of ${count} in ${end - r.position} octets`, at);
  if (pairs && (count & 1) === 1) r.fail(`a map of ${count} items: the last key has no value`, at);
  const outer = r.end;
  r.end = end;
  r.enter();
  for (let i = 0; i < count; i++) skipValue(r);
  if (r.position !== end) r.fail(`${end - r.position} octets behind the last item`);
  r.depth--;
  r.end = outer;
}

function skipArray(r: ByteReader, width: 1 | 4): void {
  const end = r.container(width);
  const count = r.count;
  const outer = r.end;
  r.end = end;
  r.enter();
  const depth = r.depth;
  let code = r.peek();
  r.position++;
  while (code === 0) {
    r.enter();
    skipValue(r);
    code = r.peek();
    r.position++;
  }
  const layout = checkArray(r, code, count, end, r.depth > depth);
  if (layout <= 16) {
    r.position = end;
  } else {
    for (let i = 0; i < count; i++) skipBody(r, layout);
    if (r.position !== end) r.fail(`${end - r.position} octets behind the last element`);
  }
  r.depth = depth - 1;
  r.end = outer;
}

/** When a message is to be forgotten, read without decoding the fields in front of it: whoever stores messages asks this of each. */

import { findSection, firstElement, readSize, SECTION, sectionValue, valueEnd } from "./layout.ts";

/** The place of absolute-expiry-time among the fields of the properties (§3.2.4). */
const FIELD = 8;

const TIMESTAMP = 0x83;

/** The absolute-expiry-time of a checked message in ms since 1970; undefined where it has none, or none that is a timestamp. */
export function readExpiryTime(bytes: Uint8Array, start: number, end: number): number | undefined {
  const section = findSection(bytes, start, end, SECTION.properties);
  if (section < 0) return undefined;
  const list = sectionValue(bytes, section);
  const listEnd = valueEnd(bytes, list);
  let at = firstElement(bytes, list);
  for (let field = 0; field < FIELD && at < listEnd; field++) at = valueEnd(bytes, at);
  if (at >= listEnd || bytes[at] !== TIMESTAMP) return undefined;
  return (readSize(bytes, at + 1) | 0) * 0x1_0000_0000 + readSize(bytes, at + 5);
}

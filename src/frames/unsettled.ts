/**
 * The `unsettled` map of an attach (§2.7.3, §2.6.13): delivery-tags, binary of at most 32 octets, and a delivery state or
 * null for each. A null map and an empty one mean different things (X.4), so both are kept apart.
 */

import { EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import { copyBytes } from "../util/bytes.ts";
import type { ByteReader } from "../wire/decode.ts";
import { readBinary, readMapHeader } from "../wire/decode.ts";
import { beginMap, endMap, writeBinary, writeNull } from "../wire/encode.ts";
import type { FieldType } from "./composite.ts";
import { malformed } from "./composite.ts";
import { AmqpCondition } from "./condition.ts";
import { readDeliveryState, writeDeliveryState } from "./delivery-state-codec.ts";
import type { UnsettledEntry } from "./performatives.ts";

/** The longest delivery-tag, in octets (§2.8.7). */
export const MAX_TAG_LENGTH = 32;

/** The `unsettled` field of an attach. */
export const UNSETTLED_FIELD: FieldType = { write: writeUnsettled, read: readUnsettled };

function writeUnsettled(w: ByteWriter, entries: readonly UnsettledEntry[]): void {
  const mark = beginMap(w);
  for (const [tag, state] of entries) {
    if (tag.length > MAX_TAG_LENGTH) {
      throw new EncodeError(`a delivery-tag has ${tag.length} octets, the most is ${MAX_TAG_LENGTH}`, { code: "not-encodable", scope: "link" });
    }
    writeBinary(w, tag);
    if (state === null) writeNull(w);
    else writeDeliveryState(w, state);
  }
  endMap(w, mark, entries.length * 2);
}

function readUnsettled(r: ByteReader): readonly UnsettledEntry[] {
  const end = readMapHeader(r);
  const { count, end: outer } = r;
  r.end = end;
  r.enter();
  const entries: UnsettledEntry[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < count; i += 2) {
    const tag = readTag(r);
    const text = String.fromCharCode(...tag);
    if (seen.has(text)) throw malformed("the map holds a key twice");
    seen.add(text);
    entries.push([tag, readDeliveryState(r) ?? null]);
  }
  if (r.position !== end) throw malformed("the entries do not end where the map does");
  r.end = outer;
  r.depth--;
  return entries;
}

// Only binary is allowed as a key: any other type, null above all, is the link's error and not the connection's.
function readTag(r: ByteReader): UnsettledEntry[0] {
  const code = r.position < r.end ? r.bytes[r.position] : undefined;
  const tag = code === 0xa0 || code === 0xb0 ? readBinary(r) : undefined;
  if (tag === undefined) throw malformed("a key is not binary", AmqpCondition.invalidField);
  if (tag.length > MAX_TAG_LENGTH) {
    throw malformed(`a key has ${tag.length} octets, the most is ${MAX_TAG_LENGTH}`, AmqpCondition.invalidField);
  }
  return copyBytes(tag);
}

/** Delivery tags as a user gives them (§2.8.7). */

import { ConfigError } from "../errors.ts";
import { copyBytes } from "../util/bytes.ts";
import { Uuid } from "../wire/values.ts";

/** Octets of the longest tag. */
export const LONGEST_TAG = 32;

/** The octets of a tag: bytes as they are, a Uuid's 16, text as UTF-8. */
export function tagBytesOf(tag: string | Uint8Array | Uuid): Uint8Array {
  if (typeof tag === "string") return new TextEncoder().encode(tag);
  return tag instanceof Uuid ? tag.bytes : tag;
}

/** As a key of maps: one character for each octet, so that different bytes never look the same. */
export function tagKey(tag: Uint8Array): string {
  return String.fromCharCode(...tag);
}

/** A tag that can be sent. @throws ConfigError config */
export function checkedTag(tag: unknown): Uint8Array {
  if (typeof tag !== "string" && !(tag instanceof Uint8Array) && !(tag instanceof Uuid)) {
    throw new ConfigError("send(): option \"tag\" must be a Uint8Array, a text or a Uuid", { code: "config", scope: "delivery" });
  }
  const bytes = tagBytesOf(tag);
  if (bytes.length === 0 || bytes.length > LONGEST_TAG) {
    throw new ConfigError(`send(): option "tag" must have 1 to ${LONGEST_TAG} octets; got ${bytes.length}`, { code: "config", scope: "delivery" });
  }
  // The caller may change its bytes when the call is over.
  return tag instanceof Uint8Array ? copyBytes(bytes) : bytes;
}

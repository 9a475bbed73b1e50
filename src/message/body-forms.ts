/** The body of a message as JSON, as text or as bytes, whichever section it came in. */

import { readUtf8 } from "#platform";
import { DecodeError } from "../errors.ts";
import type { Bytes } from "../util/bytes.ts";
import { Described, Typed } from "../wire/values.ts";

/** What JSON text or bytes stand for; lists, maps and other values of AMQP as they are. @throws DecodeError decode-error */
export function asJson(body: unknown): unknown {
  const plain = unwrap(body);
  if (typeof plain !== "string" && !(plain instanceof Uint8Array)) return plain;
  const text = asText(plain);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new DecodeError("the body of the message is no JSON", { code: "decode-error", scope: "delivery", cause });
  }
}

/** Text as it is, bytes as UTF-8, null as no text, lists and maps as JSON, anything else as it prints. @throws DecodeError decode-error */
export function asText(body: unknown): string {
  const plain = unwrap(body);
  if (typeof plain === "string") return plain;
  if (plain === null || plain === undefined) return "";
  if (plain instanceof Uint8Array) {
    try {
      return readUtf8(plain, 0, plain.length);
    } catch (cause) {
      throw new DecodeError("the body of the message is no UTF-8 text", { code: "decode-error", scope: "delivery", cause });
    }
  }
  if (plain instanceof Date) return plain.toISOString();
  const isCompound = Array.isArray(plain) || plain instanceof Map || ArrayBuffer.isView(plain) || Object.prototype.toString.call(plain) === "[object Object]";
  return isCompound ? JSON.stringify(plain, toJson) : String(plain);
}

/** Bytes as they are, anything else as the UTF-8 bytes of its text. */
export function asBytes(body: unknown): Bytes {
  return body instanceof Uint8Array ? (body as Bytes) : new TextEncoder().encode(asText(body));
}

function unwrap(body: unknown): unknown {
  let plain = body;
  while (plain instanceof Typed || plain instanceof Described) plain = plain.value;
  return plain;
}

// What JSON has no form for: bigints as digits, bytes and other typed arrays as arrays, maps as objects.
function toJson(_key: string, value: unknown): unknown {
  const plain = unwrap(value);
  if (typeof plain === "bigint") return plain.toString();
  if (plain instanceof Map) return Object.fromEntries([...plain].map(([key, item]) => [asText(key), item as unknown]));
  if (ArrayBuffer.isView(plain) && !(plain instanceof DataView)) return Array.from(plain as unknown as ArrayLike<unknown>);
  return plain;
}

/** Termini <-> bytes: source (§3.5.3), target (§3.5.4), coordinator (§4.5.1). */

import { EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import type { ByteReader } from "../wire/decode.ts";
import type { FieldOptions } from "./composite.ts";
import { composite, compositeSet, field, readCompositeType, readFields, writeComposite } from "./composite.ts";
import { OUTCOME_FIELD } from "./delivery-state-codec.ts";
import { BOOLEAN, FIELDS, STRING, SYMBOL, SYMBOLS, UINT, custom, symbolChoice, uintChoice } from "./field-types.ts";
import type { Coordinator, Source, Target } from "./terminus.ts";

const DURABILITY = uintChoice(2);
const EXPIRY_POLICY = symbolChoice(["link-detach", "session-end", "connection-close", "never"]);
const NONE: FieldOptions = { fallback: 0 };

const SOURCE = composite("source", 0x28, [
  field<Source>("address", "address", STRING),
  field<Source>("durable", "durable", DURABILITY, NONE),
  field<Source>("expiry-policy", "expiryPolicy", EXPIRY_POLICY, { fallback: "session-end" }),
  field<Source>("timeout", "timeout", UINT, NONE),
  field<Source>("dynamic", "dynamic", BOOLEAN, { fallback: false }),
  field<Source>("dynamic-node-properties", "dynamicNodeProperties", FIELDS),
  field<Source>("distribution-mode", "distributionMode", SYMBOL),
  field<Source>("filter", "filter", FIELDS),
  field<Source>("default-outcome", "defaultOutcome", OUTCOME_FIELD),
  field<Source>("outcomes", "outcomes", SYMBOLS),
  field<Source>("capabilities", "capabilities", SYMBOLS),
]);
const TARGET = composite("target", 0x29, [
  field<Target>("address", "address", STRING),
  field<Target>("durable", "durable", DURABILITY, NONE),
  field<Target>("expiry-policy", "expiryPolicy", EXPIRY_POLICY, { fallback: "session-end" }),
  field<Target>("timeout", "timeout", UINT, NONE),
  field<Target>("dynamic", "dynamic", BOOLEAN, { fallback: false }),
  field<Target>("dynamic-node-properties", "dynamicNodeProperties", FIELDS),
  field<Target>("capabilities", "capabilities", SYMBOLS),
]);
const COORDINATOR = composite("coordinator", 0x30, [field<Coordinator>("capabilities", "capabilities", SYMBOLS)]);

const SOURCES = compositeSet("a source", [SOURCE]);
const TARGETS = compositeSet("a target", [TARGET, COORDINATOR]);

/** Writes a source with its descriptor. @throws EncodeError not-encodable. */
export function writeSource(w: ByteWriter, source: Source): void {
  writeComposite(w, SOURCE, source);
}

/** Reads a source with its descriptor. @throws DecodeError decode-error. */
export function readSource(r: ByteReader): Source {
  return readFields(r, readCompositeType(r, SOURCES)) as unknown as Source;
}

/** Writes a target or coordinator with its descriptor. @throws EncodeError not-encodable. */
export function writeTarget(w: ByteWriter, target: Target | Coordinator): void {
  switch (target.type) {
    case "target": return writeComposite(w, TARGET, target);
    case "coordinator": return writeComposite(w, COORDINATOR, target);
    default: return notATarget(target);
  }
}

/** Reads a target or coordinator with its descriptor. @throws DecodeError decode-error. */
export function readTarget(r: ByteReader): Target | Coordinator {
  return readFields(r, readCompositeType(r, TARGETS)) as unknown as Target | Coordinator;
}

/** The `source` field of an attach. */
export const SOURCE_FIELD = custom(writeSource, readSource);

/** The `target` field of an attach. */
export const TARGET_FIELD = custom(writeTarget, readTarget);

function notATarget(target: never): never {
  const { type } = target as { type: unknown };
  throw new EncodeError(`"${String(type)}" is not a target`, { code: "not-encodable", scope: "link" });
}

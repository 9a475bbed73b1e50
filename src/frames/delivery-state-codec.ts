/** Delivery states and outcomes <-> bytes (§3.4, §4.5.5, §4.5.8). */

import { EncodeError } from "../errors.ts";
import type { ByteWriter } from "../util/byte-writer.ts";
import type { ByteReader } from "../wire/decode.ts";
import type { Composite, CompositeSet } from "./composite.ts";
import { composite, compositeSet, field, readCompositeType, readFields, takeNull, writeComposite } from "./composite.ts";
import { AmqpCondition } from "./condition.ts";
import { ERROR_FIELD } from "./condition-codec.ts";
import type { DeliveryState } from "./delivery-state.ts";
import { ACCEPTED, RELEASED } from "./delivery-state.ts";
import { BOOLEAN, KEPT_BINARY, SOME_FIELDS, UINT, ULONG, custom } from "./field-types.ts";

type Of<N extends DeliveryState["type"]> = Extract<DeliveryState, { type: N }>;

const NO_ANNOTATIONS: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null) as Record<string, unknown>);

const RECEIVED_TYPE = composite("received", 0x23, [
  field<Of<"received">>("section-number", "section", UINT, { mandatory: true }),
  field<Of<"received">>("section-offset", "offset", ULONG, { mandatory: true }),
]);
const ACCEPTED_TYPE = composite("accepted", 0x24, []);
const REJECTED_TYPE = composite("rejected", 0x25, [field<Of<"rejected">>("error", "error", ERROR_FIELD)]);
const RELEASED_TYPE = composite("released", 0x26, []);
const MODIFIED_TYPE = composite("modified", 0x27, [
  field<Of<"modified">>("delivery-failed", "deliveryFailed", BOOLEAN, { fallback: false }),
  field<Of<"modified">>("undeliverable-here", "undeliverableHere", BOOLEAN, { fallback: false }),
  field<Of<"modified">>("message-annotations", "annotations", SOME_FIELDS, { fallback: NO_ANNOTATIONS }),
]);
const OUTCOMES = compositeSet("an outcome", [ACCEPTED_TYPE, REJECTED_TYPE, RELEASED_TYPE, MODIFIED_TYPE]);

/** An `outcome` field of a terminus. */
export const OUTCOME_FIELD = custom(writeDeliveryState, (r) => readState(r, OUTCOMES, AmqpCondition.decodeError));

const PROVISIONAL_OUTCOME = custom(writeDeliveryState, (r) => readState(r, OUTCOMES, AmqpCondition.invalidField));

const DECLARED_TYPE = composite("declared", 0x33, [field<Of<"declared">>("txn-id", "txnId", KEPT_BINARY, { mandatory: true })]);
const TRANSACTIONAL_TYPE = composite("transactional-state", 0x34, [
  field<Of<"transactional">>("txn-id", "txnId", KEPT_BINARY, { mandatory: true }),
  field<Of<"transactional">>("outcome", "outcome", PROVISIONAL_OUTCOME),
], { type: "transactional" });
const STATES = compositeSet("a delivery state", [
  RECEIVED_TYPE, ACCEPTED_TYPE, REJECTED_TYPE, RELEASED_TYPE, MODIFIED_TYPE, DECLARED_TYPE, TRANSACTIONAL_TYPE,
]);

/** Writes a state with its descriptor. @throws EncodeError not-encodable. */
export function writeDeliveryState(w: ByteWriter, state: DeliveryState): void {
  writeComposite(w, typeOf(state), state);
}

/**
 * Reads a state with its descriptor; undefined for null.
 * @throws DecodeError decode-error, with the condition amqp:invalid-field where what stands there is sound but no delivery
 * state (B79, B90), else amqp:decode-error.
 */
export function readDeliveryState(r: ByteReader): DeliveryState | undefined {
  if (takeNull(r)) return undefined;
  return readState(r, STATES, AmqpCondition.invalidField);
}

/** A `state` field of another composite. */
export const STATE_FIELD = custom(writeDeliveryState, readDeliveryState);

function readState(r: ByteReader, set: CompositeSet, unknown: string): DeliveryState {
  const type = readCompositeType(r, set, unknown);
  const state = readFields(r, type);
  if (type === ACCEPTED_TYPE) return ACCEPTED;
  if (type === RELEASED_TYPE) return RELEASED;
  return state as unknown as DeliveryState;
}

function typeOf(state: DeliveryState): Composite {
  switch (state.type) {
    case "accepted": return ACCEPTED_TYPE;
    case "released": return RELEASED_TYPE;
    case "rejected": return REJECTED_TYPE;
    case "modified": return MODIFIED_TYPE;
    case "received": return RECEIVED_TYPE;
    case "declared": return DECLARED_TYPE;
    case "transactional": return TRANSACTIONAL_TYPE;
    default: return unknownState(state);
  }
}

function unknownState(state: never): never {
  const { type } = state as { type: unknown };
  throw new EncodeError(`"${String(type)}" is not a delivery state`, { code: "not-encodable", scope: "delivery" });
}

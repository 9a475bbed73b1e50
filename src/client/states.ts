/** Delivery states as a user gives them. */

import { ConfigError, EncodeError } from "../errors.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import { ACCEPTED, RELEASED } from "../frames/delivery-state.ts";
import type { ErrorInit } from "../options/call.ts";
import { checkErrorInit } from "../options/resolve.ts";
import type { DeliveryStateInit } from "./shapes.ts";
import { outcomeOf } from "./termini.ts";

/** The condition of a rejection that names none. */
const UNSPECIFIED = "amqp:internal-error";

/** A state given by name or with its fields. @throws ConfigError config */
export function stateOf(init: DeliveryStateInit): DeliveryState {
  const type = typeof init === "string" ? init : (init as DeliveryState | null | undefined)?.type;
  switch (type) {
    case "accepted":
      return ACCEPTED;
    case "released":
      return RELEASED;
    case "rejected":
    case "modified":
      return outcomeOf(init as Parameters<typeof outcomeOf>[0]);
    case "received":
      return placeOf(init as Extract<DeliveryState, { type: "received" }>);
    case "transactional":
    case "declared":
      return init as DeliveryState;
    default:
      throw new ConfigError(`${String(type)} is no delivery state; there are accepted, rejected, released, modified, received`,
        { code: "config", scope: "delivery" });
  }
}

function placeOf(init: Extract<DeliveryState, { type: "received" }>): DeliveryState {
  const { section, offset } = init;
  if (!Number.isInteger(section) || section < 0 || section > 0xffff_ffff) {
    throw unfitPlace("a section, counted from 0: it can be left out only for a delivery that was received");
  }
  if (typeof offset === "bigint" ? offset < 0n : !Number.isSafeInteger(offset) || offset < 0) {
    throw unfitPlace("an offset, counted in octets from 0");
  }
  return init;
}

function unfitPlace(what: string): EncodeError {
  return new EncodeError(`the state received needs ${what}`, { code: "not-encodable", scope: "delivery" });
}

/** The error of a rejection, from whatever says why. */
export function rejectionOf(error: ErrorInit | string | Error | undefined): ErrorInit | undefined {
  if (error === undefined) return undefined;
  if (typeof error === "string") return { condition: UNSPECIFIED, description: error };
  if (error instanceof Error) return { condition: (error as { condition?: string }).condition ?? UNSPECIFIED, description: error.message };
  return checkErrorInit(error, "reject()");
}

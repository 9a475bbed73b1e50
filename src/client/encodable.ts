/**
 * Looks at the call whether what the user gave (properties, filters, error conditions, annotations) can be encoded at all:
 * found out only when it is written, it would be nobody's error.
 */

import { writePerformative } from "../frames/codec.ts";
import type { DeliveryState } from "../frames/delivery-state.ts";
import { ACCEPTED, RELEASED } from "../frames/delivery-state.ts";
import { writeDeliveryState } from "../frames/delivery-state-codec.ts";
import type { Begin, Open, Performative } from "../frames/performatives.ts";
import type { CloseOptions, ErrorInit } from "../options/call.ts";
import type { ResolvedSession } from "../options/resolve-link.ts";
import { checkCloseOptions, checkErrorInit } from "../options/resolve.ts";
import { ByteWriter } from "../util/byte-writer.ts";
import type { Profile } from "./profile.ts";

/** @throws EncodeError not-encodable */
export function checkEncodable(performative: Performative): void {
  writePerformative(new ByteWriter(), performative);
}

/** @throws EncodeError not-encodable */
export function checkState(state: DeliveryState | undefined): void {
  if (state !== undefined && state !== ACCEPTED && state !== RELEASED) writeDeliveryState(new ByteWriter(), state);
}

/** Why an error cannot be told to the peer, if so. */
export function unfitError(error: ErrorInit, where: string): Error | undefined {
  return badCall(() => {
    checkErrorInit(error, where);
    checkEncodable({ type: "close", error });
  });
}

/** Why an endpoint cannot be closed like that, if so. */
export function unfitClose(options: CloseOptions | undefined, where: string): Error | undefined {
  return options === undefined ? undefined : badCall(() => {
    const { error } = checkCloseOptions(options, where);
    if (error !== undefined) checkEncodable({ type: "close", error });
  });
}

/** What is wrong with a call whose answer is a promise, which is to reject with it. */
export function badCall(check: () => void): Error | undefined {
  try {
    check();
    return undefined;
  } catch (wrong) {
    return wrong as Error;
  }
}

/** What the open says of the user's. */
export function openOf(profile: Profile): Omit<Open, "type" | "maxFrameSize" | "channelMax" | "idleTimeOut"> {
  const { containerId, hostname, offeredCapabilities, desiredCapabilities, properties } = profile;
  return { containerId, hostname, offeredCapabilities: some(offeredCapabilities), desiredCapabilities: some(desiredCapabilities), properties };
}

/** @throws EncodeError not-encodable */
export function checkOpen(profile: Profile): void {
  checkEncodable({ type: "open", ...openOf(profile) });
}

/** No names at all are not said. */
export function some(names: readonly string[]): readonly string[] | undefined {
  return names.length === 0 ? undefined : names;
}

/** What the begin says of the user's. */
export function capabilitiesOf({ offeredCapabilities, desiredCapabilities, properties }: ResolvedSession): Pick<Begin, "offeredCapabilities" | "desiredCapabilities" | "properties"> {
  return { offeredCapabilities: some(offeredCapabilities), desiredCapabilities: some(desiredCapabilities), properties };
}

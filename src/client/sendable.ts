/** What can be given to `send()`, and what it answers. */

import { ConfigError } from "../errors.ts";
import type { Connection, OutgoingDelivery, Sendable } from "./api.ts";
import type { ClientOutgoing } from "./outgoing.ts";
import { Capture, HeardPromise } from "./promise.ts";

/** The error of something that is no message. */
export function notAMessage(where: string, value: unknown): ConfigError {
  const got = value === null ? "null" : typeof value;
  return new ConfigError(`${where}: a message is an object such as { body: ... }; got ${got}`, { code: "config", scope: "delivery" });
}

/** A promise that tells whether anybody listens, for a failure that handlers hear of too. */
export function heardBy(delivery: ClientOutgoing): Promise<OutgoingDelivery> {
  delivery.promise = new HeardPromise<OutgoingDelivery>(Capture.executor);
  return delivery.promise;
}

/** Whether it knows itself how it is sent. */
export function isSendable(message: unknown): message is Sendable {
  // A Message has a `send` too, which would come back here.
  return typeof (message as { send?: unknown }).send === "function" && (message as { encode?: unknown }).encode === undefined;
}

/** One after the other. */
export function* concatenated<T>(...parts: Iterable<T>[]): IterableIterator<T> {
  for (const part of parts) yield* part;
}

/** The capability of peers that take messages for any address on one link. */
const RELAY = "ANONYMOUS-RELAY";

/** What a person may want to know whose sender to the anonymous relay was refused. */
export function relayHint({ remoteOfferedCapabilities }: Connection): string {
  if (remoteOfferedCapabilities.includes(RELAY)) return "";
  return ` (the peer does not offer ${RELAY}: create a sender for each address instead)`;
}

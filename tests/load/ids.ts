/** Where the serial numbers of a connection begin: not with 0, so that they reach their end within a test. */

import type { Connection } from "../../src/index.ts";
import type { Profile } from "../../src/client/profile.ts";

/** To be called in the turn of `connect()`, before there is a socket: the ids of its sessions and the counts of its senders begin there. */
export function beginAt(connection: Connection, first: number): void {
  const { profile } = connection as Connection & { readonly profile: Profile };
  const serials: Pick<Profile, "firstSerial"> = { firstSerial: first };
  Object.assign(profile, serials);
}

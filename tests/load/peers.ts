/** The peers by name. */

import type { PeerProgram } from "./peer-process.ts";
import { attackers } from "./peers/attackers.ts";
import { client } from "./peers/client.ts";
import { server } from "./peers/server.ts";

export const PEERS: ReadonlyMap<string, PeerProgram> = new Map<string, PeerProgram>([
  ["attackers", attackers],
  ["client", client],
  ["server", server],
]);

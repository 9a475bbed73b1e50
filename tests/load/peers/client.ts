/** A client in a process of its own, with one connection and one sender. */

import { connect } from "../../../src/index.ts";
import type { PeerProgram } from "../peer-process.ts";

/** How a client is started. */
export interface ClientSettings {
  readonly url: string;
  /** Milliseconds. */
  readonly idleTimeout?: number;
}

export const client: PeerProgram = async (desk, given) => {
  const { url, idleTimeout } = given as unknown as ClientSettings;
  const connection = await connect(url, { reconnect: false, ...(idleTimeout === undefined ? {} : { idleTimeout }) });
  await connection.createSender("q");
  desk.open({});
};

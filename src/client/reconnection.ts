/** What becomes of a connection that is lost: the container decides, and looks for another socket. */

import type { AmqpError } from "../errors.ts";
import type { Delays } from "./link.ts";

/** What the container does about a connection that is lost. */
export interface Reconnection {
  /** Whether it is to be made again after this. */
  lost(error: AmqpError): boolean;
  /** Begins to look for another socket. */
  begin(): void;
  /** Fresh waiting times, for sessions and links that come back. */
  delays(): Delays;
}

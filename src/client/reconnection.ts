/** What becomes of a connection that is lost: the container decides, and looks for another socket. */

import type { AmqpError } from "../errors.ts";

/** What the container does about a connection that is lost. */
export interface Reconnection {
  /** It is open. */
  opened(): void;
  /** Why it stays lost after this, if it does: the error, or one that says more; undefined: it is to be made again. */
  lost(error: AmqpError): AmqpError | undefined;
  /** Begins to look for another socket. */
  begin(): void;
  /** Fresh waiting times, for sessions and links that come back. */
  delays(): Delays;
}

/** Waiting times that grow, and begin anew after something has held for a while. */
export interface Delays {
  opened(now: number): void;
  lost(now: number): void;
  /** Milliseconds to wait now. */
  next(): number;
}

/** What a negotiation asks of the driver that feeds it. */

import type { SaslError } from "../errors.ts";
import type { SaslOutcome, SaslPerformative } from "../frames/performatives.ts";
import type { Need } from "./mechanism.ts";

/**
 * In the order to be carried out. `done` and `fail` are the last of a negotiation, whose later input yields nothing but
 * another `fail`.
 */
export type SaslAction =
  /** To be written as a frame of type 1. */
  | { readonly type: "send"; readonly frame: SaslPerformative }
  /** To be fulfilled and handed to `answer`. */
  | Need
  /** Both sides go on with an AMQP header. `user` is who the peer is, on the server and if it is somebody. */
  | { readonly type: "done"; readonly mechanism: string; readonly user: string | undefined }
  /**
   * The socket is to be dropped: after `outcome`, where there is one, else at once. A driver sends each outcome `auth` at
   * the same time after the sasl-init, whatever its cause, so that the delay tells nothing either (B53).
   */
  | { readonly type: "fail"; readonly error: SaslError; readonly outcome: SaslOutcome | undefined };

/** Challenges in one negotiation, at most (B57). */
export const MAX_ROUNDS = 10;

/** What a callback throws to say what is to become of the message in hand. */

import { AmqpError } from "../errors.ts";
import type { ErrorInit } from "../options/call.ts";

/** Thrown inside `on_message`: the message is rejected (§3.4.3). */
export class Reject extends AmqpError {
  static override readonly brand: string = "Reject";

  /** @param error why, for the sender; a text is its description. @default none */
  constructor(error?: ErrorInit | string) {
    const { condition, description, info } = typeof error === "string" ? { condition: "amqp:internal-error", description: error, info: undefined } : { ...error };
    super(description ?? condition ?? "rejected", { code: "rejected", scope: "delivery", condition, description, info });
  }
}

/** Thrown inside `on_message`: the message is given back. */
export class Release extends AmqpError {
  static override readonly brand: string = "Release";
  /** Whether this counts as an attempt to deliver it. */
  readonly delivered: boolean;

  /** @param options `delivered: false` leaves its delivery-count as it was. @default delivered */
  constructor(options?: { delivered?: boolean | undefined }) {
    super("released", { code: "released", scope: "delivery" });
    this.delivered = options?.delivered ?? true;
  }
}

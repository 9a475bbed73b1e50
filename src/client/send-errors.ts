/** What a send rejects with when the peer did not accept the message, or when nobody knows. */

import type { AmqpErrorInit, ErrorCode } from "../errors.ts";
import { AmqpError } from "../errors.ts";
import type { Outcome } from "../frames/delivery-state.ts";
import { printable } from "../frames/printable.ts";
import type { OutgoingDelivery } from "./api.ts";
import { plainDescription } from "./remote-error.ts";
import type { SendOutcome } from "./shapes.ts";

/** Base of the five: every outcome of a send but accepted. */
export abstract class SendError extends AmqpError {
  static override readonly brand: string = "SendError";
  readonly outcome: Exclude<SendOutcome, { type: "accepted" }>;
  /** undefined where the send was refused before there was a delivery. */
  readonly delivery: OutgoingDelivery | undefined;

  constructor(message: string, init: Omit<AmqpErrorInit, "scope"> & {
    outcome: Exclude<SendOutcome, { type: "accepted" }>; delivery: OutgoingDelivery | undefined;
  }) {
    super(message, { ...init, scope: "delivery" });
    this.outcome = init.outcome;
    // Not enumerable: a printed error need not show the whole connection.
    Object.defineProperty(this, "delivery", { value: init.delivery, enumerable: false });
  }
}

/** The peer rejected the message (§3.4.3): sent again, it would be again. */
export class RejectedError extends SendError {
  static override readonly brand: string = "RejectedError";
  declare readonly outcome: Extract<SendOutcome, { type: "rejected" }>;
}

/** The peer released the message (§3.4.4): it did nothing with it. */
export class ReleasedError extends SendError {
  static override readonly brand: string = "ReleasedError";
  declare readonly outcome: Extract<SendOutcome, { type: "released" }>;
}

/** The peer modified the message (§3.4.5): it tried and did not succeed. */
export class ModifiedError extends SendError {
  static override readonly brand: string = "ModifiedError";
  declare readonly outcome: Extract<SendOutcome, { type: "modified" }>;
}

/** The message left, and nobody knows what became of it. */
export class InDoubtError extends SendError {
  static override readonly brand: string = "InDoubtError";
  declare readonly outcome: { readonly type: "in-doubt"; readonly cause: unknown };
}

/** The message never left. */
export class NotSentError extends SendError {
  static override readonly brand: string = "NotSentError";
  declare readonly outcome: { readonly type: "not-sent"; readonly cause: unknown };
}

/** The error of an outcome that is not accepted. */
export function outcomeError(outcome: Exclude<Outcome, { type: "accepted" }>, delivery: OutgoingDelivery, where: string): SendError {
  switch (outcome.type) {
    case "rejected": {
      const { error } = outcome;
      const why = error === undefined ? "" : `: ${printable(error.condition, 100)}${error.description === undefined ? "" : ` (${printable(error.description, 500)})`}`;
      return new RejectedError(`the message was rejected by the peer, ${where}${why}`, {
        code: "rejected", origin: "remote", condition: error && printable(error.condition, 255), description: plainDescription(error?.description), info: error?.info, outcome, delivery,
      });
    }
    case "released":
      return new ReleasedError(`the message was released by the peer, ${where}: it did nothing with it`, {
        code: "released", origin: "remote", retryable: true, outcome, delivery,
      });
    case "modified":
      return new ModifiedError(`the message was given back as modified by the peer, ${where}`, {
        code: "modified", origin: "remote", retryable: !outcome.undeliverableHere, outcome, delivery,
      });
  }
}

/** The error of a message whose fate is unknown. */
export function inDoubt(cause: unknown, delivery: OutgoingDelivery, where: string, code: ErrorCode = "in-doubt"): InDoubtError {
  return new InDoubtError(`the message left, ${where}, and its fate is unknown: ${reasonOf(cause)}`, {
    code, retryable: true, cause, outcome: { type: "in-doubt", cause }, delivery,
  });
}

/** The error of a message that never left. */
export function notSent(cause: unknown, delivery: OutgoingDelivery | undefined, where: string, code: ErrorCode = "not-sent"): NotSentError {
  return new NotSentError(`the message was not sent, ${where}: ${reasonOf(cause)}`, {
    code, retryable: true, cause, outcome: { type: "not-sent", cause }, delivery,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

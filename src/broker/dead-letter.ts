/** Messages that could not be delivered, as they go to the queue for such: with annotations that say where they died and of what. */

import { DecodeError } from "../errors.ts";
import { Message } from "../container/public.ts";
import type { ErrorInit } from "../container/public.ts";

/** Why a message is dead. */
export type Death = "rejected" | "max-deliveries" | "expired";

/** What a message died of. */
export interface Cause {
  readonly reason: Death;
  /** The queue or topic. */
  readonly address: string;
  /** Deliveries that had failed. */
  readonly failures: number;
  /** What the consumer said. */
  readonly error?: ErrorInit | undefined;
}

/**
 * The dead letter of a message. It keeps everything but its ttl, so that it does not die once more, and gets the annotations
 * x-opt-death-reason, -queue, -time, -deliveries, and of a rejection -condition and -description.
 */
export function deadLetterOf(message: Message, { reason, address, failures, error }: Cause): Message {
  const letter = Message.decode(message.encode());
  letter.ttl = undefined;
  const annotations: Record<string, unknown> = {
    "x-opt-death-reason": reason, "x-opt-death-queue": address, "x-opt-death-time": new Date(), "x-opt-death-deliveries": failures,
  };
  if (error?.condition !== undefined) annotations["x-opt-death-condition"] = error.condition;
  if (error?.description !== undefined) annotations["x-opt-death-description"] = error.description;
  try {
    letter.annotations = { ...letter.annotations, ...annotations };
  } catch (failure) {
    // Its own cannot be decoded: then it goes without.
    if (!(failure instanceof DecodeError)) throw failure;
  }
  return Message.decode(letter.encode());
}

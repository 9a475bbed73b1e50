/** Deliveries that the peer posts in a transaction of its own (§4.3). */

import { TransactionCondition } from "../frames/condition.ts";
import type { ErrorInit } from "../options/call.ts";
import { nextTurn } from "../transport/next-turn.ts";
import type { Resource } from "./enlistment.ts";
import type { ClientIncoming } from "./incoming.ts";

/** Puts a delivery into the transaction that it names; answers why it cannot be taken: only in one that is open. */
export function postIn(delivery: ClientIncoming, resource: Resource | undefined): ErrorInit | undefined {
  const state = delivery.remoteState;
  if (state?.type !== "transactional" || resource === undefined) return undefined;
  delivery.postedIn = resource.find(state.txnId);
  if (delivery.postedIn !== undefined) return undefined;
  return { condition: TransactionCondition.unknownId, description: "a message was posted in a transaction that does not exist, or no longer" };
}

/** One that is taken and settled already is not heard of again: its transaction waits until the taker has had his turn. */
export function byHand(delivery: ClientIncoming): ClientIncoming {
  if (delivery.postedIn !== undefined && delivery.disposed) nextTurn(() => delivery.postedIn?.passed(delivery));
  return delivery;
}

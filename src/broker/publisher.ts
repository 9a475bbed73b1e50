/**
 * One link that publishes: each message is put into its queue and then accepted. A message for which there is no room is
 * kept in hand, neither queued nor accepted, so that the link's credit runs out and its sender waits.
 */

import { DecodeError } from "../errors.ts";
import type { ErrorInit, IncomingDelivery, Receiver } from "../container/public.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import type { Transactions } from "./transactions.ts";

/** Takes messages until the link is closed; without a `target` each goes to the address in its `to` (anonymous relay). */
export async function publish(receiver: Receiver, target: Node | undefined, nodes: Nodes, transactions: Transactions): Promise<void> {
  const user = receiver.connection.identity?.user;
  const origin = nodes.originOf(receiver.connection);
  for await (const delivery of receiver) {
    const node = target ?? addressee(delivery, nodes);
    const posted = delivery.remoteState?.type === "transactional" ? delivery.remoteState.txnId : undefined;
    if (node === undefined || (user !== undefined && !isFrom(delivery, user))) {
      if (posted !== undefined && delivery.settled) transactions.spoil(posted, "a message that was sent settled in the transaction was refused");
      continue;
    }
    if (posted !== undefined) {
      const why = transactions.stage(posted, node, delivery);
      if (why === undefined) continue;
      if (delivery.settled) transactions.spoil(posted, why);
      else refuse(delivery, { condition: "amqp:resource-limit-exceeded", description: why });
      continue;
    }
    for (let room = node.full(); room !== undefined && !node.deleted; room = node.full()) {
      await Promise.race([room, receiver.closed]);
      if (receiver.state.remote === "closed" || receiver.state.local === "closed") return;
    }
    if (node.deleted) refuse(delivery, { condition: "amqp:resource-deleted", description: `${node.address} is gone with the link that made it` });
    else node.put(delivery.message, origin);
  }
}

// The loop accepts every delivery that was not settled otherwise, so a refusal is a rejection here and now.
function addressee(delivery: IncomingDelivery, nodes: Nodes): Node | undefined {
  try {
    const { to } = delivery.message;
    if (to === undefined || to === "") return refuse(delivery, { condition: "amqp:invalid-field", description: "a message on an anonymous relay needs a `to`" });
    return nodes.get(to) ?? refuse(delivery, { condition: "amqp:not-found", description: "there is no such dynamic node (any more)" });
  } catch (error) {
    return undecodable(delivery, error);
  }
}

// Nobody may write somebody else's name into a message (3.2.4, user-id).
function isFrom(delivery: IncomingDelivery, user: string): boolean {
  try {
    const { userId } = delivery.message;
    if (userId === undefined || new TextDecoder().decode(userId) === user) return true;
    refuse(delivery, { condition: "amqp:unauthorized-access", description: "user-id is not the authenticated user" });
  } catch (error) {
    undecodable(delivery, error);
  }
  return false;
}

// Values are decoded when they are touched, so this is where a broken one shows.
function undecodable(delivery: IncomingDelivery, error: unknown): undefined {
  if (!(error instanceof DecodeError)) throw error;
  return refuse(delivery, { condition: "amqp:decode-error", description: error.message });
}

// What came settled can only be dropped.
function refuse(delivery: IncomingDelivery, error: ErrorInit): undefined {
  if (!delivery.settled) void delivery.reject(error);
  return undefined;
}

/**
 * One link that publishes: each message is put into its queue and then accepted. A message for which there is no room is
 * kept in hand, neither queued nor accepted, so that the link's credit runs out and its sender waits; or it is refused, where
 * the queue is to do that.
 */

import { DecodeError } from "../errors.ts";
import type { ErrorInit, IncomingDelivery, Message, Receiver } from "../container/public.ts";
import type { Node } from "./node.ts";
import type { Nodes } from "./nodes.ts";
import type { Transactions } from "./transactions.ts";

/** What the links that publish share. */
export interface PublisherRules {
  readonly nodes: Nodes;
  readonly transactions: Transactions;
  /** Whether durable messages are refused, since nothing here survives the process. */
  readonly strictDurable: boolean;
}

/** Takes messages until the link is closed; without a `target` each goes to the address in its `to` (anonymous relay). */
export async function publish(receiver: Receiver, target: Node | undefined, rules: PublisherRules): Promise<void> {
  const { nodes, transactions } = rules;
  // What a relay named last, which nobody may need but the message that named it.
  let named: Node | undefined;
  const user = receiver.connection.identity?.user;
  const origin = nodes.originOf(receiver.connection);
  for await (const delivery of receiver) {
    const posted = delivery.remoteState?.type === "transactional" ? delivery.remoteState.txnId : undefined;
    if (named !== undefined) nodes.tidy(named);
    const node = target ?? addressee(delivery, nodes);
    named = target === undefined && "address" in node ? node : undefined;
    const objection = "address" in node ? objectionTo(delivery, node, user, rules) : node;
    if (objection !== undefined || !("address" in node)) {
      if (posted !== undefined && delivery.settled) transactions.spoil(posted, `a message that was sent settled in the transaction was refused: ${objection?.description ?? ""}`);
      else refuse(delivery, objection as ErrorInit);
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
    // While it waited for room its connection may have been lost: it comes again then.
    if (!delivery.settled && receiver.unsettled.get(delivery.tag) !== delivery) continue;
    if (node.deleted) refuse(delivery, { condition: "amqp:resource-deleted", description: `${node.address} is gone with the link that made it` });
    else {
      // Queued and recorded as accepted in one step: a sender that resumes its deliveries finds both or neither.
      node.put(delivery.message, origin);
      if (!delivery.settled) void delivery.accept();
    }
  }
  if (named !== undefined) nodes.tidy(named);
}

function addressee(delivery: IncomingDelivery, nodes: Nodes): Node | ErrorInit {
  try {
    const { to } = delivery.message;
    if (to === undefined || to === "") return { condition: "amqp:invalid-field", description: "a message on an anonymous relay needs a `to`" };
    return nodes.get(to) ?? { condition: "amqp:not-found", description: "there is no such dynamic node (any more)" };
  } catch (error) {
    return undecodable(error);
  }
}

// Why a message is not taken. Values are decoded when they are touched, so this is where a broken one shows.
function objectionTo(delivery: IncomingDelivery, node: Node, user: string | undefined, { strictDurable }: PublisherRules): ErrorInit | undefined {
  try {
    const { message } = delivery;
    // Reads the header: what its other fields say is asked later, where nothing may throw.
    if (message.hasHeader() && message.durable && strictDurable) {
      return { condition: "amqp:precondition-failed", description: "this broker keeps messages in memory only, and was told to refuse durable ones (strictDurable)" };
    }
    if (user !== undefined && !isFrom(message, user)) return { condition: "amqp:unauthorized-access", description: "user-id is not the authenticated user" };
  } catch (error) {
    return undecodable(error);
  }
  if (node.rejects && node.full() !== undefined) return { condition: "amqp:resource-limit-exceeded", description: `${node.address} is full with ${node.length} messages` };
  return undefined;
}

// Nobody may write somebody else's name into a message (3.2.4, user-id).
function isFrom({ userId }: Message, user: string): boolean {
  return userId === undefined || new TextDecoder().decode(userId) === user;
}

function undecodable(error: unknown): ErrorInit {
  if (!(error instanceof DecodeError)) throw error;
  return { condition: "amqp:decode-error", description: error.message };
}

// The loop accepts every delivery that was not settled otherwise, so a refusal is a rejection here and now. What came settled can only be dropped.
function refuse(delivery: IncomingDelivery, error: ErrorInit): void {
  if (!delivery.settled) void delivery.reject(error);
}

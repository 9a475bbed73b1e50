/** Links that publish: to a queue or topic, to a dynamic node that is made for them, to the address in each message, or to the coordinator. */

import type { ErrorInit, ReceiverRequest } from "../container/public.ts";
import { lifetimeOf } from "./lifetime.ts";
import type { Node } from "./node.ts";
import { PUBLISHER_PREFETCH } from "./options.ts";
import { publish } from "./publisher.ts";
import type { PublisherRules } from "./publisher.ts";

/** Serves the publishers of a broker. */
export class Publishing {
  readonly #rules: PublisherRules;
  readonly #maxMessageSize: number | undefined;

  /** @param maxMessageSize octets of the largest message that is taken; undefined: the listener's own */
  constructor(rules: PublisherRules, maxMessageSize: number | undefined) {
    this.#rules = rules;
    this.#maxMessageSize = maxMessageSize;
  }

  /** Answers a link, and stays with it until it is over. */
  async serve(request: ReceiverRequest): Promise<void> {
    const { target } = request;
    const { nodes, transactions } = this.#rules;
    if (request.resumes !== undefined) {
      // Whoever accepted it first goes on taking from it.
      await request.accept();
      return;
    }
    if (target?.type === "coordinator") {
      await request.accept({ coordinator: transactions.coordinator() });
      return;
    }
    const options = { prefetch: PUBLISHER_PREFETCH, maxMessageSize: this.#maxMessageSize };
    if (target === null || (!target.dynamic && target.address === undefined)) return publish(await request.accept(options), undefined, this.#rules);
    const lifetime = lifetimeOf(target.properties);
    const node = target.dynamic ? nodes.makeDynamic(lifetime) : this.#node(target.address);
    if (!("address" in node)) return request.refuse(node);
    node.publishers++;
    try {
      const receiver = await request.accept(target.dynamic ? { ...options, address: node.address, target: { properties: lifetime.properties ?? {} } } : options);
      await publish(receiver, node, this.#rules);
      await receiver.closed;
    } finally {
      node.publishers--;
      if (target.dynamic) nodes.release(node);
      else nodes.tidy(node);
    }
  }

  #node(address: string | undefined): Node | ErrorInit {
    if (address === undefined || address === "") return { condition: "amqp:not-found", description: "a terminus needs an address" };
    return this.#rules.nodes.get(address) ?? { condition: "amqp:not-found", description: "there is no such dynamic node (any more)" };
  }
}

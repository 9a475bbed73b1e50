/** Where the links that the peer attaches wait for somebody: a listener, the handlers, or a reader of `incoming()`. */

import type { LinkRequest } from "./api.ts";
import type { EventScope } from "./events.ts";
import { Feed } from "./feed.ts";
import type { IncomingLink } from "./link-request.ts";
import { asRequest } from "./link-request.ts";
import type { Profile } from "./profile.ts";

/** Why a link that nobody takes is refused. */
const NOBODY = { condition: "amqp:not-allowed", description: "nobody takes links here" };

/** What the desk needs of its connection. */
export interface DeskOwner {
  readonly profile: Profile;
  readonly events: EventScope | undefined;
  readonly linkCount: number;
  /** Where a listener takes its connections' links; it answers whether it did. */
  readonly onRequest: ((request: IncomingLink) => boolean) | undefined;
}

export class LinkDesk {
  readonly #owner: DeskOwner;
  readonly #requests = new Feed<LinkRequest>();
  readonly #unanswered = new Set<IncomingLink>();

  constructor(owner: DeskOwner) {
    this.#owner = owner;
  }

  get requests(): AsyncIterable<LinkRequest> {
    return this.#requests;
  }

  /** The peer attaches a link. */
  take(request: IncomingLink): void {
    const owner = this.#owner;
    const { timeouts, limits } = owner.profile;
    this.#unanswered.add(request);
    request.onAnswered = () => this.#unanswered.delete(request);
    request.expire(timeouts.linkRequest, NOBODY);
    if (this.#unanswered.size + owner.linkCount > limits.maxLinks) {
      void request.refuse({ condition: "amqp:resource-limit-exceeded", description: `no more than ${limits.maxLinks} links a connection` });
      return;
    }
    if (owner.onRequest?.(request) !== true) this.offer(asRequest(request));
  }

  /** Leaves a request to the handlers, or to `incoming()`. */
  offer(request: LinkRequest): void {
    if (this.#requests.hasReader || this.#owner.events?.takes(request) !== true) this.#requests.push(request);
  }

  /** Links that nobody has read from `incoming()`, for a listener that begins to take them. */
  takeAll(): LinkRequest[] {
    return this.#requests.takeAll();
  }

  /** The connection is over: nobody will answer. */
  end(): void {
    for (const request of [...this.#unanswered]) request.drop();
    this.#requests.end();
  }
}

/**
 * What `event.link` is in `on_link_opening`: there is no link of ours before the request is accepted, but what the peer asks for
 * can be looked at, and closing it refuses.
 */

import type { Connection, Link, LinkRequest, Receiver, Sender, Session } from "../client/api.ts";
import type { EndpointState, Source, Target } from "../client/shapes.ts";
import type { IncomingLink } from "../client/link-request.ts";
import { shownSource, shownTarget } from "../client/termini.ts";
import type { AmqpError } from "../errors.ts";
import type { CloseOptions } from "../options/call.ts";

/** The link of a request, once it is accepted; before that, what can be said of it. */
export function shownLink(request: LinkRequest): Sender | Receiver {
  const incoming = request as unknown as IncomingLink;
  return incoming.link ?? new PendingLink(request) as unknown as Sender | Receiver;
}

/** What can be said of a link that is not accepted; what only a link can do is not there. */
type Known = Pick<Link,
  "name" | "connection" | "session" | "isSender" | "isReceiver" | "credit" | "queued" | "state" | "source" | "target" | "remoteSource" | "remoteTarget"
  | "remoteProperties" | "remoteDesiredCapabilities" | "closed" | "detach" | "close">;

class PendingLink implements Known {
  readonly #request: LinkRequest;
  readonly credit = 0;
  readonly queued = 0;
  readonly source: Source = shownSource(undefined);
  readonly target: Target = shownTarget(undefined);

  constructor(request: LinkRequest) {
    this.#request = request;
  }

  get name(): string {
    return this.#request.name;
  }

  get connection(): Connection {
    return this.#request.connection;
  }

  get session(): Session {
    return this.#request.session;
  }

  get isSender(): boolean {
    return this.#request.role === "sender";
  }

  get isReceiver(): boolean {
    return this.#request.role === "receiver";
  }

  get state(): EndpointState {
    return { local: "uninit", remote: "active" };
  }

  get remoteSource(): Source {
    return this.#request.source ?? shownSource(undefined);
  }

  get remoteTarget(): Target {
    return this.#request.target ?? shownTarget(undefined);
  }

  get remoteProperties(): Readonly<Record<string, unknown>> {
    return this.#request.properties;
  }

  get remoteDesiredCapabilities(): readonly string[] {
    return this.#request.desiredCapabilities;
  }

  /** Resolves when the link that came of it is over, or none will come. */
  get closed(): Promise<AmqpError | undefined> {
    const incoming = this.#request as unknown as IncomingLink;
    return incoming.link?.closed ?? this.session.closed.then(() => undefined);
  }

  detach(): Promise<void> {
    return this.close();
  }

  close(options?: CloseOptions): Promise<void> {
    return this.#request.refuse(options?.error ?? { condition: "amqp:not-allowed", description: "the link was refused" });
  }
}

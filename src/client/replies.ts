/**
 * Answers to requests, for all receivers of a connection: which sender reaches a reply address. On the listening side that is a link which the
 * peer has attached for it; else the peer's anonymous relay where it offers one, one sender for all addresses; else a
 * sender for each address, kept as long as it is used.
 */

import { ConfigError, LinkError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import type { Connection, IncomingDelivery, OutgoingDelivery, SendOptions, Sender } from "./api.ts";
import { correlationOf, withFields } from "./correlation.ts";
import { UNHEARD } from "./events.ts";
import type { Profile } from "./profile.ts";

/** Senders to single reply addresses that a connection keeps besides those in use; beyond, the one used longest ago is closed. */
export const MAX_REPLY_SENDERS = 100;

/** Milliseconds after which a sender to a reply address that nobody used is closed. */
export const REPLY_SENDER_IDLE = 60_000;

/** A reply address that stands for the link paired with that of the request: same name, same session, other direction. */
export const PAIRED_LINK = "$me";

const RELAY = "ANONYMOUS-RELAY";

/** The connection on which answers go. */
export interface RepliesHost extends Connection {
  readonly profile: Profile;
}

/** A sender to one reply address. */
interface Kept {
  readonly sender: Promise<Sender>;
  usedAt: number;
  /** Answers under way. */
  busy: number;
}

export class Replies {
  readonly #host: RepliesHost;
  #relay: Promise<Sender> | undefined = undefined;
  /** Links that the peer has attached for its answers, as far as they were looked for. */
  readonly #attached = new Map<string, Sender>();
  /** By address, the one used longest ago first. */
  readonly #kept = new Map<string, Kept>();
  #timer: { cancel(): void } | undefined = undefined;

  constructor(host: RepliesHost) {
    this.#host = host;
  }

  /**
   * Answers a request at its reply-to address; resolves when the answer is accepted.
   * @throws ConfigError config where the request wants no answer; LinkError where its address cannot be reached; what `send` throws
   */
  async send(request: IncomingDelivery, message: MessageInit | Message, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    const { message: asked } = request;
    const { replyTo } = asked;
    if (replyTo === undefined) {
      throw new ConfigError("reply(): the request names no address for an answer (its reply-to is not set)", { code: "config", scope: "delivery" });
    }
    const answer = withFields(message, {
      to: replyTo === PAIRED_LINK ? undefined : replyTo, correlationId: message.correlationId ?? correlationOf(asked),
    });
    const attached = this.#attachedFor(request, replyTo);
    if (attached !== undefined) return attached.send(answer, options);
    if (this.#host.remoteOfferedCapabilities.includes(RELAY)) return (await this.#relaying()).send(answer, options);
    if (this.#host.profile.side === "server" || replyTo === PAIRED_LINK) {
      throw new LinkError(`reply(): the peer has attached no link for the reply address "${printable(replyTo)}"`, { code: "link-detached", scope: "link" });
    }
    return this.#sendTo(replyTo, answer, options);
  }

  /** The link that the peer itself has attached, on this connection, to get its answers by. */
  #attachedFor(request: IncomingDelivery, address: string): Sender | undefined {
    const paired = address === PAIRED_LINK;
    if (!paired && this.#host.profile.side !== "server") return undefined;
    const known = paired ? undefined : this.#attached.get(address);
    if (known?.state.local === "active") return known;
    for (const link of this.#host.links()) {
      if (!link.isSender || link.state.local !== "active") continue;
      if (paired ? link.name !== request.link.name || link.session !== request.session : link.source.address !== address) continue;
      if (!paired) this.#remember(address, link);
      return link;
    }
    return undefined;
  }

  #remember(address: string, link: Sender): void {
    this.#attached.set(address, link);
    void link.closed.then(() => {
      if (this.#attached.get(address) === link) this.#attached.delete(address);
    });
  }

  #relaying(): Promise<Sender> {
    if (this.#relay !== undefined) return this.#relay;
    const opening = this.#host.createSender(null, { guarantee: "at-least-once", handler: UNHEARD });
    this.#relay = opening;
    void opening.endpoint.closed.then(() => {
      if (this.#relay === opening) this.#relay = undefined;
    });
    return opening;
  }

  async #sendTo(address: string, answer: MessageInit | Message, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    const kept = this.#keep(address);
    kept.busy += 1;
    this.#evict();
    try {
      return await (await kept.sender).send(answer, options);
    } finally {
      kept.busy -= 1;
      kept.usedAt = this.#host.profile.clock.now();
      this.#evict();
    }
  }

  #keep(address: string): Kept {
    let kept = this.#kept.get(address);
    if (kept === undefined) {
      const opening = this.#host.createSender(address, { guarantee: "at-least-once", handler: UNHEARD });
      const made: Kept = { sender: opening, usedAt: 0, busy: 0 };
      void opening.endpoint.closed.then(() => this.#forget(address, made));
      kept = made;
    }
    this.#kept.delete(address);
    this.#kept.set(address, kept);
    kept.usedAt = this.#host.profile.clock.now();
    this.#timer ??= this.#host.profile.clock.setTimer(REPLY_SENDER_IDLE, this.#sweep);
    return kept;
  }

  #evict(): void {
    if (this.#kept.size <= MAX_REPLY_SENDERS) return;
    for (const [address, kept] of this.#kept) {
      if (kept.busy > 0) continue;
      this.#close(address, kept);
      return;
    }
  }

  readonly #sweep = (): void => {
    this.#timer = undefined;
    const now = this.#host.profile.clock.now();
    for (const [address, kept] of [...this.#kept]) {
      if (kept.busy === 0 && now - kept.usedAt >= REPLY_SENDER_IDLE) this.#close(address, kept);
    }
    if (this.#kept.size !== 0) this.#timer = this.#host.profile.clock.setTimer(REPLY_SENDER_IDLE, this.#sweep);
  };

  /** Its close lets what is under way end. */
  #close(address: string, kept: Kept): void {
    this.#forget(address, kept);
    void kept.sender.then((sender) => sender.close()).catch(() => undefined);
  }

  #forget(address: string, kept: Kept): void {
    if (this.#kept.get(address) === kept) this.#kept.delete(address);
    if (this.#kept.size !== 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

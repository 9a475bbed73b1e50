/** Makes the links that a program asks for: with its options over those of its handlers and the container's, in the session where they belong. */

import { layered } from "../options/resolve.ts";
import { resolveReceiverOptions, resolveSenderOptions } from "../options/resolve-link.ts";
import type { SourceInit, TargetInit } from "../options/terminus.ts";
import type { Connection, Handlers, Receiver, ReceiverOptions, Sender, SenderOptions, Session } from "./api.ts";
import { ControlLink } from "./control-link.ts";
import type { EventScope, LinkEvents } from "./events.ts";
import { UNHEARD } from "./events.ts";
import { storeOf } from "./link-store.ts";
import { freshId } from "./ids.ts";
import type { ClientLink, ConnectionIo, LinkHost } from "./link.ts";
import { ClientReceiver } from "./receiver.ts";
import { ClientSender } from "./sender.ts";
import { ClientSession } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { Opening } from "./shapes.ts";
import { opening } from "./waiting.ts";

/** What making links needs of the connection. */
export interface LinkMakerOwner extends Connection, ConnectionIo {
  /** Who hears of the connection. */
  readonly events: EventScope | undefined;
}

export class LinkMaker {
  readonly #owner: LinkMakerOwner;
  readonly #sessions: Sessions;
  /** Where a link is before it has a session. */
  readonly #nowhere: LinkHost;

  constructor(owner: LinkMakerOwner, sessions: Sessions) {
    this.#owner = owner;
    this.#sessions = sessions;
    this.#nowhere = { io: owner, connection: owner, session: undefined as never, endpoint: undefined, events: undefined, leave: () => undefined, resume: () => undefined };
  }

  /** @throws ConfigError config */
  sender(session: ClientSession | undefined, target: string | TargetInit | null | undefined, options: SenderOptions | undefined): Opening<Sender> {
    const { profile } = this.#owner;
    const events = session?.internal === true ? undefined : this.#eventsFor(session, options?.handler ?? profile.defaults.sender?.handler);
    const defaults = session?.internal === true ? undefined : layered(profile.defaults.sender, events?.senderDefaults);
    const resolved = resolveSenderOptions(target, options, { defaults, address: profile.address, store: storeOf(profile) });
    return this.#open(session, new ClientSender(this.#nowhere, resolved.name ?? freshId(), resolved), events) as Opening<Sender>;
  }

  /** @throws ConfigError config */
  receiver(session: ClientSession | undefined, source: string | SourceInit | null | undefined, options: ReceiverOptions | undefined): Opening<Receiver> {
    const { profile } = this.#owner;
    const events = session?.internal === true ? undefined : this.#eventsFor(session, options?.handler ?? profile.defaults.receiver?.handler);
    const defaults = session?.internal === true ? undefined : layered(profile.defaults.receiver, events?.receiverDefaults);
    const resolved = resolveReceiverOptions(source, options, { defaults, address: profile.address, store: storeOf(profile) });
    return this.#open(session, new ClientReceiver(this.#nowhere, resolved.name ?? freshId(), resolved), events) as unknown as Opening<Receiver>;
  }

  /** A link to the peer's coordinator. @throws ConfigError config */
  control(session: Session | undefined): ControlLink {
    const link = this.#open(session as ClientSession | undefined, new ControlLink(this.#nowhere, freshId()), undefined);
    link.catch(() => undefined);
    return link.endpoint;
  }

  /** Gives a link its session, unless there is something wrong with it already. */
  #open<L extends ClientLink>(session: ClientSession | undefined, link: L, events: LinkEvents | undefined): Opening<L> {
    link.checkSettings();
    const host = this.#sessions.for(session, link.isSender ? "sender" : "receiver", link.options.name);
    link.host = host;
    link.hear(events);
    if (link.options.signal?.aborted === true) link.giveUp();
    else host.add(link);
    return opening(link, link.opened.promise.then(() => link), events);
  }

  #eventsFor(session: ClientSession | undefined, handlers: Handlers | undefined): LinkEvents | undefined {
    if (handlers === UNHEARD) return undefined;
    return this.#owner.profile.events?.link(handlers, session instanceof ClientSession ? session.events : this.#owner.events);
  }
}

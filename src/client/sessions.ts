/**
 * The sessions of a connection, and which of them a new link gets: one of its own while there are channels, so that a peer
 * which ends the session for one bad link (RabbitMQ does) breaks only that link; then the least loaded one.
 */

import type { AmqpError } from "../errors.ts";
import { ConfigError } from "../errors.ts";
import type { Role } from "../frames/performatives.ts";
import type { CloseOptions } from "../options/call.ts";
import { resolveSessionOptions } from "../options/resolve-link.ts";
import type { EventScope } from "./events.ts";
import type { Receiver, Sender } from "./api.ts";
import { ControlLink } from "./control-link.ts";
import type { ClientLink } from "./link.ts";
import type { Profile } from "./profile.ts";
import { ClientSender } from "./sender.ts";
import type { SessionHost } from "./session.ts";
import { ClientSession } from "./session.ts";

/** What the sessions need of their connection. */
export interface SessionsOwner extends SessionHost {
  readonly profile: Profile;
  readonly opened: boolean;
  readonly hasChannel: boolean;
  beginSession(session: ClientSession): void;
}

export class Sessions {
  readonly #owner: SessionsOwner;
  readonly #all = new Set<ClientSession>();
  /** Links before whose attach there was no channel, with the session they will have. */
  #unbegun: ClientSession[] = [];

  constructor(owner: SessionsOwner) {
    this.#owner = owner;
  }

  *links(): IterableIterator<ClientLink> {
    for (const session of this.#all) yield* session.links;
  }

  /** The handlers of the connection have changed. */
  inherit(events: EventScope | undefined): void {
    for (const session of this.#all) session.inherit(events);
  }

  /** Those that are not the library's own. */
  *visible(): IterableIterator<Sender | Receiver> {
    for (const session of this.#all) {
      if (session.internal) continue;
      for (const link of session.links) if (!(link instanceof ControlLink)) yield link as unknown as Sender | Receiver;
    }
  }

  get linkCount(): number {
    let count = 0;
    for (const session of this.#all) count += session.links.size;
    return count;
  }

  /** A session that the user made, or one for a link. */
  add(session: ClientSession): void {
    this.#all.add(session);
    if (!this.#owner.opened || (session.implicit && !this.#owner.hasChannel)) this.#unbegun.push(session);
    else if (this.#owner.hasChannel) this.#owner.beginSession(session);
    else {
      this.#all.delete(session);
      throw new ConfigError("no channel is left for another session (channel-max of both sides)", { code: "limit-exceeded", scope: "session" });
    }
  }

  /** A session that the peer began. */
  adopt(session: ClientSession): void {
    this.#all.add(session);
  }

  remove(session: ClientSession): void {
    this.#all.delete(session);
    // Its channel is free for one that waits.
    while (this.#unbegun.length !== 0 && this.#owner.opened && this.#owner.hasChannel) {
      const next = this.#unbegun.shift();
      if (next?.usable === true) this.#owner.beginSession(next);
    }
  }

  /** The session for a link. @param name as the user gave it; a fresh one is nobody else's. @throws ConfigError config */
  for(given: ClientSession | undefined, role: Role, name: string | undefined): ClientSession {
    if (given !== undefined) {
      if (!(given instanceof ClientSession) || given.connection !== this.#owner) {
        throw new ConfigError("option \"session\" must be a session of this connection", { code: "config", scope: "link" });
      }
      if (!given.usable) throw new ConfigError("option \"session\" is a session that is closed", { code: "config", scope: "link" });
      if (name !== undefined && given.has(role, name)) throw this.#taken(role, name);
      return given;
    }
    if (name !== undefined) for (const session of this.#all) if (session.has(role, name)) throw this.#taken(role, name);
    if (this.#owner.opened ? this.#owner.hasChannel : this.#all.size <= this.#owner.profile.channelMax) return this.#make();
    const shared = this.#leastLoaded();
    // All are about to end, with their last links: one of the channels is free soon.
    if (shared === undefined && this.#ending) return this.#make();
    if (shared === undefined) throw new ConfigError("every session is one of your own and no channel is left: name one by option \"session\"", { code: "limit-exceeded", scope: "link" });
    return shared;
  }

  /** The connection is open. */
  begin(): void {
    const sessions = this.#unbegun;
    this.#unbegun = [];
    for (const session of sessions) {
      if (!session.usable) continue;
      if (this.#owner.hasChannel) this.#owner.beginSession(session);
      else this.#merge(session);
    }
  }

  /** Waits until what was sent is settled, as long as that may take. */
  async flush(options: CloseOptions | undefined, profile: Profile): Promise<void> {
    const timeout = options?.timeout ?? profile.timeouts.close;
    const drain = Math.min(options?.drain ?? Infinity, timeout / 2);
    await Promise.all([...this.links()].map((link) => link.flush(drain)));
  }

  /** What was received and not taken goes back. */
  giveBack(): void {
    for (const link of this.links()) link.returnUntaken();
  }

  writeDispositions(): void {
    for (const session of this.#all) session.endpoint?.writeDispositions();
  }

  /** What the library does for itself ends with the socket that it does it on. */
  loseInternal(error: AmqpError): void {
    for (const session of [...this.#all]) if (session.internal) session.lost(error);
  }

  /** The connection is gone, and comes back: what is ours begins again then. */
  suspend(error: AmqpError): void {
    this.#unbegun = [];
    for (const session of [...this.#all]) {
      if (session.ours && !session.internal) session.suspend(error);
      else session.lost(error);
      if (session.usable) this.#unbegun.push(session);
    }
  }

  /** What the last lost connection meant for the sends that were under way. */
  lastDrop(): { readonly resent: number; readonly inDoubt: number } {
    let resent = 0;
    let inDoubt = 0;
    for (const link of this.links()) {
      if (!(link instanceof ClientSender)) continue;
      resent += link.lastDrop.resent;
      inDoubt += link.lastDrop.inDoubt;
    }
    return { resent, inDoubt };
  }

  /** A session that was ended begins again, if the connection is open. */
  resume(session: ClientSession): void {
    if (!this.#owner.opened || !session.usable || session.endpoint !== undefined) return;
    if (this.#owner.hasChannel) this.#owner.beginSession(session);
    else this.#merge(session);
  }

  /** The connection is over. */
  lose(error: AmqpError | undefined): void {
    this.#unbegun = [];
    for (const session of [...this.#all]) session.lost(error);
    this.#all.clear();
  }

  get #ending(): boolean {
    for (const session of this.#all) if (session.implicit && !session.usable) return true;
    return false;
  }

  #make(): ClientSession {
    const session = new ClientSession(this.#owner, resolveSessionOptions(undefined, this.#owner.profile.defaults.session), true);
    this.add(session);
    return session;
  }

  #leastLoaded(): ClientSession | undefined {
    let least: ClientSession | undefined;
    for (const session of this.#all) {
      if (session.implicit && session.usable && session.endpoint !== undefined && (least === undefined || session.links.size < least.links.size)) least = session;
    }
    if (least !== undefined) return least;
    for (const session of this.#all) if (session.implicit && session.usable && (least === undefined || session.links.size < least.links.size)) least = session;
    return least;
  }

  /** The peer allows fewer channels than ours: the links of a session that cannot begin move to another. */
  #merge(session: ClientSession): void {
    const target = this.#leastLoaded();
    if (target === undefined || !session.implicit) {
      session.lost(new ConfigError("the peer allows no more sessions (channel-max)", { code: "limit-exceeded", scope: "session" }));
      return;
    }
    target.takeOver(session);
    this.#all.delete(session);
  }

  #taken(role: Role, name: string): ConfigError {
    return new ConfigError(`a ${role} named ${JSON.stringify(name)} is on this connection already`, { code: "config", scope: "link" });
  }
}

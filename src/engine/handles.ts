/**
 * The links of a session by handle (ours and the peer's) and by name (§2.6.2).
 */

import { AmqpCondition, ConnectionCondition, SessionCondition } from "../frames/condition.ts";
import type { Attach, Detach, Role } from "../frames/performatives.ts";
import { Breach } from "./breach.ts";
import type { LinkEndpoint, LinkOwner, LinkSettings } from "./link.ts";
import { ReceiverEndpoint } from "./receiver.ts";
import { SenderEndpoint } from "./sender.ts";

/** What the table needs of its session. */
export interface HandlesOwner extends LinkOwner {
  /** The highest handle that the peer may use. */
  readonly handleMax: number;
  /** Whether the peer may attach links. */
  readonly acceptsLinks: boolean;
  /** The peer attaches a link that is to be answered. */
  attachedByPeer(link: SenderEndpoint | ReceiverEndpoint, attach: Attach): void;
}

export class Handles {
  /** The highest handle that the peer allows. */
  peerMax = 0xffffffff;
  /** The link that input was last for: what a breach of a link's rule is about. */
  current: LinkEndpoint | undefined = undefined;
  readonly #session: HandlesOwner;
  readonly #local: (LinkEndpoint | undefined)[] = [];
  readonly #remote = new Map<number, LinkEndpoint>();
  readonly #senders = new Map<string, LinkEndpoint>();
  readonly #receivers = new Map<string, LinkEndpoint>();
  /** Links that we closed while the peer detached them without closing, by role and name. */
  readonly #crossed = new Map<string, LinkSettings>();
  #lastHandle = -1;

  constructor(session: HandlesOwner) {
    this.#session = session;
  }

  /** How many links are here. */
  get count(): number {
    return this.#senders.size + this.#receivers.size;
  }

  /** How many of them send. */
  get senders(): number {
    return this.#senders.size;
  }

  /** Whether one more link can be attached. */
  get free(): boolean {
    return this.#lowestFree() <= this.peerMax;
  }

  has(role: Role, name: string): boolean {
    return this.#named(role).has(name);
  }

  *[Symbol.iterator](): IterableIterator<LinkEndpoint> {
    yield* [...this.#senders.values(), ...this.#receivers.values()];
  }

  /** Attaches a link of ours; the caller has looked at `free` and `has`. */
  attach(link: LinkEndpoint, settings: LinkSettings): void {
    this.#named(link.role).set(link.name, link);
    this.#crossed.delete(`${link.role} ${link.name}`);
    this.assign(link);
    link.attach(settings);
  }

  /** Gives a link a handle of ours. */
  assign(link: LinkEndpoint): void {
    link.handle = this.#lowestFree();
    this.#local[link.handle] = link;
  }

  /** The link that the peer's frames with `handle` belong to. */
  remote(handle: number): LinkEndpoint {
    if (handle === this.#lastHandle && this.current !== undefined) return this.current;
    const link = this.#remote.get(handle);
    if (link === undefined) {
      this.current = undefined;
      this.#checkHandle(handle);
      throw new Breach("session", SessionCondition.unattachedHandle, `handle ${handle} has no link attached`);
    }
    this.current = link;
    this.#lastHandle = handle;
    return link;
  }

  handleAttach(attach: Attach): void {
    const { handle, name } = attach;
    this.#checkHandle(handle);
    if (this.#remote.has(handle)) throw new Breach("session", SessionCondition.handleInUse, `attach on handle ${handle}, which has a link`);
    const role: Role = attach.role === "sender" ? "receiver" : "sender";
    const known = this.#named(role).get(name);
    if (known !== undefined && known.remoteHandle < 0 && known.state !== "detached") {
      this.#enter(known, handle);
      known.handleAttach(attach);
      return;
    }
    const settings = this.#crossed.get(`${role} ${name}`);
    if (known === undefined && settings !== undefined) {
      // We closed what the peer had only detached at the same time: it attaches anew so that it can close (§2.6.6).
      this.#crossed.delete(`${role} ${name}`);
      const again = this.#create(role, name);
      this.#enter(again, handle);
      again.handleAttach(attach);
      again.accept(settings);
      return;
    }
    if (known !== undefined) throw new Breach("session", AmqpCondition.notAllowed, `the link name ${JSON.stringify(name)} is attached already`);
    const link = this.#create(role, name);
    this.#enter(link, handle);
    link.handleAttach(attach);
    if (!this.#session.acceptsLinks) {
      link.refuse({ condition: AmqpCondition.notAllowed, description: "links are attached from this side only" });
      return;
    }
    this.#session.attachedByPeer(link, attach);
  }

  /** Answers an attach that cannot be read whole. */
  refuseAttach(attach: Attach, breach: Breach): void {
    const { handle, name } = attach;
    this.#checkHandle(handle);
    if (this.#remote.has(handle)) throw new Breach("session", SessionCondition.handleInUse, `attach on handle ${handle}, which has a link`);
    const role: Role = attach.role === "sender" ? "receiver" : "sender";
    const known = this.#named(role).get(name);
    const link = known !== undefined && known.remoteHandle < 0 ? known : this.#create(role, name);
    this.#enter(link, handle);
    link.remoteHandle = handle;
    if (link.state === "detached") {
      link.advance("receive-attach");
      link.refuse(breach.error);
    } else {
      link.advance("receive-attach");
      link.punish(breach);
    }
  }

  handleDetach(detach: Detach): void {
    const link = this.remote(detach.handle);
    if (link.state === "detach-sent" && link.closing && detach.closed !== true && link.settings !== undefined) {
      this.#crossed.set(`${link.role} ${link.name}`, link.settings);
    }
    const crossed = link.state === "detach-sent" && !link.closing && detach.closed === true;
    link.handleDetach(detach);
    // The peer closed what we only detached: it waits for a close of ours, which takes an attachment (§2.6.6).
    if (crossed && link.settings !== undefined) {
      const again = this.#create(link.role, link.name);
      this.attach(again, link.settings);
      again.detach(true);
    }
    // Not before that: the owner may end the session.
    link.tell(detach.closed === true || link.closing, detach.error, false);
  }

  /** A link is detached on both sides. */
  forget(link: LinkEndpoint): void {
    if (this.#named(link.role).get(link.name) === link) this.#named(link.role).delete(link.name);
    if (link.handle >= 0 && this.#local[link.handle] === link) this.#local[link.handle] = undefined;
    if (link.remoteHandle >= 0) this.#remote.delete(link.remoteHandle);
    link.handle = -1;
    link.remoteHandle = -1;
    this.current = undefined;
    this.#lastHandle = -1;
  }

  /** The session is gone. */
  drop(): void {
    for (const link of this) link.drop();
    this.#local.length = 0;
    this.#remote.clear();
    this.#senders.clear();
    this.#receivers.clear();
    this.current = undefined;
    this.#lastHandle = -1;
  }

  /** The session window is open again. */
  resume(): void {
    for (const link of this.#senders.values()) (link as SenderEndpoint).resume();
  }

  /** The byte budget has room again. */
  renew(): void {
    for (const link of this.#receivers.values()) (link as ReceiverEndpoint).renew();
  }

  /** The link with the largest message that has not come whole, or `other` if that is larger. */
  largest(other: LinkEndpoint | undefined): LinkEndpoint | undefined {
    let largest = other;
    for (const link of this.#receivers.values()) if (link.incomplete > (largest?.incomplete ?? 0)) largest = link;
    return largest;
  }

  #create(role: Role, name: string): SenderEndpoint | ReceiverEndpoint {
    const link = role === "sender" ? new SenderEndpoint(this.#session, name) : new ReceiverEndpoint(this.#session, name);
    this.#named(role).set(name, link);
    return link;
  }

  #enter(link: LinkEndpoint, handle: number): void {
    this.#remote.set(handle, link);
    this.current = link;
    this.#lastHandle = handle;
  }

  #checkHandle(handle: number): void {
    const max = this.#session.handleMax;
    if (handle > max) throw new Breach("connection", ConnectionCondition.framingError, `handle ${handle} is beyond handle-max ${max}`);
  }

  #named(role: Role): Map<string, LinkEndpoint> {
    return role === "sender" ? this.#senders : this.#receivers;
  }

  #lowestFree(): number {
    for (let handle = 0; handle < this.#local.length; handle++) if (this.#local[handle] === undefined) return handle;
    return this.#local.length;
  }
}

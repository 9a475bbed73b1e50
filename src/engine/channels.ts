/**
 * The sessions of a connection by channel (§2.5.1): ours are the channels that we send on, remote ones those of the
 * peer's frames.
 */

import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition, ConnectionCondition } from "../frames/condition.ts";
import type { Begin } from "../frames/performatives.ts";
import { Breach } from "./breach.ts";
import type { LargeSend, LinkEndpoint } from "./link.ts";
import type { SessionConnection, SessionOwner, SessionSettings, SessionSink } from "./session.ts";
import { SessionEndpoint } from "./session.ts";

/** Octets of large messages that are written ahead of one flush. */
const PUMP = 512 * 1024;

/** What the table needs of its connection. */
export interface ChannelsOwner extends SessionConnection {
  readonly settings: SessionConnection["settings"] & { readonly channelMax: number; readonly session?: SessionSettings | undefined };
  /** The peer began a session. */
  sessionSink(session: SessionEndpoint): SessionSink;
}

export class Channels implements SessionOwner {
  readonly connection: ChannelsOwner;
  readonly #local: (SessionEndpoint | undefined)[] = [];
  readonly #remote: (SessionEndpoint | undefined)[] = [];
  /** Sessions with something to write before the output is taken. */
  #unprepared: SessionEndpoint[] = [];
  #large: LargeSend[] = [];
  #peerChannelMax = 65535;
  #count = 0;

  constructor(connection: ChannelsOwner) {
    this.connection = connection;
  }

  /** Sessions that exist now. */
  get count(): number {
    return this.#count;
  }

  /** Whether one more session can begin. */
  get free(): boolean {
    return this.#lowestFree() <= Math.min(this.#peerChannelMax, this.connection.settings.channelMax);
  }

  limit(channelMax: number): void {
    this.#peerChannelMax = channelMax;
  }

  /** Begins a session of ours; the caller has looked at `free`. */
  begin(settings: SessionSettings, sink: SessionSink): SessionEndpoint {
    const session = this.#create(settings);
    session.sink = sink;
    session.sendBegin(undefined);
    return session;
  }

  /** The session that the peer's frames on `channel` belong to. */
  remote(channel: number): SessionEndpoint {
    const session = this.#remote[channel];
    if (session !== undefined) return session;
    this.#check(channel);
    throw new Breach("connection", AmqpCondition.notAllowed, `channel ${channel} has no session`);
  }

  handleBegin(channel: number, begin: Begin): void {
    this.#check(channel);
    if (this.#remote[channel] !== undefined) {
      throw new Breach("connection", AmqpCondition.notAllowed, `begin on channel ${channel}, which has a session`);
    }
    if (begin.remoteChannel !== undefined) {
      const session = this.#local[begin.remoteChannel];
      if (session === undefined || session.remoteChannel >= 0) {
        throw new Breach("connection", AmqpCondition.notAllowed, `begin answers channel ${begin.remoteChannel}, where none was sent`);
      }
      session.remoteChannel = channel;
      this.#remote[channel] = session;
      session.handleBegin(begin);
      return;
    }
    if (!this.connection.settings.acceptSessions) {
      throw new Breach("connection", AmqpCondition.notAllowed, "sessions are begun from this side only");
    }
    if (!this.free) throw new Breach("connection", ConnectionCondition.framingError, "no channel is left for another session");
    const session = this.#create(this.connection.settings.session ?? {});
    session.remoteChannel = channel;
    this.#remote[channel] = session;
    session.handleBegin(begin);
    session.sink = this.connection.sessionSink(session);
    session.sendBegin(channel);
  }

  handleEnd(channel: number, error: ErrorCondition | undefined): void {
    const session = this.remote(channel);
    this.#remote[channel] = undefined;
    session.remoteChannel = -1;
    session.handleEnd(error);
  }

  /** A session is over on both sides. */
  forget(session: SessionEndpoint): void {
    if (this.#local[session.channel] !== session) return;
    this.#local[session.channel] = undefined;
    this.#count -= 1;
  }

  /** Calls for each session that exists. */
  *[Symbol.iterator](): IterableIterator<SessionEndpoint> {
    for (const session of this.#local) if (session !== undefined) yield session;
  }

  countStreaming(): number {
    let count = 0;
    for (const session of this) if (session.streaming) count += 1;
    return count;
  }

  enlist(session: SessionEndpoint): void {
    this.#unprepared.push(session);
  }

  /** Writes flows and dispositions that were collected for this flush. */
  prepare(): void {
    const sessions = this.#unprepared;
    if (sessions.length === 0) return;
    this.#unprepared = [];
    for (const session of sessions) session.prepare();
  }

  /** The byte budget has room again. */
  renew(): void {
    for (const session of this) session.renew();
  }

  /** The link with the largest message that has not come whole. */
  largest(): LinkEndpoint | undefined {
    let largest: LinkEndpoint | undefined;
    for (const session of this) largest = session.links.largest(largest);
    return largest;
  }

  queueLarge(link: LargeSend): void {
    if (!this.#large.includes(link)) this.#large.push(link);
  }

  /** Whether a message of several frames could go on. */
  get unfinished(): boolean {
    return this.#large.some((link) => link.unfinished);
  }

  /** Writes frames of large messages, one of each link in turn, until enough waits to be taken. */
  pump(): void {
    let queue = this.#large;
    while (queue.length !== 0 && this.connection.output.waiting < PUMP) {
      this.#large = [];
      const still = queue.filter((link) => link.writeNext());
      // A link that has finished one message may have begun the next meanwhile.
      queue = [...still, ...this.#large.filter((link) => !still.includes(link))];
    }
    this.#large = queue;
  }

  punishLink(breach: Breach, channel: number): boolean {
    return this.#remote[channel]?.punishLink(breach) ?? false;
  }

  punishSession(breach: Breach, channel: number): boolean {
    const session = this.#remote[channel];
    if (session === undefined) return false;
    session.punish(breach);
    return true;
  }

  #create(settings: SessionSettings): SessionEndpoint {
    const channel = this.#lowestFree();
    this.#count += 1;
    const session = new SessionEndpoint(this, channel, settings, this.#count);
    this.#local[channel] = session;
    return session;
  }

  #lowestFree(): number {
    for (let channel = 0; channel < this.#local.length; channel++) if (this.#local[channel] === undefined) return channel;
    return this.#local.length;
  }

  #check(channel: number): void {
    const max = this.connection.settings.channelMax;
    if (channel > max) throw new Breach("connection", ConnectionCondition.framingError, `channel ${channel} is beyond channel-max ${max}`);
  }
}

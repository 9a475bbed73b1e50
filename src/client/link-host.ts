/** What a link needs of where it is: its session, or whoever keeps it without one, and the connection. */

import type { SessionEndpoint } from "../engine/session.ts";
import type { AmqpError, RedirectError } from "../errors.ts";
import type { SlabWriter } from "../util/slab.ts";
import type { Connection, Session } from "./api.ts";
import type { Driver } from "./driver.ts";
import type { LinkTransactions } from "./enlistment.ts";
import type { EventScope } from "./events.ts";
import type { Profile } from "./profile.ts";
import type { Delays } from "./reconnection.ts";
import type { Replies } from "./replies.ts";

/** What a link needs of its session and connection. */
export interface LinkHost {
  readonly session: Session;
  readonly connection: Connection;
  readonly io: ConnectionIo;
  /** The session's attachment; undefined before it has begun and after it is over. */
  readonly endpoint: SessionEndpoint | undefined;
  /** Who hears of the session; undefined if nobody does. */
  readonly events: EventScope | undefined;
  /** The link is over. */
  leave(link: object): void;
  /** Attaches a link again, now or when the session has begun again. */
  resume(link: object): void;
}

/** What links share of the connection. */
export interface ConnectionIo {
  readonly profile: Profile;
  readonly driver: Driver | undefined;
  /** Where messages are encoded that cannot leave yet. */
  readonly backlog: SlabWriter;
  /** Where answers to requests go out. */
  readonly replies: Replies;
  /** Whether the connection was opened by both sides. */
  readonly opened: boolean;
  /** Since when it is without a socket, having been open; by the clock. */
  readonly lostAt: number | undefined;
  readonly transactions: LinkTransactions;
  /** What is new waits: it is about to go on over another socket. */
  readonly holding: boolean;
  /** Sends that wait, and their octets. */
  pendingSends: number;
  pendingBytes: number;
  /** The clock's time in this turn of the event loop, read once for all sends of a turn. */
  turnTime(): number;
  /** Calls `task` when all that is written so far was handed to a transport that takes more. */
  afterFlush(task: AfterFlush): void;
  /** Fresh waiting times for what comes back by itself; undefined where nothing does. */
  delays(): Delays | undefined;
  /** The peer sends a link elsewhere: why it does not go there, as an error of the link; undefined where it goes. */
  redirected(link: object, error: RedirectError): AmqpError | undefined;
}

/** What is to be done when the bytes so far are handed over; with an error when they never will be. */
export type AfterFlush = (lost?: AmqpError) => void;

/**
 * The state machines of connection (§2.4.6), session (§2.5.5) and link (§2.6.5, 2.6.6) as data. A cell that is not
 * there is illegal: seen from the peer it is a breach, asked for by the caller a local error.
 *
 * Rules that the tables carry:
 * - open is the first performative after the headers, close the last; after a close with an error everything but the
 *   peer's close is discarded.
 * - a session is mapped when both have sent begin; after an end with an error everything but the peer's end is discarded.
 * - a link is attached when both have sent attach; after our detach, what the peer had on its way is discarded.
 */

type Table<S extends string, E extends string> = Readonly<Record<S, Readonly<Partial<Record<E, S>>>>>;

export type ConnectionState =
  | "start" | "header-sent" | "header-received" | "header-exchanged" | "open-pipe" | "open-sent" | "open-received"
  | "opened" | "close-pipe" | "close-received" | "close-sent" | "discarding" | "end";
export type ConnectionEvent =
  | "send-header" | "receive-header" | "send-open" | "receive-open" | "send-close" | "send-error-close" | "receive-close";

export const connectionTable: Table<ConnectionState, ConnectionEvent> = {
  "start": { "send-header": "header-sent", "receive-header": "header-received" },
  "header-sent": { "receive-header": "header-exchanged", "send-open": "open-pipe" },
  "header-received": { "send-header": "header-exchanged" },
  "header-exchanged": { "send-open": "open-sent", "receive-open": "open-received" },
  "open-pipe": { "receive-header": "open-sent" },
  "open-sent": { "receive-open": "opened", "send-close": "close-pipe", "send-error-close": "discarding" },
  "open-received": { "send-open": "opened", "receive-close": "end" },
  "opened": { "receive-close": "close-received", "send-close": "close-sent", "send-error-close": "discarding" },
  "close-pipe": { "receive-open": "close-sent" },
  "close-received": { "send-close": "end", "send-error-close": "end" },
  "close-sent": { "receive-close": "end" },
  "discarding": { "receive-close": "end", "receive-open": "discarding" },
  "end": {},
};

export type SessionState = "unmapped" | "begin-sent" | "begin-received" | "mapped" | "end-sent" | "end-received" | "discarding";
export type SessionEvent = "send-begin" | "receive-begin" | "send-end" | "send-error-end" | "receive-end";

export const sessionTable: Table<SessionState, SessionEvent> = {
  "unmapped": { "send-begin": "begin-sent", "receive-begin": "begin-received" },
  "begin-sent": { "receive-begin": "mapped", "send-end": "end-sent", "send-error-end": "discarding" },
  "begin-received": { "send-begin": "mapped", "receive-end": "end-received" },
  "mapped": { "send-end": "end-sent", "send-error-end": "discarding", "receive-end": "end-received" },
  "end-sent": { "receive-begin": "end-sent", "receive-end": "unmapped" },
  "end-received": { "send-end": "unmapped", "send-error-end": "unmapped" },
  "discarding": { "receive-begin": "discarding", "receive-end": "unmapped" },
};

export type LinkState = "detached" | "attach-sent" | "attach-received" | "attached" | "detach-sent" | "detach-received" | "discarding";
export type LinkEvent = "send-attach" | "receive-attach" | "send-detach" | "send-error-detach" | "receive-detach";

export const linkTable: Table<LinkState, LinkEvent> = {
  "detached": { "send-attach": "attach-sent", "receive-attach": "attach-received" },
  "attach-sent": { "receive-attach": "attached", "send-detach": "detach-sent", "send-error-detach": "discarding" },
  "attach-received": { "send-attach": "attached", "receive-detach": "detach-received" },
  "attached": { "send-detach": "detach-sent", "send-error-detach": "discarding", "receive-detach": "detach-received" },
  "detach-sent": { "receive-attach": "detach-sent", "receive-detach": "detached" },
  "detach-received": { "send-detach": "detached", "send-error-detach": "detached" },
  "discarding": { "receive-attach": "discarding", "receive-detach": "detached" },
};

/** The state after `event`, undefined where the table has no such cell. */
export function next<S extends string, E extends string>(table: Table<S, E>, state: S, event: E): S | undefined {
  return table[state][event];
}

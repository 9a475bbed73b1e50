/** The small public shapes of which connections, sessions, links and deliveries are made. */

import type { AmqpError } from "../errors.ts";
import type { DeliveryState, Outcome } from "../frames/delivery-state.ts";
import type { DistributionMode, Durability, ExpiryPolicy } from "../options/terminus.ts";
import type { PeerCertificate } from "../util/peer-certificate.ts";
import type { Uuid } from "../wire/values.ts";

/** A promise of an endpoint, with the endpoint itself: what is asked of it before the peer has answered waits. */
export interface Opening<T> extends Promise<T> {
  readonly endpoint: T;
}

/** A promise that need not be awaited: its rejection never becomes an unhandledRejection. */
export interface Settling extends Promise<void> {}

/** One side's progress of an endpoint. */
export type Side = "uninit" | "active" | "closed";

/** Both sides' progress. */
export interface EndpointState {
  readonly local: Side;
  readonly remote: Side;
}

/** Something that is to be done later; disposal cancels it. */
export interface ScheduledTask extends Disposable {
  cancel(): void;
}

/** What happens to a connection, as `status()` tells it. */
export type ConnectionStatus =
  | { readonly type: "connecting"; readonly url: string; readonly attempt: number }
  | { readonly type: "connected"; readonly url: string; readonly remoteContainer: string }
  | { readonly type: "disconnected"; readonly error: AmqpError }
  /** `delay` milliseconds are waited before that attempt; `error` is why the last one failed, or the connection was lost. */
  | { readonly type: "reconnecting"; readonly url: string; readonly attempt: number; readonly delay: number; readonly error: AmqpError }
  /** After `connected`: how long it was lost, in milliseconds, how many sends go again, and how many are in doubt. */
  | { readonly type: "recovered"; readonly url: string; readonly outage: number; readonly resent: number; readonly inDoubt: number }
  | { readonly type: "closed"; readonly error: AmqpError | undefined };

/** Who the peer is, on the listening side. */
export interface PeerIdentity {
  /** The SASL mechanism that established it; "NONE" without SASL. */
  readonly mechanism: string;
  readonly user: string | undefined;
  readonly certificate: PeerCertificate | undefined;
}

/** One end of a link as it was attached (§3.5). */
export interface Terminus {
  readonly address: string | undefined;
  readonly capabilities: readonly string[];
  readonly dynamic: boolean;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly durability: Durability;
  readonly expiryPolicy: ExpiryPolicy;
  /** Milliseconds. */
  readonly timeout: number;
}

export interface Source extends Terminus {
  readonly filter: Readonly<Record<string, unknown>>;
  readonly distributionMode: DistributionMode | undefined;
  readonly outcomes: readonly string[];
  /** What becomes of a delivery that is settled without an outcome (§3.5.3). */
  readonly defaultOutcome: Outcome | undefined;
}

export interface Target extends Terminus {
  readonly type: "target" | "coordinator";
}

/** How a link came to be attached: only "new" until links are recovered. */
export type Recovery = "new" | "resumed" | "reattached" | "downgraded";

/** Why a link waits, for people. */
export interface Explanation {
  readonly waitingFor: "nothing" | "open" | "reconnect" | "credit" | "session-window" | "socket" | "closed";
  readonly text: string;
}

/** Deliveries that are not settled. */
export interface Unsettled<D> extends Iterable<D> {
  readonly size: number;
  /** @param tag bytes, a Uuid, or text as UTF-8; at most 32 octets. */
  get(tag: string | Uint8Array | Uuid): D | undefined;
  has(tag: string | Uint8Array | Uuid): boolean;
}

/** What a state is given as: an outcome's name will do. */
export type DeliveryStateInit = Outcome["type"] | DeliveryState | { readonly type: "received"; readonly offset: number };

/** What became of a send: the peer's outcome, or that its fate is unknown, or that it never left. */
export type SendOutcome = Outcome | { readonly type: "in-doubt" | "not-sent"; readonly cause: unknown };

/**
 * The termini of a link as they go over the wire: source (§3.5.3), target (§3.5.4) and coordinator (§4.5.1). Fields
 * that have a default in the standard are always there.
 */

import type { Outcome } from "./delivery-state.ts";

/** terminus-durability (§3.5.5): nothing, the terminus's configuration, or its unsettled state too. */
export type Durability = 0 | 1 | 2;

/** terminus-expiry-policy (§3.5.6). */
export type ExpiryPolicy = "link-detach" | "session-end" | "connection-close" | "never";

/** Where a link takes its messages from (§3.5.3). */
export interface Source {
  readonly type: "source";
  readonly address?: string | undefined;
  /** @default 0 */
  readonly durable: Durability;
  /** @default "session-end" */
  readonly expiryPolicy: ExpiryPolicy;
  /** Seconds. @default 0 */
  readonly timeout: number;
  /** @default false */
  readonly dynamic: boolean;
  readonly dynamicNodeProperties?: Readonly<Record<string, unknown>> | undefined;
  /** "move", "copy", or a peer's own. */
  readonly distributionMode?: string | undefined;
  /** Named filters; each value null or Described. */
  readonly filter?: Readonly<Record<string, unknown>> | undefined;
  readonly defaultOutcome?: Outcome | undefined;
  /** Descriptors, such as amqp:accepted:list. */
  readonly outcomes?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
}

/** Where a link brings its messages to (§3.5.4). */
export interface Target {
  readonly type: "target";
  readonly address?: string | undefined;
  /** @default 0 */
  readonly durable: Durability;
  /** @default "session-end" */
  readonly expiryPolicy: ExpiryPolicy;
  /** Seconds. @default 0 */
  readonly timeout: number;
  /** @default false */
  readonly dynamic: boolean;
  readonly dynamicNodeProperties?: Readonly<Record<string, unknown>> | undefined;
  readonly capabilities?: readonly string[] | undefined;
}

/** The target of a link that controls transactions (§4.5.1). */
export interface Coordinator {
  readonly type: "coordinator";
  readonly capabilities?: readonly string[] | undefined;
}

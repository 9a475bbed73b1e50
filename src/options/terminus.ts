/** The two ends of a link as a user asks for them (3.5.3, 3.5.4). */

/** What source and target have in common. */
export interface TerminusInit {
  /** The node; none together with `dynamic`. */
  address?: string | undefined;
  capabilities?: string | readonly string[] | undefined;
  /** Ask the peer to make a node; its address is then in `remoteSource` or `remoteTarget`. @default false */
  dynamic?: boolean | undefined;
  /** Properties of the dynamic node; keys are written as symbols. */
  properties?: Record<string, unknown> | undefined;
  /** What of the terminus outlives a crash (3.5.5). @default "none" */
  durability?: Durability | undefined;
  /** When the peer may begin to forget the terminus (3.5.6). @default "session-end" */
  expiryPolicy?: ExpiryPolicy | undefined;
  /** Milliseconds that the terminus lives on from then, in whole seconds on the wire. @default 0 */
  timeout?: number | undefined;
}

/** What a terminus keeps over a crash (3.5.5). */
export type Durability = "none" | "configuration" | "unsettled-state";

/** When the life time of a terminus begins to run out (3.5.6). */
export type ExpiryPolicy = "link-detach" | "session-end" | "connection-close" | "never";

/** Where messages come from. */
export interface SourceInit extends TerminusInit {
  /** By name; a value that is not described is described by its name (3.5.8). */
  filter?: Record<string, unknown> | undefined;
  /** "move" takes messages from the node, "copy" leaves them there. @default the node's own */
  distributionMode?: DistributionMode | undefined;
  /** Symbols of the outcomes that may be used. @default all four */
  outcomes?: readonly string[] | undefined;
  /** What becomes of a delivery that is settled without an outcome. */
  defaultOutcome?: OutcomeInit | undefined;
}

/** Where messages go. */
export interface TargetInit extends TerminusInit {}

/** Whether reading takes a message away from others (3.5.3). */
export type DistributionMode = "move" | "copy";

/** An outcome (3.4) by name, or with its fields. */
export type OutcomeInit =
  | "accepted" | "rejected" | "released" | "modified"
  | { readonly type: "accepted" }
  | { readonly type: "rejected"; readonly error?: { readonly condition: string; readonly description?: string | undefined; readonly info?: Readonly<Record<string, unknown>> | undefined } | undefined }
  | { readonly type: "released" }
  | {
      readonly type: "modified";
      readonly deliveryFailed?: boolean | undefined;
      readonly undeliverableHere?: boolean | undefined;
      readonly annotations?: Readonly<Record<string, unknown>> | undefined;
    };

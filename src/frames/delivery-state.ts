/**
 * Delivery states and outcomes (§3.4, §4.5.5, §4.5.8): what a transfer, a disposition and an unsettled map say about
 * a delivery.
 */

import type { ErrorCondition } from "./condition.ts";

/** A terminal state of a delivery (§3.4.2-3.4.5). */
export type Outcome =
  | { readonly type: "accepted" }
  | { readonly type: "rejected"; readonly error: ErrorCondition | undefined }
  | { readonly type: "released" }
  | {
    readonly type: "modified";
    readonly deliveryFailed: boolean;
    readonly undeliverableHere: boolean;
    /** message-annotations, keyed by text; empty where the peer sent none. */
    readonly annotations: Readonly<Record<string, unknown>>;
  };

/** Any state of a delivery: outcomes, received (§3.4.1), declared (§4.5.5) and transactional-state (§4.5.8). */
export type DeliveryState =
  | Outcome
  | {
    readonly type: "received";
    /** section-number. */
    readonly section: number;
    /** section-offset; a bigint only beyond 2^53. */
    readonly offset: number | bigint;
  }
  | { readonly type: "transactional"; readonly txnId: Uint8Array; readonly outcome: Outcome | undefined }
  | { readonly type: "declared"; readonly txnId: Uint8Array };

/** The one accepted outcome: it has no fields, so every delivery shares it. */
export const ACCEPTED: Outcome & { readonly type: "accepted" } = Object.freeze({ type: "accepted" });

/** The one released outcome: it has no fields, so every delivery shares it. */
export const RELEASED: Outcome & { readonly type: "released" } = Object.freeze({ type: "released" });

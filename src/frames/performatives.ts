/**
 * The performatives of a connection (§2.7) and of its SASL layer (§5.3.3) as plain objects. Names are the standard's
 * in camelCase. A field that is null on the wire, or beyond the end of the list, reads as undefined; defaults of the
 * standard are left to whoever acts on the field. The bodies of SASL frames may hold passwords: properties that do are not
 * enumerable, so that printing a performative or spreading it leaves them out.
 */

import type { Bytes } from "../util/bytes.ts";
import type { ErrorCondition } from "./condition.ts";
import type { DeliveryState } from "./delivery-state.ts";
import type { Coordinator, Source, Target } from "./terminus.ts";

/** role (§2.8.1): a boolean on the wire, true for the receiver. */
export type Role = "sender" | "receiver";

/** sender-settle-mode (§2.8.2): 0, 1, 2 on the wire. */
export type SenderSettleMode = "unsettled" | "settled" | "mixed";

/** receiver-settle-mode (§2.8.3): 0, 1 on the wire. */
export type ReceiverSettleMode = "first" | "second";

/** A map keyed by symbols (§2.8.13 fields), read and written as text. */
export type Fields = Readonly<Record<string, unknown>>;

/** One entry of an attach's unsettled map: the delivery-tag and the state, null if there is none yet. */
export type UnsettledEntry = readonly [tag: Bytes, state: DeliveryState | null];

/** open (§2.7.1). */
export interface Open {
  readonly type: "open";
  readonly containerId: string;
  readonly hostname?: string | undefined;
  /** Octets; 4294967295 where absent. */
  readonly maxFrameSize?: number | undefined;
  /** 65535 where absent. */
  readonly channelMax?: number | undefined;
  /** Milliseconds; none where absent. */
  readonly idleTimeOut?: number | undefined;
  readonly outgoingLocales?: readonly string[] | undefined;
  readonly incomingLocales?: readonly string[] | undefined;
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  readonly properties?: Fields | undefined;
}

/** begin (§2.7.2). */
export interface Begin {
  readonly type: "begin";
  readonly remoteChannel?: number | undefined;
  readonly nextOutgoingId: number;
  readonly incomingWindow: number;
  readonly outgoingWindow: number;
  /** 4294967295 where absent. */
  readonly handleMax?: number | undefined;
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  readonly properties?: Fields | undefined;
}

/** attach (§2.7.3). */
export interface Attach {
  readonly type: "attach";
  readonly name: string;
  readonly handle: number;
  readonly role: Role;
  /** "mixed" where absent. */
  readonly sndSettleMode?: SenderSettleMode | undefined;
  /** "first" where absent. */
  readonly rcvSettleMode?: ReceiverSettleMode | undefined;
  /** null and undefined are one on the wire; read as undefined. */
  readonly source?: Source | null | undefined;
  /** null and undefined are one on the wire; read as undefined. */
  readonly target?: Target | Coordinator | null | undefined;
  /** In wire order; tags are 0..32 octets and differ. undefined is the null map, [] the empty one. */
  readonly unsettled?: readonly UnsettledEntry[] | undefined;
  readonly incompleteUnsettled?: boolean | undefined;
  readonly initialDeliveryCount?: number | undefined;
  /** Octets; none where absent or 0. A bigint only beyond 2^53. */
  readonly maxMessageSize?: number | bigint | undefined;
  readonly offeredCapabilities?: readonly string[] | undefined;
  readonly desiredCapabilities?: readonly string[] | undefined;
  readonly properties?: Fields | undefined;
}

/** flow (§2.7.4). */
export interface Flow {
  readonly type: "flow";
  readonly nextIncomingId?: number | undefined;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly outgoingWindow: number;
  readonly handle?: number | undefined;
  readonly deliveryCount?: number | undefined;
  readonly linkCredit?: number | undefined;
  readonly available?: number | undefined;
  readonly drain?: boolean | undefined;
  readonly echo?: boolean | undefined;
  readonly properties?: Fields | undefined;
}

/** transfer (§2.7.5), without its payload, which follows it in the frame. */
export interface Transfer {
  readonly type: "transfer";
  readonly handle: number;
  readonly deliveryId?: number | undefined;
  readonly deliveryTag?: Bytes | undefined;
  readonly messageFormat?: number | undefined;
  readonly settled?: boolean | undefined;
  readonly more?: boolean | undefined;
  readonly rcvSettleMode?: ReceiverSettleMode | undefined;
  readonly state?: DeliveryState | undefined;
  readonly resume?: boolean | undefined;
  readonly aborted?: boolean | undefined;
  readonly batchable?: boolean | undefined;
}

/** disposition (§2.7.6). */
export interface Disposition {
  readonly type: "disposition";
  readonly role: Role;
  readonly first: number;
  /** The same as `first` where absent. */
  readonly last?: number | undefined;
  readonly settled?: boolean | undefined;
  readonly state?: DeliveryState | undefined;
  readonly batchable?: boolean | undefined;
}

/** detach (§2.7.7). */
export interface Detach {
  readonly type: "detach";
  readonly handle: number;
  readonly closed?: boolean | undefined;
  readonly error?: ErrorCondition | undefined;
}

/** end (§2.7.8). */
export interface End {
  readonly type: "end";
  readonly error?: ErrorCondition | undefined;
}

/** close (§2.7.9). */
export interface Close {
  readonly type: "close";
  readonly error?: ErrorCondition | undefined;
}

/** sasl-mechanisms (§5.3.3.1). */
export interface SaslMechanisms {
  readonly type: "sasl-mechanisms";
  /** sasl-server-mechanisms, in the server's order; never empty. */
  readonly mechanisms: readonly string[];
}

/** sasl-init (§5.3.3.2). */
export interface SaslInit {
  readonly type: "sasl-init";
  readonly mechanism: string;
  /** Not enumerable once read. */
  readonly initialResponse?: Bytes | undefined;
  readonly hostname?: string | undefined;
}

/** sasl-challenge (§5.3.3.3). */
export interface SaslChallenge {
  readonly type: "sasl-challenge";
  /** Not enumerable once read. */
  readonly challenge: Bytes;
}

/** sasl-response (§5.3.3.4). */
export interface SaslResponse {
  readonly type: "sasl-response";
  /** Not enumerable once read. */
  readonly response: Bytes;
}

/** sasl-outcome (§5.3.3.5). */
export interface SaslOutcome {
  readonly type: "sasl-outcome";
  /** sasl-code (§5.3.3.6): 0 ok, 1 auth, 2 sys, 3 sys-perm, 4 sys-temp; other values pass the codec. */
  readonly code: number;
  /** Not enumerable once read. */
  readonly additionalData?: Bytes | undefined;
}

/** What a frame of type 0 carries (§2.7). */
export type Performative = Open | Begin | Attach | Flow | Transfer | Disposition | Detach | End | Close;

/** What a frame of type 1 carries (§5.3.3). */
export type SaslPerformative = SaslMechanisms | SaslInit | SaslChallenge | SaslResponse | SaslOutcome;

/** What a connection of the client is made with, whichever side it is and whatever its options were read from. */

import type { SaslSide } from "../engine/handshake.ts";
import type { AmqpError } from "../errors.ts";
import type { Int64Mode, Transport } from "../options/connect.ts";
import type { Clock, Logger } from "../options/environment.ts";
import type { ResolvedLimits } from "../options/limits.ts";
import type { ReceiverOptionsBase, SenderOptionsBase, SessionOptions } from "../options/link.ts";
import type { ResolvedTimeouts } from "../options/timeouts.ts";
import type { Answer, Need } from "../sasl/mechanism.ts";
import type { ByteDuplex } from "../transport/byte-duplex.ts";
import type { TlsSessions } from "../transport/tls-sessions.ts";
import type { SlabPool } from "../util/slab.ts";
import type { EventRouter } from "./events.ts";
import type { UnsettledStore } from "./unsettled-store.ts";

/** The settings of a connection. */
export interface Profile {
  readonly side: "client" | "server";
  readonly containerId: string;
  readonly hostname: string | undefined;
  /** The node of links that name none. */
  readonly address: string | undefined;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  readonly idleTimeout: number;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly properties: Readonly<Record<string, unknown>> | undefined;
  readonly limits: ResolvedLimits;
  readonly timeouts: ResolvedTimeouts;
  readonly int64: Int64Mode;
  readonly typed: boolean;
  /** Where transfer-ids, delivery-ids and delivery-counts begin (§2.5.6, 2.6.7): no option, but tests reach the end of the numbers by it. @default 0 */
  readonly firstSerial?: number | undefined;
  /** Connecting side: what connecting again over TLS can resume. */
  readonly tlsSessions?: TlsSessions | undefined;
  /** Where its output is encoded. */
  readonly slabs: SlabPool;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  /** Gets what nobody awaits. */
  readonly onError: (error: AmqpError) => void;
  /** Where handlers come in; undefined for a container that knows none. */
  readonly events: EventRouter | undefined;
  /** Where exactly-once links keep what is not settled. */
  readonly store: UnsettledStore | undefined;
  /** How many settled deliveries a sender with a store remembers. */
  readonly keepSettled: number;
  /** Whether the container-id was given, so that it is the same after a restart. */
  readonly named: boolean;
  readonly defaults: {
    readonly session: SessionOptions | undefined;
    readonly sender: SenderOptionsBase | undefined;
    readonly receiver: ReceiverOptionsBase | undefined;
  };
}

/** A transport that a connection is to run on, and how it authenticates there. */
export interface Socket {
  readonly duplex: ByteDuplex;
  /** What the program gave instead of a socket. */
  readonly transport?: Transport | undefined;
  /** Without user and password. */
  readonly url: string;
  /** What the open says that we want to reach. @default the profile's */
  readonly hostname?: string | undefined;
  readonly sasl: SaslSide | undefined;
  /** Listening side: whether a peer may leave SASL out. @default false */
  readonly saslOptional?: boolean | undefined;
  /** Fulfils a need of `sasl`. */
  answer(need: Need): Promise<Answer> | Answer;
  /** What has to be done when the peer has opened, before any session begins; the attempt fails when it rejects. */
  prepare?(): Promise<void>;
  /** The connection is done with this socket. */
  release?(): void;
}

/**
 * A delivery as the engine keeps it, one record for each direction. The client derives its own deliveries from these,
 * so that a message costs one object; whatever the record does not say belongs to the client.
 */

import type { DeliveryState } from "../frames/delivery-state.ts";
import type { ReceiverSettleMode } from "../frames/performatives.ts";
import type { Bytes } from "../util/bytes.ts";
import { EMPTY, copyBytes } from "../util/bytes.ts";
import type { Slab } from "../util/slab.ts";
import type { TagTable, Tagged } from "../util/tag-table.ts";
import type { IncomingBody } from "./incoming-body.ts";

/** How a transfer goes on with a delivery of an earlier attachment (§2.6.13). */
export interface Resumption {
  /** What its first frame says of the delivery. */
  readonly state: DeliveryState | undefined;
  /** Octets of the message that the peer has, and that are left out; Infinity: none is sent. */
  readonly from: number;
  readonly settled: boolean;
  readonly aborted: boolean;
}

/** Something that we send. */
export abstract class OutgoingTransfer {
  /** The attachment it was sent on; undefined before that, and after it was lost. */
  endpoint: object | undefined = undefined;
  deliveryId = -1;
  /** The tag, where the caller chose one; otherwise it is `tagNumber` in four octets. */
  tagBytes: Uint8Array | undefined = undefined;
  tagNumber = 0;
  messageFormat = 0;
  presettled = false;
  /** What each of its transfers says of it: the transaction that it belongs to (§4.4.1). */
  transferState: DeliveryState | undefined = undefined;
  /** The peer need not hurry with its outcome (§2.7.5). */
  batchable = false;
  remoteState: DeliveryState | undefined = undefined;
  remoteSettled = false;
  localSettled = false;
  /** Where the encoded message lies: in a slab, or in pieces if it is large. */
  slab: Slab | undefined = undefined;
  offset = 0;
  length = 0;
  chunks: readonly Uint8Array[] | undefined = undefined;
  /** What was sent before goes on, instead of beginning anew. */
  resume: Resumption | undefined = undefined;
  /** Value of the output's `total` when its last frame was written; -1 before. */
  writtenAt = -1;

  /** The peer tells a state, settles, or both. */
  abstract handleDisposition(state: DeliveryState | undefined, settled: boolean): void;

  /** The message is written whole: the last frame is in the output. */
  abstract handleWritten(): void;
}

/** Something that we receive. */
export abstract class IncomingTransfer implements Tagged {
  /** The attachment it came on; undefined after that was lost. */
  endpoint: { readonly tags: TagTable<IncomingTransfer> } | undefined = undefined;
  deliveryId = -1;
  messageFormat = 0;
  rcvSettleMode: ReceiverSettleMode | undefined = undefined;
  remoteState: DeliveryState | undefined = undefined;
  localState: DeliveryState | undefined = undefined;
  remoteSettled = false;
  localSettled = false;
  aborted = false;
  /** The bytes that hold the message and, before it, the tag. */
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  tagSource: Uint8Array = EMPTY;
  tagStart = 0;
  tagLength = 0;
  tagHash = 0;
  /** Octets charged to the connection's budget for as long as it waits to be taken. */
  charge = 0;
  /** Its link was lost before it had come whole: `bytes` has its first octets. */
  truncated = false;
  /** The body, where that is read as it comes; `bytes` has nothing then. */
  arriving: IncomingBody | undefined = undefined;

  /** Whether a message is here, or the first octets of one. */
  get present(): boolean {
    return this.end > this.start;
  }

  /** A copy of the delivery-tag. */
  copyTag(): Bytes {
    return copyBytes(this.tagSource.subarray(this.tagStart, this.tagStart + this.tagLength));
  }

  /** The sender tells a state, settles, or both. */
  abstract handleDisposition(state: DeliveryState | undefined, settled: boolean): void;
}

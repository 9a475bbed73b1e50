/**
 * Performatives <-> bytes, by one table for each (§2.7, §5.3.3). Numeric and symbolic descriptors are read, numeric ones
 * written. The hot way of transfers has a writer and a reader of its own in transfer.ts.
 */

import type { ByteWriter } from "../util/byte-writer.ts";
import type { ByteReader } from "../wire/decode.ts";
import type { Composite } from "./composite.ts";
import { InvalidFieldError, composite, compositeSet, field, malformed, readCompositeType, readFields, writeComposite } from "./composite.ts";
import { ERROR_FIELD } from "./condition-codec.ts";
import { STATE_FIELD } from "./delivery-state-codec.ts";
import { BINARY, BOOLEAN, FIELDS, ROLE, SOME_SYMBOLS, STRING, SYMBOL, SYMBOLS, UBYTE, UINT, ULONG, USHORT, ubyteChoice } from "./field-types.ts";
import type {
  Attach, Begin, Close, Detach, Disposition, End, Flow, Open, Performative, SaslChallenge, SaslInit, SaslMechanisms, SaslOutcome,
  SaslPerformative, SaslResponse, Transfer,
} from "./performatives.ts";
import { SOURCE_FIELD, TARGET_FIELD } from "./terminus-codec.ts";
import { UNSETTLED_FIELD } from "./unsettled.ts";

const MUST = { mandatory: true } as const;
const SND_SETTLE_MODE = ubyteChoice(["unsettled", "settled", "mixed"]);
const RCV_SETTLE_MODE = ubyteChoice(["first", "second"]);

const TRANSFER = composite("transfer", 0x14, [
  field<Transfer>("handle", "handle", UINT, MUST),
  field<Transfer>("delivery-id", "deliveryId", UINT),
  field<Transfer>("delivery-tag", "deliveryTag", BINARY),
  field<Transfer>("message-format", "messageFormat", UINT),
  field<Transfer>("settled", "settled", BOOLEAN),
  field<Transfer>("more", "more", BOOLEAN),
  field<Transfer>("rcv-settle-mode", "rcvSettleMode", RCV_SETTLE_MODE),
  field<Transfer>("state", "state", STATE_FIELD, { breach: "session" }),
  field<Transfer>("resume", "resume", BOOLEAN),
  field<Transfer>("aborted", "aborted", BOOLEAN),
  field<Transfer>("batchable", "batchable", BOOLEAN),
]);

const COMPOSITES: readonly Composite[] = [
  composite("open", 0x10, [
    field<Open>("container-id", "containerId", STRING, MUST),
    field<Open>("hostname", "hostname", STRING),
    field<Open>("max-frame-size", "maxFrameSize", UINT),
    field<Open>("channel-max", "channelMax", USHORT),
    field<Open>("idle-time-out", "idleTimeOut", UINT),
    field<Open>("outgoing-locales", "outgoingLocales", SYMBOLS),
    field<Open>("incoming-locales", "incomingLocales", SYMBOLS),
    field<Open>("offered-capabilities", "offeredCapabilities", SYMBOLS),
    field<Open>("desired-capabilities", "desiredCapabilities", SYMBOLS),
    field<Open>("properties", "properties", FIELDS),
  ]),
  composite("begin", 0x11, [
    field<Begin>("remote-channel", "remoteChannel", USHORT),
    field<Begin>("next-outgoing-id", "nextOutgoingId", UINT, MUST),
    field<Begin>("incoming-window", "incomingWindow", UINT, MUST),
    field<Begin>("outgoing-window", "outgoingWindow", UINT, MUST),
    field<Begin>("handle-max", "handleMax", UINT),
    field<Begin>("offered-capabilities", "offeredCapabilities", SYMBOLS),
    field<Begin>("desired-capabilities", "desiredCapabilities", SYMBOLS),
    field<Begin>("properties", "properties", FIELDS),
  ]),
  composite("attach", 0x12, [
    field<Attach>("name", "name", STRING, MUST),
    field<Attach>("handle", "handle", UINT, MUST),
    field<Attach>("role", "role", ROLE, MUST),
    field<Attach>("snd-settle-mode", "sndSettleMode", SND_SETTLE_MODE),
    field<Attach>("rcv-settle-mode", "rcvSettleMode", RCV_SETTLE_MODE),
    field<Attach>("source", "source", SOURCE_FIELD),
    field<Attach>("target", "target", TARGET_FIELD),
    field<Attach>("unsettled", "unsettled", UNSETTLED_FIELD, { breach: "link" }),
    field<Attach>("incomplete-unsettled", "incompleteUnsettled", BOOLEAN),
    field<Attach>("initial-delivery-count", "initialDeliveryCount", UINT),
    field<Attach>("max-message-size", "maxMessageSize", ULONG),
    field<Attach>("offered-capabilities", "offeredCapabilities", SYMBOLS),
    field<Attach>("desired-capabilities", "desiredCapabilities", SYMBOLS),
    field<Attach>("properties", "properties", FIELDS),
  ]),
  composite("flow", 0x13, [
    field<Flow>("next-incoming-id", "nextIncomingId", UINT),
    field<Flow>("incoming-window", "incomingWindow", UINT, MUST),
    field<Flow>("next-outgoing-id", "nextOutgoingId", UINT, MUST),
    field<Flow>("outgoing-window", "outgoingWindow", UINT, MUST),
    field<Flow>("handle", "handle", UINT),
    field<Flow>("delivery-count", "deliveryCount", UINT),
    field<Flow>("link-credit", "linkCredit", UINT),
    field<Flow>("available", "available", UINT),
    field<Flow>("drain", "drain", BOOLEAN),
    field<Flow>("echo", "echo", BOOLEAN),
    field<Flow>("properties", "properties", FIELDS),
  ]),
  TRANSFER,
  composite("disposition", 0x15, [
    field<Disposition>("role", "role", ROLE, MUST),
    field<Disposition>("first", "first", UINT, MUST),
    field<Disposition>("last", "last", UINT),
    field<Disposition>("settled", "settled", BOOLEAN),
    field<Disposition>("state", "state", STATE_FIELD, { breach: "session" }),
    field<Disposition>("batchable", "batchable", BOOLEAN),
  ]),
  composite("detach", 0x16, [
    field<Detach>("handle", "handle", UINT, MUST),
    field<Detach>("closed", "closed", BOOLEAN),
    field<Detach>("error", "error", ERROR_FIELD),
  ]),
  composite("end", 0x17, [field<End>("error", "error", ERROR_FIELD)]),
  composite("close", 0x18, [field<Close>("error", "error", ERROR_FIELD)]),
  composite("sasl-mechanisms", 0x40, [field<SaslMechanisms>("sasl-server-mechanisms", "mechanisms", SOME_SYMBOLS, MUST)]),
  composite("sasl-init", 0x41, [
    field<SaslInit>("mechanism", "mechanism", SYMBOL, MUST),
    field<SaslInit>("initial-response", "initialResponse", BINARY, { secret: true }),
    field<SaslInit>("hostname", "hostname", STRING),
  ]),
  composite("sasl-challenge", 0x42, [field<SaslChallenge>("challenge", "challenge", BINARY, { mandatory: true, secret: true })]),
  composite("sasl-response", 0x43, [field<SaslResponse>("response", "response", BINARY, { mandatory: true, secret: true })]),
  composite("sasl-outcome", 0x44, [
    field<SaslOutcome>("code", "code", UBYTE, MUST),
    field<SaslOutcome>("additional-data", "additionalData", BINARY, { secret: true }),
  ]),
];

const BY_TYPE: ReadonlyMap<string, Composite> = new Map(COMPOSITES.map((one) => [one.name, one]));
const PERFORMATIVES = compositeSet("a performative", COMPOSITES);

/**
 * Writes a performative; a transfer's payload is the caller's to append. Offsets in `w` must hold meanwhile.
 * @throws EncodeError not-encodable, which leaves the beginning in `w`.
 */
export function writePerformative(w: ByteWriter, performative: Performative | SaslPerformative): void {
  writeComposite(w, BY_TYPE.get(performative.type)!, performative);
}

/**
 * Reads the performative at `r.position`, which must reach to `r.end` unless it is a transfer, whose payload follows.
 * Bytes in it are views. A caller checks with `isSasl` that it belongs in the frame (B19).
 * @throws DecodeError decode-error (B18, B20-B45), which closes the connection; if it is an InvalidFieldError, which ends
 * no more than its `scope` says (B79, B90).
 */
export function readPerformative(r: ByteReader): Performative | SaslPerformative {
  const type = readCompositeType(r, PERFORMATIVES);
  let value: Readonly<Record<string, unknown>>;
  let breach: InvalidFieldError | undefined;
  try {
    value = readFields(r, type);
  } catch (error) {
    if (!(error instanceof InvalidFieldError)) throw error;
    breach = error;
  }
  if (r.position !== r.end && type !== TRANSFER) throw malformed(`${type.name}: ${r.end - r.position} octets follow it in the frame`);
  if (breach !== undefined) throw breach;
  return value! as unknown as Performative | SaslPerformative;
}

/** Whether it belongs in a frame of type 1. */
export function isSasl(performative: Performative | SaslPerformative): performative is SaslPerformative {
  return performative.type.startsWith("sasl-");
}

/**
 * Writes a whole frame without payload, its 8-octet head included (§2.3); type 0 is AMQP, 1 SASL. Offsets in `w` must hold meanwhile.
 * @throws EncodeError not-encodable, with `w.position` as it was.
 */
export function writeFrame(w: ByteWriter, frameType: 0 | 1, channel: number, performative: Performative | SaslPerformative): void {
  const start = w.position;
  w.reserve(HEAD_SIZE);
  w.view.setUint32(start + 4, 0x0200_0000 | (frameType << 16) | channel);
  w.position = start + HEAD_SIZE;
  try {
    writePerformative(w, performative);
  } catch (error) {
    w.position = start;
    throw error;
  }
  w.view.setUint32(start, w.position - start);
}

const HEAD_SIZE = 8;

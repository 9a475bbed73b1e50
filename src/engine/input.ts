/**
 * What a connection does with each frame: who it is for, and how a breach is answered that comes to light on the way. Breaches
 * are answered here and nowhere else: by a detach, an end or a close, as far as the rule that was broken reaches.
 */

import type { AmqpError } from "../errors.ts";
import { ConnectionError, DecodeError } from "../errors.ts";
import { readPerformative } from "../frames/codec.ts";
import { InvalidFieldError } from "../frames/composite.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition, ConnectionCondition } from "../frames/condition.ts";
import type { Attach, Open, Performative, SaslPerformative } from "../frames/performatives.ts";
import type { FrameSink, ProtocolHeader } from "../frames/splitter.ts";
import { FrameType } from "../frames/splitter.ts";
import { TransferHead, hasTransfer, looksLikeTransfer, readTransfer } from "../frames/transfer.ts";
import { copyBytes } from "../util/bytes.ts";
import { ByteReader, readDescriptor } from "../wire/decode.ts";
import { Breach } from "./breach.ts";
import type { Channels } from "./channels.ts";
import type { Handshake } from "./handshake.ts";
import type { ReceiverEndpoint } from "./receiver.ts";
import type { ConnectionState } from "./states.ts";

/** Descriptor of a transfer. */
const TRANSFER = 0x14;
/** Descriptor of a close. */
const CLOSE = 0x18;

/** What the input needs of its connection. */
export interface InputOwner {
  readonly state: ConnectionState;
  readonly remoteOpen: Open | undefined;
  handleOpen(open: Open): void;
  handleClose(error: ErrorCondition | undefined): void;
  /** Ends without another word. */
  fail(error: AmqpError): void;
  /** Closes because of a breach. */
  condemn(breach: Breach): void;
  /** Closes because of an error that should not be. */
  crash(error: unknown): void;
}

/** Octets of frames that are held while our open is put off. */
const MOST_HELD = 1024 * 1024;

export class FrameInput implements FrameSink {
  /** While our open is put off: what follows the peer's waits. */
  holding = false;
  readonly #owner: InputOwner;
  readonly #handshake: Handshake;
  readonly #channels: Channels;
  readonly #head = new TransferHead();
  readonly #reader = new ByteReader();
  #held: { readonly type: number; readonly channel: number; readonly bytes: Uint8Array; readonly start: number }[] = [];
  #heldBytes = 0;
  /** Who takes what still comes of a frame that was begun. */
  #receiver: ReceiverEndpoint | undefined = undefined;

  constructor(owner: InputOwner, handshake: Handshake, channels: Channels) {
    this.#owner = owner;
    this.#handshake = handshake;
    this.#channels = channels;
  }

  onHeader(header: ProtocolHeader): void {
    this.guard(() => this.#handshake.handleHeader(header));
  }

  onGarbage(bytes: Uint8Array): void {
    this.#handshake.handleGarbage(bytes);
  }

  onBadFrame(reason: string): void {
    if (this.#handshake.inSasl) this.#owner.fail(violation(reason, ConnectionCondition.framingError));
    else this.#punish(new Breach("connection", ConnectionCondition.framingError, reason), -1);
  }

  onFrame(type: number, channel: number, bytes: Uint8Array, begin: number, start: number, end: number): void {
    if (this.holding) {
      this.#hold(type, channel, bytes, begin, start, end);
      return;
    }
    try {
      if (type === FrameType.amqp && this.#owner.state === "opened" && looksLikeTransfer(bytes, start, end)) {
        this.#transfer(start + 3, channel, bytes, begin, end, 0);
        return;
      }
      this.#dispatch(type, channel, bytes, begin, start, end);
    } catch (error) {
      this.#answer(error, channel);
    }
  }

  /** Goes on with what was held; where we have said close, only the peer's close matters. */
  replay(parted: boolean): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const { type, channel, bytes, start } of held) {
      if (!parted || isClose(bytes, start)) this.onFrame(type, channel, bytes, 0, start, bytes.length);
    }
  }

  /** A peer need not wait for our open before it goes on (§2.4.5), but what it sends is bounded. */
  #hold(type: number, channel: number, bytes: Uint8Array, begin: number, start: number, end: number): void {
    this.#heldBytes += end - begin;
    if (this.#heldBytes > MOST_HELD) {
      this.holding = false;
      this.#held = [];
      this.#punish(new Breach("connection", AmqpCondition.resourceLimitExceeded, `more than ${MOST_HELD} octets came before our open`), -1);
      return;
    }
    this.#held.push({ type, channel, bytes: copyBytes(bytes.subarray(begin, end)), start: start - begin });
  }

  onFrameBegun(type: number, channel: number, bytes: Uint8Array, begin: number, start: number, end: number, rest: number): boolean {
    this.#receiver = undefined;
    if (type !== FrameType.amqp || this.#owner.state !== "opened") return false;
    if (!looksLikeTransfer(bytes, start, end) || !hasTransfer(bytes, start + 3, end)) return false;
    try {
      this.#receiver = this.#transfer(start + 3, channel, bytes, begin, end, rest);
    } catch (error) {
      this.#answer(error, channel);
    }
    return true;
  }

  onPayload(bytes: Uint8Array, from: number, to: number, rest: number): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    try {
      receiver.handlePayload(bytes, from, to, rest);
    } catch (error) {
      this.#receiver = undefined;
      if (error instanceof Breach && error.scope === "link") receiver.punish(error);
      else this.#answer(error, -1);
    }
  }

  #dispatch(type: number, channel: number, bytes: Uint8Array, begin: number, start: number, end: number): void {
    if (this.#owner.state === "end") return;
    if (type === FrameType.sasl || this.#handshake.inSasl) {
      if (type !== FrameType.sasl || !this.#handshake.inSasl) {
        if (this.#handshake.inSasl) {
          this.#owner.fail(violation("a frame that is none of SASL's came during SASL", AmqpCondition.notAllowed));
          return;
        }
        throw new Breach("connection", ConnectionCondition.framingError, "a SASL frame came outside of SASL");
      }
      this.#reader.reset(bytes, start, end);
      this.#handshake.handleFrame(start === end ? undefined : readPerformative(this.#reader) as SaslPerformative);
      return;
    }
    if (type !== FrameType.amqp) throw new Breach("connection", ConnectionCondition.framingError, `frame type ${type} is not known`);
    if (start === end) {
      if (this.#owner.remoteOpen === undefined) throw new Breach("connection", ConnectionCondition.framingError, "an empty frame came before open");
      return;
    }
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    if (this.#isTransfer(reader)) {
      this.#mustBeOpen("transfer");
      if (this.#owner.state !== "discarding") this.#transfer(reader.position, channel, bytes, begin, end, 0);
      return;
    }
    reader.reset(bytes, start, end);
    const performative = readPerformative(reader) as Performative | SaslPerformative;
    if (this.#owner.state === "discarding" && performative.type !== "close") return;
    if (reader.position !== end) {
      throw new Breach("connection", AmqpCondition.decodeError, `${end - reader.position} octets follow the ${performative.type}`);
    }
    switch (performative.type) {
      case "open":
        this.#owner.handleOpen(performative);
        return;
      case "close":
        // Of a peer that has had our open, a close without an open of its own is taken: it carries the reason.
        if (this.#owner.state === "header-exchanged") this.#mustBeOpen("close");
        this.#owner.handleClose(performative.error);
        return;
      case "begin":
        this.#mustBeOpen("begin");
        this.#channels.handleBegin(channel, performative);
        return;
      case "end":
        this.#mustBeOpen("end");
        this.#channels.handleEnd(channel, performative.error);
        return;
      case "attach":
      case "detach":
      case "flow":
      case "disposition":
        this.#mustBeOpen(performative.type);
        this.#channels.remote(channel).handle(performative);
        return;
      default:
        throw new Breach("connection", AmqpCondition.notAllowed, `${performative.type} came in a frame that is none of SASL's`);
    }
  }

  #transfer(fields: number, channel: number, bytes: Uint8Array, begin: number, end: number, rest: number): ReceiverEndpoint | undefined {
    const head = this.#head;
    readTransfer(bytes, fields, end, head);
    return this.#channels.remote(channel).handleTransfer(head, bytes, begin, end, rest);
  }

  /** Whether the descriptor, in whatever encoding, is that of a transfer; the reader then stands behind it. */
  #isTransfer(reader: ByteReader): boolean {
    if (reader.bytes[reader.position] !== 0x00) return false;
    const descriptor = readDescriptor(reader);
    return descriptor === TRANSFER || descriptor === "amqp:transfer:list";
  }

  #mustBeOpen(what: string): void {
    if (this.#owner.remoteOpen === undefined) throw new Breach("connection", AmqpCondition.notAllowed, `${what} came before open`);
  }

  /** The one place where a breach is answered. */
  #answer(error: unknown, channel: number): void {
    if (error instanceof Breach) this.#punish(error, channel);
    else if (error instanceof InvalidFieldError && this.#owner.remoteOpen !== undefined) this.#punishField(error, channel);
    else if (error instanceof DecodeError) {
      if (this.#handshake.inSasl) this.#handshake.handleUndecodable(error);
      else this.#punish(new Breach("connection", error.condition ?? AmqpCondition.decodeError, error.message), channel);
    } else {
      this.#owner.crash(error);
    }
  }

  /** A field that makes no sense in a performative that otherwise does: what it is about ends, not the connection. */
  #punishField(error: InvalidFieldError, channel: number): void {
    const breach = new Breach(error.scope === "link" ? "link" : "session", AmqpCondition.invalidField, error.message);
    const performative = error.composite as Partial<Performative>;
    if (performative.type === "attach") {
      try {
        this.#channels.remote(channel).refuseAttach(performative as Attach, breach);
        return;
      } catch (again) {
        this.#answer(again, channel);
        return;
      }
    }
    this.#punish(breach, channel);
  }

  #punish(breach: Breach, channel: number): void {
    if (breach.scope === "link" && this.#channels.punishLink(breach, channel)) return;
    if (breach.scope !== "connection" && this.#channels.punishSession(breach, channel)) return;
    this.#owner.condemn(breach);
  }

  /** Runs a step in which the peer may turn out to have broken a rule. */
  guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#answer(error, -1);
    }
  }
}

/** Whether the performative at `start` is a close, in the encoding that everybody uses. */
function isClose(bytes: Uint8Array, start: number): boolean {
  return bytes[start] === 0x00 && bytes[start + 1] === 0x53 && bytes[start + 2] === CLOSE;
}

/** The error of a breach by the peer. */
export function violation(reason: string, condition: string): ConnectionError {
  return new ConnectionError(`the peer broke the protocol: ${reason}`, {
    code: "protocol-violation", scope: "connection", origin: "remote", condition, description: reason,
  });
}

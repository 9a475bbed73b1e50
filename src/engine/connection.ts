/**
 * One end of an AMQP connection without its socket: bytes and the time go in, bytes and a deadline come out, and what
 * happened is told to a sink. It is deterministic.
 */

import type { AmqpError } from "../errors.ts";
import { ConnectionError } from "../errors.ts";
import { writeFrame } from "../frames/codec.ts";
import type { ErrorCondition } from "../frames/condition.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { Open, Performative, SaslPerformative } from "../frames/performatives.ts";
import { FrameSplitter, FrameType } from "../frames/splitter.ts";
import type { Answer, Need } from "../sasl/mechanism.ts";
import type { Segment, SlabPool } from "../util/slab.ts";
import { SlabWriter } from "../util/slab.ts";
import { Breach } from "./breach.ts";
import type { ChannelsOwner } from "./channels.ts";
import { Channels } from "./channels.ts";
import type { HandshakeOwner, SaslSide } from "./handshake.ts";
import { Handshake } from "./handshake.ts";
import { IdleWatch, LEAST_PEER_IDLE } from "./idle.ts";
import type { InputOwner } from "./input.ts";
import { FrameInput, violation } from "./input.ts";
import type { LargeSend, LinkEndpoint } from "./link.ts";
import { Pieces } from "./pieces.ts";
import type { SessionEndpoint, SessionSettings, SessionSink } from "./session.ts";
import type { ConnectionEvent, ConnectionState } from "./states.ts";
import { connectionTable, next } from "./states.ts";

/** Octets of the largest frame that is taken before the peer's open: the standard's 512 and some grace, since tokens are longer. */
const EARLY_FRAME = 8 * 1024;
/** Octets of the smallest frame limit that the standard allows. */
const LEAST_FRAME = 512;
/** Octets of the largest frame that we send, whatever the peer would take, so that links take turns. */
const LARGEST_FRAME = 256 * 1024;
/** Milliseconds within which the peer has to come from the header to its open. */
const HANDSHAKE_TIME = 10_000;
/** Milliseconds after the last input at which a failed authentication is answered. */
const PENALTY = 250;

export interface ConnectionSettings {
  readonly side: "client" | "server";
  /** Our open; max-frame-size, channel-max and idle-time-out in it are set from the settings below. */
  readonly open: Omit<Open, "type" | "maxFrameSize" | "channelMax" | "idleTimeOut">;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** Octets of the largest frame that is taken before the peer's open. @default 8192 */
  readonly maxEarlyFrameSize?: number | undefined;
  /** Milliseconds of silence after which the peer counts as gone; Infinity or 0 is never. */
  readonly idleTimeout: number;
  /** Octets of the messages received and not yet taken, from which on windows and credit are not renewed. */
  readonly maxBufferedBytes: number;
  /** Our side of SASL; without it, none is done. */
  readonly sasl: SaslSide | undefined;
  /** Server: whether a peer may leave SASL out. @default false */
  readonly saslOptional?: boolean | undefined;
  readonly pool: SlabPool;
  /** Whether the peer may begin sessions. */
  readonly acceptSessions: boolean;
  /** What the sessions that the peer begins are answered with. */
  readonly session?: SessionSettings | undefined;
  /** The id of the first transfer frame and of the first delivery of a session (§2.5.6, 2.8.4). @default 0 */
  readonly initialOutgoingId?: number | undefined;
  /** Where the delivery-count of a sender begins (§2.6.7). @default 0 */
  readonly initialDeliveryCount?: number | undefined;
  /** Server: whether the owner decides when our open answers the peer's, by `answerOpen`. @default false */
  readonly holdOpen?: boolean | undefined;
  /** Milliseconds from the first byte to the peer's open. @default 10000 */
  readonly handshakeTime?: number | undefined;
}

/** What a connection tells its owner. None of the calls may throw. */
export interface ConnectionSink {
  /** There is something to write; told once until the output is taken. */
  onOutput(): void;
  /** A slab is full: its bytes can leave at once. */
  onFull(): void;
  onAuthenticated(): void;
  /** The peer has sent its open, and ours waits for `answerOpen`. */
  onOpening(open: Open): void;
  onOpened(open: Open): void;
  /** The peer closed; our close is written. */
  onClosed(error: ErrorCondition | undefined): void;
  /** It cannot go on: bytes that say so to the peer may still be in the output. */
  onFailed(error: AmqpError): void;
  /** The peer began a session; answers its sink. */
  onSession(session: SessionEndpoint): SessionSink;
  /** A SASL step needs an answer from outside. */
  onSaslNeed(need: Need): void;
}

export class ConnectionEndpoint implements ChannelsOwner, HandshakeOwner, InputOwner {
  readonly output: SlabWriter;
  readonly settings: ConnectionSettings;
  readonly channels: Channels;
  readonly pieces = new Pieces();
  state: ConnectionState = "start";
  remoteOpen: Open | undefined = undefined;
  /** Octets of the largest frame that we send. */
  frameLimit = LEAST_FRAME;
  /** Octets received that wait to be taken. */
  buffered = 0;
  /** Octets of messages that are not there whole. */
  #gathered = 0;
  /** Set by the owner while the transport takes no more: messages of several frames then wait. */
  congested = false;
  readonly #sink: ConnectionSink;
  readonly #splitter: FrameSplitter;
  readonly #handshake: Handshake;
  readonly #idle: IdleWatch;
  readonly #input: FrameInput;
  readonly #born: number;
  #now: number;
  #penalty: { readonly due: number; readonly end: () => void } | undefined = undefined;
  /** Whether anything came from the peer. */
  #heard = false;
  #wanted = false;
  #failed = false;
  /** Our close is written. */
  #parted = false;

  constructor(settings: ConnectionSettings, sink: ConnectionSink, now: number) {
    this.settings = settings;
    this.#sink = sink;
    this.#born = now;
    this.#now = now;
    this.output = new SlabWriter(settings.pool, () => sink.onFull());
    this.#idle = new IdleWatch(settings.idleTimeout, now);
    this.channels = new Channels(this);
    this.#handshake = new Handshake(settings.side, settings.sasl, settings.saslOptional ?? false, this);
    this.#input = new FrameInput(this, this.#handshake, this.channels);
    this.#splitter = new FrameSplitter(this.#input, settings.maxEarlyFrameSize ?? EARLY_FRAME);
    this.#handshake.start();
  }

  // ---------------------------------------------------------------- getters

  get opened(): boolean {
    return this.state === "opened";
  }

  /** Nothing more will be said: the socket can go when the output has left. */
  get finished(): boolean {
    return this.state === "end";
  }

  /** When `handleTick` is due; Infinity is never. */
  get deadline(): number {
    if (this.#failed || this.finished) return Infinity;
    if (this.#penalty !== undefined) return this.#penalty.due;
    if (this.remoteOpen === undefined) return this.#born + (this.settings.handshakeTime ?? HANDSHAKE_TIME);
    return this.#idle.deadline;
  }

  /** The user that SASL established on the listening side, and how. */
  get identity(): { readonly mechanism: string; readonly user: string | undefined } | undefined {
    return this.#handshake.identity;
  }

  /** Whether windows and credit may be renewed. */
  get hasRoom(): boolean {
    return this.buffered < this.settings.maxBufferedBytes;
  }

  // ---------------------------------------------------------------- inputs

  handleBytes(chunk: Uint8Array, now: number): void {
    if (this.#failed && this.finished) return;
    this.#now = now;
    this.#heard = true;
    this.#idle.heard(now);
    this.#splitter.push(chunk);
    this.pieces.done();
  }

  handleTick(now: number): void {
    if (this.deadline > now) return;
    this.#now = now;
    if (this.#penalty !== undefined) {
      this.#penalty.end();
      return;
    }
    if (this.remoteOpen === undefined) {
      this.fail(new ConnectionError(
        `the peer did not come to its open within ${this.settings.handshakeTime ?? HANDSHAKE_TIME} ms: ${this.#handshake.describeWait(this.#heard)}`,
        { code: "handshake-failed", scope: "connection", origin: "remote", retryable: true },
      ));
      return;
    }
    if (this.#idle.expired(now)) {
      const silence = this.#idle.silence(now);
      const description = `idle: nothing was received for ${silence} ms`;
      this.#sendClose({ condition: AmqpCondition.resourceLimitExceeded, description });
      this.#report(new ConnectionError(`the peer sent nothing for ${silence} ms (idleTimeout)`,
        { code: "idle-timeout", scope: "connection", origin: "transport", retryable: true }));
      return;
    }
    if (this.#idle.silent(now)) this.#writeEmptyFrame();
  }

  /** An answer to `onSaslNeed`. */
  handleSaslAnswer(answer: Answer, now: number): void {
    this.#now = now;
    this.#input.guard(() => this.#handshake.answer(answer));
  }

  /** A need of `onSaslNeed` that cannot be fulfilled. */
  handleSaslFailure(cause: unknown, now: number): void {
    this.#now = now;
    this.#input.guard(() => this.#handshake.abandon(cause));
  }

  /** The stream ended. Answers why that is an error of the handshake, undefined if the connection was open or over. */
  handleEnd(): string | undefined {
    if (this.remoteOpen !== undefined || this.finished) return undefined;
    return this.#handshake.describeEnd(this.#splitter.pending);
  }

  // ---------------------------------------------------------------- commands

  /** Closes; what the peer still sends is read, or discarded if there is an error. */
  close(error?: ErrorCondition): void {
    this.#sendClose(error);
    if (!this.#input.holding) return;
    this.#input.holding = false;
    this.#input.replay(true);
  }

  /** Sends our open after the peer's, and goes on with what came behind that. */
  answerOpen(now: number): void {
    const { remoteOpen: open } = this;
    if (!this.#input.holding || open === undefined) return;
    this.#now = now;
    this.#input.holding = false;
    this.#answer(open);
    this.#input.replay(false);
    this.pieces.done();
  }

  begin(settings: SessionSettings, sink: SessionSink): SessionEndpoint {
    return this.channels.begin(settings, sink);
  }

  // ---------------------------------------------------------------- outputs

  /** All bytes that are ready, flows and dispositions of this turn among them. */
  takeOutput(now: number): Segment[] {
    this.#wanted = false;
    if (this.opened) {
      this.channels.prepare();
      if (!this.congested) this.channels.pump();
    }
    const segments = this.output.take();
    if (segments.length !== 0) this.#idle.said(now);
    if (this.opened && !this.congested && this.channels.unfinished) this.want();
    return segments;
  }

  /** The transport takes bytes again. */
  handleWritable(): void {
    this.congested = false;
    if (this.channels.unfinished) this.want();
  }

  // ---------------------------------------------------------------- for the rooms of this engine

  want(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#sink.onOutput();
  }

  /** Writes a frame; nothing follows our close (§2.7.9). */
  write(channel: number, performative: Performative): void {
    if (this.#parted) return;
    this.#frame(FrameType.amqp, channel, performative);
  }

  writeSasl(performative: SaslPerformative): void {
    this.#frame(FrameType.sasl, 0, performative);
  }

  writeHeader(id: number): void {
    const w = this.output;
    w.begin();
    w.reserve(8);
    w.bytes.set([0x41, 0x4d, 0x51, 0x50, id, 1, 0, 0], w.position);
    w.position += 8;
    w.finish();
    this.want();
  }

  queueLarge(link: LargeSend): void {
    this.channels.queueLarge(link);
    this.want();
  }

  /** SASL is over: from here on there are no secrets. */
  authenticated(): void {
    this.#sink.onAuthenticated();
  }

  advance(event: ConnectionEvent): boolean {
    const state = next(connectionTable, this.state, event);
    if (state === undefined) return false;
    this.state = state;
    return true;
  }

  sendOpen(): void {
    if (this.advance("send-open")) this.#writeOpen();
  }

  expectHeader(): void {
    this.#splitter.expectHeader();
  }

  askSasl(need: Need): void {
    this.#sink.onSaslNeed(need);
  }

  sessionSink(session: SessionEndpoint): SessionSink {
    return this.#sink.onSession(session);
  }

  /** Ends without a word: what the peer is has nothing to do with AMQP, or must not be told more. */
  fail(error: AmqpError): void {
    if (this.#failed) return;
    this.state = "end";
    this.#splitter.stop();
    this.#report(error);
  }

  failLater(error: AmqpError, say: () => void): void {
    this.#splitter.stop();
    this.#penalty ??= {
      // From the peer's last word on, so that the time which the check took tells nothing.
      due: this.#now + Math.max(0, PENALTY - this.#idle.silence(this.#now)),
      end: () => {
        say();
        this.fail(error);
      },
    };
  }

  charge(octets: number): void {
    const had = this.hasRoom;
    this.buffered += octets;
    if (!had && this.hasRoom) this.channels.renew();
  }

  gather(octets: number): void {
    this.#gathered += octets;
  }

  excessive(): LinkEndpoint | undefined {
    return this.#gathered < this.settings.maxBufferedBytes ? undefined : this.channels.largest();
  }

  // ---------------------------------------------------------------- what the input found

  handleOpen(open: Open): void {
    const state = next(connectionTable, this.state, "receive-open");
    if (state === undefined || this.remoteOpen !== undefined) throw new Breach("connection", AmqpCondition.notAllowed, "open came a second time");
    const limit = open.maxFrameSize ?? 0xffffffff;
    if (limit < LEAST_FRAME) {
      throw new Breach("connection", AmqpCondition.frameSizeTooSmall, `max-frame-size ${limit} is below ${LEAST_FRAME}`);
    }
    const idle = open.idleTimeOut ?? 0;
    if (idle !== 0 && idle < LEAST_PEER_IDLE) {
      throw new Breach("connection", AmqpCondition.notAllowed, `idle-time-out ${idle} ms is below ${LEAST_PEER_IDLE} ms, the least that is kept here`);
    }
    this.state = state;
    this.remoteOpen = open;
    this.frameLimit = Math.min(limit, LARGEST_FRAME);
    this.#splitter.maxFrameSize = this.settings.maxFrameSize;
    this.channels.limit(open.channelMax ?? 65535);
    if (this.state === "open-received" && this.settings.holdOpen === true) {
      this.#input.holding = true;
      this.#sink.onOpening(open);
      return;
    }
    this.#answer(open);
  }

  handleClose(error: ErrorCondition | undefined): void {
    const ours = this.state === "opened" || this.state === "open-received" || this.state === "open-sent";
    if (ours) {
      if (this.state === "open-sent") this.state = "opened";
      this.advance("receive-close");
      this.#sendClose(undefined);
    } else {
      this.advance("receive-close");
    }
    this.state = "end";
    this.#splitter.stop();
    if (!this.#failed) this.#sink.onClosed(error);
  }

  /** The peer broke a rule of the connection. */
  condemn(breach: Breach): void {
    this.#sendClose(breach.error);
    this.#report(violation(breach.message, breach.condition));
  }

  /** Something went wrong in here: the connection is in no known state any more. */
  crash(error: unknown): void {
    this.#sendClose({ condition: AmqpCondition.internalError, description: "internal error" });
    this.#report(new ConnectionError(`internal error: ${String(error)}`, { code: "invalid-state", scope: "connection", cause: error }));
  }

  // ---------------------------------------------------------------- private

  #answer(open: Open): void {
    if (!this.#parted) this.#idle.oblige(open.idleTimeOut ?? 0);
    if (this.state === "open-received") this.sendOpen();
    this.#sink.onOpened(open);
  }

  #sendClose(error: ErrorCondition | undefined): void {
    if (this.state === "end") return;
    if (next(connectionTable, this.state, "send-close") === undefined) {
      if (this.state === "close-sent" || this.state === "discarding" || this.state === "close-pipe") return;
      // Before our open is sent: header, open and close go out together, so that the peer can read why.
      this.#handshake.forceHeader();
      if (this.state !== "open-pipe") this.#writeOpen();
      this.state = this.remoteOpen === undefined ? "open-sent" : "opened";
    }
    this.channels.prepare();
    this.write(0, { type: "close", error });
    this.#parted = true;
    this.#idle.oblige(0);
    for (const session of this.channels) session.windows.shut();
    this.advance(error === undefined ? "send-close" : "send-error-close");
  }

  #writeOpen(): void {
    const { open, maxFrameSize, channelMax } = this.settings;
    this.write(0, { type: "open", ...open, maxFrameSize, channelMax, idleTimeOut: this.#idle.advertised });
  }

  #report(error: AmqpError): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#sink.onFailed(error);
  }

  #writeEmptyFrame(): void {
    const w = this.output;
    w.begin();
    w.reserve(8);
    w.bytes.set([0, 0, 0, 8, 2, 0, 0, 0], w.position);
    w.position += 8;
    w.finish();
    this.want();
  }

  #frame(type: 0 | 1, channel: number, performative: Performative | SaslPerformative): void {
    this.output.begin();
    writeFrame(this.output, type, channel, performative);
    this.output.finish();
    this.want();
  }
}

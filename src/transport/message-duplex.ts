/**
 * What every WebSocket has in common as a `ByteDuplex`: binary messages are chunks of one stream, wherever they are cut; what comes
 * while nobody takes it is held; and there is no half-open state, so that `end()` of either side ends both directions.
 */

import { ConnectionError } from "../errors.ts";
import { Deque } from "../util/deque.ts";
import type { ByteDuplex, DuplexSink, PeerCertificate } from "./byte-duplex.ts";
import { nextTurn } from "./next-turn.ts";

/** What is known of the peer when the connection is there. */
export interface PeerFacts {
  readonly secure: boolean;
  readonly remoteAddress: string;
  readonly loopback: boolean;
  readonly peerCertificate: PeerCertificate | undefined;
}

export abstract class MessageDuplex implements ByteDuplex {
  readonly secure: boolean;
  readonly remoteAddress: string;
  readonly loopback: boolean;
  readonly peerCertificate: PeerCertificate | undefined;
  protected sink: DuplexSink | undefined;
  readonly #held = new Deque<Uint8Array>();
  #paused = false;
  #scheduled = false;
  #over: { readonly failure: Error | undefined; readonly ended: boolean } | undefined;
  #told = false;

  protected constructor({ secure, remoteAddress, loopback, peerCertificate }: PeerFacts) {
    this.secure = secure;
    this.remoteAddress = remoteAddress;
    this.loopback = loopback;
    this.peerCertificate = peerCertificate;
  }

  abstract readonly writableLength: number;
  abstract write(bytes: Uint8Array, done: () => void): void;
  abstract end(): void;
  abstract destroy(): void;
  /** The source may stop; what it still brings is held. */
  protected abstract stopSource(): void;
  protected abstract startSource(): void;

  start(sink: DuplexSink): void {
    this.sink = sink;
    if (!this.#paused) this.startSource();
    this.#schedule();
  }

  pause(): void {
    this.#paused = true;
    this.stopSource();
  }

  resume(): void {
    this.#paused = false;
    if (this.sink === undefined) return;
    this.startSource();
    this.#schedule();
  }

  /** A message came. */
  protected arrive(chunk: Uint8Array): void {
    if (this.#over !== undefined || chunk.length === 0) return;
    if (this.sink === undefined || this.#paused || this.#scheduled) this.#held.push(chunk);
    else this.sink.onData(chunk);
  }

  /**
   * Nothing more comes.
   *
   * @param ended whether the peer said so, and so all that it sent is there.
   */
  protected finish(failure: Error | undefined, ended: boolean): void {
    if (this.#over !== undefined) return;
    this.#over = { failure, ended };
    if (!ended) this.#held.clear();
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.sink === undefined) return;
    this.#scheduled = true;
    nextTurn(() => {
      this.#scheduled = false;
      this.#deliver(this.sink as DuplexSink);
    });
  }

  #deliver(sink: DuplexSink): void {
    while (!this.#paused && this.#held.length > 0) sink.onData(this.#held.shift() as Uint8Array);
    const over = this.#over;
    if (over === undefined || this.#told || (over.ended && this.#paused)) return;
    this.#told = true;
    if (over.ended) sink.onEnd();
    // What is written from within onEnd is called back first.
    nextTurn(() => sink.onClose(over.failure));
  }
}

/** A message of text on a connection of bytes. */
export function textMessage(peer: string): ConnectionError {
  return new ConnectionError(`${peer} sent a WebSocket message of text, and AMQP is binary`, {
    code: "protocol-violation", scope: "connection", origin: "remote",
  });
}

/** A WebSocket that was not closed in the usual way; undefined where it was. */
export function closeError(peer: string, code: number, reason: string): ConnectionError | undefined {
  if (code === CloseCode.normal || code === CloseCode.goingAway || code === CloseCode.none) return undefined;
  const said = reason === "" ? "" : `: ${reason}`;
  const text = code === CloseCode.lost ? `${peer} broke the connection off without closing the WebSocket` : `${peer} closed the WebSocket with ${code}${MEANINGS.get(code) ?? ""}${said}`;
  return new ConnectionError(text, { code: "disconnected", scope: "connection", origin: code === CloseCode.lost ? "transport" : "remote", retryable: RETRYABLE.has(code) });
}

/** Codes of RFC 6455 §7.4.1 that this side uses or looks for. */
export const CloseCode = { normal: 1000, goingAway: 1001, unsupported: 1003, none: 1005, lost: 1006, tooBig: 1009 } as const;

const RETRYABLE: ReadonlySet<number> = new Set([CloseCode.lost, 1011, 1012, 1013, 1014]);

const MEANINGS: ReadonlyMap<number, string> = new Map([
  [1002, " (protocol error)"],
  [1003, " (not the kind of data that it takes)"],
  [1007, " (data that make no sense)"],
  [1008, " (against its policy)"],
  [1009, " (a message was too big for it)"],
  [1011, " (internal error)"],
  [1012, " (it restarts)"],
  [1013, " (try again later)"],
]);

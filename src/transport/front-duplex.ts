/**
 * A connection that came in on a port which serves AMQP and AMQP over WebSocket: its first octets tell which. It is a `ByteDuplex`
 * from the beginning, so that whoever counts, times out and drops connections does so before the WebSocket handshake as well.
 */

import type { Socket } from "node:net";

import type { AmqpError } from "../errors.ts";
import type { ByteDuplex, DuplexSink, PeerCertificate } from "./byte-duplex.ts";
import { nextTurn } from "./next-turn.ts";
import { SocketDuplex } from "./socket-duplex.ts";

/** Who shakes hands with those that speak HTTP. */
export interface Porter {
  /** Whether AMQP without a WebSocket is turned away. */
  readonly only: boolean;
  /** Takes the socket over; `early` is what has been read of it. */
  greet(socket: Socket, early: Uint8Array, front: FrontDuplex): void;
}

export class FrontDuplex implements ByteDuplex {
  readonly #socket: Socket;
  readonly #plain: SocketDuplex;
  readonly #porter: Porter;
  /** What carries the bytes, once that is known. */
  #inner: ByteDuplex | undefined;
  #sink: DuplexSink | undefined;
  /** The first octets, while they do not tell. */
  #early: Uint8Array = new Uint8Array(0);
  /** The peer ended before it had said enough; the sink does not know yet. */
  #endedEarly = false;
  #refusal: AmqpError | undefined;
  #paused = false;

  constructor(socket: Socket, secure: boolean, peerCertificate: PeerCertificate | undefined, porter: Porter) {
    this.#socket = socket;
    this.#plain = new SocketDuplex(socket, secure, peerCertificate);
    this.#porter = porter;
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("close", this.#onClose);
  }

  get secure(): boolean {
    return this.#plain.secure;
  }

  get remoteAddress(): string {
    return this.#plain.remoteAddress;
  }

  get loopback(): boolean {
    return this.#plain.loopback;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.#plain.peerCertificate;
  }

  get writableLength(): number {
    return this.#inner?.writableLength ?? 0;
  }

  write(bytes: Uint8Array, done: () => void): void {
    // To somebody who has not said what it speaks there is nothing to say.
    if (this.#inner === undefined) nextTurn(done);
    else this.#inner.write(bytes, done);
  }

  start(sink: DuplexSink): void {
    this.#sink = sink;
    if (this.#inner !== undefined) this.#startInner(this.#inner, sink);
  }

  pause(): void {
    this.#paused = true;
    (this.#inner ?? this.#plain).pause();
  }

  resume(): void {
    this.#paused = false;
    (this.#inner ?? this.#plain).resume();
  }

  end(): void {
    if (this.#inner === undefined) this.#socket.destroy();
    else this.#inner.end();
  }

  destroy(): void {
    (this.#inner ?? this.#plain).destroy();
  }

  // ---------------------------------------------------------------- the porter's answer

  /** The handshake is done: the bytes go over this. */
  becomes(duplex: ByteDuplex): void {
    this.#socket.off("close", this.#onClose);
    this.#inner = duplex;
    if (this.#sink !== undefined) duplex.start(this.#sink);
  }

  /** The handshake was refused, and the peer told; the sink hears of it when the socket is gone. */
  refuse(error: AmqpError): void {
    this.#refusal ??= error;
  }

  // ---------------------------------------------------------------- private

  readonly #onData = (chunk: Uint8Array): void => {
    this.#early = this.#early.length === 0 ? chunk : joined(this.#early, chunk);
    const http = this.#porter.only || speaksHttp(this.#early);
    if (http === undefined) return;
    const socket = this.#socket;
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    if (http) {
      this.#porter.greet(socket, this.#early, this);
      return;
    }
    socket.pause();
    socket.unshift(this.#early);
    this.#isPlain();
  };

  /** It ended before it had said enough: what there is, is for the sink to judge. */
  readonly #onEnd = (): void => {
    this.#socket.off("data", this.#onData);
    this.#endedEarly = true;
    this.#isPlain();
  };

  readonly #onClose = (): void => this.#isPlain();

  #isPlain(): void {
    this.#socket.off("close", this.#onClose);
    this.#inner = this.#plain;
    if (this.#sink !== undefined) this.#startInner(this.#plain, this.#sink);
  }

  #startInner(inner: ByteDuplex, sink: DuplexSink): void {
    const refusal = this.#refusal;
    if (refusal !== undefined) inner.start({ onData: ignore, onEnd: ignore, onClose: () => sink.onClose(refusal) });
    else inner.start(this.#endedEarly ? { onData: ignore, onEnd: ignore, onClose: (error) => sink.onClose(error) } : sink);
    if (inner !== this.#plain) return;
    if (this.#endedEarly) nextTurn(() => this.#tellEnd(sink));
    else if (!this.#paused) this.#socket.resume();
  }

  #tellEnd(sink: DuplexSink): void {
    if (this.#early.length > 0) sink.onData(this.#early);
    sink.onEnd();
  }
}

function ignore(): void {
  // It was turned away.
}

/** Whether the first octets are those of an HTTP request that may become a WebSocket; undefined while that is open. */
function speaksHttp(early: Uint8Array): boolean | undefined {
  for (let i = 0; i < GET.length; i++) {
    if (i === early.length) return undefined;
    if (early[i] !== GET[i]) return false;
  }
  return true;
}

const GET = new TextEncoder().encode("GET ");

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** A Node socket, plain or TLS, as a `ByteDuplex`. Opened with `allowHalfOpen`, so that each side ends by itself. */

import type { Socket } from "node:net";

import { isLoopback } from "./byte-duplex.ts";
import type { ByteDuplex, DuplexSink, PeerCertificate } from "./byte-duplex.ts";
import { streamError } from "./socket-errors.ts";

export class SocketDuplex implements ByteDuplex {
  readonly secure: boolean;
  readonly remoteAddress: string;
  readonly loopback: boolean;
  readonly peerCertificate: PeerCertificate | undefined;
  readonly #socket: Socket;
  #sink: DuplexSink | undefined;
  #failure: Error | undefined;
  #closed = false;

  /** @param socket connected; nobody else listens to it any more. */
  constructor(socket: Socket, secure: boolean, peerCertificate?: PeerCertificate) {
    this.#socket = socket;
    this.secure = secure;
    this.remoteAddress = socket.remoteAddress ?? "unknown";
    this.loopback = isLoopback(this.remoteAddress);
    this.peerCertificate = peerCertificate;
    socket.setNoDelay(true);
    // Both may come before anybody has called start().
    socket.on("error", (error) => { this.#failure ??= streamError(error, this.remoteAddress); });
    socket.on("close", () => this.#onClose());
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array, done: () => void): void {
    const socket = this.#socket;
    if (socket.writable) socket.write(bytes, done);
    else process.nextTick(done);
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  start(sink: DuplexSink): void {
    this.#sink = sink;
    if (this.#closed) {
      process.nextTick(() => sink.onClose(this.#failure));
      return;
    }
    const socket = this.#socket;
    socket.on("data", (chunk: Uint8Array) => sink.onData(chunk));
    // A peer that has left without a word may have done so before anybody listened.
    if (socket.readableEnded) process.nextTick(() => sink.onEnd());
    else socket.on("end", () => sink.onEnd());
    socket.on("drain", () => sink.onDrain?.());
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #onClose(): void {
    this.#closed = true;
    this.#sink?.onClose(this.#failure);
  }
}

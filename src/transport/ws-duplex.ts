/** A WebSocket of the package `ws`, which has shaken hands, as a `ByteDuplex`. */

import type { Socket } from "node:net";

import type { WebSocket } from "ws";

import { LimitError } from "../errors.ts";
import { isLoopback } from "./byte-duplex.ts";
import type { PeerCertificate } from "./byte-duplex.ts";
import { CloseCode, MessageDuplex, closeError, textMessage } from "./message-duplex.ts";
import { nextTurn } from "./next-turn.ts";
import { streamError } from "./socket-errors.ts";
import { plainText } from "./plain-text.ts";

/** Milliseconds that the peer gets to answer a close that we send because of something it did. */
const GRACE = 1_000;

const BINARY = { binary: true } as const;

export class WsDuplex extends MessageDuplex {
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  #failure: Error | undefined;
  #ending = false;
  #destroyed = false;

  /**
   * @param ws open, in the turn in which it opened.
   * @param socket what it runs on.
   * @param maxMessageSize octets of its largest message, for the text of the error.
   */
  constructor(ws: WebSocket, socket: Socket, secure: boolean, peerCertificate: PeerCertificate | undefined, maxMessageSize: number) {
    const remoteAddress = socket.remoteAddress ?? "unknown";
    super({ secure, remoteAddress, loopback: isLoopback(remoteAddress), peerCertificate });
    this.#ws = ws;
    this.#socket = socket;
    ws.on("message", (data: Uint8Array, isBinary: boolean) => {
      if (this.#failure !== undefined) return;
      if (isBinary) this.arrive(data);
      else this.#refuse();
    });
    ws.on("error", (error: Error) => {
      this.#failure ??= messageError(error, remoteAddress, maxMessageSize);
      this.#dropSoon();
    });
    ws.on("close", (code: number, reason: Uint8Array) => this.#onClose(code, plainText(new TextDecoder().decode(reason))));
    // `ws` keeps these two to itself.
    socket.on("error", (error) => { this.#failure ??= streamError(error, remoteAddress); });
    socket.on("drain", () => this.sink?.onDrain?.());
    ws.pause();
  }

  get writableLength(): number {
    return this.#ws.bufferedAmount;
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.send(bytes, BINARY, done);
    else nextTurn(done);
  }

  end(): void {
    this.#ending = true;
    this.#ws.close(CloseCode.normal);
  }

  destroy(): void {
    this.#destroyed = true;
    this.#ws.terminate();
  }

  protected stopSource(): void {
    this.#ws.pause();
  }

  protected startSource(): void {
    this.#ws.resume();
  }

  /** The peer sent what is none of AMQP's: it is told, and dropped when it does not answer. */
  #refuse(): void {
    this.#failure = textMessage(this.remoteAddress);
    this.#ws.close(CloseCode.unsupported, "AMQP is binary");
    this.#dropSoon();
  }

  #dropSoon(): void {
    const timer = setTimeout(() => this.#ws.terminate(), GRACE);
    this.#ws.once("close", () => clearTimeout(timer));
  }

  #onClose(code: number, reason: string): void {
    if (this.#destroyed) this.finish(undefined, false);
    else if (this.#failure !== undefined) this.finish(this.#failure, false);
    // A peer that hangs up instead of answering our close frame has ended all the same.
    else if (code === CloseCode.lost && this.#ending) this.finish(undefined, true);
    else {
      const failure = closeError(this.remoteAddress, code, reason);
      this.finish(failure, failure === undefined);
    }
  }
}

/** What `ws` found wrong with the peer's messages; it has closed with the code that belongs to it. */
function messageError(error: Error & { code?: unknown }, peer: string, maxMessageSize: number): Error {
  if (error.code !== "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") return streamError(error, peer);
  return new LimitError(`${peer} sent a WebSocket message of more than ${maxMessageSize} octets (limits.maxWebSocketMessageSize)`, {
    code: "limit-exceeded", scope: "connection", origin: "remote",
  });
}

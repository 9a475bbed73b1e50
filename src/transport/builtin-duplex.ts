/** The platform's own `WebSocket`, of browsers and of Node 22 and later, as a `ByteDuplex`; and how to open one. */

import { ConnectionError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import { isLoopback } from "./byte-duplex.ts";
import type { ByteDuplex } from "./byte-duplex.ts";
import type { ConnectDuplexOptions, WebSocketSettings } from "./duplex-options.ts";
import { CloseCode, MessageDuplex, closeError, textMessage } from "./message-duplex.ts";
import { nextTurn } from "./next-turn.ts";
import { plainText } from "./plain-text.ts";
import { connectTimeout, placeText, subprotocolError } from "./socket-errors.ts";
import { webSocketUrl } from "./websocket-url.ts";

/** Octets that a WebSocket may hold before it is watched for having let go of them. */
const WATCHED = 64 * 1024;
/** Milliseconds between two looks. */
const LOOK = 4;
/** A program may close with 1000 or a code of its own only; this one stands for 1003. */
const OWN_UNSUPPORTED = 4003;

/** Connects. @throws ConnectionError `connect-failed` or `not-amqp`, TimeoutError `timeout`, or `signal.reason` */
export function connectBuiltin(options: ConnectDuplexOptions, settings: WebSocketSettings): Promise<ByteDuplex> {
  const where = placeText(options);
  return attempt(options, (timeout) => connectTimeout(options, timeout, false), (resolve, reject) => {
    const socket = new WebSocket(webSocketUrl(options, settings), [...settings.protocols]);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      if (settings.protocols.includes(socket.protocol)) {
        resolve(new BuiltinDuplex(socket, options.secure, options.host));
        return;
      }
      socket.close(CloseCode.normal);
      reject(subprotocolError(options, settings.protocols));
    };
    // Why is kept from programs on purpose, so that a page cannot look around in its user's network.
    socket.onerror = () => reject(new ConnectionError(
      `could not open a WebSocket to ${where}: is the broker up, does it speak WebSocket with subprotocol ${settings.protocols.join(" or ")} there, and does it let this origin in? The reason is in the browser's console only`,
      { code: "connect-failed", scope: "connection", origin: "transport", retryable: true },
    ));
    return () => {
      socket.onopen = null;
      socket.onerror = ignore;
      socket.close();
    };
  });
}

class BuiltinDuplex extends MessageDuplex {
  readonly #socket: WebSocket;
  #failure: Error | undefined;
  #looking: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: WebSocket, secure: boolean, host: string) {
    super({ secure, remoteAddress: host, loopback: host === "localhost" || host.endsWith(".localhost") || isLoopback(host), peerCertificate: undefined });
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
      if (this.#failure !== undefined) return;
      if (typeof data === "string") this.#refuse();
      else this.arrive(new Uint8Array(data));
    };
    // What it means is told by the close that follows.
    socket.onerror = ignore;
    socket.onclose = ({ code, reason }) => {
      const failure = this.#failure ?? closeError(host, code, plainText(reason));
      this.#over(failure, failure === undefined);
    };
  }

  get writableLength(): number {
    return this.#socket.bufferedAmount;
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#socket.readyState === WebSocket.OPEN) {
      // The bytes are copied by the call.
      this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
      if (this.#looking === undefined && this.#socket.bufferedAmount > WATCHED) this.#look();
    }
    nextTurn(done);
  }

  end(): void {
    this.#socket.close(CloseCode.normal);
  }

  destroy(): void {
    // There is no way to drop it at once; it is no longer listened to.
    this.#socket.onmessage = null;
    this.#socket.onclose = null;
    this.#socket.close(CloseCode.normal);
    this.#over(undefined, false);
  }

  // A WebSocket of the platform cannot be held up. What comes meanwhile is no more than the AMQP windows allow.
  protected stopSource(): void {}
  protected startSource(): void {}

  #refuse(): void {
    this.#failure = textMessage(this.remoteAddress);
    this.#socket.close(OWN_UNSUPPORTED, "AMQP is binary");
  }

  #over(failure: Error | undefined, ended: boolean): void {
    clearTimeout(this.#looking);
    this.finish(failure, ended);
  }

  /** There is no event for "drained". */
  #look(): void {
    this.#looking = setTimeout(() => {
      this.#looking = undefined;
      if (this.#socket.bufferedAmount > 0) this.#look();
      else this.sink?.onDrain?.();
    }, LOOK);
  }
}

function ignore(): void {
  // Nobody waits for it any more, or somebody else tells it.
}

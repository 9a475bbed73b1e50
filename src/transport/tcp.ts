/** Plain TCP: connecting, and listening for connections. */

import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";

import type { AmqpError } from "../errors.ts";
import { attempt } from "./attempt.ts";
import type { AttemptOptions } from "./attempt.ts";
import type { ByteDuplex, DuplexListener, PeerCertificate } from "./byte-duplex.ts";
import { SocketDuplex } from "./socket-duplex.ts";
import { connectError, connectTimeout, listenError } from "./socket-errors.ts";
import type { Place } from "./socket-errors.ts";

/** Where to connect to and how long to try. */
export interface TcpConnectOptions extends Place, AttemptOptions {}

/** Where to listen, and who gets what comes in. */
export interface TcpListenOptions extends Place {
  onConnection(duplex: ByteDuplex): void;
  /** An accept that failed, or a handshake; the listener goes on. */
  readonly onError?: ((error: AmqpError) => void) | undefined;
  /** Sockets open at once; more are dropped as they come. @default Infinity */
  readonly maxConnections?: number | undefined;
  /** Makes the duplex of a socket that came in. @default a `SocketDuplex` */
  readonly wrap?: WrapSocket | undefined;
}

/** Makes a duplex of a socket that came in, over TLS where `secure`. */
export type WrapSocket = (socket: Socket, secure: boolean, peerCertificate: PeerCertificate | undefined) => ByteDuplex;

/** What a listener makes of its sockets unless it is told otherwise. */
export const wrapSocket: WrapSocket = (socket, secure, peerCertificate) => new SocketDuplex(socket, secure, peerCertificate);

/** Connects. @throws ConnectionError `connect-failed`, TimeoutError `timeout`, or `signal.reason` */
export async function connectTcp(options: TcpConnectOptions): Promise<ByteDuplex> {
  return openTcp(options, (socket) => new SocketDuplex(socket, false));
}

/** Opens a socket and makes something of it in the turn in which it is there. @throws as `connectTcp` */
export function openTcp<T>(options: TcpConnectOptions, make: (socket: Socket) => T): Promise<T> {
  return attempt(options, (timeout) => connectTimeout(options, timeout, false), (resolve, reject) =>
    dial(options, (socket) => resolve(make(socket)), reject));
}

/** Listens. @throws ConnectionError `listen-failed` */
export function listenTcp(options: TcpListenOptions): Promise<DuplexListener> {
  const wrap = options.wrap ?? wrapSocket;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => options.onConnection(wrap(socket, false, undefined)));
  return serve(server, options);
}

/** Opens a socket, for TCP itself and for TLS over it. Answers how to give it up. */
export function dial(place: Place, onConnect: (socket: Socket) => void, onError: (error: AmqpError) => void): () => void {
  const socket = connect({ host: place.host, port: place.port, allowHalfOpen: true, noDelay: true });
  const fail = (error: Error): void => onError(connectError(error, place));
  socket.once("error", fail);
  socket.once("connect", () => {
    socket.off("error", fail);
    onConnect(socket);
  });
  return () => socket.destroy();
}

/** Makes a server listen and close in good order, for TCP itself and for TLS over it. */
export function serve(server: Server, options: TcpListenOptions): Promise<DuplexListener> {
  const sockets = new OpenSockets();
  if (options.maxConnections !== undefined && options.maxConnections !== Infinity) server.maxConnections = options.maxConnections;
  // Over TLS the socket below comes first, and is replaced by the one that users have when the handshake is done.
  server.on("connection", (socket: Socket) => sockets.add(socket));
  server.on("secureConnection", (socket: Socket) => sockets.add(socket));
  return new Promise((resolve, reject) => {
    const refused = (error: Error): void => reject(listenError(error, options));
    server.once("error", refused);
    server.listen({ host: options.host, port: options.port }, () => {
      server.off("error", refused);
      server.on("error", (error) => options.onError?.(listenError(error, options)));
      const address = server.address();
      const bound = typeof address === "object" && address !== null ? { host: address.address, port: address.port } : options;
      let closing: Promise<void> | undefined;
      resolve({ host: bound.host, port: bound.port, close: () => (closing ??= closeServer(server, sockets)) });
    });
  });
}

// Octets that are still on their way out of an ended socket, a last close frame perhaps, would be lost by destroying it.
const GRACE = 1_000;

async function closeServer(server: Server, sockets: OpenSockets): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const timer = setTimeout(() => sockets.destroy(() => true), GRACE);
  sockets.destroy((socket) => !socket.writableEnded);
  await Promise.all([closed, sockets.gone()]);
  clearTimeout(timer);
}

/** What a server has accepted and is not closed yet, one socket for each peer's address and port. */
class OpenSockets {
  readonly #sockets = new Map<string, Socket>();
  #onGone: (() => void) | undefined;

  add(socket: Socket): void {
    const key = `${socket.remoteAddress} ${socket.remotePort}`;
    this.#sockets.set(key, socket);
    socket.once("close", () => {
      if (this.#sockets.get(key) === socket) this.#sockets.delete(key);
      if (this.#sockets.size === 0) this.#onGone?.();
    });
  }

  destroy(which: (socket: Socket) => boolean): void {
    for (const socket of this.#sockets.values()) if (which(socket)) socket.destroy();
  }

  gone(): Promise<void> {
    return new Promise((resolve) => {
      this.#onGone = resolve;
      if (this.#sockets.size === 0) resolve();
    });
  }
}

/** `#transport` for Node: TCP, TLS, and WebSocket over either. */

import type { ByteDuplex, DuplexListener } from "./byte-duplex.ts";
import type { ConnectDuplexOptions, ListenDuplexOptions } from "./duplex-options.ts";
import { FrontDoor } from "./front-door.ts";
import { connectTcp, listenTcp } from "./tcp.ts";
import { connectTls, listenTls } from "./tls.ts";
import { TlsSessions } from "./tls-sessions.ts";
import { connectWebSocket } from "./websocket.ts";

/** Connects. @throws ConnectionError `connect-failed`, TlsError `tls-failed`, ConfigError `config`, TimeoutError `timeout`, or `signal.reason` */
export function connectDuplex(options: ConnectDuplexOptions): Promise<ByteDuplex> {
  if (options.webSocket !== undefined) return connectWebSocket(options, options.webSocket);
  return options.secure ? connectTls(options) : connectTcp(options);
}

/** Where the TLS sessions of one connection are kept from socket to socket. */
export function keepTlsSessions(): TlsSessions | undefined {
  return new TlsSessions();
}

/** Listens. @throws ConnectionError `listen-failed`, ConfigError `config` */
export async function listenDuplex(options: ListenDuplexOptions): Promise<DuplexListener> {
  const { tls, webSocket } = options;
  const door = webSocket === undefined ? undefined : await FrontDoor.open(webSocket);
  const place = door === undefined ? options : { ...options, wrap: door.wrap };
  return tls === undefined ? listenTcp(place) : listenTls({ ...place, tls });
}

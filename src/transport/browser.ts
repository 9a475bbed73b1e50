/** `#transport` for browsers: connections by the built-in WebSocket, and nothing else, since there are no sockets. */

import { ConfigError } from "../errors.ts";
import { connectBuiltin } from "./builtin-duplex.ts";
import type { ByteDuplex, DuplexListener } from "./byte-duplex.ts";
import type { ConnectDuplexOptions, ListenDuplexOptions } from "./duplex-options.ts";
import type { TlsSessions } from "./tls-sessions.ts";

/** Connects. @throws ConnectionError `connect-failed`, ConfigError `config`, TimeoutError `timeout`, or `signal.reason` */
export async function connectDuplex(options: ConnectDuplexOptions): Promise<ByteDuplex> {
  if (options.webSocket !== undefined) return connectBuiltin(options, options.webSocket);
  throw noSockets("connect to an amqp:// or amqps:// url: give a ws:// or wss:// url");
}

/** None: TLS is the browser's own. */
export function keepTlsSessions(): TlsSessions | undefined {
  return undefined;
}

/** Listens. @throws ConfigError `config`, always */
export async function listenDuplex(_options: ListenDuplexOptions): Promise<DuplexListener> {
  throw noSockets("listen");
}

function noSockets(what: string): ConfigError {
  return new ConfigError(`a browser cannot ${what}, or give option "transport"`, { code: "config", scope: "connection" });
}

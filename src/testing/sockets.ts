/** TCP for scripted peers: the transport's own duplexes, with the means to reset a connection beside them. */

import { createServer } from "node:net";
import type { Socket } from "node:net";
import { attempt } from "../transport/attempt.ts";
import type { ByteDuplex, DuplexListener } from "../transport/byte-duplex.ts";
import { SocketDuplex } from "../transport/socket-duplex.ts";
import { connectTimeout } from "../transport/socket-errors.ts";
import { dial, serve } from "../transport/tcp.ts";
import { resetNow } from "./reset.ts";

/** A connection and how to break it off with a TCP reset, which no library should do and every peer may. */
export interface Wire {
  readonly duplex: ByteDuplex;
  reset(): void;
}

/** Listens on 127.0.0.1. */
export function listenWires(port: number, onWire: (wire: Wire) => void): Promise<DuplexListener> {
  const place = { host: "127.0.0.1", port };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => onWire(wireOf(socket)));
  return serve(server, { ...place, onConnection: () => {} });
}

/** Connects, within `timeout` ms. */
export function connectWire(host: string, port: number, timeout: number): Promise<Wire> {
  const place = { host, port };
  return attempt({ timeout }, (waited) => connectTimeout(place, waited, false), (resolve, reject) =>
    dial(place, (socket) => resolve(wireOf(socket)), reject));
}

function wireOf(socket: Socket): Wire {
  return { duplex: new SocketDuplex(socket, false), reset: () => resetNow(socket) };
}

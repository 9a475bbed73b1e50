/** The url that a WebSocket is opened with: never with a user or password in it, which AMQP's own authentication gets. */

import type { WebSocketSettings } from "./duplex-options.ts";
import type { Place } from "./socket-errors.ts";
import { placeText } from "./socket-errors.ts";

/** The url of a place; the zone of an IPv6 address means something to this machine only and is left out. */
export function webSocketUrl({ host, port, secure }: Place & { readonly secure: boolean }, { path }: WebSocketSettings): string {
  return `${secure ? "wss" : "ws"}://${placeText({ host: host.replace(/%.*$/, ""), port })}${path}`;
}

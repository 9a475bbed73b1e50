/** Handlers that come and go while an endpoint lives, for adapters that hand events on. */

import type { Connection, Container, Receiver, Sender } from "../client/api.ts";
import { ClientConnection } from "../client/connection.ts";
import { ClientLink } from "../client/link.ts";
import { ConfigError } from "../errors.ts";
import { ContainerCore } from "./container.ts";

/** How to add a handler to those of an endpoint or a container, which answers how to remove it. @throws ConfigError config */
export function observe(target: Container | Connection | Sender | Receiver): (handler: object) => () => void {
  const place: unknown = target;
  if (place instanceof ContainerCore || place instanceof ClientConnection || place instanceof ClientLink) return (handler) => place.handle(handler);
  throw new ConfigError("there are events of a container, a connection, a sender or a receiver of this library", { code: "config", scope: "container" });
}

/** The container and `connect()` of the application door: those of the room container/, with handlers. */

import type { ConnectOptions, Connection, Container as ContainerApi, ContainerOptions } from "../client/api.ts";
import type { Opening } from "../client/shapes.ts";
import { connectAlone, ContainerCore } from "../container/container.ts";
import { Router } from "./router.ts";

class HandlingContainer extends ContainerCore {
  constructor(options?: ContainerOptions) {
    super(options, (container, handlers, onError) => new Router(container, handlers, onError));
  }
}

/** A container (api.md). */
export type Container = ContainerApi;

/** A container (api.md). */
export const Container: {
  /** @throws ConfigError config */
  new (options?: ContainerOptions): Container;
  readonly prototype: Container;
} = HandlingContainer;

/** Connects on a container of its own, which is closed with the connection. @throws ConfigError config */
export function connect(url?: string | readonly string[] | ConnectOptions, options?: ConnectOptions): Opening<Connection> {
  return connectAlone(new HandlingContainer(), url, options);
}

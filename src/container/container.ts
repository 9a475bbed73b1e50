/** The container: it makes connections in both directions, with its identity and its defaults. */

import type {
  Connection, Container as ContainerApi, ListenOptions, Listener, Opening, Receiver, ReceiverOptions, Sender, SenderOptions, Session,
} from "../client/api.ts";
import { ClientConnection } from "../client/connection.ts";
import { checkOpen, unfitClose } from "../client/encodable.ts";
import { freshId } from "../client/ids.ts";
import type { Profile } from "../client/profile.ts";
import { opening } from "../client/waiting.ts";
import type { AmqpError } from "../errors.ts";
import { ConfigError, ConnectionError } from "../errors.ts";
import type { CloseOptions } from "../options/call.ts";
import type { ConnectOptions } from "../options/connect.ts";
import type { ContainerOptions } from "../options/container.ts";
import type { Clock } from "../options/environment.ts";
import type { ResolvedConnect } from "../options/resolve-connect.ts";
import { resolveConnectOptions } from "../options/resolve-connect.ts";
import { checkContainerOptions } from "../options/resolve.ts";
import { resolveListenOptions } from "../options/resolve-listen.ts";
import type { SourceInit, TargetInit } from "../options/terminus.ts";
import { checkAllowed } from "../sasl/choose.ts";
import { systemClock } from "./clock.ts";
import { connectAny } from "./connecting.ts";
import { startListener } from "./listener.ts";
import { warnOnce } from "./warnings.ts";

/** A container (api.md). */
export type Container = ContainerApi;

class ContainerCore implements ContainerApi {
  readonly id: string;
  readonly #options: ContainerOptions;
  readonly #clock: Clock;
  readonly #onError: (error: AmqpError) => void;
  readonly #connections = new Set<ClientConnection>();
  readonly #listeners = new Set<Listener>();
  #closed = false;

  constructor(options?: ContainerOptions) {
    this.#options = checkContainerOptions(options);
    this.id = this.#options.id ?? freshId();
    this.#clock = this.#options.clock ?? systemClock;
    this.#onError = guarded(this.#options.onError ?? warnOnce());
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  connect(url?: string | readonly string[] | ConnectOptions, options?: ConnectOptions): Opening<Connection> {
    this.#mustLive();
    const resolved = resolveConnectOptions(url, options, this.#options);
    checkAllowed(resolved.allowedMechs, [...resolved.mechanisms.keys()]);
    const connection = this.#add(new ClientConnection(this, this.#clientProfile(resolved)));
    return opening(connection as Connection, connectAny(connection, resolved, this.#clock).then(() => connection));
  }

  createSender<Body = unknown>(
    context: Connection | Session | string, target?: string | TargetInit | null, options?: SenderOptions<Body>,
  ): Opening<Sender<Body>> {
    return this.#on("createSender()", context, (place) => place.createSender<Body>(target, options));
  }

  createReceiver<Body = unknown>(
    context: Connection | Session | string, source?: string | SourceInit | null, options?: ReceiverOptions<Body>,
  ): Opening<Receiver<Body>> {
    return this.#on("createReceiver()", context, (place) => place.createReceiver<Body>(source, options));
  }

  async listen(url: string | ListenOptions, options?: ListenOptions): Promise<Listener> {
    this.#mustLive();
    const resolved = resolveListenOptions(url, options, this.#options);
    const authorize = options?.authorize ?? (typeof url === "object" ? url.authorize : undefined);
    const profile: Profile = {
      ...this.#profileBase(), side: "server", containerId: this.id, hostname: undefined, address: undefined,
      maxFrameSize: resolved.maxFrameSize, channelMax: resolved.channelMax, idleTimeout: resolved.idleTimeout,
      offeredCapabilities: resolved.offeredCapabilities, desiredCapabilities: [], properties: resolved.properties,
      limits: resolved.limits, timeouts: resolved.timeouts, int64: resolved.int64, typed: resolved.typed,
    };
    checkOpen(profile);
    const listener = await startListener(resolved, authorize, () => this.#add(new ClientConnection(this, profile)), profile);
    this.#listeners.add(listener);
    return listener;
  }

  async close(options?: CloseOptions): Promise<void> {
    const unfit = unfitClose(options, "close()");
    if (unfit !== undefined) throw unfit;
    this.#closed = true;
    const open = [...this.#listeners, ...this.#connections];
    this.#listeners.clear();
    await Promise.all(open.map((each) => each.close(options)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(connection: ClientConnection): ClientConnection {
    this.#connections.add(connection);
    connection.onOver = () => this.#connections.delete(connection);
    return connection;
  }

  /** A link on what there is, or on a connection of its own that closes with it. */
  #on<L extends { readonly closed: Promise<unknown> }>(where: string, context: Connection | Session | string, make: (place: Connection | Session) => Opening<L>): Opening<L> {
    if (typeof context !== "string") {
      if (typeof (context as Partial<Connection> | null | undefined)?.createSender === "function") return make(context);
      throw new ConfigError(`${where}: the context must be a connection, a session or a url`, { code: "config", scope: "container" });
    }
    const connecting = this.connect(context);
    const connection = connecting.endpoint;
    let made: Opening<L>;
    try {
      made = make(connection);
    } catch (error) {
      connecting.catch(() => undefined);
      void connection.close();
      throw error;
    }
    void made.endpoint.closed.then(() => connection.close().catch(() => undefined));
    // Why there is no connection says more than that the link was lost with it.
    return opening(made.endpoint, connecting.then(() => made, (error: unknown) => { made.catch(() => undefined); throw error; }));
  }

  #clientProfile(resolved: ResolvedConnect): Profile {
    const first = resolved.urls[0];
    return {
      ...this.#profileBase(), side: "client", containerId: resolved.containerId ?? this.id,
      hostname: resolved.virtualHost ?? first?.host, address: resolved.address ?? first?.address,
      maxFrameSize: resolved.maxFrameSize, channelMax: resolved.channelMax, idleTimeout: resolved.idleTimeout,
      offeredCapabilities: resolved.offeredCapabilities, desiredCapabilities: resolved.desiredCapabilities, properties: resolved.properties,
      limits: resolved.limits, timeouts: resolved.timeouts, int64: resolved.int64, typed: resolved.typed,
    };
  }

  #profileBase(): Pick<Profile, "clock" | "logger" | "onError" | "defaults"> {
    const { session, sender, receiver, logger } = this.#options;
    return { clock: this.#clock, logger, onError: this.#onError, defaults: { session, sender, receiver } };
  }

  #mustLive(): void {
    if (!this.#closed) return;
    throw new ConfigError("the container is closed", { code: "invalid-state", scope: "container" });
  }
}

/** A container (api.md). */
export const Container: {
  /** @throws ConfigError config */
  new (options?: ContainerOptions): Container;
  readonly prototype: Container;
} = ContainerCore;

/** Connects on a container of its own, which is closed with the connection. @throws ConfigError config */
export function connect(url?: string | readonly string[] | ConnectOptions, options?: ConnectOptions): Opening<Connection> {
  const container = new ContainerCore();
  const connecting = container.connect(url, options);
  void connecting.endpoint.closed.then(() => container.close());
  return connecting;
}

/** A function of the user's that may throw: that must not come back into the library. */
function guarded(onError: (error: AmqpError) => void): (error: AmqpError) => void {
  return (error) => {
    try {
      onError(error);
    } catch (thrown) {
      const text = thrown instanceof Error ? thrown.message : String(thrown);
      warnOnce()(new ConnectionError(`onError itself failed: ${text}`, { code: "handler-failed", scope: "container", cause: thrown }));
    }
  };
}

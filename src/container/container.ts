/** The container: it makes connections in both directions, with its identity and its defaults. */

import type {
  ConnectOptions, Connection, Container as ContainerApi, ContainerOptions, Handler, Handlers, ListenOptions, Listener, Receiver, ReceiverOptions,
  Sender, SenderOptions, Session, Transaction, TransactionOptions,
} from "../client/api.ts";
import type { Opening, ScheduledTask } from "../client/shapes.ts";
import { ClientConnection } from "../client/connection.ts";
import { checkOpen, unfitClose } from "../client/encodable.ts";
import type { EventRouter } from "../client/events.ts";
import { freshId } from "../client/ids.ts";
import type { Profile } from "../client/profile.ts";
import { ClientSession } from "../client/session.ts";
import { opening } from "../client/waiting.ts";
import type { AmqpError } from "../errors.ts";
import { ConfigError, ConnectionError } from "../errors.ts";
import type { CallOptions, CloseOptions } from "../options/call.ts";
import type { Clock } from "../options/environment.ts";
import { DEFAULT_KEEP_SETTLED } from "../options/limits.ts";
import type { ResolvedConnect } from "../options/resolve-connect.ts";
import { resolveConnectOptions } from "../options/resolve-connect.ts";
import { checkContainerOptions } from "../options/resolve.ts";
import { resolveListenOptions } from "../options/resolve-listen.ts";
import type { SourceInit, TargetInit } from "../options/terminus.ts";
import { checkAllowed } from "../sasl/choose.ts";
import { SlabPool } from "../util/slab.ts";
import { allocate } from "#platform";
import { keepTlsSessions } from "#transport";
import { systemClock } from "./clock.ts";
import { connectAny } from "./connecting.ts";
import { followLinks } from "./link-redirects.ts";
import { startListener } from "./listener.ts";
import { NEVER, Reconnecting } from "./reconnecting.ts";
import { Running } from "./running.ts";
import { SuspendedTermini } from "./suspended-termini.ts";
import { warnOnce } from "./warnings.ts";

/** A container (api.md). */
export type Container = ContainerApi;

/** Makes the events of a container that knows handlers. */
export type RouterFactory = (container: ContainerApi, handlers: Handlers | undefined, onError: (error: AmqpError) => void) => EventRouter;

export class ContainerCore implements ContainerApi {
  readonly id: string;
  /** Where handlers come in; undefined where none are known. */
  readonly events: EventRouter | undefined;
  readonly #options: ContainerOptions;
  readonly clock: Clock;
  readonly #onError: (error: AmqpError) => void;
  readonly #connections = new Set<ClientConnection>();
  readonly #listeners = new Set<Listener>();
  /** Of all its connections together: one that rests holds nothing back from the others. */
  readonly #slabs = new SlabPool(allocate);
  readonly #termini: SuspendedTermini;
  readonly #running: Running;
  /** Listeners that are about to be. */
  #starting = 0;
  #closed = false;

  constructor(options?: ContainerOptions, router?: RouterFactory) {
    this.#options = checkContainerOptions(options) as ContainerOptions;
    this.id = this.#options.id ?? freshId();
    this.clock = this.#options.clock ?? systemClock;
    this.#onError = guarded(this.#options.onError ?? warnOnce());
    this.events = router?.(this, options?.handlers, this.#onError);
    this.#running = new Running(this);
    this.#termini = new SuspendedTermini(this.clock, this.#slabs);
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Whether there is anything that `run()` waits for besides tasks and callbacks. */
  get active(): boolean {
    return this.#connections.size !== 0 || this.#listeners.size !== 0 || this.#starting !== 0;
  }

  connect(url?: string | readonly string[] | ConnectOptions, options?: ConnectOptions): Opening<Connection> {
    this.#mustLive();
    const resolved = resolveConnectOptions(url, options, this.#options);
    checkAllowed(resolved.allowedMechs, [...resolved.mechanisms.keys()]);
    const connection = this.#add(new ClientConnection(this, this.#clientProfile(resolved), resolved.handler));
    const connected = this.#begin(connection, resolved);
    return opening(connection as Connection, connected.then(() => connection), connection.events);
  }

  /** Begins to connect, to what the peer sends us to as well where that is allowed. */
  #begin(connection: ClientConnection, resolved: ResolvedConnect, elsewhere: boolean = false): Promise<void> {
    const { reconnect, redirects } = resolved;
    // Without reconnecting there are no further attempts but where the peer sends us.
    const rules = reconnect ?? (redirects && NEVER);
    const reconnecting = rules && new Reconnecting(connection, resolved, rules, this.clock, Math.random);
    connection.reconnection = reconnecting;
    if (redirects !== undefined && reconnecting !== undefined && !elsewhere) {
      followLinks(connection, () => reconnecting.redirects.here, this.clock, ({ url, options }) => {
        const further = { ...options, urls: [url] };
        // Its program knows of the connection that it has made: handlers hear of the links of this one, and not of itself.
        const there = this.#add(new ClientConnection(this, { ...this.#clientProfile(further), events: undefined }));
        return { connection: there, connected: this.#begin(there, further, true) };
      });
    }
    return connectAny(connection, resolved, this.clock, reconnecting, () => this.#running.on);
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

  declareTransaction(context: Connection | Session, handler?: Handlers, options?: TransactionOptions): Opening<Transaction> {
    this.#mustLive();
    if (handler !== undefined && (typeof handler !== "object" || handler === null)) {
      throw new ConfigError("declareTransaction(): the handler must be an object with on_transaction_... functions", { code: "config", scope: "container" });
    }
    if (context instanceof ClientConnection) return context.declareTransaction(handler, options);
    if (!(context instanceof ClientSession)) {
      throw new ConfigError("declareTransaction(): the context must be a connection or a session", { code: "config", scope: "container" });
    }
    if (options?.session !== undefined && options.session !== context) {
      throw new ConfigError('declareTransaction(): the context is a session, and option "session" is another one', { code: "config", scope: "container" });
    }
    return (context.connection as ClientConnection).declareTransaction(handler, { ...options, session: context });
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
    this.#starting += 1;
    try {
      const listener = await startListener(resolved, authorize, () => this.#add(new ClientConnection(this, profile, resolved.handler)), profile, this.#termini, () => {
        this.#listeners.delete(listener);
        this.#running.look();
      });
      this.#listeners.add(listener);
      return listener;
    } finally {
      this.#starting -= 1;
      this.#running.look();
    }
  }

  schedule(delay: number, task: (() => unknown) | Handler): ScheduledTask {
    this.#mustLive();
    return this.#running.schedule(delay, task);
  }

  inject(name: string, payload?: unknown): void {
    if (typeof name !== "string" || name === "") {
      throw new ConfigError("inject(): the name must be a text: that of the callback without its on_", { code: "config", scope: "container" });
    }
    this.events?.inject(name, payload);
  }

  async run(options?: CallOptions): Promise<void> {
    this.#mustLive();
    await this.#running.run(options);
  }

  stop(): void {
    this.#running.stop();
  }

  async shut(): Promise<unknown> {
    const open = [...this.#listeners, ...this.#connections];
    return Promise.allSettled(open.map((each) => each.close()));
  }

  /** Adds a handler of the container; answers how to remove it. */
  handle(handler: object): () => void {
    const remove = this.events?.add(handler);
    const inherit = (): void => {
      for (const connection of this.#connections) connection.inherit(this.events?.root);
    };
    inherit();
    return () => {
      remove?.();
      inherit();
    };
  }

  async close(options?: CloseOptions): Promise<void> {
    const unfit = unfitClose(options, "close()");
    if (unfit !== undefined) throw unfit;
    this.#closed = true;
    this.#running.cancel();
    const open = [...this.#listeners, ...this.#connections];
    await Promise.all(open.map((each) => each.close(options)));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #add(connection: ClientConnection): ClientConnection {
    this.#connections.add(connection);
    connection.onOver = () => {
      this.#connections.delete(connection);
      this.#running.look();
    };
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
    const { events } = connection as ClientConnection;
    return opening(made.endpoint, connecting.then(() => made, (error: unknown) => { made.catch(() => undefined); throw error; }), events);
  }

  #clientProfile(resolved: ResolvedConnect): Profile {
    const first = resolved.urls[0];
    return {
      ...this.#profileBase(), side: "client", tlsSessions: keepTlsSessions(), containerId: resolved.containerId ?? this.id, ...(resolved.containerId === undefined ? {} : { named: true }),
      hostname: resolved.virtualHost ?? first?.host, address: resolved.address ?? first?.address,
      maxFrameSize: resolved.maxFrameSize, channelMax: resolved.channelMax, idleTimeout: resolved.idleTimeout,
      offeredCapabilities: resolved.offeredCapabilities, desiredCapabilities: resolved.desiredCapabilities, properties: resolved.properties,
      limits: resolved.limits, timeouts: resolved.timeouts, int64: resolved.int64, typed: resolved.typed,
    };
  }

  #profileBase(): Pick<Profile, "slabs" | "clock" | "logger" | "onError" | "events" | "store" | "keepSettled" | "named" | "defaults"> {
    const { id, store, keepSettled = DEFAULT_KEEP_SETTLED, session, sender, receiver, logger } = this.#options;
    return { slabs: this.#slabs, clock: this.clock, logger, events: this.events, onError: this.#onError, store, keepSettled, named: id !== undefined, defaults: { session, sender, receiver } };
  }

  #mustLive(): void {
    if (!this.#closed) return;
    throw new ConfigError("the container is closed", { code: "invalid-state", scope: "container" });
  }
}

/** A container that knows no handlers, for what is built on the public shapes alone; programs get that of handlers/. */
export const Container: {
  /** @throws ConfigError config */
  new (options?: Omit<ContainerOptions, "handlers">): Container;
  readonly prototype: Container;
} = ContainerCore;

/** Connects on a container that is closed with the connection. @throws ConfigError config */
export function connectAlone(container: ContainerApi, url?: string | readonly string[] | ConnectOptions, options?: ConnectOptions): Opening<Connection> {
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

/** The listening side: a place where connections come in, and what becomes of the links that they attach. */

import type { Connection, LinkRequest, ListenOptions, Listener } from "../client/api.ts";
import type { ClientConnection } from "../client/connection.ts";
import { Feed } from "../client/feed.ts";
import type { IncomingLink } from "../client/link-request.ts";
import { unfitClose } from "../client/encodable.ts";
import { asRequest } from "../client/link-request.ts";
import type { Profile } from "../client/profile.ts";
import { AmqpError } from "../errors.ts";
import type { CloseOptions } from "../options/call.ts";
import { checkNames } from "../options/check.ts";
import type { ResolvedListen } from "../options/resolve-listen.ts";
import { hostPort } from "../options/url.ts";
import { ServerNegotiation } from "../sasl/server-negotiation.ts";
import type { ByteDuplex } from "../transport/byte-duplex.ts";
import { streamDuplex } from "../transport/streams.ts";
import { Admission } from "./admission.ts";
import type { SuspendedTermini } from "./suspended-termini.ts";
import { WaitingRoom } from "./waiting-room.ts";
import { listenDuplex } from "#transport";

/** How many wait for a handshake, for each one that is under way at the most. */
const WAITING = 10;

/** Options of `serve()`. */
const SERVE_NAMES: ReadonlySet<string> = new Set(["signal"]);

/** Listens. @throws ConnectionError listen-failed, ConfigError config */
export async function startListener(
  options: ResolvedListen, authorize: ListenOptions["authorize"], create: () => ClientConnection, profile: Profile,
  termini: SuspendedTermini, onClosed: () => void,
): Promise<Listener> {
  const listener = new ContainerListener(options, authorize, create, profile, termini, onClosed);
  await listener.start();
  return listener;
}

class ContainerListener implements Listener {
  readonly #options: ResolvedListen;
  readonly #authorize: ListenOptions["authorize"];
  readonly #create: () => ClientConnection;
  readonly #profile: Profile;
  readonly #admission: Admission;
  readonly #onClosed: () => void;
  readonly #connections = new Set<ClientConnection>();
  readonly #opened = new Feed<Connection>();
  readonly #links = new Feed<LinkRequest>();
  readonly #handlers = new Set<(request: LinkRequest) => void>();
  readonly #servers: (() => void)[] = [];
  readonly #termini: SuspendedTermini;
  readonly #perAddress = new Map<string, number>();
  readonly #waiting: WaitingRoom;
  #handshakes = 0;
  #readsConnections = false;
  #readsLinks = false;
  #bound: { readonly host: string; readonly port: number; close(): Promise<void> } | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  constructor(
    options: ResolvedListen, authorize: ListenOptions["authorize"], create: () => ClientConnection, profile: Profile, termini: SuspendedTermini, onClosed: () => void,
  ) {
    this.#onClosed = onClosed;
    this.#termini = termini;
    this.#options = options;
    this.#authorize = authorize;
    this.#create = create;
    this.#profile = profile;
    this.#admission = new Admission(options, profile.onError);
    this.#waiting = new WaitingRoom(profile.clock, options.limits.maxHandshakes * WAITING, (duplex) => {
      this.#leave(duplex.remoteAddress);
      drop(duplex);
    });
  }

  async start(): Promise<void> {
    const { host, port, secure, tls, transport, timeouts, limits, webSocket, maxFrameSize } = this.#options;
    if (transport !== undefined) {
      this.#bound = { host, port, close: () => Promise.resolve() };
      this.#admit(streamDuplex(transport));
      return;
    }
    this.#bound = await listenDuplex({
      host, port, maxConnections: limits.maxConnections,
      onConnection: (duplex: ByteDuplex) => this.#admit(duplex), onError: (error: AmqpError) => this.#profile.onError(error),
      tls: secure ? tls.reveal() : undefined, handshakeTimeout: timeouts.tls,
      webSocket: webSocket === undefined ? undefined : { ...webSocket, maxMessageSize: Math.max(limits.maxWebSocketMessageSize, maxFrameSize) },
    });
  }

  get url(): string {
    const only = this.#options.webSocket?.only === true ? this.webSocketUrl : undefined;
    return only ?? `${this.#options.secure ? "amqps" : "amqp"}://${hostPort(this.#options.host, this.port)}`;
  }

  get webSocketUrl(): string | undefined {
    const { webSocket, secure, host } = this.#options;
    return webSocket && `${secure ? "wss" : "ws"}://${hostPort(host, this.port)}${webSocket.path ?? "/"}`;
  }

  get port(): number {
    return this.#bound?.port ?? this.#options.port;
  }

  [Symbol.asyncIterator](): AsyncIterator<Connection> {
    this.#readsConnections = true;
    return this.#opened[Symbol.asyncIterator]();
  }

  links(): AsyncIterable<LinkRequest> {
    return {
      [Symbol.asyncIterator]: () => {
        this.#readsLinks = true;
        this.#collect();
        return this.#links[Symbol.asyncIterator]();
      },
    };
  }

  serve(handler: (request: LinkRequest) => unknown, options?: { signal?: AbortSignal | undefined }): Promise<void> {
    if (options !== undefined) checkNames(options, SERVE_NAMES, "serve()");
    const signal = options?.signal;
    if (this.#closing !== undefined || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const handle = (request: LinkRequest): void => void this.#call(handler, request);
      const end = (): void => {
        signal?.removeEventListener("abort", end);
        this.#handlers.delete(handle);
        resolve();
      };
      this.#handlers.add(handle);
      this.#servers.push(end);
      signal?.addEventListener("abort", end, { once: true });
      this.#collect();
    });
  }

  close(options?: CloseOptions): Promise<void> {
    const unfit = unfitClose(options, "close()");
    if (unfit !== undefined) return Promise.reject(unfit);
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    this.#waiting.close();
    const error = options?.error ?? { condition: "amqp:connection:forced", description: "the listener is closing" };
    this.#termini.close(this);
    // First the connections, each with its last word: the transport drops what is open when it closes. New ones are turned away.
    await Promise.all([...this.#connections].map((connection) => connection.close({ ...options, error }).catch(() => undefined)));
    for (const connection of this.#connections) connection.driver?.destroy();
    await this.#bound?.close();
    this.#opened.end();
    this.#links.end();
    for (const end of this.#servers.splice(0)) end();
    this.#onClosed();
  }

  // ---------------------------------------------------------------- connections

  #admit(duplex: ByteDuplex): void {
    const address = duplex.remoteAddress;
    const { limits } = this.#options;
    const here = this.#perAddress.get(address) ?? 0;
    if (this.#closing !== undefined || (!duplex.loopback && here >= limits.maxConnectionsPerAddress)) {
      drop(duplex);
      return;
    }
    this.#perAddress.set(address, here + 1);
    if (this.#handshakes < limits.maxHandshakes) {
      this.#begin(duplex);
    } else if (!this.#waiting.enter(duplex)) {
      this.#leave(address);
      drop(duplex);
    }
  }

  #leave(address: string): void {
    const left = (this.#perAddress.get(address) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, left);
  }

  #begin(duplex: ByteDuplex): void {
    this.#handshakes += 1;
    const connection = this.#create();
    this.#connections.add(connection);
    const forget = connection.onOver;
    connection.onOver = () => {
      forget?.();
      this.#connections.delete(connection);
      this.#opened.withdraw(connection);
      this.#leave(duplex.remoteAddress);
    };
    connection.onRequest = (request) => {
      this.#termini.claim(request, this, this.#options.limits);
      return this.#requested(request);
    };
    void this.#run(connection, duplex);
  }

  async #run(connection: ClientConnection, duplex: ByteDuplex): Promise<void> {
    const mechanisms = this.#admission.mechanisms(duplex);
    try {
      await connection.run({
        duplex, url: this.url, sasl: new ServerNegotiation(mechanisms, this.#options.limits.maxSaslRounds), saslOptional: mechanisms.has("ANONYMOUS"), answer: (need) => this.#admission.answer(need, duplex),
      });
      if (this.#readsConnections || this.#handlers.size === 0) this.#opened.push(connection);
    } catch (error) {
      // What a callback has closed before it was open is no news.
      if (!connection.ending) this.#profile.onError(error as AmqpError);
      connection.fail(error as AmqpError);
    } finally {
      this.#handshakes -= 1;
      const next = this.#closing === undefined ? this.#waiting.next() : undefined;
      if (next !== undefined) this.#begin(next);
    }
  }

  // ---------------------------------------------------------------- links

  /** Whether the listener takes the request; otherwise it waits for the connection's own `incoming()`. */
  #requested(request: IncomingLink): boolean {
    if (this.#authorize !== undefined) {
      void this.#ask(this.#authorize, request);
      return true;
    }
    return this.#offer(asRequest(request));
  }

  #offer(request: LinkRequest): boolean {
    if (this.#handlers.size !== 0) {
      for (const handle of this.#handlers) {
        handle(request);
        break;
      }
      return true;
    }
    if (!this.#readsLinks) return false;
    this.#links.push(request);
    return true;
  }

  async #ask(authorize: NonNullable<ListenOptions["authorize"]>, request: IncomingLink): Promise<void> {
    const asked = asRequest(request);
    let verdict: Awaited<ReturnType<typeof authorize>>;
    try {
      verdict = await authorize(asked);
    } catch (error) {
      this.#profile.onError(failed("authorize", error));
      verdict = { condition: "amqp:internal-error", description: "the check of this link failed" };
    }
    if (!request.open) return;
    if (verdict === true) {
      if (!this.#offer(asked)) (request.connection as ClientConnection).offer(asked);
      return;
    }
    await request.refuse(verdict === false ? { condition: "amqp:unauthorized-access", description: "not allowed for this link" } : verdict);
  }

  async #call(handler: (request: LinkRequest) => unknown, request: LinkRequest): Promise<void> {
    const incoming = request as unknown as IncomingLink;
    try {
      await handler(request);
    } catch (error) {
      this.#profile.onError(failed("serve", error));
      const condition = { condition: "amqp:internal-error", description: error instanceof Error ? error.message : String(error) };
      if (incoming.open) await request.refuse(condition).catch(() => undefined);
      else await incoming.link?.close({ error: condition }).catch(() => undefined);
    }
  }

  /** What came before anybody asked is taken now. */
  #collect(): void {
    for (const connection of this.#connections) {
      for (const request of connection.takeRequests()) this.#offer(request);
    }
  }
}

function drop(duplex: ByteDuplex): void {
  duplex.start(DEAF);
  duplex.destroy();
}

/** A socket that is dropped at once. */
const DEAF = {
  onData: () => undefined,
  onEnd: () => undefined,
  onClose: () => undefined,
};

function failed(what: string, error: unknown): AmqpError {
  return new AmqpError(`a function given to ${what}() failed: ${error instanceof Error ? error.message : String(error)}`, {
    code: "handler-failed", scope: "container", cause: error,
  });
}

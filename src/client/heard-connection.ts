/** What every connection shows of its peer, what its container makes of it, and how its handlers are told. */

import type { AmqpError, RedirectError } from "../errors.ts";
import type { Open } from "../frames/performatives.ts";
import type { CloseOptions } from "../options/call.ts";
import type { Transport } from "../options/connect.ts";
import type { PeerCertificate } from "../util/peer-certificate.ts";
import type { Connection, Container, Handlers } from "./api.ts";
import type { EventName, EventScope } from "./events.ts";
import type { ClientLink } from "./link.ts";
import type { IncomingLink } from "./link-request.ts";
import { logStatus } from "./log.ts";
import type { Profile, Socket } from "./profile.ts";
import type { Reconnection } from "./reconnection.ts";
import type { ConnectionStatus } from "./shapes.ts";
import { StatusFeed } from "./status.ts";

export abstract class HeardConnection {
  readonly container: Container;
  readonly profile: Profile;
  /** The hostname that our open asks for. */
  hostname: string | undefined;
  url: string | undefined = undefined;
  lostAt: number | undefined = undefined;
  /** What becomes of it when it is lost; undefined: it stays lost. */
  reconnection: Reconnection | undefined = undefined;
  /** Called when it is over. */
  onOver: (() => void) | undefined = undefined;
  /** Called when it begins to close in good order, which waits for it. */
  onClosing: ((options: CloseOptions | undefined) => Promise<unknown>) | undefined = undefined;
  /** Called when it is closed while the container still looks for a socket. */
  onGiveUp: (() => void) | undefined = undefined;
  /** Where a listener takes its connections' links; without one they wait for `incoming()`. */
  onRequest: ((request: IncomingLink) => boolean) | undefined = undefined;
  /** Takes a link to where the peer sends it; answers why it does not. Without one no link goes anywhere. */
  onLinkRedirect: ((link: ClientLink, error: RedirectError) => AmqpError | undefined) | undefined = undefined;
  holding = false;
  requests = 0;
  /** What the container signs in with on the next socket, where it has asked for it already. */
  signsInWith: unknown = undefined;
  /** Who hears of it; undefined if nobody does. */
  events: EventScope | undefined;
  readonly #status = new StatusFeed();
  #own: EventScope | undefined = undefined;
  /** What it runs on now, or did last. */
  protected socket: Socket | undefined = undefined;
  /** The peer's open. */
  protected remoteOpen: Open | undefined = undefined;

  constructor(container: Container, profile: Profile, handlers: Handlers | undefined) {
    this.container = container;
    this.profile = profile;
    this.hostname = profile.hostname;
    this.events = profile.events?.scope(handlers, profile.events.root);
    if (handlers !== undefined) this.#own = this.events;
    this.emit("on_connection_init");
  }

  status(): AsyncIterable<ConnectionStatus> {
    return this.#status.watch();
  }

  tell(status: ConnectionStatus): void {
    logStatus(this.profile.logger, this.profile.side, status);
    this.#status.tell(status);
  }

  redirected(link: ClientLink, error: RedirectError): AmqpError | undefined {
    return this.onLinkRedirect === undefined ? error : this.onLinkRedirect(link, error);
  }

  /** What the program gave instead of a socket. */
  get transport(): Transport | undefined {
    return this.socket?.transport;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.socket?.duplex.peerCertificate;
  }

  get remoteContainer(): string | undefined {
    return this.remoteOpen?.containerId;
  }

  get remoteHostname(): string | undefined {
    return this.remoteOpen?.hostname;
  }

  get remoteProperties(): Readonly<Record<string, unknown>> | undefined {
    return this.remoteOpen?.properties;
  }

  get remoteOfferedCapabilities(): readonly string[] {
    return this.remoteOpen?.offeredCapabilities ?? [];
  }

  get remoteDesiredCapabilities(): readonly string[] {
    return this.remoteOpen?.desiredCapabilities ?? [];
  }

  // ---------------------------------------------------------------- handlers

  /** The handlers that are asked after its own have changed. */
  inherit(parent: EventScope | undefined): void {
    if (this.#own === undefined) this.events = parent;
    else this.#own.parent = parent;
    this.handOn(this.events);
  }

  /** Adds a handler of its own; answers how to remove it. */
  handle(handler: object): () => void {
    this.#own ??= this.profile.events?.scope([], this.events);
    this.events = this.#own;
    const remove = this.#own?.add(handler);
    this.handOn(this.events);
    return () => {
      remove?.();
      this.handOn(this.events);
    };
  }

  /** Its sessions and links are to be told from now on by these. */
  protected abstract handOn(events: EventScope | undefined): void;

  protected emit(name: EventName): void {
    this.events?.emit(name, { connection: this as unknown as Connection });
  }

  /** An open connection has no socket any more. */
  protected tellLoss(error: AmqpError): void {
    const { events } = this;
    if (events === undefined) return;
    const subject = { connection: this as unknown as Connection, error };
    const told = events.fail("on_transport_error", subject, true);
    events.fail("on_disconnected", subject, told);
  }

  /** The peer has closed it, with an error or without. */
  protected tellClose(error: AmqpError | undefined, early: AmqpError): void {
    const connection = this as unknown as Connection;
    if (error === undefined) this.events?.closing("connection", { connection, error: early });
    else this.events?.fail("on_connection_error", { connection, error }, false);
  }
}

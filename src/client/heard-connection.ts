/** What every connection shows of its peer, and how its handlers are told. */

import type { AmqpError } from "../errors.ts";
import type { Open } from "../frames/performatives.ts";
import type { Connection, Container, Handlers } from "./api.ts";
import type { EventName, EventScope } from "./events.ts";
import type { Profile } from "./profile.ts";

export abstract class HeardConnection {
  readonly container: Container;
  readonly profile: Profile;
  /** Who hears of it; undefined if nobody does. */
  events: EventScope | undefined;
  #own: EventScope | undefined = undefined;
  /** The peer's open. */
  protected remoteOpen: Open | undefined = undefined;

  constructor(container: Container, profile: Profile, handlers: Handlers | undefined) {
    this.container = container;
    this.profile = profile;
    this.events = profile.events?.scope(handlers, profile.events.root);
    if (handlers !== undefined) this.#own = this.events;
    this.emit("on_connection_init");
  }

  get hostname(): string | undefined {
    return this.profile.hostname;
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

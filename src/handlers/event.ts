/** The one class behind all kinds of events: a callback's type says which of its members are there for sure. */

import type {
  Connection, Container, IncomingDelivery, LinkRequest, OutgoingDelivery, Receiver, Sender, Session, Transaction,
} from "../client/api.ts";
import type { ClientConnection } from "../client/connection.ts";
import type { EventName, EventSubject } from "../client/events.ts";
import type { Event } from "../client/event-kinds.ts";
import type { AmqpError } from "../errors.ts";
import type { Message } from "../message/message.ts";
import type { Transport } from "../options/connect.ts";
import { shownLink } from "./pending-link.ts";

export class HandlerEvent implements Event {
  readonly container: Container;
  /** The callback that is called; a fallback has a name of its own. */
  name: EventName;
  readonly #subject: EventSubject;

  constructor(container: Container, name: EventName, subject: EventSubject) {
    this.container = container;
    this.name = name;
    this.#subject = subject;
  }

  get type(): string {
    return this.name.slice("on_".length);
  }

  get reactor(): Container {
    return this.container;
  }

  get context(): unknown {
    const { payload, context } = this.#subject;
    return this.delivery ?? this.link ?? this.session ?? this.connection ?? payload ?? context ?? this.container;
  }

  get connection(): Connection | undefined {
    const { connection } = this.#subject;
    return connection ?? this.session?.connection;
  }

  get session(): Session | undefined {
    const { session, transaction } = this.#subject;
    return session ?? this.link?.session ?? (transaction as { session?: Session } | undefined)?.session;
  }

  get link(): Sender | Receiver | undefined {
    const { link, delivery, request } = this.#subject;
    if (request !== undefined) return shownLink(request);
    return link ?? delivery?.link;
  }

  get sender(): Sender | undefined {
    const { link } = this;
    return link?.isSender === true ? link : undefined;
  }

  get receiver(): Receiver | undefined {
    const { link } = this;
    return link?.isReceiver === true ? link : undefined;
  }

  get delivery(): IncomingDelivery | OutgoingDelivery | undefined {
    return this.#subject.delivery;
  }

  get message(): Message | undefined {
    return this.name === "on_message" ? this.#subject.delivery?.message : undefined;
  }

  get transport(): Transport | undefined {
    return (this.connection as ClientConnection | undefined)?.transport;
  }

  get transaction(): Transaction | undefined {
    return this.#subject.transaction;
  }

  get error(): AmqpError | undefined {
    return this.#subject.error;
  }

  get payload(): unknown {
    return this.#subject.payload;
  }

  get request(): LinkRequest | undefined {
    return this.#subject.request;
  }
}

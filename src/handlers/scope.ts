/**
 * The handlers of one endpoint, or of the container. An event goes to the closest scope that has a callback for it: the link's,
 * the session's, the connection's, the container's. Where several handlers of that scope have it, each is called, in the order in which they
 * were given; a promise is waited for before the next one, and what one throws ends the row.
 *
 * Callbacks are looked up when they are called, as members of the handler or its prototypes, by names that stand in this program; never by a
 * name that came over the wire.
 */

import type { LinkRequest, Session } from "../client/api.ts";
import type { ClientConnection } from "../client/connection.ts";
import type { EventName, EventScope, EventSubject, FailureName, FailureSubject } from "../client/events.ts";
import { freshId } from "../client/ids.ts";
import type { IncomingLink } from "../client/link-request.ts";
import { AmqpError } from "../errors.ts";
import type { ReceiverOptionsBase, SenderOptionsBase } from "../options/link.ts";
import type { Calls } from "./calls.ts";
import { EventCall, isThenable } from "./event-call.ts";
import { HandlerEvent } from "./event.ts";
import type { MessagingHandler, MessagingSettings } from "./messaging-handler.ts";
import { settingsOf } from "./messaging-handler.ts";

type Method = (this: object, event: HandlerEvent) => unknown;

/** What is called, in any scope, where nobody has a callback for an error. */
const CLOSING: ReadonlyMap<EventName, EventName> = new Map<EventName, EventName>([
  ["on_connection_error", "on_connection_closing"], ["on_session_error", "on_session_closing"], ["on_link_error", "on_link_closing"],
]);

export class Scope implements EventScope {
  readonly calls: Calls;
  parent: Scope | undefined;
  /** Replaced when it changes, so that a row of calls under way keeps to its own. */
  handlers: readonly object[];

  constructor(calls: Calls, handlers: readonly object[], parent: EventScope | undefined) {
    this.calls = calls;
    this.handlers = handlers;
    this.parent = parent as Scope | undefined;
  }

  add(handler: object): () => void {
    const entry = { handler };
    this.handlers = [...this.handlers, handler];
    return () => {
      const at = this.handlers.lastIndexOf(entry.handler);
      if (at >= 0) this.handlers = this.handlers.filter((_each, index) => index !== at);
    };
  }

  // ---------------------------------------------------------------- what a MessagingHandler wants

  get messaging(): (MessagingSettings & Pick<MessagingHandler, "fatalConditions">) | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      for (const handler of scope.handlers) {
        const settings = settingsOf(handler);
        if (settings !== undefined) return { ...settings, fatalConditions: (handler as MessagingHandler).fatalConditions };
      }
    }
    return undefined;
  }

  get receiverDefaults(): ReceiverOptionsBase | undefined {
    const { messaging } = this;
    return messaging && { prefetch: messaging.prefetch, autoAccept: messaging.autoAccept };
  }

  get senderDefaults(): SenderOptionsBase | undefined {
    const { messaging } = this;
    return messaging && { autoSettle: messaging.autoSettle };
  }

  isFatal(error: AmqpError): boolean {
    // Proton's name for what SASL has no condition for.
    const condition = error.condition ?? (error.code === "auth-failed" ? "amqp:unauthorized-access" : undefined);
    return condition !== undefined && !this.handles("on_transport_error") && this.messaging?.fatalConditions.includes(condition) === true;
  }

  // ---------------------------------------------------------------- telling

  handles(name: EventName): boolean {
    return this.closest(name) !== undefined;
  }

  emit(name: EventName, subject: EventSubject): boolean {
    const handled = this.handles(name);
    if (handled || this.handles("on_unhandled")) this.enqueue(name, subject);
    return handled;
  }

  fail(name: FailureName, subject: FailureSubject, told: boolean): boolean {
    const fallback = CLOSING.get(name);
    const called = fallback !== undefined && !this.handles(name) && this.handles(fallback) ? fallback : name;
    if (this.emit(called, subject)) {
      this.calls.taken.add(subject.error);
      return true;
    }
    if (!told) this.#untaken(name, subject);
    return false;
  }

  closing(what: "connection" | "session" | "link", subject: FailureSubject): void {
    const { error, ...rest } = subject;
    const name: EventName = `on_${what}_closing`;
    if (!this.handles(name) && this.messaging?.peerCloseIsError === true) this.fail(`on_${what}_error`, subject, false);
    else if (this.emit(name, rest)) this.calls.taken.add(error);
  }

  claims(failure: unknown, heard: boolean): boolean {
    if (this.calls.wasTaken(failure)) return true;
    return !heard && failure instanceof AmqpError && this.#report(failure);
  }

  takes(request: LinkRequest): boolean {
    const incoming = request as unknown as IncomingLink;
    if (this.handles("on_link_opening")) {
      this.enqueue("on_link_opening", { session: request.session, request }, (thrown) => {
        if (!incoming.open) return;
        if (thrown === undefined) accept(request);
        else void request.refuse({ condition: "amqp:internal-error", description: "on_link_opening failed" });
      });
      return true;
    }
    // A pure client has no use for links that it has not asked for; whoever listens takes them, as Proton does.
    if (sideOf(request.session) !== "server" || this.messaging === undefined) return false;
    accept(request);
    return true;
  }

  // ---------------------------------------------------------------- calling

  /** Calls the callbacks of the closest scope; answers a promise where one of them did. */
  call(name: EventName, event: HandlerEvent): unknown {
    const scope = this.closest(name);
    if (scope === undefined) return this.#unhandled(name, event);
    const { handlers } = scope;
    return row(handlers, name, event, 0);
  }

  /** The closest scope in which a handler has this callback. */
  closest(name: EventName): Scope | undefined {
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      const { handlers } = scope;
      for (let i = 0; i < handlers.length; i++) if (methodOf(handlers[i] as object, name) !== undefined) return scope;
    }
    return undefined;
  }

  /** Puts a call in its place. @param after called when the callbacks are done */
  protected enqueue(name: EventName, subject: EventSubject, after?: (thrown: unknown) => void): void {
    const { calls } = this;
    calls.enqueue(new EventCall(this, name, new HandlerEvent(calls.container, name, subject), after ?? followUp(name, subject)));
  }

  #unhandled(name: EventName, event: HandlerEvent): unknown {
    const scope = this.closest("on_unhandled");
    let result: unknown;
    for (const handler of scope?.handlers ?? []) {
      const method = (handler as { on_unhandled?: (name: string, event: HandlerEvent) => unknown }).on_unhandled;
      if (typeof method === "function") result = method.call(handler, name, event);
    }
    return result;
  }

  /** Nobody has taken it. Under a MessagingHandler it ends the connection, as with Proton. */
  #untaken(name: FailureName, subject: FailureSubject): void {
    const { error } = subject;
    const session = subject.session ?? subject.link?.session;
    const connection = (subject.connection ?? session?.connection) as ClientConnection | undefined;
    if (connection?.profile.side === "server") {
      // Clients come and go: only what they complain of is worth a word.
      if (this.messaging !== undefined && error.condition !== undefined) this.calls.report(error);
      return;
    }
    if (name === "on_link_error" && !this.#drives(subject)) return;
    if (this.#report(error) && this.messaging !== undefined) void connection?.close().catch(() => undefined);
  }

  /** Whether the link is used by callbacks; otherwise its loops and sends tell. */
  #drives({ link }: FailureSubject): boolean {
    if (this.messaging !== undefined || link === undefined) return true;
    return link.isReceiver ? this.handles("on_message") : this.handles("on_sendable") || this.handles("on_accepted") || this.handles("on_settled");
  }

  /** Tells `run()`, or else the container where there is a MessagingHandler; false if neither is there. */
  #report(error: AmqpError): boolean {
    const { calls } = this;
    if (calls.onFailure !== undefined) calls.onFailure(error);
    else if (this.messaging !== undefined) calls.report(error);
    else return false;
    return true;
  }
}

function accept(request: LinkRequest): void {
  if (request.role === "receiver" && request.target?.type === "coordinator") {
    void request.refuse({ condition: "amqp:not-implemented", description: "there are no transactions here" });
    return;
  }
  // The node of a dynamic terminus has a name that nobody can guess.
  const dynamic = request.role === "sender" ? request.source?.dynamic : request.target?.dynamic;
  void request.accept(dynamic === true ? { address: freshId() } : undefined);
}

/** What is to be done when the callbacks of an event are done. */
function followUp(name: EventName, { connection }: EventSubject): ((thrown: unknown) => void) | undefined {
  if (name !== "on_connection_opening" || connection === undefined) return undefined;
  return (thrown) => {
    if (thrown === undefined) connection.open().catch(() => undefined);
    else connection.close({ error: { condition: "amqp:internal-error", description: "on_connection_opening failed" } }).catch(() => undefined);
  };
}

function sideOf(session: Session): "client" | "server" {
  return (session.connection as ClientConnection).profile.side;
}

/** The rest of a row of calls, from this handler on. */
function row(handlers: readonly object[], name: EventName, event: HandlerEvent, from: number): unknown {
  for (let i = from; i < handlers.length; i++) {
    const handler = handlers[i] as object;
    const method = methodOf(handler, name);
    if (method === undefined) continue;
    event.name = name === "on_modified" && (handler as { on_modified?: unknown }).on_modified !== method ? "on_released" : name;
    const result = method.call(handler, event);
    if (isThenable(result)) return i + 1 < handlers.length ? result.then(() => row(handlers, name, event, i + 1)) : result;
  }
  return undefined;
}

/** A handler's callback; on_modified may be its on_released. */
function methodOf(handler: object, name: EventName): Method | undefined {
  const callbacks = handler as Readonly<Partial<Record<EventName, unknown>>>;
  const method = callbacks[name];
  if (typeof method === "function") return method as Method;
  if (name !== "on_modified") return undefined;
  const { on_released: released } = callbacks;
  return typeof released === "function" ? released as Method : undefined;
}

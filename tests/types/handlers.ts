/** Programs with handlers: compiled, never run. */

import { expectTypeOf } from "expect-type";
import { connect, Container, MessagingHandler, Reject, Release } from "leptonmq";
import type {
  AmqpError, Connection, ConnectionErrorEvent, ConnectionEvent, Event, Handler, Handlers, IncomingDelivery, IncomingEvent, LinkErrorEvent, LinkEvent,
  LinkOpeningEvent, LinkRequest, Message, MessagingHandlerOptions, OutgoingDelivery, OutgoingEvent, Receiver, ReceiverEvent, ScheduledTask, Sender,
  SenderEvent, Session, SessionEvent, TransactionEvent, TransactionHandler,
} from "leptonmq";
import { fromHandler } from "leptonmq/rxjs";
import type { Observable } from "rxjs";

/** A class, as with Proton: its parameters may be written or left to the base. */
export class Worker extends MessagingHandler {
  readonly #url: string;

  constructor(url: string) {
    super({ prefetch: 5, autoAccept: false });
    this.#url = url;
  }

  override on_start({ container, reactor }: Event): void {
    expectTypeOf(reactor).toEqualTypeOf<Container>();
    const { endpoint } = container.connect(this.#url);
    void container.createReceiver(endpoint, "work", { handler: this });
  }

  override async on_message(event: IncomingEvent): Promise<void> {
    expectTypeOf(event.message).toEqualTypeOf<Message>();
    expectTypeOf(event.delivery).toEqualTypeOf<IncomingDelivery>();
    expectTypeOf(event.receiver).toEqualTypeOf<Receiver>();
    expectTypeOf(event.sender).toEqualTypeOf<undefined>();
    expectTypeOf(event.link).toEqualTypeOf<Receiver>();
    if (event.message.body === undefined) throw new Reject({ condition: "app:empty", description: "no body" });
    if (event.message.subject === "later") throw new Release({ delivered: false });
    this.accept(event.delivery);
    this.reject(event.delivery, { condition: "app:bad" });
    this.release(event.delivery);
    this.settle(event.delivery, "accepted");
    await event.connection.close();
  }

  override on_rejected({ delivery, sender }: OutgoingEvent): void {
    expectTypeOf(delivery).toEqualTypeOf<OutgoingDelivery>();
    expectTypeOf(sender).toEqualTypeOf<Sender>();
  }

  // @ts-expect-error an event has no such member
  override on_sendable({ nothing }: SenderEvent): void {
    void nothing;
  }
}

/** A plain object where handlers are taken: its callbacks know their events. */
export async function plain(url: string, connection: Connection, session: Session): Promise<void> {
  const container = new Container({
    handlers: {
      on_start: ({ container: own }) => expectTypeOf(own).toEqualTypeOf<Container>(),
      on_connection_opening: async (event) => expectTypeOf(event).toEqualTypeOf<ConnectionEvent>(),
      on_connection_error: ({ error }) => expectTypeOf(error).toEqualTypeOf<AmqpError>(),
      on_transport_error: (event) => expectTypeOf(event).toEqualTypeOf<ConnectionErrorEvent>(),
      on_session_opened: (event) => expectTypeOf(event).toEqualTypeOf<SessionEvent>(),
      on_link_opening: ({ request }) => expectTypeOf(request).toEqualTypeOf<LinkRequest>(),
      on_link_opened({ link }) {
        if (link.isSender) expectTypeOf(link).toEqualTypeOf<Sender>();
        else expectTypeOf(link).toEqualTypeOf<Receiver>();
      },
      on_link_error: (event) => expectTypeOf(event).toEqualTypeOf<LinkErrorEvent>(),
      on_aborted: (event) => expectTypeOf(event).toEqualTypeOf<ReceiverEvent>(),
      on_settled: ({ delivery }) => expectTypeOf(delivery).toEqualTypeOf<IncomingDelivery | OutgoingDelivery>(),
      on_unhandled: (name, event) => expectTypeOf([name, event.payload] as const).toEqualTypeOf<readonly [string, unknown]>(),
      on_link_flow: (event) => expectTypeOf(event).toEqualTypeOf<LinkEvent>(),
      on_transaction_declared: (event) => expectTypeOf(event).toEqualTypeOf<TransactionEvent>(),
    },
  });
  await connect(url, { handler: { on_disconnected: ({ connection: lost }) => expectTypeOf(lost).toEqualTypeOf<Connection>() } });
  await container.listen({ port: 0, handler: { on_message: ({ message }) => expectTypeOf(message.body).toEqualTypeOf<unknown>() } });
  await connection.session({ handler: { on_session_closed: (event) => expectTypeOf(event.session).toEqualTypeOf<Session>() } });
  await connection.createSender("a", { handler: { on_sendable: ({ sender }) => sender.send({ body: 1 }) } });
  await session.createReceiver("b", { handler: [{ on_message: ({ receiver }) => receiver.flow(1) }, new MessagingHandler()] });
  // @ts-expect-error a text is no handler
  await connect(url, { handler: "handler" });
}

/** What counts as a handler. */
export const handlers: readonly Handlers[] = [
  {}, new MessagingHandler(), { on_order: () => undefined }, new Worker("amqp://x"), [new Worker("amqp://x"), { on_start: () => undefined }],
];

export function running(container: Container, signal: AbortSignal): void {
  expectTypeOf(container.run({ signal, timeout: 5 })).toEqualTypeOf<Promise<void>>();
  expectTypeOf(container.schedule(5, () => undefined)).toEqualTypeOf<ScheduledTask>();
  container.schedule(5, { on_timer_task: ({ type }) => expectTypeOf(type).toBeString() }).cancel();
  container.inject("order", { id: 1 });
  container.stop();
  // @ts-expect-error a task is needed
  container.schedule(5);
}

/** The kinds are one below the other, and a TransactionHandler is part of a handler. */
export function kinds(incoming: IncomingEvent, outgoing: OutgoingEvent, opening: LinkOpeningEvent, transactional: TransactionHandler): Handler {
  const links: LinkEvent[] = [incoming, outgoing, opening];
  const sessions: SessionEvent[] = links;
  const connections: ConnectionEvent[] = sessions;
  const events: Event[] = connections;
  expectTypeOf(events[0]?.context).toBeUnknown();
  return transactional;
}

export const options: MessagingHandlerOptions = { prefetch: 0, autoAccept: undefined, autoSettle: false, peerCloseIsError: true };

/** As an Observable: of known callbacks the kind, of others an Event. */
export function observed(receiver: Receiver, container: Container): void {
  expectTypeOf(fromHandler(receiver, "on_message")).toEqualTypeOf<Observable<IncomingEvent>>();
  expectTypeOf(fromHandler(receiver, "on_message", "on_aborted")).toExtend<Observable<ReceiverEvent>>();
  expectTypeOf(fromHandler(container, "on_order")).toEqualTypeOf<Observable<Event>>();
}

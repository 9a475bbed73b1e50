/**
 * The RxJS door: a receiver as an Observable whose credit follows what the pipeline settles, sending as an operator,
 * and the connection's status.
 */

import { concatMap, mergeMap, Observable } from "rxjs";
import type { OperatorFunction } from "rxjs";
import { ConfigError, observe, SendError } from "../container/public.ts";
import type { Connection, ConnectionStatus, Container, Event, Handler, IncomingDelivery, Message, MessageInit, OutgoingDelivery, Receiver, Sender } from "../container/public.ts";

/** Options of `messages()`. */
export interface MessagesOptions {
  /** "manual": the pipeline settles each delivery; "auto": it is accepted when the observer's `next` returns, unless it was settled. @default "manual" */
  settle?: "manual" | "auto" | undefined;
}

/**
 * The deliveries of a receiver. No more than `prefetch` of them are unsettled at any time: a pipeline that settles slowly
 * slows the peer down. Unsubscribing closes the flow and releases what is unsettled of this subscription, so `take(n)` belongs
 * behind the operator that settles. It completes when the link is closed, and errors with the link's or the connection's error.
 */
export function messages<Body>(receiver: Receiver<Body>, options: MessagesOptions = {}): Observable<IncomingDelivery<Body>> {
  const auto = options.settle === "auto";
  return new Observable((subscriber) => {
    const leaving = new AbortController();
    const held = new Held();
    const deliver = async (): Promise<void> => {
      while (!subscriber.closed) {
        const delivery = receiver.tryReceive() ?? (await receiver.receive({ signal: leaving.signal, timeout: Number.POSITIVE_INFINITY }));
        if (subscriber.closed) {
          void delivery.release();
          return;
        }
        held.add(delivery);
        subscriber.next(delivery);
        if (auto && !delivery.settled && delivery.localState === undefined) void delivery.accept();
      }
    };
    deliver().catch(async (error: unknown) => {
      if (subscriber.closed) return;
      // Our own end of the link, or the peer's without an error, is an end like any other.
      if (receiver.state.local === "closed" || receiver.state.remote === "closed") {
        const why = await receiver.closed;
        if (why === undefined) return subscriber.complete();
      }
      subscriber.error(error);
    });
    return () => {
      leaving.abort();
      held.release();
      // The link may be over already, and then there is no flow to close.
      receiver.stop().catch(() => undefined);
    };
  });
}

/** Options of `sendTo()`. */
export interface SendToOptions {
  /** Sends that are under way at once, from 1. @default 1_000 */
  concurrency?: number | undefined;
  /** What an outcome other than accepted does: "throw" errors the stream with the SendError, "pass" emits the delivery, whose `outcome` tells. @default "throw" */
  onError?: "throw" | "pass" | undefined;
}

/** Sends each message and emits its delivery when it is settled, in the order of settlement. */
export function sendTo<Body>(sender: Sender<Body>, options: SendToOptions = {}): OperatorFunction<MessageInit<Body> | Message<Body>, OutgoingDelivery> {
  const pass = options.onError === "pass";
  const send = async (message: MessageInit<Body> | Message<Body>): Promise<OutgoingDelivery> => {
    try {
      return await sender.send(message);
    } catch (error) {
      if (pass && error instanceof SendError && error.delivery !== undefined) return error.delivery;
      throw error;
    }
  };
  return mergeMap(send, options.concurrency ?? DEFAULT_CONCURRENCY);
}

/** Accepts each delivery, or each of an array, and passes it on when that is settled; the next one only then, so that `take(n)` behind it accepts n. */
export function accepted<T extends IncomingDelivery | readonly IncomingDelivery[]>(): OperatorFunction<T, T> {
  return concatMap(async (given: T): Promise<T> => {
    const deliveries: readonly IncomingDelivery[] = isOne(given) ? [given] : given;
    await Promise.all(deliveries.map((delivery) => delivery.accept()));
    return given;
  });
}

/** The statuses of a connection, beginning with the present one; completes after closed. */
export function status(connection: Connection): Observable<ConnectionStatus> {
  return new Observable((subscriber) => {
    const statuses = connection.status()[Symbol.asyncIterator]();
    const deliver = async (): Promise<void> => {
      while (!subscriber.closed) {
        const { done, value } = await statuses.next();
        if (done === true) return subscriber.complete();
        subscriber.next(value);
      }
    };
    deliver().catch((error: unknown) => subscriber.error(error));
    return () => void statuses.return?.();
  });
}

/** The name of a callback with one event as its argument. */
type EventName = Exclude<keyof Handler, "on_unhandled">;

/**
 * The events of a container, a connection or a link, as a handler with these callbacks at its scope would be told, from the
 * subscription on. It stands behind the handlers that are there, and what it is told counts as handled: a receiver whose `on_message` is subscribed
 * to takes messages by itself, and accepts each when the observer's `next` returns unless it was settled or `autoAccept` is false. Completes when the
 * connection or link is over. Other names are those of `container.inject()`.
 * @throws ConfigError config
 */
export function fromHandler<K extends EventName>(target: Container | Connection | Sender | Receiver, ...names: K[]): Observable<EventOf<K>>;
export function fromHandler(target: Container | Connection | Sender | Receiver, ...names: string[]): Observable<Event>;
export function fromHandler(target: Container | Connection | Sender | Receiver, ...names: string[]): Observable<Event> {
  const wrong = names.find((name) => typeof name !== "string" || !name.startsWith("on_") || name === "on_unhandled");
  if (names.length === 0 || wrong !== undefined) {
    throw new ConfigError(`fromHandler(): ${wrong === undefined ? "name a callback" : `"${wrong}" is no callback with an event`}, such as "on_message"`,
      { code: "config", scope: "container" });
  }
  const add = observe(target);
  return new Observable((subscriber) => {
    const next = (event: Event): void => subscriber.next(event);
    const leave = add(Object.fromEntries(names.map((name) => [name, next])));
    if ("closed" in target) void target.closed.then(() => subscriber.complete());
    return leave;
  });
}

type EventOf<K extends EventName> = Parameters<NonNullable<Handler[K]>>[0];

const DEFAULT_CONCURRENCY = 1_000;

function isOne(given: IncomingDelivery | readonly IncomingDelivery[]): given is IncomingDelivery {
  return !Array.isArray(given);
}

/** What was handed to an observer; the settled ones are forgotten whenever the list has doubled. */
class Held {
  #deliveries: IncomingDelivery[] = [];
  #sweepAt = 128;

  add(delivery: IncomingDelivery): void {
    this.#deliveries.push(delivery);
    if (this.#deliveries.length < this.#sweepAt) return;
    this.#deliveries = this.#deliveries.filter(isOpen);
    this.#sweepAt = Math.max(128, this.#deliveries.length * 2);
  }

  release(): void {
    for (const delivery of this.#deliveries) if (isOpen(delivery)) void delivery.release();
    this.#deliveries = [];
  }
}

// One that was given its outcome is not unsettled in the sense of this file, even while the sender has yet to settle it.
function isOpen(delivery: IncomingDelivery): boolean {
  return !delivery.settled && delivery.localState === undefined;
}

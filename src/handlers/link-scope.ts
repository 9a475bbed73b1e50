/**
 * The events of one link, one after the other: a callback that is not done holds back the next one of its link, and of no other.
 * A receiver whose messages somebody handles takes them by itself, as a loop would.
 */

import type { OutgoingDelivery, Receiver, Sender } from "../client/api.ts";
import type { Demand } from "../client/credit.ts";
import type { EventName, EventSubject, FailureName, FailureSubject, LinkEvents } from "../client/events.ts";
import type { ClientIncoming } from "../client/incoming.ts";
import type { Taker } from "../client/loop.ts";
import { isUndecodable } from "../client/loop.ts";
import type { ClientReceiver } from "../client/receiver.ts";
import { SendError } from "../client/send-errors.ts";
import { SETTLED } from "../client/waiting.ts";
import type { AmqpError } from "../errors.ts";
import type { Outcome } from "../frames/delivery-state.ts";
import { Deque } from "../util/deque.ts";
import type { Call } from "./calls.ts";
import { EventCall, isThenable } from "./event-call.ts";
import { HandlerEvent } from "./event.ts";
import { Scope } from "./scope.ts";
import { Reject, Release } from "./signals.ts";

const OUTCOMES: ReadonlyMap<string, EventName> = new Map<string, EventName>([
  ["accepted", "on_accepted"], ["rejected", "on_rejected"], ["released", "on_released"], ["modified", "on_modified"],
]);

/** A call that may take its time. */
interface Step {
  /** A promise where a callback answered one; never rejects. */
  execute(): Promise<void> | undefined;
}

export class LinkScope extends Scope implements LinkEvents, Taker {
  link: Sender | Receiver | undefined = undefined;
  readonly #held = new Deque<Step>();
  #busy = false;
  #sendable = false;
  #demand: Demand | undefined = undefined;
  /** How often the receiver had been stopped when the taking began. */
  #stops = 0;
  /** The message that is next, or in hand. */
  #hand: ClientIncoming | undefined = undefined;
  readonly #message: Step = { execute: () => this.#deliver() };
  readonly #messageCall: Call = { run: () => this.#start(this.#message) };

  override fail(name: FailureName, subject: FailureSubject, told: boolean): boolean {
    return super.fail(name, { link: this.link, ...subject }, told);
  }

  // ---------------------------------------------------------------- order

  protected override enqueue(name: EventName, subject: EventSubject, after?: (thrown: unknown) => void): void {
    const { link } = this;
    const event = new HandlerEvent(this.calls.container, name, { link, ...subject });
    const call = new EventCall(this, name, event, after);
    this.calls.enqueue({ run: () => this.#start(call) });
  }

  /** Its turn has come, unless a callback of this link is not done. */
  #start(step: Step): void {
    if (this.#busy) {
      this.#held.push(step);
      return;
    }
    const work = step.execute();
    if (work === undefined) return;
    this.#busy = true;
    void this.calls.track(work.then(() => {
      this.#busy = false;
      while (!this.#busy) {
        const next = this.#held.shift();
        if (next === undefined) return;
        this.#start(next);
      }
    }));
  }

  // ---------------------------------------------------------------- sending

  sendable(): void {
    if (this.#sendable || !(this.handles("on_sendable") || this.handles("on_unhandled"))) return;
    this.#sendable = true;
    const event = new HandlerEvent(this.calls.container, "on_sendable", { link: this.link });
    const call = new EventCall(this, "on_sendable", event, undefined);
    this.calls.enqueue({ run: () => this.#start({ execute: () => {
      this.#sendable = false;
      const { link } = this;
      return link !== undefined && link.credit > 0 && link.state.local === "active" ? call.execute() : undefined;
    } }) });
  }

  updated(delivery: OutgoingDelivery, outcome: Outcome | undefined, settled: boolean): void {
    const subject = { delivery };
    this.emit("on_delivery", subject);
    this.emit("on_delivery_updated", subject);
    const name = outcome && OUTCOMES.get(outcome.type);
    if (name !== undefined) this.emit(name, subject);
    if (settled) this.emit("on_settled", subject);
  }

  sendFailed(delivery: OutgoingDelivery, error: AmqpError, heard: boolean): boolean {
    const name = error instanceof SendError ? OUTCOMES.get(error.outcome.type) : undefined;
    // The peer's outcome is told by `updated`, anything else here.
    const told = name === undefined ? this.emit("on_delivery_updated", { delivery, error }) : this.handles(name) || this.handles("on_delivery_updated");
    if (told) this.calls.taken.add(error);
    return told || this.claims(error, heard);
  }

  // ---------------------------------------------------------------- receiving

  attend(): void {
    const { link } = this;
    if (link?.isReceiver !== true) return;
    const receiver = link as unknown as ClientReceiver;
    const wanted = receiver.over === undefined && this.handles("on_message");
    if (wanted && this.#demand === undefined) {
      this.#stops = receiver.stopped;
      this.#demand = receiver.demand(Infinity);
      this.#next();
    } else if (!wanted && this.#demand !== undefined && this.#hand === undefined) {
      receiver.forsake(this);
      this.end();
    }
  }

  give(delivery: ClientIncoming): void {
    this.#hand = delivery;
    this.calls.enqueue(this.#messageCall);
  }

  end(): void {
    const demand = this.#demand;
    this.#demand = undefined;
    demand?.leave();
  }

  /** The next message, now or when one comes. */
  #next(): void {
    this.#hand = undefined;
    const receiver = this.link as unknown as ClientReceiver;
    if (receiver.stopped !== this.#stops || !this.handles("on_message")) {
      this.end();
      return;
    }
    const delivery = receiver.tryTake();
    if (delivery !== undefined) this.give(delivery);
    else if (receiver.over !== undefined) this.end();
    else receiver.await(this);
  }

  #deliver(): Promise<void> | undefined {
    const delivery = this.#hand as ClientIncoming;
    if (!this.handles("on_message")) {
      // Whoever wanted it has left in the meantime.
      void delivery.release();
      this.#next();
      return undefined;
    }
    const event = new HandlerEvent(this.calls.container, "on_message", { link: this.link, delivery: delivery as unknown as OutgoingDelivery });
    let result: unknown;
    try {
      result = this.call("on_message", event);
    } catch (error) {
      this.#thrown(delivery, error);
      this.#next();
      return undefined;
    }
    if (!isThenable(result)) {
      this.#passed(delivery);
      this.#next();
      return undefined;
    }
    return Promise.resolve(result).then(() => this.#passed(delivery), (error: unknown) => this.#thrown(delivery, error)).then(() => this.#next());
  }

  /** The callback is done: what it has not settled is accepted, or left to be settled later. */
  #passed(delivery: ClientIncoming): void {
    const receiver = this.link as unknown as ClientReceiver;
    const accepted = delivery.goOn(receiver.autoAccept);
    if (accepted === SETTLED) return;
    accepted.catch((lost: unknown) => {
      // Who closes the link in the callback knows that the message goes back.
      if (receiver.over === undefined || receiver.failure !== undefined) this.calls.thrown("on_message", lost);
    });
  }

  /** One message is given back or rejected; nothing else happens. */
  #thrown(delivery: ClientIncoming, error: unknown): void {
    delivery.letGo();
    if (error instanceof Reject) {
      const { condition, description, info } = error;
      void delivery.reject(condition === undefined ? undefined : { condition, description, info: info && { ...info } });
      return;
    }
    if (error instanceof Release) {
      void delivery.release({ delivered: error.delivered });
      return;
    }
    this.calls.thrown("on_message", error);
    if (delivery.disposed) return;
    if (isUndecodable(delivery)) delivery.rejectUndecodable();
    else void delivery.release({ delivered: true });
  }
}

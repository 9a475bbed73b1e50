/**
 * Bodies that a receiver's schema has to pass before anybody sees their deliveries. What fits goes on in the order in which it came, also where
 * the schema takes its time; what does not fit is rejected, and the link goes on.
 */

import type { AmqpError } from "../errors.ts";
import { AmqpError as BaseError, DecodeError } from "../errors.ts";
import { AmqpCondition } from "../frames/condition.ts";
import type { StandardSchema } from "../options/standard-schema.ts";
import { Deferred } from "../util/deferred.ts";
import { Deque } from "../util/deque.ts";
import type { ClientIncoming } from "./incoming.ts";
import type { Verdict } from "./schema.ts";
import { isPromise, judge } from "./schema.ts";

/** What it needs of its receiver. */
export interface TypedReceiver {
  readonly title: string;
  /** Why nothing can be told of its deliveries any more. */
  readonly over: AmqpError | undefined;
  /** Hands a delivery on to those who take. */
  arrived(delivery: ClientIncoming): void;
  /** It goes to nobody: its octets are no longer counted. */
  dropped(delivery: ClientIncoming): void;
  report(error: AmqpError): void;
}

interface Pending {
  readonly delivery: ClientIncoming;
  verdict: Verdict | undefined;
  givenBack: boolean;
}

export class TypedIncoming {
  /** How many wait for their verdict, or behind others that do. */
  waiting = 0;
  readonly #schema: StandardSchema;
  readonly #receiver: TypedReceiver;
  /** Those whose verdict is awaited, and those behind them. */
  readonly #pending = new Deque<Pending>();
  #idle: Deferred<void> | undefined = undefined;

  constructor(schema: StandardSchema, receiver: TypedReceiver) {
    this.#schema = schema;
    this.#receiver = receiver;
  }

  /** A delivery has come. */
  take(delivery: ClientIncoming): void {
    const verdict = this.#judge(delivery);
    if (!isPromise(verdict) && this.#pending.length === 0) {
      this.#decide(delivery, verdict);
      return;
    }
    delivery.postedIn?.posted(delivery);
    const pending: Pending = { delivery, verdict: isPromise(verdict) ? undefined : verdict, givenBack: false };
    this.waiting += 1;
    this.#pending.push(pending);
    if (!isPromise(verdict)) return;
    void verdict.then((found) => {
      pending.verdict = found;
      this.#proceed();
    });
  }

  /** Gives back what still waits: nobody takes any more. */
  giveBack(): void {
    for (const pending of this.#pending) {
      if (pending.givenBack) continue;
      pending.givenBack = true;
      this.waiting -= 1;
      this.#receiver.dropped(pending.delivery);
      void pending.delivery.release();
    }
  }

  /** Resolves when nothing waits for its verdict. */
  settled(): Promise<void> {
    if (this.#pending.length === 0) return Promise.resolve();
    this.#idle ??= new Deferred();
    return this.#idle.promise;
  }

  #judge(delivery: ClientIncoming): Verdict | Promise<Verdict> {
    let body: unknown;
    try {
      ({ body } = delivery.message);
    } catch (error) {
      return { type: "unfit", text: (error as Error).message };
    }
    return judge(this.#schema, body);
  }

  #proceed(): void {
    for (let first = this.#pending.peek(); first?.verdict !== undefined; first = this.#pending.peek()) {
      this.#pending.shift();
      if (first.givenBack) continue;
      this.waiting -= 1;
      this.#decide(first.delivery, first.verdict);
    }
    if (this.#pending.length !== 0) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #decide(delivery: ClientIncoming, verdict: Verdict): void {
    const receiver = this.#receiver;
    if (receiver.over !== undefined && !delivery.remoteSettled) {
      receiver.dropped(delivery);
      return;
    }
    if (verdict.type === "fits") {
      delivery.message.refine(verdict.value);
      receiver.arrived(delivery);
      return;
    }
    receiver.dropped(delivery);
    if (verdict.type === "unfit") {
      const description = `the body does not fit the schema: ${verdict.text}`;
      receiver.report(new DecodeError(`${receiver.title}: a message was rejected: ${description}`, { code: "decode-error", scope: "delivery" }));
      void delivery.reject({ condition: AmqpCondition.decodeError, description });
      return;
    }
    const { error } = verdict;
    receiver.report(new BaseError(`${receiver.title}: the schema failed: ${error instanceof Error ? error.message : String(error)}`,
      { code: "handler-failed", scope: "delivery", cause: error }));
    void delivery.release({ delivered: true });
  }
}

/**
 * Bodies that a sender's schema has to pass before they are encoded. A schema that answers at once lets `send()` go on as without one; behind one
 * that takes its time the sends keep their order.
 */

import { ConfigError, EncodeError, TimeoutError } from "../errors.ts";
import { BodySection, data, sequence, value } from "../message/body.ts";
import { Message } from "../message/message.ts";
import type { CallOptions } from "../options/call.ts";
import type { Clock } from "../options/environment.ts";
import type { StandardSchema } from "../options/standard-schema.ts";
import { Deferred } from "../util/deferred.ts";
import type { OutgoingDelivery, SendOptions } from "./api.ts";
import type { Encodable } from "./encoder.ts";
import type { Verdict } from "./schema.ts";
import { isPromise, judge } from "./schema.ts";
import { notSent } from "./send-errors.ts";
import { within } from "./waiting.ts";

/** What it needs of its sender. */
export interface TypedSender {
  readonly title: string;
  /** Sends a message whose body has passed. */
  sendNow(message: Encodable, options: SendOptions | undefined): Promise<OutgoingDelivery>;
}

export class TypedOutgoing {
  readonly #schema: StandardSchema;
  readonly #sender: TypedSender;
  readonly #clock: Clock;
  /** Milliseconds for a send that names none. */
  readonly #usual: number;
  /** Resolves when the send that was called last has had its turn; undefined when none waits. */
  #turn: Promise<void> | undefined = undefined;

  constructor(schema: StandardSchema, sender: TypedSender, clock: Clock, usual: number) {
    this.#schema = schema;
    this.#sender = sender;
    this.#clock = clock;
    this.#usual = usual;
  }

  /** Whether sends wait for their turn. */
  get waits(): boolean {
    return this.#turn !== undefined;
  }

  /** @throws EncodeError not-encodable: the body does not fit, and the schema says so at once */
  send(message: Encodable, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    const verdict = judge(this.#schema, contentOf(message));
    if (isPromise(verdict)) {
      // What the caller does to its message until the schema has answered is of no matter, as after any other send.
      const copy: Encodable = message instanceof Message ? new Message(message) : { ...message };
      return this.#later(verdict.then((found) => this.#passed(copy, found)), options);
    }
    const passed = this.#passed(message, verdict);
    return this.#turn === undefined ? this.#sender.sendNow(passed, options) : this.#later(Promise.resolve(passed), options);
  }

  /** The message for a send that cannot wait. @throws EncodeError, ConfigError where the schema takes its time */
  now(message: Encodable): Encodable {
    const verdict = judge(this.#schema, contentOf(message));
    if (isPromise(verdict) || this.#turn !== undefined) {
      throw new ConfigError("trySend(): the schema answers later, and trySend waits for nothing: use send()", { code: "config", scope: "delivery" });
    }
    return this.#passed(message, verdict);
  }

  /** Resolves when every send so far has had its turn. */
  async settled(): Promise<void> {
    while (this.#turn !== undefined) await this.#turn;
  }

  async #later(passed: Promise<Encodable>, options: SendOptions | undefined): Promise<OutgoingDelivery> {
    const before = this.#turn;
    const turn = new Deferred<void>();
    this.#turn = turn.promise;
    const began = this.#clock.now();
    const timeout = options?.timeout ?? this.#usual;
    let sending: Promise<OutgoingDelivery>;
    try {
      const message = await within(passed, { ...this.#bounds(options, timeout), what: `${this.#sender.title}: the schema gave no answer` });
      await within(before ?? Promise.resolve(), { ...this.#bounds(options, timeout - (this.#clock.now() - began)), what: `${this.#sender.title}: the schema gave no answer for a former send` });
      sending = this.#sender.sendNow(message, { ...options, timeout: Math.max(0, timeout - (this.#clock.now() - began)) });
    } catch (error) {
      throw error instanceof TimeoutError ? notSent(error, undefined, this.#sender.title) : error;
    } finally {
      // Not before the others: whose own answer came early, or never, does not let the next ones overtake.
      void (before ?? Promise.resolve()).then(() => {
        if (this.#turn === turn.promise) this.#turn = undefined;
        turn.resolve();
      });
    }
    return sending;
  }

  #bounds(options: CallOptions | undefined, timeout: number): { clock: Clock; timeout: number; signal: AbortSignal | undefined; scope: "delivery" } {
    return { clock: this.#clock, timeout, signal: options?.signal, scope: "delivery" };
  }

  #passed(message: Encodable, verdict: Verdict): Encodable {
    if (verdict.type === "fits") return withBody(message, verdict.value);
    const { title } = this.#sender;
    if (verdict.type === "unfit") {
      throw new EncodeError(`${title}: the body does not fit the schema: ${verdict.text}`, { code: "not-encodable", scope: "delivery" });
    }
    const { error } = verdict;
    throw new EncodeError(`${title}: the schema failed: ${error instanceof Error ? error.message : String(error)}`, { code: "not-encodable", scope: "delivery", cause: error });
  }
}

/** What a schema is asked about: of a body whose section was chosen, what is in it. @throws ConfigError config for one that is streamed */
function contentOf(message: Encodable): unknown {
  const body = bodyOf(message);
  if (!(body instanceof BodySection)) return body;
  if (!body.isStreamed) return body.content;
  throw new ConfigError("send(): a schema cannot look into a streamed body: send it over a sender without one", { code: "config", scope: "delivery" });
}

/** The body as it was given, in its section where one was chosen. */
function bodyOf(message: Encodable): unknown {
  return message instanceof Message ? message.readContent() : message.body;
}

/** The message with the body that the schema gave, in the kind of section that was chosen for it. */
function withBody(message: Encodable, given: unknown): Encodable {
  if (Object.is(contentOf(message), given)) return message;
  const body = bodyOf(message);
  const chosen = body instanceof BodySection ? inSection(body as BodySection, given) : given;
  if (!(message instanceof Message)) return { ...message, body: chosen };
  const copy = new Message(message);
  copy.body = chosen;
  return copy;
}

function inSection(body: BodySection, given: unknown): unknown {
  if (body.section === "value") return value(given);
  if (body.section === "data") return given instanceof Uint8Array ? data(given) : given;
  return Array.isArray(given) ? sequence(given) : given;
}

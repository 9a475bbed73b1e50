/** Answers requests: the handler's result goes to each request's reply-to address, and the request is accepted once its answer was. */

import { AmqpError, ConfigError, LinkError } from "../errors.ts";
import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import type { CloseOptions } from "../options/call.ts";
import { checkResponderOptions } from "../options/resolve.ts";
import type { Connection, IncomingDelivery, Receiver, ReceiverOptions, Responder, ResponderOptions } from "./api.ts";
import { UNHEARD } from "./events.ts";
import type { Profile } from "./profile.ts";
import { RejectedError, ReleasedError } from "./send-errors.ts";
import { bounds, within } from "./waiting.ts";

/** The connection on which requests come. */
export interface ResponderHost extends Connection {
  readonly profile: Profile;
}

/** What a responder's handler is. */
export type ResponderHandler<Body> = (
  request: Message<Body>, delivery: IncomingDelivery<Body>,
) => MessageInit | Message | undefined | Promise<MessageInit | Message | undefined>;

/** Attaches a receiver and begins to answer. @throws ConfigError config */
export async function openResponder<Body>(
  host: ResponderHost, address: string, handler: ResponderHandler<Body>, options: ResponderOptions<Body> | undefined,
): Promise<Responder<Body>> {
  if (typeof handler !== "function") throw new ConfigError("createResponder(): the handler must be a function", { code: "config", scope: "link" });
  const { concurrency, onError, ...link } = checkResponderOptions(options) as ResponderOptions<Body>;
  const receiver = await host.createReceiver<Body>(address, { ...link, handler: link.handler ?? UNHEARD } as ReceiverOptions<Body>);
  return new ClientResponder(host.profile, receiver, handler, { concurrency, onError });
}

class ClientResponder<Body> implements Responder<Body> {
  readonly receiver: Receiver<Body>;
  readonly #profile: Profile;
  readonly #handler: ResponderHandler<Body>;
  readonly #decides: boolean;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #closing: Promise<void> | undefined = undefined;

  constructor(profile: Profile, receiver: Receiver<Body>, handler: ResponderHandler<Body>, options: Pick<ResponderOptions<Body>, "concurrency" | "onError">) {
    this.receiver = receiver;
    this.#profile = profile;
    this.#handler = handler;
    this.#decides = options.onError !== undefined;
    this.#running = receiver.consume((delivery) => this.#handle(delivery), { ...options, signal: this.#stopping.signal }).catch((error: unknown) => {
      if (this.#closing === undefined) profile.onError(asAmqpError(error));
    });
  }

  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #handle(delivery: IncomingDelivery<Body>): Promise<void> {
    const { message } = delivery;
    const answer = await this.#handler(message, delivery);
    if (message.replyTo === undefined) return;
    if (answer === undefined) {
      // The handler has decided otherwise: rejected it, or answered by itself.
      if (delivery.settled) return;
      throw new ConfigError("the handler of createResponder() gave no answer to a request that names a reply-to address", { code: "config", scope: "delivery" });
    }
    try {
      await delivery.reply(answer);
    } catch (error) {
      if (this.#decides || !isUndeliverable(error)) throw error;
      // Whoever asked is gone. Given back, the request would be worked on again and again, for nobody.
      this.#profile.onError(error);
      if (!delivery.settled) await delivery.reject({ condition: error.condition ?? "amqp:not-found", description: `the answer could not be delivered: ${error.message}` });
    }
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    const { clock, timeouts } = this.#profile;
    this.#stopping.abort();
    await within(this.#running, bounds(clock, options, timeouts.close, "link", "the handlers of a responder did not end")).catch(() => undefined);
    await this.receiver.close(options);
  }
}

/** Whether an answer can never reach its address: the peer would not have it, or there is no such node. */
function isUndeliverable(error: unknown): error is AmqpError {
  return error instanceof RejectedError || error instanceof ReleasedError || (error instanceof LinkError && !error.retryable);
}

function asAmqpError(error: unknown): AmqpError {
  return error instanceof AmqpError ? error
    : new AmqpError(`a responder failed: ${error instanceof Error ? error.message : String(error)}`, { code: "handler-failed", scope: "link", cause: error });
}

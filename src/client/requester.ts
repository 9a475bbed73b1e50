/**
 * Requests and their replies over a pair of links: many requests under way, each reply matched by its correlation-id. Replies come
 * to a node that the peer makes for this requester, to a queue of the program's, or over the link itself where it is paired.
 */

import type { AmqpError } from "../errors.ts";
import { ConfigError, LimitError, LinkError, TimeoutError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import type { MessageId, MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import type { CallOptions, CloseOptions } from "../options/call.ts";
import { checkCallOptions, checkRequesterOptions } from "../options/resolve.ts";
import { Deferred } from "../util/deferred.ts";
import { Deque } from "../util/deque.ts";
import { AbortWatch } from "./abort-watch.ts";
import type { IncomingDelivery, OutgoingDelivery, Requester, RequesterOptions, Session } from "./api.ts";
import type { ConnectionStatus } from "./shapes.ts";
import { idKey, withFields } from "./correlation.ts";
import { Deadlines } from "./deadlines.ts";
import type { Timed } from "./deadlines.ts";
import type { ClientIncoming } from "./incoming.ts";
import { freshId } from "./ids.ts";
import type { Profile } from "./profile.ts";
import { PAIRED_LINK } from "./replies.ts";
import type { Links, RequesterHost } from "./requester-links.ts";
import { bothOpen, PAIRED_WINDOW, pairedLinks, promised, twoLinks } from "./requester-links.ts";
import { InDoubtError, notSent } from "./send-errors.ts";
import { within } from "./waiting.ts";

/** Attaches both links of a requester. @throws ConfigError config, LinkError where replies cannot come */
export async function openRequester<Body>(
  host: RequesterHost, address: string | null, options: RequesterOptions<Body> | undefined,
): Promise<Requester<Body>> {
  const { replyTo, correlate, paired = false, ...link } = checkRequesterOptions(options) as RequesterOptions<Body>;
  if (paired && replyTo !== undefined) throw configError("options \"paired\" and \"replyTo\" exclude each other: on a paired link replies come by the link itself");
  if (paired && typeof address !== "string") throw configError("a paired link needs the address of its node");
  const made = link.session === undefined && paired ? host.session() : undefined;
  try {
    const links = paired ? pairedLinks(host, address as string, link, link.session ?? made?.endpoint) : twoLinks(host, address, link, replyTo);
    const requester = new ClientRequester<Body>(host, {
      ...(await bothOpen(...links)), session: made?.endpoint, correlate: correlate ?? (paired ? "message-id" : "correlation-id"), paired, replyTo,
    });
    // The credit for replies leaves before the first request.
    await new Promise<void>((resolve) => host.afterFlush(resolve));
    return requester;
  } catch (error) {
    await made?.endpoint.close().catch(() => undefined);
    throw error;
  }
}

interface Settings<Body> extends Links<Body> {
  /** Made for the two links. */
  readonly session: Session | undefined;
  readonly correlate: "correlation-id" | "message-id";
  readonly paired: boolean;
  /** The queue for replies, where one was named. */
  readonly replyTo: string | undefined;
}

/** A request that waits for its reply. */
class Asked implements Timed {
  readonly key: string;
  readonly what: string;
  readonly withdraw: AbortController;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (reply: Message) => void;
  readonly reject: (error: unknown) => void;
  deadline = Infinity;
  told = false;
  /** Sends it, while it is held back. */
  start: (() => Promise<OutgoingDelivery>) | undefined = undefined;
  /** Once it was accepted. */
  delivery: OutgoingDelivery | undefined = undefined;

  constructor(
    key: string, what: string, withdraw: AbortController, signal: AbortSignal | undefined,
    resolve: (reply: Message) => void, reject: (error: unknown) => void,
  ) {
    this.key = key;
    this.what = what;
    this.withdraw = withdraw;
    this.signal = signal;
    this.resolve = resolve;
    this.reject = reject;
  }
}

class ClientRequester<Body> implements Requester<Body> {
  readonly #host: RequesterHost;
  readonly #profile: Profile;
  readonly #settings: Settings<Body>;
  /** In the order of asking. */
  readonly #outstanding = new Map<string, Asked>();
  readonly #deadlines: Deadlines<Asked>;
  readonly #aborts = new AbortWatch<Asked>((asked, reason) => this.#giveUp(asked, reason));
  /** The beginning of every id that this requester makes. */
  readonly #prefix = `${freshId()}:`;
  readonly #held = new Deque<Asked>();
  readonly #idle: Deferred<void>[] = [];
  #count = 0;
  /** Replies that answered none of our requests, past ones included. */
  #strangers = 0;
  #over: AmqpError | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;
  readonly #status: AsyncIterator<ConnectionStatus>;

  constructor(host: RequesterHost, settings: Settings<Body>) {
    const { profile } = host;
    this.#host = host;
    this.#profile = profile;
    this.#settings = settings;
    this.#deadlines = new Deadlines(profile.clock, profile.timeouts.request, () => this.#outstanding.values(), (asked, timeout) => this.#expire(asked, timeout));
    this.#status = settings.sender.connection.status()[Symbol.asyncIterator]();
    void this.#watch();
    void this.#listen();
  }

  request<Reply = unknown>(message: MessageInit<Body> | Message<Body>, options?: CallOptions): Promise<Message<Reply>> {
    const { timeout, signal } = checkCallOptions(options, "request()");
    const refused = this.#refusal();
    if (refused !== undefined) return Promise.reject(refused);
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    const { request, key, what } = this.#prepare(message);
    const withdraw = new AbortController();
    const send = (): Promise<OutgoingDelivery> => this.#settings.sender.send(request as MessageInit<Body>, { signal: withdraw.signal, timeout: Infinity });
    const sending = this.#full ? undefined : send();
    return new Promise<Message<Reply>>((resolve, reject) => {
      const asked = new Asked(key, what, withdraw, signal, resolve as (reply: Message) => void, reject);
      this.#outstanding.set(key, asked);
      this.#host.requests += 1;
      if (signal !== undefined) this.#aborts.watch(signal, asked);
      this.#deadlines.watch(asked, timeout, this.#profile.clock.now());
      if (sending !== undefined) {
        this.#follow(asked, sending);
      } else {
        asked.start = send;
        this.#held.push(asked);
      }
    });
  }

  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // ---------------------------------------------------------------- asking

  /** Why nothing can be asked now. */
  #refusal(): Error | undefined {
    if (this.#over !== undefined || this.#closing !== undefined) return notSent(this.#over ?? this.#closed(), undefined, this.#title);
    if (this.#replyAddress === undefined) {
      const cause = new LinkError("the connection is lost, and with it the node for replies", { code: "disconnected", scope: "link", retryable: true });
      return notSent(cause, undefined, this.#title);
    }
    const { maxRequests } = this.#profile.limits;
    if (this.#outstanding.size < maxRequests) return undefined;
    const cause = new LimitError(`${this.#outstanding.size} requests wait for their replies already (limits.maxRequests)`,
      { code: "queue-full", scope: "link", retryable: true });
    return notSent(cause, undefined, this.#title, "queue-full");
  }

  /** The request as it goes, and the key that its reply has. @throws ConfigError config */
  #prepare(message: MessageInit<Body> | Message<Body>): { request: MessageInit | Message; key: string; what: string } {
    const { correlate } = this.#settings;
    const replyTo = this.#replyAddress;
    if (message.replyTo !== undefined && message.replyTo !== replyTo) {
      throw new ConfigError("request(): \"replyTo\" is set by the requester; createRequester's option \"replyTo\" chooses where replies go", { code: "config", scope: "delivery" });
    }
    const given: MessageId | undefined = correlate === "message-id" ? message.id : message.correlationId;
    const id = given ?? `${this.#prefix}${++this.#count}`;
    const key = idKey(id);
    if (this.#outstanding.has(key)) {
      throw new ConfigError(`request(): a request with the same ${correlate} waits for its reply; leave it out, or choose another one`, { code: "config", scope: "delivery" });
    }
    // A peer may go by either of them, so a request without an id of its own has the same in both.
    const fields = correlate === "message-id" ? { id } : { correlationId: id, id: message.id ?? id };
    const name = message.subject ?? message.to;
    const what = `the request ${name === undefined ? "" : `"${printable(name)}" `}(${correlate} ${printable(String(id))})`;
    return { request: withFields(message as MessageInit | Message, { ...fields, replyTo }), key, what };
  }

  /** Whether the next request has to wait for replies to the others. */
  get #full(): boolean {
    return this.#settings.paired && this.#outstanding.size - this.#held.length >= PAIRED_WINDOW;
  }

  #follow(asked: Asked, sending: Promise<OutgoingDelivery>): void {
    sending.then((delivery) => this.#accepted(asked, delivery), (error: unknown) => this.#failed(asked, error));
  }

  /** Sends what was held back, as far as replies have come. */
  readonly #release = (): void => {
    while (this.#over === undefined && this.#held.length !== 0 && !this.#full) {
      const asked = this.#held.shift() as Asked;
      const { start } = asked;
      asked.start = undefined;
      this.#follow(asked, promised(start as () => Promise<OutgoingDelivery>));
    }
  };

  #accepted(asked: Asked, delivery: OutgoingDelivery): void {
    asked.delivery = delivery;
    if (!asked.told && this.#over !== undefined) this.#fail(asked, this.#unanswered(asked, this.#over));
  }

  #failed(asked: Asked, error: unknown): void {
    if (asked.told) return;
    const { aborted, reason } = asked.withdraw.signal;
    this.#fail(asked, aborted && error === reason ? notSent(error, undefined, this.#title) : error);
  }

  #expire(asked: Asked, timeout: number): void {
    const { sender } = this.#settings;
    const strange = this.#strangers === 0 ? "" : `; ${this.#strangers} replies came whose correlation-id is that of no request`;
    const state = asked.delivery !== undefined ? `the request was ${doneWith(asked.delivery)}`
      : asked.start !== undefined ? `it waited for the replies to ${PAIRED_WINDOW} others` : `the request was not accepted: ${sender.explain().text}`;
    const error = new TimeoutError(`no reply to ${asked.what} within ${timeout} ms, ${this.#title}: ${state}${strange}`,
      { code: "timeout", scope: "delivery", retryable: true });
    this.#giveUp(asked, error);
  }

  /** Its caller waits no longer: what has not left is taken back. */
  #giveUp(asked: Asked, reason: unknown): void {
    this.#fail(asked, reason);
    if (asked.delivery === undefined) asked.withdraw.abort(reason);
  }

  #fail(asked: Asked, error: unknown): void {
    if (asked.told) return;
    this.#forget(asked);
    asked.reject(error);
  }

  #forget(asked: Asked): void {
    asked.told = true;
    this.#outstanding.delete(asked.key);
    this.#host.requests -= 1;
    this.#deadlines.forget(asked);
    if (asked.signal !== undefined) this.#aborts.forget(asked.signal, asked);
    if (asked.start !== undefined) this.#held.remove(asked);
    // Not at once: when many run out of time together, the others are not to be sent only to run out as well.
    if (this.#held.length !== 0) queueMicrotask(this.#release);
    if (this.#outstanding.size !== 0) return;
    this.#deadlines.stop();
    for (const idle of this.#idle.splice(0)) idle.resolve();
  }

  // ---------------------------------------------------------------- replies

  async #listen(): Promise<void> {
    const { receiver } = this.#settings;
    try {
      for await (const delivery of receiver) this.#answer(delivery);
      this.#lose(new LinkError("the link for replies is closed", { code: "link-detached", scope: "link" }));
    } catch (error) {
      this.#lose(error as AmqpError);
    }
  }

  /** Replies to what was asked before a loss of the connection may never come: whatever becomes of the connection, nobody waits for them. */
  async #watch(): Promise<void> {
    for (let next = await this.#status.next(); next.done !== true; next = await this.#status.next()) {
      if (next.value.type === "disconnected") this.#abandon(next.value.error);
    }
  }

  /** The loop accepts it, whether somebody still waits for it or not. */
  #answer(delivery: IncomingDelivery): void {
    let id: MessageId | undefined;
    try {
      id = delivery.message.correlationId;
    } catch (error) {
      (delivery as unknown as ClientIncoming).rejectUndecodable();
      this.#profile.onError(error as AmqpError);
      return;
    }
    const asked = id === undefined ? undefined : this.#outstanding.get(idKey(id));
    if (asked !== undefined) {
      this.#forget(asked);
      asked.resolve(delivery.message);
    } else if (typeof id !== "string" || !id.startsWith(this.#prefix)) {
      this.#strangers += 1;
    }
  }

  // ---------------------------------------------------------------- ending

  get #title(): string {
    return `requester of ${this.#settings.sender.target.address === undefined ? "no address" : `"${printable(this.#settings.sender.target.address)}"`}`;
  }

  #closed(): AmqpError {
    return new LinkError(`the ${this.#title} is closed`, { code: "link-detached", scope: "link" });
  }

  /** No reply can come any more. */
  #lose(cause: AmqpError): void {
    this.#over ??= cause;
    this.#abandon(cause);
    this.#deadlines.stop();
    this.#aborts.stop();
    void this.#status.return?.();
    void this.#closeLinks(undefined).catch(() => undefined);
  }

  /** Nobody waits any more for what was asked so far. */
  #abandon(cause: AmqpError): void {
    for (const asked of [...this.#outstanding.values()]) {
      if (asked.delivery !== undefined) this.#fail(asked, this.#unanswered(asked, cause));
      else if (asked.start !== undefined) this.#fail(asked, notSent(cause, undefined, this.#title));
      else asked.withdraw.abort(cause);
    }
  }

  /** Where replies to the next request go; undefined while there is no such node. */
  get #replyAddress(): string | undefined {
    const { paired, replyTo, receiver } = this.#settings;
    return paired ? PAIRED_LINK : replyTo ?? receiver.remoteSource.address;
  }

  #unanswered(asked: Asked, cause: AmqpError): InDoubtError {
    return new InDoubtError(`${asked.what} was ${doneWith(asked.delivery as OutgoingDelivery)}, ${this.#title}, and no reply can come any more: ${cause.message}`, {
      code: "in-doubt", retryable: true, cause, outcome: { type: "in-doubt", cause }, delivery: asked.delivery,
    });
  }

  async #close(options: CloseOptions | undefined): Promise<void> {
    const { clock, timeouts } = this.#profile;
    const drain = Math.min(options?.drain ?? 0, (options?.timeout ?? timeouts.close) / 2);
    if (drain > 0 && this.#outstanding.size !== 0) {
      const idle = new Deferred<void>();
      this.#idle.push(idle);
      await within(idle.promise, { clock, timeout: drain, signal: options?.signal, scope: "link", what: "replies" }).catch(() => undefined);
    }
    const closing = this.#closeLinks(options);
    this.#lose(this.#closed());
    await closing;
  }

  async #closeLinks(options: CloseOptions | undefined): Promise<void> {
    const { sender, receiver, session } = this.#settings;
    const call = { ...options, drain: 0 };
    const ended = await Promise.allSettled([sender.close(call), receiver.close(call)]);
    await session?.close(call);
    for (const each of ended) if (each.status === "rejected") throw each.reason;
  }
}

/** What is known of a request that has left; without an outcome, of one that left settled, nothing more. */
function doneWith(delivery: OutgoingDelivery): string {
  return delivery.outcome === undefined ? "sent" : "accepted";
}

function configError(text: string): ConfigError {
  return new ConfigError(`createRequester(): ${text}`, { code: "config", scope: "link" });
}

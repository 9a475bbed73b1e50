/**
 * The two links of a requester: one for the requests, and one for the replies, which come from a node that the peer makes, from a queue that is
 * named, or, paired, from the node of the requests itself.
 */

import type { AmqpErrorInit } from "../errors.ts";
import { AmqpError, LinkError } from "../errors.ts";
import { DEFAULT_PREFETCH } from "../options/limits.ts";
import type { Connection, Receiver, ReceiverOptions, Sender, SenderOptions, Session } from "./api.ts";
import { UNHEARD } from "./events.ts";
import { freshId } from "./ids.ts";
import type { Profile } from "./profile.ts";

/**
 * Requests under way at once on paired links; others wait here. RabbitMQ 4 ends the session when it has an answer and no credit for it, so a
 * paired requester asks for less than it has surely given credit for: `PAIRED_CREDIT` is topped up at half, and what is topped up may
 * leave after the requests of the same turn of the event loop.
 */
export const PAIRED_WINDOW = 100;
const PAIRED_CREDIT = 1_000;

/** The connection on which requests go. */
export interface RequesterHost extends Connection {
  readonly profile: Profile;
  /** Requests that wait for their replies. */
  requests: number;
  /** Calls `task` when all that is written so far was handed to the transport. */
  afterFlush(task: () => void): void;
}

/** Both links, attached. */
export interface Links<Body> {
  readonly sender: Sender<Body>;
  readonly receiver: Receiver;
}

/** The two links while they are being attached; whatever is wrong with one of them is its rejection. */
export type Attaching<Body> = readonly [sender: Promise<Sender<Body>>, receiver: Promise<Receiver>];

/** A link there, and a node for the replies: the peer's own making, or one that is named. */
export function twoLinks<Body>(host: RequesterHost, address: string | null, options: SenderOptions<Body>, replyTo: string | undefined): Attaching<Body> {
  const { name, session, timeout, signal } = options;
  const ours: ReceiverOptions = { ...REPLIES, name, session, timeout, signal };
  return [
    promised(() => host.createSender<Body>(address, { ...options, handler: options.handler ?? UNHEARD })),
    replyTo === undefined
      ? promised(() => host.createReceiver(undefined, { ...ours, dynamic: true })).catch((error: unknown) => { throw noNode(error); })
      : promised(() => host.createReceiver(replyTo, ours)),
  ];
}

/** Two links of one name in one session, from the node and to it. */
export function pairedLinks<Body>(host: RequesterHost, address: string, options: SenderOptions<Body>, session: Session | undefined): Attaching<Body> {
  const { name = freshId(), timeout, signal, guarantee = "at-most-once" } = options;
  const properties = { ...options.properties, paired: true };
  return [
    promised(() => host.createSender<Body>(address, { source: address, ...options, handler: options.handler ?? UNHEARD, name, properties, session, guarantee })),
    promised(() => host.createReceiver(address, { ...REPLIES, prefetch: PAIRED_CREDIT, target: address, name, properties, session, guarantee, timeout, signal })),
  ];
}

/** How replies are taken, whatever the container's defaults are. */
const REPLIES: ReceiverOptions = { handler: UNHEARD, autoAccept: true, prefetch: DEFAULT_PREFETCH, guarantee: "at-least-once" };

/** A promise also where `make` throws at the call. */
export async function promised<T>(make: () => PromiseLike<T>): Promise<T> {
  return make();
}

/** Waits for both links; if one fails, the other one goes with it. */
export async function bothOpen<Body>(...links: Attaching<Body>): Promise<Links<Body>> {
  const [sending, receiving] = await Promise.allSettled(links);
  if (sending.status === "fulfilled" && receiving.status === "fulfilled") {
    const [sender, receiver] = [sending.value, receiving.value];
    if (!receiver.source.dynamic || receiver.remoteSource.address !== undefined) return { sender, receiver };
    await Promise.allSettled([sender.close(), receiver.close()]);
    throw noNode(new LinkError("it told no address", { code: "link-refused", scope: "link", origin: "remote" }));
  }
  if (sending.status === "fulfilled") await sending.value.close().catch(() => undefined);
  if (receiving.status === "fulfilled") await receiving.value.close().catch(() => undefined);
  throw sending.status === "rejected" ? sending.reason : (receiving as PromiseRejectedResult).reason;
}

/** What to do where the peer refuses a dynamic node. */
function noNode(error: unknown): unknown {
  if (!(error instanceof AmqpError) || error.origin !== "remote" || error.scope !== "link") return error;
  const init: AmqpErrorInit = {
    code: error.code, scope: "link", origin: "remote", retryable: error.retryable, condition: error.condition, description: error.description,
    info: error.info, cause: error,
  };
  return new LinkError(`createRequester(): the peer makes no node for replies (${error.message}); give option "replyTo" the address of a queue that only `
    + "this requester reads, or paired: true for a node that answers on the link itself, such as RabbitMQ 4's /management", init);
}

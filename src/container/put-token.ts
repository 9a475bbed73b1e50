/**
 * Puts a token to a peer on a living connection, in the three ways that are in use: by request and reply with the node `$cbs`, as Azure
 * wants it; as a message to that node whose outcome is the answer, as OASIS' draft of AMQP claims-based security has it; and by
 * RabbitMQ's management node.
 */

import type { Receiver, Sender, Session } from "../client/api.ts";
import { UNHEARD } from "../client/events.ts";
import { freshId } from "../client/ids.ts";
import { AmqpError, SaslError } from "../errors.ts";
import { printable } from "../frames/printable.ts";
import { value } from "../message/body.ts";
import type { Message } from "../message/message.ts";
import type { CallOptions } from "../options/call.ts";

/** A token, and until when it is good. */
export interface TokenToPut {
  /** What kind of token it is. */
  readonly type: string;
  readonly token: string;
  /** Milliseconds as of `Date.now()`. */
  readonly expiresAt: number | undefined;
}

/** The node of claims-based security. */
const NODE = "$cbs";

/** "put-token" for each audience, each answered by a message with a status. @throws SaslError auth-failed, AmqpError of the links */
export async function putTokenFor(session: Session, audiences: readonly string[], { type, token, expiresAt }: TokenToPut, call: CallOptions): Promise<void> {
  const replyTo = `cbs-${freshId()}`;
  const [sender, receiver] = await both(
    session.createSender(NODE, { signal: call.signal, source: replyTo, guarantee: "at-least-once", handler: UNHEARD }),
    session.createReceiver(NODE, { signal: call.signal, target: replyTo, sndSettleMode: "mixed", prefetch: audiences.length, handler: UNHEARD }),
  );
  const expiration = expiresAt === undefined ? {} : { expiration: new Date(expiresAt) };
  for (const audience of audiences) {
    const id = freshId();
    // Asked for first, so that the peer has credit for its reply.
    const reply = replyFor(receiver, id, call);
    reply.catch(() => undefined);
    await sender.send({ id, to: NODE, replyTo, properties: { operation: "put-token", type, name: audience, ...expiration }, body: token }, call);
    judgeStatus(await reply, audience);
  }
}

/** "set-token": the outcome is the answer. @throws SaslError auth-failed, AmqpError of the link */
export async function setToken(session: Session, node: string | undefined, { type, token }: TokenToPut, call: CallOptions): Promise<void> {
  const sender = await session.createSender(node ?? NODE, { signal: call.signal, guarantee: "at-least-once", handler: UNHEARD });
  try {
    await sender.send({ subject: "set-token", properties: { "token-type": type }, body: token }, call);
  } catch (error) {
    const { condition, description } = error as AmqpError;
    throw error instanceof AmqpError && error.code === "rejected" ? refused(`set-token was rejected${describe(condition, description)}`, false, error) : error;
  }
}

/** RabbitMQ 4.1 and later: an HTTP request over a pair of links. @throws SaslError auth-failed, AmqpError of the links */
export async function putAuthToken(session: Session, token: string, call: CallOptions): Promise<void> {
  const requester = await session.connection.createRequester("/management", { signal: call.signal, paired: true, session });
  const reply = await requester.request({ to: "/auth/tokens", subject: "PUT", body: value(new TextEncoder().encode(token)) }, call);
  const status = Number(reply.subject);
  if (status >= 200 && status < 300) return;
  const why = typeof reply.body === "string" ? reply.body : undefined;
  throw refused(`PUT /auth/tokens was answered with ${Number.isNaN(status) ? "no status" : status}${describe(undefined, why)}`, status >= 500);
}

async function both(opening: PromiseLike<Sender>, receiving: PromiseLike<Receiver>): Promise<readonly [Sender, Receiver]> {
  const [sender, receiver] = await Promise.allSettled([opening, receiving]);
  if (sender.status === "rejected") throw sender.reason;
  if (receiver.status === "rejected") throw receiver.reason;
  return [sender.value, receiver.value];
}

/** The reply to this request; others are of requests that were given up. */
async function replyFor(receiver: Receiver, id: string, call: CallOptions): Promise<Message> {
  for (;;) {
    const delivery = await receiver.receive(call);
    await delivery.accept();
    if (delivery.message.correlationId === id) return delivery.message;
  }
}

function judgeStatus({ properties }: Message, audience: string): void {
  const status = Number(properties["status-code"]);
  if (status >= 200 && status < 300) return;
  const [condition, text] = [properties["error-condition"], properties["status-description"]].map((one) => (one === undefined || one === null ? undefined : String(one)));
  throw refused(`put-token for ${printable(audience)} was answered with ${Number.isNaN(status) ? "no status" : status}${describe(condition, text)}`, status === 408 || status === 429 || status >= 500);
}

function describe(condition: string | undefined, text: string | undefined): string {
  const parts = [condition, text].filter((one) => one !== undefined && one !== "").map((one) => printable(one as string, 200));
  return parts.length === 0 ? "" : `: ${parts.join(", ")}`;
}

function refused(message: string, retryable: boolean, cause?: unknown): SaslError {
  return new SaslError(message, { code: "auth-failed", scope: "connection", origin: "remote", retryable, cause });
}

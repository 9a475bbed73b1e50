/** What the tests of requests share: a requester whose peer is a script, and the messages of both as the script sees them. */

import type { Requester, RequesterOptions } from "../../src/index.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import { decodeMessage, encodeMessage } from "../../src/testing/codec/message.ts";
import { within } from "../protocol/harness.ts";
import type { Stage } from "./support.ts";

type Fields = Readonly<Record<string, unknown>>;

/** A requester and the two links that the script knows it by. */
export interface Asking {
  readonly requester: Requester;
  /** The attach of each link. */
  readonly sending: Frame;
  readonly receiving: Frame;
  /** The next request: its transfer, and its properties and body. */
  next(): Promise<Request>;
  /** Sends a reply with these properties. */
  reply(properties: Fields, value?: unknown, transfer?: Fields): void;
  /** Gives credit for requests. */
  credit(count: number, deliveryCount?: number): void;
}

/** A request as the script has it. */
export interface Request {
  readonly frame: Frame;
  readonly properties: Fields;
  readonly value: unknown;
  /** Accepts it. */
  accept(): void;
}

/** A requester of `address`; its replies come from the node `replies`. */
export async function asking(
  scene: Stage, options: RequesterOptions = {}, { credit = 100, replies = "made-up", address = "q" }: { credit?: number; replies?: string; address?: string | null } = {},
): Promise<Asking> {
  const { peer, connection } = scene;
  const opening = connection.createRequester(address, options);
  const links = new Map<string, Frame>();
  while (links.size < 2) {
    const frame = await peer.next();
    if (frame.name === "begin") peer.reply(frame);
    if (frame.name !== "attach") continue;
    links.set(String(frame.fields["role"]), frame);
    peer.reply(frame, frame.fields["role"] === "receiver" ? { source: { address: replies, dynamic: options.replyTo === undefined && options.paired !== true } } : {});
  }
  const sending = links.get("sender") as Frame;
  const receiving = links.get("receiver") as Frame;
  // The script answers each session on its own channel, and its handles follow the order of the attaches.
  const handleOf = (frame: Frame): number => (options.paired === true && frame === receiving ? 1 : 0);
  const requester = await within(opening, "the requester");
  const give = (count: number, deliveryCount = 0): void => {
    peer.send("flow", { channel: sending.channel, handle: handleOf(sending), deliveryCount, linkCredit: count });
  };
  if (credit > 0) give(credit);
  return {
    requester, sending, receiving, credit: give,
    next: async () => read(await peer.until("transfer", { more: false }), (frame) => peer.reply(frame)),
    reply: (properties, value = "reply", transfer = {}) => {
      peer.send("transfer", { channel: receiving.channel, handle: handleOf(receiving), ...transfer }, encodeMessage({ properties, value }));
    },
  };
}

/** A transfer's properties and body. */
export function read(frame: Frame, accept: (frame: Frame) => void = () => undefined): Request {
  const sections = new Map(decodeMessage(frame.payload).map(({ name, value }) => [name, value]));
  return { frame, properties: (sections.get("properties") ?? {}) as Fields, value: sections.get("value"), accept: () => accept(frame) };
}

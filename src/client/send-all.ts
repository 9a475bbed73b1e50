/** Sends many messages, some at a time, and gives the deliveries as they settle. */

import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import { ConfigError } from "../errors.ts";
import type { OutgoingDelivery, SendOptions, Sender } from "./api.ts";
import { Feed } from "./feed.ts";

const USUAL = 1_000;

/** @throws ConfigError config */
export async function* sendAll(
  sender: Sender, messages: Iterable<MessageInit | Message> | AsyncIterable<MessageInit | Message>,
  options?: SendOptions & { concurrency?: number | undefined },
): AsyncIterableIterator<OutgoingDelivery> {
  const { concurrency = USUAL, ...each } = options ?? {};
  if (!(concurrency >= 1)) throw new ConfigError("sendAll(): option \"concurrency\" must be at least 1", { code: "config", scope: "link" });
  const settled = new Feed<{ delivery: OutgoingDelivery } | { error: unknown }>();
  const results = settled[Symbol.asyncIterator]();
  let under = 0;
  const give = async (): Promise<OutgoingDelivery> => {
    const result = (await results.next()).value as { delivery: OutgoingDelivery } | { error: unknown };
    under -= 1;
    if ("error" in result) throw result.error;
    return result.delivery;
  };
  const call = options === undefined ? undefined : each;
  for await (const message of messages) {
    under += 1;
    sender.send(message, call).then((delivery) => settled.push({ delivery }), (error: unknown) => settled.push({ error }));
    if (under >= concurrency) yield await give();
  }
  while (under > 0) yield await give();
}

/** Sends many messages, some at a time, and gives the deliveries as they settle. */

import type { MessageInit } from "../message/fields.ts";
import type { Message } from "../message/message.ts";
import { ConfigError } from "../errors.ts";
import type { OutgoingDelivery, SendOptions, Sender } from "./api.ts";
import { Feed } from "./feed.ts";

const USUAL = 1_000;

type Sent = MessageInit | Message;
type Happening =
  | { readonly type: "settled"; readonly delivery: OutgoingDelivery }
  | { readonly type: "failed"; readonly error: unknown }
  | { readonly type: "asked"; readonly result: IteratorResult<Sent> };

/** @throws ConfigError config */
export async function* sendAll(
  sender: Sender, messages: Iterable<Sent> | AsyncIterable<Sent>, options?: SendOptions & { concurrency?: number | undefined },
): AsyncIterableIterator<OutgoingDelivery> {
  const { concurrency = USUAL, ...each } = options ?? {};
  if (!(concurrency >= 1)) throw new ConfigError("sendAll(): option \"concurrency\" must be at least 1", { code: "config", scope: "link" });
  const call = options === undefined ? undefined : each;
  const happenings = new Feed<Happening>();
  const next = happenings[Symbol.asyncIterator]();
  const fail = (error: unknown): void => happenings.push({ type: "failed", error });
  const source = Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  let under = 0;
  let asked = false;
  let exhausted = false;
  const send = (result: IteratorResult<Sent>): void => {
    exhausted = result.done === true;
    if (result.done === true) return;
    under += 1;
    sender.send(result.value, call).then((delivery) => happenings.push({ type: "settled", delivery }), fail);
  };
  try {
    while (!exhausted || under > 0) {
      // A source that has to be waited for must not hold up what settles meanwhile.
      while (!exhausted && !asked && under < concurrency) {
        const result = source.next();
        if (!("then" in result)) {
          send(result);
          continue;
        }
        asked = true;
        result.then((given) => happenings.push({ type: "asked", result: given }), fail);
      }
      if (under === 0 && !asked) continue;
      const happening = (await next.next()).value as Happening;
      if (happening.type === "failed") throw happening.error;
      if (happening.type === "asked") {
        asked = false;
        send(happening.result);
      } else {
        under -= 1;
        yield happening.delivery;
      }
    }
  } finally {
    if (!exhausted) void leave(source);
  }
}

/** The loop was left early: the source is told, and nobody waits for it. */
async function leave(source: Iterator<Sent> | AsyncIterator<Sent>): Promise<void> {
  try {
    await source.return?.();
  } catch {
    // Whoever left the loop is gone.
  }
}

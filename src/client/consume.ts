/**
 * Handlers for each delivery, some at a time: accepted when the handler resolves, given back when it fails, in order within a
 * key where there is one (api.md, consume).
 */

import { AmqpError } from "../errors.ts";
import { checkConsumeOptions } from "../options/resolve.ts";
import { DEFAULT_CONSUME_DRAIN } from "../options/limits.ts";
import { timerDelay } from "../options/timeouts.ts";
import type { ConsumeOptions, IncomingDelivery, Receiver } from "./api.ts";
import type { ClientIncoming } from "./incoming.ts";
import type { LoopOwner } from "./loop.ts";
import { isUndecodable, ReceiverLoop } from "./loop.ts";
import type { Profile } from "./profile.ts";

type Handler = (delivery: IncomingDelivery, context: { readonly signal: AbortSignal }) => unknown;

/** Resolves when the taking has ended and the running handlers are done. @throws ConfigError config, or what ended the link */
export async function consume(receiver: Receiver & LoopOwner, handler: Handler, given: ConsumeOptions | undefined, profile: Profile): Promise<void> {
  const { key, onError, ...rest } = given ?? {};
  const { concurrency = 1, drain = DEFAULT_CONSUME_DRAIN, signal } = checkConsumeOptions(rest);
  const running = new Set<Promise<void>>();
  const lanes = new Map<unknown, Promise<void>>();
  const stopping = new AbortController();
  const context = { signal: stopping.signal };
  const stops = receiver.stopped;
  let timer: { cancel(): void } | undefined;
  let wake: (() => void) | undefined;

  const handle = async (delivery: ClientIncoming): Promise<void> => {
    try {
      await handler(delivery as unknown as IncomingDelivery, context);
    } catch (error) {
      await fail(delivery as unknown as IncomingDelivery, error, onError, profile);
      return;
    }
    await delivery.goOn(true).catch((lost: unknown) => profile.onError(handlerFailure(lost)));
  };
  const enter = (delivery: ClientIncoming): [lane: unknown, work: Promise<void>] => {
    if (key === undefined) return [undefined, handle(delivery)];
    try {
      const lane = key(delivery as unknown as IncomingDelivery);
      const before = lanes.get(lane);
      return [lane, before === undefined ? handle(delivery) : before.then(() => handle(delivery))];
    } catch (error) {
      return [delivery, fail(delivery as unknown as IncomingDelivery, error, onError, profile)];
    }
  };
  const begin = (delivery: ClientIncoming): void => {
    const [lane, entered] = enter(delivery);
    const work = entered.finally(() => {
      running.delete(work);
      if (lanes.get(lane) === work) lanes.delete(lane);
      wake?.();
    });
    running.add(work);
    if (key !== undefined) lanes.set(lane, work);
  };
  const countDown = (): void => {
    const delay = timerDelay(drain);
    if (delay === undefined) return;
    timer ??= profile.clock.setTimer(delay, () => {
      stopping.abort(new AmqpError(`consume(): handlers still run ${drain} ms after the taking ended`, { code: "timeout", scope: "link" }));
    });
  };
  // The taking may end while every handler is busy, and nobody waits for a delivery.
  const end = (): void => {
    countDown();
    wake?.();
  };
  const full = (): boolean => running.size >= concurrency && signal?.aborted !== true && receiver.stopped === stops;

  const loop = new ReceiverLoop(hands(receiver), signal === undefined ? {} : { signal }, profile.clock);
  const forget = receiver.onEnd(end);
  signal?.addEventListener("abort", end, { once: true });
  try {
    for (;;) {
      while (full()) await new Promise<void>((resolve) => { wake = resolve; });
      const result = await loop.next();
      if (result.done === true) break;
      begin(result.value);
    }
  } finally {
    forget();
    signal?.removeEventListener("abort", end);
    countDown();
    await Promise.all(running);
    timer?.cancel();
  }
}

/** A handler failed: one delivery is given back, nothing else happens. */
async function fail(delivery: IncomingDelivery, error: unknown, onError: ConsumeOptions["onError"], profile: Profile): Promise<void> {
  const incoming = delivery as unknown as ClientIncoming;
  try {
    if (typeof onError === "function") await onError(error, delivery);
    else if (onError === "reject" && !delivery.settled) await delivery.reject(error instanceof Error ? error : String(error));
    else profile.onError(handlerFailure(error));
  } catch (again) {
    profile.onError(handlerFailure(again));
  }
  incoming.letGo();
  if (incoming.disposed) return;
  const given = isUndecodable(incoming) ? incoming.rejectUndecodable() : delivery.release({ delivered: true });
  await given.catch((lost: unknown) => profile.onError(handlerFailure(lost)));
}

function handlerFailure(error: unknown): AmqpError {
  if (error instanceof AmqpError) return error;
  return new AmqpError(`a handler of consume() failed: ${error instanceof Error ? error.message : String(error)}`,
    { code: "handler-failed", scope: "delivery", cause: error });
}

/** The receiver as the loop of consume sees it: going on settles nothing, since handlers may still run. */
function hands(receiver: LoopOwner): LoopOwner {
  return {
    autoAccept: "elsewhere",
    get failure() { return receiver.failure; },
    get over() { return receiver.over; },
    get stopped() { return receiver.stopped; },
    tryTake: () => receiver.tryTake(),
    await: (taker) => receiver.await(taker),
    forsake: (taker) => receiver.forsake(taker),
    demand: (limit) => receiver.demand(limit),
    drainOnce: () => receiver.drainOnce(),
    onEnd: (listener) => receiver.onEnd(listener),
  };
}

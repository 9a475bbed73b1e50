/** Taking several deliveries at once: what came within a time, up to a number. */

import type { Clock } from "../options/environment.ts";
import type { BatchOptions } from "../options/link.ts";
import { DEFAULT_BATCH_WITHIN } from "../options/limits.ts";
import { timerDelay } from "../options/timeouts.ts";
import { ConfigError } from "../errors.ts";
import type { ClientIncoming } from "./incoming.ts";
import type { LoopOwner, Taker } from "./loop.ts";
import { isUndecodable } from "./loop.ts";

/** One batch, to be settled by the caller. @throws ConfigError config, or why no more can come */
export async function collect(receiver: LoopOwner, max: number, options: BatchOptions, clock: Clock): Promise<ClientIncoming[]> {
  checkMax(max);
  const demand = receiver.demand(max);
  try {
    const batch = await gather(receiver, max, options, clock);
    if (batch.length === 0 && receiver.over !== undefined) throw receiver.over;
    return batch;
  } finally {
    demand.leave();
  }
}

/** Batch after batch, each accepted when the next is asked for. @throws ConfigError config */
export async function* collectAll(receiver: LoopOwner, max: number, options: BatchOptions, clock: Clock): AsyncIterableIterator<ClientIncoming[]> {
  checkMax(max);
  const demand = receiver.demand(Infinity);
  const stops = receiver.stopped;
  let hand: ClientIncoming[] = [];
  try {
    while (options.signal?.aborted !== true && receiver.stopped === stops) {
      const batch = await gather(receiver, max, options, clock);
      if (batch.length === 0) {
        if (receiver.failure !== undefined) throw receiver.failure;
        if (receiver.over !== undefined) return;
        continue;
      }
      hand = batch;
      yield batch;
      for (const delivery of batch) void delivery.goOn(receiver.autoAccept === true);
      hand = [];
    }
  } finally {
    for (const delivery of hand) {
      delivery.letGo();
      if (delivery.disposed) continue;
      if (isUndecodable(delivery)) delivery.rejectUndecodable();
      else delivery.modify({ deliveryFailed: true });
    }
    demand.leave();
  }
}

function gather(receiver: LoopOwner, max: number, options: BatchOptions, clock: Clock): Promise<ClientIncoming[]> {
  const batch: ClientIncoming[] = [];
  for (let delivery = receiver.tryTake(); delivery !== undefined; delivery = batch.length < max ? receiver.tryTake() : undefined) {
    batch.push(delivery);
  }
  if (batch.length >= max || receiver.over !== undefined) return Promise.resolve(batch);
  return new Promise((resolve) => {
    const finish = (): void => {
      timer?.cancel();
      options.signal?.removeEventListener("abort", finish);
      receiver.forsake(taker);
      resolve(batch);
    };
    const taker: Taker = {
      give: (delivery) => {
        batch.push(delivery);
        if (batch.length >= max) finish();
        else receiver.await(taker);
      },
      end: finish,
    };
    const delay = timerDelay(options.within ?? DEFAULT_BATCH_WITHIN);
    const timer = delay === undefined ? undefined : clock.setTimer(delay, finish);
    receiver.await(taker);
    if (options.signal?.aborted === true) finish();
    else options.signal?.addEventListener("abort", finish, { once: true });
  });
}

function checkMax(max: number): void {
  if (Number.isInteger(max) && max >= 1) return;
  throw new ConfigError("receiveBatch(): max must be a whole number, at least 1", { code: "config", scope: "link" });
}

/** Messages at-least-once from one connection to another by a broker, over a line that is cut again and again. */

import { connect } from "../../src/index.ts";
import type { Connection, ConnectOptions } from "../../src/index.ts";
import type { FaultProxy } from "../../src/testing.ts";
import { cutAgain } from "./cutter.ts";

/** What to do. */
export interface Task {
  readonly queue: string;
  readonly messages: number;
  readonly cuts: number;
  readonly seed: number;
  readonly size: number;
  readonly concurrency: number;
  /** Told now and then how it goes. */
  readonly tell?: ((figures: Figures) => void) | undefined;
}

/** What came of it. */
export interface Figures {
  readonly messages: number;
  accepted: number;
  /** Sends that ended otherwise, by code. */
  readonly failed: Map<string, number>;
  /** Sends that went again on another connection at least once. */
  resent: number;
  /** Different ids that arrived. */
  received: number;
  duplicates: number;
  /** Ids of accepted sends that never arrived. */
  missing: number;
  cuts: number;
  kinds: ReadonlyMap<string, number>;
  recovered: number;
  seconds: number;
}

/** Coming back fast, since flapping is the point: 500 cuts with the defaults would mostly be waiting. */
const QUICK: ConnectOptions = { reconnect: { initialDelay: 1, maxDelay: 20, initial: true }, timeout: 10_000 };
/** Milliseconds without any progress after which the run is over, failed. */
const STUCK = 30_000;

export async function atLeastOnce(proxy: FaultProxy, task: Task): Promise<Figures> {
  const figures: Figures = {
    messages: task.messages, accepted: 0, failed: new Map(), resent: 0, received: 0, duplicates: 0, missing: 0, cuts: 0, kinds: new Map(), recovered: 0, seconds: 0,
  };
  const began = performance.now();
  const [publishing, consuming] = await Promise.all([connect(proxy.url, QUICK), connect(proxy.url, QUICK)]);
  const acceptedIds = new Uint8Array(task.messages);
  const seen = new Uint8Array(task.messages);
  const pace = new Pace(task);
  let stuck = false;
  const watching = [publishing, consuming].map((connection) => countRecoveries(connection, figures));
  const watch = watchProgress(figures, task, () => {
    stuck = true;
    pace.made(Infinity);
    void publishing.close({ timeout: 1_000 }).catch(() => undefined);
    void consuming.close({ timeout: 1_000 }).catch(() => undefined);
  });
  try {
    const cutting = cutAgain(proxy, task.cuts, task.seed, {
      progress: () => (figures.accepted + figures.received) / (2 * task.messages),
      over: () => stuck,
      cut: (made) => pace.made(made),
    });
    await Promise.allSettled([send(publishing, task, figures, acceptedIds, pace), take(consuming, task, figures, seen)]);
    figures.kinds = await cutting;
  } finally {
    watch.stop();
    await Promise.allSettled([publishing.close({ timeout: 2_000 }), consuming.close({ timeout: 2_000 })]);
    await Promise.all(watching);
  }
  for (let id = 0; id < task.messages; id++) if (acceptedIds[id] === 1 && seen[id] === 0) figures.missing += 1;
  figures.cuts = proxy.cuts;
  figures.seconds = (performance.now() - began) / 1000;
  return figures;
}

/** Whether all that is promised holds: every send accepted, every id received, every cut made. */
export function holds(figures: Figures, cuts: number): boolean {
  return figures.accepted === figures.messages && figures.received === figures.messages && figures.missing === 0 && figures.cuts >= cuts;
}

/** Lets sending run ahead of the cuts no further than two of them, so that the cuts are spread over all of the messages. */
class Pace {
  readonly #task: Task;
  allowed: number;
  #waiting: { readonly id: number; readonly go: () => void }[] = [];

  constructor(task: Task) {
    this.#task = task;
    this.allowed = this.#after(0);
  }

  made(cuts: number): void {
    this.allowed = this.#after(cuts);
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ id }) => id >= this.allowed);
    for (const { id, go } of waiting) if (id < this.allowed) go();
  }

  until(id: number): Promise<void> {
    return new Promise((go) => void this.#waiting.push({ id, go }));
  }

  #after(cuts: number): number {
    return this.#task.cuts === 0 ? Infinity : Math.ceil(this.#task.messages * (cuts + 2) / this.#task.cuts);
  }
}

async function send(connection: Connection, task: Task, figures: Figures, accepted: Uint8Array, pace: Pace): Promise<void> {
  const sender = await connection.createSender(task.queue);
  const body = new Uint8Array(task.size);
  const view = new DataView(body.buffer);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < task.messages) {
      const id = next++;
      if (id >= pace.allowed) await pace.until(id);
      view.setUint32(0, id);
      try {
        // the message is encoded before send() returns, so that the body may be used again
        const delivery = await sender.send({ body }, { timeout: 120_000 });
        accepted[id] = 1;
        figures.accepted += 1;
        if (delivery.attempts > 0) figures.resent += 1;
      } catch (error) {
        const code = (error as { code?: string }).code ?? String(error);
        figures.failed.set(code, (figures.failed.get(code) ?? 0) + 1);
      }
    }
  };
  await Promise.all(Array.from({ length: task.concurrency }, worker));
}

async function take(connection: Connection, task: Task, figures: Figures, seen: Uint8Array): Promise<void> {
  const receiver = await connection.createReceiver<Uint8Array>(task.queue, { prefetch: 500 });
  for await (const { message } of receiver) {
    const { body } = message;
    const id = new DataView(body.buffer, body.byteOffset).getUint32(0);
    if (seen[id] === 1) figures.duplicates += 1;
    else {
      seen[id] = 1;
      figures.received += 1;
    }
    if (figures.received === task.messages) return;
  }
}

async function countRecoveries(connection: Connection, figures: Figures): Promise<void> {
  for await (const { type } of connection.status()) if (type === "recovered") figures.recovered += 1;
}

/** Tells how it goes, and calls `onStuck` when it goes no further. */
function watchProgress(figures: Figures, task: Task, onStuck: () => void): { stop(): void } {
  let last = -1;
  let since = performance.now();
  const timer = setInterval(() => {
    task.tell?.(figures);
    const now = figures.accepted + figures.received + figures.duplicates;
    if (now !== last) {
      last = now;
      since = performance.now();
    } else if (performance.now() - since > STUCK) onStuck();
  }, 1_000);
  return { stop: () => clearInterval(timer) };
}

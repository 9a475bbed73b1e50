/**
 * What holds in every case of a fault (robustness.md, FT): each promise settles, once and in time (I1), no rejection goes unheard (I2), nothing
 * is left open (I3), what was accepted has arrived (I5), and no send says accepted, not sent or in doubt where that is not so (I7).
 */

import { AmqpError, InDoubtError, NotSentError } from "../../src/index.ts";
import type { OutgoingDelivery } from "../../src/index.ts";

/** Milliseconds that every promise has. */
const DEADLINE = 20_000;

// Inside a test `process` is a copy that hears nothing: this is the real one.
const outer = (setImmediate.constructor as FunctionConstructor)("return process")() as NodeJS.Process;

/** The books of one case. */
export class Invariants {
  readonly #pending = new Set<string>();
  readonly #sends = new Map<number, "accepted" | "in-doubt" | "not-sent">();
  readonly #received = new Set<number>();
  readonly #wrong: string[] = [];

  /** Watches a promise: it has to settle, and its error to be one of the library's. */
  async settles<T>(promise: Promise<T>, what: string): Promise<T | undefined> {
    this.#pending.add(what);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => {
        this.#wrong.push(`I1 ${what} has not settled within ${DEADLINE} ms`);
        resolve(undefined);
      }, DEADLINE);
    });
    try {
      return await Promise.race([promise, late]);
    } catch (error) {
      if (!(error instanceof AmqpError)) this.#wrong.push(`I1 ${what} failed with no error of the library's: ${String(error)}`);
      return undefined;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(what);
    }
  }

  /** Watches a send: it ends accepted, in doubt or not sent, and its delivery says the same. */
  async sends(id: number, send: Promise<OutgoingDelivery>): Promise<void> {
    const delivery = await this.settles(send.then((sent) => {
      if (sent.outcome?.type !== "accepted") this.#wrong.push(`I7 send ${id} resolved with the outcome ${String(sent.outcome?.type)}`);
      this.#end(id, "accepted");
      return sent;
    }, (error: unknown) => {
      if (error instanceof InDoubtError) this.#end(id, "in-doubt");
      else if (error instanceof NotSentError) this.#end(id, "not-sent");
      else throw error;
      return undefined;
    }), `send ${id}`);
    if (delivery === undefined && !this.#sends.has(id)) this.#wrong.push(`I7 send ${id} has no fate`);
  }

  received(id: number): void {
    this.#received.add(id);
  }

  /** How many sends ended so. */
  count(how: "accepted" | "in-doubt" | "not-sent"): number {
    return [...this.#sends.values()].filter((one) => one === how).length;
  }

  /** All that did not hold. `there`: ids that are still at the broker. */
  breaches(there: Iterable<number> = []): string[] {
    const arrived = new Set([...this.#received, ...there]);
    for (const [id, how] of this.#sends) {
      if (how === "accepted" && !arrived.has(id)) this.#wrong.push(`I5 message ${id} was accepted and has not arrived`);
      if (how === "not-sent" && arrived.has(id)) this.#wrong.push(`I7 message ${id} was said not to be sent and has arrived`);
    }
    for (const what of this.#pending) this.#wrong.push(`I1 ${what} has not settled`);
    return this.#wrong.splice(0);
  }

  #end(id: number, how: "accepted" | "in-doubt" | "not-sent"): void {
    if (this.#sends.has(id)) this.#wrong.push(`I1 send ${id} has settled twice`);
    this.#sends.set(id, how);
  }
}

/** Runs cases and says what of I2 and I3 did not hold: rejections that nobody heard, and sockets and timers that are left. */
export async function leavesNothing(work: () => Promise<void>): Promise<string[]> {
  const wrong: string[] = [];
  const hear = (reason: unknown): void => void wrong.push(`I2 unhandled: ${String(reason)}`);
  const others = outer.listeners("unhandledRejection");
  outer.removeAllListeners("unhandledRejection");
  outer.on("unhandledRejection", hear);
  const before = open();
  try {
    await work();
    const end = performance.now() + 5_000;
    let left = leftOf(before);
    while (left !== "" && performance.now() < end) {
      await new Promise((resolve) => setImmediate(resolve));
      left = leftOf(before);
    }
    if (left !== "") wrong.push(`I3 left open: ${left}`);
  } finally {
    outer.removeAllListeners("unhandledRejection");
    for (const listener of others) outer.on("unhandledRejection", listener);
  }
  return wrong;
}

const WATCHED = ["TCPSocketWrap", "TCPServerWrap", "TLSWrap", "TCPConnectWrap", "ShutdownWrap", "WriteWrap"];

function open(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of outer.getActiveResourcesInfo()) if (WATCHED.includes(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function leftOf(before: ReadonlyMap<string, number>): string {
  const more = [...open()].map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const).filter(([, count]) => count > 0);
  return more.map(([name, count]) => `${count} ${name}`).join(", ");
}

/** What a process holds: memory after the garbage is gone, handles, and promises and errors that nobody took. */

/** Octets after garbage collection. */
export interface Memory {
  readonly heap: number;
  /** Outside the heap: buffers. */
  readonly external: number;
  readonly rss: number;
}

/** The garbage collector, which Node hands out with --expose-gc. */
const collect = (globalThis as { gc?: (() => void) | undefined }).gc;

/** Collects garbage until there is none, in turns, since finalizers and closing handles take some. @throws Error without --expose-gc */
export async function memory(): Promise<Memory> {
  if (collect === undefined) throw new Error("run it with node --expose-gc");
  let before = Infinity;
  for (let round = 0; round < 8; round++) {
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    collect();
    const { heapUsed } = process.memoryUsage();
    if (round >= 2 && heapUsed > before - 10_000) break;
    before = heapUsed;
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** Heap and buffers. */
export function octets({ heap, external }: Memory): number {
  return heap + external;
}

/** Timers, sockets, servers and pipes that keep the process alive, by kind. */
export function resources(): Map<string, number> {
  // These are made when they are first looked at.
  void [process.stdin, process.stdout, process.stderr];
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) {
    // What is over within a turn is no leak.
    if (kind === "Immediate" || kind === "TickObject") continue;
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  }
  return counts;
}

/** What there is beyond a baseline, waiting up to `patience` ms until there is nothing: sockets take a moment to close. */
export async function leftover(baseline: ReadonlyMap<string, number>, patience = 5_000): Promise<string[]> {
  const end = performance.now() + patience;
  for (;;) {
    const left = [...resources()].flatMap(([kind, count]) => {
      const more = count - (baseline.get(kind) ?? 0);
      return more > 0 ? [`${more} ${kind}`] : [];
    });
    if (left.length === 0 || performance.now() > end) return left;
    // No timer, which would be one of them.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Errors that reached the process: none should. */
export class Unhandled {
  readonly seen: string[] = [];

  constructor() {
    process.on("unhandledRejection", (reason) => this.seen.push(`unhandled rejection: ${text(reason)}`));
    process.on("uncaughtException", (error) => this.seen.push(`uncaught exception: ${text(error)}`));
    process.on("warning", (warning) => {
      if (warning.name === "MaxListenersExceededWarning") this.seen.push(`too many listeners: ${warning.message}`);
    });
  }
}

function text(reason: unknown): string {
  return reason instanceof Error ? reason.stack ?? reason.message : String(reason);
}

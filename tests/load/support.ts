/** What several scenarios do. */

import type { Connection } from "../../src/index.ts";
import { leftover, memory, octets } from "./process-state.ts";
import type { Memory } from "./process-state.ts";
import type { Peer, PeerState } from "./peer-process.ts";
import type { Trial } from "./scenario.ts";
import { MB, atMost, exactly } from "./scenario.ts";

/** A server, and where it is. */
export async function serverOf(trial: Trial, settings: Readonly<Record<string, unknown>> = {}): Promise<{ server: Peer; url: string; port: number }> {
  const server = await trial.peer("server", settings);
  return { server, ...server.hello as { url: string; port: number } };
}

/** Runs `count` tasks, so many at a time, each with its number. */
export async function many(count: number, atOnce: number, task: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, async () => {
    while (next < count) await task(next++);
  }));
}

/** So many connections, a few at a time. */
export async function connections(count: number, open: (n: number) => Promise<Connection>): Promise<Connection[]> {
  const opened: Connection[] = [];
  await many(count, 50, async (n) => {
    opened.push(await open(n));
  });
  return opened;
}

/** What both sides hold now, to be compared with later. */
export async function snapshot(server: Peer): Promise<{ ours: Memory; theirs: PeerState }> {
  await server.mark();
  return { ours: await memory(), theirs: await server.state() };
}

/** Rows: what has stayed at both ends since a snapshot, in memory and handles. */
export async function stayed(trial: Trial, what: string, server: Peer, before: Awaited<ReturnType<typeof snapshot>>, handles: ReadonlyMap<string, number>): Promise<void> {
  const left = await leftover(handles);
  const theirs = await server.leftover();
  const after = { ours: await memory(), theirs: await server.state() };
  trial.row(`${what}: heap left, client`, (octets(after.ours) - octets(before.ours)) / MB, "MB", atMost(5));
  trial.row(`${what}: heap left, listener`, (octets(after.theirs) - octets(before.theirs)) / MB, "MB", atMost(5));
  trial.row(`${what}: handles left, both`, left.length + theirs.length, "", exactly(0), [...left, ...theirs].join(", ") || undefined);
}

/** The value at a share of the sorted values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

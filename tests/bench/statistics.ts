/** The figures of a run, their spread over the runs, and ratios within one round. */

import type { PairResult } from "./run-pair.ts";
import type { Workload } from "./workloads.ts";

/** What one run of a pair amounts to. */
export interface Figures {
  /** Messages a second, as the receiver sees them. */
  readonly rate: number;
  /** CPU time per message in microseconds. */
  readonly senderCpu: number;
  readonly receiverCpu: number;
  /** Share of one core that the process used. */
  readonly senderBusy: number;
  readonly receiverBusy: number;
  /** Microseconds; only where one message is sent at a time. */
  readonly p50: number | undefined;
  readonly p99: number | undefined;
}

/** Over several runs. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export type Measure = keyof Figures;

export function figures({ sender, receiver }: PairResult): Figures {
  return {
    rate: receiver.messages / receiver.seconds,
    senderCpu: sender.cpu / sender.messages,
    receiverCpu: receiver.cpu / receiver.messages,
    senderBusy: sender.cpu / sender.seconds / 1e6,
    receiverBusy: receiver.cpu / receiver.seconds / 1e6,
    p50: sender.p50,
    p99: sender.p99,
  };
}

/** undefined of nothing. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return {
    min: sorted[0] as number,
    median: sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2,
    max: sorted[sorted.length - 1] as number,
  };
}

/** A pair's runs of one workload, by round; undefined where it failed. */
export type Rounds = readonly (Figures | undefined)[];

/** The spread of one figure. */
export function spreadOf(rounds: Rounds, measure: Measure): Spread | undefined {
  return spread(rounds.map((round) => round?.[measure]).filter((value) => value !== undefined));
}

/** The spread of one figure divided by the other's of the same round. */
export function ratio(ours: Rounds, theirs: Rounds, measure: Measure): Spread | undefined {
  const ratios: number[] = [];
  for (const [round, mine] of ours.entries()) {
    const a = mine?.[measure];
    const b = theirs[round]?.[measure];
    if (a !== undefined && b !== undefined && b > 0) ratios.push(a / b);
  }
  return spread(ratios);
}

/** The figures by which a workload is judged. */
export function measuresOf(workload: Workload): readonly Measure[] {
  return workload.mode === "latency" ? ["p50", "p99"] : ["rate", "senderCpu", "receiverCpu"];
}

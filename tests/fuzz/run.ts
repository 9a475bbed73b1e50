/** Runs targets with inputs of a seed, and makes a finding's input as small as it gets. */

import { AmqpError } from "../../src/errors.ts";
import { Random } from "./random.ts";
import type { Target } from "./targets.ts";

/** Milliseconds of CPU that one input of at most 64 KiB may cost: 50, for each of the six times that a check runs it at most. */
const MOST_CPU = 6 * 50;

export interface Failure {
  readonly target: Target;
  readonly seed: number;
  readonly input: Uint8Array;
  readonly reason: string;
}

/** What so many inputs have led to, by reaction. */
export class Tally {
  inputs = 0;
  readonly reactions = new Map<string, number>();

  count(reaction: string): void {
    this.inputs += 1;
    this.reactions.set(reaction, (this.reactions.get(reaction) ?? 0) + 1);
  }
}

/** The input number `index` of a seed: the same for ever. */
export function inputOf(target: Target, seed: number, index: number): Uint8Array {
  return target.make(new Random((Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0));
}

/** Runs one input. Answers what is wrong, or undefined. */
export function runOne(target: Target, seed: number, input: Uint8Array, tally?: Tally): Failure | undefined {
  const reason = judge(target, input, tally);
  return reason === undefined ? undefined : { target, seed, input, reason };
}

function judge(target: Target, input: Uint8Array, tally?: Tally): string | undefined {
  const before = process.cpuUsage();
  try {
    const reaction = target.check(input);
    tally?.count(reaction);
  } catch (error) {
    if (error instanceof AmqpError) return `${error.name} came through: ${error.message}`;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const cost = process.cpuUsage(before);
  const ms = (cost.user + cost.system) / 1000;
  // garbage of what ran before and the compiler's work are not the input's: it must be slow every time
  if (ms > MOST_CPU && [1, 2, 3].every(() => cpuOf(target, input) > MOST_CPU)) return `${Math.round(ms)} ms of CPU for ${input.length} octets`;
  return undefined;
}

/** Milliseconds of CPU that an input costs. */
export function cpuOf(target: Target, input: Uint8Array): number {
  const before = process.cpuUsage();
  target.check(input);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** The smallest input found that fails as this one does: octets and runs of them are left out as long as it does. */
export function minimised(failure: Failure, milliseconds = 5_000): Uint8Array {
  const until = Date.now() + milliseconds;
  const kind = kindOf(failure.reason);
  let smallest = failure.input;
  for (let size = Math.max(1, smallest.length >> 1); ; size >>= 1) {
    for (let at = 0; at < smallest.length && Date.now() < until;) {
      const shorter = Uint8Array.from([...smallest.subarray(0, at), ...smallest.subarray(at + size)]);
      const reason = judge(failure.target, shorter);
      if (reason !== undefined && kindOf(reason) === kind) smallest = shorter;
      else at += size;
    }
    if (size <= 1 || Date.now() >= until) return smallest;
  }
}

function kindOf(reason: string): string {
  return (reason.split("\n")[0] ?? "").replace(/[0-9a-f]{4,}|\d+/g, "#").slice(0, 40);
}

/** What a scenario is: one process that loads the library in one way, and tells figures beside their goals. */

import type { Peer } from "./peer-process.ts";

/** A figure and what it should be. */
export interface Row {
  /** The scenario's name. */
  readonly scenario: string;
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  /** undefined where there is no goal: the figure is told, and nothing depends on it. */
  readonly goal: { readonly is: "at most" | "at least" | "exactly"; readonly value: number } | undefined;
  readonly met: boolean;
  /** What one has to know to read the figure. */
  readonly note?: string | undefined;
}

/** How much is done: all of it, or what a test on every change can afford. */
export type Scale = "full" | "short";

/** What a scenario works with. */
export interface Trial {
  readonly scale: Scale;
  /** `full` at full size, `short` else. */
  size(full: number, short: number): number;
  /** A figure. */
  row(what: string, measured: number, unit: string, goal?: Row["goal"], note?: string): void;
  /** A line for who waits. */
  progress(text: string): void;
  /** Another process, ended with this one. */
  peer(name: string, settings?: Readonly<Record<string, unknown>>): Promise<Peer>;
}

/** One way to load the library. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Seconds at full size, at the most; a short one gets a third of it, and no less than 60. */
  readonly limit: number;
  run(trial: Trial): Promise<void>;
}

/** Goals in words. */
export function atMost(value: number): Row["goal"] {
  return { is: "at most", value };
}

export function atLeast(value: number): Row["goal"] {
  return { is: "at least", value };
}

export function exactly(value: number): Row["goal"] {
  return { is: "exactly", value };
}

/** Whether a figure is what it should be. */
export function meets(measured: number, goal: Row["goal"]): boolean {
  if (goal === undefined) return true;
  if (goal.is === "exactly") return measured === goal.value;
  return goal.is === "at most" ? measured <= goal.value : measured >= goal.value;
}

export const MB = 1e6;

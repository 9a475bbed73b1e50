/** What is measured, and between whom. */

import type { Side } from "./side.ts";

/** Who is on either side of a pair. */
export type Program = "ours" | "rhea" | "cpp" | "raw";

/** Two processes that talk to each other. */
export interface Pair {
  /** Its name on the command line and in JSON. */
  readonly name: string;
  readonly title: string;
  readonly sender: Program;
  readonly receiver: Program;
  /** One message object for all sends. */
  readonly reuse?: boolean | undefined;
  /** Only in full runs, or when asked for by name. */
  readonly extra?: boolean | undefined;
}

/** One kind of traffic. */
export interface Workload extends Pick<Side, "size" | "body" | "mode" | "credit" | "window" | "stride"> {
  readonly name: string;
  readonly title: string;
  /** Names of the pairs that do it. */
  readonly pairs: readonly string[];
}

export const PAIRS: readonly Pair[] = [
  { name: "ours", title: "ours", sender: "ours", receiver: "ours" },
  { name: "rhea", title: "rhea", sender: "rhea", receiver: "rhea" },
  { name: "cpp", title: "C++", sender: "cpp", receiver: "cpp" },
  { name: "cpp-reuse", title: "C++, one message reused", sender: "cpp", receiver: "cpp", reuse: true, extra: true },
  { name: "ours-cpp", title: "ours to C++", sender: "ours", receiver: "cpp" },
  { name: "cpp-ours", title: "C++ to ours", sender: "cpp", receiver: "ours" },
  { name: "raw", title: "raw sockets", sender: "raw", receiver: "raw" },
];

const SMALL = { body: "string", mode: "unsettled", credit: 1000, window: 2000, stride: 64 } as const;
// Credit 1000 would let a sender buffer 64 MB and 1 GB of these.
const LARGE = { body: "bytes", mode: "unsettled", stride: 1 } as const;

export const WORKLOADS: readonly Workload[] = [
  { name: "100b", title: "100 B", size: 100, ...SMALL, pairs: ["ours", "rhea", "cpp", "cpp-reuse", "ours-cpp", "cpp-ours", "raw"] },
  { name: "1k", title: "1 KiB", size: 1024, ...SMALL, pairs: ["ours", "rhea", "cpp", "cpp-reuse", "ours-cpp", "cpp-ours", "raw"] },
  { name: "settled", title: "100 B pre-settled", size: 100, ...SMALL, mode: "settled", pairs: ["ours", "rhea", "cpp"] },
  { name: "64k", title: "64 KiB", size: 64 * 1024, ...LARGE, credit: 200, window: 200, pairs: ["ours", "rhea", "cpp", "raw"] },
  { name: "1m", title: "1 MiB", size: 1024 * 1024, ...LARGE, credit: 100, window: 100, pairs: ["ours", "rhea", "cpp", "raw"] },
  { name: "latency", title: "one at a time, 100 B", size: 100, ...SMALL, mode: "latency", stride: 1, pairs: ["ours", "rhea", "cpp", "raw"] },
];

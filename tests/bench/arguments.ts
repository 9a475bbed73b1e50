/** The benchmark's command line. */

import { parseArgs } from "node:util";
import { UsageError } from "../support/command.ts";
import { PAIRS, WORKLOADS } from "./workloads.ts";
import type { Pair, Workload } from "./workloads.ts";

/** What to do. */
export interface Arguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly quick: boolean;
  readonly codec: boolean;
  /** Where profiles of our two processes go; undefined measures. */
  readonly profile: string | undefined;
  readonly runs: number;
  /** Milliseconds. */
  readonly warmUp: number;
  readonly measure: number;
  readonly read: boolean;
  readonly workloads: readonly Workload[];
  readonly pairs: readonly Pair[];
}

const FULL = { runs: 5, warmUp: 1000, measure: 3000 };
const QUICK = { runs: 3, warmUp: 400, measure: 800 };

export const HELP = `npm run bench -- [options] [workloads]

Compares leptonmq with rhea, Qpid Proton C++ and bare sockets: two processes over loopback TCP, one pair after
the other, again and again, so that what the machine does meanwhile meets all of them. Each row is one kind of
traffic: the receiver gives credit (1000 for small messages), accepts by itself and reads each body; the sender
sends unsettled messages with a message-id.

workloads (default: all):
${WORKLOADS.map(({ name, title }) => `  ${name.padEnd(14)} ${title}`).join("\n")}

options:
  --quick        about two minutes: ${QUICK.runs} runs of ${QUICK.measure} ms, not ${FULL.runs} of ${FULL.measure} ms
  --runs n       how often
  --pairs a,b    only these: ${PAIRS.map(({ name }) => name).join(", ")}
  --count-only   receivers count messages and do not read their bodies
  --json         for machines (npm run -s bench -- --json)
  --codec        encoding and decoding alone, in this process
  --profile dir  no table: where the CPU time of our two processes goes, as .cpuprofile and as text
  --help         this text

Proton C++ takes part where g++ and its headers are installed (Debian: libqpid-proton-cpp12-dev).
`;

/** @throws UsageError */
export function parseArguments(words: readonly string[]): Arguments {
  const { values, positionals } = parse(words);
  const quick = values.quick === true;
  const times = quick ? QUICK : FULL;
  const runs = values.runs === undefined ? times.runs : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new UsageError(`--runs ${values.runs ?? ""}: a whole number from 1 is wanted`);
  const pairs = values.pairs === undefined ? PAIRS.filter(({ extra }) => !quick || extra !== true) : choose("pair", PAIRS, values.pairs.split(","));
  return {
    help: values.help === true,
    json: values.json === true,
    quick,
    codec: values.codec === true,
    profile: values.profile,
    runs,
    warmUp: times.warmUp,
    measure: times.measure,
    read: values["count-only"] !== true,
    workloads: positionals.length === 0 ? WORKLOADS : choose("workload", WORKLOADS, positionals),
    pairs,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        help: { type: "boolean", short: "h" }, json: { type: "boolean" }, quick: { type: "boolean" }, codec: { type: "boolean" },
        profile: { type: "string" }, runs: { type: "string" }, pairs: { type: "string" }, "count-only": { type: "boolean" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function choose<T extends { readonly name: string }>(kind: string, all: readonly T[], names: readonly string[]): T[] {
  const unknown = names.find((name) => !all.some((one) => one.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no ${kind} ${unknown}; there are ${all.map(({ name }) => name).join(", ")}`);
  return all.filter(({ name }) => names.includes(name));
}

/** The command line of `npm run load`. */

import { parseArgs } from "node:util";
import { UsageError } from "../support/command.ts";
import { SCENARIOS } from "./scenarios.ts";
import type { Scale, Scenario } from "./scenario.ts";

export interface Arguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly scale: Scale;
  readonly scenarios: readonly Scenario[];
}

export const HELP = `npm run load -- [options]

Loads leptonmq in every way that its goals speak of, each in a process of its own with its peers in others, and prints each
figure beside its goal. Memory is what is left after forced garbage collection. The exit code is 1 where a goal is missed.

scenarios (default: all, about ${Math.ceil(SCENARIOS.reduce((sum, { limit }) => sum + limit, 0) / 5 / 60)} minutes on an idle machine):
${SCENARIOS.map(({ name, title }) => `  ${name.padEnd(11)} ${title}`).join("\n")}

options:
  --only a,b   only these scenarios
  --short      a small part of each, as the tests run it
  --json       for machines (npm run -s load -- --json)
  --help       this text
`;

/** @throws UsageError */
export function parseArguments(words: readonly string[]): Arguments {
  const values = parse(words);
  const names = values.only?.split(",").map((name) => name.trim());
  const unknown = names?.find((name) => !SCENARIOS.some((one) => one.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no scenario ${unknown}; there are ${SCENARIOS.map(({ name }) => name).join(", ")}`);
  return {
    help: values.help === true,
    json: values.json === true,
    scale: values.short === true ? "short" : "full",
    scenarios: names === undefined ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name)),
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words], allowPositionals: false,
      options: { help: { type: "boolean", short: "h" }, json: { type: "boolean" }, short: { type: "boolean" }, only: { type: "string" } },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

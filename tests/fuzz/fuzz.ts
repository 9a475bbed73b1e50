/** `npm run fuzz`: seeded inputs without end, one target after the other, and every finding kept as a vector. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { toHex } from "../../src/testing/codec/octets.ts";
import { inputOf, minimised, runOne, Tally } from "./run.ts";
import type { Failure } from "./run.ts";
import { TARGETS } from "./targets.ts";
import type { Target } from "./targets.ts";

const NAMES = TARGETS.map(({ name }) => name);
const HELP = `npm run fuzz -- [options]

Gives the library what no sane peer would send, made from a seed, and stops at nothing but the clock. What must hold: only a
DecodeError is ever thrown, and only by what decodes; the same input leads to the same answer however it is cut; what was read and is
written again is the same; what is said after a mistake of the peer's is AMQP, and ends with close; 50 ms of CPU are enough.
A finding is made small and written to tests/fuzz/vectors/, which npm test replays. The exit code is 1 where there was one.

options:
  --seconds n  how long (default 60)
  --seed n     the seed (default: the clock's, printed at once)
  --only a,b   ${NAMES.join(", ")} (default: all, in turn)
  --input n    only the input of this number, with --seed and --only: a replay
  --help       this text
`;

process.exitCode = main(process.argv.slice(2));

function main(words: readonly string[]): number {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(words);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  process.stdout.write(`fuzzing ${options.targets.map(({ name }) => name).join(", ")} for ${options.seconds} s with --seed ${options.seed}\n`);
  return options.input === undefined ? fuzz(options.targets, options.seed, options.seconds) : replay(options.targets, options.seed, options.input);
}

function parse(words: readonly string[]): { help: boolean; seconds: number; seed: number; input: number | undefined; targets: readonly Target[] } {
  const { values } = parseArgs({
    args: [...words], allowPositionals: false,
    options: { help: { type: "boolean", short: "h" }, seconds: { type: "string" }, seed: { type: "string" }, only: { type: "string" }, input: { type: "string" } },
  });
  const names = values.only?.split(",").map((name) => name.trim());
  const unknown = names?.find((name) => !NAMES.includes(name as Target["name"]));
  if (unknown !== undefined) throw new Error(`there is nothing called ${unknown} to be fuzzed; there are ${NAMES.join(", ")}`);
  return {
    help: values.help === true, seconds: number("seconds", values.seconds) ?? 60, seed: number("seed", values.seed) ?? Date.now() % 1_000_000_000,
    input: number("input", values.input), targets: names === undefined ? TARGETS : TARGETS.filter(({ name }) => names.includes(name)),
  };
}

function number(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new Error(`--${name} must be a whole number, not "${text}"`);
  return Number(text);
}

function fuzz(targets: readonly Target[], seed: number, seconds: number): number {
  const begun = Date.now();
  const tallies = new Map(targets.map(({ name }) => [name, new Tally()]));
  const kinds = new Set<string>();
  let progress = begun + 5_000;
  let index = 0;
  for (; Date.now() < begun + seconds * 1000; index++) {
    for (const target of targets) {
      const failure = runOne(target, seed, inputOf(target, seed, index), tallies.get(target.name));
      if (failure !== undefined) report(failure, index, kinds);
    }
    if (Date.now() < progress) continue;
    progress = Date.now() + 5_000;
    line(begun, tallies, kinds);
  }
  line(begun, tallies, kinds);
  return kinds.size === 0 ? 0 : 1;
}

function replay(targets: readonly Target[], seed: number, index: number): number {
  let failed = 0;
  for (const target of targets) {
    const input = inputOf(target, seed, index);
    const failure = runOne(target, seed, input);
    process.stdout.write(`${target.name}: ${toHex(input)}\n${failure?.reason ?? `nothing is wrong: ${target.check(input)}`}\n`);
    if (failure !== undefined) failed += 1;
  }
  return failed === 0 ? 0 : 1;
}

function report(failure: Failure, index: number, kinds: Set<string>): void {
  const kind = `${failure.target.name} ${(failure.reason.split("\n")[0] ?? "").replace(/[0-9a-f]{4,}|\d+/g, "#").slice(0, 60)}`;
  if (kinds.has(kind)) return;
  kinds.add(kind);
  const input = minimised(failure);
  const folder = join("tests", "fuzz", "vectors");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${failure.target.name}-${failure.seed}-${index}.hex`);
  writeFileSync(file, `${toHex(input)}\n`);
  process.stdout.write(`FOUND by ${failure.target.name}: ${failure.reason.slice(0, 2_000)}\n  ${input.length} octets, kept in ${file}\n`
    + `  replay: npm run fuzz -- --seed ${failure.seed} --only ${failure.target.name} --input ${index}\n`);
}

function line(begun: number, tallies: ReadonlyMap<string, Tally>, kinds: ReadonlySet<string>): void {
  const counts = [...tallies].map(([name, { inputs, reactions }]) => `${name} ${inputs} (${reactions.size} reactions)`).join(", ");
  process.stdout.write(`${Math.round((Date.now() - begun) / 1000)} s: ${counts}; ${kinds.size} findings; ${Math.round(process.memoryUsage().heapUsed / 1048576)} MB\n`);
}

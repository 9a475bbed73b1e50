/**
 * `npm run bench`: leptonmq beside rhea, Proton C++ and bare sockets, in alternating runs. This file, bundled, is also the Node
 * program of every side: `bench.js --side ours role=sender ...`.
 */

import { fileURLToPath } from "node:url";
import { tellFailure } from "../support/command.ts";
import { HELP, parseArguments } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { describeMachine, machineLine, rheaVersion } from "./machine.ts";
import { profilePair } from "./profile.ts";
import { buildProton } from "./proton-build.ts";
import { ratioRows, report } from "./report.ts";
import type { Measured } from "./report.ts";
import { runPair } from "./run-pair.ts";
import type { Programs } from "./run-pair.ts";
import { parseSide } from "./side.ts";
import { figures } from "./statistics.ts";
import type { Figures } from "./statistics.ts";
import type { Pair } from "./workloads.ts";

const ROOT = process.cwd();

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === "--side") {
    await runSide(words[1] ?? "", words.slice(2));
    return 0;
  }
  const options = parseArguments(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.codec) {
    const { benchCodec } = await import("./codec.ts");
    process.stdout.write(await benchCodec(options));
    return 0;
  }
  const machine = describeMachine(ROOT);
  const notes: string[] = [];
  const { programs, pairs } = prepare(options, notes);
  if (options.profile !== undefined) return profile(options, options.profile, programs);
  const { all, failed } = await measure(options, programs, pairs, notes);
  if (options.json) {
    const measured = all.map(({ workload, rounds }) => ({ workload: workload.name, size: workload.size, pairs: Object.fromEntries(rounds) }));
    process.stdout.write(`${JSON.stringify({ machine, quick: options.quick, runs: options.runs, read: options.read, measured, ratios: ratioRows(all), notes }, null, 2)}\n`);
  } else {
    process.stdout.write(`\n${report(all, notes, options.runs, machineLine(machine))}`);
  }
  return failed ? 1 : 0;
}

async function runSide(program: string, words: readonly string[]): Promise<void> {
  const side = parseSide(words);
  if (program === "ours") await (await import("./peers/ours.ts")).runOurs(side);
  else if (program === "rhea") await (await import("./peers/rhea.ts")).runRhea(side);
  else await (await import("./peers/raw.ts")).runRaw(side);
}

/** Finds the programs; pairs of which one is missing are left out, with a note. */
function prepare(options: Arguments, notes: string[]): { programs: Programs; pairs: readonly Pair[] } {
  let pairs = options.pairs;
  const leaveOut = (program: Pair["sender"], title: string, why: string): void => {
    const left = pairs.filter((pair) => pair.sender !== program && pair.receiver !== program);
    if (left.length !== pairs.length) notes.push(`${title} is left out: ${why}.`);
    pairs = left;
  };
  const proton = buildProton(ROOT);
  if ("missing" in proton) leaveOut("cpp", "Proton C++", proton.missing);
  if (rheaVersion(ROOT) === undefined) leaveOut("rhea", "rhea", "it is not installed");
  const script = fileURLToPath(import.meta.url);
  return { programs: { script, proton: "program" in proton ? proton.program : undefined }, pairs };
}

async function measure(
  options: Arguments, programs: Programs, pairs: readonly Pair[], notes: string[],
): Promise<{ all: Measured[]; failed: boolean }> {
  const all: Measured[] = [];
  let failed = false;
  for (const note of notes) progress(note);
  for (const workload of options.workloads) {
    const rounds = new Map<string, (Figures | undefined)[]>();
    const taking = pairs.filter(({ name }) => workload.pairs.includes(name));
    for (const { name } of taking) rounds.set(name, []);
    const broken = new Set<string>();
    for (let round = 0; round < options.runs; round++) {
      for (const pair of taking) {
        if (broken.has(pair.name)) continue;
        try {
          const one = figures(await runPair(programs, workload, pair, options));
          rounds.get(pair.name)?.push(one);
          progress(`${workload.title}, run ${round + 1} of ${options.runs}, ${pair.title}: ${Math.round(one.rate)} msg/s`);
        } catch (error) {
          const why = error instanceof Error ? error.message : String(error);
          notes.push(`${workload.title}, ${pair.title}, run ${round + 1} failed: ${why}`);
          progress(notes.at(-1) ?? "");
          rounds.get(pair.name)?.push(undefined);
          broken.add(pair.name);
          if (pair.sender === "ours" || pair.receiver === "ours") failed = true;
        }
      }
    }
    all.push({ workload, rounds });
  }
  return { all, failed };
}

async function profile(options: Arguments, folder: string, programs: Programs): Promise<number> {
  for (const workload of options.workloads) {
    for (const pair of options.pairs) {
      if (!workload.pairs.includes(pair.name) || (pair.sender !== "ours" && pair.receiver !== "ours")) continue;
      if (programs.proton === undefined && pair.name !== "ours") continue;
      process.stdout.write(`${await profilePair(programs, workload, pair, options, folder)}\n`);
    }
  }
  return 0;
}

function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = tellFailure(error);
}

/**
 * `npm run load`: every goal of load and memory, measured. This file, bundled, is also the program of each scenario
 * (`load.js --scenario name scale`) and of each peer (`load.js --peer name settings`).
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describeMachine, machineLine } from "../bench/machine.ts";
import { UsageError, tellFailure } from "../support/command.ts";
import { HELP, parseArguments } from "./arguments.ts";
import { Desk, Peer } from "./peer-process.ts";
import { PEERS } from "./peers.ts";
import { Unhandled, leftover, resources } from "./process-state.ts";
import { report } from "./report.ts";
import { exactly, meets } from "./scenario.ts";
import type { Row, Scale, Scenario, Trial } from "./scenario.ts";
import { SCENARIOS } from "./scenarios.ts";

const SCRIPT = fileURLToPath(import.meta.url);
/** Seconds of a short scenario, at the least that its limit says. */
const SHORT_LIMIT = 60;

/** A line that a scenario's process writes. */
type Line = { readonly row: Omit<Row, "scenario"> } | { readonly progress: string };

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === "--peer") {
    const program = PEERS.get(words[1] ?? "");
    if (program === undefined) throw new UsageError(`there is no peer ${words[1] ?? ""}`);
    await program(new Desk(), JSON.parse(words[2] ?? "{}") as Record<string, unknown>);
    return 0;
  }
  if (words[0] === "--scenario") return runScenario(words[1] ?? "", words[2] === "short" ? "short" : "full");
  const options = parseArguments(words);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const machine = describeMachine(process.cwd());
  const rows: Row[] = [];
  for (const scenario of options.scenarios) rows.push(...await inProcess(scenario, options.scale));
  if (options.json) process.stdout.write(`${JSON.stringify({ machine, scale: options.scale, rows }, null, 2)}\n`);
  else process.stdout.write(`\n${report(rows, new Map(SCENARIOS.map(({ name, title }) => [name, title])), machineLine(machine))}`);
  return rows.every(({ met }) => met) ? 0 : 1;
}

/** Runs a scenario in a process of its own and collects what it tells. */
async function inProcess(scenario: Scenario, scale: Scale): Promise<Row[]> {
  const { name, limit } = scenario;
  const rows: Row[] = [];
  const began = performance.now();
  const child = spawn(process.execPath, ["--expose-gc", SCRIPT, "--scenario", name, scale], { stdio: ["ignore", "pipe", "inherit"] });
  let late = false;
  const seconds = scale === "full" ? limit : Math.max(SHORT_LIMIT, limit / 3);
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, seconds * 1000);
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (text) => {
    const line = JSON.parse(text) as Line;
    if ("row" in line) rows.push({ scenario: name, ...line.row });
    else progress(name, line.progress);
  });
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => child.once("close", (...ended) => resolve(ended)));
  clearTimeout(timer);
  if (code !== 0) {
    const note = late ? `it was ended after ${seconds} s` : `its process ended with ${code ?? signal ?? "nothing"}`;
    rows.push({ scenario: name, what: "came to its end", measured: 0, unit: "", goal: exactly(1), met: false, note });
  }
  progress(name, `done in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return rows;
}

/** This process is a scenario's. */
async function runScenario(name: string, scale: Scale): Promise<number> {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (scenario === undefined) throw new UsageError(`there is no scenario ${name}`);
  const unhandled = new Unhandled();
  const peers: Peer[] = [];
  const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
  const trial: Trial = {
    scale,
    size: (full, short) => scale === "full" ? full : short,
    row: (what, measured, unit, goal, note) => say({ row: { what, measured, unit, goal, met: meets(measured, goal), note } }),
    progress: (text) => say({ progress: text }),
    peer: async (peer, settings = {}) => {
      const started = await Peer.start(SCRIPT, peer, settings);
      peers.push(started);
      return started;
    },
  };
  say({ progress: scenario.title });
  const before = resources();
  try {
    await scenario.run(trial);
    const theirs = await Promise.all(peers.map((peer) => peer.state().then((state) => state.unhandled, () => [])));
    const seen = [...unhandled.seen, ...theirs.flat()];
    trial.row("unhandled rejections and exceptions", seen.length, "", exactly(0), seen[0]);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
  const left = await leftover(before);
  trial.row("timers, sockets and listeners left", left.length, "", exactly(0), left.length === 0 ? undefined : left.join(", "));
  return 0;
}

function progress(name: string, text: string): void {
  process.stderr.write(`${name}: ${text}\n`);
}

try {
  const code = await main(process.argv.slice(2));
  // A peer goes on until its scenario ends.
  if (process.argv[2] !== "--peer") process.exitCode = code;
} catch (error) {
  process.exit(tellFailure(error));
}

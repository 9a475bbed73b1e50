/** Profiles of our two processes: V8's `.cpuprofile` files, and as text the functions that took most time themselves. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runPair } from "./run-pair.ts";
import type { Programs, Times } from "./run-pair.ts";
import { figures } from "./statistics.ts";
import type { Pair, Workload } from "./workloads.ts";

/** How many functions are listed. */
const TOP = 25;
/** Microseconds between samples. */
const INTERVAL = 250;

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
}

interface Profile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Profiles one pair (ours on at least one side); answers the text of both sides. */
export async function profilePair(programs: Programs, workload: Workload, pair: Pair, times: Times, folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const fileOf = (role: string): string => `${workload.name}-${pair.name}-${role}.cpuprofile`;
  const nodeArguments = (role: string): string[] => ["--cpu-prof", `--cpu-prof-interval=${INTERVAL}`, `--cpu-prof-dir=${resolve(folder)}`, `--cpu-prof-name=${fileOf(role)}`];
  const result = await runPair({ ...programs, nodeArguments }, workload, pair, times);
  const { rate, senderCpu, receiverCpu } = figures(result);
  const head = `${workload.title}, ${pair.title}: ${Math.round(rate)} msg/s while profiled, CPU per message ${senderCpu.toFixed(2)} us and ${receiverCpu.toFixed(2)} us`;
  const texts: string[] = [];
  for (const role of ["sender", "receiver"] as const) {
    if (pair[role] === "cpp") continue;
    const text = `${head}\n${role}: self time\n\n${summary(JSON.parse(readFileSync(join(folder, fileOf(role)), "utf8")) as Profile)}\n`;
    writeFileSync(join(folder, `profile-${workload.name}-${pair.name}-${role}.txt`), text);
    texts.push(text);
  }
  return texts.join("\n");
}

/** The functions with the most self time, in per cent of the time that the process was not idle. */
function summary(profile: Profile): string {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const times = new Map<string, number>();
  let busy = 0;
  for (const [at, id] of profile.samples.entries()) {
    const frame = frames.get(id);
    const time = profile.timeDeltas[at] ?? 0;
    if (frame === undefined || frame.functionName === "(idle)") continue;
    const place = frame.url === "" ? "" : `${frame.url.split("/").at(-1) ?? ""}:${frame.lineNumber + 1}`;
    const name = `${frame.functionName === "" ? "(anonymous)" : frame.functionName}  ${place}`;
    times.set(name, (times.get(name) ?? 0) + time);
    busy += time;
  }
  const sorted = [...times].sort(([, a], [, b]) => b - a).slice(0, TOP);
  const lines = sorted.map(([name, time]) => `${((time / busy) * 100).toFixed(1).padStart(5)} %  ${name}`);
  return `${(busy / 1000).toFixed(0)} ms awake, by the clock: a call into the kernel also has what its process waited for a core\n${lines.join("\n")}`;
}

/** The tables: what was measured, ratios of ours to the others with their spread, the machine. */

import { measuresOf, ratio, spreadOf } from "./statistics.ts";
import type { Measure, Rounds, Spread } from "./statistics.ts";
import { PAIRS } from "./workloads.ts";
import type { Workload } from "./workloads.ts";

/** All rounds of one workload, by the name of the pair. */
export interface Measured {
  readonly workload: Workload;
  readonly rounds: ReadonlyMap<string, Rounds>;
}

/** Whom ours is compared with. */
const RIVALS = ["rhea", "cpp", "raw"] as const;

const MEASURES: Record<Measure, string> = {
  rate: "msg/s", senderCpu: "sender CPU", receiverCpu: "receiver CPU", senderBusy: "sender busy", receiverBusy: "receiver busy",
  p50: "p50", p99: "p99",
};

/** What the project wants of a ratio, in words. */
const GOALS = new Map<string, string>([
  ...["100b", "1k"].flatMap((name): [string, string][] => [
    [`${name} rate`, "16 x rhea, 2 x C++"], [`${name} senderCpu`, "0.5 x C++"], [`${name} receiverCpu`, "1.0 x C++"],
  ]),
  ["settled rate", "2 x C++"],
  ["1m rate", "1.5 x C++, 0.6 x raw"],
  ["latency p50", "1.15 x raw"],
  ["latency p99", "2 x raw"],
]);

/** One line of the table of ratios, for JSON too. */
export interface RatioRow {
  readonly workload: string;
  readonly measure: Measure;
  readonly rhea: Spread | undefined;
  readonly cpp: Spread | undefined;
  readonly raw: Spread | undefined;
  readonly goal: string | undefined;
}

export function ratioRows(all: readonly Measured[]): RatioRow[] {
  const rows: RatioRow[] = [];
  for (const { workload, rounds } of all) {
    for (const measure of measuresOf(workload)) {
      const [rhea, cpp, floor] = RIVALS.map((name) => ratio(rounds.get("ours") ?? [], rounds.get(name) ?? [], measure));
      // CPU per message beside a floor that has no messages says nothing.
      const raw = measure === "senderCpu" || measure === "receiverCpu" ? undefined : floor;
      if (rhea === undefined && cpp === undefined && raw === undefined) continue;
      rows.push({ workload: workload.name, measure, rhea, cpp, raw, goal: GOALS.get(`${workload.name} ${measure}`) });
    }
  }
  return rows;
}

/** The whole text. */
export function report(all: readonly Measured[], notes: readonly string[], runs: number, machine: string): string {
  const parts = [measuredTable(all, runs)];
  const rows = ratioRows(all);
  if (rows.length !== 0) parts.push(ratioTable(all, rows, runs));
  if (notes.length !== 0) parts.push(notes.join("\n"));
  return `${parts.join("\n\n")}\n\n${machine}\n`;
}

function measuredTable(all: readonly Measured[], runs: number): string {
  const lines = [["workload", "pair", "msg/s", "(min - max)", "MB/s", "sender us", "receiver us", "busy", "p50 us", "p99 us"]];
  for (const { workload, rounds } of all) {
    let title = workload.title;
    for (const pair of PAIRS) {
      const mine = rounds.get(pair.name);
      if (mine === undefined) continue;
      const of = (measure: Measure): Spread | undefined => spreadOf(mine, measure);
      const rate = of("rate");
      lines.push([
        title, pair.title, count(rate?.median), rate === undefined ? "failed" : `(${count(rate.min)} - ${count(rate.max)})`,
        workload.mode === "latency" ? "" : short(scale(rate?.median, workload.size / 1e6)), short(of("senderCpu")?.median), short(of("receiverCpu")?.median),
        `${percent(of("senderBusy")?.median)} ${percent(of("receiverBusy")?.median)}`, short(of("p50")?.median), short(of("p99")?.median),
      ]);
      title = "";
    }
  }
  return `Measured: median of ${runs} runs; CPU (user and system) per message of either process, and how busy it kept a core\n\n${align(lines, 2)}`;
}

function ratioTable(all: readonly Measured[], rows: readonly RatioRow[], runs: number): string {
  const lines = [["ours to", "", "rhea", "C++", "raw sockets", "goal"]];
  let last = "";
  for (const row of rows) {
    const title = all.find(({ workload }) => workload.name === row.workload)?.workload.title ?? row.workload;
    lines.push([title === last ? "" : title, MEASURES[row.measure], range(row.rhea), range(row.cpp), range(row.raw), row.goal ?? ""]);
    last = title;
  }
  return `Ratios, ours divided by theirs in the same round: min median max of ${runs} runs\n\n${align(lines, 2)}`;
}

/** Columns from `right` on stand at the right; a last column of words does not matter. */
function align(lines: readonly (readonly string[])[], right: number): string {
  const columns = Math.max(...lines.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...lines.map((line) => (line[at] ?? "").length)));
  const used = widths.map((_, at) => lines.some((line, row) => row > 0 && (line[at] ?? "").trim() !== ""));
  return lines
    .map((line) => line.map((cell, at) => (at < right ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).filter((_, at) => used[at]).join("  ").trimEnd())
    .join("\n");
}

function range(spread: Spread | undefined): string {
  return spread === undefined ? "" : [spread.min, spread.median, spread.max].map((value) => short(value).padStart(6)).join(" ");
}

function scale(value: number | undefined, by: number): number | undefined {
  return value === undefined ? undefined : value * by;
}

/** Three significant digits or so. */
function short(value: number | undefined): string {
  if (value === undefined) return "";
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(2);
}

function count(value: number | undefined): string {
  if (value === undefined) return "";
  if (value >= 9.995e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 999_500) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 9995) return `${(value / 1000).toFixed(0)} k`;
  return value >= 1000 ? `${(value / 1000).toFixed(1)} k` : value.toFixed(0);
}

function percent(value: number | undefined): string {
  return value === undefined ? "" : `${(value * 100).toFixed(0)}%`.padStart(4);
}

/** The table of figures and goals. */

import type { Row } from "./scenario.ts";

/** The whole table, and a last line that counts. */
export function report(rows: readonly Row[], titles: ReadonlyMap<string, string>, machine: string): string {
  const lines = [["scenario", "figure", "measured", "goal", "met"]];
  let last = "";
  for (const row of rows) {
    const { scenario, what, measured, unit, goal, met } = row;
    lines.push([
      scenario === last ? "" : scenario, what, `${number(measured)}${unit === "" ? "" : ` ${unit}`}`,
      goal === undefined ? "" : `${goal.is === "exactly" ? "" : `${goal.is} `}${number(goal.value)}`, goal === undefined ? "" : met ? "yes" : "NO",
    ]);
    last = scenario;
  }
  const goals = rows.filter(({ goal }) => goal !== undefined);
  const missed = goals.filter(({ met }) => !met);
  const notes = rows.filter(({ note }) => note !== undefined).map(({ scenario, what, note }) => `${scenario}, ${what}: ${note ?? ""}`);
  const parts = [align(lines)];
  if (notes.length !== 0) parts.push(notes.join("\n"));
  parts.push(missed.length === 0 ? `${goals.length} of ${goals.length} goals are met`
    : `${goals.length - missed.length} of ${goals.length} goals are met; missed: ${missed.map(({ scenario, what }) => `${titles.get(scenario) ?? scenario}: ${what}`).join("; ")}`);
  return `${parts.join("\n\n")}\n${machine}\n`;
}

/** Three significant digits or so, thousands apart. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function align(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(...lines.map((line) => (line[at] ?? "").length)));
  return lines.map((line) => line.map((cell, at) => (at === 2 || at === 3 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join("  ").trimEnd()).join("\n");
}

// Prints which rows are proved by which tests, from the last run of each test file and from nothing else.
//
//   npm run features                 the table: id, state, tests that passed, what it is, and where it is tested
//   npm run features -- S07 P04      these rows, with every test that names them
//   npm run features -- --check      exit code 1 unless every promised row is green and no row is red
import { ROWS, PROMISED } from "./rows.mjs";
import { digestOf, readRecords } from "./results.mjs";
import { judge } from "./table.mjs";

const USAGE = "usage: npm run features -- [ID...] [--check]   (ids: S01-S16 P01-P12 J01-J16 X01-X14)\n";
const args = process.argv.slice(2);
const ids = args.filter((word) => !word.startsWith("-"));
const unknown = args.filter((word) => !(word in ROWS) && word !== "--check" && word !== "--help");
if (args.includes("--help") || unknown.length > 0) {
  process.stderr.write(unknown.length === 0 ? USAGE : `unknown: ${unknown.join(", ")}\n${USAGE}`);
  process.exit(unknown.length === 0 ? 0 : 2);
}

const { rows, stale, known } = judge(readRecords(), digestOf);
const lines = [];
for (const { id, title, tests, passed, state } of ids.length === 0 ? rows : rows.filter((row) => ids.includes(row.id))) {
  const files = [...new Set(tests.map(({ file }) => file.replace(/^tests\//, "").replace(/\.test\.ts$/, "")))].sort();
  lines.push(`${id}  ${state.padEnd(7)}  ${String(passed).padStart(4)} of ${String(tests.length).padEnd(4)}  ${title}`);
  if (files.length > 0) lines.push(`${" ".repeat(28)}${files.join(", ")}`);
  if (ids.length > 0) for (const { file, name, passed: good } of tests) lines.push(`     ${good ? "passed" : "FAILED"}  ${file}: ${name}`);
}

const missing = rows.filter(({ id, state }) => PROMISED.includes(id) && state !== "green").map(({ id }) => id);
const red = rows.filter(({ state }) => state === "RED").length;
const green = rows.filter(({ state }) => state === "green").length;
lines.push("", `${green} of ${rows.length} rows are green, ${red} red; ${known} tests known from the last runs`);
if (stale.length > 0) lines.push(`changed since they ran, so not counted: ${stale.join(", ")}`);
if (missing.length > 0) lines.push(`promised and not green: ${missing.join(", ")}`);
process.stdout.on("error", () => process.exit()); // whoever read it has seen enough
process.stdout.write(`${lines.join("\n")}\n`);
if (args.includes("--check") && (missing.length > 0 || red > 0)) process.exitCode = 1;

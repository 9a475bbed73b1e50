/** SECURITY.md and the threat model promise nothing that no test is named after, and are linked. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "@jest/globals";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const read = (name: string): string => readFileSync(join(root, name), "utf8");
const tests = readdirSync(join(root, "tests"), { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts") && !name.startsWith("security-texts")).map((name) => read(join("tests", name))).join("\n");

/** The last cell of every row of every table that has an id in it. */
function idsIn(text: string): string[] {
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  const cells = rows.map((row) => row.split("|").at(-2) ?? "");
  return [...new Set(cells.flatMap((cell) => cell.match(/\b(?:Q\.[a-z-]+|FT\d+|[BPSXJ]\.?\d+)\b/g) ?? []))];
}

/** Whether a test has the id in its name; rows of B and FT are written with and without a dot or a zero. */
function isTested(id: string): boolean {
  const [, letters, digits] = /^([A-Z]+)\.?(\d+)$/.exec(id) ?? [];
  const pattern = letters === undefined ? id.replace(".", "\\.") : `${letters}\\.?0?${digits}`;
  return new RegExp(`${pattern}(?![\\w-])`).test(tests);
}

test("Q every id of the threat model is in the name of a test, and an unknown one would be found", () => {
  const ids = idsIn(read(".github/docs/threat-model.md"));
  expect(ids.length).toBeGreaterThan(30);
  expect(ids.filter((id) => !isTested(id))).toEqual([]);
  expect(["Q.nothing", "B999", "FT999"].filter(isTested)).toEqual([]);
});

test("Q every row of SECURITY.md is one of the table, and each has its tests", () => {
  const rows = [...read(".github/SECURITY.md").matchAll(/^\| (Q\.[a-z-]+) \|/gm)].map(([, id]) => id as string);
  expect(rows).toEqual([
    "Q.tls", "Q.insecure-tls", "Q.plain", "Q.mechanism", "Q.downgrade", "Q.scram", "Q.secrets", "Q.redirect", "Q.server-text", "Q.limits", "Q.listener", "Q.authorisation", "Q.wire-keys", "Q.regex",
    "Q.supply-chain",
  ]);
  expect(rows.filter((id) => !isTested(id))).toEqual([]);
});

test("both are linked from the README, and what they link to is there", () => {
  for (const link of [".github/SECURITY.md", ".github/docs/threat-model.md"]) expect(read("README.md")).toContain(`(${link})`);
  for (const [, target = ""] of read(".github/SECURITY.md").matchAll(/\]\(([^)]+)\)/g)) expect([target, existsSync(join(root, ".github", target))]).toEqual([target, true]);
});

/** Every row of the robustness table has its test, and those that are about frames are run against both sides. */

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import type { Side } from "./stages.ts";
import { rowsAgainst } from "./vectors.ts";

const TESTS = join(dirname(fileURLToPath(import.meta.url)), "..");
/** The last row of the table. */
const LAST = 94;

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);

/** Rows that only one side can meet, such as sessions and links that a listener takes and a client does not; B4 has a listener of its own. */
const ONE_SIDED: Readonly<Record<Side, readonly number[]>> = { client: [67], listener: [4, 91] };
/** Rows proved by tests of SASL and of windows, not by the table. */
const ELSEWHERE = [5, 69];

function idsIn(text: string): number[] {
  return [...text.matchAll(/\bB0?(\d{1,2})\b/g)].map(([, digits]) => Number(digits));
}

describe("the robustness table B", () => {
  test("each row is named by a test", () => {
    const sources = readdirSync(TESTS, { recursive: true, encoding: "utf8" }).filter((name) => /\.test\.ts$|rows-\w+\.ts$/.test(name) && !name.endsWith("protocol/rows.test.ts"));
    const named = new Set(sources.flatMap((name) => readFileSync(join(TESTS, name), "utf8").split("\n").filter((line) => !/^\s*(?:\/\/|\/?\*)/.test(line)).flatMap(idsIn)));
    expect(range(1, LAST).filter((row) => !named.has(row))).toEqual([]);
  });

  test.each<Side>(["client", "listener"])("each row about frames is run against a %s", (side) => {
    const run = new Set(rowsAgainst(side).flatMap(({ title }) => idsIn(title)));
    const wanted = [...range(1, 45), ...range(59, LAST - 3)].filter((row) => !ELSEWHERE.includes(row) && !ONE_SIDED[side].includes(row));
    expect(wanted.filter((row) => !run.has(row))).toEqual([]);
  });
});

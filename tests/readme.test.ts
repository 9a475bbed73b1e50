/** The README's programs: every block marked `ts` type-checks and runs as it stands, and the first one is short. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { ROOT, runProgram, typeErrors } from "./support/programs.ts";

const readme = readFileSync(join(ROOT, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
const named = blocks.map((text, index) => [`block ${index + 1}: ${text.split("\n").find((line) => line.startsWith("//")) ?? text.split("\n")[0]}`, text] as const);

describe("the README's code", () => {
  test("is there, and the first program has at most 25 lines", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(5);
    expect(blocks[0]?.trimEnd().split("\n").length).toBeLessThanOrEqual(25);
    expect(blocks[0]).toContain("send(");
    expect(blocks[0]).toContain("for await");
  });

  test("type-checks under the strict settings", () => {
    expect(typeErrors(Object.fromEntries(blocks.map((text, index) => [`readme-${index + 1}.ts`, text])))).toEqual([]);
  }, 120_000);

  // What a block prints stands behind its console.log as a comment: `// prints: ...` or `// prints, twice: ...`.
  test.each(named)("%s", async (_name, text) => {
    const printed = [...text.matchAll(/\/\/ prints(, twice)?: (.*)$/gm)].flatMap(([, twice, line = ""]) => (twice === undefined ? [line] : [line, line]));
    const ended = await runProgram({ text });
    expect({ ...ended, stdout: ended.stdout.trimEnd().split("\n").filter((line) => line !== "") }).toEqual({ code: 0, stdout: printed, stderr: "" });
  }, 60_000);

  test("names only scripts and examples that exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { scripts: Record<string, string> };
    const mentioned = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map((match) => match[1] ?? "");
    expect(mentioned.filter((name) => !(name in scripts))).toEqual([]);
    const examples = [...readme.matchAll(/examples\/[a-z-]+\.ts/g)].map((match) => match[0]);
    expect(examples.filter((name) => { try { readFileSync(join(ROOT, name)); return false; } catch { return true; } })).toEqual([]);
  });
});

/** B: five thousand seeded inputs, those of the past that went wrong, and what one of them may cost. */

import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { hex } from "../../src/testing/codec/octets.ts";
import { inputOf, runOne, Tally } from "./run.ts";
import { TARGETS } from "./targets.ts";

const VECTORS = join(dirname(fileURLToPath(import.meta.url)), "vectors");
/** Of each target; npm run fuzz makes as many as there is time for. */
const INPUTS = 850;

describe("fuzzing", () => {
  test.each(TARGETS)(`B15 B85 ${INPUTS} seeded inputs for the $name: no crash, the same however cut, bounded CPU`, (target) => {
    const tally = new Tally();
    for (let index = 0; index < INPUTS; index++) {
      const failure = runOne(target, 1, inputOf(target, 1, index), tally);
      if (failure !== undefined) throw new Error(`npm run fuzz -- --seed 1 --only ${target.name} --input ${index}\n${failure.reason}`);
    }
    expect(tally.inputs).toBe(INPUTS);
    // inputs that all lead to the same are no test of anything
    expect(tally.reactions.size).toBeGreaterThan(4);
  }, 120_000);

  test("the same seed and number are the same input, and others are not", () => {
    for (const target of TARGETS) {
      expect(inputOf(target, 5, 17)).toEqual(inputOf(target, 5, 17));
      const several = new Set(Array.from({ length: 20 }, (_, index) => inputOf(target, 5, index).join()));
      expect(several.size).toBeGreaterThan(10);
    }
  });

  test("what was found once is not found again", () => {
    for (const file of readdirSync(VECTORS).filter((name) => name.endsWith(".hex"))) {
      const target = TARGETS.find(({ name }) => file.startsWith(`${name}-`));
      if (target === undefined) throw new Error(`${file} names nothing that can be fuzzed`);
      expect([file, runOne(target, 0, hex(readFileSync(join(VECTORS, file), "utf8").trim()))?.reason]).toEqual([file, undefined]);
    }
  });
});

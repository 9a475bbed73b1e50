/** L: a short form of what `npm run load` measures, each scenario in a process of its own: what must hold however busy the machine is. */

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { program } from "../support/programs.ts";
import type { Program } from "../support/programs.ts";
import type { Row } from "./scenario.ts";

let load: Program;

beforeAll(async () => {
  load = await program({ file: "tests/load/load.ts" });
});

afterAll(async () => {
  await load[Symbol.asyncDispose]();
});

/** Figures that depend on what else the machine does meanwhile. */
const TIMING = /ended before their time|throughput kept|event-loop delay|processor time|late by|the last one is back|time for the last quarter/;

/** Runs a scenario, and answers its figures and those goals that it missed although no clock is to blame. */
async function short(name: string): Promise<{ rows: readonly Row[]; missed: readonly Row[] }> {
  const { stdout, stderr } = await load.run(["--short", "--json", "--only", name]);
  if (stdout === "") throw new Error(`the scenario ${name} told nothing: ${stderr}`);
  const { rows } = JSON.parse(stdout) as { rows: readonly Row[] };
  return { rows, missed: rows.filter(({ what, met }) => !met && !TIMING.test(what)) };
}

describe("L npm run load, a small part of each scenario", () => {
  test.each([
    ["churn", "L.churn 300 connects and 3,000 attaches leave no handle and no memory"],
    ["storm", "L.storm FT40 100 connections cut together are back, after 3 attempts at the most, and nothing is lost"],
    ["idle", "L.idle 200 idle connections on a listener"],
    ["large", "L.large messages of 64 MB, whole and as a stream"],
    ["neighbours", "L.neighbours 500 slow-loris and 10 floods leave no handle and no memory behind"],
    ["blackhole", "L.blackhole J16 a frozen peer is found within 2 x idle + 1 s, by either side"],
    ["timeouts", "L.timeouts every call ends, and by a time-out"],
    ["backlog", "L.backlog 50,000 sends that wait for credit cost 600 octets each at the most"],
    ["straggler", "L.straggler J02 one unsettled delivery holds up none of 10,000 others, either way"],
    ["volume", "L.volume 50,000 messages over the end of the delivery-ids"],
  ])("%s: %s", async (name) => {
    const { rows, missed } = await short(name);
    expect(missed).toEqual([]);
    expect(rows.filter(({ what }) => what === "unhandled rejections and exceptions" || what === "timers, sockets and listeners left")).toHaveLength(2);
  }, 90_000);

  test("prints a table of figures beside their goals, progress beside it, and says by its exit code whether all are met", async () => {
    const { code, stdout, stderr } = await load.run(["--short", "--only", "volume"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^scenario +figure +measured +goal +met$/m);
    expect(stdout).toMatch(/^volume +messages accepted +50,000 +50,000 +yes$/m);
    expect(stdout).toMatch(/^8 of 8 goals are met$|^\d+ of \d+ goals are met$/m);
    expect(stderr).toMatch(/^volume: done in/m);
  }, 90_000);

  test("--help lists the scenarios, and a name that there is not is told", async () => {
    expect((await load.run(["--help"])).stdout).toMatch(/storm +1,000 connections cut together/);
    const { code, stderr } = await load.run(["--only", "strom"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("there is no scenario strom")]);
  });
});

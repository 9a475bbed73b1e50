/** Must hold: at-least-once over a line that is cut again and again, the short form of `npm run faults`. */

import { describe, expect, test } from "@jest/globals";
import { Broker } from "../../src/broker.ts";
import { FaultProxy } from "../../src/testing.ts";
import { program } from "../support/programs.ts";
import { UsageError } from "../support/command.ts";
import { parseArguments } from "./arguments.ts";
import { atLeastOnce, holds } from "./at-least-once.ts";

const seed = Number(process.env["LEPTONMQ_FAULTS_SEED"] ?? 11);

describe("FT1 FT2 I5 at-least-once over many cuts", () => {
  test(`4,000 messages and 40 cuts: every send ends accepted and every id arrives (LEPTONMQ_FAULTS_SEED=${seed})`, async () => {
    const broker = await Broker.start();
    const proxy = await FaultProxy.start(broker.url, { seed });
    try {
      const figures = await atLeastOnce(proxy, { queue: "q", messages: 4_000, cuts: 40, seed, size: 64, concurrency: 200 });
      expect({ failed: [...figures.failed], accepted: figures.accepted, received: figures.received, missing: figures.missing }).toEqual({ failed: [], accepted: 4_000, received: 4_000, missing: 0 });
      expect([holds(figures, 40), figures.resent > 0]).toEqual([true, true]);
    } finally {
      await proxy.close();
      await broker.close();
    }
  }, 60_000);

  test("the command: its figures, its exit codes, its help", async () => {
    await using faults = await program({ file: "tests/faults/faults.ts" });
    const run = await faults.run(["--messages", "500", "--cuts", "5", "--seed", "3"]);
    expect(run.stdout).toMatch(/^at-least-once, seed 3: holds\n {2}sends {7}500: 500 accepted;/);
    expect(run.code).toBe(0);
    expect((await faults.run(["--help"])).stdout).toContain("npm run faults -- [options]");
    const wrong = await faults.run(["--cuts", "many"]);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("--cuts takes a whole number of at least 0; got many")]);
    const nobody = await faults.run(["--to", "amqp://127.0.0.1:1"]);
    expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining("nobody listens on 127.0.0.1:1")]);
  }, 60_000);

  test("the arguments", () => {
    expect(parseArguments([])).toEqual({ messages: 100_000, cuts: 500, seed: 1, to: "embedded", queue: undefined, size: 64, concurrency: 1_000 });
    expect(parseArguments(["--messages", "1,000", "--to", "amqp://b"])).toMatchObject({ messages: 1_000, to: "amqp://b" });
    expect(() => parseArguments(["--size", "4"])).toThrow(UsageError);
    expect(() => parseArguments(["--nonsense"])).toThrow(UsageError);
  });
});

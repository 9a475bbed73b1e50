import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { ManualClock } from "../../src/testing/manual-clock.ts";

describe("ManualClock", () => {
  test("stands still until it is advanced", async () => {
    const clock = new ManualClock(1000);
    let ran = 0;
    clock.setTimer(0, () => ran++);
    clock.setTimer(50, () => ran++);
    expect([clock.now(), ran]).toEqual([1000, 0]);
    await clock.advance(0);
    expect([clock.now(), ran]).toEqual([1000, 1]);
    await clock.advance(49);
    expect([clock.now(), ran]).toEqual([1049, 1]);
    await clock.advance(1);
    expect([clock.now(), ran, clock.pending]).toEqual([1050, 2, 0]);
  });

  test("timers see the time that they were set for, in order, those of the same time in the order of setting", async () => {
    const clock = new ManualClock();
    const log: string[] = [];
    const note = (name: string) => () => void log.push(`${name}@${clock.now()}`);
    clock.setTimer(20, note("c"));
    clock.setTimer(10, note("a"));
    clock.setTimer(20, note("d"));
    clock.setTimer(15, () => {
      note("b")();
      clock.setTimer(3, note("set by b"));
      clock.setTimer(100, note("too late"));
    });
    await clock.advance(30);
    expect(log).toEqual(["a@10", "b@15", "set by b@18", "c@20", "d@20"]);
    expect([clock.now(), clock.pending]).toEqual([30, 1]);
  });

  test("promises settle between timers", async () => {
    const clock = new ManualClock();
    const log: number[] = [];
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(ms, resolve));
    const loop = (async () => {
      for (let i = 0; i < 5; i++) {
        await sleep(10);
        log.push(clock.now());
      }
    })();
    await clock.advance(50);
    await loop;
    expect(log).toEqual([10, 20, 30, 40, 50]);
  });

  test("a cancelled timer never runs", async () => {
    const clock = new ManualClock();
    const timer = clock.setTimer(1, () => expect("cancelled").toBe("run"));
    clock.setTimer(0, () => timer.cancel());
    await clock.advance(5);
    timer.cancel();
    expect(clock.pending).toBe(0);
  });

  test("delays out of range", async () => {
    const clock = new ManualClock();
    let ran = 0;
    clock.setTimer(-5, () => ran++);
    clock.setTimer(Infinity, () => ran++);
    await clock.advance(1e12);
    expect([ran, clock.pending]).toEqual([1, 1]);
    await expect(clock.advance(-1)).rejects.toThrow(RangeError);
    await expect(clock.advance(Infinity)).rejects.toThrow(RangeError);
    await expect(clock.advance(NaN)).rejects.toThrow(RangeError);
  });

  test("any set of delays runs in the order of time", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(100), { maxLength: 12 }), async (delays) => {
        const clock = new ManualClock();
        const order: number[] = [];
        delays.forEach((delay, index) => void clock.setTimer(delay, () => order.push(index)));
        await clock.advance(100);
        expect(order).toEqual(delays.map((_, index) => index).sort((a, b) => delays[a]! - delays[b]! || a - b));
      }),
      { numRuns: 25 },
    );
  });
});

/** B88: how often a peer may go over unsettled deliveries without settling them. */

import { describe, expect, test } from "@jest/globals";
import { Patience } from "../../src/engine/patience.ts";

describe("B88 L.input dispositions that settle nothing", () => {
  test("each delivery may be gone over sixteen times, and then it is over", () => {
    const patience = new Patience();
    const answers = Array.from({ length: 17 }, () => patience.lasts(10_000, 10_000, 2 ** 31));
    expect(answers).toEqual([...new Array<boolean>(16).fill(true), false]);
  });

  test("new deliveries bring their own, and frames about a few are never counted", () => {
    const patience = new Patience();
    for (let round = 0; round < 16; round++) patience.lasts(1_000, 1_000, 1_000);
    for (let n = 0; n < 1_000; n++) expect(patience.lasts(1_000, 1_000, 16)).toBe(true);
    expect(patience.lasts(1_100, 1_000, 1_000)).toBe(true);
    expect(patience.lasts(1_100, 1_000, 1_000)).toBe(false);
  });

  test("exactly-once traffic goes on for ever: each delivery is accepted in a wide frame, and settled after it", () => {
    const patience = new Patience();
    let next = 2 ** 32 - 5_000;
    for (let round = 0; round < 10_000; round++) {
      next = (next + 50) >>> 0;
      // Some rounds bring frames of one, some of fifty; now and then a long wait ends with one about all of eight hundred.
      expect(patience.lasts(next, 50, round % 3 === 0 ? 1 : 50)).toBe(true);
      if (round % 100 !== 0) continue;
      next = (next + 800) >>> 0;
      expect(patience.lasts(next, 800, 800)).toBe(true);
    }
  });

  test("what was saved up by deliveries that are settled now does not count", () => {
    const patience = new Patience();
    patience.lasts(1_000_000, 10, 1);
    patience.lasts(2_000_000, 10, 1);
    let times = 0;
    while (patience.lasts(2_000_000, 100, 100)) times += 1;
    expect(times).toBe(16);
  });
});

/** Cuts a line again and again while something makes progress on it: where, in which direction and how is drawn from a seed. */

import type { FaultProxy } from "../../src/testing.ts";
import { seededRandom } from "../../src/testing/random.ts";

/** Octets after which a cut comes at the latest, once it is due. */
const REACH = 4_096;
/** Milliseconds without a cut or an octet after which a line is cut where it is. */
const STILL = 500;

/** What the cutter watches. */
export interface Work {
  /** From 0 to 1; cuts are spread evenly over it. */
  progress(): number;
  /** Whether it has failed and nothing more is to be cut. */
  over(): boolean;
  /** So many cuts are made. */
  cut?(made: number): void;
}

/** Makes `cuts` cuts. @returns how many by which direction and kind */
export async function cutAgain(proxy: FaultProxy, cuts: number, seed: number, work: Work): Promise<ReadonlyMap<string, number>> {
  const random = seededRandom(seed);
  const kinds = new Map<string, number>();
  for (let n = 0; n < cuts && !work.over(); n++) {
    const at = (n + random()) / cuts;
    const direction = random() < 0.5 ? "up" : "down";
    const how = random() < 0.5 ? "rst" : "fin";
    const bytes = Math.floor(random() * REACH);
    while (work.progress() < at && !work.over()) await pause();
    const before = proxy.cuts;
    proxy.cutAfter(bytes, direction, how);
    await cutOrStill(proxy, before, work);
    proxy.cutAfter(Infinity, direction);
    kinds.set(`${direction} ${how}`, (kinds.get(`${direction} ${how}`) ?? 0) + 1);
    work.cut?.(n + 1);
  }
  return kinds;
}

/** Waits for the cut; where nothing passes any more that could bring it, cuts what is open. */
async function cutOrStill(proxy: FaultProxy, before: number, work: Work): Promise<void> {
  let passed = -1;
  let since = performance.now();
  while (proxy.cuts === before && !work.over()) {
    const now = proxy.passed.up + proxy.passed.down;
    if (now !== passed) {
      passed = now;
      since = performance.now();
    } else if (performance.now() - since > STILL) {
      proxy.cut();
      since = performance.now();
    }
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

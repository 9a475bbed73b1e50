/** The platform's clock: monotonic, so that a change of the time of day neither hurries nor delays anything. */

import type { Clock } from "../options/environment.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(delay, task) {
    const timer = setTimeout(task, delay);
    return { cancel: () => clearTimeout(timer) };
  },
};

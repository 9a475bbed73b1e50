/** The scenarios, in the order in which they run. */

import type { Scenario } from "./scenario.ts";
import { backlog } from "./scenarios/backlog.ts";
import { blackhole } from "./scenarios/blackhole.ts";
import { churn } from "./scenarios/churn.ts";
import { idle } from "./scenarios/idle.ts";
import { input } from "./scenarios/input.ts";
import { large } from "./scenarios/large.ts";
import { links } from "./scenarios/links.ts";
import { neighbours } from "./scenarios/neighbours.ts";
import { storm } from "./scenarios/storm.ts";
import { straggler } from "./scenarios/straggler.ts";
import { timeouts } from "./scenarios/timeouts.ts";
import { volume } from "./scenarios/volume.ts";

export const SCENARIOS: readonly Scenario[] = [
  input, volume, churn, storm, idle, large, neighbours, blackhole, timeouts, links, backlog, straggler,
];

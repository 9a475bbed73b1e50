/**
 * Hostile input as data: what a peer does at which stage, and what the library must answer. Row ids are those of the
 * robustness table, B1 to B45 and B59 to B91; hostile-listener.test.ts and hostile-client.test.ts run them.
 */

import type { Script } from "../../src/testing/script.ts";
import { FRAME_ROWS } from "./rows-frames.ts";
import { LINK_ROWS } from "./rows-links.ts";
import { SESSION_ROWS } from "./rows-sessions.ts";
import type { Answer, Reached, Side, Stage } from "./stages.ts";

/** One attack. */
export interface HostileRow {
  /** Row ids, then what happens. */
  readonly title: string;
  readonly against: Side | "both";
  readonly stage: Stage;
  /** Link of the library's that the row is about. */
  readonly link?: { readonly prefetch?: number; readonly maxMessageSize?: number } | undefined;
  /** What the peer does once the stage is reached. It may check more than the answer. */
  attack(peer: Script, reached: Reached): void | Promise<void>;
  readonly answer: Answer;
}

/** Every row. */
export const HOSTILE_ROWS: readonly HostileRow[] = [...FRAME_ROWS, ...SESSION_ROWS, ...LINK_ROWS];

/** The rows against one side. */
export function rowsAgainst(side: Side): readonly HostileRow[] {
  return HOSTILE_ROWS.filter(({ against }) => against === side || against === "both");
}

/** Runs mechanisms in tests the way a driver does, with the randomness that a test chooses. */

import { answerNeed } from "../../src/container/answers.ts";
import type { Answer, Need } from "../../src/sasl/mechanism.ts";

/** Fulfils one need; undefined where `answerNeed` shall. */
export type Fulfil = (need: Need) => Answer | Promise<Answer> | undefined;

/** The first step that is not a need, the needs before it fulfilled. */
export async function settle<Step extends { readonly type: string }>(
  side: { answer?(answer: Answer): Step }, step: Step, fulfil: Fulfil = () => undefined,
): Promise<Exclude<Step, { readonly type: "need" }>> {
  let next = step;
  while (next.type === "need") {
    const need = next as unknown as Need;
    next = side.answer!(await (fulfil(need) ?? answerNeed(need)));
  }
  return next as Exclude<Step, { readonly type: "need" }>;
}

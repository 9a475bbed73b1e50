/**
 * A breach of the protocol by the peer: what it takes down and the condition that says why. It is thrown where it is
 * seen and answered in one place, `ConnectionEndpoint`, with the close, end or detach of its scope.
 */

import type { ErrorCondition } from "../frames/condition.ts";

/** What a breach takes down. */
export type BreachScope = "connection" | "session" | "link";

/** Thrown inside the engine only; never reaches a caller. */
export class Breach extends Error {
  readonly scope: BreachScope;
  readonly condition: string;

  constructor(scope: BreachScope, condition: string, description: string) {
    super(description);
    this.name = "Breach";
    this.scope = scope;
    this.condition = condition;
  }

  /** As it is told to the peer. */
  get error(): ErrorCondition {
    return { condition: this.condition, description: this.message };
  }
}

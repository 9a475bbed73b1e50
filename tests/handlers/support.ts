/** What the tests of handlers share: handlers that write down what they are told, and the rejections that nobody hears. */

import type { Event, Handler } from "../../src/index.ts";
import { turns } from "../client/support.ts";

/** What a callback was told. */
export interface Told {
  readonly name: keyof Handler;
  readonly event: Event;
}

/** A handler with these callbacks, and what they were told so far. */
export interface Recorder {
  readonly handler: Handler;
  readonly told: Told[];
  /** Names of the callbacks in the order of their calls. */
  names(): string[];
  /** The last event of this name. */
  last(name: keyof Handler): Event;
}

/** Writes down the events of these callbacks. */
export function recorder(...names: readonly (keyof Handler)[]): Recorder {
  const told: Told[] = [];
  const handler = Object.fromEntries(names.map((name) => [name, (event: Event) => void told.push({ name, event })])) as Handler;
  return {
    handler, told,
    names: () => told.map(({ name }) => name),
    last: (name) => {
      const found = told.findLast((each) => each.name === name);
      if (found === undefined) throw new Error(`${name} was not called; these were: ${told.map((each) => each.name).join(", ")}`);
      return found.event;
    },
  };
}

/** The reasons of rejections that nobody hears while `work` runs; the test runner's own listeners rest meanwhile. */
export async function unhandledDuring(work: () => Promise<void>): Promise<unknown[]> {
  // Inside a test `process` is a copy that hears nothing: this is the real one.
  const outer = (setImmediate.constructor as FunctionConstructor)("return process")() as NodeJS.Process;
  const reasons: unknown[] = [];
  const others = outer.listeners("unhandledRejection");
  outer.removeAllListeners("unhandledRejection");
  outer.on("unhandledRejection", (reason) => reasons.push(reason));
  try {
    await work();
    await turns(5);
  } finally {
    outer.removeAllListeners("unhandledRejection");
    for (const listener of others) outer.on("unhandledRejection", listener);
  }
  return reasons;
}

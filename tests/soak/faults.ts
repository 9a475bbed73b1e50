/** The faults of a soak, drawn from a seed: the same seed gives the same ones in the same order. */

import type { FaultProxy } from "../../src/testing.ts";

/** A fault, and how long it lasts. */
export interface Fault {
  readonly kind: string;
  /** Milliseconds; 0 is over at once. */
  readonly lasts: number;
  begin(line: FaultProxy): void;
}

/** Milliseconds by which octets are late on a slow line. */
const LATE = 200;

/** What there is to go wrong; `idle` milliseconds of silence are noticed. */
function kinds(idle: number): readonly Fault[] {
  return [
    { kind: "reset", lasts: 0, begin: (line) => line.cut("rst") },
    { kind: "cut", lasts: 0, begin: (line) => line.cut("fin") },
    { kind: "short stop", lasts: idle / 4, begin: (line) => line.pause() },
    { kind: "blackhole", lasts: idle * 1.75, begin: (line) => line.pause() },
    { kind: "nothing goes up", lasts: idle * 1.5, begin: (line) => line.pause("up") },
    { kind: "nothing comes down", lasts: idle * 1.5, begin: (line) => line.pause("down") },
    { kind: "200 ms later", lasts: 3_000, begin: (line) => line.delay(LATE) },
    { kind: "reset twice", lasts: 150, begin: (line) => {
      line.cut("rst");
    } },
  ];
}

/** Faults without end. */
export function* faultsOf(seed: number, idle: number): Generator<Fault, never> {
  const all = kinds(idle);
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield all[Math.floor(state / 2 ** 32 * all.length)] as Fault;
  }
}

/** Ends what a fault began. */
export function heal(line: FaultProxy, fault: Fault): void {
  line.delay(0);
  line.resume();
  if (fault.kind === "reset twice") line.cut("rst");
}

/**
 * FT1, FT2: a whole session is cut at an octet, by reset and in good order, in either direction, once for each octet of it: in every phase from
 * the connecting to the close. `LEPTONMQ_FAULT="tcp comes-back up rst 123"` runs one case alone; `LEPTONMQ_FAULT_STEP=1` goes over every octet
 * of TLS and WebSocket too, which the tests do at every so many.
 */

import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { FaultProxy } from "../../src/testing.ts";
import type { FaultDirection } from "../../src/testing.ts";
import { leavesNothing } from "../support/invariants.ts";
import { Bench, LINES, session } from "./session.ts";
import type { LineKind } from "./session.ts";

const only = process.env["LEPTONMQ_FAULT"];
const step = process.env["LEPTONMQ_FAULT_STEP"];
/** Sessions at once. */
const WIDTH = 8;
/** Octets from one cut to the next; coprime to the lengths of frames that repeat. */
const STEPS: Readonly<Record<LineKind, number>> = { tcp: 1, tls: 17, ws: 11 };
const MESSAGES = 3;

describe.each(LINES)("FT1 FT2 a cut at each octet of a session over %s", (line) => {
  let bench: Bench;
  beforeAll(async () => { bench = await Bench.start(line); });
  afterAll(() => bench[Symbol.asyncDispose]());

  test.each([["comes-back", true], ["stays-lost", false]] as const)("I1 I2 I3 I5 I7: one that %s", async (name, reconnect) => {
    const manner = { messages: MESSAGES, reconnect };
    const whole = await measure(bench, manner.messages);
    const cases = [];
    for (const direction of ["up", "down"] as const) {
      for (const how of ["rst", "fin"] as const) {
        for (let at = 0; at <= whole[direction]; at += Number(step ?? STEPS[line]) * (reconnect ? 1 : 3)) cases.push({ direction, how, at, title: `${line} ${name} ${direction} ${how} ${at}` });
      }
    }
    const chosen = only === undefined ? cases : cases.filter(({ title }) => title === only);
    const wrong: string[] = [];
    let cuts = 0;
    wrong.push(...await leavesNothing(async () => {
      const rest = chosen.values();
      await Promise.all(Array.from({ length: WIDTH }, async () => {
        for (const { direction, how, at, title } of rest) {
          await using proxy = await FaultProxy.start(bench.url.replace("127.0.0.1", "localhost"));
          proxy.cutAfter(at, direction, how);
          wrong.push(...(await session(bench, proxy, manner)).map((what) => `LEPTONMQ_FAULT="${title}": ${what}`));
          cuts += proxy.cuts;
        }
      }));
    }));
    expect(wrong).toEqual([]);
    // the last octets are not sent by every session: credit comes as it comes
    if (only === undefined) expect(cuts).toBeGreaterThan(chosen.length * 0.8);
  }, 300_000);
});

/** Octets of each direction of a session that is not cut. */
async function measure(bench: Bench, messages: number): Promise<Readonly<Record<FaultDirection, number>>> {
  await using proxy = await FaultProxy.start(bench.url.replace("127.0.0.1", "localhost"));
  expect(await session(bench, proxy, { messages, reconnect: true })).toEqual([]);
  return proxy.passed;
}

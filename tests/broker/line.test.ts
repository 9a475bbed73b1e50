/** The line of a queue and the cursors along it, against a plain list that is searched from the front. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Message } from "../../src/container/public.ts";
import type { Cursor } from "../../src/broker/cursor.ts";
import type { Entry } from "../../src/broker/entry.ts";
import { Line } from "../../src/broker/line.ts";

const message = (priority: number): Message => Message.decode(new Message({ body: null, priority }).encode());

/** What a reader wants: every nth place. */
const readerOf = (line: Line, every: number): Cursor => line.open((entry) => entry.place % every === 0);

describe("X13 line", () => {
  test("a cursor finds what a search from the front would find, whatever others take, give back and remove", () => {
    const step = fc.record({ what: fc.constantFrom("add", "add", "take", "giveBack", "remove", "reopen"), pick: fc.nat(), priority: fc.constantFrom(4, 4, 4, 0, 9) });
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const line = new Line();
      const every = [1, 2, 3];
      const cursors = every.map((n) => readerOf(line, n));
      const entries: Entry[] = [];
      for (const { what, pick, priority } of steps) {
        const index = pick % 3;
        const out = entries.filter((entry) => entry.state === "out");
        if (what === "add") {
          entries.push(line.add(message(priority), 1, undefined, true));
        } else if (what === "take") {
          const entry = cursors[index]?.find(true);
          if (entry !== undefined) line.take(entry);
        } else if (what === "reopen") {
          line.close(cursors[index] as Cursor);
          cursors[index] = readerOf(line, every[index] as number);
        } else {
          const entry = out[pick % Math.max(1, out.length)];
          if (entry !== undefined) line[what](entry);
        }
        const inLine = entries.filter((entry) => entry.state !== "gone").sort((a, b) => b.message.priority - a.message.priority || a.place - b.place);
        expect([...line].map((entry) => entry.place)).toEqual(inLine.map((entry) => entry.place));
        expect(line.waiting).toBe(inLine.filter((entry) => entry.state === "waiting").length);
        for (const [i, cursor] of cursors.entries()) {
          const expected = inLine.find((entry) => entry.state === "waiting" && entry.place % (every[i] as number) === 0);
          expect(cursor.find(true)?.place).toBe(expected?.place);
        }
      }
      for (const cursor of cursors) line.close(cursor);
      expect(entries.filter((entry) => entry.noted !== 0)).toEqual([]);
    }));
  });

  test("asks about each message once, however long the line and however often it is looked at", () => {
    const line = new Line();
    let asked = 0;
    const cursor = line.open((entry) => {
      asked++;
      return entry.place === 4_999;
    });
    for (let n = 0; n < 5_000; n++) line.add(message(4), 1, undefined, true);
    let entry = cursor.find(false);
    let pauses = 0;
    for (; entry === undefined && cursor.paused; entry = cursor.find(false)) pauses++;
    expect([entry?.place, asked, pauses]).toEqual([4_999, 5_000, 4]);
    line.take(entry as Entry);
    for (let n = 0; n < 100; n++) expect(cursor.find(false)).toBeUndefined();
    expect(asked).toBe(5_000);
  });

  test("keeps nothing of what is gone: one that came back a thousand times and one that nobody reads", () => {
    const line = new Line();
    const idle = line.open(() => true);
    const first = line.add(message(4), 1, undefined, true);
    const second = line.add(message(4), 1, undefined, true);
    line.take(first);
    expect(idle.find(false)).toBe(second);
    for (let n = 0; n < 1_000; n++) {
      line.giveBack(first);
      line.take(first);
    }
    expect(first.noted).toBe(1);
    line.remove(first);
    line.remove(second);
    expect([first.noted, second.noted, idle.find(false)]).toEqual([0, 0, undefined]);
  });
});

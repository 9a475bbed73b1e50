import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Deque } from "../../src/util/deque.ts";

describe("Deque", () => {
  test("behaves as an array does, whatever is done to it", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(fc.constantFrom("push", "unshift"), fc.nat({ max: 20 })) },
      { weight: 3, arbitrary: fc.tuple(fc.constantFrom("shift", "remove"), fc.nat({ max: 20 })) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom("burst", "clear", "empty"), fc.nat({ max: 200 })) },
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const deque = new Deque<number>();
      const model: number[] = [];
      for (const [name, n] of steps) {
        if (name === "push") { deque.push(n); model.push(n); }
        if (name === "unshift") { deque.unshift(n); model.unshift(n); }
        if (name === "shift") expect(deque.shift()).toBe(model.shift());
        if (name === "burst") for (let i = 0; i < n; i++) { deque.push(i); model.push(i); }
        if (name === "empty") for (let i = 0; i < n; i++) expect(deque.shift()).toBe(model.shift());
        if (name === "clear" && n < 20) { deque.clear(); model.length = 0; }
        if (name === "remove") {
          const at = model.indexOf(n);
          expect(deque.remove(n)).toBe(at !== -1);
          if (at !== -1) model.splice(at, 1);
        }
        expect(deque.length).toBe(model.length);
        expect(deque.peek()).toBe(model[0]);
        expect(deque.at(n)).toBe(model[n]);
      }
      expect([...deque]).toEqual(model);
      expect(deque.at(-1)).toBe(undefined);
      expect(deque.at(model.length)).toBe(undefined);
    }));
  });

  test("an undefined value is a value", () => {
    const deque = new Deque<undefined>();
    deque.push(undefined);
    expect(deque.length).toBe(1);
    expect(deque.remove(undefined)).toBe(true);
    expect(deque.length).toBe(0);
  });

  test("a million in and out take linear time", () => {
    const deque = new Deque<number>();
    for (let i = 0; i < 1_000_000; i++) deque.push(i);
    let sum = 0;
    for (let value = deque.shift(); value !== undefined; value = deque.shift()) sum += value;
    expect(sum).toBe(499_999_500_000);
  });
});

/** The heap against sorting. */

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { Heap } from "../../src/util/heap.ts";

describe("heap", () => {
  test("gives its values out in order, whatever the order in which they came and went", () => {
    fc.assert(fc.property(fc.array(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant("pop" as const), fc.constant("filter" as const)), { maxLength: 200 }), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      let model: number[] = [];
      for (const step of steps) {
        if (step === "pop") {
          expect(heap.pop()).toBe(model.shift());
        } else if (step === "filter") {
          heap.filter((value) => value % 3 !== 0);
          model = model.filter((value) => value % 3 !== 0);
        } else {
          heap.push(step);
          model = [...model, step].sort((a, b) => a - b);
        }
        expect([heap.size, heap.peek()]).toEqual([model.length, model[0]]);
      }
      for (const value of model) expect(heap.pop()).toBe(value);
      expect(heap.pop()).toBeUndefined();
    }));
  });
});

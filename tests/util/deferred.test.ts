import { describe, expect, test } from "@jest/globals";
import { Deferred } from "../../src/util/deferred.ts";

describe("Deferred", () => {
  test("resolves once", async () => {
    const deferred = new Deferred<number>();
    expect(deferred.settled).toBe(false);
    deferred.resolve(1);
    expect(deferred.settled).toBe(true);
    deferred.resolve(2);
    deferred.reject(new Error("late"));
    await expect(deferred.promise).resolves.toBe(1);
  });
  test("rejects with the reason itself", async () => {
    const deferred = new Deferred();
    const reason = { any: "thing" };
    deferred.reject(reason);
    expect(deferred.settled).toBe(true);
    await expect(deferred.promise).rejects.toBe(reason);
  });
});

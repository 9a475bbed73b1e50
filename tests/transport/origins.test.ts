/** Which pages may connect where nothing is said, also from other machines, which no test here is. */

import { expect, test } from "@jest/globals";

import { mayCome } from "../../src/transport/origins.ts";

test.each<[string | undefined, string | undefined, boolean]>([
  [undefined, undefined, true],
  ["https://mq.example", "mq.example:5671", true],
  ["https://MQ.example:8443", "mq.example", true],
  ["http://[2001:db8::1]:80", "[2001:db8::1]:5672", true],
  ["https://shop.example", "mq.example", false],
  ["https://mq.example.shop.example", "mq.example", false],
  ["http://localhost", "mq.example", false],
  ["https://mq.example", undefined, false],
  ["https://mq.example", "::", false],
  ["null", "mq.example", false],
])("B92 from another machine: a page of %s that asks for %s", (origin, host, expected) => {
  expect(mayCome(origin, host, undefined, false)).toBe(expected);
});

test("B92 on this machine the host that was asked for proves nothing", () => {
  expect(mayCome("http://rebound.example", "rebound.example", undefined, true)).toBe(false);
  expect(mayCome("http://app.localhost:3000", "127.0.0.1:5672", undefined, true)).toBe(true);
});

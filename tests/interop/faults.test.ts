/** Must hold: at-least-once to RabbitMQ 4 over a line that is cut again and again; `npm run faults -- --to rabbitmq4` is the long form. */

import { describe, expect, test } from "@jest/globals";
import { FaultProxy } from "../../src/testing.ts";
import { atLeastOnce, holds } from "../faults/at-least-once.ts";
import { queueAt } from "../faults/queue-at.ts";
import { useBrokers } from "./support/brokers.ts";

const broker = useBrokers("rabbitmq4");

describe("FT1 FT2 I5 at-least-once over many cuts", () => {
  test("RabbitMQ 4: 4,000 messages and 40 cuts: every send ends accepted and every id arrives", async () => {
    const { url } = broker("rabbitmq4");
    const queue = await queueAt(url, undefined);
    const proxy = await FaultProxy.start(url);
    try {
      const figures = await atLeastOnce(proxy, { queue: queue.address, messages: 4_000, cuts: 40, seed: 12, size: 64, concurrency: 200 });
      expect({ failed: [...figures.failed], accepted: figures.accepted, received: figures.received, missing: figures.missing }).toEqual({ failed: [], accepted: 4_000, received: 4_000, missing: 0 });
      expect(holds(figures, 40)).toBe(true);
    } finally {
      await proxy.close();
      await queue.remove();
    }
  });
});

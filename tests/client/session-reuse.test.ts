/** New links while the sessions of others are about to end: every channel is taken for a moment. */

import { describe, expect, test } from "@jest/globals";
import { pair, until } from "./support.ts";

describe("L.churn links that come while others go", () => {
  test("with an only channel, a link that is made while the last one closes gets the channel after it", async () => {
    const { connection, listener } = await pair({ connect: { channelMax: 0 } });
    void listener.serve((request) => request.accept());
    for (let round = 0; round < 5; round++) {
      const sender = await connection.createSender("q");
      const closing = sender.close();
      // It shares the session, or waits for its channel; it never dies with it.
      const [receiver, second] = [connection.createReceiver("q"), connection.createSender("q")];
      await closing;
      const links = await Promise.all([receiver, second]);
      expect(links.map(({ state }) => state.remote)).toEqual(["active", "active"]);
      await Promise.all(links.map((link) => link.close()));
    }
  });

  test("two hundred links, each closed as soon as it is open, eight at a time over four channels", async () => {
    const { connection, listener } = await pair({ connect: { channelMax: 3 } });
    void listener.serve((request) => request.accept());
    let made = 0;
    await Promise.all(Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; n < 25; n++) {
        const link = (lane + n) % 2 === 0 ? await connection.createSender("q") : await connection.createReceiver("q");
        made += 1;
        await link.close();
      }
    }));
    expect(made).toBe(200);
    await until(() => [...connection.links()].length === 0);
  });
});

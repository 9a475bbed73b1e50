/** Which promises may go unheard, and which become an unhandledRejection. */

import { describe, expect, test } from "@jest/globals";
import type { OutgoingDelivery } from "../../src/index.ts";
import { within } from "../protocol/harness.ts";
import { answer, ids, nextCredit, deliver, receiverOn, senderOn, stage, turns } from "./support.ts";

/** The reasons that the process hears of while `work` runs; the test runner's own listeners rest meanwhile. */
async function unhandledDuring(work: () => Promise<void>): Promise<unknown[]> {
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

describe("I2 unhandled promises", () => {
  test("closed, settlement and outcomes of deliveries never reject, and need no handler", async () => {
    const reasons = await unhandledDuring(async () => {
      const scene = await stage();
      const sender = await senderOn(scene, 1);
      const receiver = await receiverOn(scene);
      const receiving = receiver.receive();
      await nextCredit(scene.peer);
      deliver(scene.peer, 1);
      const incoming = await within(receiving, "receive");
      const outgoing = sender.trySend({ body: 1 }) as OutgoingDelivery;
      const waits = [sender.closed, receiver.closed, scene.connection.closed, sender.session.closed, outgoing.settlement];
      await turns();
      scene.peer.drop("rst");
      expect((await within(Promise.allSettled(waits), "all")).map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => "fulfilled"));
      expect(outgoing.outcome?.type).toBe("in-doubt");
      incoming.accept();
      incoming.release();
    });
    expect(reasons).toEqual([]);
  });

  test("what is awaited elsewhere: the session of a link, a link on a connection to a url, requests, loops that were left", async () => {
    const reasons = await unhandledDuring(async () => {
      const scene = await stage();
      const opening = scene.connection.createSender("q");
      const refused = expect(opening).rejects.toMatchObject({ code: "link-refused" });
      await answer(scene.peer, { target: null });
      scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
      await refused;
      const receiver = await receiverOn(scene);
      const loop = receiver[Symbol.asyncIterator]();
      await loop.return?.();
      await expect(scene.container.createSender("amqp://127.0.0.1:1/q")).rejects.toMatchObject({ code: "connect-failed" });
      scene.peer.drop("rst");
      await scene.connection.closed;
    });
    expect(reasons).toEqual([]);
  });

  test("a send and an opening that nobody hears of reject as usual, once each", async () => {
    const reasons = await unhandledDuring(async () => {
      const scene = await stage();
      const sender = await senderOn(scene, 1);
      void sender.send({ body: 1 });
      await ids(scene.peer, 1);
      scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "rejected" });
      void scene.connection.createReceiver("missing");
      await answer(scene.peer, { source: null });
      scene.peer.send("detach", { closed: true, error: { condition: "amqp:not-found" } });
      await turns();
      void scene.container.connect("amqp://127.0.0.1:1");
      await turns(60);
    });
    expect(reasons.map((reason) => (reason as { code: string }).code).sort()).toEqual(["connect-failed", "link-refused", "rejected"]);
  });
});

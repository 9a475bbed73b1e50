/** R.8, J05: how many sends may wait while there is no connection, and what becomes of each of them. */

import { describe, expect, test } from "@jest/globals";
import { connect, LimitError, NotSentError } from "../../src/index.ts";
import type { Connection, ConnectionStatus, ConnectOptions } from "../../src/index.ts";
import { decodeMessage } from "../../src/testing/codec/message.ts";
import type { Frame } from "../../src/testing/codec/frame.ts";
import type { Script } from "../../src/testing/script.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { afterwards, answerClosing, answerLink, serve, within } from "../protocol/harness.ts";
import { failure, settled } from "./support.ts";

const QUICK: ConnectOptions = { timeout: 4_500, reconnect: { initialDelay: 1, maxDelay: 5 } };

const body = (frame: Frame): unknown => decodeMessage(frame.payload).find(({ name }) => name === "value")?.value;

interface Scene {
  readonly connection: Connection;
  /** Lets the second connection of the client's open. */
  let(): void;
  /** Bodies that came over the first and the second connection. */
  readonly came: unknown[][];
}

/** A peer that takes `first` messages and drops the socket without an outcome; its second connection waits, and then accepts everything. */
async function scene(first: number, options: ConnectOptions): Promise<Scene> {
  const gate = new Deferred<void>();
  const came: unknown[][] = [[], []];
  const peer = await serve(async (script: Script, connection) => {
    if (connection > 0) await gate.promise;
    await answerLink(script);
    script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
    if (connection === 0) {
      while ((came[0] as unknown[]).length < first) came[0]?.push(body(await script.until("transfer")));
      script.drop("rst");
      return;
    }
    for (;;) {
      const frame = await script.next();
      if (frame.name === "transfer") {
        came[1]?.push(body(frame));
        script.reply(frame);
      } else if (frame.name === "detach" || frame.name === "end" || frame.name === "close") script.reply(frame);
      if (frame.name === "close") return;
    }
  }, { timeout: 20_000 });
  const connection = await connect(peer.url, { ...QUICK, ...options });
  afterwards(() => connection.close({ timeout: 500 }).catch(() => {}));
  return { connection, let: () => gate.resolve(), came };
}

async function status(connection: Connection, type: ConnectionStatus["type"]): Promise<void> {
  for await (const each of connection.status()) if (each.type === type) return;
}

describe("R.8 J05 the queue while there is no connection", () => {
  test("takes as many as limits.offlineQueue says, in their order; the next one is told at once that it was not sent", async () => {
    const { connection, let: open, came } = await scene(0, { limits: { offlineQueue: 3 } });
    const sender = await connection.createSender("q");
    await status(connection, "reconnecting");
    const sends = [1, 2, 3].map((one) => sender.send({ body: one }));
    const refused = await failure(sender.send({ body: 4 }));
    expect(refused).toBeInstanceOf(NotSentError);
    expect(refused).toMatchObject({ code: "queue-full", retryable: true, outcome: { type: "not-sent" } });
    expect(refused.cause).toBeInstanceOf(LimitError);
    expect(refused.message).toContain("there is no connection now, and 3 sends wait for one already (limits.offlineQueue)");
    expect(sender.queued).toBe(3);
    expect(await settled(Promise.race(sends))).toBe(false);
    open();
    await within(Promise.all(sends), "three sends");
    // with a connection, more may wait for credit or outcomes than without
    await within(Promise.all([5, 6, 7, 8, 9].map((one) => sender.send({ body: one }))), "five sends");
    expect(came[1]).toEqual([1, 2, 3, 5, 6, 7, 8, 9]);
  });

  test("0: a send fails at once; what was under way at the loss is sent again all the same", async () => {
    const { connection, let: open, came } = await scene(2, { limits: { offlineQueue: 0 } });
    const sender = await connection.createSender("q");
    const under = ["a", "b"].map((one) => sender.send({ body: one }));
    await status(connection, "reconnecting");
    expect(await failure(sender.send({ body: "c" }))).toMatchObject({ code: "queue-full", outcome: { type: "not-sent" } });
    expect(sender.trySend({ body: "c" })).toBeUndefined();
    open();
    const done = await within(Promise.all(under), "what was under way");
    expect(done.map(({ outcome, settled: over }) => [outcome?.type, over])).toEqual([["accepted", true], ["accepted", true]]);
    await within(sender.send({ body: "d" }), "a send after it");
    expect(came).toEqual([["a", "b"], ["a", "b", "d"]]);
  });

  test("what waits from before the loss counts, and is never thrown out", async () => {
    const { connection, let: open, came } = await scene(2, { limits: { offlineQueue: 3 } });
    const sender = await connection.createSender("q");
    const under = [1, 2].map((one) => sender.send({ body: one }));
    await status(connection, "reconnecting");
    under.push(sender.send({ body: 3 }));
    expect(await failure(sender.send({ body: 4 }))).toMatchObject({ code: "queue-full" });
    open();
    await within(Promise.all(under), "three sends");
    expect(came[1]).toEqual([1, 2, 3]);
  });

  test("the same before the first open; and the bound in octets holds without a connection too", async () => {
    const gate = new Deferred<void>();
    const peer = await serve(async (script) => {
      await gate.promise;
      await answerLink(script);
      script.send("flow", { handle: 0, deliveryCount: 0, linkCredit: 100 });
      script.reply(await script.until("transfer"));
      await answerClosing(script);
    });
    const opening = connect(peer.url, { timeout: 4_500, limits: { offlineQueue: 2, maxPendingBytes: 1_000 } });
    const sender = opening.endpoint.createSender("q").endpoint;
    const large = sender.send({ body: new Uint8Array(1_000) });
    expect(await failure(sender.send({ body: 2 }))).toMatchObject({ code: "queue-full", cause: { message: expect.stringContaining("limits.maxPendingBytes") } });
    gate.resolve();
    await within(large, "the large one");
    await (await opening).close();
  });
});

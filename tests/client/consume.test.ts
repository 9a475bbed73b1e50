/** consume: a handler for each delivery. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError } from "../../src/index.ts";
import type { IncomingDelivery } from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { encodeMessage } from "../../src/testing/codec/message.ts";
import { within } from "../protocol/harness.ts";
import { deliver, failure, nextCredit, outcomes, receiverOn, settled, stage, turns, until } from "./support.ts";
import type { Stage } from "./support.ts";

describe("consume", () => {
  test("J06 accepts when the handler resolves, one at a time by default", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const gates = [new Deferred(), new Deferred(), new Deferred()];
    const begun: number[] = [];
    const consuming = receiver.consume(async ({ message }) => {
      begun.push(message.body);
      await gates[message.body]?.promise;
    });
    await feed(scene, 0, 1, 2);
    await until(() => begun.length === 1);
    await turns();
    expect([begun, await outcomes(scene.peer)]).toEqual([[0], {}]);
    gates[0]?.resolve();
    await until(() => begun.length === 2);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted" });
    await receiver.stop();
    gates[1]?.resolve();
    await within(consuming, "consume");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "released" });
  });

  test("a handler that is not asynchronous, and one that settles by itself", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    let count = 0;
    const consuming = receiver.consume((delivery) => {
      if (delivery.message.body === 1) delivery.reject("odd");
      if (++count === 3) void receiver.stop();
    });
    await feed(scene, 0, 1, 2);
    await within(consuming, "consume");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "rejected amqp:internal-error", 2: "accepted" });
  });

  test("J06 concurrency handlers at once, no more", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    let running = 0;
    let most = 0;
    let done = 0;
    const consuming = receiver.consume(async () => {
      most = Math.max(most, ++running);
      await turns(3);
      running -= 1;
      if (++done === 20) await receiver.stop();
    }, { concurrency: 4 });
    await feed(scene, ...Array.from({ length: 20 }, (_, n) => n));
    await within(consuming, "consume");
    expect([most, done]).toEqual([4, 20]);
  });

  test("J06 credit follows settlement: what handlers hold and what waits for them is never more than the prefetch", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, { prefetch: 4 });
    const gates = Array.from({ length: 12 }, () => new Deferred());
    let begun = 0;
    const consuming = receiver.consume(async ({ message }) => {
      begun += 1;
      await gates[message.body]?.promise;
    }, { concurrency: 3 });
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(4);
    deliver(scene.peer, 0, 1, 2, 3);
    await until(() => begun === 3);
    await turns();
    // All four are here, three of them in handlers: there is no credit before some are settled, and then as much as was settled.
    expect([receiver.credit, receiver.unsettled.size, receiver.queued]).toEqual([0, 4, 1]);
    gates[1]?.resolve();
    await until(() => begun === 4);
    gates[2]?.resolve();
    await until(() => receiver.unsettled.size === 2);
    const more = await nextCredit(scene.peer);
    expect([more.fields["linkCredit"], more.fields["deliveryCount"], await outcomes(scene.peer)]).toEqual([2, 4, { 1: "accepted", 2: "accepted" }]);
    for (const gate of gates) gate.resolve();
    await until(() => receiver.unsettled.size === 0);
    expect(receiver.credit).toBe(4);
    await receiver.stop();
    await within(consuming, "consume");
  });

  test("J07 a hundred handlers that fail at once, in every way there is: a hundred deliveries given back, nothing closed, nothing unhandled", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, { prefetch: 200 });
    const other = await receiverOn<number>(scene, {}, {}, "other");
    let failed = 0;
    const consuming = receiver.consume(({ message }) => {
      failed += 1;
      if (message.body % 4 === 0) throw new Error("thrown");
      if (message.body % 4 === 1) return Promise.reject(new Error("rejected"));
      // Not even an Error.
      if (message.body % 4 === 2) return Promise.reject("a text" as unknown as Error);
      return new Promise((_, reject) => setImmediate(() => reject(new Error("later"))));
    }, { concurrency: 100 });
    await nextCredit(scene.peer);
    for (let n = 0; n < 100; n++) scene.peer.send("transfer", { handle: 0, channel: receiverChannel(scene) }, encodeMessage({ value: n }));
    await until(() => failed === 100 && receiver.unsettled.size === 0);
    expect([receiver.state, other.state, scene.connection.state].every(({ local, remote }) => local === "active" && remote === "active")).toBe(true);
    expect(new Set(Object.values(await outcomes(scene.peer)))).toEqual(new Set(["modified+failed"]));
    expect(scene.errors).toHaveLength(100);
    await receiver.stop();
    await within(consuming, "consume");
  });

  test("J06 key keeps the order within a key, and runs different keys side by side", async () => {
    const scene = await stage();
    const receiver = await receiverOn<string>(scene);
    const log: string[] = [];
    const gates = new Map(["a1", "a2", "b1", "b2"].map((name) => [name, new Deferred()]));
    const consuming = receiver.consume(async ({ message }) => {
      log.push(`+${message.body}`);
      await gates.get(message.body)?.promise;
      log.push(`-${message.body}`);
    }, { concurrency: 10, key: ({ message }) => message.body[0] });
    await feed(scene, "a1", "a2", "b1", "b2");
    await until(() => log.length === 2);
    gates.get("b1")?.resolve();
    await until(() => log.length === 4);
    expect(log).toEqual(["+a1", "+b1", "-b1", "+b2"]);
    for (const gate of gates.values()) gate.resolve();
    await until(() => log.length === 8);
    await receiver.stop();
    await within(consuming, "consume");
    expect(log.indexOf("-a1")).toBeLessThan(log.indexOf("+a2"));
  });

  test("J07 a handler that fails: told to the container's onError, released as delivered, and consume goes on", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const broken = new Error("broken handler");
    let count = 0;
    const consuming = receiver.consume(({ message }) => {
      count += 1;
      if (message.body === 0) throw broken;
      if (message.body === 1) return Promise.reject(broken);
      void receiver.stop();
      return undefined;
    });
    await feed(scene, 0, 1, 2);
    await within(consuming, "consume");
    expect(count).toBe(3);
    expect(scene.errors).toMatchObject([{ code: "handler-failed", cause: broken }, { code: "handler-failed", cause: broken }]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "modified+failed", 2: "accepted" });
  });

  test("J07 onError: \"release\", \"reject\", a function that settles, one that does not, one that fails itself", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const broken = new Error("broken handler");
    const seen: unknown[] = [];
    const ways = [
      "release", "reject",
      async (error: unknown, delivery: IncomingDelivery<number>): Promise<void> => {
        seen.push(error);
        await delivery.modify({ undeliverableHere: true });
      },
      (error: unknown) => seen.push(error),
      () => {
        throw new Error("broken onError");
      },
    ] as const;
    for (const [n, onError] of ways.entries()) {
      const consuming = receiver.consume(() => {
        void receiver.stop();
        throw broken;
      }, { onError });
      await feed(scene, n);
      await within(consuming, `consume ${n}`);
    }
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "rejected amqp:internal-error", 2: "modified", 3: "modified+failed", 4: "modified+failed" });
    expect(seen).toEqual([broken, broken]);
    expect(scene.errors).toMatchObject([{ cause: broken }, { cause: { message: "broken onError" } }]);
  });

  test("released where the source does not offer modified", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene, {}, { source: { address: "q", outcomes: ["amqp:accepted:list"] } });
    const consuming = receiver.consume(() => {
      void receiver.stop();
      throw new Error("broken handler");
    });
    await feed(scene, 0);
    await within(consuming, "consume");
    expect(await outcomes(scene.peer)).toEqual({ 0: "released" });
  });

  test("J07 a key function that throws fails its delivery, not consume", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const broken = new Error("broken key");
    const consuming = receiver.consume(() => receiver.stop(), {
      key: ({ message }) => {
        if (message.body === 0) throw broken;
        return message.body;
      },
    });
    await feed(scene, 0, 1);
    await within(consuming, "consume");
    expect(scene.errors).toMatchObject([{ code: "handler-failed", cause: broken }]);
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "accepted" });
  });

  test("signal stops the taking; it resolves when the running handlers are done", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const giveUp = new AbortController();
    const gate = new Deferred();
    const begun: number[] = [];
    const consuming = receiver.consume(async ({ message }, { signal }) => {
      begun.push(message.body);
      await gate.promise;
      expect(signal.aborted).toBe(false);
    }, { concurrency: 2, signal: giveUp.signal });
    await feed(scene, 0, 1, 2);
    await until(() => begun.length === 2);
    giveUp.abort();
    await scene.peer.until("flow", { linkCredit: 0 });
    expect(await settled(consuming)).toBe(false);
    gate.resolve();
    await within(consuming, "consume");
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted", 2: "released" });
    expect(begun).toEqual([0, 1]);
  });

  test.each([["signal", 15_000, undefined], ["stop", 15_000, undefined], ["signal", 200, 200], ["close", 200, 200]] as const)(
    "%s while all handlers are busy: their own signal fires %i ms later", async (how, later, drain) => {
      const scene = await stage();
      const receiver = await receiverOn<number>(scene);
      const giveUp = new AbortController();
      const reasons: unknown[] = [];
      let running = false;
      const consuming = receiver.consume((_, { signal }) => new Promise<void>((resolve) => {
        running = true;
        signal.addEventListener("abort", () => {
          reasons.push(signal.reason);
          resolve();
        });
      }), { signal: giveUp.signal, drain });
      await feed(scene, 0);
      await until(() => running);
      if (how === "signal") giveUp.abort();
      else if (how === "stop") await receiver.stop();
      else {
        const closing = receiver.close();
        scene.peer.reply(await scene.peer.until("detach"));
        await within(closing, "close");
      }
      await turns();
      await scene.clock.advance(later - 1);
      expect(reasons).toEqual([]);
      await scene.clock.advance(1);
      expect(reasons).toMatchObject([{ code: "timeout" }]);
      await within(consuming, "consume");
    });

  test("a signal that has fired already takes nothing", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    await within(receiver.consume(() => {
      throw new Error("nothing to handle");
    }, { signal: AbortSignal.abort() }), "consume");
  });

  test("ends with the link, and rejects with its error once the handlers are done", async () => {
    const scene = await stage();
    const receiver = await receiverOn<number>(scene);
    const gate = new Deferred();
    let running = false;
    const consuming = receiver.consume(async () => {
      running = true;
      await gate.promise;
    });
    await feed(scene, 0);
    await until(() => running);
    scene.peer.send("detach", { closed: true, error: { condition: "amqp:resource-deleted" } });
    await within(receiver.closed, "closed");
    const rejected = failure(consuming);
    expect(await settled(rejected)).toBe(false);
    gate.resolve();
    expect(await rejected).toMatchObject({ condition: "amqp:resource-deleted" });
    // its acceptance could not be told any more
    expect(scene.errors).toMatchObject([{ code: "stale-delivery" }]);
    const other = await receiverOn(scene);
    const ended = other.consume(() => {});
    await nextCredit(scene.peer);
    scene.peer.send("detach", { closed: true });
    await within(ended, "consume that ends");
  });

  test("options that make no sense: ConfigError", async () => {
    const scene = await stage();
    const receiver = await receiverOn(scene);
    expect(await failure(receiver.consume(() => {}, { concurrency: 0 }))).toBeInstanceOf(ConfigError);
    expect(await failure(receiver.consume(() => {}, { concurency: 5 } as never))).toBeInstanceOf(ConfigError);
  });
});

/** Delivers once there is credit. */
async function feed({ peer }: Stage, ...values: unknown[]): Promise<void> {
  await nextCredit(peer);
  deliver(peer, ...values);
}

/** The channel of the session that was begun first. */
function receiverChannel({ peer }: Stage): number {
  return peer.frames().find(({ name }) => name === "begin")?.channel ?? 0;
}

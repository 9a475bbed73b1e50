/** `run()`, `schedule()`, `inject()` and `stop()`. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, Container } from "../../src/index.ts";
import type { Event, ScheduledTask } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { settled, turns, until } from "../client/support.ts";
import { withBroker } from "../support/broker.ts";
import { afterwards, within } from "../protocol/harness.ts";
import { recorder, unhandledDuring } from "./support.ts";

function containerWith(handlers: object, options: object = {}): Container {
  const container = new Container({ handlers, onError: () => undefined, ...options });
  afterwards(() => container.close({ timeout: 500 }));
  return container;
}

describe("S05 run()", () => {
  test("calls on_reactor_init and on_start, once each, and ends where there is nothing to do", async () => {
    const { handler, names, last } = recorder("on_reactor_init", "on_start");
    const container = containerWith(handler);
    await within(container.run(), "run()");
    expect(names()).toEqual(["on_reactor_init", "on_start"]);
    const { type, container: own, reactor, context, connection, message } = last("on_start");
    expect([type, own === container, reactor === container, context === container, connection, message]).toEqual(["start", true, true, true, undefined, undefined]);
  });

  test("goes on until connections, listeners, tasks and callbacks are over, whatever order they end in", async () => {
    const clock = new ManualClock();
    const slow = new Deferred<void>();
    const container = containerWith({ on_start: () => slow.promise }, { clock });
    const task = container.schedule(1_000, () => undefined);
    const running = container.run();
    const listener = await container.listen({ port: 0 });
    const { endpoint } = container.connect(listener.url, { idleTimeout: 0 });
    await until(() => endpoint.state.remote === "active");
    await endpoint.close();
    await listener.close();
    expect(await settled(running)).toBe(false);
    task.cancel();
    expect(await settled(running)).toBe(false);
    slow.resolve();
    await within(running, "run()");
  });

  test("waits for a listener that is about to be, and runs again after it has ended", async () => {
    const container = containerWith({});
    const listening = container.listen({ port: 0 });
    const running = container.run();
    const listener = await listening;
    expect(await settled(running)).toBe(false);
    await listener.close();
    await within(running, "run()");
    await within(container.run(), "run() again");
  });

  test("once at a time, and not on a closed container", async () => {
    const container = containerWith({});
    container.schedule(60_000, () => undefined);
    const running = container.run();
    await expect(container.run()).rejects.toMatchObject({ code: "invalid-state" });
    container.stop();
    await within(running, "run()");
    await container.close();
    await expect(container.run()).rejects.toMatchObject({ code: "invalid-state" });
    await expect(containerWith({}).run({ timeout: "1" } as never)).rejects.toBeInstanceOf(ConfigError);
  });

  test("stop() cancels what is scheduled and closes listeners and connections, of which handlers hear", async () => {
    const { handler, names } = recorder("on_connection_opened", "on_connection_closed", "on_timer_task");
    const container = containerWith(handler);
    const listener = await container.listen({ port: 0 });
    const connection = await container.connect(listener.url);
    container.schedule(60_000, handler);
    const running = container.run();
    expect(await settled(running)).toBe(false);
    container.stop();
    await within(running, "run()");
    expect(connection.state).toEqual({ local: "closed", remote: "closed" });
    expect(container.connections.size).toBe(0);
    expect(names()).toEqual(["on_connection_opened", "on_connection_opened", "on_connection_closed", "on_connection_closed"]);
    container.stop();
  });

  test("a callback that never ends does not outlive stop()", async () => {
    const container = containerWith({ on_start: () => new Promise(() => undefined) });
    const running = container.run();
    expect(await settled(running)).toBe(false);
    container.stop();
    await within(running, "run()");
  });

  test("rejects with the error that no callback took, and closes the rest", async () => {
    const reasons = await unhandledDuring(async () => {
      const container = containerWith({
        async on_start(): Promise<void> {
          await container.listen({ port: 0 });
          void container.connect("amqp://127.0.0.1:1", { reconnect: false });
        },
      });
      await expect(within(container.run(), "run()")).rejects.toMatchObject({ code: "connect-failed" });
      expect(container.connections.size).toBe(0);
    });
    expect(reasons).toEqual([]);
  });

  test("does not reject with what a callback takes, nor with what the program awaits", async () => {
    const taken = recorder("on_transport_error");
    const first = containerWith({ ...taken.handler, on_start: () => void first.connect("amqp://127.0.0.1:1", { reconnect: false }) });
    const reasons = await unhandledDuring(() => within(first.run(), "run()"));
    expect(reasons).toEqual([]);
    expect(taken.last("on_transport_error").error).toMatchObject({ code: "connect-failed" });
    let caught: unknown;
    const second = containerWith({
      async on_start(): Promise<void> {
        await second.connect("amqp://127.0.0.1:1", { reconnect: { initial: false } }).catch((error: unknown) => (caught = error));
      },
    });
    await within(second.run(), "run()");
    expect(caught).toMatchObject({ code: "connect-failed" });
  });

  test("a signal and a timeout end it: what is open is closed first", async () => {
    const clock = new ManualClock();
    const container = containerWith({}, { clock });
    const listener = await container.listen({ port: 0 });
    await container.connect(listener.url, { idleTimeout: 0 });
    const running = container.run({ timeout: 5_000 });
    running.catch(() => undefined);
    await clock.advance(4_999);
    expect(await settled(running)).toBe(false);
    await clock.advance(1);
    await expect(within(running, "run()")).rejects.toMatchObject({ code: "timeout", scope: "container" });
    expect(container.connections.size).toBe(0);
    const giveUp = new AbortController();
    container.schedule(60_000, () => undefined);
    const again = container.run({ signal: giveUp.signal });
    giveUp.abort(new Error("enough"));
    await expect(within(again, "run() again")).rejects.toThrow("enough");
  });
});

describe("S05 schedule()", () => {
  test("calls a function once, in its time by the container's clock", async () => {
    const clock = new ManualClock(5);
    const container = containerWith({}, { clock });
    const times: number[] = [];
    container.schedule(100, () => times.push(clock.now()));
    container.schedule(0, () => times.push(clock.now()));
    await clock.advance(99);
    expect(times).toEqual([5]);
    await clock.advance(1_000);
    expect(times).toEqual([5, 105]);
  });

  test("calls on_timer_task of a handler, else of the container, with the task as the context", async () => {
    const clock = new ManualClock();
    const own = recorder("on_timer_task");
    const all = recorder("on_timer_task");
    const container = containerWith(all.handler, { clock });
    const task = container.schedule(10, own.handler);
    const other = container.schedule(10, { on_something: () => undefined } as object);
    await clock.advance(10);
    expect(own.told.length).toBe(1);
    const { type, context } = own.last("on_timer_task");
    expect([type, context === task]).toEqual(["timer_task", true]);
    expect(all.told.map(({ event }) => event.context === other)).toEqual([true]);
  });

  test("cancel() and disposal: it is never called, and run() does not wait for it", async () => {
    const clock = new ManualClock();
    const container = containerWith({}, { clock });
    let calls = 0;
    const first = container.schedule(10, () => calls++);
    {
      using second: ScheduledTask = container.schedule(10, () => calls++);
      expect(second.cancel).toBeInstanceOf(Function);
    }
    const running = container.run();
    expect(await settled(running)).toBe(false);
    first.cancel();
    first.cancel();
    await within(running, "run()");
    await clock.advance(100);
    expect(calls).toBe(0);
    expect(clock.pending).toBe(0);
  });

  test("a delay of more than 2^31 ms is kept", async () => {
    const clock = new ManualClock();
    const container = containerWith({}, { clock });
    let calls = 0;
    container.schedule(2 ** 31 + 1_000, () => calls++);
    await clock.advance(2 ** 31);
    expect(calls).toBe(0);
    await clock.advance(1_000);
    expect(calls).toBe(1);
  });

  test("what a task throws or rejects with goes to onError, once, and ends nothing", async () => {
    const clock = new ManualClock();
    const errors: unknown[] = [];
    const container = containerWith({}, { clock, onError: (error: unknown) => errors.push(error) });
    container.schedule(1, () => { throw new Error("first"); });
    container.schedule(2, () => Promise.reject(new Error("second")));
    const running = container.run();
    await clock.advance(2);
    await within(running, "run()");
    expect(errors).toMatchObject([
      { code: "handler-failed", message: "schedule() failed: first" }, { code: "handler-failed", message: "schedule() failed: second" },
    ]);
  });

  test.each<[string, unknown, unknown]>([
    ["a negative delay", -1, () => undefined], ["no number", "1", () => undefined], ["NaN", Number.NaN, () => undefined],
    ["for ever", Infinity, () => undefined], ["no task", 1, undefined], ["null", 1, null], ["a text", 1, "task"],
  ])("%s is a ConfigError", (_what, delay, task) => {
    const container = containerWith({});
    expect(() => container.schedule(delay as number, task as () => void)).toThrow(ConfigError);
  });

  test("close() cancels what is scheduled", async () => {
    const clock = new ManualClock();
    const container = containerWith({}, { clock });
    container.schedule(10, () => undefined);
    await container.close();
    expect(clock.pending).toBe(0);
    expect(() => container.schedule(1, () => undefined)).toThrow("closed");
  });
});

describe("P10 inject()", () => {
  test("calls on_<name> of the container's handlers with the payload, from anywhere, run() or not", async () => {
    const seen: unknown[] = [];
    const container = containerWith({
      on_order: (event: Event) => seen.push([event.type, event.payload, event.context, event.container === container, event.connection]),
    });
    container.inject("order", { id: 1 });
    expect(seen).toEqual([]);
    await turns(1);
    expect(seen).toEqual([["order", { id: 1 }, { id: 1 }, true, undefined]]);
    container.inject("order");
    const running = container.run();
    await within(running, "run()");
    expect(seen[1]).toEqual(["order", undefined, container, true, undefined]);
  });

  test("a name without a callback goes to on_unhandled, and without that nowhere", async () => {
    const unhandled: unknown[] = [];
    const container = containerWith({ on_unhandled: (name: string, event: Event) => unhandled.push([name, event.type, event.payload]) });
    container.inject("nothing_like_it", 5);
    await turns(1);
    expect(unhandled).toEqual([["on_nothing_like_it", "nothing_like_it", 5]]);
    new Container().inject("nobody");
    await turns(1);
  });

  test.each([[""], [5], [undefined]])("the name %p is a ConfigError", (name) => {
    expect(() => containerWith({}).inject(name as string)).toThrow(ConfigError);
  });

  test("an injected event finds its way while messages come", () =>
    withBroker({}, async ({ broker }) => {
      const bodies: unknown[] = [];
      const container = containerWith({
        on_start: () => void container.createReceiver(`${broker.url}/q`),
        on_message: ({ message }: { message: { body: unknown } }) => bodies.push(message.body),
        on_enough: () => container.stop(),
      });
      for (let body = 0; body < 50; body++) broker.put("q", { body });
      const running = container.run();
      await until(() => bodies.length === 50);
      container.inject("enough");
      await within(running, "run()");
      expect(bodies).toEqual(Array.from({ length: 50 }, (_, n) => n));
    }));
});

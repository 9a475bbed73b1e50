/** Events of handlers as Observables. */

import { describe, expect, test } from "@jest/globals";
import { firstValueFrom, lastValueFrom, map, take, toArray } from "rxjs";
import { ConfigError, Container } from "../../src/index.ts";
import type { Event } from "../../src/index.ts";
import { fromHandler } from "../../src/rxjs.ts";
import { turns, until, withBroker } from "../support/broker.ts";

describe("rxjs fromHandler", () => {
  test("S13 emits the events of a connection and its links, of several names, in order, and completes when it is over", () =>
    withBroker({}, async ({ connect }) => {
      const connection = await connect();
      const all = lastValueFrom(fromHandler(connection, "on_link_opened", "on_link_closed", "on_connection_closed").pipe(map(({ type }) => type), toArray()));
      const sender = await connection.createSender("q");
      await sender.close();
      await connection.close();
      expect(await all).toEqual(["link_opened", "link_closed", "connection_closed"]);
    }));

  test("on_message of a receiver that nobody has handled takes from the subscription on, accepts as next returns, and stops when unsubscribed", () =>
    withBroker({}, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver<number>("q", { prefetch: 2 });
      for (let body = 0; body < 5; body++) broker.put("q", { body });
      await turns();
      expect(receiver.credit).toBe(0);
      const bodies = await lastValueFrom(fromHandler(receiver, "on_message").pipe(map(({ message }) => message.body), take(3), toArray()));
      expect(bodies).toEqual([0, 1, 2]);
      await until(() => broker.depth("q") === 2);
      await turns();
      expect([receiver.credit, broker.depth("q")]).toEqual([0, 2]);
      const next = await firstValueFrom(fromHandler(receiver, "on_message"));
      expect(next.message.body).toBe(3);
    }));

  test("unsubscribed while nothing comes, it takes the credit back; a message that has come for it goes back untouched", () =>
    withBroker({}, async ({ broker, connect }) => {
      const receiver = await (await connect()).createReceiver<number>("q", { prefetch: 5 });
      const idle = fromHandler(receiver, "on_message").subscribe();
      await until(() => receiver.credit === 5);
      idle.unsubscribe();
      await turns();
      expect(receiver.credit).toBe(0);
      const bodies: number[] = [];
      const messages = fromHandler(receiver, "on_message").subscribe(({ message }) => bodies.push(message.body as number));
      // It is told of the delivery before the message is given out.
      fromHandler(receiver, "on_delivery").subscribe(() => messages.unsubscribe());
      broker.put("q", { body: 1 });
      await turns();
      expect([bodies, receiver.credit, broker.depth("q"), broker.peek("q")[0]?.deliveryCount]).toEqual([[], 0, 1, 0]);
    }));

  test("a container's events, those of its links too; handlers that stand closer are not disturbed", () =>
    withBroker({}, async ({ broker }) => {
      const container = new Container();
      const early = await container.connect(broker.url);
      const sender = await early.createSender("q");
      const seen: string[] = [];
      const subscription = fromHandler(container, "on_accepted", "on_link_opened").subscribe(({ type, link }) => seen.push(`${type} ${String(link === sender)}`));
      await sender.send({ body: 1 });
      const own: string[] = [];
      await early.createSender("r", { handler: { on_link_opened: () => own.push("link") } });
      await turns(2);
      expect([seen, own]).toEqual([["accepted true"], ["link"]]);
      subscription.unsubscribe();
      await sender.send({ body: 2 });
      await turns(2);
      expect(seen).toEqual(["accepted true"]);
      await container.close();
    }));

  test("a sender's events beside its own handler: both are called", () =>
    withBroker({}, async ({ connect }) => {
      const own: string[] = [];
      const sender = await (await connect()).createSender("q", { handler: { on_settled: ({ type }: Event) => own.push(type) } });
      const settled = firstValueFrom(fromHandler(sender, "on_settled"));
      await sender.send({ body: 1 });
      expect([(await settled).delivery?.link === sender, own]).toEqual([true, ["settled"]]);
    }));

  test("P10 events of one's own names", async () => {
    const container = new Container();
    const payload = firstValueFrom(fromHandler(container, "on_order").pipe(map((event) => event.payload)));
    container.inject("order", 5);
    expect(await payload).toBe(5);
    await container.close();
  });

  test.each([[[]], [["message"]], [["on_unhandled"]]])("the names %p are a ConfigError", (names) => {
    expect(() => fromHandler(new Container(), ...(names as string[]))).toThrow(/fromHandler\(\): .* such as "on_message"/);
  });

  test("what has no events is a ConfigError at the call", () => {
    expect(() => fromHandler({} as Container, "on_start")).toThrow(ConfigError);
  });
});

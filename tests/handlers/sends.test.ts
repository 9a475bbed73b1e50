/** What handlers are told of what was sent, and when there is credit. */

import { describe, expect, test } from "@jest/globals";
import { MessagingHandler } from "../../src/index.ts";
import type { OutgoingDelivery, Sender, SenderEvent } from "../../src/index.ts";
import { giveCredit, ids, pair, senderOn, sent, stage, turns, until } from "../client/support.ts";
import { within } from "../protocol/harness.ts";
import { recorder, unhandledDuring } from "./support.ts";

const OUTCOMES = ["on_accepted", "on_rejected", "on_released", "on_modified", "on_settled"] as const;

describe("S12 on_sendable", () => {
  test("is called when credit comes, once for each time, and a loop over the credit ends", async () => {
    const credits: number[] = [];
    const scene = await stage({
      container: {
        handlers: {
          on_sendable({ sender }: SenderEvent): void {
            credits.push(sender.credit);
            while (sender.credit > 0) sender.trySend({ body: credits.length });
          },
        },
      },
    });
    const sender = await senderOn(scene);
    await turns();
    expect(credits).toEqual([]);
    await giveCredit(scene.peer, sender, 3);
    expect([sent(scene.peer), credits]).toEqual([3, [3]]);
    await giveCredit(scene.peer, sender, 2);
    expect([sent(scene.peer), credits]).toEqual([5, [3, 2]]);
  });

  test("sends that wait for the session's window count against the credit", async () => {
    let given = 0;
    const scene = await stage({
      container: {
        handlers: {
          on_sendable({ sender }: SenderEvent): void {
            for (; sender.credit > 0 && given < 1_000; given++) sender.send({ body: given }).catch(() => undefined);
          },
        },
      },
    });
    const opening = scene.connection.createSender("q");
    scene.peer.reply(await scene.peer.until("begin"), { incomingWindow: 2 });
    scene.peer.reply(await scene.peer.until("attach"));
    const sender = await opening;
    await giveCredit(scene.peer, sender, 10);
    expect([sent(scene.peer), given, sender.queued, sender.credit]).toEqual([2, 10, 8, 0]);
  });

  test("is not called where the credit is gone when its turn comes", async () => {
    const heard = recorder("on_sendable");
    const scene = await stage({ container: { handlers: heard.handler } });
    const sender = await senderOn(scene);
    const waiting = sender.send({ body: 1 });
    waiting.catch(() => undefined);
    await giveCredit(scene.peer, sender, 1);
    await turns();
    expect([sent(scene.peer), heard.told.length]).toEqual([1, 0]);
  });
});

describe("S12 outcomes", () => {
  test.each<[string, object | string, readonly string[]]>([
    ["accepted", "accepted", ["on_accepted", "on_settled"]],
    ["rejected", { type: "rejected", error: { condition: "app:bad" } }, ["on_rejected", "on_settled"]],
    ["released", "released", ["on_released", "on_settled"]],
    ["modified", { type: "modified", deliveryFailed: true }, ["on_modified", "on_settled"]],
  ])("%s: the outcome, then the settlement", async (name, state, expected) => {
    const heard = recorder(...OUTCOMES);
    const scene = await stage({ container: { handlers: heard.handler } });
    const sender = await senderOn(scene, 1);
    const sending = sender.send({ body: 1 });
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state });
    await until(() => heard.told.length === 2);
    await turns(2);
    expect(heard.names()).toEqual(expected);
    const delivery = heard.told[0]?.event.delivery as OutgoingDelivery;
    expect([delivery.outcome?.type, delivery.remoteState?.type, delivery.settled, delivery.link === sender]).toEqual([name, name, true, true]);
    await sending.catch((error: { delivery: unknown }) => expect(error.delivery === delivery).toBe(true));
  });

  test("modified goes to on_released where no handler of that scope has on_modified, by that name", async () => {
    const own = recorder("on_released");
    const above = recorder("on_modified");
    const scene = await stage({ container: { handlers: above.handler }, connect: { handler: own.handler } });
    const sender = await senderOn(scene, 1);
    void sender.trySend({ body: 1 });
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "modified" });
    await until(() => own.told.length === 1);
    expect([own.told[0]?.event.type, above.told.length]).toEqual(["released", 0]);
  });

  test("an outcome that is settled later is told once; by default it is settled from here", async () => {
    const heard = recorder(...OUTCOMES, "on_delivery_updated", "on_delivery");
    const scene = await stage({ container: { handlers: heard.handler } });
    const sender = await senderOn(scene, 1);
    const sending = sender.send({ body: 1 });
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: false, state: { type: "received", sectionNumber: 0, sectionOffset: 5 } });
    await until(() => heard.told.length === 2);
    expect(heard.names()).toEqual(["on_delivery", "on_delivery_updated"]);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: false, state: "accepted" });
    await within(sending, "the outcome");
    await scene.peer.until("disposition", { role: "sender", first: 0, settled: true });
    await turns(2);
    expect(heard.names().slice(2)).toEqual(["on_delivery", "on_delivery_updated", "on_accepted", "on_settled"]);
  });

  test("autoSettle: false leaves the settlement to the handler", async () => {
    const accepted: OutgoingDelivery[] = [];
    const handler = new MessagingHandler({ autoSettle: false });
    handler.on_accepted = ({ delivery }) => accepted.push(delivery);
    const scene = await stage({ container: { handlers: handler } });
    const sender = await senderOn(scene, 1);
    void sender.trySend({ body: 1 });
    await ids(scene.peer, 1);
    scene.peer.send("disposition", { role: "receiver", first: 0, settled: false, state: "accepted" });
    await until(() => accepted.length === 1);
    await turns();
    expect(scene.peer.frames().filter(({ name }) => name === "disposition")).toEqual([]);
    expect([sender.unsettled.size, accepted[0]?.settled, accepted[0]?.outcome?.type]).toEqual([1, false, "accepted"]);
    handler.settle(accepted[0] as OutgoingDelivery);
    await scene.peer.until("disposition", { role: "sender", first: 0, settled: true });
    expect(sender.unsettled.size).toBe(0);
  });

  test("between two containers: what the receiving callbacks do is what the sending ones are told", async () => {
    const heard = recorder(...OUTCOMES);
    const server = new MessagingHandler();
    server.on_message = ({ message, delivery }) => {
      if (message.body === "bad") server.reject(delivery);
      else if (message.body === "later") server.release(delivery, false);
    };
    const { sending } = await pair({ server: { handlers: server }, client: { handlers: heard.handler } });
    const [sender] = await sending();
    for (const body of ["good", "bad", "later"]) await sender.send({ body }).catch(() => undefined);
    await until(() => heard.told.length === 6);
    expect(heard.names()).toEqual(["on_accepted", "on_settled", "on_rejected", "on_settled", "on_released", "on_settled"]);
  });

  test("settled sends have no outcome, and nothing is told of them", async () => {
    const heard = recorder(...OUTCOMES, "on_delivery_updated");
    const scene = await stage({ container: { handlers: heard.handler } });
    const sender: Sender = await senderOn(scene, 1, { guarantee: "at-most-once" });
    await within(sender.send({ body: 1 }), "the send");
    await turns();
    expect(heard.told).toEqual([]);
  });
});

describe("S12 sends whose fate is not known", () => {
  test("on_delivery_updated is told of what timed out, unsent or in doubt", async () => {
    const heard = recorder("on_delivery_updated");
    const reasons = await unhandledDuring(async () => {
      const scene = await stage({ container: { handlers: heard.handler, timeouts: { send: 1_000 } } });
      const sender = await senderOn(scene, 1);
      void sender.send({ body: 1 });
      await ids(scene.peer, 1);
      void sender.send({ body: 2 });
      await scene.clock.advance(3_000);
      await until(() => heard.told.length === 2);
    });
    expect(reasons).toEqual([]);
    expect(heard.told.map(({ event }) => [event.error?.code, (event.delivery as OutgoingDelivery).outcome?.type]).sort()).toEqual([["in-doubt", "in-doubt"], ["not-sent", "not-sent"]]);
  });

  test("an unheard send rejects as usual where no callback takes its failure", async () => {
    const reasons = await unhandledDuring(async () => {
      const scene = await stage({ container: { handlers: { on_accepted: () => undefined } } });
      const sender = await senderOn(scene, 1);
      void sender.send({ body: 1 });
      await ids(scene.peer, 1);
      scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "rejected" });
      await turns();
    });
    expect(reasons).toMatchObject([{ code: "rejected" }]);
  });

  test("under run() it is what run() rejects with; under a MessagingHandler alone it goes to onError", async () => {
    const reasons = await unhandledDuring(async () => {
      const scene = await stage({ container: { handlers: { on_accepted: () => undefined } } });
      const running = scene.container.run();
      const failed = expect(running).rejects.toMatchObject({ code: "rejected" });
      const sender = await senderOn(scene, 1);
      void sender.send({ body: 1 });
      await ids(scene.peer, 1);
      scene.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "rejected" });
      scene.peer.reply(await scene.peer.until("close"));
      await within(failed, "run()");
      const other = await stage({ container: { handlers: new MessagingHandler() } });
      const second = await senderOn(other, 1);
      void second.send({ body: 1 });
      await ids(other.peer, 1);
      other.peer.send("disposition", { role: "receiver", first: 0, settled: true, state: "released" });
      await turns();
      expect(other.errors).toMatchObject([{ code: "released" }]);
    });
    expect(reasons).toEqual([]);
  });
});

/** Messages that come in: credit, settlement, what callbacks throw, and their order. */

import { describe, expect, test } from "@jest/globals";
import { ConfigError, MessagingHandler, Reject, Release } from "../../src/index.ts";
import type { AmqpError, IncomingDelivery, IncomingEvent, MessagingHandlerOptions, Receiver } from "../../src/index.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { answer, deliver, nextCredit, outcomes, pair, receiverOn, stage, turns, until } from "../client/support.ts";
import { within } from "../protocol/harness.ts";
import { withBroker } from "../support/broker.ts";
import { recorder } from "./support.ts";

/** A MessagingHandler with this on_message. */
function handlerOf(on_message: (event: IncomingEvent, handler: MessagingHandler) => unknown, options?: MessagingHandlerOptions): MessagingHandler {
  const handler = new MessagingHandler(options);
  handler.on_message = (event) => on_message(event, handler);
  return handler;
}

describe("S11 credit", () => {
  test("prefetch is 10 under a MessagingHandler, 100 under a plain object, and a link's own option stands before both", async () => {
    const scene = await stage({ connect: { handler: handlerOf(() => undefined) } });
    await receiverOn(scene);
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(10);
    await receiverOn(scene, { prefetch: 3 });
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(3);
    const plain = await stage({ connect: { handler: { on_message: () => undefined } } });
    await receiverOn(plain);
    expect((await nextCredit(plain.peer)).fields["linkCredit"]).toBe(100);
    const chosen = await stage({ container: { handlers: handlerOf(() => undefined, { prefetch: 25 }), receiver: { prefetch: 7 } } });
    await receiverOn(chosen);
    expect((await nextCredit(chosen.peer)).fields["linkCredit"]).toBe(7);
  });

  test("a receiver takes by itself only where on_message is handled", async () => {
    const scene = await stage({ container: { handlers: new MessagingHandler() } });
    const receiver = await receiverOn(scene);
    await turns();
    expect(scene.peer.frames().filter(({ name }) => name === "flow")).toEqual([]);
    const loop = receiver[Symbol.asyncIterator]();
    const first = loop.next();
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(10);
    deliver(scene.peer, 1);
    expect((await within(first, "a message")).value.message.body).toBe(1);
    await loop.return?.();
  });

  test("is renewed as callbacks end, whether or not they have settled", async () => {
    const held: IncomingDelivery[] = [];
    const scene = await stage({ connect: { handler: handlerOf(({ delivery }) => held.push(delivery), { autoAccept: false, prefetch: 4 }) } });
    const receiver = await receiverOn(scene);
    await nextCredit(scene.peer);
    for (let batch = 0; batch < 3; batch++) {
      deliver(scene.peer, 1, 2, 3, 4);
      expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(4);
    }
    expect(held.length).toBe(12);
    expect(receiver.unsettled.size).toBe(12);
    expect(await outcomes(scene.peer)).toEqual({});
    for (const delivery of held) void delivery.accept();
    expect(Object.keys(await outcomes(scene.peer)).length).toBe(12);
  });

  test("prefetch 0 is by hand: flow(n) lets n come", async () => {
    const seen: unknown[] = [];
    const scene = await stage({ connect: { handler: handlerOf(({ message }) => seen.push(message.body), { prefetch: 0 }) } });
    const receiver = await receiverOn(scene);
    await turns();
    expect(receiver.credit).toBe(0);
    receiver.flow(2);
    expect((await nextCredit(scene.peer)).fields["linkCredit"]).toBe(2);
    deliver(scene.peer, "a", "b");
    await until(() => seen.length === 2);
    expect(await outcomes(scene.peer)).toEqual({ 0: "accepted", 1: "accepted" });
    expect(receiver.credit).toBe(0);
  });

  test("stop() ends the taking, and flow() begins it again", async () => {
    const seen: unknown[] = [];
    const scene = await stage({ connect: { handler: handlerOf(({ message }) => seen.push(message.body)) } });
    const receiver = await receiverOn(scene);
    await nextCredit(scene.peer);
    await receiver.stop();
    await scene.peer.until("flow", { linkCredit: 0 });
    expect(receiver.credit).toBe(0);
    receiver.flow(1);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    await until(() => seen.length === 1);
  });

  test.each([[{ prefetch: -1 }], [{ prefetch: 1.5 }], [{ autoAccept: "yes" }], [{ prefetsch: 10 }]])("new MessagingHandler(%p) is a ConfigError", (options) => {
    expect(() => new MessagingHandler(options as MessagingHandlerOptions)).toThrow(ConfigError);
  });
});

describe("S11 settlement", () => {
  test("auto-accept waits for the callback, and leaves alone what it has settled", async () => {
    const scene = await stage({
      connect: {
        handler: handlerOf(({ message, delivery }, handler) => {
          switch (message.body) {
            case "reject": return handler.reject(delivery, { condition: "app:bad" });
            case "release": return handler.release(delivery, false);
            case "delivered": return handler.release(delivery);
            case "accept": return handler.accept(delivery);
            case "settle": return handler.settle(delivery);
            case "state": return handler.settle(delivery, "released");
            default: return undefined;
          }
        }),
      },
    });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, "plain", "reject", "release", "delivered", "accept", "settle", "state");
    await turns();
    expect(await outcomes(scene.peer)).toEqual({
      0: "accepted", 1: "rejected app:bad", 2: "released", 3: "modified+failed", 4: "accepted", 5: "none", 6: "released",
    });
  });

  test("autoAccept: false leaves it to the handler, later too", async () => {
    const held: IncomingDelivery[] = [];
    const handler = handlerOf(({ delivery }) => held.push(delivery), { autoAccept: false });
    const scene = await stage({ connect: { handler } });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2);
    await until(() => held.length === 2);
    expect(await outcomes(scene.peer)).toEqual({});
    handler.accept(held[1] as IncomingDelivery);
    handler.reject(held[0] as IncomingDelivery);
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected", 1: "accepted" });
  });

  test("Reject and Release, thrown in on_message or by its promise, settle so; autoAccept or not", async () => {
    for (const autoAccept of [true, false]) {
      const scene = await stage({
        connect: {
          handler: handlerOf(({ message }) => {
            switch (message.body) {
              case 0: throw new Reject();
              case 1: throw new Reject("no good");
              case 2: return Promise.reject(new Reject({ condition: "app:bad", description: "why" }));
              case 3: throw new Release();
              default: return Promise.reject(new Release({ delivered: false }));
            }
          }, { autoAccept }),
        },
      });
      await receiverOn(scene);
      await nextCredit(scene.peer);
      deliver(scene.peer, 0, 1, 2, 3, 4);
      await turns();
      expect(await outcomes(scene.peer)).toEqual({ 0: "rejected", 1: "rejected amqp:internal-error", 2: "rejected app:bad", 3: "modified+failed", 4: "released" });
      expect(scene.errors).toEqual([]);
    }
  });

  test("Reject and Release are errors of this package, whichever copy they come from", () => {
    const reject = new Reject({ condition: "app:bad", description: "why", info: { n: 1 } });
    expect([reject instanceof Error, reject instanceof Reject, reject instanceof Release]).toEqual([true, true, false]);
    expect(reject).toMatchObject({ name: "Reject", code: "rejected", condition: "app:bad", description: "why", info: { n: 1 } });
    expect(new Release()).toMatchObject({ name: "Release", delivered: true });
  });

  test("any other throw gives one message back and is told to onError; the next ones come", async () => {
    const seen: unknown[] = [];
    const scene = await stage({
      connect: {
        handler: handlerOf(({ message, delivery }, handler) => {
          seen.push(message.body);
          if (message.body === 1) throw new Error("one");
          if (message.body === 2) return Promise.reject(new Error("two"));
          if (message.body === 3) {
            handler.accept(delivery);
            throw new Error("three");
          }
          return undefined;
        }),
      },
    });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2, 3, 4);
    await until(() => seen.length === 4);
    expect(await outcomes(scene.peer)).toEqual({ 0: "modified+failed", 1: "modified+failed", 2: "accepted", 3: "accepted" });
    expect((scene.errors as AmqpError[]).map(({ code, message }) => [code, message])).toEqual([
      ["handler-failed", "on_message failed: one"], ["handler-failed", "on_message failed: two"], ["handler-failed", "on_message failed: three"],
    ]);
  });

  test("a message that cannot be decoded is rejected with amqp:decode-error, not given back", async () => {
    const scene = await stage({ connect: { handler: handlerOf(({ message }) => message.body) } });
    await receiverOn(scene);
    await nextCredit(scene.peer);
    // An amqp-value section with text that is no UTF-8: found out when the body is looked at.
    scene.peer.send("transfer", {}, new Uint8Array([0x00, 0x53, 0x77, 0xa1, 0x01, 0xff]));
    deliver(scene.peer, "fine");
    await turns();
    expect(await outcomes(scene.peer)).toEqual({ 0: "rejected amqp:decode-error", 1: "accepted" });
    expect(scene.errors).toMatchObject([{ name: "DecodeError" }]);
  });

  test("at-most-once and exactly-once keep their ways: nothing to settle, and on_settled when the sender has", async () => {
    const heard = recorder("on_message", "on_settled");
    const { receiving } = await pair({ client: { handlers: heard.handler } });
    const [, once] = await receiving({ receiver: { guarantee: "at-most-once" }, sender: {} });
    await within(once.send({ body: 1 }), "a send");
    await until(() => heard.told.length === 1);
    const [receiver, exactly] = await receiving({ receiver: { guarantee: "exactly-once" }, sender: { sndSettleMode: "unsettled" }, address: "r" });
    await within(exactly.send({ body: 2 }), "a send");
    await until(() => heard.told.length === 3);
    expect(heard.names()).toEqual(["on_message", "on_message", "on_settled"]);
    const settled = heard.last("on_settled");
    expect([settled.receiver === receiver as Receiver, settled.delivery?.settled]).toEqual([true, true]);
  });

  test("on_aborted: the peer gave up in the middle of a message", async () => {
    const heard = recorder("on_message", "on_aborted");
    const scene = await stage({ connect: { handler: heard.handler } });
    const receiver = await receiverOn(scene);
    await nextCredit(scene.peer);
    scene.peer.send("transfer", { more: true }, new Uint8Array([0x00, 0x53, 0x77]));
    scene.peer.send("transfer", { more: false, aborted: true, deliveryId: null, deliveryTag: null });
    deliver(scene.peer, 5);
    await until(() => heard.told.length === 2);
    expect(heard.names()).toEqual(["on_aborted", "on_message"]);
    expect(heard.last("on_aborted").receiver === receiver).toBe(true);
  });
});

describe("J14 on_message with a schema", () => {
  test("gets what fits, typed; what does not is rejected before", () =>
    withBroker({}, async ({ broker, connect }) => {
      const seen: unknown[] = [];
      const connection = await connect();
      const numbers = { "~standard": { version: 1 as const, vendor: "test", validate: (value: unknown) => typeof value === "number" ? { value: value * 2 } : { issues: [{ message: "a number" }] } } };
      await connection.createReceiver("q", { schema: numbers, handler: handlerOf(({ message }) => seen.push(message.body)) });
      for (const body of [1, "two", 3]) broker.put("q", { body });
      await until(() => broker.depth("q") === 0 && seen.length === 2);
      expect(seen).toEqual([2, 6]);
    }));
});

describe("S11 order", () => {
  test("an async callback holds back the next event of its link, of no other", async () => {
    const log: string[] = [];
    const gate = new Deferred<void>();
    const scene = await stage({
      connect: {
        handler: {
          async on_message({ message, link }: IncomingEvent): Promise<void> {
            log.push(`${link.name} ${String(message.body)}`);
            if (link.name === "slow") await gate.promise;
            log.push(`${link.name} ${String(message.body)} done`);
          },
          on_link_closing: ({ link }: { link: { name: string } }) => log.push(`${link.name} closing`),
        },
      },
    });
    await receiverOn(scene, { name: "slow" });
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2);
    scene.peer.send("detach", { closed: true });
    await receiverOn(scene, { name: "fast" });
    await nextCredit(scene.peer);
    deliver(scene.peer, 1, 2);
    await until(() => log.length === 5);
    expect(log).toEqual(["slow 1", "fast 1", "fast 1 done", "fast 2", "fast 2 done"]);
    gate.resolve();
    await until(() => log.length === 7);
    expect(log.slice(5)).toEqual(["slow 1 done", "slow closing"]);
  });

  test("messages of a link keep their order, however long each takes, and each is accepted when its callback is done", () =>
    withBroker({}, async ({ broker, connect }) => {
      const seen: number[] = [];
      for (let body = 0; body < 200; body++) broker.put("q", { body });
      const connection = await connect({
        handler: {
          async on_message({ message }: IncomingEvent): Promise<void> {
            for (let n = (message.body as number) % 7; n > 0; n--) await new Promise((resolve) => setImmediate(resolve));
            seen.push(message.body as number);
          },
        },
      });
      await connection.createReceiver("q");
      await until(() => broker.depth("q") === 0 && seen.length === 200);
      expect(seen).toEqual(Array.from({ length: 200 }, (_, n) => n));
    }));

  test("run() waits for a callback that has not ended when the connection is closed", async () => {
    const gate = new Deferred<void>();
    const scene = await stage({ container: { handlers: { on_message: () => gate.promise } } });
    const running = scene.container.run();
    await receiverOn(scene);
    await nextCredit(scene.peer);
    deliver(scene.peer, 1);
    await turns();
    const closing = scene.connection.close();
    scene.peer.reply(await scene.peer.until("close"));
    await within(closing, "the close");
    let over = false;
    void running.then(() => (over = true));
    await turns();
    expect(over).toBe(false);
    gate.resolve();
    await within(running, "run()");
  });
});

describe("S11 peerCloseIsError", () => {
  test("makes an error of the peer's close without one, where nobody handles the closing", async () => {
    for (const peerCloseIsError of [false, true]) {
      const heard = recorder("on_link_error", "on_link_closed");
      const scene = await stage({ container: { handlers: [new MessagingHandler({ peerCloseIsError }), heard.handler] } });
      const opening = scene.connection.createReceiver("q");
      await answer(scene.peer);
      await opening;
      scene.peer.send("detach", { closed: true });
      await until(() => heard.names().includes("on_link_closed"));
      expect(heard.names()).toEqual(peerCloseIsError ? ["on_link_error", "on_link_closed"] : ["on_link_closed"]);
      if (peerCloseIsError) expect(heard.last("on_link_error").error).toMatchObject({ code: "link-detached", origin: "remote", condition: undefined });
    }
  });
});

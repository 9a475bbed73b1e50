/** H: idle time-outs and empty frames, and the deadline of the handshake, on a clock that the test moves. */

import { describe, expect, test } from "@jest/globals";
import { IdleWatch } from "../../src/engine/idle.ts";
import { Pair, Solo, hex } from "./support.ts";

const MONTH = 30 * 24 * 3600 * 1000;

describe("the watch", () => {
  test.each([[30_000, 15_000], [1, 1], [3, 1], [0, undefined], [Infinity, undefined], [1e15, 0xffffffff]])("H of %d ms advertises half: %p", (threshold, advertised) => {
    expect(new IdleWatch(threshold, 0).advertised).toBe(advertised);
  });

  test("H says when the peer is gone, and when it must hear from us, at half of what it asks for", () => {
    const watch = new IdleWatch(1000, 50);
    expect([watch.deadline, watch.expired(1049), watch.expired(1050)]).toEqual([1050, false, true]);
    watch.oblige(600);
    expect([watch.deadline, watch.silent(349), watch.silent(350)]).toEqual([350, false, true]);
    watch.said(340);
    watch.heard(500);
    expect([watch.deadline, watch.silence(900)]).toEqual([640, 400]);
    for (const none of [0, undefined]) {
      watch.oblige(none);
      expect([watch.deadline, watch.silent(1e12)]).toEqual([1500, false]);
    }
  });
});

describe("idle", () => {
  const emptyFrames = (pair: Pair, side: "client" | "server"): number => pair.frames(side).filter(({ name }) => name === "empty").length;

  test("H two ends that say nothing else keep each other alive with empty frames of 8 octets", () => {
    const pair = new Pair({ client: { idleTimeout: 30_000 }, server: { idleTimeout: 10_000 } });
    pair.wire.advance(10 * 60_000);
    expect(pair.client.endpoint.opened && pair.server.endpoint.opened).toBe(true);
    // the client owes the server a frame each 2.5 s, the server the client one each 7.5 s
    expect(emptyFrames(pair, "client")).toBe(240);
    expect(emptyFrames(pair, "server")).toBe(80);
    expect(pair.frames("client").find(({ name }) => name === "empty")?.bytes).toEqual(hex("0000000802000000"));
  });

  test("H open carries half of the threshold, and none where there is none", () => {
    const pair = new Pair({ client: { idleTimeout: 30_000 } });
    expect(pair.frames("client").find(({ name }) => name === "open")?.fields["idleTimeOut"]).toBe(15_000);
    expect(pair.frames("server").find(({ name }) => name === "open")?.fields["idleTimeOut"]).toBe(undefined);
    expect(pair.client.endpoint.deadline).toBe(30_000);
    expect(pair.server.endpoint.deadline).toBe(7500);
  });

  test("H no empty frame where the peer asks for none, and none beside other frames", () => {
    const pair = new Pair({ client: { idleTimeout: 10_000 } });
    const { sender } = pair.link({ credit: 1000 });
    for (let i = 0; i < 100; i++) {
      pair.wire.advance(1000);
      sender.send(hex("005377a10161"));
      pair.pump();
    }
    expect(emptyFrames(pair, "client")).toBe(0);
    expect(emptyFrames(pair, "server")).toBe(40);
  });

  test("H B63 a peer that has fallen silent is told so and counts as gone, at the threshold and not before", () => {
    const pair = new Pair({ client: { idleTimeout: 10_000 }, server: { idleTimeout: 8_000 } });
    pair.wire.advance(20_000);
    pair.wire.mute.add("server");
    const heard = pair.wire.now;
    pair.wire.advance(9_999);
    expect(pair.client.endpoint.opened).toBe(true);
    expect(pair.client.failure).toBe(undefined);
    pair.wire.advance(1);
    expect(pair.client.failure).toMatchObject({ code: "idle-timeout", origin: "transport", retryable: true, message: `the peer sent nothing for ${pair.wire.now - heard} ms (idleTimeout)` });
    expect(pair.server.log.at(-1)).toBe("closed amqp:resource-limit-exceeded");
    expect(pair.client.endpoint.deadline).toBe(Infinity);
  });

  test("H any frame counts, an empty one and part of one too", () => {
    const solo = new Solo("client", { idleTimeout: 1000 }).open();
    for (const bytes of ["0000000802000000", "0000", "000802000000", "000000"]) {
      solo.now += 900;
      solo.raw(bytes);
      solo.endpoint.handleTick(solo.now);
      expect(solo.owner.failure).toBe(undefined);
    }
    solo.now += 1000;
    solo.endpoint.handleTick(solo.now);
    expect(solo.owner.failure?.code).toBe("idle-timeout");
  });

  test("H a tick that comes late, after input that came with it, declares nobody dead", () => {
    const solo = new Solo("client", { idleTimeout: 1000 }).open();
    solo.now += 50_000;
    solo.raw("0000000802000000");
    solo.endpoint.handleTick(solo.now);
    expect(solo.owner.failure).toBe(undefined);
    expect(solo.endpoint.deadline).toBe(solo.now + 1000);
  });

  test("H an early tick does nothing", () => {
    const solo = new Solo("client", { idleTimeout: 1000 }).open({ idleTimeOut: 1000 });
    for (let now = 0; now < 500; now += 7) solo.endpoint.handleTick(now);
    expect(solo.said()).toEqual([]);
    solo.now = 500;
    solo.endpoint.handleTick(solo.now);
    expect(solo.said()).toEqual(["empty"]);
  });

  test.each([1, 100, 499])("H B62 a peer that asks for %d ms is refused, and hears the least that is kept", (idleTimeOut) => {
    const solo = new Solo("client").header();
    solo.take();
    solo.send("open", { idleTimeOut });
    const [close] = solo.take();
    expect(close?.fields["error"]).toMatchObject({ condition: "amqp:not-allowed", description: expect.stringContaining("500 ms") });
  });

  test("H a peer that asks for 500 ms, for none, or for 49 days", () => {
    expect(new Solo("client").open({ idleTimeOut: 500 }).endpoint.deadline).toBe(250);
    expect(new Solo("client").open({ idleTimeOut: 0 }).endpoint.deadline).toBe(Infinity);
    expect(new Solo("client").open({ idleTimeOut: 0xffffffff }).endpoint.deadline).toBe(0xffffffff / 2);
  });

  test("H no empty frame before open", () => {
    const solo = new Solo("client", { idleTimeout: 1000 });
    solo.header();
    solo.take();
    solo.now = 9000;
    solo.endpoint.handleTick(solo.now);
    expect(solo.said()).toEqual([]);
    expect(solo.endpoint.deadline).toBe(10_000);
  });

  test("H no empty frame after close, whoever closed and however long the peer takes", () => {
    for (const error of [undefined, { condition: "amqp:internal-error" }]) {
      const solo = new Solo("client", { idleTimeout: MONTH }).open({ idleTimeOut: 1000 });
      solo.endpoint.close(error);
      expect(solo.said().map((line) => line.split(" ")[0])).toEqual(["close"]);
      for (let i = 0; i < 10; i++) {
        solo.now += 1000;
        solo.endpoint.handleTick(solo.now);
      }
      expect(solo.said()).toEqual([]);
      expect(solo.endpoint.deadline).toBe(MONTH);
    }
  });

  test("H no empty frame after a close that was sent ahead of the peer's open", () => {
    const solo = new Solo("client");
    solo.endpoint.close();
    solo.header().send("open", { idleTimeOut: 1000 });
    solo.take();
    expect(solo.endpoint.state).toBe("close-sent");
    solo.now = 5000;
    solo.endpoint.handleTick(solo.now);
    expect(solo.said()).toEqual([]);
  });
});

describe("the handshake", () => {
  test.each([["client", undefined, 10_000], ["server", undefined, 10_000], ["server", 700, 700]] as const)("B58 a %s whose peer does not come to its open gives up after %p ms (%d)", (side, handshakeTime, limit) => {
    const solo = new Solo(side, { handshakeTime });
    expect(solo.endpoint.deadline).toBe(limit);
    // one octet now and then is no progress
    for (const octet of ["41", "4d", "51"]) {
      solo.now += limit / 4;
      solo.raw(octet);
      solo.endpoint.handleTick(solo.now);
    }
    expect(solo.owner.failure).toBe(undefined);
    solo.now = limit;
    solo.endpoint.handleTick(solo.now);
    expect(solo.owner.failure).toMatchObject({ code: "handshake-failed", retryable: true, origin: "remote" });
    expect([solo.endpoint.finished, solo.endpoint.deadline]).toEqual([true, Infinity]);
    expect(solo.said().filter((line) => line !== "header")).toEqual([]);
    solo.raw("50");
    expect(solo.said()).toEqual([]);
  });

  test("B58 the deadline ends with the peer's open", () => {
    const pair = new Pair();
    pair.wire.advance(MONTH);
    expect(pair.client.endpoint.opened && pair.server.endpoint.opened).toBe(true);
  });
});

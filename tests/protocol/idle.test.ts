/** H: idle time-outs, on a manual clock. */

import { describe, expect, test } from "@jest/globals";
import { Container } from "../../src/index.ts";
import type { Connection, ConnectOptions } from "../../src/index.ts";
import type { Script } from "../../src/testing/script.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { ONCE, afterwards, answerClosing, serve, within } from "./harness.ts";

async function dialOn(clock: ManualClock, peer: ScriptedPeer, options: ConnectOptions = {}): Promise<Connection> {
  const container = new Container({ clock, onError: () => {} });
  afterwards(() => container.close({ timeout: 100 }).catch(() => {}));
  return within(container.connect(peer.url, { ...ONCE, ...options }), "connect");
}

/** A server that has a session with the client by itself, for round trips that prove what has not come. */
async function serveIdle(open: Record<string, unknown>, then: (script: Script) => Promise<void> = answerClosing): Promise<{ peer: ScriptedPeer; script: Promise<Script> }> {
  const up = new Deferred<Script>();
  const peer = await serve(async (script) => {
    await script.handshake(open);
    up.resolve(script);
    await then(script);
  });
  return { peer, script: up.promise };
}

function empties(script: Script): number {
  return script.frames().filter(({ name }) => name === "empty").length;
}

describe("idle time-out", () => {
  test.each([
    ["30 s by default", {}, 15_000],
    ["idleTimeout", { idleTimeout: 8_000 }, 4_000],
    ["heartbeat n is idleTimeout 2n", { heartbeat: 3_000 }, 3_000],
  ])("H open carries half of the local threshold: %s", async (_, options, expected) => {
    const clock = new ManualClock();
    const peer = await serve(async (script) => {
      expect((await script.handshake()).fields["idleTimeOut"]).toBe(expected);
      await answerClosing(script);
    });
    const connection = await dialOn(clock, peer, options);
    await connection.close();
    await peer.done;
  });

  test("J16 H empty frames go at least every half of the peer's time, only after open, never after close", async () => {
    const clock = new ManualClock();
    const { peer, script } = await serveIdle({ idleTimeOut: 1000 });
    const connection = await dialOn(clock, peer);
    const server = await script;
    expect(empties(server)).toBe(0);
    for (let i = 0; i < 20; i++) await clock.advance(500);
    await connection.close();
    await peer.done;
    const names = server.frames().map(({ name }) => name);
    expect(empties(server)).toBeGreaterThanOrEqual(20);
    expect(names.indexOf("empty")).toBeGreaterThan(names.indexOf("open"));
    expect(names.at(-1)).toBe("close");
  });

  test.each([0, undefined])("H an idle-time-out of %p asks for nothing", async (idleTimeOut) => {
    const clock = new ManualClock();
    const { peer, script } = await serveIdle({ idleTimeOut });
    const connection = await dialOn(clock, peer, { idleTimeout: 0 });
    for (let i = 0; i < 10; i++) await clock.advance(60_000);
    await connection.close();
    expect(empties(await script)).toBe(0);
    await peer.done;
  });

  test("H an idle-time-out beyond every timer does not fire at once", async () => {
    const clock = new ManualClock();
    const { peer, script } = await serveIdle({ idleTimeOut: 4_294_967_295 });
    const connection = await dialOn(clock, peer, { idleTimeout: 0 });
    await clock.advance(3_600_000);
    await connection.close();
    expect(empties(await script)).toBe(0);
    await peer.done;
  });

  test("J16 H B63 a peer that says nothing is told so, and the socket is closed 1 s later", async () => {
    const clock = new ManualClock();
    const { peer } = await serveIdle({}, async (script) => {
      await script.until("close", { error: { condition: "amqp:resource-limit-exceeded", description: /idle/.test.bind(/idle/) } });
      await script.untilEof();
    });
    const connection = await dialOn(clock, peer, { idleTimeout: 10_000 });
    await clock.advance(9_000);
    expect(connection.state.local).toBe("active");
    await clock.advance(2_000);
    await clock.advance(2_000);
    const error = await within(connection.closed, "connection.closed");
    expect(error).toMatchObject({ code: "idle-timeout" });
    await peer.done;
  });

  test("J16 H any frame keeps the connection alive", async () => {
    const clock = new ManualClock();
    const { peer, script } = await serveIdle({});
    const connection = await dialOn(clock, peer, { idleTimeout: 10_000 });
    const server = await script;
    for (let i = 0; i < 8; i++) {
      await clock.advance(8_000);
      server.send("empty");
      await clock.advance(0);
    }
    expect(connection.state.local).toBe("active");
    await connection.close();
    await peer.done;
  });
});

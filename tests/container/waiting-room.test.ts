/** What becomes of connections that come while as many handshakes as there may be are under way. */

import { connect as dial } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { connect, Container } from "../../src/index.ts";
import type { Connection } from "../../src/index.ts";
import { WaitingRoom } from "../../src/container/waiting-room.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import type { ByteDuplex } from "../../src/transport/byte-duplex.ts";
import { afterwards, within } from "../protocol/harness.ts";

function room(places: number): { room: WaitingRoom; clock: ManualClock; dropped: unknown[] } {
  const clock = new ManualClock();
  const dropped: unknown[] = [];
  return { clock, dropped, room: new WaitingRoom(clock, places, (duplex) => dropped.push(duplex)) };
}

const duplex = (name: string): ByteDuplex => ({ remoteAddress: name }) as ByteDuplex;

describe("B58 a waiting room", () => {
  test("first come, first served; the places are counted", () => {
    const { room: one, dropped } = room(2);
    const [a, b, c] = [duplex("a"), duplex("b"), duplex("c")] as const;
    expect([one.enter(a), one.enter(b), one.enter(c)]).toEqual([true, true, false]);
    expect([one.next(), one.enter(c), one.next(), one.next(), one.next()]).toEqual([a, true, b, c, undefined]);
    expect(dropped).toEqual([]);
  });

  test("each waits 2 s at the most, from when it came", async () => {
    const { room: one, clock, dropped } = room(5);
    one.enter(duplex("a"));
    await clock.advance(1_500);
    one.enter(duplex("b"));
    await clock.advance(499);
    expect(dropped).toEqual([]);
    await clock.advance(1);
    expect(dropped).toEqual([duplex("a")]);
    await clock.advance(1_500);
    expect(dropped).toEqual([duplex("a"), duplex("b")]);
  });

  test("closed, it drops all and has no timer any more", async () => {
    const { room: one, clock, dropped } = room(5);
    one.enter(duplex("a"));
    one.enter(duplex("b"));
    one.close();
    expect(dropped.length).toBe(2);
    await clock.advance(10_000);
    expect(dropped.length).toBe(2);
  });
});

describe("L.neighbours a flood after our last word", () => {
  test.each([["garbage instead of a header", ""], ["a frame that is too large", "414d515000010000ffffffff"]])("%s: no more of it is read than the sockets hold", async (_what, start) => {
    const errors: unknown[] = [];
    const server = new Container({ onError: (error) => errors.push(error) });
    afterwards(() => server.close({ timeout: 0 }));
    const listener = await server.listen({ host: "127.0.0.1", port: 0 });
    const socket = dial({ host: "127.0.0.1", port: listener.port });
    socket.on("error", () => {});
    const chunk = new Uint8Array(64 * 1024).fill(1);
    socket.write(Buffer.from(start, "hex"));
    const pour = (): void => {
      while (socket.writable && socket.write(chunk)) { /* until it is full */ }
    };
    socket.on("drain", pour).resume();
    pour();
    await within(new Promise((resolve) => socket.once("close", resolve)), "the drop");
    expect(errors.length).toBe(1);
    expect(socket.bytesWritten).toBeLessThan(64 * 1024 * 1024);
  });
});

describe("FT40 a listener with few places", () => {
  test("lets forty clients that come at once in, one after the other, each at its first attempt", async () => {
    const server = new Container({ onError: () => {} });
    afterwards(() => server.close({ timeout: 0 }));
    const listener = await server.listen({ host: "127.0.0.1", port: 0, limits: { maxHandshakes: 4 } });
    const opened = await within(Promise.all(Array.from({ length: 40 }, (): Promise<Connection> => connect(listener.url, { reconnect: false }))), "all of them", 10_000);
    expect(new Set(opened.map(({ state }) => state.remote))).toEqual(new Set(["active"]));
    await Promise.all(opened.map((connection) => connection.close()));
  });

  test("a place is free again when a peer that waited has left without a word", async () => {
    const server = new Container({ onError: () => {} });
    afterwards(() => server.close({ timeout: 0 }));
    const listener = await server.listen({ host: "127.0.0.1", port: 0, limits: { maxHandshakes: 1 } });
    const socket = (): Promise<Socket> => new Promise((resolve) => {
      const one: Socket = dial({ host: "127.0.0.1", port: listener.port }, () => resolve(one));
      one.on("error", () => {});
    });
    const holder = await socket();
    // These wait unread, and go; the one with the place goes after them.
    const gone = await Promise.all([socket(), socket(), socket()]);
    await Promise.all(gone.map((one) => new Promise((resolve) => one.once("close", resolve).destroy())));
    const connecting = connect(listener.url, { reconnect: false });
    holder.destroy();
    const connection = await within(connecting, "a place", 8_000);
    await connection.close();
  });
});

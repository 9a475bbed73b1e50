/** J16: idle time-outs and heartbeats of both sides with peers that are not ours, and where they show. */

import { describe, expect, test } from "@jest/globals";
import rhea from "rhea";
import type { EventContext } from "rhea";
import { connect, Container } from "../../src/index.ts";
import type { ConnectionStatus } from "../../src/index.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { ScriptedPeer } from "../../src/testing/scripted-peer.ts";
import { Deferred } from "../../src/util/deferred.ts";
import { senderOn, stage, until } from "../client/support.ts";
import { afterwards, within } from "../protocol/harness.ts";

describe("J16 a peer that falls silent", () => {
  test("FT05 is found after idleTimeout, not before; status says why, and explain what the link waits for", async () => {
    const scene = await stage({ connect: { idleTimeout: 8_000, reconnect: true } });
    const sender = await senderOn(scene, 5);
    const told: ConnectionStatus[] = [];
    void (async () => {
      for await (const status of scene.connection.status()) told.push(status);
    })();
    await scene.clock.advance(7_999);
    expect(sender.explain().waitingFor).toBe("nothing");
    await scene.clock.advance(1);
    await until(() => told.some(({ type }) => type === "reconnecting"));
    expect(told).toContainEqual(expect.objectContaining({ type: "disconnected", error: expect.objectContaining({ code: "idle-timeout", retryable: true, message: expect.stringMatching(/sent nothing for 8000 ms/) }) }));
    expect(sender.explain()).toEqual({ waitingFor: "reconnect", text: expect.stringMatching(/connection is lost/) });
    scene.leave();
  });

  test("FT05 on the listening side as well: its connection ends with idle-timeout, after the last word to the peer", async () => {
    const clock = new ManualClock();
    const server = new Container({ clock, onError: () => {}, connection: { idleTimeout: 6_000 } });
    afterwards(() => server.close({ timeout: 0 }));
    const listener = await server.listen({ host: "127.0.0.1", port: 0 });
    const connections = listener[Symbol.asyncIterator]();
    const peer = await ScriptedPeer.connect(listener.url, async (script) => {
      // Half of what it waits is what it asks for.
      expect((await script.handshake({ containerId: "silent" })).fields["idleTimeOut"]).toBe(3_000);
      await script.until("close", { error: { condition: "amqp:resource-limit-exceeded" } });
      await script.untilEof();
    });
    afterwards(() => peer.close());
    const connection = (await within(connections.next(), "the connection")).value;
    await clock.advance(5_999);
    expect(connection.state.remote).toBe("active");
    await clock.advance(1);
    expect(await within(connection.closed, "the end")).toMatchObject({ code: "idle-timeout" });
    await clock.advance(1_000);
    await within(peer.done, "the peer's script");
  });
});

describe("J16 rhea", () => {
  test("as a server that asks for a frame every 500 ms and counts them: both ends live on empty frames, and end in good order", async () => {
    const container = rhea.create_container({ id: "rhea-idle" });
    const opened = new Deferred<EventContext>();
    const faults: unknown[] = [];
    container.on("connection_open", (context: EventContext) => opened.resolve(context));
    for (const name of ["connection_error", "protocol_error", "error", "disconnected"]) container.on(name, (context: unknown) => faults.push(name === "disconnected" ? "disconnected" : context));
    const server = container.listen({ host: "127.0.0.1", port: 0, idle_time_out: 500 });
    await new Promise<void>((resolve) => server.once("listening", () => resolve()));
    afterwards(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as { port: number };
    const connection = await connect(`amqp://127.0.0.1:${port}`, { idleTimeout: 1_500, reconnect: false });
    const { connection: theirs } = await within(opened.promise, "rhea's open");
    // Our empty frames as rhea's socket brings them: 8 octets each.
    let came = 0;
    (theirs as unknown as { socket: { on(name: string, listener: (chunk: Uint8Array) => void): void } }).socket.on("data", (chunk) => (came += chunk.length));
    await until(() => came >= 10 * 8, 10_000);
    expect([came % 8, faults, connection.state]).toEqual([0, [], { local: "active", remote: "active" }]);
    await connection.close();
  });

  test("as a client that asks for a frame every 500 ms of a listener of ours", async () => {
    const server = new Container({ onError: () => {}, connection: { idleTimeout: 1_500 } });
    afterwards(() => server.close({ timeout: 500 }));
    const listener = await server.listen({ host: "127.0.0.1", port: 0 });
    const connections = listener[Symbol.asyncIterator]();
    const client = rhea.create_container({ id: "rhea-idle-client" });
    const closed = new Deferred<void>();
    const faults: unknown[] = [];
    client.on("connection_close", () => closed.resolve());
    for (const name of ["connection_error", "protocol_error", "error"]) client.on(name, (context: unknown) => faults.push(context));
    const theirs = client.connect({ host: "127.0.0.1", port: listener.port, reconnect: false, idle_time_out: 500 });
    const ours = (await within(connections.next(), "the connection")).value;
    let came = 0;
    (theirs as unknown as { socket: { on(name: string, listener: (chunk: Uint8Array) => void): void } }).socket.on("data", (chunk) => (came += chunk.length));
    await until(() => came >= 10 * 8, 10_000);
    expect([faults, ours.state]).toEqual([[], { local: "active", remote: "active" }]);
    theirs.close();
    await within(closed.promise, "the close");
    expect(await within(ours.closed, "the end")).toBeUndefined();
  });
});

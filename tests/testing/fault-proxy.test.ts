/** X09: what a fault proxy does to the octets between two sockets, and that AMQP over TCP, TLS and WebSocket goes through it. */

import { afterEach, describe, expect, test } from "@jest/globals";
import { connect as connectSocket, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { inspect } from "node:util";
import { Broker } from "../../src/broker.ts";
import { connect } from "../../src/index.ts";
import { FaultProxy, ManualClock } from "../../src/testing.ts";
import type { FaultProxyOptions } from "../../src/testing.ts";
import { until } from "../support/broker.ts";
import { certificates } from "../transport/certificates.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** One end of a connection and what became of it. */
class End {
  readonly socket: Socket;
  readonly chunks: number[] = [];
  text = "";
  ended = false;
  closed: "no" | "clean" | string = "no";

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.chunks.push(chunk.length);
      this.text += chunk.toString("latin1");
    });
    socket.on("end", () => { this.ended = true; });
    socket.on("error", (error: NodeJS.ErrnoException) => { this.closed = error.code ?? "error"; });
    socket.on("close", () => { if (this.closed === "no") this.closed = "clean"; });
    cleanups.push(() => socket.destroy());
  }
}

/** A listener, a proxy before it, and connections through both. */
async function bench(options: FaultProxyOptions = {}): Promise<{ proxy: FaultProxy; pair(): Promise<[client: End, target: End]> }> {
  const arrived: End[] = [];
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => arrived.push(new End(socket)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => server.close());
  const proxy = await FaultProxy.start(`amqp://127.0.0.1:${(server.address() as AddressInfo).port}`, options);
  cleanups.push(() => proxy.close());
  const port = Number(new URL(proxy.url).port);
  return {
    proxy,
    pair: async () => {
      const client = new End(connectSocket({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true }));
      const n = arrived.length;
      await until(() => arrived.length > n);
      return [client, arrived[n] as End];
    },
  };
}

describe("X09 FaultProxy", () => {
  test("passes everything both ways, and ends each direction by itself", async () => {
    const { proxy, pair } = await bench();
    const [client, target] = await pair();
    client.socket.write("question");
    await until(() => target.text === "question");
    client.socket.end();
    await until(() => target.ended);
    target.socket.end("answer");
    await until(() => client.closed === "clean" && target.closed === "clean");
    expect([client.text, proxy.passed, proxy.accepted]).toEqual(["answer", { up: 8, down: 6 }, 1]);
    await until(() => proxy.open === 0);
  });

  test.each([["up", "rst"], ["down", "rst"], ["up", "fin"], ["down", "fin"]] as const)("cutAfter counts %s to the octet, over connections, and cuts by %s once", async (direction, how) => {
    const { proxy, pair } = await bench();
    proxy.cutAfter(10, direction, how);
    const talk = (end: readonly [End, End], text: string): boolean => end[direction === "up" ? 0 : 1].socket.write(text);
    const heard = (end: readonly [End, End]): string => end[direction === "up" ? 1 : 0].text;
    const first = await pair();
    talk(first, "1234");
    await until(() => heard(first) === "1234");
    const second = await pair();
    talk(second, "567890abc");
    // Node tells a reset that comes with octets as their end; the end that spoke hears it as it is
    await until(() => second.every(({ ended, closed }) => ended || closed === "ECONNRESET"));
    if (how === "rst") expect(second[direction === "up" ? 0 : 1].closed).toBe("ECONNRESET");
    expect([heard(second), first[0].closed, proxy.passed[direction], proxy.cuts]).toEqual(["567890", "no", 10, 1]);
    const third = await pair();
    talk(third, "x".repeat(1000));
    await until(() => heard(third).length === 1000);
  });

  test("cutAfter 0 cuts the next connection as it comes; nothing of it passes", async () => {
    const { proxy } = await bench();
    proxy.cutAfter(0);
    const client = new End(connectSocket({ host: "127.0.0.1", port: Number(new URL(proxy.url).port) }));
    client.socket.write("hello");
    await until(() => client.closed !== "no");
    expect([client.closed, proxy.passed.up]).toEqual(["ECONNRESET", 0]);
  });

  test("cut takes every open connection; by FIN both ends see an orderly end", async () => {
    const { proxy, pair } = await bench();
    const [one, two] = [await pair(), await pair()];
    proxy.cut("fin");
    await until(() => [...one, ...two].every(({ ended }) => ended));
    for (const { socket } of [...one, ...two]) socket.end();
    await until(() => [...one, ...two].every(({ closed }) => closed === "clean"));
    const three = await pair();
    proxy.cut();
    await until(() => three.every(({ closed }) => closed === "ECONNRESET"));
  });

  test("pause lets nothing pass one way, ends included, also on connections that come later; resume gives it all", async () => {
    const { proxy, pair } = await bench();
    proxy.pause("up");
    const [client, target] = await pair();
    client.socket.end("lost?");
    target.socket.write("down goes on");
    await until(() => client.text === "down goes on");
    expect([target.text, target.ended]).toEqual(["", false]);
    proxy.resume();
    await until(() => target.text === "lost?" && target.ended);
  });

  test("a paused line holds little, so that the sender feels it", async () => {
    const { proxy, pair } = await bench();
    const [client] = await pair();
    proxy.pause();
    client.socket.write(Buffer.alloc(32 * 1024 * 1024));
    await until(() => client.socket.writableLength > 0 && client.socket.bytesWritten > 0);
    expect([client.socket.writableNeedDrain, proxy.passed.up]).toEqual([true, 0]);
  });

  test("delay and bandwidth take the time of the clock", async () => {
    const clock = new ManualClock();
    const { proxy, pair } = await bench({ clock });
    const [client, target] = await pair();
    proxy.delay(2_000);
    client.socket.write("late");
    await until(() => clock.pending === 1);
    await clock.advance(1_999);
    expect(target.text).toBe("");
    await clock.advance(1);
    await until(() => target.text === "late");
    proxy.delay(0);
    proxy.bandwidth(10_000);
    client.socket.write("x".repeat(1_000));
    await until(() => target.text.length === 4 + 200 && clock.pending === 1);
    await clock.advance(20);
    await until(() => target.text.length === 4 + 400 && clock.pending === 1);
    await clock.advance(80);
    await until(() => target.text.length === 1_004);
    proxy.bandwidth(Infinity);
  });

  test("slice: many small pieces, and all of them", async () => {
    const { proxy, pair } = await bench({ seed: 5 });
    proxy.slice(7);
    const [client, target] = await pair();
    client.socket.write("0123456789".repeat(20));
    await until(() => target.text.length === 200);
    expect([target.chunks.length > 20, target.text]).toEqual([true, "0123456789".repeat(20)]);
  });

  test("halfClose: one end sees the other leave and can still be heard", async () => {
    const { proxy, pair } = await bench();
    const [client, target] = await pair();
    proxy.halfClose("down");
    await until(() => client.ended);
    client.socket.write("still here");
    await until(() => target.text === "still here");
    expect(target.ended).toBe(false);
  });

  test("a target that nobody listens on: the client is reset", async () => {
    const proxy = await FaultProxy.start("amqp://127.0.0.1:1");
    cleanups.push(() => proxy.close());
    const client = new End(connectSocket({ host: "127.0.0.1", port: Number(new URL(proxy.url).port) }));
    await until(() => client.closed === "ECONNRESET" && proxy.open === 0);
    expect(proxy.accepted).toBe(1);
  });

  test("its url keeps user, path and query, shows no secret by itself, and bad arguments are told", async () => {
    const proxy = await FaultProxy.start("ws://me:s3cret@127.0.0.1:1/amqp?a=b");
    cleanups.push(() => proxy.close());
    expect(proxy.url).toMatch(/^ws:\/\/me:s3cret@127\.0\.0\.1:\d+\/amqp\?a=b$/);
    expect(inspect(proxy)).not.toContain("s3cret");
    await expect(FaultProxy.start("nowhere")).rejects.toMatchObject({ code: "config" });
    expect(() => proxy.cutAfter(-1)).toThrow("cutAfter(): a number of at least 0 is needed");
    expect(() => proxy.slice(0)).toThrow("slice(): a number of at least 1 is needed");
    await proxy.close();
    await proxy.close();
  });

  test.each(["amqp", "amqps", "ws"] as const)("%s goes through it, one octet at a time, and a cut line comes back", async (scheme) => {
    const { ca, server } = certificates();
    const broker = scheme === "amqps" ? await Broker.start({ tls: server }) : await Broker.start({ webSocket: scheme === "ws" });
    cleanups.push(() => broker.close());
    const proxy = await FaultProxy.start(scheme === "ws" ? broker.url.replace("amqp:", "ws:") : broker.url.replace("127.0.0.1", "localhost"), { seed: 3 });
    cleanups.push(() => proxy.close());
    proxy.slice(1);
    const connection = await connect(proxy.url, { timeout: 20_000, reconnect: { initialDelay: 1, maxDelay: 5 }, ...(scheme === "amqps" ? { tls: { ca } } : {}) });
    cleanups.push(() => connection.close({ timeout: 1_000 }).catch(() => undefined));
    const sender = await connection.createSender("q");
    await sender.send({ body: 1 });
    proxy.slice(Infinity);
    proxy.cut();
    await sender.send({ body: 2 });
    expect([broker.depth("q"), proxy.accepted]).toEqual([2, 2]);
  });
});

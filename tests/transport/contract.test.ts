/** What every `ByteDuplex` promises, over each thing that carries bytes. */

import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";

import { WebSocket } from "ws";

import type { ByteDuplex } from "../../src/transport/byte-duplex.ts";
import { connectBuiltin } from "../../src/transport/builtin-duplex.ts";
import { memoryDuplexPair } from "../../src/transport/memory.ts";
import { memoryPair, streamDuplex } from "../../src/transport/streams.ts";
import { connectDuplex, listenDuplex } from "../../src/transport/node.ts";
import { certificates } from "./certificates.ts";
import { Recorder, bytesOf, written } from "./recorder.ts";

type Pair = { a: ByteDuplex; b: ByteDuplex; close: () => Promise<void> };

const SETTINGS = { path: "/", protocols: ["amqp"], headers: {}, maxMessageSize: 262_144 };
const DOOR = { only: false, path: undefined, origins: undefined, maxMessageSize: 262_144 };

/** @param web "ws": both ends by the package; "builtin": the connecting one by the platform's class, whose part the package's plays here. */
async function socketPair(secure: boolean, web?: "ws" | "builtin" | "beside"): Promise<Pair> {
  let accepted: (duplex: ByteDuplex) => void = () => {};
  const incoming = new Promise<ByteDuplex>((resolve) => { accepted = resolve; });
  const { ca, server } = certificates();
  const listener = await listenDuplex({
    host: "127.0.0.1", port: 0, tls: secure ? server : undefined, handshakeTimeout: 5_000, webSocket: web === undefined ? undefined : DOOR,
    onConnection: accepted,
  });
  const { host, port } = listener;
  const options = { host, port, secure, tls: secure ? { ca } : {}, sni: undefined, webSocket: web === "ws" ? SETTINGS : undefined };
  const a = web === "builtin" ? await connectBuiltin(options, SETTINGS) : await connectDuplex(options);
  return { a, b: await incoming, close: () => listener.close() };
}

// Node 20 has no class of its own.
const { WebSocket: before } = globalThis;
beforeAll(() => { globalThis.WebSocket = WebSocket as never; });
afterAll(() => { globalThis.WebSocket = before; });

const kinds: [string, () => Promise<Pair>][] = [
  ["tcp", () => socketPair(false)],
  ["tls", () => socketPair(true)],
  ["tcp beside WebSocket", () => socketPair(false, "beside")],
  ["tls beside WebSocket", () => socketPair(true, "beside")],
  ["ws", () => socketPair(false, "ws")],
  ["wss", () => socketPair(true, "ws")],
  ["builtin", () => socketPair(false, "builtin")],
  ["memory", async () => { const [a, b] = memoryDuplexPair(); return { a, b, close: async () => {} }; }],
  ["streams", async () => { const [a, b] = memoryPair(); return { a: streamDuplex(a), b: streamDuplex(b), close: async () => {} }; }],
];

describe.each(kinds)("%s", (kind, make) => {
  const web = kind === "ws" || kind === "wss" || kind === "builtin";
  const secure = kind.startsWith("tls") || kind === "wss";
  let pair: Pair | undefined;

  async function open(): Promise<Pair> {
    return (pair = await make());
  }

  afterEach(async () => {
    pair?.a.destroy();
    pair?.b.destroy();
    await pair?.close();
    pair = undefined;
  });

  test("bytes arrive in order, and each write is called back, later", async () => {
    const { a, b } = await open();
    const sink = new Recorder(b);
    new Recorder(a);
    const order: number[] = [];
    for (let i = 0; i < 100; i++) a.write(bytesOf(`${i};`), () => order.push(i));
    expect(order).toEqual([]);
    const expected = Array.from({ length: 100 }, (_, i) => `${i};`).join("");
    await sink.until(() => sink.length === expected.length);
    await written(a, bytesOf(""));
    expect(sink.bytes.toString()).toBe(expected);
    expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(a.writableLength).toBe(0);
  });

  test("a chunk is not touched when its writer reuses the bytes after done", async () => {
    const { a, b } = await open();
    const sink = new Recorder(b);
    new Recorder(a);
    const bytes = bytesOf("first");
    await written(a, bytes);
    bytes.fill(0x58);
    await written(a, bytes);
    await sink.until(() => sink.length === 10);
    expect(sink.bytes.toString()).toBe("firstXXXXX");
  });

  test("FT07 each direction ends by itself: after our FIN the peer can still answer; of a WebSocket both end", async () => {
    const { a, b } = await open();
    const atA = new Recorder(a);
    const atB = new Recorder(b);
    a.write(bytesOf("question"), () => {});
    a.end();
    await atB.until(() => atB.ended);
    expect(atB.bytes.toString()).toBe("question");
    if (!web) expect(atB.closed).toBe(false);
    await written(b, bytesOf("answer"));
    b.end();
    await Promise.all([atA.until(() => atA.closed), atB.until(() => atB.closed)]);
    expect(atA.bytes.toString()).toBe(web ? "" : "answer");
    expect(atA.events).toEqual(web ? ["end", "close"] : ["data", "end", "close"]);
    expect(atB.events).toEqual(["data", "end", "close"]);
    expect([atA.error, atB.error]).toEqual([undefined, undefined]);
  });

  test("destroy closes this side without an error, and the peer learns of it", async () => {
    const { a, b } = await open();
    const atA = new Recorder(a);
    const atB = new Recorder(b);
    a.destroy();
    a.destroy();
    expect(atA.closed).toBe(false);
    await Promise.all([atA.until(() => atA.closed), atB.until(() => atB.ended || atB.closed)]);
    expect(atA.error).toBeUndefined();
    b.end();
    await atB.until(() => atB.closed);
    expect(atA.events.filter((event) => event === "close")).toHaveLength(1);
    expect(atB.events.filter((event) => event === "close")).toHaveLength(1);
    expect(atB.events.at(-1)).toBe("close");
  });

  test("every done is called although the connection is dropped, and onClose is last", async () => {
    const { a, b } = await open();
    new Recorder(b);
    b.pause();
    const atA = new Recorder(a);
    let done = 0;
    let doneAtClose = -1;
    for (let i = 0; i < 40; i++) a.write(new Uint8Array(262_144), () => { done++; });
    await new Promise((resolve) => setImmediate(resolve));
    atA.onClosed = () => { doneAtClose = done; };
    a.destroy();
    await atA.until(() => atA.closed);
    expect(doneAtClose).toBe(40);
  });

  test("write after end or destroy only calls back", async () => {
    const { a, b } = await open();
    const atA = new Recorder(a);
    const atB = new Recorder(b);
    a.end();
    await written(a, bytesOf("late"));
    await atB.until(() => atB.ended);
    a.destroy();
    await atA.until(() => atA.closed);
    await written(a, bytesOf("later"));
    a.end();
    expect(atB.bytes).toHaveLength(0);
  });

  test("a paused peer lets writableLength grow; resumed, it gets everything, and onDrain tells", async () => {
    const { a, b } = await open();
    const atA = new Recorder(a);
    const sink = new Recorder();
    b.start(sink);
    b.pause();
    const size = 262_144;
    const count = 64;
    let taken = 0;
    for (let i = 0; i < count; i++) a.write(new Uint8Array(size).fill(i), () => { taken++; });
    await new Promise((resolve) => setImmediate(resolve));
    expect(a.writableLength).toBeGreaterThan(0);
    if (kind !== "builtin") expect(taken).toBeLessThan(count); // the platform's class copies what it is given
    const before = sink.chunks.length;
    b.resume();
    await sink.until(() => sink.length === size * count);
    expect(before).toBeLessThanOrEqual(1);
    await atA.until(() => atA.drains > 0);
    expect(a.writableLength).toBe(0);
    const received = sink.bytes;
    expect(Array.from({ length: count }, (_, i) => received[i * size])).toEqual(Array.from({ length: count }, (_, i) => i));
  });

  test("pausing within onData stops before the next chunk and before the end", async () => {
    const { a, b } = await open();
    const sink = new Recorder();
    let paused = false;
    sink.onChunk = () => { paused = true; b.pause(); };
    b.start(sink);
    new Recorder(a);
    a.write(bytesOf("one"), () => {});
    await sink.until(() => paused);
    a.write(bytesOf("two"), () => {});
    a.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(sink.bytes.toString().startsWith("one")).toBe(true);
    expect(sink.ended).toBe(false);
    sink.onChunk = undefined;
    b.resume();
    await sink.until(() => sink.ended);
    expect(sink.bytes.toString()).toBe("onetwo");
  });

  test("what happened before start is told after it, never during the call", async () => {
    const { a, b } = await open();
    a.write(bytesOf("early"), () => {});
    a.end();
    if (web) new Recorder(a); // a WebSocket has ended when both have said so
    await new Promise((resolve) => setImmediate(resolve));
    const sink = new Recorder(b);
    expect(sink.events).toEqual([]);
    await sink.until(() => sink.ended);
    expect(sink.bytes.toString()).toBe("early");
    b.destroy();
    await sink.until(() => sink.closed);
  });

  test("destroyed before start: onClose comes after start", async () => {
    const { a } = await open();
    a.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    const sink = new Recorder(a);
    expect(sink.events).toEqual([]);
    await sink.until(() => sink.closed);
    expect(sink.events).toEqual(["close"]);
  });

  test("says whether it is secure and on this machine", async () => {
    const { a, b } = await open();
    expect([a.secure, b.secure]).toEqual([secure, secure]);
    expect([a.loopback, b.loopback]).toEqual([kind !== "streams", kind !== "streams"]);
  });
});

/** What every `ByteDuplex` promises, over each thing that carries bytes. */

import { afterEach, describe, expect, test } from "@jest/globals";

import type { ByteDuplex } from "../../src/transport/byte-duplex.ts";
import { memoryDuplexPair } from "../../src/transport/memory.ts";
import { memoryPair, streamDuplex } from "../../src/transport/streams.ts";
import { connectTcp, listenTcp } from "../../src/transport/tcp.ts";
import { connectTls, listenTls } from "../../src/transport/tls.ts";
import { certificates } from "./certificates.ts";
import { Recorder, bytesOf, written } from "./recorder.ts";

type Pair = { a: ByteDuplex; b: ByteDuplex; close: () => Promise<void> };

async function socketPair(secure: boolean): Promise<Pair> {
  let accepted: (duplex: ByteDuplex) => void = () => {};
  const incoming = new Promise<ByteDuplex>((resolve) => { accepted = resolve; });
  const place = { host: "127.0.0.1", port: 0, onConnection: accepted };
  const { ca, server } = certificates();
  const listener = secure ? await listenTls({ ...place, tls: server }) : await listenTcp(place);
  const { host, port } = listener;
  const a = secure ? await connectTls({ host, port, tls: { ca } }) : await connectTcp({ host, port });
  return { a, b: await incoming, close: () => listener.close() };
}

const kinds: [string, () => Promise<Pair>][] = [
  ["tcp", () => socketPair(false)],
  ["tls", () => socketPair(true)],
  ["memory", async () => { const [a, b] = memoryDuplexPair(); return { a, b, close: async () => {} }; }],
  ["streams", async () => { const [a, b] = memoryPair(); return { a: streamDuplex(a), b: streamDuplex(b), close: async () => {} }; }],
];

describe.each(kinds)("%s", (kind, make) => {
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

  test("FT07 each direction ends by itself: after our FIN the peer can still answer", async () => {
    const { a, b } = await open();
    const atA = new Recorder(a);
    const atB = new Recorder(b);
    a.write(bytesOf("question"), () => {});
    a.end();
    await atB.until(() => atB.ended);
    expect(atB.bytes.toString()).toBe("question");
    expect(atB.closed).toBe(false);
    b.write(bytesOf("answer"), () => {});
    b.end();
    await Promise.all([atA.until(() => atA.closed), atB.until(() => atB.closed)]);
    expect(atA.bytes.toString()).toBe("answer");
    expect(atA.events).toEqual(["data", "end", "close"]);
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
    expect(taken).toBeLessThan(count);
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
    expect([a.secure, b.secure]).toEqual([kind === "tls", kind === "tls"]);
    expect([a.loopback, b.loopback]).toEqual([kind !== "streams", kind !== "streams"]);
  });
});

/** What is particular to the transports without a socket: how they break off, and that they never run in a microtask. */

import { describe, expect, test } from "@jest/globals";

import { ConnectionError } from "../../src/errors.ts";
import { memoryDuplexPair } from "../../src/transport/memory.ts";
import { memoryPair, streamDuplex } from "../../src/transport/streams.ts";
import type { StreamPair } from "../../src/transport/streams.ts";
import { Recorder, bytesOf, written } from "./recorder.ts";

describe("memory", () => {
  test("FT01 writing to an end that is gone breaks the connection off, as a reset would", async () => {
    const [a, b] = memoryDuplexPair();
    const sink = new Recorder(a);
    b.destroy();
    await written(a, bytesOf("x"));
    await sink.until(() => sink.closed);
    expect(sink.error).toBeInstanceOf(ConnectionError);
    expect(sink.error).toMatchObject({ code: "disconnected", retryable: true });
  });

  test("nothing is delivered in a microtask", async () => {
    const [a, b] = memoryDuplexPair();
    const sink = new Recorder(b);
    new Recorder(a);
    a.write(bytesOf("x"), () => {});
    for (let i = 0; i < 50; i++) await Promise.resolve();
    expect(sink.length).toBe(0);
    await sink.until(() => sink.length === 1);
  });

  test("two ends that answer each other for ever leave room for others", async () => {
    const [a, b] = memoryDuplexPair();
    const atA = new Recorder();
    const atB = new Recorder();
    atA.onChunk = (chunk) => a.write(chunk, () => {});
    atB.onChunk = (chunk) => b.write(chunk, () => {});
    a.start(atA);
    b.start(atB);
    a.write(bytesOf("ping"), () => {});
    await new Promise((resolve) => setTimeout(resolve, 1));
    a.destroy();
    b.destroy();
    await Promise.all([atA.until(() => atA.closed), atB.until(() => atB.closed)]);
  });

  test("destroying from within onData delivers no more", async () => {
    const [a, b] = memoryDuplexPair();
    new Recorder(a);
    const sink = new Recorder();
    sink.onChunk = () => b.destroy();
    b.start(sink);
    const done = [0, 0, 0, 0, 0];
    for (let i = 0; i < 5; i++) a.write(bytesOf("x"), () => { done[i]!++; });
    await sink.until(() => sink.closed);
    expect(sink.length).toBe(1);
    expect(done).toEqual([1, 1, 1, 1, 1]);
    expect(a.writableLength).toBe(0);
    a.destroy();
  });

  test("without setImmediate, as in a browser, a message channel takes its place", async () => {
    const kept = globalThis.setImmediate;
    try {
      Reflect.deleteProperty(globalThis, "setImmediate");
      const [a, b] = memoryDuplexPair();
      const sink = new Recorder(b);
      await written(a, bytesOf("x"));
      expect(sink.length).toBe(1);
      a.destroy();
      b.destroy();
      await sink.until(() => sink.closed);
    } finally {
      globalThis.setImmediate = kept;
    }
  });
});

describe("streams of a user", () => {
  function custom(source: UnderlyingDefaultSource<Uint8Array>, sink: UnderlyingSink<Uint8Array> = {}): { pair: StreamPair; closes: () => number } {
    let closes = 0;
    return { pair: { readable: new ReadableStream(source), writable: new WritableStream(sink), close: () => { closes++; } }, closes: () => closes };
  }

  test("FT01 a readable that fails is the error of onClose, and the transport is closed once", async () => {
    const { pair, closes } = custom({ pull: (controller) => controller.error(new Error("cable cut")) });
    const sink = new Recorder(streamDuplex(pair));
    await sink.until(() => sink.closed);
    expect(sink.error).toMatchObject({ code: "disconnected", message: "the transport broke off: cable cut" });
    expect(closes()).toBe(1);
  });

  test("a writable that fails", async () => {
    const { pair } = custom({}, { write: () => { throw new Error("full"); } });
    const duplex = streamDuplex(pair);
    const sink = new Recorder(duplex);
    await written(duplex, bytesOf("x"));
    await sink.until(() => sink.closed);
    expect(sink.error).toMatchObject({ message: "the transport broke off: full" });
  });

  test("chunks that are no bytes", async () => {
    const { pair } = custom({ start: (controller) => controller.enqueue("text" as never) });
    const sink = new Recorder(streamDuplex(pair));
    await sink.until(() => sink.closed);
    expect(sink.error?.message).toMatch(/no Uint8Array/);
  });

  test("a close() that throws does not matter", async () => {
    const { pair } = custom({});
    const duplex = streamDuplex({ ...pair, close: () => { throw new Error("again"); } });
    const sink = new Recorder(duplex);
    duplex.destroy();
    await sink.until(() => sink.closed);
    expect(sink.error).toBeUndefined();
  });

  test("memoryPair: close() ends both directions, what was written is still read", async () => {
    const [client, server] = memoryPair();
    const writer = client.writable.getWriter();
    await writer.write(bytesOf("last words"));
    client.close();
    client.close();
    const reader = server.readable.getReader();
    expect(await reader.read()).toMatchObject({ done: false });
    expect(await reader.read()).toMatchObject({ done: true });
    await expect(server.writable.getWriter().write(bytesOf("x"))).rejects.toThrow(/gone/);
    await expect(writer.write(bytesOf("x"))).rejects.toThrow(/closed/);
  });
});

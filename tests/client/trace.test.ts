/** LEPTONMQ_TRACE=frames: the lines of a connection, that no secret is in them, and that nothing stands in between without it. */

import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";

import { Broker } from "../../src/broker.ts";
import { connect, Container, types } from "../../src/index.ts";
import { readable } from "../../src/client/readable.ts";
import { StreamCutter } from "../../src/client/stream-cutter.ts";
import { traced } from "../../src/client/trace.ts";
import { ManualClock } from "../../src/testing/manual-clock.ts";
import { memoryDuplexPair } from "../../src/transport/memory.ts";
import { streamDuplex, memoryPair } from "../../src/transport/streams.ts";
import { afterwards, serve } from "../protocol/harness.ts";
import { until } from "../support/broker.ts";
import { runProgram } from "../support/programs.ts";

/** What went to standard error, line by line, each with the connection's name and its milliseconds taken off. */
let lines: string[] = [];

beforeEach(() => {
  lines = [];
  process.env["LEPTONMQ_TRACE"] = "frames";
  const write = jest.spyOn(process.stderr, "write").mockImplementation((text) => { lines.push(String(text)); return true; });
  afterwards(async () => { write.mockRestore(); });
});

afterEach(() => { delete process.env["LEPTONMQ_TRACE"]; });

/** The lines of the connection that was made on this url. */
function bare(url: string): string[] {
  const head = / ([0-9a-f]{4}) /.exec(lines.find((line) => line.includes(` ${url} `)) ?? "")?.[1];
  return lines.filter((line) => line.startsWith(`amqp ${head} +`)).map((line) => line.replace(/^amqp [0-9a-f]{4} \+\d+ (.*)\n$/, "$1"));
}

describe("P12 the trace", () => {
  test("P12 every header and frame, both ways, as one line", async () => {
    const peer = await serve(async (script) => {
      await script.handshake({ containerId: "peer", properties: { product: "evil\u001b[2J\nproduct\u202e" } });
      const begin = await script.until("begin");
      script.reply(begin);
      const attach = await script.until("attach");
      script.reply(attach);
      script.send("flow", { handle: 0, nextIncomingId: 0, incomingWindow: 100, nextOutgoingId: 0, outgoingWindow: 100, deliveryCount: 0, linkCredit: 5 });
      const transfer = await script.until("transfer");
      script.send("disposition", { role: true, first: transfer.fields["deliveryId"], settled: true, state: { type: "rejected", error: { condition: "amqp:not-found", description: "no \"queue\"" } } });
      script.raw(Buffer.from("0000000802000000", "hex"));
      const close = await script.until("close");
      script.reply(close);
    });
    const clock = new ManualClock();
    const container = new Container({ id: "me", clock });
    afterwards(() => container.close({ timeout: 0 }));
    const connection = await container.connect(peer.url.replace("amqp://", "amqp://ann:s4711@"), { idleTimeout: 0, properties: { n: types.ulong(5) } });
    const sender = await connection.createSender("orders", { name: "out" });
    const outcome = await sender.send({ body: "s4711" }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ condition: "amqp:not-found" });
    await connection.close();
    await until(() => bare(peer.url).includes("closed"));
    expect(lines.filter((line) => !/^amqp [0-9a-f]{4} \+0 [\x20-\x7e]+\n$/.test(line))).toEqual([]);
    expect(bare(peer.url)).toEqual([
      `client ${peer.url} to 127.0.0.1`,
      "-> header sasl 1.0.0",
      "<- header sasl 1.0.0",
      '<- sasl-mechanisms mechanisms=["ANONYMOUS", "PLAIN"]',
      '-> sasl-init mechanism="PLAIN" hostname="127.0.0.1"',
      "<- sasl-outcome code=0",
      "-> header amqp 1.0.0",
      '-> ch0 open container-id="me" hostname="127.0.0.1" max-frame-size=262144 channel-max=63 properties={n: 5}',
      "<- header amqp 1.0.0",
      '<- ch0 open container-id="peer" properties={product: "evil\\u001b[2J\\nproduct\\u202e"}',
      "-> ch0 begin next-outgoing-id=0 incoming-window=256 outgoing-window=2147483647 handle-max=255",
      '-> ch0 attach name="out" handle=0 role="sender" snd-settle-mode="unsettled" rcv-settle-mode="first" source=source{durable: 0, expiry-policy: "session-end", timeout: 0, dynamic: false} target=target{address: "orders", durable: 0, expiry-policy: "session-end", timeout: 0, dynamic: false} initial-delivery-count=0',
      "<- ch0 begin remote-channel=0 next-outgoing-id=0 incoming-window=2048 outgoing-window=2048",
      expect.stringMatching(/^<- ch0 attach name="out" handle=0 role="receiver" .*target=target\{address: "orders", /),
      "<- ch0 flow next-incoming-id=0 incoming-window=100 next-outgoing-id=0 outgoing-window=100 handle=0 delivery-count=0 link-credit=5",
      "-> ch0 transfer handle=0 delivery-id=0 delivery-tag=0x00000001 message-format=0 payload=10",
      '<- ch0 disposition role="receiver" first=0 settled=true state=rejected{error: {condition: "amqp:not-found", description: "no \\"queue\\""}}',
      "<- ch0 empty",
      "-> ch0 close",
      "<- ch0 close",
      "<- end of the stream",
      "closed",
    ]);
  });

  test("P12 Q.secrets no password, token, answer or payload of anybody is in it, on either side", async () => {
    const canary = "s4711";
    const broker = await Broker.start({ users: { ann: canary }, webSocket: true });
    afterwards(() => broker.close());
    for (const url of [broker.url.replace("//", `//ann:${canary}@`), (broker.webSocketUrl ?? "").replace("//", `//ann:${canary}@`) + `mq?token=${canary}`]) {
      const connection = await connect(url, url.startsWith("ws") ? { webSocket: { headers: { Authorization: `Bearer ${canary}` } } } : {});
      await (await connection.createSender("q")).send({ body: canary, properties: { token: canary } });
      await connection.close();
    }
    await connect(broker.url, { user: "ann", password: `${canary}x` }).catch(() => undefined);
    const text = lines.join("");
    expect(text).toContain("sasl-init");
    expect(text).toContain("sasl-outcome code=1");
    expect(text).toMatch(/server amqp:\/\/127\.0\.0\.1:\d+ from 127\.0\.0\.1/);
    expect(text).toMatch(/client ws:\/\/127\.0\.0\.1:\d+ to 127\.0\.0\.1/);
    expect(text).not.toContain(canary);
    expect(text).not.toContain(Buffer.from(canary).toString("hex"));
    expect(text).not.toContain(Buffer.from(canary).toString("base64").replace(/=*$/, ""));
  });

  test("P12 Q.secrets SASL that cannot be read is not quoted", async () => {
    const peer = await serve(async (script) => {
      await script.next();
      script.raw(Buffer.concat([Buffer.from("AMQP\x03\x01\0\0", "latin1"), Buffer.from("0000001102010000", "hex"), Buffer.from("\0s4711s47")]));
      await script.next().catch(() => undefined);
    });
    await connect(peer.url, { timeout: 4_000 }).catch(() => undefined);
    expect(bare(peer.url)).toContain("<- 17 octets that cannot be read as SASL");
    expect(lines.join("")).not.toContain("4711");
  });

  test("P12 what is no AMQP is told once, and bytes go through as they are", async () => {
    const [a, b] = memoryDuplexPair();
    const container = new Container({ clock: new ManualClock() });
    const profile = { side: "client", clock: new ManualClock(), maxFrameSize: 512, limits: { maxSaslFrameSize: 512 } } as never;
    const duplex = traced(a, "memory:", profile);
    const got: string[] = [];
    const ended = new Promise<void>((resolve) => {
      b.start({ onData: (chunk) => { got.push(Buffer.from(chunk).toString()); b.write(chunk, () => b.end()); }, onEnd: () => {}, onClose: () => resolve() });
    });
    duplex.start({ onData: (chunk) => { got.push(Buffer.from(chunk).toString()); }, onEnd: () => duplex.end(), onClose: () => {} });
    expect([duplex.secure, duplex.loopback, duplex.remoteAddress, duplex.peerCertificate, duplex.writableLength]).toEqual([false, true, "memory", undefined, 0]);
    duplex.pause();
    duplex.resume();
    duplex.write(Buffer.from("HTTP/1.1 400\r\n\r\n"), () => {});
    await ended;
    await container.close();
    expect(got).toEqual(["HTTP/1.1 400\r\n\r\n", "HTTP/1.1 400\r\n\r\n"]);
    const nonsense = "octets that are no AMQP: a frame of 1213486160 octets with its data at 188; what follows is not traced";
    await until(() => bare("memory:").includes("closed"));
    expect(bare("memory:")).toEqual(["client memory: to memory", `-> ${nonsense}`, `<- ${nonsense}`, "<- end of the stream", "closed"]);
  });

  test("P12 nothing stands in between unless the environment asks for frames", () => {
    const [a] = memoryPair();
    const duplex = streamDuplex(a);
    const profile = { side: "client", clock: new ManualClock(), maxFrameSize: 512, limits: { maxSaslFrameSize: 512 } } as never;
    for (const value of [undefined, "", "bytes", "framesets"]) {
      if (value === undefined) delete process.env["LEPTONMQ_TRACE"];
      else process.env["LEPTONMQ_TRACE"] = value;
      expect(traced(duplex, "x", profile)).toBe(duplex);
    }
    process.env["LEPTONMQ_TRACE"] = "bytes, frames";
    expect(traced(duplex, "x", profile)).not.toBe(duplex);
    duplex.destroy();
  });
});

test("P12 a program's own output stays as it is: the trace goes to standard error", async () => {
  const text = `
    import { connect } from "leptonmq";
    import { Broker } from "leptonmq/broker";
    const broker = await Broker.start();
    const connection = await connect(broker.url);
    await connection.close();
    await broker.close();
    console.log("done");`;
  const ended = await runProgram({ text }, [], { LEPTONMQ_TRACE: "frames" });
  expect(ended).toMatchObject({ code: 0, stdout: "done\n" });
  expect(ended.stderr).toMatch(/^amqp [0-9a-f]{4} \+\d+ -> ch0 open container-id="/m);
  delete process.env["LEPTONMQ_TRACE"];
  expect(await runProgram({ text })).toEqual({ code: 0, stdout: "done\n", stderr: "" });
}, 30_000);

describe("StreamCutter", () => {
  const wire = Buffer.concat([
    Buffer.from("414d515003010000", "hex"), Buffer.from("0000000a020100000041", "hex"), Buffer.from("414d515000010000", "hex"),
    Buffer.from("0000000802000000", "hex"), Buffer.from("0000000c03000001ffffffff", "hex"), Buffer.from("0000000902000002aa", "hex"),
  ]);
  const cut = (chunks: readonly Uint8Array[], largest = 64): string[] => {
    const found: string[] = [];
    const cutter = new StreamCutter({
      onHeader: (bytes) => found.push(`header ${Buffer.from(bytes).toString("hex")}`),
      onFrame: (bytes) => found.push(Buffer.from(bytes).toString("hex")),
      onNonsense: (reason) => found.push(reason),
    }, largest);
    for (const chunk of chunks) cutter.push(chunk);
    return found;
  };
  const whole = ["header 414d515003010000", "0000000a020100000041", "header 414d515000010000", "0000000802000000", "0000000c03000001ffffffff", "0000000902000002aa"];

  test("finds the same at any cut", () => {
    expect(cut([wire])).toEqual(whole);
    expect(cut(Array.from(wire, (octet) => Uint8Array.of(octet)))).toEqual(whole);
    for (let at = 0; at <= wire.length; at++) expect(cut([wire.subarray(0, at), wire.subarray(at)])).toEqual(whole);
  });

  test.each([
    ["0000000702000000", "a frame of 7 octets with its data at 8"],
    ["0000004102000000", "a frame of 65 octets with its data at 8"],
    ["0000000801000000", "a frame of 8 octets with its data at 4"],
    ["0000000803000000", "a frame of 8 octets with its data at 12"],
  ])("stops at %s, before it is there", (hex, reason) => {
    const bytes = Buffer.from(hex, "hex");
    const expected = ["0000000802000000", `octets that are no AMQP: ${reason}`];
    expect(cut([Buffer.from("0000000802000000", "hex"), bytes, wire])).toEqual(expected);
    expect(cut([...Array.from(bytes, (octet) => Uint8Array.of(octet))]).at(-1)).toBe(expected[1]);
  });
});

describe("readable", () => {
  test.each<[unknown, string]>([
    ["a\"b\\\n\u00e9\u{1f600}", '"a\\"b\\\\\\n\\u00e9\\ud83d\\ude00"'],
    ["x".repeat(70), `"${"x".repeat(64)}"...`],
    [new Uint8Array([0, 255]), "0x00ff"],
    [new Uint8Array(70), `0x${"00".repeat(64)}... (70 octets)`],
    [[1, 2n, true, null], "[1, 2, true, null]"],
    [Array.from({ length: 70 }, () => 0), `[${"0, ".repeat(64)}...]`],
    [new Map<unknown, unknown>([[1, "x"], ["k", [2]]]), '{1: "x", k: [2]}'],
    [{ "a b": 1, gone: undefined }, '{"a b": 1}'],
    [{ type: "accepted" }, "accepted"],
    [{ type: "order", id: 1 }, '{type: "order", id: 1}'],
    [{ type: "received", section: 2, offset: 3 }, "received{section: 2, offset: 3}"],
    [types.described("a:b", types.symbol("c")), '@"a:b"(symbol("c"))'],
    [types.array("int", [1, 2]), "array([1, 2])"],
    [new Int32Array([1]), "[1]"],
    [new Date(0), "1970-01-01T00:00:00.000Z"],
    [new Date(NaN), "invalid date"],
    [[[[[[[1]]]]]], "[[[[[...]]]]]"],
  ])("%p", (value, text) => {
    expect(readable(value)).toBe(text);
  });
});

/** `--codec`: what encoding and decoding cost by themselves, without a connection. */

import { Bench } from "tinybench";
import { ACCEPTED } from "../../src/frames/delivery-state.ts";
import { readPerformative, writePerformative } from "../../src/frames/codec.ts";
import type { Performative } from "../../src/frames/performatives.ts";
import { TransferHead, beginTransferFrame, endTransferFrame, looksLikeTransfer, readTransfer } from "../../src/frames/transfer.ts";
import { checkMessage } from "../../src/message/check.ts";
import { Message } from "../../src/message/message.ts";
import type { MessageInit } from "../../src/message/fields.ts";
import { encodeMessage } from "../../src/message/sections.ts";
import { ByteWriter } from "../../src/util/byte-writer.ts";
import { ByteReader, readValue } from "../../src/wire/decode.ts";
import { writeValue } from "../../src/wire/encode.ts";

/** Operations in one sample, so that the clock does not weigh. */
const BATCH = 1000;

interface Task {
  readonly name: string;
  /** One operation, the nth; what it answers is kept, so that it cannot be left out as unused. */
  readonly run: (n: number) => unknown;
}

/** Runs them all; answers a table, or JSON. */
export async function benchCodec(options: { readonly quick: boolean; readonly json: boolean }): Promise<string> {
  const time = options.quick ? 150 : 600;
  const bench = new Bench({ time, warmupTime: time / 3 });
  let kept: unknown;
  for (const { name, run } of tasks()) {
    bench.add(name, () => {
      for (let n = 0; n < BATCH; n++) kept = run(n);
    });
  }
  await bench.run();
  if (kept === undefined) throw new Error("no task ran");
  const rows = bench.tasks.map((task) => {
    const result = task.result;
    if (!("latency" in result)) throw new Error(`${task.name}: ${result.state}`);
    const nanoseconds = (milliseconds: number): number => (milliseconds * 1e6) / BATCH;
    return { name: task.name, median: nanoseconds(result.latency.p50), p99: nanoseconds(result.latency.p99), min: nanoseconds(result.latency.min) };
  });
  if (options.json) return `${JSON.stringify({ unit: "ns", batch: BATCH, rows }, null, 2)}\n`;
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, median, p99, min }) => `${name.padEnd(width)} ${cell(min)} ${cell(median)} ${cell(p99)}`);
  return `Nanoseconds for one, in batches of ${BATCH}\n\n${"".padEnd(width)} ${"min".padStart(8)} ${"median".padStart(8)} ${"p99".padStart(8)}\n${lines.join("\n")}\n`;
}

function cell(nanoseconds: number): string {
  return (nanoseconds < 10 ? nanoseconds.toFixed(1) : nanoseconds.toFixed(0)).padStart(8);
}

function tasks(): Task[] {
  return [...encoding(), ...decoding(), ...performatives()];
}

const TEXT_100 = "x".repeat(100);
const BYTES_1K = new Uint8Array(1024).fill(120);
const PROPERTIES = { region: "north", weight: 12, urgent: true, price: 1.25, note: "handle with care" };
const LIST = [1, "two", 3.5, true, null, { four: 4, five: ["a", "b"] }, new Uint8Array([1, 2, 3])];

function encoding(): Task[] {
  const w = new ByteWriter(64 * 1024);
  const encoded = (init: (n: number) => MessageInit): ((n: number) => unknown) => (n) => {
    w.position = 0;
    encodeMessage(w, init(n));
    return w.position;
  };
  return [
    { name: "encode message, id and 100 B string", run: encoded((n) => ({ id: n, body: TEXT_100 })) },
    { name: "encode message, id and 1 KiB bytes", run: encoded((n) => ({ id: n, body: BYTES_1K })) },
    { name: "encode message, id, durable, 5 properties, 100 B string", run: encoded((n) => ({ id: n, durable: true, properties: PROPERTIES, body: TEXT_100 })) },
    { name: "encode message, id and a list of 7 as body", run: encoded((n) => ({ id: n, body: LIST })) },
    {
      name: "encode transfer frame and message in place",
      run: (n) => {
        w.position = 0;
        const start = beginTransferFrame(w, 0, 0, n, undefined, n, 0, false);
        encodeMessage(w, { id: n, body: TEXT_100 });
        endTransferFrame(w, start);
        return w.position;
      },
    },
    {
      name: "encode value, a list of 7",
      run: () => {
        w.position = 0;
        writeValue(w, LIST);
        return w.position;
      },
    },
  ];
}

function decoding(): Task[] {
  const plain = bytesOf({ id: 700, body: TEXT_100 });
  const rich = bytesOf({ id: 700, durable: true, properties: PROPERTIES, body: TEXT_100 });
  const value = new ByteWriter();
  writeValue(value, LIST);
  const list = value.toBytes();
  const reader = new ByteReader(list);
  const frame = new ByteWriter();
  const start = beginTransferFrame(frame, 0, 0, 700, undefined, 700, 0, false);
  frame.writeBytes(plain);
  endTransferFrame(frame, start);
  const transfer = frame.toBytes();
  const head = new TransferHead();
  return [
    { name: "check message, id and 100 B string", run: () => (checkMessage(plain, 0, plain.length), plain) },
    { name: "check message, durable, 5 properties", run: () => (checkMessage(rich, 0, rich.length), rich) },
    { name: "decode message: body", run: () => Message.fromWire(plain, 0, plain.length).body },
    {
      name: "decode message: id and body",
      run: () => {
        const message = Message.fromWire(plain, 0, plain.length);
        return message.id === 700 ? message.body : undefined;
      },
    },
    { name: "decode message: 5 properties", run: () => Message.fromWire(rich, 0, rich.length).properties },
    {
      name: "decode transfer frame, check message",
      run: () => {
        if (!looksLikeTransfer(transfer, 8, transfer.length)) return undefined;
        readTransfer(transfer, 8, transfer.length, head);
        checkMessage(transfer, head.payload, transfer.length);
        return head.deliveryId;
      },
    },
    {
      name: "decode value, a list of 7",
      run: () => {
        reader.reset(list, 0, list.length);
        return readValue(reader);
      },
    },
  ];
}

function performatives(): Task[] {
  const w = new ByteWriter();
  const reader = new ByteReader(w.bytes);
  const samples: Performative[] = [
    { type: "disposition", role: "receiver", first: 70_000, last: 70_099, settled: true, state: ACCEPTED },
    { type: "flow", nextIncomingId: 70_000, incomingWindow: 2048, nextOutgoingId: 1, outgoingWindow: 2048, handle: 0, deliveryCount: 70_000, linkCredit: 1000 },
  ];
  return samples.flatMap((performative) => {
    w.position = 0;
    writePerformative(w, performative);
    const bytes = w.toBytes();
    return [
      {
        name: `encode ${performative.type}`,
        run: () => {
          w.position = 0;
          writePerformative(w, performative);
          return w.position;
        },
      },
      {
        name: `decode ${performative.type}`,
        run: () => {
          reader.reset(bytes, 0, bytes.length);
          return readPerformative(reader);
        },
      },
    ];
  });
}

function bytesOf(init: MessageInit): Uint8Array {
  const w = new ByteWriter();
  encodeMessage(w, init);
  return w.toBytes();
}

/**
 * The floor: bare Node sockets that move frames of the workload's size in writes of 64 KiB, without a protocol; for latency, one
 * frame and its echo at a time.
 */

import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { once } from "node:events";
import { Meter } from "../meter.ts";
import { tell } from "../side.ts";
import type { Side } from "../side.ts";

/** Octets of a frame beside the body: about what AMQP adds with a message-id. */
const OVERHEAD = 40;
const WRITE = 64 * 1024;
/** Writes that wait for the kernel, so that it always has the next one. */
const OUTSTANDING = 4;

/** One side of the floor. */
export async function runRaw(side: Side): Promise<void> {
  if (side.role === "receiver") await receive(side);
  else await send(side);
}

async function receive(side: Side): Promise<void> {
  const frame = side.size + OVERHEAD;
  const meter = new Meter(side);
  let octets = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    server.close();
    socket.on("data", (chunk: Buffer) => {
      meter.begin();
      octets += chunk.length;
      if (side.mode === "latency") socket.write(chunk);
      meter.look(octets / frame);
    });
    socket.on("end", () => socket.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  await tell({ port: address.port });
  await once(server, "close");
  const total = octets / frame;
  await tell({ result: meter.result(total, Math.round(total * side.size)) });
}

async function send(side: Side): Promise<void> {
  const frame = side.size + OVERHEAD;
  const socket = connect({ port: side.port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const meter = new Meter(side);
  meter.begin();
  const octets = side.mode === "latency" ? await echo(socket, meter, frame) : await stream(socket, meter, frame);
  socket.end();
  socket.resume();
  await once(socket, "close");
  const total = octets / frame;
  await tell({ result: meter.result(total, Math.round(total * side.size)) });
}

function stream(socket: Socket, meter: Meter, frame: number): Promise<number> {
  const block = Buffer.alloc(Math.max(1, Math.floor(WRITE / Math.min(frame, WRITE))) * Math.min(frame, WRITE), "x");
  return new Promise((resolve) => {
    let written = 0;
    let waiting = 0;
    const done = (): void => {
      waiting -= 1;
      meter.look(written / frame);
      if (!meter.over) fill();
      else if (waiting === 0) resolve(written);
    };
    const fill = (): void => {
      while (waiting < OUTSTANDING) {
        waiting += 1;
        written += block.length;
        socket.write(block, done);
      }
    };
    fill();
  });
}

function echo(socket: Socket, meter: Meter, frame: number): Promise<number> {
  const block = Buffer.alloc(frame, "x");
  return new Promise((resolve) => {
    let count = 0;
    let back = 0;
    let sent = performance.now();
    socket.on("data", (chunk: Buffer) => {
      back += chunk.length;
      if (back < frame) return;
      back = 0;
      count += 1;
      meter.latency(performance.now() - sent);
      meter.look(count);
      if (meter.over) {
        resolve(count * frame);
        return;
      }
      sent = performance.now();
      socket.write(block);
    });
    socket.write(block);
  });
}

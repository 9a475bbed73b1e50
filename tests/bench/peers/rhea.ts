/** One side of a run on rhea: sends while it has credit, receives with its credit window and automatic accept. */

import type { Connection, EventContext, Sender } from "rhea";
import { Meter } from "../meter.ts";
import { tell } from "../side.ts";
import type { Side } from "../side.ts";

type Rhea = typeof import("rhea");

/** One side of a pair of rhea's. */
export async function runRhea(side: Side): Promise<void> {
  // Loaded only here, so that the benchmark runs without it.
  const rhea = (await import("rhea")).default as unknown as Rhea;
  if (side.role === "receiver") await receive(rhea, side);
  else await send(rhea, side);
}

async function receive(rhea: Rhea, side: Side): Promise<void> {
  const container = rhea.create_container();
  const meter = new Meter(side);
  let count = 0;
  let octets = 0;
  container.on("message", (context: EventContext) => {
    meter.begin();
    count += 1;
    if (side.read === 1) octets += bodyLength(context.message?.body);
    meter.tick(count);
  });
  const closed = new Promise<void>((resolve) => {
    container.on("connection_close", () => resolve());
  });
  // Options of the connection are also those of the links that the peer attaches.
  const server = container.listen({ port: 0, host: "127.0.0.1", credit_window: side.credit } as Parameters<typeof container.listen>[0]);
  await new Promise<void>((resolve) => {
    server.on("listening", () => resolve());
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  await tell({ port: address.port });
  await closed;
  server.close();
  await tell({ result: meter.result(count, octets) });
}

/** How many messages the credit so far allows in all: what is sent beyond it would be lost at the close. */
function creditLimit(sender: Sender): number {
  const link = sender as Sender & { readonly delivery_count: number; readonly credit: number };
  return link.delivery_count + link.credit;
}

/** A string's length, or that of a data section. */
function bodyLength(body: unknown): number {
  if (typeof body === "string") return body.length;
  if (body instanceof Uint8Array) return body.length;
  return ((body as { content: Uint8Array }).content).length;
}

async function send(rhea: Rhea, side: Side): Promise<void> {
  const container = rhea.create_container();
  const meter = new Meter(side);
  const bytes = Buffer.alloc(side.size, "x");
  const text = "x".repeat(side.size);
  let sent = 0;
  let settled = 0;
  let sentAt = 0;
  const one = (sender: Sender): void => {
    const body: unknown = side.body === "bytes" ? rhea.message.data_section(bytes) : text;
    sender.send({ message_id: sent as unknown as string, body });
    sent += 1;
  };
  const fill = (sender: Sender): void => {
    while (!meter.over && sender.sendable() && (side.mode === "settled" ? sent < creditLimit(sender) : sent - settled < side.window)) {
      one(sender);
      if (side.mode === "settled") meter.tick(sent);
    }
  };
  const connection: Connection = container.connect({ port: side.port, host: "127.0.0.1", reconnect: false });
  connection.open_sender({ target: { address: "bench" }, snd_settle_mode: side.mode === "settled" ? 1 : 0 });
  container.on("sendable", (context: EventContext) => {
    const sender = context.sender as Sender;
    meter.begin();
    if (side.mode === "latency") {
      if (sent === 0) {
        sentAt = performance.now();
        one(sender);
      }
      return;
    }
    fill(sender);
    if (meter.over && side.mode === "settled") connection.close();
  });
  container.on("accepted", (context: EventContext) => {
    const sender = context.sender as Sender;
    settled += 1;
    meter.tick(settled);
    if (side.mode === "latency") {
      meter.latency(performance.now() - sentAt);
      if (!meter.over) {
        sentAt = performance.now();
        one(sender);
      }
    } else {
      fill(sender);
    }
    if (meter.over && settled === sent) connection.close();
  });
  await new Promise<void>((resolve) => {
    container.on("connection_close", () => resolve());
  });
  await tell({ result: meter.result(sent, sent * side.size) });
}

/** The two programs of a soak: one listens and receives, one connects and sends at a steady rate. */

import { Container } from "../../src/index.ts";
import type { Connection, IncomingDelivery, OutgoingDelivery, Receiver, Sender } from "../../src/index.ts";
import type { PeerProgram } from "../load/peer-process.ts";
import { Seen } from "./seen.ts";

/** What both are started with. */
export interface SoakSettings {
  readonly mode: "exactly-once" | "at-least-once";
  /** Milliseconds. */
  readonly idle: number;
  readonly url: string;
  /** Messages a second. */
  readonly rate: number;
  /** Octets of a body. */
  readonly size: number;
}

/** What the receiver has counted. */
export interface Received {
  readonly count: number;
  readonly duplicates: number;
  readonly connections: number;
}

/** What the sender has counted since it was last asked. */
export interface Sent {
  readonly sent: number;
  readonly accepted: number;
  /** Sends that ended in another way, by what their error said. */
  readonly failed: Readonly<Record<string, number>>;
  readonly waiting: number;
  /** Of the sends that were settled since the last time: milliseconds. */
  readonly settled: number;
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
  readonly connected: boolean;
  readonly reconnects: number;
  readonly recovery: string;
}

export const receiver: PeerProgram = async (desk, given) => {
  const { mode, idle } = given as unknown as SoakSettings;
  const container = new Container({ id: "soak-receiver", onError: () => undefined, connection: { idleTimeout: idle } });
  const listener = await container.listen({ host: "127.0.0.1", port: 0 });
  const seen = new Seen();
  const take = async (link: Receiver): Promise<void> => {
    try {
      for await (const { message } of link as AsyncIterable<IncomingDelivery>) seen.add(message.id as number);
    } catch {
      // The line was cut: the sender comes back on another link.
    }
  };
  void listener.serve(async (request) => {
    if (request.role !== "receiver") throw new Error("nobody receives here");
    await take(await request.accept({ prefetch: 1_000, guarantee: mode }));
  });
  desk.on("counts", (): Received => ({ count: seen.count, duplicates: seen.duplicates, connections: [...container.connections].length }));
  desk.on("missing", (end) => seen.missing(end as number));
  desk.open({ port: listener.port });
};

export const sender: PeerProgram = async (desk, given) => {
  const { mode, idle, url, rate, size } = given as unknown as SoakSettings;
  const container = new Container({ id: "soak-sender", onError: () => undefined, timeouts: { send: Infinity } });
  const connection = await connectOn(container, url, idle);
  const link: Sender = await connection.createSender("soak", { name: "soak", guarantee: mode });
  const body = new Uint8Array(size).fill(120);
  const failed: Record<string, number> = {};
  let [next, accepted, waiting, reconnects] = [0, 0, 0, 0];
  let latencies: number[] = [];
  let timer: NodeJS.Timeout | undefined;

  const send = (): void => {
    const began = performance.now();
    waiting += 1;
    link.send({ id: next++, body }).then((_: OutgoingDelivery) => {
      accepted += 1;
      waiting -= 1;
      latencies.push(performance.now() - began);
    }, (error: unknown) => {
      waiting -= 1;
      const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
      failed[why] = (failed[why] ?? 0) + 1;
    });
  };
  void (async () => {
    for await (const status of connection.status()) if (status.type === "recovered") reconnects += 1;
  })();
  desk.on("begin", () => {
    const began = performance.now();
    const first = next;
    timer = setInterval(() => {
      // As many as the time that passed asks for, so that a late timer does not lower the rate.
      const due = first + Math.floor((performance.now() - began) / 1000 * rate);
      for (let n = Math.min(due - next, rate); n > 0; n--) send();
    }, 10);
  });
  desk.on("pause", () => clearInterval(timer));
  desk.on("counts", (): Sent => {
    const sorted = latencies.sort((a, b) => a - b);
    latencies = [];
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return {
      sent: next, accepted, failed, waiting, settled: sorted.length, p50: at(0.5), p99: at(0.99), most: sorted.at(-1) ?? 0,
      connected: connection.state.remote === "active", reconnects, recovery: link.recovery,
    };
  });
  desk.on("unsettled", () => link.unsettled.size);
  desk.open({});
};

function connectOn(container: Container, url: string, idle: number): Promise<Connection> {
  return container.connect(url, { idleTimeout: idle, reconnect: { maxDelay: 1_000 } });
}


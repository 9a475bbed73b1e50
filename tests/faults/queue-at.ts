/** A real broker, and a queue of a run's own there. */

import { execFile } from "node:child_process";
import { connect } from "../../src/index.ts";

export interface Queue {
  readonly address: string;
  remove(): Promise<unknown>;
}

/** The url of a broker that `node tests/interop/brokers.mjs` runs. @throws Error that says how to start it */
export async function urlOf(name: string): Promise<string> {
  const lines = await new Promise<string>((resolve) => {
    execFile(process.execPath, ["tests/interop/brokers.mjs", "status", name], (_error, stdout) => resolve(stdout));
  });
  const found = lines.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as { name: string; url: string }).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} does not run: node tests/interop/brokers.mjs start ${name}`);
  return found.url;
}

/** @param address of a queue that is there; undefined makes one, at a RabbitMQ 4 by its /management, elsewhere by using a new name */
export async function queueAt(url: string, address: string | undefined): Promise<Queue> {
  if (address !== undefined) return { address, remove: async () => undefined };
  const name = `faults-${process.pid}-${Date.now().toString(36)}`;
  if (!await asked(url, "PUT", name, { durable: true })) return { address: name, remove: async () => undefined };
  return { address: `/queues/${name}`, remove: () => asked(url, "DELETE", name, null) };
}

/** Whether a /management did it. */
async function asked(url: string, method: string, name: string, body: unknown): Promise<boolean> {
  const connection = await connect(url, { reconnect: false });
  try {
    if (!connection.remoteOfferedCapabilities.includes("LINK_PAIR_V1_0")) return false;
    const requester = await connection.createRequester("/management", { paired: true });
    const { subject } = await requester.request({ to: `/queues/${name}`, subject: method, body });
    if (!/^20/.test(subject ?? "")) throw new Error(`${method} of the queue ${name} was answered ${subject ?? "without a status"}`);
    return true;
  } finally {
    await connection.close();
  }
}

/** `npm run faults`: a hundred thousand messages over a line that is cut five hundred times, every one of them counted. */

import { Broker } from "../../src/broker.ts";
import { FaultProxy } from "../../src/testing.ts";
import { UsageError } from "../support/command.ts";
import { HELP, parseArguments } from "./arguments.ts";
import type { Arguments } from "./arguments.ts";
import { atLeastOnce, holds } from "./at-least-once.ts";
import type { Figures } from "./at-least-once.ts";
import { queueAt, urlOf } from "./queue-at.ts";

const number = (value: number): string => value.toLocaleString("en-US");

async function run(options: Arguments): Promise<boolean> {
  const broker = options.to === "embedded" ? await Broker.start() : undefined;
  const url = broker?.url ?? (options.to === "rabbitmq4" ? await urlOf(options.to) : options.to);
  const queue = broker !== undefined ? { address: options.queue ?? "faults", remove: async () => undefined } : await queueAt(url, options.queue);
  const proxy = await FaultProxy.start(url, { seed: options.seed });
  const began = performance.now();
  const tell = ({ accepted, received }: Figures): void => void process.stderr.write(
    `${Math.round((performance.now() - began) / 1000)} s: ${number(accepted)} of ${number(options.messages)} accepted, ${number(received)} received, ${proxy.cuts} of ${options.cuts} cuts\n`);
  try {
    const figures = await atLeastOnce(proxy, { ...options, queue: queue.address, tell });
    const good = holds(figures, options.cuts);
    process.stdout.write(report(figures, options, good));
    return good;
  } finally {
    await proxy.close();
    await queue.remove();
    await broker?.close();
  }
}

function report(figures: Figures, options: Arguments, good: boolean): string {
  const failed = [...figures.failed].map(([code, count]) => `, ${number(count)} ${code}`).join("");
  const kinds = [...figures.kinds].sort().map(([kind, count]) => `${count} ${kind}`).join(", ");
  return `at-least-once, seed ${options.seed}: ${good ? "holds" : "DOES NOT HOLD"}
  sends       ${number(figures.messages)}: ${number(figures.accepted)} accepted${failed}; ${number(figures.resent)} of them sent again
  received    ${number(figures.received)} ids, ${number(figures.missing)} of accepted ones missing, ${number(figures.duplicates)} copies
  cuts        ${figures.cuts} (${kinds}); ${number(figures.recovered)} times a connection came back
  time        ${figures.seconds.toFixed(1)} s
${good ? "" : `again: npm run faults -- --seed ${options.seed} --messages ${options.messages} --cuts ${options.cuts}\n`}`;
}

try {
  const options = parseArguments(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else process.exitCode = await run(options) ? 0 : 1;
} catch (error) {
  process.stderr.write(error instanceof UsageError ? `${error.message}\n\n${HELP}` : `${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

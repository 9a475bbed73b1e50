/** The command line of `npm run faults`. */

import { parseArgs } from "node:util";
import { UsageError } from "../support/command.ts";

export interface Arguments {
  readonly messages: number;
  readonly cuts: number;
  readonly seed: number;
  /** "embedded", "rabbitmq4", or the url of a broker. */
  readonly to: string;
  /** The queue of a broker at a url; undefined: one of its own. */
  readonly queue: string | undefined;
  readonly size: number;
  readonly concurrency: number;
}

export const HELP = `npm run faults -- [options]

Sends messages at-least-once through a line that is cut again and again, at random octets of either direction, by reset and in good
order, and takes them from the broker over the same line. It holds if every send ends accepted and every id arrives. The exit code
is 1 where it does not hold. The same seed gives the same cuts.

options:
  --to x           embedded, rabbitmq4 (the one that "node tests/interop/brokers.mjs start" runs), or the url of a broker. default embedded
  --queue a        the address of a queue there, empty. default: one of its own, made by RabbitMQ 4's /management where that is there
  --messages n     default 100000
  --cuts n         default 500
  --seed n         default 1
  --size n         octets of a body, at least 8. default 64
  --concurrency n  sends under way at once. default 1000
  --help           this text
`;

/** @returns undefined where help is asked for. @throws UsageError */
export function parseArguments(words: readonly string[]): Arguments | undefined {
  const text = { type: "string" } as const;
  let values: Partial<Record<"to" | "queue" | "messages" | "cuts" | "seed" | "size" | "concurrency", string>> & { help?: boolean };
  try {
    values = parseArgs({
      args: [...words], allowPositionals: false,
      options: { to: text, queue: text, messages: text, cuts: text, seed: text, size: text, concurrency: text, help: { type: "boolean", short: "h" } },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (values.help === true) return undefined;
  return {
    to: values.to ?? "embedded",
    queue: values.queue,
    messages: whole("messages", values.messages, 100_000, 1),
    cuts: whole("cuts", values.cuts, 500, 0),
    seed: whole("seed", values.seed, 1, 0),
    size: whole("size", values.size, 64, 8),
    concurrency: whole("concurrency", values.concurrency, 1_000, 1),
  };
}

function whole(name: string, text: string | undefined, normal: number, least: number): number {
  if (text === undefined) return normal;
  const value = Number(text.replaceAll(/[_,]/g, ""));
  if (!Number.isInteger(value) || value < least) throw new UsageError(`--${name} takes a whole number of at least ${least}; got ${text}`);
  return value;
}

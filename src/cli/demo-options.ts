/** The arguments of the demo: read, checked, and explained by `--help`. */

import { parseArgs } from "node:util";

/** What a run is asked to do. */
export interface DemoOptions {
  /** Undefined: bring a broker along. */
  readonly url: string | undefined;
  readonly messages: number;
  /** Octets of each body. */
  readonly size: number;
}

/** What `--help` prints. */
export const HELP = `Sends messages through a queue and takes them back, counts each one, and tells how fast it went.

  npm start                                              with a broker of its own, inside the process
  npm start -- amqp://guest:guest@localhost:5672/queue   with a broker that runs there, through that queue

  --messages N   how many to send, 1 to 100000000 (default 100000)
  --size B       octets in each body, 0 to 16777216 (default 100)
  --help         this text

Use a queue that is empty and that nobody else takes from. amqps:// is TLS. RabbitMQ 4 names its queues /queues/NAME.
Exit code 0: everything came back, once. Exit code 1: something is missing or came twice, or it could not run.`;

/** An argument that cannot work; its message is for the person who typed it. */
export class UsageError extends Error {}

/**
 * Reads the arguments after the program's name; "help" where that is what is asked for.
 *
 * @throws UsageError naming the argument and what it may be.
 */
export function readArguments(args: readonly string[]): DemoOptions | "help" {
  const { values, positionals } = parse(args);
  if (values.help === true) return "help";
  if (positionals.length > 1) throw new UsageError(`there can be one url, and ${positionals.length} arguments are none of the options`);
  return {
    url: positionals[0],
    messages: count("--messages", values.messages, 1, 100_000_000) ?? 100_000,
    size: count("--size", values.size, 0, 16 * 1024 * 1024) ?? 100,
  };
}

function parse(args: readonly string[]): { values: { messages?: string | undefined; size?: string | undefined; help?: boolean | undefined }; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { messages: { type: "string" }, size: { type: "string" }, help: { type: "boolean", short: "h" } },
    });
  } catch (error) {
    const unknown = /Unknown option '([^']*)'/.exec(String((error as Error).message))?.[1];
    if (unknown !== undefined) throw new UsageError(`there is no option ${unknown}; there are --messages, --size and --help`);
    throw new UsageError("--messages and --size each take a number, as in --messages 1000; --help takes nothing");
  }
}

function count(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new UsageError(`${name} must be a whole number from ${min} to ${max}`);
  return value;
}

/** The demo from arguments to exit code: a broker of its own or one at a url, a progress line, the result or one line of error. */

import { Broker } from "../broker.ts";
import { connect } from "../index.ts";
import { HELP, readArguments, UsageError } from "./demo-options.ts";
import type { DemoOptions } from "./demo-options.ts";
import { runDemo } from "./demo-run.ts";
import type { DemoResult, Progress } from "./demo-run.ts";
import { explain } from "./explain.ts";
import { watchMemory } from "./peak-memory.ts";

/** Where lines go; of a terminal, the progress line is written over itself. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Runs the demo and answers its exit code. */
export async function main(args: readonly string[], output: Output, errors: Output): Promise<number> {
  const place = { url: "", address: "" };
  try {
    const options = readArguments(args);
    if (options === "help") {
      output.write(`${HELP}\n`);
      return 0;
    }
    return await (options.url === undefined ? withOwnBroker(options, place, output) : overUrl(options.url, options, place, output));
  } catch (error) {
    errors.write(`error: ${explain(error, place)}\n`);
    return 1;
  }
}

const OWN_ADDRESS = "demo";
const PROGRESS_EVERY = 500;

interface MutablePlace {
  url: string;
  address: string;
}

async function withOwnBroker(options: DemoOptions, place: MutablePlace, output: Output): Promise<number> {
  const broker = await Broker.start();
  try {
    place.url = broker.url;
    output.write(`broker, sender and receiver in this process, over ${broker.url}; the broker keeps its messages in memory\n`);
    return await exchange(`${broker.url}/${OWN_ADDRESS}`, OWN_ADDRESS, options, output);
  } finally {
    await broker.close();
  }
}

async function overUrl(url: string, options: DemoOptions, place: MutablePlace, output: Output): Promise<number> {
  const address = addressOf(url);
  place.address = address ?? "";
  place.url = withoutSecrets(url);
  return await exchange(url, address, options, output);
}

async function exchange(url: string, address: string | undefined, options: DemoOptions, output: Output): Promise<number> {
  const connection = await connect(url);
  try {
    if (address === undefined) throw new UsageError("the url names no queue: add it as the path, as in amqp://localhost:5672/queue");
    const progress: Progress = { sent: 0, received: 0 };
    const stopProgress = showProgress(progress, options.messages, output);
    const run = Math.floor(Math.random() * 2 ** 32).toString(16) + Date.now().toString(16);
    const mostMemory = watchMemory();
    const result = await runDemo(connection, address, run, options.messages, options.size, progress).finally(stopProgress).finally(mostMemory);
    return report(result, mostMemory(), options, output);
  } finally {
    // The result is known by now; a broker that does not answer the close cannot change it.
    await connection.close({ timeout: 5_000 }).catch(() => undefined);
  }
}

function showProgress(progress: Progress, total: number, output: Output): () => void {
  const terminal = output.isTTY === true;
  const started = performance.now();
  let shown = false;
  const show = (): void => {
    const seconds = (performance.now() - started) / 1000;
    const line = `${progress.sent} of ${total} sent, ${progress.received} back, ${rate(progress.received / seconds)}`;
    output.write(terminal ? `\r\u001b[K${line}` : `${line}\n`);
    shown = true;
  };
  const timer = setInterval(show, PROGRESS_EVERY);
  return () => {
    clearInterval(timer);
    if (terminal && shown) output.write("\r\u001b[K");
  };
}

function report(result: DemoResult, memory: number, options: DemoOptions, output: Output): number {
  const { seen, latency, elapsed } = result;
  const lost = seen.missing - result.refused;
  const seconds = Math.max(elapsed, 0.001) / 1000;
  output.write(`${seen.distinct} of ${options.messages} messages of ${options.size} octets came back in ${seconds.toFixed(2)} s: ${rate(seen.distinct / seconds)}\n`);
  output.write(`latency from send() to the loop: p50 ${latency.percentile(0.5).toFixed(2)} ms, p99 ${latency.percentile(0.99).toFixed(2)} ms (up to 2000 messages under way)\n`);
  output.write(`the most memory that this process had: ${Math.round(memory / 1_000_000)} MB\n`);
  output.write(`${Math.max(0, lost)} lost, ${seen.repeated} duplicated\n`);
  if (result.leftOver > 0) output.write(`${result.leftOver} messages of an earlier run were still in the queue and are gone now\n`);
  if (result.damaged > 0) output.write(`${result.damaged} came back with another body\n`);
  if (result.refused > 0) output.write(`${result.refused} were not accepted by the broker, the first because: ${explain(result.firstRefusal, { url: "", address: "" })}\n`);
  if (lost > 0) output.write(`the first that are missing: ${seen.firstMissing(10).join(", ")}\n`);
  return lost > 0 || seen.repeated > 0 || result.damaged > 0 || result.refused > 0 ? 1 : 0;
}

function rate(perSecond: number): string {
  return `${Math.round(Number.isFinite(perSecond) ? perSecond : 0).toLocaleString("en-US")} messages/s`;
}

// The path without its first slash, as everywhere in this library. RabbitMQ's addresses begin with a slash of their own
// and keep their percent-encoding, so that /queues/NAME can be written as the path it looks like.
function addressOf(url: string): string | undefined {
  const path = /^[a-z]+:\/\/[^/?#]*\/([^?#]+)/i.exec(url)?.[1];
  if (path === undefined) return undefined;
  if (/^(?:queues|exchanges|queue|exchange|topic|amq)\//.test(path)) return `/${path}`;
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // connect() words what is wrong with it.
  }
}

// Only a url of the expected form is ever repeated, and of that the part after the last @.
function withoutSecrets(url: string): string {
  const match = /^(amqps?|wss?):\/\/(?:[^/?#]*@)?([^/?#@]+)(?:\/[^?#@]*)?$/i.exec(url);
  return match === null ? "" : `${match[1]}://${match[2]}`;
}

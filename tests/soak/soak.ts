/**
 * `npm run soak -- --minutes N`: two programs, messages at a steady rate, a fault every ten seconds, and at the end a verdict and a
 * picture. This file, bundled, is also the program of either (`soak.js --peer name settings`).
 */

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine, machineLine } from "../bench/machine.ts";
import { Desk, Peer } from "../load/peer-process.ts";
import type { PeerState } from "../load/peer-process.ts";
import { UsageError, tellFailure } from "../support/command.ts";
import { FaultProxy } from "../../src/testing.ts";
import type { Fault } from "./faults.ts";
import { faultsOf, heal } from "./faults.ts";
import { receiver, sender } from "./peers.ts";
import type { Received, Sent, SoakSettings } from "./peers.ts";
import { clock, draw } from "./svg.ts";
import type { Moment } from "./svg.ts";
import { equal, heapCheck } from "./verdict.ts";
import type { Check, HeapSample } from "./verdict.ts";

const PEERS = { receiver, sender };
const SCRIPT = fileURLToPath(import.meta.url);
/** Milliseconds of silence after which either end counts as gone. */
const IDLE = 4_000;
/** Seconds between progress lines, and between forced garbage collections. */
const TELL = 5;
const COLLECT = 30;
/** Seconds that everything gets to be settled when no more is sent. */
const LEAVING = 60;

const HELP = `npm run soak -- [options]

Sends messages at a steady rate from one program to another, over a line that breaks in some way every few seconds, and tells at
the end whether any was lost or came twice, whether memory grew and handles were left. The exit code is 1 where something does not hold.

options:
  --minutes n    how long. default 2
  --mode m       at-least-once, or exactly-once (both ends resume; nothing may come twice). default at-least-once
  --rate n       messages a second. default 1000
  --size n       octets of a body. default 1024
  --faults n     seconds between faults; 0 is none. default 10
  --seed n       of the faults. default 1
  --svg file     the picture. default dist/soak.svg
  --json file    all that was measured. default none
  --help         this text

Interrupted, it ends in good order and tells what it has.
`;

/** What is asked for. */
interface Options {
  readonly seconds: number;
  readonly mode: SoakSettings["mode"];
  readonly rate: number;
  readonly size: number;
  readonly faults: number;
  readonly seed: number;
  readonly svg: string;
  readonly json: string | undefined;
}

/** A second of the soak. */
interface Sample {
  readonly at: number;
  readonly accepted: number;
  readonly received: number;
  readonly p50: number;
  readonly p99: number;
  readonly waiting: number;
}

class Soak {
  readonly samples: Sample[] = [];
  readonly heaps: Record<"sender" | "receiver", HeapSample[]> = { sender: [], receiver: [] };
  readonly rss: Record<"sender" | "receiver", [number, number][]> = { sender: [], receiver: [] };
  readonly moments: Moment[] = [];
  readonly #options: Options;
  readonly #sender: Peer;
  readonly #receiver: Peer;
  readonly #line: FaultProxy;
  readonly #faults: Generator<Fault, never>;
  #began = 0;
  #stop = false;
  #healing: { at: number; fault: Fault } | undefined;
  #last = { accepted: 0, received: 0 };

  constructor(options: Options, peers: { sender: Peer; receiver: Peer }, line: FaultProxy) {
    this.#options = options;
    this.#sender = peers.sender;
    this.#receiver = peers.receiver;
    this.#line = line;
    this.#faults = faultsOf(options.seed, IDLE);
  }

  /** Seconds from the beginning. */
  get #now(): number {
    return (performance.now() - this.#began) / 1000;
  }

  interrupt(): void {
    this.#stop = true;
  }

  async run(): Promise<Check[]> {
    const before = await this.#handles();
    this.#began = performance.now();
    await this.#sender.ask("begin");
    const { seconds, faults } = this.#options;
    let [nextFault, nextTell, nextCollect] = [faults === 0 ? Infinity : faults, TELL, COLLECT];
    for (let second = 1; second <= seconds && !this.#stop; second++) {
      await this.#until(second);
      await this.#sample(second >= nextTell);
      if (second >= nextTell) nextTell += TELL;
      if (second >= nextFault) {
        this.#strike();
        nextFault += faults;
      }
      if (second >= nextCollect) {
        await this.#collect();
        nextCollect += COLLECT;
      }
    }
    return this.#end(before);
  }

  /** Waits for a second of the soak, and ends faults meanwhile. */
  async #until(second: number): Promise<void> {
    for (let now = this.#now; now < second; now = this.#now) {
      const heals = this.#healing?.at ?? Infinity;
      if (heals <= now && this.#healing !== undefined) {
        heal(this.#line, this.#healing.fault);
        this.#healing = undefined;
        continue;
      }
      await new Promise((resolve) => setTimeout(resolve, Math.max(1, (Math.min(second, heals) - now) * 1000)));
    }
  }

  #strike(): void {
    if (this.#healing !== undefined) heal(this.#line, this.#healing.fault);
    const fault = this.#faults.next().value;
    const at = this.#now;
    this.moments.push({ at, name: fault.kind });
    fault.begin(this.#line);
    this.#healing = fault.lasts === 0 ? undefined : { at: at + fault.lasts / 1000, fault };
  }

  async #sample(tell: boolean): Promise<void> {
    const [sent, received] = await Promise.all([this.#sender.ask<Sent>("counts"), this.#receiver.ask<Received>("counts")]);
    const at = this.#now;
    this.samples.push({ at, accepted: sent.accepted - this.#last.accepted, received: received.count - this.#last.received, p50: sent.p50, p99: sent.p99, waiting: sent.waiting });
    this.#last = { accepted: sent.accepted, received: received.count };
    if (!tell) return;
    const heap = this.heaps.sender.at(-1);
    say(`${clock(at)} of ${clock(this.#options.seconds)}: ${sent.sent} sent, ${sent.accepted} accepted, ${received.count} received, ${received.duplicates} twice, ${sent.waiting} waiting; `
      + `p50 ${sent.p50.toFixed(1)} ms, p99 ${sent.p99.toFixed(0)} ms; ${this.moments.length} faults (${this.moments.at(-1)?.name ?? "none yet"}), ${sent.reconnects} reconnects, link ${sent.recovery}`
      + `${heap === undefined ? "" : `; heaps ${(heap.heap / 1e6).toFixed(1)} and ${((this.heaps.receiver.at(-1)?.heap ?? 0) / 1e6).toFixed(1)} MB`}`);
  }

  async #collect(): Promise<void> {
    const [ours, theirs] = await Promise.all([this.#sender.state(), this.#receiver.state()]);
    const at = this.#now;
    for (const [name, state] of [["sender", ours], ["receiver", theirs]] as const) {
      this.heaps[name].push({ at, heap: state.heap + state.external });
      this.rss[name].push([at, state.rss]);
    }
  }

  async #handles(): Promise<{ sender: PeerState; receiver: PeerState }> {
    const [ours, theirs] = await Promise.all([this.#sender.state(), this.#receiver.state()]);
    return { sender: ours, receiver: theirs };
  }

  /** No more is sent, the line is whole again: everything must come to its end. */
  async #end(before: { sender: PeerState; receiver: PeerState }): Promise<Check[]> {
    const seconds = this.#now;
    if (this.#healing !== undefined) heal(this.#line, this.#healing.fault);
    await this.#sender.ask("pause");
    say("no more is sent; waiting until everything is settled");
    let sent = await this.#sender.ask<Sent>("counts");
    const end = performance.now() + LEAVING * 1000;
    while (performance.now() < end && (sent.waiting > 0 || !sent.connected)) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      sent = await this.#sender.ask<Sent>("counts");
    }
    const received = await this.#receiver.ask<Received>("counts");
    const missing = await this.#receiver.ask<number>("missing", sent.sent);
    const unsettled = await this.#sender.ask<number>("unsettled");
    // What was broken off takes a while to be noticed at the other end.
    let after = await this.#handles();
    const settled = performance.now() + IDLE * 3;
    while (performance.now() < settled && (differences(before.sender, after.sender) !== "" || differences(before.receiver, after.receiver) !== "")) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      after = await this.#handles();
    }
    const failures = Object.entries(sent.failed);
    const failed = failures.reduce((sum, [, count]) => sum + count, 0);
    const unhandled = [...after.sender.unhandled, ...after.receiver.unhandled];
    const left = [differences(before.sender, after.sender), differences(before.receiver, after.receiver)].filter((text) => text !== "");
    const resumes = this.#options.mode === "exactly-once";
    say(`${sent.sent} messages in ${clock(seconds)}, ${this.moments.length} faults, ${sent.reconnects} reconnects`);
    return [
      equal("messages lost", missing, 0, `${sent.sent} sent, ${sent.accepted} accepted, ${received.count} received`),
      resumes ? equal("messages that came twice", received.duplicates, 0)
        : { what: "messages that came twice", holds: true, told: `${received.duplicates}: at-least-once allows them` },
      equal("sends that were not accepted", failed, 0, failures.slice(0, 3).map(([why, count]) => `${count} x ${why}`).join("; ")),
      equal("promises that are not settled", sent.waiting, 0),
      equal("deliveries that are not settled", unsettled, 0),
      heapCheck("sender", this.heaps.sender),
      heapCheck("receiver", this.heaps.receiver),
      equal("handles more or less than at the beginning", left.length, 0, left.join("; ")),
      equal("unhandled rejections and exceptions", unhandled.length, 0, unhandled[0] ?? ""),
    ];
  }

  picture(title: string, subtitle: string): string {
    const over = (value: (sample: Sample) => number): (readonly [number, number])[] => this.samples.map((sample) => [sample.at, value(sample)]);
    const memory = (name: "sender" | "receiver"): (readonly [number, number])[] => this.heaps[name].map(({ at, heap }) => [at, heap / 1e6]);
    const whole = (name: "sender" | "receiver"): (readonly [number, number])[] => this.rss[name].map(([at, rss]) => [at, rss / 1e6]);
    return draw(title, subtitle, [
      { title: "Rate", unit: "messages a second", series: [{ name: "accepted", colour: "#0969da", points: over(({ accepted }) => accepted) }] },
      { title: "Latency from send to settlement", unit: "ms, logarithmic", logarithmic: true, series: [
        { name: "p99", colour: "#bc4c00", points: over(({ p99 }) => p99).filter(([, value]) => value > 0) },
        { name: "median", colour: "#0969da", points: over(({ p50 }) => p50).filter(([, value]) => value > 0) },
      ] },
      { title: "Heap and buffers after forced garbage collection", unit: "MB", series: [
        { name: "sender", colour: "#0969da", points: memory("sender"), marks: true }, { name: "receiver", colour: "#1a7f37", points: memory("receiver"), marks: true },
      ] },
      { title: "Memory of the processes (RSS)", unit: "MB", series: [
        { name: "sender", colour: "#0969da", points: whole("sender"), marks: true }, { name: "receiver", colour: "#1a7f37", points: whole("receiver"), marks: true },
      ] },
    ], this.moments, Math.max(1, this.samples.at(-1)?.at ?? 1));
  }
}

/** Handles of which there are more or fewer than before. */
function differences(before: PeerState, after: PeerState): string {
  const kinds = new Set([...Object.keys(before.resources), ...Object.keys(after.resources)]);
  return [...kinds].flatMap((kind) => {
    const more = (after.resources[kind] ?? 0) - (before.resources[kind] ?? 0);
    return more === 0 ? [] : [`${more > 0 ? "+" : ""}${more} ${kind}`];
  }).join(", ");
}

async function main(words: readonly string[]): Promise<number> {
  if (words[0] === "--peer") {
    await PEERS[words[1] as keyof typeof PEERS](new Desk(), JSON.parse(words[2] ?? "{}") as Record<string, unknown>);
    return 0;
  }
  const options = parseOptions(words);
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const machine = machineLine(describeMachine(process.cwd()));
  const settings = { mode: options.mode, idle: IDLE, rate: options.rate, size: options.size };
  const receiving = await Peer.start(SCRIPT, "receiver", settings);
  const line = await FaultProxy.start(`amqp://127.0.0.1:${(receiving.hello as { port: number }).port}`);
  const sending = await Peer.start(SCRIPT, "sender", { ...settings, url: line.url });
  const soak = new Soak(options, { sender: sending, receiver: receiving }, line);
  process.on("SIGINT", () => soak.interrupt());
  let checks: Check[];
  try {
    checks = await soak.run();
  } finally {
    await Promise.all([sending.stop(), receiving.stop()]);
    await line.close();
  }
  const good = checks.every(({ holds }) => holds);
  const title = `${options.rate} messages a second of ${options.size} octets, ${options.mode}, ${options.faults === 0 ? "no faults" : `a fault every ${options.faults} s (red)`}: ${good ? "passed" : "FAILED"}`;
  writeFileSync(options.svg, soak.picture(title, machine));
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ options, machine, checks, samples: soak.samples, heaps: soak.heaps, rss: soak.rss, faults: soak.moments })}\n`);
  }
  const width = Math.max(...checks.map(({ what }) => what.length));
  process.stdout.write(`\n${checks.map(({ what, holds, told }) => `${holds ? "ok  " : "FAIL"}  ${what.padEnd(width)}  ${told}`).join("\n")}\n\n${title}\n${machine}\npicture: ${options.svg}\n`);
  return good ? 0 : 1;
}

/** undefined where help is asked for. @throws UsageError */
function parseOptions(words: readonly string[]): Options | undefined {
  const values = parse(words);
  if (values.help === true) return undefined;
  const number = (name: "minutes" | "rate" | "size" | "faults" | "seed", fallback: number, least: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!(value >= least) || !Number.isFinite(value)) throw new UsageError(`--${name} ${values[name] ?? ""}: a number from ${least} on is wanted`);
    return value;
  };
  const mode = values.mode ?? "at-least-once";
  if (mode !== "exactly-once" && mode !== "at-least-once") throw new UsageError(`--mode ${mode}: there are exactly-once and at-least-once`);
  return {
    seconds: Math.round(number("minutes", 2, 0.1) * 60), mode, rate: number("rate", 1_000, 1), size: number("size", 1_024, 0),
    faults: number("faults", 10, 0), seed: number("seed", 1, 0), svg: values.svg ?? "dist/soak.svg", json: values.json,
  };
}

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words], allowPositionals: false,
      options: {
        help: { type: "boolean", short: "h" }, minutes: { type: "string" }, mode: { type: "string" }, rate: { type: "string" }, size: { type: "string" },
        faults: { type: "string" }, seed: { type: "string" }, svg: { type: "string" }, json: { type: "string" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

try {
  const code = await main(process.argv.slice(2));
  if (process.argv[2] !== "--peer") process.exitCode = code;
} catch (error) {
  process.exit(tellFailure(error));
}

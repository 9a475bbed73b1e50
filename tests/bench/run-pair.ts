/** Runs one pair of processes to its end: the receiver listens, the sender connects, both tell what they measured. */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import type { SideResult } from "./meter.ts";
import { sideArguments } from "./side.ts";
import type { Side } from "./side.ts";
import type { Pair, Program, Workload } from "./workloads.ts";

/** How long beyond its own times a pair may take, in milliseconds. */
const PATIENCE = 15_000;
/** How long a side that is done may take to end, in milliseconds. */
const LEAVING = 3000;

/** What both sides of one run measured. */
export interface PairResult {
  readonly sender: SideResult;
  readonly receiver: SideResult;
}

/** How the programs are started. */
export interface Programs {
  /** The bundled benchmark, which is also every Node side. */
  readonly script: string;
  /** The C++ program. */
  readonly proton: string | undefined;
  /** Further arguments of Node for one side, for profiles. */
  readonly nodeArguments?: ((role: Side["role"]) => readonly string[]) | undefined;
}

export interface Times {
  readonly warmUp: number;
  readonly measure: number;
  readonly read: boolean;
}

/** @throws Error where a side fails, takes too long, or messages are missing. */
export async function runPair(programs: Programs, workload: Workload, pair: Pair, times: Times): Promise<PairResult> {
  const side = (role: Side["role"], port: number): Side => ({
    role, port, size: workload.size, body: workload.body, mode: workload.mode, credit: workload.credit, window: workload.window,
    warmUp: times.warmUp, measure: times.measure, tail: 100, stride: workload.stride, read: times.read ? 1 : 0,
    reuse: pair.reuse === true ? 1 : 0,
  });
  const limit = times.warmUp + times.measure + PATIENCE;
  const receiver = new Peer(programs, pair.receiver, side("receiver", 0), limit);
  let sender: Peer | undefined;
  try {
    const port = await receiver.port;
    sender = new Peer(programs, pair.sender, side("sender", port), limit);
    const [sent, received] = await Promise.all([sender.result, receiver.result]);
    if (sent.total !== received.total && pair.sender !== "raw") throw new Error(`${sent.total} sent, ${received.total} received`);
    if (times.read && received.bytes !== sent.bytes) throw new Error(`bodies of ${sent.bytes} octets sent, of ${received.bytes} received`);
    if (sent.messages === 0 || received.messages === 0) throw new Error("nothing within the measured time");
    await Promise.all([sender.leave(), receiver.leave()]);
    return { sender: sent, receiver: received };
  } finally {
    receiver.stop();
    sender?.stop();
  }
}

/** One process. */
class Peer {
  readonly port: Promise<number>;
  readonly result: Promise<SideResult>;
  readonly #name: string;
  readonly #gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #timer: NodeJS.Timeout;

  constructor(programs: Programs, program: Program, side: Side, limit: number) {
    const [command, ...words] = commandOf(programs, program, side);
    const child = spawn(command, [...words, ...sideArguments(side)], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#name = `${program} ${side.role}`;
    let late = false;
    this.#timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, limit);
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(0, 2000);
    });
    const lines = createInterface({ input: child.stdout });
    this.#gone = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    });
    const failure = this.#gone.then((): never => {
      throw new Error(`${this.#name}: ${late ? `not done after ${limit} ms` : firstLine(complaint) ?? "ended early"}`);
    });
    this.port = Promise.race([new Promise<number>((resolve) => {
      lines.on("line", (line) => {
        const value = parseLine(line).port;
        if (value !== undefined) resolve(value);
      });
    }), failure]);
    this.result = Promise.race([new Promise<SideResult>((resolve) => {
      lines.on("line", (line) => {
        const value = parseLine(line).result;
        if (value !== undefined) resolve(value);
      });
    }), failure]);
    // Whoever of the two fails first is heard; the other need not be.
    this.port.catch(() => undefined);
    this.result.catch(() => undefined);
    child.once("error", (error) => {
      complaint = error.message;
    });
  }

  /** Resolves when it has ended by itself. @throws Error where it stays */
  async leave(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const stays = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${this.#name}: is done and does not end`)), LEAVING);
    });
    try {
      await Promise.race([this.#gone, stays]);
    } finally {
      clearTimeout(timer);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
  }
}

function commandOf(programs: Programs, program: Program, side: Side): [string, ...string[]] {
  if (program === "cpp") {
    if (programs.proton === undefined) throw new Error("the C++ program is missing");
    return [programs.proton];
  }
  return [process.execPath, ...(programs.nodeArguments?.(side.role) ?? []), programs.script, "--side", program];
}

function parseLine(line: string): { port?: number; result?: SideResult } {
  return line.startsWith("{") ? JSON.parse(line) as { port?: number; result?: SideResult } : {};
}

function firstLine(text: string): string | undefined {
  return text.split("\n").map((line) => line.trim()).find((line) => /error/i.test(line)) ?? (text.trim() === "" ? undefined : text.trim().split("\n")[0]);
}

/** Brokers of a test file's own, which it may kill: with folders and ports that nothing else uses, ended after its tests. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "@jest/globals";
import { withoutOptions } from "./brokers.ts";
import type { BrokerName } from "./brokers.ts";

/** A broker that writes what it accepts to the disk, and can be killed. */
export interface Mortal {
  readonly url: string;
  /** Of the broker's process. */
  pid(): number;
  /** Stops and continues the process, so that nothing is answered meanwhile. */
  signal(name: "SIGSTOP" | "SIGCONT"): void;
  /** Ends it with SIGKILL; resolves once it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port with what it has on the disk; resolves once it speaks AMQP. */
  revive(): Promise<void>;
  /** Runs rabbitmqctl there; resolves with what it printed. */
  ctl(...args: readonly string[]): Promise<string>;
}

const RUNNER = join(import.meta.dirname, "..", "brokers.mjs");
const START_TIMEOUT = 600_000; // the first time installs

/** Starts the brokers for this file; answers how to get one inside a test. */
export function useMortals(...names: readonly BrokerName[]): (name: BrokerName) => Mortal {
  const started = new Map<BrokerName, Mortal>();
  let folder = "";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "leptonmq-mortals-"));
    const run = (...args: readonly string[]): Promise<string> => runner(folder, args);
    for (const line of printed(await run("start", "--durable", ...names))) started.set(line.name, mortal(line, run));
  }, START_TIMEOUT);

  afterAll(async () => {
    for (const one of started.values()) one.signal("SIGCONT");
    await runner(folder, ["stop", ...names]);
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  return (name) => started.get(name) as Mortal;
}

interface Line {
  readonly name: BrokerName;
  readonly url: string;
  readonly pid: number;
}

const printed = (text: string): Line[] => text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as Line);

function mortal({ name, url, pid }: Line, run: (...args: readonly string[]) => Promise<string>): Mortal {
  let present: number | undefined = pid;
  return {
    url,
    pid: () => present as number,
    signal: (signal) => {
      if (present !== undefined) process.kill(present, signal);
    },
    async kill() {
      if (present !== undefined) process.kill(present, "SIGKILL"); // at once; the runner waits until it is gone
      present = undefined;
      await run("kill", name);
    },
    async revive() {
      present = printed(await run("revive", name))[0]?.pid;
    },
    ctl: (...args) => run("ctl", name, ...args),
  };
}

/** @throws Error with what the runner said, unless it succeeds */
function runner(folder: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [RUNNER, ...args], { timeout: START_TIMEOUT, env: { ...withoutOptions(), LEPTONMQ_BROKERS: folder } }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`brokers.mjs ${args.join(" ")} failed:\n${stderr.slice(-2_000)}`));
    });
  });
}

/** Runs the programs in tests/interop/peers (Proton Python, rhea), which speak JSON lines, connecting or listening. */
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "@jest/globals";
import { withoutOptions } from "./brokers.ts";
import type { Description, Seen } from "./messages.ts";
import type { Notation } from "./notation.ts";

export type PeerKind = "proton" | "rhea" | "rhea over WebSocket";

/** Where a program goes to; undefined: it listens itself, for one peer. */
export interface Destination {
  readonly url: string;
  readonly ca?: string | undefined;
}

interface Line {
  readonly event: "listening" | "ready" | "message" | "reply" | "outcome" | "transaction" | "done" | "error";
  readonly port?: number;
  readonly message?: Seen;
  readonly id?: Notation;
  readonly outcome?: string;
  readonly text?: string;
  readonly body?: string;
  readonly subject?: string;
  readonly correlation?: string;
  readonly count?: number;
}

/** A reply that a program got. */
export interface Reply {
  readonly body: string | undefined;
  readonly subject: string | undefined;
  readonly correlation: string | undefined;
}

/** A running program; `url` resolves once it listens, `ready` once its link is up. */
export interface Running<T> {
  readonly url: Promise<string>;
  readonly ready: Promise<void>;
  readonly result: Promise<T>;
}

const TIMEOUT = 120; // seconds that a program gives itself

/** Sends the messages; resolves with the outcome of each, in the order in which they came. */
export function startSender(kind: PeerKind, address: string, to: Destination | undefined, messages: readonly Description[]): Running<{ id: Notation; outcome: string }[]> {
  const folder = mkdtempSync(join(tmpdir(), "leptonmq-spec-"));
  const file = join(folder, "messages.jsonl");
  writeFileSync(file, messages.map((one) => JSON.stringify(one)).join("\n"));
  const { url, ready, result } = start(kind, "send", [...where(to), "--address", address, "--spec", file]);
  const outcomes = result.finally(() => rmSync(folder, { recursive: true, force: true })).then((lines) => {
    return lines.filter((line) => line.event === "outcome").map((line) => ({ id: line.id as Notation, outcome: line.outcome as string }));
  });
  return quiet({ url, ready, result: outcomes });
}

/** Receives `count` messages and accepts each. */
export function startReceiver(kind: PeerKind, address: string, from: Destination | undefined, count: number): Running<Seen[]> {
  const { url, ready, result } = start(kind, "recv", [...where(from), "--address", address, "--count", String(count)]);
  return quiet({ url, ready, result: result.then((lines) => lines.filter((line) => line.event === "message").map((line) => line.message as Seen)) });
}

/** Asks "question 0", "question 1", ...; resolves with the replies in the order in which they came. */
export function startRequester(kind: PeerKind, address: string, to: Destination, count: number): Running<Reply[]> {
  const { url, ready, result } = start(kind, "request", [...where(to), "--address", address, "--count", String(count)]);
  return quiet({ url, ready, result: result.then((lines) => lines.filter((line) => line.event === "reply").map(({ body, subject, correlation }) => ({ body, subject, correlation }))) });
}

/** Answers `count` requests with their bodies in capitals; resolves with how many it answered. */
export function startResponder(kind: PeerKind, address: string, to: Destination | undefined, count: number): Running<number> {
  const { url, ready, result } = start(kind, "respond", [...where(to), "--address", address, "--count", String(count)]);
  return quiet({ url, ready, result: result.then((lines) => lines.find((line) => line.event === "done")?.count ?? 0) });
}

/** How Proton Python ends each of its transactions. */
export interface Batches {
  readonly role: "send" | "recv";
  readonly ends: readonly ("commit" | "abort" | "drop")[];
  /** Messages in each. */
  readonly size: number;
  /** Settle what is received with its provisional outcome. @default false */
  readonly settleFirst?: boolean | undefined;
}

/** Works in transactions, with Proton Python; resolves with how each ended, and the ids that it received. */
export function startTransactions(address: string, to: Destination, batches: Batches): Running<{ ends: readonly string[]; ids: readonly unknown[] }> {
  const args = ["--role", batches.role, "--batches", batches.ends.join(","), "--size", String(batches.size), ...(batches.settleFirst === true ? ["--settle-first"] : [])];
  const { url, ready, result } = start("proton", "transact", [...where(to), "--address", address, ...args]);
  return quiet({
    url, ready,
    result: result.then((lines) => ({
      ends: lines.filter(({ event }) => event === "transaction").map(({ outcome }) => outcome as string),
      ids: lines.filter(({ event }) => event === "message").map(({ message }) => message?.id[1]),
    })),
  });
}

/** What a program subscribes with. */
export interface Subscription {
  /** Messages after which it ends its link. */
  readonly count: number;
  readonly selector?: string | undefined;
  /** Durable, under this name of this container. */
  readonly durable?: { readonly container: string; readonly name: string } | undefined;
  /** distribution-mode copy. */
  readonly browse?: boolean | undefined;
  /** @default "close" */
  readonly end?: "close" | "detach" | undefined;
}

/** Subscribes, takes and accepts `count` messages, and closes or detaches its link. */
export function startSubscriber(kind: PeerKind, address: string, from: Destination, { count, selector, durable, browse, end }: Subscription): Running<Seen[]> {
  const args = [
    "--address", address, "--count", String(count), "--end", end ?? "close", ...(selector === undefined ? [] : ["--selector", selector]),
    ...(durable === undefined ? [] : ["--durable", "--container", durable.container, "--name", durable.name]), ...(browse === true ? ["--browse"] : []),
  ];
  const { url, ready, result } = start(kind, "subscribe", [...where(from), ...args]);
  return quiet({ url, ready, result: result.then((lines) => lines.filter((line) => line.event === "message").map((line) => line.message as Seen)) });
}

/** What a program saw of a large message. */
export interface Streamed {
  /** Octets of the body. */
  readonly octets: number;
  /** SHA-256 of the body, in hex; the section's head in hex. */
  readonly sum?: string | undefined;
  readonly head?: string | undefined;
  /** Whether it came in several pieces. */
  readonly partial?: boolean | undefined;
  readonly aborted?: boolean | undefined;
}

/** Sends or receives one large message, listening; resolves with what it saw, or with how its sends ended. */
export function startStream(kind: "proton" | "rhea", role: "send" | "recv", octets = 0, aborts = false): Running<{ messages: readonly Streamed[]; outcomes: readonly string[] }> {
  const { url, ready, result } = start(kind, "stream", ["--listen", "--role", role, "--octets", String(octets), ...(aborts ? ["--abort"] : [])]);
  return quiet({
    url, ready,
    result: result.then((lines) => ({
      messages: lines.filter(({ event }) => event === "message").map(({ message }) => message as unknown as Streamed),
      outcomes: lines.filter(({ event }) => event === "outcome").map(({ outcome }) => outcome as string),
    })),
  });
}

/** A failure is told by those promises that a test awaits, not by the others. */
function quiet<T>(running: Running<T>): Running<T> {
  for (const promise of [running.url, running.ready, running.result]) promise.catch(() => {});
  return running;
}

const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill("SIGKILL"); // only after a failure is there one
});

function where(destination: Destination | undefined): string[] {
  if (destination === undefined) return ["--listen"];
  const { host, username, password } = new URL(destination.url);
  const user = username === "" ? [] : ["--user", username, "--password", password];
  return ["--connect", host, ...user, ...(destination.ca === undefined ? [] : ["--ca", destination.ca])];
}

function start(kind: PeerKind, role: "send" | "recv" | "request" | "respond" | "transact" | "subscribe" | "stream", args: readonly string[]): Running<Line[]> {
  const [command, script] = kind === "proton" ? [python(), `proton_${role}.py`] : [process.execPath, `rhea-${role}.mjs`];
  const web = kind === "rhea over WebSocket" ? ["--web-socket"] : [];
  const child = spawn(command, [join(import.meta.dirname, "..", "peers", script), ...args, ...web, "--timeout", String(TIMEOUT)], {
    env: { ...withoutOptions(), PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return follow(`${kind} ${role}`, child);
}

function follow(name: string, child: ChildProcess): Running<Line[]> {
  const url = deferred<string>();
  const ready = deferred<void>();
  const result = deferred<Line[]>();
  const lines: Line[] = [];
  let rest = "";
  let errors = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() as string;
    for (const part of parts) {
      const line = JSON.parse(part) as Line;
      lines.push(line);
      if (line.event === "listening") url.resolve(`${name.includes("WebSocket") ? "ws" : "amqp"}://127.0.0.1:${line.port}`);
      if (line.event === "ready") ready.resolve();
    }
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (errors += text));
  child.on("error", (error) => (errors += error.message));
  running.add(child);
  child.on("close", (code) => {
    running.delete(child);
    if (code === 0) result.resolve(lines);
    const told = lines.findLast((line) => line.event === "error")?.text ?? "";
    const error = new Error(`${name} ended with ${code}: ${told}\n${errors.slice(-1_500)}`);
    if (code !== 0) result.reject(error);
    url.reject(error);
    ready.reject(error);
  });
  return quiet({ url: url.promise, ready: ready.promise, result: result.promise });
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}

const PYTHON = "/usr/bin/python3"; // Debian's own, which python3-qpid-proton is for

function python(): string {
  if (!existsSync(PYTHON)) throw new Error(`${PYTHON} is missing: the tests with Proton Python need Debian's python3-qpid-proton`);
  try {
    execFileSync(PYTHON, ["-c", "import proton"], { stdio: "ignore", timeout: 30_000 });
  } catch {
    throw new Error("Proton Python is missing; install it with: apt-get install python3-qpid-proton (the broker \"proton\" of brokers.mjs does)");
  }
  return PYTHON;
}

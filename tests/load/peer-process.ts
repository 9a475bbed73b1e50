/**
 * Peers in processes of their own: a scenario starts one by name, asks it things and gets answers. `Desk` is the peer's end of it.
 * A peer ends with the scenario that started it.
 */

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Unhandled, leftover, memory, resources } from "./process-state.ts";
import type { Memory } from "./process-state.ts";

/** What a peer says of itself. */
export interface PeerState extends Memory {
  readonly unhandled: readonly string[];
  readonly resources: Readonly<Record<string, number>>;
}

/** A question to a peer, and its answer. */
interface Question {
  readonly id: number;
  readonly name: string;
  readonly value: unknown;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string | undefined;
}

/** How long a peer may take to answer, in milliseconds, unless the question says otherwise. */
const PATIENCE = 120_000;

/** A peer, as the scenario sees it. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #next = 0;
  #gone: Error | undefined;
  /** What it said when it was ready. */
  hello: unknown = undefined;

  private constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    child.on("message", (message: Answer) => {
      const waiting = this.#waiting.get(message.id);
      this.#waiting.delete(message.id);
      if (message.error === undefined) waiting?.resolve(message.value);
      else waiting?.reject(new Error(`${name}: ${message.error}`));
    });
    const over = (why: string): void => {
      this.#gone ??= new Error(`the peer ${name} ended: ${why}`);
      for (const { reject } of this.#waiting.values()) reject(this.#gone);
      this.#waiting.clear();
    };
    child.once("exit", (code, signal) => over(String(code ?? signal)));
    child.once("error", (error) => over(error.message));
  }

  /** Starts `script --peer name` and waits until it is ready. */
  static async start(script: string, name: string, settings: Readonly<Record<string, unknown>>): Promise<Peer> {
    const child = spawn(process.execPath, ["--expose-gc", script, "--peer", name, JSON.stringify(settings)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const peer = new Peer(child, name);
    try {
      peer.hello = await peer.ask("hello");
      await peer.mark();
    } catch (error) {
      peer.kill();
      throw error;
    }
    return peer;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async ask<T = unknown>(name: string, value?: unknown, patience = PATIENCE): Promise<T> {
    if (this.#gone !== undefined) throw this.#gone;
    const id = this.#next++;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        timer = setTimeout(() => reject(new Error(`the peer ${this.#name} did not answer "${name}" within ${patience} ms`)), patience);
        this.#child.send({ id, name, value } satisfies Question);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(id);
    }
  }

  /** Its memory after garbage collection, handles and unhandled errors. */
  state(): Promise<PeerState> {
    return this.ask<PeerState>("state");
  }

  /** What it holds from now on counts as what it has to hold. */
  mark(): Promise<void> {
    return this.ask("mark");
  }

  /** The handles that it holds beyond those when it was ready, or marked, once they had time to close. */
  leftover(): Promise<string[]> {
    return this.ask<string[]>("leftover");
  }

  /** It stands still, sockets open: nothing is read and nothing is said. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  kill(): void {
    this.#gone ??= new Error(`the peer ${this.#name} was ended`);
    // A process that stands still hears nothing but this.
    this.#child.kill("SIGKILL");
    if (this.#child.connected) this.#child.disconnect();
  }

  /** Ends it and waits until it is gone. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.kill();
    await gone;
  }
}

/** A peer program's end: what it answers to questions by name. */
export class Desk {
  readonly #answers = new Map<string, (value: unknown) => unknown>();
  readonly #unhandled = new Unhandled();

  on(name: string, answer: (value: unknown) => unknown): void {
    this.#answers.set(name, answer);
  }

  /** Ready: questions are answered from now on. */
  open(hello: unknown): void {
    this.on("hello", () => hello);
    this.on("state", async (): Promise<PeerState> => ({ ...await memory(), unhandled: this.#unhandled.seen, resources: Object.fromEntries(resources()) }));
    process.on("message", (question: Question) => void this.#answer(question));
    process.on("disconnect", () => process.exit(0));
    let baseline = new Map<string, number>();
    this.on("mark", (): void => {
      baseline = resources();
    });
    this.on("leftover", () => leftover(baseline));
  }

  async #answer({ id, name, value }: Question): Promise<void> {
    let answer: Answer;
    try {
      const known = this.#answers.get(name);
      if (known === undefined) throw new Error(`nobody answers "${name}"`);
      answer = { id, value: await known(value) };
    } catch (error) {
      answer = { id, error: error instanceof Error ? error.stack ?? error.message : String(error) };
    }
    process.send?.(answer);
  }
}

/** What a peer program is: it prepares, and opens its desk. */
export type PeerProgram = (desk: Desk, settings: Readonly<Record<string, unknown>>) => Promise<void>;

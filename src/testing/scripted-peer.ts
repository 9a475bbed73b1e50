/**
 * A peer that follows a script: it accepts connections on loopback (or makes one) and runs the script on each. It shares no
 * AMQP code with the library, only the transports, so that a library with a mistake does not find it repeated here.
 */

import type { ByteDuplex } from "../transport/byte-duplex.ts";
import { Deferred } from "../util/deferred.ts";
import { Script } from "./script.ts";
import { connectWire, listenWires } from "./sockets.ts";
import type { Wire } from "./sockets.ts";

/** A script: what the peer does on its connection number `connection`, counted from 0. */
export type ScriptFunction = (peer: Script, connection: number) => Promise<void>;

/** Options of a scripted peer. */
export interface ScriptedPeerOptions {
  /** @default 0: any that is free */
  port?: number | undefined;
  /** How long every wait of the script lasts at most, in milliseconds. @default 5000 */
  timeout?: number | undefined;
  /** How many connections must have run their script before `done` resolves. @default 1 */
  connections?: number | undefined;
}

/** A peer whose every step is written down in a test. */
export class ScriptedPeer implements AsyncDisposable {
  /** Where it listens, or what it has connected to. */
  readonly url: string;
  readonly #options: ScriptedPeerOptions;
  readonly #script: ScriptFunction;
  readonly #running = new Set<Script>();
  readonly #duplexes = new Set<ByteDuplex>();
  readonly #done = new Deferred();
  #started = 0;
  #finished = 0;
  #failure: Error | undefined;
  #looked = false;
  #stopListening: () => Promise<void> = async () => {};

  private constructor(url: string, script: ScriptFunction, options: ScriptedPeerOptions) {
    this.url = url;
    this.#script = script;
    this.#options = options;
    this.#done.promise.catch(() => {}); // close() tells a failure that nobody else took
  }

  /** Listens on 127.0.0.1 and runs the script on every connection. */
  static async start(script: ScriptFunction, options: ScriptedPeerOptions = {}): Promise<ScriptedPeer> {
    const early: Wire[] = [];
    let onWire = (wire: Wire): void => void early.push(wire);
    const listening = await listenWires(options.port ?? 0, (wire) => onWire(wire));
    const peer = new ScriptedPeer(`amqp://127.0.0.1:${listening.port}`, script, options);
    peer.#stopListening = () => listening.close();
    onWire = (wire) => peer.#run(wire.duplex, true, wire.reset);
    early.forEach(onWire);
    return peer;
  }

  /** Connects to a listener and runs the script as the connecting side. */
  static async connect(url: string, script: ScriptFunction, options: ScriptedPeerOptions = {}): Promise<ScriptedPeer> {
    const { hostname, port } = new URL(url);
    const wire = await connectWire(hostname, Number(port === "" ? "5672" : port), options.timeout ?? 5000);
    const peer = new ScriptedPeer(url, script, options);
    peer.#run(wire.duplex, false, wire.reset);
    return peer;
  }

  /** Runs the script over a duplex that is there already. @param options `accepting`: which side it plays, false by default */
  static over(duplex: ByteDuplex, script: ScriptFunction, options: ScriptedPeerOptions & { accepting?: boolean | undefined } = {}): ScriptedPeer {
    const peer = new ScriptedPeer("", script, options);
    peer.#run(duplex, options.accepting ?? false);
    return peer;
  }

  /** Resolves when the scripts have run to their end; rejects with the first failure. */
  get done(): Promise<void> {
    this.#looked = true;
    return this.#done.promise;
  }

  /** Stops listening and cuts what is open. Rejects with a script's failure that nobody has seen through `done`. */
  async close(): Promise<void> {
    const unseen = this.#looked ? undefined : this.#failure;
    const closed = new Error("the scripted peer was closed");
    for (const script of this.#running) script.stop(closed);
    this.#done.reject(closed);
    for (const duplex of this.#duplexes) duplex.destroy();
    await this.#stopListening();
    if (unseen !== undefined) throw unseen;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run(duplex: ByteDuplex, accepting: boolean, reset?: () => void): void {
    const script = new Script(duplex, accepting, this.#options.timeout ?? 5000, reset);
    this.#running.add(script);
    this.#duplexes.add(duplex);
    this.#script(script, this.#started++).then(
      () => this.#ran(script),
      (error: unknown) => this.#failed(script, duplex, error),
    );
  }

  // after its script a connection stays open until the other side leaves; only then is it finished on this side too
  #ran(script: Script): void {
    this.#running.delete(script);
    script.leave();
    this.#finished++;
    if (this.#finished >= (this.#options.connections ?? 1) && this.#running.size === 0) this.#done.resolve();
  }

  // the library under test must not be left waiting for a peer that has given up
  #failed(script: Script, duplex: ByteDuplex, error: unknown): void {
    this.#running.delete(script);
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
    this.#done.reject(error);
    duplex.destroy();
  }
}

/**
 * One connection as a script sees it: frames that come are queued and asked for one by one, frames to send are built by name.
 * Every wait has a time limit, and every failure says what was waited for and what came.
 */

import type { ByteDuplex } from "../transport/byte-duplex.ts";
import { Bookkeeping } from "./bookkeeping.ts";
import { encodeComposite } from "./codec/composite.ts";
import { FrameReader, PROTOCOLS, frameBytes, headerBytes } from "./codec/frame.ts";
import type { Frame, FrameHead, FrameName } from "./codec/frame.ts";
import { concat, utf8 } from "./codec/octets.ts";
import { compositeNamed } from "./codec/schema.ts";
import { differences } from "./match.ts";
import { mirror } from "./mirror.ts";
import { show, showFrame } from "./show.ts";

/** How `handshake` goes about SASL. */
export interface HandshakeOptions {
  /** Accepting side: what it offers. @default ["ANONYMOUS", "PLAIN"] */
  mechanisms?: readonly string[] | undefined;
  /** Connecting side: false goes straight to the AMQP header. @default "ANONYMOUS" */
  sasl?: "ANONYMOUS" | "PLAIN" | false | undefined;
  /** Connecting side, with PLAIN. */
  user?: string | undefined;
  password?: string | undefined;
}

/** Fields by name, or a raw list of values in order. */
export type FieldsInit = Readonly<Record<string, unknown>> | readonly unknown[];

/** What a script can do with its connection. */
export class Script {
  readonly #duplex: ByteDuplex;
  readonly #reset: () => void;
  readonly #accepting: boolean;
  readonly #timeout: number;
  readonly #reader = new FrameReader();
  readonly #books = new Bookkeeping();
  readonly #seen: Frame[] = [];
  #taken = 0;
  #end: "fin" | "rst" | undefined;
  #left = false;
  #stopped: Error | undefined;
  #wake: (() => void) | undefined;

  /** @param timeout of every wait, in milliseconds. @param reset breaks the connection off; a duplex without one is only dropped. */
  constructor(duplex: ByteDuplex, accepting: boolean, timeout: number, reset: () => void = () => duplex.destroy()) {
    this.#duplex = duplex;
    this.#reset = reset;
    this.#accepting = accepting;
    this.#timeout = timeout;
    duplex.start({
      onData: (chunk) => this.#arrived(chunk),
      onEnd: () => this.#ended("fin"),
      onClose: (error) => this.#ended(error === undefined ? "fin" : "rst"),
    });
  }

  /**
   * Everything up to open on both sides. Accepting, it does what the client begins with: SASL (any mechanism is let
   * in) or a plain AMQP header. `open` has fields of our own open. Answers the peer's open.
   */
  async handshake(open: FieldsInit = {}, options: HandshakeOptions = {}): Promise<Frame> {
    if (this.#accepting) await this.#acceptHeaders(options);
    else await this.#offerHeaders(options);
    if (!this.#accepting) this.send("open", open);
    const theirs = await this.expect("open");
    if (this.#accepting) this.send("open", open);
    return theirs;
  }

  /** The next frame, which must be of that name with these fields (a subset); empty frames are skipped. */
  async expect(name: FrameName, match: Readonly<Record<string, unknown>> = {}): Promise<Frame> {
    const wanted = describeWanted(name, match);
    const frame = await this.#take(wanted, name === "empty");
    const lines = frame.name === name ? differences(match, frame) : [`name: expected ${name}, seen ${frame.name}`];
    if (lines.length > 0) throw this.#failure(`expected ${wanted}\nseen     ${showFrame(frame)}\n${lines.map((line) => `  ${line}`).join("\n")}`);
    return frame;
  }

  /** The next frame of that name with these fields; those before it are skipped. */
  async until(name: FrameName, match: Readonly<Record<string, unknown>> = {}): Promise<Frame> {
    const wanted = describeWanted(name, match);
    for (;;) {
      const frame = await this.#take(wanted, true);
      if (frame.name === name && differences(match, frame).length === 0) return frame;
    }
  }

  /** The next frame, whatever it is, an empty one included. */
  next(): Promise<Frame> {
    return this.#take("any frame", true);
  }

  /** The next thing must be this protocol header; without an argument, any. */
  async expectHeader(protocol?: "amqp" | "tls" | "sasl"): Promise<Frame> {
    const version = { major: 1, minor: 0, revision: 0 };
    return this.expect("header", protocol === undefined ? version : { protocol: PROTOCOLS.get(protocol), ...version });
  }

  /** Nothing but empty frames may come before the peer closes its side. Answers how it did. */
  async expectEof(): Promise<"fin" | "rst"> {
    const frame = await this.#takeOrEnd("the end of the connection", false);
    if (frame === undefined) return this.#end ?? "fin";
    throw this.#failure(`expected the end of the connection\nseen     ${showFrame(frame)}`);
  }

  /** Frames are read and skipped until the peer closes its side. Answers what was skipped. */
  async untilEof(): Promise<readonly Frame[]> {
    const skipped: Frame[] = [];
    for (;;) {
      const frame = await this.#takeOrEnd("the end of the connection", true);
      if (frame === undefined) return skipped;
      skipped.push(frame);
    }
  }

  /** Sends a frame. What the script leaves out of `fields` is filled in: ids, windows, the handle last attached. */
  send(name: FrameName, fields?: FieldsInit, payload?: Uint8Array, head?: FrameHead): void {
    this.raw(this.encode(name, fields, payload, head));
  }

  /**
   * The bytes that `send` would send, for `raw`, in one piece with others. The channel is that of the session last dealt with,
   * unless `fields.channel` or `head.channel` says otherwise.
   */
  encode(name: FrameName, fields: FieldsInit = {}, payload?: Uint8Array, head: FrameHead = {}): Uint8Array {
    if (name === "empty") return frameBytes(new Uint8Array(0), head);
    const type = compositeNamed(name);
    if (type === undefined) throw new Error(`${name} cannot be sent by name`);
    const named = Array.isArray(fields) ? {} : { ...(fields as Readonly<Record<string, unknown>>) };
    const connectionWide = name === "open" || name === "close" || name.startsWith("sasl-");
    const channel = head.channel ?? numberOr(named["channel"], connectionWide ? 0 : this.#books.current);
    delete named["channel"];
    const values = Array.isArray(fields) ? fields : this.#books.complete(name, named, channel);
    const body = concat(encodeComposite(type, values), payload ?? new Uint8Array(0));
    return frameBytes(body, { type: name.startsWith("sasl-") ? 1 : 0, ...head, channel });
  }

  /** Sends the usual answer to a frame, with these fields instead of or beside its own. */
  reply(to: Frame, fields: Readonly<Record<string, unknown>> = {}): void {
    this.raw(this.encodeReply(to, fields));
  }

  /** The bytes that `reply` would send. */
  encodeReply(to: Frame, fields: Readonly<Record<string, unknown>> = {}): Uint8Array {
    if (to.name === "header") return headerBytes(to.fields["protocol"] === 3 ? "sasl" : "amqp");
    const answer = mirror(to, this.#books);
    return this.encode(answer.name, { channel: answer.channel, ...answer.fields, ...fields });
  }

  /** Sends a protocol header. @default "amqp" */
  sendHeader(protocol: "amqp" | "tls" | "sasl" = "amqp"): void {
    this.raw(headerBytes(protocol));
  }

  /** Sends bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#duplex.write(bytes, () => {});
  }

  /** Sends bytes in pieces of `size`, each in a turn of the event loop of its own, so that they arrive apart. */
  async trickle(bytes: Uint8Array, size = 1): Promise<void> {
    for (let at = 0; at < bytes.length && this.#end === undefined; at += size) {
      this.raw(bytes.subarray(at, at + size));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  /** Ends the connection without a word of AMQP: our FIN after what was sent, or a reset at once. @default "fin" */
  drop(how: "fin" | "rst" = "fin"): void {
    if (how === "fin") this.#duplex.end();
    else this.#reset();
  }

  /** Everything that has come so far, taken or not. */
  frames(): readonly Frame[] {
    return [...this.#seen];
  }

  /** The script is over: what still comes is not looked at, and the end of the peer's side is answered with the end of ours. */
  leave(): void {
    this.#left = true;
    if (this.#end === "fin") this.#duplex.end();
  }

  /** Makes every wait fail from now on. */
  stop(reason: Error): void {
    this.#stopped ??= reason;
    this.#wake?.();
  }

  #arrived(chunk: Uint8Array): void {
    if (this.#left) return;
    for (const frame of this.#reader.push(chunk)) {
      this.#seen.push(frame);
      this.#books.arrived(frame);
    }
    this.#wake?.();
  }

  #ended(how: "fin" | "rst"): void {
    this.#end ??= how;
    if (this.#left && how === "fin") this.#duplex.end();
    this.#wake?.();
  }

  async #take(wanted: string, empties: boolean): Promise<Frame> {
    const frame = await this.#takeOrEnd(wanted, empties);
    if (frame !== undefined) return frame;
    const rest = this.#reader.rest.length === 0 ? "" : `, in the middle of a frame: ${show(this.#reader.rest)}`;
    throw this.#failure(`expected ${wanted}\nseen     the end of the connection (${this.#end})${rest}`);
  }

  async #takeOrEnd(wanted: string, empties: boolean): Promise<Frame | undefined> {
    const deadline = performance.now() + this.#timeout;
    for (;;) {
      const frame = this.#seen[this.#taken];
      if (frame !== undefined) {
        this.#taken++;
        if (frame.name === "empty" && !empties) continue;
        this.#books.taken(frame);
        return frame;
      }
      if (this.#stopped !== undefined) throw new Error(`${this.#stopped.message} while the script waited for ${wanted}`, { cause: this.#stopped });
      if (this.#end !== undefined) return undefined;
      const left = deadline - performance.now();
      if (left <= 0) throw this.#failure(`expected ${wanted}\nseen     nothing within ${this.#timeout} ms`);
      await this.#something(left);
    }
  }

  #something(timeout: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeout);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #failure(text: string): Error {
    const before = this.#seen.slice(0, this.#taken).slice(-12).map((frame) => frame.name);
    const waiting = this.#seen.slice(this.#taken).map((frame) => frame.name);
    const after = waiting.length === 0 ? "" : `\nto come  ${waiting.join(", ")}`;
    return new Error(`${text}\nso far   ${before.join(", ") || "nothing"}${after}`);
  }

  async #acceptHeaders(options: HandshakeOptions): Promise<void> {
    const first = await this.expectHeader();
    if (first.fields["protocol"] === PROTOCOLS.get("sasl")) {
      this.sendHeader("sasl");
      this.send("sasl-mechanisms", { saslServerMechanisms: options.mechanisms ?? ["ANONYMOUS", "PLAIN"] });
      await this.expect("sasl-init");
      this.send("sasl-outcome", { code: 0 });
      await this.expectHeader("amqp");
    }
    this.sendHeader("amqp");
  }

  async #offerHeaders(options: HandshakeOptions): Promise<void> {
    const mechanism = options.sasl ?? "ANONYMOUS";
    if (mechanism !== false) {
      this.sendHeader("sasl");
      await this.expectHeader("sasl");
      await this.expect("sasl-mechanisms", { saslServerMechanisms: (offered: unknown) => Array.isArray(offered) && offered.includes(mechanism) });
      const plain = utf8(`\0${options.user ?? ""}\0${options.password ?? ""}`);
      this.send("sasl-init", { mechanism, ...(mechanism === "PLAIN" ? { initialResponse: plain } : {}) });
      await this.expect("sasl-outcome", { code: 0 });
    }
    this.sendHeader("amqp");
    await this.expectHeader("amqp");
  }
}

function describeWanted(name: string, match: Readonly<Record<string, unknown>>): string {
  return Object.keys(match).length === 0 ? name : `${name} ${show(match)}`;
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === "number" ? value : fallback;
}

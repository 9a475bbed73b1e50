/**
 * The frame trace: with LEPTONMQ_TRACE=frames in the environment every header and frame of every connection is written out as one
 * line. What SASL carries never is, urls stand there without user and password, payloads are a number of octets, and text is escaped
 * and cut. A connection that is not traced has its transport to itself, without anything in between.
 */

import { traceOf } from "#platform";

import { readPerformative } from "../frames/codec.ts";
import { FrameType } from "../frames/splitter.ts";
import type { ByteDuplex, DuplexSink, PeerCertificate } from "../transport/byte-duplex.ts";
import { ByteReader } from "../wire/decode.ts";
import { freshId } from "./ids.ts";
import type { Profile } from "./profile.ts";
import { fieldName, readable } from "./readable.ts";
import { StreamCutter } from "./stream-cutter.ts";
import type { CutSink } from "./stream-cutter.ts";

/** Characters of a connection's name in the trace. */
const NAME_LENGTH = 4;
/** Octets that no frame of ours has. */
const LARGEST_SENT = 1024 * 1024;

/**
 * The duplex itself, unless the environment asks for a trace: then one that writes down what passes through it.
 *
 * @param url without user and password.
 */
export function traced(duplex: ByteDuplex, url: string, profile: Profile): ByteDuplex {
  const write = traceOf("frames");
  return write === undefined ? duplex : new TracedDuplex(duplex, url, profile, write);
}

class TracedDuplex implements ByteDuplex {
  readonly #inner: ByteDuplex;
  readonly #say: (text: string) => void;
  readonly #out: StreamCutter;
  readonly #in: StreamCutter;

  constructor(inner: ByteDuplex, url: string, { side, clock, maxFrameSize, limits }: Profile, write: (line: string) => void) {
    const name = freshId().slice(0, NAME_LENGTH);
    const born = clock.now();
    this.#inner = inner;
    this.#say = (text) => write(`amqp ${name} +${Math.round(clock.now() - born)} ${text}`);
    this.#out = new StreamCutter(new Lines("->", this.#say), LARGEST_SENT);
    this.#in = new StreamCutter(new Lines("<-", this.#say), Math.max(maxFrameSize, limits.maxSaslFrameSize));
    this.#say(`${side} ${url} ${side === "client" ? "to" : "from"} ${inner.remoteAddress}`);
  }

  get writableLength(): number {
    return this.#inner.writableLength;
  }

  get secure(): boolean {
    return this.#inner.secure;
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get loopback(): boolean {
    return this.#inner.loopback;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.#inner.peerCertificate;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#out.push(bytes);
    this.#inner.write(bytes, done);
  }

  start(sink: DuplexSink): void {
    this.#inner.start({
      onData: (chunk) => {
        this.#in.push(chunk);
        sink.onData(chunk);
      },
      onDrain: () => sink.onDrain?.(),
      onEnd: () => {
        this.#say("<- end of the stream");
        sink.onEnd();
      },
      onClose: (error) => {
        this.#say(error === undefined ? "closed" : `closed: ${readable(error.message)}`);
        sink.onClose(error);
      },
    });
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}

/** One direction. */
class Lines implements CutSink {
  readonly #arrow: string;
  readonly #say: (text: string) => void;
  readonly #reader = new ByteReader();

  constructor(arrow: string, say: (text: string) => void) {
    this.#arrow = arrow;
    this.#say = say;
  }

  onHeader(bytes: Uint8Array): void {
    const [id = 0, major, minor, revision] = bytes.subarray(4);
    this.#say(`${this.#arrow} header ${PROTOCOLS.get(id) ?? id} ${major}.${minor}.${revision}`);
  }

  onFrame(bytes: Uint8Array): void {
    this.#say(`${this.#arrow} ${this.#textOf(bytes)}`);
  }

  onNonsense(reason: string): void {
    this.#say(`${this.#arrow} ${reason}; what follows is not traced`);
  }

  #textOf(bytes: Uint8Array): string {
    const type = bytes[5] as number;
    const place = type === FrameType.sasl ? "" : `ch${((bytes[6] as number) << 8) | (bytes[7] as number)} `;
    const start = (bytes[4] as number) << 2;
    if (start === bytes.length) return `${place}empty`;
    try {
      this.#reader.reset(bytes, start, bytes.length);
      const { type: name, ...fields } = readPerformative(this.#reader);
      const payload = name === "transfer" ? ` payload=${bytes.length - this.#reader.position}` : "";
      return `${place}${name}${fieldsText(fields)}${payload}`;
    } catch (error) {
      // What cannot be read during SASL may be a password in the wrong place.
      const why = type === FrameType.amqp ? `: ${readable(error instanceof Error ? error.message : error)}` : " as SASL";
      return `${place}${bytes.length} octets that cannot be read${why}`;
    }
  }
}

const PROTOCOLS: ReadonlyMap<number, string> = new Map([[0, "amqp"], [2, "tls"], [3, "sasl"]]);

/** Fields by the names of the standard. Those that hold a secret are not enumerable, and so not among them. */
function fieldsText(fields: object): string {
  return Object.entries(fields).filter(([, value]) => value !== undefined).map(([key, value]) => ` ${fieldName(key)}=${readable(value)}`).join("");
}

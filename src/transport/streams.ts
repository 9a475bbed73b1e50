/** A pair of web streams, which a user may bring as a transport, as a `ByteDuplex`; and such a pair in memory. */

import { ConnectionError } from "../errors.ts";
import type { ByteDuplex, DuplexSink } from "./byte-duplex.ts";
import { nextTurn } from "./next-turn.ts";

/** Bytes both ways as web streams. */
export interface StreamPair {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  /** Ends both directions at once. */
  close(): void;
}

/** Takes the streams over; they count as neither encrypted nor loopback, since nobody knows where they lead. */
export function streamDuplex(streams: StreamPair): ByteDuplex {
  return new StreamDuplex(streams);
}

/** Two transports, each the other's peer, to be given as option `transport`. */
export function memoryPair(): [client: StreamPair, server: StreamPair] {
  const up = new Lane();
  const down = new Lane();
  return [
    { readable: down.readable, writable: up.writable, close: () => { up.end(); down.cut(); } },
    { readable: up.readable, writable: down.writable, close: () => { down.end(); up.cut(); } },
  ];
}

class StreamDuplex implements ByteDuplex {
  readonly secure = false;
  readonly remoteAddress = "transport";
  readonly loopback = false;
  readonly peerCertificate = undefined;
  writableLength = 0;
  readonly #streams: StreamPair;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #sink: DuplexSink | undefined;
  #paused = false;
  #reading = false;
  #readEnded = false;
  #ending = false;
  #writeEnded = false;
  #endTold = false;
  #closed = false;
  #closeTold = false;
  #pendingWrites = 0;
  #failure: Error | undefined;
  /** A chunk that came while paused. */
  #held: Uint8Array | undefined;

  constructor(streams: StreamPair) {
    this.#streams = streams;
    this.#reader = streams.readable.getReader();
    this.#writer = streams.writable.getWriter();
    // Whether writing failed is told by write(); this promise must only not go unheard.
    this.#writer.closed.catch((error: unknown) => this.#close(error));
  }

  write(bytes: Uint8Array, done: () => void): void {
    if (this.#closed || this.#ending) {
      nextTurn(done);
      return;
    }
    const size = bytes.length;
    this.writableLength += size;
    this.#pendingWrites++;
    // A copy, since nobody knows how long the other side keeps what it is given.
    this.#writer.write(bytes.slice()).catch((error: unknown) => this.#close(error)).then(() => {
      this.#pendingWrites--;
      this.writableLength -= size;
      done();
      if (this.#closed) this.#tellClose();
      else if (this.writableLength === 0) this.#sink?.onDrain?.();
    }).catch(rethrow);
  }

  start(sink: DuplexSink): void {
    this.#sink = sink;
    if (this.#closed) nextTurn(() => this.#tellClose());
    else this.#read();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#read();
  }

  end(): void {
    if (this.#ending || this.#closed) return;
    this.#ending = true;
    this.#writer.close().then(() => {
      this.#writeEnded = true;
      this.#closeWhenOver();
    }, (error: unknown) => this.#close(error)).catch(rethrow);
  }

  destroy(): void {
    this.#close(undefined);
  }

  #read(): void {
    if (this.#reading || this.#sink === undefined) return;
    this.#reading = true;
    this.#readAll(this.#sink).catch(rethrow);
  }

  async #readAll(sink: DuplexSink): Promise<void> {
    // resume() may be called from within onData or from the caller of start(): deliver in a turn of its own.
    await new Promise<void>(nextTurn);
    while (!this.#paused && !this.#closed && !this.#readEnded) {
      let chunk = this.#held;
      this.#held = undefined;
      if (chunk === undefined) {
        let result: ReadableStreamReadResult<Uint8Array>;
        try {
          result = await this.#reader.read();
        } catch (error) {
          this.#close(error);
          break;
        }
        if (this.#closed) break;
        if (result.done) {
          this.#readEnded = true;
          // The end waits like any chunk when the sink paused meanwhile.
          break;
        }
        chunk = result.value;
        if (!(chunk instanceof Uint8Array)) {
          this.#close(new TypeError("the transport's readable gave something that is no Uint8Array"));
          break;
        }
        if (this.#paused) {
          this.#held = chunk;
          break;
        }
      }
      sink.onData(chunk);
    }
    this.#reading = false;
    if (this.#readEnded && !this.#endTold && !this.#paused && !this.#closed) {
      this.#endTold = true;
      sink.onEnd();
      this.#closeWhenOver();
    }
  }

  #closeWhenOver(): void {
    if (this.#endTold && this.#writeEnded) this.#close(undefined);
  }

  #close(cause: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    if (cause !== undefined) {
      const why = cause instanceof Error ? `: ${cause.message}` : "";
      this.#failure = new ConnectionError(`the transport broke off${why}`, { code: "disconnected", scope: "connection", origin: "transport", retryable: true, cause });
    }
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
    try {
      this.#streams.close();
    } catch {
      // It is the user's, and we are done with it either way.
    }
    nextTurn(() => this.#tellClose());
  }

  #tellClose(): void {
    if (this.#sink === undefined || this.#closeTold || this.#pendingWrites > 0) return;
    this.#closeTold = true;
    this.#sink.onClose(this.#failure);
  }
}

/** One direction of `memoryPair`: what is written can be read, and a writer waits for its reader. */
class Lane {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  #out: ReadableStreamDefaultController<Uint8Array> | undefined;
  #in: WritableStreamDefaultController | undefined;
  #room: (() => void) | undefined;
  #over = false;

  constructor() {
    this.readable = new ReadableStream<Uint8Array>({
      start: (controller) => { this.#out = controller; },
      pull: () => this.#release(),
      cancel: () => this.cut(),
    }, { highWaterMark: HIGH_WATER, size: (chunk) => chunk?.byteLength ?? 0 });
    this.writable = new WritableStream<Uint8Array>({
      start: (controller) => { this.#in = controller; },
      write: (chunk) => this.#pass(chunk),
      close: () => this.#finish(),
      abort: () => this.#finish(),
    });
  }

  /** No more comes; what was written can still be read. */
  end(): void {
    if (this.#over) return;
    this.#finish();
    this.#in?.error(new Error("the transport was closed"));
  }

  /** Nobody reads any more: writing fails from now on, and what was not read is lost. */
  cut(): void {
    if (this.#over) return;
    this.#in?.error(new Error("the other end of the transport is gone"));
    this.#finish();
  }

  #finish(): void {
    this.#over = true;
    try {
      this.#out?.close();
    } catch {
      // Closed already, by cancel().
    }
    this.#release();
  }

  #pass(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#over) return undefined;
    this.#out?.enqueue(chunk);
    if ((this.#out?.desiredSize ?? 1) > 0) return undefined;
    return new Promise((resolve) => { this.#room = resolve; });
  }

  #release(): void {
    const room = this.#room;
    this.#room = undefined;
    room?.();
  }
}

const HIGH_WATER = 65_536;

function ignore(): void {
  // The stream is broken already; #close has told it.
}

// What a sink throws is a bug of its owner; it must surface, not end as somebody's rejected promise.
function rethrow(error: unknown): void {
  nextTurn(() => { throw error; });
}

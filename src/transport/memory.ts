/**
 * Two ends of a connection inside one process. They behave as two sockets would: bytes arrive in order and in a later
 * turn, a paused end makes the other one's `writableLength` grow, each direction ends by itself, and writing to an end
 * that is gone breaks the connection off.
 */

import { ConnectionError } from "../errors.ts";
import { Deque } from "../util/deque.ts";
import type { ByteDuplex, DuplexSink } from "./byte-duplex.ts";
import { nextTurn } from "./next-turn.ts";

/** Two ends, connected. Each counts as loopback and as not encrypted. */
export function memoryDuplexPair(): [ByteDuplex, ByteDuplex] {
  const one = new MemoryEnd();
  const other = new MemoryEnd();
  one.connectTo(other);
  other.connectTo(one);
  return [one, other];
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly done: () => void;
}

class MemoryEnd implements ByteDuplex {
  readonly secure = false;
  readonly remoteAddress = "memory";
  readonly loopback = true;
  readonly peerCertificate = undefined;
  writableLength = 0;
  #peer: MemoryEnd = this;
  #sink: DuplexSink | undefined;
  readonly #incoming = new Deque<Chunk>();
  #scheduled = false;
  #paused = false;
  /** We said that no more comes. */
  #ended = false;
  /** The peer said so; its last chunks may still be in `#incoming`. */
  #peerEnded = false;
  /** The sink knows. */
  #endTold = false;
  #closed = false;
  #closeTold = false;
  #failure: Error | undefined;

  connectTo(peer: MemoryEnd): void {
    this.#peer = peer;
  }

  write(bytes: Uint8Array, done: () => void): void {
    const peer = this.#peer;
    if (this.#closed || this.#ended || peer.#closed) {
      nextTurn(done);
      if (!this.#closed && !this.#ended) this.#close(new ConnectionError("the other end of the memory connection is gone", { code: "disconnected", scope: "connection", origin: "transport", retryable: true }));
      return;
    }
    this.writableLength += bytes.length;
    peer.#incoming.push({ bytes, done });
    peer.#schedule();
  }

  start(sink: DuplexSink): void {
    this.#sink = sink;
    if (this.#closed) nextTurn(() => this.#tellClose());
    else this.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  end(): void {
    if (this.#ended || this.#closed) return;
    this.#ended = true;
    this.#peer.#peerEnded = true;
    this.#peer.#schedule();
    this.#closeWhenOver();
  }

  destroy(): void {
    if (!this.#closed) this.#close(undefined);
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#closed || this.#sink === undefined) return;
    if (this.#incoming.length === 0 && (!this.#peerEnded || this.#endTold)) return;
    this.#scheduled = true;
    nextTurn(() => this.#pump());
  }

  // What is written while this runs is for the next turn, or two busy ends would keep everybody else waiting.
  #pump(): void {
    this.#scheduled = false;
    const sink = this.#sink;
    if (sink === undefined) return;
    const peer = this.#peer;
    const chunks = this.#incoming;
    let left = chunks.length;
    const some = left > 0;
    while (left-- > 0 && !this.#paused && !this.#closed) {
      const chunk = chunks.shift();
      if (chunk === undefined) break;
      sink.onData(chunk.bytes.slice());
      // Closing from within onData has set it to 0.
      peer.writableLength = Math.max(0, peer.writableLength - chunk.bytes.length);
      chunk.done();
    }
    if (this.#closed) return;
    if (some && peer.writableLength === 0) peer.#sink?.onDrain?.();
    if (chunks.length === 0 && this.#peerEnded && !this.#endTold && !this.#paused && !this.#closed) {
      this.#endTold = true;
      sink.onEnd();
      this.#closeWhenOver();
      peer.#closeWhenOver();
    }
    this.#schedule();
  }

  #closeWhenOver(): void {
    if (this.#closed || !this.#ended || !this.#endTold) return;
    if (this.#peer.#endTold || this.#peer.#closed) this.#close(undefined);
  }

  #close(failure: Error | undefined): void {
    this.#closed = true;
    this.#failure = failure;
    const peer = this.#peer;
    const lost = [...this.#drop(), ...peer.#drop()];
    peer.#peerEnded = true;
    peer.#schedule();
    peer.#closeWhenOver();
    nextTurn(() => {
      for (const chunk of lost) chunk.done();
      this.#tellClose();
    });
  }

  #drop(): Chunk[] {
    const dropped = [...this.#incoming];
    this.#incoming.clear();
    this.#peer.writableLength = 0;
    return dropped;
  }

  #tellClose(): void {
    if (this.#sink === undefined || this.#closeTold) return;
    this.#closeTold = true;
    this.#sink.onClose(this.#failure);
  }
}

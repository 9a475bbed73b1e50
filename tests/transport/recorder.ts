/** A sink that keeps what it is told, and lets a test wait for it without sleeping. */

import type { ByteDuplex, DuplexSink } from "../../src/transport/byte-duplex.ts";

export class Recorder implements DuplexSink {
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  error: Error | undefined;
  drains = 0;
  /** Octets received. */
  length = 0;
  onChunk: ((chunk: Uint8Array) => void) | undefined;
  onClosed: (() => void) | undefined;
  #waiting: { ready: () => boolean; resolve: () => void }[] = [];

  constructor(duplex?: ByteDuplex) {
    duplex?.start(this);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  get ended(): boolean {
    return this.events.includes("end");
  }

  get closed(): boolean {
    return this.events.includes("close");
  }

  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.onChunk?.(chunk);
    this.check();
  }

  onDrain(): void {
    this.drains++;
    this.check();
  }

  onEnd(): void {
    this.events.push("end");
    this.check();
  }

  onClose(error: Error | undefined): void {
    this.events.push("close");
    this.error = error;
    this.onClosed?.();
    this.check();
  }

  /** Resolves when the condition holds; looked at after every event. */
  until(ready: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ ready, resolve });
      this.check();
    });
  }

  check(): void {
    this.#waiting = this.#waiting.filter(({ ready, resolve }) => {
      if (!ready()) return true;
      resolve();
      return false;
    });
  }
}

/** Writes and waits until the bytes were taken. */
export function written(duplex: ByteDuplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => duplex.write(bytes, () => resolve()));
}

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whatever the promise rejects with. */
export async function failure(promise: Promise<unknown>): Promise<Error & { code?: unknown; retryable?: unknown }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a rejection");
}

/** `delivery.stream()`: the octets of a body as a web stream and as an async iterable, asked for one stretch at a time. */

import type { Bytes } from "../util/bytes.ts";

/** Where the octets come from. */
export interface BodySource {
  /** The next octets; undefined where none are there yet, null at the end. @throws what ended it before its end */
  next(): Bytes | undefined | null;
  /** Calls `wake` once, when `next` may answer something else. */
  wait(wake: () => void): void;
  /** The reader does not want the rest. */
  cancel(): void;
  /** Octet of the body up to which the receiver has told the sender that it has it. */
  readonly confirmed: number;
}

export class BodyStream extends ReadableStream<Bytes> {
  readonly #source: BodySource;
  readonly #controller: ReadableStreamDefaultController<Bytes>;

  constructor(source: BodySource) {
    let controller: ReadableStreamDefaultController<Bytes> | undefined;
    super({
      start: (given) => {
        controller = given;
      },
      pull: (given) => pull(source, given),
      cancel: () => source.cancel(),
    }, { highWaterMark: 0 });
    this.#source = source;
    this.#controller = controller as ReadableStreamDefaultController<Bytes>;
  }

  /** The octet of the body that the last `update({ type: "received", offset })` confirmed; 0 before the first. */
  get offset(): number {
    return this.#source.confirmed;
  }

  /** It ends with an error, whatever waits to be read. @internal */
  fail(error: unknown): void {
    this.#controller.error(error);
  }

  // Not every browser has it.
  override [Symbol.asyncIterator](options?: { preventCancel?: boolean }): ReadableStreamAsyncIterator<Bytes> {
    return iterate(this, options?.preventCancel === true);
  }
}

function pull(source: BodySource, controller: ReadableStreamDefaultController<Bytes>): void | Promise<void> {
  const bytes = source.next();
  if (bytes === undefined) {
    return new Promise<void>((resolve, reject) => {
      source.wait(() => {
        try {
          resolve(pull(source, controller));
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  }
  if (bytes === null) controller.close();
  else controller.enqueue(bytes);
  return undefined;
}

async function* iterate(stream: ReadableStream<Bytes>, keeps: boolean): AsyncGenerator<Bytes, undefined> {
  const reader = stream.getReader();
  let done = false;
  try {
    for (;;) {
      const result = await reader.read();
      if (result.done) {
        done = true;
        return undefined;
      }
      yield result.value;
    }
  } catch (error) {
    done = true;
    throw error;
  } finally {
    if (!done && !keeps) await reader.cancel();
    reader.releaseLock();
  }
}

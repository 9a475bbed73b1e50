/** Promises with something special: one that is resolved from outside, and one that knows whether anybody listens. */

/** The resolve function of a new promise without a closure for it: `new Promise(Capture.executor)`, then `Capture.take()`. */
export class Capture {
  static #resolve: unknown = undefined;

  /** The one executor of all. */
  static readonly executor = (resolve: unknown): void => {
    Capture.#resolve = resolve;
  };

  /** What resolves the promise that was just made; with a rejected promise it rejects. */
  static take(): unknown {
    const resolve = Capture.#resolve;
    Capture.#resolve = undefined;
    return resolve;
  }
}

/** A promise that knows whether anybody listens to it; `await` listens too. What is derived from it are plain promises. */
export class HeardPromise<T> extends Promise<T> {
  heard = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  override then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null, onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.heard = true;
    return super.then(onfulfilled, onrejected);
  }
}

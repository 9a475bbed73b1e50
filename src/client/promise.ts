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

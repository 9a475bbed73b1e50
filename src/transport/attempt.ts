/** Something that is begun, ends once, and can be given up on: by its deadline or by a signal. */

/** How an attempt may be given up. */
export interface AttemptOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; Infinity is no bound. @default Infinity */
  readonly timeout?: number | undefined;
}

/**
 * Runs `begin`, which answers how to undo it, and settles with whatever comes first.
 *
 * @param late makes the error of a deadline that passed.
 * @throws `signal.reason` when the signal fires first.
 */
export function attempt<T>(
  options: AttemptOptions,
  late: (timeout: number) => Error,
  begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => () => void,
): Promise<T> {
  const { signal, timeout = Infinity } = options;
  return new Promise<T>((resolve, reject) => {
    signal?.throwIfAborted();
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let undo: (() => void) | undefined;
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      return true;
    };
    const giveUp = (error: unknown): void => {
      if (!finish()) return;
      undo?.();
      reject(error);
    };
    const onAbort = (): void => giveUp(signal?.reason);
    undo = begin((value) => { if (finish()) resolve(value); }, (error) => { if (finish()) reject(error); });
    if (over) return;
    signal?.addEventListener("abort", onAbort);
    if (timeout !== Infinity) timer = setTimeout(() => giveUp(late(timeout)), Math.min(Math.max(0, timeout), MAX_DELAY));
  });
}

// A longer delay would make the timer fire at once.
const MAX_DELAY = 2 ** 31 - 1;

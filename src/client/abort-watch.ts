/** Watches the signals of many calls with one listener for each signal, however many calls share it. */

export class AbortWatch<T> {
  readonly #onAbort: (item: T, reason: unknown) => void;
  /** undefined before the first. */
  #watched: Map<AbortSignal, { readonly items: Set<T>; readonly listener: () => void }> | undefined = undefined;

  constructor(onAbort: (item: T, reason: unknown) => void) {
    this.#onAbort = onAbort;
  }

  watch(signal: AbortSignal, item: T): void {
    const watched = this.#watched ??= new Map();
    let entry = watched.get(signal);
    if (entry === undefined) {
      const items = new Set<T>();
      const listener = (): void => {
        watched.delete(signal);
        for (const each of items) this.#onAbort(each, signal.reason);
      };
      entry = { items, listener };
      watched.set(signal, entry);
      signal.addEventListener("abort", listener, { once: true });
    }
    entry.items.add(item);
  }

  forget(signal: AbortSignal, item: T): void {
    const entry = this.#watched?.get(signal);
    if (entry === undefined || !entry.items.delete(item) || entry.items.size !== 0) return;
    signal.removeEventListener("abort", entry.listener);
    this.#watched?.delete(signal);
  }

  stop(): void {
    for (const [signal, { listener }] of this.#watched ?? []) signal.removeEventListener("abort", listener);
    this.#watched = undefined;
  }
}

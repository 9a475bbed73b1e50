/** Keeps what may be a password or token out of logs, traces, JSON and inspect output. */

/** Adds a property that can be read by its name and is not enumerable: no printer shows it and no spread copies it. */
export function withSecret<T extends object, K extends string, V>(value: T, key: K, secret: V): T & { readonly [key in K]: V } {
  return Object.defineProperty(value, key, { value: secret, enumerable: false }) as T & { readonly [key in K]: V };
}

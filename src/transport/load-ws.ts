/** The package `ws`, which is only needed by those who use WebSockets in Node, and so is only asked for by them. */

import { ConfigError } from "../errors.ts";

/** What is used of the package. */
export type WsModule = typeof import("ws");

/** The package; undefined where it is not installed. */
export async function loadWs(): Promise<WsModule | undefined> {
  try {
    return await import("ws");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** @param what cannot be done without it. */
export function wsMissing(what: string): ConfigError {
  return new ConfigError(`${what} needs the package "ws", which is not installed here: npm install ws`, { code: "config", scope: "connection" });
}

function isMissing(error: unknown): boolean {
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND";
}

/** Which web pages may open a WebSocket here. */

import { isLoopback } from "./byte-duplex.ts";
import type { WebSocketDoor } from "./duplex-options.ts";

/**
 * Whether a page may connect. Programs send no origin and are let in: what this keeps out is a page that uses its visitor's browser to
 * reach what only that browser can reach. Of a peer on this machine the host that it asked for proves nothing, since any name can be
 * made to lead here: there the page itself has to come from this machine.
 */
export function mayCome(origin: string | undefined, host: string | undefined, allowed: WebSocketDoor["origins"], local: boolean): boolean {
  if (origin === undefined || allowed === "any") return true;
  if (allowed !== undefined) return allowed.includes(origin.toLowerCase());
  const page = hostOf(origin);
  if (page === undefined) return false;
  if (local) return page === "localhost" || page.endsWith(".localhost") || isLoopback(page);
  return host !== undefined && page === hostOf(`http://${host}`);
}

/** The host of an origin or url, an IPv6 one without brackets; undefined of what is neither, such as the origin "null". */
function hostOf(url: string): string | undefined {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, "");
  } catch {
    return undefined;
  }
}
